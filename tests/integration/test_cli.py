#!/usr/bin/python3
"""Every verb of `keyfob`: what it does, how it fails, and with which exit code."""
import json
import os
import re
import shlex
import shutil
import signal
import socket
import string
import sys
import threading
import time

import keyfob_test as kt
from person import wait_for

VERBS = ('init', 'set', 'get', 'del', 'list', 'search', 'generate', 'run', 'lock', 'unlock', 'status', 'passwd', 'slot',
         'collection', 'undelete', 'history', 'retention', 'wipe', 'rekey', 'check', 'backup', 'restore', 'authenticator', 'passkey', 'enable', 'disable', 'env',
         'prompt-agent', 'diagnose')
CHEAP = ('--kdf-memory', '64', '--kdf-passes', '3')


class Cli(kt.SharedTest):
    def get(self, service, user, code=0):
        return self.keyfob('get', service, user, code=code).stdout

    def set(self, service, user, value, *args, code=0):
        return self.keyfob('set', *args, service, user, input=value, code=code)

    def json(self, *args, code=0):
        return json.loads(self.keyfob(*args, code=code).stdout)


class Values(Cli):
    """What is stored is what is read, byte for byte."""

    def test_one_newline_is_stripped_from_stdin(self):
        for given, kept in ((b'a', b'a'), (b'a\n', b'a'), (b'a\n\n', b'a\n'), (b'\n', b''), (b'a\r\n', b'a\r'),
                            (b'a\nb', b'a\nb'), (b' a \n', b' a ')):
            with self.subTest(given):
                self.set('newline', 'me', given)
                self.assertEqual(self.get('newline', 'me'), kept)

    def test_exact_keeps_every_byte(self):
        for given in (b'a\n', b'\n', b'a\n\n', b''):
            with self.subTest(given):
                self.set('exact', 'me', given, '--exact')
                self.assertEqual(self.get('exact', 'me'), given)

    def test_binary_empty_and_large_values(self):
        for name, value in {'all bytes': bytes(range(256)) * 3, 'zeros': b'\0' * 100, 'empty': b'',
                            'one': b'\0', '1 MiB': os.urandom(1 << 20), '4 MiB': os.urandom(4 << 20)}.items():
            with self.subTest(name):
                self.set('binary', name, value, '--exact')
                self.assertEqual(self.get('binary', name), value)

    def test_too_large_is_refused_and_leaves_no_trace(self):
        self.set('large', 'kept', 'before')
        result = self.set('large', 'kept', b'x' * ((4 << 20) + 1), '--exact', code=8)
        self.assertOneLine(result.stderr, '4 MiB')
        self.assertEqual(self.get('large', 'kept'), b'before')
        self.set('large', 'new', b'x' * (5 << 20), code=8)
        self.get('large', 'new', code=1)

    def test_names_of_every_kind(self):
        for service, user in (('a b', 'c d'), ('https://example.org/x?y=z', 'me@example.org'), ('日本', 'ü'), ("'\"", '$(x)'),
                              ('svc', ''), ('', 'me'), ('a' * 4000, 'b' * 4000), ('line\nbreak', 'tab\t'), ('-x', '--y')):
            with self.subTest(service=service[:20], user=user[:20]):
                value = f'value of {service[:10]} {user[:10]}'.encode()
                self.keyfob('set', '--', service, user, input=value)
                self.assertEqual(self.keyfob('get', '--', service, user).stdout, value)
                self.keyfob('del', '--', service, user)
                self.keyfob('get', '--', service, user, code=1)

    def test_set_updates_the_one_item(self):
        self.set('update', 'me', 'one')
        self.set('update', 'me', 'two')
        self.set('update', 'you', 'three')
        self.assertEqual(self.get('update', 'me'), b'two')
        self.assertEqual(self.get('update', 'you'), b'three')
        self.assertEqual(len(self.json('search', '--json', 'service=update')), 2)

    def test_an_item_looks_like_python_keyring_s(self):
        self.set('attributes', 'me', 'x')
        item, = self.json('search', '--json', 'service=attributes')
        attributes = {k: v for k, v in item['attributes'].items() if k != 'xdg:schema'}
        self.assertEqual(attributes, {'service': 'attributes', 'username': 'me', 'application': 'Python keyring library'})
        self.assertEqual(item['label'], "Password for 'me' on 'attributes'")

    def test_label_and_content_type(self):
        self.set('typed', 'me', '{}', '--label', 'A label', '--content-type', 'application/json')
        self.assertEqual(self.json('search', '--json', 'service=typed')[0]['label'], 'A label')
        self.assertEqual(self.json('get', '--json', 'typed', 'me')['content_type'], 'application/json')

    def test_a_miss(self):
        result = self.keyfob('get', 'no', 'such', code=1)
        self.assertEqual(result.stdout, b'')
        self.assertOneLine(result.stderr, 'such')
        self.assertOneLine(self.keyfob('del', 'no', 'such', code=1).stderr, 'such')

    def test_del(self):
        self.set('deleted', 'me', 'x')
        self.set('deleted', 'you', 'y')
        self.assertEqual(self.keyfob('del', 'deleted', 'me').stdout, b'')
        self.get('deleted', 'me', code=1)
        self.assertEqual(self.get('deleted', 'you'), b'y')
        self.keyfob('del', 'deleted', 'me', code=1)

    def test_a_hundred_at_once(self):
        processes = []
        for n in range(100):
            path = self.sandbox.write(f'value{n}', f'value {n}')
            with open(path, 'rb') as file:
                processes.append(self.sandbox.spawn([self.sandbox.stage.keyfob, 'set', 'parallel', str(n)], stdin=file))
        for process in processes:
            self.assertEqual(process.wait(60), 0, self.sandbox.read_log())
        for n in (0, 1, 42, 99):
            self.assertEqual(self.get('parallel', str(n)), b'value %d' % n)
        self.assertEqual(len(self.json('search', '--json', 'service=parallel')), 100)


