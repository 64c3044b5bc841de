#!/usr/bin/python3
"""The completions are valid in their shells, and know every command that `keyfob --help` names. Argument: the build directory."""
import os
import re
import shutil
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
FILES = {'keyfob.bash': ['bash', '-n'], '_keyfob': ['zsh', '-n'], 'keyfob.fish': ['fish', '-n']}


def commands(build):
    """Names at the beginning of an indented line of the help text."""
    program = os.path.join(build, 'cli', 'keyfob')
    if not os.path.exists(program):
        return set()
    shown = subprocess.run([program, '--help'], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, timeout=20,
                           check=False).stdout.decode()
    return set(re.findall(r'^  ([a-z][a-z0-9-]+)\b', shown, re.M))


def main():
    problems, known = [], commands(sys.argv[1])
    for name, check in FILES.items():
        path = os.path.join(ROOT, 'data', 'completions', name)
        if not os.path.exists(path):
            problems.append(f'data/completions/{name} is not there')
            continue
        if shutil.which(check[0]):
            result = subprocess.run([*check, path], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                    stderr=subprocess.STDOUT, timeout=20, check=False)
            if result.returncode != 0:
                problems.append(f'{name}: {result.stdout.decode().strip()}')
        with open(path, encoding='utf-8') as file:
            text = file.read()
        problems += [f'{name} does not know {command}' for command in sorted(known)
                     if not re.search(rf'(?<![\w-]){command}(?![\w-])', text)]
    print('\n'.join(problems) if problems else f'{len(FILES)} shells know {len(known)} commands')
    return 1 if problems else 0


if __name__ == '__main__':
    sys.exit(main())
