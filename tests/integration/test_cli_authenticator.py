#!/usr/bin/python3
"""`keyfob authenticator` and `keyfob passkey`: the security key as its owner manages it."""
import hashlib
import json
import os
import re
import threading
import time
import unittest
import uuid

import keyfob_test as kt

try:
    import fido_key
    from fido2.ctap import CtapError
    from fido2.ctap2 import Ctap2
    from fido2.ctap2.pin import ClientPin
except ImportError:
    fido_key = None

PIN, OTHER = '24681357', '13572468'
WINDOW = 10  # seconds after a replug in which it can be reset
HOSTILE = 'red\x1b[31m\x07 \x9b1m alert'


@unittest.skipUnless(fido_key, 'python3-fido2 is missing')
class Key(kt.KeyfobTest):
    def setUp(self):
        super().setUp()
        self.sandbox.use_pinentry(None)
        self.sandbox.start_daemon()
        self.password = self.sandbox.write('password', 'pass word')
        self.sandbox.init('pass word')
        self.device = None

    def person(self, script=None):
        return fido_key.start_person(self.sandbox, *([script] if script else []))

    def ctap(self):
        if self.device:
            self.device.close()
        self.device = fido_key.open_device(self.sandbox)
        self.addCleanup(self.device.close)
        return Ctap2(self.device)

    def make(self, rp_id='example.org', user='alice', resident=True, algorithm=-7, display_name='Alice', **extensions):
        """A passkey; returns its id."""
        answer = self.ctap().make_credential(
            hashlib.sha256(b'client data').digest(), {'id': rp_id, 'name': rp_id.title()},
            {'id': user.encode()[:64], 'name': user, 'displayName': display_name},
            [{'type': 'public-key', 'alg': algorithm}], options={'rk': resident}, extensions=extensions or None)
        return answer.auth_data.credential_data.credential_id.hex()

    def authenticator(self, *args, **options):
        return self.keyfob('authenticator', *args, **options)

    def passkey(self, *args, **options):
        return self.keyfob('passkey', *args, **options)

    def json(self, *args, code=0):
        return json.loads(self.keyfob(*args, '--json', code=code).stdout)

    def info(self):
        return self.json('authenticator', 'info')

    def pin_file(self, pin, name='pin'):
        return self.sandbox.write(name, pin + '\n')

    def set_pin(self, pin=PIN):
        self.authenticator('pin', 'set', '--pin-file', self.pin_file(pin))

    def change(self, old, new, code=0):
        return self.authenticator('pin', 'change', '--old-pin-file', self.pin_file(old, 'old'), '--pin-file',
                                  self.pin_file(new, 'new'), code=code)

    def assertPin(self, pin):
        """The key takes this PIN from any client."""
        self.assertTrue(ClientPin(self.ctap()).get_pin_token(pin, ClientPin.PERMISSION.GET_ASSERTION, 'example.org'))

    def terminal(self, *args):
        return self.sandbox.terminal([self.sandbox.stage.keyfob, *args])


class Info(Key):
    def test_what_it_can_do(self):
        info = self.info()
        self.assertEqual((info['pin_set'], info['passkeys'], info['locked']), (False, 0, False))
        self.assertEqual(info['ctap_socket'], fido_key.socket_path(self.sandbox))
        own = self.ctap().get_info()
        self.assertEqual(info['aaguid'], str(uuid.UUID(bytes=bytes(own.aaguid))))
        self.assertEqual(info['versions'], own.versions)
        self.assertEqual(info['extensions'], own.extensions)
        self.assertEqual(info['algorithms'], [a['alg'] for a in own.algorithms])
        text = self.authenticator('info').stdout.decode()
        self.assertRegex(text, r'PIN +no PIN')
        self.assertRegex(text, r'algorithms +ES256, ')
        self.assertEqual(self.authenticator().stdout.decode(), text)

    def test_the_pin_and_its_tries(self):
        self.set_pin()
        self.assertIn(b'PIN set, 8 tries left', self.authenticator('info').stdout)
        self.keyfob('lock')
        self.assertNotIn('pin_retries', self.info())
        self.assertTrue(self.info()['pin_set'])
        self.assertIn(b'locked', self.authenticator('info').stdout)

    def test_status_and_diagnose_show_it(self):
        self.person()
        self.make()
        text = self.keyfob('status').stdout.decode()
        self.assertRegex(text, r'security key +no PIN; 1 passkey; ' + re.escape(fido_key.socket_path(self.sandbox)))
        self.assertEqual(self.json('status')['authenticator']['passkeys'], 1)
        socket = self.json('diagnose')['ctap_socket']
        self.assertEqual((socket['path'], socket['type'], socket['mode']), (fido_key.socket_path(self.sandbox), 'socket', '0600'))
        self.assertRegex(socket['init'], '^answers: CTAPHID 2,')
        self.sandbox.stop_daemon()
        self.assertNotIn('answers', self.json('diagnose')['ctap_socket']['init'])

    def test_usage(self):
        for args in (('authenticator', 'nonsense'), ('authenticator', 'info', 'x'), ('authenticator', 'pin'),
                     ('authenticator', 'pin', 'nonsense'), ('authenticator', 'pin', 'set', PIN), ('authenticator', 'reset', 'x'),
                     ('authenticator', 'replug', 'x'), ('authenticator', 'pin', 'set', '--pin-fd', 'x'),
                     ('authenticator', 'pin', 'set', '--old-pin-file', '/dev/null'), ('passkey', 'nonsense'),
                     ('passkey', 'list', 'a', 'b'), ('passkey', 'show'), ('passkey', 'rename'), ('passkey', 'delete'),
                     ('passkey', 'rename', 'abcd'), ('passkey', 'show', 'abc'), ('passkey', 'show', 'wxyz'),
                     ('passkey', 'undelete', '1', '2'), ('passkey', 'undelete', '1', '--password-fd', 'x'),
                     ('passkey', 'list', '--password-file', '/dev/null')):
            with self.subTest(args):
                self.keyfob(*args, code=2)


