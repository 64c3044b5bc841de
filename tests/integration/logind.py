"""A private system bus with a logind of python3-dbusmock: a mock, for the real one needs to be process 1's.

It has the interface of logind as far as it goes: Inhibit gives a descriptor that counts as long as it is open, sessions say
Lock and have a LockedHint. When the machine sleeps is said by the test.

    logind.require()                    # skips the test, by name, where that can't be had
    machine = Logind(sandbox)           # the bus is in sandbox.env from now on: start the daemon after it
    machine.delayed()                   # waits until Keyfob has the machine wait before it sleeps
    machine.prepare_for_sleep(True)
"""
import os
import subprocess
import unittest

import keyfob_test as kt
from jeepney import DBusAddress, MessageType, new_method_call
from jeepney.io.blocking import open_dbus_connection
from person import wait_for

PYTHON = '/usr/bin/python3'  # the one that Debian's dbusmock is for
NAME = 'org.freedesktop.login1'
ROOT = '/org/freedesktop/login1'
MOCK = 'org.freedesktop.DBus.Mock'
CONFIG = '''<!DOCTYPE busconfig PUBLIC
  "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN" "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>system</type>
  <listen>unix:path={path}</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow user="*"/>
    <allow own="*"/>
    <allow send_destination="*" eavesdrop="true"/>
    <allow eavesdrop="true"/>
  </policy>
</busconfig>
'''


def require():
    if os.geteuid() != 0:
        raise unittest.SkipTest('only a logind of root is trusted, and this test is not run by root')
    if subprocess.run([PYTHON, '-c', 'import dbusmock'], stderr=subprocess.DEVNULL, check=False).returncode != 0:
        raise unittest.SkipTest('python3-dbusmock is not installed')


class Logind:
    def __init__(self, sandbox):
        self.sandbox = sandbox
        path = os.path.join(sandbox.root, 'system')
        config = sandbox.write('system.conf', CONFIG.format(path=path))
        self.address = sandbox.env['DBUS_SYSTEM_BUS_ADDRESS'] = 'unix:path=' + path
        sandbox.spawn(['dbus-daemon', f'--config-file={config}', '--nofork', '--nopidfile'])
        wait_for(lambda: kt.peer_pid(path), 'the system bus')  # its socket is there a moment before it listens
        self.start()

    def start(self):
        self.process = self.sandbox.spawn([PYTHON, '-m', 'dbusmock', '--system', '--template', 'logind'])
        wait_for(lambda: self.call('/org/freedesktop/DBus', 'org.freedesktop.DBus', 'NameHasOwner', 's', NAME,
                                   destination='org.freedesktop.DBus'), 'logind')

    def kill(self):
        self.process.kill()
        self.process.wait()

    def call(self, path, interface, member, signature=None, *body, destination=NAME):
        connection = open_dbus_connection(bus=self.address, auth_timeout=kt.TIMEOUT)
        try:
            reply = connection.send_and_get_reply(
                new_method_call(DBusAddress(path, destination, interface), member, signature, body), timeout=kt.TIMEOUT)
        finally:
            connection.close()
        if reply.header.message_type == MessageType.error:
            raise AssertionError(f'{member}: {reply.body}')
        return reply.body[0] if reply.body else None

    # The person's sessions

    def add_session(self, name, uid):
        return self.call(ROOT, MOCK, 'AddSession', 'ssusb', name, 'seat0', uid, 'somebody', True)

    def lock_session(self, path):
        self.call(path, NAME + '.Session', 'Lock')

    def set_locked_hint(self, path, locked):
        self.call(path, NAME + '.Session', 'SetLockedHint', 'b', locked)

    # The machine's sleep

    def inhibitors(self):
        return [entry[:4] for entry in self.call(ROOT, NAME + '.Manager', 'ListInhibitors')]

    def delays(self):
        return [entry for entry in self.inhibitors() if (entry[0], entry[1], entry[3]) == ('sleep', 'Keyfob', 'delay')]

    def delayed(self):
        wait_for(self.delays, 'Keyfob to delay the sleep')

    def may_sleep(self):
        wait_for(lambda: not self.delays(), 'Keyfob to let it sleep')

    def prepare_for_sleep(self, about_to):
        self.call(ROOT, MOCK, 'EmitSignal', 'sssav', NAME + '.Manager', 'PrepareForSleep', 'b', [('b', about_to)])
