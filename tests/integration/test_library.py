#!/usr/bin/python3
"""libkeyfob in a program that lives on: what its calls leave in that program's memory, and what they promise."""
import subprocess
import sys
import unittest

import keyfob_test as kt
import test_memory as tm

# The program: a value that no other part of it ever holds is made in a buffer, used, and wiped. What it was is told
# in a disguise, so that telling leaves no copy either.
USER = r'''
import ctypes, sys

class Value(ctypes.Structure):
    _fields_ = [('data', ctypes.c_void_p), ('size', ctypes.c_size_t)]

lib, libc = ctypes.CDLL(sys.argv[1]), ctypes.CDLL(None)
lib.keyfob_value_free.restype = ctypes.c_void_p
k = ctypes.c_void_p()
assert lib.keyfob_connect(0, ctypes.byref(k)) == 0
buffer = ctypes.create_string_buffer(1024)
assert libc.getrandom(buffer, 32, 0) == 32
for i in range(32, 1024):
    buffer[i] = buffer[i % 32]
disguise = bytes(buffer[i][0] ^ 0x55 for i in range(32))
'''
USES = {
    'set and get': r'''
for n in range(32, 512, 7):
    user = b'x' * (n % 61)
    assert lib.keyfob_set(k, b'library', user, buffer, ctypes.c_size_t(n)) == 0
    value = ctypes.POINTER(Value)()
    assert lib.keyfob_get(k, b'library', user, ctypes.byref(value)) == 0
    assert value.contents.size == n and libc.memcmp(ctypes.c_void_p(value.contents.data), buffer, n) == 0
    lib.keyfob_value_free(value)
''',
    'store': r'''
class Item(ctypes.Structure):
    _fields_ = [('label', ctypes.c_char_p), ('attributes', ctypes.c_void_p), ('n_attributes', ctypes.c_size_t),
                ('match', ctypes.c_void_p), ('n_match', ctypes.c_size_t), ('collection', ctypes.c_char_p),
                ('content_type', ctypes.c_char_p), ('data', ctypes.c_void_p), ('size', ctypes.c_size_t)]

for n in range(32, 512, 7):
    item = Item(label=b'library', collection=b'default', content_type=b'text/' + b'x' * 120,
                data=ctypes.addressof(buffer), size=n)
    assert lib.keyfob_store(k, ctypes.byref(item), None) == 0
''',
    'ssh': r'''
class Policy(ctypes.Structure):
    _fields_ = [('confirm', ctypes.c_int), ('verify', ctypes.c_int), ('programs', ctypes.c_void_p), ('n_programs', ctypes.c_size_t),
                ('hosts', ctypes.c_void_p), ('n_hosts', ctypes.c_size_t), ('comment', ctypes.c_char_p)]

class NewKey(ctypes.Structure):
    _fields_ = [('type', ctypes.c_char_p), ('bits', ctypes.c_uint32), ('comment', ctypes.c_char_p), ('confirm', ctypes.c_bool),
                ('verify', ctypes.c_bool), ('programs', ctypes.c_void_p), ('n_programs', ctypes.c_size_t), ('hosts', ctypes.c_void_p),
                ('n_hosts', ctypes.c_size_t), ('device', ctypes.c_char_p), ('application', ctypes.c_char_p),
                ('user', ctypes.c_char_p), ('resident', ctypes.c_bool), ('verify_required', ctypes.c_bool),
                ('no_touch_required', ctypes.c_bool), ('pin', ctypes.c_void_p), ('pin_size', ctypes.c_size_t)]

value = ctypes.c_void_p()
for n in range(32, 512, 7):
    # there is no such key and no such device: what counts is what is left of the secrets here
    policy = Policy(confirm=0, verify=-1, comment=b'x' * (n % 61))
    assert lib.keyfob_ssh_set_policy(k, b'no such key', ctypes.byref(policy), buffer, ctypes.c_size_t(n)) > 0
    key = NewKey(type=b'ed25519-sk', device=b'/dev/none', comment=b'x' * (n % 61), pin=ctypes.addressof(buffer), pin_size=min(n, 63))
    assert lib.keyfob_ssh_add(k, ctypes.byref(key), ctypes.byref(value)) > 0
''',
    'restore': r'''
import os
with open('/dev/null') as file:
    for n in range(32, 512, 7):
        # no backup: what counts is what is left of the secret here
        assert lib.keyfob_restore(k, file.fileno(), 1, buffer, ctypes.c_size_t(n)) > 0
''',
    'two secrets in one call': r'''
for old in [37] * 7 + list(range(32, 64, 5)):
    for new in range(32, 64):
        # no PINs, as they are not UTF-8: what counts is what is left of them here
        assert lib.keyfob_authenticator_change_pin(k, buffer, ctypes.c_size_t(old), buffer, ctypes.c_size_t(new)) > 0
''',
}
END = r'''
ctypes.memset(buffer, 0, 1024)
sys.stdout.buffer.write(disguise)
sys.stdout.flush()
sys.stdin.read()
'''


