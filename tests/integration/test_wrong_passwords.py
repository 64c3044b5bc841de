#!/usr/bin/python3
"""Guessing passwords: each try costs, more and more wait, and who knows the password is not kept out by who guesses."""
import threading
import time

import keyfob_bus as kb
import keyfob_test as kt
from jeepney import new_method_call
from person import Person, wait_for

PASSWORD = 'pass word'
WRONG, LIMITS = 'org.keyfob.Error.WrongSecret', 'org.keyfob.Error.LimitsExceeded'


class Guess(threading.Thread):
    """A try that may wait, on a connection of its own."""

    def __init__(self, sandbox, start=True):
        super().__init__(daemon=True)
        self.client, self.error = kb.Client(sandbox.socket), None
        if start:
            self.start()

    def run(self):
        try:
            with self.client:
                self.client.unlock(secret=b'wrong')
        except kb.BusError as error:
            self.error = error


class Wrong(kt.KeyfobTest):
    def setUp(self):
        super().setUp()
        self.sandbox.use_pinentry(None)
        self.sandbox.start_daemon()
        self.sandbox.init(PASSWORD)
        self.keyfob('set', 'svc', 'me', input='s3cret')
        self.keyfob('lock')

    def guess(self, n=1):
        """Until the answer is there."""
        for _ in range(n):
            guess = Guess(self.sandbox)
            guess.join(60)
            self.assertEqual(guess.error.name, WRONG)

    def two_at_once(self):
        guesses = [Guess(self.sandbox), Guess(self.sandbox), Guess(self.sandbox)]
        for guess in guesses:
            guess.join(60)
        return sorted(guess.error.name for guess in guesses)

    def test_new_keys_are_no_way_around(self):
        """For them a secret for each slot is given at once, and more than one may be: none is tried before the first has opened one."""
        self.keyfob('unlock', '--password-file', self.sandbox.write('password', PASSWORD))
        guesses = {'secrets': [b'wrong %d' % n for n in range(5)], 'interactive': False}
        with kb.Client(self.sandbox.socket) as client:
            for drop in (False, True, False):
                with self.assertRaises(kb.BusError) as caught:
                    client.call(kb.STORE, 'Rekey', 'a{sv}', kb.variants({**guesses, 'drop': drop}))
                self.assertEqual(caught.exception.name, WRONG)
            self.assertIn('further tries are slowed down', self.sandbox.read_log())
            client.call(kb.STORE, 'Rekey', 'a{sv}', kb.variants({'secrets': [PASSWORD.encode()]}))
        self.keyfob('lock')
        self.keyfob('unlock', '--password-file', self.sandbox.write('password', PASSWORD))

    def test_the_first_ones_are_free_and_then_others_are_refused(self):
        self.assertEqual(self.two_at_once(), [WRONG] * 3)
        answers = [Guess(self.sandbox, start=False) for _ in range(8)]  # all have come before the first one's time is up
        for guess in answers:
            guess.start()
        for guess in answers:
            guess.join(60)
        errors = [guess.error for guess in answers]
        refused = [error for error in errors if error.name == LIMITS]
        self.assertGreaterEqual(len(refused), 6, 'one is tried, one waits')
        self.assertRegex(refused[0].message, r'^too many wrong passwords: try again in \d+ s$')
        self.assertIn(WRONG, {error.name for error in errors})

    def test_the_right_one_is_let_in_while_another_program_guesses(self):
        over = threading.Event()

        def flood():
            while not over.is_set():
                for guess in [Guess(self.sandbox) for _ in range(4)]:
                    guess.join(120)
        self.guess(4)
        flooders = [threading.Thread(target=flood, daemon=True) for _ in range(4)]
        for flooder in flooders:
            flooder.start()
        try:
            # nothing waits for the guesses but other passwords
            with kb.Client(self.sandbox.socket) as client:
                self.assertEqual(client.status()['vault'], 'locked')
            self.sandbox.unlock(PASSWORD, timeout=120)
        finally:
            over.set()
        self.assertEqual(self.keyfob('get', 'svc', 'me').stdout, b's3cret')
        for flooder in flooders:
            flooder.join(120)

    def goes_first(self):
        """A guess waits; then the right one comes from another process. Whether that was answered before the guess."""
        self.guess(6)
        guess = Guess(self.sandbox)
        self.sandbox.unlock(PASSWORD, timeout=120)
        first = guess.error is None
        guess.join(60)
        self.assertEqual(guess.error.name, WRONG)
        self.keyfob('lock')
        return first

    def test_who_was_wrong_less_often_goes_first(self):
        """On a machine that is slow enough the guess may have had its turn before the other comes at all."""
        self.assertTrue(any(self.goes_first() for _ in range(4)))

    def test_a_right_one_is_a_new_beginning(self):
        self.guess(4)
        self.sandbox.unlock(PASSWORD)
        self.keyfob('lock')
        self.assertEqual(self.two_at_once(), [WRONG] * 3)

    def test_what_a_person_types_is_not_refused(self):
        self.guess(4)
        person = Person(self.sandbox, always='wrong')
        self.keyfob('unlock', code=6, timeout=120)
        self.assertEqual(len(person.questions()), 3)
        person.always(PASSWORD)
        self.keyfob('unlock', timeout=120)
        wait_for(lambda: self.keyfob('get', 'svc', 'me').stdout == b's3cret', 'the secret')


class Leaving(kt.KeyfobTest):
    def leave(self):
        """Whether enough have been counted now. Who has left before his turn is not."""
        with kb.Client(self.sandbox.socket) as client:
            client.connection.send(new_method_call(kb.STORE, 'Unlock', 'a{sv}', (kb.variants({'secret': b'wrong'}),)))
            client.status()
            time.sleep(0.1)
        return '3 wrong secrets in a row' in self.sandbox.read_log()

    def test_who_leaves_in_the_middle_is_counted(self):
        """Else he would see by the time that the next one takes whether his was right."""
        self.sandbox.use_pinentry(None)
        self.sandbox.start_daemon()
        self.sandbox.init(PASSWORD, '--kdf-passes', '20')     # long enough to leave in
        self.keyfob('lock')
        wait_for(self.leave, 'the third', timeout=120)
        self.sandbox.unlock(PASSWORD, timeout=120)


if __name__ == '__main__':
    kt.main()
