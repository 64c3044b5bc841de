#!/usr/bin/python3
"""A real sshd, by keyboard-interactive on 127.0.0.1: who comes from elsewhere logs in by PIN. As root, in a mount namespace of its own."""
import os
import pwd
import shutil
import socket
import subprocess

import fido_bridge
import keyfob_test as kt
import pam_stack
import test_pam_one_touch as one_touch
from person import wait_for
from test_slots_fido2 import PASSWORD, PIN

# sshd has no environment, so what it is to find is at its place in a /etc and a /run of its own.
ALONE = '''set -e
mkdir "$ROOT/etc" && mount -t tmpfs -o mode=755 none "$ROOT/etc"
cp -a /etc/. "$ROOT/etc" && rm -rf "$ROOT/etc/pam.d" && cp -r "$SERVICES" "$ROOT/etc/pam.d" && echo "$PRELOAD" > "$ROOT/etc/ld.so.preload"
mount -t tmpfs none /run && mkdir -m 755 /run/sshd && mkdir -p -m 700 /run/user/0/keyfob
ln -s "$PLUG" /run/user/0/keyfob/ctap
ln -s "$UNLOCK" /run/user/0/keyfob/unlock
mount --bind "$ROOT/etc" /etc
exec "$@"
'''


def listens(port):
    with socket.socket() as probe:
        return probe.connect_ex(('127.0.0.1', port)) == 0


@kt.not_sanitized
class Sshd(one_touch.OneTouch):
    def setUp(self):
        if os.geteuid() != 0:
            self.skipTest('needs root')
        self.program = fido_bridge.find('sshd')
        for program in ('ssh', 'ssh-keygen', 'unshare'):
            if not self.program or not shutil.which(program):
                self.skipTest('no sshd, ssh or unshare')
        if subprocess.run(['unshare', '--mount', 'mount', '-t', 'tmpfs', 'none', '/run'], check=False, capture_output=True).returncode:
            self.skipTest('may not mount')
        super().setUp()
        self.set_pin('one')
        self.enroll_on_terminal('--unlock', dialogue=[('PIN', PIN), ('Answer', PASSWORD)])
        self.keyfob('lock')
        self.path = self.sandbox.root

    def keyfob_line(self, *options):
        """As the configuration file has it, but for who is here."""
        with open(self.conf, encoding='utf-8') as file:
            lines = file.read().replace('allow_remote\n', '') + '\n'.join(options) + '\n'
        return f'{pam_stack.module()} conf={self.sandbox.write("sshd.pam", lines, mode=0o644)}'

    def serve(self, *options):
        keyfob = self.keyfob_line(*options)
        self.stack([f'auth required {keyfob}', 'account required pam_permit.so', f'session optional {keyfob}',
                    'session required pam_permit.so'], name='sshd')
        holder = kt.reserve_port()
        self.addCleanup(holder.close)
        self.port = holder.getsockname()[1]
        self.sandbox.run(['ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-f', f'{self.path}/host'])
        config = self.sandbox.write('sshd_config', f'''ListenAddress 127.0.0.1:{self.port}
HostKey {self.path}/host
UsePAM yes
KbdInteractiveAuthentication yes
PasswordAuthentication no
PubkeyAuthentication no
PermitRootLogin yes
AllowUsers {pam_stack.USER}
StrictModes no
PidFile none
''')
        with open(f'{self.path}/host.pub', encoding='utf-8') as file:
            self.sandbox.write('known', f'[127.0.0.1]:{self.port} {file.read()}')
        places = {'ROOT': self.path, 'SERVICES': self.services, 'PRELOAD': self.env()['LD_PRELOAD'], 'PLUG': self.plug,
                  'UNLOCK': os.path.join(self.sandbox.runtime, 'keyfob', 'unlock')}
        self.sandbox.spawn(['unshare', '--mount', 'sh', '-c', ALONE, 'sh', self.program, '-D', '-f', config], env=places)
        wait_for(lambda: listens(self.port), 'sshd to listen')

    def ssh(self, *dialogue, code=0):
        name = pwd.getpwuid(os.getuid()).pw_name
        terminal = self.sandbox.terminal(['ssh', '-F', 'none', '-p', str(self.port), '-o', f'UserKnownHostsFile={self.path}/known',
                                          '-o', 'PreferredAuthentications=keyboard-interactive', '-o', 'NumberOfPasswordPrompts=1',
                                          f'{name}@127.0.0.1', 'echo', 'let', 'in'])
        for prompt, text in dialogue:
            terminal.expect(prompt)
            wait_for(lambda: not terminal.echoes(), 'the terminal to hide what is typed')
            terminal.send(text + '\n')
        self.assertEqual(terminal.wait(), code, terminal.output)
        self.assertEqual(b'let in' in terminal.output, code == 0)


class ByPin(Sshd):
    other_make = False

    def test_logs_in_and_leaves_the_vault_as_it_is(self):
        """The two stages are two processes there: the manual says so."""
        self.serve()
        self.forget_questions()
        self.ssh((r'PIN of the security key \(8 tries left\)', PIN))
        self.assertEqual(len(self.people['one'].questions()), 1)
        self.assertEqual(self.status(), 'locked')

    def test_at_the_end_of_authentication_it_is_opened(self):
        self.serve('unlock_now')
        self.ssh(('PIN', PIN))
        self.assertEqual(self.status(), 'unlocked')

    def test_a_wrong_pin(self):
        self.serve('unlock_now')
        self.ssh(('PIN', '00000000'), (r'7 tries left', ''), code=255)
        self.assertEqual(self.status(), 'locked')


class ByTouch(Sshd):
    """That is enough at the machine, and not from elsewhere."""

    def test_the_pin_is_asked_for_and_opens_no_slot_of_a_touch(self):
        with open(self.authfile, encoding='utf-8') as file:
            self.assertTrue(file.read().strip().endswith(',es256,+presence'))
        self.serve('unlock_now')
        self.ssh(('PIN', PIN))
        self.assertEqual(self.status(), 'locked')

    def test_unless_the_administrator_says_so(self):
        self.serve('unlock_now', 'allow_remote')
        self.ssh()
        self.assertEqual(self.status(), 'unlocked')


if __name__ == '__main__':
    kt.main()
