#!/usr/bin/python3
"""The security key on its socket: who may connect, who is asked, and what a connection leaves behind."""
import hashlib
import json
import os
import socket
import struct
import subprocess
import unittest

from fido2 import cbor

import ctap_hid as hid
import keyfob_bus as kb
import keyfob_test as kt
from person import Person, wait_for

PASSWORD = 'pass word'
CLIENT_DATA = hashlib.sha256(b'client data').digest()
SELECTION = b'\x0b'
GET_INFO = b'\x04'
RESET = b'\x07'


def make_credential(rp_id='example.org', user=b'alice', name='alice', exclude=None, resident=True):
    request = {1: CLIENT_DATA, 2: {'id': rp_id, 'name': rp_id}, 3: {'id': user, 'name': name},
               4: [{'alg': -7, 'type': 'public-key'}]}
    if exclude:
        request[5] = [{'id': exclude, 'type': 'public-key'}]
    if resident:
        request[7] = {'rk': True}
    return b'\x01' + cbor.encode(request)


def get_assertion(rp_id='example.org', allow=None, presence=True):
    request = {1: rp_id, 2: CLIENT_DATA}
    if allow:
        request[3] = [{'id': allow, 'type': 'public-key'}]
    if not presence:
        request[5] = {'up': False}
    return b'\x02' + cbor.encode(request)


def credential_id(reply):
    """Of the reply of makeCredential."""
    data = cbor.decode(reply)[2]
    return data[55:55 + struct.unpack('>H', data[53:55])[0]]


class SocketTest(kt.KeyfobTest):
    def setUp(self):
        super().setUp()
        self.sandbox.use_pinentry(None)
        self.sandbox.start_daemon()
        self.start_vault()

    def start_vault(self):
        self.sandbox.init(PASSWORD)

    def connect(self):
        client = hid.Client(self.sandbox)
        self.addCleanup(client.close)
        return client

    def channel(self):
        client = self.connect()
        return client, client.init()

    def register(self, **options):
        with hid.Client(self.sandbox) as key:
            status, reply = key.cbor(key.init(), make_credential(**options))
        self.assertEqual(status, hid.OK)
        return credential_id(reply)

    def sign_in(self, **options):
        with hid.Client(self.sandbox) as key:
            return key.cbor(key.init(), get_assertion(**options))[0]

    def nobody_on_the_bus(self):
        """Waits until the daemon has heard of the going of all who were on its other socket: each has a descriptor."""
        def connections():
            with open('/proc/net/unix', encoding='utf-8') as file:
                return [line for line in file if line.split()[5] == '03' and line.split()[-1] == self.sandbox.socket]
        wait_for(lambda: not connections(), 'connections to be closed')

    def descriptors(self):
        return len(os.listdir(f'/proc/{self.sandbox.daemon.pid}/fd'))


class Reports(SocketTest):
    def test_every_length_of_message(self):
        key, channel = self.channel()
        for size in (0, 1, 57, 58, 116, 117, 7608, 7609):
            data = os.urandom(size)
            key.send(channel, hid.PING, data)
            self.assertEqual(key.reply(channel), (hid.PING, data), size)

    def test_packets_that_are_no_reports(self):
        key, channel = self.channel()
        key.socket.send(hid.reports_of(channel, hid.PING, b'long')[0] + b'\0')
        key.socket.send(struct.pack('>IBH', channel, hid.PING, 5) + b'short')
        self.assertEqual(key.reply(channel), (hid.PING, b'short'))
        key.socket.send(b'')
        self.assertTrue(key.closed())

    def test_a_transaction_that_stalls_times_out(self):
        key, channel = self.channel()
        key.socket.send(hid.reports_of(channel, hid.PING, bytes(200))[0])
        self.assertEqual(key.reply(channel), (hid.ERROR, bytes([hid.HID_TIMEOUT])))
        key.send(channel, hid.PING, b'again')
        self.assertEqual(key.reply(channel), (hid.PING, b'again'))

    def test_who_does_not_read_is_closed(self):
        key, channel = self.channel()
        with self.assertRaises(OSError):
            while True:
                key.send(channel, hid.PING, bytes(7609))
        self.assertTrue(key.closed())
        wait_for(lambda: 'reads no reports' in self.sandbox.read_log(), 'a line in the log')
        other, channel = self.channel()
        self.assertEqual(other.cbor(channel, GET_INFO)[0], hid.OK)


