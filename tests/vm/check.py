#!/usr/bin/python3
"""Keyfob as it is installed, on a real kernel: stages the build, boots a guest over it, and passes on what its tests say (TAP).

    KEYFOB_BUILD=build tests/vm/check.py [test_NAME[.CLASS[.TEST]]...]      # all of guest/test_*.py unless some are named

Skipped, by name, where QEMU or the kernel's package can't be had.
"""
import glob
import json
import os
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(os.path.dirname(HERE), 'integration')]
sys.dont_write_bytecode = True

import kernel  # noqa: E402
import keyfob_test as kt  # noqa: E402
import machine  # noqa: E402
from test_webauthn import node_modules  # noqa: E402

SECONDS = 1700


def plan(stage):
    """Where everything is, as the guest has it."""
    def installed(path):
        return path.removeprefix(stage.destdir)

    places = {name: installed(getattr(stage, name))
              for name in ('bindir', 'libdir', 'libexecdir', 'keyfob', 'keyfobd', 'helper', 'libkeyfob')}
    units = glob.glob(os.path.join(stage.destdir, '**', 'keyfob-uhid.socket'), recursive=True)
    if not units:
        raise kernel.Unavailable('keyfob-uhid is not built')
    return {**places, 'systemunitdir': installed(os.path.dirname(units[0])), 'destdir': os.path.realpath(stage.destdir), 'integration': os.path.dirname(kt.__file__),
            'build': os.path.realpath(kt.BUILD), 'node_modules': node_modules()}


def run_in_guest(program, *arguments, sink=sys.stdout.buffer, seconds=SECONDS):
    """Runs guest/PROGRAM with the plan and these arguments; returns its exit status."""
    stage = kt.stage()
    with tempfile.NamedTemporaryFile('w', prefix='keyfob-vm-', suffix='.json', encoding='utf-8') as file:
        os.fchmod(file.fileno(), 0o644)
        json.dump(plan(stage), file)
        file.flush()
        return machine.run(['/usr/bin/python3', os.path.join(HERE, 'guest', program), file.name, *arguments], sink,
                           seconds=seconds)


def main():
    try:
        return run_in_guest('main.py', *sys.argv[1:])
    except kernel.Unavailable as error:
        print(f'1..0 # SKIP {error}')
        return 0
    except machine.NoStatus as error:
        print('Bail out! ' + str(error).replace('\n', '\n# '))
        return 1


if __name__ == '__main__':
    sys.exit(main())
