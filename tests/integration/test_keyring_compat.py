#!/usr/bin/python3
"""Beside python keyring: each finds, replaces and deletes what the other stored; the command line feels the same; and
`-b secret-service` works another keyring, here the real gnome-keyring."""
import json
import os
import shutil
import unittest

import keyfob_test as kt

SCRIPT = '''
import keyring, sys
verb, service, user = sys.argv[1:4]
if verb == "set":
    keyring.set_password(service, user, sys.stdin.buffer.read().decode())
elif verb == "get":
    value = keyring.get_password(service, user)
    if value is None:
        raise SystemExit(1)
    sys.stdout.buffer.write(value.encode())
elif verb == "creds":
    value = keyring.get_credential(service, user or None)
    if value is None:
        raise SystemExit(1)
    sys.stdout.buffer.write((value.username + "\\n" + value.password).encode())
else:
    try:
        keyring.delete_password(service, user)
    except keyring.errors.PasswordDeleteError:
        raise SystemExit(1)
'''


class Keyring(kt.SharedTest):
    """python3-keyring on a private bus whose Secret Service is keyfobd."""

    bus = True

    @classmethod
    def prepare(cls):
        cls.sandbox.env['PYTHON_KEYRING_BACKEND'] = 'keyring.backends.SecretService.Keyring'
        super().prepare()

    def python(self, verb, service, user, input=None, code=0):  # pylint: disable=redefined-builtin
        return self.sandbox.run(['/usr/bin/python3', '-c', SCRIPT, verb, service, user], input=input, code=code).stdout

    def count(self, service):
        found = self.keyfob('search', '--json', f'service={service}', code=None)
        return len(json.loads(found.stdout or '[]'))

    def test_python_reads_replaces_and_deletes_ours(self):
        self.keyfob('set', 'ours', 'me', input='one')
        self.assertEqual(self.python('get', 'ours', 'me'), b'one')
        self.python('set', 'ours', 'me', input='two')
        self.assertEqual(self.keyfob('get', 'ours', 'me').stdout, b'two')
        self.assertEqual(self.count('ours'), 1, 'replaced, not doubled')
        self.python('del', 'ours', 'me')
        self.keyfob('get', 'ours', 'me', code=1)
        self.assertEqual(self.count('ours'), 0)

    def test_we_read_replace_and_delete_python_s(self):
        self.python('set', 'theirs', 'me', input='one')
        self.assertEqual(self.keyfob('get', 'theirs', 'me').stdout, b'one')
        self.keyfob('set', 'theirs', 'me', input='two')
        self.assertEqual(self.python('get', 'theirs', 'me'), b'two')
        self.assertEqual(self.count('theirs'), 1, 'replaced, not doubled')
        self.keyfob('del', 'theirs', 'me')
        self.python('get', 'theirs', 'me', code=1)
        self.python('del', 'theirs', 'me', code=1)

    def test_the_same_through_the_command_line_of_each(self):
        keyring = ['/usr/bin/python3', '-m', 'keyring']
        self.sandbox.run(keyring + ['set', 'both', 'me'], input='from python\n')
        self.assertEqual(self.keyfob('get', 'both', 'me').stdout, b'from python')
        self.keyfob('set', 'both', 'me', input='from keyfob\n')
        self.assertEqual(self.sandbox.run(keyring + ['get', 'both', 'me']).stdout, b'from keyfob\n')
        # a miss has the same exit code
        self.sandbox.run(keyring + ['get', 'both', 'nobody'], code=1)
        self.keyfob('get', 'both', 'nobody', code=1)

    def test_an_item_without_python_s_attributes_is_updated_too(self):
        self.sandbox.run(['secret-tool', 'store', '--label', 'kept label', 'service', 'tool', 'username', 'me', 'more',
                          'attributes'], input='one')
        self.keyfob('set', 'tool', 'me', input='two')
        self.assertEqual(self.count('tool'), 1)
        item, = json.loads(self.keyfob('search', '--json', 'service=tool').stdout)
        self.assertEqual((item['label'], item['attributes']['more']), ('kept label', 'attributes'))
        self.assertEqual(self.sandbox.run(['secret-tool', 'lookup', 'service', 'tool', 'username', 'me']).stdout, b'two')
        self.assertEqual(self.python('get', 'tool', 'me'), b'two')

    def test_credentials(self):
        self.python('set', 'creds', 'me', input='value')
        self.assertEqual(self.python('creds', 'creds', ''), b'me\nvalue')
        self.assertEqual(self.keyfob('get', '--mode', 'creds', 'creds').stdout, b'me\nvalue\n')
        self.assertEqual(json.loads(self.keyfob('get', '--mode', 'creds', '--output', 'json', 'creds').stdout),
                         {'username': 'me', 'password': 'value'})

    def test_values_of_every_kind(self):
        for value in ('', 'a\nb\n', ' spaces ', 'päss wörd \U0001f511', 'x' * 100000):
            with self.subTest(value[:20]):
                self.keyfob('set', '--exact', 'values', 'me', input=value)
                self.assertEqual(self.python('get', 'values', 'me').decode(), value)
                self.python('set', 'values', 'me', input=value + '!')
                self.assertEqual(self.keyfob('get', 'values', 'me').stdout.decode(), value + '!')

    def test_backends_by_name(self):
        self.keyfob('set', 'named', 'me', input='value')
        for args in (('-b', 'keyfob', 'get', 'named', 'me'), ('get', '-b', 'keyfob', 'named', 'me'),
                     ('--keyring-backend', 'keyfob', 'get', 'named', 'me'),
                     ('get', '--keyring-backend=keyfob', 'named', 'me')):
            with self.subTest(args):
                self.assertEqual(self.keyfob(*args).stdout, b'value')
        self.keyfob('-b', 'keyring.backends.nonsense', 'get', 'named', 'me', code=2)
        listed = self.keyfob('--list-backends').stdout.split(b'\n')
        self.assertIn(b'keyfob', listed)
        self.assertIn(b'secret-service', listed)

    def test_our_own_service_fronted(self):
        self.keyfob('-b', 'secret-service', 'set', 'front', 'me', input='value')
        self.assertEqual(self.keyfob('get', 'front', 'me').stdout, b'value')
        self.assertEqual(self.keyfob('-b', 'secret-service', 'get', 'front', 'me').stdout, b'value')
        self.keyfob('-b', 'secret-service', 'del', 'front', 'me')
        self.keyfob('get', 'front', 'me', code=1)


