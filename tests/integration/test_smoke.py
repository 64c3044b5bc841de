#!/usr/bin/python3
"""The main job on the own socket: init, set, get, status, without any bus."""
import json
import os

import keyfob_test as kt


class Smoke(kt.KeyfobTest):
    def test_set_and_get(self):
        self.sandbox.start_daemon()
        self.sandbox.init('pass word')
        self.keyfob('set', 'example.org', 'alice', input='s3cret\n')
        self.assertEqual(self.keyfob('get', 'example.org', 'alice').stdout, b's3cret')
        self.assertOneLine(self.keyfob('get', 'example.org', 'bob', code=1).stderr)
        status = self.keyfob('status', '--json')
        self.assertEqual(json.loads(status.stdout)['vault'], 'unlocked')

    def test_survives_a_restart_and_needs_the_password(self):
        self.sandbox.start_daemon()
        self.sandbox.init('pass word')
        self.keyfob('set', 'example.org', 'alice', input='s3cret')
        self.sandbox.stop_daemon()
        self.assertEqual(os.stat(self.sandbox.vault).st_mode & 0o777, 0o600)

        self.sandbox.start_daemon()
        self.assertOneLine(self.keyfob('get', 'example.org', 'alice', code=3).stderr, 'locked', 'keyfob unlock')
        self.sandbox.unlock('wrong', code=6)
        self.sandbox.unlock('pass word')
        self.assertEqual(self.keyfob('get', 'example.org', 'alice').stdout, b's3cret')

    def test_a_crash_loses_nothing_that_was_acknowledged(self):
        self.sandbox.start_daemon()
        self.sandbox.init('pass word')
        self.keyfob('set', 'example.org', 'alice', input='s3cret')
        self.sandbox.kill_daemon()
        self.sandbox.start_daemon()
        self.sandbox.unlock('pass word')
        self.assertEqual(self.keyfob('get', 'example.org', 'alice').stdout, b's3cret')

    def test_no_vault_yet(self):
        self.sandbox.start_daemon()
        self.assertOneLine(self.keyfob('get', 'a', 'b', code=None).stderr, 'keyfob init')

    def test_a_value_is_typed_unseen(self):
        self.sandbox.start_daemon()
        self.sandbox.init('pass word')
        terminal = self.sandbox.terminal([self.sandbox.stage.keyfob, 'set', 'example.org', 'alice'])
        terminal.expect(r': ?$')
        self.assertFalse(terminal.echoes())
        terminal.send('typed value\n')
        terminal.expect(r': ?$')
        terminal.send('typed value\n')
        self.assertEqual(terminal.wait(), 0, terminal.output)
        self.assertNotIn(b'typed value', terminal.output)
        self.assertEqual(self.keyfob('get', 'example.org', 'alice').stdout, b'typed value')


if __name__ == '__main__':
    kt.main()
