#!/usr/bin/python3
"""The Secret Service over the wire: every method, property, signal and error, and what the specification leaves open."""
import os
import time
import xml.etree.ElementTree as ElementTree

import keyfob_test as kt
import secret_client as sc
from person import wait_for
from secret_client import COLLECTION, DEFAULT, ITEM, PROMPT, ROOT, SERVICE, SESSION, expect_error

PASSWORD = b'pass word'
CLOCK_REALTIME_COARSE = 5


class SecretTest(kt.KeyfobTest):
    """A daemon with an open vault, and a client on its own socket."""

    vault = True

    def setUp(self):
        super().setUp()
        self.sandbox.use_pinentry(None)
        self.sandbox.start_daemon()
        if self.bus:
            self.sandbox.wait_for_name()
        self.address = self.sandbox.bus_address or f'unix:path={self.sandbox.socket}'
        self.client = self.connect()
        if self.vault:
            self.client.init(PASSWORD)
        self.session = self.client.open_session()

    def connect(self):
        client = sc.Client(self.address)
        self.addCleanup(client.close)
        return client

    def agent(self, answers):
        agent = sc.Agent(self.address, answers)
        self.addCleanup(agent.close)
        return agent

    def error(self, name):
        return expect_error(self, name)

    def create(self, attributes, value=b'secret', collection=DEFAULT, **options):
        return self.client.create_item(collection, attributes, value, self.session, **options)

    def secret(self, item):
        return self.client.secret(item, self.session)

    def prompt_nobody(self, prompt):
        """Prompt() where nobody can be asked: it says so, unless that takes longer than it may be held, which is half a second."""
        started = time.monotonic()
        try:
            self.client.call(prompt, PROMPT, 'Prompt', 's', '')
        except sc.Error as error:
            self.assertEqual(error.name, sc.NO_PROMPTER)
        else:
            self.assertGreaterEqual(time.monotonic() - started, 0.5)

    def default(self):
        return self.client.service('ReadAlias', 's', 'default')


class Sessions(SecretTest):
    def test_plain_and_dh_carry_the_same_secret(self):
        dh = self.client.open_session(dh=True)
        item = self.create({'a': 'b'}, b'one')
        self.assertEqual(self.client.secret(item, dh), (b'one', 'text/plain'))
        self.client.call(item, ITEM, 'SetSecret', '(oayays)', dh.encode(b'two', 'text/x'))
        self.assertEqual(self.secret(item), (b'two', 'text/x'))
        self.assertEqual(self.client.secret(item, dh), (b'two', 'text/x'))

    def test_many_dh_sessions_agree(self):
        item = self.create({'a': 'b'}, b'x' * 16)
        for pad in (True, False) * 8:
            self.assertEqual(self.client.secret(item, self.client.open_session(dh=True, pad=pad))[0], b'x' * 16)

    def test_a_short_public_key_is_accepted(self):
        (kind, theirs), path = self.client.service('OpenSession', 'sv', sc.DH, ('ay', b'\x02'))
        session = sc.Session(path, sc.session_key(int.from_bytes(bytes(theirs), 'big')))
        self.assertEqual(kind, 'ay')
        self.assertEqual(self.client.secret(self.create({'a': 'b'}, b'one'), session)[0], b'one')

    def test_weak_public_keys_are_refused(self):
        for weak in (0, 1, sc.PRIME - 1, sc.PRIME, sc.PRIME + 1):
            with self.error(sc.INVALID_ARGS):
                self.client.service('OpenSession', 'sv', sc.DH, ('ay', weak.to_bytes(128, 'big')))
        for malformed in (b'', b'\0' * 128, b'\xff' * 128, b'\2' * 129):
            with self.error(sc.INVALID_ARGS):
                self.client.service('OpenSession', 'sv', sc.DH, ('ay', malformed))
        with self.error(sc.INVALID_ARGS):
            self.client.service('OpenSession', 'sv', sc.DH, ('s', ''))

    def test_an_unknown_algorithm_is_not_supported(self):
        with self.error(sc.NOT_SUPPORTED):
            self.client.service('OpenSession', 'sv', 'rot13', ('s', ''))

    def test_a_session_is_its_owners_alone(self):
        item = self.create({'a': 'b'})
        other = self.connect()
        with self.error(sc.NO_SESSION):
            other.secret(item, self.session)
        other.open_session()
        with self.error(sc.NO_SESSION):
            other.secret(item, self.session)
        with self.error(sc.NO_SESSION):
            other.service('GetSecrets', 'aoo', [item], self.session.path)
        with self.error(sc.NO_SESSION):
            other.create_item(DEFAULT, {}, b'', self.session)
        with self.error(sc.ACCESS_DENIED):
            other.call(self.session.path, sc.SESSION_INTERFACE, 'Close')
        self.assertEqual(self.secret(item)[0], b'secret')

    def test_a_closed_session_is_gone(self):
        item = self.create({'a': 'b'})
        self.client.call(self.session.path, sc.SESSION_INTERFACE, 'Close')
        with self.error(sc.NO_SESSION):
            self.secret(item)
        with self.error(sc.UNKNOWN_OBJECT):
            self.client.call(self.session.path, sc.SESSION_INTERFACE, 'Close')
        with self.error(sc.NO_SESSION):
            self.client.call(item, ITEM, 'GetSecret', 'o', '/')

    def test_a_session_goes_with_its_client(self):
        other = self.connect()
        path = other.open_session().path
        other.close()

        def gone():
            with self.assertRaises(sc.Error) as caught:
                self.client.call(path, sc.SESSION_INTERFACE, 'Close')
            self.assertIn(caught.exception.name, (sc.UNKNOWN_OBJECT, sc.ACCESS_DENIED))
            return caught.exception.name == sc.UNKNOWN_OBJECT

        wait_for(gone, 'the session to go with its client')

    def test_the_number_of_sessions_is_bounded(self):
        with self.error(sc.LIMITS):
            for _ in range(200):
                self.client.open_session()
        self.connect().open_session()

    def test_a_secret_of_another_key_is_refused(self):
        dh = self.client.open_session(dh=True)
        path, parameters, value, content_type = dh.encode(b'secret')
        for broken in ((path, b'', value, content_type), (path, parameters, value[:-1], content_type),
                       (path, parameters, b'', content_type), (path, parameters[:8], value, content_type)):
            with self.error(sc.INVALID_ARGS):
                self.client.call(DEFAULT, COLLECTION, 'CreateItem', 'a{sv}(oayays)b', {}, broken, False)
        self.assertEqual(self.client.search({}), ([], []))


