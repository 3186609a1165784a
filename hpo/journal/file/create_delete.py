"""Journal files as wholes: they appear with their first records or not at all, and go without being missed."""

# Descriptors, flags and error numbers are those of os, and so are paths.
from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import secrets
from collections.abc import Sequence

from hpo.core import AnyEvent
from hpo.errors import JournalBusy, JournalMoved, JournalUnwritable, OutcomeUnknown, UnsupportedJournal
from hpo.journal.file.claims import NO_LOCKS, claims_directory, remove_claims
from hpo.journal.file.open_file import OpenFile, not_added, open_regular, reason, unreadable
from hpo.journal.file.record import pack
from hpo.journal.file.scan import read_header
from hpo.journal.file.torn import torn_files, write_all
from hpo.journal.worker_locks import remove_workers

_EVENTS_PER_RECORD = 1000
_NO_LINKS = (errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS)


def resolved(path: str | os.PathLike[str]) -> str:
    """`path`, absolute and without links: what it means now, it goes on to mean."""
    return os.path.realpath(os.path.expanduser(path))


def study_in(path: str) -> str | None:
    """The name of the study in the journal file `path`; None where there is no file, or an empty one.

    Raises:
        UnsupportedJournal, JournalCorrupted, UnreadableEvents: there is something else, or it can't be read.
    """
    try:
        fd, _ = open_regular(path)
    except FileNotFoundError:
        return None
    try:
        created = read_header(fd, path)
    except OSError as error:
        raise unreadable(path, error) from error
    finally:
        os.close(fd)
    return None if created is None else created.name


def create_file(path: str, events: Sequence[AnyEvent], *, durable: bool, lock_timeout: float) -> None:
    """Let the journal file `path` appear, with `events`; an empty file in its place is replaced.

    Args:
        path: Where, absolute.
        events: What it begins with, the study's creation first.
        durable: Whether it survives a power failure from now on.
        lock_timeout: How long to wait for others who use an empty file in its place, in seconds.

    Raises:
        FileExistsError: there is something in this place already.
        JournalBusy: an empty file in this place was locked for too long.
        JournalFull, JournalUnwritable: the system refused it; nothing is left behind.
        OutcomeUnknown: it is there, and may be gone after a power failure.
        UnsupportedJournal: the directory does not exist.
    """
    directory, name = os.path.split(path)
    draft = os.path.join(directory, f".{name[:40]}.{secrets.token_hex(8)}.tmp")
    try:
        fd = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
    except (FileNotFoundError, NotADirectoryError):
        raise UnsupportedJournal(path, f"there is no directory {directory}: make it first") from None
    except OSError as error:
        raise not_added(path, error) from error
    claims = None
    try:
        try:
            length = 0
            for start in range(0, len(events), _EVENTS_PER_RECORD):
                some = events[start : start + _EVENTS_PER_RECORD]
                length += len(some)
                write_all(fd, pack(some, length))
            if durable:
                os.fsync(fd)
            if not _can_lock(fd):
                claims = _place_for_claims(draft, path)
        finally:
            os.close(fd)
        _put_in_place(draft, path, lock_timeout=lock_timeout)
        claims = None
    except (FileExistsError, JournalBusy, JournalUnwritable):
        raise
    except OSError as error:
        raise not_added(path, error) from error
    finally:
        _unlink_if_there(draft)
        if claims is not None:
            remove_claims(claims)
    if durable:
        _sync_name(path)


def delete_file(path: str, *, durable: bool, lock_timeout: float) -> None:
    """Remove the journal file `path`, what was torn off it, and what its workers left.

    Raises:
        JournalBusy, JournalMoved, JournalUnwritable: it is as it was.
        OutcomeUnknown: it is gone, and may be there again after a power failure.
    """
    try:
        OpenFile(path).remove(lock_timeout=lock_timeout)
    except FileNotFoundError:
        raise JournalMoved(path) from None
    for torn in torn_files(path):
        _unlink_if_there(torn)
    remove_workers(path)
    if durable:
        _sync_name(path)


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
            raise UnsupportedJournal(path, "this is no directory") from None
    except OSError as error:
        raise UnsupportedJournal(path, f"this directory can't be made: {reason(error)}") from error
    else:
        sync_directory(above)


def sync_directory(path: str) -> None:
    """Make the names in a directory survive a power failure: syncing a file keeps its content, and not its name."""
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def _can_lock(fd: int) -> bool:
    """Whether the file system of the file `fd` has locks."""
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in NO_LOCKS:
            return False
        raise
    return True


def _place_for_claims(draft: str, path: str) -> str:
    """Let all who will ever write to the journal `draft`, when it is at `path`, do so by claims."""
    with open(draft, "rb") as file:
        directory = claims_directory(path, file.read(8))
    assert directory is not None  # it begins with a record
    with contextlib.suppress(FileExistsError):
        os.mkdir(directory)
    return directory


def _sync_name(path: str) -> None:
    try:
        sync_directory(os.path.dirname(path))
    except OSError as error:
        raise OutcomeUnknown(path, reason(error)) from error


def _put_in_place(draft: str, path: str, *, lock_timeout: float) -> None:
    try:
        os.link(draft, path)
    except FileExistsError:
        pass
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666))
    else:
        return
    try:
        OpenFile(path).fill_with(draft, lock_timeout=lock_timeout)
    except (FileNotFoundError, UnsupportedJournal):  # gone again, or something else than a file: as it was
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), path) from None


def _unlink_if_there(path: str) -> None:
    try:
        os.unlink(path)
    except FileNotFoundError:
        return
