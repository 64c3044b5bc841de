#!/usr/bin/python3
"""Passwords of collections that programs give (org.gnome.keyring.InternalUnsupportedGuiltRiddenInterface): the same calls, of
the same clients, to keyfobd and to the real gnome-keyring."""
import json
import shutil
import subprocess
import unittest

import keyfob_test as kt
from person import Person
from secret_client import (COLLECTION, DEFAULT, NO_SESSION, NO_SUCH_OBJECT, NOT_SUPPORTED, ROOT, SESSION, STORE, Client,
                           expect_error)

MASTER = 'org.gnome.keyring.InternalUnsupportedGuiltRiddenInterface'
DENIED = 'org.gnome.keyring.Error.Denied'
LOGIN = ROOT + '/collection/login'
CANCELLED = 'org.keyfob.Error.Cancelled'
BUSY = 'org.keyfob.Error.Busy'

# As scripts for machines without a desktop do it, with python3-secretstorage.
SCRIPT = '''
import secretstorage, sys
from secretstorage.defines import SS_PATH
from jeepney.io.blocking import open_dbus_connection
from secretstorage.util import DBusAddressWrapper, format_secret, open_session
# as dbus_init() does it, but for its time limit of one second
connection = open_dbus_connection(auth_timeout=60)
session = open_session(connection)
service = DBusAddressWrapper(SS_PATH, "org.gnome.keyring.InternalUnsupportedGuiltRiddenInterface", connection)
password = format_secret(session, b"s3cret pass", "text/plain")
path, = service.call("CreateWithMasterPassword", "a{sv}(oayays)",
                     {"org.freedesktop.Secret.Collection.Label": ("s", "Headless")}, password)
DBusAddressWrapper(SS_PATH, "org.freedesktop.Secret.Service", connection).call("SetAlias", "so", "default", path)
collection = secretstorage.get_default_collection(connection)
collection.lock()
assert collection.is_locked()
service.call("UnlockWithMasterPassword", "o(oayays)", path, format_secret(session, b"s3cret pass", "text/plain"))
assert not collection.is_locked()
collection.create_item("label", {"a": "b"}, b"value")
print(next(collection.search_items({"a": "b"})).get_secret().decode(), collection.get_label())
'''


class Calls:
    """What has to be the same everywhere."""

    def connect(self):
        client = Client(self.sandbox.bus_address)
        self.addCleanup(client.close)
        return client

    @staticmethod
    def create(client, session, password, label='Work'):
        return client.call(ROOT, MASTER, 'CreateWithMasterPassword', 'a{sv}(oayays)',
                           {COLLECTION + '.Label': ('s', label)}, session.encode(password))

    @staticmethod
    def unlock(client, session, path, password):
        client.call(ROOT, MASTER, 'UnlockWithMasterPassword', 'o(oayays)', path, session.encode(password))

    @staticmethod
    def change(client, session, path, old, new):
        client.call(ROOT, MASTER, 'ChangeWithMasterPassword', 'o(oayays)(oayays)', path, session.encode(old),
                    session.encode(new))

    @staticmethod
    def locked(client, path):
        return client.get(path, COLLECTION, 'Locked')

    def scenario(self, dh):
        client = self.connect()
        session = client.open_session(dh=dh)
        path = self.create(client, session, b'one')
        self.assertFalse(self.locked(client, path))
        self.assertEqual(client.get(path, COLLECTION, 'Label'), 'Work')
        item = client.create_item(path, {'a': 'b'}, b'value', session)
        client.service('Lock', 'ao', [path])
        self.assertTrue(self.locked(client, path))
        with expect_error(self, DENIED):
            self.unlock(client, session, path, b'wrong')
        self.assertTrue(self.locked(client, path))
        self.unlock(client, session, path, b'one')
        self.assertFalse(self.locked(client, path))
        with expect_error(self, DENIED):
            self.change(client, session, path, b'wrong', b'two')
        self.change(client, session, path, b'one', b'two')
        client.service('Lock', 'ao', [path])
        with expect_error(self, DENIED):
            self.unlock(client, session, path, b'one')
        self.unlock(client, session, path, b'two')
        self.assertEqual(client.secret(item, session)[0], b'value')

    def test_plain(self):
        self.scenario(dh=False)

    def test_dh(self):
        self.scenario(dh=True)

    def test_a_script_with_secretstorage(self):
        found = self.sandbox.run(['/usr/bin/python3', '-c', SCRIPT])
        self.assertEqual(found.stdout, b'value Headless\n')

    def test_an_empty_password(self):
        """gnome-keyring's way to have no password, as scripts for machines without a desktop use it."""
        client = self.connect()
        session = client.open_session()
        path = self.create(client, session, b'')
        client.service('Lock', 'ao', [path])
        self.unlock(client, session, path, b'')
        self.assertFalse(self.locked(client, path))
        self.change(client, session, path, b'', b'one')
        client.service('Lock', 'ao', [path])
        with expect_error(self, DENIED):
            self.unlock(client, session, path, b'')
        self.unlock(client, session, path, b'one')
        self.change(client, session, path, b'one', b'')
        client.service('Lock', 'ao', [path])
        self.unlock(client, session, path, b'')

    def test_what_is_not_there(self):
        client = self.connect()
        session = client.open_session()
        for call in (lambda: self.unlock(client, session, ROOT + '/collection/nowhere', b'one'),
                     lambda: self.change(client, session, ROOT + '/collection/nowhere', b'one', b'two'),
                     lambda: client.call(ROOT, MASTER, 'ChangeWithPrompt', 'o', ROOT + '/collection/nowhere')):
            with expect_error(self, NO_SUCH_OBJECT):
                call()

    def test_sessions_of_others_are_theirs(self):
        theirs = self.connect().open_session()
        with expect_error(self, NO_SESSION):
            self.create(self.connect(), theirs, b'one')

    def test_change_with_prompt_is_a_prompt(self):
        client = self.connect()
        path = self.create(client, client.open_session(), b'one')
        for interface, member in ((MASTER, 'ChangeWithPrompt'), ('org.freedesktop.Secret.Service', 'ChangeLock')):
            prompt = client.call(ROOT, interface, member, 'o', path)
            self.assertTrue(prompt.startswith(ROOT + '/prompt/'), prompt)
            client.call(prompt, 'org.freedesktop.Secret.Prompt', 'Dismiss')


