"""Tools that break things: a shim between a program and its file, file systems to fill and to cut the power of."""

import contextlib
import fcntl
import os
import shutil
import struct
import subprocess
import sys
import tempfile
import textwrap
from pathlib import Path

import pytest

from hpo.core import StudyCreated
from hpo.journal import FileStorage

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))  # for `mutants` and `events_of_all_kinds`

_SHUTDOWN = 0x8004587D  # EXT4_IOC_SHUTDOWN, and XFS_IOC_GOINGDOWN
_WITHOUT_FLUSHING = 2
_PLACE = "hpo-mount-"


@pytest.fixture(scope="session")
def run_script():
    """A function that runs a piece of Python in a process of its own and gives what became of it."""

    def run(text, *arguments, env=None, before=(), timeout=300):
        command = [*before, sys.executable, "-c", textwrap.dedent(text), *map(str, arguments)]
        environment = os.environ | (env or {})
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=timeout)

    return run


@pytest.fixture(scope="session")
def shim(tmp_path_factory):
    """A function that gives the environment in which `shim.c` meddles with files that end in ``.jsonl``."""
    if shutil.which("gcc") is None:
        pytest.skip("the shim needs gcc")
    library = tmp_path_factory.mktemp("shim") / "shim.so"
    subprocess.run(["gcc", "-shared", "-fPIC", "-O1", "-o", library, HERE / "shim.c", "-ldl"], check=True)

    def environment(**settings):
        return {"LD_PRELOAD": str(library), "SHIM_SUFFIX": ".jsonl"} | {k: str(v) for k, v in settings.items()}

    return environment


@pytest.fixture
def new_study(tmp_path):
    """The path of a journal that holds a study's creation and nothing else."""
    path = tmp_path / "s.jsonl"
    FileStorage(path).create("s", [StudyCreated(1, "s", ("minimize",), 7)])
    return path


class Mount:
    """A file system of its own under `path`, which can lose its power."""

    def __init__(self, path, kind, image=None):
        self.path = path
        self.kind = kind
        self.image = image

    def mount(self, *options):
        source = ["-t", "tmpfs", "tmpfs"] if self.image is None else [self.image]
        chosen = [*(["loop"] if self.image else []), *options]
        done = subprocess.run(
            ["mount", *(["-o", ",".join(chosen)] if chosen else []), *source, self.path],
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            pytest.skip(f"no file system can be mounted here: {done.stderr.strip()}")

    def unmount(self):
        subprocess.run(["umount", self.path], check=True)

    def give_up(self):
        """Unmount, now or when whoever still has a file open is gone: a failed test holds its variables."""
        if self.path.is_mount():
            subprocess.run(["umount", "--lazy", self.path], check=True)
        self.path.rmdir()

    def cut_power(self):
        """Forget everything that was not synced. Acknowledgements count only if they were read before this."""
        fd = os.open(self.path, os.O_RDONLY)
        try:
            fcntl.ioctl(fd, _SHUTDOWN, struct.pack("I", _WITHOUT_FLUSHING))
        except OSError as error:
            pytest.skip(f"the power of this file system can't be cut: {error}")
        finally:
            os.close(fd)

    def restart(self, *options):
        """The power comes back."""
        self.unmount()
        self.mount(*options)


def _mountable(kind, image=None):
    """A place to mount, not among the directories that pytest removes: were it killed, it could not remove that one."""
    if os.geteuid() != 0:
        pytest.skip("mounting needs root")
    for left in Path(tempfile.gettempdir()).glob(f"{_PLACE}*"):
        if not Path("/proc", left.name.split("-")[2]).exists():  # its process was killed
            subprocess.run(["umount", "--lazy", left], check=False, capture_output=True)
            with contextlib.suppress(OSError):
                left.rmdir()
    return Mount(Path(tempfile.mkdtemp(prefix=f"{_PLACE}{os.getpid()}-")), kind, image)


@pytest.fixture
def small_disk():
    """A directory on a file system of 64 KiB."""
    disk = _mountable("tmpfs")
    disk.mount("size=64k")
    yield disk.path
    disk.give_up()


@pytest.fixture(params=["ext4", "xfs"])
def disk(request, tmp_path):
    """A file system on a disk image, mounted."""
    make, size = {"ext4": ("mkfs.ext4", "64M"), "xfs": ("mkfs.xfs", "320M")}[request.param]
    if shutil.which(make) is None:
        pytest.skip(f"this needs {make}")
    image = tmp_path / "disk.img"
    disk = _mountable(request.param, image)
    subprocess.run(["truncate", "-s", size, image], check=True)
    subprocess.run([make, "-q", *(["-F"] if make == "mkfs.ext4" else ["-f"]), image], check=True)
    disk.mount()
    yield disk
    disk.give_up()
