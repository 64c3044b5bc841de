"""The relay's door, as its units say: systemd is not the guest's first process, so its own tool for trying out sockets listens.

A relay that ends is not missed: the next connection starts another, as Accept=yes does.
"""
import os
import re
import subprocess
import time

PATIENCE = 60
ACCEPTS = '00010000'  # flags of /proc/net/unix


def setting(path, name):
    """The last value of a setting of a unit."""
    with open(path, encoding='utf-8') as file:
        return re.findall(rf'(?m)^{name}=(.*)$', file.read())[-1]


def listening(path):
    """How many listen at that path: the file is there a moment earlier."""
    with open('/proc/net/unix', encoding='utf-8') as file:
        return sum(line.split()[3] == ACCEPTS and line.endswith(f' {path}\n') for line in file)


class Listener:
    def __init__(self, units):
        socket_unit, service = (os.path.join(units, name) for name in ('keyfob-uhid.socket', 'keyfob-uhid@.service'))
        self.path = setting(socket_unit, 'ListenSequentialPacket')
        self.program = setting(service, 'ExecStart')
        os.makedirs(os.path.dirname(self.path), int(setting(socket_unit, 'DirectoryMode'), 8), exist_ok=True)
        self.process = subprocess.Popen(['systemd-socket-activate', '--seqpacket', '--accept', '-l', self.path, self.program],
                                        stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + PATIENCE
        while not listening(self.path):
            if time.monotonic() > deadline or self.process.poll() is not None:
                raise RuntimeError('systemd-socket-activate does not listen')
            time.sleep(0.02)
        os.chmod(self.path, int(setting(socket_unit, 'SocketMode'), 8))

    def close(self):
        self.process.terminate()
        self.process.wait()
