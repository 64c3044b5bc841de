#!/usr/bin/python3
"""What OpenSSH's programs never do, or not yet: the library's functions, called by themselves."""
import json
import sys

import keyfob_test as kt
import ssh_provider
from ssh_provider import PIN

ECDSA, ED25519 = 0, 1
PRESENCE, VERIFICATION, RESIDENT = 0x01, 0x04, 0x20
GENERAL, UNSUPPORTED, PIN_REQUIRED, NO_DEVICE = -1, -2, -3, -4

# Reads calls as JSON, one in a line, and answers each with what it returned.
CALLER = '''
import ctypes, json, sys
class Option(ctypes.Structure):
    _fields_ = [('name', ctypes.c_char_p), ('value', ctypes.c_char_p), ('required', ctypes.c_uint8)]
library = ctypes.CDLL(sys.argv[1])
library.sk_api_version.restype = ctypes.c_uint32
def options(listed):
    pointers = [ctypes.pointer(Option(name.encode(), value.encode(), required)) for name, value, required in listed]
    return (ctypes.POINTER(Option) * (len(pointers) + 1))(*pointers, None)
for line in sys.stdin:
    call = json.loads(line)
    response, n = ctypes.c_void_p(), ctypes.c_size_t()
    pin = call['pin'].encode() if call.get('pin') else None
    given = options(call.get('options', []))
    data = call.get('data', 'data').encode()
    application = call.get('application', 'ssh:').encode()
    if call['call'] == 'version':
        r = library.sk_api_version()
    elif call['call'] == 'enroll':
        r = library.sk_enroll(call['alg'], data, ctypes.c_size_t(len(data)), application, call['flags'], pin, given,
                              ctypes.byref(response))
    elif call['call'] == 'sign':
        handle = bytes.fromhex(call['handle'])
        r = library.sk_sign(call['alg'], data, ctypes.c_size_t(len(data)), application, handle, ctypes.c_size_t(len(handle)),
                            call['flags'], pin, given, ctypes.byref(response))
    else:
        r = library.sk_load_resident_keys(pin, given, ctypes.byref(response), ctypes.byref(n))
    print(json.dumps([r, bool(response), n.value]), flush=True)
'''


class Calls(ssh_provider.ProviderTest):
    programs = []

    def calls(self, *calls):
        """(returned, whether there is a response, how many) of each."""
        result = self.sandbox.run([sys.executable, '-c', CALLER, ssh_provider.provider()],
                                  input='\n'.join(json.dumps(call) for call in calls))
        self.stderr = result.stderr
        return [tuple(json.loads(line)) for line in result.stdout.splitlines()]

    def results(self, *calls):
        answers = self.calls(*calls)
        for returned, response, _ in answers:
            self.assertEqual(response, returned == 0)
        return [returned for returned, _, _ in answers]

    def handle(self):
        """Of the newest passkey."""
        return json.loads(self.keyfob('passkey', 'list', '--json').stdout)[0]['id']

    def test_the_version_is_that_of_openssh(self):
        self.assertEqual(self.calls({'call': 'version'})[0][0], 0x000a0000)

    def test_an_option_that_must_not_be_ignored(self):
        self.someone()
        enroll = {'call': 'enroll', 'alg': ED25519, 'flags': PRESENCE}
        self.assertEqual(self.results({**enroll, 'options': [['colour', 'blue', 1]]}), [UNSUPPORTED])
        self.assertIn(b'keyfob: there is no option colour', self.stderr)
        self.assertEqual(self.person.questions(), [])
        self.assertEqual(self.results({**enroll, 'options': [['colour', 'blue', 0]]}), [0])

    def test_an_algorithm_of_the_future(self):
        self.someone()
        self.assertEqual(self.results({'call': 'enroll', 'alg': 2, 'flags': PRESENCE},
                                      {'call': 'sign', 'alg': 2, 'flags': PRESENCE, 'handle': '00' * 32}), [UNSUPPORTED] * 2)
        self.assertEqual(self.person.questions(), [])

    def test_signatures_of_one_process_one_after_the_other(self):
        self.someone()
        self.assertEqual(self.results({'call': 'enroll', 'alg': ECDSA, 'flags': PRESENCE}), [0])
        sign = {'call': 'sign', 'alg': ECDSA, 'flags': PRESENCE, 'handle': self.handle()}
        self.assertEqual(self.results(sign, {**sign, 'application': 'ssh:other'}, {**sign, 'handle': '00' * 32}, sign),
                         [0, NO_DEVICE, NO_DEVICE, 0])
        self.assertEqual(len(self.person.questions()), 3)  # who can't sign asks nobody

    def test_the_type_of_the_key_must_be_the_one_asked_for(self):
        self.someone()
        self.assertEqual(self.results({'call': 'enroll', 'alg': ECDSA, 'flags': PRESENCE}), [0])
        self.assertEqual(self.results({'call': 'sign', 'alg': ED25519, 'flags': PRESENCE, 'handle': self.handle()}), [GENERAL])

    def test_a_key_handle_of_another_maker_opens_no_vault(self):
        self.someone()
        self.keyfob('lock')
        sign = {'call': 'sign', 'alg': ECDSA, 'flags': PRESENCE}
        self.assertEqual(self.results({**sign, 'handle': '5a' * 64}), [NO_DEVICE])
        self.assertEqual(self.person.questions(), [])
        self.person.always('deny')
        self.results({**sign, 'handle': '5a' * 32})  # one that could be ours
        self.assertEqual([question['purpose'] for question in self.person.questions()], ['unlock'])

    def test_a_pin_that_is_given_is_used(self):
        self.set_pin()
        self.someone('allow')
        enroll = {'call': 'enroll', 'alg': ED25519, 'flags': PRESENCE | VERIFICATION}
        self.assertEqual(self.results({**enroll, 'pin': PIN}, {**enroll, 'pin': '1111'}), [0, PIN_REQUIRED])
        self.assertEqual([question['kind'] for question in self.person.questions()], ['confirm'])

    def test_resident_keys_without_a_pin(self):
        self.set_pin()
        self.someone(PIN)
        enroll = {'call': 'enroll', 'alg': ED25519, 'flags': PRESENCE | RESIDENT}
        self.assertEqual(self.results(enroll, {**enroll, 'application': 'ssh:two', 'alg': ECDSA},
                                      {**enroll, 'application': 'example.org'}), [0] * 3)
        self.person.questions()
        self.assertEqual(self.calls({'call': 'load'}), [(0, True, 2)])
        self.assertEqual(sorted(question['rp_id'] for question in self.person.questions()), ['ssh:', 'ssh:two'])
        self.person_leaves()
        self.assertEqual(self.results({'call': 'load'}), [PIN_REQUIRED])
        self.assertEqual(self.calls({'call': 'load', 'pin': PIN}), [(0, True, 2)])


if __name__ == '__main__':
    kt.main()
