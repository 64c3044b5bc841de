"""A login as it is on a machine: logind, the user's own systemd, and Keyfob's units in it. One touch logs in and opens the vault.

Everything is the real thing: `login` on a terminal, pam_systemd, systemd-logind on the system bus, user@UID.service, keyfobd.socket, which
starts keyfobd when the session's stage of the stack hands over. Only the systemd that holds it all is not the guest's first process.
"""
import glob
import os

import guest
import manager
import test_pam_keyfob as stacks
from person import runs, wait_for

TARGET = '''[Unit]
Requires=dbus.socket
Wants=systemd-logind.service
After=dbus.socket systemd-logind.service
AllowIsolate=yes
'''
PATIENCE = 3 * guest.PATIENCE  # a whole session begins
# pam_systemd is what brings up the user's systemd; the module comes after it.
SESSION = 'session required pam_systemd.so'


def of_user():
    """The processes of the user's."""
    found = []
    for path in glob.glob('/proc/[0-9]*'):
        try:
            if os.stat(path).st_uid == guest.UID and runs(int(os.path.basename(path))):
                found.append(int(os.path.basename(path)))
        except OSError:
            pass
    return found


@manager.needed
@guest.needs('login', 'dbus-daemon', 'setsid', 'loginctl')
@guest.unittest.skipUnless(glob.glob('/lib/*/security/pam_systemd.so'), 'no pam_systemd')
class Session(stacks.WithKey):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.account.keyfob('set', 'svc', 'me', input='s3cret')
        cls.person.process.kill()
        cls.person.process.wait()
        cls.account.stop_daemon(patience=guest.PATIENCE)
        cls.account.root_run(['systemctl', '--global', 'enable', 'keyfobd.socket'])
        os.makedirs('/run/dbus', exist_ok=True)
        cls.manager = manager.Manager(TARGET)
        cls.addClassCleanup(cls.manager.end)
        asks = cls.manager.enter(['loginctl', 'list-sessions'])
        wait_for(lambda: cls.account.root_run(asks, code=None).returncode == 0, 'logind', PATIENCE)

    def setUp(self):
        end = self.manager.enter(['loginctl', 'terminate-user', guest.USER])
        self.addCleanup(self.account.root_run, end, code=None)  # where a test has not left by itself
        wait_for(lambda: not of_user(), 'nothing of the user to run', PATIENCE)
        self.owner.questions()

    def log_in(self, session):
        """A shell of the user's, after what the stack says to a session."""
        self.service('login', session)
        terminal = self.account.root_terminal(self.manager.enter(['setsid', '--ctty', '--wait', 'login', guest.USER]))
        terminal.expect('PIN', PATIENCE)
        wait_for(lambda: not terminal.echoes(), 'the terminal to hide what is typed', PATIENCE)
        terminal.send(stacks.PIN + '\n')
        terminal.expect(r'\$ ', PATIENCE)
        self.assertEqual(len(self.owner.questions()), 1, 'touches')
        return terminal

    def leave(self, terminal):
        terminal.send('exit\n')
        terminal.wait(PATIENCE)

    def say(self, terminal, command, answer):
        terminal.send(command + '\n')
        try:
            return terminal.expect(answer, PATIENCE)
        except AssertionError as error:
            raise AssertionError(f'{error}\n{self.manager.read_log()[-3000:]}') from None

    def test_the_vault_is_open_in_the_session(self):
        terminal = self.log_in(SESSION + '\nsession optional {}')
        self.say(terminal, 'echo at=$XDG_RUNTIME_DIR', rf'at=/run/user/{guest.UID}\r')
        self.say(terminal, 'keyfob status --json', r'"vault": ?"unlocked"')
        self.say(terminal, 'keyfob get svc me', 's3cret')
        # It was the user's systemd that started it, for its socket.
        self.say(terminal, 'cat /proc/$(pidof -s keyfobd)/cgroup', rf'/user@{guest.UID}\.service/\S+/keyfobd\.service')
        self.say(terminal, 'systemctl --user is-active keyfobd.socket keyfobd.service | tr "\\n" +', r'active\+active\+')
        self.say(terminal, 'loginctl --no-pager show-session $XDG_SESSION_ID --property=Service', r'Service=login\r')
        self.leave(terminal)

    def test_without_the_session_stage_it_is_not(self):
        """What opened it above was the hand-over, and nothing else."""
        terminal = self.log_in(SESSION)
        self.say(terminal, 'keyfob status --json', r'"vault": ?"locked"')
        self.leave(terminal)


if __name__ == '__main__':
    guest.unittest.main()
