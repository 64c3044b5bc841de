"""Programs that use libfido2, with Keyfob's bridge: a daemon, a vault and a person for each test.

    class Token(fido_bridge.BridgeTest):
        programs = ['fido2-token']                      # skipped by name where one is missing

        def test_list(self):
            self.fido('fido2-token', '-L')              # keyfob fido2 -- fido2-token -L
"""
import os
import shutil
import unittest

import keyfob_test as kt
import person

DEVICE = 'keyfob:'
PIN = '24681357'


def preload():
    return os.path.join(kt.stage().libdir, 'keyfob', 'libkeyfob-fido2-bridge.so')


def find(program, path='/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin:/usr/lib/openssh'):
    return shutil.which(program, path=path)


def skip_unless_built():
    if not os.path.exists(preload()):
        raise unittest.SkipTest('built without libfido2')


class BridgeTest(kt.KeyfobTest):
    programs = []
    always = 'allow'  # what the person says; None: each question waits for its answer

    def setUp(self):
        skip_unless_built()
        for program in self.programs:
            if not find(program):
                raise unittest.SkipTest(f'{program} is not installed')
        super().setUp()
        self.sandbox.use_pinentry(None)
        self.sandbox.start_daemon()
        self.sandbox.init('pass word')
        self.person = person.Person(self.sandbox, always=self.always)

    def fido(self, *argv, **options):
        return self.keyfob('fido2', '--', *argv, **options)

    def on_terminal(self, argv, *dialogue, code=0, env=None):
        """The same on a terminal: waits for each prompt and types what goes with it. Everything that was shown."""
        terminal = self.sandbox.terminal([self.sandbox.stage.keyfob, 'fido2', '--', *argv], env=env)
        for prompt, text in dialogue:
            terminal.expect(prompt)
            person.wait_for(lambda: not terminal.echoes(), 'the terminal to hide what is typed')
            terminal.send(text + '\n')
        self.assertEqual(terminal.wait(), code, terminal.output)
        return terminal.output

    def set_pin(self, pin=PIN):
        self.keyfob('authenticator', 'pin', 'set', '--pin-file', self.sandbox.write('pin', pin))