class TerminalValues(Cli):
    """On a terminal: asked twice and unseen; a newline after what is printed."""

    def keyfob_terminal(self, *args):
        return self.sandbox.terminal([self.sandbox.stage.keyfob, *args])

    def test_get_ends_with_a_newline_on_a_terminal_only(self):
        self.set('tty', 'me', 'shown')
        terminal = self.keyfob_terminal('get', 'tty', 'me')
        self.assertEqual(terminal.wait(), 0)
        self.assertEqual(terminal.output, b'shown\r\n')
        self.assertEqual(self.get('tty', 'me'), b'shown')

    def test_set_asks_twice(self):
        terminal = self.keyfob_terminal('set', 'tty', 'typed')
        for _ in range(2):
            terminal.expect(r': ?$')
            self.assertFalse(terminal.echoes())
            terminal.send('twice the same\n')
        self.assertEqual(terminal.wait(), 0, terminal.output)
        self.assertTrue(terminal.echoes())
        self.assertNotIn(b'twice', terminal.output)
        self.assertEqual(self.get('tty', 'typed'), b'twice the same')

    def test_different_entries_store_nothing(self):
        terminal = self.keyfob_terminal('set', 'tty', 'differs')
        terminal.expect(r': ?$')
        terminal.send('one\n')
        terminal.expect(r': ?$')
        terminal.send('two\n')
        terminal.expect(r'(?i)differ')
        terminal.expect(r': ?$')
        terminal.send('\x04')
        self.assertEqual(terminal.wait(), 4, terminal.output)
        self.get('tty', 'differs', code=1)

    def test_interrupted_entry_stores_nothing(self):
        terminal = self.keyfob_terminal('set', 'tty', 'interrupted')
        terminal.expect(r': ?$')
        terminal.send('half\x03')
        self.assertIn(terminal.wait(), (4, 130, -signal.SIGINT))
        self.assertTrue(terminal.echoes())
        self.get('tty', 'interrupted', code=1)

    def test_control_characters_of_others_are_not_shown(self):
        self.set('control', 'me', 'x', '--label', 'red\x1b[31m\x07 alert')
        terminal = self.keyfob_terminal('list')
        self.assertEqual(terminal.wait(), 0)
        self.assertIn(b'red', terminal.output)
        self.assertNotIn(b'\x1b[31m', terminal.output)
        self.assertNotIn(b'\x07', terminal.output)

    def test_piped_values_need_no_terminal_question(self):
        terminal = self.sandbox.terminal(['sh', '-c', f'printf piped | {self.sandbox.stage.keyfob} set tty piped'])
        self.assertEqual(terminal.wait(), 0)
        self.assertEqual(terminal.output, b'')
        self.assertEqual(self.get('tty', 'piped'), b'piped')


class Output(Cli):
    """What scripts read."""

    def test_list_and_search(self):
        self.set('list', 'one', '1')
        self.set('list', 'two', '2')
        lines = self.keyfob('list').stdout
        self.assertIn(b'one', lines)
        self.assertIn(b'two', lines)
        found = self.json('search', '--json', 'service=list', 'username=two')
        self.assertEqual(len(found), 1)
        for key, kind in {'path': str, 'label': str, 'attributes': dict, 'created': int, 'modified': int,
                          'locked': bool}.items():
            self.assertIsInstance(found[0][key], kind, key)
        self.assertLess(abs(found[0]['created'] - time.time()), 600)
        self.assertEqual({i['attributes']['username'] for i in self.json('list', '--json')
                          if i['attributes'].get('service') == 'list'}, {'one', 'two'})
        self.keyfob('search', 'service=nothing like it', code=1)
        self.keyfob('search', 'no-equals-sign', code=2)

    def test_no_verb_shows_a_secret_that_was_not_asked_for(self):
        self.set('hidden', 'me', 'Xq7-never-shown')
        for args in (('list',), ('list', '--json'), ('search', 'service=hidden'), ('search', '--json', 'service=hidden'),
                     ('status',), ('status', '--json'), ('diagnose',), ('diagnose', '--json'), ('slot', 'list'),
                     ('slot', 'list', '--json'), ('collection', 'list'), ('undelete',), ('check',), ('env',)):
            with self.subTest(args):
                result = self.keyfob(*args)
                self.assertNotIn(b'Xq7', result.stdout + result.stderr)
                self.assertNotIn(self.password.encode(), result.stdout + result.stderr)

    def test_json_is_json(self):
        self.set('json', 'me', 'x')
        for args in (('status',), ('list',), ('search', 'service=json'), ('slot', 'list'), ('collection', 'list'),
                     ('undelete',), ('check',), ('diagnose',), ('get', 'json', 'me')):
            with self.subTest(args):
                self.json(args[0], *args[1:], '--json')

    def test_get_json(self):
        self.set('json', 'quote', 'a"b\\c\n\t\x01é\U0001f511', '--exact')
        self.assertEqual(self.json('get', '--json', 'json', 'quote')['password'], 'a"b\\c\n\t\x01é\U0001f511')
        for value in (b'\xff\xfe', b'a\0b', b'\0\xff', b'\xed\xa0\x80', bytes(range(256))):
            with self.subTest(value[:8]):
                self.set('json', 'binary', value, '--exact')
                result = self.keyfob('get', '--json', 'json', 'binary').stdout
                object_ = json.loads(result.decode())
                if 'password' in object_:
                    self.assertEqual(object_['password'].encode(), value)
                else:
                    import base64   # pylint: disable=import-outside-toplevel
                    self.assertEqual(base64.b64decode(object_['password_base64'], validate=True), value)

    def test_mode_and_output_of_python_keyring(self):
        self.set('mode', 'me', 'value')
        self.assertEqual(self.keyfob('get', '--mode', 'creds', 'mode', 'me').stdout, b'me\nvalue\n')
        self.assertEqual(self.keyfob('get', '--mode', 'creds', 'mode').stdout, b'me\nvalue\n')
        self.assertEqual(self.json('get', '--mode', 'creds', '--output', 'json', 'mode', 'me'),
                         {'username': 'me', 'password': 'value'})
        self.assertEqual(self.json('get', '--output', 'json', 'mode', 'me'), {'password': 'value'})
        self.keyfob('get', '--mode', 'creds', 'no such', code=1)
        self.keyfob('get', '--mode', 'nonsense', 'mode', 'me', code=2)

    def test_status(self):
        status = self.json('status', '--json')
        self.assertEqual(status['vault'], 'unlocked')
        self.assertEqual(status['vault_path'], self.sandbox.vault)
        self.assertEqual(status['socket'], self.sandbox.socket)
        self.assertEqual(status['pid'], self.sandbox.daemon.pid)
        self.assertEqual((status['unprotected'], status['bus'], status['tampered'], status['slots']),
                         (False, False, False, 1))
        text = self.keyfob('status').stdout
        for word in (b'unlocked', self.sandbox.vault.encode(), b'keyfob env'):
            self.assertIn(word, text)

    def test_diagnose(self):
        report = self.keyfob('diagnose').stdout.decode()
        for word in ('XDG_RUNTIME_DIR', self.sandbox.socket, str(self.sandbox.daemon.pid)):
            self.assertIn(word, report)

    def test_diagnose_when_nothing_works(self):
        with kt.Sandbox() as sandbox:
            env = {'XDG_RUNTIME_DIR': os.path.join(sandbox.root, 'missing', 'deep'), 'KEYFOB_SECRET': 'Xq7-private'}
            result = sandbox.keyfob('diagnose', env=env, code=None)
            self.assertIn(result.returncode, (0, 5))
            self.assertIn(b'missing', result.stdout)
            self.assertNotIn(b'Xq7', result.stdout)

    def test_env(self):
        self.assertEqual(self.keyfob('env').stdout.decode(),
                         f'export DBUS_SESSION_BUS_ADDRESS=unix:path={self.sandbox.socket}\n')

    def test_generate(self):
        first = self.keyfob('generate').stdout
        self.assertRegex(first, rb'^[A-Za-z0-9]{24}\n$')
        self.assertNotEqual(first, self.keyfob('generate').stdout)
        self.assertEqual(len(self.keyfob('generate', '100').stdout), 101)
        self.assertRegex(self.keyfob('generate', '--charset', 'ab', '50').stdout, rb'^[ab]{50}\n$')
        symbols = self.keyfob('generate', '--symbols', '200').stdout.decode().rstrip('\n')
        self.assertTrue(set(symbols) & set(string.punctuation), symbols)
        for wrong in (('0',), ('-5',), ('x',), ('99999999',), ('--charset', 'a'), ('1', '2')):
            with self.subTest(wrong):
                self.keyfob('generate', *wrong, code=2)

    def test_generate_uses_all_its_characters(self):
        seen = set(self.keyfob('generate', '1000').stdout.decode().strip())
        self.assertEqual(seen, set(string.ascii_letters + string.digits))

    def test_generate_and_store(self):
        self.assertEqual(self.keyfob('generate', '32', '--set', 'generated', 'me').stdout, b'')
        self.assertRegex(self.get('generated', 'me'), rb'^[A-Za-z0-9]{32}$')


