#!/usr/bin/python3
"""An old copy of the vault that is put back along with what was kept of it is noticed, by a counter in a TPM (swtpm)."""
import json
import os
import shutil
import signal
import struct
import time

from jeepney import DBusAddress, Properties

import flatpak
import keyfob_bus as kb
import keyfob_test as kt
import tpm_tools

PASSWORD = 'correct horse'
STORE = DBusAddress('/org/keyfob', bus_name='org.keyfob.Daemon', interface='org.keyfob.Store1')
DAMAGED = 7


class Word:
    """What docs/FORMAT.md says of it."""

    def __init__(self, data):
        self.data = data
        self.format = data[4:18].decode()
        self.time, _, n = struct.unpack_from('<QII', data, 34)
        self.handle = self.count = 0
        self.behind = self.stale = None
        if self.format == 'keyfob epoch 2':
            at = 50 + 12 * n
            self.handle, self.count, self.behind, _, size = struct.unpack_from('<IQBQI', data, at)
            self.stale, = struct.unpack_from('<I', data, at + 25 + size)


@tpm_tools.needed
class TpmEpoch(kt.KeyfobTest):
    """Delete the name after the last subclass: it has no tests."""

    def setUp(self):
        super().setUp()
        self.tpm = tpm_tools.Tpm(self.sandbox)
        self.state = os.path.join(self.sandbox.state, 'keyfob')
        self.password = self.sandbox.write('password', PASSWORD)
        self.configure()
        self.sandbox.use_pinentry(None)
        self.collections = 0
        self.started = False

    def configure(self, tcti=None, more=''):
        directory = os.path.join(self.sandbox.config, 'keyfob')
        os.makedirs(directory, exist_ok=True)
        path = os.path.join(directory, 'keyfobd.conf')
        with open(path, 'w', encoding='utf-8') as file:
            file.write(f'[tpm]\ntcti = {tcti or self.tpm.tcti}\n{more}\n')
        os.chmod(path, 0o600)

    # ---- the daemon, and copies of what is on disk

    def begin(self):
        self.sandbox.start_daemon()
        self.sandbox.init(PASSWORD)
        self.keyfob('set', 'svc', 'me', input='old')
        self.keyfob('check')

    def start(self, password=PASSWORD):
        self.sandbox.start_daemon()
        self.sandbox.unlock(password)

    def again(self, password=PASSWORD):
        self.sandbox.stop_daemon()
        self.start(password)

    def settle(self):
        """The TPM has said what it has to say."""
        self.keyfob('check')

    def change(self):
        """Something that is counted at once."""
        self.collections += 1
        self.keyfob('collection', 'create', f'other {self.collections}', '--password-file', self.password)

    def wait_for(self, condition):
        deadline = time.monotonic() + kt.TIMEOUT
        while not condition():
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.02)

    def places(self):
        return (self.sandbox.vault_dir, self.state)

    def save(self, name='saved'):
        """Copies of vault and word, of a daemon that has stopped."""
        for n, place in enumerate(self.places()):
            shutil.copytree(place, os.path.join(self.sandbox.root, f'{name}{n}'))

    def put_back(self, name='saved', which=(0, 1)):
        for n in which:
            shutil.rmtree(self.places()[n])
            shutil.copytree(os.path.join(self.sandbox.root, f'{name}{n}'), self.places()[n])

    def word(self):
        name, = [name for name in os.listdir(self.state) if not name.endswith('.new')]
        with open(os.path.join(self.state, name), 'rb') as file:
            return Word(file.read())

    def kill_all(self):
        helpers = [int(pid) for pid in os.listdir('/proc') if pid.isdigit() and self.is_helper(pid)]
        self.sandbox.kill_daemon()
        for pid in helpers:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass

    def is_helper(self, pid):
        """One of this test's own, or a child of it."""
        try:
            with open(f'/proc/{pid}/cmdline', 'rb') as file:
                if not file.read().startswith(b'keyfob-helper'):
                    return False
            with open(f'/proc/{pid}/environ', 'rb') as file:
                return self.sandbox.root.encode() in file.read()
        except OSError:
            return False

    # ---- what is told

    def status(self):
        return json.loads(self.keyfob('status', '--json').stdout)

    def indices(self):
        return [int(word, 0) for word in self.tpm.tool('tpm2_getcap', 'handles-nv-index').replace('-', '').split()]

    def property(self):
        with kb.Client(self.sandbox.socket) as client:
            return client.connection.send_and_get_reply(Properties(STORE).get('Epoch')).body[0][1]

    def assertGood(self, counter='current'):
        self.keyfob('check')
        status = self.status()
        self.assertEqual((status['epoch'], status['counter'], status['counter_problem']), ('current', counter, ''))
        self.assertEqual(self.keyfob('status').stdout.count(b'counter '), 0)
        if counter == 'current':
            self.assertEqual(self.word().handle, status['counter_handle'])
        return status

    def assertBad(self, epoch, counter, *words):
        """Said everywhere, again and again, and nothing stops working."""
        for _ in range(2):
            result = self.keyfob('check', code=DAMAGED)
            self.assertIn(b'--accept', result.stderr)
            status = self.status()
            self.assertEqual((status['epoch'], status['counter']), (epoch, counter))
            self.assertEqual(self.property()[0], epoch)
            for word in words:
                self.assertIn(word, status['counter_problem'])
                self.assertIn(word.encode(), result.stdout)
                self.assertIn(word, self.sandbox.read_log())
            self.assertRegex(self.keyfob('status').stdout, rb'age +(OLD COPY|UNKNOWN)')
            before = self.word().count if os.listdir(self.state) else None
            self.keyfob('get', 'svc', 'me')
            self.keyfob('set', 'svc', 'more', input='x')
            self.change()
            self.keyfob('lock')
            self.assertEqual(self.status()['epoch'], epoch)
            self.sandbox.unlock(PASSWORD)
            self.assertEqual(self.property()[0], epoch)
            self.assertEqual(self.word().count if os.listdir(self.state) else None, before)
        self.again()
        self.keyfob('check', code=DAMAGED)
        return self.status()

    def accept(self):
        self.keyfob('check', '--accept')
        self.assertGood()
        self.again()
        self.assertGood()

    def assertEmpty(self):
        for kind in ('handles-transient', 'handles-loaded-session'):
            self.assertEqual(self.tpm.tool('tpm2_getcap', kind).strip(), '', kind)


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

    def is_asked(self):
        """A child of the helper talks to the TPM, or wants to."""
        helpers = [pid for pid in os.listdir('/proc') if pid.isdigit() and self.is_helper(pid)]
        return len(helpers) > 1

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
            self.wait_for(self.is_asked)
            self.change()
            self.wait_for(lambda: self.word().count == before + 1)
            self.keyfob('lock')
        self.assertEqual(first.wait(kt.TIMEOUT), 0)
        self.keyfob('passkey', 'policy', '--json')  # which asks the TPM as well, behind that
        self.sandbox.kill_daemon()
        self.put_back()
        self.start()
        self.keyfob('check', code=DAMAGED)
        self.assertEqual(self.status()['counter'], 'ahead')

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
        self.put_back()
        self.start()
        self.keyfob('check', code=DAMAGED)
        self.assertEqual(self.status()['counter'], 'ahead')

    def test_the_helper_dies(self):
        self.begin()
        before = self.word()
        with self.tpm.hold():
            self.change()
            self.wait_for(lambda: self.word().count == before.count + 1)
            for pid in os.listdir('/proc'):
                if pid.isdigit() and self.is_helper(pid):
                    os.kill(int(pid), signal.SIGKILL)
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
