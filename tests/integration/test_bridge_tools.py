#!/usr/bin/python3
"""libfido2's own tools through the bridge: fido2-token, fido2-cred, fido2-assert."""
import base64
import os
import re

import fido_bridge
import keyfob_test as kt
from fido_bridge import DEVICE, PIN

NEW_PIN = '13572468'
RP = 'example.org'
ENTER = r'Enter PIN for keyfob::'


def encode(data):
    return base64.b64encode(data).decode()


def lines(*values):
    return ''.join(value + '\n' for value in values)


class Tools(fido_bridge.BridgeTest):
    programs = ['fido2-token', 'fido2-cred', 'fido2-assert']

    def path(self, name):
        return os.path.join(self.sandbox.root, name)

    def read(self, name):
        with open(self.path(name), encoding='utf-8') as file:
            return file.read()

    def make(self, kind, *options, pin=None, user=b'alice-id'):
        """Makes a credential that fido2-cred verifies; its id. The public key is in the file `key`."""
        source = self.sandbox.write('make', lines(encode(os.urandom(32)), RP, 'alice', encode(user)))
        argv = ['fido2-cred', '-M', *options, '-i', source, '-o', self.path('made'), DEVICE, kind]
        if pin:
            self.on_terminal(argv, (ENTER, pin))
        else:
            self.fido(*argv)
        flags = [option for option in options if option in ('-h', '-v')]
        self.fido('fido2-cred', '-V', *flags, '-i', self.path('made'), '-o', self.path('verified'), kind)
        identifier, key = self.read('verified').split('\n', 1)
        self.sandbox.write('key', key)
        return identifier

    def get(self, kind, *options, identifier=None, salt=None, pin=None, verified=()):
        """Signs in; fido2-assert verifies. The last line of what it said: a signature, or the secret with `salt`."""
        asked = [encode(os.urandom(32)), RP, *([identifier] if identifier else []), *([salt] if salt else [])]
        source = self.sandbox.write('get', lines(*asked))
        argv = ['fido2-assert', '-G', *options, '-i', source, '-o', self.path('got'), DEVICE]
        if pin:
            self.on_terminal(argv, (ENTER, pin))
        else:
            self.fido(*argv)
        said = self.read('got').split()
        checked = self.sandbox.write('check', lines(*(said[:-1] if salt else said[:4])))
        self.fido('fido2-assert', '-V', '-p', *verified, '-i', checked, self.path('key'), kind)
        wrong = self.sandbox.write('wrong', lines(encode(os.urandom(32)), *said[1:4]))
        self.fido('fido2-assert', '-V', '-p', *verified, '-i', wrong, self.path('key'), kind, code=1)
        return said[-1]

    def test_device_is_listed_and_described(self):
        self.assertEqual(self.fido('fido2-token', '-L').stdout.decode().split(' (')[0],
                         'keyfob:: vendor=0x0000, product=0x0000')
        shown = self.fido('fido2-token', '-I', DEVICE).stdout.decode()
        self.assertIn('FIDO_2_1', shown)
        self.assertIn('noclientPin', shown)

    def test_without_a_daemon_the_list_is_as_ever(self):
        self.sandbox.stop_daemon()
        env = {'KEYFOB_CTAP_SOCKET': '/none'}
        plain = self.sandbox.run(['fido2-token', '-L'])
        bridged = self.fido('fido2-token', '-L', env=env)
        self.assertEqual((bridged.stdout, bridged.stderr), (plain.stdout, plain.stderr))
        self.fido('fido2-token', '-I', DEVICE, env=env, code=1)

    def test_pin_is_set_and_changed(self):
        self.on_terminal(['fido2-token', '-S', DEVICE], ('Enter new PIN for keyfob::', PIN), ('same PIN again:', PIN))
        self.assertIn(b' clientPin', self.fido('fido2-token', '-I', DEVICE).stdout)
        change = ('Enter new PIN for keyfob::', NEW_PIN), ('same PIN again:', NEW_PIN)
        said = self.on_terminal(['fido2-token', '-C', DEVICE], ('Enter current PIN for keyfob::', '000000'), *change, code=1)
        self.assertIn(b'FIDO_ERR_PIN_INVALID', said)
        self.on_terminal(['fido2-token', '-C', DEVICE], ('Enter current PIN for keyfob::', PIN), *change)
        said = self.on_terminal(['fido2-token', '-L', '-r', DEVICE], (ENTER, NEW_PIN), code=1)
        self.assertIn(b'FIDO_ERR_NO_CREDENTIALS', said)

    def test_resident_credentials_are_listed_and_deleted(self):
        self.set_pin()
        identifier = self.make('es256', '-r', pin=PIN)
        self.make('eddsa', '-r', pin=PIN, user=b'bob-id')
        said = self.on_terminal(['fido2-token', '-L', '-r', DEVICE], (ENTER, PIN))
        self.assertIn(RP.encode(), said)
        said = self.on_terminal(['fido2-token', '-L', '-k', RP, DEVICE], (ENTER, PIN)).decode()
        self.assertEqual(sorted(re.findall(r'\b(es256|eddsa)\b', said)), ['eddsa', 'es256'])
        self.assertIn(identifier, said)
        said = self.on_terminal(['fido2-token', '-I', '-c', DEVICE], (ENTER, PIN)).decode()
        self.assertIn('existing rk(s): 2', said)
        self.on_terminal(['fido2-token', '-D', '-i', identifier, DEVICE], (ENTER, PIN))
        said = self.on_terminal(['fido2-token', '-L', '-k', RP, DEVICE], (ENTER, PIN)).decode()
        self.assertNotIn(identifier, said)
        self.assertIn(encode(b'bob-id'), said)

    def test_each_algorithm(self):
        for kind in ('es256', 'eddsa'):
            with self.subTest(kind):
                identifier = self.make(kind)
                self.get(kind, '-p', identifier=identifier)

    def test_hmac_secret(self):
        identifier = self.make('es256', '-h')
        salt, other = encode(b's' * 32), encode(b'o' * 32)
        secret = self.get('es256', '-p', '-h', identifier=identifier, salt=salt, verified=['-h'])
        self.assertEqual(len(base64.b64decode(secret)), 32)
        self.assertEqual(self.get('es256', '-p', '-h', identifier=identifier, salt=salt, verified=['-h']), secret)
        self.assertNotEqual(self.get('es256', '-p', '-h', identifier=identifier, salt=other, verified=['-h']), secret)

    def test_verification_by_pin(self):
        self.set_pin()
        identifier = self.make('es256', '-v', pin=PIN)
        self.get('es256', '-p', '-v', identifier=identifier, pin=PIN, verified=['-v'])
        asked = self.sandbox.write('get', lines(encode(bytes(32)), RP, identifier))
        self.on_terminal(['fido2-assert', '-G', '-v', '-i', asked, DEVICE], (ENTER, '000000'), code=1)

    def test_resident_credential_without_its_id(self):
        self.set_pin()
        self.make('eddsa', '-r', pin=PIN)
        self.get('eddsa', '-p', '-r', '-v', pin=PIN, verified=['-v'])

    def test_refused_by_the_person(self):
        self.person.always('deny')
        source = self.sandbox.write('make', lines(encode(bytes(32)), RP, 'alice', encode(b'id')))
        result = self.fido('fido2-cred', '-M', '-i', source, DEVICE, code=1)
        self.assertIn(b'FIDO_ERR_OPERATION_DENIED', result.stderr)
        self.assertEqual(self.person.questions()[0]['program'], 'fido2-cred')

    def test_killed_tool_asks_no_more(self):
        self.person.always(None)
        source = self.sandbox.write('make', lines(encode(bytes(32)), RP, 'alice', encode(b'id')))
        tool = self.sandbox.spawn([self.sandbox.stage.keyfob, 'fido2', '--', 'fido2-cred', '-M', '-i', source, DEVICE])
        question = self.person.question()
        self.assertEqual(question['pid'], tool.pid)  # it took the place of keyfob
        kt.end_process(tool)
        self.person.gone(question)

    def test_daemon_ends_while_a_tool_waits(self):
        self.person.always(None)
        source = self.sandbox.write('make', lines(encode(bytes(32)), RP, 'alice', encode(b'id')))
        tool = self.sandbox.spawn([self.sandbox.stage.keyfob, 'fido2', '--', 'fido2-cred', '-M', '-i', source, DEVICE])
        self.person.question()
        self.sandbox.kill_daemon()
        self.assertEqual(tool.wait(kt.TIMEOUT), 1)
        self.assertIn('FIDO_ERR_RX', self.sandbox.read_log())


if __name__ == '__main__':
    kt.main()
