#!/usr/bin/python3
"""Ceremonies of WebAuthn: python-fido2 is the client, and two relying parties that know nothing of us check the results.

One is python-fido2's server, the other @simplewebauthn/server under node. The latter is fetched with npm into the build
directory when node is there; without node, or without a network, its tests are skipped.
"""
import base64
import hashlib
import json
import os
import shutil
import subprocess
import time
import unittest

import keyfob_test as kt

try:
    import fido_key
    from fido2.client import Fido2Client
    from fido2.cose import CoseKey
    from fido2.ctap2 import Ctap2
    from fido2.ctap2.pin import ClientPin
    from fido2.server import Fido2Server
    from fido2.utils import websafe_encode
    from fido2.webauthn import PublicKeyCredentialRpEntity
except ImportError:
    fido_key = None

HERE = os.path.dirname(os.path.abspath(__file__))
ORIGIN, RP_ID = 'https://example.org', 'example.org'
PIN = '24681357'


def b64u(data):
    return base64.urlsafe_b64encode(data).rstrip(b'=').decode()


@unittest.skipUnless(fido_key, 'python3-fido2 is missing')
class Ceremonies(kt.KeyfobTest):
    def setUp(self):
        super().setUp()
        self.sandbox.use_pinentry(None)
        self.sandbox.start_daemon()
        self.sandbox.init('pass word')
        fido_key.start_person(self.sandbox)
        self.device = fido_key.open_device(self.sandbox)
        self.client = Fido2Client(self.device, ORIGIN)
        self.challenge = os.urandom(32)

    def set_pin(self):
        ClientPin(Ctap2(self.device)).set_pin(PIN)
        self.client = Fido2Client(self.device, ORIGIN)  # it has read getInfo before

    def create_options(self, algorithm=-7, resident=False, uv='discouraged', extensions=None, attestation='direct'):
        return {
            'rp': {'id': RP_ID, 'name': 'Example'},
            'user': {'id': b'user-1', 'name': 'alice', 'displayName': 'Alice'},
            'challenge': self.challenge,
            'pubKeyCredParams': [{'type': 'public-key', 'alg': algorithm}],
            'authenticatorSelection': {'requireResidentKey': resident, 'userVerification': uv},
            'attestation': attestation,
            'extensions': extensions or {},
        }

    def register(self, pin=None, **options):
        return self.client.make_credential(self.create_options(**options), pin=pin)

    def sign_in(self, credential_id=None, pin=None, uv='discouraged'):
        options = {'rpId': RP_ID, 'challenge': self.challenge, 'userVerification': uv}
        if credential_id:
            options['allowCredentials'] = [{'type': 'public-key', 'id': credential_id}]
        return self.client.get_assertion(options, pin=pin).get_response(0)


class PythonServer(Ceremonies):
    """python-fido2's server checks attestation and signatures."""

    def setUp(self):
        super().setUp()
        self.server = Fido2Server(PublicKeyCredentialRpEntity(RP_ID, 'Example'), attestation='direct',
                                  verify_attestation=lambda attestation, hash: None)

    def state(self, uv='discouraged'):
        return {'challenge': websafe_encode(self.challenge), 'user_verification': uv}

    def ceremony(self, pin=None, uv='discouraged', **options):
        created = self.register(pin=pin, uv=uv, **options)
        data = self.server.register_complete(self.state(uv), created.client_data, created.attestation_object)
        credential = data.credential_data
        answer = self.sign_in(None if options.get('resident') else credential.credential_id, pin, uv)
        self.server.authenticate_complete(self.state(uv), [credential], credential.credential_id, answer.client_data,
                                          answer.authenticator_data, answer.signature)
        return data, answer

    def test_each_algorithm(self):
        for algorithm in (-7, -8):
            with self.subTest(algorithm):
                data, _ = self.ceremony(algorithm=algorithm)
                self.assertEqual(data.credential_data.public_key[3], algorithm)
                self.assertFalse(data.is_user_verified())

    def test_self_attestation_is_signed_by_the_new_key(self):
        created = self.register()
        statement = created.attestation_object.att_statement
        self.assertEqual(created.attestation_object.fmt, 'packed')
        self.assertEqual(set(statement), {'alg', 'sig'})
        key = created.attestation_object.auth_data.credential_data.public_key
        signed = bytes(created.attestation_object.auth_data) + created.client_data.hash
        CoseKey.parse(key).verify(signed, statement['sig'])

    def test_verified_with_pin(self):
        self.set_pin()
        data, answer = self.ceremony(pin=PIN, uv='required', resident=True)
        self.assertTrue(data.is_user_verified())
        self.assertTrue(answer.authenticator_data.is_user_verified())

    def test_exportable_keys_say_so(self):
        """BE without BS: it can be backed up, and is not; the counter stays 0."""
        data, answer = self.ceremony()
        self.assertEqual(data.flags & 0x18, 0x08)
        self.assertEqual(answer.authenticator_data.flags & 0x18, 0x08)
        self.assertEqual((data.counter, answer.authenticator_data.counter), (0, 0))

    def test_a_checked_backup_is_told(self):
        """BS from a backup on that was begun in a later second, and in which passkeys were checked."""
        created = self.register()
        credential_id = created.attestation_object.auth_data.credential_data.credential_id
        path = os.path.join(self.sandbox.root, 'backup')

        def flags():
            answer = self.client.get_assertion({
                'rpId': RP_ID, 'challenge': self.challenge, 'userVerification': 'discouraged',
                'allowCredentials': [{'type': 'public-key', 'id': credential_id}],
            }).get_response(0)
            return answer.authenticator_data.flags & 0x18

        self.assertEqual(flags(), 0x08)
        deadline = time.monotonic() + kt.TIMEOUT
        while flags() != 0x18:
            self.assertLess(time.monotonic(), deadline, 'BS was never set')
            self.keyfob('backup', '--force', path)
        later = self.register()
        self.assertEqual(later.attestation_object.auth_data.flags & 0x18, 0x08)

    def test_prf_intermediates_are_stable(self):
        """hmac-secret over the salt that the browser makes of a PRF input."""
        created = self.register(extensions={'hmacCreateSecret': True})
        credential_id = created.attestation_object.auth_data.credential_data.credential_id
        salt = hashlib.sha256(b'WebAuthn PRF\0' + b'input').digest()
        outputs = set()
        for _ in range(2):
            answer = self.client.get_assertion({
                'rpId': RP_ID, 'challenge': self.challenge, 'userVerification': 'discouraged',
                'allowCredentials': [{'type': 'public-key', 'id': credential_id}],
                'extensions': {'hmacGetSecret': {'salt1': salt}},
            }).get_response(0)
            outputs.add(bytes(answer.extension_results['hmacGetSecret']['output1']))
        self.assertEqual(len(outputs), 1)
        self.assertEqual(len(outputs.pop()), 32)


