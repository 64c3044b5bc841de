#!/usr/bin/python3
"""The desktop asks: notifications with buttons, and the prompter of gcr, as they are installed."""
import json
import os
import re
import shutil
import subprocess
import time
import unittest

import ctap_hid
import keyfob_bus as kb
import keyfob_test as kt
from fido2 import cbor
from jeepney import DBusAddress
from person import Person, wait_for

SELECTION = b'\x0b'
TYPED = {'pass word': [*'pass', 'space', *'word'], 'wrong': [*'wrong']}  # as keys
PROMPTER = '/usr/libexec/gcr-prompter'
SERVER = DBusAddress('/org/freedesktop/Notifications', bus_name='org.freedesktop.Notifications',
                     interface='org.freedesktop.DBus.Mock')


def has(*programs):
    missing = [program for program in programs if not shutil.which(program)]
    return unittest.skipIf(missing, f'not installed: {", ".join(missing)}')


def has_module(name):
    found = subprocess.run(['/usr/bin/python3', '-c', f'import {name}'], stderr=subprocess.DEVNULL, check=False)
    return unittest.skipIf(found.returncode != 0, f'not installed: python3-{name}')


class Desktop(kt.KeyfobTest):
    bus = True
    password = None

    def setUp(self):
        super().setUp()
        self.sandbox.use_pinentry(None)
        self.prepare()
        self.sandbox.start_daemon()
        self.sandbox.init(self.password)
        wait_for(lambda: json.loads(self.keyfob('status', '--json').stdout)['secrets_name'] == 'owned', 'the bus')

    def prepare(self):
        pass

    def settings(self, text):
        directory = os.path.join(self.sandbox.config, 'keyfob')
        os.makedirs(directory, exist_ok=True)
        self.sandbox.write('config/keyfob/keyfobd.conf', text)

    def connect(self):
        client = ctap_hid.Client(self.sandbox)
        self.addCleanup(client.close)
        return client, client.init()

    def select(self):
        client, channel = self.connect()
        client.send(channel, ctap_hid.CBOR, SELECTION)
        return client, channel

    def display(self):
        """An X server; programs that are started from now on find it."""
        reader, writer = os.pipe()
        self.sandbox.spawn(['Xvfb', '-displayfd', str(writer), '-screen', '0', '800x600x24', '-nolisten', 'tcp', '-noreset'],
                           pass_fds=(writer,))
        os.close(writer)
        with os.fdopen(reader, 'rb') as file:
            number = file.readline().decode().strip()
        if not number:
            self.skipTest('Xvfb does not start here')
        self.sandbox.env['DISPLAY'] = f':{number}'


@has_module('dbusmock')
class Server(Desktop):
    """A server that says what it was asked, and presses what it is told to."""

    capabilities = 'body body-markup actions'

    def prepare(self):
        self.mock_log = os.path.join(self.sandbox.root, 'notifications')
        self.sandbox.spawn(['/usr/bin/python3', '-m', 'dbusmock', '--session', '-t', 'notification_daemon',
                            '-l', self.mock_log, '-p', json.dumps({'capabilities': self.capabilities})])
        self.session = kb.Client(self.sandbox.bus_address)
        self.addCleanup(self.session.close)
        wait_for(lambda: os.path.exists(self.mock_log) and self.owned(), 'the server')

    def owned(self):
        return self.sandbox.run(['dbus-send', '--session', '--print-reply', '--dest=org.freedesktop.DBus',
                                 '/org/freedesktop/DBus', 'org.freedesktop.DBus.NameHasOwner',
                                 'string:org.freedesktop.Notifications']).stdout.endswith(b'true\n')

    def calls(self, method):
        with open(self.mock_log, encoding='utf-8') as file:
            return [line.split(' ', 1)[1] for line in file if re.match(r'\S+ ' + method + r'\b', line)]

    def shown(self, n=1):
        return wait_for(lambda: self.calls('Notify')[n - 1:], 'a notification')[0]

    def signal(self, name, signature, *values):
        self.sandbox.run(['gdbus', 'call', '--session', '-d', SERVER.bus_name, '-o', SERVER.object_path, '-m',
                          SERVER.interface + '.EmitSignal', '', name, signature,
                          '[' + ', '.join(f'<uint32 {v}>' if isinstance(v, int) else f"<'{v}'>" for v in values) + ']'])

    def replug(self):
        """Something that says whether it was refused (4), or nobody could be asked (3)."""
        return self.sandbox.spawn([self.sandbox.stage.keyfob, 'authenticator', 'replug'])

    def wink(self, times=1):
        client, channel = self.connect()
        for _ in range(times):
            client.send(channel, ctap_hid.WINK)
            self.assertEqual(client.reply(channel)[0], ctap_hid.WINK)


