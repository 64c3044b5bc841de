#!/usr/bin/python3
"""No bus, no terminal, no desktop: cron, a container, ssh. Everything by the own socket, and no call that hangs."""
import os
import shutil
import socket
import stat
import time
import unittest

import keyfob_test as kt
from person import wait_for

FALLBACK = f'/tmp/keyfob-{os.getuid()}'
LOGIN = f'/run/user/{os.getuid()}'


class Headless(kt.KeyfobTest):
    def setUp(self):
        super().setUp()
        # `env -i`: what is left is what cron and docker give
        self.sandbox.env = {name: value for name, value in self.sandbox.env.items()
                            if name in ('PATH', 'HOME', 'XDG_RUNTIME_DIR', 'ASAN_OPTIONS', 'UBSAN_OPTIONS')}
        self.vault_dir = os.path.join(self.sandbox.home, '.local/share/keyfob')

    def soon(self, *args, run=None, **options):
        """Runs keyfob, which must end in time."""
        return kt.soon(lambda: (run or self.keyfob)(*args, **options))

    def bus(self):
        return {'DBUS_SESSION_BUS_ADDRESS': f'unix:path={self.sandbox.socket}'}


class Verbs(Headless):
    def test_the_main_job_starts_its_own_daemon(self):
        self.sandbox.init('pass word')
        self.assertTrue(os.path.isdir(self.vault_dir), 'not the default place')
        self.keyfob('set', 'svc', 'me', input='value')
        self.assertEqual(self.keyfob('get', 'svc', 'me').stdout, b'value')
        self.assertIn(b'svc', self.keyfob('list').stdout)
        pid = kt.peer_pid(self.sandbox.socket)
        self.assertIsNotNone(pid)
        self.assertNotEqual(pid, os.getpid())
        # it belongs to nobody's terminal or session, and holds no descriptor of ours
        with open(f'/proc/{pid}/stat', encoding='utf-8') as file:
            fields = file.read().rsplit(') ', 1)[1].split()
        self.assertEqual(int(fields[3]), int(fields[2]), 'not a session of its own')
        self.assertEqual(int(fields[4]), 0, 'it has a terminal')
        # one daemon serves all
        self.keyfob('status')
        self.assertEqual(kt.peer_pid(self.sandbox.socket), pid)

    def test_the_started_daemon_ends_by_sigterm_and_comes_back(self):
        self.sandbox.init('pass word')
        self.keyfob('set', 'svc', 'me', input='value')
        pid = kt.peer_pid(self.sandbox.socket)
        os.kill(pid, 15)
        deadline = time.monotonic() + 10
        while os.path.exists(f'/proc/{pid}') and time.monotonic() < deadline:
            with kt.contextlib.suppress(ChildProcessError):
                os.waitpid(pid, os.WNOHANG)
            time.sleep(0.02)
        self.assertFalse(os.path.exists(f'/proc/{pid}'), 'it did not end within 10 s')
        self.sandbox.unlock('pass word')
        self.assertNotEqual(kt.peer_pid(self.sandbox.socket), pid)
        self.assertEqual(self.keyfob('get', 'svc', 'me').stdout, b'value')

    def test_many_at_once_start_one_daemon(self):
        processes = [self.sandbox.spawn([self.sandbox.stage.keyfob, 'status']) for _ in range(8)]
        for process in processes:
            self.assertEqual(process.wait(60), 0, self.sandbox.read_log())
        self.assertIsNotNone(kt.peer_pid(self.sandbox.socket))
        # those that were started are this process's children by adoption; the losers have ended
        # or are about to
        def mine():
            found = []
            for pid in filter(str.isdigit, os.listdir('/proc')):
                with kt.contextlib.suppress(OSError), open(f'/proc/{pid}/stat', encoding='utf-8') as file:
                    name, fields = file.read().split(' (', 1)[1].rsplit(') ', 1)
                    state, parent = fields.split()[:2]
                    if name == 'keyfobd' and int(parent) == os.getpid() and state not in 'ZX':
                        found.append(int(pid))
            return found

        wait_for(lambda: mine() == [kt.peer_pid(self.sandbox.socket)], 'the losers to end')

    def test_errors_come_soon_and_in_one_line(self):
        self.sandbox.start_daemon()
        self.assertOneLine(self.soon('get', 'svc', 'me', code=8).stderr, 'keyfob init')
        self.assertOneLine(self.soon('set', 'svc', 'me', input='x', code=8).stderr, 'keyfob init')
        self.assertOneLine(self.soon('unlock', code=8).stderr, 'keyfob init')
        # nobody can choose a password here
        self.assertOneLine(self.soon('init', code=3).stderr)
        self.assertFalse(os.path.exists(os.path.join(self.vault_dir)) and os.listdir(self.vault_dir))

        self.sandbox.init('pass word')
        self.keyfob('set', 'svc', 'me', input='value')
        self.keyfob('collection', 'list')
        self.keyfob('lock')
        for args in (('get', 'svc', 'me'), ('set', 'svc', 'me'), ('set', 'new', 'one'), ('del', 'svc', 'me'),
                     ('unlock',)):
            with self.subTest(args):
                result = self.soon(*args, input='x' if args[0] == 'set' else None, code=3)
                self.assertOneLine(result.stderr, 'locked', 'keyfob unlock')
                self.assertEqual(result.stdout, b'')
        self.assertOneLine(self.soon('get', 'no', 'such', code=1).stderr)

    def test_what_needs_a_fresh_password_says_so_soon(self):
        self.sandbox.start_daemon()
        self.sandbox.init('pass word')
        password = self.sandbox.write('password', 'pass word')
        for args in (('passwd',), ('passwd', '--password-file', password), ('rekey',), ('slot', 'add', '--kind', 'password'),
                     ('slot', 'add', '--password-file', password),
                     ('collection', 'create', 'Work')):
            with self.subTest(args):
                # the vault is open: to unlock it is no remedy
                self.assertOneLine(self.soon(*args, code=3).stderr, 'nobody to ask', '--password-file')

    def test_pinentry_without_a_display_or_terminal_is_no_way_out(self):
        for program in ('/usr/bin/pinentry-gnome3', '/usr/bin/pinentry-curses', '/usr/bin/pinentry-tty', None):
            with self.subTest(program), kt.Sandbox() as sandbox:
                if program and not os.path.exists(program):
                    continue
                sandbox.use_pinentry(program)
                sandbox.start_daemon()
                sandbox.init('pass word')
                sandbox.keyfob('set', 'svc', 'me', input='value')
                sandbox.keyfob('lock')
                result = self.soon('get', 'svc', 'me', run=sandbox.keyfob, code=3)
                self.assertOneLine(result.stderr, 'locked', 'keyfob unlock')

    def test_a_key_file_opens_it_by_itself(self):
        key = self.sandbox.write('key', os.urandom(64))
        self.keyfob('init', '--key-file', key)
        self.keyfob('set', 'svc', 'me', input='value')

        def starts(*args, **options):  # each time anew
            kt.end_pid(kt.peer_pid(self.sandbox.socket))
            return self.keyfob(*args, **options)

        self.assertEqual(self.soon('get', 'svc', 'me', run=starts).stdout, b'value')
        # and when it is not there, nothing else does
        kt.end_pid(kt.peer_pid(self.sandbox.socket))
        os.rename(key, key + '.away')
        self.assertOneLine(self.soon('get', 'svc', 'me', code=3).stderr, 'locked')
        os.rename(key + '.away', key)
        self.keyfob('unlock')
        self.assertEqual(self.keyfob('get', 'svc', 'me').stdout, b'value')

    def test_a_bus_that_does_not_answer_is_not_waited_for_long(self):
        path = os.path.join(self.sandbox.home, 'mute')
        with socket.socket(socket.AF_UNIX) as mute:
            mute.bind(path)
            mute.listen()
            before = time.monotonic()
            self.sandbox.start_daemon(env={'DBUS_SESSION_BUS_ADDRESS': f'unix:path={path}'})
            self.assertLess(time.monotonic() - before, 15)
            self.soon('status')

    def test_closed_descriptors_do_no_harm(self):
        self.sandbox.start_daemon()
        self.sandbox.init('pass word')
        keyfob = self.sandbox.stage.keyfob
        self.keyfob('set', 'svc', 'me', input='value')
        out = os.path.join(self.sandbox.root, 'out')
        self.sandbox.run(['sh', '-c', f'{keyfob} get svc me >{out} <&- 2>&-'])
        with open(out, 'rb') as file:
            self.assertEqual(file.read(), b'value')
        # a value that could not be written is not success
        result = self.sandbox.run(['sh', '-c', f'{keyfob} get svc me >/dev/full'], code=8)
        self.assertOneLine(result.stderr)
        result = self.sandbox.run(['sh', '-c', f'{keyfob} get svc me >&-'], code=8)
        self.assertOneLine(result.stderr)
        self.sandbox.run(['sh', '-c', f'{keyfob} list --json >/dev/full'], code=8)


