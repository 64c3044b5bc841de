#!/usr/bin/python3
"""Stacks of login's, of sudo's and of a screen locker's, of which nothing is root: not the program, the user, or a file.

The stack is what Debian's pam-auth-update makes of both profiles, under pam_wrapper, and the program is pamtester on a
terminal. The daemon is the real one; another Keyfob plays the security key. Only sudo's change of the user between its stages
is pam-client's.
"""
import os
import pwd
import shutil
import unittest

import keyfob_test as kt
import ordinary
import pam_stack
import test_pam_one_touch as one
from test_slots_fido2 import PASSWORD, PIN

OTHER = 'root' if os.getuid() else 'daemon'  # whose files are not the user's


class Ordinary(one.OneTouch):
    def setUp(self):
        if not shutil.which('pamtester'):
            self.skipTest('pamtester is not installed')
        pam_stack.skip_unless_built()
        ordinary.require()
        kt.Sandbox = ordinary.Sandbox  # also for the keys
        super().setUp()
        ordinary.give(self.sandbox.root)

    def stacks(self, **services):
        """service=options of the module's"""
        for name, options in services.items():
            keyfob = f'{pam_stack.module()} conf={self.conf}'
            self.stack([f'auth [success=1 default=ignore] {keyfob} {options}', 'auth requisite pam_deny.so', 'auth required pam_permit.so',
                        f'auth optional {keyfob} {options} capture', 'account required pam_permit.so', 'session required pam_permit.so',
                        f'session optional {keyfob}'], name=name)

    def configure(self, *lines):
        """Of what test_pam_one_touch says, without what opens the vault: the stacks say that."""
        with open(self.conf, encoding='utf-8') as file:
            kept = [line for line in file.read().splitlines() if line != 'unlock']
        self.sandbox.write('pam.conf', '\n'.join([*kept, *lines]) + '\n', mode=0o644)

    def wrapped(self, *argv):
        """A program under pam_wrapper, with the key plugged in: what to run, and its environment."""
        preload = 'LD_PRELOAD="${LD_PRELOAD:+$LD_PRELOAD:}$0" exec "$@"'
        env = {**self.env(), 'PAM_WRAPPER': '1', 'PAM_WRAPPER_SERVICE_DIR': self.services}
        return ['sh', '-c', preload, pam_stack.find(pam_stack.WRAPPER), *argv], env

    def let_in(self, service, *stages, answers=(), code=0):
        """pamtester, at a terminal, with the vault locked where there is a daemon; what was shown."""
        if self.sandbox.daemon:
            self.keyfob('lock')
        self.forget_questions()
        argv, env = self.wrapped('pamtester', service, ordinary.USER, *stages)
        with pam_stack.alone():
            terminal = self.sandbox.terminal(argv, env=env)
            for prompt, text in answers:
                terminal.expect(prompt)
                pam_stack.wait_for(lambda: not terminal.echoes(), 'the terminal to hide what is typed')
                terminal.send(text + '\n')
            self.assertEqual(terminal.wait(), code, terminal.output.decode() + self.sandbox.read_log())
        return terminal.output.decode()

    def check_open(self):
        self.assertEqual(self.status(), 'unlocked')
        self.assertEqual(self.keyfob('get', 'svc', 'me').stdout, b's3cret')
        self.assertEqual(len(self.people['one'].questions()), 1, 'touches')
        self.assertEqual(self.person.questions(), [], 'nobody is asked for anything else')


class Files(Ordinary):
    def test_nothing_is_roots(self):
        self.enroll()
        mirror = os.path.join(self.mirror, str(ordinary.UID))
        for path in (self.authfile, mirror, self.conf, self.sandbox.vault, self.sandbox.socket):
            self.assertEqual(os.stat(path).st_uid, ordinary.UID, path)
        self.assertNotEqual(os.stat(f'/proc/{self.sandbox.daemon.pid}').st_uid, 0)


