"""The newest events of a state, for schedulers that keep a list of events and not whole states."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

_KEPT = 16_384
"""At least this many of the newest events are remembered: 8,000 asks in one batch, and a few megabytes."""

_Link: TypeAlias = "tuple[Any, _Link] | None"


class EventLog:
    """The events by which the pure functions came to a state, as far back as they are remembered.

    A linked list, newest event first: a longer log shares all of the shorter one, so forks cost nothing and nothing
    needs a lock. It comes in two halves, of which the older one is dropped when the newer one is full.

    All logs are equal: how a value came to be is not a part of the value.
    """

    __slots__ = ("_half_start", "_newest", "_older", "end", "start")

    def __init__(self, version: int = 0) -> None:
        self.start = self.end = self._half_start = version
        self._newest: _Link = None
        self._older: _Link = None

    def extended(self, version: int, events: Sequence[Any]) -> EventLog:
        """Return the log with `events`, which led on from `version`; what came before a gap is forgotten."""
        log = EventLog.__new__(EventLog)
        newest: _Link
        if self.end == version:
            log.start, log._half_start, log._older = self.start, self._half_start, self._older
            newest = self._newest
        else:
            log.start = log._half_start = version
            log._older = newest = None
        for event in events:
            if version - log._half_start >= _KEPT:
                log.start, log._half_start, log._older, newest = log._half_start, version, newest, None
            newest = (event, newest)
            version += 1
        log.end, log._newest = version, newest
        return log

    def since(self, version: int) -> list[Any]:
        """Return the events after the first `version`, oldest first; O(their number)."""
        events: list[Any] = []
        link, wanted = self._newest, self.end - version
        for _ in range(wanted):
            if link is None:
                link = self._older
            assert link is not None, "callers ask for what is remembered"
            event, link = link
            events.append(event)
        return events[::-1]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, EventLog)

    def __hash__(self) -> int:
        return 0

    def __repr__(self) -> str:
        return f"<EventLog of events {self.start} to {self.end}>"
