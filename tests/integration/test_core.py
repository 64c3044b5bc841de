#!/usr/bin/python3
"""A core image of keyfobd after everything that can go through it: none of the secrets, none of the keys; and, when the
vault is locked, no key in the whole of its memory, locked pages included, but the one of the index.

The keys are read from the vault's file by docs/FORMAT.md (tests/vectors/decode.py), so the test knows every one of them."""
import contextlib
import hashlib
import os
import re
import shutil
import sqlite3
import subprocess
import tempfile
import unittest

import keyfob_bus as kb
import keyfob_test as kt
import login
import secret_client as sc
import ssh_client
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_ssh_private_key
from jeepney import DBusAddress
from person import Person, wait_for
from test_memory import children, readable, residues, secret

try:
    from fido2.ctap2 import ClientPin
    from test_ask_for_pin import open_key
except ImportError:
    ClientPin = None

decode = login.decode

SSH = DBusAddress('/org/keyfob', bus_name='org.keyfob.Daemon', interface='org.keyfob.Ssh1')
CHEAP = ('--kdf-memory', '64', '--kdf-passes', '3')
RP = 'example.org'
HASH = hashlib.sha256(b'client data').digest()
CLASSES = {1: 'passkeys', 2: 'ssh'}


class Keys(decode.Vault):
    """Every key that opens something in a vault, and what its classes hold: {what it is: bytes}."""

    def __init__(self, path, secrets):
        super().__init__(path, secrets)
        self.found = {}
        self.open_slots()
        self.open_keys()
        for scope, root in self.roots.items():
            self.found[f'root {scope}'] = root
            self.found[f'wrap {scope}'] = decode.derive(root, 'keyfob wrap', self.id)
        for (purpose, owner), (_, key) in self.keys.items():
            self.found[f'key {purpose} {owner}'] = key
            for label in ('keyfob sum', 'keyfob marks', 'keyfob manifest'):
                self.found[f'{label} {purpose} {owner}'] = decode.derive(key, label)
        for number, name in CLASSES.items():
            self.records(number, name)

    def kek(self, kind, id_, params, shown_params):
        key = super().kek(kind, id_, params, shown_params)
        if key:
            self.found[f'slot {kind} {id_.hex()}'] = key
        return key

    def records(self, number, name):
        """What is in them that nobody may see: not what is listed while locked."""
        first = decode.CLASS + number << 40
        for row in self.rows('SELECT id,version,key,tag,box FROM item WHERE id BETWEEN ? AND ?', first, first + (1 << 40) - 1):
            reader = self.unbox(*row)
            layout = reader.u8()
            for _ in range(reader.u32()):
                reader.raw(33)
            data = reader.blob()
            hint = reader.blob() if layout == 2 else b''
            for at in range(0, len(data) - 23, 24):
                window = data[at:at + 24]
                # Bytes that are random, as keys are: names of relying parties and of algorithms are nobody's secret.
                if len(set(window)) > 18 and not re.search(rb'[ -~]{6}', window) and window not in hint:
                    self.found[f'{name} {row[0]} {at}'] = window


def keys_of(path, secrets):
    """Of a vault that a daemon has open: of a copy, into which its log is merged."""
    with tempfile.TemporaryDirectory() as place:
        copy = os.path.join(place, 'vault.db')
        for end in ('', '-wal'):
            with contextlib.suppress(FileNotFoundError):
                shutil.copy(path + end, copy + end)
        with contextlib.closing(sqlite3.connect(copy)) as db:
            db.execute('PRAGMA wal_checkpoint(TRUNCATE)')
        vault = Keys(copy, {1: None, 2: None, 4: None, 5: None, 7: None, 'touched': None, 'verified': None} | secrets)
        vault.db.close()
    return vault.found


def both_orders(number):
    """A number as bytes and as libcrypto's words of it."""
    size = (number.bit_length() + 7) // 8
    return number.to_bytes(size, 'big')[8:40], number.to_bytes(size, 'little')[8:40]


def core_of(pid, place):
    """What a core file of the process would have, but for pages of zeros; None where there is no gdb, or it may not."""
    if not shutil.which('gdb'):
        return None
    path = os.path.join(place, 'core')
    subprocess.run(['gdb', '-nx', '-batch', '-p', str(pid), '-ex', f'gcore {path}'], stdin=subprocess.DEVNULL,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=120, check=False)
    if not os.path.exists(path):
        return None
    with open(path, 'rb') as file:
        pages = [page for page in iter(lambda: file.read(4096), b'') if page.count(0) < len(page)]
    os.unlink(path)
    return b''.join(pages)


