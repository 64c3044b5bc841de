"""keyfob key over hidraw: for root, the key of an ordinary user is one of another maker's."""
import contextlib
import json
import os
import time

import guest
import keyfob_test as kt
from person import wait_for

PIN, OTHER_PIN = '24681357', '13572468'
TRIES = 5
TOO_LATE = 11  # seconds after it was plugged in


class Keys(guest.KeyTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.begun = time.monotonic()
        cls.owner = kt.Sandbox()
        cls.addClassCleanup(cls._close)
        cls.owner.use_pinentry(None)
        cls.owner.start_daemon(timeout=guest.PATIENCE)
        cls.owner.init(guest.PASSWORD)
        wait_for(lambda: guest.nodes(0), 'a device of root\'s', guest.PATIENCE)

    @classmethod
    def _close(cls):
        cls.owner.close()
        wait_for(lambda: not guest.nodes(0), 'the device to go', guest.PATIENCE)

    def key(self, *args, code=0):
        return self.owner.run([self.owner.stage.keyfob, 'key', *args], code=code, timeout=guest.PATIENCE)

    def pin_file(self, pin, name='pin'):
        return self.owner.write(name, pin + '\n')

    def test_1_its_own_is_left_out(self):
        self.assertEqual([key['path'] for key in json.loads(self.key('list', '--json').stdout)], [self.account.node])
        self.assertIn(b'keyfob authenticator', self.key('info', guest.nodes(0)[0], code=4).stderr)

    def test_2_another_user_may_not_open_it(self):
        done = self.account.run([self.owner.stage.keyfob, 'key', 'info', guest.nodes(0)[0]], code=None, timeout=guest.PATIENCE)
        self.assertNotEqual(done.returncode, 0)
        self.assertEqual(done.stdout, b'')

    def test_3_pin_is_set_and_changed(self):
        self.assertFalse(json.loads(self.key('info', '--json').stdout)['pin_set'])
        self.key('pin', 'set', '--pin-file', self.pin_file(PIN))
        self.assertTrue(json.loads(self.account.keyfob('authenticator', 'info', '--json').stdout)['pin_set'])
        self.key('pin', 'change', '--old-pin-file', self.pin_file(PIN, 'old'), '--pin-file', self.pin_file(OTHER_PIN))
        self.assertIn(b'7 tries left', self.key('passkey', 'list', '--pin-file', self.pin_file(PIN), code=6).stderr)

    def test_4_passkeys_and_settings(self):
        pin = self.pin_file(OTHER_PIN)
        self.assertEqual(json.loads(self.key('passkey', 'list', '--json', '--pin-file', pin).stdout), [])
        self.key('config', '--always-uv', 'yes', '--pin-file', pin)
        self.assertTrue(json.loads(self.account.keyfob('authenticator', 'info', '--json').stdout)['always_uv'])

    def plugged_in(self):
        """The kernel's name of the device, which no later one has, as the node's may."""
        nodes = guest.nodes(guest.UID)
        with contextlib.suppress(OSError):
            return os.path.realpath(os.path.join('/sys/class/hidraw', os.path.basename(nodes[0]), 'device')) if nodes else None

    def test_5_reset_after_it_was_plugged_in(self):
        time.sleep(max(0, self.begun + TOO_LATE - time.monotonic()))
        self.assertIn(b'10 seconds', self.key('reset', '--yes', code=4).stderr.replace(b'ten seconds', b'10 seconds'))
        # Ten seconds are not much for two programs in an emulated guest, so it may take another try.
        for _ in range(TRIES):
            before = self.plugged_in()
            self.account.keyfob('authenticator', 'replug')
            wait_for(lambda before=before: self.plugged_in() not in (None, before), 'a new device', guest.PATIENCE)
            self.account.wait_for_node()
            done = self.key('reset', '--yes', code=None)
            if done.returncode != 4:
                break
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertFalse(json.loads(self.account.keyfob('authenticator', 'info', '--json').stdout)['pin_set'])


if __name__ == '__main__':
    kt.main()
