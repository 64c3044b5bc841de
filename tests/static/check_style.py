#!/usr/bin/python3
"""The rules of the house that a machine can see."""
import os
import re
import stat
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
LINES_MAX = 600
COLUMNS_MAX = 140
MARKS = re.compile(r'\b(TO' + r'DO|FIX' + r'ME|XX' + r'X|HA' + r'CK)\b')
# A file that may be longer, because it is one table or one harness.
LONGER = {'tests/integration/keyfob_test.py'}
SKIPPED = {'.git', '__pycache__', 'corpus'}
BINARY = ('.key', '.vault')


def files():
    for directory, names, found in os.walk(ROOT):
        names[:] = sorted(n for n in names if n not in SKIPPED and not (directory == ROOT and n.startswith('build')))
        for name in sorted(found):
            path = os.path.join(directory, name)
            if not os.path.islink(path):
                yield os.path.relpath(path, ROOT), path


def check(name, path):
    with open(path, 'rb') as file:
        data = file.read()
    if not data or name.endswith(BINARY) or b'\0' in data[:4096]:
        return
    is_c = name.endswith(('.c', '.h'))
    text = data.decode('utf-8', errors='replace')
    lines = text.split('\n')

    if b'\r' in data:
        yield f'{name}: carriage return'
    if not data.endswith(b'\n') or data.endswith(b'\n\n'):
        yield f'{name}: must end in one line feed'
    if '\ufffd' in text:
        yield f'{name}: not UTF-8'
    for number, line in enumerate(lines, 1):
        if '\t' in line and not name.endswith(('.scd', 'Makefile')):
            yield f'{name}:{number}: tab'
        if line != line.rstrip() and not name.endswith('.md'):
            yield f'{name}:{number}: space at the end'
        if MARKS.search(line):
            yield f'{name}:{number}: an unfinished thing: {line.strip()}'
        if is_c and len(line) > COLUMNS_MAX:
            yield f'{name}:{number}: {len(line)} columns'
    if is_c and len(lines) > LINES_MAX and name not in LONGER:
        yield f'{name}: {len(lines)} lines'
    if is_c and not text.startswith('/*'):
        yield f'{name}: does not open with a comment that says what it is about'
    if name.endswith('.h') and '#pragma once' not in text and '#ifndef' not in text:
        yield f'{name}: can be included twice'
    executable = bool(os.stat(path).st_mode & stat.S_IXUSR)
    if data.startswith(b'#!') != executable and not name.endswith('.py'):
        yield f'{name}: executable without "#!", or the other way round'


def main():
    problems, seen = [], 0
    for name, path in files():
        seen += 1
        problems += check(name, path)
    print('\n'.join(problems) if problems else f'{seen} files are in style')
    return 1 if problems or seen < 20 else 0


if __name__ == '__main__':
    sys.exit(main())
