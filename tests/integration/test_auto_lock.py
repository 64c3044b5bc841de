#!/usr/bin/python3
"""The vault is locked by itself: when nothing is used, with the screen, before the machine sleeps. logind is a mock."""
import json
import os
import time
import unittest

import ctap_hid
import keyfob_bus as kb
import keyfob_test as kt
import logind
import ssh_client
from fido2 import cbor
from person import Person, wait_for
from secret_client import Agent, Client, expect_error


class Locks(kt.KeyfobTest):
    machine = None

    def begin(self, settings=None, password='pass word', init=()):
        if settings is not None:
            os.makedirs(os.path.join(self.sandbox.config, 'keyfob'))
            self.sandbox.write('config/keyfob/keyfobd.conf', settings)
        self.sandbox.use_pinentry(None)
        self.sandbox.start_daemon()
        if password is not None and init:
            self.keyfob('init', *init, '--password-file', self.sandbox.write('password', password))
        else:
            self.sandbox.init(password)
        self.keyfob('set', 'svc', 'me', input='value')
        self.client = kb.Client(self.sandbox.socket)
        self.addCleanup(self.client.close)

    def state(self):
        return json.loads(self.keyfob('status', '--json').stdout)['vault']

    def is_locked(self):
        return self.state() == 'locked'

    def wait_until_locked(self, why):
        wait_for(self.is_locked, 'the lock')
        self.assertIn('the vault was locked: ' + why, self.sandbox.read_log())


class Idle(Locks):
    def begin_with(self, settings, password='pass word'):
        """What is in the vault is there before the time begins: it may be over before the next program has started."""
        self.begin(password=password)
        self.start_with(settings)
        if password is not None:
            self.sandbox.unlock(password)

    def start_with(self, settings):
        self.client.close()
        self.sandbox.stop_daemon()
        os.makedirs(os.path.join(self.sandbox.config, 'keyfob'))
        self.sandbox.write('config/keyfob/keyfobd.conf', settings)
        self.sandbox.start_daemon()
        self.client = kb.Client(self.sandbox.socket)
        self.addCleanup(self.client.close)

    def test_it_locks_when_nothing_is_used(self):
        self.begin_with('[lock]\nidle=1s\n')
        self.wait_until_locked('no secret was used')
        with self.assertRaises(kb.BusError) as caught:
            self.client.lookup(service='svc', username='me')
        self.assertEqual(caught.exception.name, 'org.keyfob.Error.Locked')
        # and again, once it was opened
        self.sandbox.unlock('pass word')
        wait_for(self.is_locked, 'the second lock')

    def alarm(self):
        """Whether the daemon has the kernel wake it when that much time, sleep included, has gone by."""
        place = f'/proc/{self.sandbox.daemon.pid}/fdinfo'
        for name in os.listdir(place):
            try:
                with open(os.path.join(place, name), encoding='ascii') as file:
                    told = dict(line.split(':', 1) for line in file if ':' in line)
            except FileNotFoundError:
                continue  # closed since the directory was read, as the connection is that unlocked it
            if told.get('clockid', '').strip() == str(time.CLOCK_BOOTTIME):
                return told['it_value'].strip() != '(0, 0)'
        self.fail('no timer of that clock')

    def test_nothing_wakes_it_while_nothing_is_open(self):
        self.begin_with('[lock]\nidle=1d\n')
        try:
            wait_for(self.alarm, 'the time')
        except PermissionError:
            self.skipTest('only root may look at the timers of keyfobd')
        self.sandbox.stop_daemon()
        self.sandbox.start_daemon()
        self.assertFalse(self.alarm(), 'it opens nothing by itself')
        self.sandbox.unlock('pass word')
        wait_for(self.alarm, 'the time once it is open')

    def test_the_time_ends_with_the_lock(self):
        self.begin_with('[lock]\nidle=1s\n')
        self.wait_until_locked('no secret was used')
        try:
            wait_for(lambda: not self.alarm(), 'the end of the time')
        except PermissionError:
            self.skipTest('only root may look at the timers of keyfobd')

    def test_a_collection_with_its_own_password_goes_too(self):
        self.begin()
        path, = self.client.call(kb.STORE, 'CreateCollection', 'sa{sv}', 'Own', {
            'own_secret': ('ay', b'own'), 'auth': ('ay', b'pass word')})
        self.start_with('[lock]\nidle=2\n')
        self.keyfob('unlock', os.path.basename(path), '--password-file', self.sandbox.write('own', 'own'))
        self.sandbox.unlock('pass word', code=None)  # the time of the other one may be over before this one is open
        wait_for(lambda: all(c['locked'] for c in map(kb.plain, self.client.status()['collections'])), 'both locks')

    def test_never_by_default(self):
        # nothing can be waited for here: that no time is set is what the unit test of the settings says
        self.begin()
        self.assertEqual(self.state(), 'unlocked')

    def test_an_unprotected_vault_opens_when_it_is_asked_for_again(self):
        self.begin_with('[lock]\nidle=1\n', password=None)
        self.wait_until_locked('no secret was used')
        status = json.loads(self.keyfob('status', '--json').stdout)
        self.assertTrue(status['unprotected'])
        self.assertEqual(self.keyfob('get', 'svc', 'me').stdout, b'value', 'nobody is asked')


