#!/usr/bin/python3
"""org.keyfob.Ssh1: keys made in the vault and on security keys, what is listed, and ssh's tools with them."""
import base64
import hashlib
import json
import os
import select
import struct
import threading
import time
import unittest

import fido_bridge
import keyfob_bus as kb
import keyfob_test as kt
import ssh_client
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_ssh_private_key
from jeepney import DBusAddress, MatchRule
from person import Person, wait_for
from ssh_client import string
from test_memory import readable, residues
from test_ssh_agent import PASSWORD, AgentTest

try:
    import fido_key
except ImportError:
    fido_key = None

PIN = '24681357'


def mpint(data):
    return int.from_bytes(data, 'big')


class Waiting(threading.Thread):
    """A call that waits for the person."""

    def __init__(self, test, method, signature, *body):
        super().__init__(daemon=True)
        self.arguments = (method, signature, *body)
        self.test, self.reply, self.error = test, None, None
        self.start()

    def run(self):
        try:
            self.reply = self.test.bus(*self.arguments)
        except kb.BusError as error:
            self.error = error.name.rsplit('.', 1)[1]

    def result(self):
        self.join(kt.TIMEOUT)
        if self.error:
            raise AssertionError(self.error)
        return self.reply[0]


class Made(AgentTest):
    def make(self, **options):
        line = self.bus('AddKey', 'a{sv}', {name.replace('_', '-'): self.variant(value) for name, value in options.items()})[0]
        path = self.sandbox.write('made.pub', line + '\n')
        return line, path

    @staticmethod
    def variant(value):
        return value if isinstance(value, tuple) else kb.variants({'x': value})['x']

    def error(self, **options):
        with self.assertRaises(kb.BusError) as caught:
            self.make(**options)
        return caught.exception.name.rsplit('.', 1)[1]

    def listed(self, **options):
        return kb.plain(self.bus('ListKeys', 'a{sv}', kb.variants(options))[0])

    def test_every_type(self):
        for options, name, bits in (({}, 'ssh-ed25519', 256), ({'type': 'ed25519'}, 'ssh-ed25519', 256),
                                    ({'type': 'ecdsa'}, 'ecdsa-sha2-nistp256', 256),
                                    ({'type': 'ecdsa', 'bits': 384}, 'ecdsa-sha2-nistp384', 384),
                                    ({'type': 'ecdsa', 'bits': 521}, 'ecdsa-sha2-nistp521', 521),
                                    ({'type': 'rsa', 'bits': 2048}, 'ssh-rsa', 2048), ({'type': 'rsa'}, 'ssh-rsa', 3072)):
            with self.subTest(**options):
                line, path = self.make(comment='my key', **options)
                self.assertEqual(line.split(' ', 2)[0::2], [name, 'my key'])
                self.assertEqual(self.listed()[-1]['bits'], bits)
                self.assertSigns(path)
        self.assertTrue(all(key['stored'] for key in self.listed()))
        self.restart()
        self.assertEqual(len(self.listed()), 7)
        self.assertEqual(self.tools.listed(), ['my key'] * 7)

    def test_with_a_policy(self):
        self.make(comment='key', confirm=True, programs=('as', ['/usr/bin/ssh']))
        key = self.listed()[0]
        self.assertEqual((key['policy-confirm'], key['policy-verify'], key['programs'], key['hosts']),
                         (True, False, ['/usr/bin/ssh'], []))
        self.keyfob('lock')
        self.assertNotIn('policy-confirm', self.listed()[0])

    def test_what_cannot_be_made(self):
        for options in ({'type': 'dsa'}, {'type': 'ecdsa', 'bits': 255}, {'type': 'ed25519', 'bits': 512},
                        {'type': 'rsa', 'bits': 512}, {'type': 'rsa', 'bits': 65536}, {'comment': 'c' * 1025},
                        {'application': 'ssh:'}, {'type': 'ed25519-sk', 'application': 'web'}, {'resident': True},
                        {'type': 'ed25519-sk', 'user': 'u' * 32}, {'colour': 'red'}, {'type': True}):
            with self.subTest(**options):
                self.assertEqual(self.error(**options), 'InvalidArgument')
        self.assertEqual(self.listed(), [])

    def test_locked(self):
        self.keyfob('lock')
        self.assertEqual(self.error(), 'NoPrompter')
        self.assertEqual(self.error(interactive=False), 'Locked')

    def test_names(self):
        line, _ = self.make(comment='one')
        self.make(comment='two')
        self.make(comment='two')
        key = self.listed()[0]
        for name in (key['fingerprint'], 'one', line, ' '.join(line.split()[:2]), line.split()[1]):
            self.policy(name, comment=('s', 'one'))
        with self.assertRaises(kb.BusError) as caught:
            self.policy('two', comment=('s', 'three'))
        self.assertIn('public line', caught.exception.message)
        for name in ('', 'SHA256:nothing', line[:-9], 'ssh-ed25519 '):
            with self.assertRaises(kb.BusError) as caught:
                self.policy(name, comment=('s', 'three'))
            self.assertEqual(caught.exception.name, 'org.keyfob.Error.NotFound')

    def test_kept_removed_and_told(self):
        with kb.Client(self.sandbox.socket) as listener:
            rule = MatchRule(type='signal', interface='org.keyfob.Ssh1', member='KeysChanged', path='/org/keyfob')
            listener.call(DBusAddress('/org/freedesktop/DBus', bus_name='org.freedesktop.DBus',
                                      interface='org.freedesktop.DBus'), 'AddMatch', 's', rule.serialise())

            def told():
                self.assertEqual(dict(listener.connection.receive(timeout=30).header.fields)[3], 'KeysChanged')

            self.added('key', 'ed25519', '-t', '3600')
            told()
            self.keep('key')
            told()
            key = self.listed()[0]
            self.assertTrue(key['stored'])
            self.assertIn(key['lifetime'], range(3400, 3601))
            with self.assertRaises(kb.BusError) as caught:
                self.keep('key')
            self.assertEqual(caught.exception.name, 'org.keyfob.Error.Exists')
            self.bus('RemoveKey', 'sa{sv}', 'key', {})
            told()
        self.assertEqual(self.listed(), [])
        self.assertEqual([deleted['comment'] for deleted in self.listed(deleted=True)], ['key'])
        info = kb.plain(self.bus('GetInfo')[0])
        self.assertEqual(info, {'socket': self.tools.path, 'locked': False, 'keep': False, 'keys': 0, 'stored': 0})

    def test_a_life_that_is_over_stays_over(self):
        self.added('key', 'ed25519', '-t', '4')
        self.keep('key')
        ends = time.time() + 5  # in whole seconds
        wait_for(lambda: self.listed() == [] and time.time() > ends, 'its end')
        deleted, = wait_for(lambda: self.listed(deleted=True), 'its record to go')
        self.assertNotIn('lifetime', deleted)
        with self.assertRaises(kb.BusError) as caught:
            self.bus('UndeleteKey', 'ta{sv}', deleted['number'], {})
        self.assertEqual(caught.exception.name, 'org.keyfob.Error.NotAllowed')
        self.assertEqual(len(self.listed(deleted=True)), 1)
        # one that was removed before its time comes back with what is left of it
        self.added('later', 'ed25519', '-t', '3600')
        self.keep('later')
        self.bus('RemoveKey', 'sa{sv}', 'later', {})
        self.bus('UndeleteKey', 'ta{sv}', self.listed(deleted=True)[0]['number'], {})
        self.assertIn(self.listed()[0]['lifetime'], range(3500, 3601))

    def test_many_are_listed_after_a_restart(self):
        for i in range(40):
            self.make(comment=f'key {i} ' + 'c' * 900)
        self.restart()
        self.assertEqual(len(self.tools.listed()), 40)

    @unittest.skipIf(kt.sanitized(), 'AddressSanitizer keeps freed memory')
    def test_nothing_of_a_private_half_is_left_in_memory(self):
        daemon = self.sandbox.daemon.pid
        why = readable(daemon)
        if why:
            self.skipTest(f'the memory of keyfobd cannot be read here: {why}')
        path = self.tools.keygen('ed25519')
        with open(path, 'rb') as file:
            seed = load_ssh_private_key(file.read(), None).private_bytes(
                Encoding.Raw, PrivateFormat.Raw, NoEncryption())
        rsa = self.tools.keygen('rsa', 'rsa')
        with open(rsa, 'rb') as file:
            numbers = load_ssh_private_key(file.read(), None).private_numbers()
        needles = [seed, *(n.to_bytes((n.bit_length() + 7) // 8, order)[8:72] for n in (numbers.d, numbers.p, numbers.q)
                           for order in ('big', 'little'))]
        self.tools.add('-q', path, rsa)
        self.keep('ed25519')
        for key in (path, rsa):
            self.assertSigns(key)
        self.keyfob('lock')
        self.tools.add('-q', '-d', rsa)
        wait_for(lambda: not residues(daemon, needles), 'the private halves to be wiped')  # what was answered first


class OnKeyfob(Made):
    """Keyfob's own security key."""

    test_every_type = test_with_a_policy = test_what_cannot_be_made = test_locked = test_names = None
    test_kept_removed_and_told = test_many_are_listed_after_a_restart = test_a_life_that_is_over_stays_over = None
    test_nothing_of_a_private_half_is_left_in_memory = None

    def setUp(self):
        super().setUp()
        self.person = Person(self.sandbox)

    def make_sk(self, answers=('allow',), **options):
        options = {name.replace('_', '-'): self.variant(value) for name, value in options.items()}
        call = Waiting(self, 'AddKey', 'a{sv}', options)
        self.questions = []
        for answer in answers:
            self.questions.append(self.person.question())
            self.person.answer(self.questions[-1], answer)
        line = call.result()
        self.path = self.sandbox.write('made.pub', line + '\n')
        return base64.b64decode(line.split()[1])

    def check(self, blob, signature, application=b'ssh:', flags=None, data=b'data'):
        """Verifies it as a server does; returns flags and counter."""
        fields = ssh_client.Reader(signature)
        kind, value, found, counter = fields.string(), fields.string(), fields.u8(), fields.u32()
        key = ssh_client.Reader(blob)
        self.assertEqual(key.string(), kind)
        signed = hashlib.sha256(application).digest() + bytes([found]) + struct.pack('>I', counter) + hashlib.sha256(data).digest()
        if kind.startswith(b'sk-ssh-ed25519'):
            ed25519.Ed25519PublicKey.from_public_bytes(key.string()).verify(value, signed)
        else:
            self.assertEqual(key.string(), b'nistp256')
            numbers = ssh_client.Reader(value)
            ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), key.string()).verify(
                encode_dss_signature(mpint(numbers.string()), mpint(numbers.string())), signed, ec.ECDSA(hashes.SHA256()))
        if flags is not None:
            self.assertEqual(found & 5, flags)
        return found, counter

    def sign(self, client, blob, *answers):
        client.send_sign(blob)
        asked = []
        for answer in answers:
            asked.append(self.person.question())
            self.person.answer(asked[-1], answer)
        signature = client.signature()
        self.assertEqual(self.person.questions(), [])
        return signature, asked

    def test_both_types(self):
        for kind in ('ed25519-sk', 'ecdsa-sk'):
            blob = self.make_sk(type=kind, comment='my key')
            self.assertEqual(self.questions[0]['purpose'], 'user-presence')
            self.assertIn('make a key of ssh', self.questions[0]['message'])
            with self.tools.client() as client:
                signature, asked = self.sign(client, blob, 'allow')
                self.check(blob, signature, flags=1)
                self.assertEqual((asked[0]['purpose'], asked[0]['door'], asked[0]['pid']), ('user-presence', 'ssh', os.getpid()))
                self.assertIn('"my key"', asked[0]['message'])
                signature, _ = self.sign(client, blob, 'deny')
                self.assertIsNone(signature)
        self.assertEqual([key['application'] for key in self.listed()], ['ssh:'] * 2)

    def test_an_application_is_quoted_where_it_is_shown(self):
        self.make_sk(type='ed25519-sk', application='ssh:x".\n\nTouch to update\u202e ' + 'y' * 180)
        self.assertIn('security key, for "ssh:x\'.  Touch to update', self.questions[0]['message'])
        self.assertNotIn('y' * 120, self.questions[0]['message'])

    def test_verify_required_asks_for_the_pin(self):
        self.keyfob('authenticator', 'pin', 'set', '--pin-file', self.sandbox.write('pin', PIN))
        blob = self.make_sk((PIN,), type='ed25519-sk', verify_required=True)
        with self.tools.client() as client:
            signature, asked = self.sign(client, blob, '1111111', PIN)
            self.check(blob, signature, flags=5)
            self.assertEqual([question['purpose'] for question in asked], ['user-verification'] * 2)
            self.assertIn('wrong', asked[1]['error'])
            signature, _ = self.sign(client, blob, 'deny')
            self.assertIsNone(signature)

    def test_resident_asks_for_the_pin(self):
        """Where there is one, but not for each use."""
        self.keyfob('authenticator', 'pin', 'set', '--pin-file', self.sandbox.write('pin', PIN))
        blob = self.make_sk((PIN,), type='ed25519-sk', resident=True)
        self.assertEqual(self.questions[0]['purpose'], 'user-verification')
        with self.tools.client() as client:
            signature, _ = self.sign(client, blob, 'allow')
            self.check(blob, signature, flags=1)
        call = Waiting(self, 'AddKey', 'a{sv}', {'type': ('s', 'ed25519-sk'), 'resident': ('b', True), 'user': ('s', 'bob')})
        self.person.answer(self.person.question(), 'deny')
        call.join(30)
        self.assertEqual(call.error, 'Cancelled')

    def test_two_resident_keys_of_one_account_at_once(self):
        """The second would overwrite the first, which whoever made it has just been given."""
        def add(kind, user='', application='ssh:'):
            return Waiting(self, 'AddKey', 'a{sv}', {'type': ('s', kind), 'resident': ('b', True), 'user': ('s', user),
                                                     'application': ('s', application)})
        calls = [add('ed25519-sk')]
        question = self.person.question()
        again = add('ecdsa-sk')
        again.join(60)
        self.assertEqual(again.error, 'Busy')
        calls += [add('ed25519-sk', 'bob'), add('ed25519-sk', '', 'ssh:work')]
        for answer in (question, None, None):
            self.person.answer(answer or self.person.question(), 'allow')
        self.assertEqual(len({call.result() for call in calls}), 3)
        self.assertEqual(len(self.listed()), 3)
        self.assertEqual(len(json.loads(self.keyfob('passkey', 'list', '--json').stdout)), 3)
        given_up = add('ed25519-sk', 'carol')
        self.person.answer(self.person.question(), 'deny')
        given_up.join(60)
        self.assertEqual(given_up.error, 'Cancelled')
        afterwards = add('ecdsa-sk', 'carol')
        self.person.answer(self.person.question(), 'allow')
        afterwards.result()

    def test_a_policy_that_cannot_be_makes_no_key(self):
        """A resident one would stay, and stand in the way of the next."""
        for resident in (True, False):
            call = Waiting(self, 'AddKey', 'a{sv}', {'type': ('s', 'ed25519-sk'), 'resident': ('b', resident),
                                                     'programs': ('as', ['bin/ssh'])})
            call.join(30)
            self.assertEqual(call.error, 'InvalidArgument')
        self.assertEqual(self.person.questions(), [])
        self.assertEqual(json.loads(self.keyfob('passkey', 'list', '--json').stdout), [])

    def test_verification_needs_a_pin(self):
        call = Waiting(self, 'AddKey', 'a{sv}', {'type': ('s', 'ed25519-sk'), 'verify-required': ('b', True)})
        call.join(30)
        self.assertEqual(call.error, 'NotAllowed')

    def test_no_touch_required(self):
        blob = self.make_sk(type='ed25519-sk', no_touch_required=True)
        with self.tools.client() as client:
            signature, _ = self.sign(client, blob)
            self.check(blob, signature, flags=0)

    def test_application_and_restart(self):
        blob = self.make_sk(type='ecdsa-sk', application='ssh:work', resident=True, user='alice', comment='c')
        self.sandbox.stop_daemon()
        kt.end_process(self.person.process)
        self.sandbox.start_daemon()
        for name in os.listdir(self.person.root):
            os.unlink(os.path.join(self.person.root, name))  # questions are numbered anew
        self.person = Person(self.sandbox)
        self.assertEqual(self.tools.listed(), ['c'])
        with self.tools.client() as client:
            signature, asked = self.sign(client, blob, PASSWORD, 'allow')
            self.check(blob, signature, b'ssh:work', flags=1)
            self.assertEqual(asked[0]['purpose'], 'unlock')
            self.assertIn('wants to use your key "c" (SHA256:', asked[0]['message'])
        self.assertEqual(self.keyfob('passkey', 'list').stdout.count(b'ssh:work'), 1)

    def test_while_locked_the_vault_is_opened_for_it(self):
        """A key that ssh-add brought: nobody knows whose it is until then."""
        blob = self.make_sk(type='ed25519-sk', comment='c')
        handle, = self.passkeys()
        self.bus('RemoveKey', 'sa{sv}', 'c', {})
        key = ssh_client.Reader(blob)
        kind, public = key.string(), key.string()
        with self.tools.client() as client:
            self.assertTrue(client.succeeds(ssh_client.ADD, string(kind) + string(public) + string('ssh:') + b'\1' + string(handle) +
                                            string('') + string('in memory')))
            signature, _ = self.sign(client, blob, 'allow')
            self.check(blob, signature, flags=1)
            self.keyfob('lock')
            signature, asked = self.sign(client, blob, PASSWORD, 'allow')
            self.check(blob, signature, flags=1)
            self.assertEqual([question['purpose'] for question in asked], ['unlock', 'user-presence'])
            self.keyfob('lock')
            signature, _ = self.sign(client, blob, 'deny')
            self.assertIsNone(signature)

    def passkeys(self):
        with kb.Client(self.sandbox.socket) as client:
            address = DBusAddress('/org/keyfob', bus_name='org.keyfob.Daemon', interface='org.keyfob.Authenticator1')
            return [bytes(key['id']) for key in kb.plain(client.call(address, 'ListPasskeys', 'a{sv}', {})[0])]

    def test_it_goes_with_its_client(self):
        blob = self.make_sk(type='ed25519-sk')
        client = ssh_client.Client(self.tools.path)
        client.send_sign(blob)
        question = self.person.question()
        client.close()
        self.person.gone(question)

    def test_locking_meanwhile(self):
        blob = self.make_sk(type='ed25519-sk')
        with self.tools.client() as client:
            client.send_sign(blob)
            self.person.question()
            self.keyfob('lock')
            client.socket.settimeout(40)
            answers = []
            while not answers or answers[-1] is not None:  # it may be asked for anew
                question = wait_for(lambda: self.person.questions() or client_ready(client), 'an end', 40)
                if question is True:
                    break
                self.person.answer(question[0], 'deny')
                answers.append(question)
            self.assertIsNone(client.signature())


