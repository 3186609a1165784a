"""Trials as values: everything that is known about a trial at one moment."""

from __future__ import annotations

import datetime
import math
from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from hpo.core.memory import FrozenDict, InsertOnlyDict, with_items
from hpo.core.values.base_trial import BaseTrial
from hpo.core.values.checks import checked_sem, checked_text, checked_time, checked_values
from hpo.core.values.display import as_html, params_in_words, result_in_words, shortened
from hpo.core.values.distributions import (
    CategoricalDistribution,
    Choice,
    Distribution,
    FloatDistribution,
    IntDistribution,
    as_given,
    distribution_of,
)
from hpo.core.values.json_tree import from_json_tree, to_json_tree
from hpo.core.values.search_space import SearchSpace
from hpo.core.values.trial_checks import checked_constraint, checked_cost, checked_report, coerced_value
from hpo.core.values.trial_state import TrialState
from hpo.errors import InvalidArgument, InvalidType, SeveralObjectives, ValueOutsideDistribution

# Empty containers are immutable, so all trials can share them: a trial that reports nothing holds no container.
_NO_REPORTS: InsertOnlyDict[int, float] = InsertOnlyDict()
NO_METRICS: InsertOnlyDict[int, FrozenDict[str, float]] = InsertOnlyDict()
_EMPTY: FrozenDict[str, Any] = FrozenDict()


