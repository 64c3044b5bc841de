#!/usr/bin/python3
"""In the guest: bench-uhid as an ordinary user, with the daemon and the device of his.

usage: bench.py PLAN ROUNDS
"""
import os
import sys

import place


def main():
    with place.installed(sys.argv[1]):
        import guest  # needs what installed() has set

        account = guest.Account()
        try:
            account.start_daemon(timeout=guest.PATIENCE)
            account.init(guest.PASSWORD)
            guest.Person(account, always='allow')
            node = account.wait_for_node()
            program = os.path.join(account.stage.build, 'bench/bench-uhid')
            done = account.run([program, os.path.join(account.runtime, 'keyfob/ctap'), node, sys.argv[2]], timeout=600)
            print(done.stdout.decode(), end='', flush=True)
        finally:
            account.close()
    return 0


if __name__ == '__main__':
    sys.exit(main())
