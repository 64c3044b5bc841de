#!/usr/bin/python3
"""The vault is locked by hand: whoever is in the middle of opening it does not open it again, and no key waits for an answer."""
import json
import unittest

import keyfob_bus as kb
import keyfob_test as kt
from person import wait_for
from secret_client import DEFAULT, PROMPT, ROOT, Agent, Client, expect_error

MASTER = 'org.gnome.keyring.InternalUnsupportedGuiltRiddenInterface'
CANCELLED = 'org.keyfob.Error.Cancelled'


class ByHand(kt.KeyfobTest):
    def begin(self, *init):
        self.sandbox.use_pinentry(None)
        self.sandbox.start_daemon()
        if init:
            self.keyfob('init', *init, '--password-file', self.sandbox.write('password', 'pass word'))
        else:
            self.sandbox.init('pass word')

    def client(self):
        client = Client('unix:path=' + self.sandbox.socket)
        self.addCleanup(client.close)
        return client

    def agent(self, answers):
        agent = Agent('unix:path=' + self.sandbox.socket, answers)
        self.addCleanup(agent.close)
        return agent

    def store(self, client, member, options):
        """Sends the call; what comes after it on that connection is done after it."""
        call = client.send('/org/keyfob', kb.STORE.interface, member, 'a{sv}', options)
        client.store('Status')
        return call

    def assertLocked(self):
        self.assertEqual(json.loads(self.keyfob('status', '--json').stdout)['vault'], 'locked')


class Key(ByHand):
    """A root key that waits for somebody to answer."""

    def setUp(self):
        super().setUp()
        self.begin()
        self.person = self.agent(lambda question: None)
        self.asker = self.client()

    def waits(self):
        call = self.store(self.asker, 'AddSlot', {'kind': ('s', 'password'), 'auth': ('ay', b'pass word')})
        wait_for(lambda: self.person.questions, 'the question for a new password')
        return call

    def ended(self, call):
        with expect_error(self, CANCELLED):
            self.asker.wait(call)
        wait_for(lambda: self.person.cancelled == [self.person.questions[0]['id']], 'the question to go')
        self.assertLocked()

    def test_the_command(self):
        call = self.waits()
        self.keyfob('lock')
        self.ended(call)

    def test_the_word_of_gnome(self):
        call = self.waits()
        self.client().service('LockService')
        self.ended(call)

    def test_the_last_collection(self):
        call = self.waits()
        self.client().service('Lock', 'ao', [DEFAULT])
        self.ended(call)

    def test_a_prompt_that_changes_the_password(self):
        self.person.answers = lambda question: (True, b'pass word') if question['kind'] == 'secret' else None
        self.asker.subscribe()
        prompt = self.asker.call(ROOT, MASTER, 'ChangeWithPrompt', 'o', DEFAULT)
        self.asker.call(prompt, PROMPT, 'Prompt', 's', '')
        wait_for(lambda: len(self.person.questions) == 2, 'the question for a new password')
        self.keyfob('lock')
        self.assertTrue(self.asker.wait_for(prompt, PROMPT, 'Completed')[0])
        wait_for(lambda: self.person.cancelled == [self.person.questions[1]['id']], 'the question to go')
        self.assertLocked()


class Tries(ByHand):
    """A password that is being tried."""

    def setUp(self):
        super().setUp()
        self.begin('--kdf-memory', '64', '--kdf-passes', '60')
        self.keyfob('lock')

    def test_one_that_was_given(self):
        client = self.client()
        call = self.store(client, 'Unlock', {'secret': ('ay', b'pass word')})
        self.keyfob('lock')
        with expect_error(self, CANCELLED):
            client.wait(call)
        self.assertLocked()

    def test_one_that_was_typed(self):
        person = self.agent([(True, b'pass word')])
        first, second = self.client(), self.client()
        before = self.sandbox.seconds_used()
        calls = [(client, self.store(client, 'Unlock', {})) for client in (first, second)]
        wait_for(lambda: self.sandbox.seconds_used() > before + 0.3, 'the password to be tried', kt.TIMEOUT)
        self.keyfob('lock')
        for client, call in calls:
            with expect_error(self, CANCELLED):
                client.wait(call)
        self.assertEqual(len(person.questions), 1)
        self.assertLocked()


class Question(ByHand):
    def test_one_that_nobody_has_answered_stays(self):
        self.begin()
        self.keyfob('lock')
        person = self.agent(lambda question: None)
        client = self.client()
        call = self.store(client, 'Unlock', {})
        wait_for(lambda: person.questions, 'the question')
        self.keyfob('lock')
        self.assertEqual(person.cancelled, [])
        self.sandbox.unlock('pass word')
        client.wait(call)


if __name__ == '__main__':
    unittest.main()