class Pin(Key):
    def test_set_change_and_use(self):
        self.set_pin()
        self.assertPin(PIN)
        result = self.authenticator('pin', 'set', '--pin-file', self.pin_file(OTHER), code=8)
        self.assertOneLine(result.stderr, 'pin change')
        self.change(PIN, OTHER)
        self.assertPin(OTHER)

    def test_from_a_descriptor_and_from_stdin(self):
        self.authenticator('pin', 'set', '--pin-file', '-', input=PIN + '\n')
        reader, writer = os.pipe()
        os.write(writer, OTHER.encode())
        os.close(writer)
        self.authenticator('pin', 'change', '--old-pin-file', '-', '--pin-fd', str(reader), input=PIN, pass_fds=(reader,))
        os.close(reader)
        self.assertPin(OTHER)

    def test_on_a_terminal(self):
        terminal = self.terminal('authenticator', 'pin', 'set')
        for _ in range(2):
            terminal.expect(r': ?$')
            self.assertFalse(terminal.echoes())
            terminal.send(PIN + '\n')
        self.assertEqual(terminal.wait(), 0, terminal.output)
        self.assertNotIn(PIN.encode(), terminal.output)
        # there is one: nobody is asked for another
        terminal = self.terminal('authenticator', 'pin', 'set')
        self.assertEqual(terminal.wait(), 8, terminal.output)
        terminal = self.terminal('authenticator', 'pin', 'change')
        for answer in (PIN, OTHER, OTHER):
            terminal.expect(r': ?$')
            terminal.send(answer + '\n')
        self.assertEqual(terminal.wait(), 0, terminal.output)
        self.assertPin(OTHER)

    def test_nobody_to_ask(self):
        self.assertOneLine(self.authenticator('pin', 'set', code=3).stderr, '--pin-file')
        self.assertOneLine(self.authenticator('pin', 'change', code=3).stderr, '--old-pin-file')
        self.assertOneLine(self.authenticator('pin', 'reset', '--password-file', self.password, code=3).stderr, '--pin-file')
        self.assertOneLine(self.authenticator('pin', 'reset', '--pin-file', self.pin_file(PIN), code=3).stderr,
                           '--password-file')

    def test_one_that_is_too_short(self):
        self.assertOneLine(self.authenticator('pin', 'set', '--pin-file', self.pin_file('123'), code=2).stderr, 'PIN')
        self.assertFalse(self.info()['pin_set'])
        self.assertOneLine(self.authenticator('pin', 'set', '--pin-file', self.pin_file('x' * 64), code=2).stderr, 'PIN')

    def test_none_to_change(self):
        self.assertOneLine(self.change(PIN, OTHER, code=1).stderr, 'pin set')

    def test_wrong_ones_and_the_way_out(self):
        self.set_pin()
        self.assertOneLine(self.change(OTHER, PIN, code=6).stderr, '7 tries left')
        self.assertOneLine(self.change(OTHER, PIN, code=6).stderr, '6 tries left')
        for old in (OTHER, PIN):
            self.assertOneLine(self.change(old, PIN, code=6).stderr, 'keyfob authenticator replug')
        self.assertIn(b'replug', self.authenticator('info').stdout)
        self.person()
        self.authenticator('replug')
        self.change(PIN, OTHER)
        self.assertEqual(self.info()['pin_retries'], 8)

    def test_blocked_until_reset_by_the_vault_s_password(self):
        self.set_pin()
        self.person()
        for _ in range(3):
            for _ in range(3):
                result = self.change(OTHER, PIN, code=6)
            self.authenticator('replug')
        self.assertOneLine(self.change(PIN, OTHER, code=6).stderr, 'keyfob authenticator pin reset')
        self.assertIn(b'PIN BLOCKED', self.authenticator('info').stdout)
        self.assertEqual(self.info()['pin_retries'], 0)
        result = self.authenticator('pin', 'reset', '--pin-file', self.pin_file(OTHER), '--password-file',
                                    self.sandbox.write('wrong', 'wrong'), code=6)
        self.assertOneLine(result.stderr)
        self.authenticator('pin', 'reset', '--pin-file', self.pin_file(OTHER), '--password-file', self.password)
        self.assertEqual(self.info()['pin_retries'], 8)
        self.change(OTHER, PIN)

    def test_reset_on_a_terminal_asks_for_the_vault_s_password(self):
        self.set_pin()
        terminal = self.terminal('authenticator', 'pin', 'reset')
        for answer in (OTHER, OTHER, 'pass word'):
            terminal.expect(r': ?$')
            self.assertFalse(terminal.echoes())
            terminal.send(answer + '\n')
        self.assertEqual(terminal.wait(), 0, terminal.output)
        self.assertPin(OTHER)