class Run(Cli):
    """Secrets into one process's environment."""

    def test_the_child_has_it_and_nobody_else(self):
        self.set('https://db.example', 'admin', 'Xq7-run-secret')
        reader, writer = os.pipe()
        process = self.sandbox.spawn([self.sandbox.stage.keyfob, 'run', '--env', 'DB_PASSWORD=https://db.example/admin',
                                      '--', sys.executable, '-c',
                                      'import os, time; print(os.environ["DB_PASSWORD"], flush=True); time.sleep(60)'],
                                     stdout=writer)
        os.close(writer)
        with os.fdopen(reader, 'rb') as file:
            self.assertEqual(file.readline(), b'Xq7-run-secret\n')
            # what keyfob was has become the command: no process in between that holds the secret
            with open(f'/proc/{process.pid}/comm', encoding='utf-8') as comm:
                self.assertIn('python', comm.read())
            with open(f'/proc/{process.pid}/cmdline', 'rb') as cmdline:
                self.assertNotIn(b'Xq7', cmdline.read())
            with open(f'/proc/{process.pid}/environ', 'rb') as environ:
                self.assertIn(b'DB_PASSWORD=Xq7-run-secret\0', environ.read())
            for pid in filter(str.isdigit, os.listdir('/proc')):
                with kt.contextlib.suppress(OSError):
                    with open(f'/proc/{pid}/cmdline', 'rb') as cmdline:
                        self.assertNotIn(b'Xq7-run', cmdline.read())
                    with open(f'/proc/{pid}/environ', 'rb') as environ:
                        self.assertTrue(int(pid) == process.pid or b'Xq7-run' not in environ.read(), pid)
            process.kill()

    def test_several_and_none(self):
        self.set('run', 'a', '1')
        self.set('run', 'b', '2')
        result = self.keyfob('run', '--env', 'A=run/a', '-e', 'B=run/b', '--', 'sh', '-c', 'echo $A$B$C', env={'C': '3'})
        self.assertEqual(result.stdout, b'123\n')
        self.assertEqual(self.keyfob('run', '--', 'echo', 'x').stdout, b'x\n')

    def test_it_replaces_a_variable_of_that_name(self):
        self.set('run', 'a', '1')
        result = self.keyfob('run', '--env', 'A=run/a', '--', 'env', env={'A': 'old'})
        self.assertEqual([line for line in result.stdout.splitlines() if line.startswith(b'A=')], [b'A=1'])

    def test_exit_codes(self):
        self.set('run', 'a', '1')
        self.keyfob('run', '--env', 'A=run/a', '--', 'sh', '-c', 'exit 42', code=42)
        self.assertOneLine(self.keyfob('run', '--', '/no/such/program', code=127).stderr)
        self.assertOneLine(self.keyfob('run', '--', '/etc/passwd', code=126).stderr)
        result = self.keyfob('run', '--env', 'A=run/none', '--', 'echo', 'ran', code=1)
        self.assertEqual(result.stdout, b'')
        for wrong in (('--env', 'A', '--', 'true'), ('--env', '1A=run/a', '--', 'true'), ('--env', 'A=run', '--', 'true'),
                      ('--env', 'A=run/a')):
            with self.subTest(wrong):
                self.keyfob('run', *wrong, code=2)

    def test_one_name_twice(self):
        self.set('run', 'a', '1')
        self.set('run', 'b', '2')
        result = self.keyfob('run', '--env', 'A=run/a', '--env', 'A=run/b', '--', 'echo', 'ran', code=2)
        self.assertEqual(result.stdout, b'')
        self.assertOneLine(result.stderr, 'twice')

    def test_too_large_for_an_environment(self):
        self.set('run', 'large', b'x' * 200000)
        result = self.keyfob('run', '--env', 'A=run/large', '--', 'echo', 'ran', code=126)
        self.assertEqual(result.stdout, b'')
        self.assertOneLine(result.stderr, 'too large for an environment')

    def test_a_zero_byte_does_not_fit(self):
        self.set('run', 'zero', b'a\0b', '--exact')
        result = self.keyfob('run', '--env', 'A=run/zero', '--', 'echo', 'ran', code=8)
        self.assertEqual(result.stdout, b'')
        self.assertOneLine(result.stderr)


class Usage(Cli):
    def test_wrong_usage_is_2_and_one_line(self):
        for args in ((), ('nonsense',), ('--nonsense',), ('get',), ('get', 'a'), ('get', 'a', 'b', 'c'), ('set', 'a'),
                     ('del', 'a'), ('get', '--nonsense', 'a', 'b'), ('search', '=x'), ('slot', 'nonsense'), ('slot', 'remove'),
                     ('collection', 'create'), ('collection', 'nonsense'), ('status', 'x'), ('lock', 'a', 'b'), ('run',),
                     ('slot', 'add', '--kind', 'nonsense'), ('init', '--kind', 'nonsense'), ('prompt-agent', 'x'),
                     ('unlock', '--password-fd', 'x'), ('-b', 'nonsense', 'get', 'a', 'b')):
            with self.subTest(args):
                result = self.keyfob(*args, code=2)
                self.assertOneLine(result.stderr)
                self.assertTrue(result.stderr.startswith(b'keyfob: '), result.stderr)
                self.assertEqual(result.stdout, b'')

    def test_help_and_version(self):
        text = self.keyfob('--help').stdout.decode()
        for verb in VERBS:
            self.assertRegex(text, rf'(?m)^  {verb} ')
            self.assertIn(f'keyfob {verb}', self.keyfob(verb, '--help').stdout.decode())
        self.assertRegex(self.keyfob('--version').stdout, rb'^keyfob \d+\.\d+\.\d+\n$')

    def test_a_full_disk_is_noticed(self):
        for args in (('--help',), ('get', '--help'), ('slot', 'add', '--help'), ('--version',)):
            with self.subTest(args), open('/dev/full', 'wb') as full:
                process = self.sandbox.spawn([self.sandbox.stage.keyfob, *args], stdout=full)
                self.assertEqual(process.wait(kt.TIMEOUT), 8)

    def test_arguments_that_are_not_text(self):
        for args in (('get', b'\xff', 'me'), ('del', 'x', b'\xff'), ('search', b'a=\xff'), ('lock', b'\xff'),
                     ('list', '--collection', b'\xff'), ('run', '--env', b'A=\xff/x', '--', 'true'),
                     ('collection', 'create', b'\xff'), ('unlock', b'\xff')):
            with self.subTest(args):
                result = self.keyfob(*args, code=None)
                self.assertEqual(result.returncode, 1 if args[0] == 'lock' else 2, result.stderr)
                self.assertOneLine(result.stderr, 'collection' if args[0] == 'lock' else 'UTF-8')

    def test_a_long_name_is_cut_between_characters(self):
        """An answer that ends inside of one never comes."""
        for name in ('x' + 'é' * 40, 'x' + 'é' * 300):
            for args, code in ((('unlock', name), 1), (('list', '--collection', name), 1), (('slot', 'test', name), 1),
                               (('slot', 'remove', name), 1), (('passkey', 'policy', '--keys', name), 2),
                               (('passkey', 'policy', '--algorithms', name), 8)):
                with self.subTest(args):
                    self.assertOneLine(self.keyfob(*args, code=code).stderr, 'xéééé'.encode())

    def test_help_needs_no_daemon(self):
        with kt.Sandbox() as sandbox:
            sandbox.keyfob('--help')
            sandbox.keyfob('get', '--help')
            self.assertFalse(os.path.exists(sandbox.socket))


