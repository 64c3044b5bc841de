#!/usr/bin/python3
"""ssh with libsk-keyfob.so: keys are made and used, by a real ssh-keygen, ssh and sshd."""
import json
import os
import shutil
import unittest

import fido_key
import fingerprint
import keyfob_test as kt
import ssh_provider
from ssh_provider import KINDS, PIN, WRONG

PINENTRY_TTY = '/usr/bin/pinentry-tty'
INSTALLED = '/usr/local/bin/keyfobd', '/usr/bin/keyfobd'


class Library(ssh_provider.ProviderTest):
    def test_is_what_openssh_looks_for(self):
        path = ssh_provider.provider()
        self.assertFalse(os.path.islink(path))  # the agent's list of allowed places is of real paths
        with open(path, 'rb') as file:
            self.assertIn(b'sk_api_version', file.read())
        if not shutil.which('nm'):
            self.skipTest('nm is not installed')
        shown = self.sandbox.run(['nm', '-D', '--defined-only', path]).stdout.decode()
        self.assertEqual({line.split()[-1] for line in shown.splitlines()},
                         {'sk_api_version', 'sk_enroll', 'sk_load_resident_keys', 'sk_sign'})


class Login(ssh_provider.ProviderTest):
    def test_with_each_kind_of_key(self):
        self.someone()
        keys = {kind: self.keygen(kind, kind) for kind in KINDS}
        for kind, key in keys.items():
            self.assertIn('sk-' + {'ed25519-sk': 'ssh-ed25519', 'ecdsa-sk': 'ecdsa-sha2-nistp256'}[kind], key)
        self.assertEqual([(question['rp_id'], question['user']) for question in self.person.questions()],
                         [('ssh:', 'openssh')] * 2)
        options = self.serve(*keys.values())
        for kind in KINDS:
            with self.subTest(kind):
                self.login(options, kind)
                asked = self.person.questions()
                self.assertEqual([(question['purpose'], question['rp_id'], question['program']) for question in asked],
                                 [('user-presence', 'ssh:', 'ssh-sk-helper')])

    def test_without_the_library(self):
        self.someone()
        options = self.serve(self.keygen('ed25519-sk', 'key'))
        self.login(options, 'key', '-o', 'SecurityKeyProvider=internal', code=255)
        self.login(options, 'key')

    def test_many_signatures(self):
        """ECDSA's numbers are of any length; each must be one that sshd takes."""
        self.someone()
        key = self.keygen('ecdsa-sk', 'key', '-O', 'no-touch-required')
        options = self.serve('no-touch-required ' + key)
        for _ in range(20):
            self.login(options, 'key')

    def test_refused(self):
        self.someone()
        options = self.serve(self.keygen('ed25519-sk', 'key'))
        self.person.always('deny')
        result = self.login(options, 'key', code=255)
        self.assertIn(b'keyfob: it was refused', result.stderr)
        self.assertNotIn(b'in-42', result.stdout)

    def test_refused_enrolment(self):
        self.someone('deny')
        result = self.try_keygen('ed25519-sk', 'key')
        self.assertNotEqual(result.returncode, 0)
        self.assertIn(b'keyfob: it was refused', result.stderr)
        self.assertFalse(os.path.exists(self.path('key')))

    def test_a_library_that_was_copied_elsewhere(self):
        self.someone()
        place = self.path('some where')
        os.mkdir(place)
        copy = shutil.copy(ssh_provider.provider(), place)
        options = self.serve(self.keygen('ed25519-sk', 'key', '-w', copy, env={'SSH_SK_PROVIDER': None}))
        self.login(options, 'key', '-o', f'SecurityKeyProvider="{copy}"')

    def test_interrupted_it_asks_no_more(self):
        self.someone()
        options = self.serve(self.keygen('ed25519-sk', 'key'))
        self.person.questions()
        self.person.always(None)
        client = self.sandbox.spawn(self.ssh(options, 'key', '-o', 'IdentityAgent=none', '-o', 'BatchMode=yes'))
        question = self.person.question()
        kt.end_pid(question['pid'])  # as ctrl-C does on a terminal, whose whole group gets it
        self.person.gone(question)
        kt.end_process(client)

    def test_touch_that_is_not_required(self):
        self.someone()
        key = self.keygen('ed25519-sk', 'key', '-O', 'no-touch-required')
        self.person.questions()
        self.login(self.serve(key), 'key', code=255)
        self.assertIn('user presence', self.server_log())
        self.login(self.serve('no-touch-required ' + key), 'key')
        self.assertEqual(self.person.questions(), [])

    def test_a_touch_that_the_server_does_not_want_is_asked_for_all_the_same(self):
        self.someone()
        options = self.serve('no-touch-required ' + self.keygen('ed25519-sk', 'key'))
        self.person.questions()
        self.login(options, 'key')
        self.assertEqual(len(self.person.questions()), 1)


