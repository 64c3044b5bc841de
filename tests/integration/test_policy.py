#!/usr/bin/python3
"""keyfob policy: which programs may be given which secrets, and who is asked."""
import json
import os
import subprocess
import sys
import threading
import unittest

import flatpak
import keyfob_bus as kb
import keyfob_test as kt
import secret_client as sc

APP = 'flatpak:org.example.Editor'
HERE = os.path.dirname(os.path.abspath(__file__))
NOT_ALLOWED = 'org.keyfob.Error.NotAllowed'
CANCELLED = 'org.keyfob.Error.Cancelled'

# Connects, is looked at or not, ends, and leaves its connection to a child, which says what becomes of its calls.
LEAVES = '''
import os, select, sys
import keyfob_bus as kb
client = kb.Client(sys.argv[1])
def what_becomes_of(call):
    try:
        return call()
    except kb.BusError as error:
        return error.name
if sys.argv[2] == 'known':
    what_becomes_of(lambda: client.lookup(service='mail'))
parent = os.pidfd_open(os.getpid())
if os.fork():
    os._exit(0)
select.select([parent], [], [])
prompter = kb.DBusAddress('/org/keyfob', bus_name='org.keyfob.Daemon', interface='org.keyfob.Prompter1')
print(what_becomes_of(lambda: client.lookup(service='mail')),
      what_becomes_of(lambda: client.call(kb.STORE, 'GetLog', 'a{sv}', {})),
      what_becomes_of(lambda: client.call(kb.STORE, 'ListPolicy', 'a{sv}', {})),
      what_becomes_of(lambda: client.call(prompter, 'RegisterAgent', 'oa{sv}', '/agent', {'session': ('b', True)})))
'''


class PolicyTest(kt.KeyfobTest):
    def setUp(self):
        super().setUp()
        self.sandbox.start_daemon()
        self.sandbox.init('pass word')
        self.password = self.sandbox.write('password', 'pass word')
        self.keyfob('set', 'mail', 'alice', input='one')
        self.keyfob('set', 'bank', 'alice', input='two')
        self.program = os.path.realpath(self.sandbox.stage.keyfob)

    def policy(self, *args, password=True, code=0):
        options = ('--password-file', self.password) if password else ()
        return self.keyfob('policy', *args, *options, code=code)

    def rules(self):
        return json.loads(self.keyfob('policy', '--json').stdout)

    def get(self, service='mail', code=0):
        return self.keyfob('get', service, 'alice', code=code)

    def log(self):
        return json.loads(self.keyfob('log', '--json').stdout)

    def agent(self, answers):
        agent = sc.Agent(f'unix:path={self.sandbox.socket}', answers)
        self.addCleanup(agent.close)
        return agent


