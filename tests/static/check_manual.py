#!/usr/bin/python3
"""Every installed program has a man page that names its options; pages are well-formed. Argument: the build directory."""
import json
import os
import re
import shutil
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def main():
    build, problems, programs = sys.argv[1], [], 0
    with open(os.path.join(build, 'meson-info', 'intro-installed.json'), encoding='utf-8') as file:
        installed = json.load(file)
    pages = {name.rsplit('.', 2)[0]: os.path.join(ROOT, 'docs', 'man', name)
             for name in os.listdir(os.path.join(ROOT, 'docs', 'man')) if name.endswith('.scd')}

    for source, target in sorted(installed.items()):
        if '/bin/' not in target and '/libexec/' not in target:
            continue
        name = os.path.basename(target)
        programs += 1
        if name not in pages:
            problems.append(f'{name} has no man page')
            continue
        with open(pages[name], encoding='utf-8') as file:
            page = file.read()
        if not os.path.exists(source):
            continue
        shown = subprocess.run([source, '--help'], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                               stderr=subprocess.STDOUT, timeout=20, check=False).stdout.decode()
        for option in sorted(set(re.findall(r'--[a-z][a-z-]+', shown))):
            if option not in page:
                problems.append(f'{name}: {option} is in --help but not in {os.path.basename(pages[name])}')

    if shutil.which('scdoc'):
        for path in sorted(pages.values()):
            with open(path, 'rb') as file:
                result = subprocess.run(['scdoc'], stdin=file, stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
            if result.returncode != 0:
                problems.append(f'{os.path.basename(path)}: {result.stderr.decode().strip()}')
            elif shutil.which('groff'):
                warnings = subprocess.run(['groff', '-man', '-Tutf8', '-ww', '-z'], input=result.stdout,
                                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False).stderr.decode()
                if re.search(r'error|undefined', warnings):
                    problems.append(f'{os.path.basename(path)}: {warnings.strip()}')
    print('\n'.join(problems) if problems else f'{programs} programs are documented')
    return 1 if problems or programs < 1 else 0


if __name__ == '__main__':
    sys.exit(main())
