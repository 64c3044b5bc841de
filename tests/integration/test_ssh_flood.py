#!/usr/bin/python3
"""A program that floods the ssh-agent, stalls it or comes ten thousand times keeps no other from signing."""
import os
import resource
import sys
import time

import keyfob_test as kt
import ssh_client

PATIENCE = 3.0  # seconds that three signatures may take
HOSTILE = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'ssh_hostile.py')


class Flood(kt.KeyfobTest):
    def setUp(self):
        super().setUp()
        self.sandbox.use_pinentry(None)
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        if hard < 4096:
            self.skipTest('too few descriptors are allowed here')
        self.sandbox.start_daemon()
        self.sandbox.init(None)
        self.tools = ssh_client.Tools(self.sandbox)
        path = self.tools.keygen('ed25519')
        self.tools.add('-q', path)
        self.blob = self.tools.public(path)
        path = self.tools.keygen('rsa', 'rsa-4096')
        self.tools.add('-q', path)
        self.rsa = self.tools.public(path)

    def attack(self, how, *args):
        """Another program does that, and says when it is at it."""
        reader, writer = os.pipe()
        process = self.sandbox.spawn([sys.executable, HOSTILE, self.tools.path, how, *map(str, args)], stdout=writer)
        os.close(writer)
        with os.fdopen(reader, 'rb') as file:
            self.assertEqual(file.readline(), b'ready\n')
        return process

    def memory(self):
        with open(f'/proc/{self.sandbox.daemon.pid}/status', encoding='utf-8') as file:
            return next(int(line.split()[1]) for line in file if line.startswith('VmRSS')) * 1024

    def held_up(self):
        """Seconds for which the daemon, or this program, was ready to run while others had the processor."""
        seconds = 0
        for pid in (self.sandbox.daemon.pid, os.getpid()):
            with open(f'/proc/{pid}/schedstat', encoding='utf-8') as file:
                seconds += int(file.read().split()[1]) / 1e9
        return seconds

    def assertServes(self, blob=None, flags=0):
        """Someone else comes, signs and signs again, in time: by the clock, but for what other programs took of it."""
        began = time.monotonic() - self.held_up()
        with self.tools.client(kt.TIMEOUT) as client:
            for _ in range(3):
                self.assertIsNotNone(client.sign(blob or self.blob, b'data', flags))
        self.assertLess(time.monotonic() - self.held_up() - began, PATIENCE)

    def assertStaysBelow(self, bytes_):
        """For as long as it takes to read what is sent."""
        until = time.monotonic() + 3
        while time.monotonic() < until:
            if not kt.sanitized():  # AddressSanitizer keeps freed memory
                self.assertLess(self.memory(), bytes_)
            time.sleep(0.05)

    def test_ten_thousand_connections(self):
        with self.tools.client(kt.TIMEOUT) as old:  # one that was there before
            self.assertIsNotNone(old.sign(self.blob))
            attacker = self.attack('connect', 10000)
            self.assertServes()
            self.assertIsNotNone(old.sign(self.blob))
            self.assertIsNone(attacker.poll())
        self.keyfob('set', 'a', 'b', input='and passwords')

    def test_stalled_messages(self):
        before = self.memory()
        attacker = self.attack('stall', 900, 200 * 1024)
        self.assertServes()
        self.assertStaysBelow(before + 96 * 1024 * 1024)
        self.assertIsNone(attacker.poll())

    def test_who_reads_nothing(self):
        before = self.memory()
        attacker = self.attack('deaf', 400)
        self.assertServes()
        self.assertStaysBelow(before + 96 * 1024 * 1024)
        self.assertIsNone(attacker.poll())

    def test_requests_without_end(self):
        attacker = self.attack('list', 300)
        self.assertServes()
        self.assertIsNone(attacker.poll())

    def test_signatures_without_end(self):
        attacker = self.attack('sign', 900, self.rsa.hex(), 2)  # in their order, one would be seconds late
        self.assertServes()
        self.assertServes(self.rsa, 2)
        self.assertIsNone(attacker.poll())

    def test_coming_and_going(self):
        attacker = self.attack('hurry', self.rsa.hex(), 2)
        for _ in range(5):
            self.assertServes(self.rsa, 2)
        self.assertIsNone(attacker.poll())

    def test_all_are_well_when_it_is_over(self):
        attacker = self.attack('connect', 3000)
        kt.end_process(attacker)
        self.assertServes()
        clients = [ssh_client.Client(self.tools.path) for _ in range(500)]
        for client in clients:
            self.addCleanup(client.close)
        for client in clients[::50]:
            self.assertIsNotNone(client.sign(self.blob))


if __name__ == '__main__':
    kt.main()