class Rules(PolicyTest):
    def test_deny_of_an_item(self):
        self.policy('deny', self.program, '--item', 'bank', 'alice', password=False)
        self.assertEqual(self.get().stdout, b'one')
        result = self.get('bank', code=4)
        self.assertEqual(result.stdout, b'')
        self.assertOneLine(result.stderr, 'keyfob policy denies it', self.program)
        entry = self.log()[0]
        self.assertEqual((entry['kind'], entry['service'], entry['program']), ('refused', 'bank', self.program))
        # another program is another matter
        with kb.Client(self.sandbox.socket) as client:
            self.assertEqual(client.lookup(service='bank'), b'two')

    def test_the_rules_are_shown_and_stay(self):
        self.policy('deny', 'any', '--item', 'bank', 'alice', password=False)
        self.policy('ask', APP, '--collection', 'Default', password=False)
        rules = self.rules()
        self.assertEqual([(r['verdict'], r['subject']) for r in rules], [('deny', 'any'), ('ask', APP)])
        self.assertEqual((rules[0]['service'], rules[0]['username'], rules[1]['collection']), ('bank', 'alice', 'Default'))
        table = self.keyfob('policy').stdout.decode()
        self.assertRegex(table, r'deny +any +bank/alice +Default')
        self.sandbox.kill_daemon()
        self.sandbox.start_daemon()
        self.get(code=3)
        self.sandbox.unlock('pass word')
        self.assertEqual(self.rules(), rules)
        self.get('bank', code=4)
        # a rule for something that is gone
        self.keyfob('del', 'bank', 'alice')
        self.assertTrue(self.rules()[0]['gone'])

    def test_what_allows_more_wants_the_password(self):
        self.policy('deny', 'any', password=False)
        self.get(code=4)
        for args in (('allow', self.program), ('none', 'any'), ('ask', 'any')):
            result = self.policy(*args, password=False, code=3)
            self.assertOneLine(result.stderr, '--password-file')
        wrong = self.sandbox.write('wrong', 'wrong word')
        self.keyfob('policy', 'allow', self.program, '--password-file', wrong, code=6)
        self.get(code=4)
        self.policy('allow', self.program)
        self.assertEqual(self.get().stdout, b'one')
        # taking that away allows nobody more
        self.policy('none', self.program, password=False)
        self.get(code=4)
        self.policy('none', 'any')
        self.assertEqual(self.get().stdout, b'one')
        self.assertEqual(self.rules(), [])

    def test_usage(self):
        for args, code in ((('forbid', 'any'), 2), (('deny',), 2), (('deny', 'any', 'more'), 2), (('list', '--item', 'x'), 2),
                           (('deny', 'nosuchprogram'), 1), (('none', 'any'), 1), (('deny', 'any', '--item', 'none'), 1),
                           (('deny', 'any', '--collection', 'none'), 1)):
            self.assertTrue(self.policy(*args, code=code).stderr)
        self.keyfob('set', 'mail', 'bob', input='three')
        self.assertOneLine(self.policy('deny', 'any', '--item', 'mail', code=2).stderr, 'several')
        self.assertEqual(self.rules(), [])

    def test_the_secret_service(self):
        program = os.path.realpath('/proc/self/exe')
        self.policy('deny', program, '--item', 'bank', 'alice', password=False)
        with sc.Client(f'unix:path={self.sandbox.socket}') as client:
            session = client.open_session()
            (mail,), _ = client.search({'service': 'mail'})
            (bank,), _ = client.search({'service': 'bank'})
            self.assertEqual(client.secret(mail, session)[0], b'one')
            with sc.expect_error(self, NOT_ALLOWED):
                client.secret(bank, session)
            # what a list may not have is left out, as what is locked
            secrets = client.service('GetSecrets', 'aoo', [mail, bank], session.path)
            self.assertEqual(list(secrets), [mail])
            # what it is called can be seen, and it can be changed
            self.assertIn('alice', client.get(bank, sc.ITEM, 'Label'))
            client.call(bank, sc.ITEM, 'SetSecret', '(oayays)', session.encode(b'new'))

    def test_older_values_are_no_way_around(self):
        self.keyfob('set', 'bank', 'alice', input='new')
        version = json.loads(self.keyfob('history', 'bank', 'alice', '--json').stdout)[-1]['version']
        self.assertEqual(self.keyfob('history', 'bank', 'alice', '--show', str(version)).stdout, b'two')
        self.assertEqual((self.log()[0]['kind'], self.log()[0]['service']), ('read', 'bank'))
        self.policy('deny', self.program, '--item', 'bank', 'alice', password=False)
        self.assertOneLine(self.keyfob('history', 'bank', 'alice', '--show', str(version), code=4).stderr, 'denies')
        self.keyfob('del', 'bank', 'alice')
        with kb.Client(self.sandbox.socket) as client:
            self.assertEqual(client.search({'service': 'bank'}), [])

    def test_a_collection_of_its_own_waits_for_the_rules(self):
        own = self.sandbox.write('own', 'own word')
        self.keyfob('collection', 'create', 'Own', '--new-password-file', own, '--password-file', self.password)
        self.keyfob('set', 'door', 'alice', '--collection', 'Own', input='three')

        def start():
            self.sandbox.kill_daemon()
            self.sandbox.start_daemon()
            with kb.Client(self.sandbox.socket) as client:
                client.unlock(collection='Own', secret=b'own word')
        start()
        self.assertEqual(self.get('door').stdout, b'three')
        self.sandbox.unlock('pass word')
        self.policy('deny', 'any', '--item', 'door', 'alice', password=False)
        start()
        # nobody knows by now what the rules say
        self.assertOneLine(self.get('door', code=3).stderr, 'locked')
        self.sandbox.unlock('pass word')
        self.get('door', code=4)
        # and now they are known, open or not
        self.policy('none', 'any', '--item', 'door', 'alice')
        self.keyfob('lock')
        with kb.Client(self.sandbox.socket) as client:
            client.unlock(collection='Own', secret=b'own word')
        self.assertEqual(self.get('door').stdout, b'three')


