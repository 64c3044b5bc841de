#!/usr/bin/python3
"""Makes the vectors of SSH anew, with ssh-keygen, ssh-add and ssh-agent: keys as ssh-add adds them (.add), their public halves
(.pub), signatures of "what OpenSSH signed" (.sig), authorities and hosts with certificates. The fingerprints in
tests/unit/test-ssh-blob.c are then others, too: they are printed."""
import base64
import os
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time

TYPES = {'ed25519': ['ed25519'], 'p256': ['ecdsa', '-b', '256'], 'p384': ['ecdsa', '-b', '384'], 'p521': ['ecdsa', '-b', '521'],
         'rsa': ['rsa', '-b', '2048']}
ADD, SIGN = 17, 13


def string(data):
    return struct.pack('>I', len(data)) + data


def receive(connection):
    head = connection.recv(4, socket.MSG_WAITALL)
    return connection.recv(struct.unpack('>I', head)[0], socket.MSG_WAITALL) if len(head) == 4 else None


def run(*command, **more):
    return subprocess.run(command, check=True, capture_output=True, text=True, **more).stdout


def keygen(name, kind, *more):
    run('ssh-keygen', '-q', '-N', '', '-C', f'{name} vector', '-f', name, '-t', *kind, *more)


def public(name):
    with open(f'{name}.pub', encoding='ascii') as file:
        return base64.b64decode(file.read().split()[1])


def added(name):
    """The messages by which ssh-add adds a key and its certificate."""
    messages = []

    def serve():
        connection, _ = listener.accept()
        while message := receive(connection):
            if message[0] == ADD:
                messages.append(message)
            connection.sendall(string(b'\6'))

    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind('capture')
        listener.listen()
        thread = threading.Thread(target=serve)
        thread.start()
        run('ssh-add', '-q', name, env={**os.environ, 'SSH_AUTH_SOCK': 'capture'})
        thread.join()
    os.unlink('capture')
    return messages


def ask(message):
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect('agent')
        connection.sendall(string(message))
        return receive(connection)


def main():
    output = os.path.dirname(os.path.abspath(__file__))

    def write(name, data):
        with open(os.path.join(output, name), 'wb') as file:
            file.write(data)

    with tempfile.TemporaryDirectory() as directory:
        os.chdir(directory)
        with subprocess.Popen(['ssh-agent', '-D', '-a', 'agent'], stdout=subprocess.DEVNULL) as agent:
            while not os.path.exists('agent'):
                time.sleep(0.01)
            for name, kind in {'ca': ['ed25519'], 'ca-rsa': ['rsa', '-b', '2048']}.items():
                keygen(name, kind)
                keygen(f'host-{name}', ['ed25519'])
                run('ssh-keygen', '-q', '-h', '-s', name, '-I', 'host', '-n', 'host.example,*.example.org', '-V',
                    '20200101:20400101', f'host-{name}.pub')
                write(f'{name}.pub', public(name))
                write(f'host-{name}.pub', public(f'host-{name}-cert'))
                write(f'host-{name}.add', added(f'host-{name}')[0])
            for name, kind in TYPES.items():
                keygen(name, kind)
                run('ssh-keygen', '-q', '-s', 'ca', '-I', 'id', '-n', 'me', '-V', 'always:forever', f'{name}.pub')
                plain, certified = added(name)
                write(f'{name}.add', plain)
                write(f'{name}-cert.add', certified)
                write(f'{name}.pub', public(name))
                if ask(plain) != b'\6':
                    return 'ssh-agent refuses a key'
                for flags in (0, 2, 4) if name == 'rsa' else (0,):
                    reply = ask(bytes([SIGN]) + string(public(name)) + string(b'what OpenSSH signed') + struct.pack('>I', flags))
                    write(f'{name}-{flags}.sig' if name == 'rsa' else f'{name}.sig', reply[5:])
                print(run('ssh-keygen', '-l', '-f', f'{name}.pub').strip())
            agent.terminate()
        os.chdir('/')
    return None


if __name__ == '__main__':
    sys.exit(main())
