#!/usr/bin/python3
"""What a client may ask for at most, and what becomes of the others when a commit fails under them."""
import contextlib
import os
import resource
import signal
import socket
import time

from jeepney import DBusAddress, MessageFlag, new_method_call

import keyfob_test as kt
import secret_client as sc
from person import wait_for
from test_disk_fails import preload

LIMITS = 'org.keyfob.Error.LimitsExceeded'
BUSY = 'org.keyfob.Error.Busy'
INVALID = 'org.keyfob.Error.InvalidArgument'
IO = 'org.keyfob.Error.Io'
PASSWORD = b'pass word'


class LimitsTest(kt.KeyfobTest):
    def setUp(self):
        super().setUp()
        self.start()
        self.client = self.connect()
        self.client.init()

    def start(self):
        self.sandbox.start_daemon()

    @contextlib.contextmanager
    def held(self):
        """What is sent meanwhile, the daemon finds all at once."""
        self.sandbox.daemon.send_signal(signal.SIGSTOP)
        try:
            wait_for(lambda: self.state() == 'T', 'the daemon to stop')
            yield
        finally:
            self.sandbox.daemon.send_signal(signal.SIGCONT)

    def state(self):
        with open(f'/proc/{self.sandbox.daemon.pid}/stat', encoding='utf-8') as file:
            return file.read().rsplit(') ', 1)[1][0]

    def connect(self):
        client = sc.Client(f'unix:path={self.sandbox.socket}')
        self.addCleanup(client.close)
        return client

    def both(self, *calls):
        """Sends the calls in one piece, so that the daemon finds them together, in that order. Returns their serials."""
        connection, sock = self.client.connection, self.client.connection.sock
        data, serials = b'', []
        for path, interface, member, signature, *body in calls:
            message = sc.new_method_call(sc.DBusAddress(path, sc.NAME, interface), member, signature, tuple(body))
            serials.append(next(connection.outgoing_serial))
            data += message.serialise(serials[-1])
        sock.sendall(data)
        return serials


class Replies(LimitsTest):
    def test_a_list_of_items_stays_a_message(self):
        """An array of D-Bus has 64 MiB at most; a bus drops who sends more."""
        wide = {f'attribute {i}': 'x' * 8000 for i in range(63)}
        for n in range(140):
            self.client.store('Store', 'a{ss}sa{ss}a{sv}ay', {}, f'item {n}', {**wide, 'n': str(n)}, {}, b'')
        with sc.expect_error(self, LIMITS):
            self.client.store('Search', 'a{ss}a{sv}', {}, {})
        self.assertEqual(len(self.client.store('Search', 'a{ss}a{sv}', {}, {'limit': ('u', 5)})), 5)
        with sc.expect_error(self, LIMITS):
            self.client.store('Search', 'a{ss}a{sv}', {}, {'limit': ('u', 139)})

        for path, *_ in self.client.store('Search', 'a{ss}a{sv}', {'n': '1'}, {}):
            self.client.store('Delete', 'oa{ss}', path, {})
        self.assertEqual(len(self.client.store('ListDeleted', 'a{sv}', {})), 1)
        for n in [0, *range(2, 140)]:
            self.client.store('Delete', 'oa{ss}', '/', {'n': str(n)})
        with sc.expect_error(self, LIMITS):
            self.client.store('ListDeleted', 'a{sv}', {})
        self.assertEqual(len(self.client.store('ListDeleted', 'a{sv}', {'limit': ('u', 5)})), 5)

    def test_what_the_kernel_does_not_take_at_once_is_sent_later(self):
        """A list of more than one slice is not sent by him who read the question."""
        wide = {f'attribute {i}': 'x' * 8000 for i in range(2)}
        for n in range(220):
            self.client.store('Store', 'a{ss}sa{ss}a{sv}ay', {}, f'item {n}', {**wide, 'n': str(n)}, {}, b'')
        self.assertEqual(len(self.client.store('Search', 'a{ss}a{sv}', {}, {})), 220)

    def test_prompts_do_not_pile_up_by_size(self):
        session = self.client.open_session()
        item = self.client.create_item(sc.DEFAULT, {'a': 'b'}, b'', session)
        self.client.lock()
        many = [item] * 250000
        unlocked, first = self.client.call(sc.ROOT, sc.SERVICE, 'Unlock', 'ao', many, timeout=120)
        self.assertEqual(unlocked, [])
        _, second = self.client.call(sc.ROOT, sc.SERVICE, 'Unlock', 'ao', many, timeout=120)
        with sc.expect_error(self, sc.UNKNOWN_OBJECT):
            self.client.call(first, sc.PROMPT, 'Dismiss')
        self.client.call(second, sc.PROMPT, 'Dismiss')


