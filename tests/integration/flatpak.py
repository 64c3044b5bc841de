"""A program in a root of its own that looks like a Flatpak's: what Flatpak leaves there is all that the daemon goes by.

No Flatpak is started: it needs a desktop, a runtime and its portal. What is real is the kernel's side of it: another
mount namespace, another root, and /proc/PID/root that leads there.
"""
import os
import shutil
import subprocess
import sys

# In the namespace: a root of links and bind mounts to everything that there is, and one file more.
SCRIPT = '''set -e
mount -t tmpfs none "$1"
cd "$1"
for name in /* ; do
    if [ -L "$name" ]; then cp -P "$name" ".$name"
    elif [ -d "$name" ]; then mkdir ".$name"; mount --rbind "$name" ".$name"
    fi
done
printf '%s' "$2" > .flatpak-info
shift 2
exec chroot . "$@"
'''


def possible():
    if not shutil.which('unshare') or not shutil.which('chroot'):
        return False
    return subprocess.run(['unshare', '-rm', 'true'], stderr=subprocess.DEVNULL, check=False).returncode == 0


def command(root, app, argv, info=None):
    """`argv` as an app; `root` is an empty directory that it gets as its root."""
    os.makedirs(root, exist_ok=True)
    info = f'[Application]\nname={app}\nruntime=runtime/org.example.Platform\n' if info is None else info
    return ['unshare', '-rm', '/bin/sh', '-c', SCRIPT, 'flatpak', root, info, *argv]


if __name__ == '__main__':
    sys.exit(0 if possible() else 1)
