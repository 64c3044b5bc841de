#!/usr/bin/python3
"""Authfiles of all kinds against the code that each has to give, and the same files against the real pam_u2f.

The security key is Keyfob by the bridge; somebody touches it and knows the PIN, so every end is the file's doing.
"""
import base64
import os

import keyfob_test as kt
import pam_stack
from fido_bridge import PIN
from pam_stack import AUTH_ERR, AUTHINFO_UNAVAIL, IGNORE, SERVICE_ERR, SUCCESS, USER

# Where pam_u2f answers otherwise, and why we do not follow.
CUT = 'it takes what is left of a line that was cut off'
LOOSE = 'it takes base64, options and keys that are not right as far as it understands them'
LINK = 'it follows links'
WRITABLE = 'it takes a file that others may write to'
STRAY = 'it passes over what is behind a colon too many'
MIXED = 'it takes keys of OpenSSH only alone'
NOBODY = 'it lets in who has no credentials'
FIRST_WRONG = 'a credential that is wrong makes the line void here, not only itself'
SILENT = 'it passes over options that it does not know'
EVERYBODY = 'alwaysok lets in everybody'
CODE = 'it refuses as well, with another code'
OLD = 'versions before 1.3 have it wrong'


def block(data):
    text = base64.b64encode(data).decode()
    lines = '\n'.join(text[i:i + 70] for i in range(0, len(text), 70))
    return f'-----BEGIN OPENSSH PRIVATE KEY-----\n{lines}\n-----END OPENSSH PRIVATE KEY-----\n'


def string(data):
    return len(data).to_bytes(4, 'big') + data


def ssh_key(identifier, key, rp=pam_stack.ORIGIN.encode(), flags=1):
    kind, point = b'sk-ecdsa-sha2-nistp256@openssh.com', b'\x04' + key
    private = bytes(8) + string(kind) + string(b'nistp256') + string(point) + string(rp) + bytes([flags]) + string(identifier)
    private += string(b'') + string(b'comment')
    private += bytes(range(1, 1 + -len(private) % 8))
    public = string(kind) + string(b'nistp256') + string(point) + string(rp)
    return b'openssh-key-v1\0' + string(b'none') * 2 + string(b'') + b'\0\0\0\x01' + string(public) + string(private)


