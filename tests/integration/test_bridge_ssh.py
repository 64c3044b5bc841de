#!/usr/bin/python3
"""OpenSSH through the bridge: ssh-sk-helper inherits it, a real sshd lets in who was asked."""
import os
import pwd
import shlex
import subprocess

import fido_bridge
import keyfob_test as kt
import person
from fido_bridge import DEVICE, PIN

USER = pwd.getpwuid(os.getuid()).pw_name

# As root sshd wants /run/sshd, which only a service manager makes; in a mount namespace of its own it is nobody else's.
WITH_RUN_SSHD = ['unshare', '--mount', 'sh', '-c', 'mount -t tmpfs none /run && mkdir -m 755 /run/sshd && exec "$@"', 'sh']


def sshd_prefix():
    """What stands before sshd, or None where it can't run."""
    if os.geteuid() != 0 or os.path.isdir('/run/sshd'):
        return []
    tried = subprocess.run([*WITH_RUN_SSHD, 'true'], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                           stderr=subprocess.DEVNULL, check=False)
    return WITH_RUN_SSHD if tried.returncode == 0 else None


class Ssh(fido_bridge.BridgeTest):
    programs = ['ssh', 'ssh-keygen', 'sshd', 'ssh-sk-helper']

    def path(self, name):
        return os.path.join(self.sandbox.root, name)

    def keygen(self, kind, name, *options):
        self.fido('ssh-keygen', '-q', '-t', kind, '-N', '', '-f', self.path(name), *options)
        with open(self.path(name + '.pub'), encoding='utf-8') as file:
            return file.read()

    def serve(self, *authorized):
        """The options of ssh for a login at an sshd of its own, which ends with the connection."""
        prefix = sshd_prefix()
        if prefix is None:
            self.skipTest('sshd wants /run/sshd')
        self.sandbox.run(['ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-f', self.path('host')])
        config = self.sandbox.write('sshd_config', f'''HostKey {self.path('host')}
AuthorizedKeysFile {self.sandbox.write('authorized', ''.join(authorized))}
StrictModes no
UsePAM no
PasswordAuthentication no
KbdInteractiveAuthentication no
PidFile none
''')
        with open(self.path('host.pub'), encoding='utf-8') as file:
            known = self.sandbox.write('known', 'keyfob-test ' + file.read())
        command = shlex.join([*prefix, 'env', '-u', 'LD_PRELOAD', fido_bridge.find('sshd'), '-i', '-e', '-f', config])
        command = command.replace('%', '%%')
        return ['-F', 'none', '-o', f'ProxyCommand={command}', '-o', f'UserKnownHostsFile={known}', '-o', 'IdentityAgent=none',
                '-o', 'GlobalKnownHostsFile=none', '-o', 'HostKeyAlias=keyfob-test', '-o', 'IdentitiesOnly=yes',
                '-o', 'PreferredAuthentications=publickey']

    def login(self, options, name, *more, **how):
        return self.fido('ssh', *options, *more, '-i', self.path(name), f'{USER}@keyfob-test', 'echo in-$((40 + 2))',
                         **how)

    def test_login_with_each_kind_of_key(self):
        keys = {kind: self.keygen(kind, kind) for kind in ('ed25519-sk', 'ecdsa-sk')}
        for kind, key in keys.items():
            self.assertIn('sk-' + {'ed25519-sk': 'ssh-ed25519', 'ecdsa-sk': 'ecdsa-sha2-nistp256'}[kind], key)
        options = self.serve(*keys.values())
        self.person.questions()
        for kind in keys:
            with self.subTest(kind):
                self.assertEqual(self.login(options, kind, '-o', 'BatchMode=yes').stdout, b'in-42\n')
                asked = self.person.questions()
                self.assertEqual([question['rp_id'] for question in asked], ['ssh:'])
                self.assertEqual(asked[0]['program'], 'ssh-sk-helper')

    def test_refused_login(self):
        options = self.serve(self.keygen('ed25519-sk', 'key'))
        self.person.always('deny')
        self.login(options, 'key', '-o', 'BatchMode=yes', code=255)

    def test_login_without_the_bridge(self):
        options = self.serve(self.keygen('ed25519-sk', 'key'))
        self.sandbox.run(['ssh', *options, '-o', 'BatchMode=yes', '-i', self.path('key'), f'{USER}@keyfob-test', 'true'],
                         code=255)

    def test_key_that_wants_the_pin(self):
        self.set_pin()
        options = self.serve('verify-required ' + self.keygen('ed25519-sk', 'key', '-O', 'verify-required'))
        argv = ['ssh', *options, '-i', self.path('key'), f'{USER}@keyfob-test', 'echo in-$((40 + 2))']
        self.assertIn(b'in-42', self.on_terminal(argv, ('Enter PIN for ED25519-SK key', PIN)))

    def test_resident_keys_are_loaded_from_the_device(self):
        self.set_pin()
        os.mkdir(self.path('loaded'))
        self.on_terminal(['ssh-keygen', '-q', '-t', 'ed25519-sk', '-N', '', '-f', self.path('key'), '-O', 'resident',
                          '-O', 'application=ssh:keyfob', '-O', f'device={DEVICE}'], ('Enter PIN for authenticator:', PIN))
        terminal = self.sandbox.terminal(['sh', '-c', f'cd {self.path("loaded")} && exec {self.sandbox.stage.keyfob} fido2 -- '
                                          'ssh-keygen -K -N ""'])
        terminal.expect('Enter PIN for authenticator:')
        person.wait_for(lambda: not terminal.echoes(), 'the terminal to hide what is typed')
        terminal.send(PIN + '\n')
        self.assertEqual(terminal.wait(), 0, terminal.output)
        with open(self.path('key.pub'), encoding='utf-8') as made, \
             open(self.path('loaded/id_ed25519_sk_rk_keyfob.pub'), encoding='utf-8') as loaded:
            key = made.read()
            self.assertEqual(key.split()[:2], loaded.read().split()[:2])
        options = self.serve(key)
        self.assertEqual(self.login(options, 'loaded/id_ed25519_sk_rk_keyfob', '-o', 'BatchMode=yes').stdout, b'in-42\n')

    def test_interrupted_login_asks_no_more(self):
        options = self.serve(self.keygen('ed25519-sk', 'key'))
        self.person.questions()
        self.person.always(None)
        client = self.sandbox.spawn([self.sandbox.stage.keyfob, 'fido2', '--', 'ssh', *options, '-i', self.path('key'),
                                     f'{USER}@keyfob-test', 'true'])
        question = self.person.question()
        helper = question['pid']
        kt.end_pid(helper)  # as ctrl-C does on a terminal, whose whole group gets it
        self.person.gone(question)
        kt.end_process(client)


if __name__ == '__main__':
    kt.main()
