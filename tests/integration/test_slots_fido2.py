"""Slots of security keys: other Keyfobs play them, over the bridge; a link says which of them is plugged in."""
import base64
import copy
import hashlib
import json
import os
import shutil

import fido_bridge
import keyfob_bus as kb
import keyfob_test as kt
import login
from person import Person, wait_for

PASSWORD, PIN = 'pass word', '24681357'


@kt.not_sanitized
class Fido2(kt.KeyfobTest):
    def setUp(self):
        fido_bridge.skip_unless_built()
        super().setUp()
        self.keys = {}
        self.people = {}
        self.plug = os.path.join(self.sandbox.root, 'plug')
        for name in ('one', 'two'):
            key = self.keys[name] = kt.Sandbox()
            self.addCleanup(self._leave_key, key)
            key.use_pinentry(None)
            key.start_daemon()
            key.init(PASSWORD)
            self.people[name] = Person(key, always='allow')
        self.sandbox.use_pinentry(None)
        self.start()
        self.sandbox.init(PASSWORD)
        self.person = Person(self.sandbox)
        self.keyfob('set', 'svc', 'me', input='s3cret')
        self.plug_in('one')

    @staticmethod
    def _leave_key(key):
        key.close()
        key.check_sanitizers()

    def start(self):
        self.sandbox.start_daemon(env={'LD_PRELOAD': fido_bridge.preload(), 'KEYFOB_CTAP_SOCKET': self.plug})

    def pull_out(self):
        if os.path.islink(self.plug):
            os.unlink(self.plug)

    def plug_in(self, name):
        self.pull_out()
        os.symlink(os.path.join(self.keys[name].runtime, 'keyfob', 'ctap'), self.plug)

    def set_pin(self, name):
        self.keys[name].keyfob('authenticator', 'pin', 'set', '--pin-file', self.keys[name].write('pin', PIN))

    def file(self, text, name='secret'):
        return self.sandbox.write(name, text)

    def slots(self):
        return json.loads(self.keyfob('slot', 'list', '--json').stdout)

    def status(self):
        return json.loads(self.keyfob('status', '--json').stdout)['vault']

    def add(self, label, *args, **options):
        result = self.keyfob('slot', 'add', '--kind', 'fido2', '--label', label, '--password-file', self.file(PASSWORD),
                             *args, **options)
        self.people['one'].questions()
        self.people['two'].questions()
        self.person.questions()
        return result.stdout.decode().strip()

    def add_verified(self, label):
        return self.add(label, '--verify', '--pin-file', self.file(PIN, 'pin'))

    def asked(self):
        """The next question for a secret. What is only shown comes as long as a key waits to be touched, and may be seen a little later."""
        while (question := self.person.question())['kind'] == 'show':
            pass
        return question

    def check_touch(self, *args, asks='one'):
        """Opens by one touch of that key, and nobody is asked for anything else."""
        self.keyfob('lock')
        self.keyfob('unlock', '--touch', *args)
        self.assertEqual(self.keyfob('get', 'svc', 'me').stdout, b's3cret')
        for name, person in self.people.items():
            self.assertEqual(len(person.questions()), 1 if name == asks else 0, name)
        self.assertEqual([q['kind'] for q in self.person.questions() if q['kind'] != 'show'], [])


LONG_WINDED = '''#!/usr/bin/python3
import socket
import struct

channel = socket.socket(fileno=3)
while packet := channel.recv(65536):
    number, operation = struct.unpack_from('<IB', packet)
    why = 'é'.encode() * 1000
    if operation != 2:
        channel.send(struct.pack('<IBI', number, 3, len(why)) + why + bytes([1]))
'''