class Notifications(Server):
    def owner(self, name):
        return self.sandbox.run(['dbus-send', '--session', '--print-reply', '--dest=org.freedesktop.DBus', '/org/freedesktop/DBus',
                                 'org.freedesktop.DBus.GetNameOwner', 'string:' + name]).stdout.decode().split('"')[1]

    def test_only_the_bus_says_that_the_server_left(self):
        program = self.replug()
        self.shown()
        server = self.owner(SERVER.bus_name)
        self.sandbox.run(['gdbus', 'emit', '--session', '--dest', self.owner('org.keyfob.Daemon'), '--object-path',
                          '/org/freedesktop/DBus', '--signal', 'org.freedesktop.DBus.NameOwnerChanged', server, server, "''"])
        self.signal('ActionInvoked', 'us', 1, 'allow')
        self.assertEqual(program.wait(kt.TIMEOUT), 0)

    def test_the_buttons(self):
        for number, (key, status) in enumerate([('allow', ctap_hid.OK), ('deny', ctap_hid.OPERATION_DENIED)], 1):
            client, channel = self.select()
            said = self.shown(number)
            for word in ('"Keyfob"', '"allow"', '"deny"', f'process {os.getpid()}'):
                self.assertIn(word, said)
            self.signal('ActionInvoked', 'us', number, key)
            self.assertEqual(client.cbor_reply(channel)[0], status)

    def test_closing_refuses(self):
        asker = self.replug()
        self.shown()
        self.signal('NotificationClosed', 'uu', 1, 2)
        self.assertEqual(asker.wait(kt.TIMEOUT), 4)

    def test_what_the_server_closes_was_answered_by_nobody(self):
        asker = self.replug()
        self.shown()
        self.signal('NotificationClosed', 'uu', 1, 1)
        self.assertEqual(asker.wait(kt.TIMEOUT), 3)

    def test_nobody_else_presses_the_buttons(self):
        client, channel = self.select()
        self.shown()
        self.sandbox.run(['dbus-send', '--session', '--type=signal', SERVER.object_path,
                          SERVER.bus_name + '.ActionInvoked', 'uint32:1', 'string:allow'])
        self.signal('ActionInvoked', 'us', 77, 'allow')
        self.signal('ActionInvoked', 'us', 1, 'default')
        self.signal('ActionInvoked', 'us', 1, 'deny')
        self.assertEqual(client.cbor_reply(channel)[0], ctap_hid.OPERATION_DENIED)

    def test_it_goes_with_its_asker(self):
        client, _ = self.select()
        self.shown()
        client.close()
        wait_for(lambda: self.calls('CloseNotification'), 'its end')

    def test_one_at_a_time(self):
        first, first_channel = self.connect()
        request = b'\x01' + cbor.encode({1: bytes(32), 2: {'id': 'a.example'}, 3: {'id': b'1'},
                                         4: [{'type': 'public-key', 'alg': -7}]})
        first.send(first_channel, ctap_hid.CBOR, request)
        self.shown()
        second, second_channel = self.connect()
        second.send(second_channel, ctap_hid.CBOR, request)
        self.assertEqual(second.read()[1], ctap_hid.KEEPALIVE)
        self.assertEqual(len(self.calls('Notify')), 1)
        self.signal('ActionInvoked', 'us', 1, 'deny')
        self.assertEqual(first.cbor_reply(first_channel)[0], ctap_hid.OPERATION_DENIED)
        self.shown(2)
        self.signal('ActionInvoked', 'us', 2, 'allow')
        self.assertEqual(second.cbor_reply(second_channel)[0], ctap_hid.OK)

    def test_names_are_no_markup(self):
        client, channel = self.connect()
        client.send(channel, ctap_hid.CBOR, b'\x01' + cbor.encode({
            1: bytes(32), 2: {'id': 'example.org'}, 3: {'id': b'1', 'name': '<b>&bob'},
            4: [{'type': 'public-key', 'alg': -7}]}))
        self.assertIn('&lt;b&gt;&amp;bob', self.shown())

    def test_a_few_accounts_are_buttons(self):
        client, channel = self.connect()
        for number, name in enumerate(('alice', 'bob'), 1):
            client.send(channel, ctap_hid.CBOR, b'\x01' + cbor.encode({
                1: bytes(32), 2: {'id': 'example.org'}, 3: {'id': bytes([number]), 'name': name, 'displayName': name},
                4: [{'type': 'public-key', 'alg': -7}], 7: {'rk': True}}))
            self.shown(number)
            self.signal('ActionInvoked', 'us', number, 'allow')
            self.assertEqual(client.cbor_reply(channel)[0], ctap_hid.OK)
        client.send(channel, ctap_hid.CBOR, b'\x02' + cbor.encode({1: 'example.org', 2: bytes(32)}))
        self.assertIn('["0", "bob", "1", "alice"]', self.shown(3))
        self.signal('ActionInvoked', 'us', 3, '1')
        status, reply = client.cbor_reply(channel)
        self.assertEqual(status, ctap_hid.OK)
        self.assertEqual(cbor.decode(reply)[4]['id'], b'\x01')

    def test_an_agent_comes_first(self):
        person = Person(self.sandbox)
        client, channel = self.select()
        person.answer(person.question(), 'allow')
        self.assertEqual(client.cbor_reply(channel)[0], ctap_hid.OK)
        self.assertEqual(self.calls('Notify'), [])

    def test_wink(self):
        self.wink(5)
        self.assertIn('This is your security key', self.shown())
        self.assertEqual(len(self.calls('Notify')), 1)


