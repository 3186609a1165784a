"""The newest events of a state, for schedulers that keep a list of events and not whole states."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

from msgspec import Struct

_KEPT = 16_384
"""At least this many of the newest events are kept: enough for 8,000 asks in one batch, and a few megabytes."""

_Link: TypeAlias = Any
"""A pair of an event and the next older link, or None."""


class EventLog(Struct, frozen=True, gc=False):
    """The newest events that led to a state.

    It is a linked list, newest event first. A longer log shares all of the shorter one, so forks cost nothing, and
    since no link is ever changed, nothing needs a lock. It has two halves: when the newer one is full, the older one is
    dropped.

    All logs are equal: how a value came about is not a part of the value.

    Attributes:
        end: The version of the state after the last event.
        start: The version of the state before the first event.
    """

    # Links are tuples, which are freed one after the other however long the list is.
    end: int = 0
    start: int = 0
    half_start: int = 0
    newest: _Link = None
    older: _Link = None

    def extended(self, version: int, events: Sequence[Any]) -> EventLog:
        """Return the log with `events` added, the first of which was applied to a state of `version`.

        If this log ends at another version, the events before the gap are dropped.
        """
        if self.end == version:
            start, half_start, newest, older = self.start, self.half_start, self.newest, self.older
        else:  # the state was advanced by `evolve` or `replay`, which keep no log
            start = half_start = version
            newest = older = None
        for event in events:
            # A list cannot be cut at its far end, because shorter logs share it. Letting go of one of two halves can.
            if version - half_start >= _KEPT:
                start, half_start, older, newest = half_start, version, newest, None
            newest = (event, newest)
            version += 1
        return EventLog(version, start, half_start, newest, older)

    def since(self, version: int) -> list[Any]:
        """Return the events after the first `version`, oldest first; O(their number)."""
        events: list[Any] = []
        link, wanted = self.newest, self.end - version
        for _ in range(wanted):
            if link is None:  # the end of the newer half
                link = self.older
            assert link is not None, "callers ask for what is remembered"
            event, link = link
            events.append(event)
        return events[::-1]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, EventLog)

    def __hash__(self) -> int:
        return 0  # all logs are equal, so all hashes are

    def __repr__(self) -> str:
        return f"<EventLog of events {self.start} to {self.end}>"
