"""The unlock socket: a login hands over a slot's key; and whoever else comes to that door."""
import contextlib
import json
import os
import random
import signal
import socket
import sqlite3
import struct
import time

import keyfob_bus as kb
import keyfob_test as kt
import login
from person import wait_for

CHEAP = ('--kdf-memory', '64', '--kdf-passes', '3')
PASSWORD, LOGIN = 'pass word', b'login'


class DoorTest(kt.KeyfobTest):
    def setUp(self):
        super().setUp()
        self.sandbox.start_daemon()
        self.sandbox.init(PASSWORD)
        self.keyfob('set', 'svc', 'me', input='s3cret')
        self.keyfob('slot', 'add', '--kind', 'login', *CHEAP, '--password-file', self.sandbox.write('auth', PASSWORD),
                    '--new-password-file', self.sandbox.write('new', LOGIN))
        with kb.Client(self.sandbox.socket) as client:
            self.mirror = login.Mirror(client)
        self.slot = self.mirror.of('login')
        self.key = self.slot.derive(LOGIN)
        self.keyfob('lock')

    def status(self):
        return json.loads(self.keyfob('status', '--json').stdout)['vault']

    def slots(self):
        return json.loads(self.keyfob('slot', 'list', '--json').stdout)

    def hand_over(self, packet):
        return login.hand_over(self.sandbox, packet)

    def check_login(self, key):
        self.assertEqual(self.hand_over(login.open_frame(self.slot.id, key)), (login.DONE, 0))
        self.assertEqual(self.status(), 'unlocked')
        self.assertEqual(self.keyfob('get', 'svc', 'me').stdout, b's3cret')
        self.keyfob('lock')

    def check_password(self):
        self.keyfob('unlock', '--password-file', self.sandbox.write('auth', PASSWORD))
        self.assertEqual(self.keyfob('get', 'svc', 'me').stdout, b's3cret')
        self.keyfob('lock')