class Unreachable(kt.KeyfobTest):
    """No daemon, and none can be started."""

    def soon(self, *args, **options):
        return kt.soon(lambda: self.keyfob(*args, **options))

    def test_no_place_for_a_socket(self):
        for args in (('get', 'a', 'b'), ('set', 'a', 'b'), ('status',), ('list',), ('lock',)):
            with self.subTest(args):
                result = self.soon(*args, env={'XDG_RUNTIME_DIR': '/proc/none'}, input='x' if args[0] == 'set' else None,
                                   code=5)
                self.assertOneLine(result.stderr)

    def test_a_place_whose_name_is_too_long(self):
        long = os.path.join(self.sandbox.root, 'l' * 120)
        os.mkdir(long, 0o700)
        result = self.keyfob('get', 'a', 'b', env={'XDG_RUNTIME_DIR': long}, code=5)
        self.assertOneLine(result.stderr, 'XDG_RUNTIME_DIR')

    def test_a_place_that_cannot_be_trusted(self):
        blocked = self.sandbox.write('blocked', '')
        link = os.path.join(self.sandbox.root, 'link')
        os.mkdir(link)
        os.symlink(self.sandbox.runtime, os.path.join(link, 'keyfob'))
        for place in (blocked, link):
            for args in (('get', 'a', 'b'), ('status',)):
                with self.subTest(args, place=place):
                    result = self.soon(*args, env={'XDG_RUNTIME_DIR': place}, code=4)
                    self.assertOneLine(result.stderr, 'keyfob diagnose')

    def test_a_daemon_that_hangs_up(self):
        os.mkdir(os.path.dirname(self.sandbox.socket), 0o700)
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(self.sandbox.socket)
            listener.listen(8)
            listener.settimeout(0.1)
            over = threading.Event()

            def hang_up():
                while not over.is_set():
                    with kt.contextlib.suppress(TimeoutError):
                        listener.accept()[0].close()

            thread = threading.Thread(target=hang_up)
            thread.start()
            try:
                result = self.keyfob('get', 'a', 'b', code=5)
                self.assertOneLine(result.stderr)
            finally:
                over.set()
                thread.join()
        os.unlink(self.sandbox.socket)

    def test_prompt_agent_ends_when_the_daemon_does(self):
        self.sandbox.start_daemon()
        agent = self.sandbox.spawn([self.sandbox.stage.keyfob, 'prompt-agent', '--command', 'true'])
        wait_for(lambda: json.loads(self.keyfob('status', '--json').stdout)['agent'], 'the agent to come')
        self.sandbox.stop_daemon()
        self.assertEqual(agent.wait(kt.TIMEOUT), 5)


class StrangeHome(kt.KeyfobTest):
    """A home whose name is not UTF-8, as they were made before that was usual."""

    def setUp(self):
        super().setUp()
        home = os.path.join(os.fsencode(self.sandbox.root), b'Jos\xe9')
        os.mkdir(home, 0o700)
        self.sandbox.env['XDG_DATA_HOME'] = os.fsdecode(home)
        self.sandbox.start_daemon()
        self.sandbox.init('pass word')

    def json(self, *args):
        return json.loads(self.keyfob(*args, '--json').stdout.decode())

    def test_status(self):
        self.assertIn('/Jos?/', self.json('status')['vault_path'])
        self.keyfob('set', 'svc', 'me', input='value')
        self.keyfob('lock', 'default')
        self.keyfob('get', 'svc', 'me', code=3)

    def test_restore(self):
        file = os.path.join(self.sandbox.root, 'backup')
        self.keyfob('backup', file)
        self.assertIn('/Jos?/', self.json('restore', '--yes', '--password-file', self.sandbox.write('password', 'pass word'),
                                          file)['kept'])

    def test_diagnose(self):
        report = self.json('diagnose')
        self.assertIn('Jos?', report['environment']['XDG_DATA_HOME'])
        self.assertEqual(report['daemon']['vault'], 'unlocked')


