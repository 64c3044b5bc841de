#!/usr/bin/python3
"""Plasma's prompter asks, where it is there. It is a mock of the published interface (plasma.py)."""
import json
import os
import subprocess
import unittest

import keyfob_test as kt
import plasma
from person import wait_for
from secret_client import Client, expect_error

GI = subprocess.run(['/usr/bin/python3', '-c', 'import dbus, gi'], stderr=subprocess.DEVNULL, check=False).returncode == 0


@unittest.skipUnless(GI, 'not installed: python3-dbus, python3-gi')
class Plasma(kt.KeyfobTest):
    bus = True
    desktop = 'KDE'

    def setUp(self):
        super().setUp()
        self.sandbox.use_pinentry(None)
        self.sandbox.env['XDG_CURRENT_DESKTOP'] = self.desktop
        self.prompter = plasma.Prompter(self.sandbox)
        self.sandbox.start_daemon()
        self.sandbox.init('pass word')
        self.sandbox.wait_for_name()
        self.keyfob('set', 'svc', 'me', input='value')
        self.keyfob('lock')

    def lookup(self, code=0):
        return self.sandbox.run(['secret-tool', 'lookup', 'service', 'svc', 'username', 'me'], code=code).stdout

    def asking(self):
        """A program that waits for the question."""
        program = self.sandbox.spawn(['secret-tool', 'lookup', 'service', 'svc', 'username', 'me'])
        wait_for(lambda: self.prompter.calls('Unlock'), 'the question')
        return program

    def is_locked(self):
        return json.loads(self.keyfob('status', '--json').stdout)['vault'] == 'locked'


class OnPlasma(Plasma):
    def test_it_unlocks(self):
        self.prompter.answers('pass word')
        self.assertEqual(self.lookup(), b'value')
        (path, window, token, name), = self.prompter.calls('Unlock')
        self.assertTrue(path.startswith('/org/keyfob/prompt/'), path)
        self.assertEqual((window, token), ('', ''))
        self.assertEqual(name, 'Keyfob (for secret-tool)')

    def test_a_wrong_answer_is_told_in_the_next_window(self):
        self.prompter.answers('wrong', 'pass word')
        self.assertEqual(self.lookup(), b'value')
        first, second = self.prompter.calls('Unlock')
        # a signal: the daemon goes on without waiting for whom it is meant for
        self.assertEqual(wait_for(lambda: self.prompter.calls('Retry'), 'the reason'), [[second[0], 'That password is wrong.']])
        self.assertNotEqual(first[0], second[0])

    def test_wrong_three_times(self):
        self.prompter.answers('wrong')
        self.lookup(code=None)
        self.assertEqual(len(self.prompter.calls('Unlock')), 3)
        self.assertTrue(self.is_locked())

    def test_refused(self):
        self.prompter.answers(plasma.REJECT)
        self.assertOneLine(self.keyfob('unlock', code=4).stderr)
        self.assertTrue(self.is_locked())

    def test_a_program_that_leaves_takes_the_window_along(self):
        program = self.asking()
        (path, *_), = self.prompter.calls('Unlock')
        # one prompt for all who want the same, which stays as long as one of them does
        other = self.sandbox.spawn([self.sandbox.stage.keyfob, 'get', 'svc', 'me'])
        with Client(self.sandbox.bus_address) as client:
            client.settle()
        kt.end_process(program)
        wait_for(lambda: self.prompter.calls('Unlock')[1:] or self.prompter.calls('Dismiss'), 'the window to go')
        self.assertEqual(self.prompter.calls('Dismiss'), [[path]])
        kt.end_process(other)
        wait_for(lambda: len(self.prompter.calls('Dismiss')) == len(self.prompter.calls('Unlock')), 'the last window to go')

    def test_a_program_that_leaves_before_its_window_stands(self):
        self.prompter.slow(True)
        program = self.asking()
        (path, *_), = self.prompter.calls('Unlock')
        kt.end_process(program)
        with Client(self.sandbox.bus_address) as client:
            client.settle()
        self.prompter.slow(False)
        wait_for(lambda: self.prompter.calls('Dismiss') == [[path]], 'the window to go')
        # The next one has its own.
        self.prompter.answers('pass word')
        self.assertEqual(self.lookup(), b'value')

    def test_opened_elsewhere_meanwhile(self):
        program = self.asking()
        self.sandbox.unlock('pass word')
        self.assertEqual(program.wait(kt.TIMEOUT), 0)
        wait_for(lambda: self.prompter.calls('Dismiss'), 'the window to go')

    def test_one_that_dies_is_no_answer(self):
        self.prompter.answers(plasma.DIE)
        self.assertOneLine(self.keyfob('unlock', code=3).stderr)

    def test_too_long_is_no_password(self):
        self.prompter.answers('x' * 5000)
        self.assertOneLine(self.keyfob('unlock', code=None).stderr)
        self.assertTrue(self.is_locked())
        self.keyfob('status')

    def test_nobody_else_answers(self):
        program = self.asking()
        (path, *_), = self.prompter.calls('Unlock')
        with Client(self.sandbox.bus_address) as client:
            for member in ('Rejected', 'Dismissed'):
                with expect_error(self, 'org.freedesktop.DBus.Error.AccessDenied'):
                    client.call(path, 'org.kde.secretprompter.request', member, destination='org.keyfob.Daemon')
        self.assertIsNone(program.poll())

    def test_what_it_can_t_explain_is_not_asked_by_it(self):
        self.assertOneLine(self.keyfob('slot', 'add', '--kind', 'password', code=3).stderr)
        self.assertOneLine(self.keyfob('passwd', code=3).stderr)
        self.assertEqual((self.prompter.calls('Unlock'), self.prompter.calls('Create')), ([], []))

    def test_turned_off(self):
        os.makedirs(os.path.join(self.sandbox.config, 'keyfob'))
        self.sandbox.write('config/keyfob/keyfobd.conf', '[prompts]\ndesktop=no\n')
        self.sandbox.stop_daemon()
        self.sandbox.start_daemon()
        self.assertOneLine(self.keyfob('unlock', code=3).stderr)
        self.assertEqual(self.prompter.calls('Unlock'), [])


class Unknown(Plasma):
    """A daemon that was started before the desktop said which one it is."""

    desktop = None

    def test_it_is_asked_too(self):
        self.prompter.answers('pass word')
        self.assertEqual(self.lookup(), b'value')


class Elsewhere(Plasma):
    desktop = 'ubuntu:GNOME'

    def test_it_is_not_asked(self):
        self.assertOneLine(self.keyfob('unlock', code=3).stderr)
        self.assertEqual(self.prompter.calls('Unlock'), [])


if __name__ == '__main__':
    unittest.main()
