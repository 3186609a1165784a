"""Files and directories of the system: opening, writing and syncing them, and what their errors mean for a journal."""

from __future__ import annotations

import errno
import os
import stat
import threading

from hpo.errors import JournalFull, JournalMoved, JournalUnwritable, UnsupportedJournal

# Windows lacks the first three; there files are opened as text unless O_BINARY says otherwise.
CLOEXEC = getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NOINHERIT", 0) | getattr(os, "O_BINARY", 0)
NOFOLLOW = getattr(os, "O_NOFOLLOW", 0)
NONBLOCK = getattr(os, "O_NONBLOCK", 0)

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
    flags = os.O_APPEND | CLOEXEC | NOFOLLOW | NONBLOCK  # a pipe must not keep us waiting
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
    taken = [fd]
    try:
        while taken[-1] <= _STANDARD_STREAMS:
            taken.append(os.dup(taken[-1]))
        return taken.pop()
    finally:
        for low in taken:
            os.close(low)


if hasattr(os, "pread"):

    def pread(fd: int, length: int, offset: int) -> bytes:
        """Return up to `length` bytes of the file `fd` from `offset` on; its position does not matter."""
        return os.pread(fd, length, offset)

    def pwrite(fd: int, content: bytes | memoryview, offset: int) -> int:
        """Write `content` to the file `fd` at `offset`, and return how much was written."""
        return os.pwrite(fd, content, offset)

    def sync_data(fd: int) -> None:
        """Make the content of the file `fd` survive a power failure."""
        getattr(os, "fdatasync", os.fsync)(fd)

else:  # Windows: the position of a descriptor is shared by all threads
    _POSITION = threading.Lock()

    def pread(fd: int, length: int, offset: int) -> bytes:
        """Return up to `length` bytes of the file `fd` from `offset` on; its position does not matter."""
        with _POSITION:
            os.lseek(fd, offset, os.SEEK_SET)
            return os.read(fd, length)

    def pwrite(fd: int, content: bytes | memoryview, offset: int) -> int:
        """Write `content` to the file `fd` at `offset`, and return how much was written."""
        with _POSITION:
            os.lseek(fd, offset, os.SEEK_SET)
            return os.write(fd, content)

    def sync_data(fd: int) -> None:
        """Make the content of the file `fd` survive a power failure."""
        os.fsync(fd)


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
    if not hasattr(os, "O_DIRECTORY"):  # Windows opens no directories, and keeps names by itself
        return
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | CLOEXEC)
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
