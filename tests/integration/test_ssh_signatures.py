#!/usr/bin/python3
"""What else OpenSSH's keys are for: signed files, git's commits, and attestation that somebody else checks."""
import base64
import hashlib
import os
import struct
import unittest

import keyfob_test as kt
import ssh_provider
from ssh_provider import KINDS, PIN

try:
    from fido2 import cbor
    try:
        from fido2.webauthn import AuthenticatorData
    except ImportError:  # before version 1
        from fido2.ctap2 import AuthenticatorData
except ImportError:
    cbor = None


class Files(ssh_provider.ProviderTest):
    programs = ['ssh-keygen', 'ssh-sk-helper']

    def verify(self, key, text, code=0, *options):
        allowed = self.sandbox.write('allowed', f'alice@example.org {key}')
        return self.sandbox.run(['ssh-keygen', '-Y', 'verify', '-f', allowed, '-I', 'alice@example.org', '-n', 'file',
                                 '-s', self.path('text.sig'), *options], input=text, code=code)

    def sign(self, name, text):
        self.sandbox.write('text', text)
        self.sandbox.run(['ssh-keygen', '-q', '-Y', 'sign', '-f', self.path(name), '-n', 'file', self.path('text')])

    def test_sign_and_verify(self):
        self.someone()
        for kind in KINDS:
            key = self.keygen(kind, kind)
            self.sign(kind, 'a text')
            self.verify(key, 'a text')
            self.verify(key, 'another text', code=255)
            os.unlink(self.path('text.sig'))

    def test_by_the_verified_owner(self):
        self.set_pin()
        self.someone(PIN)
        key = self.keygen('ed25519-sk', 'key', '-O', 'verify-required')
        self.person.questions()
        self.sign('key', 'a text')
        self.verify(key, 'a text')
        self.assertEqual([question['kind'] for question in self.person.questions()], ['secret'])


class Git(ssh_provider.ProviderTest):
    programs = ['git', 'ssh-keygen', 'ssh-sk-helper']

    def git(self, *args, **options):
        return self.sandbox.run(['git', '-C', self.path('work'), *args], **options)

    def test_commits(self):
        self.someone()
        key = self.keygen('ed25519-sk', 'key')
        os.mkdir(self.path('work'))
        self.git('init', '-q')
        for name, value in {'user.name': 'Alice', 'user.email': 'alice@example.org', 'gpg.format': 'ssh',
                            'user.signingKey': self.path('key.pub'),
                            'gpg.ssh.allowedSignersFile': self.sandbox.write('allowed', f'alice@example.org {key}')}.items():
            self.git('config', name, value)
        self.person.questions()
        self.git('commit', '-q', '--allow-empty', '-S', '-m', 'signed')
        self.assertEqual([question['rp_id'] for question in self.person.questions()], ['ssh:'])
        self.assertIn(b'Good "git" signature for alice@example.org with ED25519-SK key',
                      self.git('verify-commit', 'HEAD').stderr)
        self.git('tag', '-s', '-m', 'signed', 'v1')
        self.git('verify-tag', 'v1')

        self.person.always('deny')
        self.git('commit', '-q', '--allow-empty', '-S', '-m', 'refused', code=128)
        self.git('commit', '-q', '--allow-empty', '-m', 'not signed')
        self.git('verify-commit', 'HEAD', code=1)


def strings(data):
    """SSH's strings, one after the other, for as long as there are any."""
    found = []
    while len(data) >= 4:
        size = struct.unpack('>I', data[:4])[0]
        found.append(data[4:4 + size])
        data = data[4 + size:]
    return found


@unittest.skipUnless(cbor, 'python3-fido2 is missing')
class Attestation(ssh_provider.ProviderTest):
    programs = ['ssh-keygen', 'ssh-sk-helper']

    def check(self, kind, *options, application='ssh:', flags=0x45):
        """The attestation of a new key, checked as another program would."""
        challenge = os.urandom(32)
        with open(self.path('challenge'), 'wb') as file:
            file.write(challenge)
        self.keygen(kind, kind, '-O', 'write-attestation=' + self.path('attestation'), '-O',
                    'challenge=' + self.path('challenge'), *options)
        with open(self.path('attestation'), 'rb') as file:
            parts = strings(file.read())
        self.assertEqual(parts[0], b'ssh-sk-attest-v01')
        certificate, signature, wrapped = parts[1:4]
        self.assertEqual(certificate, b'')  # the key attests itself
        data = AuthenticatorData(cbor.decode(wrapped))
        self.assertEqual(data.rp_id_hash, hashlib.sha256(application.encode()).digest())
        self.assertEqual(data.flags & 0x45, flags)
        key = data.credential_data.public_key
        key.verify(bytes(data) + hashlib.sha256(challenge).digest(), signature)
        self.assertIn(key[-2], base64.b64decode(self.read(kind + '.pub').split()[1]))
        with self.assertRaises(Exception):
            key.verify(bytes(data) + hashlib.sha256(b'another challenge').digest(), signature)
        os.unlink(self.path('attestation'))

    def test_of_each_kind_of_key(self):
        self.someone()
        for kind in KINDS:
            self.check(kind, flags=0x41)

    def test_of_the_verified_owner(self):
        self.set_pin()
        self.someone(PIN)
        self.check('ed25519-sk', '-O', 'verify-required', '-O', 'application=ssh:corp', application='ssh:corp')


if __name__ == '__main__':
    kt.main()
