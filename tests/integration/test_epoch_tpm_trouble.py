#!/usr/bin/python3
"""The TPM that counts the states of the vault is away, another, cleared, full, locked out; and power goes at any moment."""
import os
import shutil
import time

import keyfob_test as kt
from epoch_tpm import DAMAGED, TpmEpoch


class Cut(TpmEpoch):
    """Power goes between two steps."""

    def test_between_word_and_counter(self):
        self.begin()
        before = self.word()
        for _ in range(3):
            holder = self.tpm.hold()
            self.change()  # the word is written, and the counter waits
            self.wait_for(lambda: self.word().count == before.count + 1)
            self.kill_all()
            holder.close()
            self.start()
            self.assertGood()
            before = self.word()
        # It was caught up with: the word of before is an old one.
        self.change()
        self.settle()
        self.assertEqual(self.word().count, before.count + 1)

    def test_what_was_caught_up_with_is_old(self):
        self.begin()
        self.sandbox.stop_daemon()
        self.save()
        self.start()
        self.settle()
        before = self.word().count
        with self.tpm.hold():
            self.change()
            self.wait_for(lambda: self.word().count == before + 1)
            self.kill_all()
        self.start()
        self.settle()
        self.sandbox.stop_daemon()
        self.assertNoticed()

    def test_the_helper_dies(self):
        self.begin()
        before = self.word()
        with self.tpm.hold():
            self.change()
            self.wait_for(lambda: self.word().count == before.count + 1)
            self.kill_helpers(self.helpers())
            self.assertEqual(self.keyfob('get', 'svc', 'me').stdout, b'old')
        self.keyfob('check', code=DAMAGED)
        self.assertEqual((self.property()[0], self.status()['counter']), ('current', 'unreachable'))
        self.again()
        self.assertGood()
        self.assertEqual(self.word().count, before.count + 1)

    def test_before_one_that_was_made_is_written_down(self):
        self.configure(more='epoch = no')
        self.begin()
        self.sandbox.stop_daemon()
        self.save()
        self.configure()
        name, = os.listdir(self.state)
        os.mkdir(os.path.join(self.state, name + '.new'))
        self.start()
        self.keyfob('check')
        self.assertEqual(len(self.indices()), 2)
        self.assertEqual(self.word().format, 'keyfob epoch 1')
        self.kill_all()
        os.rmdir(os.path.join(self.state, name + '.new'))
        self.start()
        self.assertGood()
        self.assertEqual(len(self.indices()), 2)
        # From when it moved on, that is over.
        self.sandbox.stop_daemon()
        self.put_back()
        self.start()
        self.keyfob('check', code=DAMAGED)
        self.assertEqual(self.status()['counter'], 'unknown')

    def test_anywhere(self):
        self.begin()
        for n in range(8):
            self.change()
            if n % 2:
                self.keyfob('lock')
            time.sleep(0.02 * n)
            self.kill_all()
            for kind in ('-t', '-l'):  # what the kernel's resource manager does
                self.tpm.tool('tpm2_flushcontext', kind)
            self.start()
            self.assertGood()
        self.assertEqual(len(self.indices()), 2)


