#!/usr/bin/python3
"""The ssh-agent's socket: ssh-add and ssh-keygen, messages by hand, keys that are stored, questions to the person."""
import fcntl
import os
import select
import socket
import struct
import sys
import time

import flatpak
import keyfob_bus as kb
import keyfob_test as kt
import ssh_client
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.serialization import load_ssh_public_key
from jeepney import DBusAddress
from person import Person, wait_for
from ssh_client import string

SSH = DBusAddress('/org/keyfob', bus_name='org.keyfob.Daemon', interface='org.keyfob.Ssh1')
KINDS = ('ed25519', 'ecdsa-256', 'ecdsa-384', 'ecdsa-521', 'rsa')
PASSWORD = 'pass word'


class AgentTest(kt.KeyfobTest):
    settings = ''

    def setUp(self):
        super().setUp()
        self.sandbox.use_pinentry(None)
        if self.settings:
            os.makedirs(os.path.join(self.sandbox.config, 'keyfob'))
            self.sandbox.write('config/keyfob/keyfobd.conf', self.settings)
        self.tools = ssh_client.Tools(self.sandbox)
        self.sandbox.start_daemon()
        self.sandbox.init(PASSWORD)

    def bus(self, method, signature=None, *body):
        with kb.Client(self.sandbox.socket) as client:
            return client.call(SSH, method, signature, *body)

    def keep(self, key):
        self.bus('KeepKey', 'sa{sv}', key, {})

    def policy(self, key, **options):
        self.bus('SetPolicy', 'sa{sv}', key, {name.replace('_', '-'): value for name, value in options.items()})

    def restart(self):
        self.sandbox.stop_daemon()
        self.sandbox.start_daemon()

    def added(self, name='key', kind='ed25519', *args):
        """A key that is in the agent; its wire format."""
        path = self.tools.keygen(name, kind)
        self.tools.add('-q', *args, path)
        return self.tools.public(path)

    def assertSigns(self, path):
        """ssh-add has it sign, and verifies that."""
        self.tools.add('-T', path if path.endswith('.pub') else path + '.pub')


class Keys(AgentTest):
    def test_every_kind(self):
        for kind in KINDS:
            with self.subTest(kind=kind):
                path = self.tools.keygen(kind, kind)
                self.tools.add('-q', path)
                self.assertSigns(path)
        self.assertEqual(self.tools.listed(), list(KINDS))

    def test_rsa_signs_as_it_is_told(self):
        path = self.tools.keygen('key', 'rsa')
        self.tools.add('-q', path)
        with open(path + '.pub', 'rb') as file:
            public = load_ssh_public_key(file.read())
        with self.tools.client() as client:
            for flags, name, algorithm in ((0, b'ssh-rsa', hashes.SHA1()), (2, b'rsa-sha2-256', hashes.SHA256()),
                                           (4, b'rsa-sha2-512', hashes.SHA512())):
                reader = ssh_client.Reader(client.sign(self.tools.public(path), b'data', flags))
                self.assertEqual(reader.string(), name)
                signature = reader.string()
                public.verify(signature, b'data', padding.PKCS1v15(), algorithm)
                with self.assertRaises(InvalidSignature):
                    public.verify(signature, b'else', padding.PKCS1v15(), algorithm)

    def test_certificates(self):
        authority = self.tools.keygen('authority')
        for kind in KINDS:
            with self.subTest(kind=kind):
                path = self.tools.keygen(kind, kind)
                certificate = self.tools.certify(authority, path)
                self.tools.add('-q', path)  # takes the certificate along
                self.assertSigns(certificate)
        with self.tools.client() as client:
            self.assertEqual(len(client.keys()), 2 * len(KINDS))

    def test_remove(self):
        blobs = [self.added(name) for name in ('one', 'two', 'three')]
        self.tools.add('-q', '-d', self.tools.file('two'))
        self.assertEqual(self.tools.listed(), ['one', 'three'])
        with self.tools.client() as client:
            self.assertIsNone(client.sign(blobs[1]))
            self.assertIsNotNone(client.sign(blobs[2]))
        self.tools.add('-q', '-D')
        self.assertEqual(self.tools.listed(), [])

    def test_a_lifetime_ends(self):
        path = self.tools.keygen('key')
        blob = self.tools.public(path)
        with self.tools.client() as client:
            for lifetime in (1, 4, 16):
                began = time.monotonic()
                self.tools.add('-q', '-t', str(lifetime), path)
                if client.sign(blob) is not None:
                    break
                # On a machine that is slow enough it is over before anybody comes.
                self.assertGreaterEqual(time.monotonic() - began, lifetime)
            else:
                self.fail('it signs at no time')
            wait_for(lambda: client.keys() == [], 'the end of its time', timeout=kt.TIMEOUT)
            self.assertGreaterEqual(time.monotonic() - began, lifetime)
            self.assertIsNone(client.sign(blob))

    def test_lock(self):
        blob = self.added()
        secret = string('open sesame')
        with self.tools.client() as client:
            self.assertTrue(client.succeeds(ssh_client.LOCK, secret))
            self.assertEqual(client.keys(), [])
            self.assertIsNone(client.sign(blob))
            self.assertFalse(client.succeeds(ssh_client.UNLOCK, string('wrong')))
            self.assertEqual(client.keys(), [])
        with self.tools.client() as client:
            self.assertTrue(client.succeeds(ssh_client.UNLOCK, secret))
            self.assertIsNotNone(client.sign(blob))

    def test_without_a_vault_and_with_a_locked_one(self):
        """Keys in memory need no vault."""
        self.keyfob('lock')
        path = self.tools.keygen('while-locked')
        self.tools.add('-q', path)
        self.assertSigns(path)
        other = kt.Sandbox()
        self.addCleanup(other.close)
        other.start_daemon()
        tools = ssh_client.Tools(other)
        path = tools.keygen('key')
        tools.add('-q', path)
        tools.add('-T', path + '.pub')
        # and their owner sees and removes them
        self.assertIn(b'memory', other.keyfob('ssh', 'list').stdout)
        for args in (['keep', 'key'], ['add'], ['undelete'], ['list', '--deleted']):
            self.assertIn(b'keyfob init', other.keyfob('ssh', *args, code=8).stderr)
        other.keyfob('ssh', 'remove', 'key')
        self.assertEqual(tools.listed(), [])