class FrozenTrial(Struct, BaseTrial, frozen=True, gc=False):
    """A trial at one moment. It never changes, and it is not tied to a study.

    An objective may be called with it: `suggest_float`, `suggest_int` and `suggest_categorical` return the values that
    it has, so ``objective(study.best_trial)`` evaluates the best parameters again.

    Attributes:
        number: Its number in the study; trials are numbered from 0, without gaps.
        state: Its stage: waiting, running, paused, complete, pruned or failed.
        values: One float per direction of the study; None while there is no result.
        params: Values by parameter name, as an objective sees them.
        distributions: The distribution of each parameter.
        user_attrs: What users attached: JSON values and datetimes.
        constraints: Constraint values by name; a trial is feasible if all are <= 0.
        intermediate_values: Reported values by step, in the order of the reports.
        fixed_params: Parameters that were given when the trial was enqueued; no sampler is asked for them.
        note: What the sampler recorded with its suggestion.
        reason: Why the trial failed, was pruned or was paused last, or None.
        worker: The worker that runs it, or None.
        started_at: When it was started, in seconds since 1970, or None.
        finished_at: When it was finished, in seconds since 1970, or None.
        sem: The standard error of each of `values`, or None where it is not known.
        cost: What the evaluation cost, in a unit of the user's choice; None where it is not known.
        metrics: Reported values by step and metric name, for reports by name.
        checkpoint: Where an objective can continue from, in a form of its own; None before its first pause.
        parent: The number of the trial that this one was forked from, or None.

    Example:
        >>> trial = create_trial(value=4.0, params={"x": 2.0}, distributions={"x": FloatDistribution(0, 9)})
        >>> trial.value, trial.params, trial.suggest_float("x", 0, 9)
        (4.0, {'x': 2.0}, 2.0)
    """

    number: int
    state: TrialState
    values: tuple[float, ...] | None = None
    params: Mapping[str, Any] = _EMPTY
    distributions: SearchSpace = SearchSpace()
    user_attrs: Mapping[str, Any] = _EMPTY
    constraints: Mapping[str, float] = _EMPTY
    intermediate_values: InsertOnlyDict[int, float] = _NO_REPORTS
    fixed_params: Mapping[str, Any] = _EMPTY
    note: Mapping[str, Any] = _EMPTY
    reason: str | None = None
    worker: str | None = None
    started_at: float | None = None
    finished_at: float | None = None
    sem: tuple[float, ...] | None = None
    cost: float | None = None
    metrics: InsertOnlyDict[int, FrozenDict[str, float]] = NO_METRICS
    checkpoint: str | None = None
    parent: int | None = None

    @property
    def value(self) -> float | None:
        """The only objective value, or None if there is no result.

        Raises:
            SeveralObjectives: the trial has several values.
        """
        if self.values is None:
            return None
        if len(self.values) != 1:
            raise SeveralObjectives(f"the value of trial {self.number}", "values")
        return self.values[0]

    @property
    def last_step(self) -> int | None:
        """The largest step reported, or None."""
        steps = (*self.intermediate_values, *self.metrics) if self.metrics else self.intermediate_values
        return max(steps, default=None)

    @property
    def datetime_start(self) -> datetime.datetime | None:
        """When it was started, in local time, or None."""
        return _local_datetime(self.started_at)

    @property
    def datetime_complete(self) -> datetime.datetime | None:
        """When it was finished, in local time, or None."""
        return _local_datetime(self.finished_at)

    @property
    def duration(self) -> datetime.timedelta | None:
        """The time from start to finish, never negative; None until the trial has finished."""
        if self.started_at is None or self.finished_at is None:
            return None
        # two machines may have taken the times, or a clock was set back
        return datetime.timedelta(seconds=max(self.finished_at - self.started_at, 0.0))

    @property
    def feasible(self) -> bool:
        """Whether every constraint that was set is <= 0; constraints that were not set count as met."""
        return all(value <= 0.0 for value in self.constraints.values())

    @property
    def system_attrs(self) -> dict[str, Any]:
        """What hpo knows beyond the fields that Optuna has: the reason of a failure, fixed parameters, the note."""
        known = ("fail_reason", self.reason), ("fixed_params", self.fixed_params), ("note", self.note)
        return {name: value for name, value in known if value}

    def suggest_float(
        self, name: str, low: float, high: float, *, step: float | None = None, log: bool = False
    ) -> float:
        """Return the value that the trial has for `name`, as `Trial.suggest_float` would.

        Raises:
            InvalidArgument: the trial has no parameter `name`.
            ValueOutsideDistribution: its value is not a number.
        """
        return float(self.stored_value(name, distribution_of(name, FloatDistribution, low, high, log=log, step=step)))

    def suggest_int(self, name: str, low: int, high: int, *, step: int = 1, log: bool = False) -> int:
        """Return the value that the trial has for `name`, as `Trial.suggest_int` would.

        Raises:
            InvalidArgument: the trial has no parameter `name`.
            ValueOutsideDistribution: its value is not a whole number.
        """
        return int(self.stored_value(name, distribution_of(name, IntDistribution, low, high, log=log, step=step)))

    def suggest_categorical(self, name: str, choices: Sequence[Choice]) -> Any:
        """Return the value that the trial has for `name`, as `Trial.suggest_categorical` would.

        Raises:
            InvalidArgument: the trial has no parameter `name`.
            ValueOutsideDistribution: its value is not one of the choices.
        """
        return as_given(self.stored_value(name, distribution_of(name, CategoricalDistribution, choices)), choices)

    def stored_value(self, name: str, distribution: Distribution) -> Any:
        """Return the value that the trial has for `name`; a number outside the range is returned with a warning.

        Raises:
            InvalidArgument: the trial has no parameter `name`.
            ValueOutsideDistribution: the value is not a number of the right kind, or not one of the choices.
        """
        if name not in self.params:
            raise InvalidArgument(
                f"trial {self.number} has no value for parameter {name!r}: it has {', '.join(self.params) or 'none'}"
            )
        return coerced_value(name, self.params[name], distribution)

    def report(self, value: float | Mapping[str, float], step: int) -> None:
        """Check the arguments as a running trial would, and record nothing."""
        checked_report(value, step)

    def should_prune(self) -> bool:
        """Return False: a trial that is evaluated again runs to its end."""
        return False

    def set_user_attr(self, key: str, value: Any) -> FrozenTrial:
        """Return a copy of this trial with the attribute; the trial itself never changes.

        An objective that evaluates a finished trial again may call it and ignore the answer.

        Raises:
            InvalidType: the key is not a string, or the value is not made of JSON values and datetimes.
        """
        kept = from_json_tree(to_json_tree(value))
        return replace(self, user_attrs=with_items(self.user_attrs, {checked_text(key, "an attribute's key"): kept}))

    def set_constraint(self, key: str, value: float) -> None:
        """Check the arguments as a running trial would, and record nothing."""
        checked_constraint(key, value)

    def __str__(self) -> str:
        """Return the trial in one line; `repr` shows all of its fields."""
        result = f", {result_in_words(self.values)}" if self.values is not None else ""
        params = f": {params_in_words(self.params)}" if self.params else ""
        reason = f" ({self.reason})" if self.reason else ""
        return f"trial {self.number} {self.state.value}{result}{params}{reason}"

    def _repr_html_(self) -> str:
        facts = [f"{name} = {shortened(value)}" for name, value in self.params.items()]
        known = {"reason": self.reason, **self.user_attrs, **self.constraints}
        rows = [{"": name, " ": value} for name, value in known.items() if value is not None]
        return as_html(f"Trial {self.number}: {self.state.value} {result_in_words(self.values)}", facts, rows)

    def __hash__(self) -> int:
        # enough to tell the trials of a study apart, and all of it is cheap to hash
        return hash((self.number, self.state, self.values))

    def __lt__(self, other: FrozenTrial) -> bool:
        return self.number < other.number  # for `sorted`, as in Optuna

    def __copy__(self, memo: object = None) -> FrozenTrial:
        return self  # an immutable value is its own copy

    __deepcopy__ = __copy__


