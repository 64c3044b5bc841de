#!/usr/bin/python3
"""Authenticator1.AskForPin: the daemon asks the person for the PIN, and the program gets what it is good for."""
import hashlib
import os
import secrets
import threading
import time
import unittest

from fido2.ctap import CtapDevice, CtapError
from fido2.ctap2 import ClientPin, Ctap2
from fido2.hid import CAPABILITY

import keyfob_test as kt
from person import Person, wait_for
from test_authenticator1 import Key
from test_fingerprint import Fingers
from test_memory import readable, residues

PIN = '24681357'
RP = 'example.org'
HASH = hashlib.sha256(b'client data').digest()
USER_PRESENT, USER_VERIFIED = 1, 4
NOT_ALLOWED = b'\x30'
OPERATION_DENIED, PIN_BLOCKED, PIN_AUTH_BLOCKED, PUAT_REQUIRED, UV_BLOCKED, INVALID_SUBCOMMAND = (
    0x27, 0x32, 0x34, 0x36, 0x3c, 0x3e)


class BusDevice(CtapDevice):
    """python-fido2's idea of a device, over Transact."""

    def __init__(self, key):
        self.key = key

    @property
    def capabilities(self):
        return CAPABILITY.CBOR

    def call(self, cmd, data=b'', event=None, on_keepalive=None):
        status, reply = self.key.transact(bytes(data))
        return bytes([status]) + reply

    @classmethod
    def list_devices(cls):
        return iter(())


def open_key(test, asks=True):
    """A caller of its own; what python-fido2 does with it."""
    key = Key(test.sandbox.socket)
    test.addCleanup(key.close)
    if asks:
        key.method('AskForPin')
    ctap = Ctap2(BusDevice(key))
    return key, ctap, ClientPin(ctap)


def sign_in(ctap, token=None, protocol=None, **options):
    param = protocol.authenticate(token, HASH) if token else None
    return ctap.get_assertion(RP, HASH, options=options or None, pin_uv_param=param,
                              pin_uv_protocol=protocol.VERSION if token else None)


