#!/usr/bin/python3
"""Keys of ssh that want their owner verified: by a finger of the real fprintd, else by a password that is typed."""
import fido_key
import fingerprint
import keyfob_bus as kb
import keyfob_test as kt
import ssh_client
from person import Person, wait_for
from test_ssh_agent import SSH

PASSWORD = 'pass word'


class Verify(kt.KeyfobTest):
    fingers = ('right',)

    def setUp(self):
        fingerprint.require()
        super().setUp()
        fingerprint.configure(self.sandbox)
        self.reader = fingerprint.Reader(self.sandbox, fingerprint.ACTIONS, False)
        self.reader.start()
        for finger in self.fingers:
            self.reader.enroll('right-index-finger', finger)
        self.sandbox.start_daemon()
        self.sandbox.init(PASSWORD)
        if self.fingers:
            fido_key.wait_for_fingers(self.sandbox)
        self.person = Person(self.sandbox)
        self.tools = ssh_client.Tools(self.sandbox)
        path = self.tools.keygen('key')
        self.tools.add('-q', path)
        self.blob = self.tools.public(path)
        with kb.Client(self.sandbox.socket) as client:
            client.call(SSH, 'KeepKey', 'sa{sv}', 'key', {})
            client.call(SSH, 'SetPolicy', 'sa{sv}', 'key', {'verify': ('b', True)})

    def sign(self, client):
        client.send_sign(self.blob)

    def shown(self):
        question = self.person.question()
        self.assertEqual((question['kind'], question['purpose']), ('show', 'user-verification'))
        return question


class Finger(Verify):
    def test_a_finger(self):
        with self.tools.client() as client:
            for _ in range(2):  # each time anew
                self.sign(client)
                question = self.shown()
                self.assertIn('"key"', question['message'])
                self.reader.scan('right')
                self.assertIsNotNone(client.signature())
                self.person.gone(question)
        self.assertEqual(self.person.questions(), [])

    def test_refused(self):
        with self.tools.client() as client:
            self.sign(client)
            self.person.answer(self.shown(), 'deny')
            self.assertIsNone(client.signature())
        self.reader.wait_until_released()

    def test_wrong_fingers_lead_to_the_password(self):
        with self.tools.client() as client:
            self.sign(client)
            for _ in range(3):
                self.reader.scan('left')
            question = wait_for(lambda: [q for q in self.person.questions() if q['kind'] == 'secret'], 'a password')[0]
            self.assertEqual(question['purpose'], 'user-verification')
            self.person.answer(question, PASSWORD)
            self.assertIsNotNone(client.signature())

    def test_many_wrong_ones_leave_only_the_password(self):
        for fingers in (3, 2):
            with self.tools.client() as client:
                self.sign(client)
                for _ in range(fingers):
                    self.reader.scan('left')
                question = wait_for(lambda: [q for q in self.person.questions() if q['kind'] == 'secret'], 'a password')[0]
                self.person.answer(question, 'deny')
                self.assertIsNone(client.signature())
        with self.tools.client() as client:
            self.sign(client)
            question = self.person.question()
            self.assertEqual(question['kind'], 'secret')
            self.person.answer(question, PASSWORD)
            self.assertIsNotNone(client.signature())
            self.sign(client)  # and now a finger counts again
            self.shown()
            self.reader.scan('right')
            self.assertIsNotNone(client.signature())

    def test_who_is_afar_is_asked_for_the_password(self):
        process = self.sandbox.spawn(['ssh-add', '-T', self.tools.file('key.pub')],
                                     env={**self.tools.env, 'SSH_CONNECTION': '192.0.2.1 1 192.0.2.2 22'})
        question = self.person.question()
        self.assertEqual((question['kind'], question['program']), ('secret', 'ssh-add'))
        self.person.answer(question, PASSWORD)
        self.assertEqual(process.wait(kt.TIMEOUT), 0)

    def test_it_goes_with_its_client(self):
        client = ssh_client.Client(self.tools.path)
        self.sign(client)
        question = self.shown()
        client.close()
        self.person.gone(question)
        self.reader.wait_until_released()


class NoFinger(Verify):
    fingers = ()

    def test_the_password_at_once(self):
        with self.tools.client() as client:
            self.sign(client)
            question = self.person.question()
            self.assertEqual(question['kind'], 'secret')
            self.person.answer(question, PASSWORD)
            self.assertIsNotNone(client.signature())


if __name__ == '__main__':
    kt.main()
