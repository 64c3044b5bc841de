#!/usr/bin/python3
"""Who is asked: the terminal of the asking program, the session's agent, pinentry, nobody."""
import json
import os
import signal
import time
import unittest

import keyfob_test as kt

PINENTRY_TTY = '/usr/bin/pinentry-tty'
PINENTRY_CURSES = '/usr/bin/pinentry-curses'

# A prompt command that notes what it was asked and does what a file tells it.
AGENT = '''#!/usr/bin/python3
import os, sys, time
root = {root!r}
request = sys.stdin.buffer.read()
name = os.path.join(root, 'asked.%020d.%d' % (time.monotonic_ns(), os.getpid()))
with open(name + '.tmp', 'wb') as file:
    file.write(request)
os.rename(name + '.tmp', name)
with open(os.path.join(root, 'answers')) as file:
    answers = file.read().splitlines()
answer = answers[0]
if len(answers) > 1:
    with open(os.path.join(root, 'answers'), 'w') as file:
        file.write('\\n'.join(answers[1:]))
if answer == 'hang':
    time.sleep(600)
if answer == 'deny':
    sys.exit(1)
if answer == 'die':
    os.kill(os.getpid(), 9)
if answer == 'break':
    sys.exit(77)
print(answer)
print('more than a line')
'''


def alive(pid):
    """Running, and not a zombie that waits for its parent."""
    try:
        with open(f'/proc/{pid}/stat', encoding='utf-8') as file:
            return file.read().rsplit(') ', 1)[1][0] not in 'ZX'
    except OSError:
        return False


def wait_for(condition, what, timeout=20):
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        value = condition()
        if value:
            return value
        time.sleep(0.02)
    raise AssertionError(f'{what}: not within {timeout} s')


class Prompts(kt.KeyfobTest):
    def setUp(self):
        super().setUp()
        self.sandbox.use_pinentry(None)
        self.sandbox.start_daemon()
        self.sandbox.init('pass word')
        self.keyfob('set', 'svc', 'me', input='value')
        self.sandbox.env['DBUS_SESSION_BUS_ADDRESS'] = f'unix:path={self.sandbox.socket}'

    def locked(self):
        self.keyfob('lock')
        self.assertEqual(self.state(), 'locked')

    def state(self):
        return json.loads(self.keyfob('status', '--json').stdout)['vault']

    # The session's agent

    def agent(self, *answers):
        """Starts `keyfob prompt-agent` and waits until it is registered."""
        command = self.sandbox.write('agent', AGENT.format(root=self.sandbox.root), mode=0o700)
        self.answer(*answers)
        reader, writer = os.pipe()
        process = self.sandbox.spawn([self.sandbox.stage.keyfob, 'prompt-agent', '--command', command], stdout=writer)
        os.close(writer)
        with os.fdopen(reader, 'rb') as file:
            self.assertEqual(file.readline(), b'ready\n', self.sandbox.read_log())
        return process

    def answer(self, *answers):
        self.sandbox.write('answers', '\n'.join(answers))

    def asked_files(self):
        return sorted(n for n in os.listdir(self.sandbox.root) if n.startswith('asked.') and not n.endswith('.tmp'))

    def asked(self):
        """The questions so far, oldest first."""
        questions = []
        for name in self.asked_files():
            with open(os.path.join(self.sandbox.root, name), encoding='utf-8') as file:
                text = file.read()
            questions.append(json.loads(text))
            self.assertEqual(text.strip().count('\n'), 0, 'one JSON object, in one line')
        return questions

    def lookup(self, code=0):
        return self.sandbox.run(['secret-tool', 'lookup', 'service', 'svc', 'username', 'me'], code=code)


class AgentOnTerminal(Prompts):
    """`keyfob prompt-agent` without a command: the session is asked on its terminal."""

    def test_the_terminal_is_left_as_it_was(self):
        self.locked()
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            with self.subTest(number):
                terminal = self.sandbox.terminal([self.sandbox.stage.keyfob, 'prompt-agent'])
                terminal.expect(r'(^|\n)ready')
                asker = self.sandbox.spawn(['secret-tool', 'lookup', 'service', 'svc', 'username', 'me'])
                terminal.expect('[Pp]assword: ?')
                wait_for(lambda: not terminal.echoes(), 'a hidden answer')
                os.kill(terminal.process.pid, number)
                self.assertEqual(terminal.wait(), 0, terminal.output)
                wait_for(terminal.echoes, 'the echo')
                asker.wait(20)


