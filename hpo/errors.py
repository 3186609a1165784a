"""Define every exception of the library.

Each class derives from `HpoError` and from the builtin exception that fits, carries the facts as fields, and has a message
that says what happened, to what, what is allowed and what to do. Values in messages are shortened, so no message grows
with the data that caused it.
"""

from __future__ import annotations

from collections.abc import Sequence

import attrs

_MOST_NAMES = 5  # study names listed in one message
_LONGEST_VALUE = 300  # characters of a value, a distribution, an event or a name
_LONGEST_PHRASE = 2_000  # characters of a path, or of a reason that another part of the library or of the system gave
_BEFORE_A_CHANGE = {
    "waiting": "ask for it first",
    "paused": "resume it first",
    "resumed": "another worker runs it",
}  # by state of an unfinished trial


class HpoError(Exception):
    """Base class of every exception that this library raises on purpose."""


class StorageInternalError(HpoError):
    """Base class of the errors of journals: a file, a database or a server can't be read or written."""


class TrialPruned(HpoError):
    """Raised by an objective to end its trial early; the trial's state becomes `TrialState.PRUNED`."""


class TrialFailed(HpoError):
    """Raised by an objective to fail its trial without ending the run; the message is the trial's reason."""


class InvalidDistribution(HpoError, ValueError):
    """A distribution describes no set of values, or is stored in an unknown form."""


@attrs.define(eq=False)
class ValueOutsideDistribution(HpoError, ValueError):
    """A value is not a member of the distribution that it was given for.

    Attributes:
        value: The value, as it was given.
        distribution: The distribution that it should be a member of.
        name: The parameter's name, or None if the distribution was used without one.
    """

    value: object
    distribution: object
    name: str | None = None

    def __str__(self) -> str:
        parameter = "the parameter" if self.name is None else f"parameter {_shown(self.name)}"
        return (
            f"{_shown(self.value)} is not a valid value for {parameter}; "
            f"expected a member of {_shown(self.distribution)}"
        )


class InvalidArgument(HpoError, ValueError):
    """An argument has the right type, but a value that is not allowed."""


class InvalidType(HpoError, TypeError):
    """An argument has a type that is not allowed."""


@attrs.define(eq=False)
class TrialNotFound(HpoError, KeyError):
    """The study has no trial with this number.

    Attributes:
        number: The number that was asked for.
        n_trials: How many trials the study has; they are numbered from 0.
    """

    number: int
    n_trials: int

    def __str__(self) -> str:
        known = f"its trials are 0 to {self.n_trials - 1}" if self.n_trials else "it has no trials"
        return f"the study has no trial {_shown(self.number)}: {known}"


@attrs.define(eq=False)
class TrialNotRunning(HpoError, RuntimeError):
    """A trial that is not running was to be changed; it stays as it is.

    Attributes:
        number: The trial's number.
        state: The value of its `TrialState`, such as ``"complete"``.
    """

    number: int
    state: str

    def __str__(self) -> str:
        state = "failed" if self.state == "fail" else _cut(self.state)
        advice = _BEFORE_A_CHANGE.get(self.state, "a finished trial cannot be changed")
        return f"trial {self.number} is {state}, not running: {advice}"


@attrs.define(eq=False)
class TrialNotPaused(HpoError, RuntimeError):
    """A trial that is not paused was to be resumed; it stays as it is.

    Attributes:
        number: The trial's number.
        state: The value of its `TrialState`, such as ``"running"``.
    """

    number: int
    state: str

    def __str__(self) -> str:
        state = "failed" if self.state == "fail" else _cut(self.state)
        return f"trial {self.number} is {state}, not paused: only a paused trial can be resumed"


@attrs.define(eq=False)
class WrongNumberOfValues(HpoError, ValueError):
    """A result does not have one value per direction of the study.

    Attributes:
        given: How many values were given.
        expected: How many directions the study has.
    """

    given: int
    expected: int

    def __str__(self) -> str:
        expected = "1 objective value" if self.expected == 1 else f"{self.expected} objective values"
        return f"expected {expected}, one per direction of the study, but got {self.given}"


