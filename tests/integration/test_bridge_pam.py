#!/usr/bin/python3
"""pam_u2f and pamu2fcfg through the bridge: libfido2 comes with a module that is opened while the program runs."""
import base64
import os
import pwd

import fido_bridge
import pam_stack
import keyfob_test as kt
from fido_bridge import DEVICE, PIN

USER = pwd.getpwuid(os.getuid()).pw_name
ORIGIN = 'pam://keyfob-test'
WRAPPER = 'libpam_wrapper.so'
PLACES = ('/usr/lib/x86_64-linux-gnu', '/usr/lib/aarch64-linux-gnu', '/usr/lib64', '/usr/lib', '/lib')
KEY_SIZE = 64


def find(name):
    return next((os.path.join(place, name) for place in PLACES if os.path.exists(os.path.join(place, name))), None)


class Pam(fido_bridge.BridgeTest):
    programs = ['pamtester', 'fido2-cred']

    def setUp(self):
        module = find('security/pam_u2f.so')
        if not module:
            self.skipTest('pam_u2f is not installed')
        if not find(WRAPPER):
            self.skipTest('pam_wrapper is not installed')
        super().setUp()
        self.services = os.path.join(self.sandbox.root, 'services.pam')
        os.mkdir(self.services)
        self.module = module
        self.env = {'PAM_WRAPPER': '1', 'PAM_WRAPPER_SERVICE_DIR': self.services}
        self.argv = ['sh', '-c', 'LD_PRELOAD="$LD_PRELOAD:$0" exec "$@"', find(WRAPPER), 'pamtester', 'keyfob-test', USER,
                     'authenticate']

    def service(self, line, *options):
        authfile = self.sandbox.write('authfile', line + '\n')
        self.sandbox.write('services.pam/keyfob-test', f'auth required {self.module} authfile={authfile} '
                           f'authpending_file={self.sandbox.root}/pending origin={ORIGIN} appid={ORIGIN} '
                           f'{" ".join(options)}\naccount required pam_permit.so\n', mode=0o644)

    def enrol(self, options='+presence'):
        """A line of the authfile, of a credential that fido2-cred made: not every pamu2fcfg takes self attestation."""
        source = self.sandbox.write('make', '\n'.join([base64.b64encode(bytes(32)).decode(), ORIGIN, USER,
                                                       base64.b64encode(b'id').decode(), '']))
        made = self.fido('fido2-cred', '-M', '-i', source, DEVICE).stdout
        identifier, pem = self.fido('fido2-cred', '-V', input=made).stdout.decode().split('\n', 1)
        key = base64.b64decode(''.join(line for line in pem.split('\n') if not line.startswith('-')))[-KEY_SIZE:]
        self.person.questions()
        return f'{USER}:{identifier},{base64.b64encode(key).decode()},es256,{options}'

    def authenticate(self, **how):
        with pam_stack.alone():
            return self.fido(*self.argv, env={**self.env, **how.pop('env', {})}, **how)

    def test_authenticated_by_touch(self):
        self.service(self.enrol())
        self.assertIn(b'successfully authenticated', self.authenticate().stdout)
        asked = self.person.questions()
        self.assertEqual([question['rp_id'] for question in asked], [ORIGIN])
        self.assertEqual(asked[0]['program'], 'pamtester')

    def test_refused_by_the_person(self):
        self.service(self.enrol())
        self.person.always('deny')
        self.assertNotIn(b'successfully', self.authenticate(code=1).stdout)

    def test_authenticated_by_pin(self):
        self.set_pin()
        self.service(self.enrol(options='+presence+pin'), 'pinverification=1')
        with pam_stack.alone():
            said = self.on_terminal(self.argv, ('PIN[^:]*:', PIN), env=self.env)
        self.assertIn(b'successfully authenticated', said)
        with pam_stack.alone():
            said = self.on_terminal(self.argv, ('PIN[^:]*:', '000000'), code=1, env=self.env)
        self.assertNotIn(b'successfully', said)

    def test_other_credential_is_refused(self):
        line = self.enrol()
        self.service(line.replace(line.split(':')[1].split(',')[0], base64.b64encode(os.urandom(32)).decode()))
        self.authenticate(code=1)

    def test_no_daemon(self):
        self.service(self.enrol())
        self.sandbox.stop_daemon()
        self.authenticate(env={'KEYFOB_CTAP_SOCKET': '/none'}, code=1)

    def test_enrolled_by_pamu2fcfg(self):
        program = fido_bridge.find('pamu2fcfg')
        if not program:
            self.skipTest('pamu2fcfg is not installed')
        # Version 1.1.0 takes nothing without a certificate.
        self.keyfob('passkey', 'policy', '--attestation', 'certificate', '--password-file',
                    self.sandbox.write('password', 'pass word'))
        result = self.fido(program, '-u', USER, '-o', ORIGIN, '-i', ORIGIN)
        asked = self.person.questions()
        self.assertEqual([question['program'] for question in asked], ['pamu2fcfg'])
        self.service(result.stdout.decode().strip())
        self.assertIn(b'successfully authenticated', self.authenticate().stdout)


if __name__ == '__main__':
    kt.main()
