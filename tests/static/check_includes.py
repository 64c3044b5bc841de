#!/usr/bin/python3
"""Every #include keeps to the table of docs/ARCHITECTURE.md: which folder may use which, and which libraries."""
import os
import re
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

LIBRARIES = {
    'OpenSSL': r'openssl/',
    'libsodium': r'sodium(\.h|/)',
    'SQLite': r'sqlite3(ext)?\.h',
    'libsystemd': r'systemd/',
    'json-c': r'json(-c/|\.h)',
    'libassuan': r'(assuan|gpg-error|gcrypt)\.h',
    'libseccomp': r'seccomp\.h',
    'libinih': r'ini\.h',
    'libsecret': r'(libsecret/|glib|gio/|gobject/)',
    'libqrencode': r'qrencode',
    'libcbor': r'cbor',
    'libfido2': r'fido',
    'libpam': r'security/',
    'tpm2-tss': r'tss2/',
}


def read_table():
    """{folder: (folders, headers, libraries)} from the first table with a column "may use"."""
    rules, inside = {}, False
    with open(os.path.join(ROOT, 'docs', 'ARCHITECTURE.md'), encoding='utf-8') as file:
        for line in file:
            cells = [cell.strip() for cell in line.strip().strip('|').split('|')]
            if not line.startswith('|'):
                if inside and rules:
                    break
                continue
            if cells[-1] == 'may use':
                inside = True
            elif inside and not set(cells[0]) <= set('- :'):
                uses = [use.strip(' `/') for use in cells[-1].split(',') if use.strip() not in ('–', '-', '')]
                for name in re.findall(r'`([^`]+)`', cells[0]):
                    folder = name.rstrip('/')
                    rules['include' if folder.startswith('include') else folder] = uses
    if not rules:
        raise SystemExit('no table "may use" in docs/ARCHITECTURE.md')
    return rules


def library_of(header):
    return next((name for name, pattern in LIBRARIES.items() if re.match(pattern, header)), None)


def generated(folder, header):
    """Made by the folder's own build file."""
    with open(os.path.join(ROOT, folder, 'meson.build'), encoding='utf-8') as file:
        return f"'{header}'" in file.read()


def check(path, folder, uses):
    problems = []
    with open(os.path.join(ROOT, path), encoding='utf-8') as file:
        for number, line in enumerate(file, 1):
            match = re.match(r'\s*#\s*include\s*([<"])([^>"]+)[>"]', line)
            if not match:
                continue
            quote, header = match.groups()
            if quote == '<':
                needed = library_of(header)
                allowed = needed is None or needed in uses
            elif header.startswith('keyfob/'):
                needed, allowed = 'include', folder == 'include' or 'include' in uses
            else:
                needed = os.path.dirname(header)
                allowed = needed == folder or needed in uses or header in uses
                if needed == '' and generated(folder, header):
                    needed, allowed = folder, True
                elif not os.path.exists(os.path.join(ROOT, header)):
                    needed, allowed = 'a file that is not there', False
            if not allowed:
                problems.append(f'{path}:{number}: {folder}/ may not use {needed or header} ({header})')
    return problems


def main():
    rules, problems, files = read_table(), [], 0
    for folder, uses in sorted(rules.items()):
        for directory, _, names in os.walk(os.path.join(ROOT, folder)):
            for name in sorted(names):
                if name.endswith(('.c', '.h')):
                    files += 1
                    problems += check(os.path.relpath(os.path.join(directory, name), ROOT), folder, uses)
    for top in sorted(os.listdir(ROOT)):
        if os.path.isdir(os.path.join(ROOT, top)) and not top.startswith(('.', 'build')) and top not in rules:
            for directory, _, names in os.walk(os.path.join(ROOT, top)):
                inside = os.path.relpath(directory, ROOT)
                if any(n.endswith(('.c', '.h')) for n in names) and inside not in rules and top != 'docs':
                    problems.append(f'{inside}/ has C in it and is not in the table')
    print('\n'.join(problems) if problems else f'{files} files keep to the table')
    return 1 if problems or files < 20 else 0


if __name__ == '__main__':
    sys.exit(main())