class AskForPin(kt.KeyfobTest):
    def setUp(self):
        super().setUp()
        self.sandbox.use_pinentry(None)
        self.sandbox.start_daemon()
        self.sandbox.init('pass word')
        self.keyfob('authenticator', 'pin', 'set', '--pin-file', self.sandbox.write('pin', PIN))
        self.person = None
        self.key, self.ctap, self.pin = open_key(self)

    def someone(self, always=None):
        self.person = Person(self.sandbox, always=always)
        return self.person

    def register(self):
        self.person.always(PIN)
        self.ctap.make_credential(HASH, {'id': RP, 'name': RP}, {'id': b'alice', 'name': 'alice'},
                                  [{'alg': -7, 'type': 'public-key'}], options={'rk': True, 'uv': True})
        return self.person.questions()

    def in_background(self, call, *args, **kwargs):
        """What the call returns, or its exception, when the returned function is called."""
        results = []

        def run():
            try:
                results.append(call(*args, **kwargs))
            except CtapError as error:
                results.append(error)

        thread = threading.Thread(target=run)
        thread.start()

        def result():
            thread.join(60)
            self.assertEqual(len(results), 1, 'the call did not end')
            return results[0]
        return result

    def token(self):
        return self.pin.get_uv_token(ClientPin.PERMISSION.GET_ASSERTION, RP)

    def assertStatus(self, status, call, *args, **kwargs):
        with self.assertRaises(CtapError) as caught:
            call(*args, **kwargs)
        self.assertEqual(caught.exception.code, status)

    def test_only_who_asked_for_it_is_told(self):
        self.assertTrue(self.ctap.info.options['uv'])
        _, other, pin = open_key(self, asks=False)
        self.assertNotIn('uv', other.info.options)
        self.assertStatus(INVALID_SUBCOMMAND, pin.get_uv_token, ClientPin.PERMISSION.GET_ASSERTION, RP)

    def test_registration_with_the_option(self):
        self.someone()
        questions = self.register()
        self.assertEqual(len(questions), 1)  # the PIN is presence, too
        question = questions[0]
        self.assertEqual({name: question[name] for name in ('kind', 'purpose', 'rp_id', 'user', 'retries', 'door')},
                         {'kind': 'secret', 'purpose': 'user-verification', 'rp_id': RP, 'user': 'alice', 'retries': 8,
                          'door': 'bus'})
        self.assertEqual(question['pid'], os.getpid())
        self.assertIn('wants to register you with example.org as "alice". Enter the PIN', question['message'])
        self.assertNotIn('error', question)

    def test_the_token_after_the_pin(self):
        self.someone()
        self.register()
        token = self.token()
        questions = self.person.questions()
        self.assertEqual([(q['kind'], q['rp_id']) for q in questions], [('secret', RP)])
        self.assertIn('wants to use your security key for example.org. Enter the PIN', questions[0]['message'])
        assertion = sign_in(self.ctap, token, self.pin.protocol)
        self.assertEqual(assertion.auth_data.flags & (USER_PRESENT | USER_VERIFIED), USER_PRESENT | USER_VERIFIED)
        self.assertEqual(self.person.questions(), [])

    def test_a_wrong_pin_is_asked_for_again(self):
        self.someone()
        result = self.in_background(self.token)
        question = self.person.question()
        self.person.answer(question, '12')
        question = self.person.question()
        self.assertEqual((question['error'], question['retries']), ('A PIN has at least 4 characters, and at most 63 bytes.', 8))
        self.person.answer(question, '1111')
        question = self.person.question()
        self.assertEqual((question['error'], question['retries']), ('That PIN is wrong.', 7))
        self.person.answer(question, PIN)
        self.assertIsInstance(result(), bytes)
        self.assertEqual(self.pin.get_pin_retries()[0], 8)

    def test_three_wrong_ones_and_eight(self):
        self.someone(always='1111')
        self.assertStatus(PIN_AUTH_BLOCKED, self.token)
        self.assertEqual(len(self.person.questions()), 3)
        self.assertStatus(PIN_AUTH_BLOCKED, self.token)
        self.assertStatus(PIN_AUTH_BLOCKED, sign_in, self.ctap, uv=True)
        self.assertEqual(self.person.questions(), [])  # nobody is asked in vain
        info = self.key.info()
        self.assertEqual((info['pin-retries'], info['pin-soft-blocked']), (5, True))
        for _ in range(2):
            self.key.replug()
            self.assertIn(self.failed(), (PIN_AUTH_BLOCKED, PIN_BLOCKED))
        self.assertStatus(PIN_BLOCKED, self.token)
        self.assertEqual(self.key.info()['pin-retries'], 0)

    def failed(self):
        with self.assertRaises(CtapError) as caught:
            self.token()
        return caught.exception.code

    def test_refused(self):
        self.someone(always='deny')
        self.assertStatus(OPERATION_DENIED, self.token)
        self.assertStatus(OPERATION_DENIED, sign_in, self.ctap, uv=True)
        self.assertEqual(self.key.info()['pin-retries'], 8)

    def test_nobody_to_ask(self):
        self.assertStatus(UV_BLOCKED, self.token)
        self.assertStatus(PUAT_REQUIRED, sign_in, self.ctap, uv=True)
        self.assertIsInstance(self.pin.get_pin_token(PIN, ClientPin.PERMISSION.GET_ASSERTION, RP), bytes)

    @unittest.skipIf(kt.sanitized(), 'AddressSanitizer keeps freed memory')
    def test_pins_are_gone_from_memory(self):
        why = readable(self.sandbox.daemon.pid)
        if why:
            self.skipTest(why)
        pins = [secrets.token_hex(31) for _ in range(2)]
        self.keyfob('authenticator', 'pin', 'reset', '--password-file', self.sandbox.write('password', 'pass word'),
                    '--pin-file', self.sandbox.write('pin', pins[1]))
        self.someone()
        result = self.in_background(self.token)
        for pin in pins:
            self.person.answer(self.person.question(), pin)
        self.assertIsInstance(result(), bytes)
        halves = {half.encode() for pin in pins for half in (pin[:24], pin[-24:])}
        wait_for(lambda: not residues(self.sandbox.daemon.pid, halves), 'the PINs to be wiped')

    def test_who_leaves_takes_the_question_away(self):
        self.someone()
        key, ctap, _ = open_key(self)
        result = self.in_background(self._swallow, ctap)
        question = self.person.question()
        key.connection.sock.shutdown(2)
        self.person.gone(question)
        result()
        self.person.always(PIN)
        self.assertIsInstance(self.token(), bytes)

    @staticmethod
    def _swallow(ctap):
        try:
            sign_in(ctap, uv=True)
        except Exception:  # the connection was closed under it
            pass

    def test_a_reset_by_another_program_takes_the_question_away(self):
        """Also where nothing else happens until the question's time is up."""
        self.someone()
        other, _, _ = open_key(self, asks=False)
        other.be_own_agent()
        while True:
            began = time.monotonic()
            other.confirm('Replug')
            result = self.in_background(self.token)
            question = self.person.question()
            status = bytes(other.confirm('Transact', 'ay', b'\x07')[0])
            if status != NOT_ALLOWED or time.monotonic() - began < 10:
                break
            self.person.answer(question, 'deny')  # it can be reset for ten seconds, which were over already
            result()
        self.assertEqual(status, b'\0')
        self.person.gone(question)
        self.assertEqual(result().code, CtapError.ERR.KEEPALIVE_CANCEL)

    def test_a_lock_takes_the_question_away(self):
        self.someone()
        result = self.in_background(self.token)
        question = self.person.question()
        self.keyfob('lock')
        self.person.gone(question)
        self.assertEqual(result().code, CtapError.ERR.KEEPALIVE_CANCEL)

    def test_a_locked_vault_is_opened_first(self):
        self.someone()
        self.keyfob('lock')
        self.assertTrue(Ctap2(BusDevice(self.key)).info.options['uv'])
        result = self.in_background(self.token)
        question = self.person.question()
        self.assertEqual(question['purpose'], 'unlock')
        self.person.answer(question, 'pass word')
        question = self.person.question()
        self.assertEqual(question['purpose'], 'user-verification')
        self.person.answer(question, PIN)
        self.assertIsInstance(result(), bytes)

    def test_always_uv(self):
        self.someone()
        self.register()
        self.keyfob('passkey', 'policy', '--always-uv', 'yes', '--password-file', self.sandbox.write('password', 'pass word'))
        self.person.questions()
        assertion = sign_in(self.ctap)
        self.assertEqual([question['kind'] for question in self.person.questions()], ['secret'])
        self.assertTrue(assertion.auth_data.flags & USER_VERIFIED)


