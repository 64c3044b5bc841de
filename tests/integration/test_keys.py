#!/usr/bin/python3
"""`keyfob key`: a second Keyfob plays another maker's security key, reached by the first one's helper over the bridge."""
import base64
import hashlib
import json
import os
import re
import signal
import unittest

import fido_bridge
import keyfob_test as kt
from person import Person, runs, wait_for
from test_memory import readable, residues, secret

try:
    import fido_key
    from fido2.ctap2 import Ctap2
except ImportError:
    fido_key = None

PIN, OTHER = '24681357', '13572468'
KEY = fido_bridge.DEVICE
PRODUCT = 'security key'


@unittest.skipUnless(fido_key, 'python3-fido2 is missing')
@kt.not_sanitized
class Key(kt.KeyfobTest):
    always = 'allow'  # what the second one's person says

    def setUp(self):
        fido_bridge.skip_unless_built()
        super().setUp()
        self.other = kt.Sandbox()
        self.addCleanup(self._leave_other)
        self.other.use_pinentry(None)
        self.prepare_other()
        self.other.start_daemon()
        self.other.init('pass word')
        self.person = Person(self.other, always=self.always)
        self.sandbox.use_pinentry(None)
        self.sandbox.start_daemon(env={'LD_PRELOAD': fido_bridge.preload(),
                                       'KEYFOB_CTAP_SOCKET': fido_key.socket_path(self.other)})

    def prepare_other(self):
        pass

    def _leave_other(self):
        self.other.close()
        self.other.check_sanitizers()

    def make(self, rp_id='example.org', user='alice', **extensions):
        """A passkey on the key; returns its id. The key has no PIN yet."""
        device = fido_key.open_device(self.other)
        self.addCleanup(device.close)
        answer = Ctap2(device).make_credential(
            hashlib.sha256(b'client data').digest(), {'id': rp_id, 'name': rp_id.title()},
            {'id': user.encode(), 'name': user, 'displayName': user.title()}, [{'type': 'public-key', 'alg': -7}],
            options={'rk': True}, extensions=extensions or None)
        return answer.auth_data.credential_data.credential_id.hex()

    def key(self, *args, **options):
        return self.keyfob('key', *args, **options)

    def pin_file(self, pin, name='pin'):
        return self.sandbox.write(name, pin + '\n')

    def with_pin(self, *args, pin=PIN, **options):
        return self.key(*args, '--pin-file', self.pin_file(pin), **options)

    def set_pin(self, pin=PIN):
        return self.with_pin('pin', 'set', pin=pin)

    def change(self, old, new, code=0):
        return self.key('pin', 'change', '--old-pin-file', self.pin_file(old, 'old'), '--pin-file',
                        self.pin_file(new, 'new'), code=code)

    def json(self, *args, pin=None):
        args = (*args, '--json')
        return json.loads((self.with_pin(*args, pin=pin) if pin else self.key(*args)).stdout)

    def info(self):
        return self.json('info')

    def replug(self):
        """Out and in again, for the second one."""
        self.other.keyfob('authenticator', 'replug')

    def helpers(self):
        """The processes of the first one's helper: itself, and one for each task."""
        found = []
        for pid in filter(str.isdigit, os.listdir('/proc')):
            try:
                with open(f'/proc/{pid}/environ', 'rb') as file:
                    mine = f'XDG_RUNTIME_DIR={self.sandbox.runtime}'.encode() in file.read().split(b'\0')
                with open(f'/proc/{pid}/comm', encoding='utf-8') as file:
                    if mine and file.read().strip() == 'keyfob-helper' and runs(int(pid)):
                        found.append(int(pid))
            except OSError:
                continue
        return found


