"""A raw client of the Secret Service for tests: every call as it goes over the wire, nothing interpreted.

    with Client(address) as client:
        session = client.open_session()                 # or open_session(dh=True)
        item = client.create_item(COLLECTION, {'a': 'b'}, b'secret', session)
        client.secret(item, session)                    # (b'secret', 'text/plain')
        with client.expect_error('...IsLocked'): ...

Errors are raised as Error with .name and .text. Signals that come in are kept in .signals. Agent answers prompts.
"""
import contextlib
import hashlib
import hmac
import os
import threading
import time

from cryptography.hazmat.primitives import padding
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from jeepney import DBusAddress, HeaderFields, MessageType, new_error, new_method_call, new_method_return
from jeepney.io.blocking import open_dbus_connection

NAME = 'org.freedesktop.secrets'
ROOT = '/org/freedesktop/secrets'
DEFAULT = ROOT + '/aliases/default'
SESSION = ROOT + '/collection/session'
SERVICE = 'org.freedesktop.Secret.Service'
COLLECTION = 'org.freedesktop.Secret.Collection'
ITEM = 'org.freedesktop.Secret.Item'
SESSION_INTERFACE = 'org.freedesktop.Secret.Session'
PROMPT = 'org.freedesktop.Secret.Prompt'
PROPERTIES = 'org.freedesktop.DBus.Properties'
DH = 'dh-ietf1024-sha256-aes128-cbc-pkcs7'
STORE = 'org.keyfob.Store1'
TIMEOUT = 60

IS_LOCKED = 'org.freedesktop.Secret.Error.IsLocked'
NO_SESSION = 'org.freedesktop.Secret.Error.NoSession'
NO_SUCH_OBJECT = 'org.freedesktop.Secret.Error.NoSuchObject'
ACCESS_DENIED = 'org.freedesktop.DBus.Error.AccessDenied'
INVALID_ARGS = 'org.freedesktop.DBus.Error.InvalidArgs'
LIMITS = 'org.freedesktop.DBus.Error.LimitsExceeded'
NOT_SUPPORTED = 'org.freedesktop.DBus.Error.NotSupported'
UNKNOWN_OBJECT = 'org.freedesktop.DBus.Error.UnknownObject'
NO_VAULT = 'org.keyfob.Error.NoVault'
NO_PROMPTER = 'org.keyfob.Error.NoPrompter'

# RFC 2409, section 6.2
PRIME = int('FFFFFFFFFFFFFFFFC90FDAA22168C234C4C6628B80DC1CD129024E088A67CC74020BBEA63B139B22514A08798E3404DDEF9519B3CD'
            '3A431B302B0A6DF25F14374FE1356D6D51C245E485B576625E7EC6F44C42E9A637ED6B0BFF5CB6F406B7EDEE386BFB5A899FA5AE9F'
            '24117C4B1FE649286651ECE65381FFFFFFFFFFFFFFFF', 16)
GENERATOR = 2


class Error(Exception):
    def __init__(self, name, text):
        super().__init__(f'{name}: {text}')
        self.name = name
        self.text = text


class Session:
    def __init__(self, path, key=None):
        self.path = path
        self.key = key

    def encode(self, value, content_type='text/plain'):
        if self.key is None:
            return (self.path, b'', value, content_type)
        iv = os.urandom(16)
        padder = padding.PKCS7(128).padder()
        cipher = Cipher(algorithms.AES(self.key), modes.CBC(iv)).encryptor()
        return (self.path, iv, cipher.update(padder.update(value) + padder.finalize()) + cipher.finalize(), content_type)

    def decode(self, secret):
        path, parameters, value, content_type = secret
        assert path == self.path, path
        parameters, value = bytes(parameters), bytes(value)
        if self.key is None:
            assert parameters == b''
            return value, content_type
        cipher = Cipher(algorithms.AES(self.key), modes.CBC(parameters)).decryptor()
        unpadder = padding.PKCS7(128).unpadder()
        return unpadder.update(cipher.update(value) + cipher.finalize()) + unpadder.finalize(), content_type


