"""What tests in the guest stand on: an ordinary user, his daemon, and the node that the kernel made for his key.

    class Names(guest.KeyTest):
        pin = '24681357'                                # the key has this PIN; None: it has none

        def test_list(self):
            self.account.run(['fido2-token', '-L'])     # as the user; .root_run() as root
            self.account.node                           # /dev/hidrawN
            self.person.always('deny')                  # person.py: he says yes to everything until told otherwise
"""
import contextlib
import glob
import json
import os
import pwd
import shutil
import unittest

import keyfob_test as kt
from person import Person, wait_for

USER, UID = 'fob', 4217  # numbers that the host has nobody for
OTHER, OTHER_UID = 'eve', 4218
PASSWORD = 'pass word'
PATIENCE = 60  # emulated, on a machine that may have more to do


class Installed:
    """Where the programs are; the guest has them at their real places."""

    def __init__(self):
        with open(os.environ['KEYFOB_VM_PLAN'], encoding='utf-8') as file:
            self.__dict__.update(json.load(file))


kt.stage = Installed


def as_user(uid, argv):
    return ['setpriv', '--reuid', str(uid), '--regid', str(uid), '--clear-groups', '--', *argv]


def nodes(uid=UID):
    """The device nodes that carry this user's name; the kernel shows a device in /sys before it has made the node."""
    found = []
    for path in glob.glob('/sys/class/hidraw/*'):
        with contextlib.suppress(OSError), open(os.path.join(path, 'device/uevent'), encoding='utf-8') as file:
            node = '/dev/' + os.path.basename(path)
            if f'HID_UNIQ=keyfob-{uid}\n' in file.read() and os.path.exists(node):
                found.append(node)
    return found


def find_node(uid):
    """The node, once it is this user's; None before that."""
    found = nodes(uid)
    with contextlib.suppress(OSError):
        if found and os.stat(found[0]).st_uid == uid:
            return found[0]
    return None


class Account(kt.Sandbox):
    """A user of the guest with a fresh vault. What Sandbox runs is run by that user."""

    def __init__(self, name=USER):
        super().__init__()
        entry = pwd.getpwnam(name)
        self.uid = entry.pw_uid
        self.home = entry.pw_dir
        self.data = os.path.join(self.home, '.local/share')
        self.config = os.path.join(self.home, '.config')
        self.runtime = f'/run/user/{self.uid}'
        self.socket = os.path.join(self.runtime, 'keyfob', 'bus')
        self.vault_dir = os.path.join(self.data, 'keyfob')
        self._directory('person')
        for path in (self.home, self.runtime):
            shutil.rmtree(path, ignore_errors=True)
            os.makedirs(path, 0o700)
            os.chown(path, self.uid, self.uid)
        for path, _, files in os.walk(self.root):
            for entry in [path, *(os.path.join(path, file) for file in files)]:
                os.chown(entry, self.uid, self.uid)
        for variable in ('DATA', 'CONFIG', 'CACHE', 'STATE'):
            del self.env[f'XDG_{variable}_HOME']
        del self.env['LD_LIBRARY_PATH']
        self.env.update(HOME=self.home, USER=name, LOGNAME=name, XDG_RUNTIME_DIR=self.runtime)
        self.use_pinentry(None)

    def write(self, name, content, mode=0o600):
        path = super().write(name, content, mode)
        os.chown(path, self.uid, self.uid)
        return path

    def run(self, argv, **options):
        return self.root_run(as_user(self.uid, argv), **options)

    def spawn(self, argv, **options):
        return self.root_spawn(as_user(self.uid, argv), **options)

    def terminal(self, argv, **options):
        return self.root_terminal(as_user(self.uid, argv), **options)

    def root_run(self, argv, timeout=PATIENCE, **options):
        return super().run(argv, timeout=timeout, **options)

    def root_spawn(self, argv, **options):
        return super().spawn(argv, **options)

    def root_terminal(self, argv, **options):
        return super().terminal(argv, **options)

    # The key

    def wait_for_node(self):
        try:
            return wait_for(lambda: find_node(self.uid), 'a device of the user\'s', PATIENCE)
        except AssertionError as error:
            raise AssertionError(f'{error}:\n{self.read_log()}') from None

    @property
    def node(self):
        found = find_node(self.uid)
        if not found:
            raise AssertionError(f'no device of {self.uid}:\n{self.read_log()}')
        return found

    def set_pin(self, pin):
        self.keyfob('authenticator', 'pin', 'set', '--pin-file', self.write('pin', pin + '\n'))


class KeyTest(unittest.TestCase):
    """Tests that share one daemon and one vault with their class."""

    maxDiff = None
    pin = None

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.account = Account()
        cls.addClassCleanup(cls._leave)
        cls.account.start_daemon(timeout=PATIENCE)
        cls.account.init(PASSWORD)
        cls.person = Person(cls.account, always='allow')
        cls.account.wait_for_node()
        if cls.pin:
            cls.account.set_pin(cls.pin)

    @classmethod
    def _leave(cls):
        cls.account.close()
        wait_for(lambda: not nodes(UID), 'the device to go', PATIENCE)

    def setUp(self):
        self.person.always('allow')
        self.person.questions()

    @contextlib.contextmanager
    def refusing(self):
        """Meanwhile the person says no."""
        self.person.always('deny')
        try:
            yield
        finally:
            self.person.always('allow')

    def type_answers(self, terminal, *dialogue, code=0):
        """(what is asked, what is typed) …; the program must end with this code then."""
        for question, answer in dialogue:
            terminal.expect(question, PATIENCE)
            try:
                wait_for(lambda: not terminal.echoes(), 'the terminal to hide what is typed', PATIENCE)
            except AssertionError as error:
                raise AssertionError(f'{error}: {terminal.output}') from None
            terminal.send(answer + '\n')
        self.assertEqual(terminal.wait(PATIENCE), code, terminal.output)
        return terminal.output.decode(errors='replace')


def needs(*programs):
    """Skips, by name, where a program is not installed."""
    missing = [name for name in programs if not shutil.which(name)]
    return unittest.skipIf(missing, f'no {", ".join(missing)}')
