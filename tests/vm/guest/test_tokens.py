"""fido2-token as Debian has it: finds the key, sets and changes its PIN, lists and deletes passkeys."""
import base64
import os
import re
import stat
import unittest

import guest

PIN, NEXT = '24681357', '13572468'


@guest.needs('fido2-token', 'fido2-cred')
class Tokens(guest.KeyTest):
    def token(self, *arguments, **options):
        return self.account.run(['fido2-token', *arguments], **options).stdout.decode()

    def test_listed(self):
        listing = self.token('-L')
        self.assertRegex(listing, rf'(?m)^{self.account.node}: vendor=0x[0-9a-f]+, product=0x[0-9a-f]+ \(')
        self.assertEqual(listing.count('\n'), 1)

    def test_info(self):
        info = self.token('-I', self.account.node)
        self.assertIn('proto: 0x02', info)
        self.assertRegex(info, r'version strings: .*FIDO_2_0')
        self.assertRegex(info, r'options: .*\brk\b')

    def test_node_is_the_users_alone(self):
        info = os.stat(self.account.node)
        self.assertEqual((info.st_uid, stat.S_IMODE(info.st_mode)), (guest.UID, 0o600))
        properties = self.account.root_run(['udevadm', 'info', '--wait-for-initialization', '--query=all', f'--name={self.account.node}']).stdout.decode()
        self.assertIn('E: ID_FIDO_TOKEN=1\n', properties)
        tags = re.search(r'(?m)^E: CURRENT_TAGS=(.*)$', properties)[1]
        self.assertNotIn('uaccess', tags)
        self.assertNotIn('seat', tags)
        self.assertNotIn('system.posix_acl_access', os.listxattr(self.account.node))

    def test_another_user_cannot_open_it(self):
        done = self.account.root_run(guest.as_user(guest.OTHER_UID, ['fido2-token', '-I', self.account.node]), code=1)
        self.assertIn(b'fido_dev_open', done.stderr)
        for mode in ('<', '>'):
            done = self.account.root_run(guest.as_user(guest.OTHER_UID, ['sh', '-c', f': {mode} {self.account.node}']), code=None)
            self.assertIn(b'Permission denied', done.stderr)


@guest.needs('fido2-token', 'fido2-cred')
class Pin(guest.KeyTest):
    """In the order of their names: each goes on from where the one before has left the key."""

    RP, NAME = 'example.org', 'alice'

    def terminal(self, *argv):
        return self.account.terminal(argv)

    def test_1_set(self):
        self.type_answers(self.terminal('fido2-token', '-S', self.account.node),
                          ('Enter new PIN', PIN), ('Enter the same PIN again', PIN))
        self.assertIn('clientPin', self.account.run(['fido2-token', '-I', self.account.node]).stdout.decode())

    def test_2_change(self):
        self.type_answers(self.terminal('fido2-token', '-C', self.account.node), ('current PIN', PIN),
                          ('Enter new PIN', NEXT), ('Enter the same PIN again', NEXT))

    def test_3_old_pin_is_refused(self):
        output = self.type_answers(self.terminal('fido2-token', '-L', '-r', self.account.node), ('Enter PIN', PIN), code=1)
        self.assertIn('FIDO_ERR_PIN_INVALID', output)

    def make(self, rp_id, name):
        request = self.account.write('request', '\n'.join([
            base64.b64encode(os.urandom(32)).decode(), rp_id, name, base64.b64encode(name.encode()).decode(), '']))
        self.type_answers(self.terminal('fido2-cred', '-M', '-r', '-i', request, '-o', self.account.root + '/made',
                                        self.account.node), ('Enter PIN', NEXT))

    def list(self, *options):
        output = self.type_answers(self.terminal('fido2-token', '-L', *options, self.account.node), ('Enter PIN', NEXT))
        return [line.split() for line in output.split('\n') if line[:2].isdigit()]

    def test_4_passkeys_listed(self):
        self.make(self.RP, self.NAME)
        self.make('other.example', 'bob')
        self.assertEqual(sorted(line[2] for line in self.list('-r')), [self.RP, 'other.example'])
        # -k shows the display name, of which there is none, and the id
        self.assertEqual([base64.b64decode(line[3]).decode() for line in self.list('-k', self.RP)], [self.NAME])

    def test_5_passkey_deleted(self):
        credential = self.list('-k', self.RP)[0][1]
        self.type_answers(self.terminal('fido2-token', '-D', '-i', credential, self.account.node), ('Enter PIN', NEXT))
        self.assertEqual([line[2] for line in self.list('-r')], ['other.example'])


if __name__ == '__main__':
    unittest.main()
