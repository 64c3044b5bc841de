"""systemd-cryptenroll: the key opens a LUKS2 image (hmac-secret), with and without a PIN."""
import os
import unittest

import guest

PIN = '24681357'
NAME = 'keyfob-test'
IMAGE_SIZE = 24 << 20
PASSPHRASE = 'passphrase'
PLUGIN = '/lib/x86_64-linux-gnu/cryptsetup/libcryptsetup-token-systemd-fido2.so'
CRYPTSETUP = '/lib/systemd/systemd-cryptsetup'


@guest.needs('systemd-cryptenroll', 'cryptsetup')
@unittest.skipUnless(os.path.exists(PLUGIN), 'no token plugin of systemd for cryptsetup')
class Luks(guest.KeyTest):
    def setUp(self):
        super().setUp()
        self.image = self.account.write('image', b'')
        os.truncate(self.image, IMAGE_SIZE)
        self.account.root_run(
            ['cryptsetup', 'luksFormat', '--batch-mode', '--type', 'luks2', '--pbkdf', 'pbkdf2',
             '--pbkdf-force-iterations', '1000', '--key-file', '-', self.image], input=PASSPHRASE)

    def opened(self):
        return os.path.exists('/dev/mapper/' + NAME)

    def close_image(self):
        self.assertTrue(self.opened())
        self.account.root_run(['cryptsetup', 'close', NAME])


class Touch(Luks):
    def setUp(self):
        super().setUp()
        self.account.root_run(
            ['systemd-cryptenroll', f'--fido2-device={self.account.node}', '--fido2-with-client-pin=no', self.image],
            env={'PASSWORD': PASSPHRASE})

    def test_cryptsetup_opens_it_by_its_token(self):
        self.account.root_run(['cryptsetup', 'open', '--token-only', self.image, NAME])
        self.close_image()

    def test_systemd_cryptsetup_opens_it(self):
        self.account.root_run([CRYPTSETUP, 'attach', NAME, self.image, '-', 'fido2-device=auto,headless=true'])
        self.close_image()

    def test_a_refused_touch_leaves_it_closed(self):
        with self.refusing():
            done = self.account.root_run(['cryptsetup', 'open', '--token-only', self.image, NAME], code=None)
        self.assertNotEqual(done.returncode, 0)
        self.assertFalse(self.opened())


class Verified(Luks):
    """With alwaysUv: else systemd makes the secret without the PIN that it asks for later, where a key lets it."""

    pin = PIN

    def test_cryptsetup_opens_it_with_the_pin(self):
        self.type_answers(self.account.terminal(['fido2-token', '-S', '-u', self.account.node]), ('PIN', PIN))
        self.type_answers(self.account.root_terminal(
            ['systemd-cryptenroll', f'--fido2-device={self.account.node}', '--fido2-with-client-pin=yes', self.image],
            env={'PASSWORD': PASSPHRASE}), ('PIN', PIN))
        terminal = self.account.root_terminal(['cryptsetup', 'open', '--token-only', self.image, NAME])
        self.type_answers(terminal, ('PIN', PIN))
        self.close_image()


if __name__ == '__main__':
    unittest.main()
