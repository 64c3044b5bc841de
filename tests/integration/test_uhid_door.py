#!/usr/bin/python3
"""The door to the kernel: what keyfobd makes of every turn of the relay's protocol. The relay is a stand-in (kernel_stand_in.py);
the real one is tried as far as it goes without /dev/uhid, and whole in a machine that has it."""
import fcntl
import json
import os
import shutil
import socket
import struct
import subprocess
import time
import unittest

from fido2 import cbor

import ctap_hid as hid
import kernel_stand_in as kernel
import keyfob_test as kt
from person import Person, wait_for
from test_ctap_socket import GET_INFO, PASSWORD, SELECTION, get_assertion, make_credential


def setUpModule():
    kernel.enter()


class UhidTest(kt.KeyfobTest):
    listens = True

    def setUp(self):
        super().setUp()
        self.sandbox.use_pinentry(None)
        self.relay = self.listen() if self.listens else None
        self.sandbox.start_daemon()

    def listen(self, **options):
        relay = kernel.Relay(**options)
        self.addCleanup(relay.close)
        return relay

    def connection(self):
        connection = self.relay.accept()
        self.addCleanup(connection.close)
        return connection

    def device(self):
        """A connection whose device is there, and a vault behind it."""
        connection = self.connection().ready()
        self.sandbox.init(PASSWORD)
        return connection

    def state(self):
        return json.loads(self.keyfob('authenticator', 'info', '--json').stdout)['uhid']

    def becomes(self, *words):
        """Waits until the state is told with these words."""
        wait_for(lambda: all(word in self.state() for word in words), f'the state {words}')

    def lines(self):
        return [line for line in self.sandbox.read_log().splitlines() if 'device of the kernel' in line]


class Reports(UhidTest):
    def test_a_ceremony(self):
        person = Person(self.sandbox, always='allow')
        key = self.device()
        channel = key.init()
        status, reply = key.cbor(channel, make_credential())
        self.assertEqual(status, hid.OK)
        self.assertTrue(reply)
        self.assertEqual(key.cbor(channel, get_assertion())[0], hid.OK)
        self.becomes('ready')
        self.assertEqual(len(self.lines()), 1)
        self.assertEqual({question['kind'] for question in person.questions()}, {'confirm'})

    def test_long_messages(self):
        key = self.device()
        channel = key.init()
        for size in (0, 57, 58, 1000, 7609):
            data = os.urandom(size)
            key.send(channel, hid.PING, data)
            self.assertEqual(key.reply(channel), (hid.PING, data))

    def test_messages_that_the_kernel_would_cut_are_not_announced(self):
        key = self.device()
        info = cbor.decode(key.cbor(key.init(), GET_INFO)[1])
        self.assertEqual(info[5], 1500)
        self.assertLess(info[7] * (info[8] + 32), info[5])
        with hid.Client(self.sandbox) as other:
            self.assertEqual(cbor.decode(other.cbor(other.init(), GET_INFO)[1])[5], 7609)

    def test_packets_that_are_neither_reports_nor_events(self):
        key = self.device()
        channel = key.init()
        for size in (1, 7, 9, 63, 65, 4096):
            key.socket.send(os.urandom(size))
        key.tell(77, 5)  # an event that a later relay may have
        key.tell(kernel.OPENED)
        self.assertEqual(key.cbor(channel, GET_INFO)[0], hid.OK)
        key.socket.send(b'')
        self.assertTrue(key.closed())

    def test_many_ask_for_a_channel_at_once(self):
        """What comes while the helper looks who it is waits its turn, and nothing is lost."""
        key = self.device()
        nonces = [struct.pack('>Q', i) for i in range(100)]
        for nonce in nonces:
            key.send(hid.BROADCAST, hid.INIT, nonce)
        answers = [key.reply(hid.BROADCAST) for _ in nonces]
        self.assertEqual([data[:8] for _, data in answers], nonces)
        channels = [struct.unpack('>I', data[8:12])[0] for _, data in answers]
        self.assertEqual(len(set(channels)), len(channels))
        for channel in channels[-3:]:
            key.send(channel, hid.PING, b'x')
            self.assertEqual(key.reply(channel), (hid.PING, b'x'))


