"""The real fprintd with its virtual reader, on a private system bus with a polkit (and a logind) of python3-dbusmock.

    fingerprint.require()                   # skips the test, by name, where that can't be had
    reader = Reader(sandbox)                # the bus is in sandbox.env from now on: start the daemon after it
    reader.start()                          # fprintd; .kill() ends it
    reader.scan('right')                    # a finger on the reader, as soon as it takes one
    reader.enroll('right-index-finger', 'right')    # as another program would
"""
import os
import socket
import subprocess
import threading
import time
import unittest

import keyfob_test as kt
from person import wait_for

PYTHON = '/usr/bin/python3'  # the one that Debian's dbusmock is for
FPRINTD = ('/usr/libexec/fprintd', '/usr/lib/fprintd/fprintd', '/usr/lib/fprintd')
NAME = 'net.reactivated.Fprint'
DEVICE = '/net/reactivated/Fprint/Device/0'
POLKIT = 'org.freedesktop.PolicyKit1'
LOGIN = 'org.freedesktop.login1'
ACTIONS = ['net.reactivated.fprint.device.verify', 'net.reactivated.fprint.device.enroll']
STAGES = 5  # of the virtual reader


def _fprintd():
    return next((path for path in FPRINTD if os.path.isfile(path) and os.access(path, os.X_OK)), None)


def require():
    if os.geteuid() != 0:
        raise unittest.SkipTest('only an fprintd of root is trusted, and this test is not run by root')
    if not _fprintd():
        raise unittest.SkipTest('fprintd is not installed')
    if subprocess.run([PYTHON, '-c', 'import dbusmock'], stderr=subprocess.DEVNULL, check=False).returncode != 0:
        raise unittest.SkipTest('python3-dbusmock is not installed')


def at_a_distance():
    """Whether this test itself runs in a remote session: then nothing that it starts is local."""
    pid = os.getpid()
    while pid > 1:
        with open(f'/proc/{pid}/stat', encoding='utf-8', errors='replace') as file:
            name, rest = file.read().split('(', 1)[1].rsplit(')', 1)
        if name in ('sshd', 'sshd-session', 'dropbear', 'mosh-server'):
            return True
        pid = int(rest.split()[1])
    return False


def configure(sandbox, **settings):
    """keyfobd.conf; from afar, requests of the test's are as good as local ones unless it says otherwise."""
    if at_a_distance():
        settings.setdefault('remote_fingerprint', 'yes')
    os.makedirs(os.path.join(sandbox.config, 'keyfob'), exist_ok=True)
    with open(os.path.join(sandbox.config, 'keyfob', 'keyfobd.conf'), 'w', encoding='utf-8') as file:
        file.write('[security-key]\n')
        for name, value in settings.items():
            file.write(f'{name.replace("_", "-")} = {value}\n')


