"""Key slots of a code on paper and of the login password, end to end; testing, renaming and removing slots."""
import hashlib
import hmac
import json
import os
import re
import shutil
import unittest

import keyfob_bus as kb
import keyfob_test as kt
from person import Person

CHEAP = ('--kdf-memory', '64', '--kdf-passes', '3')
CODE = re.compile(r'^([0-9A-HJKMNP-TV-Z]{5}-){6}[0-9A-HJKMNP-TV-Z]{5}$')
PASSWORD = 'pass word'


def mistyped(code, group):
    """The same code with one other symbol in that group (from 1 on)."""
    at = (group - 1) * 6
    return code[:at] + ('2' if code[at] != '2' else '3') + code[at + 1:]


class SlotTest(kt.KeyfobTest):
    def setUp(self):
        super().setUp()
        self.sandbox.start_daemon()
        self.sandbox.init(PASSWORD)
        self.keyfob('set', 'svc', 'me', input='s3cret')

    def file(self, text, name='secret'):
        return self.sandbox.write(name, text)

    def slots(self):
        return json.loads(self.keyfob('slot', 'list', '--json').stdout)

    def slot(self, kind):
        found, = [s for s in self.slots() if s['kind'] == kind]
        return found

    def add(self, kind, *args, **options):
        return self.keyfob('slot', 'add', '--kind', kind, '--password-file', self.file(PASSWORD, 'auth'), *args, **options)

    def status(self):
        return json.loads(self.keyfob('status', '--json').stdout)['vault']

    def check_opens(self, secret):
        self.keyfob('lock')
        self.assertEqual(self.status(), 'locked')
        self.keyfob('unlock', '--password-file', self.file(secret))
        self.assertEqual(self.keyfob('get', 'svc', 'me').stdout, b's3cret')