@kt.not_sanitized
class Slept(AgentTest):
    """The machine sleeps, as far as its clock tells."""

    def test_a_lifetime_goes_on(self):
        slept = self.sandbox.write('slept', '')
        self.sandbox.stop_daemon()
        self.sandbox.start_daemon(env={'LD_PRELOAD': os.path.join(kt.BUILD, 'tests', 'integration', 'slept-preload.so'),
                                       'KEYFOB_TEST_SLEPT': slept})
        blob = self.added('an hour', 'ed25519', '-t', '3600')
        self.added('a day', 'ed25519', '-t', '86400')
        self.added('always')
        self.assertEqual(self.tools.listed(), ['an hour', 'a day', 'always'])
        os.truncate(slept, 28800)
        self.assertEqual(self.tools.listed(), ['a day', 'always'])
        with self.tools.client() as client:
            self.assertIsNone(client.sign(blob))
        day = kb.plain(self.bus('ListKeys', 'a{sv}', {})[0])[0]
        self.assertIn(day['lifetime'], range(57000, 57601))


class Refused(AgentTest):
    def test_foreign_code_is_never_loaded(self):
        library = string('/usr/lib/x86_64-linux-gnu/libc.so.6')
        with self.tools.client() as client:
            for kind in (ssh_client.ADD_CARD, ssh_client.ADD_CARD_CONSTRAINED, ssh_client.REMOVE_CARD):
                self.assertFalse(client.succeeds(kind, library + string('1234')))
            blob = self.added()
            self.assertIsNotNone(client.sign(blob))  # and the connection goes on
        with open(f'/proc/{self.sandbox.daemon.pid}/comm', encoding='utf-8') as file:
            self.assertEqual(file.read().strip(), 'keyfobd')

    def test_security_keys_of_other_providers(self):
        body = (string('sk-ssh-ed25519@openssh.com') + string(bytes(32)) + string('ssh:') + b'\1' + string(b'handle') +
                string('') + string('comment'))

        def provider(name):
            return b'\xff' + string('sk-provider@openssh.com') + string(name)

        with self.tools.client() as client:
            self.assertTrue(client.succeeds(ssh_client.ADD_CONSTRAINED, body + provider('internal')))
            self.assertTrue(client.succeeds(ssh_client.REMOVE_ALL))
            for name in ('/usr/lib/libevil.so', '', 'internal.so'):
                self.assertFalse(client.succeeds(ssh_client.ADD_CONSTRAINED, body + provider(name)))
            self.assertEqual(client.keys(), [])

    def test_what_is_not_understood(self):
        path = self.tools.keygen('key')
        with self.tools.client() as client:
            for kind in (0, 1, 2, 200, 255):
                self.assertEqual(client.call(kind, b'body')[0], ssh_client.FAILURE)
            self.assertEqual(client.call(ssh_client.EXTENSION, string('unknown@example.org'))[0] in
                             (ssh_client.FAILURE, ssh_client.EXTENSION_FAILURE), True)
        self.tools.add('-q', path)
        self.assertSigns(path)

    def test_what_is_no_message_ends_the_connection(self):
        for start in (struct.pack('>I', 0), struct.pack('>I', 256 * 1024 + 1)):
            with self.tools.client() as client:
                client.socket.sendall(start)
                self.assertRaises((EOFError, ConnectionResetError), client.reply)