class Init(kt.KeyfobTest):
    def reopened(self, *unlock, code=0):
        """After a restart of the daemon, by these arguments of unlock."""
        self.sandbox.stop_daemon()
        self.sandbox.start_daemon()
        return self.keyfob('unlock', *unlock, code=code)

    def setUp(self):
        super().setUp()
        self.sandbox.start_daemon()

    def usable(self):
        """When init returns, the default collection is usable at once."""
        self.keyfob('set', 'svc', 'me', input='value')
        self.assertEqual(self.keyfob('get', 'svc', 'me').stdout, b'value')

    def test_password_file(self):
        self.keyfob('init', *CHEAP, '--password-file', self.sandbox.write('pw', 'pass word\n'))
        self.usable()
        self.reopened('--password-file', self.sandbox.write('pw', 'pass word'))
        self.assertEqual(self.keyfob('get', 'svc', 'me').stdout, b'value')

    def test_password_on_stdin(self):
        self.keyfob('init', *CHEAP, '--password-file', '-', input='pass word\n')
        self.usable()
        self.sandbox.stop_daemon()
        self.sandbox.start_daemon()
        self.keyfob('unlock', '--password-file', '-', input='pass word')

    def test_password_fd(self):
        for args in (('init', *CHEAP), ('unlock',)):
            reader, writer = os.pipe()
            os.write(writer, b'pass word\n')
            os.close(writer)
            self.keyfob(*args, '--password-fd', str(reader), pass_fds=(reader,))
            os.close(reader)
            self.usable()
            self.keyfob('lock')

    def test_credentials_directory(self):
        os.mkdir(os.path.join(self.sandbox.root, 'credentials'), 0o700)
        self.sandbox.write('credentials/keyfob.password', 'pass word\n', 0o400)
        self.sandbox.env['CREDENTIALS_DIRECTORY'] = os.path.join(self.sandbox.root, 'credentials')
        self.keyfob('init', *CHEAP)
        self.usable()
        self.sandbox.env.pop('CREDENTIALS_DIRECTORY')
        self.reopened(code=3)
        self.keyfob('unlock', env={'CREDENTIALS_DIRECTORY': os.path.join(self.sandbox.root, 'credentials')})

    def test_set_on_a_terminal_does_not_ask_before_there_is_a_vault(self):
        terminal = self.sandbox.terminal([self.sandbox.stage.keyfob, 'set', 'svc', 'me'])
        self.assertEqual(terminal.wait(), 8, terminal.output)
        self.assertIn(b'keyfob init', terminal.output)

    def test_terminal(self):
        terminal = self.sandbox.terminal([self.sandbox.stage.keyfob, 'init', *CHEAP])
        for _ in range(2):
            terminal.expect(r': ?$')
            self.assertFalse(terminal.echoes())
            terminal.send('pass word\n')
        self.assertEqual(terminal.wait(), 0, terminal.output)
        self.usable()
        self.reopened('--password-file', self.sandbox.write('pw', 'pass word'))

    def test_unprotected(self):
        result = self.keyfob('init', '--kind', 'none')
        self.assertIn(b'unprotected', result.stdout.lower())
        self.usable()
        status = self.keyfob('status')
        self.assertIn(b'unprotected', status.stdout.lower())
        self.assertTrue(json.loads(self.keyfob('status', '--json').stdout)['unprotected'])
        self.sandbox.stop_daemon()
        self.sandbox.start_daemon()
        self.assertEqual(self.keyfob('get', 'svc', 'me').stdout, b'value')

    def test_key_file(self):
        path = os.path.join(self.sandbox.root, 'key')
        self.keyfob('init', '--kind', 'credential', '--key-file', path)
        info = os.stat(path)
        self.assertEqual(info.st_mode & 0o777, 0o600 & info.st_mode, 'others can read the key file')
        self.assertGreaterEqual(info.st_size, 32)
        self.usable()
        self.sandbox.stop_daemon()
        self.sandbox.start_daemon()
        self.assertEqual(self.keyfob('get', 'svc', 'me').stdout, b'value')
        # another key in its place opens nothing
        with open(path, 'rb') as file:
            key = file.read()
        self.sandbox.stop_daemon()
        with open(path, 'r+b') as file:
            file.write(bytes([key[0] ^ 1]))
        self.sandbox.start_daemon()
        self.assertIn(self.keyfob('get', 'svc', 'me', code=None).returncode, (3, 6))

    def test_a_short_key_file_is_refused(self):
        path = self.sandbox.write('key', 'short')
        result = self.keyfob('init', '--kind', 'credential', '--key-file', path, code=None)
        self.assertIn(result.returncode, (2, 8))
        self.assertOneLine(result.stderr)
        self.assertFalse(os.path.exists(self.sandbox.vault_dir) and os.listdir(self.sandbox.vault_dir))

    def test_twice(self):
        self.sandbox.init('pass word')
        self.usable()
        result = self.sandbox.init('another', code=8)
        self.assertOneLine(result.stderr)
        self.assertEqual(self.keyfob('get', 'svc', 'me').stdout, b'value')
        self.reopened('--password-file', self.sandbox.write('pw', 'pass word'))

    def test_nothing_is_left_when_it_fails(self):
        for args in (('--password-file', '/no/such/file'), ('--password-file', self.sandbox.write('empty', '')),
                     ('--kdf-memory', '1', '--password-file', self.sandbox.write('pw', 'x'))):
            with self.subTest(args):
                result = self.keyfob('init', *args, code=None)
                self.assertNotIn(result.returncode, (0, 5))
                self.assertOneLine(result.stderr)
                self.assertFalse(os.path.exists(self.sandbox.vault_dir) and os.listdir(self.sandbox.vault_dir))

    def test_label(self):
        self.sandbox.init('pass word', '--label', 'My things')
        self.assertIn(b'My things', self.keyfob('collection', 'list').stdout)


class Locked(Cli):
    """Locked, and nobody to ask."""

    @classmethod
    def prepare(cls):
        super().prepare()
        cls.sandbox.keyfob('set', 'svc', 'me', input='value')

    def setUp(self):
        self.keyfob('lock')

    def test_exit_code_3_soon(self):
        for args in (('get', 'svc', 'me'), ('set', 'svc', 'me'), ('set', 'new', 'item'), ('del', 'svc', 'me'), ('unlock',),
                     ('run', '--env', 'A=svc/me', '--', 'echo', 'ran'), ('generate', '--set', 'svc', 'me')):
            with self.subTest(args):
                result = kt.soon(lambda args=args: self.keyfob(*args, input='x' if args[0] == 'set' else None, code=3))
                self.assertOneLine(result.stderr, 'locked', 'keyfob unlock')
                self.assertEqual(result.stdout, b'')

    def test_a_miss_is_still_a_miss(self):
        self.get('no', 'such', code=1)

    def test_what_is_shown(self):
        item, = self.json('search', '--json', 'service=svc', code=3)
        self.assertTrue(item['locked'])
        self.assertEqual((item['label'], item['attributes']), ('', {}))
        self.assertEqual(self.json('status', '--json')['vault'], 'locked')
        result = self.keyfob('list', code=3)
        self.assertNotIn(b'svc', result.stdout)
        self.assertOneLine(result.stderr, 'locked', 'keyfob unlock')

    def test_wrong_password(self):
        result = self.sandbox.unlock('wrong', code=6)
        self.assertOneLine(result.stderr)
        self.assertEqual(self.json('status', '--json')['vault'], 'locked')
        self.sandbox.unlock(self.password)
        self.assertEqual(self.get('svc', 'me'), b'value')

    def test_unlock_twice_and_lock_twice(self):
        self.keyfob('lock')
        self.sandbox.unlock(self.password)
        self.keyfob('unlock')
        self.assertEqual(self.get('svc', 'me'), b'value')


