#!/usr/bin/python3
"""pam_keyfob in a stack: Keyfob by the bridge as a plugged-in key, the daemon's own key, a real fprintd."""
import os
import threading

import fido_bridge
import fingerprint
import keyfob_test as kt
import pam_stack
from fido_bridge import PIN
from pam_stack import AUTH_ERR, USER


class ByBridge(pam_stack.PamTest):
    def test_by_pin(self):
        authfile = self.enrol()
        self.set_pin()
        self.service('cue', authfile=authfile)
        said = self.log_in(answers=[PIN])
        self.assertIn('question: PIN of the security key (8 tries left), then touch it: \n', said)
        self.assertIn('authenticate: 0', said)

    def test_wrong_pin(self):
        authfile = self.enrol()
        self.set_pin()
        self.service(authfile=authfile)
        said = self.log_in(answers=['00000000', ''], code=AUTH_ERR)
        self.assertIn('error: That is not the PIN', said)
        self.assertIn('(7 tries left)', said)

    def test_touch_alone_is_not_enough(self):
        self.service(authfile=self.enrol())
        self.log_in(code=AUTH_ERR)

    def test_by_hand(self):
        self.service('manual', authfile=self.enrol())
        said = self.log_in(answers=[''], code=AUTH_ERR)
        self.assertIn('info: Challenge #1:', said)

    def test_other_host(self):
        authfile = self.enrol()
        self.set_pin()
        self.stack([f'auth required {pam_stack.module()} authfile={authfile} authpending_file= origin={pam_stack.ORIGIN}'])
        self.assertIn('PIN', self.log_in(answers=[PIN], host='192.0.2.7'))

    def test_no_daemon(self):
        authfile = self.enrol()
        self.service(authfile=authfile)
        self.sandbox.stop_daemon()
        self.log_in(code=AUTH_ERR, bridge=False, env={'KEYFOB_CTAP_SOCKET': '/none'})


class ByDaemon(pam_stack.PamTest):
    """No preload: the module reaches the daemon by itself."""

    def prepared(self, *options):
        authfile = self.enrol()
        self.set_pin()
        self.service('keyfob', *options, authfile=authfile)

    def test_verified_by_the_daemons_prompter(self):
        self.prepared()
        self.person.always(PIN)
        self.log_in(bridge=False)
        asked = self.person.questions()
        self.assertEqual([question['rp_id'] for question in asked], [pam_stack.ORIGIN])
        self.assertEqual(asked[0]['purpose'], 'user-verification')

    def test_a_confirmation_is_not_enough(self):
        self.prepared()
        self.person.always('allow')
        self.log_in(bridge=False, code=AUTH_ERR)

    def test_refused(self):
        self.prepared()
        self.person.always('deny')
        self.log_in(bridge=False, code=AUTH_ERR)

    def test_only_where_the_administrator_says_so(self):
        authfile = self.enrol()
        self.set_pin()
        self.service(authfile=authfile)
        self.person.always(PIN)
        self.log_in(bridge=False, code=AUTH_ERR)
        self.assertEqual(self.person.questions(), [])

    def test_not_from_afar(self):
        authfile = self.enrol()
        self.set_pin()
        self.stack([f'auth required {pam_stack.module()} authfile={authfile} authpending_file= origin={pam_stack.ORIGIN} keyfob'])
        self.person.always(PIN)
        self.log_in(bridge=False, host='192.0.2.7', code=AUTH_ERR)
        self.assertEqual(self.person.questions(), [])

    def test_a_daemon_that_does_not_run_is_not_started(self):
        self.prepared()
        self.sandbox.stop_daemon()
        self.log_in(bridge=False, code=AUTH_ERR)
        self.assertFalse(os.path.exists(self.sandbox.socket) and kt.peer_pid(self.sandbox.socket))

    def test_the_key_of_another(self):
        self.enrol()
        other = self.credential().split(',')
        with open(os.path.join(self.sandbox.root, 'authfile'), encoding='utf-8') as file:
            line = file.read().strip().split(',')
        line[1] = other[1]
        self.set_pin()
        self.service('keyfob', authfile=self.write_authfile(','.join(line) + '\n'))
        self.person.always(PIN)
        self.log_in(bridge=False, code=AUTH_ERR)


