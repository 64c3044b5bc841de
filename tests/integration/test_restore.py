#!/usr/bin/python3
"""A backup takes the vault's place: verified before, kept after, and never half."""
import contextlib
import json
import os
import random
import shutil
import sqlite3
import struct
import subprocess
import threading
import time

import keyfob_bus as kb
import keyfob_test as kt
import secret_client as sc
from person import wait_for

PASSWORD = 'correct horse'
OTHER = 'battery staple'
ITEMS = 30


def attributes_of(n):
    return {'service': f'service {n}', 'username': 'me', 'application': 'restore'}


class RestoreTest(kt.KeyfobTest):
    def setUp(self):
        super().setUp()
        self.backup = os.path.join(self.sandbox.root, 'copy.db')
        self.snapshots = os.path.join(self.sandbox.vault_dir, 'snapshots')

    def fill(self, word, n=ITEMS):
        with kb.Client(self.sandbox.socket) as client:
            for i in range(n):
                client.store(attributes_of(i), b'%s %d' % (word, i), label=f'label {i}')

    def prepare(self, password=PASSWORD):
        """A vault whose backup has other values."""
        self.sandbox.start_daemon()
        self.sandbox.init(password)
        self.fill(b'old')
        self.keyfob('backup', self.backup)
        self.fill(b'new', ITEMS + 5)

    def restore(self, *args, password=PASSWORD, path=None, **options):
        return self.keyfob('restore', path or self.backup, '--password-file',
                           self.sandbox.write('password', password), *args, **options)

    def holds(self, word, n=ITEMS):
        """The vault is open and has these values and no others."""
        with kb.Client(self.sandbox.socket) as client:
            for i in range(n):
                self.assertEqual(client.lookup(**attributes_of(i)), b'%s %d' % (word, i))
            self.assertEqual(client.status()['items'], n)
            report = client.check()
            self.assertEqual((report['damaged'], report['tampered']), (0, 0))

    def kept(self):
        return sorted(os.path.join(self.snapshots, name) for name in os.listdir(self.snapshots))

    def untouched(self):
        self.holds(b'new', ITEMS + 5)
        self.assertFalse(os.path.isdir(self.snapshots) and os.listdir(self.snapshots))
        self.assertEqual(sorted(set(os.listdir(self.sandbox.vault_dir)) - {'snapshots'}), ['vault.db', 'vault.db-wal'])


