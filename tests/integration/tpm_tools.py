"""A software TPM of one's own (swtpm), on sockets of a scratch directory.

    @tpm_tools.needed
    class Names(kt.KeyfobTest): ...
        tpm = tpm_tools.Tpm(self.sandbox)     # started; .tcti for keyfobd.conf
        tpm.tool('tpm2_clear')                # tpm2-tools on it
        tpm.stop(); tpm.start()               # off and on; what is persistent stays
        tpm.exchange()                        # another TPM on the same sockets

There is no resource manager: three transient objects, and what a program leaves behind stays.
"""
import glob
import os
import socket
import subprocess
import time
import unittest

import keyfob_test as kt

_MISSING = [name for name in ('swtpm', 'tpm2_getcap', 'tpm2_clear', 'tpm2_dictionarylockout')
            if not os.path.exists('/usr/bin/' + name)]
if not glob.glob('/usr/lib/*/libtss2-tcti-swtpm.so.0'):
    _MISSING.append('libtss2-tcti-swtpm')


def built():
    """Whether keyfob is built with TPM."""
    with open(os.path.join(kt.BUILD, 'compile_commands.json'), encoding='utf-8') as file:
        return '-DHAVE_TPM=1' in file.read()


def needed(test):
    test = unittest.skipIf(_MISSING, f'not installed: {", ".join(_MISSING)}')(test)
    return unittest.skipUnless(built(), 'built without TPM')(test)


class Tpm:
    def __init__(self, sandbox):
        self.sandbox = sandbox
        self.directory = os.path.join(sandbox.root, 'tpm')
        self.server = os.path.join(self.directory, 'server')
        self.tcti = f'swtpm:path={self.server}'
        self.process = None
        self.generation = 0
        os.makedirs(self.directory)
        self.start()

    def start(self):
        state = os.path.join(self.directory, f'state{self.generation}')
        os.makedirs(state, exist_ok=True)
        self.process = self.sandbox.spawn(
            ['/usr/bin/swtpm', 'socket', '--tpm2', '--tpmstate', f'dir={state}',
             '--server', f'type=unixio,path={self.server}', '--ctrl', f'type=unixio,path={self.server}.ctrl',
             '--flags', 'not-need-init,startup-clear'])
        deadline = time.monotonic() + 20
        while not kt.peer_pid(self.server):  # the last that it makes, and it is there a moment before it is listened at
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise AssertionError(f'swtpm does not start:\n{self.sandbox.read_log()}')
            time.sleep(0.01)

    def stop(self):
        """As if pulled out of the board."""
        kt.end_process(self.process)
        for path in (self.server, self.server + '.ctrl'):
            if os.path.exists(path):
                os.unlink(path)

    def restart(self):
        self.stop()
        self.start()

    def exchange(self, generation=None):
        """Another TPM; with `generation` one that was there before."""
        self.stop()
        self.generation = self.generation + 1 if generation is None else generation
        self.start()

    def tool(self, *argv, code=0):
        return self.sandbox.run(['/usr/bin/' + argv[0], *argv[1:]], env={'TPM2TOOLS_TCTI': self.tcti, 'TSS2_LOG': 'all+none'},
                                code=code).stdout.decode()

    def properties(self):
        """TPM2_PT_*: number, of the variable ones."""
        found = {}
        for line in self.tool('tpm2_getcap', 'properties-variable').splitlines():
            name, _, value = line.strip().partition(':')
            if value.strip():
                found[name] = int(value.strip(), 0)
        return found

    def fill(self):
        """Fails authorizations from outside until the TPM is locked out."""
        self.tool('tpm2_createprimary', '-Q', '-C', 'o', '-p', 'right', '-a',
                  'fixedtpm|fixedparent|sensitivedataorigin|userwithauth|restricted|decrypt', '-c',
                  os.path.join(self.directory, 'counting.ctx'))
        self.tool('tpm2_flushcontext', '-t')
        for _ in range(40):
            if self.properties()['inLockout']:
                return
            self.tool('tpm2_create', '-Q', '-C', os.path.join(self.directory, 'counting.ctx'), '-P', 'wrong', '-u',
                      os.path.join(self.directory, 'pub'), '-r', os.path.join(self.directory, 'priv'), code=None)
            self.tool('tpm2_flushcontext', '-t')
        raise AssertionError('the TPM does not lock out')

    def fill_sessions(self):
        """Starts sessions until there is room for none (tpm2_flushcontext -l ends them)."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
            client.connect(self.server)
            while True:
                # TPM2_StartAuthSession: unsalted, unbound, a nonce of 16 bytes, HMAC, no encryption, SHA-256.
                client.sendall(bytes.fromhex('80010000002b0000017640000007400000070010' + 16 * '55' + '0000' + '00' + '0010' + '000b'))
                code = client.recv(64)[6:10]
                if code != bytes(4):
                    break
        if code != bytes.fromhex('00000903'):
            raise AssertionError(f'the TPM answers {code.hex()}')

    def hold(self):
        """Keeps the TPM for oneself until the returned socket is closed: swtpm serves one connection at a time."""
        holder = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        holder.connect(self.server)
        # TPM2_GetRandom of one byte: when it is answered, ours is the connection that is served.
        holder.sendall(bytes.fromhex('80010000000c0000017b0001'))
        if not holder.recv(64):
            raise AssertionError('the TPM does not answer')
        return holder
