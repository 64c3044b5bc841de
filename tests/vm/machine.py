"""The guest: one command on a kernel of its own, in QEMU, over this machine's root.

    status = run(['uname', '-r'], sink=sys.stdout.buffer)

The guest sees the host's files read-only; what it writes is in its memory, and gone at the end. There is no network.
"""
import os
import select
import shlex
import subprocess
import tempfile
import time

import kernel as kernels

HERE = os.path.dirname(os.path.abspath(__file__))
QEMU = 'qemu-system-x86_64'
SECONDS = 600
CONSOLE_LINES = 20
# Under emulation the guest's cycle counter is not to be trusted; the emulated timer is.
EMULATED_CLOCK = 'tsc=unstable clocksource=hpet'
BOOT = ('console=ttyS0 loglevel=4 panic=-1 mitigations=off nokaslr no_timer_check nowatchdog cryptomgr.notests '
        'random.trust_cpu=on')


class NoStatus(Exception):
    """The guest ended, or was ended, before the command did."""


def _accelerated():
    """True where the processor's own virtualisation can be used. A /dev/kvm alone is not enough for a stock kernel."""
    if not os.access('/dev/kvm', os.R_OK | os.W_OK):
        return False
    with open('/proc/cpuinfo', encoding='utf-8') as file:
        return any(line.startswith('flags') and {'vmx', 'svm'} & set(line.split()) for line in file)


def _arguments(kernel, scratch, output, memory, processors):
    accelerated = _accelerated()
    clock = '' if accelerated else EMULATED_CLOCK
    return [
        kernels.program(QEMU, 'qemu-system-x86'),
        '-nodefaults', '-no-user-config', '-display', 'none', '-no-reboot', '-M', 'q35', '-nic', 'none',
        '-accel', 'kvm' if accelerated else 'tcg', '-cpu', 'max', '-m', memory, '-smp', str(processors),
        '-kernel', kernel.image, '-initrd', os.path.join(scratch, 'initial'),
        '-append', f'{BOOT} {clock} keyfob-vm={scratch}',
        '-serial', f'file:{scratch}/console',
        '-device', 'virtio-rng-pci',
        '-device', 'virtio-serial-pci',
        '-chardev', f'file,id=output,path=/proc/self/fd/{output}', '-device', 'virtserialport,chardev=output,nr=1',
        '-chardev', f'file,id=status,path={scratch}/status', '-device', 'virtserialport,chardev=status,nr=2',
        '-fsdev', 'local,id=host,path=/,security_model=none,readonly=on,multidevs=remap',
        '-device', 'virtio-9p-pci,fsdev=host,mount_tag=host',
    ]


def _start_script(kernel, argv, directory):
    with open(os.path.join(HERE, 'start.sh'), encoding='utf-8') as file:
        text = file.read()
    values = {'version': kernel.version, 'modules': kernel.modules, 'directory': directory, 'command': shlex.join(argv)}
    return ''.join(f'{name}={shlex.quote(value)}\n' for name, value in values.items()) + text


def _stream(reader, sink, deadline):
    """Passes on what the guest writes, until it ends. False: it was too late for that."""
    while True:
        ready, _, _ = select.select([reader], [], [], max(0, deadline - time.monotonic()))
        if not ready:
            return False
        chunk = os.read(reader, 65536)
        if not chunk:
            return True
        sink.write(chunk)
        sink.flush()


def run(argv, sink, directory='/', seconds=SECONDS, memory='3G', processors=2, cache=None, console=None):
    """Returns the exit status of the command. kernels.Unavailable, NoStatus"""
    kernel = kernels.Kernel.find(os.path.realpath(cache or kernels.default_cache()))
    with tempfile.TemporaryDirectory(prefix='keyfob-vm-') as scratch:
        kernel.write_initial(os.path.join(scratch, 'initial'))
        with open(os.path.join(scratch, 'start'), 'w', encoding='utf-8') as file:
            file.write(_start_script(kernel, argv, directory))
        reader, writer = os.pipe()
        with os.fdopen(reader, 'rb', buffering=0):
            try:
                qemu = subprocess.Popen(_arguments(kernel, scratch, writer, memory, processors), stdin=subprocess.DEVNULL,
                                        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, pass_fds=[writer])
            finally:
                os.close(writer)
            try:
                in_time = _stream(reader, sink, time.monotonic() + seconds)
            finally:
                if qemu.poll() is None:
                    qemu.terminate()
                error = qemu.communicate()[1].decode(errors='replace').strip()
        try:
            with open(os.path.join(scratch, 'console'), encoding='utf-8', errors='replace') as file:
                text = file.read()
        except FileNotFoundError:
            text = ''
        if console:
            with open(console, 'w', encoding='utf-8') as file:
                file.write(text)
        try:
            with open(os.path.join(scratch, 'status'), encoding='utf-8') as file:
                return int(file.read())
        except (OSError, ValueError):
            tail = '\n'.join(text.strip().split('\n')[-CONSOLE_LINES:])
            why = 'ended too early' if in_time else f'was not done within {seconds} s'
            raise NoStatus(f'the guest {why}\n{error}\n{tail}'.rstrip()) from None
