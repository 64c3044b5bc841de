#!/usr/bin/python3
"""One touch logs in and opens the vault: keyfob pam enroll, a real stack, the real daemon. Another Keyfob plays the security key."""
import base64
import json
import os

import fido_bridge
import keyfob_test as kt
import pam_stack
import test_slots_fido2 as plugged
from person import Person
from test_slots_fido2 import PASSWORD, PIN



@kt.not_sanitized
class OneTouch(pam_stack.Stacks, plugged.Fido2):
    other_make = True  # Keyfob's own make has to verify each time

    def setUp(self):
        pam_stack.skip_unless_built()
        super().setUp()
        self.person.always(PASSWORD)
        self.make_services()
        self.authfile = os.path.join(self.sandbox.root, 'authfile')
        self.mirror = os.path.join(self.sandbox.root, 'mirror')
        os.mkdir(self.mirror)
        self.conf = self.sandbox.write('pam.conf', f'authfile = {self.authfile}\nmirror = {self.mirror}\norigin = {pam_stack.ORIGIN}\n'
                                       'authpending_file =\nunlock\nallow_remote\ncue\n', mode=0o644)
        keyfob = f'{pam_stack.module()} conf={self.conf}'
        self.stack([f'auth required {keyfob}', f'session optional {keyfob}', 'session required pam_permit.so'])

    def env(self):
        other = os.path.join(kt.BUILD, 'tests', 'integration', 'other-make.so')
        preload = [fido_bridge.preload(), *([other] if self.other_make else [])]
        return {'LD_PRELOAD': ':'.join(preload), 'KEYFOB_CTAP_SOCKET': self.plug}

    def enroll(self, *options, code=0):
        return self.keyfob('pam', 'enroll', '--add', '--conf', self.conf, *options, code=code, env=self.env())

    def enroll_on_terminal(self, *options, dialogue):
        terminal = self.sandbox.terminal([self.sandbox.stage.keyfob, 'pam', 'enroll', '--add', '--conf', self.conf, *options], env=self.env())
        for prompt, text in dialogue:
            terminal.expect(prompt)
            pam_stack.wait_for(lambda: not terminal.echoes(), 'the terminal to hide what is typed')
            terminal.send(text + '\n')
        terminal.expect('Make the code')
        terminal.send('n\n')
        self.assertEqual(terminal.wait(), 0, terminal.output)

    def log_in_by_key(self, *stages, answers=(), code=0):
        return self.log_in(answers=answers, stages=stages or ('authenticate', 'open'), bridge=False, env=self.env(), code=code)

    def shown(self):
        return self.keyfob('pam', 'status', '--conf', self.conf, env=self.env())

    def forget_questions(self):
        for person in (self.person, *self.people.values()):
            person.questions()

    def check_login_opens(self, opens=True, answers=()):
        self.keyfob('lock')
        self.forget_questions()
        self.log_in_by_key(answers=answers)
        self.assertEqual(self.status(), 'unlocked' if opens else 'locked')
        if opens:
            self.assertEqual(self.keyfob('get', 'svc', 'me').stdout, b's3cret')


