"""The relay as its units start it: a systemd of its own in the guest, with all that the units restrict."""
import contextlib
import os
import signal
import unittest

import guest
import manager
from listener import listening
from person import wait_for
from test_relay import EVENT_READY, SOCKET, connect, event, relays

PATIENCE = 3 * guest.PATIENCE  # a whole systemd begins
TARGET = '''[Unit]
Requires=keyfob-uhid.socket
After=keyfob-uhid.socket
AllowIsolate=yes
'''


@manager.needed
class Units(unittest.TestCase):
    def setUp(self):
        aside = SOCKET + '.aside'
        os.rename(SOCKET, aside)
        self.addCleanup(os.rename, aside, SOCKET)
        wait_for(lambda: not relays(), 'those of other tests to end', guest.PATIENCE)
        self.before = listening(SOCKET)
        self.manager = manager.Manager(TARGET)
        self.addCleanup(self.end)
        wait_for(lambda: os.path.exists(SOCKET) and listening(SOCKET) > self.before, 'systemd to listen', PATIENCE)

    def end(self):
        self.manager.end()
        wait_for(lambda: listening(SOCKET) == self.before, 'systemd to go', guest.PATIENCE)
        with contextlib.suppress(FileNotFoundError):
            os.unlink(SOCKET)

    def test_a_device_comes_and_goes_with_its_connection(self):
        self.assertEqual(os.stat(SOCKET).st_mode & 0o777, 0o666)
        with connect(guest.UID) as connection:
            self.assertEqual(event(connection)[0], EVENT_READY)
            wait_for(lambda: guest.find_node(guest.UID), 'a device of the user\'s', guest.PATIENCE)
            relay, = relays()
            with open(f'/proc/{relay}/cgroup', encoding='utf-8') as file:
                self.assertIn('keyfob-uhid@', file.read())
            with open(f'/proc/{relay}/status', encoding='utf-8') as file:
                status = file.read()
            self.assertIn('CapBnd:\t0000000000000000', status)
            self.assertIn('NoNewPrivs:\t1', status)
            # The unit's filter, and the relay's own.
            self.assertRegex(status, r'Seccomp_filters:\t(?!0|1\n)\d+')
        wait_for(lambda: not guest.nodes(guest.UID) and not relays(), 'all of it to go', guest.PATIENCE)

    def test_a_relay_that_is_killed_is_followed_by_another(self):
        with connect(guest.UID) as connection:
            self.assertEqual(event(connection)[0], EVENT_READY)
            os.kill(relays().pop(), signal.SIGKILL)
            self.assertEqual(connection.recv(1), b'')
        # its connection ends a moment before its lock, for which the next one waits no longer than a second
        wait_for(lambda: not relays(), 'it to end', guest.PATIENCE)
        with connect(guest.UID) as connection:
            self.assertEqual(event(connection)[0], EVENT_READY)


if __name__ == '__main__':
    unittest.main()
