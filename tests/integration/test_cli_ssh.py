#!/usr/bin/python3
"""keyfob ssh: keys made, listed, kept, removed, brought back, and who may use one; beside ssh-add and ssh-keygen."""
import base64
import json
import os
import signal

import fido_bridge
import keyfob_test as kt
import person
import ssh_client

PASSWORD = 'pass word'


class SshTest(kt.KeyfobTest):
    def setUp(self):
        for program in ('ssh', 'ssh-add', 'ssh-keygen'):
            if not fido_bridge.find(program):
                self.skipTest(f'{program} is not installed')
        super().setUp()
        self.sandbox.use_pinentry(None)
        self.start_daemon()
        self.sandbox.init(PASSWORD)
        self.password = os.path.join(self.sandbox.root, 'password')
        self.sandbox.env['SSH_AUTH_SOCK'] = os.path.join(self.sandbox.runtime, 'keyfob', 'ssh')

    def start_daemon(self):
        self.sandbox.start_daemon()

    def ssh(self, *args, **options):
        return self.keyfob('ssh', *args, **options)

    def add(self, *args):
        """The public line of a new key."""
        made = self.ssh('add', *args)
        self.assertEqual(made.stdout.count(b'\n'), 1)
        self.assertEqual(made.stderr, b'')
        return made.stdout.decode().rstrip('\n')

    def listed(self, *args):
        return json.loads(self.ssh('list', '--json', *args).stdout)

    def fingerprint(self, line):
        return self.sandbox.run(['ssh-keygen', '-l', '-f', self.sandbox.write('line.pub', line + '\n')]).stdout.decode().split()

    def agent(self, *args, **options):
        return self.sandbox.run(['ssh-add', *args], **options)

    def file_key(self, name, kind='ed25519'):
        """A key in a file; returns its path."""
        path = os.path.join(self.sandbox.root, name)
        self.sandbox.run(['ssh-keygen', '-q', '-t', kind, '-N', '', '-C', name, '-f', path])
        return path

    def line(self, path):
        with open(path + '.pub', encoding='utf-8') as file:
            return file.read().rstrip('\n')


