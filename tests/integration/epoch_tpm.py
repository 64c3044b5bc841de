"""A daemon whose vault is counted by a TPM (swtpm), and copies of what it has on disk: for test_epoch_tpm.py and
test_epoch_tpm_trouble.py."""
import json
import os
import shutil
import signal
import struct
import time

from jeepney import DBusAddress, Properties

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

    def helpers(self):
        """The daemon's helper, and what it has at work: each a child of the one before."""
        parents = {}
        for pid in filter(str.isdigit, os.listdir('/proc')):
            try:
                with open(f'/proc/{pid}/stat', encoding='utf-8', errors='replace') as file:
                    parents[int(pid)] = int(file.read().rpartition(')')[2].split()[1])
            except OSError:  # it has ended
                pass
        found = [self.sandbox.daemon.pid]
        for parent in found:
            found += [pid for pid, of in parents.items() if of == parent]
        return found[1:]

    def kill_helpers(self, helpers):
        for pid in helpers:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass

    def kill_all(self):
        helpers = self.helpers()
        self.sandbox.kill_daemon()
        self.kill_helpers(helpers)

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

    def assertNoticed(self):
        """What was saved is put back, vault and word, and the TPM has counted more."""
        self.put_back()
        self.start()
        self.keyfob('check', code=DAMAGED)
        self.assertEqual(self.status()['counter'], 'ahead')

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
