#!/usr/bin/python3
"""What keyfobd can do once it serves: what it needs, and nothing of the rest, tried from inside (inside.c)."""
import os
import re
import socket
import subprocess
import unittest

import keyfob_bus as kb
import keyfob_test as kt
from person import wait_for

INSIDE = os.path.join(kt.BUILD, 'tests', 'integration', 'inside.so')

# What a daemon that keeps secrets has to be able to do; the last stands for its buses.
NEEDED = {'keep_file', 'name_of_other', 'make_thread', 'lock_memory', 'raise_signal', 'connect_path'}
# What works on any machine while nothing is confined, whoever runs the tests: else the tries prove nothing.
REAL = {'read_home', 'list_home', 'list_root', 'read_configuration', 'write_home', 'write_tmp', 'remove_home', 'truncate_home',
        'move_out', 'make_link', 'make_fifo', 'write_proc', 'run', 'run_at', 'make_child', 'make_child3', 'map_code',
        'turn_into_code', 'map_code_of_file', 'load_library', 'make_memory_file', 'signal_other', 'signal_thread_of_other',
        'signal_by_descriptor', 'signal_by_socket', 'become_dumpable', 'become_user', 'become_reaper', 'socket_inet',
        'socket_wide_family', 'connect_abstract', 'listen_somewhere', 'limit_other', 'schedule_other', 'by_handle'}


def status_of(pid, thread=None):
    path = f'/proc/{pid}/status' if thread is None else f'/proc/{pid}/task/{thread}/status'
    with open(path, encoding='utf-8') as file:
        return dict(line.rstrip('\n').split(':\t', 1) for line in file if ':\t' in line)


def landlock():
    """The version of Landlock here, 0 for none."""
    libc = __import__('ctypes').CDLL(None, use_errno=True)
    return max(0, libc.syscall(444, None, 0, 1))


@unittest.skipIf(kt.sanitized(), 'built with a sanitizer there is no sandbox')
@unittest.skipUnless(os.path.exists(INSIDE), 'built without libseccomp there is no filter')
class Inside(kt.KeyfobTest):
    bus = True

    def tries(self):
        """Runs all of them; returns what came of each, before and inside, as {name: error number}."""
        sandbox = self.sandbox
        report = os.path.join(sandbox.root, 'report')
        for name in ('.bashrc', 'precious'):
            sandbox.write(f'home/{name}', 'export EVERYTHING=1\n')
        os.mkdir(os.path.join(sandbox.root, 'elsewhere'))
        os.mkdir(os.path.join(sandbox.vault_dir), 0o700)
        abstract = f'keyfob-inside-{os.getpid()}'
        with socket.socket(socket.AF_UNIX) as listener, \
                subprocess.Popen(['sleep', 'infinity'], env=sandbox.environment()) as other:
            listener.bind('\0' + abstract)
            listener.listen(8)
            try:
                sandbox.start_daemon(env={
                    'LD_PRELOAD': INSIDE, 'INSIDE_REPORT': report, 'INSIDE_TMP': os.path.join(sandbox.root, 'elsewhere'),
                    'INSIDE_VAULT': sandbox.vault_dir, 'INSIDE_OTHER': str(other.pid), 'INSIDE_ABSTRACT': abstract,
                    'INSIDE_SOCKET': os.path.join(sandbox.root, 'session')}, timeout=kt.TIMEOUT)
            finally:
                other.kill()
        found = {'before': {}, 'inside': {}}
        with open(report, encoding='utf-8') as file:
            for line in file:
                when, name, error = line.split()
                found[when][name] = int(error)
        self.assertIn('end', found['inside'], 'the tries did not come to their end')
        del found['inside']['end']
        # What the tries left behind is no vault.
        for name in os.listdir(sandbox.vault_dir):
            os.unlink(os.path.join(sandbox.vault_dir, name))
        return found['before'], found['inside']

    def test_nothing_else_can_be_reached(self):
        before, inside = self.tries()
        self.assertEqual(set(before), set(inside))
        self.assertEqual({name for name in REAL | NEEDED if before[name]}, set(), 'a try is no real one')
        self.assertEqual({name: inside[name] for name in NEEDED if inside[name]}, {})
        could = {name for name in set(inside) - NEEDED if not inside[name]}
        if landlock() < 1:
            self.skipTest('this kernel has no Landlock: files are not restricted')
        if landlock() < 6:
            could -= {'connect_abstract'}
        self.assertEqual(could, set())
        # and it does its work as ever
        self.sandbox.init('pass word')
        self.keyfob('set', 'svc', 'me', input='s3cret')
        self.assertEqual(self.keyfob('get', 'svc', 'me').stdout, b's3cret')
        self.sandbox.wait_for_name()
        with kb.Client(self.sandbox.bus_address) as client:
            self.assertEqual(client.lookup(service='svc', username='me'), b's3cret')
        self.keyfob('lock')
        self.sandbox.unlock('pass word')
        self.assertEqual(self.keyfob('get', 'svc', 'me').stdout, b's3cret')
        self.sandbox.stop_daemon()
        self.assertEqual(os.listdir(self.sandbox.home).count('moved'), 1, 'the try before confinement, and that alone')


