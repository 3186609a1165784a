"""Finding the process that holds a lock on a file or database, for messages: the lock itself does not tell."""

from __future__ import annotations

import os
from pathlib import Path


def lock_holder(fd: int) -> str | None:
    """Return in words which process holds a lock of `flock` on the file `fd`, or None if that can't be found out.

    The latter is the case if the system has no ``/proc/locks``, or if the owner is in another container, has left the
    lock to a child, or has released it meanwhile.

    Example:
        >>> import fcntl, tempfile
        >>> with tempfile.TemporaryFile() as file:
        ...     lock_holder(file.fileno())
        ...     fcntl.flock(file, fcntl.LOCK_EX)
        ...     lock_holder(file.fileno()) in ("this process", None)
        True
    """
    try:
        status = os.fstat(fd)
    except OSError:
        return None
    return _holder(_place(status), "FLOCK", _ANYWHERE)


def database_holder(path: str) -> str | None:
    """Return in words which process keeps others from writing to the SQLite database `path`, or None if not known.

    SQLite uses the locks of `fcntl` on bytes of the file and of its ``-shm``. In the latter, writers lock byte 120,
    and a process that copies the log into the database, or reads it after a crash, the two bytes after it. No file is
    opened here, because closing it would release what this process has locked.

    Example:
        >>> import sqlite3, tempfile
        >>> with tempfile.TemporaryDirectory() as directory:
        ...     connection = sqlite3.connect(f"{directory}/studies.db", isolation_level=None)
        ...     _ = connection.executescript("PRAGMA journal_mode = WAL; CREATE TABLE t (x); BEGIN IMMEDIATE")
        ...     database_holder(f"{directory}/studies.db") in ("this process", None)
        ...     connection.close()
        True
    """
    for file, bytes_ in ((f"{path}-shm", _OF_WRITERS), (path, _ANYWHERE)):
        try:
            place = _place(os.stat(file))
        except OSError:
            continue
        if (holder := _holder(place, "POSIX", bytes_)) is not None:
            return holder
    return None


_ANYWHERE = range(1 << 63)
_OF_WRITERS = range(120, 123)  # section 2.2.3 of https://sqlite.org/walformat.html


def _place(status: os.stat_result) -> str:
    return f"{os.major(status.st_dev):02x}:{os.minor(status.st_dev):02x}:{status.st_ino}"


def _holder(place: str, kind: str, bytes_: range) -> str | None:
    """Return the process that has locked one of these bytes of a file for writing."""
    try:
        text = Path("/proc/locks").read_text("ascii", errors="replace")
    except OSError:
        return None
    for line in text.splitlines():
        fields = (
            line.split()
        )  # number, kind, ADVISORY, WRITE, process, file, first, last; for one that waits, "->" is second
        if fields[1:2] == [kind] and fields[3:4] == ["WRITE"] and fields[5:6] == [place] and int(fields[6]) in bytes_:
            return _process(fields[4])
    return None


def _process(number: str) -> str | None:
    if number == str(os.getpid()):
        return "this process"
    try:
        name = Path("/proc", number, "comm").read_text(errors="replace").strip()
    except OSError:
        return None
    return f"process {number} ({name})"
