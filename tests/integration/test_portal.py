#!/usr/bin/python3
"""The secret portal: called as its frontend calls it, and behind the real xdg-desktop-portal with an app in a sandbox."""
import json
import os
import shutil
import unittest

import keyfob_bus as kb
import keyfob_test as kt
from jeepney.io.blocking import open_dbus_connection
from person import Person, wait_for
from secret_client import ACCESS_DENIED, INVALID_ARGS, Client, expect_error

NAME = 'org.freedesktop.impl.portal.desktop.keyfob'
PATH = '/org/freedesktop/portal/desktop'
SECRET = 'org.freedesktop.impl.portal.Secret'
REQUEST = 'org.freedesktop.impl.portal.Request'
FRONTEND = 'org.freedesktop.portal.Desktop'
FRONTEND_PROGRAM = '/usr/libexec/xdg-desktop-portal'
APP = 'org.example.App'

# An app in a sandbox: it asks the portal for its key, and prints the response and the key.
APP_PROGRAM = '''
import dbus, os
from dbus.mainloop.glib import DBusGMainLoop
from gi.repository import GLib
loop = GLib.MainLoop()
bus = dbus.SessionBus(mainloop=DBusGMainLoop())
reader, writer = os.pipe()
def done(response, results, path=None):
    os.close(writer)
    print(response, os.read(reader, 4096).hex())
    loop.quit()
bus.add_signal_receiver(done, 'Response', 'org.freedesktop.portal.Request', path_keyword='path')
portal = bus.get_object('org.freedesktop.portal.Desktop', '/org/freedesktop/portal/desktop')
portal.RetrieveSecret(dbus.types.UnixFd(writer), {'handle_token': 'token'}, dbus_interface='org.freedesktop.portal.Secret')
GLib.timeout_add_seconds(50, loop.quit)
loop.run()
'''


class Portal(kt.KeyfobTest):
    bus = True

    def begin(self, vault=True):
        self.sandbox.use_pinentry(None)
        self.sandbox.start_daemon()
        if vault:
            self.sandbox.init('pass word')
        self.sandbox.wait_for_name(NAME)

    def items(self):
        with kb.Client(self.sandbox.socket) as client:
            return [item[1:3] for item in client.search()]


class Frontend(Client):
    """A client that has the frontend's name."""

    def __init__(self, address, named=True):
        self.connection = open_dbus_connection(address, enable_fds=True, auth_timeout=kt.TIMEOUT)
        self.signals, self.replies = [], {}
        if named:
            assert self.bus('RequestName', 'su', FRONTEND, 4) == 1

    def bus(self, member, signature, *body):
        return self.call('/org/freedesktop/DBus', 'org.freedesktop.DBus', member, signature, *body,
                         destination='org.freedesktop.DBus')

    def begin(self, app, fd, handle='one'):
        return self.send(PATH, SECRET, 'RetrieveSecret', 'osha{sv}', f'{PATH}/request/1_1/{handle}', app, fd, {},
                         destination=NAME)

    def retrieve(self, app, handle='one'):
        """The response, and what was written."""
        reader, writer = os.pipe()
        try:
            call = self.begin(app, writer, handle)
        finally:
            os.close(writer)
        with os.fdopen(reader, 'rb') as file:
            response, results = self.wait(call)
            assert results == {}, results
            return response, file.read()


