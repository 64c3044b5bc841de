#!/usr/bin/python3
"""libsk-keyfob.so with another maker's security key: a second Keyfob plays it, as a device of libfido2 by the bridge."""
import os

import fido_bridge
import keyfob_test as kt
import ssh_provider
from person import Person
from ssh_provider import PIN, WRONG

OTHER = fido_bridge.DEVICE


class Hardware(ssh_provider.ProviderTest):
    def setUp(self):
        super().setUp()
        self.someone()
        self.other = kt.Sandbox()
        self.addCleanup(self._leave_other)
        self.other.use_pinentry(None)
        self.other.start_daemon()
        self.other.init('pass word')
        self.other_person = Person(self.other, always='allow')
        self.plug_in()

    def _leave_other(self):
        self.other.close()
        self.other.check_sanitizers()

    def plug_in(self):
        self.sandbox.env['LD_PRELOAD'] = fido_bridge.preload()
        self.sandbox.env['KEYFOB_CTAP_SOCKET'] = os.path.join(self.other.runtime, 'keyfob', 'ctap')

    def pull_out(self):
        del self.sandbox.env['LD_PRELOAD']

    def set_other_pin(self):
        self.other.keyfob('authenticator', 'pin', 'set', '--pin-file', self.other.write('pin', PIN))

    def questions(self):
        """How often each of the two was asked since the last look."""
        return len(self.person.questions()), len(self.other_person.questions())

    def test_the_key_handle_tells(self):
        ours = self.keygen('ed25519-sk', 'ours')
        self.assertEqual(self.questions(), (1, 0))  # Keyfob, unless another is named
        theirs = self.keygen('ecdsa-sk', 'theirs', '-O', f'device={OTHER}')
        self.assertEqual(self.questions(), (0, 1))
        options = self.serve(ours, theirs)
        self.login(options, 'theirs')
        self.assertEqual(self.questions(), (0, 1))
        self.login(options, 'ours')
        self.assertEqual(self.questions(), (1, 0))

    def test_by_the_name_of_the_product(self):
        self.keygen('ed25519-sk', 'theirs', '-O', 'device=security key')
        self.assertEqual(self.questions(), (0, 1))

    def test_pulled_out(self):
        options = self.serve(self.keygen('ed25519-sk', 'theirs', '-O', f'device={OTHER}'))
        self.pull_out()
        self.login(options, 'theirs', code=255)
        self.plug_in()
        self.login(options, 'theirs')

    def test_refused(self):
        options = self.serve(self.keygen('ed25519-sk', 'theirs', '-O', f'device={OTHER}'))
        self.other_person.always('deny')
        result = self.login(options, 'theirs', code=255)
        self.assertIn(b'keyfob: the security key refused', result.stderr)

    def test_ssh_asks_for_its_pin(self):
        self.set_other_pin()
        env = self.askpass(PIN)
        key = self.keygen('ed25519-sk', 'theirs', '-O', 'verify-required', '-O', f'device={OTHER}', env=env)
        self.assertIn('Enter PIN for authenticator', self.asked())
        options = self.serve('verify-required ' + key)
        env = self.askpass(PIN)
        self.login(options, 'theirs', env=env)
        self.assertIn('Enter PIN for ED25519-SK key', self.asked())
        env = self.askpass(WRONG)
        self.login(options, 'theirs', code=255, env=env)

    def test_without_a_pin(self):
        result = self.try_keygen('ed25519-sk', 'theirs', '-O', 'verify-required', '-O', f'device={OTHER}')
        self.assertNotEqual(result.returncode, 0)
        self.assertIn(b'keyfob: the security key has no PIN: set one with keyfob key pin set', result.stderr)

    def test_its_resident_keys(self):
        self.set_other_pin()
        env = self.askpass(PIN)
        made = [self.keygen('ed25519-sk', name, '-O', 'resident', '-O', f'device={OTHER}', '-O', f'user={name}', env=env)
                for name in ('alice', 'bob')]
        argv = ['ssh-keygen', '-q', '-t', 'ed25519-sk', '-N', '', '-f', self.path('again'), '-O', 'resident', '-O',
                f'device={OTHER}', '-O', 'user=alice']
        self.on_terminal(argv, ('Enter PIN', PIN), ('already exists', 'n'), code=255)

        for options in ([], ['-O', f'device={OTHER}']):  # by itself: Keyfob has none
            place = self.path('loaded' + str(len(options)))
            os.mkdir(place)
            self.sandbox.run(['ssh-keygen', '-K', '-N', '', *options], env=env, cwd=place)
            loaded = [self.read(os.path.join(place, f'id_ed25519_sk_rk_{name}.pub')).split()[:2] for name in ('alice', 'bob')]
            self.assertEqual(loaded, [key.split()[:2] for key in made])
        self.login(self.serve(made[0]), os.path.join(place, 'id_ed25519_sk_rk_alice'))

    def test_keyfob_locked_with_nobody_to_open_it(self):
        """The other one's key is found all the same."""
        options = self.serve(self.keygen('ed25519-sk', 'theirs', '-O', f'device={OTHER}'))
        self.keyfob('lock', env={'LD_PRELOAD': None})
        self.person_leaves()
        self.login(options, 'theirs')

    def test_keyfobd_that_does_not_run(self):
        options = self.serve(self.keygen('ed25519-sk', 'theirs', '-O', f'device={OTHER}'))
        self.sandbox.stop_daemon()
        self.login(options, 'theirs')


if __name__ == '__main__':
    kt.main()
