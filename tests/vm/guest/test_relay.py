"""keyfob-uhid: what it is after its start, what it refuses, and what is left when it or the daemon goes."""
import base64
import contextlib
import os
import signal
import socket
import struct
import subprocess
import unittest

import guest
from person import Person, runs, wait_for

SOCKET = '/run/keyfob/uhid'
PACKET = 65
EVENT_READY, EVENT_REFUSED, REFUSED_IN_USE = 1, 2, 1


def relays():
    found = set()
    for name in filter(str.isdigit, os.listdir('/proc')):
        with contextlib.suppress(OSError), open(f'/proc/{name}/comm', encoding='utf-8') as file:
            if file.read() == 'keyfob-uhid\n' and runs(int(name)):
                found.add(int(name))
    return found


def connect(uid):
    """A connection of this user's."""
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    connection.settimeout(guest.PATIENCE)
    os.seteuid(uid)
    try:
        connection.connect(SOCKET)
    finally:
        os.seteuid(0)
    return connection


def event(connection):
    kind, number = struct.unpack('<II', connection.recv(PACKET))
    return kind, number


class Relay(guest.KeyTest):
    def relay(self):
        self.account.wait_for_node()
        # that of a connection which was closed may not have ended yet
        return wait_for(lambda: len(found := relays()) == 1 and found, 'one relay', guest.PATIENCE).pop()


class Confined(Relay):
    def test_no_privilege_is_left(self):
        with open(f'/proc/{self.relay()}/status', encoding='utf-8') as file:
            status = dict(line.rstrip('\n').split(':\t', 1) for line in file if ':\t' in line)
        self.assertEqual((status['Seccomp'], status['NoNewPrivs']), ('2', '1'))
        for name in ('CapInh', 'CapPrm', 'CapEff', 'CapBnd', 'CapAmb'):
            self.assertEqual(int(status[name], 16), 0, name)
        for name in ('Uid', 'Gid'):
            self.assertEqual(set(status[name].split()), {'65534'}, name)
        self.assertEqual(status['Groups'].strip(), '')

    def test_no_descriptor_but_its_own(self):
        place = f'/proc/{self.relay()}/fd'
        held = sorted(os.readlink(os.path.join(place, name)).split(':')[0] for name in os.listdir(place))
        self.assertEqual([name for name in held if name != '/dev/null'],
                         ['/dev/uhid', f'/run/keyfob-uhid/{guest.UID}', 'socket'])

    @guest.needs('gdb')
    def test_what_it_gave_up_ends_it(self):
        """Root makes it try: the kernel ends it at the call itself, before any argument is looked at."""
        for call in ('open(0, 0)', 'socket(1, 1, 0)', 'execve(0, 0, 0)'):
            with self.subTest(call), connect(guest.OTHER_UID) as connection:
                self.assertEqual(event(connection)[0], EVENT_READY)
                pid = (relays() - {self.relay_of_user}).pop()
                done = subprocess.run(['gdb', '-nx', '-batch', '-p', str(pid), '-ex', f'print ((int (*)()) {call.split("(")[0]})'
                                       f'({call.split("(")[1]}'], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                      stderr=subprocess.STDOUT, timeout=3 * guest.PATIENCE, check=False)  # gdb has much to read
                self.assertIn(b'SIGSYS', done.stdout)
                self.assertEqual(connection.recv(PACKET), b'')
                wait_for(lambda gone=pid: gone not in relays(), 'the relay to end', guest.PATIENCE)
                wait_for(lambda: not guest.nodes(guest.OTHER_UID), 'its device to go', guest.PATIENCE)

    def setUp(self):
        super().setUp()
        self.relay_of_user = self.relay()

    def test_one_device_for_each_user(self):
        with connect(guest.UID) as second:
            self.assertEqual(event(second), (EVENT_REFUSED, REFUSED_IN_USE))
            self.assertEqual(second.recv(PACKET), b'')
        self.assertEqual(len(guest.nodes(guest.UID)), 1)

    def test_each_user_has_his_own(self):
        with connect(guest.OTHER_UID) as other:
            self.assertEqual(event(other)[0], EVENT_READY)
            node = wait_for(lambda: guest.find_node(guest.OTHER_UID), 'a device of the other user', guest.PATIENCE)
            with self.assertRaises(AssertionError):
                self.account.run(['sh', '-c', f': < {node}'])
        wait_for(lambda: not os.path.exists(node), 'it to go with its connection', guest.PATIENCE)

    def test_packets_of_no_size_that_is_meant_are_nothing(self):
        with connect(guest.OTHER_UID) as other:
            self.assertEqual(event(other)[0], EVENT_READY)
            # the kernel has begun with it then; the node follows
            nodes = wait_for(lambda: guest.nodes(guest.OTHER_UID), 'a device of the other user', guest.PATIENCE)
            for size in (1, 8, 63, 65, 4096):
                other.send(bytes(size))
            self.assertEqual(guest.nodes(guest.OTHER_UID), nodes)


class Restarts(Relay):
    def begin(self):
        """A ceremony that waits for the person."""
        self.person.always(None)
        request = self.account.write('request', '\n'.join(
            [base64.b64encode(os.urandom(32)).decode(), 'example.org', 'alice', base64.b64encode(b'alice').decode(), '']))
        client = self.account.spawn(['fido2-cred', '-M', '-i', request, '-o', self.account.root + '/made', self.account.node])
        return client, self.person.question(guest.PATIENCE)

    def assertFails(self, client):
        self.assertNotEqual(client.wait(guest.PATIENCE), 0)

    def assertWorks(self):
        node = self.account.wait_for_node()
        self.assertIn(b'FIDO_2_0', self.account.run(['fido2-token', '-I', node]).stdout)

    def test_1_relay_is_killed_in_a_ceremony(self):
        client, question = self.begin()
        relay = self.relay()
        os.kill(relay, signal.SIGKILL)
        self.assertFails(client)
        self.person.gone(question, guest.PATIENCE)
        wait_for(lambda: relays() - {relay}, 'another relay', guest.PATIENCE)
        self.assertWorks()

    def test_2_client_is_killed_in_a_ceremony(self):
        client, question = self.begin()
        client.kill()
        client.wait()
        self.person.gone(question, guest.PATIENCE)
        self.assertWorks()

    def test_3_daemon_is_killed_in_a_ceremony(self):
        client, _ = self.begin()
        self.account.kill_daemon()
        self.assertFails(client)
        wait_for(lambda: not guest.nodes(guest.UID), 'the device to go', guest.PATIENCE)
        self.account.start_daemon(timeout=guest.PATIENCE)
        type(self).person = Person(self.account, always='allow')
        self.account.unlock(guest.PASSWORD)
        self.assertWorks()


if __name__ == '__main__':
    unittest.main()
