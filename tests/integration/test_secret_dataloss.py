#!/usr/bin/python3
"""What other keyrings lose: replacing by a part of the attributes, one odd secret, a crash after the answer."""
import os
import threading

import keyfob_test as kt
import secret_client as sc
from person import wait_for
from secret_client import DEFAULT, ITEM

PASSWORD = b'pass word'


class DataLoss(kt.KeyfobTest):
    def setUp(self):
        super().setUp()
        self.sandbox.start_daemon()
        self.client = self.connect()

    def connect(self):
        client = sc.Client(f'unix:path={self.sandbox.socket}')
        self.addCleanup(client.close)
        return client

    def secrets(self, client):
        """{attributes: secret} of all items."""
        session = client.open_session(dh=True)
        items, locked = client.search({})
        self.assertEqual(locked, [])
        return {tuple(sorted(client.get(item, ITEM, 'Attributes').items())): client.secret(item, session)[0]
                for item in items}

    def restart(self, password):
        self.sandbox.kill_daemon()
        self.sandbox.start_daemon()
        client = self.connect()
        if password:
            client.unlock(password)
        return client

    def test_a_part_of_the_attributes_replaces_nothing(self):
        self.client.init(PASSWORD)
        session = self.client.open_session()
        self.client.create_item(DEFAULT, {'user': 'alice', 'host': 'h'}, b'precious', session, replace=True)
        self.client.create_item(DEFAULT, {'user': 'alice'}, b'other', session, replace=True)
        expected = {(('host', 'h'), ('user', 'alice')): b'precious', (('user', 'alice'),): b'other'}
        self.assertEqual(self.secrets(self.client), expected)
        self.assertEqual(self.secrets(self.restart(PASSWORD)), expected)

    def test_no_attributes_replace_nothing(self):
        self.client.init(PASSWORD)
        session = self.client.open_session()
        for i in range(5):
            self.client.create_item(DEFAULT, {'n': str(i)}, b'%d' % i, session, replace=True)
        bare = self.client.create_item(DEFAULT, {}, b'bare', session, replace=True)
        self.assertEqual(self.client.create_item(DEFAULT, {}, b'new', session, replace=True), bare)
        expected = {(('n', str(i)),): b'%d' % i for i in range(5)} | {(): b'new'}
        self.assertEqual(self.secrets(self.client), expected)
        self.assertEqual(self.secrets(self.restart(PASSWORD)), expected)

    def test_an_unprotected_vault_keeps_every_kind_of_secret(self):
        self.client.init(None)
        session = self.client.open_session()
        values = [b'one\ntwo\n', b'\n[item]\nsecret=x\n', b'\r\n', b'\0', bytes(range(256)), b'', '\u2028'.encode(),
                  b'\xff\xfe', b'[keyring]\n', b'a\\nb', b' leading', b'x' * 100000]
        for i, value in enumerate(values):
            self.client.create_item(DEFAULT, {'n': str(i), 'odd\nname': 'odd\nvalue\t='}, value, session,
                                    label='odd\nlabel=\n[')
        client = self.restart(None)
        self.assertEqual(self.secrets(client),
                         {(('n', str(i)), ('odd\nname', 'odd\nvalue\t=')): value for i, value in enumerate(values)})
        self.assertEqual({client.get(item, ITEM, 'Label') for item in client.search({})[0]}, {'odd\nlabel=\n['})

    def test_what_was_answered_survives_a_kill(self):
        self.client.init(PASSWORD)
        acknowledged = [[] for _ in range(4)]

        def write(client, mine):
            try:
                session = client.open_session()
                while True:
                    value = os.urandom(8).hex()
                    client.create_item(DEFAULT, {'value': value}, value.encode(), session)
                    mine.append(value)
            except (OSError, EOFError, sc.Error):
                pass

        def count():
            return sum(len(mine) for mine in acknowledged)

        for _ in range(3):
            before = count()
            writers = [threading.Thread(target=write, args=(self.connect(), mine)) for mine in acknowledged]
            for writer in writers:
                writer.start()
            threading.Event().wait(0.5)
            wait_for(lambda before=before: count() > before + 10, 'something to be written')
            self.sandbox.daemon.kill()
            for writer in writers:
                writer.join()
            self.sandbox.daemon.wait()
            self.sandbox.start_daemon()
            client = self.connect()
            client.unlock(PASSWORD)
            found = {attributes[0][1]: value for attributes, value in self.secrets(client).items()}
            written = {value for mine in acknowledged for value in mine}
            self.assertGreater(len(written), 10)
            self.assertEqual(written - found.keys(), set())
            self.assertEqual({name: value.decode() for name, value in found.items()}, {name: name for name in found})
            self.assertFalse(client.store('Status')['tampered'][1])
            names = [name for name in os.listdir(self.sandbox.vault_dir) if name != 'snapshots']
            self.assertEqual([name for name in names if not name.startswith(os.path.basename(self.sandbox.vault))], [])


if __name__ == '__main__':
    kt.main()
