#!/usr/bin/python3
"""keyfob pam: enrolment that writes nothing until it was tried, what status tells, and profiles for pam-auth-update."""
import base64
import hashlib
import os
import re
import shutil

import keyfob_test as kt
import pam_stack
from fido_bridge import PIN
from pam_stack import USER

LINE = re.compile(r'^[^:]+:[A-Za-z0-9+/=]+,[A-Za-z0-9+/]{86}==,es256,\+presence\+verification\n$')


class Cli(pam_stack.PamTest):
    def setUp(self):
        super().setUp()
        self.authfile = os.path.join(self.sandbox.config, 'Yubico', 'u2f_keys')
        self.set_pin()

    def enroll(self, *options, answer=PIN, code=0):
        """Keyfob's own: the daemon asks the person."""
        self.person.always(answer)
        return self.keyfob('pam', 'enroll', '--key', 'keyfob', '--origin', pam_stack.ORIGIN, *options, code=code)

    def test_a_line_that_logs_in(self):
        line = self.enroll().stdout.decode()
        self.assertRegex(line, LINE)
        self.service('keyfob', authfile=self.write_authfile(line))
        self.log_in(bridge=False)
        self.service(authfile=self.write_authfile(line))
        self.log_in(answers=[PIN])

    def test_the_way_back_is_part_of_it(self):
        self.assertIn(b'keyfob slot add --kind recovery', self.enroll().stderr)

    def test_the_way_back_is_offered(self):
        """On a terminal, when the vault has no code yet."""
        enroll = [self.sandbox.stage.keyfob, 'pam', 'enroll', '--key', 'keyfob', '--origin', pam_stack.ORIGIN, '--add', '--name']
        self.person.always(PIN)
        terminal = self.sandbox.terminal([*enroll, 'first'])
        terminal.expect('Make the code for the vault now')
        terminal.send('n\n')
        self.assertEqual(terminal.wait(), 0)
        self.assertNotIn('recovery', self.keyfob('slot', 'list').stdout.decode())

        terminal = self.sandbox.terminal([*enroll, 'second'])
        terminal.expect('Make the code for the vault now')
        terminal.send('y\n')
        terminal.expect('Password: ')
        terminal.send('pass word\n')
        terminal.expect('([0-9A-Z]{5}-){6}[0-9A-Z]{5}')
        self.assertEqual(terminal.wait(), 0)
        self.assertIn('recovery', self.keyfob('slot', 'list').stdout.decode())

        terminal = self.sandbox.terminal([*enroll, 'third'])
        self.assertEqual(terminal.wait(), 0)
        self.assertNotIn(b'Make the code', terminal.output)

    def test_as_pamu2fcfg_would(self):
        self.assertTrue(self.enroll('-n').stdout.startswith(b':'))
        self.assertTrue(self.enroll('-u', 'someone').stdout.startswith(b'someone:'))
        self.assertTrue(self.enroll('-r').stdout.startswith(f'{USER}:*,'.encode()))
        self.assertIn(b',es256,+verification', self.enroll('-P').stdout)

    def test_added_and_several(self):
        self.enroll('--add')
        with open(self.authfile, encoding='utf-8') as file:
            first = file.read()
        self.assertRegex(first, LINE)
        self.assertEqual(os.stat(self.authfile).st_mode & 0o777, 0o600)
        self.enroll('--add')
        with open(self.authfile, encoding='utf-8') as file:
            second = file.read()
        self.assertTrue(second.startswith(first.rstrip('\n') + ':'), second)
        self.assertEqual(os.listdir(os.path.dirname(self.authfile)), ['u2f_keys'])
        shown = self.keyfob('pam', 'status').stdout.decode().splitlines()
        self.assertEqual(len(shown), 2)
        self.assertIn('touch verification', shown[0])
        self.assertIn('does not open the vault', shown[0])

    def names(self):
        """What keyfob pam status shows between the quotes."""
        return re.findall(r'"(.*)"', self.keyfob('pam', 'status').stdout.decode())

    def lines(self):
        with open(self.authfile, encoding='utf-8') as file:
            return file.read().splitlines()

    def test_names(self):
        self.enroll('--add', '--name', 'the blue one')
        self.enroll('--add')
        self.enroll('--add', '--name', 'Schlüssel 3')
        line, = self.lines()
        self.assertEqual(len(line.split(':')), 4)
        self.assertNotIn('blue', line)
        shown = self.keyfob('pam', 'status').stdout.decode().splitlines()
        self.assertTrue(shown[0].startswith('1  "the blue one"  FIDO2  es256'), shown)
        self.assertTrue(shown[1].startswith('2  FIDO2'), shown)
        self.assertTrue(shown[2].startswith('3  "Schlüssel 3"  '), shown)
        names = self.authfile + '.names'
        self.assertEqual(os.stat(names).st_mode & 0o777, 0o600)
        with open(names, encoding='utf-8') as file:
            hashes = [text.split()[0] for text in file]
        keys = [base64.b64decode(part.split(',')[1]) for part in line.split(':')[1:]]
        self.assertEqual(hashes, [hashlib.sha256(keys[i]).hexdigest() for i in (0, 2)])
        # A person is told before anything is made that a name won't do.
        self.person.questions()
        self.assertOneLine(self.enroll('--add', '--name', 'the blue one', code=4).stderr, 'is called "the blue one" already')
        self.assertOneLine(self.enroll('--add', '--name', '7', code=2).stderr, 'not a number')
        self.assertOneLine(self.enroll('--add', '--name', 'x\n', code=2).stderr, 'name is text')
        self.assertOneLine(self.enroll('--name', 'x', code=2).stderr, '--add')
        self.assertEqual(self.person.questions(), [])
        self.assertEqual(self.lines(), [line])

    def test_renamed(self):
        self.enroll('--add')
        self.enroll('--add', '--name', 'red')
        self.keyfob('pam', 'rename', '1', 'blue')
        self.keyfob('pam', 'rename', 'red', 'dark red')
        self.assertEqual(self.names(), ['blue', 'dark red'])
        self.assertOneLine(self.keyfob('pam', 'rename', '1', 'dark red', code=4).stderr, 'already')
        self.assertOneLine(self.keyfob('pam', 'rename', 'green', 'x', code=1).stderr, '"green"')
        self.assertOneLine(self.keyfob('pam', 'rename', '3', 'x', code=1).stderr, '"3"')
        self.assertOneLine(self.keyfob('pam', 'rename', '1', code=2).stderr, 'NEWNAME')
        self.assertEqual(self.names(), ['blue', 'dark red'])

    def test_removed(self):
        for name in ('one', 'two', 'three'):
            self.enroll('--add', '--name', name)
        parts = self.lines()[0].split(':')
        with open(self.authfile, 'a', encoding='utf-8') as file:
            file.write('bob:x,y\n')
        self.keyfob('pam', 'remove', 'two')
        self.assertEqual(self.lines(), [':'.join((parts[0], parts[1], parts[3])), 'bob:x,y'])
        self.assertEqual(self.names(), ['one', 'three'])
        self.assertOneLine(self.keyfob('pam', 'remove', 'two', code=1).stderr, '"two"')
        self.keyfob('pam', 'remove', '1')
        self.assertEqual(self.lines(), [':'.join((parts[0], parts[3])), 'bob:x,y'])
        self.assertOneLine(self.keyfob('pam', 'remove', 'three', code=4).stderr, '--last')
        self.service('keyfob', authfile=self.authfile)
        self.person.always(PIN)
        self.log_in(bridge=False)
        self.keyfob('pam', 'remove', 'three', '--last')
        self.assertEqual(self.lines(), ['bob:x,y'])
        self.log_in(bridge=False, code=pam_stack.AUTHINFO_UNAVAIL)
        self.keyfob('pam', 'remove', 'three', code=1)
        self.assertEqual(sorted(os.listdir(os.path.dirname(self.authfile))), ['u2f_keys', 'u2f_keys.names'])

    def test_removed_while_nobody_knows_of_slots(self):
        """It logs in no more, and that it may open the vault is said."""
        self.enroll('--add', '--name', 'one')
        self.enroll('--add', '--name', 'two')
        place = os.path.dirname(self.sandbox.socket)
        os.chmod(place, 0o777)
        self.addCleanup(os.chmod, place, 0o700)
        said = self.keyfob('pam', 'remove', 'one', code=8).stderr.decode()
        self.assertIn('keyfob slot list', said)
        self.assertEqual(self.names(), ['two'])

    def test_names_that_are_lost_or_damaged(self):
        names = self.authfile + '.names'
        self.enroll('--add', '--name', 'one')
        self.enroll('--add', '--name', 'two')
        with open(names, 'rb') as file:
            good = file.read()
        self.service('keyfob', 'cue', authfile=self.authfile)
        self.person.always(PIN)
        for damage in (b'', b'\0\xff', good[:70], good[::-1], b'\n' * 200000):
            with open(names, 'wb') as file:
                file.write(damage)
            self.log_in(bridge=False)
            shown = self.keyfob('pam', 'status')
            self.assertEqual(len(shown.stdout.splitlines()), 2, damage[:80])
            self.assertNotIn(b'"two"', shown.stdout)
        self.assertIn(b'too large: remove it', shown.stderr)
        self.assertOneLine(self.keyfob('pam', 'rename', '1', 'x', code=8).stderr, 'remove it')
        # What is added is not lost by that, and its end says that the name is.
        self.assertIn(b'added to', self.enroll('--add', '--name', 'three', code=8).stderr)
        self.assertEqual(len(self.lines()[0].split(':')), 4)
        os.unlink(names)
        self.keyfob('pam', 'rename', '3', 'three')
        self.assertEqual(self.names(), ['three'])
        os.rename(names, names + '.away')
        os.symlink(names + '.away', names)
        self.assertEqual(self.names(), [])
        self.log_in(bridge=False)

    def test_pam_u2f_reads_the_same_file(self):
        module = pam_stack.find('security/pam_u2f.so')
        if not module:
            self.skipTest('pam_u2f is not installed')
        self.enroll('--add', '--pin', '--name', 'one')
        self.enroll('--add', '--pin', '--name', 'two')
        self.stack([f'auth required {module} authfile={self.authfile} origin={pam_stack.ORIGIN} authpending_file=',
                    'account required pam_permit.so'])
        self.log_in(answers=[PIN])
        self.keyfob('pam', 'remove', 'one')
        self.log_in(answers=[PIN])

    def test_a_resident_one_in_keyfob(self):
        self.enroll('--add', '--resident', '--name', 'one')
        self.enroll('--add', '--resident', '--name', 'two')
        shown = self.keyfob('pam', 'status').stdout.decode()
        self.assertIn('1  "one"  FIDO2 resident  es256', shown)
        self.keyfob('pam', 'remove', 'one')
        self.service('keyfob', authfile=self.authfile)
        self.person.always(PIN)
        self.log_in(bridge=False)
        self.service(authfile=self.authfile)
        self.log_in(answers=[PIN])

    def test_lines_of_others_stay(self):
        os.makedirs(os.path.dirname(self.authfile), 0o700)
        with open(self.authfile, 'w', encoding='utf-8') as file:
            file.write('bob:x,y')
        self.enroll('--add')
        with open(self.authfile, encoding='utf-8') as file:
            lines = file.read().split('\n')
        self.assertEqual(lines[0], 'bob:x,y')
        self.assertTrue(lines[1].startswith(USER + ':'))

    def test_nothing_is_written_when_refused(self):
        self.assertEqual(self.enroll('--add', answer='deny', code=4).stdout, b'')
        self.assertFalse(os.path.exists(self.authfile))

    def test_nothing_is_added_to_what_is_wrong(self):
        os.makedirs(os.path.dirname(self.authfile), 0o700)
        with open(self.authfile, 'w', encoding='utf-8') as file:
            file.write(f'{USER}:cut,off\n')
        self.enroll('--add', code=8)
        with open(self.authfile, encoding='utf-8') as file:
            self.assertEqual(file.read(), f'{USER}:cut,off\n')
        self.assertOneLine(self.keyfob('pam', 'status', code=8).stderr, 'cut off')

    @kt.not_sanitized
    def test_by_the_bridge_with_a_typed_pin(self):
        terminal = self.sandbox.terminal([self.sandbox.stage.keyfob, 'fido2', '--', self.sandbox.stage.keyfob, 'pam', 'enroll', '--add'])
        terminal.expect(r'PIN of the security key \(8 tries left\)')
        pam_stack.wait_for(lambda: not terminal.echoes(), 'the terminal to hide what is typed')
        terminal.send(f'{PIN}\n')
        terminal.expect('Make the code')
        terminal.send('n\n')
        self.assertEqual(terminal.wait(), 0, terminal.output)
        self.assertIn(b'added to', terminal.output)
        self.assertTrue(os.path.exists(self.authfile))

    @kt.not_sanitized
    def test_a_try_in_a_stack(self):
        line = self.enroll().stdout.decode()
        self.service('keyfob', authfile=self.write_authfile(line))
        env = {'LD_PRELOAD': pam_stack.find(pam_stack.WRAPPER), 'PAM_WRAPPER': '1', 'PAM_WRAPPER_SERVICE_DIR': self.services}
        with pam_stack.alone():
            self.assertIn(b'keyfob-test: Success', self.keyfob('pam', 'test', 'keyfob-test', env=env).stdout)
        self.person.always('deny')
        with pam_stack.alone():
            self.keyfob('pam', 'test', 'keyfob-test', env=env, code=4)


