#!/usr/bin/python3
"""keyfob authenticator finger, and what it says while the real fprintd enrolls."""
import contextlib
import json
import unittest

import fido_key
import fingerprint
import keyfob_test as kt
from fido2.ctap2 import Ctap2
from person import wait_for

PASSWORD = 'pass word'
RIGHT = b'right-index-finger'.hex()


class Fingers(kt.KeyfobTest):
    def setUp(self):
        fingerprint.require()
        super().setUp()
        fingerprint.configure(self.sandbox)
        self.reader = fingerprint.Reader(self.sandbox)
        self.reader.start()
        self.sandbox.start_daemon()
        self.sandbox.init(PASSWORD)
        with contextlib.closing(fido_key.open_device(self.sandbox)) as device:  # keyfobd looks for one when it is ready
            wait_for(lambda: 'bioEnroll' in Ctap2(device).info.options, 'the reader to be found')
        self.password = self.sandbox.write('auth', PASSWORD)

    def finger(self, *args, **options):
        return self.keyfob('authenticator', 'finger', *args, **options)

    def list(self):
        return json.loads(self.finger('list', '--json').stdout)

    def add(self, *args):
        scans = self.reader.scans(*['right'] * fingerprint.STAGES)
        result = self.finger('add', *args, '--password-file', self.password)
        scans.join()
        return result.stderr.decode().splitlines()

    def test_from_nothing_to_nothing(self):
        self.assertEqual(self.list(), [])
        lines = self.add('ring finger')
        self.assertEqual(lines, ['keyfob: touch the fingerprint reader', 'keyfob: good, 4 more touches',
                                 'keyfob: good, 3 more touches', 'keyfob: good, 2 more touches',
                                 'keyfob: good, 1 more touch', 'keyfob: good, done'])
        self.assertEqual(self.list(), [{'id': RIGHT, 'name': 'ring finger'}])
        self.finger('rename', 'ring finger', 'the other one')
        self.assertIn(b'the other one', self.finger('list').stdout)
        self.finger('rename', RIGHT, '')
        self.assertEqual(self.list(), [{'id': RIGHT, 'name': 'Right index finger'}])
        self.assertOneLine(self.finger('delete', 'nobody', code=1).stderr, 'nobody')
        self.finger('delete', 'Right index finger', '--password-file', self.password)
        self.assertEqual(self.list(), [])
        self.reader.wait_until_released()

    def test_who_signs_in_is_the_owner_s_to_say(self):
        wrong = self.sandbox.write('wrong', 'wrong')
        self.assertOneLine(self.finger('add', '--password-file', wrong, code=6).stderr)
        self.assertOneLine(self.finger('add', code=3).stderr, '--password-file')
        self.assertFalse(self.reader.claimed())
        self.add()
        self.assertOneLine(self.finger('delete', RIGHT, '--password-file', wrong, code=6).stderr)
        self.assertOneLine(self.finger('delete', RIGHT, code=3).stderr, '--password-file')
        self.assertEqual(len(self.list()), 1)

    def test_on_a_terminal(self):
        terminal = self.sandbox.terminal([self.sandbox.stage.keyfob, 'authenticator', 'finger', 'add'])
        terminal.expect(r': ?$')
        self.assertFalse(terminal.echoes())
        terminal.send(PASSWORD + '\n')
        terminal.expect('touch the fingerprint reader')
        for _ in range(fingerprint.STAGES):
            self.reader.scan('right')
        self.assertEqual(terminal.wait(), 0, terminal.output)
        self.assertEqual(len(self.list()), 1)

    def test_interrupted_it_gives_the_reader_back(self):
        process = self.sandbox.spawn([self.sandbox.stage.keyfob, 'authenticator', 'finger', 'add', '--password-file',
                                      self.password])
        wait_for(self.reader.needs_finger, 'the reader to wait for a finger')
        kt.end_process(process)
        self.reader.wait_until_released()
        self.assertEqual(self.list(), [])

    def test_in_use(self):
        program = self.reader.hold()
        result = self.finger('add', '--password-file', self.password, code=8)
        self.assertOneLine(result.stderr, 'another program')
        kt.end_process(program)
        program.stdout.close()

    def test_without_a_reader(self):
        self.reader.kill()
        wait_for(lambda: b'no fingerprint reader' in self.finger('add', '--password-file', self.password,
                                                                 code=None).stderr, 'the reader to be gone')

    @unittest.skipIf(fingerprint.at_a_distance(), 'this test itself is run from afar')
    def test_from_afar(self):
        env = {'SSH_CONNECTION': '192.0.2.1 50000 192.0.2.2 22'}
        result = self.finger('add', '--password-file', self.password, env=env, code=None)
        self.assertNotEqual(result.returncode, 0)
        self.assertOneLine(result.stderr, 'remote-fingerprint')
        self.assertFalse(self.reader.claimed())


if __name__ == '__main__':
    kt.main()