class Keys(SshTest):
    def test_new_keys(self):
        for args, kind, bits in (([], 'ssh-ed25519', '256'), (['--type', 'ecdsa'], 'ecdsa-sha2-nistp256', '256'),
                                 (['--type', 'ecdsa', '--bits', '384'], 'ecdsa-sha2-nistp384', '384'),
                                 (['--type', 'rsa', '--bits', '2048'], 'ssh-rsa', '2048')):
            with self.subTest(kind):
                line = self.add(*args, '--comment', 'a key')
                self.assertTrue(line.startswith(kind + ' '))
                self.assertTrue(line.endswith(' a key'))
                found = self.fingerprint(line)
                self.assertEqual(found[0], bits)
                self.assertIn(found[1], self.agent('-l').stdout.decode())
                self.assertEqual(self.ssh('list', '-L').stdout, self.agent('-L').stdout)
                key = self.listed()[-1]
                self.assertEqual((key['type'], key['line'], key['fingerprint'], key['bits']), (kind, line, found[1], int(bits)))
                self.assertTrue(key['stored'])
                # and it signs
                self.agent('-T', os.path.join(self.sandbox.root, 'line.pub'))

    def test_comment_by_default(self):
        self.assertRegex(self.add().split(' ', 2)[2], r'^[^ @]+@[^ @]+$')

    def test_wrong_usage(self):
        for args in (['--type', 'dsa'], ['--resident'], ['--device', 'keyfob'], ['--type', 'ed25519-sk', '--bits', '256'],
                     ['--type', 'ed25519-sk', '--application', 'https:'], ['--bits', 'many'], ['operand'],
                     ['--type', 'rsa', '--bits', '512']):
            with self.subTest(args):
                self.assertOneLine(self.ssh('add', *args, code=2).stderr)
        self.assertEqual(self.listed(), [])
        for args in (['keep'], ['remove'], ['remove', 'a', '--all'], ['policy'], ['undelete', 'x'], ['list', '-L', '--json'], ['copy-id'],
                     ['setup', 'x'], ['nothing']):
            with self.subTest(args):
                self.assertOneLine(self.ssh(*args, code=2).stderr)

    def test_key_of_a_program(self):
        path = self.file_key('laptop')
        self.agent('-q', '-c', '-t', '7300', path)
        key, = self.listed()
        self.assertEqual((key['stored'], key['confirm'], key['comment']), (False, True, 'laptop'))
        self.assertIn(key['lifetime'], range(7200, 7301))
        self.assertRegex(self.ssh('list').stdout.decode(), r'memory +laptop +confirm, 2 hours left\n')
        self.assertOneLine(self.ssh('policy', 'laptop', code=8).stderr, 'keyfob ssh keep')
        self.agent('-q', '-D')
        self.agent('-q', path)
        self.ssh('keep', 'laptop')
        self.assertTrue(self.listed()[0]['stored'])
        self.sandbox.stop_daemon()
        self.sandbox.start_daemon()
        self.assertIn('laptop', self.ssh('list').stdout.decode())
        self.assertEqual(self.ssh('list', '-L').stdout.decode().rstrip('\n'), self.line(path))

    def test_which_key(self):
        line, other = self.add('--comment', 'same'), self.add('--comment', 'same')
        fingerprint = self.fingerprint(line)[1]
        refused = self.ssh('policy', 'same', code=2).stderr
        self.assertOneLine(refused, fingerprint, self.fingerprint(other)[1])
        self.assertOneLine(self.ssh('policy', 'nobody', code=1).stderr, 'keyfob ssh list')
        for which in (fingerprint, line, line.split()[1], ' '.join(line.split()[:2])):
            with self.subTest(which):
                self.assertEqual(json.loads(self.ssh('policy', which, '--json').stdout)['line'], line)

    def test_removed_and_brought_back(self):
        line = self.add('--comment', 'stored')
        self.agent('-q', self.file_key('memory'))
        self.assertIn(b'keyfob ssh undelete', self.ssh('remove', 'stored').stdout)
        self.assertNotIn(b'undelete', self.ssh('remove', 'memory').stdout)
        self.assertEqual(self.listed(), [])
        self.assertEqual(self.ssh('list').stdout, b'')
        deleted, = self.listed('--deleted')
        self.assertEqual(deleted['line'], line)
        self.assertIn(b'stored', self.ssh('undelete').stdout)
        self.assertOneLine(self.ssh('undelete', '987654321', code=1).stderr, '--deleted')
        self.ssh('undelete', str(deleted['number']))
        self.assertEqual(self.listed()[0]['line'], line)
        self.assertEqual(self.listed('--deleted'), [])

    def test_several_removed(self):
        for name in 'abcd':
            self.add('--comment', name)
        self.assertOneLine(self.ssh('remove', 'a', 'nobody', 'b', code=1).stderr, 'nobody')
        self.assertEqual([key['comment'] for key in self.listed()], ['c', 'd'])
        self.ssh('remove', '--all')
        self.assertEqual(self.listed(), [])
        self.assertEqual(len(self.listed('--deleted')), 4)

    def test_locked_and_nobody_to_ask(self):
        line = self.add('--comment', 'key')
        self.keyfob('lock')
        self.assertEqual(self.ssh('list', '-L').stdout.decode().rstrip('\n'), line)
        self.assertNotIn('policy', self.listed()[0])
        for args in (['add'], ['policy', 'key'], ['remove', 'key'], ['policy', 'key', '--confirm', 'yes']):
            with self.subTest(args):
                self.assertOneLine(self.ssh(*args, code=3).stderr, 'locked', 'keyfob unlock')
        # what opens the vault does so here, too
        self.ssh('policy', 'key', '--confirm', 'yes', '--password-file', self.password)
        self.keyfob('lock')
        person.Person(self.sandbox, always=PASSWORD)
        self.ssh('policy', 'key', '--confirm', 'no')
        self.assertFalse(self.listed()[0]['policy']['confirm'])

    def test_no_daemon_can_be_reached(self):
        self.assertOneLine(self.ssh('list', env={'XDG_RUNTIME_DIR': '/' + 'x' * 200}, code=5).stderr)