class WithoutButtons(Server):
    capabilities = 'body'

    def test_it_can_only_show(self):
        self.assertEqual(self.replug().wait(kt.TIMEOUT), 3)
        self.assertEqual(self.calls('Notify'), [])
        self.wink()
        self.shown()


class TurnedOff(Server):
    def prepare(self):
        self.settings('[prompts]\nnotification=no\n')
        super().prepare()

    def test_nothing_is_shown(self):
        self.assertEqual(self.replug().wait(kt.TIMEOUT), 3)
        self.wink()
        self.assertEqual(self.calls('Notify'), [])


@has('dunst', 'dunstctl', 'Xvfb')
class Dunst(Desktop):
    def prepare(self):
        self.display()
        self.pick = self.sandbox.write('pick', '')
        menu = self.sandbox.write('menu', f'#!/bin/sh\ngrep -F "$(cat {self.pick})"\n', mode=0o700)
        config = self.sandbox.write('dunstrc', f'[global]\ndmenu = {menu}\n')
        self.sandbox.spawn(['dunst', '-config', config])
        wait_for(lambda: self.dunstctl('count', 'displayed') is not None, 'dunst')

    def dunstctl(self, *args):
        result = self.sandbox.run(['dunstctl', *args], code=None)
        return result.stdout.decode().strip() if result.returncode == 0 else None

    def shown(self, n=1):
        wait_for(lambda: self.dunstctl('count', 'displayed') == str(n), f'{n} notifications')

    def test_its_buttons(self):
        for label, status in (('Allow', ctap_hid.OK), ('Deny', ctap_hid.OPERATION_DENIED)):
            client, channel = self.select()
            self.shown()
            self.sandbox.write('pick', label)
            self.dunstctl('context')
            self.assertEqual(client.cbor_reply(channel)[0], status)
            self.shown(0)

    def test_closing_refuses(self):
        client, channel = self.select()
        self.shown()
        self.dunstctl('close')
        self.assertEqual(client.cbor_reply(channel)[0], ctap_hid.OPERATION_DENIED)

    def test_it_goes_with_its_asker(self):
        client, _ = self.select()
        self.shown()
        client.close()
        self.shown(0)


