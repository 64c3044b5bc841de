"""A stand-in for keyfob-uhid and for the kernel's list of devices, in a mount namespace of this process.

The real relay needs /dev/uhid, which tests/vm/ has; this one speaks helper/uhid.h only, so that every turn of the protocol
can be tried everywhere. enter() must come before anything is started. It makes /run, /sys and /dev this process's own; who
may not do that gets a unittest.SkipTest.
"""
import ctypes
import os
import socket
import struct
import unittest

import ctap_hid as hid

SOCKET = '/run/keyfob/uhid'
READY, REFUSED, OPENED, CLOSED = range(1, 5)
IN_USE, NO_DEVICE, FAILED = range(1, 4)

CLONE_NEWNS = 0x00020000
MS_BIND, MS_REC, MS_PRIVATE, MS_MOVE = 4096, 16384, 1 << 18, 8192
DEVICES = ('null', 'zero', 'full', 'random', 'urandom', 'tty', 'ptmx', 'pts', 'shm')


def _call(function, *args):
    libc = ctypes.CDLL(None, use_errno=True)
    if getattr(libc, function)(*args) != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()), function)


def _mount(source, target, kind, flags=0):
    _call('mount', source.encode(), target.encode(), kind.encode(), flags, b'mode=755' if kind == 'tmpfs' else None)


def _own_dev():
    """A /dev that nodes can be added to."""
    _mount('tmpfs', '/run', 'tmpfs')
    os.mkdir('/run/dev')
    _mount('tmpfs', '/run/dev', 'tmpfs')
    for name in DEVICES:
        if os.path.exists(f'/dev/{name}'):
            target = f'/run/dev/{name}'
            if os.path.isdir(f'/dev/{name}'):
                os.mkdir(target)
            else:
                os.close(os.open(target, os.O_CREAT | os.O_WRONLY))
            _mount(f'/dev/{name}', target, '', MS_BIND | MS_REC)
    os.symlink('/proc/self/fd', '/run/dev/fd')
    _mount('/run/dev', '/dev', '', MS_MOVE)


def enter():
    try:
        _call('unshare', CLONE_NEWNS)
        _mount('none', '/', '', MS_REC | MS_PRIVATE)
        _own_dev()
        _mount('tmpfs', '/sys', 'tmpfs')
    except OSError as error:
        raise unittest.SkipTest(f'needs a mount namespace of its own: {error}') from None
    os.makedirs(os.path.dirname(SOCKET))
    os.makedirs('/sys/class/hidraw')


def add_device(name, uniq, where='/devices/virtual/misc/uhid/0003:0000:0000.0001'):
    """One of the kernel's HID devices, as /sys and /dev show it; its node is a file."""
    os.makedirs(f'/sys{where}/hidraw/{name}')
    with open(f'/sys{where}/uevent', 'w', encoding='utf-8') as file:
        file.write(f'DRIVER=hid-generic\nHID_ID=0003:00000000:00000000\nHID_NAME=Keyfob\nHID_UNIQ={uniq}\n')
    os.symlink('../..', f'/sys{where}/hidraw/{name}/device')
    os.symlink(f'../..{where}/hidraw/{name}', f'/sys/class/hidraw/{name}')
    with open(f'/dev/{name}', 'w', encoding='utf-8'):
        pass


class Connection(hid.Client):
    """The relay's end: it carries the reports of programs."""

    def __init__(self, connected):  # pylint: disable=super-init-not-called
        self.socket = connected
        self.socket.settimeout(30)
        self.keepalives = []

    def tell(self, kind, number=0):
        self.socket.send(struct.pack('<II', kind, number))

    def ready(self):
        self.tell(READY)
        return self


class Relay:
    """Listens as the relay's socket unit does; as another user, if told so."""

    def __init__(self, uid=0):
        if os.path.exists(SOCKET):
            os.unlink(SOCKET)
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.socket.settimeout(30)
        self.socket.bind(SOCKET)
        os.chmod(SOCKET, 0o666)
        os.seteuid(uid)
        try:
            self.socket.listen(8)
        finally:
            os.seteuid(0)

    def accept(self):
        return Connection(self.socket.accept()[0])

    def forget(self):
        """Drops who has not been accepted yet."""
        self.socket.setblocking(False)
        try:
            while True:
                self.socket.accept()[0].close()
        except BlockingIOError:
            self.socket.settimeout(30)

    def close(self):
        self.socket.close()
        os.unlink(SOCKET)
