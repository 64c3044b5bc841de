#!/usr/bin/python3
"""org.keyfob.Authenticator1: the security key for programs on the bus, and for its owner."""
import os
import unittest

from fido2 import cbor
from fido2.ctap import CtapError
from fido2.ctap2 import ClientPin, Ctap2
from jeepney import DBusAddress, MatchRule, MessageType, new_method_call, new_method_return

import ctap_hid as hid
import fido_key
import keyfob_bus as kb
import keyfob_test as kt
from person import Person, wait_for
from test_memory import readable, residues
from test_ctap_socket import (GET_INFO, PASSWORD, RESET, SELECTION, SocketTest, credential_id, get_assertion,
                              make_credential)

AUTHENTICATOR = DBusAddress('/org/keyfob', bus_name='org.keyfob.Daemon', interface='org.keyfob.Authenticator1')
PIN = '1234'
WRONG = '9999'


class Key(kb.Client):
    """The interface, as methods."""

    def method(self, name, signature=None, *body):
        return self.call(AUTHENTICATOR, name, signature, *body)

    def transact(self, request):
        reply = bytes(self.method('Transact', 'ay', request)[0])
        return reply[0], reply[1:]

    def begin(self, request):
        """Transact without waiting for the answer."""
        self.connection.send(new_method_call(AUTHENTICATOR, 'Transact', 'ay', (request,)),
                             serial=next(self.connection.outgoing_serial))

    def late_reply(self):
        while True:
            message = self.connection.receive(timeout=30)
            if message.header.message_type == MessageType.method_return:
                return bytes(message.body[0])

    def info(self):
        return kb.plain(self.method('GetInfo')[0])

    def set_pin(self, pin, **options):
        self.method('SetPin', 'a{sv}ay', kb.variants(options), pin.encode())

    def change_pin(self, old, new, **options):
        self.method('ChangePin', 'a{sv}ayay', kb.variants(options), old.encode(), new.encode())

    def reset_pin(self, pin, **options):
        self.method('ResetPin', 'a{sv}ay', kb.variants(options), pin.encode())

    def replug(self):
        self.method('Replug')

    def be_own_agent(self):
        """Answers its own questions from now on: no one else is asked."""
        self.call(DBusAddress('/org/keyfob', 'org.keyfob.Daemon', 'org.keyfob.Prompter1'), 'RegisterAgent', 'oa{sv}',
                  '/agent', {})

    def confirm(self, name, signature=None, *body):
        """A method, whose questions its own agent says yes to."""
        self.connection.send(new_method_call(AUTHENTICATOR, name, signature, body),
                             serial=next(self.connection.outgoing_serial))
        while True:
            message = self.connection.receive(timeout=30)
            if message.header.message_type == MessageType.method_call:
                self.connection.send(new_method_return(message, 'bay', (True, b'')))
            elif message.header.message_type == MessageType.method_return:
                return message.body

    def replug_as_own_agent(self):
        self.be_own_agent()
        self.confirm('Replug')

    def reset(self, **options):
        self.method('Reset', 'a{sv}', kb.variants(options))

    def passkeys(self, **options):
        return [{name: value[1] for name, value in passkey.items()}
                for passkey in self.method('ListPasskeys', 'a{sv}', kb.variants(options))[0]]

    def rename(self, number, **names):
        self.method('RenamePasskey', 'aya{sv}', number,
                    {name.replace('_', '-'): ('s', value) for name, value in names.items()})

    def delete(self, number):
        self.method('DeletePasskey', 'ay', number)

    def undelete(self, number, **options):
        self.method('UndeletePasskey', 'ta{sv}', number, kb.variants(options))


class InterfaceTest(SocketTest):
    def setUp(self):
        super().setUp()
        self.person = Person(self.sandbox, always='allow')
        self.key = self.open()

    def open(self):
        key = Key(self.sandbox.socket)
        self.addCleanup(key.close)
        return key

    def assertFails(self, name, call, /, *args, **options):
        with self.assertRaises(kb.BusError) as caught:
            call(*args, **options)
        self.assertEqual(caught.exception.name, 'org.keyfob.Error.' + name, caught.exception.message)
        self.assertNotIn('\n', caught.exception.message)
        return caught.exception.message

    def fido2(self):
        """python-fido2, on the socket."""
        device = fido_key.open_device(self.sandbox)
        self.addCleanup(device.close)
        return ClientPin(Ctap2(device))

    def wrong_pin(self, client, code):
        with self.assertRaises(CtapError) as caught:
            client.get_pin_token(WRONG, ClientPin.PERMISSION.GET_ASSERTION, 'example.org')
        self.assertEqual(caught.exception.code, code)

    def replug_when_needed(self, client):
        client.ctap.device.close()
        self.key.replug()
        return self.fido2()


