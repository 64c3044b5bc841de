#!/usr/bin/python3
"""keyfob-helper over its socketpair: identification, key files, questions by the real pinentry on a pseudo terminal."""
import os
import random
import select
import signal
import socket
import struct
import subprocess
import tempfile
import time
import unittest

import keyfob_test as kt
from person import wait_for

HELPER = os.path.join(kt.BUILD, 'helper', 'keyfob-helper')
CONFIRM, SECRET, NEW_SECRET = 1, 2, 3
OK, DENIED, NO_PROMPTER, FAILED = 0, 1, 2, 3
PACKET_MAX = 65536


def text(value):
    data = value.encode() if isinstance(value, str) else value
    return struct.pack('<I', len(data)) + data


class Helper:
    """The process with our end of the socket."""

    def __init__(self, env):
        self.socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.errors = tempfile.TemporaryFile()

        def place():
            os.dup2(theirs.fileno(), 3, inheritable=True)

        self.process = subprocess.Popen([HELPER], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                        stderr=self.errors, env=env, preexec_fn=place, close_fds=False,
                                        start_new_session=True)
        theirs.close()
        self.next_id = 0

    def send(self, operation, fields=b''):
        self.next_id += 1
        self.socket.send(struct.pack('<IB', self.next_id, operation) + fields)
        return self.next_id

    def receive(self, timeout=kt.TIMEOUT):
        ready, _, _ = select.select([self.socket], [], [], timeout)
        if not ready:
            raise AssertionError('the helper does not answer')
        packet = self.socket.recv(PACKET_MAX + 1)
        if len(packet) < 5:
            raise AssertionError(f'the helper has gone: {packet!r}')
        identifier, result = struct.unpack_from('<IB', packet)
        return identifier, result, packet[5:]

    def call(self, operation, fields=b'', timeout=kt.TIMEOUT):
        identifier = self.send(operation, fields)
        got, result, rest = self.receive(timeout)
        if got != identifier:
            raise AssertionError(f'reply to {got}, not {identifier}')
        return result, rest

    def ask(self, kind, pid=0, title='Keyfob', message='Open the vault?', error=''):
        return self.send(1, struct.pack('<BI', kind, pid) + text(title) + text(message) + text(error))

    def close(self, expected=0):
        self.socket.close()
        code = self.process.wait(kt.TIMEOUT)
        self.errors.seek(0)
        errors = self.errors.read()
        self.errors.close()
        if code != expected or kt.SANITIZER_REPORT.search(errors):
            raise AssertionError(f'the helper ended with {code}: {errors.decode(errors="replace")}')


def sleeper(program='/bin/sleep', **options):
    """A process that sleeps. Popen() returns before the kernel has given it its name, its arguments and its environment."""
    process = subprocess.Popen([program, '300'], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                               stderr=subprocess.DEVNULL, **options)
    wait_until_it_sleeps(process, os.path.basename(program))
    return process


def wait_until_it_sleeps(process, name='sleep'):
    def sleeps():
        with open(f'/proc/{process.pid}/stat', encoding='utf-8') as file:
            comm, rest = file.read().split('(', 1)[1].rsplit(') ', 1)
        return comm == name and rest[0] == 'S'
    wait_for(sleeps, 'the process to sleep')


def blob(data):
    size = struct.unpack_from('<I', data)[0]
    if len(data) != 4 + size:
        raise AssertionError(f'not one blob: {data!r}')
    return data[4:]