class Stored(AgentTest):
    def setUp(self):
        super().setUp()
        self.blob = self.added('stored')
        self.added('in-memory')
        self.keep('stored')

    def test_listed_while_locked_and_used_with_a_question(self):
        self.restart()
        self.assertEqual(self.tools.listed(), ['stored'])
        person = Person(self.sandbox)
        with self.tools.client() as client:
            client.send_sign(self.blob)
            question = person.question()
            self.assertEqual((question['kind'], question['purpose']), ('secret', 'unlock'))
            self.assertEqual(question['pid'], os.getpid())
            self.assertIn('stored', question['message'])
            person.answer(question, PASSWORD)
            self.assertIsNotNone(client.signature())
            self.assertIsNotNone(client.sign(self.blob))
        self.assertEqual(person.questions(), [])
        self.assertSigns(self.tools.file('stored'))

    def test_refused_while_locked(self):
        self.restart()
        person = Person(self.sandbox)
        with self.tools.client() as client:
            client.send_sign(self.blob)
            person.answer(person.question(), 'deny')
            self.assertIsNone(client.signature())
            self.assertEqual([comment for _, comment in client.keys()], ['stored'])

    def test_nobody_to_ask(self):
        self.restart()
        with self.tools.client() as client:
            self.assertIsNone(client.sign(self.blob))

    def test_the_question_goes_with_its_client(self):
        self.restart()
        person = Person(self.sandbox)
        client = ssh_client.Client(self.tools.path)
        client.send_sign(self.blob)
        question = person.question()
        client.close()
        person.gone(question)

    def test_locking_the_vault_takes_the_keys_away(self):
        self.assertSigns(self.tools.file('stored'))
        self.keyfob('lock')
        self.assertEqual(self.tools.listed(), ['stored', 'in-memory'])
        with self.tools.client() as client:
            self.assertIsNone(client.sign(self.blob))
        self.sandbox.unlock(PASSWORD)
        self.assertSigns(self.tools.file('stored'))

    def test_removed_by_a_client_and_restored(self):
        self.tools.add('-q', '-d', self.tools.file('stored'))
        self.restart()
        self.assertEqual(self.tools.listed(), [])
        self.sandbox.unlock(PASSWORD)
        deleted = kb.plain(self.bus('ListKeys', 'a{sv}', {'deleted': ('b', True)})[0])
        self.assertEqual([key['comment'] for key in deleted], ['stored'])
        self.bus('UndeleteKey', 'ta{sv}', deleted[0]['number'], {})
        self.assertEqual(self.tools.listed(), ['stored'])
        self.assertSigns(self.tools.file('stored'))
        with self.assertRaises(kb.BusError) as caught:
            self.bus('UndeleteKey', 'ta{sv}', deleted[0]['number'], {})
        self.assertEqual(caught.exception.name, 'org.keyfob.Error.NotFound')

    def test_rekeyed_and_checked(self):
        self.keyfob('rekey', '--password-file', self.sandbox.write('password', PASSWORD), code=None)
        self.keyfob('check')
        self.restart()
        self.assertEqual(self.tools.listed(), ['stored'])
        self.sandbox.unlock(PASSWORD)
        self.assertSigns(self.tools.file('stored'))

    def test_constraints_are_stored(self):
        path = self.tools.keygen('asked')
        self.tools.add('-q', '-c', path)
        self.keep('asked')
        self.restart()
        self.sandbox.unlock(PASSWORD)
        person = Person(self.sandbox)
        with self.tools.client() as client:
            client.send_sign(self.tools.public(path))
            question = person.question()
            self.assertEqual(question['purpose'], 'ssh-confirm')
            person.answer(question, 'allow')
            self.assertIsNotNone(client.signature())