class Touch(Fido2):
    def test_one_touch_opens(self):
        slot = self.add('my key')
        found, = [s for s in self.slots() if s['id'] == slot]
        self.assertEqual((found['kind'], found['label'], found['rp_id'], found['uv'], found['used']), ('fido2', 'my key', 'keyfob', False, 0))
        self.check_touch()
        self.check_touch('--slot', 'my key')
        self.sandbox.stop_daemon()
        self.start()
        self.person = Person(self.sandbox)
        self.assertEqual(self.status(), 'locked')
        self.assertGreater([s for s in self.slots() if s['id'] == slot][0]['used'], 0)
        self.check_touch()

    def test_an_empty_answer_means_the_key(self):
        self.add('my key')
        self.keyfob('lock')
        self.people['one'].always(None)  # the touch comes after it was asked for here
        unlock = self.sandbox.spawn([self.sandbox.stage.keyfob, 'unlock'])
        question = self.asked()
        self.assertIn('touch a security key', question['message'])
        self.person.answer(question, '')
        self.assertEqual(self.person.question()['kind'], 'show')
        self.people['one'].answer(self.people['one'].question(), 'allow')
        self.assertEqual(unlock.wait(kt.TIMEOUT), 0)
        self.assertEqual(self.status(), 'unlocked')

    def test_the_password_goes_on_opening(self):
        self.add('my key')
        self.keyfob('lock')
        unlock = self.sandbox.spawn([self.sandbox.stage.keyfob, 'unlock'])
        self.person.answer(self.asked(), PASSWORD)
        self.assertEqual(unlock.wait(kt.TIMEOUT), 0)
        self.assertEqual(self.people['one'].questions(), [])

    def test_where_there_is_no_password_the_key_is_asked_at_once(self):
        self.add('my key')
        self.keyfob('slot', 'remove', 'password', '--password-file', self.file(PASSWORD))
        self.keyfob('lock')
        self.keyfob('unlock')
        self.assertEqual(self.status(), 'unlocked')
        # And it proves that a slot may be added.
        self.keyfob('slot', 'add', '--kind', 'password', '--kdf-memory', '64', '--kdf-passes', '3', '--new-password-file', self.file('new', 'new'))
        self.assertEqual(sorted(s['kind'] for s in self.slots()), ['fido2', 'password'])

    def test_several_keys(self):
        self.add('first')
        self.plug_in('two')
        self.add('second')
        self.check_touch(asks='two')
        self.plug_in('one')
        self.check_touch(asks='one')
        wait_for(lambda: all(s['used'] for s in self.slots() if s['kind'] == 'fido2'), 'both to be noted')
        self.keyfob('slot', 'remove', 'first', '--password-file', self.file(PASSWORD))
        self.keyfob('lock')
        result = self.keyfob('unlock', '--touch', code=1)
        self.assertOneLine(result.stderr, 'does not open this vault')

    def test_a_wrong_key_and_none(self):
        self.add('my key')
        self.plug_in('two')
        self.keyfob('lock')
        self.assertOneLine(self.keyfob('unlock', '--touch', code=1).stderr, 'does not open this vault')
        self.assertEqual(self.people['two'].questions(), [], 'nobody touches a key in vain')
        self.pull_out()
        self.keyfob('unlock', '--touch', code=1)
        self.assertEqual(self.status(), 'locked')
        self.keyfob('unlock', '--password-file', self.file(PASSWORD))

    def test_a_reason_that_has_no_end(self):
        """What a key, or a TPM, makes the helper say is cut somewhere, and told all the same. Here the helper itself is played."""
        self.add('my key')
        self.sandbox.stop_daemon()
        place = os.path.join(self.sandbox.root, 'place')
        os.mkdir(place)
        self.sandbox.stage = copy.copy(self.sandbox.stage)
        self.sandbox.stage.keyfobd = shutil.copy(self.sandbox.stage.keyfobd, place)
        self.sandbox.write('place/keyfob-helper', LONG_WINDED, mode=0o700)
        self.sandbox.start_daemon()
        self.assertOneLine(self.keyfob('unlock', '--touch', code=8, timeout=60).stderr, 'é' * 200)
        self.keyfob('unlock', '--password-file', self.file(PASSWORD))
        wait_for(lambda: json.loads(self.keyfob('status', '--json').stdout)['counter'] == 'none', 'the TPM to be asked')
        self.assertIn('é' * 200, json.loads(self.keyfob('status', '--json').stdout)['counter_problem'])

    def test_refused_at_the_key_and_here(self):
        self.add('my key')
        self.keyfob('lock')
        self.people['one'].always('deny')
        self.keyfob('unlock', '--touch', code=4)
        self.people['one'].always(None)
        self.assertEqual(len(self.people['one'].questions()), 1)
        unlock = self.sandbox.spawn([self.sandbox.stage.keyfob, 'unlock', '--touch'])
        wait_for(lambda: [q for q in self.person.questions() if q['kind'] == 'show'], 'who touches to be told')
        waiting = self.people['one'].question()
        unlock.terminate()
        unlock.wait(kt.TIMEOUT)
        self.people['one'].gone(waiting)
        self.assertEqual(self.status(), 'locked')

    def test_a_key_that_was_reset(self):
        self.add('my key')
        self.keys['one'].keyfob('authenticator', 'replug')
        self.keys['one'].keyfob('authenticator', 'reset', '--yes')
        self.keyfob('lock')
        self.keyfob('unlock', '--touch', code=1)
        self.keyfob('unlock', '--password-file', self.file(PASSWORD))

    def test_without_any_slot_of_a_key(self):
        self.keyfob('lock')
        unlock = self.sandbox.spawn([self.sandbox.stage.keyfob, 'unlock', '--touch'])
        question = self.person.question()
        self.assertEqual((question['kind'], 'security key' in question['message']), ('secret', False))
        self.person.answer(question, PASSWORD)
        self.assertEqual(unlock.wait(kt.TIMEOUT), 0)

    def test_test_and_rekey(self):
        self.add('my key')
        self.keyfob('slot', 'test', 'my key')
        self.plug_in('two')
        self.keyfob('slot', 'test', 'my key', code=1)
        self.plug_in('one')
        with kb.Client(self.sandbox.socket) as client:
            dropped = client.call(kb.STORE, 'Rekey', 'a{sv}', kb.variants({'secrets': [PASSWORD.encode()]}))[0]
        self.assertEqual(dropped, [])
        self.people['one'].questions()
        self.person.questions()
        self.check_touch()


    def test_a_backup_is_restored_by_a_touch(self):
        """Also where there is no vault, so the backup alone says what to ask the key for."""
        self.add('my key')
        backup = os.path.join(self.sandbox.root, 'backup')
        self.keyfob('backup', backup)
        self.keyfob('set', 'svc', 'me', input='later')
        self.keyfob('restore', '--yes', '--touch', backup)
        self.assertEqual(self.keyfob('get', 'svc', 'me').stdout, b's3cret')
        self.assertEqual(len(self.people['one'].questions()), 1)
        self.sandbox.stop_daemon()
        shutil.rmtree(self.sandbox.vault_dir)
        self.start()
        self.person = Person(self.sandbox)
        self.keyfob('restore', '--touch', backup)
        self.assertEqual(self.keyfob('get', 'svc', 'me').stdout, b's3cret')