class HelperTest(unittest.TestCase):
    pinentry = None
    killed = False

    def setUp(self):
        self.directory = tempfile.TemporaryDirectory(prefix='kf-', dir='/tmp')
        self.addCleanup(self.directory.cleanup)
        self.bin = self.path('bin')
        os.mkdir(self.bin)
        self.env = {'PATH': self.bin, 'HOME': self.directory.name, 'TERM': 'xterm', 'LC_ALL': 'C.UTF-8',
                    'ASAN_OPTIONS': 'detect_leaks=0:exitcode=99', 'UBSAN_OPTIONS': 'halt_on_error=1'}
        if self.pinentry:
            if not os.path.exists(self.pinentry):
                self.skipTest(f'{self.pinentry} is not installed')
            os.symlink(self.pinentry, os.path.join(self.bin, 'pinentry'))
        self.helper = Helper(self.env)
        self.addCleanup(lambda: self.helper.close(-signal.SIGKILL if self.killed else 0))

    def path(self, name):
        return os.path.join(self.directory.name, name)

    def write(self, name, content=b'key', mode=0o600):
        with open(self.path(name), 'wb') as file:
            file.write(content)
        os.chmod(self.path(name), mode)
        return self.path(name)

    def caller(self, env=None):
        """A program on a terminal, as whoever asked for something; it copies nothing and shows nothing itself."""
        terminal = kt.Terminal(['/bin/sleep', '300'], {'TERM': 'xterm', 'LANG': 'C.UTF-8', **(env or {})}, '/')
        self.addCleanup(terminal.close)
        wait_until_it_sleeps(terminal.process)
        return terminal

    def script(self, content):
        """A pinentry made for the occasion."""
        path = os.path.join(self.bin, 'pinentry')
        with open(path, 'w', encoding='utf-8') as file:
            file.write('#!/bin/sh\nPATH=/usr/bin:/bin\n' + content)
        os.chmod(path, 0o755)

    def children(self):
        """What the helper started and is still there, by parent."""
        found, parents = [], {self.helper.process.pid}
        for _ in range(3):
            for name in os.listdir('/proc'):
                if name.isdigit() and int(name) not in found:
                    try:
                        with open(f'/proc/{name}/stat', encoding='utf-8', errors='replace') as file:
                            parent = int(file.read().rsplit(')', 1)[1].split()[1])
                    except (OSError, ValueError):
                        continue
                    if parent in parents:
                        found.append(int(name))
            parents.update(found)
        return found

    def gone(self, pids):
        deadline = time.monotonic() + kt.TIMEOUT
        while time.monotonic() < deadline:
            alive = []
            for pid in pids:
                try:
                    with open(f'/proc/{pid}/stat', encoding='utf-8', errors='replace') as file:
                        if file.read().rsplit(')', 1)[1].split()[0] != 'Z':
                            alive.append(pid)
                except OSError:
                    pass
            if not alive:
                return True
            time.sleep(0.02)
        return False


