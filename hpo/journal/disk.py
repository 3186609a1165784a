"""Files and directories of the system: opening, writing and syncing them, and what their errors mean for a journal."""

from __future__ import annotations

import errno
import fcntl
import os
import stat

from hpo.errors import JournalFull, JournalMoved, JournalUnwritable, UnsupportedJournal

NO_LINKS = frozenset({errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS})
"""The errors of `os.link` on a file system without hard links."""

_NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_NO_PERMISSION = frozenset({errno.EACCES, errno.EPERM, errno.EROFS})
_TOO_MANY_OPEN = frozenset({errno.EMFILE, errno.ENFILE})
_STANDARD_STREAMS = 2
"""The last descriptor of the standard streams; a process may be started without some of them."""


ONLY_READABLE = (
    "it could only be opened for reading; if it may be written by now, after a remount or a change of permissions, load the "
    "study again"
)
"""Why nothing is written through a descriptor that `open_regular` could not open for writing."""


def reason(error: OSError) -> str:
    """Return what the system says about `error`."""
    return error.strerror or str(error)


def not_added(path: str, error: OSError) -> JournalFull | JournalUnwritable:
    """Return the error for a write to `path` that added nothing; it says whether there was no room."""
    return (JournalFull if error.errno in _NO_ROOM else JournalUnwritable)(path, reason(error))


def unreadable(path: str, error: OSError) -> UnsupportedJournal:
    """Return the error for a read of `path` that failed."""
    return UnsupportedJournal(path, f"it can't be read: {reason(error)}")


def resolved(path: str | os.PathLike[str]) -> str:
    """Return `path`, absolute and without links, so that it leads to the same place wherever the process goes."""
    return os.path.realpath(os.path.expanduser(path))


def open_regular(path: str) -> tuple[int, bool]:
    """Return a descriptor of the regular file `path`, and whether it can be written. Links are not followed.

    Raises:
        FileNotFoundError: there is no such file.
        UnsupportedJournal: it is not a regular file, or can't be opened.
    """
    flags = os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK  # a pipe must not keep us waiting
    try:
        try:
            fd, writable = os.open(path, flags | os.O_RDWR), True
        except OSError as error:
            if error.errno not in _NO_PERMISSION:
                raise
            fd, writable = os.open(path, flags | os.O_RDONLY), False
        if fd <= _STANDARD_STREAMS:
            fd = _moved_away(fd)
    except FileNotFoundError:
        raise
    except OSError as error:
        if error.errno in _TOO_MANY_OPEN:
            problem = f"it can't be opened now: {reason(error)}; close some, or raise the limit (ulimit -n)"
            raise UnsupportedJournal(path, problem) from error
        problem = "it is a symbolic link" if error.errno == errno.ELOOP else reason(error)
        raise UnsupportedJournal(path, f"it can't be opened as a journal: {problem}") from error
    try:
        regular = stat.S_ISREG(os.fstat(fd).st_mode)
    except OSError as error:
        os.close(fd)
        raise unreadable(path, error) from error
    if not regular:
        os.close(fd)
        raise UnsupportedJournal(path, "it can't be opened as a journal: it is not a regular file")
    return fd, writable


def _moved_away(fd: int) -> int:
    """Return a descriptor beyond the standard streams, instead of `fd`: libraries write to those, open or not."""
    try:
        return fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, _STANDARD_STREAMS + 1)
    finally:
        os.close(fd)


def size_of_same(path: str, identity: tuple[int, int]) -> int:
    """Return the size of the file `path`, if it is still the one that was opened.

    Args:
        path: The file.
        identity: Its device and number.

    Raises:
        JournalMoved: it was removed or replaced.
        JournalUnwritable: the system failed to say.
    """
    try:
        status = os.stat(path, follow_symlinks=False)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise JournalMoved(path) from error
    except OSError as error:
        raise not_added(path, error) from error
    if (status.st_dev, status.st_ino) != identity:
        raise JournalMoved(path)
    return status.st_size


def write_all(fd: int, content: bytes) -> None:
    """Write all of `content`, at the descriptor's position.

    Raises:
        OSError: the system refused it, after none or a part of it.
    """
    rest = memoryview(content)
    while rest:
        rest = rest[os.write(fd, rest) :]


def unlink_if_there(path: str) -> None:
    """Remove the file `path`, if there is one."""
    try:
        os.unlink(path)
    except FileNotFoundError:
        return


def sync_directory(path: str) -> None:
    """Make the names in a directory survive a power failure: syncing a file keeps its content, and not its name."""
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def make_directories(path: str) -> None:
    """Make the directory `path` and those above it, so that they survive a power failure.

    Raises:
        UnsupportedJournal: there is something else, or the system refused it.
    """
    if os.path.isdir(path):
        return
    above = os.path.dirname(path)
    if above != path:
        make_directories(above)
    try:
        os.mkdir(path)
    except FileExistsError:
        if not os.path.isdir(path):
            raise UnsupportedJournal(path, "it is not a directory") from None
    except OSError as error:
        raise UnsupportedJournal(path, f"this directory can't be made: {reason(error)}") from error
    else:
        sync_directory(above)