class Policy(SshTest):
    def known(self, *entries):
        """ssh itself, with a configuration and known hosts of the sandbox: its own are where the user database says."""
        self.sandbox.write('known_hosts', ''.join(entry + '\n' for entry in entries))
        config = self.sandbox.write('ssh_config', f'''Host alias
  HostName real.example
  Port 2222
Host *
  UserKnownHostsFile {self.sandbox.root}/known_hosts
  GlobalKnownHostsFile none
''')
        self.sandbox.write('bin/ssh', f'#!/bin/sh\nexec {fido_bridge.find("ssh")} -F {config} "$@"\n', mode=0o755)

    def policy(self, which='key'):
        return json.loads(self.ssh('policy', which, '--json').stdout)['policy']

    def loosen(self, *args, **options):
        return self.ssh('policy', 'key', *args, '--password-file', self.password, **options)

    def test_shown_and_changed(self):
        self.add('--comment', 'key', '--confirm')
        self.assertEqual(self.policy(), {'confirm': True, 'verify': False, 'hosts': [], 'programs': []})
        self.assertRegex(self.ssh('policy', 'key').stdout.decode(), r'confirm +yes\nverify +no\nhosts +any\nprograms +any\n$')
        self.ssh('policy', 'key', '--verify', 'yes')
        self.loosen('--confirm', 'no')
        self.assertEqual(self.policy(), {'confirm': False, 'verify': True, 'hosts': [], 'programs': []})
        self.ssh('policy', 'key', '--comment', 'another name')
        self.assertTrue(self.policy('another name')['verify'])
        self.assertOneLine(self.ssh('policy', 'another name', '--confirm', 'perhaps', code=2).stderr, 'yes or no')
        # all that is wanted, or nothing
        self.assertOneLine(self.ssh('policy', 'another name', '--confirm', 'yes', '--comment', 'c' * 1025, code=2).stderr, '1024')
        self.assertFalse(self.policy('another name')['confirm'])

    def test_loosening_wants_a_password(self):
        self.add('--comment', 'key', '--confirm', '--verify')
        self.assertOneLine(self.ssh('policy', 'key', '--verify', 'no', code=3).stderr, '--password-file')
        wrong = self.sandbox.write('wrong', 'not it')
        self.assertOneLine(self.ssh('policy', 'key', '--verify', 'no', '--password-file', wrong, code=6).stderr)
        self.assertTrue(self.policy()['verify'])
        somebody = person.Person(self.sandbox, always='deny')
        self.assertOneLine(self.ssh('policy', 'key', '--verify', 'no', code=4).stderr)
        somebody.always(PASSWORD)
        self.ssh('policy', 'key', '--verify', 'no')
        self.assertFalse(self.policy()['verify'])

    def test_programs(self):
        self.add('--comment', 'key', '--programs', 'ssh')
        ssh = os.path.realpath(fido_bridge.find('ssh'))
        self.assertEqual(self.policy()['programs'], [ssh])
        self.loosen('--programs', f'ssh,{fido_bridge.find("ssh-add")}')
        self.assertEqual(self.policy()['programs'], [ssh, os.path.realpath(fido_bridge.find('ssh-add'))])
        self.loosen('--programs', 'ssh,flatpak:org.example.Editor,snap:editor')
        self.assertEqual(self.policy()['programs'], [ssh, 'flatpak:org.example.Editor', 'snap:editor'])
        self.loosen('--programs', 'any')
        self.assertEqual(self.policy()['programs'], [])
        self.assertOneLine(self.ssh('policy', 'key', '--programs', 'no-such-program', code=1).stderr, 'no-such-program')

    def test_hosts(self):
        one, two = (self.line(self.file_key(name)) for name in ('one', 'two'))
        self.known('one.example ' + one, 'one.example ' + two, '[real.example]:2222 ' + two)
        self.sandbox.run(['ssh-keygen', '-q', '-H', '-f', os.path.join(self.sandbox.root, 'known_hosts')])
        self.add('--comment', 'key', '--hosts', 'one.example')
        self.assertEqual(self.policy()['hosts'], ['one.example'])
        self.loosen('--hosts', 'one.example,alias,one.example')
        self.assertEqual(self.policy()['hosts'], ['one.example', 'alias'])
        self.assertIn(b'hosts one.example alias', self.ssh('list').stdout)
        self.loosen('--hosts', 'any')
        self.assertEqual(self.policy()['hosts'], [])

    def test_hosts_with_keys_of_the_past(self):
        """They are in many people's files, and are none that an agent could tell a host by."""
        numbers = b''.join(ssh_client.string(part) for part in (b'ssh-dss', b'\0' + b'\xff' * 128, b'\x7f' * 20, b'\2', b'\3'))
        self.known('old.example ssh-dss ' + base64.b64encode(numbers).decode(), 'old.example ' + self.line(self.file_key('one')))
        self.add('--comment', 'key', '--hosts', 'old.example')
        self.assertEqual(self.policy()['hosts'], ['old.example'])

    def test_who_wants_to_hear_of_no_child(self):
        """Such a program starts keyfob, which has to hear of ssh's."""
        self.known('one.example ' + self.line(self.file_key('one')))
        self.add('--comment', 'key')
        self.sandbox.run(['/usr/bin/env', '--ignore-signal=CHLD', self.sandbox.stage.keyfob, 'ssh', 'policy', 'key', '--hosts', 'one.example'])
        self.assertEqual(self.policy()['hosts'], ['one.example'])

    def test_unknown_hosts(self):
        self.known('@cert-authority *.ca.example ' + self.line(self.file_key('ca')))
        self.add('--comment', 'key')
        self.assertOneLine(self.ssh('policy', 'key', '--hosts', 'unknown.example', code=1).stderr, 'unknown.example', 'ssh-keyscan')
        self.assertOneLine(self.ssh('policy', 'key', '--hosts', 'a.ca.example', code=1).stderr, 'authority')
        self.assertOneLine(self.ssh('add', '--hosts', 'alias', code=1).stderr, '[real.example]:2222')
        self.assertOneLine(self.ssh('policy', 'key', '--hosts', '-oProxyCommand=x', code=2).stderr)
        self.assertOneLine(self.ssh('policy', 'key', '--hosts', ',', code=2).stderr)
        self.sandbox.write('bin/ssh-keygen', '#!/bin/sh\nkill -KILL $$\n', mode=0o755)
        self.assertOneLine(self.ssh('policy', 'key', '--hosts', 'unknown.example', code=8).stderr, 'ssh-keygen')
        self.assertEqual(self.policy()['hosts'], [])
        self.assertEqual(len(self.listed()), 1)


