#!/usr/bin/python3
"""Logins at real sshds through the agent: every kind of key, certificates, jumps, forwarding, and what the person is told."""
import base64
import os
import pwd
import socket
import time

import keyfob_bus as kb
import keyfob_test as kt
import ssh_client
from person import Person
from test_bridge_ssh import sshd_prefix
from test_ssh_agent import KINDS, PASSWORD, SSH

USER = pwd.getpwuid(os.getuid()).pw_name


class Logins(kt.KeyfobTest):
    """Two hosts on this machine: `jump`, and `target`, which is reached through it or by itself."""

    def setUp(self):
        super().setUp()
        self.prefix = sshd_prefix()
        if self.prefix is None:
            self.skipTest('sshd wants /run/sshd')
        self.sandbox.use_pinentry(None)
        self.sandbox.start_daemon()
        self.sandbox.init(PASSWORD)
        self.tools = ssh_client.Tools(self.sandbox)
        self.authority = self.tools.keygen('authority')
        self.authorized = self.sandbox.write('authorized', '')
        self.ports, known = {}, ''
        for name in ('jump', 'target'):
            self.ports[name] = self.serve(name)
            with open(self.tools.file(name + '.pub'), encoding='utf-8') as file:
                known += f'{name} {file.read()}'
        self.known = self.sandbox.write('known', known)
        hosts = ''.join(f'Host {name}\n HostName 127.0.0.1\n Port {port}\n HostKeyAlias {name}\n'
                        for name, port in self.ports.items())
        self.config = self.sandbox.write('ssh_config', f'''{hosts}Host *
 User {USER}
 UserKnownHostsFile {self.known}
 GlobalKnownHostsFile none
 IdentityFile none
 PreferredAuthentications publickey
 BatchMode yes
 ConnectTimeout 60
''')

    def serve(self, name):
        """Starts an sshd with a key of that name; returns its port."""
        self.tools.keygen(name)
        holder = kt.reserve_port()
        self.addCleanup(holder.close)
        port = holder.getsockname()[1]
        config = self.sandbox.write(f'{name}_config', f'''ListenAddress 127.0.0.1
Port {port}
HostKey {self.tools.file(name)}
AuthorizedKeysFile {self.authorized}
TrustedUserCAKeys {self.authority}.pub
StrictModes no
UsePAM no
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin yes
MaxAuthTries 20
PidFile none
LogLevel VERBOSE
''')
        self.sandbox.spawn([*self.prefix, '/usr/sbin/sshd', '-D', '-e', '-f', config])
        deadline = time.monotonic() + kt.TIMEOUT
        while True:
            with socket.socket() as probe:
                if probe.connect_ex(('127.0.0.1', port)) == 0:
                    return port
            self.assertLess(time.monotonic(), deadline, self.sandbox.read_log())
            time.sleep(0.05)

    def authorize(self, *paths):
        with open(self.authorized, 'a', encoding='utf-8') as to:
            for path in paths:
                with open(path + '.pub', encoding='utf-8') as file:
                    to.write(file.read())

    def key(self, name='key', kind='ed25519', *args, authorized=True):
        """A key that is in the agent and not in a file any more."""
        path = self.tools.keygen(name, kind)
        if authorized:
            self.authorize(path)
        self.tools.add('-q', *args, path)
        os.unlink(path)
        return path

    def ssh(self, *args, code=0):
        return self.sandbox.run(['ssh', '-F', self.config, *args], env=self.tools.env, code=code).stdout

    def log_in(self, *args, code=0):
        self.assertEqual(self.ssh(*args, 'echo in-$((40 + 2))', code=code), b'in-42\n' if code == 0 else b'')

    def policy(self, key, **options):
        with kb.Client(self.sandbox.socket) as client:
            client.call(SSH, 'KeepKey', 'sa{sv}', key, {})
            client.call(SSH, 'SetPolicy', 'sa{sv}', key, options)


class Kinds(Logins):
    def test_with_each_kind_of_key(self):
        for kind in KINDS:
            with self.subTest(kind):
                self.key(kind, kind)
                self.log_in('target')
                self.tools.add('-q', '-D')
        self.log_in('target', code=255)

    def test_with_certificates(self):
        for kind in KINDS:
            with self.subTest(kind):
                path = self.tools.keygen(kind, kind)
                self.tools.add('-q', path)
                self.log_in('target', code=255)  # the key alone is not let in
                self.tools.certify(self.authority, path, principals=USER)
                self.tools.add('-q', path)
                self.log_in('target')
                self.tools.add('-q', '-D')

    def test_with_a_stored_key_after_a_restart(self):
        self.key()
        with kb.Client(self.sandbox.socket) as client:
            client.call(SSH, 'KeepKey', 'sa{sv}', 'key', {})
        self.sandbox.stop_daemon()
        self.sandbox.start_daemon()
        self.log_in('target', code=255)  # nobody to ask
        person = Person(self.sandbox, always=PASSWORD)
        self.log_in('target')
        self.assertEqual([question['program'] for question in person.questions()], ['ssh'])