class Open(DoorTest):
    def test_the_key_opens(self):
        self.assertTrue(self.mirror.check_salt())
        self.assertEqual((self.mirror.uid, self.slot.memory, self.slot.passes), (os.getuid(), 65536, 3))
        self.check_login(self.key)
        # An open vault stays open, and the key is still judged.
        self.assertEqual(self.hand_over(login.open_frame(self.slot.id, self.key)), (login.DONE, 0))
        self.assertEqual(self.hand_over(login.open_frame(self.slot.id, bytes(32))), (login.WRONG_KEY, 0))
        self.assertEqual(self.status(), 'unlocked')

    def test_it_is_noted_when(self):
        self.assertEqual(self.hand_over(login.open_frame(self.slot.id, self.key)), (login.DONE, 0))
        wait_for(lambda: {s['kind']: s['used'] > 0 for s in self.slots()} == {'password': False, 'login': True}, 'the note')

    def test_another_key_does_not(self):
        for key in (bytes(32), self.slot.derive(b'Login'), bytes([self.key[0] ^ 1]) + self.key[1:], self.key[:31] + bytes([self.key[31] ^ 128])):
            self.assertEqual(self.hand_over(login.open_frame(self.slot.id, key)), (login.WRONG_KEY, 0))
        self.assertEqual(self.status(), 'locked')

    def test_slots_of_other_kinds_are_not_opened_by_a_frame(self):
        password, = [s for s in self.slots() if s['kind'] == 'password']
        self.assertEqual(self.hand_over(login.open_frame(bytes.fromhex(password['id']), self.key)), (login.NOT_ALLOWED, 0))
        self.assertEqual(self.hand_over(login.open_frame(os.urandom(16), self.key)), (login.NO_SLOT, 0))
        self.assertEqual(self.status(), 'locked')

    def test_without_a_vault(self):
        with kt.Sandbox() as empty:
            empty.start_daemon()
            self.assertEqual(login.hand_over(empty, login.open_frame(bytes(16), bytes(32))), (login.NO_VAULT, 0))

    def test_a_removed_slot(self):
        self.keyfob('unlock', '--password-file', self.sandbox.write('auth', PASSWORD))
        self.keyfob('slot', 'remove', 'login', '--password-file', self.sandbox.write('auth', PASSWORD))
        self.assertEqual(self.hand_over(login.open_frame(self.slot.id, self.key)), (login.NO_SLOT, 0))

    def test_a_refusal_is_logged_without_what_came(self):
        self.hand_over(login.open_frame(self.slot.id, self.key[::-1]))
        self.assertIn('a login could not open the vault', self.sandbox.read_log())
        self.assertNotIn(self.key[::-1].hex(), self.sandbox.read_log())

    def test_the_log_says_why_it_failed(self):
        """A slot of a version that this keyfobd does not know."""
        self.sandbox.stop_daemon()
        with contextlib.closing(sqlite3.connect(self.sandbox.vault)) as db, db:
            params, = db.execute('SELECT params FROM slot WHERE id=?', (self.slot.id,)).fetchone()
            db.execute('UPDATE slot SET params=? WHERE id=?', (b'\x7f' + params[1:], self.slot.id))
        self.sandbox.start_daemon()
        self.assertEqual(self.hand_over(login.open_frame(self.slot.id, self.key)), (login.FAILED, 0))
        self.assertIn('a login could not open the vault: a kind of key slot that this build cannot open', self.sandbox.read_log())
        self.check_password()

    def test_the_daemon_is_started_by_a_login(self):
        """As systemd does it: it listens at both sockets of keyfobd.socket."""
        self.sandbox.stop_daemon()
        with open(os.path.join(self.sandbox.stage.unitdir, 'keyfobd.socket'), encoding='utf-8') as file:
            self.assertIn('ListenSequentialPacket=%t/keyfob/unlock\n', file.read())
        sockets = []
        for name, kind in (('bus', socket.SOCK_STREAM), ('unlock', socket.SOCK_SEQPACKET)):
            sockets.append(socket.socket(socket.AF_UNIX, kind))
            sockets[-1].bind(os.path.join(self.sandbox.runtime, 'keyfob', name))
            sockets[-1].listen()
            os.set_inheritable(sockets[-1].fileno(), True)
        with login.connect(self.sandbox) as peer:
            peer.send(login.open_frame(self.slot.id, self.key))
            script = (f'exec 3<&{sockets[0].fileno()} 4<&{sockets[1].fileno()}; LISTEN_PID=$$ LISTEN_FDS=2 '
                      f'exec {self.sandbox.stage.keyfobd}')
            self.sandbox.spawn(['sh', '-c', script], pass_fds=tuple(s.fileno() for s in sockets))
            self.assertEqual(login.read_answer(peer.recv(100)), (login.DONE, 0))
        self.assertEqual(self.keyfob('get', 'svc', 'me').stdout, b's3cret')
        # The security key's socket is another one.
        self.assertTrue(os.path.exists(os.path.join(self.sandbox.runtime, 'keyfob', 'ctap')))
        for listening in sockets:
            listening.close()


