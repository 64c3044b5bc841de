#!/usr/bin/python3
"""The disk is full, or fails: what callers are told is what is kept, and the daemon goes on or ends and says why."""
import os

import keyfob_bus as kb
import keyfob_test as kt
from jeepney import DBusAddress, MessageType, new_method_call

CALLS = 20


def preload():
    return os.path.join(kt.BUILD, 'tests', 'integration', 'fault-preload.so')


@kt.not_sanitized
class DiskFails(kt.KeyfobTest):
    def setUp(self):
        super().setUp()
        self.disk = os.path.join(self.sandbox.root, 'disk')
        self.start()
        self.sandbox.init(None)

    def start(self):
        self.sandbox.start_daemon(env={'LD_PRELOAD': preload(), 'KEYFOB_TEST_DISK': self.disk})

    def fail(self, what):  # pylint: disable=arguments-renamed
        with open(f'{self.disk}.{what}', 'wb'):
            pass

    def mend(self, what):
        os.unlink(f'{self.disk}.{what}')

    def storm(self, client, value):
        """Many writes at once, which share a commit. The errors (None: done), and the members of the signals that came."""
        connection = client.connection
        serials = []
        for n in range(CALLS):
            attributes = {'service': 'disk', 'username': str(n)}
            serials.append(next(connection.outgoing_serial))
            connection.send(new_method_call(kb.STORE, 'Store', 'a{ss}sa{ss}a{sv}ay',
                                            (attributes, '', attributes, {}, value)), serial=serials[-1])
        answers, signals = {}, []
        while len(answers) < CALLS:
            message = connection.receive(timeout=60)
            fields = {int(k): v for k, v in message.header.fields.items()}
            if message.header.message_type == MessageType.signal:
                signals.append(fields[3])
            elif message.header.message_type == MessageType.error:
                answers[fields[5]] = kb.BusError(fields[4], message.body[0])
            else:
                answers[fields[5]] = None
        return [answers[serial] for serial in serials], signals

    def listen(self, client):
        bus = DBusAddress('/org/freedesktop/DBus', bus_name='org.freedesktop.DBus', interface='org.freedesktop.DBus')
        client.call(bus, 'AddMatch', 's', "type='signal',interface='org.freedesktop.Secret.Collection'")

    def values(self, client):
        return [client.lookup(service='disk', username=str(n)) for n in range(CALLS)]

    def assertAllRefused(self, answers, text):
        for answer in answers:
            self.assertIsNotNone(answer, 'a write that failed was acknowledged')
            self.assertEqual(answer.name, 'org.keyfob.Error.Io')
            self.assertIn(text, str(answer))
            self.assertNotIn('\n', str(answer))

    def test_a_full_disk_refuses_all_of_a_commit_and_the_daemon_goes_on(self):
        with kb.Client(self.sandbox.socket) as client:
            self.listen(client)
            answers, signals = self.storm(client, b'old')
            self.assertEqual(answers, [None] * CALLS)
            self.assertIn('ItemCreated', signals)
            self.fail('full')
            answers, signals = self.storm(client, b'new')
            self.assertAllRefused(answers, 'the disk is full')
            self.assertEqual(signals, [])
            self.assertEqual(self.values(client), [b'old'] * CALLS)
            self.mend('full')
            answers, _ = self.storm(client, b'newer')
            self.assertEqual(answers, [None] * CALLS)
            self.assertEqual(self.values(client), [b'newer'] * CALLS)
        self.keyfob('check')

    def test_a_write_whose_sync_failed_does_not_come_back_after_a_crash(self):
        with kb.Client(self.sandbox.socket) as client:
            self.storm(client, b'old')
            self.fail('sync-once')
            with self.assertRaises(kb.BusError) as caught:
                client.store({'service': 'disk', 'username': '0'}, b'new')
            self.assertEqual(caught.exception.name, 'org.keyfob.Error.Io')
            self.assertEqual(self.values(client), [b'old'] * CALLS)
        self.sandbox.kill_daemon()
        self.mend('sync-once')
        self.start()
        with kb.Client(self.sandbox.socket) as client:
            self.assertEqual(self.values(client), [b'old'] * CALLS)
        self.keyfob('check')

    def test_where_nobody_knows_what_is_kept_the_daemon_says_so_and_ends(self):
        with kb.Client(self.sandbox.socket) as client:
            self.storm(client, b'old')
            self.fail('sync')
            with self.assertRaises(kb.BusError) as caught:
                client.store({'service': 'disk', 'username': '0'}, b'new')
            self.assertEqual(caught.exception.name, 'org.keyfob.Error.Io')
            self.assertIn('may or may not', str(caught.exception))
        daemon, self.sandbox.daemon = self.sandbox.daemon, None
        self.assertEqual(daemon.wait(60), 1)
        said = [line for line in self.sandbox.read_log().splitlines() if 'may or may not be kept' in line]
        self.assertEqual(len(said), 1, self.sandbox.read_log())
        self.mend('sync')
        self.start()
        with kb.Client(self.sandbox.socket) as client:
            values = self.values(client)
            self.assertIn(values[0], (b'old', b'new'))
            self.assertEqual(values[1:], [b'old'] * (CALLS - 1))
            self.assertEqual(self.storm(client, b'newer')[0], [None] * CALLS)
        self.keyfob('check')


if __name__ == '__main__':
    kt.main()