class Trouble(TpmEpoch):
    def check_gone(self, *words):
        self.again()
        self.assertBad('foreign', 'gone', *words)
        self.accept()

    def test_removed(self):
        self.begin()
        handle = self.word().handle
        self.tpm.tool('tpm2_nvundefine', '-C', 'o', hex(handle))
        self.check_gone('was removed from the TPM')
        self.assertEqual(self.indices(), [handle, handle + 1])

    def test_removed_while_it_is_open(self):
        self.begin()
        for place in self.indices():
            self.tpm.tool('tpm2_nvundefine', '-C', 'o', hex(place))
        self.change()
        self.keyfob('check', code=DAMAGED)
        self.assertEqual((self.property()[0], self.status()['counter']), ('foreign', 'gone'))
        self.accept()

    def test_somebody_makes_one_like_it(self):
        self.begin()
        handle = self.word().handle
        # Its public half can be copied; the value can't.
        area = self.tpm.tool('tpm2_nvreadpublic', hex(handle))
        tag = next(line.split(':')[1].strip() for line in area.splitlines() if 'authorization policy' in line)
        policy = os.path.join(self.sandbox.root, 'policy')
        with open(policy, 'wb') as file:
            file.write(bytes.fromhex(tag))
        self.tpm.tool('tpm2_nvundefine', '-C', 'o', hex(handle))
        self.tpm.tool('tpm2_nvdefine', '-C', 'o', '-s', '8', '-a', 'authread|authwrite|no_da|nt=1', '-L', policy, '-p', 'mine', hex(handle))
        self.tpm.tool('tpm2_nvincrement', '-C', hex(handle), '-P', 'mine', hex(handle))
        self.check_gone()

    def test_cleared(self):
        self.begin()
        self.tpm.tool('tpm2_clear')
        self.check_gone('another', 'cleared since')

    def test_another(self):
        self.begin()
        self.sandbox.stop_daemon()
        self.save()
        self.tpm.exchange()
        self.start()
        self.assertBad('foreign', 'gone', 'another', 'cleared since')
        self.sandbox.stop_daemon()
        self.put_back()
        self.tpm.exchange(0)
        self.start()
        self.assertGood()
        self.tpm.exchange(1)
        self.check_gone('another')

    def test_its_memory_was_put_back(self):
        self.begin()
        self.sandbox.stop_daemon()
        self.tpm.stop()
        state = os.path.join(self.tpm.directory, 'state0')
        shutil.copytree(state, state + '.old')
        self.tpm.start()
        self.start()
        for _ in range(3):
            self.change()
            self.settle()
        self.sandbox.stop_daemon()
        self.tpm.stop()
        shutil.rmtree(state)
        shutil.copytree(state + '.old', state)
        self.tpm.start()
        self.start()
        self.assertBad('foreign', 'behind', 'counted fewer')
        self.accept()

    def test_away_and_back(self):
        self.begin()
        self.tpm.stop()
        self.again()
        self.assertEqual(self.keyfob('get', 'svc', 'me').stdout, b'old')
        result = self.keyfob('check', code=DAMAGED)
        self.assertOneLine(result.stderr, "can't be asked", '--accept')
        self.assertRegex(self.keyfob('status').stdout, rb"counter +UNCHECKED: .*can't be reached")
        self.assertEqual(self.property()[0], 'current')
        self.assertEqual(self.sandbox.read_log().count("can't be asked"), 1)
        self.change()
        self.tpm.start()
        self.assertGood()
        self.assertEqual(self.word().behind, 0)
        self.again()
        self.assertGood()

    def test_gone_for_good(self):
        self.begin()
        self.tpm.stop()
        self.again()
        self.keyfob('check', code=DAMAGED)
        self.keyfob('check', '--accept')
        self.keyfob('check')
        self.assertEqual(self.status()['counter'], 'none')
        self.again()
        self.keyfob('check')
        self.assertEqual(self.word().format, 'keyfob epoch 1')
        # Should it come back, it says so.
        self.tpm.start()
        self.again()
        self.assertBad('foreign', 'unknown')
        self.accept()

    def test_none(self):
        self.configure(tcti=f'device:{self.sandbox.root}/none')
        self.begin()
        self.assertGood('none')
        self.assertEqual(self.word().format, 'keyfob epoch 1')
        self.again()
        self.assertGood('none')
        self.assertNotIn('TPM', self.sandbox.read_log())

    def test_not_wanted(self):
        self.configure(more='epoch = no')
        self.begin()
        status = self.status()
        self.assertEqual((status['epoch'], status['counter']), ('current', 'none'))
        self.assertEqual(self.indices(), [])
        self.sandbox.stop_daemon()
        self.configure()
        self.start()
        self.assertGood()
        self.sandbox.stop_daemon()
        self.configure(more='epoch = no')
        self.start()
        self.keyfob('check', code=DAMAGED)
        self.assertIn('turned off', self.status()['counter_problem'])
        self.keyfob('check', '--accept')
        self.keyfob('check')

    def test_a_password_of_the_owner(self):
        self.tpm.tool('tpm2_changeauth', '-c', 'owner', 'secret')
        self.begin()
        status = self.status()
        self.assertEqual((status['epoch'], status['counter']), ('current', 'none'))
        self.assertIn('owner has set a password', status['counter_problem'])
        self.assertRegex(self.keyfob('status').stdout, rb'counter +none: .*owner')
        self.tpm.tool('tpm2_changeauth', '-c', 'owner', '-p', 'secret')
        self.again()
        self.assertGood()
        self.tpm.tool('tpm2_changeauth', '-c', 'owner', 'secret')
        self.again()
        before = self.word().count
        self.change()
        self.assertGood()
        self.assertEqual(self.word().count, before + 1)

    def test_full(self):
        handle, made = 0x01900000, 0
        for size in (512, 64, 16):
            while self.tpm.tool('tpm2_nvdefine', '-C', 'o', '-s', str(size), '-a', 'authread|authwrite', hex(handle + made),
                                code=None):
                made += 1
        self.begin()
        status = self.status()
        self.assertEqual((status['epoch'], status['counter']), ('current', 'none'))
        self.assertIn('full', status['counter_problem'])
        self.tpm.tool('tpm2_nvundefine', '-C', 'o', hex(handle))
        self.again()
        self.assertGood()

    def test_locked_out(self):
        self.begin()
        self.tpm.fill()
        self.again()
        self.change()
        self.assertGood()

    def test_no_room_for_sessions(self):
        self.begin()
        self.tpm.fill_sessions()
        self.again()
        self.keyfob('check', code=DAMAGED)
        self.assertIn('no room', self.status()['counter_problem'])
        self.tpm.tool('tpm2_flushcontext', '-l')
        self.assertGood()

    def test_another_machine(self):
        """Only the vault is copied there: it begins anew, as without a TPM."""
        self.begin()
        self.sandbox.stop_daemon()
        shutil.rmtree(self.state)
        self.tpm.exchange()
        self.start()
        self.assertGood()
        self.assertEqual(len(self.indices()), 2)


del TpmEpoch

if __name__ == '__main__':
    kt.main()
