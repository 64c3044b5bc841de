#!/usr/bin/python3
"""What is left in the memory of keyfobd and its helper after secrets went through: nothing of them."""
import os
import subprocess
import sys
import time
import unittest

import keyfob_bus as kb
import keyfob_test as kt
from person import wait_for


def readable(pid):
    """Why the memory of this process cannot be read, or None."""
    try:
        with open(f'/proc/{pid}/mem', 'rb', buffering=0):
            return None
    except OSError as error:
        return error.strerror


def residues(pid, needles):
    """Where the needles occur in the writable memory of a process: {needle: what is around it}."""
    found = {}
    with open(f'/proc/{pid}/maps', encoding='utf-8') as maps, open(f'/proc/{pid}/mem', 'rb', buffering=0) as memory:
        for line in maps:
            span, modes, *_, name = line.split(maxsplit=5) + ['']
            if modes[1] != 'w' or '[vvar' in line:
                continue
            start, end = (int(x, 16) for x in span.split('-'))
            tail = b''
            for at in range(start, end, 1 << 20):
                try:
                    memory.seek(at)
                    chunk = tail + memory.read(min(1 << 20, end - at))
                except OSError:     # a guard page, or memory that was made for secrets only
                    tail = b''
                    continue
                for needle in needles:
                    place = chunk.find(needle)
                    if place >= 0:
                        found[needle] = (name.strip() or 'anonymous', chunk[max(0, place - 128):place + 128])
                tail = chunk[-256:]
    return found


def children(pid):
    try:
        with open(f'/proc/{pid}/task/{pid}/children', encoding='utf-8') as file:
            return [int(x) for x in file.read().split()]
    except OSError:
        return []


def secret(name):
    """Long, unlike anything else, and no two have a piece of 16 bytes in common."""
    return (name + ':' + os.urandom(24).hex()).encode()


