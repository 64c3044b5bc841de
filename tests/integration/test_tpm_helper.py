#!/usr/bin/python3
"""Keys inside a real software TPM, by keyfob-helper alone: made, used, refused, and nothing left behind."""
import hashlib
import os
import struct
import unittest

try:
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec, utils
except ImportError:
    ec = None

import keyfob_test as kt
import test_helper as th
import tpm_tools

HELPER_TPM = 9
INFO, MAKE, SIGN, EXCHANGE = 1, 2, 3, 4
TO_SIGN, TO_EXCHANGE = 1, 2
P256, P384 = 1, 2
NONE_HERE, NOT_PERMITTED, BUSY, LOCKOUT, FOREIGN, OWNER_AUTH = 2, 3, 4, 5, 6, 7
AUTH = bytes(range(32))
SRK = 'fixedtpm|fixedparent|sensitivedataorigin|userwithauth|noda|restricted|decrypt'
CURVES = {P256: (32, 'SECP256R1', 'SHA256'), P384: (48, 'SECP384R1', 'SHA384')}


def read_blobs(data, n):
    blobs = []
    for _ in range(n):
        size, = struct.unpack_from('<I', data)
        blobs.append(data[4:4 + size])
        data = data[4 + size:]
    return blobs, data


class Problem(Exception):
    def __init__(self, problem, why):
        super().__init__(f'{problem}: {why}')
        self.problem, self.why = problem, why


@tpm_tools.needed
@unittest.skipUnless(ec, 'python3-cryptography is missing')
class TpmTest(kt.KeyfobTest):
    def setUp(self):
        super().setUp()
        self.tpm = tpm_tools.Tpm(self.sandbox)
        self.helper = th.Helper(self.sandbox.environment())
        self.addCleanup(self.helper.close)

    def call(self, operation, fields=b'', tcti=None):
        body = struct.pack('<B', operation) + th.text(self.tpm.tcti if tcti is None else tcti) + fields
        result, rest = self.helper.call(HELPER_TPM, body, timeout=40)
        if result == th.OK:
            return rest
        self.assertEqual(result, th.FAILED)
        (why,), rest = read_blobs(rest, 1)
        raise Problem(rest[0] if rest else None, why.decode())

    def make(self, use=TO_SIGN, curve=P256):
        """(key, x ‖ y)"""
        (parent, public, private, point), rest = read_blobs(self.call(MAKE, struct.pack('<BB', use, curve) + AUTH), 4)
        self.assertEqual(rest, b'')
        return b'\1' + AUTH + th.text(parent) + th.text(public) + th.text(private), point

    def sign(self, key, digest):
        (signature,), rest = read_blobs(self.call(SIGN, th.text(key) + th.text(digest)), 1)
        self.assertEqual(rest, b'')
        return signature

    def verify(self, curve, point, digest, signature):
        size, name, digest_name = CURVES[curve]
        self.assertEqual((len(point), len(signature)), (2 * size, 2 * size))
        public = ec.EllipticCurvePublicNumbers(int.from_bytes(point[:size], 'big'), int.from_bytes(point[size:], 'big'),
                                               getattr(ec, name)()).public_key()
        der = utils.encode_dss_signature(int.from_bytes(signature[:size], 'big'), int.from_bytes(signature[size:], 'big'))
        public.verify(der, digest, ec.ECDSA(utils.Prehashed(getattr(hashes, digest_name)())))

    def assertProblem(self, problem, operation, *args, **options):
        with self.assertRaises(Problem) as caught:
            operation(*args, **options)
        self.assertEqual(caught.exception.problem, problem, caught.exception)
        self.assertNotIn('\n', caught.exception.why)
        return caught.exception.why

    def assertEmpty(self):
        """Nothing of ours is left in the TPM."""
        for kind in ('handles-transient', 'handles-loaded-session', 'handles-saved-session', 'handles-persistent'):
            self.assertEqual(self.tpm.tool('tpm2_getcap', kind).strip(), '', kind)


