#!/usr/bin/python3
"""What items were: shown, brought back, kept for as long as is wanted, and gone for good."""
import contextlib
import json
import os
import sqlite3

import keyfob_bus as kb
import keyfob_test as kt
from person import wait_for

PASSWORD = 'correct horse'
SECRETS = [b'first value of all', b'the second value', b'a third value, now']


class HistoryTest(kt.KeyfobTest):
    def setUp(self):
        super().setUp()
        self.sandbox.start_daemon()
        self.sandbox.init(PASSWORD)
        self.password = ('--password-file', self.sandbox.write('password', PASSWORD))

    def prepare(self):
        for secret in SECRETS:
            self.keyfob('set', 'svc', 'me', input=secret)

    def versions(self, *which):
        return json.loads(self.keyfob('history', '--json', *(which or ('svc', 'me'))).stdout)

    def files(self):
        """All there is of the vault."""
        content = b''
        for directory, _, names in os.walk(self.sandbox.vault_dir):
            for name in names:
                with contextlib.suppress(FileNotFoundError), open(os.path.join(directory, name), 'rb') as file:  # a copy that is wiped
                    content += file.read()
        return content

    def boxes(self):
        """Pieces of all sealed records that are, or were kept; by way of a backup, because the vault is open."""
        path = os.path.join(self.sandbox.root, 'boxes')
        self.keyfob('backup', '--force', path)
        db = sqlite3.connect(path)
        try:
            current = [bytes(row[0])[:32] for row in db.execute('SELECT box FROM item WHERE id < 1 << 62')]
            kept = [bytes(row[0])[:32] for row in db.execute('SELECT box FROM trash')]
        finally:
            db.close()
        return current, kept


class History(HistoryTest):
    def test_lists_shows_and_restores(self):
        self.prepare()
        versions = self.versions()
        self.assertEqual([v['current'] for v in versions], [True, False, False])
        self.assertTrue(all(v['modified'] > 0 for v in versions))
        self.assertEqual(versions[0]['removed'], 0)
        for version, secret in zip(versions, reversed(SECRETS)):
            shown = self.keyfob('history', 'svc', 'me', '--show', str(version['version'])).stdout
            self.assertEqual(shown, secret)
        text = self.keyfob('history', 'svc', 'me').stdout.decode()
        self.assertRegex(text, r'VERSION +SET +STATE +SINCE +LABEL')
        self.assertEqual(text.count('replaced'), 2)
        for secret in SECRETS:
            self.assertNotIn(secret.decode(), text)

        self.keyfob('history', 'svc', 'me', '--restore', str(versions[2]['version']))
        self.assertEqual(self.keyfob('get', 'svc', 'me').stdout, SECRETS[0])
        self.assertEqual(len(self.versions()), 3)
        with kb.Client(self.sandbox.socket) as client:
            self.assertEqual(client.check()['tampered'], 0)

    def test_of_a_deleted_item_and_by_path(self):
        self.prepare()
        with kb.Client(self.sandbox.socket) as client:
            path = client.search({'service': 'svc'})[0][0]
        self.assertEqual(self.versions(path), self.versions())
        self.keyfob('del', 'svc', 'me')
        versions = self.versions()
        self.assertEqual([v['deleted'] for v in versions], [True, False, False])
        self.assertEqual(self.versions(path), versions)
        self.keyfob('history', 'svc', 'me', '--restore', str(versions[0]['version']))
        self.assertEqual(self.keyfob('get', 'svc', 'me').stdout, SECRETS[2])

    def test_unlocks_by_who_can_be_asked(self):
        self.prepare()
        self.keyfob('lock')
        self.keyfob('history', 'svc', 'me', code=3)
        terminal = self.sandbox.terminal([self.sandbox.stage.keyfob, 'history', 'svc', 'me'])
        terminal.expect('Password: ')
        terminal.send(PASSWORD + '\n')
        terminal.expect('current')
        self.assertEqual(terminal.wait(), 0)

    def test_what_was_deleted_is_not_listed_as_nothing_while_locked(self):
        self.prepare()
        self.keyfob('del', 'svc', 'me')
        self.keyfob('lock')
        for arguments in ((), ('--json',), ('1',), ('--collection', 'Default')):
            self.assertOneLine(self.keyfob('undelete', *arguments, code=3).stderr, 'locked')
        terminal = self.sandbox.terminal([self.sandbox.stage.keyfob, 'undelete', '1'])
        terminal.expect('Password: ')
        terminal.send(PASSWORD + '\n')
        self.assertEqual(terminal.wait(), 0)
        self.assertEqual(self.keyfob('get', 'svc', 'me').stdout, SECRETS[2])

    def test_what_is_not_there(self):
        self.prepare()
        self.keyfob('history', 'svc', 'nobody', code=1)
        self.keyfob('history', '/org/freedesktop/secrets/collection/Default/999', code=1)
        self.keyfob('history', 'svc', 'me', '--show', '999', code=1)
        self.keyfob('history', 'svc', 'me', '--restore', '999', code=1)
        for arguments in ((), ('svc',), ('svc', 'me', 'more'), ('svc', 'me', '--show', 'x'),
                          ('svc', 'me', '--show', '1', '--restore', '1')):
            self.keyfob('history', *arguments, code=2)