def node_modules():
    """A directory with @simplewebauthn/server, or None."""
    if not shutil.which('node') or not shutil.which('npm'):
        return None
    place = os.path.join(kt.BUILD, 'npm')
    modules = os.path.join(place, 'node_modules')
    if not os.path.isdir(os.path.join(modules, '@simplewebauthn', 'server')):
        os.makedirs(place, exist_ok=True)
        try:
            done = subprocess.run(['npm', 'install', '--no-save', '--no-audit', '--no-fund', '--no-package-lock', '--prefix',
                                   place, '@simplewebauthn/server@13'], stdin=subprocess.DEVNULL,
                                  stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=120, check=False)
        except subprocess.TimeoutExpired:
            return None
        if done.returncode != 0:
            return None
    return modules


class SimpleWebAuthn(Ceremonies):
    """@simplewebauthn/server checks what a browser would send."""

    def setUp(self):
        self.modules = node_modules()
        if not self.modules:
            self.skipTest('no node, or @simplewebauthn/server could not be fetched')
        super().setUp()

    def verify(self, kind, response, uv, credential=None, challenge=None):
        question = {'kind': kind, 'response': response, 'challenge': b64u(challenge or self.challenge), 'origin': ORIGIN,
                    'rpId': RP_ID, 'credential': credential, 'requireUserVerification': uv}
        done = self.sandbox.run(['node', os.path.join(HERE, 'relying-party.mjs')], input=json.dumps(question),
                                env={'KEYFOB_NODE_MODULES': self.modules})
        return json.loads(done.stdout)

    def check_registration(self, created, uv=False, **options):
        credential_id = created.attestation_object.auth_data.credential_data.credential_id
        response = {
            'id': b64u(credential_id), 'rawId': b64u(credential_id), 'type': 'public-key', 'clientExtensionResults': {},
            'response': {'clientDataJSON': b64u(created.client_data),
                         'attestationObject': b64u(created.attestation_object.with_string_keys())},
        }
        return self.verify('registration', response, uv, **options)

    def check_sign_in(self, credential, answer, uv=False, **options):
        response = {
            'id': credential['id'], 'rawId': credential['id'], 'type': 'public-key', 'clientExtensionResults': {},
            'response': {'clientDataJSON': b64u(answer.client_data), 'signature': b64u(answer.signature),
                         'authenticatorData': b64u(answer.authenticator_data)},
        }
        return self.verify('authentication', response, uv, credential, **options)

    def ceremony(self, pin=None, **options):
        uv = options.get('uv') == 'required'
        created = self.register(pin=pin, **options)
        registered = self.check_registration(created, uv)
        self.assertTrue(registered['verified'], registered)
        self.assertEqual(registered['deviceType'], 'multiDevice')
        credential_id = created.attestation_object.auth_data.credential_data.credential_id
        answer = self.sign_in(None if options.get('resident') else credential_id, pin, options.get('uv', 'discouraged'))
        signed_in = self.check_sign_in(registered['credential'], answer, uv)
        self.assertTrue(signed_in['verified'], signed_in)
        return registered, answer

    def test_second_factor(self):
        registered, _ = self.ceremony()
        self.assertEqual(registered['format'], 'packed')
        self.assertFalse(registered['userVerified'])

    def test_second_factor_eddsa(self):
        self.ceremony(algorithm=-8)

    def test_passwordless_with_pin(self):
        self.set_pin()
        registered, _ = self.ceremony(pin=PIN, uv='required', resident=True)
        self.assertTrue(registered['userVerified'])

    def test_what_is_not_ours_is_refused(self):
        created = self.register()
        self.assertFalse(self.check_registration(created, challenge=b'another challenge')['verified'])
        registered, answer = self.ceremony()
        self.assertFalse(self.check_sign_in(registered['credential'], answer, uv=True)['verified'])
        wrong = dict(registered['credential'])
        other = self.check_registration(self.register())['credential']
        wrong['publicKey'] = other['publicKey']
        self.assertFalse(self.check_sign_in(wrong, answer)['verified'])


if __name__ == '__main__':
    kt.main()