class Verification(ssh_provider.ProviderTest):
    """Keys that sign for their verified owner only; the daemon's prompter has him type the PIN."""

    def verified(self, kind='ed25519-sk', name='key', *options):
        """Made by a person who types the PIN, who stays."""
        self.set_pin()
        self.someone(PIN)
        return 'verify-required ' + self.keygen(kind, name, '-O', 'verify-required', *options)

    def test_the_person_types_the_pin_for_the_daemon(self):
        keys = [self.verified('ed25519-sk', 'ed25519-sk')]
        self.assertEqual([question['kind'] for question in self.person.questions()], ['secret'])
        keys.append('verify-required ' + self.keygen('ecdsa-sk', 'ecdsa-sk', '-O', 'verify-required'))
        options = self.serve(*keys)
        self.person.questions()
        for kind in KINDS:
            env = self.askpass(WRONG)
            self.login(options, kind, env=env)
            asked = self.person.questions()
            self.assertEqual([(q['kind'], q['purpose'], q['rp_id'], q['program']) for q in asked],
                             [('secret', 'user-verification', 'ssh:', 'ssh-sk-helper')])
            self.assertNotIn('PIN', self.asked())  # ssh itself asks for none

    def test_a_server_that_wants_it_refuses_other_keys(self):
        self.set_pin()
        self.someone()
        self.login(self.serve('verify-required ' + self.keygen('ed25519-sk', 'key')), 'key', code=255)
        self.assertIn('user verification', self.server_log())

    def test_a_wrong_pin_is_asked_for_again(self):
        options = self.serve(self.verified())
        self.person.questions()
        self.person.always(None)
        client = self.sandbox.spawn(self.ssh(options, 'key', '-o', 'IdentityAgent=none', '-o', 'BatchMode=yes'))
        self.person.answer(self.person.question(), WRONG)
        question = self.person.question()
        self.assertEqual((question['error'], question['retries']), ('That PIN is wrong.', 7))
        self.person.answer(question, PIN)
        self.assertEqual(client.wait(60), 0)

    def test_three_wrong_ones(self):
        options = self.serve(self.verified())
        self.person.questions()
        self.person.always(WRONG)
        env = self.askpass(PIN)
        result = self.login(options, 'key', code=255, env=env)
        self.assertIn(b'keyfob: too many wrong PINs in a row: run keyfob authenticator replug', result.stderr)
        self.assertEqual(len(self.person.questions()), 3)
        self.assertNotIn('PIN', self.asked())

    def test_refused(self):
        options = self.serve(self.verified())
        self.person.always('deny')
        env = self.askpass(PIN)
        result = self.login(options, 'key', code=255, env=env)
        self.assertIn(b'keyfob: it was refused', result.stderr)
        self.assertNotIn('PIN', self.asked())

    def test_without_a_pin_no_such_key_is_made(self):
        self.someone()
        result = self.try_keygen('ed25519-sk', 'key', '-O', 'verify-required')
        self.assertNotEqual(result.returncode, 0)
        self.assertIn(b'keyfob: the security key has no PIN: set one with keyfob authenticator pin set', result.stderr)

    def test_always(self):
        """A key like any other, under a policy that wants its owner."""
        self.set_pin()
        self.someone(PIN)
        options = self.serve('verify-required ' + self.keygen('ed25519-sk', 'key'))
        self.keyfob('passkey', 'policy', '--always-uv', 'yes', '--password-file', self.sandbox.write('password', 'pass word'))
        self.person.questions()
        self.login(options, 'key')
        self.assertEqual([question['kind'] for question in self.person.questions()], ['secret'])


@unittest.skipUnless(os.path.exists(PINENTRY_TTY), 'no pinentry-tty')
class Terminal(ssh_provider.ProviderTest):
    """No prompter but pinentry: it asks on the terminal that ssh runs on."""

    def test_the_pin_is_asked_for_by_its_name(self):
        self.set_pin()
        self.someone(PIN)
        options = self.serve('verify-required ' + self.keygen('ed25519-sk', 'key', '-O', 'verify-required'))
        self.person_leaves()
        self.sandbox.use_pinentry(PINENTRY_TTY)
        shown = self.on_terminal(self.ssh(options, 'key', '-o', 'IdentityAgent=none'), ('PIN:', WRONG),
                                 ('PIN is wrong.*PIN:', PIN))
        self.assertIn(b'for ssh:. Enter the PIN of your security key', b' '.join(shown.split()))
        self.assertIn(b'in-42', shown)