class Matrix(pam_stack.PamTest):
    def setUp(self):
        super().setUp()
        self.identifier, self.key, _ = self.credential().split(',')
        self.set_pin()
        self.u2f = pam_stack.find('security/pam_u2f.so')
        self.path = os.path.join(self.sandbox.root, 'authfile')
        self.ran, self.agreed = 0, 0

    def variants(self):
        """(name, content, options, code, why pam_u2f differs); content may be a function that makes the file."""
        kh, pk, u = self.identifier, self.key, USER
        good = f'{kh},{pk},es256,+presence'
        other = f'{base64.b64encode(os.urandom(32)).decode()},{pk},es256,+presence'
        raw_kh, raw_pk = base64.b64decode(kh), base64.b64decode(pk)
        web = kh.replace('+', '-').replace('/', '_').rstrip('=')
        key = block(ssh_key(raw_kh, raw_pk))
        ssh = ['sshformat']

        yield 'good', f'{u}:{good}\n', [], SUCCESS, None
        yield 'no newline at the end', f'{u}:{good}', [], SUCCESS, None
        yield 'carriage return', f'{u}:{good}\r\n', [], SUCCESS, None
        yield 'others before and after', f'bob:x\n{u}:{good}\ncarol:y,z\n', [], SUCCESS, None
        yield 'empty lines', f'\n\n{u}:{good}\n\n', [], SUCCESS, None
        yield 'second credential', f'{u}:{other}:{good}\n', [], SUCCESS, None
        yield 'last line counts', f'{u}:{other}\n{u}:{good}\n', [], SUCCESS, None
        yield 'last line counts, wrong', f'{u}:{good}\n{u}:{other}\n', [], AUTH_ERR, None
        yield 'without presence', f'{u}:{kh},{pk},es256,\n', [], SUCCESS, None
        yield 'pin', f'{u}:{kh},{pk},es256,+presence+pin\n', [], SUCCESS, None
        yield 'pin alone', f'{u}:{kh},{pk},es256,+pin\n', [], SUCCESS, None
        yield 'verification and pin', f'{u}:{kh},{pk},es256,+presence+verification+pin\n', [], SUCCESS, None
        yield 'verification', f'{u}:{kh},{pk},es256,+presence+verification\n', [], SUCCESS, 'it never asks for the PIN then'
        yield 'pin of the administrator', f'{u}:{good}\n', ['pinverification=1'], SUCCESS, None
        yield 'presence of the administrator', f'{u}:{kh},{pk},es256,\n', ['userpresence=1'], SUCCESS, None
        yield 'nodetect', f'{u}:{good}\n', ['nodetect'], SUCCESS, OLD
        yield 'old format', f'{u}:{web},04{raw_pk.hex()}\n', [], SUCCESS, None
        yield 'old format, upper case', f'{u}:{web},04{raw_pk.hex().upper()}\n', [], SUCCESS, None
        yield 'another key handle', f'{u}:{other}\n', [], AUTH_ERR, None
        yield 'another origin', f'{u}:{good}\n', ['origin=pam://elsewhere'], AUTH_ERR, None
        yield 'more than max_devices', f'{u}:{other}:{good}\n', ['max_devices=1'], AUTH_ERR, None
        yield 'as many as max_devices', f'{u}:{other}:{good}\n', ['max_devices=2'], SUCCESS, OLD
        yield 'nouserok and a key', f'{u}:{good}\n', ['nouserok'], SUCCESS, None

        yield 'nobody', 'bob:x\n', [], AUTHINFO_UNAVAIL, CODE
        yield 'nobody is fine', 'bob:x\n', ['nouserok'], IGNORE, NOBODY
        yield 'empty', '', [], AUTHINFO_UNAVAIL, CODE
        yield 'empty is fine', '', ['nouserok'], IGNORE, NOBODY
        yield 'missing', None, [], AUTHINFO_UNAVAIL, None
        yield 'missing is fine', None, ['nouserok'], IGNORE, NOBODY
        yield 'name is longer', f'{u}x:{good}\n', [], AUTHINFO_UNAVAIL, CODE
        yield 'name is shorter', f'{u[:-1]}:{good}\n', [], AUTHINFO_UNAVAIL, CODE
        yield 'name after a blank', f' {u}:{good}\n', [], AUTHINFO_UNAVAIL, CODE

        yield 'no algorithm', f'{u}:{kh},{pk}\n', [], AUTHINFO_UNAVAIL, CUT
        yield 'no options', f'{u}:{kh},{pk},es256\n', [], AUTHINFO_UNAVAIL, CUT
        yield 'no key', f'{u}:{kh}\n', [], AUTHINFO_UNAVAIL, None
        yield 'no key, a comma', f'{u}:{kh},\n', [], AUTHINFO_UNAVAIL, None
        yield 'name alone', f'{u}\n', [], AUTHINFO_UNAVAIL, CODE
        yield 'name and colon', f'{u}:\n', [], AUTHINFO_UNAVAIL, CODE
        yield 'name alone, nouserok', f'{u}\n', ['nouserok'], AUTHINFO_UNAVAIL, NOBODY
        yield 'cut key, nouserok', f'{u}:{kh},{pk[:40]}\n', ['nouserok'], AUTHINFO_UNAVAIL, NOBODY
        yield 'cut option', f'{u}:{kh},{pk},es256,+presence+pi\n', [], AUTHINFO_UNAVAIL, CUT
        yield 'colon at the end', f'{u}:{good}:\n', [], AUTHINFO_UNAVAIL, STRAY
        yield 'two colons', f'{u}::{good}\n', [], AUTHINFO_UNAVAIL, STRAY
        yield 'fifth field', f'{u}:{good},x\n', [], AUTHINFO_UNAVAIL, LOOSE
        yield 'unknown option', f'{u}:{kh},{pk},es256,+presence+touch\n', [], AUTHINFO_UNAVAIL, LOOSE
        yield 'option without plus', f'{u}:{kh},{pk},es256,presence\n', [], AUTHINFO_UNAVAIL, LOOSE
        yield 'blank at the end', f'{u}:{good} \n', [], AUTHINFO_UNAVAIL, LOOSE
        yield 'unknown algorithm', f'{u}:{kh},{pk},es384,+presence\n', [], AUTHINFO_UNAVAIL, CODE
        yield 'algorithm in capitals', f'{u}:{kh},{pk},ES256,+presence\n', [], AUTHINFO_UNAVAIL, CODE
        yield 'key of another size', f'{u}:{kh},{base64.b64encode(raw_pk[:-1]).decode()},es256,+presence\n', [], AUTHINFO_UNAVAIL, \
            CODE
        yield 'key of another algorithm', f'{u}:{kh},{pk},rs256,+presence\n', [], AUTHINFO_UNAVAIL, CODE
        yield 'no base64', f'{u}:{kh},{pk[:-3]}!==,es256,+presence\n', [], AUTHINFO_UNAVAIL, CODE
        yield 'handle is no base64', f'{u}:!!!!,{pk},es256,+presence\n', [], AUTHINFO_UNAVAIL, CODE
        yield 'second one wrong', f'{u}:{good}:x,y,z,w\n', [], AUTHINFO_UNAVAIL, FIRST_WRONG
        yield 'NUL', f'{u}:{good}\n\0', [], AUTHINFO_UNAVAIL, LOOSE
        yield 'binary', bytes(range(256)), [], AUTHINFO_UNAVAIL, CODE
        yield 'point that is none', f'{u}:{kh},{base64.b64encode(bytes(64)).decode()},es256,+presence\n', [], AUTH_ERR, None
        yield 'key of another', f'{u}:{kh},{base64.b64encode(self.another_key()).decode()},es256,+presence\n', [], AUTH_ERR, None
        yield 'huge, others', 'bob:' + 'x' * (1024 * 1024 + 1) + '\n', [], AUTHINFO_UNAVAIL, CODE
        yield 'large, and the user last', ('bob:' + 'x' * 90 + '\n') * 5000 + f'{u}:{good}\n', [], SUCCESS, None

        yield 'key of ssh', key, ssh, SUCCESS, None
        yield 'key of ssh among lines', f'bob:x\n{key}carol:y\n', ssh, SUCCESS, MIXED
        yield 'line among keys of ssh', block(ssh_key(os.urandom(32), raw_pk)) + f'{u}:{good}\n', ssh, SUCCESS, MIXED
        yield 'key of ssh in a file for several', key, [], AUTHINFO_UNAVAIL, CODE
        yield 'key of ssh, cut', key[:-40], ssh, AUTHINFO_UNAVAIL, None
        yield 'key of ssh, nothing inside', block(b''), ssh, AUTHINFO_UNAVAIL, None
        yield 'key of ssh, more behind', block(ssh_key(raw_kh, raw_pk) + b'x'), ssh, AUTHINFO_UNAVAIL, LOOSE
        yield 'key of ssh, another application', block(ssh_key(raw_kh, raw_pk, rp=b'ssh:')), ssh, AUTH_ERR, LOOSE
        yield 'key of ssh, cut, nouserok', key[:-40], [*ssh, 'nouserok'], AUTHINFO_UNAVAIL, NOBODY

        yield 'link', lambda: self.linked(f'{u}:{good}\n'), [], AUTHINFO_UNAVAIL, LINK
        yield 'link, nouserok', lambda: self.linked(f'{u}:{good}\n'), ['nouserok'], AUTHINFO_UNAVAIL, LINK
        yield 'directory', lambda: os.mkdir(self.path), [], AUTHINFO_UNAVAIL, None
        yield 'pipe', lambda: os.mkfifo(self.path), [], AUTHINFO_UNAVAIL, 'it waits for ever'
        yield 'pipe, nouserok', lambda: os.mkfifo(self.path), ['nouserok'], AUTHINFO_UNAVAIL, 'it waits for ever'
        yield 'others may write', lambda: self.with_mode(f'{u}:{good}\n', 0o646), [], AUTHINFO_UNAVAIL, WRITABLE
        yield 'others may write, nouserok', lambda: self.with_mode(f'{u}:{good}\n', 0o646), ['nouserok'], AUTHINFO_UNAVAIL, WRITABLE
        if os.geteuid() == 0:
            yield 'of another user', lambda: self.owned(f'{u}:{good}\n', 65534), [], AUTHINFO_UNAVAIL, None
            yield 'of another user, nouserok', lambda: self.owned(f'{u}:{good}\n', 65534), ['nouserok'], AUTHINFO_UNAVAIL, NOBODY

        yield 'unknown option of the module', f'{u}:{good}\n', ['userverificatio=1'], SERVICE_ERR, SILENT
        yield 'alwaysok', 'bob:x\n', ['alwaysok'], SERVICE_ERR, EVERYBODY
        yield 'no number', f'{u}:{good}\n', ['max_devices=many'], SERVICE_ERR, SILENT
        yield 'conf that is not there', f'{u}:{good}\n', ['conf=/none/there'], SERVICE_ERR, SILENT

    def another_key(self):
        return base64.b64decode(self.credential().split(',')[1])

    def with_mode(self, text, mode):
        self.write_authfile(text, mode=mode)

    def linked(self, text):
        os.symlink(self.sandbox.write('target', text, mode=0o644), self.path)

    def owned(self, text, uid):
        self.write_authfile(text)
        os.chown(self.path, uid, -1)

    def make(self, content):
        if os.path.isdir(self.path) and not os.path.islink(self.path):
            os.rmdir(self.path)
        elif os.path.lexists(self.path):
            os.unlink(self.path)
        if callable(content):
            content()
        elif content is not None:
            self.write_authfile(content)

    def run_module(self, module, options):
        line = f'authfile={self.path} authpending_file= allow_remote' if module != self.u2f else \
            f'authfile={self.path} authpending_file= appid={pam_stack.ORIGIN}'
        # What the module says is what the stack answers; IGNORE is told apart by what comes after it.
        self.stack([f'auth [success=done ignore=1 default=die] {module} {line} origin={pam_stack.ORIGIN} {" ".join(options)}',
                    'auth required pam_deny.so', 'auth required pam_debug.so auth=cred_expired'])
        code = self.log_in(answers=[PIN] * 3, code=None).code
        return IGNORE if code == 16 else code

    def test_each(self):
        for name, content, options, code, differs in self.variants():
            with self.subTest(name):
                self.make(content)
                self.assertEqual(self.run_module(pam_stack.module(), options), code)
                self.ran += 1
                if self.u2f and differs == CODE:
                    self.assertNotIn(self.run_module(self.u2f, options), (SUCCESS, IGNORE), 'pam_u2f')
                    self.agreed += 1
                elif self.u2f and not differs:
                    self.assertEqual(self.run_module(self.u2f, options), code, 'pam_u2f')
                    self.agreed += 1
        self.assertGreaterEqual(self.ran, 60)
        if self.u2f:
            self.assertGreaterEqual(self.agreed, 30)
        print(f'{self.ran} variants, {self.agreed} of them with the same end in pam_u2f', flush=True)


if __name__ == '__main__':
    kt.main()