class Items(SecretTest):
    def test_properties(self):
        before = int(time.clock_gettime(CLOCK_REALTIME_COARSE))  # the clock of time(2), which keyfobd has: it lags by a tick
        item = self.create({'a': 'b', 'ü': 'é'}, label='Läbel', content_type='text/x; charset=utf8')
        self.assertTrue(item.startswith(self.default() + '/'), item)
        properties = self.client.get_all(item, ITEM)
        self.assertLessEqual(before, properties['Created'])
        self.assertLessEqual(properties['Created'], time.time() + 1)
        del properties['Created'], properties['Modified']
        self.assertEqual(properties, {'Locked': False, 'Label': 'Läbel', 'Attributes': {'a': 'b', 'ü': 'é'},
                                      'Type': 'org.freedesktop.Secret.Generic'})
        self.assertEqual(self.secret(item), (b'secret', 'text/x; charset=utf8'))

    def test_an_item_is_there_under_the_alias_too(self):
        item = self.create({'a': 'b'}, label='x')
        alias = DEFAULT + item[len(self.default()):]
        self.assertEqual(self.client.get(alias, ITEM, 'Label'), 'x')
        self.assertEqual(self.secret(alias)[0], b'secret')
        self.assertEqual(self.client.service('GetSecrets', 'aoo', [alias], self.session.path).keys(), {alias})

    def test_label_and_attributes_can_be_set(self):
        item = self.create({'a': 'b'})
        self.client.set(item, ITEM, 'Label', 's', 'new')
        self.client.set(item, ITEM, 'Attributes', 'a{ss}', {'c': 'd', 'e': ''})
        self.assertEqual(self.client.get(item, ITEM, 'Label'), 'new')
        self.assertEqual(self.client.get(item, ITEM, 'Attributes'), {'c': 'd', 'e': ''})
        self.assertEqual(self.client.search({'a': 'b'}), ([], []))
        self.assertEqual(self.client.search({'c': 'd'}), ([item], []))
        self.client.set(item, ITEM, 'Attributes', 'a{ss}', {})
        self.assertEqual(self.client.get(item, ITEM, 'Attributes'), {})
        self.assertEqual(self.client.search({'c': 'd'}), ([], []))
        self.assertEqual(self.secret(item)[0], b'secret')
        with self.assertRaises(sc.Error):
            self.client.set(item, ITEM, 'Created', 't', 1)

    def test_what_was_set_survives_a_crash(self):
        item = self.create({'a': 'b'})
        self.client.set(item, ITEM, 'Label', 's', 'new')
        self.client.set(item, ITEM, 'Attributes', 'a{ss}', {'c': 'd'})
        self.client.set(DEFAULT, COLLECTION, 'Label', 's', 'Mine')
        self.sandbox.kill_daemon()
        self.sandbox.start_daemon()
        client = self.connect()
        client.unlock(PASSWORD)
        self.assertEqual(client.get(item, ITEM, 'Label'), 'new')
        self.assertEqual(client.get(item, ITEM, 'Attributes'), {'c': 'd'})
        self.assertEqual(client.get(DEFAULT, COLLECTION, 'Label'), 'Mine')

    def test_schema(self):
        plain = self.create({'a': 'b'})
        typed = self.create({'a': 'b', 'xdg:schema': 'org.example'})
        self.assertEqual(self.client.get(typed, ITEM, 'Type'), 'org.example')
        self.assertEqual(self.client.get(plain, ITEM, 'Attributes'), {'a': 'b'})
        self.assertEqual(set(self.client.search({'a': 'b'})[0]), {plain, typed})
        self.assertEqual(self.client.search({'a': 'b', 'xdg:schema': 'org.example'})[0], [typed])
        self.assertEqual(self.client.search({'a': 'b', 'xdg:schema': 'org.freedesktop.Secret.Generic'})[0], [plain])

    def test_the_old_type_property_is_a_schema(self):
        item, _ = self.client.call(DEFAULT, COLLECTION, 'CreateItem', 'a{sv}(oayays)b',
                                   {'Label': ('s', 'old'), 'Attributes': ('a{ss}', {'a': 'b'}),
                                    ITEM + '.Type': ('s', 'org.example.Old'), 'Unknown': ('i', 3)},
                                   self.session.encode(b'x'), False)
        self.assertEqual(self.client.get(item, ITEM, 'Type'), 'org.example.Old')
        self.assertEqual(self.client.get(item, ITEM, 'Label'), 'old')
        with self.error(sc.INVALID_ARGS):
            self.client.call(DEFAULT, COLLECTION, 'CreateItem', 'a{sv}(oayays)b', {'Label': ('i', 1)},
                             self.session.encode(b'x'), False)

    def test_replace_wants_the_whole_set_of_attributes(self):
        wide = self.create({'user': 'alice', 'host': 'h'}, b'wide')
        narrow = self.create({'user': 'alice'}, b'narrow', replace=True)
        self.assertNotEqual(wide, narrow)
        again = self.create({'user': 'alice'}, b'again', replace=True, label='other', content_type='a/b')
        self.assertEqual(again, narrow)
        self.assertEqual(self.secret(narrow), (b'again', 'a/b'))
        self.assertEqual(self.client.get(narrow, ITEM, 'Label'), 'other')
        self.assertEqual(self.secret(wide)[0], b'wide')
        self.assertNotEqual(self.create({'user': 'alice'}, b'third'), narrow)
        generic = self.create({'user': 'alice', 'host': 'h', 'xdg:schema': 'org.freedesktop.Secret.Generic'}, b'g',
                              replace=True)
        self.assertEqual(generic, wide)

    def test_binary_empty_and_large_secrets(self):
        for value in (b'', bytes(range(256)), b'\0', b'a\nb\n', b'x' * (4 << 20)):
            for session in (self.session, self.client.open_session(dh=True)):
                item = self.client.create_item(DEFAULT, {'n': str(len(value))}, value, session)
                self.assertEqual(self.client.secret(item, session)[0], value)

    def test_a_larger_secret_is_refused_by_name(self):
        for session in (self.session, self.client.open_session(dh=True)):
            with self.error(sc.LIMITS):
                self.client.create_item(DEFAULT, {}, b'x' * ((4 << 20) + 1), session)
        self.assertEqual(self.client.search({}), ([], []))

    def test_limits_of_attributes(self):
        self.create({f'name{i}': 'v' for i in range(64)})
        with self.error(sc.LIMITS):
            self.create({f'name{i}': 'v' for i in range(65)})
        with self.error(sc.LIMITS):
            self.create({'a': 'x' * 8193})
        with self.error(sc.LIMITS):
            self.client.search({'x' * 8193: 'a'})
        with self.error(sc.LIMITS):
            self.create({}, label='x' * 5000)

    def test_delete(self):
        item = self.create({'a': 'b'})
        self.assertEqual(self.client.call(item, ITEM, 'Delete'), '/')
        self.assertEqual(self.client.search({}), ([], []))
        with self.error(sc.UNKNOWN_OBJECT):
            self.client.call(item, ITEM, 'Delete')

    def test_what_is_missing_is_unknown(self):
        collection = self.default()
        for path in (collection + '/4242', collection + '/0', collection + '/01', collection + '/x', DEFAULT + '/4242',
                     ROOT + '/collection/nowhere', ROOT + '/aliases/nothing', ROOT + '/prompt/p9', ROOT + '/session/s9'):
            for interface, member in ((ITEM, 'Delete'), (COLLECTION, 'Delete'), (PROMPT, 'Dismiss'),
                                      ('org.freedesktop.DBus.Properties', 'GetAll')):
                with self.error(sc.UNKNOWN_OBJECT):
                    if member == 'GetAll':
                        self.client.call(path, interface, member, 's', ITEM)
                    else:
                        self.client.call(path, interface, member)

    def test_get_secrets_leaves_out_what_it_cannot_show(self):
        one, two = self.create({'a': '1'}, b'one'), self.create({'a': '2'}, b'two')
        paths = [one, '/', DEFAULT, one + '99', two, '/org/example']
        secrets = self.client.service('GetSecrets', 'aoo', paths, self.session.path)
        self.assertEqual({path: self.session.decode(secret) for path, secret in secrets.items()},
                         {one: (b'one', 'text/plain'), two: (b'two', 'text/plain')})
        self.assertEqual(self.client.service('GetSecrets', 'aoo', [], self.session.path), {})

    def test_get_secrets_is_bounded(self):
        items = [self.create({'n': str(i)}, os.urandom(4 << 20)) for i in range(4)]
        self.assertEqual(len(self.client.service('GetSecrets', 'aoo', items, self.session.path)), 4)
        with self.error(sc.LIMITS):
            self.client.service('GetSecrets', 'aoo', items * 5, self.session.path)
        self.assertEqual(len(self.secret(items[0])[0]), 4 << 20)


