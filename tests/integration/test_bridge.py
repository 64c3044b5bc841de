#!/usr/bin/python3
"""The bridge in a program that uses libfido2: what it adds, what it leaves alone, and when something ends."""
import contextlib
import os
import signal
import socket
import subprocess
import unittest

import fido_bridge
import fido_key
import keyfob_test as kt
import person

CLIENTS = os.path.join(kt.BUILD, 'tests', 'integration')


class Client:
    """A scenario of bridge-client.c that stops where the test has something to do."""

    def __init__(self, test, name, env=None):
        self.process = test.sandbox.spawn(test.client(name), env=test.client_env(env), stdin=subprocess.PIPE,
                                          stdout=subprocess.PIPE)
        test.addCleanup(self.close)
        test.assertEqual(self.line(), name)

    def line(self):
        return self.process.stdout.readline().decode().strip()

    def go_on(self):
        self.process.stdin.write(b'\n')
        self.process.stdin.flush()

    def wait(self):
        return self.process.wait(kt.TIMEOUT)

    def close(self):
        kt.end_process(self.process)
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.close()
        self.process.stdout.close()


class Scenarios:
    """What both kinds of client do."""

    def client(self, scenario):
        return [os.path.join(CLIENTS, self.program), scenario]

    def client_env(self, env=None):
        return env or {}

    def run_client(self, scenario, env=None):
        result = self.sandbox.run(self.client(scenario), env=self.client_env(env))
        self.assertEqual(result.stdout.decode(), f'{scenario}\n1 tests\n')
        self.assertEqual(result.stderr, b'')

    def without_daemon(self, scenario, **env):
        self.sandbox.stop_daemon()
        self.run_client(scenario, env)

    def test_one_more_is_listed(self):
        self.run_client('one_more_is_listed')

    def test_list_has_the_room_it_has(self):
        self.run_client('list_has_the_room_it_has')

    def test_nothing_is_listed_without_a_daemon(self):
        self.without_daemon('nothing_is_listed')

    def test_nothing_is_listed_where_a_daemon_was_killed(self):
        self.sandbox.kill_daemon()
        self.assertTrue(os.path.exists(fido_key.socket_path(self.sandbox)))
        self.run_client('nothing_is_listed')

    def test_nothing_is_listed_in_a_directory_that_others_may_write(self):
        os.chmod(os.path.dirname(self.sandbox.socket), 0o722)
        self.run_client('nothing_is_listed')

    def test_nothing_is_listed_for_a_socket_that_is_full(self):
        """Somebody who accepts nobody keeps no program waiting."""
        path = os.path.join(self.sandbox.root, 'full')
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as listener, contextlib.ExitStack() as stack:
            listener.bind(path)
            listener.listen(0)
            with contextlib.suppress(BlockingIOError):
                while True:
                    waiting = stack.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET))
                    waiting.setblocking(False)
                    waiting.connect(path)
            self.run_client('nothing_is_listed', {'KEYFOB_CTAP_SOCKET': path})

    def test_named_socket_goes_before_the_usual_place(self):
        moved = {'XDG_RUNTIME_DIR': self.sandbox.home, 'KEYFOB_CTAP_SOCKET': fido_key.socket_path(self.sandbox)}
        self.run_client('one_more_is_listed', moved)
        self.run_client('nothing_is_listed', {'KEYFOB_CTAP_SOCKET': os.path.join(self.sandbox.root, 'none')})
        self.run_client('nothing_is_listed', {'XDG_RUNTIME_DIR': self.sandbox.home})
        self.run_client('one_more_is_listed', {'KEYFOB_CTAP_SOCKET': ''})

    def test_opened(self):
        for scenario in ('opened_by_path_again_and_again', 'opened_by_its_entry', 'several_handles_at_once',
                         'other_paths_are_as_before', 'forked'):
            with self.subTest(scenario):
                self.run_client(scenario)

    def test_socket_named_by_path(self):
        self.run_client('socket_named_by_path', {'SOCKET': fido_key.socket_path(self.sandbox)})

    def test_cancelled(self):
        client = Client(self, 'cancelled')
        question = self.person.question()
        self.assertEqual(client.line(), 'waits')
        client.go_on()
        self.person.gone(question)
        self.assertEqual(client.wait(), 0, self.sandbox.read_log())

    def test_time_limit_is_kept(self):
        client = Client(self, 'time_limit')
        question = self.person.question()
        self.assertEqual(client.line(), 'over')
        client.go_on()
        self.assertEqual(client.wait(), 0, self.sandbox.read_log())
        self.person.gone(question)

    def test_touched(self):
        client = Client(self, 'touched')
        question = self.person.question()
        self.assertEqual(client.line(), 'waits')
        client.go_on()
        self.person.answer(question, 'allow')
        self.assertEqual(client.wait(), 0, self.sandbox.read_log())

    def test_interrupted(self):
        client = Client(self, 'interrupted')
        question = self.person.question()
        # Once more where it came while it was not waiting: between two signs of life of the key's.
        person.wait_for(lambda: client.process.poll() is not None or client.process.send_signal(signal.SIGALRM), 'the end of it')
        self.person.gone(question)
        self.assertEqual(client.wait(), 0, self.sandbox.read_log())

    def test_killed_client_asks_no_more(self):
        client = Client(self, 'cancelled')
        question = self.person.question()
        client.process.kill()
        self.person.gone(question)

    def test_daemon_ends_while_a_program_waits(self):
        client = Client(self, 'daemon_ends')
        self.person.question()
        self.assertEqual(client.line(), 'waits')
        self.sandbox.kill_daemon()
        client.go_on()
        self.assertEqual(client.line(), 'gone')
        self.sandbox.start_daemon()
        client.go_on()
        self.assertEqual(client.wait(), 0, self.sandbox.read_log())

    def test_daemon_that_reads_nothing(self):
        client = Client(self, 'daemon_reads_nothing')
        self.assertEqual(client.line(), 'stopped')
        self.sandbox.daemon.send_signal(signal.SIGSTOP)
        self.addCleanup(self.sandbox.daemon.send_signal, signal.SIGCONT)
        client.go_on()
        self.assertEqual(client.wait(), 0, self.sandbox.read_log())