class OwnTerminal(Prompts):
    def unlock_terminal(self, *args):
        return self.sandbox.terminal([self.sandbox.stage.keyfob, 'unlock', *args])

    def test_unlock_asks_on_its_terminal(self):
        self.locked()
        terminal = self.unlock_terminal()
        terminal.expect(r'[Pp]assword: ?$')
        self.assertFalse(terminal.echoes())
        terminal.send('pass word\n')
        self.assertEqual(terminal.wait(), 0, terminal.output)
        self.assertNotIn(b'pass word', terminal.output)
        self.assertTrue(terminal.echoes())
        self.assertEqual(self.keyfob('get', 'svc', 'me').stdout, b'value')

    def test_a_second_try_says_what_was_wrong(self):
        self.locked()
        terminal = self.unlock_terminal()
        terminal.expect(r'[Pp]assword: ?$')
        terminal.send('wrong\n')
        terminal.expect(r'(?i)wrong.*[Pp]assword: ?$')
        terminal.send('pass word\n')
        self.assertEqual(terminal.wait(), 0, terminal.output)
        self.assertEqual(self.state(), 'unlocked')

    def test_three_wrong_passwords(self):
        self.locked()
        terminal = self.unlock_terminal()
        for _ in range(3):
            terminal.expect(r'[Pp]assword: ?$')
            terminal.send('wrong\n')
        self.assertEqual(terminal.wait(), 6, terminal.output)
        self.assertEqual(self.state(), 'locked')

    def test_end_of_file_is_a_refusal(self):
        self.locked()
        terminal = self.unlock_terminal()
        terminal.expect(r'[Pp]assword: ?$')
        terminal.send('\x04')
        self.assertEqual(terminal.wait(), 4, terminal.output)
        self.assertTrue(terminal.echoes())
        self.assertEqual(self.state(), 'locked')

    def test_interrupted_at_the_question(self):
        self.locked()
        terminal = self.unlock_terminal()
        terminal.expect(r'[Pp]assword: ?$')
        self.assertFalse(terminal.echoes())
        terminal.send('\x03')
        self.assertIn(terminal.wait(), (-signal.SIGINT, 4, 130), terminal.output)
        self.assertTrue(terminal.echoes(), 'the terminal was left without echo')
        self.assertEqual(self.state(), 'locked')

    def test_get_and_set_ask_when_the_vault_is_locked(self):
        self.locked()
        terminal = self.sandbox.terminal(['sh', '-c', f'v=$({self.sandbox.stage.keyfob} get svc me); echo "got <$v>"'])
        terminal.expect(r'[Pp]assword: ?$')
        terminal.send('pass word\n')
        terminal.expect(r'got <value>')
        self.assertEqual(terminal.wait(), 0)

        self.locked()
        terminal = self.sandbox.terminal(
            ['sh', '-c', f'printf changed | {self.sandbox.stage.keyfob} set svc me && echo all-right'])
        terminal.expect(r'[Pp]assword: ?$')
        terminal.send('pass word\n')
        terminal.expect('all-right')
        self.assertEqual(terminal.wait(), 0)
        self.assertEqual(self.keyfob('get', 'svc', 'me').stdout, b'changed')

    def test_the_terminal_outranks_the_session_s_agent(self):
        self.agent('pass word')
        self.locked()
        terminal = self.unlock_terminal()
        terminal.expect(r'[Pp]assword: ?$')
        self.assertEqual(self.asked(), [])
        terminal.send('pass word\n')
        self.assertEqual(terminal.wait(), 0)
        self.assertEqual(self.asked(), [])

    def test_the_question_on_another_terminal_is_not_waited_for(self):
        """It may be anywhere: whoever is here is asked here."""
        self.locked()
        forgotten = self.unlock_terminal()
        forgotten.expect(r'[Pp]assword: ?$')
        terminal = self.unlock_terminal()
        terminal.expect(r'[Pp]assword: ?$')
        terminal.send('\x04')
        self.assertEqual(terminal.wait(), 4, 'refused here')
        self.assertIsNone(forgotten.process.poll(), 'and only here')
        terminal = self.unlock_terminal()
        terminal.expect(r'[Pp]assword: ?$')
        terminal.send('pass word\n')
        self.assertEqual(terminal.wait(), 0, terminal.output)
        forgotten.send('\n')
        self.assertEqual(forgotten.wait(), 0, 'what it waited for has happened')

    def test_a_program_does_not_wait_for_somebody_s_terminal(self):
        self.agent('pass word')
        self.locked()
        terminal = self.unlock_terminal()
        terminal.expect(r'[Pp]assword: ?$')
        self.assertEqual(self.lookup().stdout, b'value')
        self.assertEqual(len(self.asked()), 1)
        terminal.send('\n')
        self.assertEqual(terminal.wait(), 0, terminal.output)

    def test_leaving_takes_the_question_along(self):
        self.locked()
        terminal = self.unlock_terminal()
        terminal.expect(r'[Pp]assword: ?$')
        terminal.process.kill()
        terminal.process.wait()
        # the next one is asked anew, and at once
        again = self.unlock_terminal()
        again.expect(r'[Pp]assword: ?$')
        again.send('pass word\n')
        self.assertEqual(again.wait(), 0)