def session_key(shared):
    """HKDF-SHA256 (RFC 5869) without salt and info, 16 bytes."""
    extracted = hmac.new(b'\0' * 32, shared.to_bytes(128, 'big'), hashlib.sha256).digest()
    return hmac.new(extracted, b'\1', hashlib.sha256).digest()[:16]


class Client:
    def __init__(self, address):
        self.connection = open_dbus_connection(address, auth_timeout=TIMEOUT)
        self.signals = []
        self.replies = {}

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.connection.close()

    # Messages

    def _receive(self, timeout):
        message = self.connection.receive(timeout=max(timeout, 0.001))
        if message.header.message_type == MessageType.signal:
            fields = message.header.fields
            self.signals.append((fields[HeaderFields.path], fields[HeaderFields.interface],
                                 fields[HeaderFields.member], message.body))
        elif message.header.message_type in (MessageType.method_return, MessageType.error):
            self.replies[message.header.fields[HeaderFields.reply_serial]] = message
        return message

    def send(self, path, interface, member, signature=None, *body, destination=NAME):
        """Sends a call without waiting; returns what to give to wait()."""
        message = new_method_call(DBusAddress(path, destination, interface), member, signature, body)
        serial = next(self.connection.outgoing_serial)
        self.connection.send(message, serial=serial)
        return serial

    def wait(self, serial, timeout=TIMEOUT):
        deadline = time.monotonic() + timeout
        while serial not in self.replies:
            self._receive(deadline - time.monotonic())
        message = self.replies.pop(serial)
        if message.header.message_type == MessageType.error:
            raise Error(message.header.fields[HeaderFields.error_name], message.body[0] if message.body else '')
        return message.body

    def call(self, path, interface, member, signature=None, *body, destination=NAME, timeout=TIMEOUT):
        """The reply's body: one value as itself, several as a tuple, none as None."""
        result = self.wait(self.send(path, interface, member, signature, *body, destination=destination), timeout)
        return None if not result else result[0] if len(result) == 1 else result

    def service(self, member, signature=None, *body):
        return self.call(ROOT, SERVICE, member, signature, *body)

    def get(self, path, interface, name):
        return self.call(path, PROPERTIES, 'Get', 'ss', interface, name)[1]

    def get_all(self, path, interface):
        return {name: value for name, (_, value) in self.call(path, PROPERTIES, 'GetAll', 's', interface).items()}

    def set(self, path, interface, name, signature, value):
        self.call(path, PROPERTIES, 'Set', 'ssv', interface, name, (signature, value))

    def subscribe(self):
        """Asks for every signal of the service; .signals is empty afterwards."""
        for rule in (f"type='signal',path_namespace='{ROOT}'", "type='signal',path='/org/keyfob'"):
            self.call('/org/freedesktop/DBus', 'org.freedesktop.DBus', 'AddMatch', 's', rule,
                      destination='org.freedesktop.DBus')
        self.signals.clear()

    def settle(self):
        """Everything that was said before this has arrived."""
        self.call(ROOT, 'org.freedesktop.DBus.Peer', 'Ping')

    def wait_for(self, path, interface, member, timeout=TIMEOUT):
        """The first such signal since the last look, as its body; it and those before it are dropped."""
        deadline = time.monotonic() + timeout
        while True:
            for i, signal in enumerate(self.signals):
                if signal[:3] == (path, interface, member):
                    del self.signals[:i + 1]
                    return signal[3]
            self._receive(deadline - time.monotonic())

    # The service

    def open_session(self, dh=False, pad=True):
        if not dh:
            output, path = self.service('OpenSession', 'sv', 'plain', ('s', ''))
            assert output == ('s', ''), output
            return Session(path)
        private = int.from_bytes(os.urandom(96), 'big')
        public = pow(GENERATOR, private, PRIME)
        size = 128 if pad else (public.bit_length() + 7) // 8
        (kind, theirs), path = self.service('OpenSession', 'sv', DH, ('ay', public.to_bytes(size, 'big')))
        assert kind == 'ay' and len(theirs) == 128
        return Session(path, session_key(pow(int.from_bytes(bytes(theirs), 'big'), private, PRIME)))

    def create_item(self, collection, attributes, value, session, label='label', replace=False,
                    content_type='text/plain'):
        properties = {ITEM + '.Label': ('s', label), ITEM + '.Attributes': ('a{ss}', attributes)}
        item, prompt = self.call(collection, COLLECTION, 'CreateItem', 'a{sv}(oayays)b', properties,
                                 session.encode(value, content_type), replace)
        assert prompt == '/', prompt
        return item

    def secret(self, item, session):
        return session.decode(self.call(item, ITEM, 'GetSecret', 'o', session.path))

    def search(self, attributes):
        return self.service('SearchItems', 'a{ss}', attributes)

    def prompt(self, path, timeout=TIMEOUT):
        """Prompt() and its Completed: (dismissed, result)."""
        self.call(path, PROMPT, 'Prompt', 's', '')
        dismissed, (_, result) = self.wait_for(path, PROMPT, 'Completed', timeout)
        return dismissed, result

    # Keyfob's own interface, where the Secret Service has no word for it

    def store(self, member, signature=None, *body):
        return self.call('/org/keyfob', STORE, member, signature, *body, destination='org.keyfob.Daemon')

    def init(self, password=b'pass word'):
        options = {'kind': ('s', 'password'), 'secret': ('ay', password), 'kdf_memory': ('u', 65536),
                   'kdf_passes': ('u', 3)}
        if password is None:
            options = {'kind': ('s', 'none')}
        return self.store('Init', 'a{sv}', options)

    def unlock(self, password=b'pass word'):
        self.store('Unlock', 'a{sv}', {'secret': ('ay', password)})

    def lock(self):
        self.store('Lock', 'ao', [])