class Quick(HelperTest):
    def test_identify(self):
        process = sleeper()
        try:
            result, rest = self.helper.call(3, struct.pack('<I', process.pid))
            self.assertEqual(result, OK)
            size = struct.unpack_from('<I', rest)[0]
            self.assertEqual(rest[4:4 + size].decode(), os.path.realpath('/bin/sleep'))
            rest = rest[4 + size:]
            size = struct.unpack_from('<I', rest)[0]
            self.assertEqual(rest[4:4 + size], b'sleep')
            rest = rest[4 + size:]
            size = struct.unpack_from('<I', rest)[0]
            self.assertEqual(rest[4 + size], 1, 'in no sandbox')
            self.assertEqual(blob(rest[5 + size:]), b'')
        finally:
            process.kill()
            process.wait()
        result, rest = self.helper.call(3, struct.pack('<I', process.pid))
        self.assertEqual(result, FAILED)
        self.assertTrue(blob(rest))

    def test_identify_hostile_name(self):
        program = self.path('x\x1b[2J')
        os.symlink('/bin/sleep', program)
        process = sleeper(program)
        try:
            result, rest = self.helper.call(3, struct.pack('<I', process.pid))
            self.assertEqual(result, OK)
            size = struct.unpack_from('<I', rest)[0]
            rest = rest[4 + size:]
            self.assertEqual(rest[4:4 + struct.unpack_from('<I', rest)[0]], b'x?[2J')
        finally:
            process.kill()
            process.wait()

    def test_identify_nobody(self):
        for pid in (0, 0x7fffffff, 0xffffffff):
            self.assertEqual(self.helper.call(3, struct.pack('<I', pid))[0], FAILED)

    @unittest.skipUnless(os.geteuid() == 0, 'needs another user')
    def test_identify_refuses_another_user(self):
        process = sleeper(user=65534)
        try:
            result, rest = self.helper.call(3, struct.pack('<I', process.pid))
            self.assertEqual((result, blob(rest)), (FAILED, b'it belongs to another user'))
        finally:
            process.kill()
            process.wait()

    def read_key(self, path):
        result, rest = self.helper.call(4, text(path))
        return result, blob(rest)

    def test_read_key(self):
        self.assertEqual(self.read_key(self.write('key', b'\0\1\2\n')), (OK, b'\0\1\2\n'))
        self.assertEqual(self.read_key(self.write('largest', b'x' * 4096)), (OK, b'x' * 4096))
        os.symlink(self.path('key'), self.path('link'))
        self.assertEqual(self.read_key(self.path('link')), (OK, b'\0\1\2\n'))

    def refused(self, path, word):
        result, why = self.read_key(path)
        self.assertEqual(result, FAILED)
        self.assertIn(word, why)

    def test_read_key_refuses(self):
        self.refused(self.path('none'), b'No such file')
        self.refused(self.write('world', mode=0o602), b'others may write')
        self.refused(self.write('group', mode=0o620), b'others may write')
        self.refused(self.write('large', b'x' * 4097), b'larger')
        self.refused(self.write('empty', b''), b'empty')
        self.refused(self.directory.name, b'regular')
        self.refused('/dev/zero', b'regular')
        os.mkfifo(self.path('fifo'))
        self.refused(self.path('fifo'), b'regular')
        os.symlink(self.path('fifo'), self.path('to-fifo'))
        self.refused(self.path('to-fifo'), b'regular')
        os.symlink('loop', self.path('loop'))
        self.refused(self.path('loop'), b'symbolic')
        self.refused('relative', b'malformed')

    @unittest.skipUnless(os.geteuid() == 0, 'needs another user')
    def test_read_key_refuses_another_users(self):
        os.chown(self.write('theirs'), 65534, -1)
        self.refused(self.path('theirs'), b'another user')

    def test_probe(self):
        self.assertEqual(self.helper.call(5), (OK, b'\0'))
        self.script('exit 1')
        self.assertEqual(self.helper.call(5), (OK, b'\1'))

    def test_not_inspectable(self):
        self.helper.call(5)
        with open(f'/proc/{self.helper.process.pid}/limits', encoding='utf-8') as file:
            core = next(line for line in file if line.startswith('Max core file size'))
        self.assertEqual(core.split()[4:6], ['0', '0'])
        self.assertEqual(os.stat(f'/proc/{self.helper.process.pid}/environ').st_uid, 0)

    def test_interrupt_is_not_ours(self):
        self.helper.call(5)
        self.helper.process.send_signal(signal.SIGINT)
        self.assertEqual(self.helper.call(5)[0], OK)

    def test_started_by_hand(self):
        result = subprocess.run([HELPER], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=self.env, timeout=kt.TIMEOUT,
                                check=False)
        self.assertEqual(result.returncode, 2)
        self.assertEqual(result.stderr.count(b'\n'), 1)

    def test_random_packets(self):
        generator = random.Random(20)
        pieces = [b'', b'\0', b'\xff' * 4, text(''), text('/etc/passwd'), text('x' * 5000), text(b'\xff\xfe'),
                  struct.pack('<I', os.getpid()), struct.pack('<BI', SECRET, 0), struct.pack('<I', 0xffffffff)]
        for turn in range(3000):
            packet = struct.pack('<IB', 1000000 + turn, generator.choice((0, 1, 2, 3, 4, 5, 6, 255)))
            for _ in range(generator.randrange(6)):
                packet += generator.choice(pieces) if generator.random() < 0.7 else generator.randbytes(
                    generator.randrange(40))
            packet = packet[:generator.randrange(len(packet) + 1)] if generator.random() < 0.3 else packet
            self.helper.socket.send(packet)
            while select.select([self.helper.socket], [], [], 0)[0]:
                self.helper.receive()
        self.helper.socket.send(b'x' * (PACKET_MAX + 1))
        self.helper.socket.send(b'')
        identifier = self.helper.send(5)
        while self.helper.receive()[0] != identifier:
            pass