class Info(Key):
    def test_list(self):
        lines = self.key('list').stdout.decode().splitlines()
        self.assertEqual(lines[0].split(), ['PATH', 'PRODUCT', 'MANUFACTURER', 'SERIAL'])
        self.assertRegex(lines[1], rf'^{KEY} +{PRODUCT} +Keyfob +-$')
        listed = self.json('list')
        self.assertEqual([(key['path'], key['product'], key['manufacturer']) for key in listed],
                         [(KEY, PRODUCT, 'Keyfob')])

    def test_none(self):
        self.other.stop_daemon()
        self.assertEqual(self.key('list').stdout, b'')
        self.assertEqual(self.json('list'), [])
        for command in (['info'], ['reset', '--yes'], ['passkey', 'list']):
            self.assertOneLine(self.key(*command, code=1).stderr, 'no security key is plugged in')

    def test_which_one(self):
        for name in (KEY, PRODUCT):
            self.assertEqual(self.json('info', name)['path'], KEY)
            self.assertEqual(self.json('info', '--key', name)['path'], KEY)
        self.assertOneLine(self.key('info', '/dev/hidraw77', code=1).stderr, '/dev/hidraw77', 'keyfob key list')
        self.assertOneLine(self.key('info', 'x' + 'é' * 40, code=1).stderr, 'xéé', 'keyfob key list')
        self.assertOneLine(self.key('info', 'x' * 2000, code=2).stderr, 'name')

    def test_info_is_that_of_its_own_commands(self):
        mine, own = self.info(), json.loads(self.other.keyfob('authenticator', 'info', '--json').stdout)
        for name in ('pin_set', 'min_pin_length', 'force_pin_change', 'always_uv', 'aaguid', 'versions', 'extensions',
                     'algorithms', 'transports', 'passkeys_left'):
            self.assertEqual(mine[name], own[name], name)
        self.assertIs(mine['options']['clientPin'], False)
        self.assertNotIn('pin_retries', mine)
        self.set_pin()
        self.assertEqual(self.info()['pin_retries'], 8)
        text = self.key('info').stdout.decode()
        ours = self.other.keyfob('authenticator', 'info').stdout.decode()
        for name in ('PIN', 'PIN length', 'AAGUID', 'versions', 'algorithms'):
            line = re.search(rf'^{name}  .*$', ours, re.M).group()
            self.assertIn(line, text)
        self.assertIn('within ten seconds after it was plugged in', text)

    def test_usage(self):
        for args in (['frob'], ['pin'], ['pin', 'frob'], ['blob'], ['passkey', 'show'], ['passkey', 'rename', 'abcd'],
                     ['finger', 'rename', 'x'], ['config'], ['config', '--always-uv', 'perhaps'], ['reset', 'now'],
                     ['config', '--min-pin-length', '99'], ['info', 'a', '--key', 'b'], ['list', 'x']):
            result = self.key(*args, code=2)
            self.assertEqual(result.stdout, b'')


