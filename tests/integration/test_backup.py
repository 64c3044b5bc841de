#!/usr/bin/python3
"""A backup: whole while others write, sealed, checked, and only then there."""
import contextlib
import json
import os
import sqlite3
import stat
import threading

from jeepney import DBusAddress, MessageType, new_method_call
from jeepney.io.blocking import open_dbus_connection

import keyfob_bus as kb
import keyfob_test as kt

PASSWORD = 'correct horse'


def attributes_of(n):
    return {'service': f'service {n}', 'username': 'me', 'application': 'backup'}


def backup_into(where, fd, options=None):
    """The call itself, with a descriptor of the test's."""
    with open_dbus_connection(bus=f'unix:path={where}' if where.startswith('/') else where, enable_fds=True,
                              auth_timeout=kb.TIMEOUT) as connection:
        address = DBusAddress('/org/keyfob', bus_name='org.keyfob.Daemon', interface='org.keyfob.Store1')
        reply = connection.send_and_get_reply(
            new_method_call(address, 'Backup', 'ha{sv}', (fd, kb.variants(options or {}))), timeout=kb.TIMEOUT)
        if reply.header.message_type == MessageType.error:
            raise kb.BusError({int(k): v for k, v in reply.header.fields.items()}[4], reply.body[0] if reply.body else '')
        return kb.plain(reply.body[0])