@contextlib.contextmanager
def expect_error(test, name):
    with test.assertRaises(Error) as caught:
        yield caught
    test.assertEqual(caught.exception.name, name, caught.exception.text)


class Agent:
    """A session agent on a connection of its own. answers: a list of (allowed, secret), or a function of the question;
    the questions are kept in .questions. An answer None leaves the question standing."""

    def __init__(self, address, answers):
        self.answers = answers
        self.questions = []
        self.cancelled = []
        self.client = Client(address)
        self.client.call('/org/keyfob', 'org.keyfob.Prompter1', 'RegisterAgent', 'oa{sv}', '/test/agent',
                         {'session': ('b', True)}, destination='org.keyfob.Daemon')
        self.stopping = False
        self.thread = threading.Thread(target=self._serve, daemon=True)
        self.thread.start()

    def _answer(self, request):
        if callable(self.answers):
            return self.answers(request)
        return self.answers.pop(0)

    def _serve(self):
        connection = self.client.connection
        while not self.stopping:
            try:
                message = connection.receive(timeout=0.1)
            except TimeoutError:
                continue
            except (OSError, EOFError):
                return
            if message.header.message_type != MessageType.method_call:
                continue
            member = message.header.fields[HeaderFields.member]
            if member == 'Cancel':
                self.cancelled.append(message.body[0])
                connection.send(new_method_return(message))
            elif member == 'Ask':
                request = {name: value for name, (_, value) in message.body[0].items()}
                self.questions.append(request)
                try:
                    answer = self._answer(request)
                except IndexError:
                    connection.send(new_error(message, 'org.keyfob.Test.NoAnswer', 's', ('no answer is left',)))
                    continue
                if answer is not None:
                    connection.send(new_method_return(message, 'bay', answer))

    def close(self):
        self.stopping = True
        self.thread.join()
        self.client.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