class Unprotected(Locks):
    def test_it_opens_at_start_and_is_shown(self):
        self.begin(password=None)
        self.sandbox.stop_daemon()
        self.sandbox.start_daemon()
        self.assertEqual(self.state(), 'unlocked')
        self.assertTrue(json.loads(self.keyfob('status', '--json').stdout)['unprotected'])
        self.assertIn(b'unprotected', self.keyfob('status').stdout.lower())
        self.assertEqual(self.keyfob('get', 'svc', 'me').stdout, b'value')


class Machine(Locks):
    def setUp(self):
        super().setUp()
        logind.require()
        self.machine = logind.Logind(self.sandbox)


class Sleep(Machine):
    def test_keys_are_gone_before_it_sleeps(self):
        self.begin()
        self.machine.delayed()
        self.machine.prepare_for_sleep(True)
        self.machine.may_sleep()
        self.assertTrue(self.is_locked())
        self.assertIn('the vault was locked: the machine is about to sleep', self.sandbox.read_log())
        # awake again: it stays locked, opens as ever, and the next sleep is delayed as well
        self.machine.prepare_for_sleep(False)
        self.machine.delayed()
        self.assertTrue(self.is_locked())
        self.sandbox.unlock('pass word')
        self.assertEqual(self.keyfob('get', 'svc', 'me').stdout, b'value')
        self.machine.prepare_for_sleep(True)
        self.machine.may_sleep()
        self.assertTrue(self.is_locked())

    def test_turned_off(self):
        self.begin('[lock]\nsleep=no\nscreen=yes\n')
        session = self.machine.add_session('c1', os.getuid())
        self.machine.prepare_for_sleep(True)
        self.assertEqual(self.machine.inhibitors(), [])
        # what came after it has been heard, so it has been, too
        self.machine.lock_session(session)
        wait_for(self.is_locked, 'the lock')
        self.assertNotIn('about to sleep', self.sandbox.read_log())

    def test_a_password_that_is_being_tried_opens_nothing_any_more(self):
        self.begin(init=('--kdf-memory', '64', '--kdf-passes', '60'))
        self.machine.delayed()
        self.keyfob('lock')
        with Client('unix:path=' + self.sandbox.socket) as client:
            call = client.send('/org/keyfob', kb.STORE.interface, 'Unlock', 'a{sv}', {'secret': ('ay', b'pass word')})
            client.store('Status')  # comes after it
            self.machine.prepare_for_sleep(True)
            with expect_error(self, 'org.keyfob.Error.Cancelled'):
                client.wait(call)
            self.machine.may_sleep()
            self.assertTrue(self.is_locked())

    def test_a_question_that_waits_with_the_key_is_taken_away(self):
        self.begin()
        self.machine.delayed()
        with Agent('unix:path=' + self.sandbox.socket, lambda request: None) as agent, \
                Client('unix:path=' + self.sandbox.socket) as client:
            call = client.send('/org/keyfob', kb.STORE.interface, 'AddSlot', 'a{sv}',
                               {'kind': ('s', 'password'), 'auth': ('ay', b'pass word')})
            wait_for(lambda: agent.questions, 'the question for a new password')
            self.machine.prepare_for_sleep(True)
            with expect_error(self, 'org.keyfob.Error.Cancelled'):
                client.wait(call)
            wait_for(lambda: agent.cancelled == [agent.questions[0]['id']], 'the question to go')
            self.machine.may_sleep()
        self.sandbox.unlock('pass word')
        self.assertEqual(len(self.client.call(kb.STORE, 'ListSlots')[0]), 1)

    def test_a_program_that_waited_may_ask_again(self):
        self.begin()
        self.machine.delayed()
        self.keyfob('lock')
        person = Person(self.sandbox)
        self.sandbox.env['DBUS_SESSION_BUS_ADDRESS'] = f'unix:path={self.sandbox.socket}'
        program = self.sandbox.spawn(['secret-tool', 'lookup', 'service', 'svc', 'username', 'me'])
        question = person.question()
        self.machine.prepare_for_sleep(True)
        person.gone(question)
        program.wait(20)
        self.machine.may_sleep()
        person.always('pass word')
        self.assertEqual(self.sandbox.run(['secret-tool', 'lookup', 'service', 'svc', 'username', 'me']).stdout, b'value')

    def test_a_stored_key_of_ssh_is_gone(self):
        self.begin('[ssh]\nkeep=yes\n')
        self.machine.delayed()
        tools = ssh_client.Tools(self.sandbox)
        tools.add(tools.keygen('work'))
        agent = ssh_client.Client(tools.path)
        self.addCleanup(agent.close)
        (blob, _), = agent.keys()
        self.assertTrue(agent.sign(blob, b'data'))
        self.machine.prepare_for_sleep(True)
        self.machine.may_sleep()
        self.assertIsNone(agent.sign(blob, b'data'), 'nobody is there who would be asked')
        self.sandbox.unlock('pass word')
        self.assertTrue(agent.sign(blob, b'data'))

    def test_a_request_of_the_security_key_ends_and_can_be_made_again(self):
        self.begin()
        self.machine.delayed()
        person = Person(self.sandbox)
        client = ctap_hid.Client(self.sandbox)
        self.addCleanup(client.close)
        channel = client.init()
        request = b'\x01' + cbor.encode({1: bytes(32), 2: {'id': 'example.org'}, 3: {'id': b'1', 'name': 'alice'},
                                         4: [{'type': 'public-key', 'alg': -7}]})
        client.send(channel, ctap_hid.CBOR, request)
        presence = person.question()
        self.assertEqual(presence['purpose'], 'user-presence')
        self.machine.prepare_for_sleep(True)
        person.gone(presence)
        self.machine.may_sleep()
        self.assertTrue(self.is_locked())
        self.assertEqual(client.cbor_reply(channel)[0], ctap_hid.KEEPALIVE_CANCEL)
        client.send(channel, ctap_hid.CBOR, request)
        unlock = person.question()
        self.assertEqual(unlock['purpose'], 'unlock')
        person.answer(unlock, 'pass word')
        person.answer(person.question(), 'allow')
        self.assertEqual(client.cbor_reply(channel)[0], ctap_hid.OK)

    def test_logind_is_started_anew(self):
        self.begin()
        self.machine.delayed()
        self.machine.kill()
        self.machine.start()
        self.machine.delayed()
        self.machine.prepare_for_sleep(True)
        self.machine.may_sleep()
        self.assertTrue(self.is_locked())

    def test_nobody_else_says_so(self):
        """A signal of another's, sent to the daemon alone, which no match of the bus keeps out."""
        self.begin('[lock]\nscreen=yes\n')
        self.machine.delayed()
        session = self.machine.add_session('c1', os.getuid())
        forge = '''
import dbus, dbus.lowlevel, sys
bus = dbus.bus.BusConnection(sys.argv[1])
driver = dbus.Interface(bus.get_object('org.freedesktop.DBus', '/org/freedesktop/DBus'), 'org.freedesktop.DBus')
for name in bus.list_names():
    if name[0] != ':' or driver.GetConnectionUnixProcessID(name) != int(sys.argv[2]):
        continue
    for path, interface, member, body in (('/org/freedesktop/login1', 'org.freedesktop.login1.Manager', 'PrepareForSleep', [True]),
                                          (sys.argv[3], 'org.freedesktop.login1.Session', 'Lock', [])):
        signal = dbus.lowlevel.SignalMessage(path, interface, member)
        signal.set_destination(name)
        signal.append(*body, signature='b' * len(body))
        bus.send_message(signal)
    bus.flush()
    print('sent')
'''
        sent = self.sandbox.run([logind.PYTHON, '-c', forge, self.machine.address, str(self.sandbox.daemon.pid), session])
        self.assertIn(b'sent', sent.stdout)
        self.machine.set_locked_hint(session, True)  # comes after it
        self.wait_until_locked('the screen is locked')
        self.assertEqual(self.sandbox.read_log().count('the vault was locked'), 1)
        self.assertNotIn('about to sleep', self.sandbox.read_log())