class ByFinger(pam_stack.Stacks, kt.KeyfobTest):
    def setUp(self):
        pam_stack.skip_unless_built()
        fingerprint.require()
        super().setUp()
        self.make_services()
        self.reader = fingerprint.Reader(
            self.sandbox, allowed=[*fingerprint.ACTIONS, 'net.reactivated.fprint.device.setusername'])
        self.reader.start()

    def enrol_finger(self):
        self.sandbox.spawn(['sleep', '0'])
        self.reader.enroll('right-index-finger', 'right')

    def test_a_finger_of_the_users(self):
        self.enrol_finger()
        self.service('fingerprint')
        scans = self.reader.scans('right')
        said = self.log_in(bridge=False)
        scans.join()
        self.assertIn('info: Put your finger on the reader.', said)
        self.reader.wait_until_released()

    def test_another_finger(self):
        self.enrol_finger()
        self.service('fingerprint')
        scans = self.reader.scans('left', 'left', 'left')
        said = self.log_in(bridge=False, code=AUTH_ERR)
        scans.join()
        self.assertEqual(said.count('error: The reader did not know the finger.'), 3)

    def test_second_try(self):
        self.enrol_finger()
        self.service('fingerprint')
        scans = self.reader.scans('left', 'right')
        self.log_in(bridge=False)
        scans.join()

    def in_the_middle(self, act):
        """What the person and the log see when this is done while the reader waits for a finger."""
        def wait_and_act():
            pam_stack.wait_for(self.reader.needs_finger, 'the reader to wait for a finger')
            act()
        log = self.sandbox.write('debug', '')
        self.enrol_finger()
        self.service('fingerprint', 'debug', f'debug_file={log}')
        thread = threading.Thread(target=wait_and_act)
        thread.start()
        said = self.log_in(bridge=False, code=AUTH_ERR)
        thread.join()
        self.assertNotIn('did not know the finger', said)
        with open(log, encoding='utf-8') as file:
            return said, file.read()

    def test_the_reader_fails(self):
        said, _ = self.in_the_middle(lambda: self.reader.send('ERROR 0'))
        self.assertIn('error: The reader failed.', said)
        self.assertEqual(said.count('Put your finger'), 1)
        self.reader.wait_until_released()

    def test_fprintd_ends_in_the_middle(self):
        """Nobody waits for what can't come any more."""
        said, log = self.in_the_middle(self.reader.kill)
        self.assertIn('error: The reader failed.', said)
        self.assertIn('fprintd went away', log)
        self.assertNotIn('in time', log)

    def test_not_from_afar_and_not_unasked(self):
        self.enrol_finger()
        self.stack([f'auth required {pam_stack.module()} authfile=/none authpending_file= fingerprint'])
        self.assertNotIn('finger', self.log_in(bridge=False, host='192.0.2.7', code=AUTH_ERR))
        self.service()
        self.assertNotIn('finger', self.log_in(bridge=False, code=pam_stack.AUTHINFO_UNAVAIL))

    def test_no_prints_and_no_credentials(self):
        self.service('fingerprint', 'nouserok')
        self.stack([f'auth [default=die ignore=ignore] {pam_stack.module()} {self.options("fingerprint", "nouserok")}',
                    'auth required pam_permit.so'])
        self.log_in(bridge=False)
        self.reader.kill()
        self.log_in(bridge=False, code=AUTH_ERR)


NOBODY = ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups']


class ByFingerOfAnother(pam_stack.Stacks, kt.KeyfobTest):
    """An fprintd, or a bus, that is not root's says yes to everything: it is not even asked."""

    def setUp(self):
        pam_stack.skip_unless_built()
        fingerprint.require()
        super().setUp()
        self.make_services()

    def test_a_bus_of_another(self):
        os.chmod(self.sandbox.root, 0o755)
        fingerprint.Reader(self.sandbox, bus_prefix=NOBODY).start()
        self.service('fingerprint')
        self.assertNotIn('finger', self.log_in(bridge=False, code=AUTH_ERR))

    def test_an_fprintd_of_another(self):
        reader = fingerprint.Reader(self.sandbox)
        os.chmod(self.sandbox.root, 0o755)
        for directory, _, _ in os.walk(reader.root):
            os.chmod(directory, 0o777)
        reader.process = self.sandbox.spawn([*NOBODY, *reader.command()], env=reader.environment())
        reader.wait_for_name()
        self.service('fingerprint')
        self.assertNotIn('finger', self.log_in(bridge=False, code=AUTH_ERR))


if __name__ == '__main__':
    kt.main()