class Connections(SocketTest):
    def test_come_and_go(self):
        """1,000 connections, each left in the middle of something, leave nothing behind."""
        self.nobody_on_the_bus()
        with hid.Client(self.sandbox) as key:
            key.cbor(key.init(), GET_INFO)
            before = self.descriptors() - 1  # without this connection
        wait_for(lambda: self.descriptors() == before, 'the first connection to be closed')
        person = Person(self.sandbox)
        before_person = self.descriptors()
        for i in range(1000):
            key = hid.Client(self.sandbox)
            channel = key.init()
            if i % 4 == 1:
                key.socket.send(hid.reports_of(channel, hid.CBOR, bytes(500))[0])
            elif i % 4 == 2:
                key.send(channel, hid.CBOR, GET_INFO)
            elif i % 4 == 3:
                key.send(channel, hid.CBOR, SELECTION)
            key.close()
        key, channel = self.channel()
        self.assertEqual(key.cbor(channel, GET_INFO)[0], hid.OK)
        key.close()
        for question in person.questions():
            person.gone(question)
        wait_for(lambda: self.descriptors() == before_person, 'descriptors to be closed')
        person.process.terminate()
        wait_for(lambda: self.descriptors() == before, 'descriptors to be closed')

    def test_one_too_many(self):
        keys = [self.connect() for _ in range(64)]
        channels = [key.init() for key in keys]
        with hid.Client(self.sandbox) as one_more:
            self.assertTrue(one_more.closed())
        self.assertEqual(keys[-1].cbor(channels[-1], GET_INFO)[0], hid.OK)
        keys[0].close()
        wait_for(lambda: self.answers(), 'a place to be free')

    def answers(self):
        with hid.Client(self.sandbox) as key:
            try:
                return key.init()
            except (EOFError, OSError):
                return None

    @unittest.skipUnless(os.getuid() == 0, 'only root can be somebody else')
    def test_another_user_is_refused(self):
        path = hid.socket_path(self.sandbox)
        script = ("import socket, sys; s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET); s.settimeout(20)\n"
                  "try: s.connect(sys.argv[1])\n"
                  "except PermissionError: print('permission'); sys.exit()\n"
                  "print(s.recv(64))")

        def other():
            return subprocess.run(['/usr/bin/python3', '-c', script, path], user=65534, group=65534, extra_groups=[],
                                  stdout=subprocess.PIPE, timeout=60, check=True).stdout.strip()

        self.assertEqual(os.stat(path).st_mode & 0o777, 0o600)
        self.assertEqual(other(), b'permission')
        # Should the file system ever let one through, the daemon does not.
        for name, mode in ((self.sandbox.root, 0o711), (self.sandbox.runtime, 0o711),
                           (os.path.dirname(path), 0o711), (path, 0o666)):
            os.chmod(name, mode)
        self.assertEqual(other(), b"b''")
        self.assertIn('another user', self.sandbox.read_log())

    def test_the_socket_goes_with_the_daemon(self):
        path = hid.socket_path(self.sandbox)
        self.sandbox.kill_daemon()
        self.assertTrue(os.path.exists(path))
        self.sandbox.start_daemon()
        key, channel = self.channel()
        self.assertEqual(key.cbor(channel, GET_INFO)[0], hid.OK)
        self.sandbox.stop_daemon()
        self.assertTrue(key.closed())
        self.assertFalse(os.path.exists(path))


