"""What a journal is, what a storage of journals is, and where URLs lead."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Protocol, runtime_checkable

from hpo.core import AnyEvent, StudyCreated
from hpo.errors import InvalidArgument

_WORKER = re.compile(r"[0-9a-f]{8,64}")


class Journal(Protocol):
    """The append-only, totally ordered list of one study's events, shared by any number of writers.

    Safe to use from several threads. Readers never wait for writers.
    """

    def read(self, after: int) -> Sequence[AnyEvent]:
        """The events from number `after` on, counted from 0; cheap when there is nothing new.

        Raises:
            JournalCorrupted: a record that is not the last one is damaged.
            JournalMoved: the study was deleted, or its place replaced; or what there was is given, or nothing new.
            UnreadableEvents: a newer version wrote something that this one does not know.
            UnsupportedJournal: the system or server can't give what is there.
        """
        ...

    def append(self, events: Sequence[AnyEvent], *, expected: int) -> int:
        """Add `events`, all or none, and return the new length.

        What is among `hpo.core.records.events.ACKNOWLEDGED` is as durable as the backend promises when this returns.

        Raises:
            Conflict: the journal does not have `expected` events. Nothing was added: read, decide, append again.
            JournalMoved: the study was deleted, or its place replaced; also where there is a new one of its name.
            JournalBusy, JournalFull, JournalUnwritable: nothing was added.
            WorkerLost: they start a trial for a worker that `TracksWorkers.hold` lets be alive, and that was given up all
                the same. Nothing was added.
            OutcomeUnknown: the events may or may not be durable; the journal has to be opened again.
        """
        ...


@runtime_checkable
class TracksWorkers(Protocol):
    """What a journal may offer beyond `Journal`: to say which workers are alive, so that others can end their trials.

    A worker is named by 8 to 64 hexadecimal digits in lower case (see `is_worker_name`), and no name is used twice.
    """

    def hold(self, worker: str) -> AbstractContextManager[None]:
        """Let `worker` be alive until the end of the block, or of the process that is in it.

        A forked child is another process: it neither is in the block nor ends it. Where a clock tells, a worker that is
        silent for too long is given up: `Journal.append` then starts no trial for it (`WorkerLost`).

        Raises:
            InvalidArgument: this is no name for a worker.
            JournalUnwritable: the system refused it: nobody will be able to tell whether the worker is alive. Or there
                is a worker of this name.
        """
        ...

    def is_alive(self, worker: str) -> bool | None:
        """Whether `worker` is in its block, whoever holds it there; None where that can't be known.

        There are no other answers, not even 0 and 1. False for a worker that was in its block is for ever. Of what is no
        name for a worker nothing is known.
        """
        ...


@runtime_checkable
class DeferredSync(Protocol):
    """What a journal may offer beyond `Journal`: one sync for all threads whose events were written before it began."""

    def write(self, events: Sequence[AnyEvent], *, expected: int) -> Callable[[], None]:
        """Add `events` as `Journal.append` does, for all to see, and return what makes them as durable as it promises.

        Returns:
            A function to be called before anything is acknowledged; in any thread, and no lock has to be held. It may
            raise `OutcomeUnknown`.

        Raises:
            As `Journal.append`, but for `OutcomeUnknown` of a sync.
        """
        ...


@runtime_checkable
class Storage(Protocol):
    """A place for the journals of studies, by name."""

    @property
    def location(self) -> str:
        """Where it is, for messages: a path or URL without secrets."""
        ...

    def create(self, name: str, events: Sequence[AnyEvent]) -> Journal:
        """A new journal that begins with `events`, whole or not at all.

        Raises:
            DuplicatedStudyError: there is a study of this name.
            InvalidArgument: `events` do not begin with the creation of this study.
            JournalFull, JournalUnwritable, UnsupportedJournal: the location can't hold it; nothing is left behind.
            OutcomeUnknown: the journal is there, and may or may not be durable.
        """
        ...

    def open(self, name: str | None) -> Journal:
        """The journal of the study `name`; of the only study for None.

        Raises:
            StudyNotFound: there is no such study, or for None several.
            JournalCorrupted, UnreadableEvents, UnsupportedJournal: what is there can't be read.
        """
        ...

    def names(self) -> list[str]:
        """The names of all studies, sorted."""
        ...

    def delete(self, name: str) -> None:
        """Remove the study `name` with all its events.

        Raises:
            StudyNotFound: there is no such study.
            JournalBusy, JournalMoved, JournalUnwritable: the study is as it was.
            OutcomeUnknown: it is gone, and may or may not be durably so.
        """
        ...


def check_first_event(name: str, events: Sequence[AnyEvent]) -> None:
    """Make sure that `events` begin a journal of the study `name`.

    Raises:
        InvalidArgument: they don't.
    """
    first = events[0] if events else None
    if not isinstance(first, StudyCreated) or first.name != name:
        raise InvalidArgument(f"a journal of study {name!r} begins with its creation, not with {first!r}")


def is_worker_name(name: object) -> bool:
    """Whether `name` may name a worker: 8 to 64 hexadecimal digits in lower case.

    Example:
        >>> is_worker_name("0123abcd"), is_worker_name("unwatched-0123abcd")
        (True, False)
    """
    return isinstance(name, str) and _WORKER.fullmatch(name) is not None


def check_worker_name(worker: object) -> None:
    """Make sure that `worker` may name a worker.

    Raises:
        InvalidArgument: it is something else.

    Example:
        >>> check_worker_name("Ann")
        Traceback (most recent call last):
        hpo.errors.InvalidArgument: a worker's name is 8 to 64 hexadecimal digits in lower case, got 'Ann'
    """
    if not is_worker_name(worker):
        raise InvalidArgument(f"a worker's name is 8 to 64 hexadecimal digits in lower case, got {worker!r}")
