#!/usr/bin/python3
"""An old copy of the vault that is put back along with what was kept of it is noticed, by a counter in a TPM (swtpm)."""
import os
import shutil
import time

import flatpak
import keyfob_test as kt
from epoch_tpm import DAMAGED, PASSWORD, TpmEpoch


class Counting(TpmEpoch):
    def test_it_goes_along(self):
        self.begin()
        status = self.assertGood()
        handle = status['counter_handle']
        self.assertEqual(self.indices(), [handle, handle + 1])
        self.assertTrue(0x01800000 <= handle <= 0x01bffffe and handle % 2 == 0)
        first = self.word()
        self.assertEqual(first.format, 'keyfob epoch 2')
        self.keyfob('set', 'svc', 'other', input='x')
        self.again()
        self.assertGood()
        self.assertEqual(self.word().count, first.count)
        self.change()
        self.settle()
        self.assertEqual((self.word().count, self.word().behind), (first.count + 1, 0))
        self.again()
        self.assertGood()
        self.tpm.restart()
        self.again()
        self.assertGood()
        self.assertEqual(self.word().count, first.count + 1)
        self.assertEqual(self.indices(), [handle, handle + 1])
        self.assertEmpty()

    def test_nobody_waits_for_the_tpm(self):
        self.begin()
        self.change()
        self.settle()
        self.sandbox.stop_daemon()
        with self.tpm.hold():
            self.start()
            self.assertEqual(self.keyfob('get', 'svc', 'me').stdout, b'old')
            self.change()
            self.keyfob('lock')
            self.sandbox.unlock(PASSWORD)
            self.assertEqual(self.status()['counter'], 'checking')
            self.assertEqual(self.property()[0], 'current')
            check = self.sandbox.spawn([self.sandbox.stage.keyfob, 'check'])
            self.keyfob('set', 'svc', 'during', input='x')
            self.assertIsNone(check.poll())  # that is an answer worth waiting for
        self.assertEqual(check.wait(kt.TIMEOUT), 0)
        self.assertGood()

    def test_who_waits_may_leave(self):
        self.begin()
        with self.tpm.hold():
            self.keyfob('lock')
            self.sandbox.unlock(PASSWORD)
            checks = [self.sandbox.spawn([self.sandbox.stage.keyfob, 'check']) for _ in range(3)]
            self.keyfob('status')
            kt.end_process(checks.pop())
            self.keyfob('lock')
            for check in checks:
                self.assertEqual(check.wait(kt.TIMEOUT), 0)
            self.sandbox.unlock(PASSWORD)
            check = self.sandbox.spawn([self.sandbox.stage.keyfob, 'check'])
            self.keyfob('status')
            self.sandbox.stop_daemon()
            check.wait(kt.TIMEOUT)
        self.start()
        self.assertGood()

    def test_what_is_locked_away_is_counted(self):
        """Though the vault is locked before the TPM gets at it, which somebody else keeps busy."""
        self.begin()
        self.sandbox.stop_daemon()
        self.save()
        self.start()
        self.settle()
        before = self.word().count
        with self.tpm.hold():
            first = self.sandbox.spawn([self.sandbox.stage.keyfob, 'passkey', 'policy', '--json'])
            self.wait_for(lambda: len(self.helpers()) > 1)  # it talks to the TPM, or wants to
            self.change()
            self.wait_for(lambda: self.word().count == before + 1)
            self.keyfob('lock')
        self.assertEqual(first.wait(kt.TIMEOUT), 0)
        self.keyfob('passkey', 'policy', '--json')  # which asks the TPM as well, behind that
        self.sandbox.kill_daemon()
        self.assertNoticed()

    def test_not_too_often(self):
        self.begin()
        first = self.word().count
        for _ in range(30):
            self.change()
            self.settle()
        self.assertGreater(self.word().count, first + 15)
        self.assertLess(self.word().count, first + 24)
        self.assertEqual(self.word().behind, 1)
        self.again()
        self.assertGood()
        self.assertLess(self.word().count, first + 24)

    def test_forgotten(self):
        """Before a vault is deleted; and should it be used again, it begins anew."""
        self.begin()
        self.change()
        self.keyfob('check', '--forget')
        self.assertEqual((self.indices(), os.listdir(self.state)), ([], []))
        status = self.status()
        self.assertEqual((status['epoch'], status['counter'], status['counter_handle']), ('closed', 'none', 0))
        self.change()
        self.keyfob('check')
        self.keyfob('check', '--forget')
        self.sandbox.stop_daemon()
        self.assertEqual((self.indices(), os.listdir(self.state)), ([], []))
        self.start()
        self.assertGood()
        self.assertEqual(len(self.indices()), 2)
        self.keyfob('check', '--forget')
        self.keyfob('lock')
        self.keyfob('check', '--forget', code=3)
        self.sandbox.unlock(PASSWORD)
        self.assertGood()

    def test_what_can_t_be_removed_is_not_forgotten(self):
        self.begin()
        before = self.word().data
        self.tpm.stop()
        result = self.keyfob('check', '--forget', code=None)
        self.assertNotEqual(result.returncode, 0)
        self.assertOneLine(result.stderr, "can't be reached")
        self.assertEqual(self.word().data, before)
        self.tpm.start()
        self.assertGood()
        self.tpm.tool('tpm2_changeauth', '-c', 'owner', 'secret')
        result = self.keyfob('check', '--forget', code=None)
        self.assertOneLine(result.stderr, 'owner')
        self.assertGood()

    def test_not_by_apps(self):
        if not flatpak.possible():
            self.skipTest('no namespaces here')
        self.begin()
        for option in ('--accept', '--forget'):
            argv = [self.sandbox.stage.keyfob, 'check', option]
            result = self.sandbox.run(flatpak.command(os.path.join(self.sandbox.home, 'root'), 'org.example.Editor', argv), code=None)
            self.assertNotEqual(result.returncode, 0)
            self.assertOneLine(result.stderr, 'an app in a sandbox')
        self.assertGood()

    def test_two_vaults(self):
        self.begin()
        self.sandbox.stop_daemon()
        self.save('one')
        for place in self.places():
            shutil.rmtree(place)
        self.begin()
        self.assertGood()
        self.assertEqual(len(self.indices()), 4)
        self.sandbox.stop_daemon()
        self.save('two')
        for name in ('one', 'two', 'one'):
            self.put_back(name)
            self.start()
            self.assertGood()
            self.sandbox.stop_daemon()
        self.assertEqual(len(self.indices()), 4)