class Pin(Key):
    def test_set_and_change(self):
        self.set_pin()
        self.assertTrue(self.info()['pin_set'])
        self.assertOneLine(self.key('pin', 'set', '--pin-file', self.pin_file(OTHER), code=8).stderr,
                           'keyfob key pin change')
        self.change(PIN, OTHER)
        self.assertOneLine(self.change(PIN, OTHER, code=6).stderr, 'wrong PIN: 7 tries left')
        self.with_pin('passkey', 'list', pin=OTHER)
        self.assertEqual(self.info()['pin_retries'], 8)

    def test_not_allowed_ones(self):
        self.assertOneLine(self.with_pin('pin', 'set', pin='123', code=2).stderr, 'at least 4 characters')
        self.assertOneLine(self.with_pin('pin', 'set', pin='x' * 256, code=2).stderr, '255 bytes')
        self.assertOneLine(self.with_pin('pin', 'set', pin='', code=2).stderr, 'empty')
        self.assertFalse(self.info()['pin_set'])

    def test_none_is_set(self):
        self.assertOneLine(self.key('passkey', 'list', code=1).stderr, 'keyfob key pin set')
        self.assertOneLine(self.change(PIN, OTHER, code=1).stderr, 'keyfob key pin set')

    def test_wrong_ones_until_it_is_blocked(self):
        self.set_pin()
        for left in range(7, 5, -1):
            self.assertOneLine(self.with_pin('passkey', 'list', pin=OTHER, code=6).stderr, f'{left} tries left')
        self.assertOneLine(self.with_pin('passkey', 'list', pin=OTHER, code=6).stderr, 'plug it in again', '5 tries')
        self.assertOneLine(self.with_pin('passkey', 'list', code=6).stderr, 'plug it in again')
        self.replug()
        self.with_pin('passkey', 'list')
        for _ in range(2):
            for _ in range(3):
                self.with_pin('passkey', 'list', pin=OTHER, code=6)
            self.replug()
        self.assertOneLine(self.with_pin('passkey', 'list', pin=OTHER, code=6).stderr, '1 try left')
        self.assertOneLine(self.with_pin('passkey', 'list', pin=OTHER, code=6).stderr, 'keyfob key reset')
        self.replug()
        self.assertOneLine(self.with_pin('passkey', 'list', code=6).stderr, 'keyfob key reset')
        self.assertIn(b'BLOCKED: keyfob key reset', self.key('info').stdout)

    def test_on_a_terminal(self):
        self.set_pin()
        self.with_pin('passkey', 'list', pin=OTHER, code=6)
        terminal = self.sandbox.terminal([self.sandbox.stage.keyfob, 'key', 'pin', 'change'])
        terminal.expect(r'\(7 tries left\): ')
        wait_for(lambda: not terminal.echoes(), 'the terminal to hide what is typed')
        terminal.send(PIN + '\n')
        for _ in range(2):
            terminal.expect(': ')
            wait_for(lambda: not terminal.echoes(), 'the terminal to hide what is typed')
            terminal.send(OTHER + '\n')
        self.assertEqual(terminal.wait(), 0, terminal.output)
        self.with_pin('passkey', 'list', pin=OTHER)

    def test_nobody_to_ask(self):
        self.set_pin()
        self.assertOneLine(self.key('passkey', 'list', code=3).stderr, '--pin-file')

    def test_it_is_on_no_command_line_and_in_no_log(self):
        """While the key holds a call up, because its own vault is locked."""
        pin = 'Geheim-4711-ganz'
        self.set_pin(pin)
        self.other.keyfob('lock')
        self.person.questions()
        self.person.always(None)
        listing = self.sandbox.spawn([self.sandbox.stage.keyfob, 'key', 'passkey', 'list', '--pin-file',
                                      self.pin_file(pin)])
        question = self.person.question()
        wait_for(lambda: len(self.helpers()) == 2, 'the task that found the key to end')
        for pid in filter(str.isdigit, os.listdir('/proc')):
            try:
                with open(f'/proc/{pid}/cmdline', 'rb') as cmdline, open(f'/proc/{pid}/environ', 'rb') as environ:
                    self.assertNotIn(pin.encode(), cmdline.read() + environ.read())
            except OSError:
                continue
        self.person.answer(question, 'pass word')
        self.assertEqual(listing.wait(kt.TIMEOUT), 0)
        self.person.always('pass word')
        self.with_pin('passkey', 'list', pin=pin + 'x', code=6)
        self.assertNotIn(pin, self.sandbox.read_log() + self.other.read_log())

    def test_it_does_not_stay_in_memory(self):
        why = readable(self.sandbox.daemon.pid)
        if why:
            self.skipTest(f'the memory of keyfobd cannot be read here: {why}')
        one, two, wrong, blob = (secret(name)[:60] for name in ('one', 'two', 'wrong', 'blob'))
        passkey = self.make(largeBlobKey=True)[:8]
        self.set_pin(one.decode())
        self.with_pin('passkey', 'list', pin=wrong.decode(), code=6)
        self.change(one.decode(), two.decode())
        self.with_pin('blob', 'set', passkey, pin=two.decode(), input=blob)
        self.assertEqual(self.with_pin('blob', 'get', passkey, pin=two.decode()).stdout, blob)
        self.key('list')  # an answer goes out before its packet is wiped: both have done that when they answer again
        wait_for(lambda: len(self.helpers()) == 1, 'the last task to end')
        pids = [self.sandbox.daemon.pid, *self.helpers()]
        self.assertEqual(len(pids), 2)
        for pid in pids:
            found = residues(pid, [one, two, wrong, blob])
            self.assertEqual(found, {})


