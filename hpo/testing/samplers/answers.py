"""Checks of a sampler's answer: values outside of a distribution, wrong types, notes that are not JSON."""

from __future__ import annotations

from typing import Any

from hpo.core import CategoricalDistribution, Distribution, Exhausted, SearchSpace, Suggestion, as_float
from hpo.errors import SeveralObjectives
from hpo.testing._engine import FAULTS, Finding, InvalidAnswer, Question, Raised, shown, shown_error, why_not_json

_NOTHING = object()


def declines(answer: object) -> bool:
    """Return whether an answer has no parameter values.

    Example:
        >>> declines(Exhausted("no more")), declines(Suggestion({}))
        (True, False)
    """
    return isinstance(answer, Exhausted | Raised | InvalidAnswer)


def refuses_several(answer: object, question: Question) -> bool:
    """Return whether a sampler refuses a study because it has several objectives.

    Example:
        >>> from hpo import StudyState
        >>> refuses_several(Suggestion({}), Question(StudyState(), 0, SearchSpace()))
        False
    """
    refused = isinstance(answer, Raised) and isinstance(answer.error, SeveralObjectives)
    return refused and len(question.state.directions) > 1


def outside(answer: object, space: SearchSpace) -> Finding:
    """Return which value is outside of its distribution, or None; with `off_grid` it may lie between grid points.

    Example:
        >>> from hpo import IntDistribution
        >>> outside(Suggestion({"n": 7}), SearchSpace({"n": IntDistribution(0, 5)}))
        "parameter 'n' gets 7, which is outside IntDistribution(low=0, high=5)"
    """
    if not isinstance(answer, Suggestion):
        return None
    for name, dist in space.items():
        value = answer.params.get(name, _NOTHING)
        if value is _NOTHING or dist.contains(value):
            continue
        if answer.off_grid and not isinstance(dist, CategoricalDistribution):
            number = as_float(value)
            if number is not None and dist.low <= number <= dist.high:
                continue
        return f"parameter {name!r} gets {shown(value)}, which is outside {dist!r}"
    return None


def wrong_type(answer: object, space: SearchSpace) -> Finding:
    """Return which value does not have the type that an objective gets, or None.

    Example:
        >>> from hpo import IntDistribution
        >>> wrong_type(Suggestion({"n": 3.0}), SearchSpace({"n": IntDistribution(0, 5)}))
        "parameter 'n' gets 3.0 of type float from IntDistribution(low=0, high=5)"
    """
    for name, dist in space.items():
        value = answer.params.get(name, _NOTHING) if isinstance(answer, Suggestion) else _NOTHING
        if value is _NOTHING:
            continue
        kind = type(value)
        if kind.__module__ != "builtins" and value is not None:
            return f"parameter {name!r} gets {shown(value)}, of the type {kind.__module__}.{kind.__name__}, which is not a builtin"
        if kind is not _type_for(dist, value):
            return f"parameter {name!r} gets {shown(value)} of type {kind.__name__} from {dist!r}"
    return None


def not_json(answer: object) -> Finding:
    """Return why a journal can't keep the note, or None if it can.

    Example:
        >>> not_json(Suggestion({}, {"seen": 3})) is None
        True
    """
    if not isinstance(answer, Suggestion):
        return None
    try:
        wrong = why_not_json(dict(answer.note))
    except FAULTS as error:  # a note that can't even be copied
        wrong = f"{shown(answer.note)} is not JSON: {shown_error(error)}"
    return None if wrong is None else f"its note {wrong}"


def _type_for(dist: Distribution, value: Any) -> type:
    if isinstance(dist, CategoricalDistribution):
        index = dist.member(value)
        return type(value if index is None else dist.choices[index])
    return type(dist.to_external(0))
