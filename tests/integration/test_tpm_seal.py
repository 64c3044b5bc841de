#!/usr/bin/python3
"""Passkeys that a TPM seals: they open with the vault and this TPM, and with nothing less; passwords don't wait for it."""
import time

import keyfob_test as kt
from secret_client import Client
from tpm_key import PASSWORD, CtapError, TpmTest


class Seal(TpmTest):
    def setUp(self):
        super().setUp()
        self.data, self.key = self.make()
        self.keyfob('set', 'service', 'other', input=b'value')
        self.policy('--seal', 'tpm')

    def assertOpens(self):
        self.sign_in(self.data, self.key)
        self.assertEqual(self.shown()['seal'], 'tpm')

    def assertClosed(self, *words):
        """Passkeys wait for the TPM; passwords don't."""
        with self.assertRaises(CtapError):
            self.sign_in(self.data, self.key)
        result = self.keyfob('passkey', 'list', code=3)
        self.assertOneLine(result.stderr, 'sealed by the TPM', *words)
        info = self.info()
        self.assertTrue(info['locked'])
        self.assertIn('sealed by the TPM', info['tpm_problem'])
        self.assertIn('sealed by the TPM', self.sandbox.read_log())
        self.assertEqual(self.keyfob('get', 'service', 'other').stdout, b'value')
        self.assertPasswordsWork()
        self.keyfob('check')

    def test_opens_after_a_restart(self):
        self.assertOpens()
        self.again()
        self.assertOpens()
        self.assertFalse(self.info().get('tpm_problem'))
        self.keyfob('lock')
        self.assertTrue(self.info()['locked'])
        self.sandbox.unlock(PASSWORD)
        self.assertEqual(len(self.passkeys()), 1)
        self.assertOpens()
        self.keyfob('check')
        self.assertEmpty()

    def test_the_file_alone_opens_no_passkey(self):
        self.again()
        self.tpm.exchange()
        self.again()
        self.assertClosed('another')
        self.tpm.exchange(0)
        self.assertOpens()  # the next who needs it asks again

    def test_gone_and_back(self):
        self.tpm.stop()
        self.again()
        self.assertClosed("can't be reached")
        result = self.policy('--seal', 'none', code=3)
        self.assertOneLine(result.stderr, "can't be reached")
        self.tpm.start()
        self.assertOpens()
        self.assertFalse(self.info().get('tpm_problem'))

    def test_taken_off(self):
        self.policy('--seal', 'none')
        self.sign_in(self.data, self.key)
        self.tpm.stop()
        self.again()
        self.sign_in(self.data, self.key)
        self.assertEqual(self.shown()['seal'], 'none')
        self.keyfob('check')

    def test_software_keys_and_keys_in_the_tpm(self):
        self.policy('--keys', 'tpm')
        data, key = self.make(user='in the tpm')
        self.again()
        self.sign_in(data, key)
        self.assertOpens()

    def test_a_new_password(self):
        new = self.sandbox.write('new', 'other word')
        self.keyfob('passwd', '--password-file', self.password, '--new-password-file', new)
        self.again('other word')
        self.assertOpens()

    def test_new_keys(self):
        self.keyfob('rekey', '--password-file', self.password)
        self.assertOpens()
        self.again()
        self.assertOpens()
        self.keyfob('check')
        self.tpm.stop()
        self.again()
        result = self.keyfob('rekey', '--password-file', self.password, code=None)
        self.assertNotEqual(result.returncode, 0)
        self.assertOneLine(result.stderr, 'TPM')

    def test_deleted_ones(self):
        identifier = self.data.credential_data.credential_id.hex()
        self.keyfob('passkey', 'delete', identifier)
        self.again()
        self.keyfob('passkey', 'undelete', identifier)
        self.assertOpens()

    def test_killed_while_it_changes(self):
        for _ in range(3):
            process = self.sandbox.spawn([self.sandbox.stage.keyfob, 'passkey', 'policy', '--seal', 'none', '--password-file',
                                          self.password])
            time.sleep(0.05)                        # where the blow falls is left to chance
            self.sandbox.kill_daemon()
            process.wait(60)
            self.sandbox.kill_started_daemon()
            self.start()
            self.sign_in(self.data, self.key)
            self.keyfob('check')
            self.policy('--seal', 'tpm')

    def test_given_up(self):
        """A TPM that was cleared opens nothing; the owner can go on without."""
        self.tpm.tool('tpm2_clear')
        self.again()
        self.assertClosed('abandon-sealed')
        wrong = self.sandbox.write('wrong', 'wrong')
        self.keyfob('passkey', 'policy', '--abandon-sealed', '--password-file', wrong, code=6)
        self.policy('--abandon-sealed')
        self.assertEqual(self.passkeys(), [])
        self.assertEqual(self.shown()['seal'], 'none')
        self.assertFalse(self.info()['locked'])
        data, key = self.make()
        self.sign_in(data, key)
        self.assertNotEqual(self.policy('--abandon-sealed', code=None).returncode, 0)
        self.sign_in(data, key)
        self.keyfob('check')
        self.policy('--seal', 'tpm')
        self.again()
        self.sign_in(data, key)

    def test_what_the_tpm_opens_is_not_given_up(self):
        """Even when the vault was locked, and the TPM is asked only now."""
        self.keyfob('lock')
        result = self.policy('--abandon-sealed', code=None)
        self.assertNotEqual(result.returncode, 0)
        self.assertOneLine(result.stderr, 'nothing to abandon')
        self.assertEqual(len(self.passkeys()), 1)
        self.assertOpens()

    def test_the_daemon_ends_while_somebody_waits_for_the_tpm(self):
        self.keyfob('lock')
        with self.tpm.hold(), Client('unix:path=' + self.sandbox.socket) as client:
            self.sandbox.unlock(PASSWORD)
            waiting = [client.send('/org/keyfob', 'org.keyfob.Authenticator1', 'ListPasskeys', 'a{sv}', {}),
                       client.send('/org/keyfob', 'org.keyfob.Authenticator1', 'GetPolicy')]
            client.store('Status')  # comes after them
            self.assertEqual(client.replies, {})
            self.sandbox.stop_daemon()
            for call in waiting:
                with self.assertRaises(ConnectionResetError):
                    client.wait(call)
        self.start()
        self.assertOpens()

    def test_what_fails_changes_nothing(self):
        """The seal can't be put on, so the rest of the policy is not changed either."""
        self.policy('--seal', 'none')
        self.tpm.fill_sessions()  # it says how it is, and can't make a key
        result = self.policy('--seal', 'tpm', '--always-uv', 'yes', code=None)
        self.assertNotEqual(result.returncode, 0)
        self.assertOneLine(result.stderr, 'no room')
        self.tpm.tool('tpm2_flushcontext', '-l')
        self.assertEqual((self.shown()['seal'], self.shown()['always_uv']), ('none', False))
        self.policy('--seal', 'tpm', '--always-uv', 'yes')
        self.assertEqual((self.shown()['seal'], self.shown()['always_uv']), ('tpm', True))


del TpmTest

if __name__ == '__main__':
    kt.main()
