"""Slots that a TPM opens (swtpm): by themselves, with a PIN, bound to registers; lost, replaced, locked out."""
import json
import os

import keyfob_test as kt
import tpm_tools
from person import Person, wait_for

PASSWORD, PIN = 'pass word', 'four words make one'


@tpm_tools.needed
class Tpm2(kt.KeyfobTest):
    def setUp(self):
        super().setUp()
        self.tpm = tpm_tools.Tpm(self.sandbox)
        directory = os.path.join(self.sandbox.config, 'keyfob')
        os.makedirs(directory, exist_ok=True)
        path = os.path.join(directory, 'keyfobd.conf')
        with open(path, 'w', encoding='utf-8') as file:
            file.write(f'[tpm]\ntcti = {self.tpm.tcti}\n')
        os.chmod(path, 0o600)
        self.sandbox.use_pinentry(None)
        self.sandbox.start_daemon()
        self.sandbox.init(PASSWORD)
        self.keyfob('set', 'svc', 'me', input='s3cret')

    def file(self, text, name='secret'):
        return self.sandbox.write(name, text)

    def add(self, *args, **options):
        return self.keyfob('slot', 'add', '--kind', 'tpm2', '--password-file', self.file(PASSWORD), *args, **options)

    def add_pin(self, *args, pin=PIN, **options):
        return self.add('--pin-file', self.file(pin, 'pin'), *args, **options)

    def slots(self):
        return json.loads(self.keyfob('slot', 'list', '--json').stdout)

    def slot(self):
        found, = [s for s in self.slots() if s['kind'] == 'tpm2']
        return found

    def status(self):
        return json.loads(self.keyfob('status', '--json').stdout)['vault']

    def check_opens(self, *args):
        self.keyfob('lock')
        self.keyfob('unlock', *args)
        self.assertEqual(self.keyfob('get', 'svc', 'me').stdout, b's3cret')

    def check_password(self):
        self.check_opens('--password-file', self.file(PASSWORD))

    def unlock_pin(self, pin=PIN, code=0):
        return self.keyfob('unlock', '--slot', 'tpm2', '--password-file', self.file(pin, 'pin'), code=code)

    def assertEmpty(self):
        """Of what goes on behind a command (the epoch is counted when unlocking was answered) as well, when it is done."""
        for kind in ('handles-transient', 'handles-loaded-session'):
            wait_for(lambda kind=kind: not self.tpm.tool('tpm2_getcap', kind).strip(), f'no {kind}')


