"""Every exception of the library: each has fields, derives from the builtin that fits, and says what to do."""

from __future__ import annotations

from collections.abc import Sequence

import attrs

_MOST_SHOWN = 5  # names in one message


class HpoError(Exception):
    """Anything that this library raises on purpose."""


class TrialPruned(HpoError):
    """Raised by an objective to end its trial early; the trial becomes `TrialState.PRUNED`."""


class InvalidDistribution(HpoError, ValueError):
    """A distribution that describes no set of values, or is written in an unknown form."""


@attrs.define(eq=False)
class ValueOutsideDistribution(HpoError, ValueError):
    """A value that is not a member of the distribution it was given for."""

    value: object
    distribution: object
    name: str | None = None

    def __str__(self) -> str:
        parameter = f"parameter {self.name!r}" if self.name is not None else "the parameter"
        return f"{self.value!r} is no value of {parameter}: allowed is {self.distribution!r}"


class InvalidArgument(HpoError, ValueError):
    """An argument that has the right type and a value that is not allowed."""


class InvalidType(HpoError, TypeError):
    """An argument of a type that is not allowed."""


@attrs.define(eq=False)
class TrialNotFound(HpoError, KeyError):
    """No trial of the study has this number."""

    number: int
    n_trials: int

    def __str__(self) -> str:
        known = f"its trials are 0 to {self.n_trials - 1}" if self.n_trials else "it has no trials"
        return f"the study has no trial {self.number}: {known}"


@attrs.define(eq=False)
class TrialNotRunning(HpoError, RuntimeError):
    """A change to a trial that waits or is finished already; the first result stands."""

    number: int
    state: str

    def __str__(self) -> str:
        advice = "ask for it first" if self.state == "waiting" else "a finished trial never changes"
        state = "failed" if self.state == "fail" else self.state
        return f"trial {self.number} is {state}, not running: {advice}"


@attrs.define(eq=False)
class WrongNumberOfValues(HpoError, ValueError):
    """A result with more or fewer values than the study has directions."""

    given: int
    expected: int

    def __str__(self) -> str:
        return (
            f"{self.given} objective value(s) given, but the study has {self.expected} direction(s): "
            "give one value per direction"
        )


class InvalidSuggestion(HpoError, ValueError):
    """A sampler that answered with something else than one allowed value per parameter asked for."""


@attrs.define(eq=False)
class SearchSpaceExhausted(HpoError, RuntimeError):
    """The sampler has nothing left to suggest; `Study.optimize` stops quietly instead.

    Where it is so `for_now`, ask again when one of the running trials has ended.
    """

    reason: str
    for_now: bool = False

    def __str__(self) -> str:
        advice = "; ask again when a running trial has ended" if self.for_now else ""
        return f"nothing is left to suggest: {self.reason}{advice}"


@attrs.define(eq=False)
class NoCompletedTrial(HpoError, ValueError):
    """A question about the best trial of a study in which no trial is complete yet."""

    n_trials: int

    def __str__(self) -> str:
        return f"no trial is completed yet, out of {self.n_trials}: run or tell one first"


@attrs.define(eq=False)
class SeveralObjectives(HpoError, RuntimeError, ValueError):
    """A question that only a study with one direction can answer, or a sampler or pruner that needs one direction."""

    asked: str
    instead: str

    def __str__(self) -> str:
        return f"{self.asked} has no meaning with several objectives: use {self.instead}"


@attrs.define(eq=False)
class DuplicatedStudyError(HpoError, ValueError):
    """A study of this name exists in the storage."""

    study_name: str
    storage: str

    def __str__(self) -> str:
        return (
            f"a study named {self.study_name!r} exists in {self.storage}: "
            "choose another name, or continue it with load_study, or with create_study(load_if_exists=True)"
        )


@attrs.define(eq=False)
class StudyNotFound(HpoError, KeyError):
    """The storage has no study of this name."""

    study_name: str | None
    storage: str
    known: Sequence[str] = ()

    def __str__(self) -> str:
        if self.study_name is None and self.known:
            return f"{self.storage} holds {len(self.known)} studies ({_listed(self.known)}): pass study_name"
        if not self.known:
            wanted = "study" if self.study_name is None else f"study {self.study_name!r}, nor any other"
            return f"{self.storage} has no {wanted}"
        return f"{self.storage} has no study {self.study_name!r}: it has {_listed(self.known)}"


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(repr(name) for name in names[:_MOST_SHOWN])
    return shown if len(names) <= _MOST_SHOWN else f"{shown} and {len(names) - _MOST_SHOWN} more"