class Locking(SecretTest):
    def setUp(self):
        super().setUp()
        self.item = self.create({'a': 'b'}, label='x')
        self.path = self.default()

    def test_a_locked_item_answers_and_says_nothing(self):
        self.assertEqual(self.client.service('Lock', 'ao', [DEFAULT]), ([DEFAULT], '/'))
        self.assertEqual(self.client.get_all(self.item, ITEM),
                         {'Locked': True, 'Label': '', 'Attributes': {}, 'Created': 0, 'Modified': 0, 'Type': ''})
        self.assertTrue(self.client.get(self.path, COLLECTION, 'Locked'))
        self.assertEqual(self.client.get(self.path, COLLECTION, 'Items'), [self.item])

    def test_what_needs_the_key_says_is_locked(self):
        self.client.service('Lock', 'ao', [self.path])
        for call in (lambda: self.secret(self.item),
                     lambda: self.client.call(self.item, ITEM, 'SetSecret', '(oayays)', self.session.encode(b'')),
                     lambda: self.client.call(self.item, ITEM, 'Delete'),
                     lambda: self.client.set(self.item, ITEM, 'Label', 's', 'y'),
                     lambda: self.client.set(self.item, ITEM, 'Attributes', 'a{ss}', {}),
                     lambda: self.client.set(self.path, COLLECTION, 'Label', 's', 'y'),
                     lambda: self.client.service('SetAlias', 'so', 'work', self.path),
                     lambda: self.create({'c': 'd'})):
            with self.error(sc.IS_LOCKED):
                call()
        self.assertEqual(self.client.service('GetSecrets', 'aoo', [self.item], self.session.path), {})

    def test_a_locked_vault_is_searched(self):
        self.client.service('Lock', 'ao', [self.path])
        self.assertEqual(self.client.search({'a': 'b'}), ([], [self.item]))
        self.assertEqual(self.client.search({}), ([], [self.item]))
        self.assertEqual(self.client.search({'a': 'c'}), ([], []))
        self.assertEqual(self.client.call(DEFAULT, COLLECTION, 'SearchItems', 'a{ss}', {'a': 'b'}), [self.item])

    def test_an_item_locks_its_collection(self):
        self.assertEqual(self.client.service('Lock', 'ao', [self.item, '/org/example', self.path + '/99']),
                         ([self.item], '/'))
        self.assertTrue(self.client.get(self.path, COLLECTION, 'Locked'))

    def test_lock_service(self):
        self.client.service('LockService')
        self.assertTrue(self.client.get(DEFAULT, COLLECTION, 'Locked'))
        self.assertEqual(self.client.store('Status')['vault'][1], 'locked')

    def test_unlock_of_what_is_open_or_unknown(self):
        paths = [DEFAULT, self.path, self.item, '/org/example', ROOT + '/collection/none']
        self.assertEqual(self.client.service('Unlock', 'ao', paths), (paths[:3], '/'))

    def test_unlock_asks_once(self):
        self.client.lock()
        agent = self.agent([(True, PASSWORD)])
        self.client.subscribe()
        unlocked, prompt = self.client.service('Unlock', 'ao', [DEFAULT, self.item, '/none', SESSION])
        self.assertEqual(unlocked, [SESSION])
        self.assertNotEqual(prompt, '/')
        self.assertEqual(agent.questions, [])
        self.assertEqual(self.client.prompt(prompt), (False, [DEFAULT, self.item]))
        self.assertEqual(len(agent.questions), 1)
        self.assertEqual((agent.questions[0]['kind'], agent.questions[0]['purpose']), ('secret', 'unlock'))
        self.assertEqual(self.secret(self.item)[0], b'secret')
        with self.error(sc.UNKNOWN_OBJECT):
            self.client.call(prompt, PROMPT, 'Prompt', 's', '')

    def test_a_wrong_password_is_asked_again(self):
        self.client.lock()
        agent = self.agent([(True, b'wrong'), (True, PASSWORD)])
        self.client.subscribe()
        self.assertEqual(self.client.prompt(self.client.service('Unlock', 'ao', [DEFAULT])[1]), (False, [DEFAULT]))
        self.assertEqual(len(agent.questions), 2)

    def test_a_refusal_is_dismissed(self):
        self.client.lock()
        self.agent([(False, b'')])
        self.client.subscribe()
        self.assertEqual(self.client.prompt(self.client.service('Unlock', 'ao', [DEFAULT])[1]), (True, []))
        self.assertTrue(self.client.get(DEFAULT, COLLECTION, 'Locked'))

    def test_nobody_to_ask(self):
        self.client.lock()
        self.client.subscribe()
        prompt = self.client.service('Unlock', 'ao', [DEFAULT])[1]
        started = time.monotonic()
        self.prompt_nobody(prompt)
        self.assertEqual(self.client.wait_for(prompt, PROMPT, 'Completed'), (True, ('ao', [])))
        self.assertLess(time.monotonic() - started, 5)  # a call on the bus is waited for as long

    def test_who_fails_to_ask_is_not_the_disk(self):
        collection = self.client.store('CreateCollection', 'sa{sv}', 'Other', {'auth': ('ay', PASSWORD)})
        self.client.subscribe()
        agent = self.agent([])
        prompt = self.client.call(collection, COLLECTION, 'Delete')
        self.prompt_nobody(prompt)
        self.assertTrue(self.client.wait_for(prompt, PROMPT, 'Completed')[0])
        self.assertEqual(agent.questions[0]['purpose'], 'delete-collection')

    def test_prompt_answers_while_the_question_stands(self):
        self.client.lock()
        agent = self.agent(lambda request: None)
        self.client.subscribe()
        prompt = self.client.service('Unlock', 'ao', [DEFAULT])[1]
        self.client.call(prompt, PROMPT, 'Prompt', 's', '0x123')  # the agent never answers
        with self.assertRaises(sc.Error):
            self.client.call(prompt, PROMPT, 'Prompt', 's', '')
        other = self.connect()
        for member, signature, *body in (('Prompt', 's', ''), ('Dismiss', None)):
            with self.error(sc.ACCESS_DENIED):
                other.call(prompt, PROMPT, member, signature, *body)
        self.client.call(prompt, PROMPT, 'Dismiss')
        self.assertEqual(self.client.wait_for(prompt, PROMPT, 'Completed'), (True, ('ao', [])))
        wait_for(lambda: agent.cancelled, 'the question to be taken back')
        self.assertEqual(agent.cancelled, [agent.questions[0]['id']])

    def test_dismissed_before_it_was_shown(self):
        self.client.lock()
        self.client.subscribe()
        prompt = self.client.service('Unlock', 'ao', [DEFAULT])[1]
        self.client.call(prompt, PROMPT, 'Dismiss')
        self.assertEqual(self.client.wait_for(prompt, PROMPT, 'Completed'), (True, ('ao', [])))

    def test_a_prompt_goes_with_its_client(self):
        self.client.lock()
        agent = self.agent(lambda request: None)
        other = self.connect()
        prompt = other.service('Unlock', 'ao', [DEFAULT])[1]
        other.send(prompt, PROMPT, 'Prompt', 's', '')
        wait_for(lambda: agent.questions, 'the question')
        other.close()
        wait_for(lambda: agent.cancelled, 'the question to be taken back')
        self.assertEqual(len(agent.cancelled), 1)
        with self.error(sc.UNKNOWN_OBJECT):
            self.client.call(prompt, PROMPT, 'Dismiss')

    def test_prompts_never_shown_do_not_pile_up(self):
        self.client.lock()
        prompts = [self.client.service('Unlock', 'ao', [DEFAULT])[1] for _ in range(200)]
        self.assertEqual(len(set(prompts)), 200)
        with self.error(sc.UNKNOWN_OBJECT):
            self.client.call(prompts[0], PROMPT, 'Dismiss')
        self.client.call(prompts[-1], PROMPT, 'Dismiss')

    def test_unlocked_elsewhere_meanwhile(self):
        self.client.lock()
        self.client.subscribe()
        prompt = self.client.service('Unlock', 'ao', [DEFAULT])[1]
        self.client.unlock(PASSWORD)
        self.assertEqual(self.client.prompt(prompt), (False, [DEFAULT]))


