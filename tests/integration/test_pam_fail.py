#!/usr/bin/python3
"""Whatever fails while the running daemon's own security key is asked, or fprintd: nobody is let in who would not be.

The daemon, fprintd and its virtual reader are the real ones, and so are libsystemd and libfido2. What fails, one call at a
time, is what the module itself calls: pam-failing has it linked in, with each of those functions wrapped. So every failure
is reached that the module can see, in the child that asks the daemon, too, and where libfido2 and sd-bus call it back.
"""
import os

import fido_bridge
import fingerprint
import keyfob_test as kt
import pam_stack
from pam_stack import AUTH_ERR, AUTHINFO_UNAVAIL, IGNORE, SUCCESS

# What may fail without any harm, and why. Nothing else may, where somebody is let in.
HARMLESS = {
    'waitpid': 'a child that has said all may be anybody\'s to bury',
    'gethostname': 'to see whether PAM_RHOST is this machine: then it is not',
    'pam_get_item': 'a line that is only shown',
    'sd_pid_get_session': 'there need be no logind',
    'sd_pid_get_owner_uid': 'the same',
    'access': 'to see whether a file is missing with all of the home: this one is not there',
    'clock_gettime': 'then the patience is over at once, or has no end but the turns\'',
    'fido_dev_info_manifest': 'the daemon\'s own is none of those that are plugged in',
    'fido_assert_sigcount': 'a key that counts nothing says so',
    'sd_bus_call_method': 'what runs need not be started, and closing the connection stops the reader',
    'fido_assert_hmac_secret_len': 'a key need not bring what opens the vault',
}
LOG = 2000  # of the log, when it goes wrong
WHOM = 3  # owner, its uid, reader
LIBRARIES = {'sd_bus_new', 'sd_bus_start', 'sd_bus_call', 'sd_bus_message_read_array', 'fido_dev_open', 'fido_dev_get_assert',
             'fido_assert_set_sig', 'connect', 'getsockopt', 'fork', 'pipe2'}


class Failing(pam_stack.Stacks):
    def authenticate(self, *options, authfile=None, end=SUCCESS, env=None):
        """Everything fails in turn; [(function, answer)] without the last, when nothing failed."""
        self.stack(['auth required pam_deny.so'])
        program = os.path.join(kt.BUILD, 'tests', 'integration', 'pam-failing')
        result = self.sandbox.run([program, self.services, pam_stack.USER, *self.options(*options, authfile=authfile).split()],
                                  env={'ASAN_OPTIONS': 'detect_leaks=1:exitcode=99', **(env or {})}, timeout=250, code=None)
        lines = [line.rsplit(' ', 1) for line in result.stdout.decode().splitlines()]
        self.assertEqual(result.returncode, 0, (lines[-3:], result.stderr.decode(), self.sandbox.read_log()[-LOG:]))
        failures = [(name, int(answer)) for name, answer in lines]
        self.assertEqual(failures.pop(), ('-', end), self.sandbox.read_log()[-LOG:])
        print(f'{self.id().rsplit(".", 1)[1]}: {len(failures)} calls failed, one at a time, of {len(set(failures))} functions', flush=True)
        return failures

    def check(self, failures, end=SUCCESS):
        self.assertNotIn(IGNORE, [answer for _, answer in failures])
        let_in = {(n, name) for n, (name, answer) in enumerate(failures, 1) if answer == SUCCESS}
        if end != SUCCESS:
            self.assertEqual(let_in, set())
        self.assertEqual({(n, name) for n, name in let_in if name not in HARMLESS}, set())


class ByDaemon(Failing, pam_stack.PamTest):
    def setUp(self):
        super().setUp()
        self.authfile = self.enrol()
        self.set_pin()

    def test_own_key(self):
        self.person.always(fido_bridge.PIN)
        failures = self.authenticate('keyfob', authfile=self.authfile)
        self.check(failures)
        self.assertEqual(LIBRARIES - {name for name, _ in failures}, set())

    def test_own_key_refused(self):
        self.person.always('deny')
        self.check(self.authenticate('keyfob', authfile=self.authfile, end=AUTH_ERR), AUTH_ERR)

    def test_no_daemon(self):
        self.sandbox.stop_daemon()
        self.check(self.authenticate('keyfob', 'nouserok', authfile=self.authfile, end=AUTH_ERR), AUTH_ERR)


class ByFinger(Failing, kt.KeyfobTest):
    def setUp(self):
        pam_stack.skip_unless_built()
        fingerprint.require()
        super().setUp()
        self.make_services()
        self.reader = fingerprint.Reader(self.sandbox, allowed=[*fingerprint.ACTIONS, 'net.reactivated.fprint.device.setusername'])
        self.reader.start()
        self.env = {'KEYFOB_TEST_READER': self.reader.socket}

    def test_finger(self):
        self.reader.enroll('right-index-finger', 'right')
        failures = self.authenticate('fingerprint', env=self.env)
        # A signal that can't be read is the end of a turn, and the next one counts. What is read before has to be.
        read = [answer for name, answer in failures if name == 'sd_bus_message_read']
        self.assertEqual(read, [AUTH_ERR] * WHOM + [SUCCESS] * (len(read) - WHOM))
        self.check([failure for failure in failures if failure[0] != 'sd_bus_message_read'])
        self.assertEqual({'sd_bus_open_system', 'sd_bus_get_fd', 'getsockopt', 'sd_bus_call_method', 'sd_bus_message_read', 'strdup',
                          'sd_bus_match_signal', 'sd_bus_process', 'sd_bus_wait', 'sd_bus_message_get_sender', 'clock_gettime'} -
                         {name for name, _ in failures}, set())

    def test_another_finger(self):
        self.reader.enroll('left-index-finger', 'left')
        self.check(self.authenticate('fingerprint', end=AUTH_ERR, env=self.env), AUTH_ERR)

    def test_no_fingers(self):
        self.check(self.authenticate('fingerprint', end=AUTHINFO_UNAVAIL, env=self.env), AUTHINFO_UNAVAIL)


if __name__ == '__main__':
    kt.main()
