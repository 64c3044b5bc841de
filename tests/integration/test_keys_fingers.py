#!/usr/bin/python3
"""`keyfob key finger`: a key with a sensor, which is a second Keyfob with the real fprintd's virtual reader."""
import signal
import unittest

import fingerprint
import keyfob_test as kt
import test_keys
from person import wait_for
from test_keys import OTHER


@unittest.skipUnless(test_keys.fido_key, 'python3-fido2 is missing')
@kt.not_sanitized
class Fingers(test_keys.Key):
    def prepare_other(self):
        fingerprint.require()
        self.reader = fingerprint.Reader(self.other)
        self.reader.start()

    def setUp(self):
        super().setUp()
        self.set_pin()

    def list(self):
        return {finger['name']: finger['id'] for finger in self.json('finger', 'list', pin=test_keys.PIN)}

    def add(self, *name, finger='right'):
        scans = self.reader.scans(*[finger] * fingerprint.STAGES)
        result = self.with_pin('finger', 'add', *name)
        scans.join()
        return result.stderr.decode().splitlines()

    def assertReleased(self):
        self.reader.wait_until_released()

    def test_from_none_to_none(self):
        info = self.info()
        self.assertIs(info['fingerprints'], True)
        self.assertIs(info['options']['bioEnroll'], False)
        self.assertIn(b'it has a sensor', self.key('info').stdout)
        self.assertEqual(self.list(), {})
        self.assertEqual(self.with_pin('finger', 'list').stdout, b'')

        self.assertEqual(self.add('the one with the ring'),
                         ['keyfob: touch your key', 'keyfob: good, 4 more touches', 'keyfob: good, 3 more touches',
                          'keyfob: good, 2 more touches', 'keyfob: good, 1 more touch', 'keyfob: good, done'])
        self.assertEqual(list(self.list()), ['the one with the ring'])
        self.assertIn('uv_retries', self.info())
        self.add(finger='left')
        self.assertEqual(len(self.list()), 2)
        lines = self.with_pin('finger', 'list').stdout.decode().splitlines()
        self.assertEqual((lines[0].split(), len(lines)), (['ID', 'NAME'], 3))

        number = self.list()['the one with the ring']
        self.with_pin('finger', 'rename', 'the one with the ring', 'bare')
        self.assertEqual(self.list()['bare'], number)
        self.assertOneLine(self.with_pin('finger', 'delete', 'bare', code=3).stderr, '--yes')
        self.assertOneLine(self.with_pin('finger', 'delete', 'nobody', '--yes', code=1).stderr, 'nobody')
        self.with_pin('finger', 'delete', 'bare', '--yes')
        self.with_pin('finger', 'delete', *self.list().values(), '--yes')
        self.assertEqual(self.list(), {})

    def test_a_name_that_the_key_does_not_take(self):
        """Nothing stays behind of what is told to have failed."""
        scans = self.reader.scans(*['right'] * fingerprint.STAGES)
        self.assertOneLine(self.with_pin('finger', 'add', 'x' * 65, code=2).stderr.splitlines(True)[-1], 'too long')
        scans.join()
        self.assertReleased()
        self.assertEqual(self.list(), {})
        self.assertFalse(self.info()['options']['bioEnroll'])
        self.add('x' * 64)
        self.assertEqual(list(self.list()), ['x' * 64])

    def test_a_bad_sample_is_told(self):
        process = self.sandbox.spawn([self.sandbox.stage.keyfob, 'key', 'finger', 'add', '--pin-file',
                                      self.pin_file(test_keys.PIN)])
        wait_for(self.reader.needs_finger, 'the reader to wait for a finger')
        self.reader.send('RETRY 1')
        wait_for(lambda: 'too short, 5 more touches' in self.sandbox.read_log(), 'the bad sample to be told')
        self.reader.scans(*['right'] * fingerprint.STAGES).join()
        self.assertEqual(process.wait(kt.TIMEOUT), 0)
        self.assertEqual(len(self.list()), 1)

    def test_ctrl_c(self):
        process = self.sandbox.spawn([self.sandbox.stage.keyfob, 'key', 'finger', 'add', '--pin-file',
                                      self.pin_file(test_keys.PIN)])
        self.reader.scan('right')
        wait_for(lambda: '4 more touches' in self.sandbox.read_log(), 'a sample')
        process.send_signal(signal.SIGINT)
        process.wait(kt.TIMEOUT)
        self.assertReleased()
        wait_for(lambda: len(self.helpers()) == 1, 'the task to end')
        self.assertEqual(self.list(), {})

    def test_a_wrong_pin(self):
        self.assertOneLine(self.with_pin('finger', 'add', pin=OTHER, code=6).stderr, '7 tries left')
        self.assertOneLine(self.with_pin('finger', 'list', pin=OTHER, code=6).stderr, '6 tries left')


if __name__ == '__main__':
    kt.main()