class OwnPassword(SecretTest):
    """A collection with slots of its own beside one under the vault's."""

    def setUp(self):
        super().setUp()
        self.own = self.client.store('CreateCollection', 'sa{sv}', 'Own',
                                     {'own_secret': ('ay', b'own word'), 'auth': ('ay', PASSWORD)})
        self.item = self.create({'a': 'b'}, collection=self.own)
        self.client.lock()
        self.client.subscribe()

    def test_each_is_asked_for(self):
        agent = self.agent([(True, PASSWORD), (True, b'own word')])
        prompt = self.client.service('Unlock', 'ao', [self.item, DEFAULT])[1]
        self.assertEqual(self.client.prompt(prompt), (False, [self.item, DEFAULT]))
        self.assertEqual(len(agent.questions), 2)
        self.assertIn('Own', agent.questions[1]['message'])
        self.assertEqual(self.secret(self.item)[0], b'secret')

    def test_what_was_opened_before_a_refusal_stays_open(self):
        self.agent([(True, PASSWORD), (False, b'')])
        prompt = self.client.service('Unlock', 'ao', [self.own, DEFAULT])[1]
        self.assertEqual(self.client.prompt(prompt), (False, [DEFAULT]))
        self.assertTrue(self.client.get(self.own, COLLECTION, 'Locked'))

    def test_only_what_was_asked_for_opens(self):
        self.agent([(True, b'own word')])
        self.assertEqual(self.client.prompt(self.client.service('Unlock', 'ao', [self.own])[1]), (False, [self.own]))
        self.assertTrue(self.client.get(DEFAULT, COLLECTION, 'Locked'))

    def test_one_locked_by_hand_is_asked_for_again(self):
        self.client.unlock(PASSWORD)
        self.agent([(True, b'own word'), (True, PASSWORD)])
        self.client.prompt(self.client.service('Unlock', 'ao', [self.own])[1])
        self.client.service('Lock', 'ao', [DEFAULT])
        self.assertFalse(self.client.get(self.own, COLLECTION, 'Locked'))
        self.assertEqual(self.client.prompt(self.client.service('Unlock', 'ao', [DEFAULT])[1]), (False, [DEFAULT]))