class Kept(AgentTest):
    settings = '[ssh]\nkeep = yes\n'

    def test_what_is_added_is_stored(self):
        path = self.tools.keygen('key')
        self.tools.add('-q', path)
        self.tools.add('-q', '-t', '60', self.tools.keygen('short'))
        self.restart()
        self.assertEqual(self.tools.listed(), ['key'])
        self.sandbox.unlock(PASSWORD)
        self.assertSigns(path)
        self.assertTrue(kb.plain(self.bus('GetInfo')[0])['keep'])

    def test_while_locked_it_is_opened_first(self):
        self.keyfob('lock')
        person = Person(self.sandbox)
        process = self.sandbox.spawn(['ssh-add', '-q', self.tools.keygen('key')], env=self.tools.env)
        question = person.question()
        self.assertEqual(question['purpose'], 'unlock')
        person.answer(question, PASSWORD)
        self.assertEqual(process.wait(kt.TIMEOUT), 0)
        self.restart()
        self.assertEqual(self.tools.listed(), ['key'])


class NoAgent(AgentTest):
    settings = '[ssh]\nagent = no\n'

    def test_there_is_no_socket(self):
        self.assertFalse(os.path.exists(self.tools.path))
        self.assertEqual(kb.plain(self.bus('GetInfo')[0])['socket'], '')


class Passed(kt.KeyfobTest):
    """Sockets that a service manager made."""

    def start(self, sockets):
        program = self.sandbox.write('start', """import os, sys
program, names, *fds = sys.argv[1:]
for i, fd in enumerate(fds):
    os.dup2(int(fd), 3 + i)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS=str(len(fds)), LISTEN_FDNAMES=names)
os.execv(program, [program])
""")
        os.mkdir(os.path.join(self.sandbox.runtime, 'keyfob'), 0o700)
        fds = []
        for path, _ in sockets:
            listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            self.addCleanup(listening.close)
            listening.bind(path)
            listening.listen()
            fds.append(fcntl.fcntl(listening.fileno(), fcntl.F_DUPFD, 20))
        self.sandbox.daemon = self.sandbox.spawn(
            [sys.executable, program, self.sandbox.stage.keyfobd, ':'.join(name for _, name in sockets), *map(str, fds)],
            pass_fds=fds)
        for fd in fds:
            os.close(fd)

    def check(self, path):
        tools = ssh_client.Tools(self.sandbox)
        tools.path = tools.env['SSH_AUTH_SOCK'] = path
        key = tools.keygen('key')
        tools.add('-q', key)
        tools.add('-T', key + '.pub')
        self.keyfob('init', '--kind', 'none')
        self.sandbox.stop_daemon()
        self.assertTrue(os.path.exists(path))  # it is the manager's

    def place(self, name):
        return os.path.join(self.sandbox.runtime, 'keyfob', name)

    def test_both(self):
        self.start([(self.place('ssh'), 'keyfob-ssh.socket'), (self.place('bus'), 'keyfobd.socket')])
        self.check(self.place('ssh'))

    def test_only_this_one_by_its_name(self):
        path = os.path.join(self.sandbox.runtime, 'elsewhere')
        self.start([(path, 'ssh')])
        self.check(path)


