#!/usr/bin/python3
"""When the reader can't be had: clients are sent to the PIN at once, and nothing waits for a finger."""
import os
import signal
import subprocess
import sys
import threading
import unittest

import fido_key
import fingerprint
import keyfob_test as kt
from fido2.ctap import CtapError
from fido2.ctap2 import ClientPin, Ctap2
from fido2.ctap2.bio import FPBioEnrollment
from person import Person, runs, wait_for
from test_ask_for_pin import BusDevice
from test_authenticator1 import Key
from test_fingerprint import HASH, PIN, PUAT_REQUIRED, RIGHT, RP, UV_BLOCKED, Fingers

KEEPALIVE_CANCEL, NOT_ALLOWED, INVALID_SUBCOMMAND = 0x2d, 0x30, 0x3e  # without a sensor there is no such subcommand

CLIENT = '''
import sys
sys.path.insert(0, {here!r})
import fido_key
from fido2.ctap import CtapError
from fido2.ctap2 import ClientPin, Ctap2

class Sandbox:
    runtime = {runtime!r}

try:
    pin = ClientPin(Ctap2(fido_key.open_device(Sandbox)))
    pin.get_uv_token(ClientPin.PERMISSION.MAKE_CREDENTIAL, 'example.org')
    print('verified')
except CtapError as error:
    print('status %#x' % error.code)
'''


class Trouble(Fingers):
    """One finger is enrolled."""

    @classmethod
    def prepare(cls):
        super().prepare()
        cls.reader.enroll(RIGHT.decode(), 'right')
        cls.wait_for_uv(True)

    @classmethod
    def wait_for_uv(cls, value):
        wait_for(lambda: cls.options().get('uv') is value, f'uv to be {value}')

    def setUp(self):
        self.pin.get_pin_token(PIN, ClientPin.PERMISSION.MAKE_CREDENTIAL, RP)
        self.ctap.selection()  # when that is answered, all that was told before and taken back is over
        self.person.questions()

    def assertPinAtOnce(self, status=UV_BLOCKED):
        """No finger is waited for, no try is lost, nobody is told to touch anything, and the PIN does."""
        self.assertStatus(status, self.pin.get_uv_token, ClientPin.PERMISSION.MAKE_CREDENTIAL, RP)
        self.assertEqual(self.person.questions(), [])
        self.pin.get_pin_token(PIN, ClientPin.PERMISSION.MAKE_CREDENTIAL, RP)

    def make(self):
        self.ctap.make_credential(HASH, {'id': RP, 'name': RP}, {'id': b'1', 'name': 'alice'},
                                  [{'type': 'public-key', 'alg': -7}], options={'rk': True, 'uv': True})

    def get_token(self):
        return self.pin.get_uv_token(ClientPin.PERMISSION.MAKE_CREDENTIAL, RP)

    def in_the_middle(self, disturb, function=None):
        """Disturbs a verification that waits for a finger; returns how it ends."""
        outcome = []

        def verify():
            try:
                outcome.append((function or self.get_token)())
            except CtapError as error:
                outcome.append(error.code)
        thread = threading.Thread(target=verify)
        thread.start()
        wait_for(self.reader.needs_finger, 'the reader to wait for a finger')
        wait_for(self.person.questions, 'the person to be told')
        disturb()
        thread.join(kt.TIMEOUT)
        self.assertFalse(thread.is_alive())
        return outcome[0]


class InUse(Trouble):
    def test_another_program_has_the_reader(self):
        program = self.reader.hold()
        self.assertPinAtOnce()
        self.assertEqual(self.pin.get_uv_retries()[0], 5)
        self.assertStatus(NOT_ALLOWED, self.bio().enroll_begin)
        self.assertStatus(NOT_ALLOWED, self.bio().remove_enrollment, RIGHT)
        kt.end_process(program)
        program.stdout.close()
        self.assertReleased()
        self.uv_token('right')

    def test_unplugged_in_the_middle(self):
        self.assertEqual(self.in_the_middle(lambda: self.reader.send('ERROR 0')), UV_BLOCKED)
        self.assertReleased()
        self.uv_token('right')