class Unprotected(SecretTest):
    vault = False

    def test_a_collection_is_made_without_a_question(self):
        self.client.init(None)
        self.client.subscribe()
        path, prompt = self.client.service('CreateCollection', 'a{sv}s', {COLLECTION + '.Label': ('s', 'Work')}, 'work')
        self.assertEqual(path, '/')
        dismissed, path = self.client.prompt(prompt)
        self.assertFalse(dismissed)
        self.assertEqual(self.client.service('ReadAlias', 's', 'work'), path)

    def test_it_opens_without_a_question(self):
        self.client.init(None)
        item = self.create({'a': 'b'})
        self.client.lock()
        self.assertEqual(self.client.service('Unlock', 'ao', [DEFAULT]), ([DEFAULT], '/'))
        self.assertEqual(self.secret(item)[0], b'secret')
        self.sandbox.stop_daemon()
        self.sandbox.start_daemon()
        client = self.connect()
        self.assertFalse(client.get(DEFAULT, COLLECTION, 'Locked'))

    def test_one_that_was_locked_by_itself(self):
        self.client.init(None)
        self.client.subscribe()
        _, prompt = self.client.service('CreateCollection', 'a{sv}s', {COLLECTION + '.Label': ('s', 'Open')}, '')
        self.assertFalse(self.client.prompt(prompt)[0])
        self.client.service('Lock', 'ao', [DEFAULT])
        self.assertTrue(self.client.get(DEFAULT, COLLECTION, 'Locked'))
        self.client.store('Unlock', 'a{sv}', {})
        self.assertFalse(self.client.get(DEFAULT, COLLECTION, 'Locked'))


