#!/usr/bin/python3
"""What --help, the man page and the completions of the shells say about options: the same."""
import os
import re
import shlex
import subprocess
import unittest

import keyfob_test as kt

OPTION = re.compile(r'(?<![\w-])--[a-z][a-z-]+')
# understood for the sake of python keyring's users, and not advertised
SILENT = {'--keyring-path', '--disable'}


class Help(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.stage = kt.stage()
        cls.commands = re.findall(r'^  ([a-z][a-z0-9-]+) ', cls.help(), re.M)
        cls.options = {command: set(OPTION.findall(cls.help(command))) | {'--help'} for command in cls.commands}

    @classmethod
    def help(cls, *command):
        return subprocess.run([cls.stage.keyfob, *command, '--help'], stdout=subprocess.PIPE, check=True,
                              env={'PATH': os.environ['PATH']}).stdout.decode()

    def read(self, *path):
        with open(os.path.join(kt.SOURCE, *path), encoding='utf-8') as file:
            return file.read()

    def test_there_are_commands_and_options(self):
        self.assertGreater(len(self.commands), 20)
        self.assertIn('--env', self.options['run'])

    def test_help_names_what_is_understood(self):
        """The table of options in the commands' sources, against what --help says."""
        known = set()
        for name in os.listdir(os.path.join(kt.SOURCE, 'cli')):
            if name.startswith(('cmd-', 'kdf')):
                known |= {'--' + o for o in re.findall(r'\{"([a-z-]+)", (?:no|required)_argument', self.read('cli', name))}
        self.assertGreater(len(known), 20)
        self.assertEqual(known - set().union(*self.options.values()) - SILENT, set())

    def test_the_man_page_names_the_commands(self):
        page = self.read('docs', 'man', 'keyfob.1.scd')
        for command in self.commands:
            with self.subTest(command):
                self.assertRegex(page, rf'\*{command}\*')
        # and no option that is not there
        everything = set().union(*self.options.values()) | {'--version', '--list-backends'}
        self.assertEqual(set(OPTION.findall(page.partition('# EXAMPLES')[0])) - everything, set())

    def test_bash(self):
        for command in self.commands:
            script = (f'. {shlex.quote(kt.SOURCE)}/data/completions/keyfob.bash; COMP_WORDS=(keyfob {command} --); COMP_CWORD=2; '
                      '_keyfob; printf "%s\n" "${COMPREPLY[@]}"')
            offered = subprocess.run(['bash', '-c', script], stdout=subprocess.PIPE, check=True).stdout.decode().split()
            with self.subTest(command):
                self.assertEqual({o for o in offered if o.startswith('--')}, self.options[command])

    def test_zsh(self):
        text = self.read('data', 'completions', '_keyfob')
        cases = dict(re.findall(r"^                ([a-z0-9|-]+)\) (_arguments.*?);;$", text, re.M | re.S))
        offered = {name: set(OPTION.findall(options)) for names, options in cases.items() for name in names.split('|')}
        for command in self.commands:
            with self.subTest(command):
                self.assertRegex(text, rf"'{command}:")
                self.assertEqual(offered.get(command, set()) | {'--help', '--keyring-backend'},
                                 self.options[command] | {'--keyring-backend'})

    def test_fish(self):
        lines = re.findall(r"^complete -c keyfob -n '__fish_seen_subcommand_from ([a-z0-9 -]+)'.* -l ([a-z-]+)",
                           self.read('data', 'completions', 'keyfob.fish'), re.M)
        for command in self.commands:
            offered = {'--' + option for names, option in lines if command in names.split()}
            with self.subTest(command):
                self.assertEqual(offered | {'--help', '--keyring-backend'}, self.options[command] | {'--keyring-backend'})


if __name__ == '__main__':
    kt.main()