class Clients(Headless):
    """Secret Service programs with no bus at all: the own socket is their bus."""

    def setUp(self):
        super().setUp()
        self.sandbox.start_daemon()
        self.sandbox.init('pass word')

    def test_secret_tool(self):
        run = self.sandbox.run
        run(['secret-tool', 'store', '--label', 'a label', 'service', 'svc', 'username', 'me'], input='value',
            env=self.bus())
        self.assertEqual(run(['secret-tool', 'lookup', 'service', 'svc', 'username', 'me'], env=self.bus()).stdout,
                         b'value')
        self.assertEqual(self.keyfob('get', 'svc', 'me').stdout, b'value')
        self.keyfob('set', 'svc', 'me', input='other')
        self.assertEqual(run(['secret-tool', 'lookup', 'service', 'svc', 'username', 'me'], env=self.bus()).stdout,
                         b'other')
        found = run(['secret-tool', 'search', '--all', 'service', 'svc'], env=self.bus())
        self.assertIn(b'label = a label', found.stdout)
        self.assertIn(b'secret = other', found.stdout)
        run(['secret-tool', 'clear', 'service', 'svc', 'username', 'me'], env=self.bus())
        self.keyfob('get', 'svc', 'me', code=1)
        run(['secret-tool', 'lookup', 'service', 'svc', 'username', 'me'], env=self.bus(), code=1)

    def test_python_keyring(self):
        env = {**self.bus(), 'PYTHON_KEYRING_BACKEND': 'keyring.backends.SecretService.Keyring'}
        keyring = ['/usr/bin/python3', '-m', 'keyring']
        self.sandbox.run(keyring + ['set', 'svc', 'me'], input='value\n', env=env)
        self.assertEqual(self.sandbox.run(keyring + ['get', 'svc', 'me'], env=env).stdout, b'value\n')
        self.assertEqual(self.keyfob('get', 'svc', 'me').stdout, b'value')
        self.keyfob('set', 'svc', 'me', input='other')
        self.assertEqual(self.sandbox.run(keyring + ['get', 'svc', 'me'], env=env).stdout, b'other\n')
        self.sandbox.run(keyring + ['del', 'svc', 'me'], env=env)
        self.keyfob('get', 'svc', 'me', code=1)
        self.sandbox.run(keyring + ['get', 'svc', 'me'], env=env, code=1)

    def test_a_locked_vault_ends_them_soon(self):
        self.keyfob('set', 'svc', 'me', input='value')
        self.keyfob('lock')
        result = self.soon(['secret-tool', 'lookup', 'service', 'svc', 'username', 'me'], run=self.sandbox.run, env=self.bus(), code=None)
        self.assertNotEqual(result.returncode, 0)
        self.assertEqual(result.stdout, b'')

    def test_env_prints_what_a_shell_can_use(self):
        self.keyfob('set', 'svc', 'me', input='value')
        keyfob = self.sandbox.stage.keyfob
        for shell in ('sh', 'bash', 'zsh'):
            if not shutil.which(shell):
                continue
            with self.subTest(shell):
                result = self.sandbox.run([shell, '-c', f'eval "$({keyfob} env)"\n'
                                           'secret-tool lookup service svc username me'])
                self.assertEqual(result.stdout, b'value')
        if shutil.which('fish'):
            with self.subTest('fish'):
                result = self.sandbox.run(['fish', '-c', f'{keyfob} env | source\n'
                                           'secret-tool lookup service svc username me'], code=None)
                self.assertEqual(result.stdout, b'value', result.stderr)

    def test_env_with_a_strange_directory(self):
        strange = os.path.join(self.sandbox.root, "a b'c;d=e,f%")
        os.mkdir(strange, 0o700)
        env = {'XDG_RUNTIME_DIR': strange}
        self.sandbox.stop_daemon()
        daemon = self.sandbox.start_daemon(env=env)
        self.sandbox.unlock('pass word', env=env)
        self.keyfob('set', 'svc', 'me', input='value', env=env)
        result = self.sandbox.run(['sh', '-c', f'eval "$({self.sandbox.stage.keyfob} env)"\n'
                                   'secret-tool lookup service svc username me'], env=env)
        self.assertEqual(result.stdout, b'value')
        self.assertTrue(kt.end_process(daemon))

    def test_a_client_of_every_library(self):
        self.keyfob('set', 'svc', 'me', input='value')
        address = f'unix:path={self.sandbox.socket}'
        calls = {
            'gdbus': ['gdbus', 'call', '--address', address, '--dest', 'org.keyfob.Daemon', '--object-path', '/org/keyfob',
                      '--method', 'org.keyfob.Store1.Status'],
            'busctl': ['busctl', f'--address={address}', 'call', 'org.keyfob.Daemon', '/org/keyfob', 'org.keyfob.Store1',
                       'Status'],
            # libdbus sends BEGIN and its first call in one packet
            'dbus-send': ['dbus-send', f'--peer={address}', '--print-reply', '--reply-timeout=20000', '/org/keyfob',
                          'org.keyfob.Store1.Status'],
            'dbus-send with Hello': ['dbus-send', f'--bus={address}', '--print-reply', '--reply-timeout=20000',
                                     '--dest=org.keyfob.Daemon', '/org/keyfob', 'org.keyfob.Store1.Status'],
        }
        for name, argv in calls.items():
            with self.subTest(name):
                self.assertIn(b'unlocked', self.sandbox.run(argv, timeout=30).stdout)
        tree = self.sandbox.run(['gdbus', 'introspect', '--address', address, '--dest', 'org.freedesktop.secrets',
                                 '--object-path', '/org/freedesktop/secrets', '--recurse'])
        self.assertIn(b'org.freedesktop.Secret.Service', tree.stdout)


