"""Harness of the integration tests: the staged programs, a sandbox to run them in, a terminal to type at.

A test is an ordinary unittest file, tests/integration/test_NAME.py; tests/integration/meson.build finds it by itself:

    import keyfob_test as kt

    class Names(kt.KeyfobTest):
        bus = False                     # True: a private session bus is there as well

        def test_set_get(self):
            self.sandbox.start_daemon()                     # returns when keyfobd says it is ready
            self.sandbox.init('pass word')                  # a vault with a cheap password slot, unlocked
            self.keyfob('set', 'svc', 'me', input='s3cret') # fails the test unless the exit code is 0
            self.assertEqual(self.keyfob('get', 'svc', 'me').stdout, b's3cret')
            self.keyfob('get', 'svc', 'nobody', code=1)     # expects exit code 1

    if __name__ == '__main__':
        kt.main()

Run one by hand:   KEYFOB_BUILD=build /usr/bin/python3 tests/integration/test_smoke.py -v Names.test_set_get

What a sandbox offers (self.sandbox, or `with kt.Sandbox(bus=True) as sandbox`):

    .root .home .data .config .runtime      fresh directories; .env is the whole environment of what runs in it
    .socket .vault .bus_address             own socket, vault file, address of the private bus
    .keyfob(*args, input=, code=0, env=, timeout=)   the command line tool; code=None takes any exit code
    .run(argv, input=, env=, timeout=, code=)        anything else, same result (.stdout .stderr bytes, .returncode)
    .spawn(argv, env=, pass_fds=)           a background process (a Popen; stderr to .log), ended at teardown
    .terminal(argv, env=)                   the same on a pseudo terminal: .expect(regex) .send(text) .wait()
    .start_daemon(*args) .stop_daemon()     keyfobd in the foreground; stop checks that it ends by SIGTERM within 30 s
    .init(password) .unlock(password)       cheap KDF, secret through --password-file
    .start_bus() .add_service(name, argv)   private dbus-daemon; D-Bus activation on it
    .wait_for_name(name)                    until somebody owns a name there
    .use_pinentry(program)                  what `pinentry` in PATH is ('/usr/bin/pinentry-tty'); None: a missing one

At teardown every process is ended by its pid, and the test fails when a program wrote a sanitizer's report.
Programs under ASan are instrumented themselves. A library loaded into a foreign process (Python's ctypes, another
program's plug-in) is not: decorate such a test with @kt.not_sanitized.
"""
import atexit
import contextlib
import ctypes
import fcntl
import hashlib
import json
import os
import pty
import re
import select
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
import termios
import time
import unittest

SOURCE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.path.abspath(os.environ.get('KEYFOB_BUILD') or os.environ.get('MESON_BUILD_ROOT') or os.path.join(SOURCE, 'build'))

# Of scripts/coverage: see no-landlock.c.
PRELOAD = {'LD_PRELOAD': os.environ['KEYFOB_PRELOAD']} if 'KEYFOB_PRELOAD' in os.environ else {}

TIMEOUT = 60
SOON = 2.0  # seconds; the documented limit for an error
SANITIZER_REPORT = re.compile(
    rb'(ERROR: \w+Sanitizer|runtime error: |WARNING: \w+Sanitizer|SUMMARY: \w+Sanitizer|Assertion .* failed)')


def _introspect(name):
    with open(os.path.join(BUILD, 'meson-info', f'intro-{name}.json'), encoding='utf-8') as file:
        return json.load(file)


