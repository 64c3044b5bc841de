#!/usr/bin/python3
"""A damaged vault file: never a crash, never a wrong secret, never silence about what is gone."""
import json
import os
import random
import shutil
import sqlite3

import keyfob_bus as kb
import keyfob_test as kt

ITEMS = 24
SPREAD = 60     # flipped bytes, spread evenly over the file
RANDOM = 20     # and at random places

# What a vault that is not right may answer. NotFound counts only when `check` then says that something is missing.
NAMED = {'org.keyfob.Error.' + name for name in ('Damaged', 'Io', 'NoVault', 'Locked', 'Unsupported', 'Unsafe',
                                                 'NoPrompter')}
NOT_FOUND = 'org.keyfob.Error.NotFound'
# Rows of collections: records of classes, as those of the log, come after them.
OF_COLLECTIONS = 'item WHERE id < 1 << 62'


def value_of(n):
    """Values of every size: some in one page, some over many."""
    return bytes(random.Random(n).randbytes((1, 20, 300, 5000, 20000)[n % 5]))


def attributes_of(n):
    return {'service': f'service {n}', 'username': f'user {n}', 'application': 'corruption'}


class Damage(kt.SharedTest):
    """A vault that opens without a password, so that a trial costs no key derivation."""

    @classmethod
    def prepare(cls):
        cls.sandbox.start_daemon()
        cls.sandbox.init(None)
        with kb.Client(cls.sandbox.socket) as client:
            for n in range(ITEMS):
                client.store(attributes_of(n), b'an older value')
                client.store(attributes_of(n), value_of(n), label=f'item {n}')
        cls.sandbox.stop_daemon()
        cls.path = cls.sandbox.vault
        with open(cls.path, 'rb') as file:
            cls.good = file.read()
        cls.bad_answers = 0
        cls.reported = 0

    def put(self, content):
        """This content is the vault."""
        shutil.rmtree(self.sandbox.vault_dir)
        os.mkdir(self.sandbox.vault_dir, 0o700)
        with open(self.path, 'wb') as file:
            os.fchmod(file.fileno(), 0o600)
            file.write(content)

    def trial(self, what):
        """Starts, asks for everything, stops. True if all values were there."""
        self.sandbox.start_daemon()
        right = 0
        silent = []
        with kb.Client(self.sandbox.socket) as client:
            status = client.status()
            for n in range(ITEMS):
                try:
                    value = client.lookup(**attributes_of(n))
                except kb.BusError as error:
                    if error.name == NOT_FOUND:
                        silent.append(n)
                    else:
                        self.assertIn(error.name, NAMED, what)
                        self.assertNotIn('\n', error.message)
                    continue
                self.assertEqual(value, value_of(n), f'a wrong secret with {what}')
                right += 1
            try:
                report = client.check()
            except kb.BusError as error:
                self.assertIn(error.name, NAMED, what)
                report = None
            # searching must not fail either way
            try:
                client.search()
            except kb.BusError as error:
                self.assertIn(error.name, NAMED, what)
        if report is not None and silent:
            self.assertNotEqual((report['damaged'], report['index_missing'], report['tampered']), (0, 0, 0),
                                f'items {silent} are gone, but check finds nothing, with {what}')
        if status['vault'] not in ('unlocked', 'partly') and status['vault'] != 'locked':
            self.assertTrue(status['error'], status)
        self.assertIsNone(self.sandbox.daemon.poll(), f'keyfobd ended by itself with {what}:\n{self.sandbox.read_log()}')
        self.sandbox.stop_daemon()
        return right == ITEMS

    def test_the_undamaged_file_is_right(self):
        self.put(self.good)
        self.assertTrue(self.trial('no damage'))

    def test_a_flipped_byte(self):
        size = len(self.good)
        places = list(range(0, 100, 9)) + [size * n // SPREAD for n in range(SPREAD)]
        places += [random.randrange(size) for _ in range(RANDOM)]
        whole = 0
        for place in places:
            bad = bytearray(self.good)
            bad[place] ^= 1 << random.randrange(8)
            self.put(bad)
            whole += self.trial(f'byte {place} of {size} {self.good[place]:#x} -> {bad[place]:#x}')
        self.assertLess(whole, len(places), 'no flip did any harm: the test looks at the wrong file')

    def test_a_page_of_zeros_or_noise(self):
        for page in range(0, len(self.good) // 4096, max(1, len(self.good) // 4096 // 15)):
            for content in (b'\0' * 4096, os.urandom(4096)):
                self.put(self.good[:page * 4096] + content + self.good[(page + 1) * 4096:])
                self.trial(f'page {page} overwritten')

    def test_truncated(self):
        size = len(self.good)
        for length in (0, 1, 15, 16, 50, 99, 100, 512, 1024, 4095, 4096, 4097, 8192, size // 4, size // 2, size * 3 // 4,
                       size - 4096, size - 1):
            self.put(self.good[:length])
            whole = self.trial(f'{length} of {size} bytes')
            if length < size // 2:
                self.assertFalse(whole)
            # what is there stays there: a vault that cannot be read is never replaced by a new one
            self.assertLessEqual(os.stat(self.path).st_size, size)

    def test_init_does_not_overwrite_a_damaged_vault(self):
        for length in (0, 100, len(self.good) // 2):
            self.put(self.good[:length])
            self.sandbox.start_daemon()
            result = self.sandbox.init(None, code=None)
            self.assertNotEqual(result.returncode, 0, f'init replaced a vault that was cut to {length} bytes')
            self.assertEqual(result.stderr.count(b'\n'), 1)
            self.sandbox.stop_daemon()
            with open(self.path, 'rb') as file:
                self.assertEqual(file.read(length), self.good[:length])

    def test_not_a_vault_at_all(self):
        for content in (b'hello\n' * 1000, os.urandom(50000), b'SQLite format 3\0' + b'\0' * 8176):
            self.put(content)
            self.assertFalse(self.trial('something else'))
            with open(self.path, 'rb') as file:
                self.assertEqual(file.read(), content)

    def test_another_database(self):
        os.unlink(self.path)
        database = sqlite3.connect(self.path)
        database.execute('CREATE TABLE item(id, secret)')
        database.commit()
        database.close()
        os.chmod(self.path, 0o600)
        self.assertFalse(self.trial('another database'))

    def test_a_torn_write_ahead_log(self):
        self.put(self.good)
        self.sandbox.start_daemon()
        with kb.Client(self.sandbox.socket) as client:
            for n in range(5):
                client.store({'service': 'late', 'username': str(n)}, b'late value %d' % n)
        self.sandbox.kill_daemon()
        with open(self.path + '-wal', 'rb') as file:
            wal = file.read()
        with open(self.path, 'rb') as file:
            main = file.read()
        self.assertGreater(len(wal), 0)
        for n in range(20):
            place = len(wal) * n // 20
            bad = bytearray(wal)
            bad[place] ^= 0x10
            self.put(main)
            with open(self.path + '-wal', 'wb') as file:
                os.fchmod(file.fileno(), 0o600)
                file.write(bad if n % 2 else wal[:place])
            # the log ends where it is damaged: what is in the file is whole, and a late value is right or absent
            self.assertTrue(self.trial(f'log, place {place}'))
            self.sandbox.start_daemon()
            with kb.Client(self.sandbox.socket) as client:
                for late in range(5):
                    try:
                        self.assertEqual(client.lookup(service='late', username=str(late)), b'late value %d' % late)
                    except kb.BusError as error:
                        self.assertEqual(error.name, NOT_FOUND)
            self.sandbox.stop_daemon()


class Tampering(kt.KeyfobTest):
    """Somebody with SQLite and write access."""

    def setUp(self):
        super().setUp()
        self.sandbox.start_daemon()
        self.sandbox.init(None)
        with kb.Client(self.sandbox.socket) as client:
            for n in range(5):
                client.store({'service': 'svc', 'username': str(n)}, b'value %d' % n, label=f'item {n}')
        self.sandbox.stop_daemon()

    def sql(self, *statements):
        database = sqlite3.connect(self.sandbox.vault)
        with database:
            changed = sum(database.execute(*statement if isinstance(statement, tuple) else (statement,)).rowcount
                          for statement in statements)
        database.close()
        self.assertGreater(changed, 0, 'the statement hit nothing: the test does not know the format any more')
        self.sandbox.start_daemon()

    def tampered(self):
        with kb.Client(self.sandbox.socket) as client:
            return client.status()['tampered']

    def get(self, n, code=0):
        return self.keyfob('get', 'svc', str(n), code=code).stdout

    def accept(self):
        self.keyfob('check', '--accept')
        self.assertFalse(self.tampered())
        self.keyfob('check')

    def test_untouched(self):
        self.sandbox.start_daemon()
        self.assertFalse(self.tampered())
        self.keyfob('check')

    def test_a_deleted_row(self):
        self.sql(f'DELETE FROM item WHERE id = (SELECT MAX(id) FROM {OF_COLLECTIONS})')
        self.get(4, code=None)
        self.assertTrue(self.tampered())
        status = self.keyfob('status')
        self.assertIn(b'tampered', status.stdout.lower())
        self.assertEqual(json.loads(self.keyfob('check', '--json', code=7).stdout)['tampered'], 1)
        for n in range(4):
            self.assertEqual(self.get(n), b'value %d' % n)
        self.accept()
        self.get(4, code=1)
        for n in range(4):
            self.assertEqual(self.get(n), b'value %d' % n)
        # and it stays in order
        self.sandbox.stop_daemon()
        self.sandbox.start_daemon()
        self.assertFalse(self.tampered())

    def test_swapped_records(self):
        self.sql(f'UPDATE item SET id = -id WHERE id IN (SELECT id FROM {OF_COLLECTIONS})',
                 'UPDATE item SET id = (SELECT MAX(-id) + MIN(-id) FROM item WHERE id < 0) + id WHERE id < 0')
        for n in range(5):
            result = self.keyfob('get', 'svc', str(n), code=None)
            self.assertIn(result.stdout, (b'', b'value %d' % n))
        self.assertTrue(self.tampered())
        self.keyfob('check', code=7)
        self.accept()

    def test_another_row_s_record(self):
        self.sql('UPDATE item SET (version, key, tag, box) = (SELECT version, key, tag, box FROM item '
                 f'ORDER BY id LIMIT 1) WHERE id = (SELECT MAX(id) FROM {OF_COLLECTIONS})')
        result = self.keyfob('get', 'svc', '4', code=7)
        self.assertEqual(result.stdout, b'')
        self.assertOneLine(result.stderr, 'damaged')
        self.assertEqual(self.get(0), b'value 0')
        self.assertTrue(self.tampered())

    def test_an_older_record_put_back(self):
        database = sqlite3.connect(self.sandbox.vault)
        old = database.execute(f'SELECT version, key, tag, box, id FROM {OF_COLLECTIONS} ORDER BY id DESC LIMIT 1').fetchone()
        database.close()
        self.sandbox.start_daemon()
        self.keyfob('set', 'svc', '4', input='newer')
        self.sandbox.stop_daemon()
        self.sql(('UPDATE item SET version = ?, key = ?, tag = ?, box = ? WHERE id = ?', old))
        self.get(4, code=None)
        self.assertTrue(self.tampered(), 'a rolled back record went unnoticed')

    def test_a_changed_record_is_set_aside(self):
        self.sql("UPDATE item SET box = zeroblob(length(box)) WHERE id = (SELECT MIN(id) FROM item)")
        result = self.keyfob('get', 'svc', '0', code=7)
        self.assertEqual(result.stdout, b'')
        self.assertOneLine(result.stderr)
        for n in range(1, 5):
            self.assertEqual(self.get(n), b'value %d' % n)
        self.keyfob('check', code=7)
        self.accept()
        self.get(0, code=1)
        for n in range(1, 5):
            self.assertEqual(self.get(n), b'value %d' % n)
        # the place is free again
        self.keyfob('set', 'svc', '0', input='again')
        self.assertEqual(self.get(0), b'again')

    def test_a_missing_index_row(self):
        self.sql('DELETE FROM attr WHERE item = (SELECT MIN(id) FROM item)')
        self.get(0, code=1)
        self.keyfob('check', code=7)
        self.accept()
        self.assertEqual(self.get(0), b'value 0')

    def test_a_foreign_index_row_gives_no_wrong_item(self):
        self.sql('INSERT OR IGNORE INTO attr SELECT a.token, b.id FROM attr a, item b')
        for n in range(5):
            self.assertEqual(self.get(n), b'value %d' % n)
        self.get(7, code=1)
        self.keyfob('check', code=7)
        self.accept()

    def test_a_removed_collection(self):
        self.sandbox.start_daemon()
        self.keyfob('collection', 'create', 'Other')
        self.sandbox.stop_daemon()
        self.sql("DELETE FROM collection WHERE label = 'Other'")
        with kb.Client(self.sandbox.socket) as client:
            status = client.status()
        self.assertTrue(status['tampered'] or status['vault'] == 'damaged', status)

    def test_a_changed_label_of_a_collection(self):
        self.sql("UPDATE collection SET label = 'Trust me'")
        with kb.Client(self.sandbox.socket) as client:
            status = client.status()
        self.assertTrue(status['tampered'] or status['vault'] == 'damaged', status)

    def test_a_weakened_slot_is_noticed(self):
        self.sql('UPDATE slot SET params = zeroblob(length(params)), label = label')
        with kb.Client(self.sandbox.socket) as client:
            status = client.status()
        self.assertNotEqual((status['vault'], status['tampered']), ('unlocked', False))


class Places(kt.KeyfobTest):
    """A vault at a place where others could have written is not opened."""

    def test_wrong_modes_and_types(self):
        self.sandbox.start_daemon()
        self.sandbox.init(None)
        self.keyfob('set', 'svc', 'me', input='value')
        self.sandbox.stop_daemon()
        vault = self.sandbox.vault

        with self.subTest('a symbolic link'):
            os.rename(vault, vault + '.real')
            elsewhere = os.path.join(self.sandbox.root, 'elsewhere')
            shutil.copy2(vault + '.real', elsewhere)
            os.symlink(elsewhere, vault)
            self.refused()
            os.unlink(vault)
            os.rename(vault + '.real', vault)
        with self.subTest('a directory'):
            os.rename(vault, vault + '.real')
            os.mkdir(vault, 0o700)
            self.refused()
            os.rmdir(vault)
            os.rename(vault + '.real', vault)
        with self.subTest('writable by others'):
            os.chmod(vault, 0o666)
            self.refused()
            os.chmod(vault, 0o600)
        if os.geteuid() == 0:
            with self.subTest('somebody else\'s'):
                os.chown(vault, 65534, 65534)
                self.refused()
                os.chown(vault, 0, 0)
        with self.subTest('in order again'):
            self.sandbox.start_daemon()
            self.assertEqual(self.keyfob('get', 'svc', 'me').stdout, b'value')

    def refused(self):
        self.sandbox.start_daemon()
        result = self.keyfob('get', 'svc', 'me', code=None)
        self.assertNotEqual(result.returncode, 0)
        self.assertEqual(result.stdout, b'')
        self.assertOneLine(result.stderr)
        self.sandbox.stop_daemon()


if __name__ == '__main__':
    kt.main()