class Recovery(SlotTest):
    def new(self):
        made = json.loads(self.add('recovery', '--json').stdout)
        self.assertEqual(made['id'], self.slot('recovery')['id'])
        self.assertRegex(made['code'], CODE)
        return made['code']

    def test_end_to_end(self):
        code = self.new()
        other = json.loads(self.add('recovery', '--json').stdout)
        self.assertNotEqual(code, other['code'])
        self.keyfob('slot', 'remove', other['id'], '--password-file', self.file(PASSWORD))
        for typed in (code, code.lower().replace('-', ' '), code.replace('-', ''), f' {code} ', code.replace('0', 'o').replace('1', 'I')):
            self.check_opens(typed)
        # It is as good as a password for everything: here for taking the password away.
        self.keyfob('slot', 'remove', self.slot('password')['id'], '--password-file', self.file(code))
        self.keyfob('lock')
        self.keyfob('unlock', '--password-file', self.file(PASSWORD), code=6)
        self.check_opens(code)
        self.sandbox.stop_daemon()
        self.sandbox.start_daemon()
        self.assertEqual(self.status(), 'locked')
        self.check_opens(code)

    def test_a_typing_mistake_is_said_where(self):
        code = self.new()
        self.keyfob('lock')
        for group in range(1, 8):
            result = self.keyfob('unlock', '--password-file', self.file(mistyped(code, group)), code=6)
            self.assertOneLine(result.stderr, f'group {group} ', 'mistyped')
        short = self.keyfob('unlock', '--password-file', self.file(code.replace('-', ' ', 1)[:3] + code[4:]), code=6)
        self.assertOneLine(short.stderr, 'group 1 ')
        self.assertEqual(self.status(), 'locked')

    def test_a_person_is_told_the_group(self):
        code = self.new()
        person = Person(self.sandbox)
        self.keyfob('lock')
        unlock = self.sandbox.spawn([self.sandbox.stage.keyfob, 'unlock'])
        question = person.question()
        self.assertNotIn('error', question)
        person.answer(question, mistyped(code, 5))
        question = person.question()
        self.assertIn('Group 5', question['error'])
        person.answer(question, 'some other secret')
        question = person.question()
        self.assertIn('password is wrong', question['error'])
        person.answer(question, code.lower())
        self.assertEqual(unlock.wait(kt.TIMEOUT), 0)
        self.assertEqual(self.status(), 'unlocked')

    def test_another_vaults_code_does_not_open(self):
        self.new()
        with kt.Sandbox() as other:
            other.start_daemon()
            other.init(PASSWORD)
            code = json.loads(other.keyfob('slot', 'add', '--kind', 'recovery', '--json', '--password-file',
                                           other.write('auth', PASSWORD)).stdout)['code']
        self.keyfob('lock')
        result = self.keyfob('unlock', '--password-file', self.file(code), code=6)
        self.assertOneLine(result.stderr, 'wrong')

    def test_it_is_shown_once_and_kept_nowhere(self):
        code = self.new()
        self.assertNotIn(code.encode(), self.keyfob('slot', 'list', '--json').stdout)
        self.assertNotIn(code, self.sandbox.read_log())
        self.sandbox.stop_daemon()
        with open(self.sandbox.vault, 'rb') as file:
            content = file.read()
        for form in (code, code.replace('-', ''), ''.join(group[:4] for group in code.split('-'))):
            self.assertNotIn(form.encode(), content)

    def test_plain_output_is_the_id_and_the_code(self):
        lines = self.add('recovery').stdout.decode().splitlines()
        self.assertEqual(len(lines), 2)
        self.assertEqual(lines[0], self.slot('recovery')['id'])
        self.assertRegex(lines[1], CODE)

    def test_a_code_that_could_not_be_written_opens_nothing(self):
        """Nobody has it, so the slot goes again."""
        reader, writer = os.pipe()
        os.close(reader)
        with open('/dev/full', 'wb') as full, open(writer, 'wb') as broken:
            for out in (full, broken):
                for more in ((), ('--json',)):
                    process = self.sandbox.spawn([self.sandbox.stage.keyfob, 'slot', 'add', '--kind', 'recovery', '--password-file',
                                                  self.file(PASSWORD), *more], stdout=out)
                    self.assertEqual(process.wait(kt.TIMEOUT), 8)
                    self.assertEqual([slot['kind'] for slot in self.slots()], ['password'])
        said = self.sandbox.read_log()
        self.assertEqual((said.count('cannot write the output'), said.count('was removed again')), (4, 4))

    def test_the_daemon_takes_whole_codes_only(self):
        with kb.Client(self.sandbox.socket) as client:
            for bad in (b'x', b'01237-4567G-89ABF-CDEFS-GHJKM-MNPQ2-RSTVX'):
                with self.assertRaises(kb.BusError) as caught:
                    client.call(kb.STORE, 'AddSlot', 'a{sv}',
                                kb.variants({'kind': 'recovery', 'secret': bad, 'auth': PASSWORD.encode()}))
                self.assertEqual(caught.exception.name, 'org.keyfob.Error.InvalidArgument')
        self.assertEqual(len(self.slots()), 1)

    @unittest.skipUnless(shutil.which('qrencode'), 'qrencode is not installed')
    def test_the_terminal_shows_a_qr_code(self):
        terminal = self.sandbox.terminal([self.sandbox.stage.keyfob, 'slot', 'add', '--kind', 'recovery', '--password-file',
                                          self.file(PASSWORD)])
        self.assertEqual(terminal.wait(), 0)
        text = terminal.output.decode()
        code = re.search(r'([0-9A-Z]{5}-){6}[0-9A-Z]{5}', text).group()
        rows = [re.sub(r'\x1b\[[0-9;]*m', '', line).rstrip('\r')[2:] for line in text.split('\n') if '\x1b[38' in line]
        drawn = []
        for row in rows:
            drawn.append(''.join('#' if c in '▀█' else ' ' for c in row))
            drawn.append(''.join('#' if c in '▄█' else ' ' for c in row))
        expected = self.sandbox.run(['qrencode', '-t', 'ASCII', '-l', 'M', '-m', '4', code]).stdout.decode().splitlines()
        width = len(expected[0]) // 2
        self.assertEqual([row[:width] for row in drawn[:width]], [row[::2] for row in expected])

    def test_rekey_takes_the_code(self):
        code = self.new()
        self.keyfob('rekey', '--password-file', self.file(PASSWORD), code=3)
        with kb.Client(self.sandbox.socket) as client:
            client.call(kb.STORE, 'Rekey', 'a{sv}', kb.variants({'secrets': [PASSWORD.encode(), code.encode()]}))
        self.check_opens(code)
        self.check_opens(PASSWORD)


