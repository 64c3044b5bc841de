#!/usr/bin/python3
"""In the guest: puts Keyfob where it belongs, makes the users, opens the relay's door, and runs the tests that are named.

usage: main.py PLAN [test_NAME[.CLASS[.TEST]]...]; PLAN is the JSON that check.py wrote: the staged tree, and what is where.
"""
import glob
import json
import os
import subprocess
import sys
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))


def add_user(name, uid):
    """By hand, because the host's shadow may be out of reach."""
    for path, line in (('/etc/passwd', f'{name}:x:{uid}:{uid}::/home/{name}:/bin/bash'), ('/etc/group', f'{name}:x:{uid}:'),
                       ('/etc/shadow', f'{name}:*:19000:0:99999:7:::')):
        kept = []
        if os.access(path, os.R_OK):
            with open(path, encoding='utf-8') as file:
                kept = [old for old in file.read().splitlines() if old.split(':')[0] != name]
        mode = 0o600 if path == '/etc/shadow' else 0o644
        with open(path + '.new', 'w', encoding='utf-8') as file:
            os.fchmod(file.fileno(), mode)
            file.write('\n'.join([*kept, line]) + '\n')
        os.rename(path + '.new', path)


def name_itself():
    with open('/etc/hosts', 'a', encoding='utf-8') as file:
        file.write(f'127.0.0.1 {os.uname().nodename}\n')


def install(destdir):
    subprocess.run(['cp', '-a', '--no-preserve=ownership', destdir + '/.', '/'], check=True)
    subprocess.run(['udevadm', 'control', '--reload'], check=True)


def main():
    plan, names = sys.argv[1], sys.argv[2:]
    os.environ['KEYFOB_VM_PLAN'] = plan
    with open(plan, encoding='utf-8') as file:
        places = json.load(file)
    sys.dont_write_bytecode = True
    sys.path[:0] = [HERE, places['integration']]
    import guest  # these need the plan
    import listener
    import tap

    name_itself()
    add_user(guest.USER, guest.UID)
    add_user(guest.OTHER, guest.OTHER_UID)
    install(places['destdir'])
    relay = listener.Listener(places['systemunitdir'])
    result = tap.Result(sys.stdout)
    names = names or sorted(os.path.basename(path)[:-3] for path in glob.glob(os.path.join(HERE, 'test_*.py')))
    for name in names:
        unittest.defaultTestLoader.loadTestsFromName(name).run(result)
    result.finish()
    relay.close()
    return 0 if result.wasSuccessful() else 1


if __name__ == '__main__':
    sys.exit(main())