@kt.not_sanitized
class Residues(kt.KeyfobTest):
    def setUp(self):
        super().setUp()
        self.sandbox.start_daemon()
        self.sandbox.init()

    def assertClean(self, use):
        # Without LD_BIND_NOW the dynamic linker saves vector registers, and what memcpy() left in them, on the stack.
        with subprocess.Popen([sys.executable, '-c', USER + use + END, self.sandbox.stage.libkeyfob],
                              stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                              env=self.sandbox.environment({'LD_BIND_NOW': '1'})) as user:
            secret = bytes(b ^ 0x55 for b in user.stdout.read(32))
            why = tm.readable(user.pid)
            found = {} if why else tm.residues(user.pid, [secret[:16], secret[16:]])
            user.stdin.close()
        self.assertEqual(user.returncode, 0)
        if why:
            self.skipTest(f'the memory of another process cannot be read here: {why}')
        self.assertEqual(found, {})

    def test_the_program_is_looked_at(self):
        with self.assertRaises(AssertionError):
            self.assertClean('kept = ctypes.create_string_buffer(32); ctypes.memmove(kept, buffer, 32)')

    def test_set_and_get(self):
        self.assertClean(USES['set and get'])

    def test_store(self):
        self.assertClean(USES['store'])

    def test_ssh(self):
        self.assertClean(USES['ssh'])

    def test_two_secrets_in_one_call(self):
        self.assertClean(USES['two secrets in one call'])


@kt.not_sanitized
class Contract(kt.KeyfobTest):
    """What the header promises of handles and arguments."""

    def setUp(self):
        super().setUp()
        self.sandbox.start_daemon()
        self.sandbox.init()

    def run_library(self, script):
        self.sandbox.run([sys.executable, '-c', USER + script, self.sandbox.stage.libkeyfob])

    def test_broken_arguments(self):
        self.run_library(r'''
value = ctypes.c_void_p()
for result in (lib.keyfob_connect(0, None), lib.keyfob_connect(64, ctypes.byref(value)), lib.keyfob_connect(6, ctypes.byref(value)),
               lib.keyfob_get(None, b'a', b'b', ctypes.byref(value)), lib.keyfob_get(k, None, b'b', ctypes.byref(value)),
               lib.keyfob_get(k, b'a', b'b', None), lib.keyfob_set(k, b'a', None, b'', 0),
               lib.keyfob_set(k, b'a', b'b', None, 5), lib.keyfob_delete(None, b'a', b'b'), lib.keyfob_unlock(None, None, None, 0),
               lib.keyfob_unlock(k, None, None, 1), lib.keyfob_lock(None, None), lib.keyfob_get_status(k, None),
               lib.keyfob_list(k, None, None), lib.keyfob_set_prompt(None, None, None), lib.keyfob_lookup(k, None, 0, ctypes.byref(value)),
               lib.keyfob_authenticator_info(k, None), lib.keyfob_authenticator_set_pin(None, b'1234', 4),
               lib.keyfob_authenticator_set_pin(k, None, 4), lib.keyfob_authenticator_change_pin(k, None, 4, b'1234', 4),
               lib.keyfob_authenticator_reset_pin(k, None, 4, b'1234', 4), lib.keyfob_authenticator_replug(None),
               lib.keyfob_authenticator_reset(None), lib.keyfob_passkey_list(k, None, False, None),
               lib.keyfob_passkey_rename(k, b'', 0, None, None), lib.keyfob_passkey_delete(k, None, 4),
               lib.keyfob_passkey_undelete(None, ctypes.c_uint64(1)), lib.keyfob_ssh_agent_info(k, None),
               lib.keyfob_ssh_list(None, False, ctypes.byref(value)), lib.keyfob_ssh_list(k, False, None),
               lib.keyfob_ssh_add(k, None, ctypes.byref(value)), lib.keyfob_ssh_keep(k, None), lib.keyfob_ssh_remove(None, b'a'),
               lib.keyfob_ssh_undelete(None, ctypes.c_uint64(1)), lib.keyfob_ssh_set_policy(k, b'a', None, None, 0),
               lib.keyfob_ssh_set_policy(k, None, b'x' * 64, None, 0)):
    assert result == -22, result
assert not value
assert lib.keyfob_set(k, b'empty', b'empty', None, 0) == 0
assert lib.keyfob_set(k, b'\xff', b'b', None, 0) == 2
for free in (lib.keyfob_close, lib.keyfob_value_free, lib.keyfob_items_free, lib.keyfob_status_free, lib.keyfob_authenticator_free,
             lib.keyfob_passkeys_free, lib.keyfob_ssh_agent_free, lib.keyfob_ssh_keys_free):
    assert not free(None)
''')

    def test_a_daemon_that_comes_back(self):
        self.run_library(f'''
import os, signal, subprocess, time
value = ctypes.c_void_p()
assert lib.keyfob_get(k, b'a', b'b', ctypes.byref(value)) == 1
os.kill({self.sandbox.daemon.pid}, signal.SIGTERM)
while os.path.exists('/proc/{self.sandbox.daemon.pid}') and open('/proc/{self.sandbox.daemon.pid}/stat').read().split()[2] != 'Z':
    time.sleep(0.05)
assert lib.keyfob_get(k, b'a', b'b', ctypes.byref(value)) == 5
subprocess.run([{self.sandbox.stage.keyfob!r}, 'status'], check=True, stdout=subprocess.DEVNULL)
assert lib.keyfob_get(k, b'a', b'b', ctypes.byref(value)) == 5
anew = ctypes.c_void_p()
assert lib.keyfob_connect(0, ctypes.byref(anew)) == 0
assert lib.keyfob_set(anew, b'a', b'b', b'x', ctypes.c_size_t(1)) == 3
assert lib.keyfob_get(anew, b'a', b'b', ctypes.byref(value)) in (1, 3)
lib.keyfob_close(k)
lib.keyfob_close(anew)
''')


if __name__ == '__main__':
    kt.main()