class Login(SlotTest):
    def new(self, password='login'):
        return self.add('login', *CHEAP, '--new-password-file', self.file(password, 'new')).stdout.decode().strip()

    def test_it_opens(self):
        self.new()
        self.check_opens('login')
        self.check_opens(PASSWORD)
        slot = self.slot('login')
        self.assertEqual((slot['kdf_memory'], slot['kdf_passes']), (65536, 3))
        self.keyfob('lock')
        self.keyfob('unlock', '--password-file', self.file('logout'), code=6)

    def test_it_is_asked_for_twice(self):
        person = Person(self.sandbox)
        adding = self.sandbox.spawn([self.sandbox.stage.keyfob, 'slot', 'add', '--kind', 'login', *CHEAP, '--password-file',
                                     self.file(PASSWORD)])
        question = person.question()
        self.assertEqual((question['kind'], question['purpose']), ('new-secret', 'add-slot'))
        self.assertIn('log in', question['message'])
        person.answer(question, 'login')
        self.assertEqual(adding.wait(kt.TIMEOUT), 0)
        self.check_opens('login')

    def test_passwd_leaves_it_alone_unless_it_is_named(self):
        self.new()
        self.keyfob('passwd', '--password-file', self.file('login'), '--new-password-file', self.file('x', 'new'), code=2)
        self.keyfob('passwd', *CHEAP, '--password-file', self.file(PASSWORD), '--new-password-file', self.file('other', 'new'))
        self.check_opens('login')
        self.keyfob('passwd', '--slot', 'login', *CHEAP, '--password-file', self.file('login'),
                    '--new-password-file', self.file('signin', 'new'))
        self.check_opens('signin')
        self.check_opens('other')
        self.keyfob('lock')
        self.keyfob('unlock', '--password-file', self.file('login'), code=6)

    def test_it_opens_the_vault_only(self):
        self.keyfob('collection', 'create', 'Own', '--own-password', '--new-password-file', self.file('own', 'new'),
                    '--password-file', self.file(PASSWORD))
        self.keyfob('slot', 'add', '--kind', 'login', '--collection', 'Own', '--password-file', self.file('own'),
                    '--new-password-file', self.file('x', 'new'), code=2)