class Asking(PolicyTest):
    def test_nobody_to_ask(self):
        self.policy('ask', self.program, password=False)
        result = self.get(code=4)
        self.assertOneLine(result.stderr, 'keyfob policy', 'prompt-agent')
        self.assertEqual(result.stdout, b'')

    def test_asked_once_until_the_vault_is_locked(self):
        self.policy('ask', self.program, password=False)
        agent = self.agent([(True, b''), (True, b'')])
        self.assertEqual(self.get().stdout, b'one')
        question = agent.questions[0]
        self.assertEqual((question['kind'], question['purpose'], question['program']), ('confirm', 'read-secret', self.program))
        self.assertIn(self.program, question['message'])
        self.assertIn("alice' on 'mail'", question['message'])
        # by the reach of the rule: everything
        self.assertEqual(self.get('bank').stdout, b'two')
        self.assertEqual(len(agent.questions), 1)
        self.keyfob('lock')
        self.sandbox.unlock('pass word')
        self.assertEqual(self.get('bank').stdout, b'two')
        self.assertEqual(len(agent.questions), 2)

    def test_a_person_may_take_longer_than_calls_do(self):
        self.policy('ask', self.program, password=False)
        self.keyfob('set', 'mail', 'alice', input='new')
        (number,) = [v['version'] for v in json.loads(self.keyfob('history', '--json', 'mail', 'alice').stdout)
                     if not v['current']]
        with kb.Client(self.sandbox.socket) as client:
            ((path, *_),) = client.search({'service': 'mail'})
        # Each is one call.
        impatient = self.sandbox.environment({'SYSTEMD_BUS_TIMEOUT': '1s'})
        for args, value in ((('get', 'mail', 'alice'), b'new'), (('history', '--show', str(number), path), b'one')):
            questions, may_answer = [], threading.Event()

            def answer(question):
                questions.append(question)
                may_answer.wait(120)
                return (True, b'')

            agent = self.agent(answer)
            client = subprocess.Popen([self.sandbox.stage.keyfob, *args], env=impatient, stdout=subprocess.PIPE)
            self.addCleanup(client.stdout.close)
            # Whoever gives up has done so by then; who does not is not in a hurry.
            with self.assertRaises(subprocess.TimeoutExpired):
                client.wait(3)
            may_answer.set()
            self.assertEqual(client.communicate(timeout=120)[0], value)
            self.assertEqual((client.returncode, len(questions)), (0, 1))
            agent.close()
            self.keyfob('lock')
            self.sandbox.unlock('pass word')

    def test_an_answer_reaches_as_far_as_its_rule(self):
        self.policy('ask', self.program, '--item', 'mail', 'alice', password=False)
        self.policy('ask', self.program, '--item', 'bank', 'alice', password=False)
        agent = self.agent([(True, b''), (False, b'')])
        self.get('mail')
        self.assertOneLine(self.get('bank', code=4).stderr, 'refused')
        self.get('mail')
        self.assertEqual(len(agent.questions), 2)

    def test_a_refusal_holds_for_the_connection(self):
        self.policy('ask', os.path.realpath('/proc/self/exe'), password=False)
        agent = self.agent([(False, b''), (True, b'')])
        with kb.Client(self.sandbox.socket) as client:
            for _ in range(3):
                with self.assertRaises(kb.BusError) as caught:
                    client.lookup(service='mail')
                self.assertEqual(caught.exception.name, CANCELLED)
            self.assertEqual(len(agent.questions), 1)
        with kb.Client(self.sandbox.socket) as client:
            self.assertEqual(client.lookup(service='mail'), b'one')
        self.assertEqual([e['kind'] for e in self.log()[:2]], ['read', 'refused'])

    def test_a_new_rule_forgets_what_was_answered(self):
        self.policy('ask', self.program, password=False)
        agent = self.agent([(True, b''), (True, b'')])
        self.get()
        self.policy('deny', 'any', '--item', 'bank', 'alice', password=False)
        self.get()
        self.assertEqual(len(agent.questions), 2)

    def test_all_that_wait_share_a_question_and_it_goes_with_them(self):
        self.policy('ask', os.path.realpath('/proc/self/exe'), password=False)
        agent = self.agent(lambda _: None)

        def wait_for(what):
            deadline = kt.time.monotonic() + 60
            while not what():
                self.assertLess(kt.time.monotonic(), deadline)
                kt.time.sleep(0.02)
        clients = [kb.Client(self.sandbox.socket) for _ in range(4)]
        for client in clients:
            self.addCleanup(client.close)
            client.connection.send(kb.new_method_call(kb.STORE, 'Lookup', 'a{ss}', ({'service': 'mail'},)))
            client.status()
        # Whoever comes later is answered later, so all four are known by now.
        self.get()
        wait_for(lambda: agent.questions)
        for client in clients:
            self.assertEqual(agent.cancelled, [])
            client.close()
        wait_for(lambda: agent.cancelled)
        self.assertEqual(len(agent.questions), 1)

    def test_nobody_answers_for_himself(self):
        """An agent of the connection that asks is not asked."""
        self.policy('ask', os.path.realpath('/proc/self/exe'), password=False)
        with kb.Client(self.sandbox.socket) as client:
            prompter = kb.DBusAddress('/org/keyfob', bus_name='org.keyfob.Daemon', interface='org.keyfob.Prompter1')
            client.call(prompter, 'RegisterAgent', 'oa{sv}', '/own', {})
            with self.assertRaises(kb.BusError) as caught:
                client.lookup(service='mail')
            self.assertEqual(caught.exception.name, NOT_ALLOWED)

    def test_a_list_asks_before_it_gives_anything(self):
        self.policy('ask', os.path.realpath('/proc/self/exe'), '--item', 'bank', 'alice', password=False)
        agent = self.agent([(False, b'')])
        with sc.Client(f'unix:path={self.sandbox.socket}') as client:
            session = client.open_session()
            items, _ = client.search({'username': 'alice'})
            (mail,), _ = client.search({'service': 'mail'})
            secrets = client.service('GetSecrets', 'aoo', items, session.path)
            self.assertEqual(list(secrets), [mail])
            self.assertEqual(len(agent.questions), 1)


    def test_a_list_leaves_out_what_nobody_can_be_asked_about(self):
        me = os.path.realpath('/proc/self/exe')
        self.policy('ask', me, '--item', 'bank', 'alice', password=False)
        with sc.Client(f'unix:path={self.sandbox.socket}') as client:
            session = client.open_session()
            items, _ = client.search({'username': 'alice'})
            (mail,), _ = client.search({'service': 'mail'})
            (bank,), _ = client.search({'service': 'bank'})
            for paths in (items, [bank, mail], [mail, bank, bank, mail]):
                self.assertEqual(list(client.service('GetSecrets', 'aoo', paths, session.path)), [mail])
            self.assertEqual(client.service('GetSecrets', 'aoo', [bank], session.path), {})
            with sc.expect_error(self, NOT_ALLOWED):
                client.secret(bank, session)
            # Nothing was refused: somebody who comes is asked.
            agent = self.agent([(True, b'')])
            self.assertEqual(set(client.service('GetSecrets', 'aoo', items, session.path)), {mail, bank})
            self.assertEqual(len(agent.questions), 1)

    def test_nobody_is_asked_in_vain(self):
        """What can't be answered because of its session needs nobody's consent."""
        self.policy('ask', os.path.realpath('/proc/self/exe'), password=False)
        agent = self.agent([(True, b'')])
        with sc.Client(f'unix:path={self.sandbox.socket}') as client:
            items, _ = client.search({'username': 'alice'})
            with sc.expect_error(self, sc.NO_SESSION):
                client.service('GetSecrets', 'aoo', items, sc.ROOT + '/session/s1')
            with sc.expect_error(self, sc.NO_SESSION):
                client.call(items[0], sc.ITEM, 'GetSecret', 'o', sc.ROOT + '/session/s1')
            self.assertEqual(agent.questions, [])

    def test_too_many_that_wait_are_refused_by_name(self):
        self.policy('ask', os.path.realpath('/proc/self/exe'), password=False)
        agent = self.agent(lambda _: None)
        with sc.Client(f'unix:path={self.sandbox.socket}') as client:
            session = client.open_session()
            (item,), _ = client.search({'service': 'mail'})
            (version,) = (v['version'][1] for v in client.store('History', 'o', item))
            for _ in range(64):
                client.send('/org/keyfob', sc.STORE, 'Lookup', 'a{ss}', {'service': 'mail'}, destination='org.keyfob.Daemon')
            with sc.expect_error(self, 'org.keyfob.Error.LimitsExceeded'):
                client.store('Lookup', 'a{ss}', {'service': 'mail'})
            with sc.expect_error(self, 'org.keyfob.Error.LimitsExceeded'):
                client.store('GetVersion', 'ot', item, version)
            with sc.expect_error(self, sc.LIMITS):
                client.secret(item, session)
            with sc.expect_error(self, sc.LIMITS):
                client.service('GetSecrets', 'aoo', [item], session.path)
            self.assertLessEqual(len(agent.questions), 1)