class Info(InterfaceTest):
    def test_says_what_get_info_says(self):
        info = self.key.info()
        reply = cbor.decode(self.key.transact(GET_INFO)[1])
        self.assertEqual(info['versions'], reply[1])
        self.assertEqual(info['extensions'], reply[2])
        self.assertEqual(info['aaguid'].replace('-', ''), reply[3].hex())
        self.assertEqual(info['transports'], reply[9])
        self.assertEqual(info['algorithms'], [entry['alg'] for entry in reply[10]])
        self.assertEqual(info['min-pin-length'], reply[13])
        self.assertEqual(info['passkeys-left'], 100000)
        self.assertEqual(info['ctap-socket'], hid.socket_path(self.sandbox))
        self.assertEqual(info['pin-retries'], 8)
        self.assertEqual((info['locked'], info['pin-set'], info['reset-window-ms']), (False, False, 0))

    def test_is_known_while_locked(self):
        self.register()
        self.key.set_pin(PIN)
        self.sandbox.kill_daemon()
        self.sandbox.start_daemon()
        with Key(self.sandbox.socket) as key:
            info = key.info()
            self.assertEqual((info['locked'], info['pin-set'], info['passkeys']), (True, True, 1))
            self.assertNotIn('pin-retries', info)
            self.assertTrue(cbor.decode(key.transact(GET_INFO)[1])[4]['clientPin'])


class Transact(InterfaceTest):
    def test_register_and_sign_in(self):
        status, reply = self.key.transact(make_credential())
        self.assertEqual(status, hid.OK)
        question = self.person.question()
        self.assertEqual((question['purpose'], question['rp_id'], question['user']),
                         ('user-presence', 'example.org', 'alice'))
        self.assertEqual(self.key.transact(get_assertion(allow=credential_id(reply)))[0], hid.OK)
        self.assertEqual(self.sign_in(), hid.OK)

    def test_nonsense(self):
        for request in (b'', b'\xff', b'\x01', b'\x01\xa0', b'\x02' + bytes(100)):
            status, _ = self.key.transact(request)
            self.assertNotEqual(status, hid.OK)
        self.assertFails('LimitsExceeded', self.key.transact, bytes(7610))

    def ask(self, request):
        """Sends a request whose answer waits; returns the connection and the question."""
        key = self.open()
        key.begin(request)
        return key, self.person.question()

    def test_who_leaves_cancels(self):
        self.person.always(None)
        key, question = self.ask(SELECTION)
        key.close()
        self.person.gone(question)
        self.person.always('allow')
        self.assertEqual(self.key.transact(SELECTION)[0], hid.OK)

    def test_one_request_at_a_time(self):
        self.person.always(None)
        key, question = self.ask(SELECTION)
        self.assertFails('Busy', key.transact, GET_INFO)
        self.assertEqual(self.key.transact(GET_INFO)[0], hid.OK)
        self.person.answer(question, 'allow')
        self.assertEqual(key.late_reply(), b'\0')
        self.assertEqual(key.transact(GET_INFO)[0], hid.OK)

    def test_replug_ends_what_waits(self):
        self.person.always(None)
        key, question = self.ask(SELECTION)
        self.key.replug_as_own_agent()
        self.assertEqual(key.late_reply(), bytes([hid.KEEPALIVE_CANCEL]))
        self.person.gone(question)
        self.assertEqual(key.transact(GET_INFO)[0], hid.OK)

    def test_unlocks_within_the_call(self):
        credential = self.register()
        self.keyfob('lock')
        self.person.always(PASSWORD)
        self.assertEqual(self.key.transact(get_assertion(allow=credential, presence=False))[0], hid.OK)


