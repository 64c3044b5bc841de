#!/usr/bin/python3
"""In the guest: installs Keyfob, and runs the tests that are named.

usage: main.py PLAN [test_NAME[.CLASS[.TEST]]...]
"""
import glob
import os
import sys
import unittest

import place
import tap


def main():
    plan, names = sys.argv[1], sys.argv[2:]
    result = tap.Result(sys.stdout)
    with place.installed(plan):
        names = names or sorted(os.path.basename(path)[:-3] for path in glob.glob(os.path.join(place.HERE, 'test_*.py')))
        for name in names:
            unittest.defaultTestLoader.loadTestsFromName(name).run(result)
        result.finish()
    return 0 if result.wasSuccessful() else 1


if __name__ == '__main__':
    sys.exit(main())