class Collections(SecretTest):
    def test_properties(self):
        path = self.default()
        self.assertEqual(set(self.client.get(ROOT, SERVICE, 'Collections')), {path, SESSION})
        for name in (path, DEFAULT):
            properties = self.client.get_all(name, COLLECTION)
            self.assertLess(abs(properties['Created'] - time.time()), 600)
            self.assertLess(abs(properties['Modified'] - time.time()), 600)
            self.assertEqual((properties['Label'], properties['Locked'], properties['Items']), ('Default', False, []))
        items = [self.create({'n': str(i)}) for i in range(3)]
        self.assertEqual(self.client.get(DEFAULT, COLLECTION, 'Items'), items)

    def test_label(self):
        self.client.set(DEFAULT, COLLECTION, 'Label', 's', 'Mine')
        self.assertEqual(self.client.get(self.default(), COLLECTION, 'Label'), 'Mine')
        with self.error(sc.LIMITS):
            self.client.set(DEFAULT, COLLECTION, 'Label', 's', 'x' * 5000)

    def create_collection(self, label, alias='', answers=None):
        agent = self.agent(answers if answers is not None else [(True, PASSWORD)])
        properties = {COLLECTION + '.Label': ('s', label)} if label is not None else {}
        path, prompt = self.client.service('CreateCollection', 'a{sv}s', properties, alias)
        self.assertEqual(path, '/')
        self.client.subscribe()
        dismissed, path = self.client.prompt(prompt)
        agent.close()
        return agent, dismissed, path

    def test_create(self):
        agent, dismissed, path = self.create_collection('My "work"', 'work')
        self.assertFalse(dismissed)
        self.assertEqual(agent.questions[0]['purpose'], 'create-collection')
        self.assertIn("My 'work'", agent.questions[0]['message'])
        self.assertEqual(self.client.get(path, COLLECTION, 'Label'), 'My "work"')
        self.assertEqual(self.client.service('ReadAlias', 's', 'work'), path)
        self.assertIn(path, self.client.get(ROOT, SERVICE, 'Collections'))
        item = self.create({'a': 'b'}, collection=path)
        self.assertEqual(self.client.call(path, COLLECTION, 'SearchItems', 'a{ss}', {}), [item])
        self.assertEqual(self.client.call(DEFAULT, COLLECTION, 'SearchItems', 'a{ss}', {}), [])
        self.assertEqual(self.client.get(ROOT + '/aliases/work', COLLECTION, 'Items'), [item])

    def test_create_refused(self):
        _, dismissed, path = self.create_collection('Work', answers=[(False, b'')])
        self.assertEqual((dismissed, path), (True, '/'))
        self.assertEqual(len(self.client.get(ROOT, SERVICE, 'Collections')), 2)

    def test_create_without_a_label(self):
        for label in ('', None):
            _, dismissed, path = self.create_collection(label)
            self.assertFalse(dismissed)
            self.assertNotEqual(self.client.get(path, COLLECTION, 'Label'), '')

    def test_create_the_default_that_is_there(self):
        self.assertEqual(self.client.service('CreateCollection', 'a{sv}s', {COLLECTION + '.Label': ('s', 'x')}, 'default'),
                         (self.default(), '/'))

    def test_two_that_make_the_same_get_the_same(self):
        """As two programs do at the first login: items of one must not vanish from the alias when the other is done."""
        other = self.connect()
        prompts = [client.service('CreateCollection', 'a{sv}s', {COLLECTION + '.Label': ('s', label)}, 'work')[1]
                   for client, label in ((self.client, 'One'), (other, 'Two'))]
        self.agent([(True, PASSWORD), (True, PASSWORD)])
        made = []
        for client, prompt in zip((self.client, other), prompts):
            client.subscribe()
            dismissed, path = client.prompt(prompt)
            self.assertFalse(dismissed)
            made.append(path)
        self.assertEqual(made[0], made[1])
        self.assertEqual(self.client.service('ReadAlias', 's', 'work'), made[0])
        self.assertEqual(len(self.client.get(ROOT, SERVICE, 'Collections')), 3)

    def test_one_that_is_called_session(self):
        _, _, path = self.create_collection('session')
        self.assertNotEqual(path, SESSION)
        item = self.create({'a': 'b'}, collection=path)
        self.assertEqual(self.client.get(path, COLLECTION, 'Items'), [item])

    def test_create_opens_the_vault(self):
        self.client.lock()
        _, dismissed, path = self.create_collection('Work', 'work')
        self.assertFalse(dismissed)
        self.assertFalse(self.client.get(path, COLLECTION, 'Locked'))

    def test_delete(self):
        _, _, path = self.create_collection('Work', 'work')
        item = self.create({'a': 'b'}, collection=path)
        for allowed in (False, True):
            agent = self.agent([(allowed, b'')])
            prompt = self.client.call(path, COLLECTION, 'Delete')
            self.assertEqual(self.client.prompt(prompt), (not allowed, ''))
            self.assertEqual((agent.questions[0]['kind'], agent.questions[0]['purpose']),
                             ('confirm', 'delete-collection'))
            self.assertIn('Work', agent.questions[0]['message'])
            agent.close()
            self.assertEqual(path in self.client.get(ROOT, SERVICE, 'Collections'), not allowed)
        for gone in (path, item):
            with self.error(sc.UNKNOWN_OBJECT):
                self.client.call(gone, 'org.freedesktop.DBus.Properties', 'GetAll', 's', '')
        self.assertEqual(self.client.service('ReadAlias', 's', 'work'), '/')
        self.assertEqual(self.client.search({}), ([], []))

    def test_delete_means_what_was_shown(self):
        _, _, work = self.create_collection('Work', 'work')
        home = self.default()
        prompt = self.client.call(ROOT + '/aliases/work', COLLECTION, 'Delete')
        self.client.service('SetAlias', 'so', 'work', home)
        self.agent([(True, b'')])
        self.assertEqual(self.client.prompt(prompt), (False, ''))
        collections = self.client.get(ROOT, SERVICE, 'Collections')
        self.assertIn(home, collections)
        self.assertNotIn(work, collections)

    def test_delete_of_the_default_leaves_the_alias(self):
        self.agent([(True, b'')])
        self.client.subscribe()
        self.assertEqual(self.client.prompt(self.client.call(DEFAULT, COLLECTION, 'Delete')), (False, ''))
        self.assertEqual(self.default(), '/')
        properties = self.client.get_all(DEFAULT, COLLECTION)
        self.assertEqual(properties, {'Label': '', 'Items': [], 'Locked': True, 'Created': 0, 'Modified': 0})
        self.assertEqual(self.client.call(DEFAULT, COLLECTION, 'SearchItems', 'a{ss}', {}), [])
        with self.error(sc.NO_SUCH_OBJECT):
            self.create({'a': 'b'})
        with self.error(sc.NO_SUCH_OBJECT):
            self.client.call(DEFAULT, COLLECTION, 'Delete')
        with self.error(sc.UNKNOWN_OBJECT):
            self.client.call(DEFAULT + '/1', ITEM, 'Delete')

    def test_delete_of_a_locked_one_opens_the_vault_first(self):
        self.client.lock()
        agent = self.agent([(True, PASSWORD), (True, b'')])
        self.client.subscribe()
        path = self.default()
        self.assertEqual(self.client.prompt(self.client.call(path, COLLECTION, 'Delete')), (False, ''))
        self.assertEqual([question['kind'] for question in agent.questions], ['secret', 'confirm'])
        self.assertNotIn(path, self.client.get(ROOT, SERVICE, 'Collections'))


class Aliases(SecretTest):
    def test_read(self):
        self.assertEqual(self.client.service('ReadAlias', 's', 'nothing'), '/')
        self.assertEqual(self.client.service('ReadAlias', 's', ''), '/')
        self.assertEqual(self.client.service('ReadAlias', 's', 'session'), SESSION)
        self.assertEqual(self.client.service('ReadAlias', 's', 'login'), self.default())

    def test_any_name_is_kept(self):
        path = self.default()
        for alias in ('work', 'with space', 'ümlaut', 'my_alias', '_20'):
            self.client.service('SetAlias', 'so', alias, path)
        self.sandbox.stop_daemon()
        self.sandbox.start_daemon()
        client = self.connect()
        for alias in ('work', 'with space', 'ümlaut', 'my_alias', '_20'):
            self.assertEqual(client.service('ReadAlias', 's', alias), path)
        for element in ('work', 'with_20space', 'my_5falias', 'my_alias', '_5f20'):
            self.assertTrue(client.get(f'{ROOT}/aliases/{element}', COLLECTION, 'Locked'))
        client.unlock(PASSWORD)
        client.service('SetAlias', 'so', 'work', '/')
        self.assertEqual(client.service('ReadAlias', 's', 'work'), '/')
        client.service('SetAlias', 'so', 'work', '/')

    def test_errors(self):
        with self.error(sc.NO_SUCH_OBJECT):
            self.client.service('SetAlias', 'so', 'work', ROOT + '/collection/none')
        with self.error(sc.NO_SUCH_OBJECT):
            self.client.service('SetAlias', 'so', 'work', self.create({}))
        with self.error(sc.INVALID_ARGS):
            self.client.service('SetAlias', 'so', '', self.default())
        with self.error(sc.LIMITS):
            self.client.service('SetAlias', 'so', 'x' * 300, self.default())
        with self.error(sc.NOT_SUPPORTED):
            self.client.service('SetAlias', 'so', 'work', SESSION)
        with self.error(sc.NOT_SUPPORTED):
            self.client.service('SetAlias', 'so', 'session', self.default())