@unittest.skipUnless(shutil.which('gnome-keyring-daemon'), 'no gnome-keyring')
class GnomeKeyring(Calls, kt.KeyfobTest):
    bus = True

    def setUp(self):
        super().setUp()
        process = self.sandbox.spawn(['gnome-keyring-daemon', '--foreground', '--unlock', '--components=secrets',
                                      f'--control-directory={self.sandbox.runtime}'], stdin=subprocess.PIPE)
        process.stdin.write(b'login')
        process.stdin.close()
        self.sandbox.wait_for_name()


class Keyfob(Calls, kt.KeyfobTest):
    """Where there is no vault yet: the first collection makes it."""

    bus = True

    def setUp(self):
        super().setUp()
        self.sandbox.use_pinentry(None)
        self.sandbox.start_daemon()
        self.sandbox.wait_for_name()

    def status(self):
        return json.loads(self.keyfob('status', '--json').stdout)

    def test_the_first_makes_the_vault(self):
        client = self.connect()
        session = client.open_session(dh=True)
        path = self.create(client, session, b'one')
        self.assertEqual(client.service('ReadAlias', 's', 'default'), path)
        self.keyfob('set', 'svc', 'me', input='value')
        self.keyfob('lock')
        self.sandbox.unlock('one')
        self.assertEqual(self.keyfob('get', 'svc', 'me').stdout, b'value')
        self.assertFalse(self.status()['unprotected'])
        # written before it was answered
        self.sandbox.kill_daemon()
        self.sandbox.start_daemon()
        self.sandbox.unlock('one')
        self.assertEqual(self.keyfob('get', 'svc', 'me').stdout, b'value')

    def test_an_empty_one_is_shown_as_unprotected(self):
        client = self.connect()
        session = client.open_session()
        path = self.create(client, session, b'')
        self.assertTrue(self.status()['unprotected'])
        self.change(client, session, path, b'', b'one')
        self.assertFalse(self.status()['unprotected'])
        self.assertEqual([s['kind'] for s in json.loads(self.keyfob('slot', 'list', '--json').stdout)], ['password'])