class Reset(Key):
    def setUp(self):
        super().setUp()
        self.set_pin()

    def plugged_in_anew(self, replug, then, code=0):
        """What `then` gives soon after `replug`, which has this exit code; once more where a slow machine was too late for it."""
        while True:
            began = time.monotonic()
            replug()
            result = then()
            got = result if isinstance(result, int) else result.returncode
            if got == code or time.monotonic() - began < WINDOW:
                self.assertEqual(got, code)
                return result

    def reset_anew(self, *args):
        return self.plugged_in_anew(lambda: self.authenticator('replug'), lambda: self.authenticator('reset', *args, code=None))

    def test_it_follows_replug(self):
        result = self.authenticator('reset', '--yes', code=4)
        self.assertOneLine(result.stderr, 'keyfob authenticator replug')
        self.person()
        id = self.make_with_pin()
        began = time.monotonic()
        self.assertIn(b'ten seconds', self.authenticator('replug').stdout)
        window = self.info()['reset_window_ms']
        self.assertTrue(window > 0 or time.monotonic() - began >= WINDOW)
        self.assertIn(b'undelete', self.reset_anew('--yes').stdout)
        self.assertEqual((self.info()['pin_set'], self.info()['passkeys']), (False, 0))
        self.assertEqual(self.json('passkey', 'list'), [])
        # Under a PIN that is gone: a confirmation does not bring it back, the vault's password does.
        self.passkey('undelete', id[:8], code=6)
        terminal = self.terminal('passkey', 'undelete', id[:8])
        terminal.expect(r'[Pp]assword: ?$')
        self.assertFalse(terminal.echoes())
        terminal.send('pass word\n')
        self.assertEqual(terminal.wait(), 0, terminal.output)
        self.assertEqual([p['id'] for p in self.json('passkey', 'list')], [id])

    def test_a_script_restores_with_the_vault_s_password(self):
        person = self.person()
        ids = [self.make_with_pin(f'{name}.example') for name in ('one', 'two', 'three')]
        self.reset_anew('--yes')
        kt.end_process(person)
        self.assertOneLine(self.passkey('undelete', ids[0], code=3).stderr, '--password-file')
        wrong = self.sandbox.write('wrong', 'wrong')
        self.assertOneLine(self.passkey('undelete', ids[0], '--password-file', wrong, code=6).stderr)
        self.assertEqual(self.json('passkey', 'list'), [])
        self.assertIn(b'one.example', self.passkey('undelete', ids[0], '--password-file', self.password).stdout)
        reader, writer = os.pipe()
        os.write(writer, b'pass word')
        os.close(writer)
        self.passkey('undelete', ids[1], '--password-fd', str(reader), pass_fds=(reader,))
        os.close(reader)
        # in a locked vault too
        self.keyfob('lock')
        self.passkey('undelete', ids[2], '--password-file', wrong, code=6)
        self.assertTrue(self.info()['locked'])
        self.passkey('undelete', ids[2], '--password-file', '-', input='pass word\n')
        self.assertEqual({p['id'] for p in self.json('passkey', 'list')}, set(ids))
        self.keyfob('lock')
        self.assertEqual(self.json('passkey', 'undelete', '--password-file', self.password), [])

    def make_with_pin(self, rp_id='example.org'):
        ctap = self.ctap()
        pin = ClientPin(ctap)
        hash = hashlib.sha256(b'client data').digest()
        token = pin.get_pin_token(PIN, ClientPin.PERMISSION.MAKE_CREDENTIAL, rp_id)
        answer = ctap.make_credential(hash, {'id': rp_id}, {'id': b'1', 'name': 'alice'},
                                      [{'type': 'public-key', 'alg': -7}], options={'rk': True},
                                      pin_uv_param=pin.protocol.authenticate(token, hash), pin_uv_protocol=pin.protocol.VERSION)
        return answer.auth_data.credential_data.credential_id.hex()

    def test_in_a_locked_vault_the_session_is_asked_for_the_password(self):
        self.person('#!/bin/sh\ncat > /dev/null\necho "pass word"\n')
        for args in (('--yes',), ()):
            self.keyfob('lock')
            self.reset_anew(*args)
            self.assertEqual((self.info()['pin_set'], self.info()['locked']), (False, False))

    def test_in_a_locked_vault_with_nobody_to_ask(self):
        person = self.person()
        self.authenticator('replug')
        kt.end_process(person)
        self.keyfob('lock')
        self.assertOneLine(self.authenticator('reset', '--yes', code=3).stderr, 'locked', 'keyfob unlock')
        self.assertTrue(self.info()['pin_set'])

    def test_replug_ends_connections(self):
        self.person()
        ctap = self.ctap()
        ctap.get_info()
        self.authenticator('replug')
        with self.assertRaises(Exception):
            ctap.get_info()
        self.ctap().get_info()

    def test_on_a_terminal(self):
        def answered(command, question, answer):
            terminal = self.terminal('authenticator', command)
            if terminal.expect(question + r'.*\[y/N\] $|not allowed now').group() == b'not allowed now':
                return -1  # nobody was asked
            terminal.send(answer + '\n')
            return terminal.wait()

        def replug():
            self.assertEqual(answered('replug', '', 'y'), 0)

        self.assertEqual(answered('replug', '', 'n'), 4)
        for answer, code in (('n', 4), ('y', 0)):
            self.plugged_in_anew(replug, lambda answer=answer: answered('reset', 'passkey undelete', answer), code)
            self.assertEqual(self.info()['pin_set'], code != 0)

    def test_a_person_who_says_no(self):
        self.person('#!/bin/sh\nexit 1\n')
        self.authenticator('replug', code=4)
        self.assertEqual(self.info()['reset_window_ms'], 0)

    def test_nobody_to_ask(self):
        self.assertOneLine(self.authenticator('replug', code=3).stderr, 'prompt-agent')