class Retention(HistoryTest):
    def test_shown_and_set(self):
        self.assertEqual(json.loads(self.keyfob('retention', '--json').stdout), {'days': 30, 'versions': 8})
        self.keyfob('retention', '--days', '90', '--versions', '2', *self.password)
        self.assertIn(b'90 days', self.keyfob('retention').stdout)
        for n in range(6):
            self.keyfob('set', 'svc', 'me', input=f'value {n}')
        self.assertEqual(len(self.versions()), 3)
        self.sandbox.stop_daemon()
        self.sandbox.start_daemon()
        self.assertEqual(json.loads(self.keyfob('retention', '--json').stdout), {'days': 90, 'versions': 2})
        for arguments in (('--days', 'x'), ('--days', '-1'), ('more',)):
            self.keyfob('retention', *arguments, code=2)
        self.keyfob('unlock', *self.password)
        self.keyfob('retention', '--days', '99999', code=2)

    def test_keeping_less_wants_a_password(self):
        self.prepare()
        self.keyfob('retention', '--versions', '1', code=3)
        self.keyfob('retention', '--days', '0', '--password-file', self.sandbox.write('wrong', 'wrong'), code=6)
        self.assertEqual(len(self.versions()), 3)
        self.keyfob('retention', '--days', '31')         # more, for who has it open
        self.keyfob('retention', '--versions', '1', *self.password)
        self.assertEqual(len(self.versions()), 2)
        self.keyfob('retention', '--days', '0', *self.password)
        self.assertEqual(len(self.versions()), 1)
        self.keyfob('set', 'svc', 'me', input='another')
        self.assertEqual(len(self.versions()), 1)
        self.keyfob('del', 'svc', 'me')
        self.keyfob('history', 'svc', 'me', code=1)
        self.keyfob('lock')
        self.keyfob('retention', '--days', '40', code=3)

    def test_all_that_is_due_goes_and_not_a_slice_an_hour(self):
        with kb.Client(self.sandbox.socket) as client:
            session = client.session()
            for value in (b'first', b'second'):
                for n in range(900):
                    client.create_item(session, {'n': str(n)}, value)
        self.sandbox.stop_daemon()
        with contextlib.closing(sqlite3.connect(self.sandbox.vault)) as db:
            db.execute('UPDATE trash SET removed=1')
            db.commit()
        self.sandbox.start_daemon()
        self.sandbox.unlock(PASSWORD)
        wait_for(lambda: json.loads(self.keyfob('undelete', '--json').stdout) == [], 'old values to go')