class InVault(Calls, kt.KeyfobTest):
    """In a vault that is there: collections with passwords of their own."""

    bus = True

    def setUp(self):
        super().setUp()
        self.sandbox.use_pinentry(None)
        self.sandbox.start_daemon()
        self.sandbox.init('pass word')
        self.sandbox.wait_for_name()
        self.person = Person(self.sandbox, always='pass word')

    def test_the_vault_s_password_is_asked_for(self):
        client = self.connect()
        session = client.open_session()
        self.create(client, session, b'one')
        question, = self.person.questions()
        self.assertEqual((question['kind'], question['purpose']), ('secret', 'create-collection'))
        self.person.always('deny')
        with expect_error(self, CANCELLED):
            self.create(client, session, b'two')

    def test_nobody_is_asked_when_it_is_the_same(self):
        self.person.always('deny')
        client = self.connect()
        session = client.open_session()
        self.keyfob('lock')
        path = self.create(client, session, b'pass word')
        self.assertEqual(self.person.questions(), [])
        self.assertFalse(self.locked(client, path))

    def test_a_collection_without_its_own_opens_with_the_vault(self):
        client = self.connect()
        session = client.open_session()
        for path in (DEFAULT, LOGIN, client.service('ReadAlias', 's', 'default')):
            self.keyfob('lock')
            with expect_error(self, DENIED):
                self.unlock(client, session, path, b'wrong')
            self.unlock(client, session, path, b'pass word')
            self.assertFalse(self.locked(client, DEFAULT))
        self.change(client, session, LOGIN, b'pass word', b'new')
        self.keyfob('lock')
        self.sandbox.unlock('pass word', code=6)
        self.sandbox.unlock('new')

    def test_the_session_collection(self):
        client = self.connect()
        session = client.open_session()
        self.unlock(client, session, SESSION, b'anything')
        with expect_error(self, NOT_SUPPORTED):
            self.change(client, session, SESSION, b'one', b'two')

    def test_the_prompt_changes_the_password(self):
        client = self.connect()
        client.subscribe()
        own = self.create(client, client.open_session(), b'one')
        self.person.questions()
        self.person.always(None)
        for path, old, new in ((DEFAULT, 'pass word', 'next'), (own, 'one', 'two')):
            prompt = client.call(ROOT, MASTER, 'ChangeWithPrompt', 'o', path)
            client.call(prompt, 'org.freedesktop.Secret.Prompt', 'Prompt', 's', '')
            question = self.person.question()
            self.assertEqual((question['kind'], question['purpose']), ('secret', 'change-password'))
            self.person.answer(question, old)
            question = self.person.question()
            self.assertEqual((question['kind'], question['purpose']), ('new-secret', 'change-password'))
            self.person.answer(question, new)
            dismissed, result = client.wait_for(prompt, 'org.freedesktop.Secret.Prompt', 'Completed')
            self.assertEqual((dismissed, result), (False, ('s', '')))
            client.service('Lock', 'ao', [path])
            session = client.open_session()
            with expect_error(self, DENIED):
                self.unlock(client, session, path, old.encode())
            self.unlock(client, session, path, new.encode())

    def test_a_password_changed_meanwhile_stays_changed(self):
        client = self.connect()
        client.subscribe()
        self.person.always(None)
        for what in ('prompt', 'call'):
            if what == 'prompt':
                prompt = client.call(ROOT, MASTER, 'ChangeWithPrompt', 'o', DEFAULT)
                client.call(prompt, 'org.freedesktop.Secret.Prompt', 'Prompt', 's', '')
                self.person.answer(self.person.question(), 'pass word')
                old, new = 'pass word', 'next'
            else:
                call = client.send('/org/keyfob', STORE, 'ChangePassword', 'a{sv}', {'old': ('ay', b'next')},
                                   destination='org.keyfob.Daemon')
                old, new = 'next', 'last'
            question = self.person.question()
            self.assertEqual(question['kind'], 'new-secret')
            self.keyfob('passwd', '--password-file', self.sandbox.write('old', old), '--new-password-file',
                        self.sandbox.write('new', new))
            self.person.answer(question, 'of who knew the old one')
            if what == 'prompt':
                self.assertEqual(client.wait_for(prompt, 'org.freedesktop.Secret.Prompt', 'Completed')[0], True)
            else:
                with expect_error(self, BUSY):
                    client.wait(call)
            self.keyfob('lock')
            self.sandbox.unlock(new)

    def test_refused(self):
        client = self.connect()
        client.subscribe()
        self.person.always('deny')
        prompt = client.call(ROOT, MASTER, 'ChangeWithPrompt', 'o', DEFAULT)
        self.assertEqual(client.prompt(prompt), (True, ''))
        self.keyfob('lock')
        self.sandbox.unlock('pass word')


if __name__ == '__main__':
    unittest.main()