class Gone(Trouble):
    def setUp(self):
        if not self.reader.has_owner():
            self.reader.start()
        self.wait_for_uv(True)
        super().setUp()

    def test_killed_in_the_middle(self):
        self.assertEqual(self.in_the_middle(self.reader.kill), UV_BLOCKED)
        self.wait_for_uv(None)
        self.assertNotIn('uv', self.options())
        self.assertPinAtOnce(INVALID_SUBCOMMAND)

    def test_killed_in_the_middle_of_a_registration(self):
        self.assertEqual(self.in_the_middle(self.reader.kill, self.make), PUAT_REQUIRED)

    def test_gone_and_back(self):
        self.reader.kill()
        self.wait_for_uv(None)
        # what is protected by a finger stays so without its reader
        self.assertTrue(self.options()['clientPin'])
        self.reader.start()
        self.wait_for_uv(True)
        self.uv_token('right')

    def test_only_the_bus_says_who_has_a_name(self):
        def forge():
            owner = self.reader.call('org.freedesktop.DBus', '/org/freedesktop/DBus', 'org.freedesktop.DBus.GetNameOwner',
                                     'string:' + fingerprint.NAME).decode().split('"')[1]
            self.reader.forge('/org/freedesktop/DBus', 'org.freedesktop.DBus', 'NameOwnerChanged', fingerprint.NAME, owner, '')
            self.reader.scan('right')
        self.assertIsInstance(self.in_the_middle(forge), bytes)

    def test_the_reader_is_gone(self):
        self.reader.kill()
        self.reader.start_without_reader()
        self.wait_for_uv(None)
        self.reader.kill()


class Started(Trouble):
    """fprintd ends when it is idle, and the bus starts it again."""

    def test_it_is_started_when_a_finger_is_wanted(self):
        self.reader.activatable()
        self.reader.kill()
        wait_for(lambda: not self.reader.has_owner(), 'fprintd to be gone')
        self.wait_for_uv(True)
        self.uv_token_of_a_reader_to_come()
        self.assertTrue(self.reader.has_owner())

    def uv_token_of_a_reader_to_come(self):
        thread = threading.Thread(target=self.reader.send, args=('SCAN right',))
        thread.start()
        self.pin.get_uv_token(ClientPin.PERMISSION.MAKE_CREDENTIAL, RP)
        thread.join()


class Lid(Trouble):
    lid = True

    def setUp(self):
        self.reader.lid(False)
        self.wait_for_uv(True)
        super().setUp()

    def test_closed_before(self):
        self.reader.lid(True)
        self.wait_for_uv(None)
        self.assertPinAtOnce(INVALID_SUBCOMMAND)
        self.reader.lid(False)
        self.wait_for_uv(True)
        self.uv_token('right')

    def test_closed_in_the_middle(self):
        self.assertEqual(self.in_the_middle(lambda: self.reader.lid(True)), UV_BLOCKED)
        self.assertReleased()

    def test_only_logind_closes_it(self):
        def forge():
            self.reader.forge('/org/freedesktop/login1', 'org.freedesktop.DBus.Properties', 'PropertiesChanged',
                              'org.freedesktop.login1.Manager', 'LidClosed')
            self.reader.scan('right')
        self.assertIsInstance(self.in_the_middle(forge), bytes)


class Denied(Fingers):
    """polkit lets this user neither verify nor enroll."""

    allowed = []

    def test_there_is_no_reader_for_us(self):
        self.assertNotIn('uv', self.options())
        self.assertStatus(INVALID_SUBCOMMAND, self.pin.get_uv_token, ClientPin.PERMISSION.MAKE_CREDENTIAL, RP)


class DeniedToEnroll(Fingers):
    allowed = fingerprint.ACTIONS[:1]

    def test_enrolling_is_not_allowed(self):
        wait_for(lambda: 'uv' in self.options(), 'the reader')
        self.assertStatus(NOT_ALLOWED, self.bio().enroll_begin)
        self.assertReleased()


class Remote(Trouble):
    """A program of a remote session, by what remote logins leave behind."""

    def client(self, env=None, argv=(sys.executable,)):
        script = CLIENT.format(here=os.path.dirname(os.path.abspath(__file__)), runtime=self.sandbox.runtime)
        return self.sandbox.run([*argv, '-c', script], env=env).stdout.decode().strip()

    def test_by_its_environment(self):
        self.assertEqual(self.client({'SSH_CONNECTION': '192.0.2.1 50000 192.0.2.2 22'}), f'status {UV_BLOCKED:#x}')
        self.assertEqual(self.person.questions(), [])
        self.assertEqual(self.pin.get_uv_retries()[0], 5)

    def test_by_an_ancestor(self):
        sshd = os.path.join(self.sandbox.root, 'sshd')
        if not os.path.exists(sshd):
            os.symlink('/bin/bash', sshd)
        self.assertEqual(self.client(argv=(sshd, '-c', f'{sys.executable} "$@"; exit 0', 'sshd')), f'status {UV_BLOCKED:#x}')

    @unittest.skipIf(fingerprint.at_a_distance(), 'this test itself is run from afar')
    def test_a_local_one_verifies(self):
        scan = self.reader.scans('right')
        self.assertEqual(self.client(), 'verified')
        scan.join()


class LateDevice(BusDevice):
    """Over Transact, without waiting for what `late` is set for."""

    class Sent(Exception):
        pass

    late = False

    def call(self, cmd, data=b'', event=None, on_keepalive=None):
        if not self.late:
            return super().call(cmd, data, event, on_keepalive)
        self.key.begin(bytes(data))
        self.key.info()  # which is answered after that was read
        raise self.Sent