class Restore(RestoreTest):
    bus = True

    def test_there_and_back(self):
        self.prepare()
        shown = self.restore('--yes').stdout.decode()
        self.assertIn(f'Restored {ITEMS} items', shown)
        self.holds(b'old')
        kept = self.kept()
        self.assertEqual(len(kept), 1)
        self.assertIn(kept[0], shown)
        self.assertEqual(sorted(os.listdir(self.sandbox.vault_dir)), ['snapshots', 'vault.db', 'vault.db-wal'])

        # What was there is a backup as well; and all of that outlives the daemon.
        self.restore('--yes', path=kept[0])
        self.holds(b'new', ITEMS + 5)
        self.sandbox.stop_daemon()
        self.sandbox.start_daemon()
        self.sandbox.unlock(PASSWORD)
        self.holds(b'new', ITEMS + 5)
        self.assertEqual(len(self.kept()), 2)

    def test_where_there_is_no_vault(self):
        self.prepare()
        self.sandbox.stop_daemon()
        shutil.rmtree(self.sandbox.vault_dir)
        self.sandbox.start_daemon()
        self.restore()                                  # nothing is replaced, so nobody is asked
        self.holds(b'old')
        self.assertEqual(self.kept(), [])

    def test_by_who_can_open_it_only(self):
        self.prepare()
        self.restore('--yes', password=OTHER, code=6)
        self.untouched()
        self.keyfob('restore', self.backup, '--yes', code=3)
        self.untouched()
        # The password that counts is the backup's.
        self.keyfob('passwd', '--kdf-memory', '64', '--kdf-passes', '3', '--password-file',
                    self.sandbox.write('old', PASSWORD), '--new-password-file', self.sandbox.write('new', OTHER))
        self.restore('--yes', password=OTHER, code=6)
        self.restore('--yes')
        self.holds(b'old')
        self.keyfob('lock')
        self.sandbox.unlock(PASSWORD)

    def test_a_collection_s_own_password_is_no_way_to_the_vault(self):
        self.sandbox.start_daemon()
        self.sandbox.init(PASSWORD)
        self.fill(b'old')
        with kb.Client(self.sandbox.socket) as client:
            client.call(kb.STORE, 'CreateCollection', 'sa{sv}', 'Own',
                        {'own_secret': ('ay', OTHER.encode()), 'auth': ('ay', PASSWORD.encode())})
        self.keyfob('backup', self.backup)
        self.fill(b'new', ITEMS + 5)
        self.restore('--yes', password=OTHER, code=6)
        self.untouched()
        self.restore('--yes')
        self.holds(b'old')

    def test_a_vault_that_cannot_be_opened_is_replaced_and_kept(self):
        self.prepare()
        self.sandbox.stop_daemon()
        with open(self.sandbox.vault, 'r+b') as file:
            file.write(b'spoilt by something')
        with open(self.sandbox.vault, 'rb') as file:
            spoilt = file.read()
        self.sandbox.start_daemon()
        self.assertEqual(json.loads(self.keyfob('status', '--json').stdout)['vault'], 'damaged')
        self.restore('--yes')
        self.holds(b'old')
        with open(self.kept()[0], 'rb') as file:
            self.assertEqual(file.read(), spoilt)

    def test_the_person_sees_both_and_decides(self):
        self.prepare()
        for answer, code in (('n', 4), ('y', 0)):
            terminal = self.sandbox.terminal([self.sandbox.stage.keyfob, 'restore', self.backup])
            terminal.expect('Password: ')
            terminal.send(PASSWORD + '\n')
            terminal.expect(rf'{ITEMS + 5} items in 1 collections')
            terminal.expect(rf'{ITEMS} items in 1 collections')
            terminal.send(answer + '\n')
            self.assertEqual(terminal.wait(), code)
            if code:
                self.untouched()
        self.holds(b'old')

    def test_by_a_key_file_that_is_there(self):
        self.sandbox.start_daemon()
        self.sandbox.init(PASSWORD)
        key = os.path.join(self.sandbox.root, 'key')
        self.keyfob('slot', 'add', '--kind', 'credential', '--key-file', key, '--password-file',
                    self.sandbox.write('password', PASSWORD))
        self.fill(b'old')
        self.keyfob('backup', self.backup)
        self.fill(b'new', ITEMS + 5)
        self.keyfob('restore', '--yes', self.backup)
        self.holds(b'old')
        os.unlink(key)
        self.keyfob('restore', '--yes', self.backup, code=3)

    def test_three_tries(self):
        self.prepare()
        terminal = self.sandbox.terminal([self.sandbox.stage.keyfob, 'restore', '--yes', self.backup])
        for _ in range(3):
            terminal.expect('Password: ')
            terminal.send('wrong\n')
        self.assertEqual(terminal.wait(), 6)
        self.untouched()

    def test_what_waits_ends(self):
        """A question about what is gone is not answered about what has come."""
        self.prepare()
        terminal = self.sandbox.terminal([self.sandbox.stage.keyfob, 'collection', 'delete', 'Default'])
        terminal.expect('Delete the collection')
        self.restore('--yes')
        terminal.send('y\n')
        self.assertEqual(terminal.wait(), 8)
        self.holds(b'old')

    def test_a_secret_that_waits_for_an_answer_ends(self):
        """The person was asked about an item of the vault that is gone."""
        self.prepare()
        keyfob = self.sandbox.stage.keyfob
        self.keyfob('policy', 'ask', os.path.realpath(keyfob))
        agent = sc.Agent(f'unix:path={self.sandbox.socket}', lambda _: None)
        self.addCleanup(agent.close)
        get = self.sandbox.spawn(['/bin/sh', '-c', 'exec "$0" get "service 0" me 2>&1', keyfob], stdout=subprocess.PIPE)
        wait_for(lambda: agent.questions, 'the question')
        self.restore('--yes')
        wait_for(lambda: agent.cancelled, 'the question to be taken away')
        self.assertOneLine(get.communicate()[0], 'the vault was replaced')
        self.assertEqual(get.returncode, 8)

    def test_what_was_read_before_is_in_the_log_of_what_was_there(self):
        self.prepare()
        self.keyfob('get', 'service 1', 'me')
        self.restore('--yes')
        self.restore('--yes', path=self.kept()[0])
        log = json.loads(self.keyfob('log', '--item', 'service 1', '--json').stdout)
        self.assertEqual(log[0]['kind'], 'read')

    def test_objects_of_the_bus_are_those_of_the_backup(self):
        self.prepare()
        with kb.Client(self.sandbox.bus_address) as client:
            session = client.session()
            path = client.search(attributes_of(ITEMS + 1))[0][0]
            self.restore('--yes')
            with self.assertRaises(kb.BusError):
                client.get_secret(session, path)
            self.assertEqual(client.search(attributes_of(ITEMS + 1)), [])
            self.assertEqual(client.get_secret(session, client.search(attributes_of(3))[0][0]), b'old 3')

    def test_older_versions_are_migrated(self):
        self.sandbox.start_daemon()
        for name in ('classes.vault', 'sealed.vault'):
            path = os.path.join(self.sandbox.root, name)
            shutil.copyfile(os.path.join(kt.SOURCE, 'tests', 'vectors', name), path)
            self.keyfob('restore', '--yes', path)
            with kb.Client(self.sandbox.socket) as client:
                self.assertEqual(client.status()['vault'], 'unlocked')
                self.assertEqual(client.check()['damaged'], 0)
            with contextlib.closing(sqlite3.connect(path)) as db:
                self.assertLess(db.execute('PRAGMA user_version').fetchone()[0], 4)     # not in the backup itself

    def test_while_others_write(self):
        self.prepare()
        stop = threading.Event()
        failures = []

        def write():
            with kb.Client(self.sandbox.socket) as client:
                n = 0
                while not stop.is_set():
                    try:
                        client.store({'service': 'other', 'username': str(n % 7)}, b'x')
                    except kb.BusError as error:
                        failures.append(error.name)
                    n += 1

        writer = threading.Thread(target=write)
        writer.start()
        try:
            for _ in range(3):
                self.restore('--yes')
                self.keyfob('backup', '--force', self.backup)
        finally:
            stop.set()
            writer.join()
        self.assertLessEqual(set(failures), {'org.keyfob.Error.Locked'})
        with kb.Client(self.sandbox.socket) as client:
            self.assertEqual(client.check()['damaged'], 0)
            self.assertEqual(client.check()['tampered'], 0)


