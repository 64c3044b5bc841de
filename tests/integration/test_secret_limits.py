#!/usr/bin/python3
"""What a client may ask for at most, and what becomes of the others when a commit fails under them."""
import resource
import time

import keyfob_test as kt
import secret_client as sc

LIMITS = 'org.keyfob.Error.LimitsExceeded'
BUSY = 'org.keyfob.Error.Busy'
INVALID = 'org.keyfob.Error.InvalidArgument'
IO = 'org.keyfob.Error.Io'
PASSWORD = b'pass word'


class LimitsTest(kt.KeyfobTest):
    def setUp(self):
        super().setUp()
        self.sandbox.start_daemon()
        self.client = self.connect()
        self.client.init()

    def connect(self):
        client = sc.Client(f'unix:path={self.sandbox.socket}')
        self.addCleanup(client.close)
        return client


class Replies(LimitsTest):
    def test_a_list_of_items_stays_a_message(self):
        """An array of D-Bus has 64 MiB at most; a bus drops who sends more."""
        wide = {f'attribute {i}': 'x' * 8000 for i in range(63)}
        for n in range(140):
            self.client.store('Store', 'a{ss}sa{ss}a{sv}ay', {}, f'item {n}', {**wide, 'n': str(n)}, {}, b'')
        with sc.expect_error(self, LIMITS):
            self.client.store('Search', 'a{ss}a{sv}', {}, {})
        self.assertEqual(len(self.client.store('Search', 'a{ss}a{sv}', {}, {'limit': ('u', 5)})), 5)
        with sc.expect_error(self, LIMITS):
            self.client.store('Search', 'a{ss}a{sv}', {}, {'limit': ('u', 139)})

        for path, *_ in self.client.store('Search', 'a{ss}a{sv}', {'n': '1'}, {}):
            self.client.store('Delete', 'oa{ss}', path, {})
        self.assertEqual(len(self.client.store('ListDeleted', 'a{sv}', {})), 1)
        for n in [0, *range(2, 140)]:
            self.client.store('Delete', 'oa{ss}', '/', {'n': str(n)})
        with sc.expect_error(self, LIMITS):
            self.client.store('ListDeleted', 'a{sv}', {})
        self.assertEqual(len(self.client.store('ListDeleted', 'a{sv}', {'limit': ('u', 5)})), 5)

    def test_prompts_do_not_pile_up_by_size(self):
        session = self.client.open_session()
        item = self.client.create_item(sc.DEFAULT, {'a': 'b'}, b'', session)
        self.client.lock()
        many = [item] * 250000
        unlocked, first = self.client.call(sc.ROOT, sc.SERVICE, 'Unlock', 'ao', many, timeout=120)
        self.assertEqual(unlocked, [])
        _, second = self.client.call(sc.ROOT, sc.SERVICE, 'Unlock', 'ao', many, timeout=120)
        with sc.expect_error(self, sc.UNKNOWN_OBJECT):
            self.client.call(first, sc.PROMPT, 'Dismiss')
        self.client.call(second, sc.PROMPT, 'Dismiss')


if __name__ == '__main__':
    kt.main()