@unittest.skipUnless(shutil.which('gnome-keyring-daemon'), 'no gnome-keyring')
class GnomeKeyring(kt.SharedTest):
    """`keyfob -b secret-service`, with gnome-keyring behind it and no keyfobd at all."""

    bus = True

    @classmethod
    def prepare(cls):
        reader, writer = os.pipe()
        os.write(writer, b'login password')
        os.close(writer)
        cls.sandbox.env['GNOME_KEYRING_TEST_PATH'] = cls.sandbox.runtime
        cls.sandbox.spawn(['gnome-keyring-daemon', '--foreground', '--unlock', '--components=secrets',
                           f'--control-directory={cls.sandbox.runtime}/keyring'], stdin=reader)
        os.close(reader)
        del cls.sandbox.env['GNOME_KEYRING_TEST_PATH']
        cls.sandbox.wait_for_name()

    def front(self, *args, **options):
        return self.keyfob('-b', 'secret-service', *args, **options)

    def tearDown(self):
        self.assertFalse(os.path.exists(self.sandbox.socket), 'keyfobd was started for another keyring')
        self.assertFalse(os.path.exists(self.sandbox.vault_dir))

    def test_set_get_del(self):
        self.front('set', 'svc', 'me', input='value\n')
        self.assertEqual(self.front('get', 'svc', 'me').stdout, b'value')
        self.assertEqual(self.sandbox.run(['secret-tool', 'lookup', 'service', 'svc', 'username', 'me']).stdout, b'value')
        self.front('set', 'svc', 'me', input='another')
        self.assertEqual(self.front('get', 'svc', 'me').stdout, b'another')
        self.front('del', 'svc', 'me')
        self.assertOneLine(self.front('get', 'svc', 'me', code=1).stderr)
        self.assertOneLine(self.front('del', 'svc', 'me', code=1).stderr)

    def test_python_keyring_s_items(self):
        env = {'PYTHON_KEYRING_BACKEND': 'keyring.backends.SecretService.Keyring'}
        keyring = ['/usr/bin/python3', '-m', 'keyring']
        self.sandbox.run(keyring + ['set', 'python', 'me'], input='value\n', env=env)
        self.assertEqual(self.front('get', 'python', 'me').stdout, b'value')
        self.front('set', 'python', 'me', input='other')
        self.assertEqual(self.sandbox.run(keyring + ['get', 'python', 'me'], env=env).stdout, b'other\n')
        found = json.loads(self.front('search', '--json', 'service=python').stdout)
        self.assertEqual(len(found), 1)

    def test_setting_one_item_never_touches_another(self):
        # gnome-keyring overwrites a superset of the attributes when asked to replace; the front end does not ask
        self.sandbox.run(['secret-tool', 'store', '--label', 'other', 'service', 'super', 'username', 'me', 'host', 'h'],
                         input='precious')
        self.sandbox.run(['secret-tool', 'store', '--label', 'mine', 'service', 'super', 'username', 'you'], input='mine')
        self.front('set', 'super', 'them', input='new')
        self.assertEqual(self.sandbox.run(['secret-tool', 'lookup', 'host', 'h']).stdout, b'precious')
        self.assertEqual(self.front('get', 'super', 'you').stdout, b'mine')
        self.assertEqual(self.front('get', 'super', 'them').stdout, b'new')

    def test_list_and_search(self):
        self.front('set', 'listed', 'one', input='1')
        self.front('set', 'listed', 'two', input='2')
        self.assertIn(b'listed', self.front('list').stdout)
        found = json.loads(self.front('search', '--json', 'service=listed').stdout)
        self.assertEqual(sorted(i['attributes']['username'] for i in found), ['one', 'two'])
        self.assertNotIn(b'"1"', self.front('list', '--json').stdout)
        self.front('search', 'service=nothing', code=1)

    def test_run_and_generate(self):
        self.front('generate', '20', '--set', 'made', 'me')
        self.assertRegex(self.front('get', 'made', 'me').stdout, b'^[A-Za-z0-9]{20}$')
        result = self.keyfob('run', '-b', 'secret-service', '--env', 'A=made/me', '--', 'sh', '-c', 'echo ${#A}')
        self.assertEqual(result.stdout, b'20\n')

    def test_values_of_every_kind(self):
        for value in (b'', b'a\nb\n', 'päss'.encode(), b'x' * 50000, bytes(range(256))):
            with self.subTest(value[:10]):
                self.front('set', '--exact', 'values', 'me', input=value)
                self.assertEqual(self.front('get', 'values', 'me').stdout, value)

    def test_libsecret_is_loaded_only_then(self):
        maps = ('import os, sys, subprocess\n'
                'p = subprocess.run(["ldd", sys.argv[1]], stdout=subprocess.PIPE, check=True).stdout\n'
                'raise SystemExit(b"secret" in p or b"glib" in p)')
        self.sandbox.run(['/usr/bin/python3', '-c', maps, self.sandbox.stage.keyfob])


class LockedService(kt.KeyfobTest):
    """A Secret Service with a password, and nobody to ask for it."""

    def test_says_locked(self):
        self.sandbox.start_bus()
        self.sandbox.start_daemon()
        self.sandbox.wait_for_name()
        self.sandbox.init()
        self.keyfob('-b', 'secret-service', 'set', 'shut', 'me', input='value')
        self.keyfob('lock')
        error = self.keyfob('-b', 'secret-service', 'get', 'shut', 'me', code=3).stderr.decode()
        self.assertIn('locked', error)
        self.assertIn('keyfob unlock', error)
        self.assertNotIn('no daemon', error)
        self.assertEqual(error.count('\n'), 1)


class NobodyThere(kt.KeyfobTest):
    bus = True

    def test_no_secret_service_at_all(self):
        result = self.keyfob('-b', 'secret-service', 'get', 'svc', 'me', code=5)
        self.assertOneLine(result.stderr)
        result = self.keyfob('-b', 'secret-service', 'get', 'svc', 'me', code=5,
                             env={'DBUS_SESSION_BUS_ADDRESS': 'unix:path=/nonexistent'})
        self.assertOneLine(result.stderr)


if __name__ == '__main__':
    kt.main()