class Questions(AgentTest):
    def setUp(self):
        super().setUp()
        self.person = Person(self.sandbox)

    def fingerprint(self, name):
        return self.sandbox.run(['ssh-keygen', '-l', '-f', self.tools.file(name)]).stdout.decode().split()[1]

    def test_confirmation(self):
        blob = self.added('my key', 'ed25519', '-c')
        with self.tools.client() as client:
            client.send_sign(blob)
            question = self.person.question()
            self.assertEqual((question['kind'], question['purpose']), ('confirm', 'ssh-confirm'))
            self.assertEqual(question['pid'], os.getpid())
            self.assertEqual(question['door'], 'ssh')
            message = question['message']
            for text in (f'(process {os.getpid()})', '"my key"', self.fingerprint('my key')):
                self.assertIn(text, message)
            self.assertIn(f'"{question["program"]}"', message)
            self.person.answer(question, 'allow')
            self.assertIsNotNone(client.signature())
            client.send_sign(blob)
            self.person.answer(self.person.question(), 'deny')
            self.assertIsNone(client.signature())

    def test_a_comment_cannot_speak_for_us(self):
        path = self.tools.keygen('key')
        self.sandbox.run(['ssh-keygen', '-q', '-c', '-C', 'x". Allow it "now\x1b[1m', '-f', path])
        self.tools.add('-q', '-c', path)
        with self.tools.client() as client:
            client.send_sign(self.tools.public(path))
            question = self.person.question()
            self.assertNotIn('\x1b', question['message'])
            self.assertNotIn('x". Allow', question['message'])
            self.person.answer(question, 'deny')
            client.reply()

    def test_other_clients_go_on(self):
        blob, free = self.added('asked', 'ed25519', '-c'), self.added('free')
        with self.tools.client() as first, self.tools.client() as second:
            first.send_sign(blob)
            question = self.person.question()
            self.assertIsNotNone(second.sign(free))
            self.person.answer(question, 'allow')
            self.assertIsNotNone(first.signature())

    def test_policy_confirm(self):
        blob = self.added('key')
        self.keep('key')
        self.policy('key', confirm=('b', True))
        with self.tools.client() as client:
            client.send_sign(blob)
            question = self.person.question()
            self.assertEqual(question['purpose'], 'ssh-confirm')
            self.person.answer(question, 'allow')
            self.assertIsNotNone(client.signature())

    def test_policy_verify_takes_no_confirmation(self):
        blob = self.added('key')
        self.keep('key')
        self.policy('key', verify=('b', True))
        with self.tools.client() as client:
            for answer, right in (('allow', False), (PASSWORD, True)):
                client.send_sign(blob)
                question = self.person.question()
                self.assertEqual((question['kind'], question['purpose']), ('secret', 'user-verification'))
                self.assertIn('"key"', question['message'])
                self.person.answer(question, answer)
                if not right:  # it is asked again, which is refused
                    self.person.answer(self.person.question(), 'deny')
                    self.assertIsNone(client.signature())
                else:
                    self.assertIsNotNone(client.signature())
            client.send_sign(blob)  # each time anew
            self.person.answer(self.person.question(), 'deny')
            self.assertIsNone(client.signature())

    def test_verification_is_not_what_opens_by_itself(self):
        other = kt.Sandbox()
        self.addCleanup(other.close)
        other.use_pinentry(None)
        other.start_daemon()
        other.init(None)
        tools = ssh_client.Tools(other)
        path = tools.keygen('key')
        tools.add('-q', path)
        with kb.Client(other.socket) as client:
            client.call(SSH, 'KeepKey', 'sa{sv}', 'key', {})
            client.call(SSH, 'SetPolicy', 'sa{sv}', 'key', {'verify': ('b', True)})
        person = Person(other, always='allow')
        with tools.client() as client:
            self.assertIsNone(client.sign(tools.public(path)))
        self.assertEqual(person.questions(), [])

    def test_policy_programs(self):
        path = self.tools.keygen('key')
        self.tools.add('-q', path)
        self.keep('key')
        self.policy('key', programs=('as', ['/usr/bin/ssh-add']))
        self.assertSigns(path)  # which ssh-add does
        with self.tools.client() as client:
            self.assertIsNone(client.sign(self.tools.public(path)))
        self.policy('key', programs=('as', ['/usr/bin/ssh']), auth=('ay', PASSWORD.encode()))
        self.tools.add('-T', path + '.pub', code=1)

    def test_policy_apps(self):
        """An app in a sandbox goes by its name: whatever it runs may lie where it likes."""
        if not flatpak.possible():
            self.skipTest('needs namespaces of users and mounts')
        path = self.tools.keygen('key')
        self.tools.add('-q', path)
        self.keep('key')

        def app_signs():
            argv = flatpak.command(os.path.join(self.sandbox.home, 'root'), 'org.example.Editor', ['/usr/bin/ssh-add', '-T', path + '.pub'])
            return self.sandbox.run(argv, env=self.tools.env, code=None).returncode == 0

        self.assertTrue(app_signs())
        self.policy('key', programs=('as', ['/usr/bin/ssh-add']))
        self.assertSigns(path)
        self.assertFalse(app_signs())
        self.policy('key', programs=('as', ['flatpak:org.example.Other']), auth=('ay', PASSWORD.encode()))
        self.assertFalse(app_signs())
        self.policy('key', programs=('as', ['flatpak:org.example.Editor']), auth=('ay', PASSWORD.encode()))
        self.assertTrue(app_signs())
        self.tools.add('-T', path + '.pub', code=1)

    def test_a_question_for_each_of_few(self):
        """One program can't fill the person's screen: what is more than a few is refused."""
        blob = self.added('key', 'ed25519', '-c')
        clients = [ssh_client.Client(self.tools.path) for _ in range(12)]
        for client in clients:
            self.addCleanup(client.close)
            client.send_sign(blob)
        answered = wait_for(lambda: (ready := select.select(clients, [], [], 1)[0]) and len(ready) == 4 and ready, 'refusals')
        self.assertEqual([client.signature() for client in answered], [None] * 4)
        self.assertEqual(len(select.select(clients, [], [], 0.5)[0]), 0)


