"""What a journal is, what a storage of journals is, and where URLs lead."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Protocol, runtime_checkable

from hpo.core.events import AnyEvent, StudyCreated
from hpo.errors import InvalidArgument


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

        What is among `hpo.core.events.ACKNOWLEDGED` is as durable as the backend promises when this returns.

        Raises:
            Conflict: the journal does not have `expected` events. Nothing was added: read, decide, append again.
            JournalMoved: the study was deleted, or its place replaced; also where there is a new one of its name.
            JournalBusy, JournalFull, JournalUnwritable: nothing was added.
            WorkerLost: they start a trial for a worker that `KnowsWorkers.hold` lets be alive, and that was given up all
                the same. Nothing was added.
            OutcomeUnknown: the events may or may not be durable; the journal has to be opened again.
        """
        ...


@runtime_checkable
class KnowsWorkers(Protocol):
    """What a journal may offer beyond `Journal`: to say which workers are alive, so that others can end their trials.

    A worker is named by 8 or more hexadecimal digits in lower case, and no name is used twice.
    """

    def hold(self, worker: str) -> AbstractContextManager[None]:
        """Let `worker` be alive until the end of the block, or of the process that is in it.

        Where that is told by a clock, a worker that is silent for too long is given up: `Journal.append` then starts
        no trial for it (`WorkerLost`).

        Raises:
            InvalidArgument: this is no name for a worker.
            JournalUnwritable: the system refused it: nobody will be able to tell whether the worker is alive.
        """
        ...

    def is_alive(self, worker: str) -> bool | None:
        """Whether `worker` is in its block; None where that can't be known. False is for ever."""
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


def check_beginning(name: str, events: Sequence[AnyEvent]) -> None:
    """Make sure that `events` begin a journal of the study `name`.

    Raises:
        InvalidArgument: they don't.
    """
    first = events[0] if events else None
    if not isinstance(first, StudyCreated) or first.name != name:
        raise InvalidArgument(f"a journal of study {name!r} begins with its creation, not with {first!r}")