def client_ready(client):
    return bool(select.select([client], [], [], 0)[0])


@unittest.skipUnless(fido_key, 'python3-fido2 is missing')
@kt.not_sanitized
class OnAnother(OnKeyfob):
    """Another Keyfob plays another maker's security key, reached by the helper over the bridge."""

    test_both_types = test_verify_required_asks_for_the_pin = test_resident_asks_for_the_pin = None
    test_verification_needs_a_pin = test_two_resident_keys_of_one_account_at_once = None
    test_a_policy_that_cannot_be_makes_no_key = None
    test_no_touch_required = test_application_and_restart = test_it_goes_with_its_client = test_locking_meanwhile = None
    test_while_locked_the_vault_is_opened_for_it = test_an_application_is_quoted_where_it_is_shown = None

    def setUp(self):
        fido_bridge.skip_unless_built()
        self.other = kt.Sandbox()
        self.addCleanup(self.other.close)
        self.other.use_pinentry(None)
        self.other.start_daemon()
        self.other.init('pass word')
        self.touch = Person(self.other, always='allow')
        super().setUp()
        self.sandbox.stop_daemon()
        kt.end_process(self.person.process)
        self.sandbox.start_daemon(env={'LD_PRELOAD': fido_bridge.preload(),
                                       'KEYFOB_CTAP_SOCKET': fido_key.socket_path(self.other)})
        self.sandbox.unlock(PASSWORD)
        self.person = Person(self.sandbox)

    def test_made_and_used(self):
        for kind in ('ed25519-sk', 'ecdsa-sk'):
            blob = self.make_sk((), type=kind, device='', comment='stick')
            with self.tools.client() as client:
                client.send_sign(blob)
                self.check(blob, client.signature(), flags=1)

    def test_the_pin_is_asked_for(self):
        self.other.keyfob('authenticator', 'pin', 'set', '--pin-file', self.other.write('pin', PIN))
        answered = []

        def answer(*answers):
            for text in answers:
                question = wait_for(lambda: [q for q in self.person.questions() if q['kind'] == 'secret'], 'a PIN')[0]
                answered.append(question)
                self.person.answer(question, text)

        call = Waiting(self, 'AddKey', 'a{sv}', {'type': ('s', 'ed25519-sk'), 'device': ('s', ''), 'verify-required': ('b', True)})
        answer(PIN)
        blob = base64.b64decode(call.result().split()[1])
        with self.tools.client() as client:
            client.send_sign(blob)
            answer('wrong PIN', PIN)
            self.check(blob, client.signature(), flags=5)
        self.assertIn('wrong PIN', answered[2]['error'])

    def test_a_wrong_pin_counts_once(self):
        self.other.keyfob('authenticator', 'pin', 'set', '--pin-file', self.other.write('pin', PIN))
        call = Waiting(self, 'AddKey', 'a{sv}', {'type': ('s', 'ed25519-sk'), 'device': ('s', ''), 'verify-required': ('b', True)})
        self.person.answer(self.person.question(), PIN)
        blob = base64.b64decode(call.result().split()[1])
        self.person.questions()
        with self.tools.client() as client:
            client.send_sign(blob)
            self.person.answer(wait_for(self.pins, 'a PIN')[0], 'wrong PIN')
            question = wait_for(self.pins, 'the PIN again')[0]
            retries = json.loads(self.other.keyfob('authenticator', 'info', '--json').stdout)['pin_retries']
            self.person.answer(question, PIN)
            self.check(blob, client.signature(), flags=5)
        self.assertEqual(retries, 7)

    def pins(self):
        return [question for question in self.person.questions() if question['kind'] == 'secret']

    def test_unplugged(self):
        blob = self.make_sk((), type='ed25519-sk', device='')
        self.other.stop_daemon()
        with self.tools.client() as client:
            client.send_sign(blob)
            self.assertIsNone(client.signature())
        call = Waiting(self, 'AddKey', 'a{sv}', {'type': ('s', 'ed25519-sk'), 'device': ('s', '')})
        call.join(30)
        self.assertEqual(call.error, 'NotFound')


if __name__ == '__main__':
    kt.main()