class Slots(kt.KeyfobTest):
    def setUp(self):
        super().setUp()
        self.sandbox.start_daemon()
        self.sandbox.init('first')
        self.keyfob('set', 'svc', 'me', input='value')
        self.first = self.sandbox.write('first', 'first')

    def slots(self):
        return json.loads(self.keyfob('slot', 'list', '--json').stdout)

    def opens(self, password, code=0):
        self.keyfob('lock')
        self.sandbox.unlock(password, code=code)
        if code == 0:
            self.assertEqual(self.keyfob('get', 'svc', 'me').stdout, b'value')

    def test_passwd(self):
        result = self.keyfob('passwd', *CHEAP, '--password-file', self.first, '--new-password-file',
                             self.sandbox.write('new', 'second\n'))
        self.assertIn(b'rekey', result.stdout + result.stderr, 'passwd says when a rekey is needed')
        self.opens('first', code=6)
        self.opens('second')
        self.sandbox.stop_daemon()
        self.sandbox.start_daemon()
        self.opens('first', code=6)
        self.opens('second')

    def test_passwd_with_a_wrong_password(self):
        result = self.keyfob('passwd', *CHEAP, '--password-file', self.sandbox.write('wrong', 'wrong'), '--new-password-file',
                             self.sandbox.write('new', 'second'), code=6)
        self.assertOneLine(result.stderr)
        self.opens('first')

    def test_passwd_on_a_terminal(self):
        terminal = self.sandbox.terminal([self.sandbox.stage.keyfob, 'passwd', *CHEAP])
        for answer in ('first', 'second', 'second'):
            terminal.expect(r': ?$')
            terminal.send(answer + '\n')
        self.assertEqual(terminal.wait(), 0, terminal.output)
        self.opens('first', code=6)
        self.opens('second')

    def test_add_list_remove(self):
        self.keyfob('slot', 'add', '--kind', 'password', '--label', 'spare', *CHEAP, '--password-file', self.first,
                    '--new-password-file', self.sandbox.write('new', 'second'))
        slots = self.slots()
        self.assertEqual(sorted(s['kind'] for s in slots), ['password', 'password'])
        self.assertIn('spare', [s['label'] for s in slots])
        for slot in slots:
            self.assertGreaterEqual(slot['kdf_memory'], 65536)
            self.assertRegex(slot['id'], '^[0-9a-f]{32}$')
        self.assertIn(b'spare', self.keyfob('slot', 'list').stdout)
        self.opens('second')
        self.opens('first')

        old, = [s for s in slots if s['label'] != 'spare']
        result = self.keyfob('slot', 'remove', old['id'][:8], '--password-file', self.first)
        self.assertIn(b'rekey', result.stdout + result.stderr, 'slot remove says when a rekey is needed')
        self.opens('first', code=6)
        self.opens('second')
        self.assertEqual(len(self.slots()), 1)

    def test_the_last_slot_stays(self):
        slot, = self.slots()
        result = self.keyfob('slot', 'remove', slot['id'], '--password-file', self.first, code=8)
        self.assertOneLine(result.stderr)
        self.opens('first')

    def test_an_unlocked_vault_does_not_let_a_program_add_a_key(self):
        result = self.keyfob('slot', 'add', '--kind', 'none', code=3)
        self.assertOneLine(result.stderr)
        self.keyfob('slot', 'add', '--kind', 'none', '--password-file', self.sandbox.write('wrong', 'wrong'), code=6)
        self.assertEqual(len(self.slots()), 1)

    def test_a_key_file_and_no_protection(self):
        key = os.path.join(self.sandbox.root, 'key')
        self.keyfob('slot', 'add', '--kind', 'credential', '--key-file', key, '--password-file', self.first)
        self.sandbox.stop_daemon()
        self.sandbox.start_daemon()
        self.assertEqual(self.keyfob('get', 'svc', 'me').stdout, b'value')
        self.keyfob('slot', 'add', '--kind', 'none', '--label', 'open')
        self.assertIn(b'unprotected', self.keyfob('status').stdout.lower())
        self.keyfob('slot', 'remove', 'open')
        self.assertNotIn(b'unprotected', self.keyfob('status').stdout.lower())

    def test_passwords_that_protect_nothing(self):
        empty, new = self.sandbox.write('empty', '\n'), self.sandbox.write('second', 'second')
        short, before = self.sandbox.write('short', 'x' * 31), self.slots()
        for args, word in ((('slot', 'add', '--new-password-file', empty), 'empty'),
                           (('collection', 'create', 'Own', '--new-password-file', empty), 'empty'),
                           (('slot', 'add', '--kind', 'none', '--new-password-file', new), 'no password'),
                           (('slot', 'add', '--key-file', short), 'shorter than 32'),
                           (('slot', 'add', '--key-file', '/etc/hostname', '--new-password-file', new), 'no password')):
            with self.subTest(args):
                self.assertOneLine(self.keyfob(*args, '--password-file', self.first, code=2).stderr, word)
        self.assertEqual(self.slots(), before)

    def test_no_such_slot(self):
        self.assertOneLine(self.keyfob('slot', 'remove', 'ffffffff', '--password-file', self.first, code=1).stderr)

    def test_rekey(self):
        self.keyfob('set', 'svc', 'you', input='other')
        self.keyfob('slot', 'add', '--kind', 'password', '--label', 'spare', *CHEAP, '--password-file', self.first,
                    '--new-password-file', self.sandbox.write('second', 'second'))
        self.sandbox.stop_daemon()
        old = os.path.join(self.sandbox.root, 'old')
        shutil.copytree(self.sandbox.vault_dir, old)
        self.sandbox.start_daemon()

        # every slot's secret is needed
        result = self.keyfob('rekey', '--password-file', self.first, code=None)
        self.assertNotEqual(result.returncode, 0)
        self.opens('first')
        self.opens('second')

        self.keyfob('rekey', '--password-file', self.first, '--password-file', os.path.join(self.sandbox.root, 'second'))
        self.assertEqual(self.keyfob('get', 'svc', 'you').stdout, b'other')
        self.opens('first')
        self.opens('second')
        self.keyfob('check')
        self.sandbox.stop_daemon()
        with open(self.sandbox.vault, 'rb') as new, open(os.path.join(old, os.path.basename(self.sandbox.vault)), 'rb') as was:
            self.assertNotEqual(new.read(), was.read())
        self.sandbox.start_daemon()
        self.opens('second')

        # the old copy is what it was: it opens with its passwords and shows what it held
        self.keyfob('passwd', *CHEAP, '--password-file', self.first, '--new-password-file',
                    self.sandbox.write('third', 'third'))
        self.sandbox.stop_daemon()
        shutil.rmtree(self.sandbox.vault_dir)
        shutil.copytree(old, self.sandbox.vault_dir)
        self.sandbox.start_daemon()
        self.opens('first')

    def test_rekey_reads_key_files(self):
        key = os.path.join(self.sandbox.root, 'key')
        self.keyfob('slot', 'add', '--kind', 'credential', '--key-file', key, '--password-file', self.first)
        self.keyfob('rekey', '--password-file', self.first)
        self.assertEqual(sorted(s['kind'] for s in self.slots()), ['credential', 'password'])
        self.sandbox.stop_daemon()
        self.sandbox.start_daemon()
        self.assertEqual(self.keyfob('get', 'svc', 'me').stdout, b'value')
        self.opens('first')

    def test_rekey_on_a_terminal(self):
        terminal = self.sandbox.terminal([self.sandbox.stage.keyfob, 'rekey'])
        terminal.expect(r': ?$')
        terminal.send('wrong\n')
        terminal.expect(r'(?i)wrong.*: ?$')
        terminal.send('first\n')
        self.assertEqual(terminal.wait(), 0, terminal.output)
        self.opens('first')

    def test_rekey_drops_what_is_not_given(self):
        self.keyfob('slot', 'add', '--kind', 'password', '--label', 'spare', *CHEAP, '--password-file', self.first,
                    '--new-password-file', self.sandbox.write('second', 'second'))
        self.keyfob('rekey', '--drop', '--password-file', self.first)
        self.assertEqual(len(self.slots()), 1)
        self.opens('second', code=6)
        self.opens('first')


