"""pam_u2f: enrolled with pamu2fcfg, used by pamtester, and by su and sudo, which no preload reaches."""
import os
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


def configure(service, options=''):
    with open(f'/etc/pam.d/{service}', 'w', encoding='utf-8') as file:
        file.write(STACK.format(mappings=MAPPINGS, options=options))


@guest.needs('pamu2fcfg', 'pamtester', 'su', 'sudo')
@unittest.skipUnless(os.path.exists(MODULE), 'no pam_u2f')
class Pam(guest.KeyTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        # pamu2fcfg 1.1.0, Debian 12's, takes nothing without a certificate.
        cls.account.keyfob('passkey', 'policy', '--attestation', 'certificate', '--password-file',
                           cls.account.write('password', guest.PASSWORD + '\n'))

    def enrol(self, user, verified=False):
        """Lets the key's owner enrol it for `user`."""
        line = self.by_pamu2fcfg(user, verified)
        with open(MAPPINGS, 'w', encoding='utf-8') as file:
            file.write(line + '\n')

    def by_pamu2fcfg(self, user, verified):
        made = self.account.write('mapping', '')
        options = '--pin-verification' if verified else ''
        # The PIN is wanted later only: a credential that is not discoverable is made by a touch.
        self.type_answers(self.account.terminal(['sh', '-c', f'exec pamu2fcfg -u {user} {options} > {made}']))
        with open(made, encoding='utf-8') as file:
            line = file.read().strip()
        self.assertTrue(line.startswith(user + ':'), line)
        return line


class Touch(Pam):
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
