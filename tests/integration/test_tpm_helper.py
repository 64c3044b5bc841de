#!/usr/bin/python3
"""Keys inside a real software TPM, by keyfob-helper alone: made, used, refused, and nothing left behind."""
import hashlib
import os
import struct
import unittest
from typing import NamedTuple

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
COUNTER_READ, COUNTER_MAKE, COUNTER_MOVE, COUNTER_REMOVE = 7, 8, 9, 10
TO_SIGN, TO_EXCHANGE = 1, 2
P256, P384 = 1, 2
NONE_HERE, NOT_PERMITTED, BUSY, LOCKOUT, FOREIGN, OWNER_AUTH = 2, 3, 4, 5, 6, 7
FULL = 12
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


TAG, VALUE = bytes(range(100, 132)), bytes(range(50, 82))
FIRST, LAST = 0x01800000, 0x01bffffe


class Told(NamedTuple):
    handle: int
    count: int
    fresh: int
    noted: int
    seconds: int
    parent: bytes


class Counters(TpmTest):
    def told(self, answer):
        told = Told(*struct.unpack_from('<IQBQQ', answer), b'')
        (parent,), rest = read_blobs(answer[struct.calcsize('<IQBQQ'):], 1)
        self.assertEqual(rest, b'')
        return told._replace(parent=parent)

    def read(self, handle=0, tag=TAG, value=VALUE):
        return self.told(self.call(COUNTER_READ, tag + value + struct.pack('<I', handle)))

    def make_one(self, tag=TAG, value=VALUE, seconds=1000):
        return self.told(self.call(COUNTER_MAKE, tag + value + struct.pack('<Q', seconds)))

    def move(self, handle, count, tag=TAG, value=VALUE, seconds=2000):
        return self.told(self.call(COUNTER_MOVE, tag + value + struct.pack('<IQQ', handle, count, seconds)))

    def remove(self, handle, tag=TAG):
        self.assertEqual(self.call(COUNTER_REMOVE, tag + struct.pack('<I', handle)), b'')

    def indices(self):
        return [int(word, 0) for word in self.tpm.tool('tpm2_getcap', 'handles-nv-index').replace('-', '').split()]

    def places(self, tag=TAG):
        return [FIRST + 2 * (number % 0x200000) for number in struct.unpack('<8I', tag)]

    def test_goes_up_and_says_when(self):
        self.assertEqual(self.read()[:5], (0, 0, 0, 0, 0))
        made = self.make_one()
        self.assertEqual(made[2:5], (1, made.count, 1000))
        self.assertEqual(made.handle, self.places()[0])
        self.assertEqual(self.indices(), [made.handle, made.handle + 1])
        self.assertEqual(self.read()[:5], made[:5])
        moved = self.move(made.handle, made.count + 1)
        self.assertEqual(moved[:5], (made.handle, made.count + 1, 0, made.count + 1, 2000))
        self.assertEqual(self.read(made.handle)[:5], moved[:5])
        self.assertEqual(self.read()[:5], moved[:5])
        self.tpm.restart()
        self.assertEqual(self.read(made.handle)[:5], moved[:5])
        self.assertEmpty()

    def test_moves_by_one_and_once(self):
        made = self.make_one()
        self.move(made.handle, made.count + 1)
        for count in (made.count + 1, made.count, 1, made.count + 3, 2 ** 64 - 1):
            self.assertEqual(self.move(made.handle, count, seconds=9)[:5], (made.handle, made.count + 1, 0, made.count + 1, 2000))

    def test_one_that_is_made_anew_begins_above(self):
        made = self.make_one()
        for n in range(1, 4):
            self.move(made.handle, made.count + n)
        self.tpm.tool('tpm2_nvundefine', '-C', 'o', hex(made.handle))
        self.assertEqual(self.read(made.handle).handle, 0)
        # What is left of it is cleared away.
        again = self.make_one()
        self.assertEqual(again.handle, made.handle)
        self.assertGreater(again.count, made.count + 3)
        self.assertEqual(self.indices(), [made.handle, made.handle + 1])
        self.remove(made.handle)
        self.assertEqual(self.indices(), [])
        self.assertGreater(self.make_one().count, again.count)

    def test_another_value_is_refused_and_does_not_count(self):
        made = self.make_one()
        for _ in range(5):
            self.assertProblem(FOREIGN, self.read, value=bytes(32))
            self.assertProblem(FOREIGN, self.move, made.handle, made.count + 1, value=bytes(32))
        self.assertEqual(self.tpm.properties()['TPM2_PT_LOCKOUT_COUNTER'], 0)
        self.assertEqual(self.read()[:5], made[:5])
        self.assertEmpty()

    def test_values_that_end_in_zeros(self):
        for value in (VALUE[:31] + b'\0', VALUE[:8] + bytes(24), bytes(32)):
            made = self.make_one(value=value)
            self.assertEqual(self.move(made.handle, made.count + 1, value=value).count, made.count + 1)
            self.assertEqual(self.read(value=value).count, made.count + 1)

    def test_what_others_have_there_is_left_alone(self):
        places = self.places()
        self.tpm.tool('tpm2_nvdefine', '-C', 'o', '-s', '8', '-a', 'authread|authwrite|no_da', hex(places[0]))
        self.tpm.tool('tpm2_nvdefine', '-C', 'o', '-s', '8', '-a', 'authread|authwrite|no_da', hex(places[1] + 1))
        self.assertEqual(self.read(places[0]).handle, 0)
        made = self.make_one()
        self.assertEqual(made.handle, places[2])
        self.assertEqual(self.read()[:5], made[:5])
        self.remove(places[0])
        self.remove(made.handle, tag=bytes(32))
        self.assertEqual(self.read()[:5], made[:5])
        self.remove(made.handle)
        self.remove(made.handle)
        self.assertEqual(self.indices(), sorted((places[0], places[1] + 1)))
        for place in places[1:]:
            self.tpm.tool('tpm2_nvdefine', '-C', 'o', '-s', '8', '-a', 'authread|authwrite|no_da', hex(place))
        self.assertIn('other programs', self.assertProblem(FULL, self.make_one))

    def test_others_have_theirs_beside_it(self):
        made = self.make_one()
        other = self.make_one(tag=TAG[::-1], value=AUTH)
        self.assertNotEqual(other.handle, made.handle)
        self.move(other.handle, other.count + 1, tag=TAG[::-1], value=AUTH)
        self.assertEqual(self.read()[:5], made[:5])

    def test_a_note_that_is_gone(self):
        made = self.make_one()
        self.tpm.tool('tpm2_nvundefine', '-C', 'o', hex(made.handle + 1))
        self.assertEqual(self.read()[:5], (made.handle, made.count, 0, 0, 0))
        moved = self.move(made.handle, made.count + 1)
        self.assertEqual(self.read().count, moved.count)

    def test_a_beginning_that_was_cut_off(self):
        """Its note alone, or a counter that has never counted: there is none, and the next is made in its place."""
        made = self.make_one()
        attributes = 'authread|authwrite|no_da'
        policy = self.sandbox.write('policy', '')
        with open(policy, 'wb') as file:
            file.write(TAG)
        self.tpm.tool('tpm2_nvundefine', '-C', 'o', hex(made.handle))
        self.assertEqual(self.read().handle, 0)
        self.tpm.tool('tpm2_nvdefine', '-C', 'o', '-s', '8', '-a', attributes + '|nt=1', '-L', policy, hex(made.handle))
        self.assertEqual(self.read().handle, 0)
        self.assertEqual(self.make_one().handle, made.handle)
        self.assertEqual(self.indices(), [made.handle, made.handle + 1])

    def test_full(self):
        """Nothing of one that does not fit is left."""
        handle, made = 0x01900000, 0
        while self.tpm.tool('tpm2_nvdefine', '-C', 'o', '-s', '512', '-a', 'authread|authwrite', hex(handle + made), code=None):
            made += 1
        self.assertGreater(made, 1)
        size = 512
        while size > 8:  # what is left is filled up with smaller ones; counters have room set aside for them, notes have not
            if not self.tpm.tool('tpm2_nvdefine', '-C', 'o', '-s', str(size), '-a', 'authread|authwrite', hex(handle + made),
                                 code=None):
                size //= 2
            else:
                made += 1
        before = self.indices()
        self.assertIn('full', self.assertProblem(FULL, self.make_one))
        self.assertEqual(self.indices(), before)
        self.tpm.tool('tpm2_nvundefine', '-C', 'o', hex(handle))
        self.make_one()
        self.assertEmpty()

    def test_a_password_of_the_owner(self):
        made = self.make_one()
        self.tpm.tool('tpm2_changeauth', '-c', 'owner', 'secret')
        # What is there goes on counting.
        self.move(made.handle, made.count + 1)
        self.assertEqual(self.read().count, made.count + 1)
        self.assertProblem(OWNER_AUTH, self.call, COUNTER_REMOVE, TAG + struct.pack('<I', made.handle))
        why = self.assertProblem(OWNER_AUTH, self.make_one, tag=TAG[::-1])
        self.assertIn('no counter', why)
        self.assertEqual(self.read(tag=TAG[::-1]).parent, b'')

    def test_lockout_by_others(self):
        made = self.make_one()
        self.tpm.fill()
        self.assertEqual(self.move(made.handle, made.count + 1).count, made.count + 1)
        self.make_one(tag=TAG[::-1])

    def test_whose_tpm_it_is(self):
        made = self.make_one()
        self.assertTrue(made.parent)
        self.assertEqual(self.read(made.handle + 2).parent, made.parent)
        self.tpm.exchange()
        self.assertEqual(self.read(made.handle).handle, 0)
        other = self.read().parent
        self.assertNotIn(other, (b'', made.parent))
        self.tpm.exchange(0)
        self.assertEqual(self.read()[:5], made[:5])
        self.tpm.tool('tpm2_clear')
        self.assertEqual(self.read().handle, 0)
        self.assertNotIn(self.read().parent, (b'', made.parent))

    def test_malformed_counters(self):
        for fields in (TAG + VALUE, TAG + VALUE + struct.pack('<I', 1), TAG + VALUE + struct.pack('<I', FIRST - 2),
                       TAG + VALUE + struct.pack('<I', FIRST + 1), TAG + VALUE + struct.pack('<I', LAST + 2),
                       TAG + VALUE + struct.pack('<IB', FIRST, 0), TAG):
            self.assertIn('malformed', self.assertProblem(1, self.call, COUNTER_READ, fields))
        self.assertIn('malformed', self.assertProblem(1, self.call, COUNTER_MOVE, TAG + VALUE + struct.pack('<IQQ', FIRST, 0, 0)))
        self.assertIn('malformed', self.assertProblem(1, self.call, COUNTER_MOVE, TAG + VALUE + struct.pack('<IQQ', 0, 1, 0)))
        self.assertIn('malformed', self.assertProblem(1, self.call, COUNTER_REMOVE, TAG + struct.pack('<I', 0)))


del TpmTest

if __name__ == '__main__':
    kt.main()