class Replace(DoorTest):
    def test_a_new_password(self):
        packet, new = login.replace_frame(self.slot.id, self.key, b'signin')
        self.assertEqual(self.hand_over(packet), (login.DONE, 0))
        self.assertEqual(self.status(), 'locked')
        self.assertEqual(self.hand_over(login.open_frame(self.slot.id, self.key)), (login.WRONG_KEY, 0))
        self.check_login(new)
        self.check_password()
        # What is mirrored from now on leads to the same key, and the password to the same slot.
        with kb.Client(self.sandbox.socket) as client:
            slot = login.Mirror(client).of('login')
        self.assertEqual((slot.id, slot.derive(b'signin')), (self.slot.id, new))
        self.keyfob('unlock', '--password-file', self.sandbox.write('auth', 'signin'))
        self.assertEqual([s['label'] for s in self.slots() if s['kind'] == 'login'], ['login'])

    def test_it_survives_a_crash_at_once(self):
        packet, new = login.replace_frame(self.slot.id, self.key, b'signin')
        self.assertEqual(self.hand_over(packet), (login.DONE, 0))
        self.sandbox.kill_daemon()
        self.sandbox.start_daemon()
        self.check_login(new)
        self.check_password()

    def test_a_crash_in_between_leaves_one_of_both(self):
        """Killed at any moment: the old key opens or the new one, never none, and the password in any case."""
        key = self.key
        for i in range(12):
            packet, new = login.replace_frame(self.slot.id, key, b'login %d' % i)
            answered = b''
            with login.connect(self.sandbox) as peer:
                peer.send(packet)
                time.sleep(random.uniform(0, 0.012) if i else 0)
                self.sandbox.kill_daemon()
                if i % 2:
                    with contextlib.suppress(ConnectionResetError):  # it had not even read the packet
                        answered = peer.recv(100)
            self.sandbox.start_daemon()
            opens = [self.hand_over(login.open_frame(self.slot.id, k))[0] for k in (key, new)]
            self.assertIn(opens, [[login.DONE, login.WRONG_KEY], [login.WRONG_KEY, login.DONE]])
            if answered:
                self.assertEqual(opens[1], login.DONE, 'what was answered is durable')
            key = new if opens[1] == login.DONE else key
            self.keyfob('lock')
            self.check_password()

    def test_who_has_left_replaces_nothing(self):
        """A login that has given up must not be overtaken later by what it had asked for: it goes by what the daemon says next."""
        packet, _ = login.replace_frame(self.slot.id, self.key, b'signin')
        self.sandbox.daemon.send_signal(signal.SIGSTOP)
        with login.connect(self.sandbox) as peer:
            peer.send(packet)
        self.sandbox.daemon.send_signal(signal.SIGCONT)
        self.check_login(self.key)

    def test_who_does_not_know_the_old_key_replaces_nothing(self):
        packet, _ = login.replace_frame(self.slot.id, bytes(32), b'x')
        self.assertEqual(self.hand_over(packet), (login.WRONG_KEY, 0))
        self.check_login(self.key)

    def test_a_cheap_one_is_refused(self):
        for memory, passes in ((1024, 3), (65535, 3), (65536, 2), (65536, 0), (0, 3), (2**32 - 1, 3), (65536, 2**32 - 1), (1048577, 3)):
            rest = bytes(32) + struct.pack('<II', memory, passes) + bytes(16)
            self.assertEqual(self.hand_over(login.frame(2, self.slot.id, self.key, rest)), (login.INVALID, 0), (memory, passes))
        self.check_login(self.key)

    def test_another_kind_of_slot_is_not_replaced(self):
        password, = [s for s in self.slots() if s['kind'] == 'password']
        packet, _ = login.replace_frame(bytes.fromhex(password['id']), self.key, b'x')
        self.assertEqual(self.hand_over(packet), (login.NOT_ALLOWED, 0))
        self.check_password()

    def test_a_full_disk_changes_nothing(self):
        """No room in the vault's directory: it fails, and the old key opens."""
        packet, _ = login.replace_frame(self.slot.id, self.key, b'signin')
        self.sandbox.stop_daemon()
        daemon = self.sandbox.stage.keyfobd
        reader, writer = os.pipe()
        self.sandbox.daemon = self.sandbox.spawn(['sh', '-c', f'ulimit -f 0; trap "" XFSZ; exec {daemon} --ready-fd {writer}'], pass_fds=(writer,))
        os.close(writer)
        self.assertEqual(os.read(reader, 1), b'\n')
        os.close(reader)
        answer = self.hand_over(packet)
        self.assertIn(answer[0], (login.FAILED, login.NO_VAULT))
        self.sandbox.kill_daemon()
        self.sandbox.start_daemon()
        self.check_login(self.key)
        self.check_password()


