#!/usr/bin/python3
"""keyfob ssh setup, env, copy-id: what ssh itself makes of what they write, and that other people's lines stay."""
import os
import re
import shlex
import stat
import subprocess

import fido_bridge
import keyfob_test as kt
import test_bridge_ssh
import test_cli_ssh


class SetupTest(test_cli_ssh.SshTest):
    def setUp(self):
        super().setUp()
        self.socket = self.sandbox.env.pop('SSH_AUTH_SOCK')
        self.sandbox.env['SHELL'] = '/bin/bash'
        self.config = os.path.join(self.sandbox.home, '.ssh', 'config')
        self.profile = os.path.join(self.sandbox.home, '.profile')
        self.environment = os.path.join(self.sandbox.config, 'environment.d', '60-keyfob-ssh.conf')

    @property
    def provider(self):
        return os.path.join(self.sandbox.stage.libdir, 'libsk-keyfob.so')

    def put(self, path, text, mode=0o600):
        os.makedirs(os.path.dirname(path), 0o700, exist_ok=True)
        with open(path, 'w', encoding='utf-8') as file:
            file.write(text)
        os.chmod(path, mode)

    def read(self, path):
        with open(path, encoding='utf-8') as file:
            return file.read()

    def setup(self, *args, **options):
        return self.ssh('setup', *args, **options)

    def options_of(self, host):
        """What ssh makes of the configuration."""
        shown = self.sandbox.run(['ssh', '-F', self.config, '-G', host]).stdout.decode()
        return dict(line.split(' ', 1) for line in shown.splitlines() if ' ' in line)