@unittest.skipIf(kt.sanitized(), 'built with a sanitizer there is no sandbox')
class Rights(kt.KeyfobTest):
    """As other processes see it."""

    def test_each_thread_is_bound(self):
        """Threads come later than the sandbox; each has its filter and no way to new privileges."""
        daemon = self.sandbox.start_daemon()
        self.sandbox.init('pass word')      # the KDF is a thread's
        self.keyfob('lock')
        self.sandbox.unlock('pass word')
        threads = os.listdir(f'/proc/{daemon.pid}/task')
        self.assertGreater(len(threads), 1)
        for thread in threads:
            status = status_of(daemon.pid, thread)
            self.assertEqual(status['NoNewPrivs'].strip(), '1')
            self.assertEqual(status['Seccomp'].strip(), '2')

    def test_the_helper_can_run_programs_and_gain_nothing(self):
        daemon = self.sandbox.start_daemon()
        with open(f'/proc/{daemon.pid}/task/{daemon.pid}/children', encoding='utf-8') as file:
            helper, = (int(pid) for pid in file.read().split())
        wait_for(lambda: status_of(helper)['NoNewPrivs'].strip() == '1', 'the helper to give up new privileges')
        status = status_of(helper)
        self.assertEqual(status['Name'].strip(), 'keyfob-helper')
        self.assertEqual(status['Seccomp'].strip(), '0')


@unittest.skipUnless(os.geteuid() == 0, 'needs root, to be somebody else')
@unittest.skipIf(kt.sanitized(), 'a sanitized library is loaded by its full path, which others may not read')
class OfSomebody(kt.KeyfobTest):
    """keyfobd as an ordinary user's, looked at by another program of that user."""

    user = 65534

    def setUp(self):
        super().setUp()
        for directory, _, _ in os.walk(self.sandbox.root):
            os.chown(directory, self.user, self.user)
        why = subprocess.run(self.somebodys([self.sandbox.stage.keyfobd, '--version']), env=self.sandbox.environment(),
                             capture_output=True, check=False)
        if why.returncode:
            self.skipTest(f'this build cannot be run by another user: {why.stderr!r}')

    def somebodys(self, argv):
        return ['setpriv', f'--reuid={self.user}', f'--regid={self.user}', '--clear-groups', *argv]

    def test_a_program_of_the_same_user_can_not_trace_it(self):
        reader, writer = os.pipe()
        daemon = self.sandbox.spawn(self.somebodys([self.sandbox.stage.keyfobd, '--ready-fd', str(writer)]), pass_fds=(writer,))
        os.close(writer)
        with open(reader, 'rb') as ready:
            self.assertEqual(ready.readline(), b'\n', self.sandbox.read_log())
        with open(f'/proc/{daemon.pid}/task/{daemon.pid}/children', encoding='utf-8') as file:
            pids = [daemon.pid, *map(int, file.read().split())]
        self.assertEqual(len(pids), 2)
        wait_for(lambda: status_of(pids[1])['NoNewPrivs'].strip() == '1', 'the helper to close itself to others')
        script = '''
import ctypes, os, sys
libc = ctypes.CDLL(None, use_errno=True)
for pid in map(int, sys.argv[1:]):
    for name in ('mem', 'maps', 'environ', 'auxv'):
        try:
            with open(f'/proc/{pid}/{name}', 'rb', buffering=0) as file:
                print('opened', name, len(file.read(1)) if name != 'mem' else '')
        except OSError:
            pass
    try:
        os.readlink(f'/proc/{pid}/fd/0')
        print('saw descriptors')
    except OSError:
        pass
    if libc.ptrace(16, pid, None, None) == 0:
        print('attached')
'''
        argv = ['/usr/bin/python3', '-c', script]
        with subprocess.Popen(self.somebodys(['sleep', 'infinity'])) as control:
            try:
                wait_for(lambda: status_of(control.pid)['Name'].strip() == 'sleep', 'another program to run')
                said = self.sandbox.run(self.somebodys([*argv, str(control.pid)])).stdout
            finally:
                control.kill()
        self.assertIn(b'opened mem', said, 'an ordinary process can be looked at')
        self.assertEqual(self.sandbox.run(self.somebodys([*argv, *map(str, pids)])).stdout, b'')
        for pid in pids:
            self.assertEqual(os.stat(f'/proc/{pid}/maps').st_uid, 0, 'dumpable')
            with open(f'/proc/{pid}/limits', encoding='utf-8') as file:
                self.assertTrue(re.search(r'Max core file size +0 +0', file.read()))


if __name__ == '__main__':
    kt.main()