class NothingHalfDone(LimitsTest):
    def collections(self):
        return {c['name'][1] for c in self.client.store('Status')['collections'][1]}

    def test_a_collection_is_not_made_without_its_alias(self):
        before = self.collections()
        for alias in ('a' * 300, 'session'):
            with self.assertRaises(sc.Error):
                self.client.store('CreateCollection', 'sa{sv}', 'half',
                                  {'alias': ('s', alias), 'auth': ('ay', PASSWORD)})
            self.assertEqual(self.collections(), before, alias)

    def test_the_alias_session_is_taken(self):
        with sc.expect_error(self, INVALID):
            self.client.store('SetAlias', 'ss', 'session', 'default')


@kt.not_sanitized
class FailingCommit(LimitsTest):
    """The disk takes no more while a batch is open: what others did in memory stands, and they are told."""

    def start(self):
        """On a disk that can be filled: by a preload, because a real one takes rights to be had."""
        self.disk = os.path.join(self.sandbox.root, 'disk')
        self.sandbox.start_daemon(env={'LD_PRELOAD': preload(), 'KEYFOB_TEST_DISK': self.disk})

    def fill_disk(self):
        full = f'{self.disk}.full'
        with open(full, 'wb'):
            pass
        return lambda: os.unlink(full)

    def create(self, collection, session, value=b'value'):
        return (collection, sc.COLLECTION, 'CreateItem', 'a{sv}(oayays)b',
                {sc.ITEM + '.Label': ('s', 'x'), sc.ITEM + '.Attributes': ('a{ss}', {'x': collection})},
                session.encode(value), False)

    def test_the_daemon_lives_and_says_so(self):
        session = self.client.open_session()
        make_room = self.fill_disk()
        serial, = self.both(self.create(sc.DEFAULT, session))
        with sc.expect_error(self, IO):
            self.client.wait(serial)
        make_room()
        self.assertIsNone(self.sandbox.daemon.poll())
        self.client.create_item(sc.DEFAULT, {'after': 'all'}, b'value', session)

    def test_a_prompt_is_completed_all_the_same(self):
        session = self.client.open_session()
        self.client.subscribe()
        _, prompt = self.client.service('CreateCollection', 'a{sv}s', {}, '')
        self.fill_disk()
        write, dismiss = self.both(self.create(sc.DEFAULT, session), (prompt, sc.PROMPT, 'Dismiss', None))
        with sc.expect_error(self, IO):
            self.client.wait(write)
        self.client.wait(dismiss)
        self.assertEqual(self.client.wait_for(prompt, sc.PROMPT, 'Completed')[0], True)

    def test_what_is_in_memory_only_is_kept(self):
        session = self.client.open_session()
        self.fill_disk()
        write, memory = self.both(self.create(sc.DEFAULT, session), self.create(sc.SESSION, session))
        with sc.expect_error(self, IO):
            self.client.wait(write)
        item, _ = self.client.wait(memory)
        self.assertEqual(self.client.secret(item, session)[0], b'value')

    def test_a_lock_is_told(self):
        session = self.client.open_session()
        self.client.subscribe()
        self.fill_disk()
        write, lock = self.both(self.create(sc.DEFAULT, session), (sc.ROOT, sc.SERVICE, 'LockService', None))
        with sc.expect_error(self, IO):
            self.client.wait(write)
        self.client.wait(lock)
        self.assertEqual(self.client.wait_for('/org/keyfob', sc.STORE, 'LockChanged')[1], True)