class SessionCollection(SecretTest):
    def test_it_lives_in_memory(self):
        item = self.create({'a': 'b'}, collection=SESSION)
        self.assertTrue(item.startswith(SESSION + '/'))
        self.assertEqual(self.client.search({'a': 'b'}), ([item], []))
        self.assertEqual(self.secret(item)[0], b'secret')
        self.assertFalse(self.client.get(item, ITEM, 'Locked'))
        self.assertEqual(self.create({'a': 'b'}, b'new', collection=ROOT + '/aliases/session', replace=True), item)
        self.assertEqual(self.secret(item)[0], b'new')
        self.client.call(item, ITEM, 'Delete')
        self.assertEqual(self.client.get(SESSION, COLLECTION, 'Items'), [])
        self.create({'a': 'b'}, collection=SESSION)
        self.sandbox.stop_daemon()
        self.sandbox.start_daemon()
        self.assertEqual(self.connect().search({}), ([], []))

    def test_it_can_neither_be_locked_nor_deleted(self):
        self.assertEqual(self.client.service('Lock', 'ao', [SESSION]), ([], '/'))
        self.assertFalse(self.client.get(SESSION, COLLECTION, 'Locked'))
        with self.error(sc.NOT_SUPPORTED):
            self.client.call(SESSION, COLLECTION, 'Delete')


class NoVault(SecretTest):
    vault = False

    def test_it_reads_as_empty(self):
        self.assertEqual(self.client.get(ROOT, SERVICE, 'Collections'), [SESSION])
        self.assertEqual(self.client.search({}), ([], []))
        self.assertEqual(self.default(), '/')
        self.assertEqual(self.client.service('Unlock', 'ao', [DEFAULT]), ([], '/'))
        self.assertEqual(self.client.service('Lock', 'ao', [DEFAULT]), ([], '/'))
        self.client.service('LockService')
        self.assertEqual(self.client.get_all(DEFAULT, COLLECTION),
                         {'Label': '', 'Items': [], 'Locked': True, 'Created': 0, 'Modified': 0})
        self.assertEqual(self.client.call(DEFAULT, COLLECTION, 'SearchItems', 'a{ss}', {}), [])

    def test_what_writes_says_what_to_do(self):
        for call in (lambda: self.create({'a': 'b'}),
                     lambda: self.client.service('CreateCollection', 'a{sv}s', {}, 'default'),
                     lambda: self.client.service('SetAlias', 'so', 'a', SESSION),
                     lambda: self.client.set(DEFAULT, COLLECTION, 'Label', 's', 'x'),
                     lambda: self.client.call(DEFAULT, COLLECTION, 'Delete')):
            with self.error(sc.NO_VAULT) as caught:
                call()
            self.assertIn('keyfob init', caught.exception.text)

    def test_the_memory_works(self):
        self.assertEqual(self.secret(self.create({'a': 'b'}, collection=SESSION))[0], b'secret')

    def test_init_makes_it_usable_at_once(self):
        self.client.subscribe()
        self.client.init(PASSWORD)
        self.client.settle()
        self.assertIn((ROOT, SERVICE, 'CollectionCreated', (self.default(),)), self.client.signals)
        self.assertEqual(self.secret(self.create({'a': 'b'}))[0], b'secret')


