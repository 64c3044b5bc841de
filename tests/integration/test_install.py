#!/usr/bin/python3
"""What `meson install` puts where, and every way in which the daemon gets started from there."""
import configparser
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import unittest

import keyfob_test as kt
from person import runs, wait_for


class Files(unittest.TestCase):
    def setUp(self):
        self.stage = kt.stage()

    def test_everything_is_there(self):
        stage = self.stage
        for path, mode in {
                stage.keyfob: 0o755,
                stage.keyfobd: 0o755,
                stage.helper: 0o755,
                stage.libkeyfob: 0o755,
                f'{stage.libdir}/libkeyfob.so': 0o755,
                f'{stage.libdir}/pkgconfig/keyfob.pc': 0o644,
                f'{stage.prefix}/include/keyfob/keyfob.h': 0o644,
                f'{stage.datadir}/dbus-1/services/org.keyfob.Daemon.service': 0o644,
                f'{stage.datadir}/dbus-1/interfaces/org.keyfob.Store1.xml': 0o644,
                f'{stage.unitdir}/keyfobd.service': 0o644,
                f'{stage.unitdir}/keyfobd.socket': 0o644,
                f'{stage.unitdir}/keyfob-ssh.socket': 0o644,
                f'{stage.datadir}/dbus-1/interfaces/org.keyfob.Ssh1.xml': 0o644,
                **{path: 0o644 for path in stage.completions.values()},
        }.items():
            with self.subTest(path=path):
                self.assertEqual(os.stat(path).st_mode & 0o7777, mode)

    @unittest.skipUnless(shutil.which('scdoc'), 'man pages are not built')
    def test_man_pages(self):
        for page in ('man1/keyfob.1', 'man1/keyfobd.1', 'man3/libkeyfob.3', 'man8/keyfob-helper.8',
                     'man8/keyfob-uhid.8'):
            with self.subTest(page=page):
                self.assertGreater(os.path.getsize(f'{self.stage.mandir}/{page}'), 500)

    def read(self, path):
        parser = configparser.ConfigParser(interpolation=None, strict=False)
        parser.optionxform = str
        parser.read(path)
        return parser

    def test_services_start_what_was_installed(self):
        installed = self.stage.keyfobd.removeprefix(self.stage.destdir)
        bus = self.read(f'{self.stage.datadir}/dbus-1/services/org.keyfob.Daemon.service')['D-BUS Service']
        self.assertEqual((bus['Name'], bus['Exec'], bus['SystemdService']),
                         ('org.keyfob.Daemon', installed, 'keyfobd.service'))
        unit = self.read(f'{self.stage.unitdir}/keyfobd.service')['Service']
        self.assertEqual((unit['Type'], unit['ExecStart'], unit['LimitCORE']), ('notify', installed, '0'))
        unit = self.read(f'{self.stage.unitdir}/keyfobd.socket')['Socket']
        self.assertEqual((unit['ListenStream'], unit['SocketMode'], unit['DirectoryMode']),
                         ('%t/keyfob/bus', '0600', '0700'))
        unit = self.read(f'{self.stage.unitdir}/keyfob-ssh.socket')['Socket']
        self.assertEqual((unit['ListenStream'], unit['FileDescriptorName'], unit['Service'], unit['SocketMode']),
                         ('%t/keyfob/ssh', 'ssh', 'keyfobd.service', '0600'))
        self.assertIn('SSH_AUTH_SOCK=%t/keyfob/ssh', unit['ExecStartPost'])

    def test_the_secret_service_is_nobodys_by_installation(self):
        """Another provider's file has that name on a Debian system; `keyfob enable` is how a person decides."""
        self.assertEqual(sorted(os.listdir(f'{self.stage.datadir}/dbus-1/services')),
                         ['org.freedesktop.impl.portal.desktop.keyfob.service', 'org.keyfob.Daemon.service'])

    def test_programs_need_no_more_than_they_use(self):
        """A short command must start fast: nothing heavy is linked into it."""
        needed = subprocess.run(['objdump', '-p', self.stage.keyfob], stdout=subprocess.PIPE, check=True).stdout.decode()
        for library in ('libcrypto', 'libsqlite3', 'libsecret', 'libglib', 'libfido2', 'libsodium'):
            self.assertNotIn(library, needed)
        needed = subprocess.run(['objdump', '-p', self.stage.helper], stdout=subprocess.PIPE, check=True).stdout.decode()
        for library in ('libcrypto', 'libsqlite3', 'libsodium', 'libsecret', 'libglib'):
            self.assertNotIn(library, needed)