class Setup(SetupTest):
    def test_from_nothing_and_back(self):
        shown = self.setup('--yes').stdout.decode()
        for path in (self.config, self.profile, self.environment):
            self.assertIn(f'Wrote {path}\n', shown)
        for line in self.read(self.config).splitlines():
            self.assertIn(f'    {line}\n', shown)
        self.assertEqual(stat.S_IMODE(os.stat(self.config).st_mode), 0o600)
        self.assertEqual(stat.S_IMODE(os.stat(os.path.dirname(self.config)).st_mode), 0o700)
        options = self.options_of('anywhere')
        self.assertEqual(options['identityagent'], self.socket)
        if os.path.exists(self.provider):
            self.assertEqual(options['securitykeyprovider'], os.path.realpath(self.provider))
        self.assertIn(f'SSH_AUTH_SOCK="{self.socket}"\n', self.read(self.environment))
        again = self.setup('--yes')
        self.assertEqual(again.stdout, b'Everything is set up already.\n')
        self.setup('--undo')
        for path in (self.config, self.profile, self.environment):
            self.assertFalse(os.path.exists(path), path)
        self.assertEqual(self.setup('--undo').stdout, b'Nothing was set up.\n')

    def test_files_that_are_there(self):
        before = {self.config: ('Host work\n  User me\n\n# the end\nHost *\n  IdentityAgent none', 0o640),
                  self.profile: ('PATH=$PATH:~/bin\nexport PATH', 0o644)}
        for path, (text, mode) in before.items():
            self.put(path, text, mode)
        shown = self.setup('--yes').stdout.decode()
        self.assertIn(f'Line 6 of {self.config} says IdentityAgent as well', shown)
        for path, (text, mode) in before.items():
            self.assertIn(text, self.read(path))
            self.assertEqual(stat.S_IMODE(os.stat(path).st_mode), mode)
        self.assertTrue(self.read(self.config).endswith(before[self.config][0]))
        self.assertTrue(self.read(self.profile).startswith(before[self.profile][0]))
        # not within the block of a host, and before what others say
        for host in ('work', 'elsewhere'):
            self.assertEqual(self.options_of(host)['identityagent'], self.socket)
        self.assertEqual(self.options_of('work')['user'], 'me')
        self.setup('--undo')
        for path, (text, mode) in before.items():
            self.assertEqual(self.read(path), text)
            self.assertEqual(stat.S_IMODE(os.stat(path).st_mode), mode)

    def test_what_was_moved_comes_back_to_the_top(self):
        self.setup('--yes')
        self.put(self.config, 'Host work\n' + self.read(self.config))
        self.setup('--yes')
        self.assertEqual(self.options_of('elsewhere')['identityagent'], self.socket)
        self.setup('--undo')
        self.assertEqual(self.read(self.config), 'Host work\n')

    def test_links_stay_links(self):
        dotfiles = os.path.join(self.sandbox.root, 'dotfiles')
        for path, name in ((self.config, 'ssh_config'), (self.profile, 'profile')):
            self.put(os.path.join(dotfiles, name), '# mine\n', 0o600)
            os.makedirs(os.path.dirname(path), 0o700, exist_ok=True)
            os.symlink(os.path.join(dotfiles, name), path)
        self.setup('--yes')
        self.assertEqual(self.options_of('anywhere')['identityagent'], self.socket)
        for path, name in ((self.config, 'ssh_config'), (self.profile, 'profile')):
            self.assertTrue(os.path.islink(path))
            self.assertIn('keyfob', self.read(os.path.join(dotfiles, name)))
        self.setup('--undo')
        self.assertEqual(self.read(self.config), '# mine\n')
        self.assertTrue(os.path.islink(self.config))

    def refused(self, code, *words):
        self.assertOneLine(self.setup('--yes', code=code).stderr, *words)
        self.assertFalse(os.path.exists(self.profile))
        self.assertFalse(os.path.exists(self.environment))

    def test_unsafe_configuration(self):
        self.put(self.config, 'Host work\n', 0o666)
        self.refused(4, self.config, 'chmod go-w')
        os.chmod(self.config, 0o600)
        os.chmod(os.path.dirname(self.config), 0o777)
        self.refused(4, self.config, 'chmod go-w')
        os.chmod(os.path.dirname(self.config), 0o700)
        os.unlink(self.config)
        os.symlink('nowhere', self.config)
        self.refused(8, self.config, 'link')
        os.unlink(self.config)
        self.put(self.config, '\0')
        self.refused(8, self.config, 'text')
        if os.geteuid() == 0:
            self.put(self.config, '# of another\n')
            os.chown(self.config, 65534, 65534)
            self.refused(4, self.config, 'someone else')

    def test_half_a_block(self):
        self.setup('--yes')
        half = ''.join(line for line in self.read(self.config).splitlines(True) if not line.startswith('# <<<'))
        self.put(self.config, half)
        for args in (['--yes'], ['--undo']):
            self.assertOneLine(self.setup(*args, code=8).stderr, self.config, 'by hand')
        self.assertEqual(self.read(self.config), half)

    def test_asked_on_a_terminal(self):
        self.assertOneLine(self.setup(code=3).stderr, '--yes')
        for answer, code in (('n', 4), ('y', 0)):
            self.assertFalse(os.path.exists(self.config))
            terminal = self.sandbox.terminal([self.sandbox.stage.keyfob, 'ssh', 'setup'])
            terminal.expect('IdentityAgent')
            terminal.expect(r'Write this\? \[y/N\] ')
            terminal.send(answer + '\n')
            self.assertEqual(terminal.wait(), code, terminal.output)
        self.assertTrue(os.path.exists(self.config))

    def test_a_login_finds_the_agent(self):
        self.setup('--yes')
        line = self.add()
        for shell in ('sh', 'bash'):
            script = f'. {shlex.quote(self.profile)}; ssh-add -L; echo "$SSH_SK_PROVIDER"'
            shown = self.sandbox.run([shell, '-c', script]).stdout.decode().splitlines()
            self.assertEqual(shown[0], line)
            if os.path.exists(self.provider):
                self.assertEqual(shown[1], os.path.realpath(self.provider))
        # one that was forwarded stays
        kept = self.sandbox.run(['sh', '-c', f'. {shlex.quote(self.profile)}; echo $SSH_AUTH_SOCK'],
                                env={'SSH_CONNECTION': '::1 1 ::1 22', 'SSH_AUTH_SOCK': '/tmp/forwarded'})
        self.assertEqual(kept.stdout, b'/tmp/forwarded\n')

    def test_a_login_starts_the_daemon(self):
        self.setup('--yes')
        line = self.add()
        self.sandbox.stop_daemon()
        shown = self.sandbox.run(['sh', '-c', f'. {shlex.quote(self.profile)}; ssh-add -L'])
        self.assertEqual(shown.stdout.decode().rstrip('\n'), line)

    def test_shells_that_read_something_else(self):
        self.put(os.path.join(self.sandbox.home, '.bash_profile'), '')
        shown = self.setup(env={'SHELL': '/usr/bin/fish'}, code=3).stdout.decode()
        self.assertIn('keyfob ssh env --fish | source', shown)
        self.assertIn('.bash_profile', shown)


