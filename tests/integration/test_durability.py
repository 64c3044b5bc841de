#!/usr/bin/python3
"""What was acknowledged is there: SIGKILL in a storm of writes, and of wipes, a second daemon, a socket that a dead one left."""
import json
import os
import random
import socket
import struct
import threading

import keyfob_bus as kb
import keyfob_test as kt

ROUNDS = int(os.environ.get('KEYFOB_TEST_CRASHES', '200'))
CLIENTS = 4
STORM = 80  # writes of a round, at most, before the end
KEYS = 12  # of each client: it writes them again and again, and deletes some


class Writer(threading.Thread):
    """One client. Remembers what was acknowledged for each of its keys, and the one request that was under way."""

    def __init__(self, sandbox, number, known, count):
        super().__init__(daemon=True)
        self.count = count      # a semaphore: one for each write that was acknowledged
        self.path = sandbox.socket
        self.number = number
        self.known = known      # key: the value that was acknowledged; None: acknowledged as deleted
        self.pending = None     # (key, value)
        self.acknowledged = 0
        self.failure = None

    def attributes(self, key):
        return {'service': f'storm {self.number}', 'username': str(key)}

    def run(self):
        try:
            with kb.Client(self.path) as client:
                session = client.session()
                paths = {}
                for n in range(1000000):
                    key = random.randrange(KEYS)
                    value = None
                    if n % 7 == 3 and self.known.get(key) is not None:
                        self.pending = key, None
                        client.delete(**self.attributes(key))
                        paths.pop(key, None)
                    else:
                        value = os.urandom(random.choice((1, 40, 40, 3000)))
                        self.pending = key, value
                        if n % 2:
                            client.store(self.attributes(key), value)
                        else:
                            client.create_item(session, self.attributes(key), value)
                    self.known[key] = value
                    self.pending = None
                    self.acknowledged += 1
                    self.count.release()
        except kb.BusError as error:
            self.failure = error    # a refusal is never right here
        except Exception:           # pylint: disable=broad-except
            pass                    # the connection died with the daemon


