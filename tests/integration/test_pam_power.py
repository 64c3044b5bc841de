#!/usr/bin/python3
"""The power goes while a changed login password is handed over: the vault opens by the old one or by the new one, and by its own in any case.

The module, the daemon and the key derivation are the real ones. At each call that the module makes from looking for the daemon on, it and the
daemon are killed, as nothing else would end both without a word. What was to be durable is: tests/unit/test-pam-fail-vault.c counts that.
"""
import os

import keyfob_bus as kb
import keyfob_test as kt
import login
import pam_stack
from test_pam_vault import CHEAP, LOGIN, PASSWORD

CALLS_MAX = 200
KILLED = -9


class PowerLoss(pam_stack.Stacks, kt.KeyfobTest):
    def setUp(self):
        pam_stack.skip_unless_built()
        self.items = pam_stack.find('pam_wrapper/pam_set_items.so')
        if not self.items:
            self.skipTest('pam_set_items of pam_wrapper is not installed')
        super().setUp()
        self.make_services()
        self.sandbox.start_daemon()
        self.sandbox.init(PASSWORD)
        self.keyfob('set', 'svc', 'me', input='s3cret')
        self.keyfob('slot', 'add', '--kind', 'login', *CHEAP, '--password-file', self.sandbox.write('auth', PASSWORD),
                    '--new-password-file', self.sandbox.write('new', LOGIN))
        self.directory = os.path.join(self.sandbox.root, 'mirror')
        os.mkdir(self.directory)
        self.know(self.public())
        self.program = os.path.join(kt.BUILD, 'tests', 'integration', 'pam-failing')
        self.options = ['authpending_file=', 'unlock', f'mirror={self.directory}']
        keyfob = f'{pam_stack.module()} {" ".join(self.options)}'
        self.stack([f'auth required {self.items}', f'auth optional {keyfob} capture', 'auth required pam_permit.so',
                    f'session optional {keyfob}', 'session required pam_permit.so'])

    def public(self):
        return self.keyfob('pam', 'mirror').stdout

    def know(self, public):
        self.keyfob('pam', 'mirror', '--install', '--directory', self.directory, input=public)

    def known(self):
        with open(os.path.join(self.directory, str(os.getuid())), 'rb') as file:
            return file.read()

    def change(self, old, new, n):
        """Whether it was done in time."""
        code = self.sandbox.run([self.program, '-k', str(n), '-o', old, '-w', new, self.services, pam_stack.USER, *self.options],
                                code=None).returncode
        self.sandbox.kill_daemon()
        self.assertIn(code, (0, KILLED))
        self.sandbox.start_daemon()
        return code == 0

    def which_opens(self, *words):
        """The one of them that does, by what the daemon itself says of its slot."""
        with kb.Client(self.sandbox.socket) as client:
            slot = login.Mirror(client).of('login')
        answers = [login.hand_over(self.sandbox, login.open_frame(slot.id, slot.derive(word.encode())))[0] for word in words]
        self.assertEqual(sorted(answers), [login.DONE, login.WRONG_KEY])
        return words[answers.index(login.DONE)]

    def check_opens(self, word):
        self.keyfob('lock')
        self.log_in(stages=('authenticate', 'open'), bridge=False, env={'PAM_AUTHTOK': word})
        self.assertEqual(self.keyfob('get', 'svc', 'me').stdout, b's3cret')
        self.keyfob('lock')
        self.sandbox.unlock(PASSWORD)
        self.assertEqual(self.keyfob('get', 'svc', 'me').stdout, b's3cret')

    def test_between_pam_and_daemon(self):
        old, stayed, went, behind = LOGIN, 0, 0, 0
        for n in range(1, CALLS_MAX):
            before, new = self.known(), f'login word {n}'
            done = self.change(old, new, n)
            word = self.which_opens(old, new)
            public = self.public()
            stayed += word == old
            went += word == new
            # What logins know is whole: of before, or what the daemon has. keyfob pam mirror is what brings them together.
            self.assertIn(self.known(), (before, public))
            if self.known() != public:
                self.assertEqual((word, done), (new, False))
                behind += 1
                self.know(public)
            self.check_opens(word)
            old = word
            if done:
                break
        self.assertEqual(word, new)
        print(f'{n - 1} calls: the old one opened {stayed} times, the new one {went}, of which logins did not know {behind} times', flush=True)
        self.assertGreater(min(stayed, went, behind), 3)


if __name__ == '__main__':
    kt.main()