class Wipe(HistoryTest):
    def test_nothing_is_left_in_the_files(self):
        self.prepare()
        self.keyfob('set', 'other', 'me', input='x')
        self.keyfob('del', 'other', 'me')
        backup = os.path.join(self.sandbox.root, 'backup')
        self.keyfob('backup', backup)
        self.keyfob('restore', '--yes', backup, *self.password)      # leaves a copy in snapshots/
        current, kept = self.boxes()
        self.assertEqual((len(current), len(kept)), (1, 3))
        files = self.files()
        for piece in current + kept:
            self.assertGreater(files.count(piece), 0)

        shown = self.keyfob('wipe', '--all', '--yes', *self.password).stdout
        self.assertIn(b'3 old values and 1 copies', shown)
        files = self.files()
        for piece in kept:
            self.assertEqual(files.count(piece), 0)
        self.assertEqual(files.count(current[0]), 1)
        for secret in SECRETS:
            self.assertNotIn(secret, files)
        self.assertEqual(len(self.versions()), 1)
        self.assertEqual(self.keyfob('get', 'svc', 'me').stdout, SECRETS[2])
        self.keyfob('history', 'other', 'me', code=1)
        self.keyfob('check')
        self.sandbox.stop_daemon()
        files = self.files()
        self.assertFalse([piece for piece in kept if piece in files])
        self.sandbox.start_daemon()
        self.sandbox.unlock(PASSWORD)
        self.assertEqual(self.keyfob('get', 'svc', 'me').stdout, SECRETS[2])

    def test_of_one_item(self):
        self.prepare()
        for value in ('x', 'y'):
            self.keyfob('set', 'other', 'me', input=value)
        self.assertIn(b'2 old values', self.keyfob('wipe', 'svc', 'me', '--yes', *self.password).stdout)
        self.assertEqual(len(self.versions()), 1)
        self.assertEqual(len(self.versions('other', 'me')), 2)
        # One that was deleted goes whole.
        self.keyfob('del', 'other', 'me')
        self.keyfob('wipe', 'other', 'me', '--yes', *self.password)
        self.keyfob('history', 'other', 'me', code=1)
        self.keyfob('check')

    def test_asks_twice(self):
        """Whether to, and for the password: that the vault is open is not enough."""
        self.prepare()
        self.keyfob('wipe', '--all', code=3)
        self.keyfob('wipe', '--all', '--yes', code=3)
        self.keyfob('wipe', '--all', '--yes', '--password-file', self.sandbox.write('wrong', 'wrong'), code=6)
        self.keyfob('wipe', code=2)
        self.keyfob('wipe', 'svc', 'me', '--all', code=2)
        for answer, code in (('n', 4), ('y', 0)):
            self.assertEqual(len(self.versions()), 3)
            terminal = self.sandbox.terminal([self.sandbox.stage.keyfob, 'wipe', 'svc', 'me'])
            terminal.expect('go for good')
            terminal.expect('Wipe')
            terminal.send(answer + '\n')
            if code == 0:
                terminal.expect('Password: ')
                terminal.send(PASSWORD + '\n')
            self.assertEqual(terminal.wait(), code)
        self.assertEqual(len(self.versions()), 1)
        self.keyfob('lock')
        self.keyfob('wipe', '--all', '--yes', *self.password, code=3)

    def test_is_carried_through_while_others_go_on(self):
        """Whoever asked for it is killed on the way; a client that reads and writes meanwhile has what it wrote, and its old values."""
        with kb.Client(self.sandbox.socket) as client:
            session = client.session()
            for value in (b'first', b'second'):
                for n in range(1500):
                    client.create_item(session, {'n': str(n)}, value)
            _, kept = self.boxes()
            self.assertEqual(len(kept), 1500)
            # Lists of more than are made at once.
            self.assertEqual(len(json.loads(self.keyfob('undelete', '--json').stdout)), 1500)
            for query, most in (({}, 0), ({'n': '7'}, 0), ({}, 700), ({}, 200)):
                found = [entry[0] for entry in client.search(query, **({'limit': most} if most else {}))]
                self.assertEqual(len(found), most or (1 if query else 1500))
                self.assertEqual(len(set(found)), len(found))
            wipe = self.sandbox.spawn([self.sandbox.stage.keyfob, 'wipe', '--all', '--yes', *self.password])

            def left():
                return sum(piece in self.files() for piece in kept[::50])

            wait_for(lambda: left() < len(kept[::50]), 'the wipe to begin')
            wipe.kill()
            wipe.wait()
            client.create_item(session, {'n': '7'}, b'third')
            self.assertEqual(client.lookup(n='7'), b'third')
            wait_for(lambda: left() == 0, 'the wipe to end')
            # Its last step may be still to come; a backup waits for that.
            backup = os.path.join(self.sandbox.root, 'after')
            wait_for(lambda: self.keyfob('backup', '--force', backup, code=None).returncode == 0, 'the wipe to be over')
            self.assertFalse([piece for piece in kept if piece in self.files()])
            old = json.loads(self.keyfob('undelete', '--json').stdout)
            self.assertEqual([entry['label'] for entry in old], [''])
            self.assertEqual(client.check()['damaged'], 0)

    def test_of_deleted_collections(self):
        self.keyfob('collection', 'create', 'gone', *self.password)
        with kb.Client(self.sandbox.socket) as client:
            client.store({'a': 'b'}, b'x', collection='gone')
        self.keyfob('collection', 'delete', '--yes', 'gone')
        self.assertEqual(len(json.loads(self.keyfob('undelete', '--json').stdout)), 1)
        self.keyfob('wipe', '--all', '--yes', *self.password)
        self.assertEqual(json.loads(self.keyfob('undelete', '--json').stdout), [])
        self.keyfob('check')


class Damaged(HistoryTest):
    def test_is_named_and_the_rest_is_usable(self):
        """A damaged record by the label it had, as far as an older value of it can be read."""
        self.prepare()
        self.keyfob('set', 'lone', 'me', input='never replaced')
        self.keyfob('set', 'sound', 'me', input='whole')
        self.sandbox.stop_daemon()
        with contextlib.closing(sqlite3.connect(self.sandbox.vault)) as db, db:
            db.execute('UPDATE item SET box=zeroblob(length(box)) WHERE id<(SELECT max(id) FROM item WHERE id < 1 << 62)')
        self.sandbox.start_daemon()
        self.sandbox.unlock(PASSWORD)
        shown = self.keyfob('check', code=7).stdout.decode()
        self.assertRegex(shown, r"(?m)^damaged: /\S+ \(Password for 'me' on 'svc'\)$")
        self.assertRegex(shown, r'(?m)^damaged: /\S+$')
        report = json.loads(self.keyfob('check', '--json', code=7).stdout)
        self.assertEqual((report['damaged'], len(report['objects']), len(report['names'])), (2, 2, 2))
        self.assertEqual(report['others'], [])
        self.assertEqual(self.keyfob('get', 'sound', 'me').stdout, b'whole')
        # What it was before can be had back.
        versions = self.versions(report['objects'][0])
        self.keyfob('history', report['objects'][0], '--show', str(versions[0]['version']))
        self.keyfob('check', '--accept')
        self.keyfob('history', report['objects'][0], '--restore', str(versions[0]['version']))
        self.assertEqual(self.keyfob('get', 'svc', 'me').stdout, SECRETS[1])
        self.keyfob('check')


if __name__ == '__main__':
    kt.main()