class Backup(kt.KeyfobTest):
    bus = True

    def fill(self, n=50):
        with kb.Client(self.sandbox.socket) as client:
            for i in range(n):
                client.store(attributes_of(i), b'an older value')
                client.store(attributes_of(i), b'value %d' % i, label=f'label {i}')

    def path(self, name='copy.db'):
        return os.path.join(self.sandbox.root, name)

    def put_in_place(self, path):
        """By hand, as a person would without `keyfob restore`."""
        for name in os.listdir(self.sandbox.vault_dir):
            place = os.path.join(self.sandbox.vault_dir, name)
            if os.path.isfile(place):
                os.unlink(place)
        with open(path, 'rb') as source, open(os.path.join(self.sandbox.vault_dir, 'vault.db'), 'wb') as target:
            os.fchmod(target.fileno(), 0o600)
            target.write(source.read())

    def assert_only(self, names):
        self.assertEqual(sorted(os.listdir(self.sandbox.vault_dir)), sorted(names))

    def test_comes_before_a_check(self):
        """Both have a copy made, of which there is one at a time. Nobody is refused, and checks find the same as ever."""
        self.sandbox.start_daemon()
        self.sandbox.init(PASSWORD)
        password = ('--password-file', self.sandbox.write('password', PASSWORD))
        self.fill(400)
        checks = [self.sandbox.spawn([self.sandbox.stage.keyfob, 'check']) for _ in range(6)]
        for _ in range(3):
            self.keyfob('backup', '--force', self.path())
        self.keyfob('wipe', '--all', '--yes', *password)
        with kb.Client(self.sandbox.socket) as client:
            report = client.check()
        self.assertEqual((report['damaged'], report['tampered'], report['locked']), (0, 0, 0))
        self.assertGreaterEqual(report['records'], 400)
        self.assertEqual([check.wait(timeout=kt.TIMEOUT) for check in checks], [0] * len(checks))
        self.assert_only(['vault.db', 'vault.db-wal'])

    def test_opens_as_what_the_vault_was(self):
        self.sandbox.start_daemon()
        self.sandbox.init(PASSWORD)
        self.fill()
        shown = self.keyfob('backup', self.path()).stdout.decode()
        self.assertIn('50 items in 1 collections', shown)
        self.assertIn('50 records', shown)
        self.assertEqual(stat.S_IMODE(os.stat(self.path()).st_mode), 0o600)
        self.assertEqual([n for n in os.listdir(self.sandbox.root) if n.startswith('copy')], ['copy.db'])
        self.assert_only(['vault.db', 'vault.db-wal'])

        with open(self.path(), 'rb') as file:
            content = file.read()
        for plain in (b'value 7', b'an older value', b'label 7', b'service 7', PASSWORD.encode()):
            self.assertNotIn(plain, content)
        self.assertEqual(content[18:20], b'\1\1')       # needs no log
        with contextlib.closing(sqlite3.connect(f'file:{self.path()}?mode=ro', uri=True)) as db:
            self.assertEqual(db.execute('PRAGMA integrity_check').fetchone()[0], 'ok')

        # The vault goes on and is another one by now; the backup still is what it was.
        self.keyfob('set', 'service 7', 'me', input='later')
        self.sandbox.stop_daemon()
        self.put_in_place(self.path())
        self.sandbox.start_daemon()
        self.sandbox.unlock(PASSWORD)
        with kb.Client(self.sandbox.socket) as client:
            for i in range(50):
                self.assertEqual(client.lookup(**attributes_of(i)), b'value %d' % i)
            self.assertEqual(client.check()['damaged'], 0)
            self.assertEqual(client.check()['tampered'], 0)

    @kt.not_sanitized
    def test_by_the_library(self):
        self.sandbox.start_daemon()
        self.sandbox.init(PASSWORD)
        self.fill(3)
        program = self.sandbox.write('program', r'''
import ctypes, os, sys

class Report(ctypes.Structure):
    _fields_ = [(name, ctypes.c_uint64) for name in ('size', 'items', 'modified', 'checked', 'damaged')] + [('sound', ctypes.c_bool)]

lib = ctypes.CDLL(sys.argv[1])
k, report = ctypes.c_void_p(), Report()
assert lib.keyfob_connect(0, ctypes.byref(k)) == 0
fd = os.open(sys.argv[2], os.O_RDWR | os.O_CREAT, 0o600)
assert lib.keyfob_backup(k, fd, ctypes.byref(report)) == 0
assert (report.items, report.damaged, report.sound) == (3, 0, True) and report.checked > 3, report.items
assert report.size == os.fstat(fd).st_size and report.modified > 0
assert lib.keyfob_backup(k, fd, None) > 0       # not empty any more
assert lib.keyfob_backup(k, -1, None) < 0
assert lib.keyfob_restore(k, fd, 1, b'wrong', ctypes.c_size_t(5)) > 0
assert lib.keyfob_restore(k, fd, 4, b'wrong', ctypes.c_size_t(5)) < 0
password = sys.argv[3].encode()
assert lib.keyfob_restore(k, fd, 1, password, ctypes.c_size_t(len(password))) == 0
''')
        self.sandbox.run(['/usr/bin/python3', program, self.sandbox.stage.libkeyfob, self.path(), PASSWORD])
        self.assertEqual(len(os.listdir(os.path.join(self.sandbox.vault_dir, 'snapshots'))), 1)

    def test_works_locked_and_says_what_it_could_not_check(self):
        self.sandbox.start_daemon()
        self.sandbox.init(PASSWORD)
        self.fill(5)
        self.keyfob('lock')
        shown = self.keyfob('backup', self.path()).stdout.decode()
        self.assertIn('5 items', shown)
        self.assertIn('could not be', shown)
        report = json.loads(self.keyfob('backup', '--json', '--force', self.path()).stdout)
        self.assertEqual((report['checked'], report['pages'], report['sound']), (0, True, True))

    def test_both_doors_pass_a_descriptor(self):
        self.sandbox.start_daemon()
        self.sandbox.init(PASSWORD)
        self.fill(5)
        for name, where in (('own', self.sandbox.socket), ('bus', self.sandbox.bus_address)):
            with open(self.path(name), 'w+b') as file:
                report = backup_into(where, file.fileno())
                self.assertEqual(report['items'], 5)
                self.assertEqual(os.fstat(file.fileno()).st_size, report['size'])
                self.assertTrue(report['sound'])

    def test_writers_lose_nothing_and_the_copy_is_whole(self):
        self.sandbox.start_daemon()
        self.sandbox.init(PASSWORD)
        self.fill(400)
        stop = threading.Event()
        written = []

        def write():
            with kb.Client(self.sandbox.socket) as client:
                n = 0
                while not stop.is_set():
                    client.store(attributes_of(n % 450), b'new %d' % n)
                    written.append(n)
                    n += 1

        writer = threading.Thread(target=write)
        writer.start()
        try:
            for i in range(5):
                before = len(written)
                report = json.loads(self.keyfob('backup', '--json', self.path(f'copy{i}')).stdout)
                self.assertTrue(report['sound'], report)
                self.assertGreater(report['checked'], 399)
                while len(written) < before + 50:
                    self.assertTrue(writer.is_alive())
        finally:
            stop.set()
            writer.join()
        with kb.Client(self.sandbox.socket) as client:
            self.assertEqual(client.check()['damaged'], 0)

    def test_names(self):
        self.sandbox.start_daemon()
        self.sandbox.init(PASSWORD)
        self.sandbox.write('copy.db', 'mine')
        self.assertIn(b'--force', self.keyfob('backup', self.path(), code=8).stderr)
        with open(self.path(), encoding='utf-8') as file:
            self.assertEqual(file.read(), 'mine')
        self.keyfob('backup', '--force', self.path())
        self.assertGreater(os.path.getsize(self.path()), 4096)
        self.keyfob('backup', os.path.join(self.sandbox.root, 'nowhere', 'copy'), code=8)
        self.keyfob('backup', code=2)
        self.keyfob('backup', '', code=2)
        # A link is replaced, and what it leads to is left alone.
        other = self.sandbox.write('other', 'mine, too')
        os.symlink(other, self.path('link'))
        self.keyfob('backup', self.path('link'), code=8)
        self.keyfob('backup', '--force', self.path('link'))
        self.assertFalse(os.path.islink(self.path('link')))
        with open(other, encoding='utf-8') as file:
            self.assertEqual(file.read(), 'mine, too')
        self.assertEqual([n for n in os.listdir(self.sandbox.root) if '.db.' in n or 'link.' in n], [])
        # What is no file at all stays: as root it could be a device that everybody uses.
        os.mkfifo(self.path('fifo'))
        self.assertOneLine(self.keyfob('backup', '--force', self.path('fifo'), code=8).stderr, 'no regular file')
        self.assertTrue(stat.S_ISFIFO(os.lstat(self.path('fifo')).st_mode))
        self.assertOneLine(self.keyfob('backup', '--force', self.sandbox.root, code=8).stderr, 'no regular file')

    @kt.not_sanitized
    def test_on_a_stick(self):
        """File systems that can't give a file a second name, nor make one without."""
        self.sandbox.start_daemon()
        self.sandbox.init(PASSWORD)
        self.fill(2)
        for kind in ('', 'old'):
            env = {'LD_PRELOAD': os.path.join(kt.BUILD, 'tests', 'integration', 'fat-preload.so'), 'KEYFOB_TEST_FAT': kind}
            self.keyfob('backup', self.path(), env=env)
            before = os.stat(self.path())
            self.assertEqual(stat.S_IMODE(before.st_mode), 0o600)
            self.assertIn(b'--force', self.keyfob('backup', self.path(), env=env, code=8).stderr)
            self.assertEqual(os.stat(self.path()).st_ino, before.st_ino)
            self.keyfob('backup', '--force', self.path(), env=env)
            self.assertEqual([n for n in os.listdir(self.sandbox.root) if n.startswith('copy')], ['copy.db'])
            with contextlib.closing(sqlite3.connect(f'file:{self.path()}?mode=ro', uri=True)) as db:
                self.assertEqual(db.execute('PRAGMA integrity_check').fetchone()[0], 'ok')
            os.unlink(self.path())

    def test_never_in_the_place_of_the_vault_itself(self):
        """The daemon would go on with a file that has no name any more, and what is stored from then on would be lost."""
        self.sandbox.start_daemon()
        self.sandbox.init(PASSWORD)
        self.fill(2)
        os.symlink(self.sandbox.vault_dir, self.path('link'))
        for name in ('vault.db', 'vault.db-wal'):
            for place in (self.sandbox.vault_dir, self.path('link')):
                path = os.path.join(place, name)
                before = os.stat(path)
                self.assertOneLine(self.keyfob('backup', '--force', path, code=8).stderr, 'the vault itself')
                self.assertEqual(os.stat(path).st_ino, before.st_ino)
        self.keyfob('set', 'later', 'me', input='stored')
        self.sandbox.stop_daemon()
        self.sandbox.start_daemon()
        self.sandbox.unlock(PASSWORD)
        self.assertEqual(self.keyfob('get', 'later', 'me').stdout, b'stored')

    def test_descriptors_that_will_not_do(self):
        self.sandbox.start_daemon()
        self.sandbox.init(PASSWORD)
        reader, writer = os.pipe()
        full = self.sandbox.write('full', 'something')
        empty = self.sandbox.write('empty', '')
        for fd in (reader, writer, os.open('/dev/null', os.O_RDWR), os.open(self.sandbox.root, os.O_RDONLY),
                   os.open(full, os.O_RDWR), os.open(empty, os.O_RDONLY), os.open(empty, os.O_WRONLY),
                   os.open(empty, os.O_RDWR | os.O_APPEND)):
            with self.assertRaises(kb.BusError) as caught:
                backup_into(self.sandbox.socket, fd)
            self.assertEqual(caught.exception.name, 'org.keyfob.Error.InvalidArgument')
            os.close(fd)
        fd = os.open(empty, os.O_RDWR)
        with self.assertRaises(kb.BusError) as caught:
            backup_into(self.sandbox.socket, fd, {'path': '/etc/passwd'})
        self.assertEqual(caught.exception.name, 'org.keyfob.Error.InvalidArgument')
        self.assertEqual(os.fstat(fd).st_size, 0)
        os.close(fd)

    def test_no_vault(self):
        self.sandbox.start_daemon()
        self.assertIn(b'keyfob init', self.keyfob('backup', self.path(), code=None).stderr)
        self.assertFalse(os.path.exists(self.path()))

    def test_damage_is_told_and_the_copy_kept(self):
        self.sandbox.start_daemon()
        self.sandbox.init(None)
        self.fill(20)
        self.sandbox.stop_daemon()
        with contextlib.closing(sqlite3.connect(self.sandbox.vault)) as db, db:
            db.execute("UPDATE item SET box=zeroblob(length(box)) WHERE id=(SELECT min(id) FROM item)")
        self.sandbox.start_daemon()
        result = self.keyfob('backup', self.path(), code=7)
        self.assertIn(b'keyfob check', result.stderr)
        self.assertGreater(os.path.getsize(self.path()), 4096)


if __name__ == '__main__':
    kt.main()