class Relay(unittest.TestCase):
    """keyfob-uhid: its units, its udev rule, and that it is nobody's to start."""

    def setUp(self):
        self.stage = kt.stage()
        if not os.path.exists(self.stage.uhid):
            self.skipTest('built without keyfob-uhid')
        self.units = [f'{self.stage.systemunitdir}/keyfob-uhid.socket', f'{self.stage.systemunitdir}/keyfob-uhid@.service']
        self.rules = f'{self.stage.rulesdir}/72-keyfob.rules'

    def test_everything_is_there(self):
        for path in (*self.units, self.rules):
            self.assertEqual(os.stat(path).st_mode & 0o7777, 0o644, path)
        self.assertEqual(os.stat(self.stage.uhid).st_mode & 0o7777, 0o755)
        with open(self.units[1], encoding='utf-8') as file:
            self.assertIn(f'\nExecStart={self.stage.uhid.removeprefix(self.stage.destdir)}\n', file.read())
        needed = subprocess.run(['objdump', '-p', self.stage.uhid], stdout=subprocess.PIPE, check=True).stdout.decode()
        for library in ('libcrypto', 'libsqlite3', 'libsodium', 'libsystemd', 'libfido2'):
            self.assertNotIn(library, needed)

    def test_the_rule_comes_between_the_stock_ones(self):
        """After those that tag security keys, before the one that gives tagged devices away."""
        name = os.path.basename(self.rules)
        self.assertLess('71-seat.rules', name)
        self.assertLess(name, '73-seat-late.rules')

    @unittest.skipUnless(shutil.which('systemd-analyze'), 'needs systemd-analyze')
    def test_units_are_sound(self):
        """The paths are those of an installation, so the program is named where it is staged."""
        with tempfile.TemporaryDirectory(prefix='kf-units-', dir='/tmp') as place:
            for unit in self.units:
                with open(unit, encoding='utf-8') as file:
                    text = file.read().replace(self.stage.uhid.removeprefix(self.stage.destdir), self.stage.uhid)
                with open(os.path.join(place, os.path.basename(unit)), 'w', encoding='utf-8') as file:
                    file.write(text)
            result = subprocess.run(['systemd-analyze', 'verify', '--man=no', '--recursive-errors=no',
                                     f'{place}/keyfob-uhid.socket', f'{place}/keyfob-uhid@.service'],
                                    stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
        self.assertEqual((result.returncode, result.stdout), (0, b''))

    def test_started_by_hand_it_does_nothing(self):
        for environment in ({}, {'LISTEN_FDS': '1', 'LISTEN_PID': '1'}, {'LISTEN_FDS': '2'}):
            result = subprocess.run([self.stage.uhid], env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                    stderr=subprocess.PIPE, check=False)
            self.assertEqual((result.returncode, result.stdout), (2, b''))
            self.assertIn(b'keyfob-uhid.socket starts this program', result.stderr)


class Library(kt.KeyfobTest):
    @kt.not_sanitized
    @unittest.skipUnless(shutil.which('pkg-config') and shutil.which('cc'), 'needs pkg-config and a compiler')
    def test_the_example_is_built_against_the_installation(self):
        stage = self.sandbox.stage
        env = {'PKG_CONFIG_PATH': f'{stage.libdir}/pkgconfig', 'PKG_CONFIG_SYSROOT_DIR': stage.destdir}
        flags = self.sandbox.run(['pkg-config', '--cflags', '--libs', 'keyfob'], env=env).stdout.decode().split()
        program = os.path.join(self.sandbox.root, 'example')
        self.sandbox.run(['cc', '-Wall', '-Wextra', '-Werror', '-std=c99', os.path.join(kt.SOURCE, 'docs', 'example.c'),
                          *flags, '-o', program])
        self.sandbox.start_daemon()
        self.sandbox.init('pass word')
        self.assertIn(b'13 bytes of text/plain', self.sandbox.run([program, 'github', 'alice']).stdout)

    def test_only_the_interface_is_exported(self):
        symbols = subprocess.run(['objdump', '-T', self.sandbox.stage.libkeyfob], stdout=subprocess.PIPE,
                                 check=True).stdout.decode()
        defined = [line.split()[-1] for line in symbols.splitlines()
                   if ' .text' in line and line.split()[1:2] == ['g']]
        self.assertGreater(len(defined), 10)
        self.assertEqual([name for name in defined if not name.startswith('keyfob_')], [])


class Starts(kt.KeyfobTest):
    bus = True

    def notify_socket(self):
        path = os.path.join(self.sandbox.root, 'notify')
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.addCleanup(listener.close)
        listener.bind(path)
        listener.settimeout(kt.TIMEOUT)
        return path, listener

    def test_by_the_bus(self):
        self.sandbox.add_service('org.keyfob.Daemon', [self.sandbox.stage.keyfobd])
        reply = self.sandbox.run(['dbus-send', '--session', '--print-reply', '--dest=org.keyfob.Daemon', '/org/keyfob',
                                  'org.keyfob.Store1.Status']).stdout
        self.assertIn(b'absent', reply)
        self.sandbox.init('pass word')
        self.keyfob('set', 'a', 'b', input='c')

    @unittest.skipUnless(shutil.which('systemd-socket-activate'), 'needs systemd-socket-activate')
    def test_by_a_socket_unit(self):
        os.makedirs(os.path.dirname(self.sandbox.socket), 0o700)
        process = self.sandbox.spawn(['systemd-socket-activate', '--listen', self.sandbox.socket,
                                      '-E', 'XDG_RUNTIME_DIR', '-E', 'XDG_DATA_HOME', '-E', 'XDG_CONFIG_HOME',
                                      '-E', 'HOME', '-E', 'DBUS_SESSION_BUS_ADDRESS', '-E', 'ASAN_OPTIONS',
                                      self.sandbox.stage.keyfobd])
        # its socket is there a moment before it listens, and who came then would start a daemon of its own
        wait_for(lambda: 'Listening on' in self.sandbox.read_log(), 'the socket to be listened at')
        self.sandbox.init('pass word')
        self.keyfob('set', 'a', 'b', input='c')
        self.assertEqual(self.keyfob('get', 'a', 'b').stdout, b'c')
        process.terminate()
        self.assertIn(process.wait(kt.TIMEOUT), (0, -signal.SIGTERM))
        self.assertTrue(os.path.exists(self.sandbox.socket), 'the socket is its manager\'s')

    def test_the_service_manager_is_told(self):
        path, listener = self.notify_socket()
        process = self.sandbox.spawn([self.sandbox.stage.keyfobd], env={'NOTIFY_SOCKET': path})
        self.assertIn(b'READY=1', listener.recv(4096))
        self.assertEqual(self.keyfob('status').returncode, 0)
        process.send_signal(signal.SIGTERM)
        self.assertIn(b'STOPPING=1', listener.recv(4096))
        self.assertEqual(process.wait(kt.TIMEOUT), 0)

    def test_credentials_open_the_vault(self):
        self.sandbox.start_daemon()
        self.sandbox.init('pass word')
        self.keyfob('set', 'a', 'b', input='c')
        self.sandbox.stop_daemon()
        os.mkdir(os.path.join(self.sandbox.root, 'credentials'), 0o700)
        self.sandbox.write('credentials/keyfob.password', 'pass word\n', mode=0o400)
        self.sandbox.start_daemon(env={'CREDENTIALS_DIRECTORY': os.path.join(self.sandbox.root, 'credentials')})
        self.assertEqual(self.keyfob('get', 'a', 'b').stdout, b'c')

    def test_interrupted(self):
        daemon = self.sandbox.start_daemon()
        daemon.send_signal(signal.SIGINT)
        self.assertEqual(daemon.wait(kt.TIMEOUT), 0)
        self.assertFalse(os.path.exists(self.sandbox.socket))

    def test_the_helper_ends_with_the_daemon(self):
        daemon = self.sandbox.start_daemon()
        with open(f'/proc/{daemon.pid}/task/{daemon.pid}/children', encoding='utf-8') as file:
            children = [int(pid) for pid in file.read().split()]
        self.assertEqual(len(children), 1)
        daemon.kill()
        daemon.wait()
        wait_for(lambda: not runs(children[0]), 'the helper to end')

    def test_wrong_usage(self):
        for arguments in (['--nonsense'], ['argument'], ['--ready-fd', 'x'], ['--ready-fd', '77']):
            with self.subTest(arguments=arguments):
                result = self.sandbox.run([self.sandbox.stage.keyfobd, *arguments], code=2)
                self.assertEqual(result.stderr.count(b'\n'), 1)


if __name__ == '__main__':
    kt.main()