def create_trial(
    *,
    state: TrialState | None = None,
    value: float | None = None,
    values: Sequence[float] | None = None,
    params: Mapping[str, Any] | None = None,
    distributions: Mapping[str, Distribution] | None = None,
    user_attrs: Mapping[str, Any] | None = None,
    intermediate_values: Mapping[int, float] | None = None,
    constraints: Mapping[str, float] | None = None,
    sem: float | Sequence[float] | None = None,
    cost: float | None = None,
) -> FrozenTrial:
    """Return a trial made by hand, for `Study.add_trial` and for tests.

    Args:
        state: The state of the trial; COMPLETE if not given.
        value: The objective value of a study with one direction.
        values: One value per direction; give either this or `value`.
        params: Values of parameters by name.
        distributions: Distributions by name, one for each name in `params`.
        user_attrs: Attributes by name.
        intermediate_values: Reported values by step.
        constraints: Constraint values by name, feasible if <= 0.
        sem: The standard error of each value, at least 0.
        cost: What the evaluation cost, at least 0.

    Returns:
        A trial with number 0 and without times; `Study.add_trial` gives it its number.

    Raises:
        InvalidArgument: both `value` and `values` are given; a complete trial has no value, or NaN; a failed trial has
            a value; or `params` and `distributions` have different names.
        ValueOutsideDistribution: a parameter is not a member of its distribution.
        InvalidType: an argument has the wrong type.

    Example:
        >>> trial = create_trial(value=2.0, params={"x": 1.0}, distributions={"x": FloatDistribution(0, 9)})
        >>> trial.state, trial.value
        (<TrialState.COMPLETE: 'complete'>, 2.0)
    """
    if value is not None and values is not None:
        raise InvalidArgument(f"give either value or values, got value={value!r} and values={values!r}")
    given = (value,) if value is not None else values
    space = SearchSpace.of({} if distributions is None else distributions)
    trial = FrozenTrial(
        number=0,
        state=TrialState.COMPLETE if state is None else state,
        values=None if given is None else checked_values(given),
        params=FrozenDict(_checked_mapping("params", params)),
        distributions=space,
        # to a tree and back: it checks and freezes the attributes, and gives what a journal would give
        user_attrs=from_json_tree(to_json_tree(_checked_mapping("user_attrs", user_attrs))),
        intermediate_values=InsertOnlyDict(_checked_mapping("intermediate_values", intermediate_values, by="step")),
        constraints=FrozenDict(_checked_mapping("constraints", constraints)),
        sem=sem,  # type: ignore[arg-type]  # checked with the values below
        cost=cost,
    )
    return validated(trial)