class Passed(kt.KeyfobTest):
    """Sockets that a service manager listens on, in either order."""

    def serve(self, kinds):
        directory = os.path.join(self.sandbox.runtime, 'keyfob')
        os.mkdir(directory, 0o700)
        listening = []
        for name, kind in kinds:
            one = socket.socket(socket.AF_UNIX, kind)
            self.addCleanup(one.close)
            one.bind(os.path.join(directory, name))
            one.listen()
            listening.append(one.fileno())
        script = f'exec 3<&{listening[0]} 4<&{listening[1]}; LISTEN_PID=$$ LISTEN_FDS=2 exec {self.sandbox.stage.keyfobd}'
        process = self.sandbox.spawn(['/bin/bash', '-c', script], pass_fds=listening)
        key = hid.Client(self.sandbox)
        self.addCleanup(key.close)
        self.assertEqual(key.cbor(key.init(), GET_INFO)[0], hid.OK)
        with kb.Client(self.sandbox.socket) as bus:
            self.assertEqual(bus.status()['vault'], 'absent')
        self.assertTrue(kt.end_process(process))
        # They stay the manager's.
        self.assertEqual(sorted(os.listdir(directory)), ['bus', 'ctap'])

    def test_after_the_bus(self):
        self.serve([('bus', socket.SOCK_STREAM), ('ctap', socket.SOCK_SEQPACKET)])

    def test_before_the_bus(self):
        self.serve([('ctap', socket.SOCK_SEQPACKET), ('bus', socket.SOCK_STREAM)])


class NoVault(SocketTest):
    def start_vault(self):
        pass

    def test_there_from_the_start(self):
        key, channel = self.channel()
        self.assertEqual(key.cbor(channel, GET_INFO)[0], hid.OK)
        self.assertEqual(key.cbor(channel, make_credential())[0], hid.NOT_ALLOWED)
        self.sandbox.init(PASSWORD)
        person = Person(self.sandbox, always='allow')
        self.assertEqual(key.cbor(channel, make_credential())[0], hid.OK)
        self.assertEqual(len(person.questions()), 1)


class Presence(SocketTest):
    def test_the_question_names_who_and_what(self):
        person = Person(self.sandbox)
        with open('/proc/self/comm', encoding='utf-8') as file:
            program = file.read().strip()
        key, channel = self.channel()
        key.send(channel, hid.CBOR, make_credential())
        question = person.question()
        self.assertEqual({name: question.get(name) for name in ('kind', 'purpose', 'program', 'pid', 'rp_id', 'user')},
                         {'kind': 'confirm', 'purpose': 'user-presence', 'program': program, 'pid': os.getpid(),
                          'rp_id': 'example.org', 'user': 'alice'})
        for word in (program, str(os.getpid()), 'example.org', 'alice', 'register'):
            self.assertIn(word, question['message'])
        person.answer(question, 'allow')
        status, reply = key.cbor_reply(channel)
        self.assertEqual(status, hid.OK)

        key.send(channel, hid.CBOR, get_assertion())
        question = person.question()
        self.assertIn('sign you in to example.org', question['message'])
        person.answer(question, 'allow')
        self.assertEqual(key.cbor_reply(channel)[0], hid.OK)

        key.send(channel, hid.CBOR, make_credential(exclude=credential_id(reply)))
        question = person.question()
        self.assertIn('registered already', question['message'])
        person.answer(question, 'allow')
        self.assertEqual(key.cbor_reply(channel)[0], 0x19)

        key.send(channel, hid.CBOR, SELECTION)
        question = person.question()
        self.assertNotIn('rp_id', question)
        person.answer(question, 'deny')
        self.assertEqual(key.cbor_reply(channel)[0], hid.OPERATION_DENIED)

    def test_names_cannot_imitate_the_question(self):
        person = Person(self.sandbox)
        key, channel = self.channel()
        key.send(channel, hid.CBOR, make_credential(name='x".\nAllow?\r\u202e\u2028' + 'y' * 300))
        question = person.question()
        for text in (question['message'], question['user'], question['title']):
            self.assertTrue(text.isprintable(), text)
        self.assertEqual(question['message'].count('"'), 4)
        self.assertLess(len(question['message']), 400)
        person.answer(question, 'deny')
        self.assertEqual(key.cbor_reply(channel)[0], hid.OPERATION_DENIED)

    def test_nobody_to_ask(self):
        key, channel = self.channel()
        self.assertEqual(key.cbor(channel, make_credential())[0], hid.OPERATION_DENIED)

    def test_keepalives_while_a_person_thinks(self):
        person = Person(self.sandbox)
        key, channel = self.channel()
        key.send(channel, hid.CBOR, SELECTION)
        question = person.question()
        self.assertEqual(key.read(), (channel, hid.KEEPALIVE, b'\x02'))
        self.assertEqual(key.read(), (channel, hid.KEEPALIVE, b'\x02'))
        person.answer(question, 'allow')
        self.assertEqual(key.cbor_reply(channel)[0], hid.OK)

    def test_cancel_takes_the_question_back(self):
        person = Person(self.sandbox)
        key, channel = self.channel()
        key.send(channel, hid.CBOR, SELECTION)
        question = person.question()
        key.send(channel, hid.CANCEL)
        self.assertEqual(key.cbor_reply(channel)[0], hid.KEEPALIVE_CANCEL)
        person.gone(question)

    def test_a_dropped_connection_takes_the_question_back(self):
        person = Person(self.sandbox)
        key, channel = self.channel()
        key.send(channel, hid.CBOR, SELECTION)
        question = person.question()
        key.close()
        person.gone(question)

    def test_two_at_once(self):
        person = Person(self.sandbox)
        (one, first), (two, second) = self.channel(), self.channel()
        one.send(first, hid.CBOR, make_credential(rp_id='one.example'))
        question = person.question()
        two.send(second, hid.CBOR, make_credential(rp_id='two.example'))
        three, third = self.channel()
        self.assertEqual(three.cbor(third, GET_INFO)[0], hid.OK)
        person.answer(question, 'deny')
        self.assertEqual(one.cbor_reply(first)[0], hid.OPERATION_DENIED)
        question = person.question()
        self.assertEqual(question['rp_id'], 'two.example')
        person.answer(question, 'allow')
        self.assertEqual(two.cbor_reply(second)[0], hid.OK)

    def test_a_busy_connection(self):
        person = Person(self.sandbox)
        key, channel = self.channel()
        other = key.init()
        key.send(channel, hid.CBOR, SELECTION)
        person.question()
        key.send(other, hid.CBOR, GET_INFO)
        while True:
            got, command, data = key.read()
            if got == other:
                break
        self.assertEqual((command, data), (hid.ERROR, bytes([hid.HID_BUSY])))