class SessionAgent(Prompts):
    def test_it_unlocks_for_a_program_that_cannot_ask(self):
        agent = self.agent('pass word')
        self.locked()
        self.assertEqual(self.lookup().stdout, b'value')
        questions = self.asked()
        self.assertEqual(len(questions), 1, 'one prompt per cause')
        question = questions[0]
        self.assertEqual(question['kind'], 'secret')
        self.assertEqual(question['purpose'], 'unlock')
        self.assertIn('secret-tool', question['program'])
        for key, kind in (('id', str), ('title', str), ('message', str), ('pid', int)):
            self.assertIsInstance(question[key], kind, question)
            self.assertTrue(question[key])
        self.assertLessEqual(set(question), {'id', 'kind', 'purpose', 'title', 'message', 'program', 'pid', 'retries',
                                             'error', 'rp_id', 'user', 'host', 'choices'})
        self.assertNotIn('error', question)
        self.assertTrue(kt.end_process(agent))
        self.assertEqual(agent.returncode, 0, 'SIGTERM is how it ends')

    def test_it_answers_keyfob_without_a_terminal(self):
        self.agent('pass word')
        self.locked()
        self.assertEqual(self.keyfob('get', 'svc', 'me').stdout, b'value')
        self.assertEqual([q['purpose'] for q in self.asked()], ['unlock'])
        self.assertIn('keyfob', self.asked()[0]['program'])

    def test_status_shows_it(self):
        self.assertFalse(json.loads(self.keyfob('status', '--json').stdout)['agent'])
        agent = self.agent('pass word')
        self.assertTrue(json.loads(self.keyfob('status', '--json').stdout)['agent'])
        kt.end_process(agent)
        wait_for(lambda: not json.loads(self.keyfob('status', '--json').stdout)['agent'], 'the agent is forgotten')

    def test_there_is_one_at_a_time(self):
        self.agent('pass word')
        result = self.keyfob('prompt-agent', '--command', '/bin/true', code=8)
        self.assertOneLine(result.stderr)
        self.assertNotIn(b'ready', result.stdout)

    def test_deny(self):
        self.agent('deny')
        self.locked()
        self.assertOneLine(self.keyfob('get', 'svc', 'me', code=4).stderr)
        self.assertEqual(self.lookup(code=None).stdout, b'')
        self.assertEqual(self.state(), 'locked')
        self.assertEqual(len(self.asked()), 2, 'a refusal is not asked again')

    def test_a_wrong_answer_is_told_and_counted(self):
        self.agent('wrong', 'pass word')
        self.locked()
        self.keyfob('unlock')
        first, second = self.asked()
        self.assertNotIn('error', first)
        self.assertTrue(second['error'])
        self.assertEqual(second['purpose'], 'unlock')
        if 'retries' in first:
            self.assertEqual(second['retries'], first['retries'] - 1)

    def test_wrong_three_times(self):
        self.agent('wrong')
        self.locked()
        self.assertOneLine(self.keyfob('unlock', code=6).stderr)
        self.assertEqual(len(self.asked()), 3)
        self.assertEqual(self.state(), 'locked')

    def test_only_the_first_line_is_the_secret(self):
        # AGENT prints a second line
        self.agent('pass word')
        self.locked()
        self.keyfob('unlock')

    def test_a_command_that_fails_is_not_an_answer(self):
        for answer in ('die', 'break'):
            with self.subTest(answer):
                agent = self.agent(answer)
                self.locked()
                result = self.keyfob('get', 'svc', 'me', code=None)
                self.assertIn(result.returncode, (3, 4))
                self.assertOneLine(result.stderr)
                self.assertEqual(self.state(), 'locked')
                kt.end_process(agent)

    def test_an_agent_that_dies_makes_room_for_the_next(self):
        agent = self.agent('hang')
        self.locked()
        caller = self.sandbox.spawn([self.sandbox.stage.keyfob, 'get', 'svc', 'me'])
        wait_for(self.asked_files, 'the agent is asked')
        agent.kill()
        agent.wait()
        # nobody else is there: the answer comes at once
        self.assertEqual(caller.wait(20), 3, self.sandbox.read_log())

    @unittest.skipUnless(os.path.exists(PINENTRY_TTY), 'no pinentry-tty')
    def test_an_agent_that_dies_leaves_the_question_to_pinentry(self):
        self.sandbox.use_pinentry(PINENTRY_TTY)
        agent = self.agent('hang')
        self.locked()
        terminal = self.sandbox.terminal(['secret-tool', 'lookup', 'service', 'svc', 'username', 'me'])
        wait_for(self.asked_files, 'the agent is asked')
        agent.kill()
        agent.wait()
        terminal.expect(r'(?i)(password|pin|passphrase)[^\n]*: ?$')
        terminal.send('pass word\n')
        terminal.expect('value')
        self.assertEqual(terminal.wait(), 0)

    def test_a_caller_that_leaves_cancels_the_question(self):
        self.agent('hang')
        self.locked()
        for argv in (['secret-tool', 'lookup', 'service', 'svc', 'username', 'me'],
                     [self.sandbox.stage.keyfob, 'get', 'svc', 'me']):
            with self.subTest(argv[0]):
                known = len(self.asked_files())
                caller = self.sandbox.spawn(argv)
                name = wait_for(lambda: self.asked_files()[known:], 'the agent is asked')[0]    # pylint: disable=W0640
                command = int(name.rsplit('.', 1)[1])
                self.assertTrue(alive(command))
                caller.kill()
                caller.wait()
                wait_for(lambda: not alive(command), 'the prompt command is ended')             # pylint: disable=W0640
                # and it is not in the way of the next question
        self.answer('pass word')
        self.assertEqual(self.lookup().stdout, b'value')

    def test_one_question_for_many_callers(self):
        self.agent('hang')
        self.locked()
        callers = [self.sandbox.spawn([self.sandbox.stage.keyfob, 'get', 'svc', 'me']) for _ in range(3)]
        wait_for(self.asked_files, 'the agent is asked')
        # somebody opens the vault in the meantime: everybody has an answer, and the question goes
        command = int(self.asked_files()[0].rsplit('.', 1)[1])
        self.sandbox.unlock('pass word')
        for caller in callers:
            self.assertEqual(caller.wait(20), 0, self.sandbox.read_log())
        wait_for(lambda: not alive(command), 'the question is taken away')

    def test_the_agent_never_sees_a_shell(self):
        # the command gets one JSON object on stdin and nothing by its arguments or environment
        script = self.sandbox.write('spy', f'''#!/bin/sh
tr '\\0' '\\n' </proc/$$/cmdline >{self.sandbox.root}/argv
env >{self.sandbox.root}/environment
echo pass word
''', mode=0o700)
        reader, writer = os.pipe()
        self.sandbox.spawn([self.sandbox.stage.keyfob, 'prompt-agent', '--command', script], stdout=writer)
        os.close(writer)
        with os.fdopen(reader, 'rb') as file:
            self.assertEqual(file.readline(), b'ready\n')
        self.locked()
        self.keyfob('unlock')
        for name in ('argv', 'environment'):
            with open(os.path.join(self.sandbox.root, name), encoding='utf-8') as file:
                self.assertNotIn('unlock', file.read())


