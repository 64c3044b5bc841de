"""A person who answers when the test says so: the session's agent, with a script behind it.

    person = Person(sandbox)
    question = person.question()            # waits for the next one; the JSON that the script read
    person.answer(question, 'pass word')    # or 'allow' / 'deny'
    person.gone(question)                   # waits until it was taken back
    person.always('allow')                  # from now on, without waiting
"""
import json
import os
import time

SCRIPT = '''#!/usr/bin/python3
import json, os, sys, time
root = {root!r}
question = json.loads(sys.stdin.buffer.read())
question['process'] = os.getpid()
path = os.path.join(root, 'question.%020d' % time.monotonic_ns())
with open(path + '.tmp', 'w') as file:
    json.dump(question, file)
os.rename(path + '.tmp', path)
while True:
    for name in ('answer.' + question['id'], 'always'):
        try:
            with open(os.path.join(root, name)) as file:
                answer = file.read()
        except FileNotFoundError:
            continue
        if answer == 'deny':
            sys.exit(1)
        print(answer)
        sys.exit(0)
    time.sleep(0.01)
'''


def wait_for(condition, what, timeout=60):
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        value = condition()
        if value:
            return value
        time.sleep(0.01)
    raise AssertionError(f'{what}: not within {timeout} s')


def runs(pid):
    """Running, and not a zombie that waits for its parent."""
    try:
        with open(f'/proc/{pid}/stat', encoding='utf-8') as file:
            return file.read().rsplit(') ', 1)[1][0] not in 'ZX'
    except OSError:
        return False


class Person:
    def __init__(self, sandbox, always=None):
        self.root = os.path.join(sandbox.root, 'person')
        os.makedirs(self.root, exist_ok=True)
        self._seen = set(os.listdir(self.root))
        if always:
            self.always(always)
        command = sandbox.write('person-script', SCRIPT.format(root=self.root), mode=0o700)
        reader, writer = os.pipe()
        self.process = sandbox.spawn([sandbox.stage.keyfob, 'prompt-agent', '--command', command], stdout=writer)
        os.close(writer)
        with os.fdopen(reader, 'rb') as file:
            if file.readline() != b'ready\n':
                raise AssertionError(f'the agent did not register:\n{sandbox.read_log()}')

    def _write(self, name, text):
        path = os.path.join(self.root, name)
        with open(path + '.tmp', 'w', encoding='utf-8') as file:
            file.write(text)
        os.rename(path + '.tmp', path)

    def always(self, answer):
        """The answer to every question; None: each one waits for its own."""
        if answer is None:
            os.unlink(os.path.join(self.root, 'always'))
        else:
            self._write('always', answer)

    def answer(self, question, answer):
        self._write('answer.' + question['id'], answer)

    def _new(self):
        return sorted(name for name in os.listdir(self.root) if name.startswith('question.') and
                      not name.endswith('.tmp') and name not in self._seen)

    def questions(self):
        """All that have come since the last look, answered or not."""
        found = []
        for name in self._new():
            self._seen.add(name)
            with open(os.path.join(self.root, name), encoding='utf-8') as file:
                found.append(json.load(file))
        return found

    def question(self, timeout=60):
        """Waits for the next question."""
        name = wait_for(self._new, 'a question', timeout)[0]
        self._seen.add(name)
        with open(os.path.join(self.root, name), encoding='utf-8') as file:
            return json.load(file)

    @staticmethod
    def gone(question, timeout=60):
        wait_for(lambda: not runs(question['process']), 'the question to be taken back', timeout)