class OnSecurityKey(SshTest):
    def setUp(self):
        super().setUp()
        self.person = person.Person(self.sandbox, always='allow')

    def test_keys_of_our_own(self):
        for kind, name in (('ed25519-sk', 'sk-ssh-ed25519@openssh.com'), ('ecdsa-sk', 'sk-ecdsa-sha2-nistp256@openssh.com')):
            with self.subTest(kind):
                line = self.add('--type', kind, '--comment', kind)
                self.assertTrue(line.startswith(name + ' '))
                self.assertIn(base64.b64encode(b'\0\0\0\4ssh:').decode().rstrip('=')[:4], line)
                key = self.listed()[-1]
                self.assertEqual((key['application'], key['sk_flags'] & 1, key['stored']), ('ssh:', 1, True))
                self.sandbox.write('sk.pub', line + '\n')
                self.agent('-T', os.path.join(self.sandbox.root, 'sk.pub'))

    def test_resident_with_a_name(self):
        self.add('--type', 'ed25519-sk', '--application', 'ssh:work', '--user', 'alice', '--resident', '--comment', 'work')
        self.assertIn(b'for ssh:work', self.ssh('list').stdout)
        site, = json.loads(self.keyfob('passkey', 'list', '--json').stdout)
        self.assertEqual((site['rp_id'], site['discoverable']), ('ssh:work', True))

    def test_a_resident_key_keeps_its_place(self):
        """A security key has one for each application and user: a new one would overwrite it."""
        made = ['--type', 'ed25519-sk', '--resident', '--comment', 'sk']
        line = self.add(*made)
        for again in (made, ['--type', 'ecdsa-sk', '--resident'], [*made, '--user', '']):
            self.assertOneLine(self.ssh('add', *again, code=8).stderr, 'already', 'keyfob passkey delete')
        self.assertEqual([key['line'] for key in self.listed()], [line])
        self.sandbox.write('sk.pub', line + '\n')
        self.agent('-T', os.path.join(self.sandbox.root, 'sk.pub'))
        passkey, = json.loads(self.keyfob('passkey', 'list', '--json').stdout)
        for other in ([*made, '--user', 'bob'], [*made, '--application', 'ssh:work'], ['--type', 'ed25519-sk']):
            self.add(*other)
        self.keyfob('passkey', 'delete', passkey['id'])
        self.add(*made)

    def test_refused(self):
        self.person.always('deny')
        self.assertOneLine(self.ssh('add', '--type', 'ed25519-sk', code=4).stderr)
        self.assertEqual(self.listed(), [])

    def test_nobody_to_ask_for_the_pin(self):
        """The vault is open: it is not the lock that wants something."""
        self.keyfob('authenticator', 'pin', 'set', '--pin-file', self.sandbox.write('pin', '24681357'))
        kt.end_process(self.person.process)
        person.wait_for(lambda: 'prompt agent has left' in self.sandbox.read_log(), 'the agent to leave')
        for option in (['--verify-required'], ['--resident'], ['--resident', '--device', 'keyfob']):
            refused = self.ssh('add', '--type', 'ed25519-sk', *option, code=3).stderr
            self.assertOneLine(refused, 'PIN', 'keyfob prompt-agent')
            self.assertNotIn(b'unlock', refused)
            self.assertNotIn(b'--pin-file', refused)

    def test_no_such_device(self):
        self.assertOneLine(self.ssh('add', '--type', 'ed25519-sk', '--device', '/dev/hidraw987', code=1).stderr)