class Stage:
    """Where the installed programs are, inside BUILD/stage."""

    def __init__(self):
        if not os.path.isdir(os.path.join(BUILD, 'meson-info')):
            raise SystemExit(f'{BUILD} is not a build directory: set KEYFOB_BUILD')
        options = {o['name']: o['value'] for o in _introspect('buildoptions')}
        self.destdir = self._plain(os.path.join(BUILD, 'stage'))
        self.sanitize = options.get('b_sanitize', 'none')
        prefix = options['prefix']

        def place(name):
            return os.path.normpath(self.destdir + os.path.join(prefix, options[name]))

        self.prefix = self.destdir + prefix
        self.bindir = place('bindir')
        self.libdir = place('libdir')
        self.datadir = place('datadir')
        self.mandir = place('mandir')
        self.libexecdir = os.path.join(place('libexecdir'), 'keyfob')
        self.systemunitdir = self.destdir + (options.get('systemunitdir') or os.path.join(prefix, 'lib/systemd/system'))
        self.rulesdir = self.destdir + (options.get('udevrulesdir') or os.path.join(prefix, 'lib/udev/rules.d'))
        self.uhid = os.path.join(self.libexecdir, 'keyfob-uhid')
        self.unitdir = self.destdir + (options.get('userunitdir') or os.path.join(prefix, 'lib/systemd/user'))
        self.completions = {
            'bash': os.path.join(self.datadir, 'bash-completion/completions/keyfob'),
            'fish': os.path.join(self.datadir, 'fish/vendor_completions.d/keyfob.fish'),
            'zsh': os.path.join(self.datadir, 'zsh', 'vendor-completions' if prefix == '/usr' else 'site-functions', '_keyfob'),
        }
        self.keyfob = os.path.join(self.bindir, 'keyfob')
        self.keyfobd = os.path.join(self.bindir, 'keyfobd')
        self.helper = os.path.join(self.libexecdir, 'keyfob-helper')
        self.libkeyfob = os.path.join(self.libdir, 'libkeyfob.so.0')

    @staticmethod
    def _plain(path):
        """The same directory by a name that shells, pkg-config and service files take as it is."""
        if re.fullmatch(r'[\w./+-]+', path, re.ASCII):
            return path
        place = tempfile.mkdtemp(prefix='kf-stage-', dir='/tmp')
        atexit.register(shutil.rmtree, place, ignore_errors=True)
        link = os.path.join(place, 'stage')
        os.symlink(path, link)
        return link

    def refresh(self):
        """Installs when something that is installed has changed; safe with tests in parallel."""
        with open(os.path.join(BUILD, '.stage.lock'), 'w', encoding='utf-8') as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            state = hashlib.sha256()
            for source, target in sorted(_introspect('installed').items()):
                with contextlib.suppress(OSError):
                    info = os.stat(source)
                    state.update(f'{source}\0{target}\0{info.st_mtime_ns}\0{info.st_size}\n'.encode())
            stamp = os.path.join(BUILD, '.stage.state')
            with contextlib.suppress(OSError), open(stamp, encoding='utf-8') as file:
                if file.read() == state.hexdigest() and os.path.isdir(self.destdir):
                    return self
            destdir = os.path.join(BUILD, 'stage')
            shutil.rmtree(destdir, ignore_errors=True)
            result = subprocess.run(['meson', 'install', '-C', BUILD, '--no-rebuild', '--destdir', destdir],
                                    stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                    env={**os.environ, 'LC_ALL': 'C.UTF-8'}, timeout=120, check=False)
            if result.returncode != 0:
                raise RuntimeError('meson install failed:\n' + result.stdout.decode(errors='replace'))
            with open(stamp, 'w', encoding='utf-8') as file:
                file.write(state.hexdigest())
        return self


_stage = None


def stage():
    """The staged programs, installed anew when the build has changed."""
    global _stage
    if _stage is None:
        _stage = Stage().refresh()
    return _stage


def sanitized():
    """True when the programs are built with AddressSanitizer."""
    return 'address' in Stage().sanitize


not_sanitized = unittest.skipIf(
    os.path.isdir(os.path.join(BUILD, 'meson-info')) and sanitized(),
    'a sanitized library cannot be loaded into a program that is not')


