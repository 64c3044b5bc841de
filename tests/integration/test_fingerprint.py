#!/usr/bin/python3
"""Fingers: the security key's built-in verification by the real fprintd, through python-fido2 on the CTAP socket."""
import hashlib
import threading
import time
import unittest

import fido_key
import fingerprint
import keyfob_test as kt
from fido2.ctap import CtapError
from fido2.ctap2 import ClientPin, Ctap2
from fido2.ctap2.bio import CaptureError, FPBioEnrollment
from person import Person, wait_for

PIN = '1234x'
RP = 'example.org'
HASH = hashlib.sha256(b'client data').digest()
RIGHT, LEFT = b'right-index-finger', b'left-index-finger'
USER_PRESENT, USER_VERIFIED = 1, 4
PUAT_REQUIRED, UV_BLOCKED, UV_INVALID = 0x36, 0x3c, 0x3f  # python-fido2's names differ between versions


class Fingers(kt.SharedTest):
    """A reader without fingers, a daemon with a PIN, and a person who agrees to everything that is asked."""

    allowed = fingerprint.ACTIONS
    lid = False

    @classmethod
    def setUpClass(cls):
        fingerprint.require()
        super().setUpClass()

    @classmethod
    def prepare(cls):
        fingerprint.configure(cls.sandbox)
        cls.reader = fingerprint.Reader(cls.sandbox, cls.allowed, cls.lid)
        cls.reader.start()
        super().prepare()
        cls.person = Person(cls.sandbox, always='allow')
        cls.device = fido_key.open_device(cls.sandbox)
        cls.addClassCleanup(cls.device.close)
        if fingerprint.ACTIONS[0] in cls.allowed:
            # Ctap2 keeps what it is told when it is made.
            wait_for(lambda: 'uv' in Ctap2(cls.device).info.options, 'the reader to be known')
        cls.ctap = Ctap2(cls.device)
        cls.pin = ClientPin(cls.ctap)
        cls.pin.set_pin(PIN)

    @classmethod
    def options(cls):
        return cls.ctap.get_info().options

    @classmethod
    def bio(cls):
        return FPBioEnrollment(cls.ctap, cls.pin.protocol,
                               cls.pin.get_pin_token(PIN, ClientPin.PERMISSION.BIO_ENROLL))

    @classmethod
    def enroll(cls, finger='right'):
        """Returns the template and what was left after each sample."""
        context, left = cls.bio().enroll(), []
        scans = cls.reader.scans(*[finger] * fingerprint.STAGES)
        while True:
            template = context.capture()
            left.append(context.remaining)
            if template is not None:
                scans.join()
                return template, left

    def uv_token(self, *scans, permissions=ClientPin.PERMISSION.MAKE_CREDENTIAL):
        thread = self.reader.scans(*scans)
        try:
            return self.pin.get_uv_token(permissions, RP)
        finally:
            thread.join()

    def assertStatus(self, status, function, *args, **kwargs):
        with self.assertRaises(CtapError) as caught:
            function(*args, **kwargs)
        self.assertEqual(caught.exception.code, status)

    def assertReleased(self):
        self.reader.wait_until_released()


