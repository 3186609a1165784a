"""Which workers are alive: each holds a lock of the kernel while it works.

However a process dies, the kernel releases its locks. So no clock is read and no thread has to send heartbeats, and a
process that is stopped, or computes for days, is alive. There are two ways:

- `hold_in_file` and `is_held_in_file` lock one byte of the journal file itself, far behind its end, which the worker's
  name determines. So workers see each other under whatever path they opened the file: hard links, or a container into
  which only the file is mounted. This needs locks of single bytes that belong to an open file (`F_OFD_SETLK` of Linux),
  and that are independent of flock, the lock of writers. Network file systems make one of the other, and a worker would
  keep all writers out; so it is done on file systems of which that is known (see `has_own_byte_locks`).
- `hold` and `is_alive` lock a file of the worker's own with flock, anywhere else and for databases:
  ``<journal>.workers/<worker>`` is removed when the worker is done, and the directory with the last one.

Both locks belong to an open file. POSIX locks would be lost as soon as any part of the process opened and closed the
file. But a forked child, such as a worker of a pool, shares the open files of its parent, and would keep the lock of a
parent that was killed: so children close what they inherit.
"""

from __future__ import annotations

import contextlib
import os
import re
import struct
import threading
from collections.abc import Callable, Iterator
from functools import partial
from hashlib import blake2b
from pathlib import Path

from hpo.errors import JournalMoved, JournalUnwritable, UnsupportedJournal
from hpo.journal.disk import CLOEXEC, NOFOLLOW, NONBLOCK, ONLY_READABLE, open_regular, reason
from hpo.journal.locks import HAS_FLOCK, watch_forks
from hpo.journal.storage import check_worker_name, is_worker_name

if HAS_FLOCK:
    import fcntl


@contextlib.contextmanager
def hold(journal: str, worker: str) -> Iterator[None]:
    """Let `worker` be alive for every process on this machine, until the end of the block or of this process.

    Args:
        journal: The path of the journal that the worker works on.
        worker: A name that no worker had before: 8 to 64 hexadecimal digits in lower case.

    Raises:
        InvalidArgument: `worker` is not a valid name.
        JournalUnwritable: the system refused it, or there is or was a worker of this name.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as directory:
        ...     with hold(f"{directory}/s.jsonl", "0123cdef"):
        ...         is_alive(f"{directory}/s.jsonl", "0123cdef")
        ...     is_alive(f"{directory}/s.jsonl", "0123cdef")
        True
        False
    """
    check_worker_name(worker)
    if not HAS_FLOCK:  # then nobody can know whether it is alive
        yield
        return
    path = os.path.join(_directory(journal), worker)
    try:
        key = _LOCKS.take(lambda: _locked(path))
    except OSError as error:
        raise JournalUnwritable(path, reason(error)) from error
    try:
        yield
    finally:
        _LOCKS.let_go(key, partial(_remove, path))


def is_alive(journal: str, worker: str) -> bool | None:
    """Return whether `worker` is alive, or None if that can't be known: the name is invalid, or its file is unreadable.

    The file of a dead worker is removed.
    """
    if not is_worker_name(worker) or not HAS_FLOCK:
        return None
    path = os.path.join(_directory(journal), worker)
    try:
        fd = os.open(path, os.O_RDONLY | CLOEXEC | NOFOLLOW | NONBLOCK)
    except FileNotFoundError:
        return False
    except OSError:
        return None
    try:
        fcntl.flock(
            fd, fcntl.LOCK_SH | fcntl.LOCK_NB
        )  # shared, so that two processes that ask at once don't see each other
    except BlockingIOError:
        return True
    except OSError:
        return None
    else:
        _remove(path)  # no other worker can take this name: names are used once
        return False
    finally:
        os.close(fd)


@contextlib.contextmanager
def hold_in_file(journal: str, identity: tuple[int, int], worker: str) -> Iterator[None]:
    """Let `worker` be alive for every process on this machine that has the file `journal` open, under whatever path.

    Args:
        journal: The path of the journal file.
        identity: Device and number of the file.
        worker: A name that no worker had before: 8 to 64 hexadecimal digits in lower case.

    Raises:
        InvalidArgument: `worker` is not a valid name.
        JournalMoved: the file was removed or replaced.
        JournalUnwritable: the system refused it, or there is a worker of this name.

    Example:
        >>> import tempfile
        >>> with tempfile.NamedTemporaryFile() as file:
        ...     status = os.fstat(file.fileno())
        ...     with hold_in_file(file.name, (status.st_dev, status.st_ino), "0123cdef"):
        ...         is_held_in_file(file.fileno(), "0123cdef")
        ...     is_held_in_file(file.fileno(), "0123cdef")
        True
        False
    """
    check_worker_name(worker)
    key = _LOCKS.take(lambda: _file_with_locked_byte(journal, identity, worker))
    try:
        yield
    finally:
        _LOCKS.let_go(key)


def is_held_in_file(fd: int, worker: str) -> bool | None:
    """Return whether `worker` is alive by a lock on the journal file `fd`, or None if the system can't tell.

    Args:
        fd: A descriptor of the file that holds no worker itself: its own locks are not seen through it.
        worker: A valid name of a worker.
    """
    try:
        found = fcntl.fcntl(fd, fcntl.F_OFD_GETLK, _byte_lock(worker))
    except OSError:
        return None
    kind: int = struct.unpack(_LOCK, found)[0]
    return kind != fcntl.F_UNLCK


