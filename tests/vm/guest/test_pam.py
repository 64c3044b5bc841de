"""pam_u2f: enrolled with pamu2fcfg, used by pamtester, and by su and sudo, which no preload reaches."""
import base64
import os
import shutil
import unittest

import guest

PIN = '24681357'
SERVICE = 'keyfob-test'
MAPPINGS = '/etc/keyfob-u2f-mappings'
STACK = '''auth required pam_u2f.so authfile={mappings} {options}
account required pam_permit.so
session required pam_permit.so
'''
MODULE = '/lib/x86_64-linux-gnu/security/pam_u2f.so'


def knows(program, word):
    path = shutil.which(program)
    if not path:
        return False
    with open(path, 'rb') as file:
        return word in file.read()


# Until 1.1.1 pamu2fcfg takes credentials that come with a certificate only.
TAKES_SELF_ATTESTATION = knows('pamu2fcfg', b'fido_cred_verify_self')


def configure(service, options=''):
    with open(f'/etc/pam.d/{service}', 'w', encoding='utf-8') as file:
        file.write(STACK.format(mappings=MAPPINGS, options=options))


@guest.needs('pamu2fcfg', 'pamtester', 'su', 'sudo')
@unittest.skipUnless(os.path.exists(MODULE), 'no pam_u2f')
class Pam(guest.KeyTest):
    def enrol(self, user, verified=False):
        """Lets the key's owner enrol it for `user`."""
        line = self.by_pamu2fcfg(user, verified) if TAKES_SELF_ATTESTATION else self.by_libfido2(user, verified)
        with open(MAPPINGS, 'w', encoding='utf-8') as file:
            file.write(line + '\n')

    def by_pamu2fcfg(self, user, verified):
        made = self.account.write('mapping', '')
        options = '--pin-verification' if verified else ''
        terminal = self.account.terminal(['sh', '-c', f'exec pamu2fcfg -u {user} {options} > {made}'])
        self.type_answers(terminal, *([('PIN', self.pin)] if verified else []))
        with open(made, encoding='utf-8') as file:
            line = file.read().strip()
        self.assertTrue(line.startswith(user + ':'), line)
        return line

    def by_libfido2(self, user, verified):
        """What pamu2fcfg would write, made with libfido2's own tool."""
        request = self.account.write('request', '\n'.join([
            base64.b64encode(os.urandom(32)).decode(), 'pam://' + os.uname().nodename, user,
            base64.b64encode(os.urandom(32)).decode(), '']))
        made = self.account.write('made', '')
        terminal = self.account.terminal(['fido2-cred', '-M', *(['-v'] if verified else []), '-i', request, '-o', made,
                                          self.account.node])
        self.type_answers(terminal, *([('PIN', self.pin)] if verified else []))
        lines = self.account.run(['fido2-cred', '-V', *(['-v'] if verified else []), '-i', made]).stdout.decode().split()
        der = base64.b64decode(''.join(lines[lines.index('KEY-----') + 1:lines.index('-----END')]))
        return ','.join([f'{user}:{lines[0]}', base64.b64encode(der[-64:]).decode(), 'es256',
                         '+presence' + ('+pin' if verified else '')])


class Touch(Pam):
    @unittest.skipUnless(TAKES_SELF_ATTESTATION, 'pamu2fcfg is older than 1.1.1: it takes no self attestation')
    def test_pamu2fcfg_enrols(self):
        self.by_pamu2fcfg(guest.USER, verified=False)

    def test_pamtester(self):
        configure(SERVICE)
        self.enrol(guest.USER)
        self.account.run(['pamtester', SERVICE, guest.USER, 'authenticate'])
        with self.refusing():
            self.account.run(['pamtester', SERVICE, guest.USER, 'authenticate'], code=1)

    def test_su(self):
        configure('su')
        self.enrol('root')
        self.assertEqual(self.account.run(['su', '-c', 'id -u']).stdout, b'0\n')
        with self.refusing():
            self.account.run(['su', '-c', 'id -u'], code=1)

    def test_sudo(self):
        configure('sudo')
        self.enrol(guest.USER)
        with open('/etc/sudoers.d/keyfob-test', 'w', encoding='utf-8') as file:
            file.write(f'{guest.USER} ALL=(ALL) ALL\n')
        self.assertEqual(self.account.run(['sudo', '-k', '-S', 'id', '-u'], input='').stdout, b'0\n')
        with self.refusing():
            self.account.run(['sudo', '-k', '-S', 'id', '-u'], input='', code=1)


class Verified(Pam):
    pin = PIN

    def test_su_with_pin(self):
        configure('su', 'pinverification=1')
        self.enrol('root', verified=True)
        output = self.type_answers(self.account.terminal(['su', '-c', 'id -u']), ('PIN', PIN))
        self.assertRegex(output, r'(?m)^0\r?$')
        self.type_answers(self.account.terminal(['su', '-c', 'id -u']), ('PIN', '00000000'), code=1)


if __name__ == '__main__':
    unittest.main()