class Enrolment(Fingers):
    def setUp(self):
        if self.options()['uv']:
            bio = self.bio()
            for template in bio.enumerate_enrollments():
                bio.remove_enrollment(template)

    def test_a_finger_from_nothing_to_nothing(self):
        before = self.options()
        self.assertEqual([before.get(name) for name in ('uv', 'bioEnroll', 'userVerificationMgmtPreview', 'uvBioEnroll')],
                         [False, False, False, True])
        self.assertEqual(self.bio().get_fingerprint_sensor_info(), {1: 1, 2: 2, 3: fingerprint.STAGES, 8: 64})

        template, left = self.enroll()
        self.assertEqual((template, left), (RIGHT, [4, 3, 2, 1, 0]))
        self.assertReleased()
        after = self.ctap.get_info()
        self.assertEqual([after.options.get(name) for name in ('uv', 'bioEnroll')], [True, True])
        self.assertEqual(after.data[0x12], 2)
        self.assertEqual(self.bio().enumerate_enrollments(), {RIGHT: 'Right index finger'})

        self.bio().set_name(RIGHT, 'the one with the ring')
        self.assertEqual(self.bio().enumerate_enrollments(), {RIGHT: 'the one with the ring'})
        self.sandbox.keyfob('lock')
        self.sandbox.unlock(self.password)
        self.assertEqual(self.bio().enumerate_enrollments(), {RIGHT: 'the one with the ring'})
        self.assertStatus(CtapError.ERR.INVALID_OPTION, self.bio().set_name, LEFT, 'nobody')

        self.assertEqual(self.enroll('left')[0], LEFT)
        self.bio().remove_enrollment(RIGHT)
        self.assertReleased()
        self.assertEqual(list(self.bio().enumerate_enrollments()), [LEFT])
        self.assertStatus(CtapError.ERR.INVALID_OPTION, self.bio().remove_enrollment, RIGHT)
        self.assertEqual(self.enroll('right')[0], RIGHT)
        self.assertEqual(self.bio().enumerate_enrollments()[RIGHT], 'Right index finger')
        for finger in (RIGHT, LEFT):
            self.bio().remove_enrollment(finger)
        self.assertFalse(self.options()['uv'])
        self.assertEqual(self.bio().enumerate_enrollments(), {})

    def test_a_bad_sample_is_told_and_costs_none(self):
        context = self.bio().enroll()
        context_thread = threading.Thread(target=lambda: [wait_for(self.reader.needs_finger, 'the reader'),
                                                          self.reader.send('RETRY 1')])
        context_thread.start()
        with self.assertRaises(CaptureError) as caught:
            context.capture()
        context_thread.join()
        self.assertEqual((caught.exception.code, context.remaining), (9, fingerprint.STAGES))
        context.cancel()
        self.assertReleased()
        self.assertFalse(self.options()['uv'])

    def test_cancelled_enrolments_leave_nothing(self):
        for end in ('command', 'another command', 'connection'):
            with self.subTest(end=end):
                device = fido_key.open_device(self.sandbox)
                ctap = Ctap2(device)
                pin = ClientPin(ctap)
                bio = FPBioEnrollment(ctap, pin.protocol, pin.get_pin_token(PIN, ClientPin.PERMISSION.BIO_ENROLL))
                context = bio.enroll()
                scan = self.reader.scans('right')
                context.capture()
                scan.join()
                self.assertTrue(self.reader.claimed())
                if end == 'command':
                    context.cancel()
                elif end == 'another command':
                    bio.enroll_begin(timeout=1)
                    bio.enroll_cancel()
                device.close()
                self.assertReleased()
                self.assertEqual(self.bio().enumerate_enrollments(), {})

    def test_cancelled_while_it_waits(self):
        context, event = self.bio().enroll(), threading.Event()
        canceller = threading.Thread(target=lambda: [wait_for(self.reader.needs_finger, 'the reader'), event.set()])
        canceller.start()
        self.assertStatus(CtapError.ERR.KEEPALIVE_CANCEL, context.capture, event)
        canceller.join()
        self.assertReleased()

    def test_one_enrolment_at_a_time(self):
        context = self.bio().enroll()
        scan = self.reader.scans('right')
        context.capture()
        scan.join()
        other = fido_key.open_device(self.sandbox)
        self.addCleanup(other.close)
        ctap = Ctap2(other)
        pin = ClientPin(ctap)
        bio = FPBioEnrollment(ctap, pin.protocol, pin.get_pin_token(PIN, ClientPin.PERMISSION.BIO_ENROLL))
        self.assertStatus(CtapError.ERR.NOT_ALLOWED, bio.enroll_begin)
        context.cancel()
        self.assertReleased()


