"""The newest events of a state, for schedulers that keep a list of events and not whole states."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

_KEPT = 16_384
"""At least this many of the newest events are kept: enough for 8,000 asks in one batch, and a few megabytes."""

_Link: TypeAlias = "tuple[Any, _Link] | None"


class EventLog:
    """The newest events that led to a state.

    It is a linked list, newest event first. A longer log shares all of the shorter one, so forks cost nothing, and
    since no link is ever changed, nothing needs a lock. It has two halves: when the newer one is full, the older one is
    dropped.

    All logs are equal: how a value came about is not a part of the value.

    Args:
        version: The version of the state before the first event.
    """

    __slots__ = ("_half_start", "_newest", "_older", "end", "start")

    def __init__(self, version: int = 0) -> None:
        self.start = self.end = self._half_start = version
        self._newest: _Link = None
        self._older: _Link = None

    def extended(self, version: int, events: Sequence[Any]) -> EventLog:
        """Return the log with `events` added, the first of which was applied to a state of `version`.

        If this log ends at another version, the events before the gap are dropped.
        """
        log = EventLog.__new__(EventLog)  # `__init__` would set what is set below, and this runs with every step
        newest: _Link
        if self.end == version:
            log.start, log._half_start, log._older = self.start, self._half_start, self._older
            newest = self._newest
        else:  # the state was advanced by `evolve` or `replay`, which keep no log
            log.start = log._half_start = version
            log._older = newest = None
        for event in events:
            # A list cannot be cut at its far end, because shorter logs share it. Letting go of one of two halves can.
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
            if link is None:  # the end of the newer half
                link = self._older
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
