"""A daemon with a TPM, and python-fido2 as the client: for test_tpm_keys.py and test_tpm_seal.py."""
import hashlib
import json
import os
import unittest

import keyfob_test as kt
import tpm_tools

try:
    import fido_key
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec
    from fido2.cose import CoseKey
    from fido2.ctap import CtapError
    from fido2.ctap2 import Ctap2
except ImportError:
    fido_key = CtapError = None

RP_ID = 'example.org'
HASH = hashlib.sha256(b'client data').digest()
ES256, EDDSA, ES384 = -7, -8, -35
BE = 0x08
PASSWORD = 'pass word'


def verify(key, message, signature):
    """With a COSE key; python-fido2 does not know ES384."""
    if key[3] != ES384:
        CoseKey.parse(key).verify(message, signature)
        return
    numbers = ec.EllipticCurvePublicNumbers(int.from_bytes(key[-2], 'big'), int.from_bytes(key[-3], 'big'), ec.SECP384R1())
    numbers.public_key().verify(signature, message, ec.ECDSA(hashes.SHA384()))


@tpm_tools.needed
@unittest.skipUnless(fido_key, 'python3-fido2 is missing')
class TpmTest(kt.KeyfobTest):
    """Delete the name after the last subclass: it has no tests."""

    def setUp(self):
        super().setUp()
        self.tpm = tpm_tools.Tpm(self.sandbox)
        directory = os.path.join(self.sandbox.config, 'keyfob')
        os.makedirs(directory, exist_ok=True)
        self.configure(self.tpm.tcti)
        self.sandbox.use_pinentry(None)
        self.password = self.sandbox.write('password', PASSWORD)
        self.sandbox.start_daemon()
        self.sandbox.init(PASSWORD)
        self.person = fido_key.start_person(self.sandbox)
        self.device = None

    def configure(self, tcti):
        path = os.path.join(self.sandbox.config, 'keyfob', 'keyfobd.conf')
        with open(path, 'w', encoding='utf-8') as file:
            file.write(f'[tpm]\ntcti = {tcti}\nepoch = no\n')  # what that makes of a TPM that is away: test_epoch_tpm_trouble.py
        os.chmod(path, 0o600)

    def ctap(self):
        if self.device:
            self.device.close()
        self.device = fido_key.open_device(self.sandbox)
        self.addCleanup(self.device.close)
        return Ctap2(self.device)

    def make(self, algorithm=ES256, user='alice', algorithms=None):
        """(auth data, key); the attestation is checked."""
        answer = self.ctap().make_credential(
            HASH, {'id': RP_ID, 'name': 'Example'}, {'id': user.encode(), 'name': user},
            [{'type': 'public-key', 'alg': alg} for alg in algorithms or [algorithm]], options={'rk': True})
        data = answer.auth_data
        key = data.credential_data.public_key
        verify(key, bytes(data) + HASH, answer.att_statement['sig'])
        return data, key

    def sign_in(self, data, key):
        """Authenticator data of a sign-in; the signature is checked."""
        answer = self.ctap().get_assertion(
            RP_ID, HASH, allow_list=[{'type': 'public-key', 'id': data.credential_data.credential_id}])
        verify(key, bytes(answer.auth_data) + HASH, answer.signature)
        return answer.auth_data

    def assertStatus(self, status, operation, *args, **options):
        with self.assertRaises(CtapError) as caught:
            operation(*args, **options)
        self.assertEqual(caught.exception.code, status, caught.exception)

    def policy(self, *args, code=0, password=True):
        return self.keyfob('passkey', 'policy', *args, *(['--password-file', self.password] if password else []), code=code)

    def shown(self):
        return json.loads(self.keyfob('passkey', 'policy', '--json').stdout)

    def passkeys(self):
        return json.loads(self.keyfob('passkey', 'list', '--json').stdout)

    def info(self):
        return json.loads(self.keyfob('authenticator', 'info', '--json').stdout)

    def again(self, password=PASSWORD):
        """The daemon stops and starts, and the vault is unlocked."""
        self.sandbox.stop_daemon()
        self.start(password)

    def start(self, password=PASSWORD):
        kt.end_process(self.person)
        self.sandbox.start_daemon()
        self.person = fido_key.start_person(self.sandbox)
        self.sandbox.unlock(password)

    def assertPasswordsWork(self):
        self.keyfob('set', 'service', 'x', input=b'secret')
        self.assertEqual(self.keyfob('get', 'service', 'x').stdout, b'secret')

    def assertEmpty(self):
        for kind in ('handles-transient', 'handles-loaded-session'):
            self.assertEqual(self.tpm.tool('tpm2_getcap', kind).strip(), '', kind)