class WithAReader(Fingers):
    """Fingers and the PIN, in turn."""

    @classmethod
    def prepare(cls):
        super().prepare()
        cls.enroll()

    def setUp(self):
        super().setUp()
        self.person.always('allow')
        _, self.ctap_here, self.pin_here = open_key(self)
        self.person.questions()

    def token(self):
        return self.pin_here.get_uv_token(ClientPin.PERMISSION.GET_ASSERTION, RP)

    def test_finger_first(self):
        self.assertEqual(self.ctap_here.get_info().data[0x12], 6)
        scans = self.reader.scans('right')
        self.assertIsInstance(self.token(), bytes)
        scans.join()
        self.assertNotIn('secret', [question['kind'] for question in self.person.questions()])

    def test_the_pin_after_wrong_fingers(self):
        self.person.always(None)
        results = []
        thread = threading.Thread(target=lambda: results.append(self.token()))
        thread.start()
        for _ in range(3):
            self.reader.scan('left')
        while (question := self.person.question())['kind'] == 'show':
            pass
        self.assertEqual((question['kind'], question['purpose']), ('secret', 'user-verification'))
        self.person.answer(question, '1234x')
        thread.join(60)
        self.assertEqual([type(result) for result in results], [bytes])
        self.assertEqual(self.pin_here.get_uv_retries()[0], 5)

    def test_the_pin_when_the_finger_is_refused(self):
        self.person.always(None)
        results = []
        thread = threading.Thread(target=lambda: results.append(self.token()))
        thread.start()
        self.person.answer(self.person.question(), 'deny')
        question = self.person.question()
        self.assertEqual(question['kind'], 'secret')
        self.person.answer(question, '1234x')
        thread.join(60)
        self.assertEqual([type(result) for result in results], [bytes])
        self.assertReleased()


del Fingers  # its own tests are elsewhere

if __name__ == '__main__':
    kt.main()