class Verification(Fingers):
    @classmethod
    def prepare(cls):
        super().prepare()
        cls.reader.enroll(RIGHT.decode(), 'right')  # by another program
        wait_for(lambda: cls.options().get('uv'), 'the finger to be known')

    def setUp(self):
        self.pin.get_pin_token(PIN, ClientPin.PERMISSION.MAKE_CREDENTIAL, RP)  # gives all tries back
        self.person.questions()

    def make(self, token=None, **options):
        param = {'pin_uv_param': self.pin.protocol.authenticate(token, HASH), 'pin_uv_protocol': self.pin.protocol.VERSION} \
            if token else {}
        return self.ctap.make_credential(HASH, {'id': RP, 'name': RP}, {'id': b'1', 'name': 'alice'},
                                         [{'type': 'public-key', 'alg': -7}], options={'rk': True, **options}, **param)

    def get(self, event=None, **options):
        return self.ctap.get_assertion(RP, HASH, options=options, event=event)

    def test_a_token_by_a_finger(self):
        token = self.uv_token('right')
        answer = self.make(token)
        self.assertEqual(answer.auth_data.flags & (USER_PRESENT | USER_VERIFIED), USER_PRESENT | USER_VERIFIED)
        self.assertReleased()

    def test_verified_within_the_request(self):
        scan = self.reader.scans('right')
        made = self.make(uv=True)
        scan.join()
        scan = self.reader.scans('right')
        got = self.get(uv=True)
        scan.join()
        for answer in (made, got):
            self.assertTrue(answer.auth_data.flags & USER_VERIFIED)
        self.assertReleased()

    def test_a_wrong_finger_and_the_right_one(self):
        self.uv_token('wrong', 'wrong', 'right')
        self.assertEqual(self.pin.get_uv_retries()[0], 5)

    def test_three_wrong_fingers_and_the_pin(self):
        self.assertStatus(UV_INVALID, self.uv_token, 'wrong', 'wrong', 'wrong')
        self.assertReleased()
        self.assertEqual(self.pin.get_uv_retries()[0], 2)
        self.assertStatus(UV_BLOCKED, self.uv_token, 'wrong', 'wrong')
        self.assertEqual(self.pin.get_uv_retries()[0], 0)
        self.assertStatus(UV_BLOCKED, self.pin.get_uv_token, ClientPin.PERMISSION.MAKE_CREDENTIAL, RP)
        self.assertStatus(PUAT_REQUIRED, self.make, uv=True)
        self.assertReleased()
        self.make(self.pin.get_pin_token(PIN, ClientPin.PERMISSION.MAKE_CREDENTIAL, RP))
        self.assertEqual(self.pin.get_uv_retries()[0], 5)
        self.uv_token('right')

    def test_a_scan_that_is_no_good_costs_nothing(self):
        def scan():
            wait_for(self.reader.needs_finger, 'the reader')
            self.reader.send('RETRY 1')
            self.reader.scan('right')
        thread = threading.Thread(target=scan)
        thread.start()
        self.pin.get_uv_token(ClientPin.PERMISSION.MAKE_CREDENTIAL, RP)
        thread.join()
        self.assertEqual(self.pin.get_uv_retries()[0], 5)

    def test_cancelled_in_the_middle(self):
        event = threading.Event()
        canceller = threading.Thread(target=lambda: [wait_for(self.reader.needs_finger, 'the reader'), event.set()])
        canceller.start()
        self.assertStatus(CtapError.ERR.KEEPALIVE_CANCEL, self.get, event=event, uv=True)
        canceller.join()
        self.assertReleased()
        self.assertEqual(self.pin.get_uv_retries()[0], 5)
        self.uv_token('right')

    def test_a_client_that_leaves_in_the_middle(self):
        device = fido_key.open_device(self.sandbox)
        pin = ClientPin(Ctap2(device))
        outcome = []
        thread = threading.Thread(target=self._verify, args=(pin, outcome))
        thread.start()
        wait_for(self.reader.needs_finger, 'the reader')
        device._connection.socket.shutdown(2)
        thread.join()
        device.close()
        self.assertIsInstance(outcome[0], Exception, 'it went on without its client')
        self.assertReleased()

    @staticmethod
    def _verify(pin, outcome):
        try:
            outcome.append(pin.get_uv_token(ClientPin.PERMISSION.MAKE_CREDENTIAL, RP))
        except Exception as error:
            outcome.append(error)

    def test_the_second_of_two_goes_on_to_the_pin(self):
        device = fido_key.open_device(self.sandbox)
        self.addCleanup(device.close)
        other = ClientPin(Ctap2(device))
        tokens = []
        thread = threading.Thread(target=lambda: tokens.append(
            self.pin.get_uv_token(ClientPin.PERMISSION.MAKE_CREDENTIAL, RP)))
        thread.start()
        wait_for(self.reader.needs_finger, 'the reader')
        self.assertStatus(UV_BLOCKED, other.get_uv_token, ClientPin.PERMISSION.MAKE_CREDENTIAL, RP)
        self.reader.scan('right')
        thread.join()
        self.assertEqual(len(tokens), 1)


class Prompts(Verification):
    """The person is told, and may refuse."""

    @classmethod
    def prepare(cls):
        super().prepare()
        cls.person.always(None)

    def start(self):
        outcome = []

        def verify():
            try:
                outcome.append(self.pin.get_uv_token(ClientPin.PERMISSION.MAKE_CREDENTIAL, RP))
            except CtapError as error:
                outcome.append(error.code)
        thread = threading.Thread(target=verify)
        thread.start()
        return thread, outcome

    def test_what_it_says(self):
        thread, outcome = self.start()
        question = self.person.question()
        self.assertEqual((question['kind'], question['purpose'], question['rp_id']), ('show', 'user-verification', RP))
        self.assertIn('Swipe your finger', question['message'])
        self.reader.scan('right')
        thread.join()
        self.person.gone(question)
        self.assertIsInstance(outcome[0], bytes)

    def test_a_wrong_finger_is_told(self):
        thread, outcome = self.start()
        first = self.person.question()
        self.reader.scan('wrong')
        second = self.person.question()
        self.person.gone(first)
        self.assertIn('not recognized', second['error'])
        self.reader.scan('right')
        thread.join()
        self.person.gone(second)
        self.assertIsInstance(outcome[0], bytes)

    def test_a_refusal_ends_it(self):
        thread, outcome = self.start()
        self.person.answer(self.person.question(), 'deny')
        thread.join()
        self.assertEqual(outcome, [UV_INVALID])
        self.assertReleased()

    def test_it_disappears_with_who_asked(self):
        device = fido_key.open_device(self.sandbox)
        pin = ClientPin(Ctap2(device))
        outcome = []
        thread = threading.Thread(target=self._verify, args=(pin, outcome))
        thread.start()
        question = self.person.question()
        device._connection.socket.shutdown(2)
        thread.join()
        device.close()
        self.assertIsInstance(outcome[0], Exception, 'it went on without its client')
        self.person.gone(question)
        self.assertReleased()


for name in [name for name in vars(Verification) if name.startswith('test_')]:
    setattr(Prompts, name, None)  # only its own


if __name__ == '__main__':
    kt.main()
