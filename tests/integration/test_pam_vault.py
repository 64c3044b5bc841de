#!/usr/bin/python3
"""A real stack, the real daemon: logging in with a password opens the vault, and a changed password goes on opening it."""
import json
import os
import shutil
import subprocess

import keyfob_test as kt
import pam_stack

ITEMS = 'pam_wrapper/pam_set_items.so'
CHEAP = ('--kdf-memory', '64', '--kdf-passes', '3')
PASSWORD, LOGIN = 'pass word', 'login word'


class Vault(pam_stack.Stacks, kt.KeyfobTest):
    def setUp(self):
        pam_stack.skip_unless_built()
        items = pam_stack.find(ITEMS)
        if not items:
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
        public = self.keyfob('pam', 'mirror').stdout
        self.keyfob('pam', 'mirror', '--install', '--directory', self.directory, input=public)
        self.keyfob('lock')
        keyfob = f'{pam_stack.module()} authpending_file= unlock mirror={self.directory}'
        self.stack([f'auth required {items}', f'auth optional {keyfob} capture', 'auth required pam_permit.so',
                    f'session optional {keyfob}', 'session required pam_permit.so',
                    f'password required {items}', f'password optional {keyfob}', 'password required pam_permit.so'])

    def with_password(self, password, *stages, **more):
        return self.log_in(stages=stages, bridge=False, env={'PAM_AUTHTOK': password, **more})

    def is_open(self):
        return json.loads(self.keyfob('status', '--json').stdout)['vault'] == 'unlocked'

    def check_opens(self, password, opens=True):
        self.keyfob('lock')
        self.with_password(password, 'authenticate', 'open')
        self.assertEqual(self.is_open(), opens)
        if opens:
            self.assertEqual(self.keyfob('get', 'svc', 'me').stdout, b's3cret')

    def test_the_login_password_opens_it(self):
        self.check_opens(LOGIN)

    def test_another_password_logs_in_and_opens_nothing(self):
        self.check_opens('another', opens=False)

    def test_before_the_session_nothing_is_open(self):
        self.with_password(LOGIN, 'authenticate')
        self.assertFalse(self.is_open())

    def test_only_a_mirror_is_installed(self):
        public = self.keyfob('pam', 'mirror').stdout
        for wrong in (b'', public[:-1], public + b'x', b'keyfob slots 2'):
            self.keyfob('pam', 'mirror', '--install', '--directory', self.directory, input=wrong, code=2)
        with open(os.path.join(self.directory, str(os.getuid())), 'rb') as file:
            self.assertEqual(file.read(), public)

    def test_a_careful_root_makes_a_directory_that_users_can_read(self):
        """Screen lockers and keyfob pam status look there as the user; sudo keeps a umask of 077."""
        alone = ['unshare', '--mount', 'sh', '-c', 'mount -t tmpfs none /var/lib && umask 077 && "$@" >&2 && '
                 'stat -c %a /var/lib/keyfob /var/lib/keyfob/*', 'sh']
        if not shutil.which('unshare') or subprocess.run([*alone, 'mkdir', '-p', '/var/lib/keyfob/x'], check=False, capture_output=True).returncode:
            self.skipTest('there is no way to have a /var/lib for this test alone')
        public = self.keyfob('pam', 'mirror').stdout
        modes = self.sandbox.run([*alone, self.sandbox.stage.keyfob, 'pam', 'mirror', '--install'], input=public).stdout
        self.assertEqual(modes.decode().split(), ['755', '644', '600'])

    def test_another_login_slot_beside_the_old_one(self):
        """What somebody is told to do whose slot did not follow."""
        self.sandbox.stop_daemon()
        self.with_password('new word', 'chauthtok', PAM_OLDAUTHTOK=LOGIN)
        self.sandbox.start_daemon()
        self.keyfob('unlock', '--password-file', self.sandbox.write('auth', PASSWORD))
        for word in ('an older one', 'another one', 'new word'):
            self.keyfob('slot', 'add', '--kind', 'login', *CHEAP, '--password-file', self.sandbox.write('auth', PASSWORD),
                        '--new-password-file', self.sandbox.write('new', word))
        public = self.keyfob('pam', 'mirror').stdout
        self.keyfob('pam', 'mirror', '--install', '--directory', self.directory, input=public)
        self.check_opens('new word')
        self.with_password('newer word', 'chauthtok', PAM_OLDAUTHTOK='new word')
        self.check_opens('newer word')
        self.check_opens('new word', opens=False)

    def test_a_changed_password(self):
        self.with_password('new word', 'chauthtok', PAM_OLDAUTHTOK=LOGIN)
        self.check_opens('new word')
        self.check_opens(LOGIN, opens=False)
        self.keyfob('unlock', '--password-file', self.sandbox.write('auth', PASSWORD))
        self.assertTrue(self.is_open())

    def test_a_change_that_fails(self):
        with open(os.path.join(self.directory, str(os.getuid())), 'rb') as file:
            before = file.read()
        self.with_password('new word', 'chauthtok', PAM_OLDAUTHTOK='not the old one')
        with open(os.path.join(self.directory, str(os.getuid())), 'rb') as file:
            self.assertEqual(file.read(), before)
        self.check_opens(LOGIN)

    def test_a_change_while_the_daemon_is_away(self):
        self.sandbox.stop_daemon()
        self.with_password('new word', 'chauthtok', PAM_OLDAUTHTOK=LOGIN)
        self.sandbox.start_daemon()
        self.check_opens(LOGIN)


if __name__ == '__main__':
    kt.main()
