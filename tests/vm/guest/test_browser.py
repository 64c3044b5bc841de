"""Chromium on a local page: what it registers and signs in with is checked by @simplewebauthn/server."""
import base64
import json
import os
import unittest

import browser
import guest
import keyfob_test as kt

SECONDS = 600  # for all of it: an emulated processor that others keep busy takes more than 200
PRF_SALT = base64.urlsafe_b64encode(b'salt').decode().rstrip('=')
PRF = {'prf': {'eval': {'first': PRF_SALT}}}


def challenge():
    return base64.urlsafe_b64encode(os.urandom(32)).decode().rstrip('=')


def registration(user, resident='discouraged', uv='discouraged', extensions=None):
    return {'kind': 'registration', 'publicKey': {
        'rp': {'id': 'localhost', 'name': 'Local'}, 'challenge': challenge(),
        'user': {'id': base64.urlsafe_b64encode(user.encode()).decode().rstrip('='), 'name': user, 'displayName': user},
        'pubKeyCredParams': [{'type': 'public-key', 'alg': -7}, {'type': 'public-key', 'alg': -257}],
        'authenticatorSelection': {'residentKey': resident, 'userVerification': uv,
                                   'authenticatorAttachment': 'cross-platform'},
        'hints': ['security-key'], 'extensions': extensions or {}, 'timeout': SECONDS * 1000}}


def sign_in(allow=None, uv='discouraged', extensions=None):
    wanted = {'kind': 'authentication', 'publicKey': {
        'rpId': 'localhost', 'challenge': challenge(), 'userVerification': uv, 'hints': ['security-key'],
        'extensions': extensions or {}, 'timeout': SECONDS * 1000}}
    if allow is not None:
        wanted['allow'] = allow
    return wanted


@guest.needs('chromium', 'Xvfb', 'xdotool')
class Browser(guest.KeyTest):
    """All ceremonies in one run of the browser, for its start is the slow part."""

    pin = '24681357'
    ceremonies = (
        registration('alice'),
        sign_in(allow=0),
        registration('bob', resident='required', uv='required', extensions=PRF),
        sign_in(uv='required', extensions=PRF),
        sign_in(uv='required', extensions=PRF),
    )

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        with browser.Site() as site, browser.Typist(cls.account, cls.pin) as typist:
            cls.origin = site.origin
            cls.results = site.visit(cls.account, cls.ceremonies, SECONDS, typist)

    def result(self, number):
        self.assertGreater(len(self.results), number, self.account.read_log())
        self.assertNotIn('error', self.results[number])
        return self.results[number]

    def verify(self, number, credential=None, uv=False):
        """What the relying party makes of this answer."""
        modules = self.account.stage.node_modules
        if not modules:
            self.skipTest('no node, or @simplewebauthn/server could not be fetched')
        wanted = self.ceremonies[number]
        question = {'kind': wanted['kind'], 'response': self.result(number), 'challenge': wanted['publicKey']['challenge'],
                    'origin': self.origin, 'rpId': 'localhost', 'credential': credential, 'requireUserVerification': uv}
        done = self.account.run(['node', os.path.join(os.path.dirname(kt.__file__), 'relying-party.mjs')],
                                input=json.dumps(question), env={'KEYFOB_NODE_MODULES': modules})
        verdict = json.loads(done.stdout)
        self.assertTrue(verdict['verified'], verdict)
        return verdict


    def test_second_factor_with_a_touch(self):
        credential = self.verify(0)['credential']
        self.assertFalse(self.verify(1, credential)['userVerified'])

    def test_passwordless_with_the_pin(self):
        credential = self.verify(2, uv=True)['credential']
        self.assertEqual(self.result(3)['id'], credential['id'])
        self.assertTrue(self.verify(3, credential, uv=True)['userVerified'])

    def test_prf_gives_the_same_secret_again(self):
        self.assertTrue(self.result(2)['clientExtensionResults']['prf']['enabled'])
        first, second = (self.result(number)['clientExtensionResults']['prf']['results']['first'] for number in (3, 4))
        self.assertEqual(first, second)
        self.assertEqual(len(base64.urlsafe_b64decode(first + '=')), 32)


if __name__ == '__main__':
    unittest.main()