class Direct(Scenarios, fido_bridge.BridgeTest):
    """The bridge as a part of the program: also where sanitizers look at it."""

    always = None
    program = 'bridge-client-direct'


class Preloaded(Scenarios, fido_bridge.BridgeTest):
    always = None
    program = 'bridge-client'

    def client_env(self, env=None):
        return {'LD_PRELOAD': fido_bridge.preload(), **(env or {})}

    def test_two_programs_at_once(self):
        """Each is asked for by itself, and each gets its own answer."""
        clients = [Client(self, 'touched'), Client(self, 'touched')]
        for client in clients:
            self.assertEqual(client.line(), 'waits')
            client.go_on()
        for _ in clients:
            question = self.person.question()
            self.person.answer(question, 'allow')
        for client in clients:
            self.assertEqual(client.wait(), 0, self.sandbox.read_log())


class Others(fido_bridge.BridgeTest):
    """Programs that don't use libfido2."""

    def test_nothing_is_loaded(self):
        maps = self.fido('cat', '/proc/self/maps').stdout
        self.assertIn(b'libkeyfob-fido2-bridge.so', maps)
        self.assertNotIn(b'libfido2', maps)
        self.assertNotIn(b'libcrypto', maps)

    def test_three_functions_are_exported(self):
        if not fido_bridge.find('nm'):
            self.skipTest('nm is not installed')
        shown = self.sandbox.run(['nm', '-D', '--defined-only', fido_bridge.preload()]).stdout.decode()
        self.assertEqual(sorted(line.split()[-1] for line in shown.splitlines()),
                         ['fido_dev_info_manifest', 'fido_dev_new_with_info', 'fido_dev_open'])

    def test_functions_called_without_libfido2(self):
        """Whoever finds them by accident gets an error."""
        script = ('import ctypes; library = ctypes.CDLL(None); n = ctypes.c_size_t(9); '
                  'print(library.fido_dev_info_manifest(None, 4, ctypes.byref(n)), n.value, '
                  'library.fido_dev_open(None, b"keyfob:"), library.fido_dev_open(None, b"/dev/null"), '
                  'library.fido_dev_new_with_info(None))')
        self.assertEqual(self.fido('/usr/bin/python3', '-c', script).stdout, b'-9 0 -9 -9 0\n')


if __name__ == '__main__':
    kt.main()
