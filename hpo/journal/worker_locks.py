"""Which workers are alive: each holds the kernel's lock on a file of its own while it is at work.

    <journal>.workers/<worker>    locked by the worker; it goes when the worker is done, and the directory with the last

However a process dies, the kernel lets its locks go: no clock is read, no thread has to beat, and a process that is
stopped, or thinks for days, is alive.

The locks are flock's, which belong to an open file. Those of POSIX would be lost as soon as anybody in the process
opened and closed the file, as a look at it does. But a forked child, such as a pool's worker, shares the open files of
its parent and would hold on to the lock of a parent that was killed: so children close what they inherit.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import threading
from collections.abc import Iterator

from hpo.errors import JournalUnwritable
from hpo.journal.forks import watch_forks
from hpo.journal.storage import check_worker_name, is_worker_name


@contextlib.contextmanager
def hold(journal: str, worker: str) -> Iterator[None]:
    """Let `worker` be alive, for every process of this machine, until the end of the block or of this process.

    Args:
        journal: The path of the journal that it works on.
        worker: 8 to 64 hexadecimal digits in lower case that no worker had before.

    Raises:
        InvalidArgument: `worker` is something else.
        JournalUnwritable: the system refused it, or there is or was such a worker.

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
    """Whether `worker` is alive; None where that can't be known: it has no name that `held` takes, or a file that nobody may read.

    What a dead one left is removed.
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
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)  # shared: two who ask at once don't see each other
    except BlockingIOError:
        return True
    except OSError:
        return None
    else:
        _remove(path)  # nobody can take its place: names are used once
        return False
    finally:
        os.close(fd)


def remove_workers(journal: str) -> None:
    """Remove what workers, dead or alive, have beside a journal that is no more."""
    directory = _directory(journal)
    with contextlib.suppress(OSError):
        for name in os.listdir(directory):
            if is_worker_name(name):
                _remove(os.path.join(directory, name))
        os.rmdir(directory)


def _directory(journal: str) -> str:
    return f"{journal}.workers"


def _remove(path: str) -> None:
    """Remove a worker's file, and the directory if it was the last; what the system refuses stays."""
    with contextlib.suppress(OSError):
        os.unlink(path)
        os.rmdir(os.path.dirname(path))


def _locked(path: str) -> int:
    """A descriptor of the new file `path`, locked."""
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
        except FileNotFoundError:  # the last other worker went, and took the directory along
            if os.path.islink(os.path.dirname(path)):  # or this leads nowhere, and always will
                raise


class _Locks:
    """The locks that this process holds, by path; a forked child holds none of its parent's."""

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
