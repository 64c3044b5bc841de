#!/usr/bin/python3
"""What pam_keyfob hands to the user's daemon of a typed password, and of one that is changed. The daemon is played here."""
import contextlib
import ctypes
import os
import signal
import socket
import struct
import threading
import time

import keyfob_test as kt
import pam_stack

ITEMS = 'pam_wrapper/pam_set_items.so'
MEMORY, PASSES = 65536, 3
SLOT = bytes(range(16))
SALT = bytes(range(100, 116))
DONE, WRONG_KEY = 0, 1
OPEN, REPLACE = 1, 2
AUTHTOK_ERR = 20


def argon2id(password, salt):
    """By libsodium, without what is tested."""
    key = ctypes.create_string_buffer(32)
    sodium = ctypes.CDLL('libsodium.so.23')
    sodium.sodium_init()
    assert sodium.crypto_pwhash(key, ctypes.c_ulonglong(32), password, ctypes.c_ulonglong(len(password)), salt,
                                ctypes.c_ulonglong(PASSES), ctypes.c_size_t(MEMORY * 1024), 2) == 0
    return key.raw


def mirror(uid, salt=SALT, memory=MEMORY):
    name = b'keyfob slots 1'
    return (struct.pack('<I', len(name)) + name + bytes(16) + struct.pack('<I', uid) + bytes(32) + struct.pack('<I', 1) + SLOT +
            bytes([5]) + struct.pack('<II', memory, PASSES) + salt)


class Daemon:
    """Answers each frame with the same status; .frames has what came. Who waits is sent some signals first, when .signal is one."""

    def __init__(self, path, status=DONE):
        self.status, self.frames, self.signal = status, [], None
        os.makedirs(os.path.dirname(path), 0o700)
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.socket.bind(path)
        self.socket.listen()
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        while True:
            connection, _ = self.socket.accept()
            with connection:
                self.frames.append(connection.recv(256))
                self.disturb(connection)
                connection.send(b'KFUA' + bytes([1, self.status]) + bytes(10))

    def disturb(self, connection):
        pid, _, _ = struct.unpack('iII', connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
        for _ in range(30 if self.signal else 0):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, self.signal)
            time.sleep(0.01)


class Base(pam_stack.Stacks, kt.KeyfobTest):
    status = DONE

    def setUp(self):
        pam_stack.skip_unless_built()
        self.items = pam_stack.find(ITEMS)
        if not self.items:
            self.skipTest('pam_set_items of pam_wrapper is not installed')
        super().setUp()
        self.make_services()
        self.directory = os.path.join(self.sandbox.root, 'mirror')
        os.mkdir(self.directory)
        self.write_mirror(mirror(os.getuid()))
        self.daemon = Daemon(os.path.join(self.sandbox.runtime, 'keyfob', 'unlock'), self.status)
        keyfob = f'{pam_stack.module()} authpending_file= unlock mirror={self.directory}'
        self.stack([f'auth required {self.items}', f'auth optional {keyfob} capture', 'auth required pam_permit.so',
                    f'session optional {keyfob}', 'session required pam_permit.so',
                    f'password required {self.items}', f'password required {keyfob}', 'password required pam_permit.so'])

    def write_mirror(self, data):
        path = self.sandbox.write(f'mirror/{os.getuid()}', data, mode=0o644)
        return path

    def read_mirror(self):
        with open(os.path.join(self.directory, str(os.getuid())), 'rb') as file:
            return file.read()

    def with_password(self, password, *stages, code=0, **more):
        return self.log_in(stages=stages, bridge=False, code=code, env={'PAM_AUTHTOK': password, **more})


class Unlock(Base):
    def test_a_typed_password_opens_the_login_slot(self):
        self.with_password('pass word', 'authenticate', 'open')
        self.assertEqual(len(self.daemon.frames), 1)
        frame = self.daemon.frames[0]
        self.assertEqual(frame[:22], b'KFUF' + bytes([1, OPEN]) + SLOT)
        self.assertEqual(frame[22:54], argon2id(b'pass word', SALT))
        self.assertEqual(frame[54:], bytes(128 - 54))

    def test_the_password_itself_never_leaves(self):
        self.with_password('pass word', 'authenticate', 'open')
        self.assertNotIn(b'pass word', b''.join(self.daemon.frames))

    def test_once_and_only_after_authentication(self):
        self.with_password('pass word', 'open')
        self.with_password('pass word', 'authenticate')
        self.assertEqual(self.daemon.frames, [])
        self.with_password('pass word', 'authenticate', 'open', 'close', 'open')
        self.assertEqual(len(self.daemon.frames), 1)

    def test_capturing_lets_nobody_in(self):
        keyfob = f'{pam_stack.module()} authpending_file= unlock mirror={self.directory} capture'
        self.stack([f'auth [default=ignore] {self.items}', f'auth required {keyfob}'])
        self.assertNotEqual(self.with_password('pass word', 'authenticate', code=None).code, 0)
        self.stack([f'auth [default=ignore] {self.items}', f'auth sufficient {keyfob}', 'auth required pam_deny.so'])
        self.assertNotEqual(self.with_password('pass word', 'authenticate', code=None).code, 0)

    def test_a_cheap_or_strange_mirror_is_not_used(self):
        for data in (mirror(os.getuid(), memory=1024), mirror(os.getuid() + 1), mirror(os.getuid())[:-1], b''):
            self.write_mirror(data)
            self.with_password('pass word', 'authenticate', 'open')
        self.assertEqual(self.daemon.frames, [])

    def test_a_changed_password(self):
        self.with_password('new one', 'chauthtok', PAM_OLDAUTHTOK='pass word')
        frame = self.daemon.frames[0]
        salt = frame[94:110]
        self.assertEqual(frame[:22], b'KFUF' + bytes([1, REPLACE]) + SLOT)
        self.assertEqual(frame[22:54], argon2id(b'pass word', SALT))
        self.assertEqual(frame[54:86], argon2id(b'new one', salt))
        self.assertEqual(struct.unpack('<II', frame[86:94]), (MEMORY, PASSES))
        self.assertNotEqual(salt, SALT)
        self.assertEqual(self.read_mirror(), mirror(os.getuid(), salt))
        self.assertEqual(sorted(os.listdir(self.directory)), [str(os.getuid()), f'{os.getuid()}.lock'])
        self.with_password('new one', 'authenticate', 'open')
        self.assertEqual(self.daemon.frames[1][22:54], argon2id(b'new one', salt))

    def test_a_window_that_changes_its_size_ends_no_wait(self):
        self.daemon.signal = signal.SIGWINCH
        self.with_password('new one', 'chauthtok', PAM_OLDAUTHTOK='pass word')
        self.assertEqual(self.read_mirror(), mirror(os.getuid(), self.daemon.frames[0][94:110]))

    def test_without_the_old_password_nothing_changes(self):
        self.with_password('new one', 'chauthtok')
        self.assertEqual(self.daemon.frames, [])
        self.assertEqual(self.read_mirror(), mirror(os.getuid()))


class Refused(Base):
    status = WRONG_KEY

    def test_a_changed_password(self):
        said = self.with_password('new one', 'chauthtok', PAM_OLDAUTHTOK='pass word', code=AUTHTOK_ERR)
        self.assertIn('error: Keyfob: the vault does not follow', said)
        self.assertEqual(self.read_mirror(), mirror(os.getuid()))


if __name__ == '__main__':
    kt.main()
