#!/usr/bin/python3
"""ssh with libsk-keyfob.so: keys are made and used, by a real ssh-keygen, ssh and sshd."""
import os
import shutil

import keyfob_test as kt
import ssh_provider
from ssh_provider import KINDS, PIN, WRONG


class Login(ssh_provider.ProviderTest):
    def test_login_with_each_kind_of_key(self):
        self.someone()
        keys = {kind: self.keygen(kind, kind) for kind in KINDS}
        for kind, key in keys.items():
            self.assertIn('sk-' + {'ed25519-sk': 'ssh-ed25519', 'ecdsa-sk': 'ecdsa-sha2-nistp256'}[kind], key)
        self.assertEqual([(question['rp_id'], question['user']) for question in self.person.questions()],
                         [('ssh:', 'openssh')] * 2)
        options = self.serve(*keys.values())
        for kind in KINDS:
            with self.subTest(kind):
                self.login(options, kind)
                asked = self.person.questions()
                self.assertEqual([(question['purpose'], question['rp_id'], question['program']) for question in asked],
                                 [('user-presence', 'ssh:', 'ssh-sk-helper')])
