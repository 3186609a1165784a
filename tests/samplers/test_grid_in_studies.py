"""Grids in studies: each combination is tried once, and mistakes are named."""

import operator

import pytest

import hpo
from hpo.errors import InvalidArgument, InvalidSuggestion
from hpo.samplers import GridSampler
from hpo.trial import TrialState

unit = operator.methodcaller("suggest_float", "x", 0, 1)


def test_name_outside_the_grid_fails_the_trial():
    study = hpo.create_study(sampler=GridSampler({"x": [0.0, 1.0]}))
    with pytest.raises(InvalidSuggestion, match="'y' is not in the grid"):
        study.optimize(lambda trial: trial.suggest_float("y", 0, 1), n_trials=1)
    assert study.trials[0].state is TrialState.FAIL


def test_duplicate_in_a_grid_is_refused():
    with pytest.raises(InvalidArgument, match="twice"):
        GridSampler({"x": [1, 2, 1]})


@pytest.mark.parametrize("parallel", [{}, {"n_jobs": 3}, {"n_jobs": 3, "order": "deterministic"}])
def test_grid_is_visited_once(parallel):
    study = hpo.create_study(sampler=GridSampler({"x": [0.0, 0.5, 1.0], "n": [1, 2]}))
    study.optimize(lambda trial: unit(trial) + trial.suggest_int("n", 1, 2), n_trials=50, **parallel)
    tried = [(trial.params["x"], trial.params["n"]) for trial in study.trials]
    assert tried == [(x, n) for x in (0.0, 0.5, 1.0) for n in (1, 2)]
