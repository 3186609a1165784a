"""PASHA: trials are trained longer only while more training changes the ranking of the best."""

import math

import numpy as np
import pytest

import hpo
from hpo.core import StudyState, ask, pause, report
from hpo.errors import InvalidArgument, SeveralObjectives
from hpo.pruners import ProgressiveHalving, PromotionHalving
from hpo.samplers import RandomSampler
from hpo.testing import CurveTable, simulate

SAMPLER = RandomSampler()
HALVING = ProgressiveHalving(1, 3, 27)


def waiting(*histories, direction="minimize"):
    state = StudyState.create(direction=direction)
    for history in histories:
        state, trial = ask(state, SAMPLER)
        for step, value in history.items():
            state = report(state, trial, value, step)
        state = pause(state, trial)
    return state


def test_the_ceiling_rises_with_rankings_that_change():
    assert HALVING.ceiling(waiting()) == (1, 0.0)
    assert HALVING.ceiling(waiting({1: 1.0, 3: 1.0}, {1: 2.0, 3: 2.0})) == (1, 0.0)
    crossed = {1: 1.0, 3: 2.0}, {1: 2.0, 3: 1.0}
    assert HALVING.ceiling(waiting(*crossed)) == (2, 0.0)
    again = {1: 1.0, 3: 2.0, 9: 1.0}, {1: 2.0, 3: 1.0, 9: 2.0}
    assert ProgressiveHalving(1, 3).ceiling(waiting(*again))[0] >= 2
    assert ProgressiveHalving(1, 3, 9).ceiling(waiting(*again))[0] == 2  # no further than the last rung


def test_a_trial_that_waits_at_the_ceiling_is_not_resumed():
    ranked = [{1: float(place), 3: float(place)} for place in range(9)]
    state = waiting(*ranked)
    assert HALVING(state, state.key) is None
    answer = PromotionHalving(1, 3, 27)(state, state.key)
    assert (answer.number, answer.reason["rung"]) == (0, 1)
    ranked[0], ranked[8] = {1: 0.0, 3: 8.0}, {1: 8.0, 3: 0.0}
    state = waiting(*ranked)
    answer = HALVING(state, state.key)
    assert (answer.number, answer.reason["rung"], answer.reason["ceiling"]) == (8, 1, 2)


def test_curves_that_cross_back_and_forth_are_noise():
    one = {1: 1.0, 2: 1.3, 3: 1.0}
    other = {1: 1.1, 2: 1.1, 3: 1.1}
    third = {1: 1.15, 2: 1.15, 3: 1.05}  # has overtaken the second one
    level, noise = HALVING.ceiling(waiting(one, other, third))
    assert (level, noise) == (1, pytest.approx(0.095))  # between the distances 0.1 and 0.05 of the pairs that crossed
    assert HALVING.ceiling(waiting({1: 1.0, 3: 1.0}, other, third))[0] == 2  # nothing says that this is noise


def test_neither_the_order_of_trials_nor_missing_steps_nor_nan_matter():
    rng = np.random.default_rng(0)
    histories = [
        {
            step: float(value)
            for step, value in enumerate(rng.normal(size=9), 1)
            if step in {1, 3, 9} or rng.random() < 0.5
        }
        for _ in range(20)
    ]
    histories[4][2] = math.nan
    expected = HALVING.ceiling(waiting(*histories))
    for _ in range(3):
        rng.shuffle(histories)
        assert HALVING.ceiling(waiting(*histories)) == expected
    mirrored = [{step: -value for step, value in each.items()} for each in histories]
    assert HALVING.ceiling(waiting(*mirrored, direction="maximize")) == expected


def test_less_training_finds_as_good_a_trial_where_early_values_tell():
    rng = np.random.default_rng(1)
    levels = rng.random(300)
    table = CurveTable(levels[:, None] + 1.0 / np.arange(1, 82) + rng.normal(0.0, 1e-3, (300, 81)))
    found = {}
    for promoter in (PromotionHalving(1, 3, 81), ProgressiveHalving(1, 3, 81)):
        run = simulate(table, table.space, pruner=promoter.pruner, promoter=promoter, n_trials=300, seed=1)
        best = min(run.state, key=lambda trial: (-(trial.last_step or 0), min(trial.intermediate_values.values())))
        found[type(promoter)] = run.n_steps, levels[best.params["configuration"]]
    (steps, level), (fewer, as_good) = found.values()
    assert fewer < 0.8 * steps
    assert as_good <= level + 0.02


def test_the_best_one_is_resumed_in_the_end():
    def objective(trial):
        x = trial.suggest_float("x", 0, 1)
        for step in range(int(trial.checkpoint or 0) + 1, 28):
            trial.report(x + 1 / step, step)
            if trial.pause_point(checkpoint=str(step)):
                return None
        return x

    study = hpo.create_study(sampler=SAMPLER, pruner=HALVING.pruner, promoter=HALVING, seed=1)
    study.optimize(objective, n_trials=50)
    assert {trial.last_step for trial in study.trials} == {1, 3}
    assert hpo.verify(study).clean


def test_options_and_studies_that_do_not_fit():
    with pytest.raises(InvalidArgument, match="max_resource"):
        ProgressiveHalving(9, 3, 3)
    with pytest.raises(InvalidArgument, match="noise_quantile"):
        ProgressiveHalving(noise_quantile=1.5)
    with pytest.raises(SeveralObjectives):
        HALVING(StudyState.create(directions=["minimize", "minimize"]), StudyState.create().key)