class ResetMeanwhile(Fingers):
    """One program resets the security key while another one's first sample waits for word of where its person is."""

    def helper(self):
        """The daemon's one child."""
        for pid in filter(str.isdigit, os.listdir('/proc')):
            try:
                with open(f'/proc/{pid}/stat', encoding='utf-8', errors='replace') as file:
                    if int(file.read().rpartition(')')[2].split()[1]) == self.sandbox.daemon.pid:
                        return int(pid)
            except OSError:  # it has ended
                pass
        raise AssertionError('the daemon has no helper')

    def test_an_enrolment_ends(self):
        key = Key(self.sandbox.socket)
        self.addCleanup(key.close)
        self.sandbox.keyfob('authenticator', 'replug')
        device = LateDevice(key)
        ctap = Ctap2(device)
        pin = ClientPin(ctap)
        bio = FPBioEnrollment(ctap, pin.protocol, pin.get_pin_token(PIN, ClientPin.PERMISSION.BIO_ENROLL))
        helper = self.helper()
        os.kill(helper, signal.SIGSTOP)
        self.addCleanup(os.kill, helper, signal.SIGCONT)
        device.late = True
        self.assertRaises(LateDevice.Sent, bio.enroll_begin)
        other = fido_key.open_device(self.sandbox)
        self.addCleanup(other.close)
        Ctap2(other).reset()
        os.kill(helper, signal.SIGCONT)
        self.assertIn(key.late_reply()[0], (KEEPALIVE_CANCEL, NOT_ALLOWED))
        self.assertFalse(Ctap2(other).get_info().options['clientPin'])
        self.assertReleased()


class RemoteAllowed(kt.KeyfobTest):
    def test_by_the_settings(self):
        fingerprint.require()
        fingerprint.configure(self.sandbox, remote_fingerprint='yes')
        reader = fingerprint.Reader(self.sandbox)
        reader.start()
        reader.enroll(RIGHT.decode(), 'right')
        self.sandbox.start_daemon()
        self.sandbox.init('pass word')
        person = Person(self.sandbox, always='allow')
        self.assertTrue(runs(person.process.pid))
        device = fido_key.open_device(self.sandbox)
        self.addCleanup(device.close)
        wait_for(lambda: Ctap2(device).info.options.get('uv'), 'the finger to be known')
        scan = reader.scans('right')
        self.assertEqual(Remote.client(self, {'SSH_CONNECTION': '192.0.2.1 50000 192.0.2.2 22'}), 'verified')
        scan.join()


class Off(kt.KeyfobTest):
    def test_by_the_settings(self):
        fingerprint.require()
        fingerprint.configure(self.sandbox, fingerprint='no')
        reader = fingerprint.Reader(self.sandbox)
        reader.start()
        self.sandbox.start_daemon()
        device = fido_key.open_device(self.sandbox)
        self.addCleanup(device.close)
        self.assertNotIn('uv', Ctap2(device).info.options)
        self.assertNotIn(b'keyfobd', reader.call('org.freedesktop.DBus', '/org/freedesktop/DBus',
                                                 'org.freedesktop.DBus.ListNames'))

    def test_without_a_system_bus(self):
        self.sandbox.start_daemon(env={'DBUS_SYSTEM_BUS_ADDRESS': f'unix:path={self.sandbox.root}/nobody'})
        device = fido_key.open_device(self.sandbox)
        self.addCleanup(device.close)
        self.assertNotIn('uv', Ctap2(device).info.options)


class Foreign(kt.KeyfobTest):
    """An fprintd, or a whole bus, of somebody else than root is not believed."""

    def setUp(self):
        fingerprint.require()
        if subprocess.run(['setpriv', '--version'], stdout=subprocess.DEVNULL, check=False).returncode != 0:
            self.skipTest('setpriv is not installed')
        super().setUp()

    def options(self):
        device = fido_key.open_device(self.sandbox)
        self.addCleanup(device.close)
        return Ctap2(device).info.options

    def test_a_service_of_another_user(self):
        reader = fingerprint.Reader(self.sandbox)
        os.chmod(self.sandbox.root, 0o755)
        for directory, _, _ in os.walk(reader.root):
            os.chmod(directory, 0o777)
        self.sandbox.start_daemon()
        reader.process = self.sandbox.spawn(['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups',
                                             *reader.command()], env=reader.environment())
        reader.wait_for_name()
        wait_for(lambda: 'belongs to user 65534' in self.sandbox.read_log(), 'a line about it')
        self.assertNotIn('uv', self.options())

    def test_a_bus_of_another_user(self):
        os.chmod(self.sandbox.root, 0o755)
        reader = fingerprint.Reader(self.sandbox, bus_prefix=['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups'])
        reader.start()
        self.sandbox.start_daemon()
        self.assertIn("the system bus is not root's", self.sandbox.read_log())
        self.assertNotIn('uv', self.options())


if __name__ == '__main__':
    kt.main()