class Nobody(ssh_provider.ProviderTest):
    """Where the daemon has nobody to ask, ssh asks for the PIN."""

    def setUp(self):
        super().setUp()
        self.set_pin()
        self.someone(PIN)

    def leave(self):
        self.person_leaves()

    def test_ssh_asks_for_the_pin(self):
        key = self.keygen('ed25519-sk', 'key', '-O', 'verify-required', '-O', 'no-touch-required')
        options = self.serve('verify-required,no-touch-required ' + key)
        self.leave()
        env = self.askpass(PIN)
        self.login(options, 'key', env=env)
        self.assertIn('Enter PIN for ED25519-SK key', self.asked())
        env = self.askpass(WRONG)
        self.login(options, 'key', code=255, env=env)
        self.assertEqual(json.loads(self.keyfob('authenticator', 'info', '--json').stdout)['pin_retries'], 7)

    def test_without_terminal_and_askpass(self):
        key = self.keygen('ed25519-sk', 'key', '-O', 'verify-required', '-O', 'no-touch-required')
        options = self.serve('verify-required,no-touch-required ' + key)
        self.leave()
        self.login(options, 'key', code=255)

    def test_always_uv_makes_ssh_ask_for_any_key(self):
        options = self.serve(self.keygen('ed25519-sk', 'key'))
        self.keyfob('passkey', 'policy', '--always-uv', 'yes', '--password-file', self.sandbox.write('password', 'pass word'))
        self.leave()
        env = self.askpass(PIN)
        self.login(options, 'key', code=255, env=env)  # presence is still the daemon's to ask for
        self.assertIn('Enter PIN for ED25519-SK key', self.asked())

    def test_a_touch_needs_somebody(self):
        options = self.serve(self.keygen('ed25519-sk', 'key'))
        self.leave()
        result = self.login(options, 'key', code=255)
        self.assertIn(b'nobody could be asked', result.stderr)

    def test_ssh_keygen_asks_for_the_pin(self):
        self.leave()
        env = self.askpass(PIN)
        result = self.try_keygen('ed25519-sk', 'key', '-O', 'verify-required', env=env)
        self.assertIn('Enter PIN for authenticator', self.asked())
        self.assertNotEqual(result.returncode, 0)  # and nobody can say yes to it
        self.assertIn(b'nobody could be asked', result.stderr)


class Locked(ssh_provider.ProviderTest):
    def test_the_vault_is_opened_first(self):
        self.someone()
        options = self.serve(self.keygen('ed25519-sk', 'key'))
        self.person.questions()
        self.person.always(None)
        self.keyfob('lock')
        client = self.sandbox.spawn(self.ssh(options, 'key', '-o', 'IdentityAgent=none', '-o', 'BatchMode=yes'))
        question = self.person.question()
        self.assertEqual((question['purpose'], question['program']), ('unlock', 'ssh-sk-helper'))
        self.person.answer(question, 'pass word')
        question = self.person.question()
        self.assertEqual(question['purpose'], 'user-presence')
        self.person.answer(question, 'allow')
        self.assertEqual(client.wait(60), 0)

    def test_refused(self):
        self.someone()
        options = self.serve(self.keygen('ed25519-sk', 'key'))
        self.keyfob('lock')
        self.person.always('deny')
        self.assertIn(b'keyfob: it was refused', self.login(options, 'key', code=255).stderr)

    def test_with_nobody_to_ask(self):
        self.someone()
        options = self.serve('no-touch-required ' + self.keygen('ed25519-sk', 'key', '-O', 'no-touch-required'))
        self.person_leaves()
        self.keyfob('lock')
        result = self.login(options, 'key', code=255)
        self.assertIn(b'keyfob: the vault is not open, and nobody could be asked for its password', result.stderr)
        self.sandbox.unlock('pass word')
        self.login(options, 'key')


