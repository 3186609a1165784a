"""Studies and trials as Optuna's files describe them, and their translation."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias

import attrs

from hpo.core import (
    CategoricalDistribution,
    Choice,
    Distribution,
    FloatDistribution,
    FrozenDict,
    FrozenTrial,
    InsertOnlyDict,
    IntDistribution,
    SearchSpace,
    TrialState,
    as_float,
    from_json_tree,
    to_json_tree,
)
from hpo.errors import InvalidArgument, InvalidDistribution


@attrs.define
class OptunaTrial:
    """A trial as Optuna stores it.

    Attributes:
        state: ``"RUNNING"``, ``"COMPLETE"``, ``"PRUNED"``, ``"FAIL"`` or ``"WAITING"``.
        values: One number per objective, or None.
        params: By name: the number that stands for the value, and the distribution as a JSON string.
        user_attrs: What users attached.
        system_attrs: What Optuna itself attached, such as constraints, enqueued values and notes of samplers.
        intermediate_values: Numbers by step, in the order reported.
        started_at: Seconds since 1970, or None.
        finished_at: Seconds since 1970, or None.
    """

    state: str
    values: list[float] | None = None
    params: dict[str, tuple[float, str]] = attrs.Factory(dict)
    user_attrs: dict[str, Any] = attrs.Factory(dict)
    system_attrs: dict[str, Any] = attrs.Factory(dict)
    intermediate_values: dict[int, float] = attrs.Factory(dict)
    started_at: float | None = None
    finished_at: float | None = None


@attrs.define
class OptunaStudy:
    """A study as Optuna stores it.

    Attributes:
        name: Its name.
        directions: ``"NOT_SET"``, ``"MINIMIZE"`` or ``"MAXIMIZE"`` per objective.
        user_attrs: What users attached.
        system_attrs: What Optuna itself attached, such as metric names and states of samplers.
        trials: Trials by number; None if there is no trial of a number.
    """

    name: str
    directions: list[str]
    user_attrs: dict[str, Any] = attrs.Factory(dict)
    system_attrs: dict[str, Any] = attrs.Factory(dict)
    trials: list[OptunaTrial | None] = attrs.Factory(list)


def json_value(text: str, what: str) -> Any:
    """Return the value of a JSON string, which may contain NaN and Infinity as Python writes them.

    Raises:
        InvalidArgument: it is not JSON; the message names it as `what`.
    """
    try:
        return json.loads(text)
    except (ValueError, TypeError, RecursionError) as error:
        raise InvalidArgument(f"{what} is not JSON: {error}") from None


_WAS_RUNNING = "it was still running when the study was imported from Optuna"
_NO_TRIAL = "Optuna has no trial with this number"
_CONSTRAINTS = "constraints"
_FIXED = "fixed_params"
_REASON = "fail_reason"
_PICKLES = "cma:"
"""The start of the keys under which a sampler keeps pickled objects, in pieces. They are never read."""


DistributionReader: TypeAlias = Callable[[str], tuple[Distribution, Sequence[int] | None]]


def distribution_of(text: str) -> tuple[Distribution, Sequence[int] | None]:
    """Return the distribution that Optuna's JSON describes: a current class, a deprecated class, or an abbreviation.

    Returns:
        The distribution, and None. If Optuna's choices are not all different, the second value has the index of each of
        them among the different ones. Choices that are lists or dicts become strings of JSON.

    Raises:
        InvalidDistribution: the string does not describe a distribution.

    Example:
        >>> distribution_of('{"name": "DiscreteUniformDistribution", "attributes": {"low": 0, "high": 1, "q": 0.5}}')[0]
        FloatDistribution(low=0.0, high=1.0, step=0.5)
    """
    name, fields = _described(text)
    try:
        return _KINDS[_FULL_NAMES.get(name, name)](fields)
    except (KeyError, TypeError) as error:
        raise InvalidDistribution(f"this is not a distribution of Optuna ({error!r}): {text}") from None


def _described(text: str) -> tuple[str, Mapping[str, Any]]:
    """Return the name and the fields of a distribution, which is written in full or abbreviated."""
    document = json_value(text, "a distribution")
    match document:
        case {"name": str(name), "attributes": dict(attributes)} if name in _KINDS:
            return name, attributes
        case {"type": str(name)} if name in _FULL_NAMES:
            return name, document
    raise InvalidDistribution(f"this is not a distribution of Optuna: {text}")


class Kind(NamedTuple):
    """The properties that all distributions of a parameter share in Optuna."""

    name: str
    log: bool
    choices: Sequence[Any] | None

    def allows(self, other: Kind) -> bool:
        """Return whether a parameter of this kind may later have the kind `other`. NaN equals NaN here, and 1 equals True."""
        if (self.name, self.log) != (other.name, other.log):
            return False
        mine, theirs = self.choices or (), other.choices or ()
        return len(mine) == len(theirs) and all(
            a == b or (a != a and b != b) for a, b in zip(mine, theirs, strict=True)
        )


def kind_of(text: str) -> Kind:
    """Return the kind of the distribution that Optuna's JSON describes, also if hpo has no such distribution.

    Raises:
        InvalidArgument, InvalidDistribution: the string does not describe a distribution.

    Example:
        >>> kind_of('{"type": "float", "low": 1, "high": 9, "log": true}')
        Kind(name='FloatDistribution', log=True, choices=None)
    """
    name, fields = _described(text)
    return Kind(_FULL_NAMES.get(name, name), bool(fields.get("log", False)), fields.get("choices"))


def _float(fields: Mapping[str, Any]) -> tuple[Distribution, None]:
    return FloatDistribution(fields["low"], fields["high"], fields.get("log", False), fields.get("step")), None


def _int(fields: Mapping[str, Any]) -> tuple[Distribution, None]:
    log, step = fields.get("log", False), fields.get("step")
    return IntDistribution(fields["low"], fields["high"], log, 1 if log or step is None else step), None


def _categorical(fields: Mapping[str, Any]) -> tuple[Distribution, Sequence[int] | None]:
    choices = [scalar(choice) for choice in fields["choices"]]
    places: dict[tuple[str, str], int] = {}
    for choice in choices:
        places.setdefault((type(choice).__name__, repr(choice)), len(places))
    indices = [places[type(choice).__name__, repr(choice)] for choice in choices]
    different = [choices[indices.index(place)] for place in range(len(places))]
    return CategoricalDistribution(tuple(different)), None if len(different) == len(choices) else indices


_KINDS: Mapping[str, Callable[[Mapping[str, Any]], tuple[Distribution, Sequence[int] | None]]] = {
    "FloatDistribution": _float,
    "UniformDistribution": _float,
    "LogUniformDistribution": lambda fields: _float({**fields, "log": True}),
    "DiscreteUniformDistribution": lambda fields: _float({**fields, "step": fields["q"]}),
    "IntDistribution": _int,
    "IntUniformDistribution": _int,
    "IntLogUniformDistribution": lambda fields: _int({**fields, "log": True}),
    "CategoricalDistribution": _categorical,
}
_FULL_NAMES = {"float": "FloatDistribution", "int": "IntDistribution", "categorical": "CategoricalDistribution"}
"""The full names of abbreviated distributions."""


def scalar(value: Any) -> Choice:
    """Return a choice that a parameter can have: a list or dict of Optuna becomes a string of JSON."""
    return json.dumps(value) if isinstance(value, list | dict) else value


def no_trial() -> FrozenTrial:
    """Return a failed trial, for a number that has no trial in Optuna."""
    return FrozenTrial(0, TrialState.FAIL, reason=_NO_TRIAL)


def trial_of(record: OptunaTrial, distribution_of: DistributionReader) -> FrozenTrial:
    """Return `record` as a trial with number 0.

    A running trial becomes a failed one, because nobody will tell its result. So does a complete trial without a value or
    with NaN.

    Args:
        record: The trial as Optuna stores it.
        distribution_of: The function of this name, or a cached one.

    Raises:
        InvalidArgument, InvalidType, InvalidDistribution: the record is not what Optuna writes.
    """
    params, distributions = {}, {}
    for name, (internal, written) in record.params.items():
        distribution, indices = distribution_of(written)
        distributions[name] = distribution
        params[name] = _param(name, internal, distribution, indices)
    state, values, reason = _outcome(record)
    fixed = {name: scalar(value) for name, value in (record.system_attrs.get(_FIXED) or {}).items()}
    user_attrs = _kept(record.user_attrs)
    if state is TrialState.WAITING:  # a trial that is tried again has its parameters already
        return FrozenTrial(0, state, fixed_params=FrozenDict({**params, **fixed}), user_attrs=user_attrs)
    return FrozenTrial(
        number=0,
        state=state,
        values=values,
        params=FrozenDict(params),
        distributions=SearchSpace(distributions),
        user_attrs=user_attrs,
        constraints=FrozenDict(_constraints(record.system_attrs)),
        intermediate_values=InsertOnlyDict((step, _number(v)) for step, v in record.intermediate_values.items()),
        fixed_params=FrozenDict(fixed),
        note=_note(record.system_attrs),
        reason=reason,
        started_at=record.started_at,
        finished_at=record.finished_at,
    )


def _param(name: str, internal: float, distribution: Distribution, indices: Sequence[int] | None) -> Any:
    number = as_float(internal)
    if number is None or not math.isfinite(number):
        raise InvalidArgument(f"parameter {name!r} is stored as {internal!r}, which is not a finite number")
    if not isinstance(distribution, CategoricalDistribution):
        return distribution.to_external(number)
    index = int(number)
    n_choices = len(distribution.choices if indices is None else indices)
    if not 0 <= index < n_choices:
        raise InvalidArgument(
            f"parameter {name!r} has the choice with index {index}, but there are {n_choices} choices"
        )
    return distribution.choices[index if indices is None else indices[index]]


def _outcome(record: OptunaTrial) -> tuple[TrialState, tuple[float, ...] | None, str | None]:
    """Return the state, the values and the reason of a trial."""
    if record.state == "RUNNING":
        return TrialState.FAIL, None, _WAS_RUNNING
    try:
        state = TrialState[record.state]
    except KeyError:
        raise InvalidArgument(f"a trial has the state {record.state!r}") from None
    values = None if record.values is None else tuple(map(_number, record.values))
    if state is TrialState.COMPLETE:
        if not values:
            return TrialState.FAIL, None, "it was complete without a value in Optuna"
        if any(map(math.isnan, values)):
            return TrialState.FAIL, None, "the objective value is NaN"
    reason = record.system_attrs.get(_REASON)
    if state is TrialState.FAIL:
        return state, None, reason if isinstance(reason, str) else None
    return state, values, None


def _constraints(system_attrs: Mapping[str, Any]) -> dict[str, float]:
    """Return constraints by name: first those of a sampler's function, named by number, then those that trials set."""
    found = system_attrs.get(_CONSTRAINTS)
    numbered = {str(i): value for i, value in enumerate(found)} if isinstance(found, list) else {}
    prefix = f"{_CONSTRAINTS}:"
    named = {key.removeprefix(prefix): value for key, value in system_attrs.items() if key.startswith(prefix)}
    return {name: _number(value) for name, value in {**numbered, **named}.items()}


def _note(system_attrs: Mapping[str, Any]) -> FrozenDict[str, Any]:
    """Return Optuna's other attributes, under a key of their own, so that no sampler takes them for its own note."""
    known = (_CONSTRAINTS, _FIXED, _REASON)
    rest = {
        key: value
        for key, value in system_attrs.items()
        if key not in known and not key.startswith((f"{_CONSTRAINTS}:", _PICKLES))
    }
    return _kept({"optuna": rest}) if rest else FrozenDict()


def _kept(attributes: Mapping[str, Any]) -> FrozenDict[str, Any]:
    return FrozenDict({name: from_json_tree(to_json_tree(value)) for name, value in attributes.items()})


def _number(value: Any) -> float:
    number = as_float(value)
    if number is None:
        raise InvalidArgument(f"a number was expected, got {value!r}")
    return number
