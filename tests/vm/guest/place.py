"""Makes the guest a machine that Keyfob is installed on.

    with installed(plan) as listener:       # the JSON that check.py wrote: the staged tree, and what is where
"""
import contextlib
import json
import os
import subprocess
import sys

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


def be_patient():
    """login gives everybody a minute, which an emulated processor that others keep busy may take."""
    with open('/etc/login.defs', 'a', encoding='utf-8') as file:
        file.write('LOGIN_TIMEOUT 600\n')


def install(destdir):
    subprocess.run(['cp', '-a', '--no-preserve=ownership', destdir + '/.', '/'], check=True)
    subprocess.run(['udevadm', 'control', '--reload'], check=True)


@contextlib.contextmanager
def installed(plan):
    """Two users, the programs at their places, and the relay's door open."""
    os.environ['KEYFOB_VM_PLAN'] = plan
    with open(plan, encoding='utf-8') as file:
        places = json.load(file)
    sys.dont_write_bytecode = True
    sys.path[:0] = [HERE, places['integration']]
    import guest  # these need the plan
    import listener

    name_itself()
    be_patient()
    add_user(guest.USER, guest.UID)
    add_user(guest.OTHER, guest.OTHER_UID)
    install(places['destdir'])
    relay = listener.Listener(places['systemunitdir'])
    try:
        yield relay
    finally:
        relay.close()