# As dbus_init() does it, but for its time limit of one second.
BEGIN = '''
import secretstorage as s
from jeepney.io.blocking import open_dbus_connection
from secretstorage.util import add_match_rules
c = open_dbus_connection(auth_timeout=60)
add_match_rules(c)
'''


class ServiceClients(Prompts):
    """Prompts of the Secret Service itself, by python3-secretstorage."""

    def python(self, script, code=0):
        return self.sandbox.run(['/usr/bin/python3', '-c', BEGIN + script], code=code)

    def test_create_a_collection(self):
        self.agent('pass word')
        self.python('x = s.create_collection(c, "Made here")\n'
                    'x.create_item("label", {"a": "b"}, b"inside")\n'
                    'assert not x.is_locked()')
        questions = self.asked()
        self.assertTrue(questions)
        # the vault's root key is needed, so it is never a mere confirmation
        self.assertEqual(questions[0]['kind'], 'secret')
        self.assertEqual(questions[0]['purpose'], 'create-collection')
        self.assertIn('Made here', questions[0]['message'])
        self.assertIn('Made here', self.keyfob('collection', 'list').stdout.decode())
        self.assertEqual(self.python('i = list(s.search_items(c, {"a": "b"}))\nprint(i[0].get_secret().decode(), end="")'
                                     ).stdout, b'inside')

    def test_a_refused_collection_is_not_made(self):
        self.agent('deny')
        self.python('try:\n s.create_collection(c, "Not made")\nexcept s.PromptDismissedException:\n raise SystemExit(9)',
                    code=9)
        self.assertNotIn('Not made', self.keyfob('collection', 'list').stdout.decode())

    def test_delete_a_collection(self):
        self.agent('pass word')
        self.python('s.create_collection(c, "Short lived").create_item("label", {"a": "b"}, b"inside")')
        before = len(self.asked())
        self.answer('deny')
        self.python('x = [x for x in s.get_all_collections(c) if x.get_label() == "Short lived"][0]\n'
                    'try:\n x.delete()\nexcept s.PromptDismissedException:\n raise SystemExit(9)', code=9)
        self.assertIn('Short lived', self.keyfob('collection', 'list').stdout.decode())
        question = self.asked()[before]
        self.assertEqual((question['kind'], question['purpose']), ('confirm', 'delete-collection'))
        self.assertIn('Short lived', question['message'])

        self.answer('yes')
        self.python('x = [x for x in s.get_all_collections(c) if x.get_label() == "Short lived"][0]\nx.delete()')
        self.assertNotIn('Short lived', self.keyfob('collection', 'list').stdout.decode())

    def test_nobody_to_ask(self):
        result = self.python('try:\n s.create_collection(c, "Nobody")\nexcept Exception as e:\n print(type(e), e)\n'
                             ' raise SystemExit(9)', code=9)
        self.assertTrue(result.stdout)
        self.assertNotIn('Nobody', self.keyfob('collection', 'list').stdout.decode())

    def test_a_label_cannot_forge_the_question(self):
        self.agent('deny')
        label = 'x\n\nAllowed by your administrator\r\x1b[2J\u202e'
        self.python(f'try:\n s.create_collection(c, {label!r})\nexcept Exception:\n pass')
        questions = self.asked()
        self.assertTrue(questions)
        for question in questions:
            for text in (question['title'], question['message']):
                self.assertNotRegex(text, '[\x00-\x1f\x7f\u202e]')

    def collection(self, label):
        """One with a password of its own; returns its name."""
        return self.keyfob('collection', 'create', label, '--password-file', self.sandbox.write('password', 'pass word'),
                           '--new-password-file', self.sandbox.write('own', 'own word')).stdout.decode().strip()

    def test_a_label_cannot_forge_a_question_of_the_command_line_s(self):
        self.agent('deny')
        label = 'x\n\nAllowed by your administrator\r\x1b[2J\u202e'
        self.keyfob('collection', 'create', label, code=4)
        self.keyfob('collection', 'create', label, '--own-password', '--password-file',
                    self.sandbox.write('password', 'pass word'), code=4)
        name = self.collection(label)
        self.keyfob('collection', 'delete', name, code=4)
        self.locked()
        self.keyfob('unlock', name, code=4)
        questions = self.asked()
        self.assertEqual([(q['kind'], q['purpose']) for q in questions],
                         [('secret', 'create-collection'), ('new-secret', 'create-collection'),
                          ('confirm', 'delete-collection'), ('secret', 'unlock')])
        for question in questions:
            self.assertIn('Allowed by your administrator', question['message'])
            self.assertNotRegex(question['message'], '[\x00-\x1f\x7f\u202e]')

    def test_a_collection_with_the_longest_label_can_be_asked_about(self):
        name = self.collection('€' * 1365)
        self.agent('own word')
        self.locked()
        self.keyfob('unlock', name)


