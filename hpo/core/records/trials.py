"""Whole trials as events, and back.

One form serves for trials that are added to a study and for all trials of a state that is kept as bytes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from hpo.core.memory import FrozenDict, InsertOnlyDict
from hpo.core.records.consistency import mapping_of
from hpo.core.records.events import TrialAdded
from hpo.core.values import FrozenTrial, Number, SearchSpace, from_number, to_json_tree, to_number


def trial_record(trial: FrozenTrial, space: int | None) -> TrialAdded:
    """Return `trial` as an event; `space` is the number of the space with its distributions, or None if it has none."""
    return TrialAdded(
        number=trial.number,
        state=trial.state,
        values=None if trial.values is None else tuple(map(to_number, trial.values)),
        space=space,
        # in the order of the space and not of `params`, because that is how they are read back
        params=tuple(dist.to_internal(trial.params[name]) for name, dist in trial.distributions.items()),
        user_attrs=to_json_tree(trial.user_attrs) or None,  # `null` is shorter than `{}`, and means the same
        constraints=tuple((name, to_number(value)) for name, value in trial.constraints.items()),
        intermediate_values=tuple((step, to_number(value)) for step, value in trial.intermediate_values.items()),
        fixed_params=to_json_tree(trial.fixed_params) or None,
        note=to_json_tree(trial.note) or None,
        reason=trial.reason,
        worker=trial.worker,
        started_at=trial.started_at,
        finished_at=trial.finished_at,
        sem=None if trial.sem is None else tuple(map(to_number, trial.sem)),
        cost=None if trial.cost is None else to_number(trial.cost),
        metrics=tuple((step, written_metrics(by_name)) for step, by_name in trial.metrics.items()),
        checkpoint=trial.checkpoint,
        parent=trial.parent,
    )


def added_trial(space: SearchSpace, event: TrialAdded) -> FrozenTrial:
    """Return the trial that `event` describes, with parameters from `space`."""
    return FrozenTrial(
        number=event.number,
        state=event.state,
        values=None if event.values is None else tuple(map(from_number, event.values)),
        params=external_params(space, event.params),
        distributions=space,
        user_attrs=mapping_of(event.user_attrs),
        constraints=FrozenDict({name: from_number(value) for name, value in event.constraints}),
        intermediate_values=InsertOnlyDict((step, from_number(value)) for step, value in event.intermediate_values),
        fixed_params=mapping_of(event.fixed_params),
        note=mapping_of(event.note),
        reason=event.reason,
        worker=event.worker,
        started_at=event.started_at,
        finished_at=event.finished_at,
        sem=None if event.sem is None else tuple(map(from_number, event.sem)),
        cost=None if event.cost is None else from_number(event.cost),
        metrics=InsertOnlyDict((step, read_metrics(by_name)) for step, by_name in event.metrics),
        checkpoint=event.checkpoint,
        parent=event.parent,
    )


def written_metrics(by_name: Mapping[str, float]) -> dict[str, Number]:
    """Return a report by metric name in its written form."""
    return {name: to_number(value) for name, value in by_name.items()}


def read_metrics(by_name: Mapping[str, Number]) -> FrozenDict[str, float]:
    """Return a report by metric name from its written form."""
    return FrozenDict({name: from_number(value) for name, value in by_name.items()})


def external_params(space: SearchSpace, internal: Sequence[int | float]) -> FrozenDict[str, Any]:
    """Return values by name as an objective sees them, from internal ones in the order of `space`."""
    if space.numeric:  # the usual case: internal and external numbers are the same
        return FrozenDict(zip(space, internal, strict=True))
    return FrozenDict({name: dist.to_external(x) for (name, dist), x in zip(space.items(), internal, strict=True)})
