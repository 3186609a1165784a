"""Comparisons: the first event in which two runs of a study part, and why."""

from __future__ import annotations

from itertools import zip_longest
from typing import Any

import attrs
from msgspec.structs import replace

from hpo.core import (
    AdvisorSet,
    AnyEvent,
    ParamsSuggested,
    SpaceDefined,
    StudyCreated,
    StudyState,
    TrialFinished,
    TrialResumed,
    TrialStarted,
    ValueReported,
    evolve,
    external_params,
)
from hpo.study.replaying.verification import events_of, is_rounded, options_that_differ

_OF_THE_RUN = {"at": None, "began": None, "worker": None, "origin": None}
"""Fields that say when and by whom something was done: they differ between any two runs."""
_MISSING = object()


@attrs.frozen
class Parting:
    """The first event in which two studies differ.

    Attributes:
        version: How many events they have in common.
        one: The first study's next event; None if it ends there.
        other: The second study's.
        trial: The number of the trial that it is about, or None.
        parameter: The parameter that differs, or None.
        values: What differs, in the first study and in the second.
        cause: The likely cause.

    Example:
        >>> import hpo
        >>> print(diff(hpo.create_study(seed=1), hpo.create_study(seed=2)))
        event 0, the study itself: 1 here, 2 there. Likely cause: the studies were not created with the same seed
    """

    version: int
    one: AnyEvent | None
    other: AnyEvent | None
    trial: int | None
    parameter: str | None
    values: tuple[Any, Any]
    cause: str

    def __str__(self) -> str:
        place = "the study itself" if self.trial is None else f"trial {self.trial}"
        what = "" if self.parameter is None else f", parameter {self.parameter!r}"
        one, other = (_shown(value) for value in self.values)
        return f"event {self.version}, {place}{what}: {one} here, {other} there. Likely cause: {self.cause}"


def diff(one: Any, other: Any, *, exact: bool = False) -> Parting | None:
    """Return the first event in which two studies part, and why; None if all events are the same.

    Two runs of the same program have the same events if nothing differed: neither the versions of hpo and numpy, nor the
    machine, nor the objective. Times, the names of workers and the study's name are not compared.

    Args:
        one: A `Study`, a journal, or a sequence of events.
        other: The same.
        exact: Whether to compare also times, workers and the study's name, which only copies have in common.

    Raises:
        InvalidType: one of them has no events.

    Example:
        >>> import hpo
        >>> hpo.logging.set_verbosity(hpo.logging.WARNING)
        >>> a, b = (hpo.create_study(sampler=hpo.samplers.RandomSampler(), seed=1) for _ in range(2))
        >>> a.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=3)
        >>> b.optimize(lambda trial: trial.suggest_float("x", 0, 1) + (trial.number == 1), n_trials=3)
        >>> parting = diff(a, b)
        >>> parting.trial, parting.cause
        (1, 'the objective returned another result for the same parameters')
    """
    state = StudyState()
    for mine, theirs in zip_longest(events_of(one), events_of(other)):
        if mine is None or theirs is None:
            return _end(state, mine, theirs)
        if mine != theirs and (exact or _facts(mine) != _facts(theirs)):
            return _parting(state, mine, theirs)
        state = evolve(state, mine)
    return None


def _facts(event: AnyEvent) -> AnyEvent:
    """Return `event` without what differs between any two runs."""
    fields = event.__struct_fields__
    left_out: dict[str, Any] = {name: value for name, value in _OF_THE_RUN.items() if name in fields}
    if isinstance(event, StudyCreated):
        left_out |= {"name": "", "parent": None}
    return replace(event, **left_out)


def _end(state: StudyState, one: AnyEvent | None, other: AnyEvent | None) -> Parting:
    longer = other if one is None else one
    values = tuple(None if event is None else type(event).__name__ for event in (one, other))
    which = "first" if one is None else "second"
    cause = f"the {which} study ends here: it is the beginning of the other one"
    return Parting(state.version, one, other, getattr(longer, "number", None), None, (values[0], values[1]), cause)


def _parting(state: StudyState, one: AnyEvent, other: AnyEvent) -> Parting:
    trial = getattr(one, "number", getattr(other, "number", None))
    if type(one) is not type(other) or getattr(one, "number", None) != getattr(other, "number", None):
        space = next((each.space for each in (one, other) if isinstance(each, SpaceDefined)), None)
        parameter = None if space is None else next(iter(space), None)
        cause = _order(state, one, other) if space is None else "the objective asked for another parameter or range"
        return Parting(state.version, one, other, trial, parameter, (_named(one), _named(other)), cause)
    parameter, values, cause = _difference(state, one, other)
    return Parting(state.version, one, other, trial, parameter, values, cause)