class Nowhere(HelperTest):
    """Nothing to show a question on: the answer is immediate, whatever pinentry is there."""

    pinentry = '/usr/bin/pinentry-curses'

    def at_once(self, pid=0):
        begun = time.monotonic()
        identifier = self.helper.ask(SECRET, pid=pid)
        self.assertEqual(self.helper.receive(), (identifier, NO_PROMPTER, b''))
        self.assertLess(time.monotonic() - begun, 15)  # in which a pinentry has to begin

    def test_unknown_caller(self):
        self.at_once()

    def test_caller_without_a_terminal(self):
        process = sleeper(env={})
        try:
            self.at_once(process.pid)
        finally:
            process.kill()
            process.wait()

    def test_no_pinentry(self):
        os.unlink(os.path.join(self.bin, 'pinentry'))
        self.at_once(self.caller().process.pid)

    def test_a_pinentry_without_windows_and_only_a_display(self):
        process = sleeper(env={'DISPLAY': ':77'})
        try:
            self.at_once(process.pid)
        finally:
            process.kill()
            process.wait()


class NowhereTty(Nowhere):
    pinentry = '/usr/bin/pinentry-tty'


class NowhereGnome(Nowhere):
    pinentry = '/usr/bin/pinentry-gnome3'


class OnTerminal(HelperTest):
    """pinentry-tty: line by line, so that what is shown can be read."""

    pinentry = '/usr/bin/pinentry-tty'

    def test_secret(self):
        caller = self.caller()
        identifier = self.helper.ask(SECRET, caller.process.pid, message='50% of “Größe”?\nsecond', error='wrong one')
        caller.expect('wrong one')
        caller.expect('50% of “Größe”\\?\r?\nsecond')
        caller.expect('Password:')
        caller.send('s3cret %41 ä\n')
        self.assertEqual(self.helper.receive(), (identifier, OK, text('s3cret %41 ä')))
        self.assertNotIn(b's3cret', caller.output)

    def test_escape_sequences_are_not_passed_on(self):
        caller = self.caller()
        self.helper.ask(SECRET, caller.process.pid, message='a\x1b[2Jb\rc\u009bd')
        caller.expect(r'a\?\[2Jb\?c\?d')
        caller.send('x\n')
        self.assertEqual(self.helper.receive()[1], OK)

    def test_new_secret_is_typed_twice(self):
        caller = self.caller()
        identifier = self.helper.ask(NEW_SECRET, caller.process.pid)
        caller.expect('New password:')
        caller.send('one\n')
        caller.expect('Again:')
        caller.send('two\n')
        caller.expect('do not match')
        caller.expect('New password:')
        caller.send('three\n')
        caller.expect('Again:')
        caller.send('three\n')
        self.assertEqual(self.helper.receive(), (identifier, OK, text('three')))

    def test_confirm(self):
        caller = self.caller()
        for key, result in (('a', OK), ('d', DENIED)):
            identifier = self.helper.ask(CONFIRM, caller.process.pid)
            caller.expect('Open the vault')
            caller.expect(r'\[ad\]\?')
            caller.send(key)
            self.assertEqual(self.helper.receive(), (identifier, result, b''))

    def test_cancel_restores_the_terminal(self):
        caller = self.caller()
        identifier = self.helper.ask(SECRET, caller.process.pid)
        caller.expect('Password:')
        wait_for(lambda: not caller.echoes(), 'the terminal to hide what is typed')
        self.helper.send(2, struct.pack('<I', identifier))
        self.assertEqual(self.helper.receive(), (identifier, DENIED, b''))
        wait_for(caller.echoes, 'the terminal to be as it was')
        # There is no second answer, and the next question works.
        identifier = self.helper.ask(SECRET, caller.process.pid)
        caller.expect('Password:')
        caller.send('again\n')
        self.assertEqual(self.helper.receive(), (identifier, OK, text('again')))

    def test_several_at_once(self):
        callers = [self.caller() for _ in range(4)]
        asks = [self.helper.ask(SECRET, caller.process.pid) for caller in callers]
        for caller in callers:
            caller.expect('Password:')
        self.assertEqual(self.helper.call(5), (OK, b'\1'))
        self.assertEqual(self.helper.call(4, text('/none'))[0], FAILED)
        for number in (2, 0, 3, 1):
            callers[number].send(f'answer {number}\n')
            self.assertEqual(self.helper.receive(), (asks[number], OK, text(f'answer {number}')))

    def test_socket_closed_ends_everything(self):
        caller = self.caller()
        self.helper.ask(SECRET, caller.process.pid)
        caller.expect('Password:')
        started = self.children()
        self.assertGreaterEqual(len(started), 2)
        self.helper.socket.shutdown(socket.SHUT_RDWR)
        self.helper.socket.close()
        self.assertEqual(self.helper.process.wait(kt.TIMEOUT), 0)
        self.assertTrue(self.gone(started))
        self.assertTrue(caller.echoes())  # who puts it in order is among those

    def test_helper_killed_ends_everything(self):
        caller = self.caller()
        self.helper.ask(SECRET, caller.process.pid)
        caller.expect('Password:')
        started = self.children()
        self.assertGreaterEqual(len(started), 2)
        self.helper.process.kill()
        self.helper.process.wait()
        self.assertTrue(self.gone(started))
        self.killed = True

    def test_the_terminal_goes_away(self):
        caller = self.caller()
        identifier = self.helper.ask(SECRET, caller.process.pid)
        caller.expect('Password:')
        os.close(caller.master)
        caller.master = os.open('/dev/null', os.O_RDONLY)
        got, result, _ = self.helper.receive()
        self.assertEqual(got, identifier)
        self.assertNotEqual(result, OK)