class Questions(Logins):
    def setUp(self):
        super().setUp()
        self.person = Person(self.sandbox, always='allow')

    def test_the_host_is_named_when_it_is_sure(self):
        self.key('my key', 'ed25519', '-c', '-H', self.known, '-h', 'target')
        self.log_in('target')
        question, = self.person.questions()
        self.assertEqual((question['purpose'], question['program'], question['user'], question['host']),
                         ('ssh-confirm', 'ssh', USER, 'target'))
        self.assertIn(f'The program "ssh" (process {question["pid"]}) wants to log in as "{USER}" to target with your key '
                      '"my key" (SHA256:', question['message'])

    def test_else_by_its_key(self):
        self.key('my key', 'ed25519', '-c')
        self.log_in('target')
        question, = self.person.questions()
        fingerprint = self.sandbox.run(['ssh-keygen', '-l', '-f', self.tools.file('target')]).stdout.decode().split()[1]
        self.assertEqual(question['host'], fingerprint)
        self.assertIn(f'to a host with the key {fingerprint}', question['message'])

    def test_refused(self):
        self.key('key', 'ed25519', '-c')
        self.person.always('deny')
        self.log_in('target', code=255)

    def test_through_whom_it_was_forwarded(self):
        self.key('my key', 'ed25519', '-c')
        self.assertEqual(self.ssh('-A', 'jump', f'ssh -F {self.config} target echo there'), b'there\n')
        first, second = self.person.questions()
        self.assertNotIn('forwarded', first['message'])
        self.assertIn(', forwarded through ', second['message'])


class Destinations(Logins):
    def test_one_host_only(self):
        self.key('key', 'ed25519', '-H', self.known, '-h', 'target')
        self.log_in('target')
        self.log_in('jump', code=255)

    def test_a_user_there_only(self):
        self.key('key', 'ed25519', '-H', self.known, '-h', 'nobody-else@target')
        self.log_in('target', code=255)

    def test_jumps(self):
        self.key('key', 'ed25519', '-H', self.known, '-h', 'jump', '-h', 'target')
        self.log_in('-J', 'jump', 'target')  # both connections are from here
        self.key('other', 'ed25519', '-H', self.known, '-h', 'target')
        self.tools.add('-q', '-d', self.tools.file('key.pub'))
        self.log_in('-J', 'jump', 'target', code=255)
        self.log_in('target')

    def forwarded(self, code=0):
        self.assertEqual(self.ssh('-A', 'jump', f'ssh -F {self.config} target echo there', code=code),
                         b'there\n' if code == 0 else b'')

    def test_forwarded_where_it_may_be(self):
        self.key('key', 'ed25519', '-H', self.known, '-h', 'jump', '-h', 'jump>target')
        self.forwarded()
        self.log_in('target', code=255)  # from here it may not

    def test_forwarded_after_a_restart(self):
        """Nobody has used the key here since then: where it may go is in its record."""
        self.key('key', 'ed25519', '-H', self.known, '-h', 'jump', '-h', 'jump>target')
        with kb.Client(self.sandbox.socket) as client:
            client.call(SSH, 'KeepKey', 'sa{sv}', 'key', {})
        self.sandbox.stop_daemon()
        self.sandbox.start_daemon()
        self.sandbox.unlock(PASSWORD)

        def only(name):
            return f'-i {self.tools.file(name)}.pub -o IdentitiesOnly=yes'

        self.key('entrance')
        shown = self.ssh('-A', *only('entrance').split(), 'jump', f'ssh -F {self.config} {only("key")} target echo there')
        self.assertEqual(shown, b'there\n')

    def test_a_host_with_a_key_of_the_past(self):
        numbers = b''.join(ssh_client.string(part) for part in (b'ssh-dss', b'\0' + b'\xff' * 128, b'\x7f' * 20, b'\2', b'\3'))
        with open(self.known, 'a', encoding='utf-8') as known:
            known.write(f'target ssh-dss {base64.b64encode(numbers).decode()}\n')
        self.key('key', 'ed25519', '-H', self.known, '-h', 'target')
        self.log_in('target')
        self.log_in('jump', code=255)

    def test_forwarded_where_it_may_not_be(self):
        self.key('key', 'ed25519', '-H', self.known, '-h', 'jump', '-h', 'target')
        self.log_in('target')
        self.forwarded(code=255)
        self.assertEqual(self.ssh('-A', 'jump', 'ssh-add -l', code=1), b'The agent has no identities.\n')

    def test_without_constraints_it_goes_on(self):
        self.key()
        self.forwarded()

    def test_adding_from_afar_stores_nothing_and_removes_nothing_stored(self):
        self.key('stored')
        self.policy('stored', confirm=('b', False))
        self.ssh('-A', 'jump', 'ssh-add -D', code=None)
        self.ssh('-A', 'jump', f'ssh-add -d {self.tools.file("stored.pub")}', code=None)
        self.assertIn('stored', self.tools.listed())

    def test_policy_of_hosts(self):
        self.key()
        self.policy('key', hosts=('a(say)', [('the target', self.tools.public(self.tools.file('target')))]))
        self.log_in('target')
        self.log_in('jump', code=255)
        self.key('entrance')
        self.forwarded()  # by the other key
        self.tools.add('-q', '-d', self.tools.file('entrance.pub'))
        self.log_in('target')

    def test_policy_of_programs(self):
        self.key()
        self.policy('key', programs=('as', ['/usr/bin/ssh']))
        self.log_in('target')
        with self.tools.client() as client:
            self.assertIsNone(client.sign(self.tools.public(self.tools.file('key'))))


if __name__ == '__main__':
    kt.main()
