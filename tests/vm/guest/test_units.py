"""The relay as its units start it: a systemd of its own in the guest, with all that the units restrict."""
import contextlib
import os
import signal
import subprocess
import unittest

import guest
from person import wait_for
from test_relay import EVENT_READY, SOCKET, connect, event, relays

SYSTEMD = '/lib/systemd/systemd'
TARGET = '''[Unit]
Requires=keyfob-uhid.socket
After=keyfob-uhid.socket
AllowIsolate=yes
'''
UNITS = '/etc/systemd/system'
# What a machine has already, or what would look through all of the host's files.
NOT_AGAIN = ('systemd-tmpfiles-setup', 'systemd-tmpfiles-setup-dev', 'systemd-udevd', 'systemd-udev-trigger', 'systemd-journald',
             'systemd-journal-flush', 'systemd-update-utmp')
START = f'''umount /sys/fs/cgroup && mount -t cgroup2 cgroup2 /sys/fs/cgroup &&
exec env container=other {SYSTEMD} --system --unit=keyfob-test.target --log-target=console --show-status=no'''


@guest.needs('unshare')
@unittest.skipUnless(os.path.exists(SYSTEMD), 'no systemd')
class Units(unittest.TestCase):
    def setUp(self):
        aside = SOCKET + '.aside'
        os.rename(SOCKET, aside)
        self.addCleanup(os.rename, aside, SOCKET)
        with open(f'{UNITS}/keyfob-test.target', 'w', encoding='utf-8') as file:
            file.write(TARGET)
        for name in NOT_AGAIN:
            with contextlib.suppress(FileExistsError):
                os.symlink('/dev/null', f'{UNITS}/{name}.service')
        self.manager = subprocess.Popen(['unshare', '--fork', '--pid', '--mount-proc', '--kill-child', 'sh', '-c', START],
                                        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self.addCleanup(self.end)
        wait_for(lambda: os.path.exists(SOCKET), 'systemd to listen', guest.PATIENCE)

    def end(self):
        self.manager.send_signal(signal.SIGKILL)
        self.manager.communicate()
        with contextlib.suppress(FileNotFoundError):
            os.unlink(SOCKET)

    def test_a_device_comes_and_goes_with_its_connection(self):
        self.assertEqual(os.stat(SOCKET).st_mode & 0o777, 0o666)
        with connect(guest.UID) as connection:
            self.assertEqual(event(connection)[0], EVENT_READY)
            wait_for(lambda: guest.nodes(guest.UID), 'the device', guest.PATIENCE)
            node = guest.nodes(guest.UID)[0]
            wait_for(lambda: os.stat(node).st_uid == guest.UID, 'the device to be the user\'s', guest.PATIENCE)
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
        with connect(guest.UID) as connection:
            self.assertEqual(event(connection)[0], EVENT_READY)


if __name__ == '__main__':
    unittest.main()