def has_own_byte_locks(fd: int) -> bool:
    """Return whether workers can be held by locks on bytes of the file `fd`, without keeping out its writers.

    This is so on Linux, on file systems of which it is known that they keep locks of bytes apart from those of flock.
    """
    if not HAS_FLOCK or not hasattr(fcntl, "F_OFD_SETLK"):
        return False
    try:
        mount = _MOUNT_NUMBER.search(Path(f"/proc/self/fdinfo/{fd}").read_text("ascii"))
        if mount is None:
            return False
        with open("/proc/self/mountinfo", encoding="utf-8", errors="replace") as mounts:
            for line in mounts:
                if line.split(" ", 1)[0] == mount[1]:  # its kind follows the only field that is a dash
                    return line.rpartition(" - ")[2].split(" ", 1)[0] in _LOCAL
    except OSError:
        return False
    return False


_LOCAL = frozenset(
    {"bcachefs", "btrfs", "exfat", "ext2", "ext3", "ext4", "f2fs", "jfs", "ntfs3", "overlay", "ramfs", "tmpfs", "vfat"}
    | {"xfs", "zfs"}
)
"""File systems on disks and in memory, whose locks are Linux's own: those of flock and of bytes don't see each other."""

_MOUNT_NUMBER = re.compile(r"^mnt_id:\s*([0-9]+)$", re.MULTILINE)

_LOCK = "hhqqi0q"
"""`struct flock` with offsets of 64 bits: kind, origin, first byte, number of bytes, process."""

_FIRST_BYTE = 1 << 62
"""Where the bytes of workers begin: no file is so long."""


def _byte_lock(worker: str) -> bytes:
    """Return what asks for the lock on the byte of a worker, for writing."""
    number = int.from_bytes(blake2b(worker.encode(), digest_size=8).digest(), "big") % (_FIRST_BYTE - 1)
    return struct.pack(_LOCK, fcntl.F_WRLCK, os.SEEK_SET, _FIRST_BYTE + number, 1, 0)


def _file_with_locked_byte(path: str, identity: tuple[int, int], worker: str) -> int:
    """Return a new descriptor of the file `path`, with the lock on the byte of `worker`."""
    try:
        fd, writable = open_regular(path)
    except FileNotFoundError:
        raise JournalMoved(path) from None
    except UnsupportedJournal as error:
        raise JournalUnwritable(path, error.problem) from error
    if not writable:
        os.close(fd)
        raise JournalUnwritable(path, ONLY_READABLE)
    try:
        _lock_byte(fd, path, identity, worker)
    except BaseException:
        os.close(fd)
        raise
    return fd


def _lock_byte(fd: int, path: str, identity: tuple[int, int], worker: str) -> None:
    try:
        status = os.fstat(fd)
        fcntl.fcntl(fd, fcntl.F_OFD_SETLK, _byte_lock(worker))
    except BlockingIOError:
        raise JournalUnwritable(path, f"there is a worker {worker!r} already") from None
    except OSError as error:
        raise JournalUnwritable(path, f"it can't be locked for a worker: {reason(error)}") from error
    if (status.st_dev, status.st_ino) != identity:
        raise JournalMoved(path)


def has_worker_files(journal: str) -> bool:
    """Return whether some workers of a journal may have locked files of their own."""
    return os.path.isdir(_directory(journal))


def remove_workers(journal: str) -> None:
    """Remove the files of workers, dead or alive, beside a journal that was removed."""
    directory = _directory(journal)
    with contextlib.suppress(OSError):
        for name in os.listdir(directory):
            if is_worker_name(name):
                _remove(os.path.join(directory, name))
        os.rmdir(directory)


def _directory(journal: str) -> str:
    return f"{journal}.workers"


def _remove(path: str) -> None:
    """Remove a worker's file, and the directory if it was the last one. What the system refuses to remove stays."""
    with contextlib.suppress(OSError):
        os.unlink(path)
        os.rmdir(os.path.dirname(path))


def _locked(path: str) -> int:
    """Return a descriptor of the new file `path`, which is locked."""
    fd = _created(path)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BaseException:
        _remove(path)
        os.close(fd)
        raise
    return fd


def _created(path: str) -> int:
    while True:
        with contextlib.suppress(FileExistsError):
            os.mkdir(os.path.dirname(path))
        try:
            return os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | CLOEXEC | NOFOLLOW, 0o666)
        except FileNotFoundError:  # the last other worker left, and removed the directory
            if os.path.islink(os.path.dirname(path)):  # or the link leads nowhere, and always will
                raise


class _Locks:
    """The descriptors with locks that this process holds. A forked child holds none of its parent's."""

    def __init__(self) -> None:
        self._held: dict[tuple[int, int], int] = {}
        self._n_taken = 0
        self._mutex = threading.RLock()

    def take(self, lock: Callable[[], int]) -> tuple[int, int]:
        """Call `lock`, which returns a descriptor with a lock, and return what lets it go."""
        with self._mutex:
            self._n_taken += 1
            key = os.getpid(), self._n_taken
            self._held[key] = lock()
            return key

    def let_go(self, key: tuple[int, int], remove: Callable[[], None] | None = None) -> None:
        """Call `remove` and release the lock, if this process holds it."""
        with self._mutex:
            fd = self._held.pop(key, None)
            if fd is not None:  # else this is a forked child, and the worker is its parent's
                if remove is not None and key[0] == os.getpid():
                    remove()
                os.close(fd)

    def before_fork(self) -> None:
        self._mutex.acquire()  # no lock is half taken when the child comes to be

    def after_fork(self, *, in_child: bool) -> None:
        if not in_child:
            self._mutex.release()
            return
        for fd in self._held.values():
            os.close(fd)  # not unlocked, which would unlock it for the parent
        self._held.clear()
        self._mutex = threading.RLock()


_LOCKS = _Locks()
watch_forks(_LOCKS)
