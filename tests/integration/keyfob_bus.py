"""Raw calls to the daemon, for tests that need many of them or their exact errors.

    with kb.Client(sandbox.socket) as client:
        client.store({'service': 's', 'username': 'u'}, b'value')
        self.assertEqual(client.lookup(service='s', username='u'), b'value')
        with self.assertRaises(kb.BusError) as caught: ...      # caught.exception.name == 'org.keyfob.Error.NotFound'
"""
from jeepney import DBusAddress, MessageType, new_method_call
from jeepney.io.blocking import open_dbus_connection

STORE = DBusAddress('/org/keyfob', bus_name='org.keyfob.Daemon', interface='org.keyfob.Store1')
SECRETS = '/org/freedesktop/secrets'
TIMEOUT = 60


class BusError(Exception):
    def __init__(self, name, message):
        super().__init__(f'{name}: {message}')
        self.name = name
        self.message = message


def variants(options):
    """Python values as a{sv}."""
    def variant(value):
        if isinstance(value, bool):
            return ('b', value)
        if isinstance(value, int):
            return ('u', value)
        if isinstance(value, bytes):
            return ('ay', value)
        if isinstance(value, list):
            return ('aay', value)
        return ('s', value)
    return {name: variant(value) for name, value in options.items()}


def plain(value):
    """a{sv} as Python values."""
    if isinstance(value, dict):
        return {name: plain(v[1]) if isinstance(v, tuple) and len(v) == 2 else v for name, v in value.items()}
    if isinstance(value, list):
        return [plain(v) for v in value]
    return value


class Client:
    """A connection to the own socket (a path) or to a bus (an address)."""

    def __init__(self, where):
        self.connection = open_dbus_connection(bus=f'unix:path={where}' if where.startswith('/') else where, auth_timeout=TIMEOUT)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.connection.close()

    def call(self, address, method, signature=None, *body, timeout=TIMEOUT):
        reply = self.connection.send_and_get_reply(
            new_method_call(address, method, signature, body), timeout=timeout)
        if reply.header.message_type == MessageType.error:
            fields = {int(k): v for k, v in reply.header.fields.items()}
            raise BusError(fields[4], reply.body[0] if reply.body else '')
        return reply.body

    # org.keyfob.Store1

    def status(self):
        return plain(self.call(STORE, 'Status')[0])

    def unlock(self, **options):
        self.call(STORE, 'Unlock', 'a{sv}', variants(options))

    def lock(self, *paths):
        self.call(STORE, 'Lock', 'ao', list(paths))

    def lookup(self, **attributes):
        return bytes(self.call(STORE, 'Lookup', 'a{ss}', attributes)[3])

    def search(self, attributes=None, **options):
        """(path, label, attributes, created, modified, locked) of each."""
        return self.call(STORE, 'Search', 'a{ss}a{sv}', attributes or {}, variants(options))[0]

    def store(self, attributes, value, label='', match=None, **options):
        return self.call(STORE, 'Store', 'a{ss}sa{ss}a{sv}ay', attributes if match is None else match, label,
                         attributes, variants(options), value)

    def delete(self, **attributes):
        self.call(STORE, 'Delete', 'oa{ss}', '/', attributes)

    def check(self, accept=False):
        return plain(self.call(STORE, 'Check', 'b', accept)[0])

    # org.freedesktop.Secret, with a plain session

    def session(self):
        service = DBusAddress(SECRETS, bus_name='org.freedesktop.secrets', interface='org.freedesktop.Secret.Service')
        return self.call(service, 'OpenSession', 'sv', 'plain', ('s', ''))[1]

    def create_item(self, session, attributes, value, label='', replace=True):
        collection = DBusAddress(f'{SECRETS}/aliases/default', bus_name='org.freedesktop.secrets',
                                 interface='org.freedesktop.Secret.Collection')
        properties = {'org.freedesktop.Secret.Item.Label': ('s', label),
                      'org.freedesktop.Secret.Item.Attributes': ('a{ss}', attributes)}
        return self.call(collection, 'CreateItem', 'a{sv}(oayays)b', properties,
                         (session, b'', value, 'text/plain'), replace)[0]

    def get_secret(self, session, path):
        item = DBusAddress(path, bus_name='org.freedesktop.secrets', interface='org.freedesktop.Secret.Item')
        return bytes(self.call(item, 'GetSecret', 'o', session)[0][2])

    def get_secrets(self, session, paths):
        service = DBusAddress(SECRETS, bus_name='org.freedesktop.secrets', interface='org.freedesktop.Secret.Service')
        return {path: bytes(secret[2]) for path, secret in
                self.call(service, 'GetSecrets', 'aoo', paths, session)[0].items()}

    def delete_item(self, path):
        item = DBusAddress(path, bus_name='org.freedesktop.secrets', interface='org.freedesktop.Secret.Item')
        return self.call(item, 'Delete')[0]