class Alone(Tpm2):
    def test_it_opens_by_itself(self):
        self.add()
        self.assertEqual((self.slot()['pin'], self.slot()['pcrs']), (False, 0))
        self.check_opens()
        self.assertIn(b"this machine's TPM", self.keyfob('slot', 'list').stdout)
        self.sandbox.stop_daemon()
        self.sandbox.start_daemon()
        self.assertEqual(self.status(), 'unlocked')
        self.assertGreater(self.slot()['used'], 0)
        self.keyfob('slot', 'test', 'tpm2')
        self.assertEmpty()
        self.check_password()

    def test_a_lost_tpm(self):
        self.add()
        self.tpm.stop()
        self.keyfob('lock')
        self.keyfob('unlock', code=3)
        self.keyfob('slot', 'test', 'tpm2', code=3)
        self.check_password()
        self.sandbox.stop_daemon()
        self.sandbox.start_daemon()
        self.assertEqual(self.status(), 'locked')
        self.check_password()
        self.tpm.start()
        self.check_opens()

    def test_a_replaced_tpm_and_a_cleared_one(self):
        self.add()
        self.tpm.exchange()
        self.keyfob('lock')
        self.keyfob('unlock', code=3)
        self.assertEqual(self.status(), 'locked')
        self.check_password()
        # The new one gets a slot of its own; the old slot is of no use there.
        self.keyfob('slot', 'remove', 'tpm2', '--password-file', self.file(PASSWORD))
        self.add()
        self.check_opens()
        self.tpm.tool('tpm2_clear')
        self.keyfob('lock')
        self.keyfob('unlock', code=3)
        self.check_password()

    def test_rekey(self):
        self.add()
        self.add_pin('--label', 'with a PIN')
        person = Person(self.sandbox)
        rekey = self.sandbox.spawn([self.sandbox.stage.keyfob, 'rekey', '--password-file', self.file(PASSWORD)])
        question = person.question()
        self.assertIn("PIN of the key slot 'with a PIN'", question['message'])
        person.answer(question, PIN)
        self.assertEqual(rekey.wait(kt.TIMEOUT), 0)
        self.assertEqual(len(self.slots()), 3)
        self.check_opens()
        self.keyfob('lock')
        self.keyfob('unlock', '--slot', 'with a PIN', '--password-file', self.file(PIN, 'pin'))
        self.check_password()

    def test_rekey_shows_labels_on_one_line(self):
        self.keyfob('slot', 'add', '--kind', 'password', '--label', 'a\nsecond', '--password-file', self.file(PASSWORD),
                    '--new-password-file', self.file('second', 'second'))
        self.add_pin('--label', 'with\na PIN')
        person = Person(self.sandbox)
        rekey = self.sandbox.spawn([self.sandbox.stage.keyfob, 'rekey', '--password-file', self.file(PASSWORD)])
        question = person.question()
        self.assertIn("password of the key slot 'a second'", question['message'])
        person.answer(question, 'second')
        question = person.question()
        self.assertIn("PIN of the key slot 'with a PIN'", question['message'])
        person.answer(question, PIN)
        self.assertEqual(rekey.wait(kt.TIMEOUT), 0)

    def test_a_backup_is_restored_by_the_tpm(self):
        self.add()
        self.keyfob('slot', 'remove', 'password')
        backup = os.path.join(self.sandbox.root, 'backup')
        self.keyfob('backup', backup)
        self.keyfob('set', 'another', 'me', input='x')
        self.keyfob('restore', '--yes', backup)
        self.keyfob('get', 'another', 'me', code=1)
        self.check_opens()

    def test_no_tpm_makes_no_slot(self):
        self.tpm.stop()
        result = self.add(code=1)
        self.assertOneLine(result.stderr, "can't be reached")
        self.assertEqual([s['kind'] for s in self.slots()], ['password'])

    def test_it_proves_for_other_slots(self):
        self.add()
        self.keyfob('slot', 'remove', 'password')
        self.assertEqual([s['kind'] for s in self.slots()], ['tpm2'])
        self.keyfob('slot', 'remove', 'tpm2', code=8)
        self.check_opens()

    def test_where_it_is_the_only_slot_nobody_is_asked_for_a_pin(self):
        self.add()
        self.keyfob('slot', 'remove', 'password')
        self.keyfob('lock')
        self.tpm.stop()
        result = self.keyfob('unlock', code=3)
        self.assertOneLine(result.stderr, 'no slot can be opened here', 'keyfob slot list')
        self.tpm.start()
        self.check_opens()