class OnTheBus(InterfaceTest):
    bus = True

    def open(self):
        self.sandbox.wait_for_name('org.keyfob.Daemon')
        key = Key(self.sandbox.bus_address)
        self.addCleanup(key.close)
        return key

    def test_the_same_key(self):
        status, reply = self.key.transact(make_credential())
        self.assertEqual(status, hid.OK)
        self.assertEqual(self.sign_in(allow=credential_id(reply)), hid.OK)

    def test_who_leaves_cancels(self):
        self.person.always(None)
        key = self.open()
        key.begin(SELECTION)
        question = self.person.question()
        key.close()
        self.person.gone(question)


class Pin(InterfaceTest):
    def test_set_and_change(self):
        self.assertFails('NotFound', self.key.change_pin, PIN, '5678')
        self.assertFails('InvalidArgument', self.key.set_pin, '123')
        self.assertFails('InvalidArgument', self.key.set_pin, 'x' * 64)
        self.assertFails('InvalidArgument', self.key.set_pin, 'x' * 2000)
        self.key.set_pin(PIN)
        self.assertTrue(self.key.info()['pin-set'])
        self.assertFails('Exists', self.key.set_pin, PIN)
        self.assertFails('WrongSecret', self.key.change_pin, WRONG, '5678')
        self.assertEqual(self.key.info()['pin-retries'], 7)
        self.key.change_pin(PIN, '5678')
        self.assertEqual(self.key.info()['pin-retries'], 8)
        self.assertTrue(self.fido2().get_pin_token('5678', ClientPin.PERMISSION.GET_ASSERTION, 'example.org'))

    def test_three_wrong_ones_wait_for_a_replug(self):
        self.key.set_pin(PIN)
        client = self.fido2()
        self.wrong_pin(client, CtapError.ERR.PIN_INVALID)
        self.wrong_pin(client, CtapError.ERR.PIN_INVALID)
        self.wrong_pin(client, CtapError.ERR.PIN_AUTH_BLOCKED)
        self.assertTrue(self.key.info()['pin-soft-blocked'])
        self.assertIn('replug', self.assertFails('PinSoftBlocked', self.key.change_pin, PIN, '5678'))
        self.assertIn('until keyfob authenticator replug', self.sandbox.read_log())

        with hid.Client(self.sandbox) as key:
            key.init()
            self.key.replug()
            self.assertEqual(self.person.questions()[-1]['purpose'], 'user-presence')
            with self.assertRaises(EOFError):
                key.read()
        self.assertFalse(self.key.info()['pin-soft-blocked'])
        self.assertTrue(self.fido2().get_pin_token(PIN, ClientPin.PERMISSION.GET_ASSERTION, 'example.org'))

    def test_blocked_and_set_anew(self):
        credential = self.register()
        self.key.set_pin(PIN)
        client = self.fido2()
        for count in range(1, 9):
            if count in (4, 7):
                client = self.replug_when_needed(client)
            self.wrong_pin(client, CtapError.ERR.PIN_BLOCKED if count == 8 else
                           CtapError.ERR.PIN_AUTH_BLOCKED if count % 3 == 0 else CtapError.ERR.PIN_INVALID)
        self.assertEqual(self.key.info()['pin-retries'], 0)
        self.assertIn('pin reset', self.assertFails('PinBlocked', self.key.change_pin, PIN, '5678'))
        self.key.replug()
        self.assertFails('PinBlocked', self.key.change_pin, PIN, '5678')
        self.assertIn('set a new one', self.sandbox.read_log())

        self.person.always('not the password')
        self.assertFails('WrongSecret', self.key.reset_pin, '5678', auth=b'nor this')
        self.assertFails('WrongSecret', self.key.reset_pin, '5678')
        self.assertFails('Locked', self.key.reset_pin, '5678', interactive=False)
        self.person.always(PASSWORD)
        self.key.reset_pin('5678')
        self.assertEqual(self.key.info()['pin-retries'], 8)
        self.assertTrue(self.fido2().get_pin_token('5678', ClientPin.PERMISSION.GET_ASSERTION, 'example.org'))
        self.key.reset_pin('6789', auth=PASSWORD.encode())
        self.assertEqual(self.sign_in(allow=credential), hid.OK)

    @unittest.skipIf(kt.sanitized(), 'AddressSanitizer keeps freed memory')
    def test_nothing_of_it_stays_in_memory(self):
        why = readable(self.sandbox.daemon.pid)
        if why:
            self.skipTest(f'the memory of keyfobd cannot be read here: {why}')
        pins = [os.urandom(31).hex() for _ in range(4)]
        self.key.set_pin(pins[0])
        self.key.change_pin(pins[0], pins[1])
        client = self.fido2()
        client.change_pin(pins[1], pins[2])
        client.get_pin_token(pins[2], ClientPin.PERMISSION.GET_ASSERTION, 'example.org')
        self.key.reset_pin(pins[3], auth=PASSWORD.encode())
        pins.append(os.urandom(31).hex())
        self.assertFails('WrongSecret', self.key.undelete, 1, auth=pins[-1].encode())
        wait_for(lambda: not residues(self.sandbox.daemon.pid, {pin[:24].encode() for pin in pins} |
                                      {pin[-24:].encode() for pin in pins}), 'the PINs to be wiped')

    def test_a_locked_vault(self):
        self.key.set_pin(PIN)
        self.keyfob('lock')
        self.assertFails('Locked', self.key.change_pin, PIN, '5678', interactive=False)
        self.person.always(PASSWORD)
        self.key.change_pin(PIN, '5678')
        self.keyfob('lock')
        self.key.reset_pin('6789', auth=PASSWORD.encode())
        self.assertFalse(self.key.info()['locked'])
        self.person.always('deny')
        self.keyfob('lock')
        self.assertFails('Cancelled', self.key.change_pin, '6789', '5678')