class Direct(Portal):
    def setUp(self):
        super().setUp()
        self.begin()
        self.frontend = Frontend(self.sandbox.bus_address)
        self.addCleanup(self.frontend.close)

    def test_each_app_has_a_key_of_its_own_and_keeps_it(self):
        response, key = self.frontend.retrieve(APP)
        self.assertEqual((response, len(key)), (0, 64))
        self.assertEqual(self.frontend.retrieve(APP), (0, key))
        response, other = self.frontend.retrieve('org.example.Other')
        self.assertEqual((response, len(other)), (0, 64))
        self.assertNotEqual(key, other)
        self.assertEqual(len(self.items()), 2)
        # it was durable when it was handed out
        self.sandbox.kill_daemon()
        self.sandbox.start_daemon()
        self.sandbox.wait_for_name(NAME)
        self.sandbox.unlock('pass word')
        self.assertEqual(self.frontend.retrieve(APP), (0, key))

    def test_what_gnome_keyring_kept_goes_on(self):
        for app, attributes in ((APP, {'app_id': APP}),
                                ('org.example.Other', {'app_id': 'org.example.Other',
                                                       'xdg:schema': 'org.freedesktop.portal.Secret'})):
            with Client(self.sandbox.bus_address) as client:
                client.create_item('/org/freedesktop/secrets/aliases/default', attributes, b'k' * 64, client.open_session())
            self.assertEqual(self.frontend.retrieve(app), (0, b'k' * 64))

    def test_an_item_of_the_app_s_is_not_its_key(self):
        with Client(self.sandbox.bus_address) as client:
            client.create_item('/org/freedesktop/secrets/aliases/default', {'app_id': APP, 'user': 'alice'}, b'x' * 64,
                               client.open_session())
        response, key = self.frontend.retrieve(APP)
        self.assertEqual(response, 0)
        self.assertNotEqual(key, b'x' * 64)
        self.assertIn(('Key of the app ' + APP, {'app_id': APP, 'xdg:schema': 'org.freedesktop.portal.Secret'}),
                      self.items())

    def test_who_got_a_key_is_logged(self):
        self.frontend.retrieve(APP)
        self.frontend.retrieve('snap.editor')
        for _ in range(40):
            self.frontend.retrieve(APP)
        log = json.loads(self.keyfob('log', '--json').stdout)
        for app in ('flatpak:' + APP, 'snap:editor'):
            mine = [e for e in log if e['app'] == app]
            self.assertEqual(mine[-1]['kind'], 'created')
            self.assertEqual({e['kind'] for e in mine[:-1]}, {'read'})
            self.assertEqual(sum(e['count'] for e in mine[:-1]), 41 if app != 'snap:editor' else 1)
            self.assertEqual({e['label'] for e in mine}, {'Key of the app ' + (APP if app != 'snap:editor' else 'snap.editor')})
        self.assertEqual({e['confinement'] for e in log}, {'confined'})

    def test_a_rule_may_deny_a_key(self):
        password = self.sandbox.write('password', 'pass word')
        self.frontend.retrieve(APP)
        # nobody is asked about a key of its own, whatever else an app is asked about
        self.keyfob('policy', 'ask', 'flatpak:' + APP)
        self.assertEqual(self.frontend.retrieve(APP)[0], 0)
        for rule, app, made in ((('deny', 'flatpak:' + APP), APP, 1), (('deny', 'sandboxed', '--collection', 'Default'), 'a.b.c', 1)):
            self.keyfob('policy', *rule)
            self.assertEqual(self.frontend.retrieve(app), (1, b''))
            entry = json.loads(self.keyfob('log', '--json').stdout)[0]
            self.assertEqual((entry['kind'], entry['app'], entry['label']),
                             ('refused', 'flatpak:' + app, 'Key of the app ' + app))
            self.assertEqual(len(self.items()), made)
        self.keyfob('policy', 'none', 'sandboxed', '--collection', 'Default', '--password-file', password)
        self.assertEqual(self.frontend.retrieve('a.b.c')[0], 0)

    def test_no_key_for_programs_outside_of_a_sandbox(self):
        with expect_error(self, ACCESS_DENIED):
            self.frontend.retrieve('')
        self.assertEqual(self.items(), [])

    def test_only_the_frontend_may_ask(self):
        other = Frontend(self.sandbox.bus_address, named=False)
        self.addCleanup(other.close)
        with expect_error(self, ACCESS_DENIED):
            other.retrieve(APP)
        self.frontend.bus('ReleaseName', 's', FRONTEND)
        with expect_error(self, ACCESS_DENIED):
            self.frontend.retrieve(APP)
        self.assertEqual(self.items(), [])

    def test_what_is_refused(self):
        for app in ('../etc', 'a b', 'a' * 256, 'ä'):
            with self.subTest(app), expect_error(self, INVALID_ARGS):
                self.frontend.retrieve(app)
        reader, writer = os.pipe()
        with open(self.sandbox.write('file', b''), 'wb') as file:
            for fd in (reader, file.fileno()):
                with expect_error(self, INVALID_ARGS):
                    self.frontend.wait(self.frontend.begin(APP, fd))
        with expect_error(self, INVALID_ARGS):
            self.frontend.call(PATH, SECRET, 'RetrieveSecret', 'osha{sv}', '/org/freedesktop/secrets', APP, writer, {},
                               destination=NAME)
        # nobody reads: nobody waits
        os.set_blocking(writer, False)
        with self.assertRaises(BlockingIOError):
            while True:
                os.write(writer, bytes(65536))
        os.set_blocking(writer, True)
        self.assertEqual(self.frontend.wait(self.frontend.begin(APP, writer))[0], 2)
        os.close(reader)
        self.assertEqual(self.frontend.wait(self.frontend.begin(APP, writer))[0], 2)
        os.close(writer)
        self.keyfob('status')

    def test_a_locked_vault_asks(self):
        person = Person(self.sandbox)
        _, key = self.frontend.retrieve(APP)
        self.keyfob('lock')
        reader, writer = os.pipe()
        call = self.frontend.begin(APP, writer)
        question = person.question()
        self.assertEqual((question['purpose'], question['program']), ('unlock', APP))
        self.assertIn(APP, question['message'])
        person.answer(question, 'pass word')
        self.assertEqual(self.frontend.wait(call)[0], 0)
        self.assertEqual(os.read(reader, 100), key)
        # a refusal is told from a failure
        self.keyfob('lock')
        call = self.frontend.begin(APP, writer)
        person.answer(person.question(), 'deny')
        self.assertEqual(self.frontend.wait(call)[0], 1)
        kt.end_process(person.process)
        wait_for(lambda: not json.loads(self.keyfob('status', '--json').stdout)['agent'], 'nobody to ask')
        call = self.frontend.begin(APP, writer)
        self.assertEqual(self.frontend.wait(call)[0], 2)
        self.assertIn(f'the app {APP} got no key: locked', self.sandbox.read_log())

    def test_one_question_for_all_apps(self):
        person = Person(self.sandbox)
        self.keyfob('lock')
        reader, writer = os.pipe()
        calls = [self.frontend.begin(f'{APP}{n}', writer, f'n{n}') for n in range(3)]
        program = self.sandbox.spawn([self.sandbox.stage.keyfob, 'get', 'svc', 'me'])
        person.answer(person.question(), 'pass word')
        self.assertEqual([self.frontend.wait(call)[0] for call in calls], [0, 0, 0])
        self.assertEqual(program.wait(kt.TIMEOUT), 1)
        self.assertEqual(person.questions(), [])
        self.assertEqual(len(os.read(reader, 1000)), 3 * 64)

    def test_closing_takes_the_question_away(self):
        person = Person(self.sandbox)
        self.keyfob('lock')
        reader, writer = os.pipe()
        call = self.frontend.begin(APP, writer)
        question = person.question()
        with Client(self.sandbox.bus_address) as other, expect_error(self, ACCESS_DENIED):
            other.call(f'{PATH}/request/1_1/one', REQUEST, 'Close', destination=NAME)
        self.frontend.call(f'{PATH}/request/1_1/one', REQUEST, 'Close', destination=NAME)
        self.assertEqual(self.frontend.wait(call)[0], 1)
        person.gone(question)
        # and so does the frontend's end
        self.frontend.begin(APP, writer)
        question = person.question()
        self.frontend.close()
        person.gone(question)
        os.close(writer)
        self.assertEqual(os.read(reader, 100), b'')

    def test_version(self):
        self.assertEqual(self.frontend.call(PATH, 'org.freedesktop.DBus.Properties', 'Get', 'ss', SECRET, 'version',
                                            destination=NAME), ('u', 1))