class Durability(kt.KeyfobTest):
    def files(self):
        vault = os.path.basename(self.sandbox.vault)
        return set(os.listdir(self.sandbox.vault_dir)) - {vault, vault + '-wal', vault + '-shm', 'snapshots'}

    def verify(self, writers, done):
        """Every key has the value that was acknowledged, or the one whose request the crash interrupted."""
        with kb.Client(self.sandbox.socket) as client:
            for number, writer in enumerate(writers):
                for key in range(KEYS):
                    allowed = {writer.known.get(key)}
                    if writer.pending and writer.pending[0] == key:
                        allowed.add(writer.pending[1])
                    try:
                        found = client.lookup(**writer.attributes(key))
                    except kb.BusError as error:
                        self.assertEqual(error.name, 'org.keyfob.Error.NotFound')
                        found = None
                    self.assertIn(found, allowed, f'client {number}, key {key}, after round {done}')
                    writer.known[key] = found
                items = client.search({'service': f'storm {number}'})
                self.assertEqual(len(items), sum(v is not None for v in writer.known.values()),
                                 'an item is there twice, or one that nobody wrote')
            report = client.check()
            for name in ('damaged', 'index_missing', 'index_extra', 'tampered'):
                self.assertEqual(report[name], 0, report)

    def test_no_acknowledged_write_is_lost_when_the_daemon_is_killed(self):
        random.seed(os.environ.get('KEYFOB_TEST_SEED'))
        self.sandbox.start_daemon()
        self.sandbox.init(None)     # it opens by itself, and no round waits for a KDF
        known = [{} for _ in range(CLIENTS)]
        acknowledged = cut_short = 0
        for done in range(ROUNDS):
            count = threading.Semaphore(0)
            writers = [Writer(self.sandbox, number, known[number], count) for number in range(CLIENTS)]
            wipe = self.sandbox.spawn([self.sandbox.stage.keyfob, 'wipe', '--all', '--yes']) if done % 3 == 0 else None
            for writer in writers:
                writer.start()
            for _ in range(random.randrange(STORM)):
                self.assertTrue(count.acquire(timeout=60), 'the daemon does not answer')
            self.sandbox.kill_daemon()
            for writer in writers:
                writer.join(60)
                self.assertFalse(writer.is_alive())
                self.assertIsNone(writer.failure)
                acknowledged += writer.acknowledged
            if wipe:
                cut_short += wipe.wait(60) != 0
                self.sandbox.kill_started_daemon()
            self.assertEqual(self.files(), set())

            self.sandbox.start_daemon()
            self.verify(writers, done)
        self.assertGreater(acknowledged, ROUNDS * STORM // 4, 'that was no storm')
        self.assertGreater(cut_short, 0, 'no wipe was cut short')
        self.keyfob('check')
        self.keyfob('wipe', '--all', '--yes')
        self.keyfob('check')
        self.sandbox.stop_daemon()
        self.assertEqual(self.files(), set())

    def test_what_was_acknowledged_before_sigterm_is_there(self):
        self.sandbox.start_daemon()
        self.sandbox.init('pass word')
        known = [{} for _ in range(CLIENTS)]
        for done in range(3):
            count = threading.Semaphore(0)
            writers = [Writer(self.sandbox, number, known[number], count) for number in range(CLIENTS)]
            for writer in writers:
                writer.start()
            for _ in range(STORM):
                self.assertTrue(count.acquire(timeout=60), 'the daemon does not answer')
            self.sandbox.stop_daemon()
            for writer in writers:
                writer.join(60)
                self.assertIsNone(writer.failure)
            self.sandbox.start_daemon()
            self.sandbox.unlock('pass word')
            self.verify(writers, done)


class SecondDaemon(kt.KeyfobTest):
    def test_one_vault_has_one_daemon(self):
        first = self.sandbox.start_daemon()
        self.sandbox.init('pass word')
        self.keyfob('set', 'svc', 'me', input='value')

        runtime = os.path.join(self.sandbox.root, 'run2')
        os.mkdir(runtime, 0o700)
        env = {'XDG_RUNTIME_DIR': runtime}
        second = self.sandbox.start_daemon(env=env)
        try:
            result = self.keyfob('get', 'svc', 'me', env=env, code=8)
            self.assertOneLine(result.stderr, str(first.pid))
            self.assertEqual(result.stdout, b'')
            status = json.loads(self.keyfob('status', '--json', env=env).stdout)
            self.assertEqual(status['vault'], 'busy')
            self.assertIn(str(first.pid), status['error'])
            # and the first one has not noticed
            self.assertEqual(self.keyfob('get', 'svc', 'me').stdout, b'value')
        finally:
            self.assertTrue(kt.end_process(second, kt.TIMEOUT))

    def test_the_second_gets_the_vault_when_the_first_has_ended(self):
        self.sandbox.start_daemon()
        self.sandbox.init('pass word')
        self.keyfob('set', 'svc', 'me', input='value')
        first = self.sandbox.daemon
        runtime = os.path.join(self.sandbox.root, 'run2')
        os.mkdir(runtime, 0o700)
        env = {'XDG_RUNTIME_DIR': runtime}
        second = self.sandbox.start_daemon(env=env)
        try:
            self.keyfob('get', 'svc', 'me', env=env, code=8)
            self.assertTrue(kt.end_process(first, kt.TIMEOUT))
            self.sandbox.unlock('pass word', env=env)
            self.assertEqual(self.keyfob('get', 'svc', 'me', env=env).stdout, b'value')
        finally:
            self.assertTrue(kt.end_process(second, kt.TIMEOUT))

    def test_one_socket_has_one_daemon(self):
        first = self.sandbox.start_daemon()
        result = self.sandbox.run([self.sandbox.stage.keyfobd], code=None)
        self.assertNotEqual(result.returncode, 0)
        self.assertIn(str(first.pid).encode(), result.stderr)
        self.assertEqual(kt.peer_pid(self.sandbox.socket), first.pid)


class Sockets(kt.KeyfobTest):
    def test_a_socket_that_nobody_serves_is_replaced(self):
        directory = os.path.dirname(self.sandbox.socket)
        os.mkdir(directory, 0o700)
        with socket.socket(socket.AF_UNIX) as stray:
            stray.bind(self.sandbox.socket)
            stray.listen(1)
        daemon = self.sandbox.start_daemon()
        self.assertEqual(kt.peer_pid(self.sandbox.socket), daemon.pid)
        self.sandbox.init('pass word')

    def test_a_killed_daemon_s_socket_is_replaced(self):
        self.sandbox.start_daemon()
        self.sandbox.kill_daemon()
        self.assertTrue(os.path.exists(self.sandbox.socket))
        daemon = self.sandbox.start_daemon()
        self.assertEqual(kt.peer_pid(self.sandbox.socket), daemon.pid)

    def test_the_socket_is_closed_to_others_and_gone_at_the_end(self):
        self.sandbox.start_daemon()
        self.assertEqual(os.stat(self.sandbox.socket).st_mode & 0o777, 0o600)
        self.assertEqual(os.stat(os.path.dirname(self.sandbox.socket)).st_mode & 0o777, 0o700)
        self.sandbox.stop_daemon()
        self.assertFalse(os.path.exists(self.sandbox.socket))

    @kt.unittest.skipUnless(os.geteuid() == 0, 'needs another user')
    def test_another_user_is_turned_away(self):
        self.sandbox.start_daemon()
        for path in (self.sandbox.root, self.sandbox.runtime, os.path.dirname(self.sandbox.socket)):
            os.chmod(path, 0o755)
        os.chmod(self.sandbox.socket, 0o666)
        reader, writer = os.pipe()
        child = os.fork()
        if child == 0:
            try:
                os.setgroups([])
                os.setgid(65534)
                os.setuid(65534)
                with socket.socket(socket.AF_UNIX) as other:
                    other.settimeout(60)
                    other.connect(self.sandbox.socket)
                    other.sendall(b'\0AUTH EXTERNAL ' + b'65534'.hex().encode() + b'\r\nBEGIN\r\n')
                    answer = other.recv(4096)
                    os.write(writer, b'closed' if answer == b'' else b'answered ' + answer)
            except OSError as error:
                os.write(writer, b'closed' if isinstance(error, (ConnectionError, BrokenPipeError)) else
                         repr(error).encode())
            finally:
                os._exit(0)
        os.close(writer)
        os.waitpid(child, 0)
        with os.fdopen(reader, 'rb') as file:
            self.assertEqual(file.read(), b'closed')

    def test_garbage_on_the_socket_ends_that_connection_only(self):
        self.sandbox.start_daemon()
        self.sandbox.init('pass word')
        random.seed(1)
        auth = b'\0AUTH EXTERNAL ' + str(os.getuid()).encode().hex().encode() + b'\r\nBEGIN\r\n'
        huge = struct.pack('<cBBBIII', b'l', 1, 0, 1, 0xffffffff, 1, 0xffffffff)
        for garbage in (b'', b'\0', b'\xff' * 4096, b'\0AUTH\r\n' * 1000, b'\0' + b'A' * 100000, auth,
                        auth + b'\0' * 64, auth + huge, auth + random.randbytes(4096)):
            with socket.socket(socket.AF_UNIX) as client:
                client.settimeout(5)
                client.connect(self.sandbox.socket)
                try:
                    client.sendall(garbage)
                    client.shutdown(socket.SHUT_WR)
                    while client.recv(65536):
                        pass
                except (ConnectionError, TimeoutError):
                    pass
            self.assertIsNone(self.sandbox.daemon.poll(), f'the daemon ended after {garbage[:40]!r}')
            self.keyfob('status')


if __name__ == '__main__':
    kt.main()
