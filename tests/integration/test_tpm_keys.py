#!/usr/bin/python3
"""Passkeys whose keys are in a TPM, end to end: python-fido2 on the socket, swtpm as the TPM; and the policy that makes them."""
import threading

import keyfob_test as kt
from tpm_key import BE, EDDSA, ES256, ES384, CtapError, TpmTest


class Keys(TpmTest):
    def setUp(self):
        super().setUp()
        self.software, self.software_key = self.make(user='software')
        self.policy('--keys', 'tpm')

    def test_made_in_the_tpm(self):
        for algorithm in (ES256, ES384):
            data, key = self.make(algorithm, user=str(algorithm))
            self.assertEqual(data.credential_data.public_key[3], algorithm)
            self.assertEqual(data.flags & BE, 0)
            counters = [self.sign_in(data, key).counter for _ in range(4)]
            self.assertEqual(counters, sorted(set(counters)), 'counters grow')
            self.assertGreater(counters[0], data.counter)
        self.assertStatus(0x26, self.make, EDDSA)
        self.assertEmpty()

    def test_software_keys_beside_them(self):
        data, key = self.make(algorithms=[EDDSA, ES256])
        self.assertEqual(data.credential_data.public_key[3], ES256)
        found = {p['user_name']: p['device_bound'] for p in self.passkeys()}
        self.assertEqual(found, {'alice': True, 'software': False})
        answer = self.sign_in(self.software, self.software_key)
        self.assertEqual((answer.counter, answer.flags & BE), (0, BE))
        self.assertIn(b'TPM', self.keyfob('passkey', 'list').stdout)
        identifier = next(p['id'] for p in self.passkeys() if p['device_bound'])
        self.assertIn(b"never leaves this machine's TPM", self.keyfob('passkey', 'show', identifier).stdout)
        self.policy('--keys', 'software')
        later, later_key = self.make(EDDSA, user='later')
        self.sign_in(later, later_key)
        self.sign_in(data, key)

    def test_restarts(self):
        data, key = self.make()
        before = self.sign_in(data, key).counter
        self.tpm.restart()
        self.assertGreater(self.sign_in(data, key).counter, before)
        before = self.sign_in(data, key).counter
        self.again()
        self.assertGreater(self.sign_in(data, key).counter, before)
        self.assertEqual(self.shown()['keys'], 'tpm')

    def test_deleted_and_restored(self):
        data, key = self.make()
        identifier = data.credential_data.credential_id.hex()
        self.keyfob('passkey', 'delete', identifier)
        self.assertStatus(0x2e, self.sign_in, data, key)
        self.keyfob('passkey', 'undelete', identifier)
        self.sign_in(data, key)

    def test_cleared(self):
        data, key = self.make()
        self.tpm.tool('tpm2_clear')
        with self.assertRaises(CtapError):
            self.sign_in(data, key)
        self.assertRegex(self.sandbox.read_log(), 'not of this TPM, or the TPM was cleared')
        self.sign_in(self.software, self.software_key)
        self.assertPasswordsWork()
        later, later_key = self.make(user='later')
        self.sign_in(later, later_key)

    def test_foreign(self):
        data, key = self.make()
        self.tpm.exchange()
        with self.assertRaises(CtapError):
            self.sign_in(data, key)
        self.tpm.exchange(0)
        self.sign_in(data, key)

    def test_gone(self):
        data, key = self.make()
        self.tpm.stop()
        self.assertStatus(0x7f, self.sign_in, data, key)
        self.assertStatus(0x7f, self.make, user='more')
        self.assertIn("can't be reached", self.info()['tpm_problem'])
        self.assertIn(b"can't be reached", self.keyfob('authenticator', 'info').stdout)
        self.sign_in(self.software, self.software_key)
        self.assertPasswordsWork()
        self.tpm.start()
        self.sign_in(data, key)
        self.assertFalse(self.info().get('tpm_problem'))

    def test_killed_in_the_middle(self):
        data, key = self.make()
        holder = self.tpm.hold()

        def end():
            self.tpm.process.kill()
            self.tpm.process.wait()
            holder.close()

        timer = threading.Timer(1, end)  # somewhere between the person's yes and the end of our patience
        timer.start()
        self.addCleanup(timer.join)
        with self.assertRaises(CtapError):
            self.sign_in(data, key)
        timer.join()  # it ends the TPM that there is
        self.assertPasswordsWork()
        self.tpm.restart()
        self.sign_in(data, key)

    def test_lockout_by_others(self):
        data, key = self.make()
        self.tpm.fill()
        self.sign_in(data, key)
        self.assertTrue(self.shown()['tpm_locked_out'])

    def test_busy(self):
        """Who has to wait for the TPM waits alone, and is served when it is free."""
        data, key = self.make()
        holder = self.tpm.hold()
        timer = threading.Timer(1, holder.close)
        timer.start()
        self.addCleanup(timer.join)
        self.sign_in(data, key)


class Policy(TpmTest):
    def test_shown_and_changed(self):
        policy = self.shown()
        self.assertEqual((policy['keys'], policy['seal'], policy['algorithms'], policy['always_uv'], policy['attestation'],
                          policy['tpm_usable'], policy['tpm_manufacturer']),
                         ('software', 'none', ['es256', 'eddsa', 'es384'], False, 'self', True, 'IBM'))
        self.policy('--algorithms', 'eddsa,es256', '--attestation', 'none', '--always-uv', 'yes')
        policy = self.shown()
        self.assertEqual((policy['algorithms'], policy['attestation'], policy['always_uv']), (['eddsa', 'es256'], 'none', True))
        self.again()
        self.assertEqual(self.shown(), policy)
        self.keyfob('lock')
        self.assertEqual(self.shown(), policy)
        self.assertIn(b'eddsa, es256', self.keyfob('passkey', 'policy').stdout)

    def test_wants_the_password(self):
        wrong = self.sandbox.write('wrong', 'wrong')
        self.keyfob('passkey', 'policy', '--keys', 'tpm', '--password-file', wrong, code=6)
        self.assertEqual(self.shown()['keys'], 'software')

    def test_refusals(self):
        for args in (['--keys', 'paper'], ['--seal', 'wax'], ['--always-uv', 'maybe'], ['--algorithms', ''],
                     ['--algorithms', 'rot13'], ['--algorithms', 'es256,es256'], ['--attestation', 'x']):
            with self.subTest(args):
                result = self.policy(*args, code=None)
                self.assertNotEqual(result.returncode, 0)
                self.assertOneLine(result.stderr)
        self.assertEqual(self.shown()['algorithms'], ['es256', 'eddsa', 'es384'])

    def test_no_tpm(self):
        self.tpm.stop()
        for args in (['--keys', 'tpm'], ['--seal', 'tpm']):
            result = self.policy(*args, code=None)
            self.assertNotEqual(result.returncode, 0)
            self.assertOneLine(result.stderr, "can't be reached")
        policy = self.shown()
        self.assertEqual((policy['keys'], policy['seal'], policy['tpm_usable']), ('software', 'none', False))
        self.assertIn("can't be reached", policy['tpm_problem'])

    def test_owner_with_a_password(self):
        self.tpm.tool('tpm2_changeauth', '-c', 'owner', 'secret')
        result = self.policy('--keys', 'tpm', code=None)
        self.assertNotEqual(result.returncode, 0)
        self.assertOneLine(result.stderr, '0x81000001')


del TpmTest

if __name__ == '__main__':
    kt.main()