class Passkeys(Key):
    def setUp(self):
        super().setUp()
        self.alice = self.make()
        self.bob = self.make('example.com', 'bob', largeBlobKey=True)
        self.set_pin()

    def list(self):
        return {p['id']: p for p in self.json('passkey', 'list', pin=PIN)}

    def test_list_and_show(self):
        listed = self.list()
        self.assertEqual(set(listed), {self.alice, self.bob})
        own = {p['id']: p for p in json.loads(self.other.keyfob('passkey', 'list', '--json').stdout)}
        for name in ('rp_id', 'user_name', 'user_display_name', 'user_id', 'algorithm', 'algorithm_name', 'protection',
                     'discoverable'):
            for key in own:
                self.assertEqual(listed[key][name], own[key][name], name)
        text = self.with_pin('passkey', 'list').stdout.decode().splitlines()
        ours = self.other.keyfob('passkey', 'list').stdout.decode().splitlines()
        self.assertEqual(text[0].split(), ours[0].split())
        self.assertEqual(len(self.json('passkey', 'list', 'example.com', pin=PIN)), 1)
        self.assertOneLine(self.with_pin('passkey', 'list', 'example.net', code=1).stderr, 'example.net')
        shown = self.with_pin('passkey', 'show', self.alice[:8]).stdout.decode()
        for line in ('alice', 'example.org', 'ES256', 'it never leaves this key'):
            self.assertIn(line, shown)
        self.assertEqual(self.json('passkey', 'show', self.bob[:8], pin=PIN)['user_name'], 'bob')

    def test_rename(self):
        self.with_pin('passkey', 'rename', self.alice[:8], '--name', 'älice')
        self.assertEqual(self.list()[self.alice]['user_name'], 'älice')
        self.assertEqual(self.list()[self.alice]['user_display_name'], 'Alice')
        self.with_pin('passkey', 'rename', self.alice[:8], '--display-name', 'Alice B.')
        self.assertEqual(self.list()[self.alice]['user_name'], 'älice')
        self.assertEqual(self.list()[self.alice]['user_display_name'], 'Alice B.')
        self.with_pin('passkey', 'rename', 'ffffffff', '--name', 'x', code=1)

    def test_delete(self):
        self.assertOneLine(self.with_pin('passkey', 'delete', self.alice[:8], code=3).stderr, '--yes')
        self.assertEqual(self.with_pin('passkey', 'delete', self.alice[:8], '--yes').stdout,
                         b'Deleted example.org, alice\n')
        self.assertEqual(set(self.list()), {self.bob})
        self.with_pin('passkey', 'delete', self.alice[:8], '--yes', code=1)

    def test_no_to_the_question(self):
        terminal = self.sandbox.terminal([self.sandbox.stage.keyfob, 'key', 'passkey', 'delete', self.bob[:8],
                                          '--pin-file', self.pin_file(PIN)])
        terminal.expect(r'Delete the passkey of example.com, bob\?.*\[y/N\]')
        terminal.send('n\n')
        self.assertEqual(terminal.wait(), 4)
        self.assertIn(self.bob, self.list())

    def test_large_blobs(self):
        blob = bytes(range(256)) * 3 + b'end'
        self.assertOneLine(self.with_pin('blob', 'get', self.bob[:8], code=1).stderr, 'has no blob')
        self.with_pin('blob', 'set', self.bob[:8], input=blob)
        self.assertEqual(self.with_pin('blob', 'get', self.bob[:8]).stdout, blob)
        for size in range(20, 29):  # whatever the padding
            self.with_pin('blob', 'set', self.bob[:8], input=blob[:size])
            self.assertEqual(self.with_pin('blob', 'get', self.bob[:8]).stdout, blob[:size])
        answer = json.loads(self.with_pin('blob', 'get', self.bob[:8], '--json').stdout)
        self.assertEqual(answer, {'blob_base64': base64.b64encode(blob[:size]).decode()})
        self.with_pin('blob', 'delete', self.bob[:8], '--yes')
        self.with_pin('blob', 'get', self.bob[:8], code=1)

    def test_blobs_that_do_not_fit(self):
        self.assertOneLine(self.with_pin('blob', 'set', self.bob[:8], input=b'', code=2).stderr, 'empty')
        self.assertOneLine(self.with_pin('blob', 'set', self.bob[:8], input=os.urandom(60001), code=2).stderr, '60000')
        short = self.with_pin('blob', 'set', self.bob[:8], input=b'x', code=None)  # not by libfido2 1.12
        self.assertIn((short.returncode, b'less than 16 bytes' in short.stderr), [(0, False), (2, True)])
        self.assertOneLine(self.with_pin('blob', 'set', self.bob[:8], input=os.urandom(60000), code=8).stderr, 'no room')
        self.assertOneLine(self.with_pin('blob', 'set', self.alice[:8], input=b'x', code=8).stderr, 'can have no blob')