class Locked(SocketTest):
    def setUp(self):
        super().setUp()
        self.person = Person(self.sandbox, always='allow')
        self.id = self.register()
        self.person.always(None)
        self.person.questions()
        self.keyfob('lock')

    def test_what_it_is_can_be_asked(self):
        key, channel = self.channel()
        status, reply = key.cbor(channel, GET_INFO)
        self.assertEqual(status, hid.OK)
        self.assertIn('FIDO_2_1', cbor.decode(reply)[1])
        self.assertEqual(self.person.questions(), [])

    def test_unlocks_within_the_request(self):
        key, channel = self.channel()
        key.send(channel, hid.CBOR, get_assertion())
        question = self.person.question()
        self.assertEqual((question['kind'], question['purpose'], question['pid']), ('secret', 'unlock', os.getpid()))
        self.assertIn('security key', question['message'])
        self.assertEqual(key.read()[1], hid.KEEPALIVE)
        self.person.answer(question, 'wrong')
        question = self.person.question()
        self.assertIn('wrong', question['error'])
        self.person.answer(question, PASSWORD)
        question = self.person.question()
        self.assertEqual((question['purpose'], question['rp_id']), ('user-presence', 'example.org'))
        self.person.answer(question, 'allow')
        self.assertEqual(key.cbor_reply(channel)[0], hid.OK)
        self.assertTrue(key.keepalives)

    def test_a_probe_waits_and_is_never_lied_to(self):
        key, channel = self.channel()
        key.send(channel, hid.CBOR, get_assertion(allow=self.id, presence=False))
        question = self.person.question()
        self.person.answer(question, PASSWORD)
        self.assertEqual(key.cbor_reply(channel)[0], hid.OK)

    def test_who_waits_for_the_same_is_asked_once(self):
        waiting = [self.channel() for _ in range(3)]
        for key, channel in waiting:
            key.send(channel, hid.CBOR, get_assertion(allow=self.id, presence=False))
        question = self.person.question()
        for key, _ in waiting:
            self.assertEqual(key.read()[1], hid.KEEPALIVE)
        self.person.answer(question, PASSWORD)
        for key, channel in waiting:
            self.assertEqual(key.cbor_reply(channel)[0], hid.OK)
        self.assertEqual(self.person.questions(), [])

    def test_unlocked_by_somebody_else(self):
        key, channel = self.channel()
        key.send(channel, hid.CBOR, get_assertion(allow=self.id, presence=False))
        question = self.person.question()
        self.sandbox.unlock(PASSWORD)
        self.assertEqual(key.cbor_reply(channel)[0], hid.OK)
        self.person.gone(question)

    def test_refused(self):
        key, channel = self.channel()
        key.send(channel, hid.CBOR, get_assertion())
        self.person.answer(self.person.question(), 'deny')
        self.assertEqual(key.cbor_reply(channel)[0], hid.OPERATION_DENIED)

    def test_nobody_to_ask(self):
        self.person.process.terminate()
        self.person.process.wait()
        wait_for(lambda: not json.loads(self.keyfob('status', '--json').stdout)['agent'], 'nobody to ask')
        key, channel = self.channel()
        self.assertEqual(key.cbor(channel, get_assertion())[0], hid.NOT_ALLOWED)

    def test_locked_while_a_person_thinks(self):
        self.sandbox.unlock(PASSWORD)
        key, channel = self.channel()
        key.send(channel, hid.CBOR, get_assertion())
        question = self.person.question()
        self.keyfob('lock')
        self.assertNotEqual(key.cbor_reply(channel)[0], hid.OK)
        self.person.gone(question)


