"""pam_keyfob in su, sudo and login, with a key of the kernel's that is someone else's: the vault is open afterwards."""
import json
import os
import re

import guest
from person import Person, wait_for

PIN = '24681357'
CONF = '/etc/keyfob-test.conf'
SUDOERS = '/etc/sudoers.d/keyfob-test'


def write(path, text, mode=0o644):
    with open(path, 'w', encoding='utf-8') as file:
        file.write(text)
    os.chmod(path, mode)


def sudoers(tag):
    write(SUDOERS, f'{guest.USER} ALL=(ALL) {tag}ALL\n', 0o440)


class WithKey(guest.KeyTest):
    """The key is eve's daemon's, the vault is fob's."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.key = guest.Account(guest.OTHER)
        cls.addClassCleanup(cls._pull_out)
        cls.key.start_daemon(timeout=guest.PATIENCE)
        cls.key.init(guest.PASSWORD)
        cls.owner = Person(cls.key, always='allow')
        cls.node = cls.key.wait_for_node()
        os.chmod(cls.node, 0o666)  # as if it were the seat's
        cls.key.set_pin(PIN)
        cls.module = os.path.join(cls.account.stage.libdir, 'security', 'pam_keyfob.so')
        write(CONF, 'origin = pam://keyfob-test\nauthpending_file =\nunlock\n')
        cls.prepare()

    @classmethod
    def _pull_out(cls):
        cls.key.close()
        wait_for(lambda: not guest.nodes(guest.OTHER_UID), 'the device to go', guest.PATIENCE)

    @classmethod
    def prepare(cls):
        """The slot is for logins by PIN; root's half of it is done by sudo."""
        write('/etc/pam.d/sudo', 'auth required pam_deny.so\naccount required pam_permit.so\nsession required pam_permit.so\n')
        sudoers('NOPASSWD: ')
        terminal = cls.account.terminal([cls.account.stage.keyfob, 'pam', 'enroll', '--add', '--unlock', '--key', cls.node, '--conf', CONF])
        for question, answer in (('PIN', PIN), ('Answer', guest.PASSWORD)):
            terminal.expect(question, guest.PATIENCE)
            wait_for(lambda: not terminal.echoes(), 'the terminal to hide what is typed', guest.PATIENCE)
            terminal.send(answer + '\n')
        terminal.expect('Make the code', guest.PATIENCE)
        terminal.send('n\n')
        terminal.wait(guest.PATIENCE)
        assert re.search(rb'1 slots of user \d+ are known', terminal.output), terminal.output
        sudoers('')

    def service(self, name, session='session optional {}'):
        module = f'{self.module} conf={CONF}'
        write(f'/etc/pam.d/{name}', f'auth required {module}\naccount required pam_permit.so\n{session.format(module)}\n'
                                    'session required pam_permit.so\n')


@guest.needs('su', 'sudo', 'login')
class Login(WithKey):
    def setUp(self):
        super().setUp()
        self.account.keyfob('lock')
        self.owner.questions()
        self.assertEqual(self.vault(), 'locked')

    def vault(self):
        return json.loads(self.account.keyfob('status', '--json').stdout)['vault']

    def test_su_to_the_user(self):
        self.service('su')
        output = self.type_answers(self.key.terminal(['su', guest.USER, '-c', 'id -u']), ('PIN', PIN))
        self.assertRegex(output, rf'(?m)^{guest.UID}\r?$')
        self.assertEqual(self.vault(), 'unlocked')
        self.assertEqual(self.person.questions(), [], "the user's own device is not asked for what another one has")

    def test_su_refused(self):
        self.service('su')
        self.type_answers(self.key.terminal(['su', guest.USER, '-c', 'id -u']), ('PIN', '00000000'), ('7 tries left', ''), code=1)
        self.assertEqual(self.vault(), 'locked')

    def test_sudo_of_the_user(self):
        """Whose session begins is root; whose vault opens is who has proven who it is."""
        self.service('sudo')
        output = self.type_answers(self.account.terminal(['sudo', '-k', 'id', '-u']), ('PIN', PIN))
        self.assertRegex(output, r'(?m)^0\r?$')
        self.assertEqual(self.vault(), 'unlocked')

    def test_login(self):
        self.service('login')
        terminal = self.account.root_terminal(['login', guest.USER])
        terminal.expect('PIN', guest.PATIENCE)
        wait_for(lambda: not terminal.echoes(), 'the terminal to hide what is typed', guest.PATIENCE)
        terminal.send(PIN + '\n')
        terminal.expect(r'\$ ', guest.PATIENCE)
        self.assertEqual(self.vault(), 'unlocked')
        terminal.send('exit\n')
        terminal.wait(guest.PATIENCE)


if __name__ == '__main__':
    guest.unittest.main()
