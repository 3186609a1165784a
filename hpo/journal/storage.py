"""What a journal is, what a storage of journals is, and where URLs lead."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from hpo.core.events import AnyEvent


class Journal(Protocol):
    """The append-only, totally ordered list of one study's events, shared by any number of writers.

    Safe to use from several threads. Readers never wait for writers.
    """

    def read(self, after: int) -> Sequence[AnyEvent]:
        """The events from number `after` on, counted from 0; cheap when there is nothing new.

        Raises:
            JournalCorrupted: a record that is not the last one is damaged.
            UnreadableEvents: a newer version wrote something that this one does not know.
        """
        ...

    def append(self, events: Sequence[AnyEvent], *, expected: int) -> int:
        """Add `events`, all or none, and return the new length.

        What is among `hpo.core.events.ACKNOWLEDGED` is as durable as the backend promises when this returns.

        Raises:
            Conflict: the journal does not have `expected` events. Nothing was added: read, decide, append again.
            JournalBusy, JournalMoved: nothing was added.
            OutcomeUnknown: the events may or may not be durable; the journal has to be opened again.
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
        """
        ...

    def open(self, name: str | None) -> Journal:
        """The journal of the study `name`; of the only study for None.

        Raises:
            StudyNotFound: there is no such study, or for None several.
        """
        ...

    def names(self) -> list[str]:
        """The names of all studies, sorted."""
        ...

    def delete(self, name: str) -> None:
        """Remove the study `name` with all its events.

        Raises:
            StudyNotFound: there is no such study.
        """
        ...