class InvalidSuggestion(HpoError, ValueError):
    """A sampler did not return exactly one allowed value for each parameter that it was asked for."""


@attrs.define(eq=False)
class SearchSpaceExhausted(HpoError, RuntimeError):
    """The sampler has nothing left to suggest; `Study.optimize` then ends without an error.

    Attributes:
        reason: Why, in the sampler's words.
        for_now: Whether it may suggest again once one of the running trials has finished.
        of_space: Whether it is the search space that is used up, and not a list or a budget of the sampler's own.
        inferred: Whether that space was inferred from trials, so that the objective may ask for more than it has.
    """

    reason: str
    for_now: bool = False
    of_space: bool = False
    inferred: bool = False

    def __str__(self) -> str:
        advice = "; ask again when a running trial has finished" if self.for_now else ""
        return f"nothing is left to suggest: {_cut(self.reason)}{advice}"


@attrs.define(eq=False)
class NoCompletedTrial(HpoError, ValueError):
    """The best trial was asked for, but no trial of the study is complete yet.

    Attributes:
        n_trials: How many trials the study has, whatever their states.
    """

    n_trials: int

    def __str__(self) -> str:
        trials = "1 trial" if self.n_trials == 1 else f"{self.n_trials} trials"
        known = f"none of its {trials} is complete" if self.n_trials else "it has no trials"
        return f"the study has no best trial yet, because {known}: run a trial, or tell the result of one, first"


@attrs.define(eq=False)
class NoFeasibleTrial(HpoError, ValueError):
    """Something was asked about the feasible Pareto front of a study that has none.

    Attributes:
        n_trials: How many trials the study has, whatever their states.
        n_complete: How many of them are complete; all of these violate a constraint.
    """

    n_trials: int
    n_complete: int

    def __str__(self) -> str:
        if self.n_complete:
            return f"the front is empty: each of the {self.n_complete} complete trials violates a constraint"
        return f"the front is empty: none of the study's {self.n_trials} trials is complete"


@attrs.define(eq=False)
class SeveralObjectives(HpoError, RuntimeError, ValueError):
    """Something that requires a single objective was used with a study that has several.

    Attributes:
        asked: What was used: a property, a sampler, a pruner.
        instead: What to use for several objectives.
    """

    asked: str
    instead: str

    def __str__(self) -> str:
        return f"{_cut(self.asked)} requires a single objective: for several, use {_cut(self.instead)}"


@attrs.define(eq=False)
class DuplicatedStudyError(HpoError, ValueError):
    """The storage already has a study of this name.

    Attributes:
        study_name: The name.
        storage: The storage's location.
    """

    study_name: str
    storage: str

    def __str__(self) -> str:
        return (
            f"a study named {_shown(self.study_name)} already exists in {_cut(self.storage)}: "
            "choose another name, or continue it with load_study or create_study(load_if_exists=True)"
        )


@attrs.define(eq=False)
class StudyNotFound(HpoError, KeyError, ValueError):
    """The storage has no study of this name, or no name was given and it does not have exactly one study.

    Attributes:
        study_name: The name that was asked for, or None if none was given.
        storage: The storage's location.
        known: The names of the studies in it.
        missing: Whether there is no file or directory at this location, perhaps because it is misspelt.
    """

    study_name: str | None
    storage: str
    known: Sequence[str] = ()
    missing: bool = False

    def __str__(self) -> str:
        storage = _cut(self.storage)
        if self.missing:
            return f"there is nothing at {storage}, so no study either: check the path, or create a study there first"
        if self.study_name is not None:
            known = f"it has {_listed(self.known)}" if self.known else "it has no studies"
            return f"{storage} has no study {_shown(self.study_name)}: {known}"
        if not self.known:
            return f"{storage} has no studies: create one first"
        return f"{storage} has {len(self.known)} studies ({_listed(self.known)}): pass study_name to choose one"


@attrs.define(eq=False)
class Conflict(StorageInternalError, RuntimeError):
    """A journal has changed since it was read, so nothing was added: read the new events, decide and append again.

    Attributes:
        expected: How many events the writer had read.
        actual: How many events the journal has.
    """

    expected: int
    actual: int

    def __str__(self) -> str:
        return (
            f"the journal has {self.actual} events, not {self.expected}, because another writer has changed it: "
            "nothing was added; read its events and try again"
        )


