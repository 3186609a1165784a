"""Journals in memory that are broken on purpose, each with what a machine says of its fault."""

import contextlib
import functools

from msgspec.structs import replace

from hpo.core import TrialEnqueued, TrialFinished, TrialPaused, TrialStarted, ValueReported
from hpo.errors import Conflict
from hpo.journal import MemoryStorage


class Sound:
    """A handle of a journal; what is broken is in those that derive from it."""

    def __init__(self, journal):
        self.journal = journal

    def read(self, after):
        return self.journal.read(after)

    def append(self, events, *, expected):
        return self.journal.append(events, expected=expected)


class TakesWhatIsStale(Sound):
    def append(self, events, *, expected):
        length = len(self.journal.read(0))
        self.journal.append(events, expected=length)
        return expected + len(events)


class DropsWhatConflicts(Sound):
    def append(self, events, *, expected):
        try:
            return self.journal.append(events, expected=expected)
        except Conflict:
            return expected + len(events)


class KeepsWhatItRefuses(Sound):
    def append(self, events, *, expected):
        length = len(self.journal.read(0))
        self.journal.append(events, expected=length)
        if length != expected:
            raise Conflict(expected, length)
        return length + len(events)


class DropsTheEndOfABatch(Sound):
    def append(self, events, *, expected):
        self.journal.append(events[:-1] if len(events) > 1 else events, expected=expected)
        return expected + len(events)


class ForgetsTells(Sound):
    def append(self, events, *, expected):
        kept = [event for event in events if not isinstance(event, TrialFinished)]
        self.journal.append(kept, expected=expected)
        return expected + len(events)


class WritesTwice(Sound):
    def append(self, events, *, expected):
        once = [event for event in events if isinstance(event, TrialEnqueued)]
        again = [replace(event, number=event.number + 1) for event in once]
        return self.journal.append([*events, *again], expected=expected)


class SwapsABatch(Sound):
    def append(self, events, *, expected):
        return self.journal.append([*reversed(events)], expected=expected)


class RoundsResults(Sound):
    def read(self, after):
        return [
            replace(event, values=tuple(abs(v) if isinstance(v, float) else v for v in event.values))
            if isinstance(event, TrialFinished) and event.values
            else event
            for event in self.journal.read(after)
        ]


class ForgetsReports(Sound):
    def read(self, after):
        return [replace(e, step=e.step + 7) if isinstance(e, ValueReported) else e for e in self.journal.read(after)]


class ForgetsCheckpoints(Sound):
    def read(self, after):
        return [replace(e, checkpoint=None) if isinstance(e, TrialPaused) else e for e in self.journal.read(after)]


class RenumbersTrials(Sound):
    def read(self, after):
        return [replace(e, number=e.number + 1) if isinstance(e, TrialStarted) else e for e in self.journal.read(after)]


class ReadsFromACache(Sound):
    """Its readers have seen what they have seen, and see no end."""

    def __init__(self, journal):
        super().__init__(journal)
        self.seen = {}

    def read(self, after):
        return self.seen.setdefault(after // 4, [*self.journal.read(after // 4 * 4)])[after % 4 :]


class Watched(Sound):
    """A handle of a journal that knows workers."""

    def hold(self, worker):
        return self.journal.hold(worker)

    def is_alive(self, worker):
        return self.journal.is_alive(worker)


class GivesUpTheLiving(Watched):
    """It knows only those who hold a worker through this very handle."""

    def __init__(self, journal):
        super().__init__(journal)
        self.mine = set()

    def hold(self, worker):
        self.mine.add(worker)
        return super().hold(worker)

    def is_alive(self, worker):
        return worker in self.mine and super().is_alive(worker)


class KeepsTheDead(Watched):
    def is_alive(self, worker):
        return True


class ForgetsTheDead(Watched):
    def is_alive(self, worker):
        return super().is_alive(worker) or None


class HoldsNobody(Watched):
    def hold(self, worker):
        return contextlib.nullcontext()


@functools.lru_cache(maxsize=16)
def memory_at(place):
    return MemoryStorage()


class Broken:
    """A storage in memory, which others find again by its place, with handles of a broken kind."""

    def __init__(self, handle, place):
        self.handle = handle
        self.memory = memory_at(place)
        self.location = self.memory.location

    def create(self, name, events):
        return self.handle(self.memory.create(name, events))

    def open(self, name):
        return self.handle(self.memory.open(name))

    def names(self):
        return self.memory.names()

    def delete(self, name):
        self.memory.delete(name)


JOURNALS = [
    # whether a number that is given twice is found by the machine or by the state depends on the events in between
    (TakesWhatIsStale, "what worker . knows|handed out twice|the numbers of all trials|InconsistentEvents.*TrialAdded"),
    (
        DropsWhatConflicts,
        "number of enqueued trials|acknowledged|handed out twice|neither running nor paused|of the fork",
    ),
    (
        KeepsWhatItRefuses,
        "number of enqueued trials|handed out twice|the numbers of all trials|InconsistentEvents.*TrialAdded",
    ),
    (DropsTheEndOfABatch, "got the error|raised|the state that worker"),
    (ForgetsTells, "refused appends in a row|acknowledged|has ended"),
    (WritesTwice, "number of enqueued trials|how often trial . is tried again"),
    (SwapsABatch, "a replay raised|got the error"),
    (RoundsResults, "was acknowledged"),
    (ForgetsCheckpoints, "whose pause was acknowledged|has kept in its pause"),
    (ForgetsReports, "the report of trial . at step"),
    (RenumbersTrials, "the numbers of all trials|raised|got the error"),
    (ReadsFromACache, "refused appends in a row|the state that worker"),
]
"""Broken handles, and what is said of them."""

WATCHED_JOURNALS = [
    (GivesUpTheLiving, "whose workers are alive, that worker . has failed as lost"),
    (KeepsTheDead, "whose workers are gone, that worker . has not failed"),
    (ForgetsTheDead, "whose workers are gone, that worker . has not failed"),
    (HoldsNobody, "whose workers are alive, that worker . has failed as lost"),
]
"""Handles that know workers badly, and what is said of them."""
