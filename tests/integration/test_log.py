#!/usr/bin/python3
"""keyfob log: who read or changed what; in the transaction of a change, soon after a read, within a bound."""
import contextlib
import json
import os
import sqlite3
import sys
import time
import unittest

import flatpak
import keyfob_bus as kb
import keyfob_test as kt
from jeepney import DBusAddress, MessageType, new_method_call

LOG_CLASS = (1 << 22) + 4
PATIENCE = 60


class LogTest(kt.KeyfobTest):
    def setUp(self):
        super().setUp()
        self.sandbox.start_daemon()
        self.sandbox.init('pass word')

    def log(self, *args):
        return json.loads(self.keyfob('log', '--json', *args).stdout)

    def wait_for(self, what, description):
        deadline = time.monotonic() + PATIENCE
        while not what():
            self.assertLess(time.monotonic(), deadline, description)
            time.sleep(0.05)

    def client(self):
        client = kb.Client(self.sandbox.socket)
        self.addCleanup(client.close)
        return client

    def start_again(self):
        self.sandbox.start_daemon()
        self.sandbox.unlock('pass word')


class WhoDidWhat(LogTest):
    def test_the_command_line(self):
        self.keyfob('set', 'mail', 'alice', input='one')
        self.keyfob('set', 'mail', 'alice', input='two')
        self.keyfob('get', 'mail', 'alice')
        self.keyfob('del', 'mail', 'alice')
        entries = self.log()
        self.assertEqual([e['kind'] for e in entries], ['deleted', 'read', 'changed', 'created'])
        for entry in entries:
            self.assertEqual(os.path.basename(entry['program']), 'keyfob')
            self.assertEqual((entry['service'], entry['username']), ('mail', 'alice'))
            self.assertEqual((entry['comm'], entry['confinement'], entry['count'], entry['items']), ('keyfob', 'free', 1, 1))
            self.assertLess(abs(entry['last'] - time.time()), 600)
        self.assertEqual(len({e['pid'] for e in entries}), 4)
        # it stays when its item has gone, and is found by its names
        self.assertEqual(len(self.log('--item', 'mail', 'alice')), 4)
        self.assertEqual(len(self.log('--item', 'mail')), 4)
        self.assertEqual(self.log('--item', 'mail', 'bob'), [])
        self.assertEqual([e['kind'] for e in self.log('--limit', '2')], ['deleted', 'read'])
        self.assertEqual(len(self.log('--program', 'keyfob')), 4)
        self.assertEqual(len(self.log('--program', entries[0]['program'])), 4)
        self.assertEqual(self.log('--program', 'key'), [])
        self.assertEqual(len(self.log('--since', '1h')), 4)
        self.assertEqual(self.log('--since', '2100-01-01'), [])
        lines = self.keyfob('log').stdout.decode().splitlines()
        self.assertEqual(len(lines), 5)
        self.assertRegex(lines[1], r'^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d +keyfob +\d+ +created +mail/alice +\S+')
        self.assertIn('deleted', lines[4])

    def test_usage(self):
        for args in (('--since', 'yesterday'), ('--limit', '0'), ('--limit', 'x'), ('more',), ('--nonsense',)):
            result = self.keyfob('log', *args, code=2)
            self.assertTrue(result.stderr)
        self.assertEqual(self.keyfob('log').stdout, b'')

    def test_repeated_reads_are_one_line(self):
        client = self.client()
        client.store({'service': 's', 'username': 'u'}, b'v')
        calls = {1000 + i: new_method_call(kb.STORE, 'Lookup', 'a{ss}', ({'service': 's', 'username': 'u'},)) for i in range(20)}
        # All at once: a period is a few seconds, and twenty answers in turn may take longer.
        client.connection.sock.sendall(b''.join(call.serialise(serial) for serial, call in calls.items()))
        while calls:
            reply = client.connection.receive(timeout=PATIENCE)
            self.assertEqual(reply.header.message_type, MessageType.method_return, reply.body)
            del calls[reply.header.fields[5]]
        reads = [e for e in self.log() if e['kind'] == 'read']
        # a period may have ended between them
        self.assertLessEqual(len(reads), 3)
        self.assertEqual(sum(e['count'] for e in reads), 20)

    def test_many_items_are_a_few_lines(self):
        client = self.client()
        session = client.session()
        paths = [client.create_item(session, {'n': str(i), 'service': f's{i}'}, b'v') for i in range(200)]
        self.assertEqual(len(client.get_secrets(session, paths)), 200)
        reads = [e for e in self.log() if e['kind'] == 'read']
        self.assertLess(len(reads), 60)
        self.assertEqual(sum(e['items'] for e in reads), 200)
        # also the one among many is found, by what it is called now
        self.assertEqual(len([e for e in self.log('--item', 's199') if e['kind'] == 'read']), 1)
        # each write is a transaction with its line
        self.assertEqual(sum(e['items'] for e in self.log() if e['kind'] == 'created'), 200)

    def test_many_items_of_two_collections_in_turn_are_a_few_lines(self):
        self.keyfob('collection', 'create', 'Work', '--password-file', self.sandbox.write('password', 'pass word'))
        client = self.client()
        for i in range(100):
            client.store({'n': str(i), 'in': 'default'}, b'v')
            client.store({'n': str(i), 'in': 'work'}, b'v', collection='Work')
        session = client.session()
        default, work = ([item[0] for item in client.search({'in': name})] for name in ('default', 'work'))
        paths = [path for pair in zip(default, work) for path in pair]
        self.assertEqual(len(client.get_secrets(session, paths)), 200)
        reads = [e for e in self.log() if e['kind'] == 'read']
        self.assertEqual(sum(e['items'] for e in reads), 200)
        # a period may have ended between them
        self.assertLess(len(reads), 60)

    def test_the_secret_service(self):
        client = self.client()
        session = client.session()
        path = client.create_item(session, {'server': 'mail', 'user': 'alice'}, b'v', label='Mail')
        client.get_secret(session, path)
        item = DBusAddress(path, bus_name='org.freedesktop.secrets', interface='org.freedesktop.Secret.Item')
        properties = DBusAddress(path, bus_name='org.freedesktop.secrets', interface='org.freedesktop.DBus.Properties')
        client.call(properties, 'Set', 'ssv', 'org.freedesktop.Secret.Item', 'Label', ('s', 'Post'))
        client.call(item, 'SetSecret', '(oayays)', (session, b'', b'w', 'text/plain'))
        client.delete_item(path)
        entries = self.log()
        self.assertEqual([(e['kind'], e['label']) for e in entries],
                         [('deleted', 'Post'), ('changed', 'Post'), ('changed', 'Post'), ('read', 'Mail'),
                          ('created', 'Mail')])
        for entry in entries:
            self.assertEqual((entry['service'], entry['username'], entry['pid']), ('mail', 'alice', os.getpid()))
            self.assertEqual(entry['program'], os.path.realpath(f'/proc/{os.getpid()}/exe'))

    def test_collections(self):
        self.keyfob('collection', 'create', 'Work', '--password-file', self.sandbox.write('password', 'pass word'))
        self.keyfob('collection', 'delete', 'Work', '--yes')
        entry = self.log()[0]
        self.assertEqual((entry['kind'], entry['label']), ('collection-deleted', 'Work'))
        self.keyfob('undelete', '1')
        entry = self.log()[0]
        self.assertEqual((entry['kind'], entry['label']), ('collection-restored', 'Work'))

    def test_what_fails_or_finds_nothing_is_no_line(self):
        client = self.client()
        with self.assertRaises(kb.BusError):
            client.lookup(service='none')
        with self.assertRaises(kb.BusError):
            client.delete(service='none')
        client.store({'service': 's'}, b'v')
        client.search({'service': 's'})
        self.assertEqual([e['kind'] for e in self.log()], ['created'])

    def test_the_collection_in_memory_leaves_nothing(self):
        client = self.client()
        client.store({'service': 'fleeting'}, b'v', collection='session')
        client.lookup(service='fleeting')
        client.delete(service='fleeting')
        self.assertEqual(self.log(), [])

    def test_calls_before_it_is_known_who_makes_them_keep_their_order(self):
        client = self.client()
        address = kb.STORE
        serials = []
        for i in range(50):
            call = new_method_call(address, 'Store', 'a{ss}sa{ss}a{sv}ay',
                                   ({'service': 's'}, 'l', {'service': 's'}, {}, b'%d' % i))
            call.header.serial = 1000 + i
            serials.append(1000 + i)
            client.connection.send(call, serial=1000 + i)
        got = []
        while len(got) < 50:
            message = client.connection.receive(timeout=PATIENCE)
            if message.header.fields.get(5) in serials:
                self.assertEqual(message.header.message_type, MessageType.method_return, message.body)
                got.append(message.header.fields.get(5))
        self.assertEqual(got, serials)
        self.assertEqual(client.lookup(service='s'), b'49')
        writes = [e for e in self.log() if e['kind'] != 'read']
        self.assertEqual(sum(e['count'] for e in writes), 50)
        self.assertTrue(all(e['pid'] == os.getpid() for e in writes))


