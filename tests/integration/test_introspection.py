#!/usr/bin/python3
"""What the daemon says of itself is what the files in data/ say: members, types, access."""
import glob
import os
import re
import xml.etree.ElementTree

from jeepney import DBusAddress, MessageType, new_method_call
from jeepney.low_level import HeaderFields

import keyfob_bus as kb
import keyfob_test as kt

PROPERTIES = 'org.freedesktop.DBus.Properties'

# Right ones and wrong ones, to every object and to none: path, interface, member, types, arguments.
CALLS = [
    ('/org/keyfob', 'org.keyfob.Store1', 'Status'),
    ('/org/keyfob', 'org.keyfob.Store1', 'Lookup', 'a{ss}', {'service': 'service'}),
    ('/org/keyfob', 'org.keyfob.Store1', 'Lookup', 's', 'service'),
    ('/org/keyfob', 'org.keyfob.Store1', 'Nothing'),
    ('/org/keyfob', None, 'Status'),
    ('/org/keyfob', 'org.keyfob.Nothing1', 'Status'),
    ('/org/keyfob', 'org.keyfob.Authenticator1', 'GetInfo'),
    ('/org/keyfob', 'org.keyfob.Keys1', 'List'),
    ('/org/keyfob', 'org.keyfob.Ssh1', 'List'),
    ('/org/keyfob', 'org.freedesktop.DBus.Introspectable', 'Introspect'),
    ('/org/keyfob', 'org.freedesktop.DBus.Peer', 'Ping'),
    ('/org/keyfob', PROPERTIES, 'GetAll', 's', 'org.keyfob.Authenticator1'),
    ('/org/keyfob', PROPERTIES, 'Get', 'ss', 'org.keyfob.Store1', 'Nothing'),
    ('/nowhere', 'org.keyfob.Store1', 'Status'),
    (kb.SECRETS, 'org.keyfob.Store1', 'Status'),
    (kb.SECRETS, 'org.freedesktop.Secret.Service', 'SearchItems', 'a{ss}', {'service': 'service'}),
    (kb.SECRETS, 'org.freedesktop.Secret.Nothing', 'SearchItems', 'a{ss}', {}),
    (kb.SECRETS, 'org.gnome.keyring.InternalUnsupportedGuiltRiddenInterface', 'Nothing'),
    (kb.SECRETS, PROPERTIES, 'Get', 'ss', 'org.freedesktop.Secret.Service', 'Collections'),
    (f'{kb.SECRETS}/collection/nothing/1', 'org.freedesktop.Secret.Item', 'Delete'),
    (f'{kb.SECRETS}/aliases/default', 'org.freedesktop.Secret.Collection', 'SearchItems', 'a{ss}', {}),
    (f'{kb.SECRETS}nothing', 'org.freedesktop.Secret.Service', 'ReadAlias', 's', 'default'),
]

# Objects that have these interfaces, once a vault is there.
OBJECTS = ['/org/keyfob', '/org/freedesktop/secrets', '/org/freedesktop/secrets/aliases/default']


def described(tree):
    """{interface: {(kind, name): types}}"""
    found = {}
    for interface in tree.iter('interface'):
        members = found.setdefault(interface.get('name'), {})
        for method in interface.findall('method'):
            arguments = method.findall('arg')
            members['method', method.get('name')] = tuple(
                ''.join(a.get('type') for a in arguments if a.get('direction', 'in') == way) for way in ('in', 'out'))
        for signal in interface.findall('signal'):
            members['signal', signal.get('name')] = ''.join(a.get('type') for a in signal.findall('arg'))
        for prop in interface.findall('property'):
            members['property', prop.get('name')] = (prop.get('type'), prop.get('access'))
    return found


class Introspection(kt.SharedTest):
    bus = True

    def introspect(self, path):
        """gdbus introspect gives the answer three seconds, and takes no other number."""
        address = DBusAddress(path, bus_name='org.keyfob.Daemon', interface='org.freedesktop.DBus.Introspectable')
        with kb.Client(self.sandbox.bus_address) as client:
            return xml.etree.ElementTree.fromstring(client.call(address, 'Introspect')[0])

    def test_files_and_daemon_agree(self):
        self.keyfob('set', 'service', 'user', input='x')
        found = self.sandbox.run(['gdbus', 'call', '--session', '--dest', 'org.freedesktop.secrets', '--object-path',
                                  '/org/freedesktop/secrets', '--method', 'org.freedesktop.Secret.Service.SearchItems',
                                  "{'service': 'service'}"]).stdout.decode()
        item = re.search(r"'(/org/freedesktop/secrets/collection/[^']+)'", found).group(1)
        live = {}
        for path in [*OBJECTS, item]:
            live.update(described(self.introspect(path)))
        compared = 0
        for path in glob.glob(os.path.join(kt.SOURCE, 'data', '*.xml')):
            for name, members in described(xml.etree.ElementTree.parse(path)).items():
                if name in live:
                    compared += 1
                    with self.subTest(interface=name):
                        self.assertEqual(live[name], members)
        self.assertGreaterEqual(compared, 5)

    def outcome(self, client, path, interface, member, types=None, *arguments):
        """What kind of answer comes: an error's name, or types."""
        address = DBusAddress(path, bus_name='org.keyfob.Daemon', interface=interface)
        reply = client.connection.send_and_get_reply(new_method_call(address, member, types, arguments), timeout=kb.TIMEOUT)
        fields = reply.header.fields
        if reply.header.message_type == MessageType.error:
            return fields[HeaderFields.error_name]
        if member == 'Introspect':
            return sorted(described(xml.etree.ElementTree.fromstring(reply.body[0])))
        return fields.get(HeaderFields.signature, '')

    def test_a_connection_finds_everything_whatever_it_asks_first(self):
        """Its objects are added when they are spoken to; on the session bus all of them are there from the start."""
        self.keyfob('set', 'service', 'user', input='x')
        with kb.Client(self.sandbox.env['DBUS_SESSION_BUS_ADDRESS']) as bus:
            expected = [self.outcome(bus, *call) for call in CALLS]
        for call, kind in zip(CALLS, expected):
            with self.subTest(call=call), kb.Client(self.sandbox.socket) as client:
                self.assertEqual(self.outcome(client, *call), kind)
        for order in (1, -1):
            with kb.Client(self.sandbox.socket) as client:
                for call, kind in list(zip(CALLS, expected))[::order]:
                    with self.subTest(call=call, order=order):
                        self.assertEqual(self.outcome(client, *call), kind)
        self.assertGreater(len({str(kind) for kind in expected}), 8)

    def test_every_level_can_be_walked(self):
        path = ''
        for step in ('org', 'freedesktop', 'secrets', 'collection'):
            tree = self.introspect(path or '/')
            self.assertIn(step, [node.get('name') for node in tree.findall('node')], path)
            path += '/' + step


if __name__ == '__main__':
    kt.main()