class Reset(InterfaceTest):
    def test_only_after_a_replug(self):
        credential = self.register()
        self.assertIn('replug', self.assertFails('NotAllowed', self.key.reset))
        with hid.Client(self.sandbox) as key:
            self.assertEqual(key.cbor(key.init(), RESET)[0], hid.NOT_ALLOWED)
        self.person.questions()
        self.person.always('deny')
        self.assertFails('Cancelled', self.key.replug)
        self.assertFails('NotAllowed', self.key.reset)
        self.person.always('allow')
        self.key.replug()
        self.assertGreater(self.key.info()['reset-window-ms'], 0)
        self.person.always('deny')
        self.assertFails('Cancelled', self.key.reset)
        self.assertEqual(self.key.passkeys()[0]['id'], credential)

    def reset_by_protocol(self):
        with hid.Client(self.sandbox) as key:
            self.assertEqual(key.cbor(key.init(), RESET)[0], hid.OK)

    def test_what_a_reset_takes_can_be_had_back(self):
        for name, reset in (('method', self.key.reset), ('protocol', self.reset_by_protocol)):
            with self.subTest(name):
                credential = self.register(rp_id=f'{name}.example')
                second = self.register(rp_id=f'{name}.example', user=b'bob', name='bob', resident=False)
                self.key.replug()
                reset()
                self.assertEqual(self.key.passkeys(), [])
                self.assertEqual(self.sign_in(rp_id=f'{name}.example'), hid.NO_CREDENTIALS)
                deleted = self.key.passkeys(**{'deleted': True, 'rp-id': f'{name}.example'})
                self.assertEqual([p['id'] for p in deleted], [second, credential])
                self.assertGreater(deleted[0]['removed'], 0)
                for passkey in deleted:
                    self.key.undelete(passkey['number'])
                self.assertEqual(self.sign_in(rp_id=f'{name}.example'), hid.OK)
                self.assertEqual(self.sign_in(rp_id=f'{name}.example', allow=second), hid.OK)
                self.assertEqual(self.key.passkeys(**{'deleted': True, 'rp-id': f'{name}.example'}), [])
                for passkey in self.key.passkeys():
                    self.key.delete(passkey['id'])

    def test_what_went_with_the_pin_comes_back_by_a_secret_of_the_vault(self):
        ids = [self.register(rp_id=f'{name}.example') for name in ('one', 'two')]
        self.key.set_pin(PIN)
        self.key.replug()
        self.key.reset()
        numbers = [p['number'] for p in self.key.passkeys(deleted=True)]
        self.person.questions()
        for options in ({'auth': b'not the password'}, {'auth': b''}, {'auth': PIN.encode()}):
            self.assertFails('WrongSecret', self.key.undelete, numbers[0], **options)
        self.assertFails('Locked', self.key.undelete, numbers[0], interactive=False)
        self.assertFails('InvalidArgument', self.key.undelete, numbers[0], auth=PASSWORD)
        self.assertFails('InvalidArgument', self.key.undelete, numbers[0], secret=PASSWORD.encode())
        self.assertFails('NotFound', self.key.undelete, 999, auth=PASSWORD.encode())
        self.assertEqual(self.key.passkeys(), [])
        self.key.undelete(numbers[0], auth=PASSWORD.encode(), interactive=False)
        # It opens a locked vault as well; and one that was proved is not remembered.
        self.assertFails('Locked', self.key.undelete, numbers[1], interactive=False)
        self.keyfob('lock')
        self.assertFails('Locked', self.key.undelete, numbers[1], interactive=False)
        self.key.undelete(numbers[1], auth=PASSWORD.encode(), interactive=False)
        self.assertFalse(self.key.info()['locked'])
        self.assertEqual(sorted(p['id'] for p in self.key.passkeys()), sorted(ids))
        self.assertEqual(self.person.questions(), [])

    def pin_is_not_walked_around(self, reset):
        """Reset, a PIN of one's own, restore: that must not sign as verified. Whoever can open the vault may."""
        ids = [self.register(rp_id='before.example'), self.register()]
        self.key.delete(ids[0])
        self.key.set_pin(PIN)
        self.key.replug()
        reset()
        self.assertFalse(self.key.info()['pin-set'])
        self.key.set_pin(WRONG)
        deleted = self.key.passkeys(deleted=True)
        self.assertEqual([p['id'] for p in deleted], ids[::-1])
        self.person.questions()
        self.person.always('deny')
        for passkey in deleted:
            self.assertFails('Cancelled', self.key.undelete, passkey['number'])
        self.assertEqual([(q['kind'], q['purpose']) for q in self.person.questions()], [('secret', 'verify')] * 2)
        self.assertEqual(self.key.passkeys(), [])
        self.keyfob('lock')
        self.person.always(PASSWORD)
        for passkey in deleted:
            self.key.undelete(passkey['number'])
        self.assertEqual([p['id'] for p in self.key.passkeys()], ids[::-1])
        self.person.always('allow')

    def test_the_method_does_not_walk_around_the_pin(self):
        self.pin_is_not_walked_around(self.key.reset)

    def test_the_protocol_does_not_walk_around_the_pin(self):
        self.pin_is_not_walked_around(self.reset_by_protocol)

    @kt.not_sanitized
    def test_a_clock_that_is_set_right_does_not_walk_around_the_pin(self):
        """What was taken while it was fast is as old as ever."""
        fast = self.sandbox.write('fast', '')
        os.truncate(fast, 86400)
        kt.end_process(self.person.process)
        self.sandbox.stop_daemon()
        self.sandbox.start_daemon(env={'LD_PRELOAD': os.path.join(kt.BUILD, 'tests', 'integration', 'slept-preload.so'),
                                       'KEYFOB_TEST_FAST': fast})
        self.sandbox.unlock(PASSWORD)
        self.person = Person(self.sandbox, always='allow')
        self.key = self.open()
        self.register()
        self.key.set_pin(PIN)
        self.key.replug()
        self.key.reset()
        os.truncate(fast, 0)
        self.key.set_pin(WRONG)
        self.key.replug()
        self.key.change_pin(WRONG, PIN)
        self.person.questions()
        self.person.always('deny')
        for passkey in self.key.passkeys(deleted=True):
            self.assertFails('Cancelled', self.key.undelete, passkey['number'])
        self.assertEqual([q['purpose'] for q in self.person.questions()], ['verify'])
        self.assertEqual(self.key.passkeys(), [])

    def test_takes_the_pin(self):
        self.key.set_pin(PIN)
        self.key.replug()
        self.key.reset()
        self.assertFalse(self.key.info()['pin-set'])

    def test_nobody_agrees(self):
        self.person.process.terminate()
        self.person.process.wait()
        self.assertFails('NoPrompter', self.key.replug)


