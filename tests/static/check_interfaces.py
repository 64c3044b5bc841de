#!/usr/bin/python3
"""The D-Bus XML in data/ is well-formed, and every member in it has an entry in a vtable of daemon/, and the other way round.
That they agree in types is tested on the running daemon (tests/integration/test_introspection.py)."""
import glob
import os
import re
import sys
import xml.etree.ElementTree

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
# Interfaces that the daemon calls rather than serves.
CALLED = {'org.keyfob.PromptAgent1'}
# Described elsewhere: what is answered on the own socket in place of a bus, by the D-Bus specification; what the desktop's
# prompter calls, by gcr and by Plasma; what the desktop's portal calls, by xdg-desktop-portal.
FOREIGN = ('minibus.c', 'ask-desktop.c', 'ask-plasma.c', 'portal-secret.c')
MACROS = {'method': r'\b\w*METHOD\w*', 'signal': r'\b\w*SIGNAL\w*', 'property': r'\b\w*PROPERTY\w*'}


def served():
    """{kind: names} of all vtables."""
    text = ''
    for path in sorted(glob.glob(os.path.join(ROOT, 'daemon', '*.c'))):
        if os.path.basename(path) not in FOREIGN:
            with open(path, encoding='utf-8') as file:
                text += re.sub(r'/\*.*?\*/', '', file.read(), flags=re.S)
    return {kind: set(re.findall(macro + r'\(\s*"(\w+)"', text)) for kind, macro in MACROS.items()}


def main():
    have, described, problems = served(), {kind: set() for kind in MACROS}, []
    for path in sorted(glob.glob(os.path.join(ROOT, 'data', '*.xml'))):
        name = os.path.basename(path)
        try:
            tree = xml.etree.ElementTree.parse(path)
        except xml.etree.ElementTree.ParseError as error:
            problems.append(f'{name}: {error}')
            continue
        for interface in tree.getroot().iter('interface'):
            if interface.get('name') in CALLED:
                continue
            for kind in MACROS:
                for member in interface.findall(kind):
                    described[kind].add(member.get('name'))
                    if member.get('name') not in have[kind]:
                        problems.append(f'{name}: {kind} {interface.get("name")}.{member.get("name")} is not served')
    for kind, names in have.items():
        for name in sorted(names - described[kind]):
            problems.append(f'daemon/: {kind} {name} is in no file of data/')
    members = sum(map(len, described.values()))
    print('\n'.join(problems) if problems else f'{members} members are described and served')
    return 1 if problems or members < 10 else 0


if __name__ == '__main__':
    sys.exit(main())
