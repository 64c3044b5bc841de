"""A client of the ssh-agent: messages by hand, and ssh's own tools at the same socket.

    with ssh_client.Client(path) as client:
        client.keys()                            # [(blob, comment), …]
        client.sign(blob, b'data', flags=2)      # the signature, None when it is refused
"""
import base64
import contextlib
import os
import socket
import struct

TIMEOUT = 60
FAILURE, SUCCESS = 5, 6
LIST, KEYS, SIGN, SIGNATURE = 11, 12, 13, 14
ADD, REMOVE, REMOVE_ALL, ADD_CARD, REMOVE_CARD = 17, 18, 19, 20, 21
LOCK, UNLOCK, ADD_CONSTRAINED, ADD_CARD_CONSTRAINED, EXTENSION, EXTENSION_FAILURE = 22, 23, 25, 26, 27, 28


def string(data):
    data = data.encode() if isinstance(data, str) else data
    return struct.pack('>I', len(data)) + data


def framed(body):
    return string(body)


class Reader:
    def __init__(self, data):
        self.data = data

    def raw(self, n):
        if n > len(self.data):
            raise ValueError('short')
        taken, self.data = self.data[:n], self.data[n:]
        return taken

    def u8(self):
        return self.raw(1)[0]

    def u32(self):
        return struct.unpack('>I', self.raw(4))[0]

    def string(self):
        return self.raw(self.u32())


class Client:
    def __init__(self, path, timeout=TIMEOUT):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.connect(path)  # waits when many others come
        self.socket.settimeout(timeout)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.socket.close()

    def fileno(self):
        return self.socket.fileno()

    def send(self, kind, body=b''):
        self.socket.sendall(framed(bytes([kind]) + body))

    def _take(self, n):
        taken = b''
        while len(taken) < n:
            more = self.socket.recv(n - len(taken))
            if not more:
                raise EOFError
            taken += more
        return taken

    def reply(self):
        body = self._take(struct.unpack('>I', self._take(4))[0])
        return body[0], body[1:]

    def call(self, kind, body=b''):
        self.send(kind, body)
        return self.reply()

    def succeeds(self, kind, body=b''):
        kind, _ = self.call(kind, body)
        return kind == SUCCESS

    def keys(self):
        kind, body = self.call(LIST)
        if kind != KEYS:
            raise AssertionError(f'{kind} instead of the keys')
        reader = Reader(body)
        return [(reader.string(), reader.string().decode()) for _ in range(reader.u32())]

    def send_sign(self, blob, data=b'data', flags=0):
        self.send(SIGN, string(blob) + string(data) + struct.pack('>I', flags))

    def signature(self):
        kind, body = self.reply()
        return Reader(body).string() if kind == SIGNATURE else None

    def sign(self, blob, data=b'data', flags=0):
        self.send_sign(blob, data, flags)
        return self.signature()


class Tools:
    """ssh's programs in a sandbox, with Keyfob's agent."""

    def __init__(self, sandbox):
        self.sandbox = sandbox
        self.path = os.path.join(sandbox.runtime, 'keyfob', 'ssh')
        self.env = {'SSH_AUTH_SOCK': self.path, 'SSH_ASKPASS': None, 'DISPLAY': None}

    def file(self, name):
        return os.path.join(self.sandbox.root, name)

    def keygen(self, name, kind='ed25519', *args):
        """A new key in a file; returns the file's path."""
        bits = {'ecdsa-256': 256, 'ecdsa-384': 384, 'ecdsa-521': 521, 'rsa': 2048, 'rsa-4096': 4096}.get(kind)
        argv = ['ssh-keygen', '-q', '-t', kind.split('-')[0] if bits else kind, '-N', '', '-C', name, '-f', self.file(name)]
        self.sandbox.run([*argv, *(['-b', str(bits)] if bits else []), *args])
        return self.file(name)

    def certify(self, authority, key, *args, identity='id', principals='alice'):
        """A certificate of key.pub; returns its path."""
        self.sandbox.run(['ssh-keygen', '-q', '-s', authority, '-I', identity, '-n', principals, *args, key + '.pub'])
        return key + '-cert.pub'

    def add(self, *args, code=0, **options):
        return self.sandbox.run(['ssh-add', *args], env=self.env, code=code, **options)

    def listed(self):
        """The comments that ssh-add -l shows."""
        result = self.sandbox.run(['ssh-add', '-L'], env=self.env, code=None)
        if result.returncode == 1:
            return []
        return [line.split(' ', 2)[2] if line.count(' ') > 1 else '' for line in result.stdout.decode().splitlines()]

    def public(self, path):
        """The wire format of a public key file."""
        with open(path if path.endswith('.pub') else path + '.pub', encoding='utf-8') as file:
            return base64.b64decode(file.read().split()[1])

    @contextlib.contextmanager
    def client(self, timeout=TIMEOUT):
        with Client(self.path, timeout) as client:
            yield client