class Durable(SocketTest):
    def setUp(self):
        super().setUp()
        self.person = Person(self.sandbox, always='allow')

    def test_what_was_answered_is_kept(self):
        ids = [self.register(rp_id=f'{i}.example') for i in range(4)]
        self.sandbox.kill_daemon()
        self.sandbox.start_daemon()
        self.sandbox.unlock(PASSWORD)
        Person(self.sandbox, always='allow')
        for i, credential in enumerate(ids):
            self.assertEqual(self.sign_in(rp_id=f'{i}.example', allow=credential), hid.OK)
            self.assertEqual(self.sign_in(rp_id=f'{i}.example'), hid.OK)

    def test_among_the_writes_of_others(self):
        """A change of the key's commits what others have written until then; both are kept, and answered."""
        writers = [self.sandbox.spawn([self.sandbox.stage.keyfob, 'set', f's{i}', 'me'], stdin=subprocess.PIPE)
                   for i in range(8)]
        for writer in writers:
            writer.stdin.write(b'value')
            writer.stdin.close()
        ids = [self.register(rp_id=f'{i}.example') for i in range(8)]
        self.assertEqual([writer.wait(kt.TIMEOUT) for writer in writers], [0] * 8)
        self.sandbox.kill_daemon()
        self.sandbox.start_daemon()
        self.sandbox.unlock(PASSWORD)
        for i, credential in enumerate(ids):
            self.assertEqual(self.keyfob('get', f's{i}', 'me').stdout, b'value')
            self.assertEqual(self.sign_in(rp_id=f'{i}.example', allow=credential, presence=False), hid.OK)

    def test_the_secret_service_knows_nothing_of_it(self):
        self.keyfob('set', 'svc', 'me', input='value')
        self.register()
        with kb.Client(self.sandbox.socket) as bus:
            self.assertEqual(len(bus.search()), 1)
            self.assertEqual(bus.status()['items'], 1)
            self.assertEqual(bus.check()['damaged'], 0)

    def test_the_log_says_what_was_done_not_for_whom(self):
        self.register(rp_id='private.example', name='nobody-knows')
        # No reply waits for the log.
        wait_for(lambda: '1 credential of the security key was made by' in self.sandbox.read_log(), 'a line in the log')
        log = self.sandbox.read_log()
        self.assertIn(f'process {os.getpid()}', log)
        self.assertNotIn('private.example', log)
        self.assertNotIn('nobody-knows', log)


if __name__ == '__main__':
    kt.main()