class Comings(UhidTest):
    def test_the_relay_ends_and_comes_back(self):
        self.connection().ready().close()
        wait_for(lambda: any('has ended' in line for line in self.lines()), 'a line in the log')
        key = self.device()
        self.assertEqual(key.cbor(key.init(), GET_INFO)[0], hid.OK)
        self.becomes('ready')
        self.assertEqual(len(self.lines()), 3)  # ready, ended, ready

    def test_in_the_middle_of_a_ceremony(self):
        person = Person(self.sandbox)
        key = self.device()
        key.send(key.init(), hid.CBOR, SELECTION)
        question = person.question()
        key.close()
        person.gone(question)
        other = self.connection().ready()
        self.assertEqual(other.cbor(other.init(), GET_INFO)[0], hid.OK)

    def test_refusals(self):
        for refusal, words in ((kernel.IN_USE, 'another keyfobd'), (kernel.NO_DEVICE, '/dev/uhid'),
                               (99, 'keyfob-uhid has failed')):
            with self.subTest(refusal=refusal):
                self.sandbox.stop_daemon()
                self.relay.forget()
                self.sandbox.start_daemon()
                before = len(self.lines())
                for _ in range(2):
                    connection = self.connection()
                    connection.tell(kernel.REFUSED, refusal)
                    self.assertTrue(connection.closed())
                    connection.close()
                self.becomes(words)
                self.assertEqual(len(self.lines()), before + 1)
                self.connection().ready()
                self.becomes('ready')

    def test_replug(self):
        Person(self.sandbox, always='allow')
        key = self.device()
        key.send(key.init(), hid.CBOR, SELECTION)
        self.keyfob('authenticator', 'replug')
        self.assertTrue(key.closed())
        again = self.connection().ready()
        self.assertEqual(again.cbor(again.init(), GET_INFO)[0], hid.OK)
        self.becomes('ready')
        self.assertEqual(len(self.lines()), 1)

    def test_the_daemon_ends(self):
        key = self.device()
        self.sandbox.stop_daemon()
        self.assertTrue(key.closed())

    def test_the_last_program_has_gone(self):
        """What it asked for is over, also when the relay goes on."""
        person = Person(self.sandbox)
        key = self.device()
        key.tell(kernel.OPENED)
        channel = key.init()
        key.send(channel, hid.CBOR, SELECTION)
        question = person.question()
        key.tell(kernel.CLOSED)
        person.gone(question)
        # The channel went with it, and the next program finds a key that is idle.
        key.send(channel, hid.CBOR, GET_INFO)
        self.assertEqual(key.reply(channel)[0], hid.ERROR)
        self.assertEqual(key.cbor(key.init(), GET_INFO)[0], hid.OK)


class Absent(UhidTest):
    listens = False

    def test_nothing_is_said_of_it(self):
        self.becomes('systemctl enable --now keyfob-uhid.socket')
        self.assertEqual(self.lines(), [])
        info = self.keyfob('authenticator', 'info').stdout
        self.assertIn(b'keyfob-uhid.socket', info)
        self.relay = self.listen()
        self.connection().ready()
        self.becomes('ready')
        self.assertEqual(len(self.lines()), 1)

    @unittest.skipUnless(os.getuid() == 0, 'only root can be somebody else')
    def test_a_socket_that_is_not_roots(self):
        try:
            self.relay = self.listen(uid=65534)
        except OSError as error:
            self.skipTest(f'there is nobody else here: {error}')
        connection = self.connection()
        self.assertTrue(connection.closed())
        self.becomes("is not root's")
        self.assertIn("is not root's", self.lines()[0])


class TurnedOff(UhidTest):
    def setUp(self):
        kt.KeyfobTest.setUp(self)
        os.makedirs(os.path.join(self.sandbox.config, 'keyfob'))
        with open(os.path.join(self.sandbox.config, 'keyfob', 'keyfobd.conf'), 'w', encoding='utf-8') as file:
            file.write('[security-key]\nuhid = no\n')
        self.relay = self.listen()
        self.sandbox.start_daemon()

    def test_nobody_connects(self):
        self.becomes('turned off')
        self.relay.socket.setblocking(False)
        with self.assertRaises(BlockingIOError):
            self.relay.accept()