@kt.not_sanitized
class OnAnotherKey(SshTest):
    """A second Keyfob plays another maker's key, reached by the first one's helper over the bridge."""

    PIN = '24681357'

    def start_daemon(self):
        fido_bridge.skip_unless_built()
        self.other = kt.Sandbox()
        self.addCleanup(self._leave_other)
        self.other.use_pinentry(None)
        self.other.start_daemon()
        self.other.init('pass word')
        self.person = person.Person(self.other, always='allow')
        self.sandbox.start_daemon(env={'LD_PRELOAD': fido_bridge.preload(),
                                       'KEYFOB_CTAP_SOCKET': os.path.join(self.other.runtime, 'keyfob', 'ctap')})

    def _leave_other(self):
        self.other.close()
        self.other.check_sanitizers()

    def made(self, *args, **options):
        return self.ssh('add', '--type', 'ed25519-sk', '--device', 'security key', *args, **options)

    def test_touched(self):
        made = self.made('--comment', 'theirs')
        self.assertTrue(made.stdout.startswith(b'sk-ssh-ed25519@openssh.com '))
        self.sandbox.write('sk.pub', made.stdout)
        self.agent('-T', os.path.join(self.sandbox.root, 'sk.pub'))
        site, = json.loads(self.other.keyfob('passkey', 'list', '--json').stdout)
        self.assertEqual((site['rp_id'], site['discoverable']), ('ssh:', False))

    def test_a_key_that_does_not_answer(self):
        """Which is not one that has another credential."""
        self.sandbox.write('sk.pub', self.made().stdout)
        self.other.daemon.send_signal(signal.SIGSTOP)
        self.addCleanup(self.other.daemon.send_signal, signal.SIGCONT)
        self.agent('-T', os.path.join(self.sandbox.root, 'sk.pub'), code=1)
        log = self.sandbox.read_log()
        self.assertIn('a security key did not sign for ssh: ', log)
        self.assertNotIn('has this key', log)

    def test_pulled_out(self):
        self.sandbox.write('sk.pub', self.made().stdout)
        self.other.stop_daemon()
        self.agent('-T', os.path.join(self.sandbox.root, 'sk.pub'), code=1)
        self.assertIn('a security key did not sign for ssh: no security key is plugged in', self.sandbox.read_log())

    def test_refused_at_the_key(self):
        """Which is told from a refusal here, as keyfob key does."""
        self.person.always('deny')
        self.assertOneLine(self.made(code=4).stderr, 'refused at the key')
        self.assertEqual(self.listed(), [])

    def test_with_a_pin(self):
        pin = self.sandbox.write('pin', self.PIN)
        self.keyfob('key', 'pin', 'set', '--pin-file', pin)
        verified = ['--resident', '--verify-required', '--user', 'alice']
        self.made('--comment', 'not verified')  # it wants a touch only
        self.ssh('remove', '--all')
        self.assertOneLine(self.made(*verified, code=3).stderr, '--pin-file')
        wrong = self.sandbox.write('wrong', '11111111')
        self.assertOneLine(self.made(*verified, '--pin-file', wrong, code=6).stderr, 'wrong PIN')
        self.made(*verified, '--pin-file', pin)
        self.assertEqual([key['sk_flags'] & 4 for key in self.listed()], [4])
        terminal = self.sandbox.terminal([self.sandbox.stage.keyfob, 'ssh', 'add', '--type', 'ecdsa-sk', '--verify-required',
                                          '--device', 'security key'])
        terminal.expect('PIN of your security key')
        person.wait_for(lambda: not terminal.echoes(), 'the terminal to hide what is typed')
        terminal.send(self.PIN + '\n')
        self.assertEqual(terminal.wait(), 0, terminal.output)
        self.assertIn(b'sk-ecdsa-sha2-nistp256@openssh.com ', terminal.output)

    def test_a_resident_key_keeps_its_place(self):
        pin = self.sandbox.write('pin', self.PIN)
        self.keyfob('key', 'pin', 'set', '--pin-file', pin)
        resident = ['--resident', '--pin-file', pin]
        self.sandbox.write('sk.pub', self.made(*resident, '--comment', 'theirs').stdout)
        for again in (resident, [*resident, '--verify-required']):
            self.assertOneLine(self.made(*again, code=8).stderr, 'already', 'keyfob key passkey delete')
        self.agent('-T', os.path.join(self.sandbox.root, 'sk.pub'))
        self.made(*resident, '--user', 'bob')
        self.assertEqual(len(json.loads(self.other.keyfob('passkey', 'list', '--json').stdout)), 2)
        self.assertEqual(len(self.listed()), 2)


if __name__ == '__main__':
    kt.main()