class Scanner(unittest.TestCase):
    """The scan finds what is there; else the tests below would prove nothing."""

    def test_it_finds_a_secret(self):
        needle = secret('control')
        script = 'import sys; x = bytearray(sys.stdin.buffer.readline().strip()); print("ok", flush=True); sys.stdin.read()'
        with subprocess.Popen([sys.executable, '-c', script], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
            child.stdin.write(needle + b'\n')
            child.stdin.flush()
            child.stdout.readline()
            why = readable(child.pid)
            found = {} if why else residues(child.pid, [needle])
            child.stdin.close()
        if why:
            self.skipTest(f'the memory of another process cannot be read here: {why}')
        self.assertEqual(set(found), {needle})


@unittest.skipIf(kt.sanitized(), 'AddressSanitizer keeps freed memory')
class Memory(kt.KeyfobTest):
    bus = True

    def setUp(self):
        super().setUp()
        self.password = secret('password')
        self.daemon = self.sandbox.start_daemon()
        why = readable(self.daemon.pid)
        if why:
            self.skipTest(f'the memory of keyfobd cannot be read here: {why}')
        self.sandbox.wait_for_name()
        self.sandbox.init(self.password.decode())

    def assertClean(self, needles):
        """No needle, in either process, not even a piece of one. What was just sent may still be on its way."""
        pieces = {n[-32:] for n in needles} | {n[:24] for n in needles}
        processes = [self.daemon.pid] + children(self.daemon.pid)
        self.assertGreaterEqual(len(processes), 2, 'keyfob-helper was not found')
        deadline = time.monotonic() + 20
        for pid in processes:
            found = residues(pid, pieces)
            while found and time.monotonic() < deadline:
                time.sleep(0.1)
                found = residues(pid, pieces)
            self.assertEqual(found, {}, f'in process {pid} of {processes}')

    def through_every_door(self):
        """Stores and reads values by every way there is; returns them."""
        run = self.sandbox.run
        values = [secret(name) for name in ('cli', 'bus', 'tool', 'ring', 'gone', 'old', 'plain', 'many')]
        cli, bus, tool, ring, gone, old, plain, many = values

        self.keyfob('set', 'memory', 'cli', input=cli)
        self.assertEqual(self.keyfob('get', 'memory', 'cli').stdout, cli)
        self.keyfob('set', 'memory', 'old', input=old)
        self.keyfob('set', 'memory', 'old', input='replaced')
        self.keyfob('set', 'memory', 'gone', input=gone)
        self.keyfob('del', 'memory', 'gone')

        with kb.Client(self.sandbox.bus_address) as client:
            client.store({'service': 'memory', 'username': 'bus'}, bus)
            self.assertEqual(client.lookup(service='memory', username='bus'), bus)
        for door in (self.sandbox.bus_address, self.sandbox.socket):
            with kb.Client(door) as client:
                session = client.session()
                client.create_item(session, {'service': 'memory', 'username': 'plain'}, plain)
                for n in range(50):     # every length, so that buffers grow at every place of a message
                    client.store({'service': 'many', 'username': str(n)}, many * (1 + 20 * (n % 7)))
                    self.assertEqual(client.lookup(service='many', username=str(n))[:len(many)], many)
                    client.store({'service': 'odd', 'username': 'x' * n}, many + b'.' * n)
                    client.lookup(service='odd', username='x' * n)
                paths = [item[0] for item in client.search({'service': 'odd'})]
                self.assertGreater(len(client.get_secrets(session, paths)), 40)
                self.assertEqual(client.get_secret(session, paths[0])[:len(many)], many)

        run(['secret-tool', 'store', '--label', 'tool', 'service', 'memory', 'username', 'tool'], input=tool)
        self.assertEqual(run(['secret-tool', 'lookup', 'service', 'memory', 'username', 'tool']).stdout, tool)
        script = ('import keyring, sys; keyring.set_password("memory", "ring", sys.argv[1]);'
                  'assert keyring.get_password("memory", "ring") == sys.argv[1]')
        run(['/usr/bin/python3', '-c', script, ring.decode()],
            env={'PYTHON_KEYRING_BACKEND': 'keyring.backends.SecretService.Keyring'})
        return values

    def test_nothing_stays_after_reading_and_writing(self):
        values = self.through_every_door()
        self.assertClean(values + [self.password])

    def test_nothing_stays_when_locked(self):
        values = self.through_every_door()
        self.keyfob('lock')
        self.keyfob('get', 'memory', 'cli', code=3)
        self.assertClean(values + [self.password])
        # a wrong password, and the right one once more
        wrong = secret('wrong')
        self.sandbox.unlock(wrong.decode(), code=6)
        self.sandbox.unlock(self.password.decode())
        self.assertEqual(self.keyfob('get', 'memory', 'cli').stdout, values[0])
        self.assertClean(values + [self.password, wrong])

    def test_typed_secrets_do_not_stay(self):
        typed = secret('typed')
        terminal = self.sandbox.terminal([self.sandbox.stage.keyfob, 'set', 'memory', 'typed'])
        for _ in range(2):
            terminal.expect(r': ?$')
            terminal.send(typed + b'\n')
        self.assertEqual(terminal.wait(), 0)
        self.keyfob('lock')
        terminal = self.sandbox.terminal([self.sandbox.stage.keyfob, 'unlock'])
        terminal.expect(r': ?$')
        terminal.send(self.password + b'\n')
        self.assertEqual(terminal.wait(), 0)
        self.assertEqual(self.keyfob('get', 'memory', 'typed').stdout, typed)
        self.assertClean([typed, self.password])

    def test_a_changed_password_does_not_stay(self):
        new = secret('changed')
        terminal = self.sandbox.terminal([self.sandbox.stage.keyfob, 'passwd'])
        for answer in (self.password, new, new):
            terminal.expect(r': ?$')
            terminal.send(answer + b'\n')
        self.assertEqual(terminal.wait(), 0, terminal.output)
        self.assertClean([new, self.password])

    def test_what_is_free_goes_back_to_the_system(self):
        """Of an allocator that never gives anything back by itself: after large answers there is no more in memory than before."""
        def resident(name='VmRSS'):
            with open(f'/proc/{self.sandbox.daemon.pid}/status', encoding='utf-8') as file:
                return next(int(line.split()[1]) for line in file if line.startswith(name))

        large = '1000000000'
        self.sandbox.stop_daemon()
        self.sandbox.start_daemon(env={'MALLOC_TRIM_THRESHOLD_': large, 'MALLOC_MMAP_THRESHOLD_': large})
        self.sandbox.unlock(self.password.decode())
        with kb.Client(self.sandbox.socket) as client:
            session = client.session()
            paths = [client.create_item(session, {'n': str(n)}, os.urandom(200000)) for n in range(60)]
            before = resident()
            client.get_secrets(session, paths)
            self.assertGreater(resident('VmHWM'), before + 12000)
        wait_for(lambda: resident() < before + 4000, 'memory to be given back')

    def test_it_does_not_leave_its_memory_to_others(self):
        with open(f'/proc/{self.daemon.pid}/status', encoding='utf-8') as file:
            status = dict(line.rstrip('\n').split(':\t', 1) for line in file if ':\t' in line)
        self.assertEqual(status['NoNewPrivs'].strip(), '1')
        if os.geteuid() != 0:
            self.assertEqual(os.stat(f'/proc/{self.daemon.pid}/mem').st_uid, 0, 'keyfobd is dumpable')


if __name__ == '__main__':
    kt.main()