class OnTerminalCurses(HelperTest):
    pinentry = '/usr/bin/pinentry-curses'

    def test_secret(self):
        caller = self.caller()
        identifier = self.helper.ask(SECRET, caller.process.pid)
        caller.expect('Open the vault')
        caller.expect('Password:')
        caller.send('s3cret\r')
        self.assertEqual(self.helper.receive(), (identifier, OK, text('s3cret')))

    def test_new_secret(self):
        caller = self.caller()
        identifier = self.helper.ask(NEW_SECRET, caller.process.pid)
        caller.expect('New password')
        caller.expect('Cancel')
        caller.send('s3cret\r')
        caller.expect('Again')
        caller.expect('Cancel')
        caller.send('s3cret\r')
        got, result, rest = self.helper.receive()
        self.assertEqual((got, result, rest), (identifier, OK, text('s3cret')))

    def test_cancel_button_denies(self):
        caller = self.caller()
        identifier = self.helper.ask(SECRET, caller.process.pid)
        caller.expect('Password:')
        caller.expect('Cancel')
        caller.send('\t\t\r')
        self.assertEqual(self.helper.receive(), (identifier, DENIED, b''))

    def test_cancel(self):
        caller = self.caller()
        identifier = self.helper.ask(SECRET, caller.process.pid)
        caller.expect('Password:')
        self.helper.send(2, struct.pack('<I', identifier))
        self.assertEqual(self.helper.receive(), (identifier, DENIED, b''))
        wait_for(caller.echoes, 'the terminal to be as it was')


class OnTerminalGnome(OnTerminalCurses):
    """The desktop's pinentry, for a person who is not at the desktop, falls back to the terminal."""

    pinentry = '/usr/bin/pinentry-gnome3'

    def caller(self, env=None):
        return super().caller({'DBUS_SESSION_BUS_ADDRESS': 'unix:path=/none', **(env or {})})


