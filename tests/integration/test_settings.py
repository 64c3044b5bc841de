#!/usr/bin/python3
"""keyfobd.conf: what the person chose counts, what he wrote wrongly is named."""
import os
import unittest

import keyfob_bus as kb
import keyfob_test as kt
from jeepney import DBusAddress, new_method_call

PROMPTER = DBusAddress('/org/keyfob', bus_name='org.keyfob.Daemon', interface='org.keyfob.Prompter1')


class Settings(kt.KeyfobTest):
    def start(self, text, mode=0o600):
        os.makedirs(os.path.join(self.sandbox.config, 'keyfob'), exist_ok=True)
        self.path = self.sandbox.write('config/keyfob/keyfobd.conf', text, mode)
        self.sandbox.start_daemon()

    def register(self, session):
        with kb.Client(self.sandbox.socket) as client:
            reply = client.connection.send_and_get_reply(new_method_call(
                PROMPTER, 'RegisterAgent', 'oa{sv}', ('/agent', {'session': ('b', session)})), timeout=20)
            return reply.header.fields.get(4)  # the error's name

    def test_no_session_agent(self):
        self.start('[prompts]\nsession-agent = no\n')
        self.assertEqual(self.register(True), 'org.keyfob.Error.NotAllowed')
        self.assertIsNone(self.register(False))
        self.assertOneLine(self.keyfob('prompt-agent', '--command', 'true', code=None).stderr, 'keyfobd.conf(5)')

    def test_mistakes_are_named_and_cost_their_line_only(self):
        self.start('[prompts]\nsession-agent=maybe\nsesion-agent=yes\nsession-agent=no\n')
        log = self.sandbox.read_log()
        self.assertIn(f'{self.path}, line 2: neither yes nor no: "maybe"', log)
        self.assertIn(f'{self.path}, line 3: no such setting in its section: "sesion-agent"', log)
        self.assertEqual(self.register(True), 'org.keyfob.Error.NotAllowed')

    def test_a_file_that_others_may_write_is_left_out(self):
        self.start('[prompts]\nsession-agent=no\n', mode=0o666)
        self.assertIn(f'{self.path} is left out: others may write it', self.sandbox.read_log())
        self.assertIsNone(self.register(True))

    def test_without_a_file(self):
        self.sandbox.start_daemon()
        self.assertIsNone(self.register(True))
        self.assertNotIn('keyfobd.conf', self.sandbox.read_log())


if __name__ == '__main__':
    unittest.main()