@unittest.skipIf(os.path.exists(LOGIN), f'{LOGIN} is there, so the fall-back is not used')
@unittest.skipIf(os.path.exists(FALLBACK), f'{FALLBACK} is there and may be in use')
class FallBack(Headless):
    """Without XDG_RUNTIME_DIR."""

    def setUp(self):
        try:
            os.mkdir(FALLBACK, 0o700)   # now nobody else may use it as a place of their own
        except FileExistsError:
            self.skipTest(f'{FALLBACK} has come into use')
        self.addCleanup(shutil.rmtree, FALLBACK, ignore_errors=True)
        super().setUp()
        self.sandbox.env.pop('XDG_RUNTIME_DIR')
        self.sandbox.socket = os.path.join(FALLBACK, 'bus')

    def test_it_works_in_tmp(self):
        os.rmdir(FALLBACK)
        self.sandbox.init('pass word')
        info = os.lstat(FALLBACK)
        self.assertTrue(stat.S_ISDIR(info.st_mode))
        self.assertEqual((info.st_uid, info.st_mode & 0o777), (os.getuid(), 0o700))
        self.keyfob('set', 'svc', 'me', input='value')
        self.assertEqual(self.keyfob('get', 'svc', 'me').stdout, b'value')
        result = self.sandbox.run(['sh', '-c', f'eval "$({self.sandbox.stage.keyfob} env)"\n'
                                   'secret-tool lookup service svc username me'])
        self.assertEqual(result.stdout, b'value')

    @unittest.skipUnless(os.geteuid() == 0, 'needs another user')
    def test_a_directory_of_somebody_else_is_not_used(self):
        os.chown(FALLBACK, 65534, 65534)
        result = self.soon('status', code=None)
        self.assertIn(result.returncode, (4, 5))
        self.assertOneLine(result.stderr)
        self.assertEqual(os.listdir(FALLBACK), [])

    def test_a_link_is_not_followed(self):
        os.rmdir(FALLBACK)
        elsewhere = os.path.join(self.sandbox.root, 'elsewhere')
        os.mkdir(elsewhere, 0o700)
        os.symlink(elsewhere, FALLBACK)
        self.addCleanup(os.unlink, FALLBACK)
        result = self.soon('status', code=None)
        self.assertIn(result.returncode, (4, 5))
        self.assertOneLine(result.stderr)
        self.assertEqual(os.listdir(elsewhere), [])


if __name__ == '__main__':
    kt.main()
