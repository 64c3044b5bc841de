"""The vault after passwd, and after one that fails: what opened it goes on opening it. By the real passwd and su, with pam_unix."""
import os
import re
import subprocess

import guest
from person import wait_for
from test_pam_keyfob import write

CHEAP = ('--kdf-memory', '64', '--kdf-passes', '3')
FIRST = 'first login word'


@guest.needs('passwd', 'chpasswd', 'su')
class Passwd(guest.KeyTest):
    """The stacks are what pam-auth-update makes of both profiles' lines for passwords."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        account = cls.account
        module = os.path.join(account.stage.libdir, 'security', 'pam_keyfob.so')
        write('/etc/pam.d/passwd', 'password [success=1 default=ignore] pam_unix.so yescrypt\npassword requisite pam_deny.so\n'
                                   f'password required pam_permit.so\npassword optional {module} unlock\n')
        write('/etc/pam.d/su', 'auth [success=1 default=ignore] pam_unix.so\nauth requisite pam_deny.so\nauth required pam_permit.so\n'
                               f'auth optional {module} unlock capture\naccount required pam_permit.so\n'
                               f'session required pam_permit.so\nsession optional {module} unlock\n')
        subprocess.run(['chpasswd', '--crypt-method', 'YESCRYPT'], input=f'{guest.USER}:{FIRST}\n', encoding='utf-8', check=True)
        cls.word = FIRST
        account.keyfob('set', 'svc', 'me', input='s3cret')
        account.keyfob('slot', 'add', '--kind', 'login', *CHEAP, '--password-file', account.write('auth', guest.PASSWORD),
                       '--new-password-file', account.write('new', FIRST))
        mirror = account.keyfob('pam', 'mirror').stdout
        account.root_run([account.stage.keyfob, 'pam', 'mirror', '--install'], input=mirror)

    def passwd(self, *dialogue):
        """Its exit code, after (question, what is typed)..."""
        terminal = self.account.terminal(['passwd'])
        for question, answer in dialogue:
            terminal.expect(question, guest.PATIENCE)
            wait_for(lambda: not terminal.echoes(), 'the terminal to hide what is typed', guest.PATIENCE)
            terminal.send(answer + '\n')
        return terminal.wait(guest.PATIENCE), terminal.output.decode(errors='replace')

    def log_in(self, word, code=0):
        """eve becomes fob, with that password."""
        self.account.keyfob('lock')
        terminal = self.account.root_terminal(guest.as_user(guest.OTHER_UID, ['su', guest.USER, '-c', 'id -u']))
        said = self.type_answers(terminal, ('Password', word), code=code)
        self.assertEqual(bool(re.search(rf'(?m)^{guest.UID}\r?$', said)), code == 0, said)

    def check_opens(self, word):
        self.log_in(word)
        self.assertEqual(self.account.keyfob('get', 'svc', 'me').stdout, b's3cret')
        self.assertEqual(self.person.questions(), [])
        # And so does the vault's own password.
        self.account.keyfob('lock')
        self.account.unlock(guest.PASSWORD)

    def test_1_the_login_password_opens_it(self):
        self.check_opens(self.word)

    def test_2_after_passwd(self):
        code, said = self.passwd(('Current', self.word), ('New', 'second login word'), ('Retype', 'second login word'))
        self.assertEqual(code, 0, said)
        self.assertNotIn('does not follow', said)
        old, type(self).word = self.word, 'second login word'
        self.check_opens(self.word)
        self.log_in(old, code=1)

    def test_3_after_a_passwd_that_fails(self):
        for dialogue in ([('Current', 'not the login word')], [('Current', self.word), ('New', 'third login word'), ('Retype', 'third')]):
            code, said = self.passwd(*dialogue)
            self.assertNotEqual(code, 0, said)
            self.check_opens(self.word)

    def test_4_after_passwd_without_a_daemon(self):
        """passwd says so and changes the password; the vault opens by its own, and the slot is made anew."""
        self.account.stop_daemon(patience=guest.PATIENCE)
        code, said = self.passwd(('Current', self.word), ('New', 'fourth login word'), ('Retype', 'fourth login word'))
        self.assertEqual(code, 0, said)
        self.assertIn('the vault does not follow the new login password', said)
        type(self).word = 'fourth login word'
        self.account.start_daemon(timeout=guest.PATIENCE)
        self.log_in(self.word)
        self.assertIn(b'"locked"', self.account.keyfob('status', '--json').stdout)
        self.account.unlock(guest.PASSWORD)
        self.assertEqual(self.account.keyfob('get', 'svc', 'me').stdout, b's3cret')


if __name__ == '__main__':
    guest.unittest.main()