class HandOver(Fido2):
    """One assertion by somebody else's program gives the slot key, by what is mirrored alone."""

    def assertion(self, slot, salt, *args):
        request = '\n'.join(base64.b64encode(part).decode() if isinstance(part, bytes) else part
                            for part in (hashlib.sha256(b'challenge').digest(), slot.rp_id, slot.credential, salt)) + '\n'
        result = self.sandbox.run(['fido2-assert', '-G', '-h', *args, '-i', self.file(request, 'request'), fido_bridge.DEVICE],
                                  env={'LD_PRELOAD': fido_bridge.preload(), 'KEYFOB_CTAP_SOCKET': self.plug})
        return base64.b64decode(result.stdout.decode().splitlines()[-1])

    def test_the_same_key(self):
        if not fido_bridge.find('fido2-assert'):
            self.skipTest('fido2-assert is not installed')
        self.add('my key')
        with kb.Client(self.sandbox.socket) as client:
            mirror = login.Mirror(client)
        slot = mirror.of('fido2')
        self.keyfob('lock')
        key = slot.derive(self.assertion(slot, mirror.salt))
        self.assertEqual(login.hand_over(self.sandbox, login.open_frame(slot.id, key[::-1])), (login.WRONG_KEY, 0))
        self.assertEqual(login.hand_over(self.sandbox, login.replace_frame(slot.id, key, b'x')[0]), (login.NOT_ALLOWED, 0))
        self.assertEqual(self.status(), 'locked')
        self.assertEqual(login.hand_over(self.sandbox, login.open_frame(slot.id, key)), (login.DONE, 0))
        self.assertEqual(self.keyfob('get', 'svc', 'me').stdout, b's3cret')
        other = slot.derive(self.assertion(slot, bytes(32)))
        self.assertEqual(login.hand_over(self.sandbox, login.open_frame(slot.id, other)), (login.WRONG_KEY, 0))


