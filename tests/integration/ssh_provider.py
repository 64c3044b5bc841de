"""OpenSSH with Keyfob's library for security keys: a daemon, a vault and a person for each test, and an sshd to log in at.

    class Login(ssh_provider.ProviderTest):
        def test_login(self):
            key = self.keygen('ed25519-sk', 'key')              # ssh-keygen -t ed25519-sk -f key; the line for the server
            options = self.serve(key)
            self.login(options, 'key')                          # fails the test unless it gets in
"""
import os
import pwd
import shlex
import shutil
import subprocess
import unittest

import fido_bridge
import keyfob_test as kt
from person import Person, wait_for

PIN = '24681357'
WRONG = '11111111'
USER = pwd.getpwuid(os.getuid()).pw_name
KINDS = ('ed25519-sk', 'ecdsa-sk')

# As root sshd wants /run/sshd, which only a service manager makes; in a mount namespace of its own it is nobody else's.
WITH_RUN_SSHD = ['unshare', '--mount', 'sh', '-c', 'mount -t tmpfs none /run && mkdir -m 755 /run/sshd && exec "$@"', 'sh']


def provider():
    return os.path.join(kt.stage().libdir, 'libsk-keyfob.so')


def sshd_prefix():
    """What stands before sshd, or None where it can't run."""
    if os.geteuid() != 0 or os.path.isdir('/run/sshd'):
        return []
    tried = subprocess.run([*WITH_RUN_SSHD, 'true'], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                           stderr=subprocess.DEVNULL, check=False)
    return WITH_RUN_SSHD if tried.returncode == 0 else None


class ProviderTest(kt.KeyfobTest):
    programs = ['ssh', 'ssh-keygen', 'sshd', 'ssh-sk-helper']
    always = 'allow'  # what the person says; None: each question waits for its answer
    person = None

    def setUp(self):
        if not os.path.exists(provider()):
            raise unittest.SkipTest('built without libfido2')
        for program in self.programs:
            if not fido_bridge.find(program):
                raise unittest.SkipTest(f'{program} is not installed')
        super().setUp()
        self.sandbox.use_pinentry(None)
        self.sandbox.env['SSH_SK_PROVIDER'] = provider()
        self.prepare()
        self.sandbox.start_daemon()
        self.sandbox.init('pass word')

    def prepare(self):
        """What has to be there before the daemon is."""

    def someone(self, always='allow'):
        self.person = Person(self.sandbox, always=always)
        return self.person

    def person_leaves(self):
        """From now on the daemon has nobody to ask."""
        kt.end_process(self.person.process)
        wait_for(lambda: 'prompt agent has left' in self.sandbox.read_log(), 'the agent to leave')

    def set_pin(self, pin=PIN):
        self.keyfob('authenticator', 'pin', 'set', '--pin-file', self.sandbox.write('pin', pin))

    def path(self, name):
        return os.path.join(self.sandbox.root, name)

    def read(self, name):
        with open(self.path(name), encoding='utf-8') as file:
            return file.read()

    def askpass(self, answer, refuses=False):
        """Environment in which ssh asks a program of the test's, which gives `answer` and keeps what it was asked."""
        self.sandbox.write('asked', '')
        program = self.sandbox.write('askpass', f'''#!/bin/sh
echo "$1" >> {shlex.quote(self.path('asked'))}
{'exit 1' if refuses else ''}
[ "$SSH_ASKPASS_PROMPT" = none ] || echo {shlex.quote(answer)}
''', mode=0o700)
        return {'SSH_ASKPASS': program, 'SSH_ASKPASS_REQUIRE': 'force', 'DISPLAY': ':0'}

    def asked(self):
        return self.read('asked')

    # ssh-keygen

    def try_keygen(self, kind, name, *options, **how):
        return self.sandbox.run(['ssh-keygen', '-q', '-t', kind, '-N', '', '-C', name, '-f', self.path(name), *options],
                                **{'code': None, **how})

    def keygen(self, kind, name, *options, **how):
        self.try_keygen(kind, name, *options, **{'code': 0, **how})
        return self.read(name + '.pub')

    def on_terminal(self, argv, *dialogue, code=0, env=None):
        """Waits for each prompt and types what goes with it. Everything that was shown."""
        terminal = self.sandbox.terminal(argv, env=env)
        for prompt, text in dialogue:
            terminal.expect(prompt)
            terminal.send(text + '\n')
        self.assertEqual(terminal.wait(), code, terminal.output)
        return terminal.output

    # ssh

    def serve(self, *authorized):
        """The options of ssh for a login at an sshd of its own, which ends with the connection."""
        prefix = sshd_prefix()
        if prefix is None:
            self.skipTest('sshd wants /run/sshd')
        if not os.path.exists(self.path('host')):
            self.sandbox.run(['ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-f', self.path('host')])
        config = self.sandbox.write('sshd_config', f'''HostKey {self.path('host')}
AuthorizedKeysFile {self.sandbox.write('authorized', ''.join(authorized))}
StrictModes no
UsePAM no
PasswordAuthentication no
KbdInteractiveAuthentication no
PidFile none
''')
        known = self.sandbox.write('known', 'keyfob-test ' + self.read('host.pub'))
        command = shlex.join([*prefix, fido_bridge.find('sshd'), '-i', '-e', '-f', config]).replace('%', '%%')
        config = self.sandbox.write('ssh_config', f'''SecurityKeyProvider {provider()}
ProxyCommand {command} 2>> {self.path('sshd-log')}
UserKnownHostsFile {known}
GlobalKnownHostsFile none
HostKeyAlias keyfob-test
IdentitiesOnly yes
PreferredAuthentications publickey
''')
        return ['-F', config]

    def ssh(self, options, name, *more):
        return ['ssh', *options, *more, '-i', self.path(name), f'{USER}@keyfob-test', 'echo in-$((40 + 2))']

    def login(self, options, name, *more, code=0, **how):
        more = ['-o', 'IdentityAgent=none', *more]
        if not how.get('env'):
            more += ['-o', 'BatchMode=yes']
        result = self.sandbox.run(self.ssh(options, name, *more), code=code, **how)
        if code == 0:
            self.assertEqual(result.stdout, b'in-42\n')
        return result

    def server_log(self):
        return self.read('sshd-log')

    def agent(self, *options):
        """OpenSSH's own agent, with the library allowed; the environment that leads to it."""
        socket = self.path('agent')
        self.sandbox.spawn(['ssh-agent', '-D', '-a', socket, '-P', os.path.realpath(provider()), *options])
        wait_for(lambda: kt.peer_pid(socket), 'the agent to listen')  # its socket is there a little earlier
        return {'SSH_AUTH_SOCK': socket}

    def helper_beside(self, program):
        """A directory with ssh-sk-helper and `program` (a link): what the library finds beside the helper."""
        place = self.path('beside')
        os.mkdir(place, 0o700)
        shutil.copy(fido_bridge.find('ssh-sk-helper'), place)
        os.symlink(program, os.path.join(place, os.path.basename(program)))
        return os.path.join(place, 'ssh-sk-helper')