class Collections(kt.KeyfobTest):
    def setUp(self):
        super().setUp()
        self.sandbox.start_daemon()
        self.sandbox.init('pass word')
        self.password = self.sandbox.write('password', 'pass word')

    def create(self, label, *args, **options):
        return self.keyfob('collection', 'create', label, '--password-file', self.password, *args, **options)

    def names(self):
        return {c['name']: c for c in json.loads(self.keyfob('collection', 'list', '--json').stdout)}

    def test_create_list_default_delete(self):
        name = self.create('My work').stdout.decode().strip()
        self.assertEqual(name, 'My_work')
        self.assertEqual(self.names()[name]['label'], 'My work')
        self.assertIn(b'My work', self.keyfob('collection', 'list').stdout)
        self.keyfob('set', 'svc', 'in default', input='1')
        self.keyfob('set', '--collection', name, 'svc', 'in work', input='2')
        listed = json.loads(self.keyfob('list', '--json', '--collection', name).stdout)
        self.assertEqual([i['attributes']['username'] for i in listed], ['in work'])

        was = self.keyfob('collection', 'default').stdout.decode().strip()
        self.keyfob('collection', 'default', name)
        self.assertEqual(self.keyfob('collection', 'default').stdout.decode().strip(), name)
        self.keyfob('set', 'svc', 'new default', input='3')
        self.assertEqual(len(json.loads(self.keyfob('list', '--json', '--collection', name).stdout)), 2)
        self.keyfob('collection', 'default', was)

        self.keyfob('collection', 'delete', '--yes', name)
        self.assertNotIn(name, self.names())
        self.keyfob('get', 'svc', 'in work', code=1)
        self.assertEqual(self.keyfob('get', 'svc', 'in default').stdout, b'1')

    def test_two_of_one_label(self):
        first = self.create('Same').stdout
        second = self.create('Same').stdout
        self.assertNotEqual(first, second)
        self.assertEqual(sum(c['label'] == 'Same' for c in self.names().values()), 2)

    def test_no_such_collection(self):
        for args in (('collection', 'delete', '--yes', 'none'), ('collection', 'default', 'none'),
                     ('set', '--collection', 'none', 'a', 'b'), ('list', '--collection', 'none'), ('lock', 'none')):
            with self.subTest(args):
                self.assertOneLine(self.keyfob(*args, input='x' if args[0] == 'set' else None, code=1).stderr)

    def test_delete_asks_on_a_terminal_and_is_refused_without(self):
        name = self.create('Doomed').stdout.decode().strip()
        result = self.keyfob('collection', 'delete', name, code=None)
        self.assertIn(result.returncode, (2, 3, 4))
        self.assertOneLine(result.stderr)
        self.assertIn(name, self.names())
        terminal = self.sandbox.terminal([self.sandbox.stage.keyfob, 'collection', 'delete', name])
        terminal.expect(r'Doomed.*\?.*$')
        terminal.send('n\n')
        self.assertEqual(terminal.wait(), 4, terminal.output)
        self.assertIn(name, self.names())
        terminal = self.sandbox.terminal([self.sandbox.stage.keyfob, 'collection', 'delete', name])
        terminal.expect(r'Doomed.*\?.*$')
        terminal.send('y\n')
        self.assertEqual(terminal.wait(), 0, terminal.output)
        self.assertNotIn(name, self.names())

    def test_undelete_a_collection(self):
        name = self.create('Lost').stdout.decode().strip()
        self.keyfob('set', '--collection', name, 'svc', 'me', input='inside')
        self.keyfob('collection', 'delete', '--yes', name)
        listed = self.keyfob('undelete').stdout
        self.assertIn(b'Lost', listed)
        self.keyfob('undelete', '1')
        self.assertIn(name, self.names())
        self.assertEqual(self.keyfob('get', 'svc', 'me').stdout, b'inside')
        self.sandbox.stop_daemon()
        self.sandbox.start_daemon()
        self.sandbox.unlock('pass word')
        self.assertEqual(self.keyfob('get', 'svc', 'me').stdout, b'inside')

    def test_a_password_of_its_own(self):
        name = self.create('Safe', '--new-password-file', self.sandbox.write('own', 'own password'), *()).stdout
        name = name.decode().strip()
        self.keyfob('set', '--collection', name, 'svc', 'safe', input='inside')
        self.keyfob('lock')
        self.sandbox.unlock('pass word')
        self.keyfob('get', 'svc', 'safe', code=3)
        self.assertEqual(json.loads(self.keyfob('status', '--json').stdout)['vault'], 'partly')
        self.sandbox.unlock('pass word', name, code=6)
        self.sandbox.unlock('own password', name)
        self.assertEqual(self.keyfob('get', 'svc', 'safe').stdout, b'inside')
        self.keyfob('lock', name)
        self.keyfob('get', 'svc', 'safe', code=3)

    def test_get_and_del_open_a_collection_with_a_password_of_its_own(self):
        name = self.create('Safe', '--new-password-file', self.sandbox.write('own', 'own password')).stdout.decode().strip()
        self.keyfob('set', '--collection', name, 'svc', 'me', input='inside')
        self.keyfob('lock', name)
        self.sandbox.use_pinentry(None)
        for args in (('get', 'svc', 'me'), ('del', 'svc', 'me'), ('set', '--collection', name, 'svc', 'you')):
            with self.subTest(args):
                result = self.keyfob(*args, input='x' if args[0] == 'set' else None, code=3)
                self.assertOneLine(result.stderr, 'locked', f'keyfob unlock {name}')
        terminal = self.sandbox.terminal([self.sandbox.stage.keyfob, 'get', 'svc', 'me'])
        terminal.expect(r': ?$')
        terminal.send('own password\n')
        self.assertEqual(terminal.wait(), 0, terminal.output)
        self.assertIn(b'inside', terminal.output)

    def test_a_list_says_what_is_locked_beside_what_is_open(self):
        name = self.create('Safe', '--new-password-file', self.sandbox.write('own', 'own password')).stdout.decode().strip()
        self.keyfob('set', '--collection', name, 'svc', 'hidden', input='1')
        self.keyfob('set', 'svc', 'open', input='2')
        self.assertEqual(self.keyfob('list').stderr, b'')
        self.keyfob('lock', name)
        for command in (('list',), ('search', 'service=svc')):
            with self.subTest(command):
                result = self.keyfob(*command)
                self.assertIn(b'(locked)', result.stdout)
                self.assertIn(b'open', result.stdout)
                self.assertOneLine(result.stderr, f'keyfob unlock {name}')

    def test_history_and_wipe_open_a_collection_with_a_password_of_its_own(self):
        name = self.create('Safe', '--new-password-file', self.sandbox.write('own', 'own password')).stdout.decode().strip()
        for value in ('older', 'newer'):
            self.keyfob('set', '--collection', name, 'svc', 'me', input=value)
        self.keyfob('lock', name)
        self.sandbox.use_pinentry(None)
        for args in (('history', 'svc', 'me'), ('wipe', '--yes', '--password-file', self.password, 'svc', 'me')):
            with self.subTest(args):
                self.assertOneLine(self.keyfob(*args, code=3).stderr, 'locked')
        self.keyfob('history', 'svc', 'you', code=1)
        terminal = self.sandbox.terminal([self.sandbox.stage.keyfob, 'history', '--json', 'svc', 'me'])
        terminal.expect(r': ?$')
        terminal.send('own password\n')
        self.assertEqual(terminal.wait(), 0, terminal.output)

    def test_lock_one(self):
        name = self.create('Other').stdout.decode().strip()
        self.keyfob('set', '--collection', name, 'svc', 'other', input='1')
        self.keyfob('set', 'svc', 'default', input='2')
        self.keyfob('lock', name)
        self.keyfob('get', 'svc', 'other', code=3)
        self.assertEqual(self.keyfob('get', 'svc', 'default').stdout, b'2')


