"""What the PAM module does, without PAM: reads the mirror, derives slot keys, hands frames over.

    mirror = login.Mirror(client)                   # by MirrorSlots, read by docs/PROTOCOL.md alone
    known = login.Mirror(data=bytes)                # what root has of it
    slot = mirror.of('login')
    key = slot.derive(b'login password')
    self.assertEqual(login.hand_over(sandbox, login.open_frame(slot.id, key)), (login.DONE, 0))
"""
import hashlib
import hmac
import os
import socket
import struct
import sys

import keyfob_bus as kb

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'vectors'))
import decode  # pylint: disable=wrong-import-position

DONE, WRONG_KEY, NO_SLOT, NO_VAULT, NOT_ALLOWED, WAIT, DAMAGED, INVALID, FAILED = range(9)
MEMORY, PASSES = 65536, 3


class Slot:
    def __init__(self, reader):
        self.id, self.kind = reader.raw(16), reader.u8()
        if self.kind == 5:
            self.memory, self.passes, self.salt = reader.u32(), reader.u32(), reader.raw(16)
        elif self.kind == 6:
            self.uv, self.rp_id, self.credential = bool(reader.u8()), reader.text(), reader.blob()
        else:
            raise ValueError('another kind')

    def derive(self, secret):
        """The slot key, of a password or of what a security key answered."""
        if self.kind == 5:
            return decode.argon2id(secret, self.salt, self.memory, self.passes)
        return decode.hkdf(b'', secret, decode.text('keyfob slot fido2') + self.id)


class Mirror:
    def __init__(self, client=None, data=None):
        reader = decode.Reader(data if client is None else bytes(client.call(kb.STORE, 'MirrorSlots')[0]))
        decode.check(reader.blob() == b'keyfob slots 1', 'title')
        self.vault, self.uid, self.salt = reader.raw(16), reader.u32(), reader.raw(32)
        self.slots = [Slot(reader) for _ in range(reader.u32())]
        reader.end()

    def of(self, kind):
        found, = [s for s in self.slots if s.kind == {'login': 5, 'fido2': 6}[kind]]
        return found

    def check_salt(self):
        title = b'keyfob hmac-secret salt 1'
        salt = hashlib.blake2b(struct.pack('<I', len(title)) + title + self.vault, digest_size=32).digest()
        return hmac.compare_digest(salt, self.salt)


def frame(kind, slot, key, rest=b''):
    return (b'KFUF\1' + bytes([kind]) + slot + key + rest).ljust(128, b'\0')


def open_frame(slot, key):
    return frame(1, slot, key)


def replace_frame(slot, key, password, salt=None, memory=MEMORY, passes=PASSES):
    """A frame, and the key that it puts in the place of the old one."""
    salt = salt or os.urandom(16)
    new = decode.argon2id(password, salt, memory, passes) if memory >= 64 else bytes(32)
    return frame(2, slot, key, new + struct.pack('<II', memory, passes) + salt), new


def connect(sandbox):
    peer = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    peer.settimeout(60)
    peer.connect(os.path.join(sandbox.runtime, 'keyfob', 'unlock'))
    return peer


def read_answer(data):
    """(status, seconds), or None when the connection was closed."""
    if not data:
        return None
    decode.check(len(data) == 16 and data[:5] == b'KFUA\1' and data[6:8] == bytes(2) and data[12:] == bytes(4), 'answer')
    return data[5], struct.unpack('<I', data[8:12])[0]


def hand_over(sandbox, packet):
    with connect(sandbox) as peer:
        peer.send(packet)
        answer = read_answer(peer.recv(100))
        if answer is not None:
            decode.check(peer.recv(100) == b'', 'the connection ends')
        return answer
