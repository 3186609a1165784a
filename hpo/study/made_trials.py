"""Trials made by hand, with the time at which they were made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec.structs import replace

from hpo.core import Distribution, FrozenTrial, TrialState, checked_state, create_trial as timeless_trial
from hpo.study.recorder import now


def create_trial(
    *,
    state: TrialState | str | None = None,
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
        state: The state of the trial, or its name; COMPLETE if not given.
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
        A trial with number 0; `Study.add_trial` gives it its number. It has started, and if it is finished ended, now.

    Raises:
        InvalidArgument: both `value` and `values` are given; a complete trial has no value, or NaN; a failed trial has
            a value; or `params` and `distributions` have different names.
        ValueOutsideDistribution: a parameter is not a member of its distribution.
        InvalidType: an argument has the wrong type.

    Example:
        >>> from hpo import FloatDistribution
        >>> trial = create_trial(value=2.0, params={"x": 1.0}, distributions={"x": FloatDistribution(0, 9)})
        >>> trial.state, trial.value, trial.duration.total_seconds()
        (<TrialState.COMPLETE: 'complete'>, 2.0, 0.0)
    """
    made = timeless_trial(
        state=None if state is None else checked_state(state),
        value=value,
        values=values,
        params=params,
        distributions=distributions,
        user_attrs=user_attrs,
        intermediate_values=intermediate_values,
        constraints=constraints,
        sem=sem,
        cost=cost,
    )
    if made.state is TrialState.WAITING:
        return made
    at = now()
    return replace(made, started_at=at, finished_at=at if made.state.is_finished() else None)