@attrs.define(eq=False)
class JournalCorrupted(StorageInternalError, RuntimeError):
    """A journal is damaged before its last record, which no crash can cause; nothing was changed.

    Attributes:
        path: The journal's path or location.
        line: The damaged line, counted from 1. None in a database, which has no lines.
        offset: The first byte of that line, counted from 0. None in a database.
        problem: What is wrong; in a database it also names the study and the event.
    """

    path: str
    line: int | None
    offset: int | None
    problem: str

    def __attrs_post_init__(self) -> None:
        self.problem = _cut(self.problem)  # as in `UnreadableEvents`

    def __str__(self) -> str:
        position = "" if self.line is None else f", line {self.line} (byte {self.offset})"
        advice = "" if self.line is None else ": 'hpo journal repair' saves what is intact"
        return f"{_cut(self.path)}{position}: {_cut(self.problem)}{advice}"


@attrs.define(eq=False)
class JournalMoved(StorageInternalError, RuntimeError):
    """A study was deleted, or its file removed, replaced or rewritten, while it was open; nothing was added.

    Attributes:
        path: The path or location that it was opened from.
        known: How many events were known to be in the journal, if it was rewritten: the last of them is gone, or
            another one is in its place. None if the journal is gone.
    """

    path: str
    known: int | None = None

    def __str__(self) -> str:
        if self.known is not None:
            return (
                f"{_cut(self.path)} was rewritten while it was open, for example by putting a backup in its place: it no "
                f"longer has the {self.known} event(s) that were read or written before; nothing was added; load the "
                "study again to go on with what is there"
            )
        return (
            f"the study was deleted, or {_cut(self.path)} was removed or replaced, while it was open: "
            "nothing was added; load the study again"
        )


@attrs.define(eq=False)
class JournalBusy(StorageInternalError, TimeoutError):
    """Another process held the journal's lock for too long; nothing was added.

    Attributes:
        path: The journal's path or location.
        waited: For how long this process waited, in seconds.
        holder: The process that holds the lock, in words, if that is known.
    """

    path: str
    waited: float
    holder: str | None = None

    def __str__(self) -> str:
        holder = "another process" if self.holder is None else _cut(self.holder)
        return f"{_cut(self.path)} was locked by {holder} for {self.waited:.1f} s: nothing was added; try again later"


@attrs.define(eq=False)
class WorkerLost(HpoError, RuntimeError):
    """A trial was to start for a worker that others have declared dead; nothing was added.

    Attributes:
        worker: The worker's name.
    """

    worker: str

    def __str__(self) -> str:
        return (
            f"worker {_cut(self.worker)} was silent for longer than its grace period, so others declared it dead: "
            "nothing was added; start again under another name"
        )


@attrs.define(eq=False)
class OutcomeUnknown(StorageInternalError, RuntimeError):
    """A write may or may not have become durable; load the study again to find out.

    Attributes:
        path: The journal's path or location.
        cause: What went wrong.
    """

    path: str
    cause: str

    def __str__(self) -> str:
        return (
            f"{_cut(self.path)}: the last write may or may not be durable ({_cut(self.cause)}); "
            "load the study again to find out"
        )


@attrs.define(eq=False)
class UnsupportedJournal(HpoError, RuntimeError):
    """This version of the library cannot use a journal, or a location for one.

    Attributes:
        location: The journal's path or location.
        problem: Why not.
    """

    location: str
    problem: str

    def __str__(self) -> str:
        return f"{_cut(self.location)}: {_cut(self.problem)}"


@attrs.define(eq=False)
class UnreadableEvents(StorageInternalError, ValueError):
    """Bytes or a string are not an array of events in a format that this version can read.

    Attributes:
        problem: What is wrong with them.
        format: The newest format that this version can read.
    """

    problem: str
    format: int

    def __attrs_post_init__(self) -> None:
        self.problem = _cut(self.problem)  # it may quote what was read, which may be of any length

    def __str__(self) -> str:
        return (
            f"these are not events in journal format {self.format} or older ({_cut(self.problem)}): "
            "they are damaged, or were written by a newer version of hpo"
        )