@attrs.define(eq=False)
class Conflict(HpoError, RuntimeError):
    """An append to a journal that has grown meanwhile. Nothing was added: read, decide and append again."""

    expected: int
    actual: int

    def __str__(self) -> str:
        return f"the journal has {self.actual} events, not {self.expected}: another writer was faster"


@attrs.define(eq=False)
class JournalCorrupted(HpoError, RuntimeError):
    """A damaged record that is not the last one, so it was not left by a crash; nothing was changed.

    `line` (counted from 1) and `offset` (the line's first byte, counted from 0) are None in a database, which has no
    lines: there `problem` names the study and the event.
    """

    path: str
    line: int | None
    offset: int | None
    problem: str

    def __str__(self) -> str:
        place = "" if self.line is None else f", line {self.line} (byte {self.offset})"
        return f"{self.path}{place}: {self.problem}"


@attrs.define(eq=False)
class JournalMoved(HpoError, RuntimeError):
    """The study was deleted, or its file removed or replaced, while it was open; nothing was added."""

    path: str

    def __str__(self) -> str:
        return (
            f"the study was deleted, or {self.path} removed or replaced, while it was open: nothing was added; "
            "load the study again"
        )


@attrs.define(eq=False)
class JournalBusy(HpoError, TimeoutError):
    """Another process held the journal's lock for too long; nothing was added."""

    path: str
    waited: float
    holder: str | None = None

    def __str__(self) -> str:
        holder = "another process" if self.holder is None else self.holder
        return f"{self.path} was locked by {holder} for {self.waited:.1f} s: nothing was added"


@attrs.define(eq=False)
class WorkerLost(HpoError, RuntimeError):
    """A trial that would start for a worker that others have given up; nothing was added."""

    worker: str

    def __str__(self) -> str:
        return (
            f"worker {self.worker} was silent for longer than its grace period, and was given up: "
            "nothing was added; begin again under another name"
        )


@attrs.define(eq=False)
class OutcomeUnknown(HpoError, RuntimeError):
    """A write that may or may not have become durable; reload the study to find out."""

    path: str
    cause: str

    def __str__(self) -> str:
        return f"{self.path}: the last write may or may not be durable ({self.cause}); load the study again to see"


@attrs.define(eq=False)
class UnsupportedJournal(HpoError, RuntimeError):
    """A journal, or a location for one, that this version of the library cannot work with."""

    location: str
    problem: str

    def __str__(self) -> str:
        return f"{self.location}: {self.problem}"


@attrs.define(eq=False)
class UnreadableEvents(HpoError, ValueError):
    """A text that is no array of events of a format that this version reads."""

    problem: str
    format: int

    def __str__(self) -> str:
        return (
            f"not events of journal format {self.format} or older ({self.problem}): "
            "the text is damaged, or a newer version of hpo wrote it"
        )


@attrs.define(eq=False)
class InconsistentEvents(HpoError, ValueError):
    """An event that can't have come after those before it: whoever wrote it did not decide by them.

    `position` counts the events before it.
    """

    position: int
    event: object

    def __str__(self) -> str:
        return (
            f"event {self.position} of the journal, {self.event!r}, does not follow from those before it; "
            "`hpo journal check` says where it is, and `hpo journal repair` saves what comes before"
        )


class NotOptimizing(HpoError, RuntimeError):
    """Something that is allowed only inside, or only outside, of a running `Study.optimize`."""


@attrs.define(eq=False)
class MissingExtra(HpoError, ImportError):
    """Something that needs an optional dependency which is not installed."""

    feature: str
    extra: str

    def __str__(self) -> str:
        return f"{self.feature} needs an optional dependency: pip install 'purehpo[{self.extra}]'"


@attrs.define(eq=False)
class JournalFull(HpoError, OSError):
    """No space, quota or permitted file size was left for a record; nothing was added."""

    path: str
    cause: str

    def __str__(self) -> str:
        return f"{self.path}: nothing was added, because there is no room ({self.cause}); make room and try again"


@attrs.define(eq=False)
class JournalUnwritable(HpoError, OSError):
    """The system refused to write or lock a journal; nothing was added."""

    path: str
    cause: str

    def __str__(self) -> str:
        return f"{self.path}: nothing was added, because the system refused it ({self.cause})"


@attrs.define(eq=False)
class BrokenPlugin(HpoError, ImportError):
    """An entry point of an installed package that can't be used; everything else works without it."""

    package: str
    group: str
    entry: str
    problem: str

    def __str__(self) -> str:
        return (
            f"the package {self.package} registers {self.entry!r} in {self.group!r}, which can't be used: {self.problem}; "
            "update or uninstall the package"
        )