class WithoutKeys(kt.KeyfobTest):
    def setUp(self):
        pam_stack.skip_unless_built()
        super().setUp()

    def test_ends(self):
        for command in (('status', '--stacks', self.sandbox.root), ('remove', '1'), ('rename', '1', 'x')):
            self.assertOneLine(self.keyfob('pam', *command, code=1).stderr, 'keyfob pam enroll')
        self.assertFalse(os.path.exists(os.path.join(self.sandbox.config, 'Yubico')))
        self.assertOneLine(self.keyfob('pam', 'enroll', code=1, env={'KEYFOB_CTAP_SOCKET': '/none'}).stderr, 'no security key')
        self.assertOneLine(self.keyfob('pam', 'enroll', '--type', 'x', code=2).stderr, '--type')
        self.assertOneLine(self.keyfob('pam', 'test', code=2).stderr, 'SERVICE')
        if not os.path.exists('/usr/share/pam-configs/keyfob'):
            self.assertOneLine(self.keyfob('pam', 'enable', code=1).stderr, '/usr/share/pam-configs')
        self.assertOneLine(self.keyfob('pam', 'unknown', code=2).stderr, 'enroll')
        self.assertOneLine(self.keyfob('pam', '--unknown', code=2).stderr, 'unknown')

    def profiles(self):
        """The staged ones, wherever the architecture's folder is."""
        directory, name = self.sandbox.stage.libdir, os.path.join('share', 'pam-configs')
        while not os.path.isdir(os.path.join(directory, name)):
            self.assertNotEqual(directory, '/')
            directory = os.path.dirname(directory)
        return os.path.join(directory, name)

    def test_stacks_that_pam_auth_update_makes(self):
        program = shutil.which('pam-auth-update', path='/usr/sbin:/usr/bin')
        if not program or not os.path.exists('/usr/share/pam-configs/systemd'):
            self.skipTest('there is no pam-auth-update with a profile of systemd')
        root = os.path.join(self.sandbox.root, 'root')
        for directory in ('usr/share/pam-configs', 'etc/pam.d', 'var/lib/pam', 'usr/share/pam'):
            os.makedirs(os.path.join(root, directory))
        for path in ['/usr/share/pam-configs/unix', '/usr/share/pam-configs/systemd',
                     *(os.path.join(self.profiles(), name) for name in ('keyfob', 'keyfob-unlock'))]:
            shutil.copy(path, os.path.join(root, 'usr/share/pam-configs'))
        for kind in ('auth', 'account', 'password', 'session', 'session-noninteractive'):
            shutil.copy(f'/usr/share/pam/common-{kind}', os.path.join(root, 'etc/pam.d'))
        self.sandbox.run([program, '--root', root, '--force', '--package', '--enable', 'unix', 'systemd', 'keyfob', 'keyfob-unlock'],
                         env={'DEBIAN_FRONTEND': 'noninteractive', 'DEBCONF_DB_OVERRIDE': f'File{{{root}/debconf}}'})
        auth, session, password = (self.modules(root, kind) for kind in ('auth', 'session', 'password'))
        self.assertEqual(auth, ['[success=2 pam_keyfob.so cue unlock', '[success=1 pam_unix.so nullok try_first_pass',
                                'requisite pam_deny.so', 'required pam_permit.so', 'optional pam_keyfob.so unlock capture'])
        self.assertEqual(session[-2:], ['optional pam_systemd.so', 'optional pam_keyfob.so unlock'])
        self.assertEqual(password[-1], 'optional pam_keyfob.so unlock')
        self.assertIn('pam_unix.so', password[0])
        # And status finds nothing to be mended in them.
        for name, end in (('login', ''), ('sudo', '-noninteractive')):
            with open(os.path.join(root, 'etc/pam.d', name), 'w', encoding='utf-8') as file:
                file.write(f'@include common-auth\n@include common-account\n@include common-password\n@include common-session{end}\n')
        shown = self.keyfob('pam', 'status', '--stacks', os.path.join(root, 'etc/pam.d'), code=1)
        self.assertEqual(shown.stdout.decode().splitlines(),
                         ['login  auth cue unlock; auth unlock capture; password unlock; session unlock',
                          'sudo  auth cue unlock; auth unlock capture; password unlock; leaves the vault as it is'])
        self.assertEqual([line for line in shown.stderr.decode().splitlines() if 'XDG_CONFIG_HOME' not in line and 'keyfob pam enroll' not in line], [])

    def test_several_changes_at_once(self):
        """None of them is lost."""
        directory = os.path.join(self.sandbox.config, 'Yubico')
        os.makedirs(directory, 0o700)
        with open(os.path.join(directory, 'u2f_keys'), 'w', encoding='utf-8') as file:
            file.write(USER + ''.join(f':AAECAw==,{base64.b64encode(bytes([i]) * 64).decode()},es256,+presence' for i in range(12)) + '\n')
        changes = [self.sandbox.spawn([self.sandbox.stage.keyfob, 'pam', 'rename', str(i + 1), f'key {i}']) for i in range(12)]
        self.assertEqual([change.wait(kt.TIMEOUT) for change in changes], [0] * 12)
        shown = self.keyfob('pam', 'status', '--stacks', self.sandbox.root).stdout.decode()
        self.assertEqual(re.findall('"(.*)"', shown), [f'key {i}' for i in range(12)])

    @staticmethod
    def modules(root, kind):
        """Of each line the control's first word, and the module with its options."""
        with open(os.path.join(root, 'etc/pam.d', 'common-' + kind), encoding='utf-8') as file:
            lines = [line.split() for line in file if line.strip() and not line.startswith('#')]
        return [' '.join([words[1], *words[next(i for i, word in enumerate(words) if word.endswith('.so')):]]) for words in lines]


if __name__ == '__main__':
    kt.main()
