#!/usr/bin/python3
"""libfido2 on the daemon's socket: each scenario of fido-client*.c, on a security key of its own."""
import glob
import os
import re
import unittest

import fido_key
import keyfob_test as kt

CLIENT = os.path.join(kt.BUILD, 'tests', 'integration', 'fido-client')
SOURCES = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'fido-client*.c')


@unittest.skipUnless(os.path.exists(CLIENT), 'built without libfido2')
class LibFido2(kt.KeyfobTest):
    def setUp(self):
        super().setUp()
        self.sandbox.use_pinentry(None)
        self.sandbox.start_daemon()
        self.sandbox.init('pass word')
        fido_key.start_person(self.sandbox)

    def scenario(self, *names):
        self.sandbox.run([CLIENT, fido_key.socket_path(self.sandbox), *names])

    def test_one_key_for_all(self):
        """The scenarios that leave the key usable for others, one after the other on one key."""
        self.scenario('info', 'algorithms', 'exclude_and_probe', 'u2f', 'touch', 'pin_then_verification', 'hmac_secret',
                      'large_blob', 'many_credentials_of_one_party', 'credential_management', 'ssh_key', 'largest_list')


def add_scenarios():
    for source in glob.glob(SOURCES):
        with open(source, encoding='utf-8') as file:
            for name in re.findall(r'^TEST\((\w+)\)', file.read(), re.M):
                setattr(LibFido2, f'test_{name}', lambda self, name=name: self.scenario(name))


add_scenarios()

if __name__ == '__main__':
    kt.main()
