#!/usr/bin/python3
"""The programs people have: each against a session bus, and against the own socket where there is no bus at all."""
import json
import os
import shutil
import subprocess
import unittest

import keyfob_test as kt
import secret_client as sc

PASSWORD = b'pass word'
PYTHON = '/usr/bin/python3'


def need(program):
    return unittest.skipUnless(shutil.which(program), f'{program} is not installed')


class Clients:
    """The tests, for each way in."""

    def setUp(self):
        super().setUp()
        self.sandbox.use_pinentry(None)
        self.sandbox.start_daemon()
        self.own = f'unix:path={self.sandbox.socket}'
        self.address = self.sandbox.bus_address or self.own
        self.env = {'DBUS_SESSION_BUS_ADDRESS': self.address,
                    'PYTHON_KEYRING_BACKEND': 'keyring.backends.SecretService.Keyring'}
        self.client = sc.Client(self.address)
        self.addCleanup(self.client.close)
        self.client.init(PASSWORD)

    def run_client(self, *argv, **options):
        return self.sandbox.run(list(argv), env=self.env, timeout=30, **options)

    def python(self, script, code=0):
        return self.run_client(PYTHON, '-c', script, code=code)

    def agent(self, answers):
        agent = sc.Agent(self.address, answers)
        self.addCleanup(agent.close)
        return agent

    def items(self):
        return self.client.search({})

    # secret-tool

    def store(self, value, *attributes, **options):
        return self.run_client('secret-tool', 'store', '--label=A label', *attributes, input=value, **options)

    @need('secret-tool')
    def test_secret_tool(self):
        self.store('s3cret', 'service', 'x', 'user', 'alice')
        self.assertEqual(self.run_client('secret-tool', 'lookup', 'service', 'x', 'user', 'alice').stdout, b's3cret')
        self.run_client('secret-tool', 'lookup', 'service', 'y', code=1)
        self.store('changed', 'service', 'x', 'user', 'alice')
        self.assertEqual(len(self.items()[0]), 1)
        found = self.run_client('secret-tool', 'search', '--all', '--unlock', 'service', 'x')
        for line in (b'label = A label', b'secret = changed'):
            self.assertIn(line, found.stdout)
        self.assertIn(b'attribute.user = alice', found.stdout + found.stderr)
        self.run_client('secret-tool', 'clear', 'service', 'x', 'user', 'alice')
        self.assertEqual(self.items(), ([], []))

    @need('secret-tool')
    def test_secret_tool_locks_and_unlocks(self):
        self.store('s3cret', 'a', 'b')
        # secret-tool 0.20 crashes in its own clean-up after locking, with any service: only what it did counts.
        self.run_client('secret-tool', 'lock', code=None)
        self.assertEqual(len(self.items()[1]), 1)
        agent = self.agent([(True, PASSWORD), (True, PASSWORD)])
        self.assertEqual(self.run_client('secret-tool', 'lookup', 'a', 'b').stdout, b's3cret')
        self.assertEqual(len(agent.questions), 1)
        self.assertEqual(agent.questions[0].get('program'), 'secret-tool')
        self.client.lock()
        self.store('other', 'c', 'd')
        self.assertEqual(len(agent.questions), 2)
        self.assertEqual(len(self.items()[0]), 2)

    @need('secret-tool')
    def test_secret_tool_with_nobody_to_ask(self):
        self.store('s3cret', 'a', 'b')
        self.client.lock()
        self.assertNotEqual(self.run_client('secret-tool', 'lookup', 'a', 'b', code=None).returncode, 0)
        result = self.store('other', 'a', 'b', code=None)
        self.assertNotEqual(result.returncode, 0)
        self.assertNotEqual(result.stderr, b'')

    # libsecret from C

    @unittest.skipUnless(os.path.exists(os.path.join(kt.BUILD, 'tests/integration/libsecret-client')),
                         'built without libsecret')
    def test_libsecret(self):
        program = os.path.join(kt.BUILD, 'tests/integration/libsecret-client')
        self.run_client(program)
        self.client.unlock(PASSWORD)
        self.agent(lambda request: (True, PASSWORD if request['kind'] == 'secret' else b''))
        self.run_client(program, 'create-collection')

    def watcher(self):
        process = self.sandbox.spawn([os.path.join(kt.BUILD, 'tests/integration/libsecret-client'), 'watch'], env=self.env,
                                     stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.stdin.close)

        def sees(what, n):
            process.stdin.write(f'{what} {n}\n'.encode())
            process.stdin.flush()
            self.assertEqual(process.stdout.readline(), b'ok\n', self.sandbox.read_log())
        return sees

    @unittest.skipUnless(os.path.exists(os.path.join(kt.BUILD, 'tests/integration/libsecret-client')),
                         'built without libsecret')
    def test_libsecret_s_objects_follow_what_others_do(self):
        """A program with a window keeps lists of collections and items, and learns by signals what becomes of them."""
        password = self.sandbox.write('password', PASSWORD)
        session = self.client.open_session()
        sees = self.watcher()
        items = []
        sees('items', 0)
        sees('collections', 2)
        for n in range(1, 4):
            items.append(self.client.create_item(sc.DEFAULT, {'n': str(n)}, b'value', session))
            sees('items', n)
            self.keyfob('collection', 'create', f'Number{n}', '--password-file', password)
            sees('collections', 2 + n)
        self.client.call(items[1], sc.ITEM, 'Delete')
        sees('items', 2)
        self.keyfob('collection', 'delete', 'Number2', '--yes')
        sees('collections', 4)

        # Of many only themselves are told.
        items = [self.client.create_item(sc.DEFAULT, {'of many': str(n)}, b'value', session) for n in range(256)]
        sees = self.watcher()
        sees('items', 258)
        items.append(self.client.create_item(sc.DEFAULT, {'one': 'more'}, b'value', session))
        for item in items[:3]:
            self.client.call(item, sc.ITEM, 'Delete')
        sees('items', 256)

    # SecretStorage

    def test_secretstorage(self):
        agent = self.agent([(True, PASSWORD), (True, PASSWORD), (True, b'')])
        self.python('''
import jeepney.io.blocking
import secretstorage
from secretstorage.util import add_match_rules
connection = jeepney.io.blocking.open_dbus_connection(auth_timeout=60)  # dbus_init() gives it a second
add_match_rules(connection)
assert secretstorage.check_service_availability(connection)
collection = secretstorage.get_default_collection(connection)
assert collection.get_label() == 'Default' and not collection.is_locked()
item = collection.create_item('a label', {'application': 'test', 'n': '1'}, b'\\x00\\xffvalue', replace=True)
assert item.get_secret() == b'\\x00\\xffvalue' and item.get_secret_content_type() == 'text/plain'
item.set_label('another')
item.set_attributes({'application': 'test', 'n': '2'})
item.set_secret(b'changed', 'a/b')
found, = secretstorage.search_items(connection, {'application': 'test'})
assert found == item and found.get_label() == 'another' and found.get_attributes() == {'application': 'test', 'n': '2'}
assert found.get_secret() == b'changed' and found.get_secret_content_type() == 'a/b'
assert [i.get_label() for i in collection.get_all_items()] == ['another']
assert found.get_created() > 0 and found.get_modified() >= found.get_created()
collection.lock()
assert collection.is_locked() and item.is_locked()
try:
    item.get_secret()
    raise SystemExit('a locked item gave its secret')
except secretstorage.exceptions.LockedException:
    pass
assert collection.unlock() is False  # not dismissed
assert item.get_secret() == b'changed'
item.delete()
try:
    item.get_label()
    raise SystemExit('a deleted item answered')
except (secretstorage.exceptions.ItemNotFoundException, jeepney.wrappers.DBusErrorResponse):
    pass  # before 3.4 it knew no UnknownObject
made = secretstorage.create_collection(connection, 'Made')
assert made.get_label() == 'Made' and len(list(secretstorage.get_all_collections(connection))) == 3
made.delete()
session = secretstorage.collection.get_any_collection(connection)
''')
        self.assertEqual([question['purpose'] for question in agent.questions],
                         ['unlock', 'create-collection', 'delete-collection'])

    # python keyring

    def keyring(self, *args, **options):
        return self.run_client(PYTHON, '-m', 'keyring', *args, **options)

    def test_keyring(self):
        self.keyring('set', 'service', 'alice', input='s3cret\n')
        self.assertEqual(self.keyring('get', 'service', 'alice').stdout.strip(), b's3cret')
        self.keyring('set', 'service', 'alice', input='new\n')
        self.assertEqual(len(self.items()[0]), 1)
        self.keyring('set', 'service', 'bob', input='bobs\n')
        self.assertEqual(self.keyring('get', 'service', 'alice').stdout.strip(), b'new')
        self.assertEqual(self.keyring('get', 'service', 'bob').stdout.strip(), b'bobs')
        self.keyring('del', 'service', 'alice')
        self.keyring('get', 'service', 'alice', code=1)

    def test_keyring_with_nobody_to_ask(self):
        self.keyring('set', 'service', 'alice', input='s3cret\n')
        self.client.lock()
        self.assertNotEqual(self.keyring('get', 'service', 'alice', code=None).returncode, 0)

    # git, docker and others that go through a helper

    @need('docker-credential-secretservice')
    def test_docker(self):
        def docker(verb, text, code=0):
            return self.run_client('docker-credential-secretservice', verb, input=text, code=code)

        login = {'ServerURL': 'https://registry.example/v1/', 'Username': 'alice', 'Secret': 's3cret'}
        docker('store', json.dumps(login))
        self.assertEqual(json.loads(docker('get', login['ServerURL']).stdout), login)
        self.assertEqual(json.loads(docker('list', '').stdout), {login['ServerURL']: 'alice'})
        docker('store', json.dumps({**login, 'Secret': 'changed'}))
        self.assertEqual(json.loads(docker('get', login['ServerURL']).stdout)['Secret'], 'changed')
        self.assertEqual(len(self.items()[0]), 1)
        docker('erase', login['ServerURL'])
        docker('get', login['ServerURL'], code=1)
        self.assertEqual(json.loads(docker('list', '').stdout), {})

    # GLib's own tools

    @need('gdbus')
    def test_gdbus(self):
        self.store('s3cret', 'a', 'b')
        where = ['--session', '--dest', sc.NAME] if self.bus else ['--address', self.own, '--dest', sc.NAME]
        tree = self.run_client('gdbus', 'introspect', *where, '--object-path', '/', '--recurse').stdout.decode()
        for interface in (sc.SERVICE, sc.COLLECTION, sc.ITEM, 'org.keyfob.Store1'):
            self.assertIn(f'interface {interface} ', tree)
        item = self.items()[0][0]
        for path in (sc.ROOT, sc.DEFAULT, self.client.service('ReadAlias', 's', 'default'), item, sc.SESSION):
            self.assertIn(f'node {path} ', tree)
        one = self.run_client('gdbus', 'introspect', *where, '--object-path', item).stdout.decode()
        self.assertIn("Label = 'A label'", one)
        self.assertIn('GetSecret', one)


class OnABus(Clients, kt.KeyfobTest):
    bus = True


class WithoutABus(Clients, kt.KeyfobTest):
    bus = False


if __name__ == '__main__':
    kt.main()
