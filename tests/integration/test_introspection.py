#!/usr/bin/python3
"""What the daemon says of itself is what the files in data/ say: members, types, access."""
import glob
import os
import re
import xml.etree.ElementTree

import keyfob_test as kt

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

    def introspect(self, destination, path):
        text = self.sandbox.run(['gdbus', 'introspect', '--session', '--xml', '--dest', destination,
                                 '--object-path', path]).stdout
        return described(xml.etree.ElementTree.fromstring(text))

    def test_files_and_daemon_agree(self):
        self.keyfob('set', 'service', 'user', input='x')
        found = self.sandbox.run(['gdbus', 'call', '--session', '--dest', 'org.freedesktop.secrets', '--object-path',
                                  '/org/freedesktop/secrets', '--method', 'org.freedesktop.Secret.Service.SearchItems',
                                  "{'service': 'service'}"]).stdout.decode()
        item = re.search(r"'(/org/freedesktop/secrets/collection/[^']+)'", found).group(1)
        live = {}
        for path in [*OBJECTS, item]:
            live.update(self.introspect('org.keyfob.Daemon', path))
        compared = 0
        for path in glob.glob(os.path.join(kt.SOURCE, 'data', '*.xml')):
            for name, members in described(xml.etree.ElementTree.parse(path)).items():
                if name in live:
                    compared += 1
                    with self.subTest(interface=name):
                        self.assertEqual(live[name], members)
        self.assertGreaterEqual(compared, 5)

    def test_every_level_can_be_walked(self):
        path = ''
        for step in ('org', 'freedesktop', 'secrets', 'collection'):
            tree = xml.etree.ElementTree.fromstring(self.sandbox.run(
                ['gdbus', 'introspect', '--session', '--xml', '--dest', 'org.keyfob.Daemon', '--object-path',
                 path or '/']).stdout)
            self.assertIn(step, [node.get('name') for node in tree.findall('node')], path)
            path += '/' + step


if __name__ == '__main__':
    kt.main()
