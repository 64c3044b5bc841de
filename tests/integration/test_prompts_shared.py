#!/usr/bin/python3
"""One question for one cause: whoever wants the same opened, by whatever way in, waits for the same answer."""
import os
import unittest

import ctap_hid
import keyfob_test as kt
import ssh_client
from fido2 import cbor
from person import Person, wait_for
from secret_client import COLLECTION, DEFAULT, PROMPT, Client

MAKE = b'\x01' + cbor.encode({1: bytes(32), 2: {'id': 'example.org'}, 3: {'id': b'1', 'name': 'alice'},
                              4: [{'type': 'public-key', 'alg': -7}]})


class Shared(kt.KeyfobTest):
    bus = True

    def setUp(self):
        super().setUp()
        os.makedirs(os.path.join(self.sandbox.config, 'keyfob'))
        self.sandbox.write('config/keyfob/keyfobd.conf', '[ssh]\nkeep=yes\n')
        self.sandbox.use_pinentry(None)
        self.sandbox.start_daemon()
        self.sandbox.init('pass word')
        self.sandbox.wait_for_name()
        self.keyfob('set', 'svc', 'me', input='value')
        self.person = Person(self.sandbox)

    def client(self):
        client = Client(self.sandbox.bus_address)
        self.addCleanup(client.close)
        client.subscribe()
        return client

    def shown(self, *paths):
        """A client whose prompt stands, or waits for another's: Prompt() has answered."""
        client = self.client()
        unlocked, prompt = client.service('Unlock', 'ao', list(paths))
        self.assertEqual(unlocked, [])
        client.call(prompt, PROMPT, 'Prompt', 's', '')
        return client, prompt

    @staticmethod
    def completed(client, prompt):
        dismissed, (_, paths) = client.wait_for(prompt, PROMPT, 'Completed')
        return dismissed, paths

    def get(self):
        return self.sandbox.spawn([self.sandbox.stage.keyfob, 'get', 'svc', 'me'])

    def test_every_way_in(self):
        tools = ssh_client.Tools(self.sandbox)
        tools.add(tools.keygen('work'))
        agent = ssh_client.Client(tools.path)
        self.addCleanup(agent.close)
        (blob, _), = agent.keys()
        self.keyfob('lock')

        program = self.sandbox.spawn(['secret-tool', 'lookup', 'service', 'svc', 'username', 'me'])
        question = self.person.question()
        self.assertEqual(question['purpose'], 'unlock')
        self.assertIn('secret-tool', question['program'])
        prompts = [self.shown(DEFAULT) for _ in range(3)]
        command = self.get()
        agent.send_sign(blob)
        security_key = ctap_hid.Client(self.sandbox)
        self.addCleanup(security_key.close)
        channel = security_key.init()
        security_key.send(channel, ctap_hid.CBOR, MAKE)
        self.assertEqual(security_key.read()[1], ctap_hid.KEEPALIVE)
        self.assertEqual(self.person.questions(), [])

        self.person.answer(question, 'pass word')
        presence = self.person.question()
        self.assertEqual(presence['purpose'], 'user-presence')
        self.person.answer(presence, 'allow')
        self.assertEqual(security_key.cbor_reply(channel)[0], ctap_hid.OK)
        self.assertEqual((program.wait(kt.TIMEOUT), command.wait(kt.TIMEOUT)), (0, 0))
        self.assertTrue(agent.signature())
        for client, prompt in prompts:
            self.assertEqual(self.completed(client, prompt), (False, [DEFAULT]))
        self.assertEqual(self.person.questions(), [])

    def test_a_refusal_is_everybody_s(self):
        self.keyfob('lock')
        prompts = [self.shown(DEFAULT) for _ in range(3)]
        self.person.answer(self.person.question(), 'deny')
        for client, prompt in prompts:
            self.assertEqual(self.completed(client, prompt), (True, []))
        self.assertEqual(self.person.questions(), [])

    def test_a_wrong_answer_is_told_once(self):
        self.keyfob('lock')
        prompts = [self.shown(DEFAULT) for _ in range(3)]
        self.person.answer(self.person.question(), 'wrong')
        again = self.person.question()
        self.assertIn('wrong', again['error'])
        self.person.answer(again, 'pass word')
        for client, prompt in prompts:
            self.assertEqual(self.completed(client, prompt), (False, [DEFAULT]))
        self.assertEqual(self.person.questions(), [])

    def test_who_stays_is_asked_when_the_first_leaves(self):
        self.keyfob('lock')
        (first, _), (second, prompt) = self.shown(DEFAULT), self.shown(DEFAULT)
        question = self.person.question()
        first.close()
        self.person.gone(question)
        question = self.person.question()
        # one that only waits may leave, and nothing is seen of it
        third, _ = self.shown(DEFAULT)
        third.close()
        self.person.answer(question, 'pass word')
        self.assertEqual(self.completed(second, prompt), (False, [DEFAULT]))
        self.assertEqual(self.person.questions(), [])

    def test_one_that_dismisses_leaves_the_others_their_question(self):
        self.keyfob('lock')
        (first, dismissed), (second, prompt) = self.shown(DEFAULT), self.shown(DEFAULT)
        question = self.person.question()
        first.call(dismissed, PROMPT, 'Dismiss')
        self.assertEqual(self.completed(first, dismissed), (True, []))
        self.person.gone(question)
        self.person.answer(self.person.question(), 'pass word')
        self.assertEqual(self.completed(second, prompt), (False, [DEFAULT]))

    def test_a_collection_that_was_locked_by_hand(self):
        """While the vault is open: it is no less one cause."""
        client = self.client()
        client.store('CreateCollection', 'sa{sv}', 'Other', {'auth': ('ay', b'pass word')})
        client.service('Lock', 'ao', [DEFAULT])
        self.assertTrue(client.get(DEFAULT, COLLECTION, 'Locked'))
        prompts = [self.shown(DEFAULT) for _ in range(3)]
        self.person.answer(self.person.question(), 'pass word')
        for other, prompt in prompts:
            self.assertEqual(self.completed(other, prompt), (False, [DEFAULT]))
        self.assertEqual(self.person.questions(), [])

    def test_another_password_is_another_cause(self):
        client = self.client()
        own = client.store('CreateCollection', 'sa{sv}', 'Own', {'own_secret': ('ay', b'own word'), 'auth': ('ay', b'pass word')})
        self.keyfob('lock')
        vault = [self.shown(DEFAULT) for _ in range(2)]
        others = [self.shown(own) for _ in range(2)]
        first = self.person.question()
        self.person.answer(first, 'pass word')
        second = self.person.question()
        self.assertIn('Own', second['message'])
        self.person.answer(second, 'own word')
        for prompts, path in ((vault, DEFAULT), (others, own)):
            for other, prompt in prompts:
                self.assertEqual(self.completed(other, prompt), (False, [path]))
        self.assertEqual(self.person.questions(), [])

    def test_another_slot_that_opens_ends_the_question(self):
        self.keyfob('lock')
        prompts = [self.shown(DEFAULT) for _ in range(2)]
        question = self.person.question()
        self.sandbox.unlock('pass word')
        self.person.gone(question)
        for client, prompt in prompts:
            self.assertEqual(self.completed(client, prompt), (False, [DEFAULT]))
        wait_for(lambda: self.person.questions() == [], 'no other question')


if __name__ == '__main__':
    unittest.main()
