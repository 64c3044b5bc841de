"""A sandbox of an ordinary user's: what it runs is never root, nor are its files root's.

    import ordinary
    ordinary.Sandbox                    # like keyfob_test's, also where the tests are root's
    ordinary.UID, ordinary.USER         # whose: who runs the tests, or nobody instead of root
    ordinary.require()                  # skips the test, by name, where that user can't read what is tested
"""
import contextlib
import os
import pwd
import subprocess
import unittest

import keyfob_test as kt

UID = os.getuid() or pwd.getpwnam('nobody').pw_uid
USER, GID = pwd.getpwuid(UID).pw_name, pwd.getpwuid(UID).pw_gid
PREFIX = [] if os.getuid() else ['setpriv', f'--reuid={UID}', f'--regid={GID}', '--clear-groups', '--']


def require():
    if subprocess.run([*PREFIX, 'test', '-x', kt.stage().keyfob], check=False).returncode != 0:
        raise unittest.SkipTest(f'{USER} may not run what is in {kt.BUILD}')


def give(path):
    """To the user, whole."""
    os.chown(path, UID, GID)
    for directory, directories, files in os.walk(path):
        for name in directories + files:
            with contextlib.suppress(FileNotFoundError):  # a file that was about to take another's name
                os.chown(os.path.join(directory, name), UID, GID, follow_symlinks=False)
    return path


class Sandbox(kt.Sandbox):
    def __init__(self, bus=False):
        super().__init__(bus)
        self._directory('person')
        give(self.root)

    def write(self, name, content, mode=0o600):
        return give(super().write(name, content, mode))

    def run(self, argv, **options):
        return super().run([*PREFIX, *argv], **options)

    def spawn(self, argv, **options):
        return super().spawn([*PREFIX, *argv], **options)

    def terminal(self, argv, **options):
        return super().terminal([*PREFIX, *argv], **options)