class Apps(PolicyTest):
    def setUp(self):
        if not flatpak.possible():
            self.skipTest('needs user namespaces')
        super().setUp()

    def app(self, *argv, code=0):
        argv = [self.sandbox.stage.keyfob, *argv]
        return self.sandbox.run(flatpak.command(os.path.join(self.sandbox.home, 'root'), 'org.example.Editor', argv), code=code)

    def test_an_app_is_asked_about_by_default(self):
        self.assertOneLine(self.app('get', 'mail', 'alice', code=4).stderr, 'prompt-agent')
        agent = self.agent([(True, b'')])
        self.assertEqual(self.app('get', 'mail', 'alice').stdout, b'one')
        self.assertEqual(self.app('get', 'bank', 'alice').stdout, b'two')
        self.assertEqual(len(agent.questions), 1)
        self.assertEqual(agent.questions[0]['program'], APP)

    def left_to_a_child(self, looked_at):
        argv = [sys.executable, '-c', LEAVES, self.sandbox.socket, looked_at]
        root = os.path.join(self.sandbox.home, 'root')
        return self.sandbox.run(flatpak.command(root, 'org.example.Editor', argv), env={'PYTHONPATH': HERE}).stdout.decode().split()

    def test_an_app_that_ends_does_not_lose_its_name(self):
        """Its connection may go to a child, and the process that connected be gone."""
        denied = 'org.freedesktop.DBus.Error.AccessDenied'
        for looked_at in ('known', 'unknown'):
            self.assertEqual(self.left_to_a_child(looked_at), [NOT_ALLOWED] * 3 + [denied], looked_at)
        self.policy('deny', 'sandboxed', password=False)
        for looked_at in ('known', 'unknown'):
            self.assertEqual(self.left_to_a_child(looked_at)[0], NOT_ALLOWED)
            self.assertEqual(self.log()[0]['kind'], 'refused')
        # what is allowed to the app, it may have as long as it is known to be that
        self.policy('none', 'sandboxed')
        self.policy('allow', APP)
        self.assertEqual(self.left_to_a_child('known')[0], "b'one'")
        self.assertEqual(self.left_to_a_child('unknown')[0], NOT_ALLOWED)

    def test_rules_for_apps(self):
        self.policy('allow', APP)
        self.assertEqual(self.app('get', 'mail', 'alice').stdout, b'one')
        self.policy('deny', APP, '--item', 'bank', 'alice', password=False)
        self.app('get', 'bank', 'alice', code=4)
        self.policy('none', APP, password=False)
        self.policy('deny', 'sandboxed', password=False)
        self.app('get', 'mail', 'alice', code=4)
        self.assertEqual(self.get().stdout, b'one')

    def test_a_path_in_a_sandbox_is_no_program(self):
        self.policy('deny', 'any', password=False)
        self.policy('allow', self.program)
        self.assertEqual(self.get().stdout, b'one')
        self.app('get', 'mail', 'alice', code=4)

    def test_an_app_has_no_say(self):
        for args in (('policy',), ('policy', 'allow', APP, '--password-file', self.password)):
            self.assertOneLine(self.app(*args, code=4).stderr, APP)
        self.assertOneLine(self.app('prompt-agent', '--command', 'true', code=4).stderr, 'sandbox')
        self.assertEqual(self.rules(), [])


if __name__ == '__main__':
    kt.main()