class Passkeys(InterfaceTest):
    def test_list(self):
        first = self.register()
        second = self.register(rp_id='two.example', user=b'bob', name='bob', resident=False)
        passkeys = self.key.passkeys()
        self.assertEqual([p['id'] for p in passkeys], [second, first])
        created = passkeys[1].pop('created')
        self.assertGreater(created, 1700000000)
        self.assertEqual(passkeys[1], {
            'id': first, 'rp-id': 'example.org', 'rp-name': 'example.org', 'user-id': b'alice', 'user-name': 'alice',
            'user-display-name': '', 'algorithm': -7, 'discoverable': True, 'u2f': False, 'protection': 1,
            'backup-eligible': True, 'device-bound': False})
        self.assertFalse(passkeys[0]['discoverable'])
        self.assertEqual([p['id'] for p in self.key.passkeys(**{'rp-id': 'two.example'})], [second])
        self.assertEqual(self.key.passkeys(**{'rp-id': 'nowhere.example'}), [])
        self.assertFails('InvalidArgument', self.key.passkeys, rp='two.example')
        self.assertEqual(self.key.info()['passkeys'], 1)

    def test_rename(self):
        credential = self.register()
        self.key.rename(credential, user_name='Alice A.')
        passkey, = self.key.passkeys()
        self.assertEqual((passkey['user-name'], passkey['user-display-name']), ('Alice A.', ''))
        self.key.rename(credential, user_display_name='at home')
        passkey, = self.key.passkeys()
        self.assertEqual((passkey['user-name'], passkey['user-display-name']), ('Alice A.', 'at home'))
        self.assertFails('NotFound', self.key.rename, b'no such id', user_name='x')
        self.assertFails('InvalidArgument', self.key.rename, credential, name='x')
        self.assertEqual(self.sign_in(allow=credential), hid.OK)

    def test_delete_and_restore(self):
        credential = self.register()
        self.assertFails('NotFound', self.key.delete, b'')
        self.assertFails('NotFound', self.key.delete, bytes(2000))
        self.key.delete(credential)
        self.assertFails('NotFound', self.key.delete, credential)
        self.assertEqual(self.sign_in(allow=credential), hid.NO_CREDENTIALS)
        newer = self.register()
        deleted, = self.key.passkeys(deleted=True)
        # No secret is needed for this one, but a wrong one is told.
        self.assertFails('WrongSecret', self.key.undelete, deleted['number'], auth=b'not the password')
        self.key.undelete(deleted['number'], interactive=False)
        self.assertFails('NotFound', self.key.undelete, deleted['number'])
        # One account of a site has one passkey: the newer one has made room, and can be had back in turn.
        self.assertEqual([p['id'] for p in self.key.passkeys()], [credential])
        deleted, = self.key.passkeys(deleted=True)
        self.assertEqual(deleted['id'], newer)

    def test_a_locked_vault(self):
        credential = self.register()
        self.keyfob('lock')
        self.assertFails('Locked', self.key.passkeys, interactive=False)
        self.person.always('deny')
        self.assertFails('Cancelled', self.key.delete, credential)
        self.person.always(PASSWORD)
        self.assertEqual(len(self.key.passkeys()), 1)
        self.keyfob('lock')
        self.key.rename(credential, user_name='x')
        self.keyfob('lock')
        self.key.delete(credential)

    def test_kept_over_new_keys(self):
        credential = self.register()
        self.key.set_pin(PIN)
        self.keyfob('rekey', '--password-file', self.sandbox.write('password', PASSWORD))
        self.assertEqual(self.sign_in(allow=credential), hid.OK)
        self.sandbox.kill_daemon()
        self.sandbox.start_daemon()
        self.sandbox.unlock(PASSWORD)
        Person(self.sandbox, always='allow')
        self.assertEqual(self.sign_in(allow=credential), hid.OK)
        with Key(self.sandbox.socket) as key:
            self.assertTrue(key.info()['pin-set'])


class Changed(InterfaceTest):
    def listener(self):
        key = self.open()
        rule = MatchRule(type='signal', interface='org.keyfob.Authenticator1', member='Changed')
        key.call(DBusAddress('/org/freedesktop/DBus', 'org.freedesktop.DBus', 'org.freedesktop.DBus'), 'AddMatch', 's',
                 rule.serialise())
        return key.connection

    def test_is_told_of_every_change(self):
        listener = self.listener()
        credential = self.register()

        def changes(call, *args, **options):
            call(*args, **options)
            listener.receive(timeout=30)

        listener.receive(timeout=30)
        changes(self.key.set_pin, PIN)
        changes(self.key.rename, credential, user_name='x')
        changes(self.key.delete, credential)
        changes(self.key.undelete, self.key.passkeys(deleted=True)[0]['number'])
        self.assertEqual(self.sign_in(allow=credential), hid.OK)
        with self.assertRaises(TimeoutError):
            listener.receive(timeout=0.2)


if __name__ == '__main__':
    kt.main()
