#!/usr/bin/python3
"""An old copy of the vault that is put back is noticed, said, and the owner decides."""
import json
import os
import shutil
import time

from jeepney import DBusAddress, Properties

import keyfob_bus as kb
import keyfob_test as kt
from person import wait_for

PASSWORD = 'correct horse'
STORE = DBusAddress('/org/keyfob', bus_name='org.keyfob.Daemon', interface='org.keyfob.Store1')
CHEAP = ('--kdf-memory', '64', '--kdf-passes', '3')


class Epoch(kt.KeyfobTest):
    def setUp(self):
        super().setUp()
        self.old = os.path.join(self.sandbox.root, 'old')
        self.state = os.path.join(self.sandbox.state, 'keyfob')

    def start(self, password=PASSWORD):
        self.sandbox.start_daemon()
        self.sandbox.unlock(password)

    def stop_and_save(self):
        self.sandbox.stop_daemon()
        shutil.copytree(self.sandbox.vault_dir, self.old)

    def put_back(self):
        self.sandbox.stop_daemon()
        shutil.rmtree(self.sandbox.vault_dir)
        shutil.copytree(self.old, self.sandbox.vault_dir)

    def prepare(self):
        """An old copy, and a vault that had come farther."""
        self.sandbox.start_daemon()
        self.sandbox.init(PASSWORD)
        self.keyfob('set', 'svc', 'me', input='old')
        self.stop_and_save()
        self.start()
        self.keyfob('set', 'svc', 'me', input='new')
        self.keyfob('collection', 'create', 'other', '--password-file', self.sandbox.write('password', PASSWORD))

    def status(self):
        return json.loads(self.keyfob('status', '--json').stdout)

    def words(self):
        """What is kept. A word is written beside its place and then moved there, and that may come after an answer."""
        return wait_for(self.words_if_whole, 'words that are whole')[0]

    def words_if_whole(self):
        words = {}
        for name in sorted(os.listdir(self.state)):
            if name.endswith('.new'):
                return None
            with open(os.path.join(self.state, name), 'rb') as file:
                words[name] = file.read()
        return [words]

    def property(self):
        with kb.Client(self.sandbox.socket) as client:
            return client.connection.send_and_get_reply(Properties(STORE).get('Epoch')).body[0][1]

    def assert_bad(self, state='old'):
        status = self.status()
        self.assertEqual(status['epoch'], state)
        self.assertGreater(status['epoch_found'], 0)
        self.assertEqual(self.property()[0], state)
        self.assertRegex(self.keyfob('status').stdout, rb'age +(OLD COPY|UNKNOWN)')
        result = self.keyfob('check', code=7)
        self.assertIn(b'--accept', result.stderr)
        return status

    def assert_good(self):
        self.assertEqual(self.status()['epoch'], 'current')
        self.assertNotIn(b'OLD COPY', self.keyfob('status').stdout)
        self.keyfob('check')

    def test_a_copy_that_is_put_back(self):
        self.prepare()
        self.assert_good()
        self.put_back()
        before = self.words()
        self.sandbox.start_daemon()
        self.assertEqual(self.status()['epoch'], 'closed')
        self.sandbox.unlock(PASSWORD)
        status = self.assert_bad()
        self.assertGreaterEqual(status['epoch_recorded'], status['epoch_found'])
        log = self.sandbox.read_log()
        self.assertRegex(log, r'OLD COPY .*last changed \d{4}-\d\d-\d\d \d\d:\d\d, .* by \d{4}-')

        # It works all the same, and goes on being said until somebody decides.
        self.assertEqual(self.keyfob('get', 'svc', 'me').stdout, b'old')
        self.keyfob('set', 'svc', 'other', input='x')
        self.keyfob('lock')
        self.sandbox.unlock(PASSWORD)
        self.assert_bad()
        self.assertEqual(self.words(), before)
        self.keyfob('check', '--accept')
        self.assert_good()
        self.sandbox.stop_daemon()
        self.start()
        self.assert_good()

    def test_one_that_comes_as_far_again(self):
        """By then its numbers tell nothing; what was said is said until the owner decides."""
        self.prepare()
        self.put_back()
        self.start()
        self.assert_bad()
        for n in range(3):
            self.keyfob('set', 'svc', str(n), input='x')
            self.keyfob('collection', 'create', f'more {n}', '--password-file', self.sandbox.write('password', PASSWORD))
            self.assert_bad()
        self.keyfob('lock')
        self.sandbox.unlock(PASSWORD)
        self.assert_bad()
        self.keyfob('check', '--accept')
        self.assert_good()

    def test_a_change_is_kept_at_once(self):
        """Whatever ends the daemon then."""
        self.sandbox.start_daemon()
        self.sandbox.init(PASSWORD)
        before = self.words()
        self.keyfob('collection', 'create', 'other', '--password-file', self.sandbox.write('password', PASSWORD))
        deadline = time.monotonic() + kt.TIMEOUT
        while self.words() == before:  # written after the answer
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.02)
        self.sandbox.kill_daemon()

    def test_an_old_password(self):
        """The point of all this for some: only the password had been changed."""
        self.sandbox.start_daemon()
        self.sandbox.init(PASSWORD)
        self.stop_and_save()
        self.start()
        self.keyfob('passwd', *CHEAP, '--password-file', self.sandbox.write('was', PASSWORD), '--new-password-file',
                    self.sandbox.write('is', 'another one'))
        self.put_back()
        self.start()
        self.assert_bad()

    def test_new_keys(self):
        self.sandbox.start_daemon()
        self.sandbox.init(PASSWORD)
        self.stop_and_save()
        self.start()
        self.keyfob('rekey', '--password-file', self.sandbox.write('password', PASSWORD))
        self.assert_good()
        self.sandbox.stop_daemon()
        self.start()
        self.assert_good()
        self.put_back()
        self.start()
        self.assert_bad('foreign')

    def test_restoring_sets_it_right(self):
        self.sandbox.start_daemon()
        self.sandbox.init(PASSWORD)
        backup = os.path.join(self.sandbox.root, 'backup')
        self.keyfob('backup', backup)
        self.keyfob('collection', 'create', 'other', '--password-file', self.sandbox.write('password', PASSWORD))
        self.keyfob('restore', '--yes', '--password-file', self.sandbox.write('password', PASSWORD), backup)
        self.assert_good()
        self.sandbox.stop_daemon()
        self.start()
        self.assert_good()

    def test_moves_at_most_hourly_but_for_keys(self):
        self.sandbox.start_daemon()
        self.sandbox.init(PASSWORD)
        self.keyfob('set', 'svc', 'first', input='x')  # the log gets its key with its first line
        self.keyfob('lock')
        self.sandbox.unlock(PASSWORD)
        words = self.words()
        self.assertEqual(len(words), 1)
        for n in range(5):
            self.keyfob('set', 'svc', str(n), input='x')
        self.keyfob('lock')
        self.sandbox.unlock(PASSWORD)
        self.assertEqual(self.words(), words)
        self.keyfob('collection', 'create', 'other', '--password-file', self.sandbox.write('password', PASSWORD))
        self.keyfob('lock')
        self.sandbox.unlock(PASSWORD)
        self.assertNotEqual(self.words(), words)
        self.assertEqual(os.stat(os.path.join(self.state, *words)).st_mode & 0o777, 0o600)

    def test_a_word_that_is_none(self):
        self.prepare()
        self.sandbox.stop_daemon()
        name, word = self.words().popitem()
        path = os.path.join(self.state, name)
        for spoilt in (b'', b'x', word[:-1], word + b'x', word[:20] + bytes(8) + word[28:], bytes(1 << 20)):
            with open(path, 'wb') as file:
                file.write(spoilt)
            self.start()
            self.assertIn(self.status()['epoch'], ('foreign',) if len(spoilt) < 1 << 20 else ('closed',), spoilt[:40])
            self.keyfob('get', 'svc', 'me')
            self.sandbox.stop_daemon()
        os.unlink(path)
        os.symlink('/etc/passwd', path)
        self.start()
        self.assertEqual(self.status()['epoch'], 'closed')
        self.assertIn("can't be read", self.sandbox.read_log())
        self.keyfob('check', '--accept')
        self.sandbox.stop_daemon()
        # Gone, as on another machine: it begins anew.
        os.unlink(path)
        self.start()
        self.assert_good()

    def test_what_can_t_be_kept_is_not_tried_with_every_write(self):
        self.sandbox.start_daemon()
        self.sandbox.init(PASSWORD)
        self.keyfob('set', 'svc', 'me', input='x')
        self.sandbox.stop_daemon()
        name, _ = self.words().popitem()
        os.unlink(os.path.join(self.state, name))
        os.mkdir(os.path.join(self.state, name + '.new'))
        self.start()
        for n in range(5):
            self.keyfob('set', 'svc', str(n), input='x')
        self.assertEqual(self.sandbox.read_log().count('could not be kept'), 1)

    def test_forgotten(self):
        self.sandbox.start_daemon()
        self.sandbox.init(PASSWORD)
        self.assertEqual(len(self.words()), 1)
        self.keyfob('check', '--forget')
        self.assertEqual(self.words(), {})
        self.keyfob('set', 'svc', 'me', input='x')
        self.sandbox.stop_daemon()
        self.assertEqual(self.words(), {})
        self.start()
        self.assert_good()
        for arguments in (('--forget', '--accept'), ('--forget', '--json'), ('--forget', 'x')):
            self.keyfob('check', *arguments, code=2)

    def test_no_tpm(self):
        """Nor a word about it."""
        self.sandbox.start_daemon()
        self.sandbox.init(PASSWORD)
        self.keyfob('check')
        status = self.status()
        self.assertEqual((status['counter'], status['counter_problem'], status['counter_handle']), ('none', '', 0))
        self.assertNotIn('TPM', self.sandbox.read_log())
        (_, word), = self.words().items()
        self.assertEqual(word[4:18], b'keyfob epoch 1')

    def test_nowhere_to_keep_it(self):
        """Without a place the vault works as ever, and the log says what is missing."""
        shutil.rmtree(self.sandbox.state)
        with open(self.sandbox.state, 'wb'):
            pass
        self.sandbox.start_daemon()
        self.sandbox.init(PASSWORD)
        self.keyfob('set', 'svc', 'me', input='x')
        self.assertEqual(self.status()['epoch'], 'closed')
        self.keyfob('check')
        self.assertIn('would not be noticed', self.sandbox.read_log())


if __name__ == '__main__':
    kt.main()