class Hostile(DoorTest):
    def test_what_is_no_frame(self):
        good = login.open_frame(self.slot.id, self.key)
        with kt.Sandbox() as other:
            other.start_daemon()
            for packet in (b'x', good[:-1], good + b'\0', good * 2, bytes(128), b'\xff' * 128, b'KFUF\2' + good[5:], good[:5] + b'\0' + good[6:],
                           good[:5] + b'\3' + good[6:], good[:-1] + b'\1', good[:60] + b'\1' + good[61:]):
                self.assertEqual(login.hand_over(other, packet), (login.INVALID, 0), packet)
                time.sleep(0.25)
        self.assertEqual(self.status(), 'locked')
        self.check_login(self.key)

    def test_one_that_says_nothing_is_let_go(self):
        began = time.monotonic()
        with login.connect(self.sandbox) as silent:
            self.assertEqual(silent.recv(100), b'')
            self.assertGreater(time.monotonic() - began, 1)
        with login.connect(self.sandbox) as empty:
            empty.send(b'')
            self.assertEqual(empty.recv(100), b'')
        self.check_login(self.key)

    def test_only_the_first_packet_counts(self):
        with login.connect(self.sandbox) as peer:
            try:
                peer.send(login.open_frame(self.slot.id, bytes(32)))
                peer.send(login.open_frame(self.slot.id, self.key))
                # What is left unread takes the answer with it, when the connection ends.
                self.assertEqual(login.read_answer(peer.recv(100)), (login.WRONG_KEY, 0))
            except OSError:
                pass
        self.assertEqual(self.status(), 'locked')

    def test_a_flood_is_put_off_and_ends(self):
        answers, deadline = [], time.monotonic() + 60
        while (login.WAIT, 1) not in answers and time.monotonic() < deadline:  # a slow flood takes longer to be one
            answers.append(self.hand_over(login.open_frame(self.slot.id, os.urandom(32))))
        self.assertEqual(answers[0], (login.WRONG_KEY, 0))
        self.assertEqual(set(answers), {(login.WRONG_KEY, 0), (login.WAIT, 1)})
        # Who waits as he is told has his turn.
        deadline = time.monotonic() + 20
        while (answer := self.hand_over(login.open_frame(self.slot.id, self.key)))[0] == login.WAIT and time.monotonic() < deadline:
            time.sleep(answer[1])
        self.assertEqual(answer, (login.DONE, 0))
        self.keyfob('get', 'svc', 'me')

    def test_a_crowd_is_bounded_and_harms_nobody_else(self):
        crowd = [login.connect(self.sandbox) for _ in range(100)]
        closed = sum(1 for peer in crowd[16:] if peer.recv(100) == b'')
        self.assertEqual(closed, 84)
        self.keyfob('status')
        for peer in crowd:
            peer.close()
        wait_for(self.is_let_in, 'room again')

    def is_let_in(self):
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # the door was full still, and the frame was not read
            return self.hand_over(login.open_frame(self.slot.id, self.key)) == (login.DONE, 0)
        return False

    def test_many_that_leave_before_the_answer(self):
        sent = 0
        for _ in range(50):
            with login.connect(self.sandbox) as peer, contextlib.suppress(BrokenPipeError):  # too many at once are closed
                peer.send(login.open_frame(self.slot.id, os.urandom(32)))
                sent += 1
        self.assertGreater(sent, 16)
        self.keyfob('status')

    def test_another_user_is_not_let_in(self):
        if os.getuid() != 0:
            self.skipTest('only root can be another user')
        path = os.path.join(self.sandbox.runtime, 'keyfob', 'unlock')
        self.assertEqual(os.stat(path).st_mode & 0o777, 0o600)
        self.assertEqual(os.stat(os.path.dirname(path)).st_mode & 0o777, 0o700)
        # Let through by every mode on the way, it is the peer's uid that counts.
        for place, mode in ((self.sandbox.root, 0o755), (self.sandbox.runtime, 0o755), (os.path.dirname(path), 0o755), (path, 0o666)):
            os.chmod(place, mode)
        reader, writer = os.pipe()
        child = os.fork()
        if child == 0:
            try:
                os.setresgid(65534, 65534, 65534)
                os.setresuid(65534, 65534, 65534)
                answer = login.hand_over(self.sandbox, login.open_frame(self.slot.id, self.key))
                os.write(writer, repr(answer).encode())
            except OSError as error:
                os.write(writer, repr(error).encode())
            finally:
                os._exit(0)  # pylint: disable=protected-access
        os.close(writer)
        os.waitpid(child, 0)
        said = os.read(reader, 1000)
        os.close(reader)
        self.assertTrue(said == b'None' or b'Reset' in said or b'Broken' in said, said)
        self.assertEqual(self.status(), 'locked')
        self.check_login(self.key)


if __name__ == '__main__':
    kt.main()