@attrs.define(eq=False)
class InconsistentEvents(StorageInternalError, ValueError):
    """An event cannot follow the ones before it, so its writer did not base it on them.

    Attributes:
        position: How many events come before it.
        event: The event.
        problem: Why not, if that is known.
        place: Where it is: file, line and byte, or database and study. None if it was not read from a journal.
    """

    position: int
    event: object
    problem: str | None = None
    place: str | None = None

    @property
    def finding(self) -> str:
        """What was found, without the place and advice: the event, and why it is not possible."""
        return f"{_shown(self.event)}{self._cause}"

    @property
    def _cause(self) -> str:
        why = "" if self.problem is None else f": {_cut(self.problem, _LONGEST_VALUE)}"
        return f" cannot follow the events before it{why}"

    def __str__(self) -> str:
        where = "" if self.place is None else f"{_cut(self.place)}: "
        advice = "locate it with `hpo journal check`, and save" if self.place is None else "save"
        return (
            f"{where}event {self.position} of the journal, {_shown(self.event)},{self._cause}; "
            f"{advice} the events before it with `hpo journal repair`"
        )


class NotOptimizing(HpoError, RuntimeError):
    """A method was called inside a running `Study.optimize`, or outside of one, where that is not allowed."""


@attrs.define(eq=False)
class MissingExtra(HpoError, ImportError):
    """A feature needs an optional dependency that is not installed.

    Attributes:
        feature: What needs it.
        extra: The name of the extra that installs it.
    """

    feature: str
    extra: str

    def __str__(self) -> str:
        return f"{_cut(self.feature)} needs an optional dependency: pip install 'purehpo[{_cut(self.extra)}]'"


@attrs.define(eq=False)
class JournalFull(StorageInternalError, OSError):
    """A record did not fit into the space, quota or file size that is left; nothing was added.

    Attributes:
        path: The journal's path or location.
        cause: What the operating system or the server said.
    """

    path: str
    cause: str

    def __str__(self) -> str:
        return (
            f"{_cut(self.path)}: nothing was added because there is no space left ({_cut(self.cause)}); "
            "free some and try again"
        )


@attrs.define(eq=False)
class JournalUnwritable(StorageInternalError, OSError):
    """The operating system or the server refused to write or lock a journal; nothing was added.

    Attributes:
        path: The journal's path or location.
        cause: What it said.
    """

    path: str
    cause: str

    def __str__(self) -> str:
        return f"{_cut(self.path)}: nothing was added because the system refused it ({_cut(self.cause)})"


@attrs.define(eq=False)
class BrokenPlugin(HpoError, ImportError):
    """An entry point of an installed package cannot be used; everything else works without it.

    Attributes:
        package: The distribution that registers it.
        group: The group of entry points, such as ``"hpo.samplers"``.
        entry: Its name in the group.
        problem: What is wrong with it.
    """

    package: str
    group: str
    entry: str
    problem: str

    def __str__(self) -> str:
        return (
            f"the package {_cut(self.package)} registers {_shown(self.entry)} in {_shown(self.group)}, "
            f"which can't be used: {_cut(self.problem)}; update or uninstall the package"
        )


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(_shown(name) for name in names[:_MOST_NAMES])
    return shown if len(names) <= _MOST_NAMES else f"{shown} and {len(names) - _MOST_NAMES} more"


def _shown(value: object) -> str:
    """Return the repr of `value`, shortened in the middle."""
    try:
        text = repr(value)
    except Exception as error:  # noqa: BLE001 - a user's class may fail in any way, and its error must not hide ours
        text = f"<{type(value).__name__} whose repr raises {type(error).__name__}>"
    return _cut(text, _LONGEST_VALUE)


def _cut(given: object, longest: int = _LONGEST_PHRASE) -> str:
    """Return `given` as a string, with "..." in place of its middle if it is too long."""
    text = str(given)  # a sampler's reason comes from a user's code, and may be anything
    half = longest // 2
    return text if len(text) <= longest else f"{text[:half]}...{text[-half:]}"
