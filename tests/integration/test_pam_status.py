#!/usr/bin/python3
"""keyfob pam status on stacks: which services ask for a security key, with which options, and what is not right there."""
import base64
import os

import keyfob_test as kt
import pam_stack
from pam_stack import USER

KEY = base64.b64encode(bytes(range(64))).decode()
LINE = f'{USER}:AAECAwQFBgcICQoLDA0ODw==,{KEY},es256,+presence\n'
KEYFOB = 'pam_keyfob.so'
SYSTEMD = 'session optional pam_systemd.so'
UNIX = ['account required pam_unix.so', 'session required pam_unix.so']


class Stacks(kt.KeyfobTest):
    def setUp(self):
        pam_stack.skip_unless_built()
        super().setUp()
        self.stacks = os.path.join(self.sandbox.root, 'stacks')
        os.mkdir(self.stacks)
        os.makedirs(os.path.join(self.sandbox.config, 'Yubico'), 0o700)
        self.authfile = os.path.join(self.sandbox.config, 'Yubico', 'u2f_keys')
        with open(self.authfile, 'w', encoding='utf-8') as file:
            file.write(LINE + LINE.replace(':AA', ':BB').replace(USER, 'bob'))

    def stack(self, name, *lines):
        self.sandbox.write(f'stacks/{name}', '\n'.join(lines) + '\n', mode=0o644)

    def status(self, *args, code=0, place=False):
        """Of the stacks: what is shown, and what is warned of, but for the place that every test here has its authfile in."""
        result = self.keyfob('pam', 'status', '--stacks', self.stacks, *args, code=code)
        shown = [line for line in result.stdout.decode().splitlines() if not line.startswith('1  FIDO2')]
        others = ('pamu2fcfg', 'one security key only', *(() if place else ('XDG_CONFIG_HOME',)))
        warned = [line for line in result.stderr.decode().splitlines() if not any(other in line for other in others)]
        return shown, warned

    def check_fine(self, *expected):
        self.assertEqual(self.status(), (list(expected), []))

    def check_warning(self, *parts, services='login'):
        shown, warned = self.status()
        self.assertEqual(len(warned), 1, warned)
        self.assertTrue(warned[0].startswith(f'keyfob: {services}: '), warned)
        for part in parts:
            self.assertIn(part, warned[0])
        return shown

    def test_nobody_asks_for_a_key(self):
        self.stack('login', *UNIX)
        shown, warned = self.status()
        self.assertEqual(shown, [])
        self.assertEqual(warned, ['keyfob: no service asks for your security keys yet: sudo keyfob pam enable'])

    def test_one_service(self):
        self.stack('login', f'auth sufficient {KEYFOB} cue unlock [cue_prompt=Touch it, please]', 'auth required pam_unix.so',
                   f'auth optional {KEYFOB} unlock capture', *UNIX, SYSTEMD, f'session optional {KEYFOB} unlock',
                   'password requisite pam_unix.so', f'password optional {KEYFOB} unlock')
        self.check_fine('login  auth cue unlock [cue_prompt=Touch it, please]; auth unlock capture; session unlock; password unlock')

    def debian(self):
        self.stack('common-auth', f'auth [success=2 default=ignore] /usr/lib/security/{KEYFOB} cue unlock',
                   'auth [success=1 default=ignore] pam_unix.so', 'auth requisite pam_deny.so', 'auth required pam_permit.so')
        self.stack('common-account', 'account required pam_unix.so')
        self.stack('common-session', 'session required pam_unix.so', SYSTEMD, f'session optional {KEYFOB} unlock')
        self.stack('common-session-noninteractive', 'session required pam_unix.so')
        for name in ('login', 'sshd', 'sudo'):
            end = '-noninteractive' if name == 'sudo' else ''
            self.stack(name, '@include common-auth', '@include common-account', f'@include common-session{end}')
        self.stack('chsh', 'auth sufficient pam_rootok.so', '@include common-auth', '@include common-account')
        self.stack('su-l', 'auth include login', 'account include login', 'session substack login')
        self.stack('cron', '@include common-account', '@include common-session-noninteractive')
        for left in ('login~', 'login.dpkg-old', '.login.swp'):
            self.stack(left, f'auth required {KEYFOB} nonsense')

    def test_as_on_debian(self):
        """Fragments are no services; sudo and chsh begin no session of the person's, and nobody expects it of them."""
        self.debian()
        self.check_fine('chsh, sudo  auth cue unlock; leaves the vault as it is', 'login, sshd, su-l  auth cue unlock; session unlock')

    def test_no_session_line(self):
        self.debian()
        self.stack('common-session', 'session required pam_unix.so', SYSTEMD)
        shown, warned = self.status()
        self.assertEqual(shown, ['chsh, login, sshd, su-l, sudo  auth cue unlock'])
        self.assertEqual([line.split(': ')[1] for line in warned], ['chsh', 'login, sshd, su-l, sudo'])
        self.assertIn('unlock_now', warned[0])
        self.assertIn('session optional pam_keyfob.so unlock', warned[1])

    def test_no_session_line_in_one_of_several(self):
        self.debian()
        self.stack('gdm', '@include common-auth', *UNIX, SYSTEMD)
        self.check_warning('session optional pam_keyfob.so unlock', services='gdm')
        self.stack('gdm', f'auth required {KEYFOB} unlock_now', *UNIX, SYSTEMD)
        self.assertEqual(self.status()[1], [])

    def test_a_session_line_in_the_wrong_place(self):
        self.stack('login', f'auth required {KEYFOB} unlock', *UNIX, f'session optional {KEYFOB}', SYSTEMD)
        self.check_warning('stays locked', 'behind pam_systemd')

    def test_a_session_with_nothing_to_hand_over(self):
        self.stack('login', f'auth required {KEYFOB}', *UNIX, SYSTEMD, f'session optional {KEYFOB} unlock')
        self.check_warning('wants the option unlock')

    def test_pam_u2f_beside_it(self):
        self.stack('common', 'auth sufficient pam_u2f.so cue')
        self.stack('login', f'auth sufficient {KEYFOB}', 'auth substack common', *UNIX)
        self.assertEqual(self.check_warning('pam_u2f', 'take pam_u2f out'), ['login  auth'])
        self.stack('login', f'auth sufficient {KEYFOB}', *UNIX, 'session optional pam_u2f.so')
        self.check_fine('login  auth')

    def test_another_authfile(self):
        other = os.path.join(self.sandbox.root, 'mappings')
        self.stack('login', f'auth required {KEYFOB} authfile={other}', *UNIX)
        self.check_warning(other, 'is not there', self.authfile, 'take authfile= out')
        self.sandbox.write('mappings', LINE.replace(USER, 'bob'), mode=0o644)
        self.check_warning(other, 'does not have you', self.authfile)
        self.sandbox.write('mappings', f'{USER}:cut,off\n', mode=0o644)
        self.check_warning(other, 'cut off', 'mend it')
        self.sandbox.write('mappings', LINE.strip() + LINE[len(USER):], mode=0o644)
        self.check_fine(f'login  auth authfile={other} (which has 2 of yours)')
        os.chmod(other, 0o666)
        self.check_warning(other, 'others may write to it')
        os.unlink(other)
        os.symlink(self.authfile, other)
        self.check_warning(other, 'a link')
        self.stack('login', f'auth required {KEYFOB} authfile={self.sandbox.root}/%u expand', *UNIX)
        self.check_warning(f'{self.sandbox.root}/{USER}', 'is not there')
        self.stack('login', f'auth required {KEYFOB} authfile={self.sandbox.root}/%x expand', *UNIX)
        self.check_warning('neither %u nor %%')
        self.stack('login', f'auth required {KEYFOB} authfile={self.authfile} nouserok', *UNIX)
        self.check_fine(f'login  auth authfile={self.authfile} nouserok')

    def test_a_place_of_ones_own(self):
        home = os.path.expanduser(f'~{USER}/.config/Yubico/u2f_keys')
        if os.path.exists(home):
            self.skipTest('there is a real authfile')
        self.stack('login', f'auth required {KEYFOB}', *UNIX)
        _, warned = self.status(place=True)
        self.assertEqual(len(warned), 1, warned)
        self.assertIn(f'looks in {home}', warned[0])
        self.assertIn(f'copy {self.authfile} there', warned[0])
        self.stack('login', f'auth required {KEYFOB} authfile={self.authfile}', *UNIX)
        self.assertEqual(self.status(place=True)[1], [])

    def test_without_any_credential(self):
        """The other authfile is where the person has to be."""
        os.unlink(self.authfile)
        self.stack('login', f'auth required {KEYFOB} authfile=/none', *UNIX)
        shown, warned = self.status(code=1)
        self.assertEqual(shown, ['login  auth authfile=/none'])
        self.assertIn('keyfob pam enroll', warned[0])
        self.assertIn('put there', warned[1])

    def test_without_any_authfile(self):
        """Where the own one would be is not known, and what is wrong with the stacks is said all the same."""
        conf = self.sandbox.write('keyfob.conf', 'authfile = /none/%x\nexpand\n', mode=0o644)
        self.stack('login', f'auth required {KEYFOB} authfile=/none', *UNIX)
        shown, warned = self.status('--conf', conf, code=8)
        self.assertEqual(shown, ['login  auth authfile=/none'])
        self.assertIn('neither %u nor %%', warned[0])
        self.assertIn('put there', warned[1])

    def test_another_origin(self):
        self.stack('login', f'auth required {KEYFOB} origin=pam://other', *UNIX)
        self.check_warning('keyfob pam enroll --origin pam://other')

    def test_a_configuration_file(self):
        conf = os.path.join(self.sandbox.root, 'keyfob.conf')
        self.stack('login', f'auth required {KEYFOB} conf={conf}', *UNIX)
        self.check_warning(conf, 'it is not there', 'nobody is let in')
        self.sandbox.write('keyfob.conf', 'cue\nunlock\n', mode=0o644)
        self.check_warning('stays locked')
        self.sandbox.write('keyfob.conf', f'authfile = {self.sandbox.root}/none\n', mode=0o644)
        self.check_warning(f'{self.sandbox.root}/none', 'is not there')
        self.sandbox.write('keyfob.conf', 'queue\n', mode=0o644)
        self.check_warning('no such option: "queue"', 'nobody is let in')
        os.chmod(conf, 0o666)
        self.check_warning(conf, 'others may write to it')
        self.stack('login', f'auth required {KEYFOB} alwaysok', *UNIX)
        self.check_warning('lets in everybody', 'nobody is let in')

    def test_options_of_other_lines(self):
        self.stack('login', f'auth required {KEYFOB} unlock', *UNIX, SYSTEMD, f'session optional {KEYFOB} unlok')
        self.check_warning('the vault stays locked', 'no such option: "unlok"')
        self.stack('login', f'auth required {KEYFOB}', *UNIX, f'password optional {KEYFOB} conf=/none')
        self.check_warning('a changed password is not followed', '/none')

    def test_what_can_not_be_read(self):
        self.stack('login', f'auth required {KEYFOB}', '@include gone', *UNIX)
        self.check_warning('gone, which it includes')
        self.stack('login', f'auth required {KEYFOB}', '@include login', *UNIX)
        self.check_warning('includes itself')
        self.stack('login', f'auth required {KEYFOB} \x1b[2J', *UNIX)
        shown, _ = self.status()
        self.assertEqual(shown, ['login  auth ?[2J'])
        _, warned = self.status('--stacks', '/none')
        self.assertEqual(warned, ['keyfob: /none: there are no stacks'])

    def test_nothing_is_changed(self):
        self.debian()
        before = {name: os.stat(os.path.join(self.stacks, name)).st_mtime_ns for name in os.listdir(self.stacks)}
        self.status()
        self.assertEqual({name: os.stat(os.path.join(self.stacks, name)).st_mtime_ns for name in os.listdir(self.stacks)}, before)


if __name__ == '__main__':
    kt.main()