class Names(UhidTest):
    """Which program a question is about."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        uniq = f'keyfob-{os.getuid()}'
        # One on a wire claims to be it, too.
        kernel.add_device('hidraw0', uniq, where='/devices/pci0000:00/usb1/1-1/1-1:1.0/0003:1209:0001.0002')
        kernel.add_device('hidraw1', 'keyfob-12345', where='/devices/virtual/misc/uhid/0003:0000:0000.0003')
        kernel.add_device('hidraw2', uniq)

    def program(self, name, node='hidraw2'):
        """A program of this name that has the device open."""
        path = os.path.join(self.sandbox.bin, name)
        if not os.path.exists(path):
            shutil.copy('/bin/sleep', path)
        with open(f'/dev/{node}', 'rb') as file:
            process = self.sandbox.spawn([path, '1000'], stdin=file)
        wait_for(lambda: self.comm(process) == name, f'{name} to run')
        return process

    @staticmethod
    def comm(process):
        with open(f'/proc/{process.pid}/comm', encoding='utf-8') as file:
            return file.read().strip()

    def asks(self, person, key, channel):
        """The question that a request on this channel leads to."""
        key.send(channel, hid.CBOR, SELECTION)
        question = person.question()
        person.answer(question, 'deny')
        self.assertEqual(key.cbor_reply(channel)[0], hid.OPERATION_DENIED)
        return question.get('program'), question.get('pid')

    def recognized(self, person, key):
        """A new channel, and what asks() says of it. The helper is waited for 200 ms: where it took longer the program comes again."""
        deadline = time.monotonic() + kt.TIMEOUT
        while True:
            began = time.monotonic()
            channel = key.init()
            took = time.monotonic() - began
            asked = self.asks(person, key, channel)
            if asked != (None, None) or took < 0.1 or began > deadline:
                return channel, asked

    def test_each_by_its_channel(self):
        person = Person(self.sandbox)
        key = self.device()
        self.program('impostor', 'hidraw0')
        self.program('neighbour', 'hidraw1')
        browser = self.program('browser')
        first, asked = self.recognized(person, key)
        self.assertEqual(asked, ('browser', browser.pid))
        tool = self.program('tool')
        second, asked = self.recognized(person, key)
        self.assertEqual(asked, ('tool', tool.pid))
        self.assertEqual(self.asks(person, key, first), ('browser', browser.pid))
        # It asks again, beside another: either of both.
        self.assertEqual(self.asks(person, key, key.init()), (None, None))
        kt.end_process(tool)
        self.assertEqual(self.asks(person, key, second), (None, None))
        self.assertEqual(self.recognized(person, key)[1], ('browser', browser.pid))

    def test_nobody_has_it_open(self):
        person = Person(self.sandbox)
        key = self.device()
        self.assertEqual(self.asks(person, key, key.init()), (None, None))


class RealRelay(unittest.TestCase):
    """What keyfob-uhid itself says where there is no /dev/uhid, as here."""

    LOCKS = '/run/keyfob-uhid'

    def setUp(self):
        self.stage = kt.stage()
        if not os.path.exists(self.stage.uhid):
            self.skipTest('built without keyfob-uhid')
        self.addCleanup(shutil.rmtree, self.LOCKS, ignore_errors=True)

    def start(self, kind=socket.SOCK_SEQPACKET):
        """Its exit code, what it said on its connection, and on stderr."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, kind)
        with ours, theirs:
            process = subprocess.Popen(
                ['sh', '-c', f'exec env LISTEN_FDS=1 LISTEN_PID=$$ "$0" 3<&{theirs.fileno()}', self.stage.uhid],
                pass_fds=(theirs.fileno(),), stdin=subprocess.DEVNULL, stderr=subprocess.PIPE)
            theirs.close()
            ours.settimeout(20)
            said = ours.recv(100)
            complaint = process.communicate(timeout=20)[1]
            return process.returncode, said, complaint

    @staticmethod
    def refused(why):
        return struct.pack('<II', kernel.REFUSED, why)

    def test_no_uhid(self):
        code, said, complaint = self.start()
        self.assertEqual((code, said), (1, self.refused(kernel.NO_DEVICE)))
        self.assertIn(b'/dev/uhid', complaint)
        self.assertEqual(os.stat(self.LOCKS).st_mode & 0o777, 0o700)

    def test_a_connection_of_another_kind_is_none(self):
        code, said, complaint = self.start(socket.SOCK_STREAM)
        self.assertEqual((code, said), (2, b''))
        self.assertIn(b'does nothing by itself', complaint)

    def test_one_for_each_user(self):
        os.mkdir(self.LOCKS, 0o700)
        with open(f'{self.LOCKS}/{os.getuid()}', 'w', encoding='utf-8') as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            self.assertEqual(self.start()[:2], (0, self.refused(kernel.IN_USE)))
        self.assertEqual(self.start()[1], self.refused(kernel.NO_DEVICE))

    def test_locks_that_others_could_take(self):
        os.mkdir(self.LOCKS)
        os.chmod(self.LOCKS, 0o777)
        self.assertEqual(self.start()[:2], (1, self.refused(kernel.FAILED)))


if __name__ == '__main__':
    kt.main()