class Reader:
    def __init__(self, sandbox, allowed=ACTIONS, lid=False, bus_prefix=()):
        self.sandbox = sandbox
        self.root = os.path.join(sandbox.root, 'fprint')
        self.services = os.path.join(self.root, 'services')
        for path in ('state', 'services'):
            os.makedirs(os.path.join(self.root, path))
        self.socket = os.path.join(self.root, 'device')
        self.process = None
        self._start_bus(bus_prefix)
        self._mock('polkitd', POLKIT)
        if allowed:
            self.call(POLKIT, '/org/freedesktop/PolicyKit1/Authority', 'org.freedesktop.DBus.Mock.SetAllowed',
                      'array:string:' + ','.join(allowed))
        if lid:
            self._mock('logind', LOGIN)
            self.call(LOGIN, '/org/freedesktop/login1', 'org.freedesktop.DBus.Mock.AddProperty',
                      'string:org.freedesktop.login1.Manager', 'string:LidClosed', 'variant:boolean:false')

    def _start_bus(self, prefix):
        path = os.path.join(self.root, 'bus')
        config = os.path.join(self.root, 'bus.conf')
        with open(config, 'w', encoding='utf-8') as file:
            file.write(f'''<!DOCTYPE busconfig PUBLIC
  "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN" "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>system</type>
  <listen>unix:path={path}</listen>
  <auth>EXTERNAL</auth>
  <servicedir>{self.services}</servicedir>
  <policy context="default">
    <allow user="*"/>
    <allow own="*"/>
    <allow send_destination="*" eavesdrop="true"/>
    <allow eavesdrop="true"/>
  </policy>
</busconfig>
''')
        self.sandbox.env['DBUS_SYSTEM_BUS_ADDRESS'] = 'unix:path=' + path
        if prefix:
            os.chmod(self.root, 0o777)
        self.bus = self.sandbox.spawn([*prefix, 'dbus-daemon', f'--config-file={config}', '--nofork', '--nopidfile'])
        wait_for(lambda: kt.peer_pid(path), 'the system bus')  # its socket is there a moment before it listens

    def _mock(self, template, name):
        self.sandbox.spawn([PYTHON, '-m', 'dbusmock', '--system', '--template', template])
        self.wait_for_name(name)

    def call(self, name, path, member, *args, code=0):
        """dbus-send's answer; its words are b'' when it fails and that is expected."""
        return self.sandbox.run(['dbus-send', '--system', '--print-reply', '--dest=' + name, path, member, *args],
                                code=code).stdout

    def has_owner(self, name=NAME):
        return b'true' in self.call('org.freedesktop.DBus', '/org/freedesktop/DBus', 'org.freedesktop.DBus.NameHasOwner',
                                    'string:' + name)

    def wait_for_name(self, name=NAME):
        wait_for(lambda: self.has_owner(name), f'an owner of {name}')

    # fprintd

    def environment(self):
        return {'STATE_DIRECTORY': os.path.join(self.root, 'state'), 'FP_VIRTUAL_DEVICE': self.socket}

    @staticmethod
    def command():
        return [_fprintd(), '-t']

    def start(self):
        self.process = self.sandbox.spawn(self.command(), env=self.environment())
        self.wait_for_name()

    def start_without_reader(self):
        self.process = self.sandbox.spawn(self.command())
        self.wait_for_name()

    def activatable(self):
        """From now on the bus starts fprintd by itself."""
        variables = ' '.join(f'{name}={value}' for name, value in self.environment().items())
        with open(os.path.join(self.services, NAME + '.service'), 'w', encoding='utf-8') as file:
            file.write(f'[D-BUS Service]\nName={NAME}\nExec=/usr/bin/env {variables} {_fprintd()} -t\nUser=root\n')
        self.call('org.freedesktop.DBus', '/org/freedesktop/DBus', 'org.freedesktop.DBus.ReloadConfig')

    def kill(self):
        self.process.kill()
        self.process.wait()

    # fingers

    def send(self, command, timeout=kt.TIMEOUT):
        """A command of the virtual reader's, as soon as somebody has claimed it."""
        deadline = time.monotonic() + timeout
        while True:
            with socket.socket(socket.AF_UNIX) as connection:
                try:
                    connection.connect(self.socket)
                    connection.sendall(command.encode())
                    connection.shutdown(socket.SHUT_WR)
                    connection.settimeout(timeout)
                    # It closes when it has read. Whoever comes while it still has another one is closed unread, which resets.
                    connection.recv(1)
                    return
                except OSError:
                    if time.monotonic() > deadline:
                        raise AssertionError(f'nobody used the reader within {timeout} s') from None
            time.sleep(0.01)

    def needs_finger(self):
        return b'true' in self.call(NAME, DEVICE, 'org.freedesktop.DBus.Properties.Get', 'string:' + NAME + '.Device',
                                    'string:finger-needed')

    def scan(self, finger):
        wait_for(self.needs_finger, 'the reader to wait for a finger')
        self.send('SCAN ' + finger)

    def scans(self, *fingers):
        """The same in the background, one after the other; returns a thread to join."""
        thread = threading.Thread(target=lambda: [self.scan(finger) for finger in fingers])
        thread.start()
        return thread

    def claimed(self):
        """Whether anybody has the reader, by trying to have it; nobody has it any more when this has returned False."""
        return self.sandbox.run([PYTHON, '-c', TRY, self.sandbox.env['DBUS_SYSTEM_BUS_ADDRESS']]).stdout == b'in use\n'

    def wait_until_released(self):
        wait_for(lambda: not self.claimed(), 'the reader to be released')

    def hold(self):
        """Another program claims it; returns the program, to be ended."""
        program = self.sandbox.spawn([PYTHON, '-c', HOLD, self.sandbox.env['DBUS_SYSTEM_BUS_ADDRESS']],
                                     stdout=subprocess.PIPE)
        if program.stdout.readline() != b'claimed\n':
            raise AssertionError(self.sandbox.read_log())
        return program

    def enroll(self, word, finger):
        """By fprintd's own tool."""
        program = self.sandbox.spawn(['fprintd-enroll', '-f', word, 'root'])
        for _ in range(STAGES):
            self.scan(finger)
        if program.wait(kt.TIMEOUT) != 0:
            raise AssertionError(self.sandbox.read_log())

    def forge(self, path, interface, member, *args):
        """A signal to the daemon alone, which anybody on the bus may send."""
        self.sandbox.run([PYTHON, '-c', FORGE, self.sandbox.env['DBUS_SYSTEM_BUS_ADDRESS'], str(self.sandbox.daemon.pid),
                          path, interface, member, *args])

    # the lid

    def lid(self, closed):
        self.call(LOGIN, '/org/freedesktop/login1', 'org.freedesktop.DBus.Properties.Set',
                  'string:org.freedesktop.login1.Manager', 'string:LidClosed', f'variant:boolean:{str(closed).lower()}')


# It gives the reader back itself: fprintd hears of a program that has ended when it comes to it, and until then it's taken.
TRY = '''
import dbus, sys
device = dbus.Interface(
    dbus.bus.BusConnection(sys.argv[1]).get_object('net.reactivated.Fprint', '/net/reactivated/Fprint/Device/0'),
    'net.reactivated.Fprint.Device')
try:
    device.Claim('')
except dbus.DBusException as error:
    print('in use' if error.get_dbus_name().endswith('.AlreadyInUse') else error)
else:
    device.Release()
    print('free')
'''

HOLD = '''
import dbus, sys, time
device = dbus.bus.BusConnection(sys.argv[1]).get_object('net.reactivated.Fprint', '/net/reactivated/Fprint/Device/0')
device.Claim('', dbus_interface='net.reactivated.Fprint.Device')
print('claimed', flush=True)
time.sleep(600)
'''

FORGE = '''
import dbus, dbus.lowlevel, sys
address, pid, path, interface, member, *args = sys.argv[1:]
bus = dbus.bus.BusConnection(address)
driver = dbus.Interface(bus.get_object('org.freedesktop.DBus', '/org/freedesktop/DBus'), 'org.freedesktop.DBus')
daemon = [name for name in bus.list_names() if name[0] == ':' and driver.GetConnectionUnixProcessID(name) == int(pid)]
assert daemon, 'the daemon is not on the bus'
for name in daemon:
    signal = dbus.lowlevel.SignalMessage(path, interface, member)
    signal.set_destination(name)
    if member == 'PropertiesChanged':
        signal.append(args[0], {args[1]: True}, [], signature='sa{sv}as')
    else:
        signal.append(*args, signature='s' * len(args))
    bus.send_message(signal)
bus.flush()
'''
