"""A prompter that speaks the interface of Plasma's ksecretprompter (org.kde.secretprompter), as its source has it. A mock:
newer versions of Plasma 6 have the real one, Debian 12 has not. It does what that does, in its order, but shows nothing.

    prompter = Prompter(sandbox)            # activatable on the sandbox's bus
    prompter.answers('wrong', 'pass word')  # what is typed, one answer for each window; REJECT, and HANG for none
    prompter.calls('Unlock')                # what was asked: (path, window, token, name)
"""
import json
import os

REJECT, HANG, DIE = 'reject', 'hang', 'die'
NAME = 'org.kde.secretprompter'

PROGRAM = '''
import json, os, socket, sys, time
import dbus, dbus.service
from dbus.mainloop.glib import DBusGMainLoop
from gi.repository import GLib

root = {root!r}
REQUEST = 'org.kde.secretprompter.request'
bus = dbus.SessionBus(mainloop=DBusGMainLoop())


def note(*words):
    with open(os.path.join(root, 'plasma-calls'), 'a') as file:
        file.write(json.dumps(words) + chr(10))


def next_answer():
    path = os.path.join(root, 'plasma-answers')
    with open(path) as file:
        answers = json.load(file)
    with open(path, 'w') as file:
        json.dump(answers[1:] or answers, file)
    return answers[0]


class Window:
    def __init__(self, caller, path):
        self.caller, self.path = caller, path
        self.matches = [bus.add_signal_receiver(lambda *a, m=member: self.on(m, *a), member, REQUEST, caller, path)
                        for member in ('Retry', 'Dismiss')]
        self.open = True
        GLib.idle_add(self.answer)

    def call(self, member, *args, **handlers):
        bus.call_async(self.caller, self.path, REQUEST, member, 'h' if args else '', args,
                       handlers.get('reply', lambda *_: None), lambda error: note('error', member, error.get_dbus_name()))

    def on(self, member, *args):
        note(member, self.path, *args)
        if member == 'Dismiss':
            self.drop()

    def drop(self):
        if self.open:
            self.open = False
            for match in self.matches:
                match.remove()
            self.call('Dismissed')

    def answer(self):
        answer = next_answer()
        if answer == 'die':
            os._exit(1)
        if answer == 'reject':
            self.call('Rejected', reply=lambda keep: keep or self.drop())
        elif answer != 'hang':
            ours, theirs = socket.socketpair()
            ours.sendall(answer.encode())
            self.call('Accepted', dbus.types.UnixFd(theirs), reply=lambda keep: keep or self.drop())
            ours.close()
            theirs.close()


class Prompter(dbus.service.Object):
    def __init__(self):
        super().__init__(bus, '/SecretPrompter')
        self.windows = []

    @dbus.service.method('org.kde.secretprompter', 'osss', '', sender_keyword='sender')
    def UnlockCollectionPrompt(self, path, window, token, name, sender=None):
        note('Unlock', path, window, token, name)
        while os.path.exists(os.path.join(root, 'plasma-slow')):
            time.sleep(0.05)
        self.windows.append(Window(sender, path))

    @dbus.service.method('org.kde.secretprompter', 'osss', '', sender_keyword='sender')
    def CreateCollectionPrompt(self, path, window, token, name, sender=None):
        note('Create', path, window, token, name)


prompter = Prompter()
name = dbus.service.BusName('org.kde.secretprompter', bus)
GLib.MainLoop().run()
'''


class Prompter:
    def __init__(self, sandbox):
        self.sandbox = sandbox
        self.answers(HANG)
        sandbox.add_service(NAME, ['/usr/bin/python3', sandbox.write('plasma-prompter', PROGRAM.format(root=sandbox.root))])

    def answers(self, *answers):
        self.sandbox.write('plasma-answers', json.dumps(answers))

    def slow(self, slow):
        """Whether a window takes its time to be made: only then does it listen."""
        path = os.path.join(self.sandbox.root, 'plasma-slow')
        if slow:
            self.sandbox.write('plasma-slow', '')
        else:
            os.unlink(path)

    def calls(self, kind):
        path = os.path.join(self.sandbox.root, 'plasma-calls')
        if not os.path.exists(path):
            return []
        with open(path, encoding='utf-8') as file:
            return [call[1:] for call in map(json.loads, file) if call[0] == kind]
