"""Which workers are alive: each holds the kernel's lock on a file of its own while it works.

    <journal>.workers/<worker>    locked by the worker; removed when it is done, and the directory with the last one

However a process dies, the kernel releases its locks. So no clock is read and no thread has to send heartbeats, and a
process that is stopped, or computes for days, is alive.

The locks are those of flock, which belong to an open file. POSIX locks would be lost as soon as any part of the
process opened and closed the file, as `is_alive` does. But a forked child, such as a worker of a pool, shares the open
files of its parent, and would keep the lock of a parent that was killed: so children close what they inherit.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import threading
from collections.abc import Iterator

from hpo.errors import JournalUnwritable
from hpo.journal.locks import watch_forks
from hpo.journal.storage import check_worker_name, is_worker_name


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
    path = os.path.join(_directory(journal), worker)
    try:
        _LOCKS.take(path)
    except OSError as error:
        raise JournalUnwritable(path, error.strerror or str(error)) from error
    try:
        yield
    finally:
        _LOCKS.let_go(path)


def is_alive(journal: str, worker: str) -> bool | None:
    """Return whether `worker` is alive, or None if that can't be known: the name is invalid, or its file is unreadable.

    The file of a dead worker is removed.
    """
    if not is_worker_name(worker):
        return None
    path = os.path.join(_directory(journal), worker)
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
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
            return os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o666)
        except FileNotFoundError:  # the last other worker left, and removed the directory
            if os.path.islink(os.path.dirname(path)):  # or the link leads nowhere, and always will
                raise


class _Locks:
    """The locks that this process holds, by path. A forked child holds none of its parent's."""

    def __init__(self) -> None:
        self._descriptors: dict[str, int] = {}
        self._mutex = threading.RLock()

    def take(self, path: str) -> None:
        with self._mutex:
            self._descriptors[path] = _locked(path)

    def let_go(self, path: str) -> None:
        with self._mutex:
            fd = self._descriptors.pop(path, None)
            if fd is not None:  # else this is a forked child, and the worker is its parent's
                _remove(path)
                os.close(fd)

    def before_fork(self) -> None:
        self._mutex.acquire()  # no lock is half taken when the child comes to be

    def after_fork(self, *, in_child: bool) -> None:
        if not in_child:
            self._mutex.release()
            return
        for fd in self._descriptors.values():
            os.close(fd)  # not unlocked, which would unlock it for the parent
        self._descriptors.clear()
        self._mutex = threading.RLock()


_LOCKS = _Locks()
watch_forks(_LOCKS)