class Keys(TpmTest):
    def test_signatures_verify(self):
        for curve, digest in ((P256, hashlib.sha256(b'message').digest()), (P384, hashlib.sha384(b'message').digest())):
            key, point = self.make(curve=curve)
            signature = self.sign(key, digest)
            self.verify(curve, point, digest, signature)
            with self.assertRaises(InvalidSignature):
                self.verify(curve, point, bytes(len(digest)), signature)
            self.assertEmpty()

    def test_exchange_is_ecdh(self):
        for curve, name in ((P256, 'SECP256R1'), (P384, 'SECP384R1')):
            size = CURVES[curve][0]
            key, point = self.make(use=TO_EXCHANGE, curve=curve)
            mine = ec.generate_private_key(getattr(ec, name)())
            numbers = mine.public_key().public_numbers()
            (z,), rest = read_blobs(self.call(EXCHANGE, th.text(key) + th.text(
                numbers.x.to_bytes(size, 'big') + numbers.y.to_bytes(size, 'big'))), 1)
            peer = ec.EllipticCurvePublicNumbers(int.from_bytes(point[:size], 'big'), int.from_bytes(point[size:], 'big'),
                                                 getattr(ec, name)()).public_key()
            self.assertEqual((z, rest), (mine.exchange(ec.ECDH(), peer), b''))
            self.assertEmpty()

    def test_points_off_the_curve_are_refused(self):
        key, _ = self.make(use=TO_EXCHANGE)
        with self.assertRaises(Problem):
            self.call(EXCHANGE, th.text(key) + th.text(b'\1' * 64))
        self.assertEmpty()

    def test_a_key_does_what_it_is_for(self):
        sign, point = self.make()
        agree, _ = self.make(use=TO_EXCHANGE)
        with self.assertRaises(Problem):
            self.sign(agree, bytes(32))
        with self.assertRaises(Problem):
            self.call(EXCHANGE, th.text(sign) + th.text(point))
        self.assertEmpty()

    def test_many_leave_nothing(self):
        key, _ = self.make()
        for _ in range(8):
            self.sign(key, bytes(32))
            self.call(INFO)
        self.assertEmpty()

    def test_a_restart_changes_nothing(self):
        key, point = self.make()
        self.tpm.restart()
        self.verify(P256, point, bytes(32), self.sign(key, bytes(32)))

    def test_info(self):
        (manufacturer, firmware), rest = read_blobs(self.call(INFO), 2)
        self.assertEqual(manufacturer, b'IBM')
        self.assertRegex(firmware.decode(), r'^\d+\.\d+\.\d+\.\d+$')
        self.assertEqual(struct.unpack('<BBI', rest), (1 << P256 | 1 << P384, 0, 0))
        self.assertEmpty()


class Parents(TpmTest):
    def make_persistent(self, *options):
        context = os.path.join(self.tpm.directory, 'srk.ctx')
        self.tpm.tool('tpm2_createprimary', '-Q', '-C', 'o', '-g', 'sha256', '-c', context, *options)
        self.tpm.tool('tpm2_flushcontext', '-t')
        self.tpm.tool('tpm2_evictcontrol', '-Q', '-C', 'o', '-c', context, '0x81000001')
        self.tpm.tool('tpm2_flushcontext', '-t')
        return self.tpm.tool('tpm2_readpublic', '-c', '0x81000001')

    def parent_of(self, key):
        return read_blobs(key[33:], 1)[0][0].hex()

    def name_of(self, text):
        return next(line.split(':')[1].strip() for line in text.splitlines() if line.startswith('name:'))

    def test_the_persistent_one_is_used(self):
        name = self.name_of(self.make_persistent('-G', 'rsa2048', '-a', SRK))
        key, point = self.make()
        self.assertEqual(self.parent_of(key), name)
        self.verify(P256, point, bytes(32), self.sign(key, bytes(32)))
        # A key under the template's goes on working without it, and one under it ends.
        self.tpm.tool('tpm2_evictcontrol', '-Q', '-C', 'o', '-c', '0x81000001')
        made, point = self.make()
        self.assertNotEqual(self.parent_of(made), name)
        self.assertProblem(FOREIGN, self.sign, key, bytes(32))
        self.verify(P256, point, bytes(32), self.sign(made, bytes(32)))
        self.make_persistent('-G', 'rsa2048', '-a', SRK)
        self.verify(P256, point, bytes(32), self.sign(made, bytes(32)))

    def test_the_usual_one_is_the_template(self):
        """What systemd and tpm2-tools make persistent is what we make where there is none."""
        made, point = self.make()
        name = self.name_of(self.make_persistent('-G', 'ecc', '-a', SRK))
        self.assertEqual(self.parent_of(made), name)
        self.verify(P256, point, bytes(32), self.sign(made, bytes(32)))

    def test_one_that_does_not_fit_is_left_alone(self):
        # Without noda: wrong tries on it would count.
        name = self.name_of(self.make_persistent('-G', 'ecc', '-a', SRK.replace('|noda', '')))
        key, _ = self.make()
        self.assertNotEqual(self.parent_of(key), name)

    def test_one_with_a_password_is_made_anew(self):
        self.make_persistent('-G', 'ecc', '-p', 'secret', '-a', SRK)
        key, point = self.make()
        self.verify(P256, point, bytes(32), self.sign(key, bytes(32)))
        for kind in ('handles-transient', 'handles-loaded-session'):
            self.assertEqual(self.tpm.tool('tpm2_getcap', kind).strip(), '', kind)

    def test_a_password_of_the_owner(self):
        self.tpm.tool('tpm2_changeauth', '-c', 'owner', 'secret')
        why = self.assertProblem(OWNER_AUTH, self.make)
        self.assertIn('0x81000001', why)
        self.assertProblem(OWNER_AUTH, self.call, INFO)