class Screen(Machine):
    def test_lock_and_hint(self):
        self.begin('[lock]\nscreen=yes\n')
        session = self.machine.add_session('c1', os.getuid())
        self.machine.delayed()
        self.machine.lock_session(session)
        self.wait_until_locked('the screen is locked')
        self.sandbox.unlock('pass word')
        self.machine.set_locked_hint(session, True)
        wait_for(self.is_locked, 'the lock by the hint')
        self.sandbox.unlock('pass word')
        self.machine.set_locked_hint(session, False)
        self.assertEqual(self.keyfob('get', 'svc', 'me').stdout, b'value')

    def test_the_screens_of_others_are_theirs(self):
        self.begin('[lock]\nscreen=yes\n')
        theirs = self.machine.add_session('c1', os.getuid() + 1000)
        ours = self.machine.add_session('c2', os.getuid())
        self.machine.delayed()
        self.machine.lock_session(theirs)
        self.machine.set_locked_hint(theirs, True)
        # nothing to wait for but what comes after it
        self.assertEqual(self.state(), 'unlocked')
        self.machine.set_locked_hint(ours, True)
        self.wait_until_locked('the screen is locked')
        self.assertEqual(self.sandbox.read_log().count('the vault was locked'), 1)

    def test_not_by_default(self):
        self.begin()
        session = self.machine.add_session('c1', os.getuid())
        self.machine.delayed()
        self.machine.lock_session(session)
        self.machine.prepare_for_sleep(True)  # comes after it
        self.machine.may_sleep()
        self.assertNotIn('the screen is locked', self.sandbox.read_log())


if __name__ == '__main__':
    unittest.main()