class Hostile(RestoreTest):
    def refused(self, path, code, **options):
        result = self.restore('--yes', path=path, code=code, **options)
        self.assertEqual(result.stderr.count(b'\n'), 1, result.stderr)
        return result.stderr.decode()

    def test_files_that_are_no_backup(self):
        self.prepare()
        with open(self.backup, 'rb') as file:
            good = file.read()
        texts = {'empty': b'', 'text': b'not a vault\n' * 1000, 'magic': b'SQLite format 3\0' + bytes(8176),
                 'zeros': bytes(40960), 'short': good[:-1], 'half': good[:len(good) // 8 * 4], 'long': good + b'x',
                 'page': good[:4096], 'shuffled': good[:4096] + good[8192:12288] + good[4096:8192] + good[12288:]}
        for name, content in texts.items():
            path = self.sandbox.write(name, content)
            self.assertRegex(self.refused(path, 7), 'no backup|damaged', name)
        sparse = self.sandbox.write('sparse', b'')
        os.truncate(sparse, 8 << 30)                    # not copied to find out that it is none
        self.assertRegex(self.refused(sparse, 7), 'no backup')
        os.mkfifo(os.path.join(self.sandbox.root, 'fifo'))
        for path, code in ((os.path.join(self.sandbox.root, 'fifo'), 8), (self.sandbox.root, 8), ('/dev/zero', 8),
                           (os.path.join(self.sandbox.root, 'nowhere'), 1)):
            self.refused(path, code)
        self.keyfob('restore', code=2)
        self.untouched()

    def test_the_vault_itself(self):
        """The daemon would close what it was passed, and with it let go of its lock on the vault."""
        self.prepare()
        self.sandbox.stop_daemon()
        self.sandbox.start_daemon()
        self.sandbox.unlock(PASSWORD)
        os.symlink(self.sandbox.vault, os.path.join(self.sandbox.root, 'link'))
        for path in (self.sandbox.vault, os.path.join(self.sandbox.root, 'link')):
            self.assertIn('the vault itself', self.refused(path, 8, password='wrong'))
        probe = ('import sqlite3, sys\n'
                 'try: sqlite3.connect(sys.argv[1], timeout=0).execute("BEGIN IMMEDIATE")\n'
                 'except sqlite3.OperationalError as e: print(e)')
        self.assertIn(b'locked', self.sandbox.run(['/usr/bin/python3', '-c', probe, self.sandbox.vault]).stdout)
        self.untouched()

    def test_a_password_that_takes_for_ever_holds_up_nobody(self):
        """What a backup says of the cost of its password is believed before anything of it is proved."""
        self.prepare()
        with contextlib.closing(sqlite3.connect(self.backup)) as db:
            params, = db.execute('SELECT params FROM slot').fetchone()
            db.execute('UPDATE slot SET params=?', (params[:1] + struct.pack('<II', 256 * 1024, 1000) + params[9:],))
            db.commit()
        before = self.sandbox.seconds_used()
        restoring = self.sandbox.spawn([self.sandbox.stage.keyfob, 'restore', '--yes', self.backup, '--password-file',
                                        self.sandbox.write('password', PASSWORD)])
        wait_for(lambda: self.sandbox.seconds_used() > before + 2, 'the password of the backup to be tried', kt.TIMEOUT)
        self.keyfob('unlock', '--password-file', self.sandbox.write('password', PASSWORD))
        self.assertIsNone(restoring.poll())
        restoring.kill()
        restoring.wait()
        self.untouched()
        self.sandbox.kill_daemon()                      # it would not wait for ever, but a while

    def test_databases_of_others(self):
        self.prepare()
        spoils = {'application': 'PRAGMA application_id=0', 'too new': 'PRAGMA user_version=99',
                  'too old': 'PRAGMA user_version=0', 'trigger':
                  'CREATE TRIGGER t AFTER INSERT ON meta BEGIN DELETE FROM item; END', 'view': 'CREATE VIEW v AS SELECT 1',
                  'table': 'CREATE TABLE more(x)', 'missing': 'DROP TABLE trash',
                  'check': 'DROP TABLE alias; CREATE TABLE alias(name TEXT PRIMARY KEY,collection INTEGER CHECK(1)) WITHOUT ROWID',
                  'no id': "DELETE FROM meta WHERE name='vault-id'"}
        for name, sql in spoils.items():
            path = os.path.join(self.sandbox.root, 'spoilt')
            shutil.copyfile(self.backup, path)
            with contextlib.closing(sqlite3.connect(path)) as db:
                db.executescript(sql)
            said = self.refused(path, 8 if name == 'too new' else 7)
            self.assertIn('upgrade' if name == 'too new' else 'damaged', said, name)
        path = os.path.join(self.sandbox.root, 'browser.sqlite')
        with contextlib.closing(sqlite3.connect(path)) as db:
            db.executescript('CREATE TABLE moz_places(id INTEGER PRIMARY KEY, url TEXT)')
        self.refused(path, 7)
        self.untouched()

    def test_a_log_beside_it(self):
        """A vault that was not closed is no backup; its log is not read, and the file is not taken without it."""
        self.prepare()
        for suffix in ('-wal', '-journal'):
            log = self.sandbox.write('copy.db' + suffix, b'\x37\x7f\x06\x82' + bytes(100))
            self.assertIn('log', self.refused(self.backup, 8))
            os.unlink(log)
        self.untouched()

    def test_records_that_are_not_right(self):
        self.prepare()
        for sql in ("UPDATE item SET box=zeroblob(length(box)) WHERE id=(SELECT max(id) FROM item WHERE id < 1 << 62)",
                    "DELETE FROM item WHERE id=(SELECT max(id) FROM item WHERE id < 1 << 62)",
                    "UPDATE slot SET label='other'"):
            path = os.path.join(self.sandbox.root, 'spoilt')
            shutil.copyfile(self.backup, path)
            with contextlib.closing(sqlite3.connect(path)) as db, db:
                db.execute(sql)
            self.assertIn('--accept', self.refused(path, 7))
            self.untouched()
        self.restore('--yes', '--accept', path=path)
        with kb.Client(self.sandbox.socket) as client:
            self.assertTrue(client.status()['tampered'])
            client.check(True)
        self.holds(b'old')

    def test_places_that_are_not_safe(self):
        """What can't be kept is not replaced."""
        self.prepare()
        os.symlink(self.sandbox.root, self.snapshots)
        self.restore('--yes', code=8)
        self.sandbox.unlock(PASSWORD)
        self.holds(b'new', ITEMS + 5)
        os.unlink(self.snapshots)
        self.restore('--yes')
        self.holds(b'old')


class Killed(RestoreTest):
    ROUNDS = 25

    def test_the_one_or_the_other(self):
        """SIGKILL at any moment of it: what opens is one of both, whole."""
        self.prepare(password=None)
        chance = random.Random(7)
        seen = {b'old': 0, b'new': 0}
        for _ in range(self.ROUNDS):
            restore = self.sandbox.spawn([self.sandbox.stage.keyfob, 'restore', '--yes', self.backup])
            time.sleep(chance.random() * 0.06)          # where the blow falls is left to chance
            self.sandbox.kill_daemon()
            restore.wait()
            self.sandbox.kill_started_daemon()
            self.sandbox.start_daemon()
            with kb.Client(self.sandbox.socket) as client:
                word = client.lookup(**attributes_of(0)).split()[0]
                seen[word] += 1
            self.holds(word, ITEMS if word == b'old' else ITEMS + 5)
            names = set(os.listdir(self.sandbox.vault_dir))
            self.assertLessEqual(names, {'vault.db', 'vault.db-wal', 'snapshots'})
            if word == b'old':
                self.restore('--yes', path=self.newest_kept())
                self.holds(b'new', ITEMS + 5)
        print(f"\n{seen[b'old']} after, {seen[b'new']} before", flush=True)

    def newest_kept(self):
        """The one with the new values."""
        for path in reversed(self.kept()):
            with contextlib.closing(sqlite3.connect(f'file:{path}?mode=ro&immutable=1', uri=True)) as db:
                if db.execute('SELECT count(*) FROM item WHERE id < 1 << 62').fetchone()[0] == ITEMS + 5:
                    return path
        raise AssertionError(f'what was there is not kept: {self.kept()}')

    def restore(self, *args, path=None, **options):
        return self.keyfob('restore', path or self.backup, *args, **options)


if __name__ == '__main__':
    kt.main()