def validated(trial: FrozenTrial) -> FrozenTrial:
    """Return `trial` with builtin values, if it is a trial that a study could contain.

    A NaN among the values of a pruned trial leaves it without values, as it would if it had been told.

    Raises:
        InvalidArgument: its values do not fit its state, or `params` and `distributions` have different names.
        ValueOutsideDistribution: a parameter is not a member of its distribution.
        InvalidType: a field has the wrong type.
    """
    if not isinstance(trial.state, TrialState):
        raise InvalidType(f"a trial's state is a TrialState, got {trial.state!r}")
    space = SearchSpace.of(trial.distributions)
    if {*trial.params} != {*space}:
        raise InvalidArgument(
            f"every parameter needs its distribution: params has {sorted(map(str, trial.params))}, "
            f"distributions has {sorted(space)}"
        )
    builtin = {}
    for name, distribution in space.items():
        # Enqueued values, and those of samplers that leave the grid (they write a note), may lie outside, and a study
        # with them can be copied trial by trial. A trial made by hand has neither.
        if not distribution.contains(trial.params[name]) and not (trial.note or name in trial.fixed_params):
            raise ValueOutsideDistribution(trial.params[name], distribution, name)
        builtin[name] = distribution.to_external(distribution.to_internal(trial.params[name]))
    values = None if trial.values is None else checked_values(trial.values)
    if trial.state is TrialState.COMPLETE:
        if not values:
            raise InvalidArgument("a complete trial needs a value, got none")
        if any(math.isnan(value) for value in values):
            raise InvalidArgument(f"a complete trial can't have a NaN among its values: {values!r}")
    elif trial.state is not TrialState.PRUNED and values is not None:
        raise InvalidArgument(f"a {trial.state.value} trial has no value, got {values!r}")
    elif values is not None and any(math.isnan(value) for value in values):
        values = None  # pruned; a NaN has no rank
    reports = [checked_report(value, step) for step, value in trial.intermediate_values.items()]
    metrics = [checked_report(by_name, step) for step, by_name in trial.metrics.items()]
    return replace(
        trial,
        values=values,
        params=FrozenDict(builtin),
        distributions=space,
        intermediate_values=InsertOnlyDict((step, value) for value, step in reports),
        metrics=InsertOnlyDict((step, by_name) for by_name, step in metrics),
        sem=checked_sem(trial.sem, values),
        cost=checked_cost(trial.cost),
        checkpoint=None if trial.checkpoint is None else checked_text(trial.checkpoint, "a checkpoint"),
        parent=trial.parent,
        constraints=FrozenDict(dict(checked_constraint(name, value) for name, value in trial.constraints.items())),
        reason=None if trial.reason is None else checked_text(trial.reason, "a trial's reason"),
        worker=None if trial.worker is None else checked_text(trial.worker, "a worker's name"),
        started_at=checked_time(trial.started_at),
        finished_at=checked_time(trial.finished_at),
    )


def _checked_mapping(what: str, given: Mapping[Any, Any] | None, by: str = "name") -> Mapping[Any, Any]:
    if given is not None and not isinstance(given, Mapping):
        raise InvalidType(f"{what} is a dict with {by}s as keys, got {given!r}")
    return given or {}


def _local_datetime(seconds: float | None) -> datetime.datetime | None:
    return None if seconds is None else datetime.datetime.fromtimestamp(seconds)  # noqa: DTZ006 - local on purpose