class Terminal:
    """A program on a pseudo terminal of its own, which is its controlling terminal."""

    def __init__(self, argv, env, cwd, pass_fds=()):
        self.master, slave = pty.openpty()
        self.tty = os.ttyname(slave)
        self.output = b''
        self._seen = 0
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack('HHHH', 30, 100, 0, 0))

        def controlling():
            fcntl.ioctl(0, termios.TIOCSCTTY, 0)
            signal.signal(signal.SIGINT, signal.SIG_DFL)  # ignored in the background of a script, and in all that it starts

        self.process = subprocess.Popen(argv, stdin=slave, stdout=slave, stderr=slave, env=env, cwd=cwd,
                                        start_new_session=True, preexec_fn=controlling, pass_fds=pass_fds)
        os.close(slave)

    def _read(self, timeout):
        ready, _, _ = select.select([self.master], [], [], timeout)
        if not ready:
            return False
        try:
            chunk = os.read(self.master, 65536)
        except OSError:
            chunk = b''
        self.output += chunk
        return bool(chunk)

    def expect(self, pattern, timeout=TIMEOUT):
        """Waits until `pattern` appears in what was not matched yet; returns the match."""
        if isinstance(pattern, str):
            pattern = pattern.encode()
        deadline = time.monotonic() + timeout
        while True:
            match = re.compile(pattern, re.S).search(self.output, self._seen)
            if match:
                self._seen = match.end()
                return match
            left = deadline - time.monotonic()
            if left <= 0 or (not self._read(left) and self.process.poll() is not None):
                raise AssertionError(f'{pattern!r} did not appear on the terminal, only {self.output[self._seen:]!r}')

    def send(self, text):
        os.write(self.master, text.encode() if isinstance(text, str) else text)

    def echoes(self):
        """True while the terminal shows what is typed."""
        return bool(termios.tcgetattr(self.master)[3] & termios.ECHO)

    def wait(self, timeout=TIMEOUT):
        """Reads to the end; returns the exit code."""
        deadline = time.monotonic() + timeout
        while self.process.poll() is None and time.monotonic() < deadline:
            self._read(0.05)
        while self._read(0.05):
            pass
        return self.process.wait(max(0.1, deadline - time.monotonic()))

    def close(self):
        end_process(self.process)
        with contextlib.suppress(OSError):
            os.close(self.master)


def end_process(process, patience=10.0):
    """SIGTERM, and SIGKILL when that is not enough. True if it ended by itself in time."""
    if process.poll() is not None:
        return True
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(patience)
        return True
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        return False


def soon(run):
    """What run() returns, which must end in time. A busy machine holds up one run or another, a wait of Keyfob's holds up all
    of them: so it's the quickest of a few that counts."""
    took = []
    while len(took) < 10:
        before = time.monotonic()
        result = run()
        took.append(time.monotonic() - before)
        if took[-1] < SOON or sanitized():
            return result
    raise AssertionError(f'it took {min(took):.1f} s')


def reserve_port():
    """A socket on a port of 127.0.0.1 that nobody else is given until it is closed. Who asks to reuse addresses, as sshd does, may listen
    there, for this one doesn't."""
    holder = socket.socket()
    holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    holder.bind(('127.0.0.1', 0))
    return holder


def peer_pid(path):
    """The process that listens at a socket, or None."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(2)
        try:
            probe.connect(path)
        except OSError:
            return None
        return struct.unpack('iII', probe.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))[0]


def end_pid(pid, patience=10.0):
    """The same as end_process() for a process that is a child by adoption only, or nobody's."""
    deadline = time.monotonic() + patience
    for number in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)
        while time.monotonic() < deadline:
            with contextlib.suppress(ChildProcessError):
                if os.waitpid(pid, os.WNOHANG)[0] == pid:
                    return
            try:
                os.kill(pid, 0)
            except ProcessLookupError:
                return
            time.sleep(0.02)
        deadline = time.monotonic() + 2