class Pin(Tpm2):
    def test_the_pin_opens(self):
        self.add_pin()
        self.assertTrue(self.slot()['pin'])
        self.keyfob('lock')
        # Not by itself.
        self.keyfob('unlock', code=3)
        self.sandbox.stop_daemon()
        self.sandbox.start_daemon()
        self.assertEqual(self.status(), 'locked')
        self.unlock_pin()
        self.assertEqual(self.keyfob('get', 'svc', 'me').stdout, b's3cret')
        self.keyfob('slot', 'test', 'tpm2', '--password-file', self.file(PIN, 'pin'))
        self.assertEmpty()

    def test_a_wrong_pin_is_counted_by_the_tpm(self):
        self.add_pin()
        self.keyfob('lock')
        before = self.tpm.properties()
        result = self.unlock_pin('wrong', code=6)
        after = self.tpm.properties()
        self.assertEqual(after['TPM2_PT_LOCKOUT_COUNTER'], before['TPM2_PT_LOCKOUT_COUNTER'] + 1)
        left = after['TPM2_PT_MAX_AUTH_FAIL'] - after['TPM2_PT_LOCKOUT_COUNTER']
        self.assertOneLine(result.stderr, 'PIN is wrong', f'{left} more')
        self.unlock_pin()

    def test_the_lockout_is_reported_with_what_to_do(self):
        self.add_pin()
        self.keyfob('lock')
        for _ in range(40):
            result = self.unlock_pin('wrong', code=None)
            if b'locked out after' in result.stderr:
                break
        self.assertOneLine(result.stderr, 'locked out', 'wait', 'tpm2_dictionarylockout --clear-lockout')
        # The right one, too, has to wait; and the vault opens by its other slots.
        self.assertOneLine(self.unlock_pin(code=None).stderr, 'locked out')
        self.assertEqual(self.status(), 'locked')
        self.check_password()
        self.keyfob('lock')
        self.tpm.tool('tpm2_dictionarylockout', '--clear-lockout')
        self.unlock_pin()
        self.assertEqual(self.status(), 'unlocked')

    def test_a_lockout_of_others_spares_a_slot_without_pin(self):
        self.add()
        self.tpm.fill()
        self.check_opens()

    def test_a_mistyped_password_is_not_sent_as_a_pin(self):
        self.add_pin()
        self.keyfob('lock')
        for _ in range(3):
            self.keyfob('unlock', '--password-file', self.file('wrong'), code=6)
        self.assertEqual(self.tpm.properties()['TPM2_PT_LOCKOUT_COUNTER'], 0)

    def test_a_person_is_asked(self):
        person = Person(self.sandbox)
        adding = self.sandbox.spawn([self.sandbox.stage.keyfob, 'slot', 'add', '--kind', 'tpm2', '--pin', '--password-file', self.file(PASSWORD)])
        question = person.question()
        self.assertEqual((question['kind'], question['purpose']), ('new-secret', 'add-slot'))
        person.answer(question, PIN)
        self.assertEqual(adding.wait(kt.TIMEOUT), 0)
        self.keyfob('lock')
        unlock = self.sandbox.spawn([self.sandbox.stage.keyfob, 'unlock', '--slot', 'tpm2'])
        question = person.question()
        self.assertIn('“tpm2”', question['message'])
        person.answer(question, 'wrong')
        question = person.question()
        self.assertIn('PIN is wrong', question['error'])
        person.answer(question, PIN)
        self.assertEqual(unlock.wait(kt.TIMEOUT), 0)
        # Where it is the only slot, it is what is asked for.
        removing = self.sandbox.spawn([self.sandbox.stage.keyfob, 'slot', 'remove', 'password', '--password-file', self.file(PASSWORD)])
        self.assertEqual(removing.wait(kt.TIMEOUT), 0)
        self.keyfob('lock')
        unlock = self.sandbox.spawn([self.sandbox.stage.keyfob, 'unlock'])
        person.answer(person.question(), PIN)
        self.assertEqual(unlock.wait(kt.TIMEOUT), 0)

    def test_the_pin_is_in_neither_file_nor_log(self):
        self.add_pin()
        self.keyfob('lock')
        self.unlock_pin()
        self.sandbox.stop_daemon()
        with open(self.sandbox.vault, 'rb') as file:
            self.assertNotIn(PIN.encode(), file.read())
        self.assertNotIn(PIN, self.sandbox.read_log())

    def test_another_tpm_with_the_right_pin(self):
        self.add_pin()
        self.keyfob('lock')
        self.tpm.exchange()
        result = self.unlock_pin(code=1)
        self.assertOneLine(result.stderr, 'not of this TPM')
        self.tpm.exchange(0)
        self.unlock_pin()


class Registers(Tpm2):
    def extend(self, register):
        self.tpm.tool('tpm2_pcrextend', f'{register}:sha256={"ab" * 32}')

    def test_bound_to_registers(self):
        self.add('--pcrs', '7,16')
        self.assertEqual(self.slot()['pcrs'], 1 << 7 | 1 << 16)
        self.assertIn(b'PCRs 7,16', self.keyfob('slot', 'list').stdout)
        self.check_opens()
        self.extend(8)
        self.check_opens()
        self.extend(16)
        self.keyfob('lock')
        self.keyfob('unlock', code=3)
        self.assertEqual(self.status(), 'locked')
        self.assertEmpty()
        self.check_password()
        # Register 16 can be reset, as a start of the machine resets all: then it opens again.
        self.tpm.tool('tpm2_pcrreset', '16')
        self.check_opens()

    def test_registers_and_a_pin(self):
        self.add_pin('--pcrs', '16')
        self.keyfob('lock')
        self.unlock_pin()
        self.keyfob('lock')
        self.unlock_pin('wrong', code=6)
        self.assertEqual(self.tpm.properties()['TPM2_PT_LOCKOUT_COUNTER'], 1)
        self.extend(16)
        result = self.unlock_pin(code=1)
        self.assertOneLine(result.stderr, 'started otherwise')
        self.tpm.tool('tpm2_pcrreset', '16')
        self.unlock_pin()
        self.assertEmpty()

    def test_lists_that_are_none(self):
        for bad in ('', '24', '-1', 'x', '1,,2', '7;8'):
            self.add('--pcrs', bad, code=2)
        self.add('--pcrs', '7', '--kind', 'none', code=2)


if __name__ == '__main__':
    kt.main()
