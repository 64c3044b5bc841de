#!/usr/bin/python3
"""The power goes while a changed login password is handed over: the vault opens at login by the old one or by the new one, whichever it is.

The module, the daemon and the key derivation are the real ones. At each call that the module makes from taking the lock on, it and the
daemon are killed, as nothing else would end both without a word, and nobody runs keyfob pam mirror. What was to be durable is:
tests/unit/test-pam-fail-vault.c counts that. KEYFOB_TEST_LONG=1 takes every call where samples are taken otherwise.
"""
import os
import struct

import keyfob_bus as kb
import keyfob_test as kt
import login
import pam_stack
from test_pam_vault import CHEAP, LOGIN, PASSWORD

CALLS_MAX = 250
EVERY = 1 if os.environ.get('KEYFOB_TEST_LONG') else 8
KILLED = -9


class PowerLoss(pam_stack.Stacks, kt.KeyfobTest):
    def setUp(self):
        pam_stack.skip_unless_built()
        self.items = pam_stack.find('pam_wrapper/pam_set_items.so')
        if not self.items:
            self.skipTest('pam_set_items of pam_wrapper is not installed')
        super().setUp()
        self.behind = 0
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

    def ways(self):
        """The salts that logins know of the slot."""
        return [slot.salt for slot in login.Mirror(data=self.known()).slots]

    def make_two_ways(self):
        """What a change leaves that nobody knows the end of. The other way comes first, so that it is tried first."""
        count = self.known().index(b'keyfob slots 1') + 14 + 16 + 4 + 32
        head, entry = self.public()[:count], self.public()[count + 4:]
        data = head + struct.pack('<I', 2) + entry[:-16] + bytes(16) + entry
        self.sandbox.write(f'mirror/{os.getuid()}', data, mode=0o644)
        self.assertEqual(self.ways(), [bytes(16), entry[-16:]])

    def change(self, old, new, n):
        """Whether it was done in time."""
        code = self.sandbox.run([self.program, '-k', str(n), '-o', old, '-w', new, self.services, pam_stack.USER, *self.options],
                                code=None).returncode
        self.sandbox.kill_daemon()
        self.assertIn(code, (0, KILLED))
        self.sandbox.start_daemon()
        return code == 0

    def which_opens(self, *words):
        """The one of them that does, by what the daemon itself says of its slot; and logins know that way, with at most another one."""
        with kb.Client(self.sandbox.socket) as client:
            slot = login.Mirror(client).of('login')
        answers = [login.hand_over(self.sandbox, login.open_frame(slot.id, slot.derive(word.encode())))[0] for word in words]
        self.assertEqual(sorted(answers), [login.DONE, login.WRONG_KEY])
        self.behind += slot.salt not in self.ways()
        self.assertLessEqual(len(self.ways()), 2)
        return words[answers.index(login.DONE)]

    def check_opens(self, word):
        """By logging in, and then logins know what the daemon has."""
        self.keyfob('lock')
        self.log_in(stages=('authenticate', 'open'), bridge=False, env={'PAM_AUTHTOK': word})
        self.assertEqual(self.keyfob('get', 'svc', 'me').stdout, b's3cret')
        self.assertEqual(self.known(), self.public())

    def check_own(self):
        self.keyfob('lock')
        self.sandbox.unlock(PASSWORD)
        self.assertEqual(self.keyfob('get', 'svc', 'me').stdout, b's3cret')

    def test_between_pam_and_daemon(self):
        old, stayed, went, both = LOGIN, 0, 0, 0
        for n in range(1, CALLS_MAX):
            new = f'login word {n}'
            done = self.change(old, new, n)
            word = self.which_opens(old, new)
            stayed += word == old
            went += word == new
            both += len(self.ways()) == 2
            self.check_opens(word)
            old = word
            if done:
                break
        self.assertEqual(word, new)
        self.check_own()
        print(f'{n - 1} calls: the old one opened {stayed} times, the new one {went}; logins knew both {both} times, and neither {self.behind}',
              flush=True)
        self.assertEqual(self.behind, 0)
        self.assertGreater(min(stayed, went, both), 3)

    def test_while_there_are_two_ways(self):
        old, stayed, went = LOGIN, 0, 0
        for n in range(EVERY, CALLS_MAX, EVERY):
            self.make_two_ways()
            new = f'login word {n}'
            done = self.change(old, new, n)
            word = self.which_opens(old, new)
            stayed += word == old
            went += word == new
            self.check_opens(word)
            old = word
            if done:
                break
        self.assertEqual(word, new)
        self.check_own()
        print(f'up to call {n}: the old one opened {stayed} times, the new one {went}', flush=True)
        self.assertEqual(self.behind, 0)
        self.assertGreater(min(stayed, went), 1)

    def test_again_and_again(self):
        """And nobody logs in meanwhile."""
        word, both = LOGIN, 0
        for n in range(2 * EVERY, CALLS_MAX, 2 * EVERY):
            new = f'login word {n}'
            done = self.change(word, new, n)
            word = self.which_opens(word, new)
            both += len(self.ways()) == 2
            if done:
                break
        self.assertEqual(self.behind, 0)
        self.assertGreater(both, 1)
        self.check_opens(word)
        self.check_own()


if __name__ == '__main__':
    kt.main()