class Passkeys(Key):
    def setUp(self):
        super().setUp()
        self.person_process = self.person()

    def test_list(self):
        self.assertEqual(self.passkey('list').stdout, b'')
        first = self.make()
        second = self.make('example.net', 'bob', resident=False, algorithm=-8)
        passkeys = self.json('passkey', 'list')
        self.assertEqual([p['id'] for p in passkeys], [second, first])
        for passkey, values in zip(passkeys, (('example.net', 'bob', False, -8, 'EdDSA'),
                                              ('example.org', 'alice', True, -7, 'ES256'))):
            self.assertEqual((passkey['rp_id'], passkey['user_name'], passkey['discoverable'], passkey['algorithm'],
                              passkey['algorithm_name']), values)
            self.assertLess(abs(passkey['created'] - time.time()), 600)
        self.assertEqual([p['id'] for p in self.json('passkey', 'list', 'example.org')], [first])
        self.assertEqual(self.passkey('list', 'example.com', code=1).stdout, b'')
        self.assertEqual(self.json('passkey', 'list', 'example.com', code=1), [])
        lines = self.passkey('list').stdout.decode().splitlines()
        self.assertEqual(len(lines), 3)
        self.assertRegex(lines[1], rf'^{second[:16]} +example\.net +bob +second factor ')
        self.assertRegex(lines[2], rf'^{first[:16]} +example\.org +alice +passkey ')

    def test_show(self):
        id = self.make(credProtect=2)
        text = self.passkey('show', id[:4]).stdout.decode()
        for pattern in (rf'id +{id}', 'site +example.org', 'site name +Example.Org', 'user +alice', 'display name +Alice',
                        f'user id +{b"alice".hex()}', 'kind +passkey', 'algorithm +ES256', 'protection +user verification is opt',
                        r'created +\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ'):
            self.assertRegex(text, rf'(?m)^{pattern}')
        self.assertEqual(self.json('passkey', 'show', id)['protection'], 2)
        self.assertEqual(self.json('passkey', 'show', id.upper())['id'], id)
        self.assertOneLine(self.passkey('show', 'f' * 64, code=1).stderr, 'f' * 64)
        self.passkey('show', id + '00', code=1)

    def test_rename(self):
        id = self.make()
        self.passkey('rename', id[:6], '--name', 'alice@example.org')
        passkey = self.json('passkey', 'show', id)
        self.assertEqual((passkey['user_name'], passkey['user_display_name']), ('alice@example.org', 'Alice'))
        self.passkey('rename', id[:6], '--display-name', 'Älice')
        passkey = self.json('passkey', 'show', id)
        self.assertEqual((passkey['user_name'], passkey['user_display_name']), ('alice@example.org', 'Älice'))
        self.passkey('rename', '0' * 64, '--name', 'x', code=1)

    def test_delete_and_undelete(self):
        id, other = self.make(), self.make('example.net')
        self.assertIn(b'example.org, alice', self.passkey('delete', id[:10]).stdout)
        self.assertEqual([p['id'] for p in self.json('passkey', 'list')], [other])
        self.passkey('delete', id, code=1)
        entry, = self.json('passkey', 'list', '--deleted')
        self.assertEqual((entry['id'], entry['rp_id']), (id, 'example.org'))
        self.assertLess(abs(entry['removed'] - time.time()), 600)
        self.assertEqual(self.json('passkey', 'undelete'), [entry])
        line = self.passkey('undelete').stdout.decode().splitlines()[1]
        self.assertRegex(line, rf'^{entry["number"]} +example\.org +alice .*{id[:16]}$')
        self.assertIn(b'example.org, alice', self.passkey('undelete', str(entry['number'])).stdout)
        self.assertEqual({p['id'] for p in self.json('passkey', 'list')}, {id, other})
        self.assertEqual(self.json('passkey', 'undelete'), [])
        self.assertOneLine(self.passkey('undelete', '999', code=1).stderr, '--deleted')
        self.assertOneLine(self.passkey('undelete', id, code=1).stderr)

    def test_a_restored_one_signs_in(self):
        id = self.make()
        request = ('example.org', hashlib.sha256(b'client data').digest(), [{'type': 'public-key', 'id': bytes.fromhex(id)}])
        self.passkey('delete', id)
        with self.assertRaises(CtapError):
            self.ctap().get_assertion(*request)
        self.passkey('undelete', id[:8])
        self.assertEqual(self.ctap().get_assertion(*request).credential['id'].hex(), id)

    def test_what_others_wrote_is_cleaned(self):
        id = self.make(user=HOSTILE, display_name=HOSTILE)
        for args in (('list',), ('show', id), ('delete', id), ('undelete',), ('undelete', id)):
            terminal = self.terminal('passkey', *args)
            self.assertEqual(terminal.wait(), 0, terminal.output)
            self.assertIn(b'red', terminal.output)
            for control in (b'\x1b', b'\x07', '\x9b'.encode()):
                self.assertNotIn(control, terminal.output)

    def test_a_locked_vault(self):
        self.make()
        self.keyfob('lock')
        kt.end_process(self.person_process)  # nobody answers any more
        self.assertOneLine(self.passkey('list', code=3).stderr, 'locked', 'keyfob unlock')
        terminal = self.terminal('passkey', 'list')
        terminal.expect(r': ?$')
        terminal.send('pass word\n')
        self.assertEqual(terminal.wait(), 0, terminal.output)
        self.assertIn(b'example.org', terminal.output)


class Questions(Key):
    """What a prompter is told about a use of the security key."""

    def test_the_site_and_the_account(self):
        script = self.sandbox.root + '/question'
        self.person(f'#!/bin/sh\ncat > {script}\n')
        self.make()
        with open(script, encoding='utf-8') as file:
            question = json.load(file)
        self.assertEqual((question['kind'], question['purpose'], question['rp_id'], question['user']),
                         ('confirm', 'user-presence', 'example.org', 'alice'))
        self.assertEqual(question['pid'], os.getpid())

    def test_on_the_agent_s_terminal(self):
        agent = self.terminal('prompt-agent')
        agent.expect('ready')
        made = []
        thread = threading.Thread(target=lambda: made.append(self.make()))
        thread.start()
        agent.expect(r'example\.org.*alice.*\[y/N\] $')
        agent.send('y\n')
        thread.join(30)
        self.assertEqual(len(made), 1)


if __name__ == '__main__':
    kt.main()