@unittest.skipIf(kt.sanitized(), 'AddressSanitizer keeps freed memory')
class Core(kt.KeyfobTest):
    bus = True

    def setUp(self):
        super().setUp()
        self.sandbox.use_pinentry(None)
        self.password = secret('password')
        self.daemon = self.sandbox.start_daemon()
        why = readable(self.daemon.pid)
        if why:
            self.skipTest(f'the memory of keyfobd cannot be read here: {why}')
        self.sandbox.wait_for_name()
        self.sandbox.init(self.password.decode())
        self.secrets = {'password': self.password}     # what nobody's memory may have
        self.keys = {}                                  # what only locked pages may have, while the vault is open
        self.lasting = {}                               # what stays in them when it is locked
        self.open = {}                                  # what the vault's slots open with, for decode
        self.n = 0

    # Needles

    def new(self, name):
        self.n += 1
        value = secret(name)
        self.secrets[f'{name} {self.n}'] = value
        return value

    def file(self, name):
        """A new secret in a file, without a newline."""
        value = self.new(name)
        return value, self.sandbox.write(f'secret-{self.n}', value)

    def auth(self):
        return ('--password-file', self.sandbox.write('auth', self.password))

    def learn(self):
        self.keys |= {f'{name}, {len(self.keys)}': key for name, key in
                      keys_of(self.sandbox.vault, {1: self.password} | self.open).items()}

    @staticmethod
    def pieces(needles):
        found = {}
        for name, value in needles.items():
            for piece in (value[:24], value[-24:]) if len(value) > 32 else (value[:24],):
                found[piece] = name
        return found

    def assertGone(self, pid, needles):
        pieces = self.pieces(needles)
        found = {}

        def gone():
            found.clear()
            found.update({pieces[needle]: place for needle, place in residues(pid, set(pieces)).items()})
            return not found
        try:
            wait_for(gone, 'memory without them', timeout=60)
        except AssertionError:
            self.fail('\n'.join(f'{name}: in {place[0]}: {place[1]}' for name, place in found.items()))

    def assertNotInCore(self, needles):
        core = core_of(self.daemon.pid, self.sandbox.root)
        if core is None:
            return
        self.assertIn(b'keyfobd', core)
        found = {name: core[max(0, core.find(piece) - 64):core.find(piece) + 64]
                 for piece, name in self.pieces(needles).items() if piece in core}
        self.assertEqual(found, {})

    def check(self):
        for pid in (self.daemon.pid, *children(self.daemon.pid)):
            self.assertGone(pid, self.secrets)

    # Traffic

    def secret_service(self):
        for address in (self.sandbox.bus_address, f'unix:path={self.sandbox.socket}'):
            for dh in (False, True):
                with sc.Client(address) as client:
                    session = client.open_session(dh=dh)
                    if dh:
                        self.lasting[f'session {address}'] = session.key
                    items = []
                    for n in range(20):
                        value = self.new('item')
                        items.append(client.create_item(sc.DEFAULT, {'n': str(n), 'dh': str(dh), 'at': address}, value,
                                                        session, replace=True))
                        self.assertEqual(client.secret(items[-1], session)[0], value)
                    value = self.new('large') + os.urandom(100000)
                    client.call(items[0], sc.ITEM, 'SetSecret', '(oayays)', session.encode(value))
                    self.assertEqual(client.secret(items[0], session)[0], value)
                    self.assertEqual(len(client.service('GetSecrets', 'aoo', items, session.path)), 20)
                    value = self.new('session')
                    item = client.create_item(sc.SESSION, {'at': address, 'dh': str(dh)}, value, session)
                    self.assertEqual(client.secret(item, session)[0], value)
                    client.call(items[1], sc.ITEM, 'Delete')
                    if dh:
                        self.check_while_connected()

    def check_while_connected(self):
        """Sessions stay for as long as their client does."""
        self.assertNotInCore(self.lasting)

    def store(self):
        for where in (self.sandbox.bus_address, self.sandbox.socket):
            with kb.Client(where) as client:
                for n in range(50):
                    value = self.new('store') + b'.' * n * 37
                    client.store({'service': 'core', 'username': str(n % 7)}, value)
                    self.assertEqual(client.lookup(service='core', username=str(n % 7)), value)
                client.delete(service='core', username='3')
        value = self.new('cli')
        self.keyfob('set', 'core', 'cli', input=value)
        self.assertEqual(self.keyfob('get', 'core', 'cli').stdout, value)

    def authenticator(self):
        """The PIN by the bus and by CTAP, passkeys, hmac-secret."""
        if not ClientPin:
            return
        first, path = self.file('pin')
        pin = first[:50].decode()
        self.sandbox.write(os.path.basename(path), pin)
        self.keyfob('authenticator', 'pin', 'set', '--pin-file', path)
        person = Person(self.sandbox, always='allow')
        self.addCleanup(kt.end_process, person.process)
        key, ctap, client = open_key(self, asks=False)
        for n in range(3):
            new = self.new('pin')[:50].decode()
            client.change_pin(pin, new)
            pin = new
            self.lasting[f'hash of pin {n}'] = hashlib.sha256(pin.encode()).digest()[:16]
            with self.shared_secrets(client, n):
                token = client.get_pin_token(pin, ClientPin.PERMISSION.MAKE_CREDENTIAL | ClientPin.PERMISSION.GET_ASSERTION, RP)
            self.lasting[f'token {n}'] = token
            made = ctap.make_credential(HASH, {'id': RP, 'name': RP}, {'id': bytes([n]) * 9, 'name': f'user {n}'},
                                        [{'alg': (-7, -8, -7)[n], 'type': 'public-key'}], options={'rk': n != 1},
                                        extensions={'hmac-secret': True}, pin_uv_param=client.protocol.authenticate(token, HASH),
                                        pin_uv_protocol=client.protocol.VERSION)
            self.assertSigns(ctap, client, made, n)
        self.check_while_connected()
        key.close()
        kt.end_process(person.process)

    @contextlib.contextmanager
    def shared_secrets(self, client, n):
        encapsulate = client.protocol.encapsulate

        def remembered(peer):
            public, shared = encapsulate(peer)
            self.secrets[f'shared secret {n} {len(self.secrets)}'] = shared
            return public, shared
        client.protocol.encapsulate = remembered
        yield
        client.protocol.encapsulate = encapsulate

    def assertSigns(self, ctap, client, made, n):
        protocol, salt = client.protocol, os.urandom(32)
        with self.shared_secrets(client, n):
            public, shared = client._get_shared_secret()
        encrypted = protocol.encrypt(shared, salt)
        allowed = [{'type': 'public-key', 'id': made.auth_data.credential_data.credential_id}]
        answer = ctap.get_assertion(RP, HASH, allow_list=allowed, extensions={'hmac-secret': {
            1: public, 2: encrypted, 3: protocol.authenticate(shared, encrypted), 4: protocol.VERSION}})
        self.secrets[f'salt {n}'] = salt
        self.secrets[f'hmac-secret {n}'] = protocol.decrypt(shared, answer.auth_data.extensions['hmac-secret'])
        self.assertEqual(len(self.secrets[f'hmac-secret {n}']), 32)

    def ssh(self):
        """Keys that are added, kept, and made, of each kind; RSA is written about in docs/THREATS.md."""
        tools = ssh_client.Tools(self.sandbox)
        kinds = ('ed25519', 'ecdsa-256', 'ecdsa-384', 'ecdsa-521', 'rsa')
        for kind in kinds:
            for kept in (False, True):
                name = f'{kind}-{kept}'
                path = tools.keygen(name, kind)
                with open(path, 'rb') as file:
                    private = load_ssh_private_key(file.read(), None)
                if kind == 'ed25519':
                    numbers = [private.private_bytes(Encoding.Raw, PrivateFormat.Raw, NoEncryption())]
                elif kind == 'rsa':
                    n = private.private_numbers()
                    numbers = [piece for x in (n.d, n.p, n.q, n.dmp1, n.dmq1, n.iqmp) for piece in both_orders(x)]
                else:
                    numbers = both_orders(private.private_numbers().private_value)
                # Of a stored key what was read stays while the vault is open, unless it is RSA.
                where = self.lasting if kept and kind != 'rsa' else self.secrets
                where.update({f'{name} {i}': piece for i, piece in enumerate(numbers)})
                tools.add('-q', path)
                os.unlink(path)
                if kept:
                    with kb.Client(self.sandbox.socket) as client:
                        client.call(SSH, 'KeepKey', 'sa{sv}', name, {})
                for _ in range(3):
                    tools.add('-T', path + '.pub')
        for kind in ('ed25519', 'ecdsa', 'rsa'):
            with kb.Client(self.sandbox.socket) as client:
                line, = client.call(SSH, 'AddKey', 'a{sv}', {'type': ('s', kind), 'comment': ('s', kind)})
            tools.add('-T', self.sandbox.write('made.pub', line + '\n'))
        tools.add('-q', '-d', *[tools.file(f'{kind}-False.pub') for kind in kinds])

    def slots(self):
        """Passwords, codes, key files and logins, each used; the password changed; new keys for all."""
        listed = self.keyfob('slot', 'add', '--kind', 'recovery', *self.auth()).stdout.decode()
        code = re.search(r'(?:[0-9A-Z]{5}-){6}[0-9A-Z]{5}', listed)[0]
        self.secrets['recovery code'] = code.encode()
        self.open[4] = code
        self.sandbox.unlock(code)
        second, path = self.file('second')
        self.keyfob('slot', 'add', '--kind', 'password', '--label', 'second', *CHEAP, *self.auth(), '--new-password-file', path)
        self.keyfob('slot', 'test', 'second', '--password-file', path)
        self.keyfob('lock')
        self.sandbox.unlock(second.decode())
        self.keyfob('slot', 'remove', 'second', *self.auth())
        key, path = self.file('key')
        self.keyfob('slot', 'add', '--kind', 'credential', '--key-file', path, *self.auth())
        self.open[2] = key
        self.key_file = path
        self.log_in()
        self.learn()
        old, new = self.auth()[1], self.file('changed')
        self.keyfob('passwd', '--slot', 'password', *CHEAP, '--password-file', old, '--new-password-file', new[1])
        self.password = new[0]
        self.learn()
        wrong, path = self.file('wrong')
        self.keyfob('slot', 'test', 'password', '--password-file', path, code=6)
        self.learn()

    def log_in(self):
        password, path = self.file('login')
        self.open[5] = password
        self.keyfob('slot', 'add', '--kind', 'login', *CHEAP, *self.auth(), '--new-password-file', path)
        with kb.Client(self.sandbox.socket) as client:
            slot = login.Mirror(client).of('login')
        key = slot.derive(password)
        self.secrets['login key'] = key
        self.keyfob('lock')
        self.assertEqual(login.hand_over(self.sandbox, login.open_frame(slot.id, key)), (login.DONE, 0))
        self.assertEqual(login.hand_over(self.sandbox, login.open_frame(slot.id, bytes(32))), (login.WRONG_KEY, 0))

    def rekey(self):
        self.learn()
        os.unlink(self.key_file)
        self.keyfob('rekey', '--drop', *self.auth())
        self.open = {}
        self.learn()

    def typed(self):
        """Asked of the person, by an agent."""
        self.keyfob('lock')
        person = Person(self.sandbox, always=self.password.decode())
        value = self.new('typed')
        self.keyfob('set', 'core', 'typed', input=value)
        self.assertEqual(self.keyfob('get', 'core', 'typed').stdout, value)
        kt.end_process(person.process)

    # Tests

    def test_nothing_after_everything(self):
        for part in (self.secret_service, self.store, self.authenticator, self.ssh, self.slots, self.typed, self.rekey,
                     self.store):
            with self.subTest(after=part.__name__):
                part()
                self.learn()
                self.check()
                if part == self.ssh:    # registers are in no other memory than a core file's
                    self.assertNotInCore(self.secrets | self.lasting | self.keys)
        for pid in children(self.daemon.pid):
            self.assertGone(pid, self.keys | self.lasting)
        self.assertNotInCore(self.secrets | self.lasting | self.keys)
        self.keyfob('lock')
        self.keyfob('get', 'core', 'cli', code=3)
        self.assertGreater(len(set(self.keys.values())), 50)
        for pid in (self.daemon.pid, *children(self.daemon.pid)):
            self.assertGone(pid, self.secrets | self.keys | self.lasting)

    def test_the_test_finds_what_is_there(self):
        """An open vault's keys are in locked pages: seen by who reads all memory, and not in a core file."""
        self.store()
        self.learn()
        found = residues(self.daemon.pid, set(self.pieces(self.keys)))
        self.assertGreater(len(found), 5)
        core = core_of(self.daemon.pid, self.sandbox.root)
        if core is None:
            self.skipTest('no core file can be had here')
        self.assertEqual({self.pieces(self.keys)[needle] for needle in found if needle in core}, set())
        vault = sqlite3.connect(f'file:{self.sandbox.vault}?mode=ro&immutable=1', uri=True)
        identity, = vault.execute("SELECT value FROM meta WHERE name='vault-id'").fetchone()
        vault.close()
        self.assertIn(identity, core, 'a core file has what is not kept out of it')


if __name__ == '__main__':
    kt.main()