class Verified(Fido2):
    def setUp(self):
        super().setUp()
        self.set_pin('one')

    def test_the_pin_is_asked_for(self):
        self.add_verified('my key')
        self.assertTrue([s for s in self.slots() if s['kind'] == 'fido2'][0]['uv'])
        self.keyfob('lock')
        unlock = self.sandbox.spawn([self.sandbox.stage.keyfob, 'unlock', '--touch'])
        question = self.asked()
        self.assertEqual((question['kind'], question['purpose']), ('secret', 'user-verification'))
        self.assertNotIn('error', question)
        self.person.answer(question, '00000000')
        question = self.asked()
        self.assertIn('PIN', question['error'])
        self.person.answer(question, PIN)
        self.assertEqual(unlock.wait(kt.TIMEOUT), 0)
        self.assertEqual(self.keyfob('get', 'svc', 'me').stdout, b's3cret')

    def test_a_mistyped_password_is_never_sent_as_a_pin(self):
        self.add_verified('my key')
        self.keyfob('lock')
        for _ in range(4):
            self.keyfob('unlock', '--password-file', self.file('wrong'), code=6)
        info = json.loads(self.keys['one'].keyfob('authenticator', 'info', '--json').stdout)
        self.assertEqual(info['pin_retries'], 8)

    def test_both_ways_are_different_secrets(self):
        """A slot made without verification is not opened by one with, and the other way round."""
        self.add('touched')
        self.add_verified('verified')
        self.check_touch()
        self.check_touch('--slot', 'touched')
        with kb.Client(self.sandbox.socket) as client:
            mirror = login.Mirror(client)
        uvs = sorted((s.uv, s.rp_id) for s in mirror.slots)
        self.assertEqual(uvs, [(False, 'keyfob'), (True, 'keyfob')])
        self.keyfob('lock')
        unlock = self.sandbox.spawn([self.sandbox.stage.keyfob, 'unlock', '--touch', '--slot', 'verified'])
        self.person.answer(self.asked(), PIN)
        self.assertEqual(unlock.wait(kt.TIMEOUT), 0)

    def test_the_pin_is_asked_for_three_times_and_the_password_opens(self):
        self.add_verified('my key')
        self.keyfob('lock')
        unlock = self.sandbox.spawn([self.sandbox.stage.keyfob, 'unlock', '--touch'])
        for _ in range(3):
            self.person.answer(self.asked(), '00000000')
        self.assertIn(unlock.wait(kt.TIMEOUT), (6, 8))
        info = json.loads(self.keys['one'].keyfob('authenticator', 'info', '--json').stdout)
        self.assertEqual(info['pin_retries'], 5)
        self.assertEqual(self.status(), 'locked')
        self.keyfob('unlock', '--password-file', self.file(PASSWORD))

    def test_a_credential_that_is_there_already(self):
        """As `keyfob pam enroll` adds the one that logs in, and as the PAM module opens by it."""
        self.add('my key')
        with kb.Client(self.sandbox.socket) as client:
            first = login.Mirror(client).of('fido2')
            self.keyfob('slot', 'remove', 'my key', '--password-file', self.file(PASSWORD))
            options = {'kind': 'fido2', 'auth': PASSWORD.encode(), 'rp-id': 'keyfob', 'credential': first.credential}
            client.call(kb.STORE, 'AddSlot', 'a{sv}', kb.variants(options))
            second = login.Mirror(client).of('fido2')
            self.assertEqual((second.credential, second.rp_id, second.uv), (first.credential, 'keyfob', False))
            self.assertNotEqual(second.id, first.id)
            for bad in ({'rp-id': 'other.example'}, {'credential': b'x'}):
                with self.assertRaises(kb.BusError):
                    client.call(kb.STORE, 'AddSlot', 'a{sv}', kb.variants({**options, **bad}))
        self.people['one'].questions()
        self.check_touch()


if __name__ == '__main__':
    kt.main()