class Loosened(AgentTest):
    def setUp(self):
        super().setUp()
        self.added('key')
        self.keep('key')

    def error(self, key='key', **options):
        with self.assertRaises(kb.BusError) as caught:
            self.policy(key, **options)
        return caught.exception.name.rsplit('.', 1)[1]

    def test_stricter_is_free_and_looser_is_not(self):
        self.policy('key', confirm=('b', True), programs=('as', ['/usr/bin/ssh', '/usr/bin/git']))
        self.policy('key', programs=('as', ['/usr/bin/ssh']))
        self.assertEqual(self.error(confirm=('b', False)), 'NoPrompter')
        self.assertEqual(self.error(programs=('as', [])), 'NoPrompter')
        self.assertEqual(self.error(programs=('as', ['/usr/bin/ssh', '/bin/sh'])), 'NoPrompter')
        self.assertEqual(self.error(confirm=('b', False), auth=('ay', b'wrong')), 'WrongSecret')
        self.assertEqual(self.error(verify=('b', True), auth=('ay', b'wrong')), 'WrongSecret')
        listed = kb.plain(self.bus('ListKeys', 'a{sv}', {})[0])[0]
        self.assertEqual((listed['policy-confirm'], listed['policy-verify'], listed['programs']), (True, False, ['/usr/bin/ssh']))
        self.policy('key', confirm=('b', False), programs=('as', []), auth=('ay', PASSWORD.encode()))
        listed = kb.plain(self.bus('ListKeys', 'a{sv}', {})[0])[0]
        self.assertEqual((listed['policy-confirm'], listed['programs']), (False, []))

    def test_the_person_proves_it(self):
        self.policy('key', verify=('b', True))
        person = Person(self.sandbox, always=PASSWORD)
        self.policy('key', verify=('b', False))
        self.assertEqual(person.questions()[0]['purpose'], 'verify')

    def test_hosts(self):
        host = self.tools.public(self.tools.keygen('host'))
        other = self.tools.public(self.tools.keygen('other'))
        self.policy('key', hosts=('a(say)', [('example.org', host)]))
        self.assertEqual(self.error(hosts=('a(say)', [('example.org', host), ('other', other)])), 'NoPrompter')
        self.assertEqual(self.error(hosts=('a(say)', [('example.org', b'no key')])), 'NoPrompter')
        self.assertEqual(kb.plain(self.bus('ListKeys', 'a{sv}', {})[0])[0]['hosts'], ['example.org'])
        blob = self.tools.public(self.tools.file('key'))
        with self.tools.client() as client:
            self.assertIsNone(client.sign(blob))  # bound to no host

    def test_what_is_no_option(self):
        self.assertEqual(self.error(confirmed=('b', True)), 'InvalidArgument')
        self.assertEqual(self.error(confirm=('s', 'yes')), 'InvalidArgument')
        for program in ('ssh', 'flatpak:', 'snap', 'a.service'):
            self.assertEqual(self.error(programs=('as', [program])), 'InvalidArgument')
        self.assertEqual(self.error(hosts=('a(say)', [('example.org', b'no key')])), 'InvalidArgument')
        self.assertEqual(self.error('nobody', confirm=('b', True)), 'NotFound')


if __name__ == '__main__':
    kt.main()