def _order(state: StudyState, one: AnyEvent, other: AnyEvent) -> str:
    if getattr(one, "number", None) == getattr(other, "number", -1):
        if isinstance(one, TrialFinished) or isinstance(other, TrialFinished):
            return "one trial ended, by an error perhaps, where the other one went on"
        return "the objective did other things, or in another order"
    workers = {trial.worker for trial in state.running.values()} | {
        getattr(each, "worker", None) for each in (one, other)
    }
    if len(state.running) > 1 or len(workers - {None}) > 1:
        return 'trials that ran at the same time ended in another order; order="deterministic" fixes it'
    if isinstance(one, TrialStarted | TrialResumed) or isinstance(other, TrialStarted | TrialResumed):
        return "one run was asked for another number of trials at a time, or went on with another command"
    return "the program did something else here"


def _difference(state: StudyState, one: AnyEvent, other: AnyEvent) -> tuple[str | None, tuple[Any, Any], str]:
    """Return the parameter, the two values, and the cause, of two events of one kind about the same trial."""
    match one, other:
        case ParamsSuggested(), ParamsSuggested():
            return _suggestions(state, one, other)
        case SpaceDefined(), SpaceDefined():
            names = [*one.space, *other.space]
            name = next(name for name in names if one.space.get(name) != other.space.get(name) or len(names) < 2)
            return (
                name,
                (one.space.get(name), other.space.get(name)),
                "the objective asked for another parameter or range",
            )
        case AdvisorSet(), AdvisorSet():
            if one.identity.name != other.identity.name:
                return None, (one.identity.name, other.identity.name), f"the studies use another {one.kind}"
            if one.identity.version != other.identity.version:
                versions = (one.identity.version, other.identity.version)
                return None, versions, f"another version of hpo: that of {one.identity.name} has changed"
            values = (
                options_that_differ(one.identity, other.identity),
                options_that_differ(other.identity, one.identity),
            )
            return None, values, f"the {one.kind} has other options"
        case TrialFinished(), TrialFinished():
            if one.state is not other.state:
                return None, (_ended(one), _ended(other)), "the trial ended in another way"
            if one.values != other.values:
                rounded = one.values and other.values and all(map(is_rounded, one.values, other.values))
                cause = "the objective returned another result for the same parameters"
                cause += ", which differs in its last digits only" if rounded else ""
                return None, (one.values, other.values), cause
        case ValueReported(), ValueReported():
            return None, (one.value, other.value), "the objective reported another value for the same parameters"
        case StudyCreated(), StudyCreated():
            field = _first_field(one, other)
            return (
                None,
                (getattr(one, field), getattr(other, field)),
                f"the studies were not created with the same {field}",
            )
    field = _first_field(one, other)
    return None, (getattr(one, field), getattr(other, field)), f"another {field} was recorded"


def _first_field(one: AnyEvent, other: AnyEvent) -> str:
    first, second = _facts(one), _facts(other)
    differing = [name for name in one.__struct_fields__ if getattr(first, name) != getattr(second, name)]
    differing += [name for name in one.__struct_fields__ if getattr(one, name) != getattr(other, name)]  # with `exact`
    return differing[0]


def _suggestions(
    state: StudyState, one: ParamsSuggested, other: ParamsSuggested
) -> tuple[str | None, tuple[Any, Any], str]:
    if one.space != other.space:
        spaces = (state.spaces.key_at(one.space), state.spaces.key_at(other.space))
        return None, ([*spaces[0]], [*spaces[1]]), "the objective asked for other parameters, or in another order"
    space = state.spaces.key_at(one.space)
    if one.values == other.values:
        return None, (one.note, other.note), "the sampler noted something else about the same values"
    mine, theirs = external_params(space, one.values), external_params(space, other.values)
    name = next(name for name in space if mine[name] != theirs[name])
    if all(a == b or is_rounded(a, b) for a, b in zip(one.values, other.values, strict=True)):
        cause = "floats were rounded differently, as by another version of numpy or scipy, or another processor"
    else:
        sampler = state.uses.get("sampler")
        named = "the sampler" if sampler is None else f"{sampler.name} {sampler.version}"
        cause = f"{named} is not the same function in both: another version of hpo or of a package that it uses"
    return name, (mine[name], theirs[name]), cause


def _ended(event: TrialFinished) -> str:
    return event.state.value if event.reason is None else f"{event.state.value} ({event.reason})"


def _named(event: AnyEvent) -> str:
    number = getattr(event, "number", None)
    return type(event).__name__ if number is None else f"{type(event).__name__} of trial {number}"


def _shown(value: Any) -> str:
    text = value if isinstance(value, str) else repr(value)
    return text if len(text) <= 300 else f"{text[:300]}..."