class Touch(OneTouch):
    def test_one_touch(self):
        said = self.enroll('--label', 'the blue one').stderr
        self.assertIn(b'1 slots of user', said)
        self.assertEqual([(s['label'], s['rp_id'], s['uv']) for s in self.slots() if s['kind'] == 'fido2'],
                         [('the blue one', pam_stack.ORIGIN, False)])
        self.check_login_opens()
        self.assertEqual(len(self.people['one'].questions()), 1, 'touches')
        self.assertEqual(self.person.questions(), [], 'nobody is asked for a password')
        self.assertIn(b'opens the vault', self.shown().stdout)

    def test_with_verification_demanded_later_it_only_logs_in(self):
        self.enroll()
        self.set_pin('one')
        self.stack([f'auth required {pam_stack.module()} conf={self.conf} pinverification=1',
                    f'session optional {pam_stack.module()} conf={self.conf}', 'session required pam_permit.so'])
        self.check_login_opens(opens=False, answers=[PIN])

    def test_the_session_of_somebody_else(self):
        """As with sudo: what was kept is for the daemon of who has logged in."""
        self.enroll()
        self.keyfob('lock')
        self.log_in_by_key('authenticate', 'become=nobody', 'open')
        self.assertEqual(self.status(), 'unlocked')

    def test_refused_at_the_key(self):
        self.enroll()
        self.keyfob('lock')
        self.people['one'].always('deny')
        self.log_in_by_key(code=pam_stack.AUTH_ERR)
        self.assertEqual(self.status(), 'locked')

    def test_without_a_slot(self):
        self.enroll('--no-unlock')
        self.check_login_opens(opens=False)
        shown = self.shown()
        self.assertIn(b'does not open the vault', shown.stdout)
        self.assertIn(b'pamu2fcfg', shown.stderr)
        # The credential has what it takes: its slot is made by hand.
        with open(self.authfile, encoding='utf-8') as file:
            credential = file.read().split(':')[1].split(',')[0]
        self.keyfob('slot', 'add', '--kind', 'fido2', '--rp-id', pam_stack.ORIGIN, '--credential', credential,
                    '--password-file', self.file(PASSWORD))
        self.assertIn(b'will open the vault, once logins know of it', self.shown().stdout)
        self.keyfob('pam', 'mirror', '--install', '--directory', self.mirror, input=self.keyfob('pam', 'mirror').stdout)
        self.check_login_opens()

    def test_a_wrong_password_leaves_the_line(self):
        self.person.always('deny')
        self.assertIn(b'does not open the vault', self.enroll(code=8).stderr)
        self.log_in_by_key()
        self.assertEqual([s for s in self.slots() if s['kind'] == 'fido2'], [])

    def test_several_keys(self):
        self.enroll()
        self.plug_in('two')
        self.enroll()
        self.check_login_opens()
        self.plug_in('one')
        self.check_login_opens()
        self.assertEqual(self.shown().stdout.count(b'opens the vault'), 2)

    def test_status_reads_what_logins_read(self):
        self.enroll()
        self.assertOneLine(self.keyfob('pam', 'status', code=1).stderr, 'no security key logs in here')
        self.assertIn(b'opens the vault', self.shown().stdout)
        self.conf = self.sandbox.write('wrong.conf', 'authfile\n', mode=0o644)
        self.assertOneLine(self.keyfob('pam', 'status', '--conf', self.conf, code=8).stderr, 'configuration file', 'authfile')

    def test_for_others_only_a_line(self):
        self.keyfob('pam', 'enroll', '--conf', self.conf, '--user', 'other', env=self.env())
        self.assertEqual([s for s in self.slots() if s['kind'] == 'fido2'], [])
        self.keyfob('pam', 'enroll', '--conf', self.conf, '--user', 'other', '--unlock', env=self.env(), code=2)

    def test_slots_of_what_is_wrong(self):
        add = ('slot', 'add', '--kind', 'fido2', '--password-file', self.file(PASSWORD))
        self.keyfob(*add, '--rp-id', 'keyfob', code=2)
        self.keyfob(*add, '--rp-id', 'keyfob', '--credential', '!', code=2)
        self.keyfob(*add, '--rp-id', 'keyfob', '--credential', base64.b64encode(bytes(48)).decode(), code=1)
        self.keyfob('slot', 'add', '--kind', 'login', '--rp-id', 'x', '--credential', 'AAAA', code=2)