@has(PROMPTER, 'Xvfb', 'xdotool')
class Prompter(Desktop):
    """The prompter of gcr, started by the bus, with somebody at the keyboard."""

    password = 'pass word'

    def prepare(self):
        self.display()
        self.sandbox.add_service('org.gnome.keyring.SystemPrompter', [PROMPTER])
        self.sandbox.run(['dbus-update-activation-environment', f'DISPLAY={self.sandbox.env["DISPLAY"]}',
                          'GSETTINGS_BACKEND=memory', 'NO_AT_BRIDGE=1', f'HOME={self.sandbox.home}'])

    def setUp(self):
        super().setUp()
        self.keyfob('set', 'svc', 'me', input='value')
        self.keyfob('lock')

    def xdotool(self, *args):
        return self.sandbox.run(['xdotool', *args], code=None)

    def windows(self):
        return self.xdotool('search', '--onlyvisible', '--class', 'gcr-prompter').stdout.split()

    def window(self):
        wait_for(self.windows, 'the prompter\'s window', kt.TIMEOUT)

    def type(self, text, until):
        """Without a window manager nobody gives a window the keyboard but we; one that was not ready for it, and is
        still there after a while, gets the text again."""
        def attempt():
            before = self.windows()
            for window in before[-1:]:
                if self.xdotool('windowfocus', '--sync', window.decode()).returncode == 0:
                    self.xdotool('key', 'ctrl+a', *TYPED[text], 'Return')
            for _ in range(40):
                if until() or self.windows() != before:
                    break
                time.sleep(0.05)
            return until()
        wait_for(attempt, 'an effect of what was typed', kt.TIMEOUT)

    def start(self, *args):
        process = self.sandbox.spawn([self.sandbox.stage.keyfob, *args], stdout=subprocess.PIPE)
        self.addCleanup(process.stdout.close)
        self.window()
        return process

    def test_a_password(self):
        asker = self.start('get', 'svc', 'me')
        self.type(self.password, lambda: asker.poll() is not None)
        self.assertEqual(asker.returncode, 0)
        self.assertEqual(asker.stdout.read(), b'value')

    def test_a_wrong_password_is_asked_for_again(self):
        asker = self.start('get', 'svc', 'me')
        first = self.windows()
        self.type('wrong', lambda: self.windows() not in (first, []))
        self.type(self.password, lambda: asker.poll() is not None)
        self.assertEqual(asker.stdout.read(), b'value')

    def test_escape_refuses(self):
        asker = self.start('get', 'svc', 'me')

        def escape():
            self.xdotool('key', 'Escape')
            return asker.poll() is not None
        wait_for(escape, 'the refusal')
        self.assertEqual(asker.returncode, 4)

    def test_it_goes_with_its_asker(self):
        asker = self.start('get', 'svc', 'me')
        kt.end_process(asker)
        wait_for(lambda: not self.windows(), 'the end of its window')

    def test_a_confirmation(self):
        asker = self.start('authenticator', 'replug')

        def press():
            self.xdotool('key', 'Return')
            return asker.poll() is not None
        wait_for(press, 'the answer')
        self.assertEqual(asker.returncode, 0)

    def test_it_can_be_turned_off(self):
        self.settings('[prompts]\ndesktop=no\npinentry=no\n')
        self.sandbox.stop_daemon()
        self.sandbox.start_daemon()
        self.assertOneLine(self.keyfob('get', 'svc', 'me', code=3).stderr, 'locked')
        self.assertEqual(self.windows(), [])


if __name__ == '__main__':
    unittest.main()