class Strange(HelperTest):
    """Pinentries that do not behave."""

    def ask_result(self, content, kind=SECRET):
        self.script(content)
        caller = self.caller()
        identifier = self.helper.ask(kind, caller.process.pid)
        got, result, rest = self.helper.receive()
        self.assertEqual(got, identifier)
        return result, rest

    def test_ends_at_once(self):
        self.assertEqual(self.ask_result('exit 1'), (NO_PROMPTER, b''))

    def test_ends_at_the_question(self):
        self.assertEqual(self.ask_result('echo OK\nwhile read l; do case $l in GETPIN) exit;; *) echo OK;; esac; done'),
                         (NO_PROMPTER, b''))

    def test_answers_an_error(self):
        result, rest = self.ask_result(
            'echo OK\nwhile read l; do case $l in GETPIN) echo ERR 83886340 x;; *) echo OK;; esac; done')
        self.assertEqual(result, FAILED)
        self.assertTrue(blob(rest).startswith(b'pinentry: '))

    def test_answers_too_much(self):
        line = 'D ' + 'x' * 900
        result, _ = self.ask_result(
            f'echo OK\nwhile read l; do case $l in GETPIN) for i in 1 2 3 4 5 6; do echo "{line}"; done; echo OK;; '
            '*) echo OK;; esac; done')
        self.assertEqual(result, FAILED)

    def test_knows_nothing_but_the_question(self):
        self.assertEqual(self.ask_result('echo OK\nwhile read l; do case $l in GETPIN) echo "D a%25b"; echo OK;; '
                                         '*) echo ERR 83886354 what;; esac; done'), (OK, text('a%b')))

    def test_does_not_end_after_the_answer(self):
        self.assertEqual(self.ask_result('echo OK\nwhile read l; do case $l in GETPIN) echo "D x"; echo OK; '
                                         'exec sleep 300 <&- >&-;; *) echo OK;; esac; done'), (OK, text('x')))

    def test_ignores_being_ended(self):
        """It is killed, and the terminal is put in order all the same."""
        self.script('trap "" TERM\necho OK\nwhile read l; do case $l in GETPIN) stty -echo < "$GPG_TTY"; while :; do sleep 1; done;; '
                    '*) echo OK;; esac; done')
        caller = self.caller()
        identifier = self.helper.ask(SECRET, caller.process.pid)
        wait_for(lambda: not caller.echoes(), 'the terminal to hide what is typed')
        self.helper.send(2, struct.pack('<I', identifier))
        self.assertEqual(self.helper.receive(), (identifier, DENIED, b''))
        wait_for(caller.echoes, 'the terminal to be as it was')

    def test_ignores_the_end_of_the_helper(self):
        self.script('trap "" TERM\necho OK\nwhile read l; do case $l in GETPIN) stty -echo < "$GPG_TTY"; while :; do sleep 1; done;; '
                    '*) echo OK;; esac; done')
        caller = self.caller()
        self.helper.ask(SECRET, caller.process.pid)
        wait_for(lambda: not caller.echoes(), 'the terminal to hide what is typed')
        self.helper.socket.shutdown(socket.SHUT_RDWR)
        self.assertEqual(self.helper.process.wait(kt.TIMEOUT), 0)
        wait_for(caller.echoes, 'the terminal to be as it was')

    def test_the_next_question_on_that_terminal_waits_for_it(self):
        """Or what is typed then would be shown when the terminal is put in order after the first."""
        self.script('trap "" TERM\necho OK\nwhile read l; do case $l in GETPIN) stty -echo < "$GPG_TTY"; echo asked > "$GPG_TTY"; '
                    'while :; do sleep 1; done;; *) echo OK;; esac; done')
        caller = self.caller()
        first = self.helper.ask(SECRET, caller.process.pid)
        caller.expect('asked')
        started = self.children()
        self.helper.send(2, struct.pack('<I', first))
        self.assertEqual(self.helper.receive(), (first, DENIED, b''))
        second = self.helper.ask(SECRET, caller.process.pid)
        caller.expect('asked')
        self.assertTrue(self.gone(started))
        self.assertFalse(caller.echoes())
        self.helper.send(2, struct.pack('<I', second))
        self.assertEqual(self.helper.receive(), (second, DENIED, b''))
        wait_for(caller.echoes, 'the terminal to be as it was')

    def test_display_of_the_caller(self):
        self.script('echo OK\nwhile read l; do case $l in GETPIN) echo "D $DISPLAY,$XAUTHORITY"; echo OK;; '
                    '*) echo OK;; esac; done')
        process = sleeper(env={'DISPLAY': ':42', 'XAUTHORITY': '/a b'})
        try:
            identifier = self.helper.ask(SECRET, process.pid)
            self.assertEqual(self.helper.receive(), (identifier, OK, text(':42,/a b')))
        finally:
            process.kill()
            process.wait()

    def test_too_many(self):
        self.script('echo OK\nwhile read l; do case $l in GETPIN) exec sleep 300;; *) echo OK;; esac; done')
        caller = self.caller()
        asks = [self.helper.ask(SECRET, caller.process.pid) for _ in range(65)]
        got, result, rest = self.helper.receive()
        self.assertEqual((got, result), (asks[64], FAILED))
        self.assertIn(b'too many', blob(rest))
        for identifier in asks[:64]:
            self.helper.send(2, struct.pack('<I', identifier))
        self.assertEqual(sorted(self.helper.receive()[0] for _ in range(64)), asks[:64])


if __name__ == '__main__':
    kt.main()
