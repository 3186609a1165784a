"""The two ways of appending to a journal file: under the kernel's lock, or by claims if there are no locks.

The choice is made when the journal is created, and binds all later writers.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Protocol

from hpo.journal.file.claims import ClaimedFile, claims_in_use, make_claims_directory, remove_claims
from hpo.journal.file.locked import LockedFile, can_lock
from hpo.journal.file.scan import Mark
from hpo.journal.records import Draft
from hpo.journal.waiting import Waiting


class Appender(Protocol):
    """Gives each place in a journal file to one record. One thread at a time."""

    failure: str | None
    """Why this object appends no more: it is not known what became of the last append. None if it is."""

    @property
    def syncs(self) -> bool:
        """Whether a record that was appended survives a power failure at once."""
        ...

    def append(self, draft: Draft, *, head: Mark, expected: int, waiting: Waiting) -> Mark:
        """Append the record `draft` after `expected` events; one without a payload only checks their number.

        Args:
            draft: The record.
            head: The end of any record of the journal.
            expected: How many events the journal has.
            waiting: The pauses while others append.

        Returns:
            The new end of the journal.

        Raises:
            Conflict, JournalBusy, JournalFull, JournalMoved, JournalUnwritable: nothing was added.
            JournalCorrupted, UnreadableEvents, UnsupportedJournal: the journal can't be read; nothing was added.
            OutcomeUnknown: the record may or may not be there.
        """
        ...

    def remove(self, waiting: Waiting) -> None:
        """Remove the journal while no writer appends to it, together with the files that writers need.

        Raises:
            JournalBusy, JournalMoved, JournalUnwritable: it is as it was.
        """
        ...


def appender_of(path: str, fd: int, identity: tuple[int, int]) -> Appender:
    """Return how records are appended to the journal `path`.

    Args:
        path: The journal.
        fd: A descriptor of it.
        identity: Device and number of the file.

    Raises:
        UnsupportedJournal: the system failed to say.
    """
    directory = claims_in_use(path, fd)
    return LockedFile(path, fd, identity) if directory is None else ClaimedFile(path, directory, identity)


def decide_appender(draft: str, fd: int, path: str) -> Callable[[], None]:
    """Decide how records will be appended to a new journal.

    Args:
        draft: Where it is until it is whole.
        fd: A descriptor of it.
        path: Where it will be.

    Returns:
        A function that takes the decision back, if the journal does not get there.

    Raises:
        OSError: the system refused it.
    """
    if can_lock(fd):
        return _nothing
    return partial(remove_claims, make_claims_directory(draft, path))


def _nothing() -> None:
    """Take back what needed no preparation."""