class Undelete(Cli):
    def entries(self):
        return self.json('undelete', '--json')

    def test_a_deleted_item(self):
        self.set('undelete', 'item', 'lost')
        self.keyfob('del', 'undelete', 'item')
        entry = self.entries()[0]
        self.assertTrue(entry['deleted'])
        self.assertEqual(entry['attributes']['username'], 'item')
        self.assertIn(b'undelete', self.keyfob('undelete').stdout)
        self.keyfob('undelete', '1')
        self.assertEqual(self.get('undelete', 'item'), b'lost')
        self.assertNotIn(entry, self.entries())

    def test_a_replaced_value(self):
        self.set('undelete', 'value', 'one')
        self.set('undelete', 'value', 'two')
        self.set('undelete', 'value', 'three')
        mine = [e for e in self.entries() if e.get('attributes', {}).get('username') == 'value']
        self.assertEqual([e['deleted'] for e in mine], [False, False])
        self.keyfob('undelete', mine[1]['item'], str(mine[1]['version']))
        self.assertEqual(self.get('undelete', 'value'), b'one')
        # and what it replaced can be had back in turn
        newest = [e for e in self.entries() if e.get('attributes', {}).get('username') == 'value'][0]
        self.keyfob('undelete', newest['item'], str(newest['version']))
        self.assertEqual(self.get('undelete', 'value'), b'three')

    def test_nothing_like_it(self):
        self.assertOneLine(self.keyfob('undelete', '999', code=1).stderr)
        self.assertOneLine(self.keyfob('undelete', '/org/freedesktop/secrets/collection/x/1', code=1).stderr)


class Enable(kt.KeyfobTest):
    bus = True

    def test_enable_and_disable(self):
        file = os.path.join(self.sandbox.data, 'dbus-1', 'services', 'org.freedesktop.secrets.service')
        self.keyfob('enable')
        with open(file, encoding='utf-8') as content:
            text = content.read()
        self.assertIn('Name=org.freedesktop.secrets', text)
        command = shlex.split(re.search(r'(?m)^Exec=(.*)$', text)[1])
        self.assertTrue(os.access(command[0], os.X_OK), command)
        before = os.stat(file).st_mtime_ns
        self.keyfob('enable')
        self.assertEqual(os.stat(file).st_mtime_ns, before, 'enable twice writes once')

        self.keyfob('disable')
        self.assertFalse(os.path.exists(file))
        self.keyfob('disable')

    def test_the_bus_starts_it_after_enable(self):
        self.keyfob('enable')
        pid = kt.peer_pid(self.sandbox.socket)
        if pid:
            kt.end_pid(pid)
        reply = self.sandbox.run(['dbus-send', '--session', '--print-reply', '--dest=org.freedesktop.secrets',
                                  '/org/freedesktop/secrets', 'org.freedesktop.DBus.Properties.Get',
                                  'string:org.freedesktop.Secret.Service', 'string:Collections'])
        self.assertIn(b'/org/freedesktop/secrets/collection', reply.stdout)
        self.sandbox.init('pass word')
        self.sandbox.run(['secret-tool', 'store', '--label', 'x', 'service', 'svc', 'username', 'me'], input='value')
        self.assertEqual(self.keyfob('get', 'svc', 'me').stdout, b'value')

    def test_somebody_else_s_file_is_kept(self):
        directory = os.path.join(self.sandbox.data, 'dbus-1', 'services')
        os.makedirs(directory, exist_ok=True)
        file = os.path.join(directory, 'org.freedesktop.secrets.service')
        theirs = '[D-BUS Service]\nName=org.freedesktop.secrets\nExec=/usr/bin/keepassxc\n'
        with open(file, 'w', encoding='utf-8') as content:
            content.write(theirs)
        self.keyfob('disable', code=None)
        with open(file, encoding='utf-8') as content:
            self.assertEqual(content.read(), theirs, 'disable removed a file that is not ours')
        self.keyfob('enable', code=None)
        self.keyfob('disable', code=None)
        with open(file, encoding='utf-8') as content:
            self.assertEqual(content.read(), theirs, 'what stood there before enable is lost')

    def test_systemd_does_not_take_the_socket_from_a_daemon_that_runs(self):
        log = os.path.join(self.sandbox.root, 'systemctl.log')
        self.sandbox.write('bin/systemctl', f'#!/bin/sh\necho "$@" >> {log}\n[ "$3" != is-active ]\n', mode=0o700)

        def enabled():
            with open(log, encoding='utf-8') as file:
                return [line.split()[3:] for line in file if ' enable ' in line]

        self.keyfob('enable')
        self.assertEqual(enabled(), [['--now', 'keyfobd.socket']])
        self.assertIsNotNone(kt.peer_pid(self.sandbox.socket), 'enable left no daemon')
        self.assertIn(b'next login', self.keyfob('enable').stdout)
        self.assertEqual(enabled()[1:], [['keyfobd.socket']])

    def name_is(self, sandbox, state):
        """Waits until the daemon says so: it is ready before it has its names."""
        deadline = time.monotonic() + kt.TIMEOUT
        status = {}
        while time.monotonic() < deadline:
            status = json.loads(sandbox.keyfob('status', '--json').stdout)
            if status['secrets_name'] == state and (state != 'taken' or 'pid' in status.get('secrets_owner', {})):
                break
        self.assertEqual(status['secrets_name'], state)
        return status

    def test_status_says_who_holds_the_name(self):
        self.sandbox.start_daemon()
        self.name_is(self.sandbox, 'owned')
        with kt.Sandbox() as other:
            env = {'DBUS_SESSION_BUS_ADDRESS': self.sandbox.bus_address}
            other.start_daemon(env=env)
            status = self.name_is(other, 'taken')
            self.assertEqual(status['secrets_owner']['pid'], self.sandbox.daemon.pid)
            self.assertIn(str(self.sandbox.daemon.pid).encode(), other.keyfob('status').stdout)
            # and it serves its own socket all the same
            other.init('pass word')
            other.keyfob('set', 'svc', 'me', input='value')
            other.stop_daemon()
            other.start_daemon('--replace', env=env)
            self.name_is(other, 'owned')
            self.name_is(self.sandbox, 'taken')


if __name__ == '__main__':
    kt.main()