class WhenItIsWritten(LogTest):
    def test_a_change_and_its_line_are_one_transaction(self):
        for i in range(20):
            client = kb.Client(self.sandbox.socket)
            client.store({'service': f's{i}'}, b'v')
            self.sandbox.kill_daemon()
            client.close()
            self.start_again()
            self.assertEqual(self.log()[0]['service'], f's{i}')
        self.assertEqual(len([e for e in self.log() if e['kind'] == 'created']), 20)

    def test_a_read_is_on_disk_soon_and_by_itself(self):
        client = self.client()
        client.store({'service': 's'}, b'v')
        wal = self.sandbox.vault + '-wal'
        before = os.stat(wal).st_mtime_ns, os.stat(self.sandbox.vault).st_mtime_ns
        client.lookup(service='s')
        self.wait_for(lambda: (os.stat(wal).st_mtime_ns, os.stat(self.sandbox.vault).st_mtime_ns) != before
                      and self.rows() > 1, 'nothing was written')
        self.sandbox.kill_daemon()
        self.start_again()
        self.assertEqual([e['kind'] for e in self.log()], ['read', 'created'])

    def files(self):
        """The vault and its log as they were at one moment: the daemon goes on, and a checkpoint between both would tear them."""
        def read():
            found = []
            for suffix in ('', '-wal'):
                with open(self.sandbox.vault + suffix, 'rb') as file:
                    found.append((suffix, file.read()))
            return found
        before, after = None, read()
        while before != after:
            before, after = after, read()
        return after

    def rows(self):
        """Records of the log in the files as they are: copied, because the daemon has them to itself."""
        for suffix, content in self.files():
            self.sandbox.write('home/copy' + suffix, content)
        with contextlib.closing(sqlite3.connect(os.path.join(self.sandbox.home, 'copy'))) as db:
            return db.execute('SELECT count(*) FROM item WHERE id>>40=?', (LOG_CLASS,)).fetchone()[0]

    def test_reads_are_written_when_the_vault_is_locked_or_the_daemon_ends(self):
        client = self.client()
        client.store({'service': 's'}, b'v')
        client.lookup(service='s')
        client.lock()
        self.sandbox.kill_daemon()
        self.start_again()
        self.assertEqual([e['kind'] for e in self.log()], ['read', 'created'])
        self.keyfob('get', 's', 'x', code=1)
        self.client().lookup(service='s')
        self.sandbox.stop_daemon()
        self.start_again()
        self.assertEqual([e['kind'] for e in self.log()], ['read', 'read', 'created'])

    def test_a_locked_vault_shows_none(self):
        self.keyfob('set', 'mail', 'alice', input='one')
        self.keyfob('lock')
        result = self.keyfob('log', code=3)
        self.assertOneLine(result.stderr, 'keyfob')
        self.sandbox.unlock('pass word')
        self.assertEqual(len(self.log()), 1)

    def test_a_collection_with_slots_of_its_own_is_logged_when_the_vault_opens(self):
        password = self.sandbox.write('own', 'own word')
        self.keyfob('collection', 'create', 'Own', '--new-password-file', password, '--password-file',
                    self.sandbox.write('password', 'pass word'))
        self.keyfob('set', 'mail', 'alice', '--collection', 'Own', input='one')
        self.keyfob('lock')
        self.client().unlock(collection='Own', secret=b'own word')
        self.assertEqual(self.keyfob('get', 'mail', 'alice').stdout, b'one')
        self.keyfob('set', 'mail', 'alice', '--collection', 'Own', input='two')
        self.sandbox.unlock('pass word')
        self.assertEqual([e['kind'] for e in self.log()], ['changed', 'read', 'created'])

    def test_it_has_a_bound_and_check_finds_it_in_order(self):
        client = self.client()
        for i in range(200):
            client.store({'service': f's{i}'}, b'v')
        self.wait_for(lambda: self.rows() < 64 + 4, 'small records stay small')
        self.assertEqual(sum(e['items'] for e in self.log()), 200)
        report = client.check()
        self.assertEqual((report['damaged'], report['tampered']), (0, 0))
        self.sandbox.kill_daemon()
        self.start_again()
        self.assertEqual(sum(e['items'] for e in self.log()), 200)

    def test_it_is_told_in_slices_while_others_go_on(self):
        """What comes meanwhile is not in it, nothing is told twice, and the records that wait are put together when it is told."""
        writer, reader, leaver = self.client(), self.client(), self.client()
        for i in range(500):
            writer.store({'service': f's{i}'}, b'v')
        for client in (reader, leaver):
            client.connection.send(new_method_call(kb.STORE, 'GetLog', 'a{sv}', ({},)), serial=4711)
        leaver.close()
        new, reply = 0, None
        while not reply:
            writer.store({'service': 'new'}, b'%d' % new)
            new += 1
            try:
                message = reader.connection.receive(timeout=0)
                reply = message if message.header.fields.get(5) == 4711 else None
            except TimeoutError:
                self.assertLess(new, 10000)
        self.assertEqual(reply.header.message_type, MessageType.method_return, reply.body)
        told = [entry['service'][1] for entry in reply.body[0]]
        while told[0] == 'new':
            told.pop(0)
        self.assertEqual(told, [f's{i}' for i in reversed(range(500))])
        self.wait_for(lambda: self.rows() < 64 + 500 // 64 + 4, 'records of one line stay so')
        self.assertEqual(len(self.log()), 500 + new)

    def test_few_are_told_at_a_time(self):
        """Each is an answer that grows in memory, so one client has some of them at most."""
        client = self.client()
        for i in range(500):
            client.store({'service': f's{i}'}, b'v')
        calls = {1000 + i: new_method_call(kb.STORE, 'GetLog', 'a{sv}', ({},)) for i in range(6)}
        client.connection.sock.sendall(b''.join(call.serialise(serial) for serial, call in calls.items()))
        errors = []
        while calls:
            reply = client.connection.receive(timeout=PATIENCE)
            if calls.pop(reply.header.fields.get(5), None) and reply.header.message_type == MessageType.error:
                errors.append(reply.header.fields.get(4))
        self.assertEqual(errors, ['org.keyfob.Error.LimitsExceeded'] * 2)
        self.assertEqual(len(self.log()), 500)


class Apps(LogTest):
    def setUp(self):
        if not flatpak.possible():
            self.skipTest('needs user namespaces')
        super().setUp()

    def app(self, *argv, code=0, **options):
        argv = [self.sandbox.stage.keyfob, *argv]
        return self.sandbox.run(flatpak.command(os.path.join(self.sandbox.home, 'root'), 'org.example.Editor', argv, **options),
                                code=code)

    def test_an_app_is_named_and_gets_no_log(self):
        self.keyfob('set', 'mail', 'alice', input='one')
        self.keyfob('policy', 'allow', 'flatpak:org.example.Editor', '--password-file',
                    self.sandbox.write('password', 'pass word'))
        self.assertEqual(self.app('get', 'mail', 'alice').stdout, b'one')
        entry = self.log()[0]
        self.assertEqual((entry['kind'], entry['app'], entry['confinement']),
                         ('read', 'flatpak:org.example.Editor', 'confined'))
        self.assertEqual(len(self.log('--program', 'flatpak:org.example.Editor')), 1)
        self.assertIn('flatpak:org.example.Editor', self.keyfob('log').stdout.decode())
        result = self.app('log', code=4)
        self.assertOneLine(result.stderr, 'flatpak:org.example.Editor')

    def test_what_is_no_name_is_no_app(self):
        self.keyfob('set', 'mail', 'alice', input='one')
        self.app('get', 'mail', 'alice', info='[Application]\nname=org.example.\x1b[2J\n')
        entry = self.log()[0]
        self.assertEqual((entry['kind'], entry['confinement']), ('read', 'unknown'))
        self.assertNotIn('app', entry)


class TheBus(kt.KeyfobTest):
    bus = True

    def test_who_comes_by_the_session_bus(self):
        self.sandbox.start_daemon()
        self.sandbox.wait_for_name()
        self.sandbox.init('pass word')
        program = ('import keyfob_bus as kb, sys\n'
                   'with kb.Client(sys.argv[1]) as client:\n'
                   '    client.store({"service": "s"}, b"v")\n'
                   '    assert client.lookup(service="s") == b"v"\n')
        self.sandbox.run([sys.executable, '-c', program, self.sandbox.env['DBUS_SESSION_BUS_ADDRESS']],
                         env={'PYTHONPATH': os.path.dirname(os.path.abspath(__file__))})
        entries = json.loads(self.keyfob('log', '--json').stdout)
        self.assertEqual([e['kind'] for e in entries], ['read', 'created'])
        for entry in entries:
            self.assertEqual(entry['program'], os.path.realpath(sys.executable))


if __name__ == '__main__':
    kt.main()