class Floods(LimitsTest):
    ASKED = 3

    def flooder(self):
        """A connection that the daemon has got to know. For all of its words to be on their way at once its buffer must be
        larger than an ordinary user's may be."""
        client = self.connect()
        so_sndbufforce = 32
        try:
            client.connection.sock.setsockopt(socket.SOL_SOCKET, so_sndbufforce, 16 << 20)
        except PermissionError:
            self.skipTest('only root may have so much on its way')
        client.store('Status')
        return client.connection.sock

    @staticmethod
    def flood(calls):
        """That many calls which want no answer, and one more, that locks the vault."""
        service = DBusAddress('/org/freedesktop/secrets', bus_name='org.freedesktop.secrets',
                              interface='org.freedesktop.Secret.Service')
        call = new_method_call(service, 'SearchItems', 'a{ss}', ({'server': 'example.org'},))
        last = new_method_call(DBusAddress('/org/keyfob', bus_name='org.keyfob.Daemon', interface=sc.STORE), 'Lock',
                               'ao', ([],))
        call.header.flags = last.header.flags = MessageFlag.no_reply_expected
        return call.serialise(serial=1000) * calls + last.serialise(serial=1001)

    def test_a_client_with_much_to_say_leaves_room_for_others(self):
        """What the daemon does in which order is asked of itself: by the time that we look, all of it may be done. The last word of
        the flood locks the vault, and who is answered before that sees it open. What others say has come after the flood."""
        others, flooder = [self.connect() for _ in range(5)], self.flooder()
        for other in others:
            other.store('Status')
        with self.held():
            flooder.sendall(self.flood(20000))
            asked = [(other, other.send('/org/keyfob', sc.STORE, 'Status', destination='org.keyfob.Daemon'))
                     for _ in range(self.ASKED) for other in others]
        for other, serial in asked:
            status, = other.wait(serial, 60)
            self.assertEqual(status['vault'][1], 'unlocked', 'others waited until all of it was done')
        wait_for(lambda: self.client.store('Status')['vault'][1] == 'locked', 'the flood to be over', 120)


class Descriptors(LimitsTest):
    def test_none_left_is_no_reason_to_spin(self):
        pid = self.sandbox.daemon.pid
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (30, 4096))
        clients = []
        for _ in range(40):
            clients.append(socket.socket(socket.AF_UNIX))
            self.addCleanup(clients[-1].close)
            clients[-1].connect(self.sandbox.socket)
        time.sleep(0.5)
        used, said = self.sandbox.seconds_used(), os.path.getsize(self.sandbox.log)
        time.sleep(1.5)
        self.assertLess(self.sandbox.seconds_used() - used, 0.5)
        self.assertLess(os.path.getsize(self.sandbox.log) - said, 2000)
        self.client.store('Status')
        for client in clients:
            client.close()
        self.connect().store('Status')


class KeysMeanwhile(LimitsTest):
    """Between the first step of a Rekey and its last somebody else may change slots."""

    def add_three(self):
        for n in range(3):
            self.add(b'more %d' % n)

    def add(self, password, auth=PASSWORD, client=None):
        return (client or self.client).store('AddSlot', 'a{sv}', self.options(password, auth))

    @staticmethod
    def options(password, auth=PASSWORD):
        return {'kind': ('s', 'password'), 'secret': ('ay', password), 'auth': ('ay', auth),
                'kdf_memory': ('u', 65536), 'kdf_passes': ('u', 3)}

    def meanwhile(self, secrets, drop, member, options):
        """Begins a Rekey, and a call that comes meanwhile. Between two clients it would come first, or when all is over, where one
        of us isn't scheduled; so it is one client's. Returns what to wait for."""
        return self.both(('/org/keyfob', sc.STORE, 'Rekey', 'a{sv}',
                          {'secrets': ('aay', secrets), 'drop': ('b', drop), 'interactive': ('b', False)}),
                         ('/org/keyfob', sc.STORE, member, 'a{sv}', options))

    def test_a_slot_added_meanwhile_is_not_dropped(self):
        self.add_three()
        rekey, added = self.meanwhile([PASSWORD, b'more 0', b'more 1', b'more 2'], True,
                                      'AddSlot', {'kind': ('s', 'none'), 'auth': ('ay', PASSWORD)})
        identity, = self.client.wait(added, 60)
        with sc.expect_error(self, BUSY):
            self.client.wait(rekey, 60)
        self.assertIn(identity, [slot['id'][1] for slot in self.client.store('ListSlots')])

    def test_a_password_changed_meanwhile_stays_changed(self):
        self.add_three()
        rekey, changed = self.meanwhile([PASSWORD, b'more 0', b'more 1', b'more 2'], False,
                                        'ChangePassword', {'old': ('ay', PASSWORD), 'new': ('ay', b'changed'),
                                                           'kdf_memory': ('u', 65536), 'kdf_passes': ('u', 3)})
        self.client.wait(changed, 60)
        with sc.expect_error(self, BUSY):
            self.client.wait(rekey, 60)
        self.client.unlock(b'changed')

    def test_new_keys_meanwhile_are_not_taken_for_damage(self):
        """The root that the second caller opened is another one by the time it has its draft."""
        rekey, added = self.meanwhile([PASSWORD], False, 'AddSlot', self.options(b'late'))
        self.client.wait(rekey, 60)
        with sc.expect_error(self, BUSY):
            self.client.wait(added, 60)


if __name__ == '__main__':
    kt.main()
