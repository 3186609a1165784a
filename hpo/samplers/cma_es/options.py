"""The options of a `CmaEsSampler` that hold other values, turned into ones that a journal can name."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

from hpo.core import FrozenDict, FrozenTrial, TrialState, as_float
from hpo.errors import InvalidType


def first_values(given: object) -> FrozenDict[str, Any] | None:
    """Return the option `x0` as builtin values by name, or None.

    Raises:
        InvalidType: it is something else.
    """
    if given is None:
        return None
    if not isinstance(given, Mapping) or not all(isinstance(name, str) for name in given):
        raise InvalidType(f"x0 maps names of parameters to their first values, or is None; got {given!r}")
    return FrozenDict({name: _builtin("x0", name, value) for name, value in given.items()})


def sources(given: object) -> tuple[FrozenDict[str, Any], ...] | None:
    """Return the option `source_trials` as the ``params`` and the ``value`` of each usable trial, or None.

    Args:
        given: Trials with one objective, or mappings with the two entries.

    Raises:
        InvalidType: it is something else.
        SeveralObjectives: a trial has several values.
    """
    if given is None:
        return None
    # strings and single trials are iterable too, and not what was meant
    if isinstance(given, str | Mapping) or not isinstance(given, Iterable):
        raise InvalidType(f"source_trials are the trials of another study, or None; got {given!r}")
    return tuple(source for one in given if (source := _source(one)) is not None)


def _source(given: object) -> FrozenDict[str, Any] | None:
    """Return one source trial, or None if it is not complete or not feasible, or its value is not a finite number."""
    if isinstance(given, FrozenTrial):
        if given.state is not TrialState.COMPLETE or not given.feasible:
            return None
        params: Mapping[Any, Any] = given.params
        value = given.value
    elif isinstance(given, Mapping) and given.keys() == {"params", "value"} and isinstance(given["params"], Mapping):
        params, value = given["params"], as_float(given["value"])
    else:
        raise InvalidType(f"source_trials are trials, or dicts with 'params' and 'value'; got {given!r}")
    if value is None or not math.isfinite(value):
        return None
    builtin = {str(name): _builtin("source_trials", str(name), one) for name, one in params.items()}
    return FrozenDict({"params": FrozenDict(builtin), "value": value})


def _builtin(option: str, name: str, value: Any) -> Any:
    """Return a value as a builtin, so that a journal can write the option down and rebuild the sampler from it."""
    # values that are not numbers belong to categorical parameters, which have no column: they are kept and never read
    if value is None or isinstance(value, bool | int | float | str):
        return value
    number = as_float(value)
    if number is None:
        raise InvalidType(f"{option} gives {name!r} the value {value!r}, which no parameter can have")
    return number