class Env(SetupTest):
    def test_shells(self):
        line = self.add()
        shells = {'sh': ('--sh', 'eval "$({})"'), 'bash': ('', 'eval "$({})"'), 'fish': ('--fish', '{} | source'),
                  'csh': ('--csh', 'eval `{}`')}
        tried = 0
        for shell, (option, how) in shells.items():
            if not fido_bridge.find(shell):
                continue
            with self.subTest(shell):
                command = how.format(f'{self.sandbox.stage.keyfob} ssh env {option}')
                self.assertEqual(self.sandbox.run([shell, '-c', f'{command}; ssh-add -L']).stdout.decode().rstrip('\n'), line)
                tried += 1
        self.assertGreater(tried, 1)

    def test_variables(self):
        shown = self.ssh('env').stdout.decode().rstrip('\n').split(' ')
        self.assertEqual(shown[:2], ['export', f'SSH_AUTH_SOCK={self.socket}'])
        self.assertEqual(shown[2:], [f'SSH_SK_PROVIDER={os.path.realpath(self.provider)}'] if os.path.exists(self.provider) else [])


class CopyId(SetupTest):
    """A real sshd, whose commands run in a home of the sandbox's."""

    def setUp(self):
        super().setUp()
        for program in ('ssh-copy-id', 'sshd'):
            if not fido_bridge.find(program):
                self.skipTest(f'{program} is not installed')
        prefix = test_bridge_ssh.sshd_prefix()
        if prefix is None:
            self.skipTest('sshd wants /run/sshd')
        self.remote = os.path.join(self.sandbox.root, 'remote')
        self.authorized = os.path.join(self.remote, '.ssh', 'authorized_keys')
        # how the person gets in so far: by a key that a program added
        access = self.file_key('access')
        self.agent('-q', access, env={'SSH_AUTH_SOCK': self.socket})
        os.makedirs(self.remote, 0o700)
        allowed = self.sandbox.write('allowed', self.line(access) + '\n')
        host = self.file_key('host')
        config = self.sandbox.write('sshd_config', f'''HostKey {host}
AuthorizedKeysFile {allowed} {self.authorized}
ForceCommand HOME={self.remote} sh -c "$SSH_ORIGINAL_COMMAND"
StrictModes no
UsePAM no
PasswordAuthentication no
KbdInteractiveAuthentication no
PidFile none
''')
        known = self.sandbox.write('known', 'target ' + self.line(host) + '\n')
        command = shlex.join([*prefix, fido_bridge.find('sshd'), '-i', '-e', '-f', config]).replace('%', '%%')
        self.sandbox.write('ssh_config', f'''Host target
  User {test_bridge_ssh.USER}
  ProxyCommand {command}
Host *
  UserKnownHostsFile {known}
  GlobalKnownHostsFile none
  BatchMode yes
''')
        self.ssh_config = os.path.join(self.sandbox.root, 'ssh_config')

    def copy(self, *args, **options):
        return self.ssh('copy-id', *args, '-F', self.ssh_config, **options)

    def test_copied_once(self):
        given = os.path.join(self.sandbox.root, 'given')
        self.sandbox.write('bin/ssh-copy-id', f'#!/bin/sh\necho "$@" >>{given}\nexec {fido_bridge.find("ssh-copy-id")} "$@"\n', mode=0o755)
        line = self.add('--comment', 'new key')
        self.copy('--key', 'new key', 'target')
        self.assertEqual(self.read(self.authorized), line + '\n')
        self.sandbox.write('new.pub', line + '\n')
        shown = self.sandbox.run(['ssh', '-F', self.ssh_config, '-i', os.path.join(self.sandbox.root, 'new.pub'),
                                  '-o', 'IdentitiesOnly=yes', 'target', 'echo in-$((40 + 2))'], env={'SSH_AUTH_SOCK': self.socket})
        self.assertEqual(shown.stdout, b'in-42\n')
        self.assertIn(b'already exist', self.copy('--key', 'new key', 'target').stderr)
        self.assertEqual(self.read(self.authorized), line + '\n')
        folders = re.findall(r'/tmp/keyfob-ssh-\w+', self.read(given))  # and not those of others who do this now
        self.assertEqual([os.path.exists(folder) for folder in folders], [False, False])

    def test_key_that_is_bound_to_the_host(self):
        """From the name of a host to a login there, and nothing else."""
        self.sandbox.write('bin/ssh', f'#!/bin/sh\nexec {fido_bridge.find("ssh")} -F {self.ssh_config} "$@"\n', mode=0o755)
        line = self.add('--comment', 'bound', '--hosts', 'target')
        self.copy('-f', '--key', 'bound', 'target')
        public = self.sandbox.write('bound.pub', line + '\n')
        env = {'SSH_AUTH_SOCK': self.socket}
        login = ['ssh', '-i', public, '-o', 'IdentitiesOnly=yes', 'target', 'echo in-$((40 + 2))']
        self.assertEqual(self.sandbox.run(login, env=env).stdout, b'in-42\n')
        self.agent('-T', public, env=env, code=1)
        # another key of that host, as another host would show one
        self.ssh('policy', 'bound', '--hosts', 'any', '--password-file', self.password)
        self.agent('-T', public, env=env)
        self.sandbox.write('known', 'target ' + self.line(self.file_key('another')) + '\n')
        self.ssh('policy', 'bound', '--hosts', 'target')
        self.sandbox.run([*login[:1], '-o', 'StrictHostKeyChecking=no', *login[1:]], env=env, code=255)

    def test_options_and_exit_code_are_passed_on(self):
        self.add('--comment', 'new key')
        self.assertIn(b'Would have added', self.copy('-n', '--key', 'new key', 'target').stdout)
        self.assertFalse(os.path.exists(self.authorized))
        self.copy('--key', 'new key', '-o', 'ProxyCommand=false', 'target', code=1)
        self.copy('--key', 'new key', 'target', '-o', 'User=nobody-here', code=1)

    def test_which_key(self):
        self.assertOneLine(self.copy('--key', 'nobody', 'target', code=1).stderr, 'nobody')
        self.add('--comment', 'new key')
        self.assertOneLine(self.copy('target', code=2).stderr, '--key')
        self.ssh('remove', '--all')
        self.assertOneLine(self.copy('target', code=1).stderr, 'keyfob ssh add')

    def test_how_the_script_ended(self):
        """Also to who was started by a program that wants to hear of no child."""
        self.add('--comment', 'new key')
        script = self.sandbox.write('ssh-copy-id', '#!/bin/sh\nexit 3\n', 0o700)
        for prefix in ([], ['/usr/bin/env', '--ignore-signal=CHLD']):
            result = subprocess.run([*prefix, self.sandbox.stage.keyfob, 'ssh', 'copy-id', '--key', 'new key', 'target'],
                                    env=self.sandbox.environment({'PATH': os.path.dirname(script)}), cwd=self.sandbox.home, check=False)
            self.assertEqual(result.returncode, 3, prefix)

    def test_without_the_script(self):
        self.add('--comment', 'new key')
        result = subprocess.run([self.sandbox.stage.keyfob, 'ssh', 'copy-id', '--key', 'new key', 'target'], stderr=subprocess.PIPE,
                                env=self.sandbox.environment({'PATH': '/nowhere'}), cwd=self.sandbox.home, check=False)
        self.assertEqual(result.returncode, 127)
        self.assertOneLine(result.stderr, 'ssh-copy-id')


if __name__ == '__main__':
    kt.main()