class Manage(SlotTest):
    def test_rename(self):
        slot, = self.slots()
        self.keyfob('slot', 'rename', slot['id'][:6], 'Zweitschlüssel')
        self.assertEqual([s['label'] for s in self.slots()], ['Zweitschlüssel'])
        self.keyfob('slot', 'rename', 'Zweitschlüssel', 'x')
        for bad in ('', 'y' * 257):
            self.keyfob('slot', 'rename', 'x', bad, code=2)
        self.keyfob('slot', 'rename', 'nothing', 'y', code=1)
        self.keyfob('lock')
        self.keyfob('slot', 'rename', 'x', 'y', code=3)
        self.keyfob('unlock', '--password-file', self.file(PASSWORD))
        self.sandbox.stop_daemon()
        self.sandbox.start_daemon()
        self.check_opens(PASSWORD)
        self.assertEqual([s['label'] for s in self.slots()], ['x'])
        self.keyfob('check')

    def test_test(self):
        code = json.loads(self.add('recovery', '--json').stdout)['code']
        self.keyfob('lock')
        before = self.slots()
        self.assertIn(b'works', self.keyfob('slot', 'test', 'password', '--password-file', self.file(PASSWORD)).stdout)
        self.assertEqual(json.loads(self.keyfob('slot', 'test', 'recovery', '--json', '--password-file', self.file(code)).stdout), True)
        # The secret of another slot is not this one's.
        self.keyfob('slot', 'test', 'password', '--password-file', self.file(code), code=6)
        self.keyfob('slot', 'test', 'recovery', '--password-file', self.file(PASSWORD), code=6)
        self.assertOneLine(self.keyfob('slot', 'test', 'recovery', '--password-file', self.file(mistyped(code, 3)), code=6).stderr,
                           'group 3')
        self.keyfob('slot', 'test', 'nothing', code=1)
        self.assertEqual(self.status(), 'locked')
        self.assertEqual(self.slots(), before)

    def test_test_asks(self):
        person = Person(self.sandbox)
        testing = self.sandbox.spawn([self.sandbox.stage.keyfob, 'slot', 'test', 'password'])
        question = person.question()
        self.assertEqual(question['purpose'], 'test-slot')
        self.assertIn('“password”', question['message'])
        person.answer(question, PASSWORD)
        self.assertEqual(testing.wait(kt.TIMEOUT), 0)

    def test_test_of_a_key_file(self):
        key = self.file(b'k' * 64, 'key')
        self.add('credential', '--key-file', key)
        self.keyfob('slot', 'test', 'credential')
        self.file(b'j' * 64, 'key')
        self.keyfob('slot', 'test', 'credential', code=3)

    def test_when_each_was_used_last(self):
        code = json.loads(self.add('recovery', '--json').stdout)['code']
        self.assertEqual(self.slot('recovery')['used'], 0)
        self.keyfob('slot', 'test', 'recovery', '--password-file', self.file(code))
        self.assertEqual(self.slot('recovery')['used'], 0)
        self.check_opens(code)
        self.sandbox.stop_daemon()
        self.sandbox.start_daemon()
        self.assertGreater(self.slot('recovery')['used'], 1600000000)

    def test_new_keys_want_everything_open(self):
        """And that is said, with what opens it: the vault is open, and nothing is damaged."""
        password = ('--password-file', self.file(PASSWORD, 'auth'))
        self.keyfob('collection', 'create', 'Own', '--own-password', '--new-password-file', self.file('own', 'own'), *password)
        self.keyfob('lock', 'Default')
        result = self.keyfob('rekey', *password, code=3)
        self.assertOneLine(result.stderr, 'keyfob unlock Default')
        self.keyfob('unlock', *password)
        self.keyfob('lock', 'Own')
        result = self.keyfob('rekey', *password, code=3)
        self.assertOneLine(result.stderr, 'keyfob unlock Own')
        self.keyfob('collection', 'delete', '--yes', 'Own')
        result = self.keyfob('rekey', *password, code=3)
        self.assertOneLine(result.stderr, 'keyfob undelete')
        self.keyfob('undelete', '1')
        self.keyfob('unlock', 'Own', '--password-file', self.file('own', 'own'))
        self.keyfob('rekey', *password)
        self.keyfob('check')

    def test_the_last_one_stays(self):
        code = json.loads(self.add('recovery', '--json').stdout)['code']
        self.keyfob('slot', 'remove', 'password', '--password-file', self.file(code))
        result = self.keyfob('slot', 'remove', 'recovery', '--password-file', self.file(code), code=8)
        self.assertOneLine(result.stderr, 'last')
        self.check_opens(code)


class Mirror(SlotTest):
    """What the PAM module is told, read by the page alone."""

    def mirror(self):
        with kb.Client(self.sandbox.socket) as client:
            return bytes(client.call(kb.STORE, 'MirrorSlots')[0])

    def test_login_slots_are_in_it(self):
        empty = self.mirror()
        self.assertEqual(empty[:18], b'\x0e\0\0\0keyfob slots 1')
        self.assertEqual(empty[-4:], bytes(4))
        self.add('login', *CHEAP, '--new-password-file', self.file('login', 'new'))
        self.add('recovery')
        found = self.mirror()
        slot = self.slot('login')
        self.assertEqual(len(found), len(empty) + 16 + 1 + 8 + 16)
        entry = found[-41:]
        self.assertEqual(found[-45:-41], b'\1\0\0\0')
        self.assertEqual(entry[:16].hex(), slot['id'])
        self.assertEqual(entry[16:25], b'\5\0\0\1\0\3\0\0\0')
        vault_id = found[18:34]
        title = b'keyfob hmac-secret salt 1'
        salt = hashlib.blake2b(len(title).to_bytes(4, 'little') + title + vault_id, digest_size=32).digest()
        self.assertTrue(hmac.compare_digest(found[38:70], salt))
        self.keyfob('lock')
        self.assertEqual(self.mirror(), found)


if __name__ == '__main__':
    kt.main()
