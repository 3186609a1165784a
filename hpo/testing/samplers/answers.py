"""What can be wrong with a sampler's answer."""

from __future__ import annotations

import json
from typing import Any

from hpo.core import CategoricalDistribution, Distribution, Exhausted, SearchSpace, Suggestion, as_float, to_json_tree
from hpo.errors import SeveralObjectives
from hpo.testing._engine.cases import FAULTS, NoAnswer, Question, Raised
from hpo.testing._engine.formatting import shown, shown_error
from hpo.testing._engine.runner import Verdict

_NOTHING = object()


def declines(answer: object) -> bool:
    """Whether a sampler has nothing to suggest.

    Example:
        >>> declines(Exhausted("no more")), declines(Suggestion({}))
        (True, False)
    """
    return isinstance(answer, Exhausted | Raised | NoAnswer)


def refuses_several(answer: object, question: Question) -> bool:
    """Whether a sampler says that it is for one objective, to a question about several.

    Example:
        >>> from hpo import StudyState
        >>> refuses_several(Suggestion({}), Question(StudyState(), 0, SearchSpace()))
        False
    """
    refused = isinstance(answer, Raised) and isinstance(answer.error, SeveralObjectives)
    return refused and len(question.state.directions) > 1


def outside(answer: object, space: SearchSpace) -> Verdict:
    """Which value is outside of its distribution, or None; with `off_grid` it may be between grid points.

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


def no_builtin(answer: object, space: SearchSpace) -> Verdict:
    """Which value is not of the type that an objective gets, or None.

    Example:
        >>> from hpo import IntDistribution
        >>> no_builtin(Suggestion({"n": 3.0}), SearchSpace({"n": IntDistribution(0, 5)}))
        "parameter 'n' gets 3.0 of type float from IntDistribution(low=0, high=5)"
    """
    for name, dist in space.items():
        value = answer.params.get(name, _NOTHING) if isinstance(answer, Suggestion) else _NOTHING
        if value is _NOTHING:
            continue
        kind = type(value)
        if kind.__module__ != "builtins" and value is not None:
            return f"parameter {name!r} gets {shown(value)}, a {kind.__module__}.{kind.__name__} and no builtin"
        if kind is not _type_for(dist, value):
            return f"parameter {name!r} gets {shown(value)} of type {kind.__name__} from {dist!r}"
    return None


def no_json(answer: object) -> Verdict:
    """Why no journal can keep the note, or None.

    Example:
        >>> no_json(Suggestion({}, {"seen": 3})) is None
        True
    """
    if not isinstance(answer, Suggestion):
        return None
    try:
        json.dumps(to_json_tree(dict(answer.note)))
    except FAULTS as error:
        return f"it notes {shown(answer.note)}: {shown_error(error)}"
    return None


def _type_for(dist: Distribution, value: Any) -> type:
    if isinstance(dist, CategoricalDistribution):
        index = dist.member(value)
        return type(value if index is None else dist.choices[index])
    return type(dist.to_external(0))