class Fingers(ssh_provider.ProviderTest):
    def setUp(self):
        fingerprint.require()
        super().setUp()
        fido_key.wait_for_fingers(self.sandbox)

    def prepare(self):
        fingerprint.configure(self.sandbox)
        self.reader = fingerprint.Reader(self.sandbox)
        self.reader.start()
        self.reader.enroll('right-index-finger', 'right')

    def test_a_finger_instead_of_the_pin(self):
        self.set_pin()
        self.someone('allow')
        scans = self.reader.scans('right')
        key = self.keygen('ed25519-sk', 'key', '-O', 'verify-required')
        scans.join()
        scans = self.reader.scans('left', 'right')
        self.login(self.serve('verify-required ' + key), 'key')
        scans.join()
        self.assertNotIn('secret', [question['kind'] for question in self.person.questions()])


class Daemon(ssh_provider.ProviderTest):
    def silent_key(self):
        self.someone()
        return self.serve('no-touch-required ' + self.keygen('ed25519-sk', 'key', '-O', 'no-touch-required'))

    def test_is_started(self):
        self.keyfob('slot', 'add', '--kind', 'none', '--password-file', self.sandbox.write('password', 'pass word'))
        options = self.silent_key()
        self.sandbox.stop_daemon()
        helper = self.helper_beside(kt.stage().keyfobd)
        self.login(options, 'key', env={'SSH_SK_HELPER': helper})

    @unittest.skipIf(any(map(os.path.exists, INSTALLED)), 'keyfobd is installed here')
    def test_that_is_nowhere(self):
        options = self.silent_key()
        self.sandbox.stop_daemon()
        result = self.login(options, 'key', code=255)
        self.assertIn(b'keyfob: keyfobd does not run and could not be started', result.stderr)
        result = self.try_keygen('ed25519-sk', 'other')
        self.assertIn(b'keyfobd does not run', result.stderr)
        self.assertIn(b'device not found', result.stderr)


class Devices(ssh_provider.ProviderTest):
    def test_one_that_is_not_there(self):
        self.someone()
        result = self.try_keygen('ed25519-sk', 'key', '-O', 'device=/dev/hidraw-none')
        self.assertNotEqual(result.returncode, 0)
        self.assertIn(b'device not found', result.stderr)
        self.assertEqual(self.person.questions(), [])

    def test_by_name(self):
        self.someone()
        options = self.serve(self.keygen('ed25519-sk', 'key', '-O', 'device=keyfob'))
        self.login(options, 'key')

    def test_a_key_that_is_gone(self):
        self.someone()
        options = self.serve(self.keygen('ed25519-sk', 'key'))
        passkey, = json.loads(self.keyfob('passkey', 'list', '--json').stdout)
        self.keyfob('passkey', 'delete', passkey['id'])
        self.person.questions()
        result = self.login(options, 'key', code=255)
        self.assertIn(b"not any more, among Keyfob's passkeys", result.stderr)
        self.assertEqual(self.person.questions(), [])  # nobody is asked for what can't be

    def test_unknown_options(self):
        self.someone()
        result = self.try_keygen('ed25519-sk', 'key', '-O', 'device=keyfob', '-O', 'user=' + 'x' * 32)
        self.assertNotEqual(result.returncode, 0)
        self.assertIn(b'keyfob: the name of a user has at most 31 bytes', result.stderr)


class Agent(ssh_provider.ProviderTest):
    programs = [*ssh_provider.ProviderTest.programs, 'ssh-agent', 'ssh-add']

    def test_login_by_the_agent(self):
        self.set_pin()
        self.someone(PIN)
        keys = [self.keygen('ed25519-sk', 'one'),
                'verify-required ' + self.keygen('ecdsa-sk', 'two', '-O', 'verify-required')]
        options = self.serve(*keys)
        env = self.agent()
        for name in ('one', 'two'):
            self.sandbox.run(['ssh-add', '-q', self.path(name)], env=env)
            os.rename(self.path(name), self.path(name + '.away'))
        self.person.questions()
        for name, kind in (('one', 'secret'), ('two', 'secret')):
            result = self.sandbox.run(self.ssh(options, name + '.pub', '-o', 'BatchMode=yes'), env=env)
            self.assertEqual(result.stdout, b'in-42\n')
            purposes = [question['purpose'] for question in self.person.questions()]
            self.assertEqual(purposes, ['user-presence' if name == 'one' else 'user-verification'])

    def test_a_library_that_the_agent_does_not_allow(self):
        self.someone()
        self.keygen('ed25519-sk', 'key')
        copy = shutil.copy(ssh_provider.provider(), self.path('copy.so'))
        env = {**self.agent(), 'SSH_SK_PROVIDER': copy}
        self.assertIn(b'refused', self.sandbox.run(['ssh-add', '-q', self.path('key')], env=env, code=1).stderr)


if __name__ == '__main__':
    kt.main()
