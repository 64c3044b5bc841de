"""A systemd of its own in the guest, with processes and mounts of its own, that has units reach a target.

    @manager.needed
    class Units(unittest.TestCase):
        manager.Manager(TARGET)         # what a target of systemd's says in its [Unit], and what it wants
            .enter(['ls', '/proc'])     # the same program among the processes of that systemd
            .end()                      # with all that it started
"""
import contextlib
import os
import subprocess
import unittest

import guest
from person import runs, wait_for

SYSTEMD = '/lib/systemd/systemd'
UNITS = '/etc/systemd/system'
# What a machine has already, or what would look through all of the host's files.
NOT_AGAIN = ('systemd-tmpfiles-setup', 'systemd-tmpfiles-setup-dev', 'systemd-udevd', 'systemd-udev-trigger', 'systemd-journald',
             'systemd-journal-flush', 'systemd-update-utmp')
START = f'''umount /sys/fs/cgroup && mount -t cgroup2 cgroup2 /sys/fs/cgroup &&
exec env container=other {SYSTEMD} --system --unit=keyfob-test.target --log-target=console --show-status=no'''


def needed(case):
    return guest.needs('unshare', 'nsenter')(unittest.skipUnless(os.path.exists(SYSTEMD), 'no systemd')(case))


class Manager:
    def __init__(self, target):
        with open(f'{UNITS}/keyfob-test.target', 'w', encoding='utf-8') as file:
            file.write(target)
        for name in NOT_AGAIN:
            with contextlib.suppress(FileExistsError):
                os.symlink('/dev/null', f'{UNITS}/{name}.service')
        self.log = open('/tmp/manager.log', 'wb')  # pylint: disable=consider-using-with
        self.process = subprocess.Popen(['unshare', '--fork', '--pid', '--mount-proc', '--kill-child', 'sh', '-c', START],
                                        stdin=subprocess.DEVNULL, stdout=self.log, stderr=subprocess.STDOUT)

        self.pid = wait_for(self._first, 'the first process', guest.PATIENCE)

    def _first(self):
        with open(f'/proc/{self.process.pid}/task/{self.process.pid}/children', encoding='utf-8') as file:
            return file.read().strip()

    def enter(self, argv):
        return ['nsenter', '--target', self.pid, '--pid', '--mount', '--', *argv]

    def read_log(self):
        with open(self.log.name, encoding='utf-8', errors='replace') as file:
            return file.read()

    def end(self):
        """The first process ends after all the others among its own."""
        self.process.kill()
        self.process.wait()
        wait_for(lambda: not runs(self.pid), 'all that it started to end', guest.PATIENCE)
        self.log.close()
