"""CTAPHID by hand on the daemon's socket, for tests that look at single reports.

    with ctap_hid.Client(sandbox) as key:
        channel = key.init()
        status, reply = key.cbor(channel, b'\\x04')     # skips keepalives, which are counted in key.keepalives
        key.send(channel, ctap_hid.CBOR, b'\\x0b')      # without waiting
        channel, command, data = key.read()
"""
import os
import socket
import struct

REPORT = 64
BROADCAST = 0xffffffff
PING, MSG, LOCK, INIT, WINK, CBOR, CANCEL, KEEPALIVE, ERROR = (
    0x81, 0x83, 0x84, 0x86, 0x88, 0x90, 0x91, 0xbb, 0xbf)

# Statuses of CTAP2 and errors of CTAPHID
OK, OPERATION_DENIED, KEEPALIVE_CANCEL, NO_CREDENTIALS, USER_ACTION_TIMEOUT, NOT_ALLOWED = (
    0x00, 0x27, 0x2d, 0x2e, 0x2f, 0x30)
HID_TIMEOUT = 0x05
HID_BUSY = 0x06


def socket_path(sandbox):
    return os.path.join(sandbox.runtime, 'keyfob', 'ctap')


def reports_of(channel, command, data=b''):
    """The reports that carry a message."""
    reports = [struct.pack('>IBH', channel, command, len(data)) + data[:57]]
    rest = data[57:]
    for sequence, at in enumerate(range(0, len(rest), 59)):
        reports.append(struct.pack('>IB', channel, sequence) + rest[at:at + 59])
    return [report.ljust(REPORT, b'\0') for report in reports]


class Client:
    """A connection, which may have any number of channels."""

    def __init__(self, sandbox, timeout=30):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.socket.settimeout(timeout)
        self.socket.connect(sandbox if isinstance(sandbox, str) else socket_path(sandbox))
        self.keepalives = []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.socket.close()

    def send(self, channel, command, data=b''):
        for report in reports_of(channel, command, data):
            self.socket.send(report)

    def read(self):
        """One message: (channel, command, data). EOFError when the daemon has closed the connection."""
        channel, command, size, data = None, None, None, b''
        while size is None or len(data) < size:
            report = self.socket.recv(REPORT + 1)
            if not report:
                raise EOFError
            if len(report) != REPORT:
                raise AssertionError(f'a report of {len(report)} bytes')
            if size is None:
                channel, command, size = struct.unpack('>IBH', report[:7])
                data = report[7:]
            else:
                data += report[5:]
        return channel, command, data[:size]

    def closed(self):
        """Whether the daemon closes the connection: reads on to its end."""
        try:
            while self.socket.recv(REPORT):
                pass
        except ConnectionResetError:
            pass
        return True

    def reply(self, channel):
        """The message that is no keepalive."""
        while True:
            got, command, data = self.read()
            if command != KEEPALIVE:
                if got != channel:
                    raise AssertionError(f'an answer to {got:x}, not {channel:x}')
                return command, data
            self.keepalives.append(data[0])

    def init(self):
        nonce = os.urandom(8)
        self.send(BROADCAST, INIT, nonce)
        command, data = self.reply(BROADCAST)
        if command != INIT or data[:8] != nonce:
            raise AssertionError(f'no answer to INIT: {command:x} {data!r}')
        return struct.unpack('>I', data[8:12])[0]

    def cbor(self, channel, request):
        """(status, CBOR)"""
        self.send(channel, CBOR, request)
        return self.cbor_reply(channel)

    def cbor_reply(self, channel):
        command, data = self.reply(channel)
        if command != CBOR:
            raise AssertionError(f'command {command:x}: {data!r}')
        return data[0], data[1:]