class Resident(OneTouch):
    """Only the security key, the slot, and what is beside the authfile have the credential's id."""

    def fido2_slots(self):
        return [(s['label'], s['rp_id'], s['uv']) for s in self.slots() if s['kind'] == 'fido2']

    def test_one_touch(self):
        self.assertIn(b'1 slots of user', self.enroll('--resident', '--name', 'the blue one').stderr)
        with open(self.authfile, encoding='utf-8') as file:
            self.assertTrue(file.read().startswith(f'{pam_stack.USER}:*,'))
        self.assertEqual(self.fido2_slots(), [('the blue one', pam_stack.ORIGIN, False)])
        self.check_login_opens()
        self.assertEqual(len(self.people['one'].questions()), 1, 'touches')
        self.assertEqual(self.person.questions(), [], 'nobody is asked for a password')
        self.assertRegex(self.shown().stdout.decode(), r'1  "the blue one"  FIDO2 resident  es256 touch  opens the vault')
        # By its id it is found without a login as well.
        self.check_touch()
        # Logging in does not need what is beside the authfile, nor does the vault; only status knows less.
        os.unlink(self.authfile + '.names')
        self.check_login_opens()
        self.assertIn(b'may open the vault', self.shown().stdout)

    def test_several_on_one_key(self):
        """That of an earlier enrolment is on the key still: the key has a choice, and one touch has to do."""
        self.enroll('--resident', '--name', 'one')
        self.enroll('--resident', '--name', 'two')
        self.check_login_opens()
        self.assertEqual(len(self.people['one'].questions()), 1, 'touches')
        self.keyfob('pam', 'remove', 'one', '--conf', self.conf, env=self.env())
        self.assertEqual([label for label, _, _ in self.fido2_slots()], ['two'])
        self.check_login_opens()
        self.assertEqual(len(self.people['one'].questions()), 1, 'touches')

    def test_several_keys(self):
        self.enroll('--resident', '--name', 'one')
        self.plug_in('two')
        self.enroll('--resident', '--name', 'two')
        self.check_login_opens()
        self.assertEqual(len(self.people['two'].questions()), 1, 'touches')
        self.plug_in('one')
        self.check_login_opens()
        self.assertEqual(len(self.people['one'].questions()), 1, 'touches')
        self.assertEqual(self.shown().stdout.count(b'opens the vault'), 2)

    def test_without_a_slot(self):
        self.enroll('--resident', '--no-unlock')
        self.check_login_opens(opens=False)
        self.assertIn(b'does not open the vault', self.shown().stdout)


class Named(OneTouch):
    def test_the_cue_names_the_key(self):
        self.enroll('--name', 'the blue one')
        self.assertIn('info: Touch the security key.\n', self.log_in_by_key())
        self.plug_in('two')
        self.enroll('--name', 'red')
        self.assertIn('info: Touch the security key "red".\n', self.log_in_by_key())
        self.plug_in('one')
        self.assertIn('info: Touch the security key "the blue one".\n', self.log_in_by_key())
        self.assertEqual(sorted(s['label'] for s in self.slots() if s['kind'] == 'fido2'), ['red', 'the blue one'])

    def remove(self, *args, code=0):
        return self.keyfob('pam', 'remove', *args, '--conf', self.conf, env=self.env(), code=code)

    def test_a_lost_key_neither_logs_in_nor_opens(self):
        self.enroll('--name', 'lost')
        self.plug_in('two')
        self.enroll('--name', 'kept')
        self.assertIn(b'does not open the vault any more', self.remove('lost').stderr)
        self.assertEqual([s['label'] for s in self.slots() if s['kind'] == 'fido2'], ['kept'])
        self.check_login_opens()
        self.plug_in('one')
        self.keyfob('lock')
        self.log_in_by_key(code=pam_stack.AUTH_ERR)
        self.keyfob('unlock', '--touch', code=1)
        self.assertEqual(self.status(), 'locked')

    def test_a_lost_key_with_several_slots(self):
        self.enroll('--name', 'lost')
        with open(self.authfile, encoding='utf-8') as file:
            identifier = file.read().split(':')[1].split(',')[0]
        for label in ('again', 'and again'):
            self.keyfob('slot', 'add', '--kind', 'fido2', '--rp-id', pam_stack.ORIGIN, '--credential', identifier, '--label', label,
                        env=self.env())
        self.plug_in('two')
        self.enroll('--name', 'kept')
        self.remove('lost')
        self.assertEqual([s['label'] for s in self.slots() if s['kind'] == 'fido2'], ['kept'])
        self.plug_in('one')
        self.keyfob('lock')
        self.keyfob('unlock', '--touch', code=1)
        self.assertEqual(self.status(), 'locked')

    def test_what_could_not_be_done_is_said(self):
        self.enroll('--name', 'lost')
        self.plug_in('two')
        self.enroll('--name', 'kept')
        self.person.always('deny')
        slot = next(s['id'] for s in self.slots() if s['label'] == 'lost')
        said = self.remove('lost', code=8).stderr.decode()
        self.assertIn(f'logs in no more, but opens the vault still', said)
        self.assertIn(f'keyfob slot remove {slot[:8]}', said)
        self.assertNotIn(b'lost', self.shown().stdout)
        self.keyfob('slot', 'remove', slot[:8], '--password-file', self.file(PASSWORD))

    def test_the_slot_may_stay(self):
        self.enroll('--name', 'one')
        self.plug_in('two')
        self.enroll('--name', 'two')
        self.remove('one', '--keep-slot')
        self.assertEqual(sorted(s['label'] for s in self.slots() if s['kind'] == 'fido2'), ['one', 'two'])