class PutBack(TpmEpoch):
    def prepare(self):
        """An old copy, and a vault that had come farther; returns since when, at the earliest and at the latest."""
        self.begin()
        self.sandbox.stop_daemon()
        self.save()
        old = self.word()
        while time.time() < old.time + 2:
            time.sleep(0.1)
        self.start()
        self.settle()
        at = int(time.time())
        self.keyfob('set', 'svc', 'me', input='new')
        self.change()
        self.settle()
        until = time.time()
        self.assertGood()
        self.sandbox.stop_daemon()
        while time.time() < int(until) + 2:
            time.sleep(0.1)
        return at, until

    def test_vault_and_word(self):
        at, until = self.prepare()
        self.put_back()
        old = self.word()
        self.sandbox.start_daemon()
        self.assertEqual(self.status()['epoch'], 'closed')
        self.sandbox.unlock(PASSWORD)
        self.keyfob('check', code=DAMAGED)
        self.assertTrue(0 < self.status()['epoch_found'] <= old.time)
        self.assertTrue(at <= self.status()['epoch_recorded'] <= until)
        status = self.assertBad('old', 'ahead', 'counted more')
        self.assertTrue(old.time < at <= status['epoch_recorded'] <= until)
        self.assertEqual(self.property(), ('old', status['epoch_recorded'], status['epoch_found']))
        self.assertRegex(self.sandbox.read_log(), r'OLD COPY .*last changed \d{4}-\d\d-\d\d \d\d:\d\d, .* by \d{4}-')
        self.assertEqual(self.keyfob('get', 'svc', 'me').stdout, b'old')
        self.accept()
        # What was accepted is what the next old copy is held against.
        self.sandbox.stop_daemon()
        self.put_back()
        self.start()
        self.assertBad('old', 'ahead')

    def test_nothing_is_forgotten_while_it_is_to_be_decided(self):
        self.prepare()
        self.put_back()
        self.start()
        self.keyfob('check', code=DAMAGED)
        result = self.keyfob('check', '--forget', code=None)
        self.assertNotEqual(result.returncode, 0)
        self.assertOneLine(result.stderr, 'decide')
        self.assertEqual(len(self.indices()), 2)
        self.keyfob('check', code=DAMAGED)

    def test_the_right_one_is_put_back(self):
        self.prepare()
        self.save('right')
        self.put_back()
        self.start()
        self.keyfob('check', code=DAMAGED)
        self.sandbox.stop_daemon()
        self.put_back('right')
        self.start()
        self.assertGood()

    def test_the_vault_alone(self):
        """By the word, as ever."""
        self.prepare()
        self.put_back(which=(0,))
        self.start()
        result = self.keyfob('check', code=DAMAGED)
        self.assertIn(b'--accept', result.stderr)
        self.keyfob('lock')
        self.sandbox.unlock(PASSWORD)
        self.keyfob('check', code=DAMAGED)
        status = self.status()
        self.assertEqual((status['epoch'], status['counter']), ('old', 'current'))
        self.assertGreater(status['epoch_recorded'], 0)
        self.accept()

    def test_without_its_word(self):
        self.prepare()
        self.put_back()
        shutil.rmtree(self.state)
        self.start()
        status = self.assertBad('foreign', 'unknown', 'has counted')
        self.assertGreater(status['epoch_recorded'], 0)
        self.accept()

    def test_from_before_there_was_a_counter(self):
        self.configure(more='epoch = no')
        self.begin()
        self.sandbox.stop_daemon()
        self.assertEqual(self.word().format, 'keyfob epoch 1')
        self.assertEqual(self.indices(), [])
        self.save()
        self.configure()
        self.start()
        self.assertGood()
        self.assertEqual(self.word().format, 'keyfob epoch 2')
        self.sandbox.stop_daemon()
        self.put_back()
        self.start()
        self.assertBad('foreign', 'unknown', 'has counted')
        self.accept()

    def test_while_the_tpm_is_away(self):
        """What could not be looked at is looked at later."""
        self.prepare()
        self.put_back()
        self.tpm.stop()
        self.start()
        self.assertEqual(self.property()[0], 'current')
        self.keyfob('check', code=DAMAGED)
        self.assertEqual(self.status()['counter'], 'unreachable')
        self.change()
        self.again()
        self.tpm.start()
        self.assertBad('old', 'ahead')

    def test_noticed_is_noticed(self):
        """A TPM that is taken away then does not make it forgotten, nor good when it is back."""
        self.prepare()
        self.put_back()
        self.start()
        self.keyfob('check', code=DAMAGED)
        self.tpm.stop()
        self.keyfob('lock')
        self.sandbox.unlock(PASSWORD)
        self.assertEqual(self.property()[0], 'old')
        self.keyfob('check', code=DAMAGED)
        self.assertEqual(self.property()[0], 'old')
        self.again()
        self.change()
        self.sandbox.stop_daemon()
        self.tpm.start()
        self.start()
        self.keyfob('check', code=DAMAGED)
        self.assertEqual(self.property()[0], 'old')

    def test_of_other_keys(self):
        self.prepare()
        self.start()
        old = self.word()
        self.keyfob('rekey', '--password-file', self.password)
        status = self.assertGood()
        self.assertNotEqual(status['counter_handle'], old.handle)
        self.assertEqual(self.indices(), [status['counter_handle'], status['counter_handle'] + 1])
        self.again()
        self.change()
        self.assertGood()
        self.assertEqual(self.word().stale, 0)
        self.sandbox.stop_daemon()
        self.put_back()
        self.start()
        self.assertBad('foreign', 'gone', 'removed')
        self.accept()

    def test_new_keys_while_the_tpm_is_away(self):
        """The old counter is removed when it can be."""
        self.begin()
        handle = self.word().handle
        self.tpm.stop()
        self.keyfob('rekey', '--password-file', self.password)
        self.keyfob('check')
        self.assertEqual(self.word().stale, handle)
        self.again()
        self.keyfob('check')
        self.sandbox.stop_daemon()
        self.tpm.start()
        self.start()
        status = self.assertGood()
        self.assertEqual(self.indices(), [status['counter_handle'], status['counter_handle'] + 1])

    def test_a_backup(self):
        self.begin()
        backup = os.path.join(self.sandbox.root, 'backup')
        self.keyfob('backup', backup)
        self.change()
        self.settle()
        self.keyfob('restore', '--yes', '--password-file', self.password, backup)
        self.assertGood()
        self.again()
        self.assertGood()
        self.assertEqual(len(self.indices()), 2)

    def test_a_backup_that_is_restored_then(self):
        """Who restores one decides by that."""
        self.begin()
        backup = os.path.join(self.sandbox.root, 'backup')
        self.keyfob('backup', backup)
        self.sandbox.stop_daemon()
        self.save()
        self.start()
        self.change()
        self.settle()
        self.sandbox.stop_daemon()
        self.put_back()
        self.start()
        self.keyfob('check', code=DAMAGED)
        self.keyfob('restore', '--yes', '--password-file', self.password, backup)
        self.assertGood()
        self.again()
        self.assertGood()
        self.tpm.tool('tpm2_clear')
        self.again()
        self.keyfob('check', code=DAMAGED)
        self.keyfob('restore', '--yes', '--password-file', self.password, backup)
        self.assertGood()
        self.again()
        self.assertGood()

    def test_a_word_that_is_none(self):
        self.prepare()
        name, = os.listdir(self.state)
        with open(os.path.join(self.state, name), 'rb') as file:
            word = file.read()
        for spoilt in (b'', word[:-1], word + b'x', word[:50] + b'\xff' + word[51:], word[:-33] + b'\1' + word[-32:]):
            with open(os.path.join(self.state, name), 'wb') as file:
                file.write(spoilt)
            self.start()
            self.keyfob('check', code=DAMAGED)
            self.assertEqual(self.property()[0], 'foreign')
            self.sandbox.stop_daemon()
        self.start()
        self.accept()


del TpmEpoch

if __name__ == '__main__':
    kt.main()
