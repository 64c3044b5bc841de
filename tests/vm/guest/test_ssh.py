"""OpenSSH with its internal provider: keys of both kinds, resident ones, verified ones, and logins to a real sshd."""
import os
import unittest

import guest
from person import wait_for

PIN = '24681357'
PORT = '2222'
# With SSH_ASKPASS_PROMPT=none it only has to show that a touch is wanted, until it is ended.
ASKPASS = '''#!/bin/sh
if [ "$SSH_ASKPASS_PROMPT" = none ]; then exec sleep 60; fi
echo "$1" >> "$HOME/asked"
echo {pin}
'''


class Ssh(guest.KeyTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        account = cls.account
        cls.env = {'SSH_ASKPASS': account.write('askpass', ASKPASS.format(pin=PIN), mode=0o700),
                   'SSH_ASKPASS_REQUIRE': 'force', 'DISPLAY': ':none'}
        cls.authorized = account.write('authorized', '')
        os.makedirs('/run/sshd', 0o755, exist_ok=True)
        host_key = os.path.join(account.root, 'host')
        account.root_run(['ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-f', host_key])
        config = account.write('sshd_config', f'''ListenAddress 127.0.0.1
Port {PORT}
HostKey {host_key}
AuthorizedKeysFile {cls.authorized}
PubkeyAuthentication yes
PasswordAuthentication no
KbdInteractiveAuthentication no
UsePAM no
StrictModes no
PidFile none
''')
        account.root_spawn(['/usr/sbin/sshd', '-D', '-e', '-f', config])
        wait_for(lambda: b'Server listening' in account.read_log().encode(), 'sshd', guest.PATIENCE)

    def generate(self, kind, *options, code=0, name='key'):
        path = os.path.join(self.account.root, name)
        for old in (path, path + '.pub'):
            if os.path.exists(old):
                os.unlink(old)
        self.account.run(['ssh-keygen', '-t', kind, '-N', '', '-f', path, *options], env=self.env, code=code)
        return path

    def log_in(self, key, options='', code=0):
        with open(key + '.pub', encoding='utf-8') as file:
            public = file.read()
        self.account.write('authorized', options + public)
        return self.account.run(
            ['ssh', '-F', 'none', '-p', PORT, '-i', key, '-o', 'IdentitiesOnly=yes', '-o', 'StrictHostKeyChecking=no',
             '-o', 'UserKnownHostsFile=/dev/null', '-o', 'IdentityAgent=none', f'{guest.USER}@127.0.0.1', 'echo in as $USER'],
            env=self.env, code=code).stdout.decode()


@guest.needs('ssh', 'ssh-keygen', 'sshd')
class Touch(Ssh):
    def test_ed25519_key_logs_in(self):
        self.assertEqual(self.log_in(self.generate('ed25519-sk')), f'in as {guest.USER}\n')

    def test_ecdsa_key_logs_in(self):
        key = self.generate('ecdsa-sk')
        self.assertEqual(self.log_in(key), f'in as {guest.USER}\n')
        with self.refusing():
            self.assertEqual(self.log_in(key, code=255), '')


@guest.needs('ssh', 'ssh-keygen', 'sshd')
class Verified(Ssh):
    pin = PIN

    def test_verify_required_takes_the_pin(self):
        key = self.generate('ed25519-sk', '-O', 'verify-required')
        asked = os.path.join(self.account.home, 'asked')
        os.unlink(asked)
        self.assertEqual(self.log_in(key, 'verify-required '), f'in as {guest.USER}\n')
        with open(asked, encoding='utf-8') as file:
            self.assertIn('PIN', file.read())

    def test_resident_key_is_found_again(self):
        key = self.generate('ed25519-sk', '-O', 'resident', '-O', 'application=ssh:guest')
        with open(key + '.pub', encoding='utf-8') as file:
            made = file.read().split()[:2]
        place = os.path.join(self.account.home, 'found')
        os.mkdir(place)
        os.chown(place, guest.UID, guest.UID)
        self.account.run(['ssh-keygen', '-K', '-N', ''], env=self.env, cwd=place)
        name = os.path.join(place, 'id_ed25519_sk_rk_guest')
        with open(name + '.pub', encoding='utf-8') as file:
            self.assertEqual(file.read().split()[:2], made)
        self.assertEqual(self.log_in(name), f'in as {guest.USER}\n')


if __name__ == '__main__':
    unittest.main()