class Sandbox:
    """A home of its own, and everything that was started in it."""

    def __init__(self, bus=False):
        self.stage = stage()
        self.root = tempfile.mkdtemp(prefix='kf-', dir='/tmp')  # short: a socket's path is limited to 107 bytes
        self.home = self._directory('home')
        self.data = self._directory('data')
        self.config = self._directory('config')
        self.cache = self._directory('cache')
        self.state = self._directory('state')
        self.runtime = self._directory('run')
        self.bin = self._directory('bin')
        self.services = self._directory('services')
        self.socket = os.path.join(self.runtime, 'keyfob', 'bus')
        self.vault_dir = os.path.join(self.data, 'keyfob')
        self.log = os.path.join(self.root, 'log')
        self.bus_address = None
        self.daemon = None
        self._log_file = open(self.log, 'ab')  # pylint: disable=consider-using-with
        self._processes = []
        self._terminals = []
        self._bus = None
        self.outputs = []
        self.env = {
            'PATH': f'{self.bin}:{self.stage.bindir}:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin',
            'HOME': self.home,
            'USER': 'keyfob-test',
            'LANG': 'C.UTF-8',
            'LC_ALL': 'C.UTF-8',
            'TERM': 'xterm',
            'XDG_DATA_HOME': self.data,
            'XDG_CONFIG_HOME': self.config,
            'XDG_CACHE_HOME': self.cache,
            'XDG_STATE_HOME': self.state,
            'XDG_RUNTIME_DIR': self.runtime,
            'LD_LIBRARY_PATH': self.stage.libdir,
            'PYTHONDONTWRITEBYTECODE': '1',
            'GIT_CONFIG_NOSYSTEM': '1',
            'GSETTINGS_BACKEND': 'memory',
            # The daemon and its helper are not traceable, so LeakSanitizer cannot work in them.
            'ASAN_OPTIONS': 'detect_leaks=0:exitcode=99:allocator_may_return_null=1',
            'UBSAN_OPTIONS': 'print_stacktrace=1:halt_on_error=1',
        }
        if bus:
            try:
                self.start_bus()
            except BaseException:
                self.close()
                raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
        self.check_sanitizers()

    def _directory(self, name):
        path = os.path.join(self.root, name)
        os.mkdir(path, 0o700)
        return path

    def write(self, name, content, mode=0o600):
        """A file in the sandbox; returns its path."""
        path = os.path.join(self.root, name)
        with open(path, 'wb') as file:
            file.write(content.encode() if isinstance(content, str) else content)
        os.chmod(path, mode)
        return path

    @property
    def vault(self):
        """The vault file: the one file of its directory that is not SQLite's -wal or -shm."""
        names = [n for n in os.listdir(self.vault_dir)
                 if not n.endswith(('-wal', '-shm', '-journal')) and os.path.isfile(os.path.join(self.vault_dir, n))]
        if len(names) != 1:
            raise AssertionError(f'not one vault file: {names}')
        return os.path.join(self.vault_dir, names[0])

    # Processes

    def environment(self, env=None):
        """self.env with changes; a value of None removes a variable."""
        merged = {**self.env, **PRELOAD, **(env or {})}
        return {k: v for k, v in merged.items() if v is not None}

    def run(self, argv, input=None, env=None, timeout=TIMEOUT, code=0, cwd=None, pass_fds=()):
        """Runs to the end. `code` is the expected exit code, None for any."""
        if isinstance(input, str):
            input = input.encode()
        source = {'input': input} if input is not None else {'stdin': subprocess.DEVNULL}
        try:
            result = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=timeout,
                                    env=self.environment(env), cwd=cwd or self.home, start_new_session=True,
                                    pass_fds=pass_fds, check=False, **source)
        except subprocess.TimeoutExpired as error:
            raise AssertionError(f'{argv} did not end within {timeout} s: {error.stdout!r} {error.stderr!r}\n'
                                 f'{self.read_log()}') from None
        self.outputs.append(result.stderr)
        if code is not None and result.returncode != code:
            raise AssertionError(f'{argv} ended with {result.returncode}, not {code}\nstdout: {result.stdout!r}\n'
                                 f'stderr: {result.stderr.decode(errors="replace")}\nlog: {self.read_log()}')
        return result

    def keyfob(self, *args, **options):
        return self.run([self.stage.keyfob, *args], **options)

    def spawn(self, argv, env=None, pass_fds=(), stdin=subprocess.DEVNULL, stdout=None, cwd=None):
        process = subprocess.Popen(argv, stdin=stdin, stdout=self._log_file if stdout is None else stdout,
                                   stderr=self._log_file, env=self.environment(env), pass_fds=pass_fds,
                                   cwd=cwd or self.home, start_new_session=True)
        self._processes.append(process)
        return process

    def terminal(self, argv, env=None, pass_fds=()):
        terminal = Terminal(argv, self.environment(env), self.home, pass_fds)
        self._terminals.append(terminal)
        return terminal

    def read_log(self):
        with open(self.log, 'rb') as file:
            return file.read().decode(errors='replace')

    # keyfobd

    def start_daemon(self, *args, env=None, timeout=TIMEOUT):
        """Starts keyfobd in the foreground and waits until it is ready."""
        reader, writer = os.pipe()
        try:
            self.daemon = self.spawn([self.stage.keyfobd, '--ready-fd', str(writer), *args], env=env,
                                     pass_fds=(writer,))
        finally:
            os.close(writer)
        try:
            ready, _, _ = select.select([reader], [], [], timeout)
            if not ready or os.read(reader, 1) == b'':
                end_process(self.daemon)
                raise AssertionError(f'keyfobd did not become ready (exit code {self.daemon.returncode}):\n'
                                     f'{self.read_log()}')
        finally:
            os.close(reader)
        return self.daemon

    def seconds_used(self):
        """Of the processor, by keyfobd."""
        with open(f'/proc/{self.daemon.pid}/stat', encoding='utf-8') as file:
            return sum(map(int, file.read().rpartition(')')[2].split()[11:13])) / os.sysconf('SC_CLK_TCK')

    def stop_daemon(self, patience=30.0):
        """SIGTERM; it must end by itself, with success."""
        daemon, self.daemon = self.daemon, None
        if not end_process(daemon, patience):
            raise AssertionError(f'keyfobd did not end within {patience} s of SIGTERM:\n{self.read_log()}')
        if daemon.returncode != 0:
            raise AssertionError(f'keyfobd ended with {daemon.returncode}:\n{self.read_log()}')

    def kill_daemon(self):
        """As a crash would end it."""
        self.daemon.kill()
        self.daemon.wait()
        self.daemon = None

    def kill_started_daemon(self):
        """One that a command has started when it came after kill_daemon()."""
        pid = peer_pid(self.socket)
        if pid:
            os.kill(pid, signal.SIGKILL)
            end_pid(pid)

    def init(self, password='correct horse', *args, **options):
        """Makes a vault; password=None makes an unprotected one."""
        if password is None:
            return self.keyfob('init', '--kind', 'none', *args, **options)
        return self.keyfob('init', '--kdf-memory', '64', '--kdf-passes', '3', '--password-file',
                           self.write('password', password), *args, **options)

    def unlock(self, password='correct horse', *args, **options):
        return self.keyfob('unlock', '--password-file', self.write('password', password), *args, **options)

    def use_pinentry(self, program):
        """Makes `pinentry` mean `program` (a path) here; None makes it one that cannot be started."""
        link = os.path.join(self.bin, 'pinentry')
        with contextlib.suppress(FileNotFoundError):
            os.unlink(link)
        if program:
            os.symlink(program, link)
        else:
            self.write('bin/pinentry', '', mode=0o600)

    # A session bus

    def start_bus(self):
        """A private dbus-daemon; from then on DBUS_SESSION_BUS_ADDRESS is in the environment."""
        path = os.path.join(self.root, 'session')
        services = os.path.join(self.data, 'dbus-1', 'services')
        os.makedirs(services, 0o700, exist_ok=True)
        config = self.write('session.conf', f'''<!DOCTYPE busconfig PUBLIC
  "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN" "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>session</type>
  <listen>unix:path={path}</listen>
  <auth>EXTERNAL</auth>
  <servicedir>{services}</servicedir>
  <servicedir>{self.services}</servicedir>
  <policy context="default">
    <allow send_destination="*" eavesdrop="true"/>
    <allow eavesdrop="true"/>
    <allow own="*"/>
  </policy>
  <limit name="max_message_size">1000000000</limit>
  <limit name="max_incoming_bytes">1000000000</limit>
  <limit name="max_outgoing_bytes">1000000000</limit>
  <limit name="service_start_timeout">30000</limit>
</busconfig>
''')
        reader, writer = os.pipe()
        try:
            self._bus = self.spawn(['dbus-daemon', f'--config-file={config}', '--nofork', '--nopidfile',
                                    f'--print-address={writer}'], pass_fds=(writer,))
        finally:
            os.close(writer)
        with open(reader, 'rb') as file:
            address = file.readline().decode().strip()
        if not address:
            raise AssertionError(f'dbus-daemon did not start:\n{self.read_log()}')
        self.bus_address = address
        self.env['DBUS_SESSION_BUS_ADDRESS'] = address
        return address

    def add_service(self, name, argv):
        """Makes `name` activatable on the private bus."""
        self.write(f'services/{name}.service',
                   f'[D-BUS Service]\nName={name}\nExec={" ".join(argv)}\n', mode=0o644)
        if self._bus:
            self.run(['dbus-send', '--session', '--print-reply', '--dest=org.freedesktop.DBus',
                      '/org/freedesktop/DBus', 'org.freedesktop.DBus.ReloadConfig'])

    def wait_for_name(self, name='org.freedesktop.secrets', timeout=TIMEOUT):
        """Until somebody owns `name` on the private bus: keyfobd is ready before it has its names."""
        deadline = time.monotonic() + timeout
        while b'true' not in self.run(['dbus-send', '--session', '--print-reply', '--dest=org.freedesktop.DBus',
                                       '/org/freedesktop/DBus', 'org.freedesktop.DBus.NameHasOwner',
                                       f'string:{name}']).stdout:
            if time.monotonic() > deadline:
                raise AssertionError(f'nobody owns {name}:\n{self.read_log()}')
            time.sleep(0.02)

    # The end

    def close(self):
        for terminal in self._terminals:
            terminal.close()
        bus = self._bus
        for process in reversed(self._processes):
            if process is not bus:
                end_process(process)
        # A daemon that `keyfob` or a socket unit started: its listening socket names it.
        if os.path.exists(self.socket):
            pid = peer_pid(self.socket)
            if pid and pid != os.getpid():
                end_pid(pid)
        if bus:
            end_process(bus)
        self._log_file.close()
        with open(self.log, 'rb') as file:
            self.outputs.append(file.read())
        self.outputs.extend(terminal.output for terminal in self._terminals)
        shutil.rmtree(self.root, ignore_errors=True)

    def check_sanitizers(self):
        for output in self.outputs:
            if SANITIZER_REPORT.search(output):
                raise AssertionError('a program reported an error:\n' + output.decode(errors='replace'))


