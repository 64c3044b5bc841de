#!/usr/bin/python3
"""What is installed is in order: exports, man pages, completions, unit files, nothing of the place it was built at."""
import glob
import gzip
import os
import re
import shutil
import subprocess
import unittest

import keyfob_test as kt


def run(argv, **options):
    return subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False,
                          timeout=60, **options)


class Staged(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.stage = kt.stage()
        text = run([cls.stage.keyfob, '--help']).stdout.decode()
        cls.verbs = re.findall(r'(?m)^  ([a-z][a-z-]+)  +\S', text)

    def man(self):
        pages = glob.glob(f'{self.stage.mandir}/man?/*')
        self.assertTrue(pages or not shutil.which('scdoc'))
        return pages

    def text(self, page):
        with (gzip.open if page.endswith('.gz') else open)(page, 'rb') as file:
            return re.sub(r'\\f[A-Z]|\\&|\\', '', file.read().decode())

    def test_help_was_understood(self):
        for verb in ('init', 'set', 'get', 'prompt-agent', 'undelete'):
            self.assertIn(verb, self.verbs)

    def test_exported_symbols_are_those_of_the_map(self):
        with open(os.path.join(kt.SOURCE, 'client', 'libkeyfob.map'), encoding='utf-8') as file:
            text = file.read()
        wanted = set(re.findall(r'(?m)^\s+(keyfob_\w+);', text))
        node = re.match(r'(\w+) \{', text)[1]
        symbols = run(['nm', '-D', '--defined-only', self.stage.libkeyfob]).stdout.decode()
        found = dict(re.findall(r'(?m) [A-TV-Z] (\w+)@@(\w+)$', symbols))
        found.pop(node, None)
        self.assertEqual(set(found), wanted)
        self.assertEqual(set(found.values()), {node})

    def test_every_exported_symbol_is_declared_and_documented(self):
        header = ''
        for name in ('keyfob.h', 'ssh.h'):
            with open(f'{self.stage.prefix}/include/keyfob/{name}', encoding='utf-8') as file:
                header += file.read()
        with open(os.path.join(kt.SOURCE, 'client', 'libkeyfob.map'), encoding='utf-8') as file:
            names = re.findall(r'(?m)^\s+(keyfob_\w+);', file.read())
        for name in names:
            self.assertRegex(header, rf'\b{name}\(')
        page = [p for p in self.man() if 'libkeyfob' in p]
        if page:
            text = self.text(page[0])
            for name in names:
                self.assertIn(name, text)

    def test_the_header_stands_alone(self):
        for compiler, language, standard in (('gcc', 'c', 'c99'), ('clang', 'c', 'c11'), ('g++', 'c++', 'c++11')):
            if not shutil.which(compiler):
                continue
            with self.subTest(compiler):
                for header in ('keyfob.h', 'ssh.h', 'bus.h'):
                    result = subprocess.run([compiler, f'-std={standard}', '-Wall', '-Wextra', '-Wpedantic', '-Werror', '-x',
                                             language, '-fsyntax-only', '-I', f'{self.stage.prefix}/include', '-'],
                                            input=f'#include <keyfob/{header}>\nextern int something;\n'.encode(), stderr=subprocess.PIPE, check=False)
                    self.assertEqual(result.returncode, 0, result.stderr.decode())

    def test_man_pages_render_without_a_warning(self):
        if not shutil.which('man'):
            self.skipTest('no man')
        for page in self.man():
            with self.subTest(os.path.basename(page)):
                result = run(['man', '--warnings=w', '-E', 'UTF-8', '-l', '-Tutf8', '-Z', page],
                             env={**os.environ, 'LC_ALL': 'C.UTF-8', 'MANROFFSEQ': '', 'MANWIDTH': '80'})
                self.assertEqual((result.returncode, result.stderr), (0, b''))
                self.assertGreater(len(result.stdout), 1000)

    def test_the_man_page_tells_every_verb_and_exit_code(self):
        pages = [p for p in self.man() if os.path.basename(p).startswith('keyfob.1')]
        if not pages:
            self.skipTest('man pages are not built')
        text = self.text(pages[0])
        for verb in self.verbs:
            self.assertRegex(text, rf'\b{verb}\b')
        for option in ('--password-file', '--password-fd', 'CREDENTIALS_DIRECTORY', '--json', '--exact', '--kind',
                       '--list-backends'):
            self.assertIn(option, text)
        for code in range(9):
            self.assertRegex(text, rf'(?m)^\D{{0,6}}{code}\b')

    def test_completions_parse(self):
        for shell, path in self.stage.completions.items():
            if not shutil.which(shell):
                continue
            with self.subTest(shell):
                result = run([shell, '-n', path])
                self.assertEqual((result.returncode, result.stderr), (0, b''))

    @unittest.skipUnless(shutil.which('zsh'), 'no zsh')
    def test_zsh_looks_where_its_completion_is(self):
        place = os.path.dirname(self.stage.completions['zsh']).removeprefix(self.stage.destdir)
        if not place.startswith(('/usr/share/', '/usr/local/share/')):
            self.skipTest(f'{self.stage.prefix} is a prefix that zsh does not know')
        self.assertIn(place, run(['zsh', '-fc', 'print -l $fpath']).stdout.decode().split('\n'))

    def test_completions_know_every_verb(self):
        for path in self.stage.completions.values():
            with open(path, encoding='utf-8') as file:
                text = file.read()
            for verb in self.verbs:
                with self.subTest(path, verb=verb):
                    self.assertRegex(text, rf'(?<![a-z-]){verb}(?![a-z-])')

    def test_bash_completes(self):
        script = f'''source {self.stage.completions["bash"]}
COMP_WORDS=(keyfob un) COMP_CWORD=1 COMP_LINE="keyfob un" COMP_POINT=9
complete -p keyfob >/dev/null || exit 1
function=$(complete -p keyfob | sed -n 's/.*-F \\([^ ]*\\).*/\\1/p')
$function keyfob un keyfob
printf '%s\\n' "${{COMPREPLY[@]}}"'''
        result = run(['bash', '--norc', '-c', script])
        self.assertEqual(sorted(result.stdout.decode().split()), ['undelete', 'unlock'], result.stderr)

    def test_printed_completions_are_the_installed_ones(self):
        for shell, path in self.stage.completions.items():
            with open(path, 'rb') as file:
                self.assertEqual(run([self.stage.keyfob, 'completion', shell]).stdout, file.read(), shell)

    @unittest.skipUnless(shutil.which('systemd-analyze'), 'no systemd-analyze')
    def test_units_are_valid(self):
        # the manager looks for the programs at their final place, which is not there before a real installation
        result = run(['systemd-analyze', '--user', '--man=no', 'verify', f'{self.stage.unitdir}/keyfobd.service',
                      f'{self.stage.unitdir}/keyfobd.socket', f'{self.stage.unitdir}/keyfob-ssh.socket'],
                     env={**os.environ, 'XDG_RUNTIME_DIR': os.environ.get('XDG_RUNTIME_DIR') or '/tmp'})
        lines = [line for line in result.stderr.decode().splitlines()
                 if 'keyfob' in line and 'is not executable' not in line and 'No such file' not in line]
        self.assertEqual(lines, [])

    def test_interfaces_are_xml(self):
        import xml.etree.ElementTree as tree    # pylint: disable=import-outside-toplevel
        files = glob.glob(f'{self.stage.datadir}/dbus-1/interfaces/*.xml')
        self.assertTrue(files)
        for file in files:
            self.assertTrue([i for i in tree.parse(file).getroot().iter('interface')], file)

    def test_nothing_refers_to_the_build(self):
        wrong = [kt.SOURCE.encode(), kt.BUILD.encode(), self.stage.destdir.encode()]
        for directory, _, names in os.walk(self.stage.destdir):
            for name in names:
                path = os.path.join(directory, name)
                if os.path.islink(path):
                    continue
                with open(path, 'rb') as file:
                    content = file.read()
                if content.startswith(b'\x7fELF'):
                    continue    # debug information names its sources
                for place in wrong:
                    self.assertNotIn(place, content, path)

    def test_programs_are_hardened(self):
        for path in (self.stage.keyfob, self.stage.keyfobd, self.stage.helper, self.stage.libkeyfob):
            with self.subTest(os.path.basename(path)):
                headers = run(['readelf', '-W', '-l', '-d', path]).stdout.decode()
                self.assertIn('GNU_RELRO', headers)
                self.assertRegex(headers, r'BIND_NOW|FLAGS_1.*NOW')
                self.assertRegex(headers, r'GNU_STACK.* RW ')
                self.assertNotRegex(headers, r'R(UN)?PATH', 'looks for libraries at a place of the build')
                self.assertIn('DYN', run(['readelf', '-h', path]).stdout.decode())


if __name__ == '__main__':
    kt.main()
