"""Results that a trial may be told, and its state afterwards."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from decided_studies import done, refused, study

from hpo.core import Ask, Report, Tell, TrialFinished, TrialState, decide
from hpo.errors import InvalidArgument, InvalidType, WrongNumberOfValues


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (1, (1.0,)),
        (np.float32(0.5), (0.5,)),
        (np.array(0.5), (0.5,)),
        ([0.5], (0.5,)),
        ((0.5,), (0.5,)),
        (np.array([0.5]), (0.5,)),
        (pd.Series([0.5]), (0.5,)),
        (True, (1.0,)),
        (math.inf, (math.inf,)),
        ({"loss": 0.5}, (0.5,)),
    ],
)
def test_valid_results(values, expected) -> None:
    state = study(Ask(), metric_names=["loss"])
    trial = done(state, Tell(0, values)).finished[0]
    assert (trial.state, trial.values) == (TrialState.COMPLETE, expected)
    assert type(trial.values[0]) is float


@pytest.mark.parametrize(
    ("values", "error", "message"),
    [
        ("0.5", InvalidType, "an objective value is a number, got '0.5' of type str"),
        (1j, InvalidType, "an objective value is a number, got 1j of type complex"),
        (["a"], InvalidType, "an objective value is a number, got 'a' of type str"),
        ([None], InvalidType, "an objective value is a number, got None of type NoneType"),
        (
            [1.0, 2.0],
            WrongNumberOfValues,
            "expected 1 objective value, one per direction of the study, but got 2",
        ),
        (
            [],
            WrongNumberOfValues,
            "expected 1 objective value, one per direction of the study, but got 0",
        ),
        (
            {"loss": 1.0},
            InvalidArgument,
            (
                "values by name need metric names, and the study has none: set them, or give one value per direction; "
                "got {'loss': 1.0}"
            ),
        ),
        (
            None,
            InvalidArgument,
            "trial 0 is told without values: give them, or tell it as TrialState.FAIL or PRUNED",
        ),
    ],
)
def test_invalid_results(values, error, message) -> None:
    refused(study(Ask()), Tell(0, values), error, message)


def test_several_results_are_given_in_order_or_by_name() -> None:
    state = study(Ask(), directions=["minimize", "maximize"], metric_names=["loss", "speed"])
    assert done(state, Tell(0, {"speed": 2, "loss": 1})).finished[0].values == (1.0, 2.0)
    assert done(state, Tell(0, np.array([1, 2]))).finished[0].values == (1.0, 2.0)
    with pytest.raises(WrongNumberOfValues, match="expected 2 objective values"):
        decide(state, Tell(0, 1.0))
    refused(
        state,
        Tell(0, {"speed": 2}),
        InvalidArgument,
        "values by name need the study's metric names ['loss', 'speed'], got ['speed']",
    )


def test_a_result_with_nan_makes_a_failed_trial() -> None:
    state = study(Ask(), directions=["minimize", "maximize"])
    assert decide(state, Tell(0, [1.0, math.nan])) == [
        TrialFinished(0, TrialState.FAIL, None, None, "the objective value is NaN")
    ]
    assert done(state, Tell(0, [1.0, math.nan], reason="diverged")).finished[0].reason == "diverged"


def test_a_pruned_trial_has_its_last_report_or_the_given_value() -> None:
    state = study(Ask(), Report(0, 0.5, 7), Report(0, 0.9, 3))
    assert done(state, Tell(0, None, TrialState.PRUNED)).finished[0].values == (0.5,)
    assert done(state, Tell(0, 2.0, TrialState.PRUNED)).finished[0].values == (2.0,)
    assert done(state, Tell(0, math.nan, TrialState.PRUNED)).finished[0].values is None
    assert done(state, Tell(0, math.nan, TrialState.PRUNED)).finished[0].state is TrialState.PRUNED
    assert study(Ask(), Tell(0, None, TrialState.PRUNED)).finished[0].values is None
    nan = study(Ask(), Report(0, math.nan, 0), Tell(0, None, TrialState.PRUNED))
    assert (nan.finished[0].values, nan.finished[0].state) == (None, TrialState.PRUNED)
    several = study(Ask(), Report(0, 0.5, 7), Tell(0, None, TrialState.PRUNED), directions=["minimize"] * 2)
    assert several.finished[0].values is None


def test_a_failed_trial_has_a_reason_and_no_values() -> None:
    trial = study(Ask(), Tell(0, None, TrialState.FAIL, 5, "out of memory")).finished[0]
    assert (trial.state, trial.values, trial.reason, trial.finished_at) == (
        TrialState.FAIL,
        None,
        "out of memory",
        5.0,
    )
    assert study(Ask(), Tell(0, None, TrialState.FAIL, reason="\ud800")).finished[0].reason == "\\ud800"
    refused(
        study(Ask()),
        Tell(0, 1.0, TrialState.FAIL),
        InvalidArgument,
        "trial 0 is told as FAIL with values (1.0,): give one of the two",
    )
    refused(
        study(Ask()),
        Tell(0, None, TrialState.COMPLETE),
        InvalidArgument,
        "trial 0 is told as COMPLETE without values: give one per direction",
    )


@pytest.mark.parametrize("outcome", [TrialState.RUNNING, TrialState.WAITING, TrialState.PAUSED, "running"])
def test_a_trial_finishes_in_one_of_three_states(outcome) -> None:
    refused(
        study(Ask()),
        Tell(0, 1.0, outcome),
        InvalidArgument,
        f"a trial is told as TrialState.COMPLETE, PRUNED or FAIL, got {TrialState(outcome)!r}",
    )


def test_a_state_is_given_as_a_member_or_by_its_name() -> None:
    for state in ("pruned", "PRUNED", TrialState.PRUNED):
        (event,) = decide(study(Ask()), Tell(0, 1.0, state))
        assert event.state is TrialState.PRUNED
    allowed = "'waiting', 'running', 'paused', 'complete', 'pruned', 'fail'"
    refused(study(Ask()), Tell(0, 1.0, "done"), InvalidArgument, f"a trial's state is one of {allowed}; got 'done'")
    refused(
        study(Ask()), Tell(0, 1.0, 1), InvalidType, "a trial's state is a TrialState or its name, got 1 of type int"
    )