class NoVault(Portal):
    def test_it_says_so(self):
        self.begin(vault=False)
        frontend = Frontend(self.sandbox.bus_address)
        self.addCleanup(frontend.close)
        self.assertEqual(frontend.retrieve(APP), (2, b''))
        self.assertIn('no vault yet', self.sandbox.read_log())

    def test_the_bus_starts_the_daemon(self):
        service = os.path.join(self.sandbox.stage.datadir, 'dbus-1/services', NAME + '.service')
        with open(service, encoding='utf-8') as file:
            self.assertIn(f'Name={NAME}\n', file.read())
        self.sandbox.add_service(NAME, [self.sandbox.stage.keyfobd])
        frontend = Frontend(self.sandbox.bus_address)
        self.addCleanup(frontend.close)
        self.assertEqual(frontend.retrieve(APP), (2, b''))


@unittest.skipUnless(os.path.exists(FRONTEND_PROGRAM), 'not installed: xdg-desktop-portal')
class Real(Portal):
    """xdg-desktop-portal itself, with keyfob.portal as it is installed. An app is who /.flatpak-info says, as in Flatpak's
    sandboxes; here bubblewrap makes one, for Flatpak is not needed for that."""

    def setUp(self):
        super().setUp()
        self.begin()
        portals = os.path.join(self.sandbox.stage.datadir, 'xdg-desktop-portal/portals')
        self.assertEqual(os.listdir(portals), ['keyfob.portal'])
        self.sandbox.spawn([FRONTEND_PROGRAM, '-v'], env={'XDG_DESKTOP_PORTAL_DIR': portals})
        self.sandbox.wait_for_name(FRONTEND)

    def app(self, name):
        if not shutil.which('bwrap'):
            self.skipTest('not installed: bubblewrap')
        info = self.sandbox.write('info-' + name, f'[Application]\nname={name}\nruntime=runtime/org.example.Platform/x86_64/1\n'
                                                  '[Instance]\ninstance-id=1\n')
        wrap = ['bwrap', '--ro-bind', '/usr', '/usr', '--ro-bind', '/etc', '/etc', '--symlink', 'usr/lib', '/lib', '--symlink',
                'usr/lib64', '/lib64', '--symlink', 'usr/bin', '/bin', '--proc', '/proc', '--dev', '/dev', '--bind',
                self.sandbox.root, self.sandbox.root, '--ro-bind', info, '/.flatpak-info']
        if self.sandbox.run([*wrap, 'true'], code=None).returncode != 0:
            self.skipTest('bubblewrap makes no sandbox here')
        return self.sandbox.run([*wrap, '/usr/bin/python3', '-c', APP_PROGRAM]).stdout.decode().split()

    def test_an_app_gets_its_key(self):
        response, key = self.app(APP)
        self.assertEqual(response, '0', self.sandbox.read_log())
        self.assertEqual(len(bytes.fromhex(key)), 64)
        self.assertEqual(self.app(APP), ['0', key])
        self.assertNotEqual(self.app('org.example.Other')[1], key)
        self.assertEqual(sorted(a['app_id'] for _, a in self.items()), [APP, 'org.example.Other'])

    def test_a_program_outside_gets_none(self):
        found = self.sandbox.run(['/usr/bin/python3', '-c', APP_PROGRAM]).stdout.split()
        self.assertEqual(found, [b'2'], self.sandbox.read_log())
        self.assertEqual(self.items(), [])


if __name__ == '__main__':
    unittest.main()
