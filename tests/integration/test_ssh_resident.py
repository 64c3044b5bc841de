#!/usr/bin/python3
"""Resident keys of OpenSSH in Keyfob: made, replaced, loaded by ssh-keygen and by ssh-add, and used."""
import json
import os

import keyfob_test as kt
import ssh_provider
from ssh_provider import PIN, WRONG

OVERWRITE = 'A resident key scoped to .* already exists'


class Resident(ssh_provider.ProviderTest):
    programs = [*ssh_provider.ProviderTest.programs, 'ssh-agent', 'ssh-add']

    def setUp(self):
        super().setUp()
        self.set_pin()
        self.someone(PIN)

    def resident(self, kind, name, *options, **how):
        return self.keygen(kind, name, '-O', 'resident', *options, **how)

    def loaded(self, pin=PIN, code=0):
        """{file: its public key} after `ssh-keygen -K`, which asks for a PIN by askpass."""
        place = self.path('loaded')
        os.makedirs(place, exist_ok=True)
        for name in os.listdir(place):
            os.unlink(os.path.join(place, name))
        result = self.sandbox.run(['ssh-keygen', '-K', '-N', ''], env=self.askpass(pin), cwd=place, code=code)
        self.result = result
        return {name.removesuffix('.pub'): self.read('loaded/' + name).split()[:2]
                for name in os.listdir(place) if name.endswith('.pub')}

    def passkeys(self):
        return json.loads(self.keyfob('passkey', 'list', '--json').stdout)

    def test_load_and_log_in(self):
        keys = {'id_ed25519_sk_rk': self.resident('ed25519-sk', 'one'),
                'id_ecdsa_sk_rk_corp_alice': self.resident('ecdsa-sk', 'two', '-O', 'application=ssh:corp', '-O',
                                                           'user=alice'),
                'id_ed25519_sk_rk_corp_bob': self.resident('ed25519-sk', 'three', '-O', 'application=ssh:corp', '-O',
                                                           'user=bob', '-O', 'verify-required')}
        self.keygen('ed25519-sk', 'other')  # stays where it is
        self.assertEqual([(q['kind'], q['rp_id']) for q in self.person.questions()],
                         [('secret', 'ssh:'), ('secret', 'ssh:corp'), ('secret', 'ssh:corp'), ('confirm', 'ssh:')])
        self.assertEqual([(passkey['rp_id'], passkey['user_name']) for passkey in self.passkeys()],
                         [('ssh:', 'openssh'), ('ssh:corp', 'bob'), ('ssh:corp', 'alice'), ('ssh:', 'openssh')])

        loaded = self.loaded()
        self.assertEqual(self.person.questions(), [])  # ssh-keygen has asked for the PIN
        self.assertEqual(loaded, {name: key.split()[:2] for name, key in keys.items()})
        options = self.serve(*(('verify-required ' if 'bob' in name else '') + key for name, key in keys.items()))
        for name in keys:
            self.login(options, 'loaded/' + name)
        self.assertEqual([q['purpose'] for q in self.person.questions()].count('user-verification'), 1)

    def test_load_by_the_prompter(self):
        """Enter, at ssh-keygen's question: then the daemon asks."""
        key = self.resident('ed25519-sk', 'one')
        self.person.questions()
        self.assertEqual(self.loaded(pin=''), {'id_ed25519_sk_rk': key.split()[:2]})
        self.assertEqual([(q['kind'], q['rp_id']) for q in self.person.questions()], [('secret', 'ssh:')])

    def test_load_with_a_wrong_pin(self):
        self.resident('ed25519-sk', 'one')
        self.assertEqual(self.loaded(pin=WRONG, code=255), {})
        self.assertLess(json.loads(self.keyfob('authenticator', 'info', '--json').stdout)['pin_retries'], 8)
        self.assertEqual(len(self.loaded()), 1)

    def test_load_refused(self):
        self.resident('ed25519-sk', 'one')
        self.person.always('deny')
        self.assertEqual(self.loaded(pin='', code=255), {})
        self.assertIn(b'keyfob: it was refused', self.result.stderr)

    def test_load_from_the_agent(self):
        keys = [self.resident('ed25519-sk', 'one'),
                'verify-required ' + self.resident('ecdsa-sk', 'two', '-O', 'verify-required', '-O', 'user=alice')]
        env = {**self.agent(), **self.askpass(PIN)}
        self.sandbox.run(['ssh-add', '-K'], env=env)
        listed = self.sandbox.run(['ssh-add', '-L'], env=env).stdout.decode()
        options = self.serve(*keys)
        for name in ('one', 'two'):
            self.assertIn(' '.join(self.read(name + '.pub').split()[:2]), listed)
            self.person.questions()
            result = self.sandbox.run(self.ssh(options, name + '.pub', '-o', 'BatchMode=yes'), env=env)
            self.assertEqual(result.stdout, b'in-42\n')
            self.assertEqual(len(self.person.questions()), 1)

    def test_one_takes_the_place_of_another(self):
        first = self.resident('ed25519-sk', 'first')
        self.resident('ed25519-sk', 'bob', '-O', 'user=bob')  # another user is another key
        argv = ['ssh-keygen', '-q', '-t', 'ed25519-sk', '-N', '', '-f', self.path('second'), '-O', 'resident']
        self.on_terminal(argv, (OVERWRITE, 'n'), code=255)
        self.assertFalse(os.path.exists(self.path('second')))
        self.assertEqual(self.loaded()['id_ed25519_sk_rk'], first.split()[:2])

        self.on_terminal(argv, (OVERWRITE, 'y'))
        loaded = self.loaded()
        self.assertEqual(loaded['id_ed25519_sk_rk'], self.read('second.pub').split()[:2])
        self.assertEqual(sorted(loaded), ['id_ed25519_sk_rk', 'id_ed25519_sk_rk_bob'])
        self.login(self.serve(self.read('second.pub')), 'second')
        self.assertEqual(self.login(self.serve(first), 'first', code=255).stdout, b'')

    def test_made_by_keyfob(self):
        """The same account to ssh-keygen as one that it made itself."""
        line = self.keyfob('ssh', 'add', '--type', 'ed25519-sk', '--resident').stdout.decode()
        self.keyfob('ssh', 'add', '--type', 'ed25519-sk', '--resident', '--user', 'bob')
        loaded = self.loaded()
        self.assertEqual(sorted(loaded), ['id_ed25519_sk_rk', 'id_ed25519_sk_rk_bob'])
        self.assertEqual(loaded['id_ed25519_sk_rk'], line.split()[:2])
        argv = ['ssh-keygen', '-q', '-t', 'ed25519-sk', '-N', '', '-f', self.path('second'), '-O', 'resident']
        self.on_terminal(argv, (OVERWRITE, 'n'), code=255)

    def test_none(self):
        self.keygen('ed25519-sk', 'one')
        self.assertEqual(self.loaded(), {})


class WithoutPin(ssh_provider.ProviderTest):
    def test_load(self):
        self.someone()
        self.keygen('ed25519-sk', 'one', '-O', 'resident')
        result = self.sandbox.run(['ssh-keygen', '-K', '-N', ''], env=self.askpass(PIN), code=None)
        self.assertNotEqual(result.returncode, 0)
        self.assertIn(b'keyfob: the security key has no PIN', result.stderr)


if __name__ == '__main__':
    kt.main()
