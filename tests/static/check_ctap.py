#!/usr/bin/python3
"""Every row of the coverage tables in docs/CTAP.md names tests that exist, and every command has rows.

The first cell is one or more commands, extensions or other subjects. The last cell of a row is one or more `FILE:CASE`, separated by commas: test-x:case is TEST(case) of tests/unit/test-x.c,
test_x:case is a method test_case or case of tests/integration/test_x.py, a scenario of fido-client.c is fido-client:case."""
import os
import re
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
COMMANDS = {'makeCredential', 'getAssertion', 'getNextAssertion', 'getInfo', 'clientPIN', 'reset', 'bioEnrollment',
            'credentialManagement', 'selection', 'largeBlobs', 'authenticatorConfig', 'U2F', 'CTAPHID', 'CBOR'}
EXTENSIONS = {'credProtect', 'credBlob', 'largeBlobKey', 'minPinLength', 'pinComplexityPolicy', 'hmac-secret', 'hmac-secret-mc',
              'thirdPartyPayment'}
OTHERS = {'every command', 'every extension', 'records', 'owner'}
SUBJECTS = COMMANDS | EXTENSIONS | OTHERS
REFERENCE = re.compile(r'`([\w-]+):(\w+)`')


def cases(name):
    """The cases that a test file has, or None when there is no such file."""
    for path, pattern in ((f'tests/unit/{name}.c', r'^TEST\((\w+)\)'), (f'tests/integration/{name}.c', r'^TEST\((\w+)\)'),
                          (f'tests/integration/{name}.py', r'def (?:test_)?(\w+)\(self')):
        try:
            with open(os.path.join(ROOT, path), encoding='utf-8') as file:
                return set(re.findall(pattern, file.read(), re.M))
        except FileNotFoundError:
            continue
    return None


def main():
    problems, known, seen, rows = [], {}, set(), 0
    with open(os.path.join(ROOT, 'docs', 'CTAP.md'), encoding='utf-8') as file:
        lines = file.read().splitlines()
    coverage = False
    for number, line in enumerate(lines, 1):
        if line.startswith('|') and not coverage:
            cells = [cell.strip() for cell in line.strip('|').split('|')]
            coverage = cells == ['command', 'rule', 'section', 'test']
            continue
        if not line.startswith('|'):
            coverage = False
            continue
        if set(line) <= set('|- '):
            continue
        cells = [cell.strip() for cell in line.strip('|').split(' | ')]
        references = REFERENCE.findall(cells[-1])
        rows += 1
        subjects = set(cells[0].split(', '))
        seen |= subjects
        problems += [f'docs/CTAP.md:{number}: "{subject}" is no subject' for subject in sorted(subjects - SUBJECTS)]
        if len(cells) != 4 or not references:
            problems.append(f'docs/CTAP.md:{number}: not "command | rule | section | `file:case`"')
        for name, case in references:
            if name not in known:
                known[name] = cases(name)
            if known[name] is None:
                problems.append(f'docs/CTAP.md:{number}: there is no {name}')
            elif case.removeprefix('test_') not in known[name] and case not in known[name]:
                problems.append(f'docs/CTAP.md:{number}: {name} has no {case}')
    problems += [f'docs/CTAP.md: no row for {subject}' for subject in sorted(SUBJECTS - seen)]
    print('\n'.join(problems) if problems else f'{rows} rules, each with a test')
    return 1 if problems else 0


if __name__ == '__main__':
    sys.exit(main())