class WithoutVault(OneTouch):
    def test_enrolment_goes_on(self):
        self.sandbox.stop_daemon()
        os.rename(self.sandbox.vault_dir, self.sandbox.vault_dir + '.away')
        self.start()
        self.assertIn(b'there is no vault', self.enroll().stderr)
        self.assertEqual(json.loads(self.keyfob('status', '--json').stdout)['vault'], 'absent')
        self.log_in_by_key()
        self.enroll('--unlock', code=8)


class Verified(OneTouch):
    """Keyfob's own make: the PIN, each time."""
    other_make = False

    def setUp(self):
        super().setUp()
        self.set_pin('one')

    def test_pin_and_touch(self):
        self.enroll_on_terminal('--unlock', dialogue=[('PIN', PIN), ('Answer', PASSWORD)])
        self.assertEqual([s['uv'] for s in self.slots() if s['kind'] == 'fido2'], [True])
        self.check_login_opens(answers=[PIN])
        self.assertEqual(self.person.questions(), [])
        self.keyfob('lock')
        self.log_in_by_key(answers=['00000000', ''], code=pam_stack.AUTH_ERR)
        self.assertEqual(self.status(), 'locked')

    def test_its_own_make_is_left_out_unless_it_is_asked_for(self):
        self.enroll_on_terminal(dialogue=[('PIN', PIN)])
        self.assertEqual([s for s in self.slots() if s['kind'] == 'fido2'], [])


class ResidentVerified(OneTouch):
    def test_pin_and_touch(self):
        self.set_pin('one')
        self.enroll_on_terminal('--resident', '--verify', dialogue=[('PIN', PIN), ('Answer', PASSWORD)])
        self.assertEqual([s['uv'] for s in self.slots() if s['kind'] == 'fido2'], [True])
        self.check_login_opens(answers=[PIN])
        self.assertEqual(self.person.questions(), [])


class VerifiedOfAnotherMake(OneTouch):
    def test_where_the_line_demands_it(self):
        self.set_pin('one')
        self.enroll_on_terminal('--verify', dialogue=[('PIN', PIN), ('Answer', PASSWORD)])
        self.assertEqual([s['uv'] for s in self.slots() if s['kind'] == 'fido2'], [True])
        self.check_login_opens(answers=[PIN])

    def test_a_key_that_always_wants_it(self):
        self.set_pin('one')
        self.keys['one'].keyfob('passkey', 'policy', '--always-uv', 'yes', '--password-file', self.keys['one'].write('auth', PASSWORD))
        self.enroll_on_terminal(dialogue=[('PIN', PIN), ('Answer', PASSWORD)])
        self.assertEqual([s['uv'] for s in self.slots() if s['kind'] == 'fido2'], [True])
        self.check_login_opens(answers=[PIN])


if __name__ == '__main__':
    kt.main()
