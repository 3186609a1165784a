"""Trials and studies as records for `hpo.cli.output`, and the columns that their tables have."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING, Any

from hpo.cli.output import Record

if TYPE_CHECKING:
    from hpo.core import FrozenTrial, StudyState

ASKED_COLUMNS = ("number", "params_")
STUDY_COLUMNS = ("name", "directions", "n_trials", "best_value", "datetime_start", "user_attrs_")


def asked_record(trial: FrozenTrial) -> Record:
    """What somebody needs to evaluate a trial."""
    return {"number": trial.number, "params": dict(trial.params)}


def trial_record(state: StudyState, trial: FrozenTrial) -> Record:
    """All that users may want to know of a trial of `state`."""
    return {
        "number": trial.number,
        "state": trial.state.name,
        **_result(state, trial),
        "params": dict(trial.params),
        "constraints": dict(trial.constraints),
        "user_attrs": dict(trial.user_attrs),
        "intermediate_values": dict(trial.intermediate_values),
        "reason": trial.reason,
        "datetime_start": _moment(trial.started_at),
        "datetime_complete": _moment(trial.finished_at),
        "duration": None if trial.duration is None else round(trial.duration.total_seconds(), 3),
    }


def trial_columns(state: StudyState) -> tuple[str, ...]:
    """The columns of the trials of `state`; intermediate values are too many for a row."""
    return (
        "number",
        "state",
        "value" if len(state.directions) == 1 else "values_",
        "params_",
        "constraints_",
        "user_attrs_",
        "reason",
        "datetime_start",
        "datetime_complete",
        "duration",
    )


def study_record(state: StudyState) -> Record:
    """A study at a glance."""
    from hpo.core import best_or_none

    starts = [trial.started_at for trial in state if trial.started_at is not None]
    best = best_or_none(state) if len(state.directions) == 1 else None
    return {
        "name": state.name,
        "directions": list(state.directions),
        "metric_names": None if state.metric_names is None else list(state.metric_names),
        "n_trials": state.n_trials,
        "best_value": None if best is None else best.value,
        "datetime_start": _moment(min(starts, default=None)),
        "user_attrs": dict(state.user_attrs),
    }


def _result(state: StudyState, trial: FrozenTrial) -> dict[str, Any]:
    """The result, under the name and in the shape that the study's number of objectives asks for."""
    if len(state.directions) == 1:
        return {"value": trial.value}
    if trial.values is None or state.metric_names is None:
        return {"values": None if trial.values is None else list(trial.values)}
    return {"values": dict(zip(state.metric_names, trial.values, strict=True))}


def _moment(seconds: float | None) -> datetime.datetime | None:
    """The local time, which knows its distance from UTC."""
    return None if seconds is None else datetime.datetime.fromtimestamp(seconds, tz=datetime.UTC).astimezone()