class Signals(SecretTest):
    def setUp(self):
        super().setUp()
        self.path = self.default()
        self.client.subscribe()

    def heard(self):
        self.client.settle()
        signals, self.client.signals = self.client.signals, []
        return signals

    def changed(self, signals, path, interface):
        """Names of properties announced for an object: those with values, and the invalidated."""
        values, invalidated = {}, set()
        for where, _, member, body in signals:
            if (where, member) == (path, 'PropertiesChanged') and body[0] == interface:
                values.update({name: value for name, (_, value) in body[1].items()})
                invalidated.update(body[2])
        return values, invalidated

    def test_items(self):
        item = self.create({'a': 'b'})
        signals = self.heard()
        self.assertIn((self.path, COLLECTION, 'ItemCreated', (item,)), signals)
        self.assertEqual(self.changed(signals, self.path, COLLECTION)[0]['Items'], [item])

        for change in (lambda: self.client.set(item, ITEM, 'Label', 's', 'new'),
                       lambda: self.client.set(item, ITEM, 'Attributes', 'a{ss}', {'c': 'd'}),
                       lambda: self.client.call(item, ITEM, 'SetSecret', '(oayays)', self.session.encode(b'x')),
                       lambda: self.create({'c': 'd'}, label='newer', replace=True)):
            change()
            signals = self.heard()
            self.assertIn((self.path, COLLECTION, 'ItemChanged', (item,)), signals)
            self.assertIn('Modified', self.changed(signals, item, ITEM)[0])
        values, _ = self.changed(signals, item, ITEM)
        self.assertEqual((values['Label'], values['Attributes']), ('newer', {'c': 'd'}))

        self.client.call(item, ITEM, 'Delete')
        signals = self.heard()
        self.assertIn((self.path, COLLECTION, 'ItemDeleted', (item,)), signals)
        self.assertEqual(self.changed(signals, self.path, COLLECTION)[0]['Items'], [])

    def test_signals_of_the_memory(self):
        item = self.create({'a': 'b'}, collection=SESSION)
        self.assertIn((SESSION, COLLECTION, 'ItemCreated', (item,)), self.heard())

    def test_locks(self):
        item = self.create({'a': 'b'})
        self.heard()
        self.client.service('Lock', 'ao', [item])
        signals = self.heard()
        self.assertIn((ROOT, SERVICE, 'CollectionChanged', (self.path,)), signals)
        self.assertEqual(self.changed(signals, self.path, COLLECTION)[0]['Locked'], True)
        values, _ = self.changed(signals, item, ITEM)
        self.assertEqual((values['Locked'], values['Label'], values['Attributes']), (True, '', {}))
        self.assertIn(('/org/keyfob', sc.STORE, 'LockChanged', (self.path, True)), signals)
        self.client.unlock(PASSWORD)
        signals = self.heard()
        self.assertEqual(self.changed(signals, self.path, COLLECTION)[0]['Locked'], False)
        values, _ = self.changed(signals, item, ITEM)
        self.assertEqual((values['Locked'], values['Label'], values['Attributes']), (False, 'label', {'a': 'b'}))

    def test_a_large_collection_is_announced_in_few_words(self):
        for i in range(300):
            self.create({'n': str(i)})
        signals = self.heard()
        created = [s for s in signals if s[2] == 'ItemCreated']
        lists = [s[3][1]['Items'][1] for s in signals if s[2] == 'PropertiesChanged' and 'Items' in s[3][1]]
        self.assertEqual((len(created), [len(paths) for paths in lists]), (300, list(range(1, 257))))
        self.assertNotIn('Items', self.changed(signals, self.path, COLLECTION)[1])
        self.client.service('Lock', 'ao', [self.path])
        self.assertLess(len(self.heard()), 10)

    def test_collections_and_aliases(self):
        self.agent(lambda request: (True, PASSWORD if request['kind'] == 'secret' else b''))
        prompt = self.client.service('CreateCollection', 'a{sv}s', {COLLECTION + '.Label': ('s', 'Work')}, '')[1]
        self.client.call(prompt, PROMPT, 'Prompt', 's', '')
        path = self.client.wait_for(ROOT, SERVICE, 'CollectionCreated')[0]
        self.client.wait_for(prompt, PROMPT, 'Completed')
        self.assertIn(path, self.client.get(ROOT, SERVICE, 'Collections'))
        self.heard()
        for change in (lambda: self.client.set(path, COLLECTION, 'Label', 's', 'Labour'),
                       lambda: self.client.service('SetAlias', 'so', 'work', path),
                       lambda: self.client.service('SetAlias', 'so', 'work', '/')):
            change()
            signals = self.heard()
            self.assertIn((ROOT, SERVICE, 'CollectionChanged', (path,)), signals)
            self.assertEqual(self.changed(signals, path, COLLECTION)[0]['Label'], 'Labour')
        prompt = self.client.call(path, COLLECTION, 'Delete')
        self.client.call(prompt, PROMPT, 'Prompt', 's', '')
        self.assertEqual(self.client.wait_for(ROOT, SERVICE, 'CollectionDeleted'), (path,))
        self.client.wait_for(prompt, PROMPT, 'Completed')
        self.client.service('SetAlias', 'so', 'default', '/')
        self.assertIn((ROOT, SERVICE, 'CollectionChanged', (self.path,)), self.heard())


class Introspection(SecretTest):
    def introspect(self, path):
        text = self.client.call(path, 'org.freedesktop.DBus.Introspectable', 'Introspect')
        root = ElementTree.fromstring(text)
        return {i.get('name') for i in root.iter('interface')}, [n.get('name') for n in root.findall('node')]

    def test_every_node(self):
        item = self.create({'a': 'b'})
        path = self.default()
        self.client.lock()
        prompt = self.client.service('Unlock', 'ao', [DEFAULT])[1]
        name = path.rsplit('/', 1)[1]
        for node, interface, child in ((ROOT, SERVICE, 'collection'), (ROOT + '/collection', None, name),
                                       (ROOT + '/collection', None, 'session'), (path, COLLECTION, None),
                                       (DEFAULT, COLLECTION, None), (ROOT + '/aliases', None, 'default'),
                                       (item, ITEM, None), (DEFAULT + item[len(path):], ITEM, None),
                                       (self.session.path, sc.SESSION_INTERFACE, None), (prompt, PROMPT, None)):
            interfaces, children = self.introspect(node)
            if interface:
                self.assertIn(interface, interfaces, node)
            if child:
                self.assertIn(child, children, node)
        self.assertNotIn(ITEM, self.introspect(path)[0])
        self.assertNotIn(COLLECTION, self.introspect(item)[0])

    def test_the_tree_does_not_grow_with_the_items(self):
        items = [self.create({'n': str(i)}) for i in range(60)]
        _, children = self.introspect(self.default())
        self.assertEqual(set(children), {item.rsplit('/', 1)[1] for item in items})
        last = [self.create({'n': str(i)}) for i in range(60, 150)][-1]
        self.assertEqual(self.introspect(self.default())[1], [])
        self.assertIn(ITEM, self.introspect(last)[0])


class Bus(SecretTest):
    """The same on a message bus, where a caller is a unique name."""

    bus = True

    test_sessions = Sessions.test_a_session_is_its_owners_alone
    test_session_gone = Sessions.test_a_session_goes_with_its_client
    test_dh = Sessions.test_plain_and_dh_carry_the_same_secret
    test_large = Items.test_binary_empty_and_large_secrets
    test_bounded = Items.test_get_secrets_is_bounded

    def test_prompts(self):
        self.item = self.create({'a': 'b'})
        Locking.test_unlock_asks_once(self)

    test_nobody = Locking.test_nobody_to_ask
    test_prompt_gone = Locking.test_a_prompt_goes_with_its_client

    def test_signals(self):
        self.client.subscribe()
        item = self.create({'a': 'b'})
        self.assertEqual(self.client.wait_for(self.default(), COLLECTION, 'ItemCreated'), (item,))

    def test_what_one_way_in_stores_the_other_finds(self):
        with sc.Client(f'unix:path={self.sandbox.socket}') as other:
            item = other.create_item(DEFAULT, {'a': 'b'}, b'one', other.open_session())
        self.assertEqual(self.secret(item)[0], b'one')


if __name__ == '__main__':
    kt.main()