class Pinentry(Prompts):
    """The real ones, on the terminal of a program that knows nothing of Keyfob."""

    def lookup_terminal(self):
        return self.sandbox.terminal(['secret-tool', 'lookup', 'service', 'svc', 'username', 'me'])

    @unittest.skipUnless(os.path.exists(PINENTRY_TTY), 'no pinentry-tty')
    def test_tty(self):
        self.sandbox.use_pinentry(PINENTRY_TTY)
        self.locked()
        terminal = self.lookup_terminal()
        terminal.expect(r'(?i)(password|pin|passphrase)[^\n]*: ?$')
        terminal.send('wrong\n')
        terminal.expect(r'(?i)wrong.*(password|pin|passphrase)[^\n]*: ?$')
        terminal.send('pass word\n')
        terminal.expect('value')
        self.assertEqual(terminal.wait(), 0, terminal.output)
        self.assertNotIn(b'pass word', terminal.output)

    @unittest.skipUnless(os.path.exists(PINENTRY_TTY), 'no pinentry-tty')
    def test_tty_refused(self):
        self.sandbox.use_pinentry(PINENTRY_TTY)
        self.locked()
        terminal = self.lookup_terminal()
        terminal.expect(r'(?i)(password|pin|passphrase)[^\n]*: ?$')
        terminal.send('\x03')
        terminal.wait()
        self.assertNotIn(b'value', terminal.output)
        self.assertEqual(self.state(), 'locked')

    @unittest.skipUnless(os.path.exists(PINENTRY_CURSES), 'no pinentry-curses')
    def test_curses(self):
        self.sandbox.use_pinentry(PINENTRY_CURSES)
        self.locked()
        terminal = self.lookup_terminal()
        terminal.expect(r'<OK>|OK')
        terminal.send('pass word\r')
        terminal.expect('value')
        self.assertEqual(terminal.wait(), 0, terminal.output)
        self.assertNotIn(b'pass word', terminal.output)

    @unittest.skipUnless(os.path.exists(PINENTRY_TTY), 'no pinentry-tty')
    def test_a_caller_that_leaves_takes_pinentry_along(self):
        self.sandbox.use_pinentry(PINENTRY_TTY)
        self.locked()
        terminal = self.lookup_terminal()
        terminal.expect(r'(?i)(password|pin|passphrase)[^\n]*: ?$')
        terminal.process.kill()
        terminal.process.wait()

        def pinentries():
            found = []
            for pid in filter(str.isdigit, os.listdir('/proc')):
                with kt.contextlib.suppress(OSError), open(f'/proc/{pid}/environ', 'rb') as file:
                    if self.sandbox.runtime.encode() in file.read():
                        with open(f'/proc/{pid}/comm', encoding='utf-8') as comm:
                            if comm.read().startswith('pinentry'):
                                found.append(pid)
            return found
        wait_for(lambda: not pinentries(), 'pinentry ends')
        self.sandbox.unlock('pass word')


if __name__ == '__main__':
    kt.main()
