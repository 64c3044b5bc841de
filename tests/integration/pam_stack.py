"""pam_keyfob in a stack of its own, with pam_wrapper: a daemon, a vault and a person for each test.

    class Login(pam_stack.PamTest):
        def test_pin(self):
            self.set_pin()
            self.service('cue', authfile=self.enrol('+presence'))
            said = self.log_in(answers=[fido_bridge.PIN])       # what the person saw; .code is the stack's answer
"""
import base64
import contextlib
import fcntl
import os
import pwd
import tempfile
import unittest

import fido_bridge
import fingerprint
import keyfob_test as kt
import person

USER = pwd.getpwuid(os.getuid()).pw_name
ORIGIN = 'pam://keyfob-test'
WRAPPER = 'libpam_wrapper.so'
PLACES = ('/usr/lib/x86_64-linux-gnu', '/usr/lib/aarch64-linux-gnu', '/usr/lib64', '/usr/lib', '/lib')
KEY_SIZE = 64
SUCCESS, SERVICE_ERR, SYSTEM_ERR, BUF_ERR, AUTH_ERR, AUTHINFO_UNAVAIL, USER_UNKNOWN, IGNORE = 0, 3, 4, 5, 7, 9, 10, 25


def find(name):
    return next((os.path.join(place, name) for place in PLACES if os.path.exists(os.path.join(place, name))), None)


@contextlib.contextmanager
def alone():
    """One program under pam_wrapper at a time on this machine: two that begin at once take the same directory below /tmp, and one
    meets the other's stack."""
    with open(os.path.join(tempfile.gettempdir(), f'keyfob-pam-wrapper-{os.getuid()}'), 'w', encoding='utf-8') as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def module():
    return os.path.join(kt.stage().libdir, 'security', 'pam_keyfob.so')


def client():
    return os.path.join(kt.BUILD, 'tests', 'integration', 'pam-client')


def skip_unless_built():
    if not os.path.exists(module()):
        raise unittest.SkipTest('built without PAM')
    if not find(WRAPPER):
        raise unittest.SkipTest('pam_wrapper is not installed')


class Said(str):
    code = None


class Stacks:
    """Services of a scratch directory, and a program that uses them."""

    def make_services(self):
        self.services = os.path.join(self.sandbox.root, 'services.pam')
        os.mkdir(self.services)

    def stack(self, lines, name='keyfob-test'):
        self.sandbox.write(f'services.pam/{name}', '\n'.join(lines) + '\n', mode=0o644)

    def options(self, *options, authfile=None):
        remote = ['allow_remote'] if fingerprint.at_a_distance() else []
        return ' '.join([f'authfile={authfile or "/none"}', 'authpending_file=', f'origin={ORIGIN}', f'mirror={self.sandbox.root}',
                         *remote, *options])

    def service(self, *options, authfile=None, control='required'):
        self.stack([f'auth {control} {module()} {self.options(*options, authfile=authfile)}', 'account required pam_permit.so'])

    def log_in(self, answers=(), stages=('authenticate',), host=None, user=USER, code=SUCCESS, bridge=True, env=None):
        argv = [client(), *(['-r', host] if host else []), *(word for answer in answers for word in ('-a', answer)),
                'keyfob-test', user, *stages]
        wrapped = ['sh', '-c', 'LD_PRELOAD="${LD_PRELOAD:+$LD_PRELOAD:}$0" exec "$@"', find(WRAPPER), *argv]
        env = {'PAM_WRAPPER': '1', 'PAM_WRAPPER_SERVICE_DIR': self.services, **(env or {})}
        with alone():
            if bridge:
                result = self.keyfob('fido2', '--', *wrapped, env=env, code=None)
            else:
                result = self.sandbox.run(wrapped, env=env, code=None)
        said = Said(result.stdout.decode())
        said.code = result.returncode
        if code is not None:
            self.assertEqual(said.code, code, said + result.stderr.decode() + self.sandbox.read_log())
        return said


class PamTest(Stacks, fido_bridge.BridgeTest):
    programs = ['fido2-cred']

    def setUp(self):
        skip_unless_built()
        super().setUp()
        self.make_services()

    def credential(self, origin=ORIGIN):
        """id, key, algorithm of a new credential in the daemon's security key, made by libfido2's own tool."""
        source = self.sandbox.write('make', '\n'.join([base64.b64encode(bytes(32)).decode(), origin, USER,
                                                       base64.b64encode(b'id').decode(), '']))
        made = self.fido('fido2-cred', '-M', '-i', source, fido_bridge.DEVICE).stdout
        identifier, pem = self.fido('fido2-cred', '-V', input=made).stdout.decode().split('\n', 1)
        key = base64.b64decode(''.join(line for line in pem.split('\n') if not line.startswith('-')))[-KEY_SIZE:]
        self.person.questions()
        return f'{identifier},{base64.b64encode(key).decode()},es256'

    def write_authfile(self, text, mode=0o644):
        return self.sandbox.write('authfile', text, mode=mode)

    def enrol(self, options='+presence'):
        return self.write_authfile(f'{USER}:{self.credential()},{options}\n')


wait_for = person.wait_for
