"""python-fido2 on the daemon's socket, and a person who says yes.

    device = open_device(sandbox)           # a fido2.hid.CtapHidDevice
    ctap = fido2.ctap2.Ctap2(device)
"""
import contextlib
import os
import socket

from fido2.ctap2 import Ctap2
from fido2.hid import CtapHidDevice
from fido2.hid.base import CtapHidConnection, HidDescriptor
from person import wait_for

REPORT = 64
YES = '#!/bin/sh\ncat > /dev/null\n'


def socket_path(sandbox):
    return os.path.join(sandbox.runtime, 'keyfob', 'ctap')


class SocketConnection(CtapHidConnection):
    """One message is one report."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.socket.settimeout(60)
        self.socket.connect(path)

    def read_packet(self):
        return self.socket.recv(REPORT)

    def write_packet(self, data):
        self.socket.send(data)

    def close(self):
        self.socket.close()


def open_device(sandbox):
    path = socket_path(sandbox)
    return CtapHidDevice(HidDescriptor(path, 0, 0, REPORT, REPORT), SocketConnection(path))


def wait_for_fingers(sandbox):
    """Until the daemon knows of a finger: it looks for the reader when it is ready."""
    with contextlib.closing(open_device(sandbox)) as device:
        wait_for(lambda: Ctap2(device).info.options.get('bioEnroll'), 'a finger to be known')


def start_person(sandbox, script=YES):
    """A session agent that runs `script` for each question; returns its process when it is registered."""
    command = sandbox.write('person', script, mode=0o700)
    reader, writer = os.pipe()
    process = sandbox.spawn([sandbox.stage.keyfob, 'prompt-agent', '--command', command], stdout=writer)
    os.close(writer)
    with os.fdopen(reader, 'rb') as file:
        if file.readline() != b'ready\n':
            raise AssertionError(f'the agent did not register:\n{sandbox.read_log()}')
    return process
