"""The guest's kernel: Debian's own package, unpacked into a cache, and the small file system that it starts from.

    kernel = Kernel.find(cache)             # fetched when there is none yet; Unavailable says why it can't be had
    kernel.version, kernel.image, kernel.modules
    kernel.write_initial(path)              # busybox, and the modules that lead to the guest's root
"""
import fcntl
import glob
import lzma
import os
import re
import shutil
import subprocess
import tempfile

PACKAGE = 'linux-image-amd64'
ON_THE_WAY = ('virtio_pci', '9pnet_virtio', '9p', 'overlay', 'virtio_console')
XZ = b'\xfd7zXZ\0'
DOWNLOAD_SECONDS = 600
INIT = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'init.sh')


class Unavailable(Exception):
    """The one line says what is missing."""


def default_cache():
    place = os.environ.get('XDG_CACHE_HOME') or os.path.join(os.path.expanduser('~'), '.cache')
    return os.path.join(place, 'keyfob-vm')


def program(name, package):
    found = shutil.which(name, path=os.environ.get('PATH', '') + ':/usr/sbin:/sbin')
    if not found:
        raise Unavailable(f'no {name} (package {package})')
    return found


def _run(argv, cwd=None, timeout=DOWNLOAD_SECONDS):
    try:
        done = subprocess.run(argv, cwd=cwd, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              env={**os.environ, 'LC_ALL': 'C'}, timeout=timeout, check=False)
    except subprocess.TimeoutExpired:
        raise Unavailable(f'{argv[0]} did not end within {timeout} s') from None
    if done.returncode != 0:
        raise Unavailable(f'{argv[0]}: {done.stderr.decode(errors="replace").strip() or done.returncode}')
    return done.stdout.decode()


def unpacked(image):
    """The kernel inside a bzImage: emulation would take seconds to unpack it. The image itself, if it is packed otherwise."""
    at = image.find(XZ)
    while at >= 0:
        try:
            inner = lzma.LZMADecompressor(lzma.FORMAT_XZ).decompress(image[at:])
            if inner.startswith(b'\x7fELF'):
                return inner
        except lzma.LZMAError:
            pass
        at = image.find(XZ, at + 1)
    return image


class Archive:
    """A cpio archive in the form that the kernel reads."""

    def __init__(self):
        self.content = bytearray()
        self.inode = 0

    def add(self, name, mode, data=b''):
        self.inode += 1
        numbers = (self.inode, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(name) + 1, 0)
        self.content += b'070701' + b''.join(b'%08X' % number for number in numbers) + name.encode() + b'\0'
        self._align()
        self.content += data
        self._align()

    def _align(self):
        self.content += bytes(-len(self.content) % 4)

    def finish(self):
        self.add('TRAILER!!!', 0)
        return bytes(self.content)


class Kernel:
    def __init__(self, place):
        self.place = place
        self.version = os.path.basename(place)
        self.image = os.path.join(place, 'kernel')
        self.modules = os.path.join(place, 'lib/modules', self.version)

    @classmethod
    def find(cls, cache):
        """The newest one of the cache. To have a newer one fetched, remove the directory."""
        os.makedirs(cache, exist_ok=True)
        with open(os.path.join(cache, 'lock'), 'w', encoding='utf-8') as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            kept = sorted(glob.glob(os.path.join(cache, '*', 'kernel')), key=os.path.getmtime)
            return cls(os.path.dirname(kept[-1])) if kept else cls._fetch(cache)

    @classmethod
    def _fetch(cls, cache):
        """Into a directory of its own first, which is renamed when it is whole."""
        apt, depmod = program('apt-get', 'apt'), program('depmod', 'kmod')
        unpack = program('dpkg-deb', 'dpkg')
        names = re.findall(r'Depends: (linux-image-\S+)', _run(['apt-cache', 'depends', PACKAGE]))
        if not names:
            raise Unavailable(f'no package {PACKAGE} (apt-get update)')
        version = names[0].removeprefix('linux-image-')
        with tempfile.TemporaryDirectory(dir=cache) as work:
            user = _run(['id', '-un']).strip()
            _run([apt, '-qq', '-o', f'APT::Sandbox::User={user}', 'download', names[0]], cwd=work)
            tree = os.path.join(work, 'tree')
            _run([unpack, '-x', glob.glob(os.path.join(work, '*.deb'))[0], tree])
            if not os.path.exists(os.path.join(tree, 'lib')):
                os.symlink('usr/lib', os.path.join(tree, 'lib'))
            _run([depmod, '-b', tree, version])
            with open(os.path.join(tree, 'boot', f'vmlinuz-{version}'), 'rb') as file:
                image = unpacked(file.read())
            with open(os.path.join(tree, 'kernel'), 'wb') as file:
                file.write(image)
            os.rename(tree, os.path.join(cache, version))
        return cls(os.path.join(cache, version))

    def _needed(self):
        """Files of modules, each after those that it needs."""
        modprobe, files = program('modprobe', 'kmod'), []
        for module in ON_THE_WAY:
            for line in _run([modprobe, '-d', self.place, '-S', self.version, '--show-depends', module]).split('\n'):
                if line.startswith('insmod ') and line.split()[1] not in files:
                    files.append(line.split()[1])
        return files

    def write_initial(self, path):
        archive = Archive()
        for directory in ('bin', 'modules', 'proc', 'sys', 'dev', 'lower', 'upper', 'root'):
            archive.add(directory, 0o040755)
        with open(program('busybox', 'busybox-static'), 'rb') as file:
            archive.add('bin/busybox', 0o100755, file.read())
        with open(INIT, 'rb') as file:
            archive.add('init', 0o100755, file.read())
        for number, name in enumerate(self._needed()):
            with (lzma.open if name.endswith('.xz') else open)(name, 'rb') as file:
                archive.add(f'modules/{number:02}.ko', 0o100644, file.read())
        with open(path, 'wb') as file:
            file.write(archive.finish())