class Trouble(TpmTest):
    def test_cleared(self):
        key, _ = self.make()
        self.tpm.tool('tpm2_clear')
        self.assertIn('cleared', self.assertProblem(FOREIGN, self.sign, key, bytes(32)))
        self.assertEmpty()
        self.make()

    def test_foreign(self):
        key, point = self.make()
        self.tpm.exchange()
        self.assertProblem(FOREIGN, self.sign, key, bytes(32))
        self.tpm.exchange(0)
        self.verify(P256, point, bytes(32), self.sign(key, bytes(32)))

    def test_damaged_keys(self):
        key, _ = self.make()
        for position in range(0, len(key), 7):
            damaged = bytearray(key)
            damaged[position] ^= 0x21
            with self.assertRaises(Problem, msg=f'byte {position}'):
                self.sign(bytes(damaged), bytes(32))
        with self.assertRaises(Problem):
            self.sign(key[:-1], bytes(32))
        self.sign(key, bytes(32))
        self.assertEmpty()

    def test_a_wrong_value_does_not_count(self):
        key, _ = self.make()
        for _ in range(5):
            self.assertProblem(FOREIGN, self.sign, key[:1] + bytes(32) + key[33:], bytes(32))
        self.assertEqual(self.tpm.properties()['TPM2_PT_LOCKOUT_COUNTER'], 0)

    def test_lockout_by_others(self):
        key, point = self.make()
        self.tpm.fill()
        _, rest = read_blobs(self.call(INFO), 2)
        _, locked, seconds = struct.unpack('<BBI', rest)
        self.assertEqual(locked, 1)
        self.assertGreater(seconds, 0)
        self.verify(P256, point, bytes(32), self.sign(key, bytes(32)))
        self.tpm.tool('tpm2_dictionarylockout', '--clear-lockout')
        _, rest = read_blobs(self.call(INFO), 2)
        self.assertEqual(struct.unpack('<BBI', rest)[1], 0)

    def test_gone(self):
        key, _ = self.make()
        self.tpm.stop()
        self.assertProblem(NONE_HERE, self.sign, key, bytes(32))

    def test_full(self):
        """Three objects of somebody else's and no resource manager."""
        key, _ = self.make()
        for i in range(3):
            self.tpm.tool('tpm2_createprimary', '-Q', '-C', 'o', '-c', os.path.join(self.tpm.directory, f'{i}.ctx'))
        self.assertProblem(BUSY, self.sign, key, bytes(32))
        self.tpm.tool('tpm2_flushcontext', '-t')
        self.sign(key, bytes(32))

    def test_busy_waits(self):
        key, point = self.make()
        holder = self.tpm.hold()
        body = struct.pack('<B', SIGN) + th.text(self.tpm.tcti) + th.text(key) + th.text(bytes(32))
        waiting = self.helper.send(HELPER_TPM, body)
        self.assertEqual(self.helper.call(5)[0], th.OK)  # HELPER_PROBE: the helper goes on
        holder.close()
        identifier, result, rest = self.helper.receive()
        self.assertEqual((identifier, result), (waiting, th.OK))
        self.verify(P256, point, bytes(32), read_blobs(rest, 1)[0][0])

    def test_no_device(self):
        missing = os.path.join(self.sandbox.root, 'none')
        self.assertProblem(NONE_HERE, self.call, INFO, tcti=f'device:{missing}')
        for tcti in ('nonsense', 'swtpm:path=/nowhere', 'device:'):
            with self.assertRaises(Problem):
                self.call(INFO, tcti=tcti)

    @unittest.skipUnless(os.geteuid() != 0, 'root may use every device')
    def test_not_permitted(self):
        device = self.sandbox.write('device', '', mode=0o000)
        self.assertIn('group tss', self.assertProblem(NOT_PERMITTED, self.call, INFO, tcti=f'device:{device}'))

    def test_malformed(self):
        for body in (b'', b'\0', b'\1', b'\5' + th.text(self.tpm.tcti), b'\1' + th.text(self.tpm.tcti) + b'\0',
                     b'\2' + th.text(self.tpm.tcti) + b'\3\1' + AUTH, b'\3' + th.text(self.tpm.tcti) + th.text(b'')):
            result, rest = self.helper.call(HELPER_TPM, body)
            self.assertEqual(result, th.FAILED)
            self.assertIn(b'malformed', rest)


del TpmTest

if __name__ == '__main__':
    kt.main()
