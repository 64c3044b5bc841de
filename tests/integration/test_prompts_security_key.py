#!/usr/bin/python3
"""The security key asks: which account, once for one cause, and by which door the program came."""
import os
import unittest

import ctap_hid
import keyfob_test as kt
from fido2 import cbor
from person import Person, wait_for

SELECTION = b'\x0b'
SITE = 'example.org'


class SecurityKey(kt.KeyfobTest):
    def setUp(self):
        super().setUp()
        self.sandbox.use_pinentry(None)
        self.sandbox.start_daemon()
        self.sandbox.init(None)

    def connect(self):
        client = ctap_hid.Client(self.sandbox)
        self.addCleanup(client.close)
        return client, client.init()


class Accounts(SecurityKey):
    def setUp(self):
        super().setUp()
        self.person = Person(self.sandbox, always='allow')
        self.client, self.channel = self.connect()
        for number, (name, display) in enumerate([('alice', 'Alice Example'), ('bob', 'bob'), ('', '')]):
            user = {'id': bytes([number])}
            if name:
                user.update(name=name, displayName=display)
            status, _ = self.client.cbor(self.channel, b'\x01' + cbor.encode({
                1: bytes(32), 2: {'id': SITE, 'name': SITE}, 3: user, 4: [{'type': 'public-key', 'alg': -7}],
                7: {'rk': True}}))
            self.assertEqual(status, ctap_hid.OK)
        self.person.questions()
        self.person.always(None)

    def sign_in(self):
        self.client.send(self.channel, ctap_hid.CBOR, b'\x02' + cbor.encode({1: SITE, 2: bytes(32)}))
        return self.person.question()

    def signed_in(self):
        status, reply = self.client.cbor_reply(self.channel)
        self.assertEqual(status, ctap_hid.OK)
        return cbor.decode(reply)

    def test_the_person_chooses(self):
        for answer, number in (('alice (Alice Example)', 0), ('bob', 1), ('0', 2), ('2', 0)):
            question = self.sign_in()
            self.assertEqual(question['kind'], 'choose')
            self.assertEqual(question['choices'], ['an account without a name', 'bob', 'alice (Alice Example)'])
            self.assertEqual(question['rp_id'], SITE)
            self.person.answer(question, answer)
            reply = self.signed_in()
            self.assertEqual(reply[4]['id'], bytes([number]))
            self.assertNotIn(5, reply)  # no list for the client: the choice is made

    def test_refused(self):
        self.person.answer(self.sign_in(), 'deny')
        self.assertEqual(self.client.cbor_reply(self.channel)[0], ctap_hid.OPERATION_DENIED)

    def test_who_cannot_choose_confirms(self):
        self.person.answer(self.sign_in(), 'allow')  # which is no account
        question = self.person.question()
        self.assertEqual(question['kind'], 'confirm')
        self.person.answer(question, 'allow')
        self.assertEqual(self.signed_in()[5], 3)  # the client's own list

    def test_the_list_goes_with_its_asker(self):
        question = self.sign_in()
        self.client.close()
        self.person.gone(question)


class Texts(SecurityKey):
    def test_a_site_cannot_speak_for_us(self):
        """What is no name of a host is in quotes, as all that others chose."""
        person = Person(self.sandbox)
        client, channel = self.connect()
        for site, shown in ((SITE, SITE), ('urn:x', 'urn:x'), ('nothing. This is a "test"', '"nothing. This is a \'test\'"')):
            client.send(channel, ctap_hid.CBOR, b'\x01' + cbor.encode({
                1: bytes(32), 2: {'id': site}, 3: {'id': b'1'}, 4: [{'type': 'public-key', 'alg': -7}]}))
            question = person.question()
            self.assertTrue(question['message'].endswith(f'register you with {shown}.'), question['message'])
            person.answer(question, 'deny')
            self.assertEqual(client.cbor_reply(channel)[0], ctap_hid.OPERATION_DENIED)


class OneForOneCause(SecurityKey):
    def setUp(self):
        super().setUp()
        self.person = Person(self.sandbox)
        self.clients = [self.connect() for _ in range(3)]
        for client, channel in self.clients:
            client.send(channel, ctap_hid.CBOR, SELECTION)
        self.question = self.person.question()
        for client, channel in self.clients:  # each of them waits: the daemon has taken all three up
            self.assertEqual(client.read()[1], ctap_hid.KEEPALIVE)

    def test_one_answer_for_all(self):
        self.assertEqual(self.person.questions(), [])
        self.person.answer(self.question, 'allow')
        for client, channel in self.clients:
            self.assertEqual(client.cbor_reply(channel)[0], ctap_hid.OK)
        self.assertEqual(self.person.questions(), [])

    def test_one_refusal_for_all(self):
        self.person.answer(self.question, 'deny')
        for client, channel in self.clients:
            self.assertEqual(client.cbor_reply(channel)[0], ctap_hid.OPERATION_DENIED)

    def test_it_goes_with_the_last_one(self):
        client, channel = self.clients[0]
        client.send(channel, ctap_hid.CANCEL)
        self.assertEqual(client.cbor_reply(channel)[0], ctap_hid.KEEPALIVE_CANCEL)
        self.clients[1][0].close()
        client, channel = self.clients[2]
        self.assertEqual(client.read()[1], ctap_hid.KEEPALIVE)
        os.kill(self.question['process'], 0)  # still there
        client.close()
        self.person.gone(self.question)
        self.assertEqual(self.person.questions(), [])

    def test_what_comes_later_asks_anew(self):
        self.person.answer(self.question, 'allow')
        client, channel = self.clients[0]
        self.assertEqual(client.cbor_reply(channel)[0], ctap_hid.OK)
        client.send(channel, ctap_hid.CBOR, SELECTION)
        self.person.answer(self.person.question(), 'deny')
        self.assertEqual(client.cbor_reply(channel)[0], ctap_hid.OPERATION_DENIED)

    def test_the_door_is_named(self):
        self.assertEqual(self.question['door'], 'socket')
        self.assertEqual(self.question['pid'], os.getpid())
        self.assertIn(f'(process {os.getpid()}, through the security key\'s socket)', self.question['message'])


class OtherPrograms(SecurityKey):
    def test_another_program_has_a_prompt_of_its_own(self):
        person = Person(self.sandbox)
        client, channel = self.connect()
        client.send(channel, ctap_hid.CBOR, SELECTION)
        first = person.question()
        other = self.sandbox.spawn(['/usr/bin/python3', '-c', OTHER, os.path.dirname(__file__), self.sandbox.runtime])
        self.assertEqual(client.read()[1], ctap_hid.KEEPALIVE)
        person.answer(first, 'deny')
        self.assertEqual(client.cbor_reply(channel)[0], ctap_hid.OPERATION_DENIED)
        second = person.question()
        self.assertEqual(second['pid'], other.pid)
        person.answer(second, 'allow')
        wait_for(lambda: other.poll() is not None, 'the other program')
        self.assertEqual(other.returncode, 0)


OTHER = '''
import sys
sys.path.insert(0, sys.argv[1])
import ctap_hid
client = ctap_hid.Client(sys.argv[2] + '/keyfob/ctap')
sys.exit(client.cbor(client.init(), b'\\x0b')[0])
'''

if __name__ == '__main__':
    unittest.main()