class KeyfobTest(unittest.TestCase):
    """A test with a sandbox of its own."""

    bus = False
    maxDiff = None

    def setUp(self):
        self.sandbox = Sandbox(bus=self.bus)
        self.addCleanup(self._leave)

    def _leave(self):
        self.sandbox.close()
        self.sandbox.check_sanitizers()

    def keyfob(self, *args, **options):
        return self.sandbox.keyfob(*args, **options)

    def assertOneLine(self, text, *words):
        """Exactly one line that contains all the words: what an error looks like."""
        self.assertEqual(text.count(b'\n'), 1, text)
        for word in words:
            self.assertIn(word.encode() if isinstance(word, str) else word, text)


class SharedTest(KeyfobTest):
    """Tests that share one sandbox with their class: fast, for what leaves the rest of the sandbox as it was."""

    password = 'pass word'

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.sandbox = Sandbox(bus=cls.bus)
        cls.addClassCleanup(cls._leave_class)
        cls.prepare()

    @classmethod
    def prepare(cls):
        """What all of them need: a daemon with an unlocked vault."""
        cls.sandbox.start_daemon()
        if cls.bus:
            cls.sandbox.wait_for_name()
        cls.sandbox.init(cls.password)

    @classmethod
    def _leave_class(cls):
        cls.sandbox.close()
        cls.sandbox.check_sanitizers()

    def setUp(self):
        pass


def _adopt_orphans():
    """A daemon that detaches itself stays a child of the test, so that it can be waited for by its pid."""
    ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)  # PR_SET_CHILD_SUBREAPER


def main():
    _adopt_orphans()
    unittest.main(verbosity=2, module='__main__')
