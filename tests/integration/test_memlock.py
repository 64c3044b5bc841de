#!/usr/bin/python3
"""Without the right to lock memory, or with little of it: everything works, and what could not be locked is said."""
import json
import os
import subprocess
import unittest

import keyfob_test as kt

PASSWORD = 'pass word'


def unprivileged(limit):
    """With this limit in bytes, and without the capability for which there is none."""
    argv = ['prlimit', f'--memlock={limit}:{limit}']
    if os.geteuid() == 0:
        argv += ['setpriv', '--bounding-set=-ipc_lock', '--inh-caps=-ipc_lock']
    return argv


@unittest.skipIf(kt.sanitized(), 'a sanitizer takes all the memory there is')
class Memlock(kt.KeyfobTest):
    def start(self, limit):
        if subprocess.run([*unprivileged(limit), 'true'], check=False, stderr=subprocess.DEVNULL).returncode:
            self.skipTest('the limit cannot be set here')
        reader, writer = os.pipe()
        daemon = self.sandbox.spawn([*unprivileged(limit), self.sandbox.stage.keyfobd, '--ready-fd', str(writer)], pass_fds=(writer,))
        os.close(writer)
        with open(reader, 'rb') as ready:
            self.assertEqual(ready.readline(), b'\n', self.sandbox.read_log())
        self.sandbox.init(PASSWORD)
        return daemon

    def works(self):
        self.keyfob('set', 'svc', 'me', input='s3cret')
        self.keyfob('set', 'svc', 'large', input=b'x' * 1000000)
        self.keyfob('lock')
        self.sandbox.unlock(PASSWORD)
        self.assertEqual(self.keyfob('get', 'svc', 'me').stdout, b's3cret')
        self.assertEqual(len(self.keyfob('get', 'svc', 'large').stdout), 1000000)

    def locked(self, daemon):
        with open(f'/proc/{daemon.pid}/status', encoding='utf-8') as file:
            return next(int(line.split()[1]) for line in file if line.startswith('VmLck'))

    def said(self):
        return json.loads(self.keyfob('status', '--json').stdout)['memory_locked']

    def test_within_the_usual_limit(self):
        daemon = self.start(8 << 20)
        self.assertTrue(self.said())
        self.assertGreaterEqual(self.locked(daemon), 256)
        self.works()
        self.assertNotIn('memlock', self.sandbox.read_log())
        self.assertNotIn(b'NOT LOCKED', self.keyfob('status').stdout)

    def check_without(self, limit):
        daemon = self.start(limit)
        self.assertLessEqual(self.locked(daemon) << 10, limit)
        self.assertFalse(self.said())
        self.assertIn("keys can't be locked in memory and may be swapped: raise the memlock limit", self.sandbox.read_log())
        self.works()
        self.assertIn(b'NOT LOCKED', self.keyfob('status').stdout)

    def test_with_little(self):
        self.check_without(64 << 10)

    def test_with_none(self):
        self.check_without(0)


if __name__ == '__main__':
    kt.main()