class Login(Ordinary):
    stages = ('authenticate', 'acct_mgmt', 'open_session', 'close_session')

    def setUp(self):
        super().setUp()
        self.stacks(login='cue unlock')

    def test_touch(self):
        self.enroll()
        said = self.let_in('login', *self.stages)
        self.assertIn('Touch the security key.', said)
        self.check_open()

    def test_open_only_once_the_session_begins(self):
        self.enroll()
        self.let_in('login', 'authenticate', 'acct_mgmt')
        self.assertEqual(self.status(), 'locked')

    def test_pin_typed_at_the_terminal(self):
        self.set_pin('one')
        self.enroll_on_terminal('--verify', dialogue=[('PIN', PIN), ('Answer', PASSWORD)])
        self.let_in('login', *self.stages, answers=[(r'PIN.*\(8 tries left\)', PIN)])
        self.check_open()

    def test_refused_at_the_key(self):
        self.enroll()
        self.people['one'].always('deny')
        self.let_in('login', *self.stages, code=1)
        self.assertEqual(self.status(), 'locked')

    def test_another_key(self):
        self.enroll()
        self.plug_in('two')
        self.let_in('login', *self.stages, code=1)
        self.assertEqual(self.status(), 'locked')

    def test_an_authfile_that_others_write(self):
        self.enroll()
        os.chmod(self.authfile, 0o666)
        self.let_in('login', *self.stages, code=1)
        self.assertEqual((self.status(), self.people['one'].questions()), ('locked', []))

    @unittest.skipIf(os.getuid(), 'only root gives a file away')
    def test_an_authfile_of_somebody_elses(self):
        self.enroll()
        os.chown(self.authfile, pwd.getpwnam('daemon').pw_uid, -1)
        self.let_in('login', *self.stages, code=1)
        self.assertEqual((self.status(), self.people['one'].questions()), ('locked', []))

    def test_no_daemon_listens(self):
        """Logging in works, and nothing is started by it."""
        self.enroll()
        self.sandbox.stop_daemon()
        self.let_in('login', *self.stages)
        self.assertFalse(os.path.exists(self.sandbox.socket) and kt.peer_pid(self.sandbox.socket))


class Sudo(Ordinary):
    """The session is another user's, and the vault that opens is of who has proven who it is."""

    def setUp(self):
        super().setUp()
        self.stacks(sudo='cue unlock')
        self.enroll()

    def become(self, *stages, code=0):
        self.keyfob('lock')
        self.forget_questions()
        argv, env = self.wrapped(pam_stack.client(), 'sudo', ordinary.USER, *stages)
        with pam_stack.alone():
            self.sandbox.run(argv, env=env, code=code)

    def test_touch(self):
        self.become('authenticate', 'setcred', 'account', f'become={OTHER}', 'open', 'close')
        self.check_open()

    def test_a_second_command_asks_again(self):
        for _ in range(2):
            self.let_in('sudo', 'authenticate', 'acct_mgmt', 'open_session')
            self.check_open()

    def test_refused(self):
        self.people['one'].always('deny')
        self.become('authenticate', code=pam_stack.AUTH_ERR)
        self.assertEqual(self.status(), 'locked')


class ScreenLocker(Ordinary):
    """It has one stage only, as who sits there, and no session begins."""

    def setUp(self):
        super().setUp()
        self.configure()
        self.stacks(locker='cue unlock_now', without='cue unlock')
        self.enroll()

    def test_the_vault_opens_at_the_end_of_authentication(self):
        said = self.let_in('locker', 'authenticate')
        self.assertIn('Touch the security key.', said)
        self.check_open()

    def test_one_that_waits_for_a_session_opens_nothing(self):
        self.let_in('without', 'authenticate')
        self.assertEqual(self.status(), 'locked')

    def test_refused_at_the_key(self):
        self.people['one'].always('deny')
        self.let_in('locker', 'authenticate', code=1)
        self.assertEqual(self.status(), 'locked')

    def test_again_and_again(self):
        for _ in range(3):
            self.let_in('locker', 'authenticate')
            self.check_open()


if __name__ == '__main__':
    kt.main()
