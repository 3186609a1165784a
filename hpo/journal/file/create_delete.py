"""Creating and deleting journal files: a file appears with its first records or not at all."""

from __future__ import annotations

import errno
import os
import secrets
from collections.abc import Sequence

from hpo.core import AnyEvent
from hpo.errors import JournalBusy, JournalMoved, JournalUnwritable, OutcomeUnknown, UnsupportedJournal
from hpo.journal.disk import (
    CLOEXEC,
    NO_LINKS,
    not_added,
    open_regular,
    reason,
    sync_directory,
    unlink_if_there,
    unreadable,
    write_all,
)
from hpo.journal.file.appending import LockedFile, decide_appender
from hpo.journal.file.journal import OpenFile
from hpo.journal.file.lines import START, place, read_header, torn_files
from hpo.journal.file.loading import snapshot_of
from hpo.journal.locks import Waiting
from hpo.journal.records import batches, draft_of
from hpo.journal.worker_locks import remove_workers


def study_in(path: str) -> str | None:
    """Return the name of the study in the journal file `path`, or None if there is no file or an empty one.

    Raises:
        UnsupportedJournal, JournalCorrupted, UnreadableEvents: it is not a journal, or can't be read.
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
    """Create the journal file `path` with `events`; an empty file in its place is replaced.

    Args:
        path: The absolute path of the new file.
        events: The first events, beginning with the creation of the study.
        durable: Whether it must survive a power failure from now on.
        lock_timeout: How long to wait for others that use an empty file in its place, in seconds.

    Raises:
        FileExistsError: something is in this place already.
        JournalBusy: an empty file in this place was locked for too long.
        JournalFull, JournalUnwritable: the system refused it; nothing is left behind.
        OutcomeUnknown: it is there, and may be gone after a power failure.
        UnsupportedJournal: the directory does not exist.
    """
    directory, name = os.path.split(path)
    draft = os.path.join(directory, f".{name[:40]}.{secrets.token_hex(8)}.tmp")
    try:
        fd = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | CLOEXEC, 0o666)
    except (FileNotFoundError, NotADirectoryError):
        raise UnsupportedJournal(path, f"there is no directory {directory}: make it first") from None
    except OSError as error:
        raise not_added(path, error) from error
    undo = None
    try:
        try:
            end = START
            for length, some in batches(events):
                line, end = place(draft_of(some, length), end)
                write_all(fd, line)
            if durable:
                os.fsync(fd)
            undo = decide_appender(draft, fd, path)
        finally:
            os.close(fd)
        _put_in_place(draft, path, lock_timeout=lock_timeout)
        undo = None
    except (FileExistsError, JournalBusy, JournalUnwritable):
        raise
    except OSError as error:
        raise not_added(path, error) from error
    finally:
        unlink_if_there(draft)
        if undo is not None:
            undo()
    if durable:
        _sync_name(path)


def delete_file(path: str, *, durable: bool, lock_timeout: float) -> None:
    """Remove the journal file `path`, its snapshot, what was torn off it, and what its workers left.

    Raises:
        JournalBusy, JournalMoved, JournalUnwritable: it is as it was.
        OutcomeUnknown: it is gone, and may be there again after a power failure.
    """
    try:
        OpenFile(path).remove(lock_timeout=lock_timeout)
    except FileNotFoundError:
        raise JournalMoved(path) from None
    for torn in torn_files(path):
        unlink_if_there(torn)
    unlink_if_there(snapshot_of(path))
    remove_workers(path)
    if durable:
        _sync_name(path)


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
        if error.errno not in NO_LINKS:
            raise
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | CLOEXEC, 0o666))
    else:
        return
    try:
        _replace_empty(path, draft, lock_timeout=lock_timeout)
    except (FileNotFoundError, UnsupportedJournal):  # it is gone again, or not a file: nothing was changed
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), path) from None


def _replace_empty(path: str, draft: str, *, lock_timeout: float) -> None:
    """Put `draft` in the place of the file `path`, which is empty; raises as `LockedFile.fill_with` does."""
    fd, _ = open_regular(path)
    try:
        status = os.fstat(fd)
        LockedFile(path, fd, (status.st_dev, status.st_ino)).fill_with(draft, Waiting(path, lock_timeout))
    finally:
        os.close(fd)