class Config(Key):
    def test_settings(self):
        self.set_pin()
        self.with_pin('config', '--always-uv', 'yes')
        self.assertIs(self.info()['always_uv'], True)
        self.with_pin('config', '--always-uv', 'yes')
        self.assertIs(self.info()['always_uv'], True)
        self.with_pin('config', '--always-uv', 'no')
        self.assertIs(self.info()['always_uv'], False)
        self.assertOneLine(self.with_pin('config', '--min-pin-length', '6', '--force-pin-change', pin=OTHER, code=6).stderr,
                           'wrong PIN')
        self.with_pin('config', '--min-pin-length', '6', '--force-pin-change')
        self.assertEqual((self.info()['min_pin_length'], self.info()['force_pin_change']), (6, True))
        self.assertOneLine(self.with_pin('passkey', 'list', code=4).stderr, 'keyfob key pin change')
        self.assertOneLine(self.change(PIN, '12345', code=2).stderr, 'at least 6')
        self.change(PIN, OTHER)
        self.assertOneLine(self.with_pin('config', '--min-pin-length', '5', pin=OTHER, code=4).stderr, 'only grows')

    def test_a_longer_pin_is_wanted_and_a_new_one(self):
        """The first has the key want a new PIN already, and then it takes no more orders by the old one."""
        self.set_pin()
        self.with_pin('config', '--min-pin-length', '10', '--force-pin-change')
        self.assertEqual((self.info()['min_pin_length'], self.info()['force_pin_change']), (10, True))
        self.change(PIN, OTHER + '00')
        self.with_pin('config', '--min-pin-length', '11', pin=OTHER + '00')
        self.assertIs(self.info()['force_pin_change'], True)


class Reset(Key):
    def test_in_its_window_only(self):
        self.make()
        self.set_pin()
        self.replug()
        result = self.key('reset', '--yes')
        self.assertEqual(result.stdout, b'Reset.\n')
        self.assertOneLine(result.stderr, 'touch your key')
        self.assertFalse(self.info()['pin_set'])
        self.assertEqual(json.loads(self.other.keyfob('passkey', 'list', '--json').stdout), [])
        wait_for(lambda: json.loads(self.other.keyfob('authenticator', 'info', '--json').stdout)['reset_window_ms'] == 0,
                 'the time for a reset to be over')
        self.assertOneLine(self.key('reset', '--yes', code=4).stderr.split(b'\n', 1)[1], 'unplug the key', '10 seconds')

    def test_a_question_and_a_no_at_the_key(self):
        self.assertOneLine(self.key('reset', code=3).stderr, '--yes')
        terminal = self.sandbox.terminal([self.sandbox.stage.keyfob, 'key', 'reset'])
        terminal.expect(r'Reset the key\?.*\[y/N\]')
        terminal.send('\n')
        self.assertEqual(terminal.wait(), 4)
        self.replug()
        self.person.always('deny')
        self.assertOneLine(self.key('reset', '--yes', code=4).stderr.split(b'\n', 1)[1], 'refused')


class Ends(Key):
    """What is under way when something ends."""
    always = None

    def begin(self):
        """A reset that waits for its touch: the process, and the question of the second one."""
        self.person.always('allow')
        self.replug()
        self.person.questions()
        self.person.always(None)
        process = self.sandbox.spawn([self.sandbox.stage.keyfob, 'key', 'reset', '--yes'])
        question = self.person.question()
        wait_for(lambda: len(self.helpers()) == 2, 'the task that found the key to end')
        return process, question

    def test_the_caller_leaves(self):
        process, question = self.begin()
        process.send_signal(signal.SIGINT)
        process.wait(kt.TIMEOUT)
        self.person.gone(question)
        wait_for(lambda: len(self.helpers()) == 1, 'the task to end')
        self.assertFalse(self.info()['pin_set'])

    def test_the_daemon_ends(self):
        process, question = self.begin()
        self.sandbox.stop_daemon()
        self.person.gone(question)
        self.assertEqual(process.wait(kt.TIMEOUT), 5)
        wait_for(lambda: not self.helpers(), 'the helper to end')

    def test_the_daemon_is_killed(self):
        process, question = self.begin()
        self.sandbox.kill_daemon()
        self.person.gone(question)
        self.assertEqual(process.wait(kt.TIMEOUT), 5)
        wait_for(lambda: not self.helpers(), 'the helper to end')

    def test_the_key_is_pulled_out(self):
        process, _question = self.begin()
        self.other.kill_daemon()
        self.assertEqual(process.wait(kt.TIMEOUT), 8)
        self.assertIn('unplugged', self.sandbox.read_log())
        self.assertEqual(self.json('list'), [])

    def test_one_at_a_time(self):
        process, question = self.begin()
        for command in (['info'], ['reset', '--yes'], ['passkey', 'list', '--pin-file', self.pin_file(PIN)]):
            self.assertOneLine(self.key(*command, code=8).stderr, 'let it end first')
        self.assertEqual(len(self.json('list')), 1)
        self.person.answer(question, 'allow')
        self.assertEqual(process.wait(kt.TIMEOUT), 0)
        self.info()


if __name__ == '__main__':
    kt.main()
