"""Predictions of final values, and the pruner that stops trials which are not going to win."""

import math

import numpy as np
import pytest

import hpo
from hpo.core import StudyState, ask, report, tell
from hpo.errors import InvalidArgument, InvalidType, SeveralObjectives, TrialNotFound
from hpo.pruners import CurvePruner, Decision
from hpo.samplers import RandomSampler

SAMPLER, EPOCHS = RandomSampler(), 30


def curve(level, speed=1.0):
    return [level + (1.0 - level) * step**-speed for step in range(1, EPOCHS + 1)]


def complete(*curves, direction="minimize"):
    state = StudyState.create(direction=direction)
    for values in curves:
        state, trial = ask(state, SAMPLER)
        for step, value in enumerate(values, 1):
            state = report(state, trial, value, step)
        state = tell(state, trial, values[-1])
    return state


def running(state, values):
    state, trial = ask(state, SAMPLER)
    for step, value in enumerate(values, 1):
        state = report(state, trial, value, step)
    return state, state.running[trial.number]


def test_the_final_value_is_predicted_in_the_direction_of_the_study():
    state, trial = running(complete(curve(0.2), curve(0.3)), curve(0.5)[:10])
    found = hpo.predict_final(state, trial.number)
    assert (found.number, found.step, found.final_step, found.n_checked) == (2, 10, EPOCHS, 2)
    assert abs(found.mean - curve(0.5)[-1]) < 0.01
    assert found.probability_better(0.2) < 0.01
    assert found.probability_better(0.8) > 0.99
    negated = [[-value for value in curve(level)] for level in (0.2, 0.3, 0.5)]
    state, trial = running(complete(*negated[:2], direction="maximize"), negated[2][:10])
    mirrored = hpo.predict_final(state, trial.number)
    assert (mirrored.mean, mirrored.std) == (-found.mean, found.std)
    assert mirrored.probability_better(-0.5) == found.probability_better(0.5)


def test_misses_of_complete_trials_widen_the_prediction():
    late = [0.9] * 15 + [0.1] * 15  # it falls in one step, which no extrapolation sees
    state, trial = running(complete(*[late] * 5), [0.9] * 10)
    found = hpo.predict_final(state, trial.number)
    assert found.std > 0.5
    assert found.probability_better(0.1) > 0.05
    alone = hpo.predict_final(running(StudyState.create(), [0.9] * 10)[0], 0, final_step=EPOCHS)
    assert (alone.n_checked, alone.std < 0.01) == (0, True)


def test_nothing_is_predicted_without_reports_or_without_an_end():
    assert hpo.predict_final(running(StudyState.create(), [1.0])[0], 0) is None
    assert hpo.predict_final(running(complete(curve(0.2)), [])[0], 1) is None
    assert hpo.predict_final(running(StudyState.create(), [1.0])[0], 0, final_step=9).mean == pytest.approx(1.0)
    # a finished trial that ran to the end is known
    assert hpo.predict_final(complete(curve(0.2)), 0).mean == curve(0.2)[-1]


@pytest.mark.parametrize(("values", "mean"), [([1.0, math.nan], math.inf), ([1.0, -math.inf], -math.inf)])
def test_a_curve_that_left_the_numbers_does_not_come_back(values, mean):
    state, trial = running(complete(curve(0.2)), values)
    found = hpo.predict_final(state, trial.number)
    assert (found.mean, found.std, found.probability_better(0.0)) == (mean, 0.0, float(mean < 0.0))
    assert math.isfinite(hpo.predict_final(running(complete(curve(0.2)), [math.nan, 1.0])[0], 1).mean)


def test_questions_that_have_no_answer():
    state = complete(curve(0.2))
    with pytest.raises(TrialNotFound, match="no trial 7"):
        hpo.predict_final(state, 7)
    with pytest.raises(InvalidArgument, match="final_step is at least 0, got -1"):
        hpo.predict_final(state, 0, final_step=-1)
    with pytest.raises(InvalidType, match=r"final_step is a whole number, got 1\.5"):
        hpo.predict_final(state, 0, final_step=1.5)
    several = StudyState.create(directions=["minimize", "minimize"])
    with pytest.raises(SeveralObjectives):
        hpo.predict_final(several, 0)


def test_a_hopeless_trial_is_stopped_with_a_reason_and_a_promising_one_goes_on():
    history = complete(*map(curve, (0.2, 0.3, 0.4, 0.35, 0.5)))
    state, trial = running(history, curve(0.6)[:6])
    answer = CurvePruner()(state, trial)
    assert answer.decision is Decision.STOP
    assert answer.reason["rule"] == "curve"
    assert answer.reason["best"] == curve(0.2)[-1]
    assert answer.reason["probability"] < answer.reason["limit"] == 0.05
    slow = [0.1 + 0.9 * step**-0.7 for step in range(1, 9)]  # behind the best one at this step, but not at the end
    state, trial = running(history, slow)
    assert slow[-1] > curve(0.2)[7]
    assert CurvePruner()(state, trial).decision is Decision.CONTINUE


def test_nothing_is_stopped_before_there_is_enough_to_compare():
    few = complete(*map(curve, (0.2, 0.3, 0.4)))
    assert CurvePruner()(*running(few, curve(0.9)[:9])) is Decision.CONTINUE
    assert CurvePruner(n_startup_trials=3)(*running(few, curve(0.9)[:9])).decision is Decision.STOP
    assert CurvePruner(n_startup_trials=3, n_startup_steps=10)(*running(few, curve(0.9)[:9])) is Decision.CONTINUE
    assert CurvePruner(n_startup_trials=3, interval_steps=4)(*running(few, curve(0.9)[:9])) is Decision.CONTINUE
    assert CurvePruner(n_startup_trials=3, p_threshold=0.0)(*running(few, curve(0.9)[:9])).decision is Decision.CONTINUE


def test_a_diverged_trial_is_stopped():
    history = complete(*map(curve, (0.2, 0.3, 0.4, 0.35, 0.5)))
    answer = CurvePruner()(*running(history, [1.0, 0.9, 0.8, math.nan]))
    assert (answer.decision, answer.reason["probability"]) == (Decision.STOP, 0.0)


def test_it_stops_most_and_rarely_the_best():
    rng = np.random.default_rng(0)
    levels, speeds = rng.beta(2, 3, 120), rng.uniform(0.3, 1.5, 120)
    table = np.array([curve(level, speed) for level, speed in zip(levels, speeds, strict=True)])
    table += rng.normal(0.0, 0.005, table.shape)
    state, best, lost = StudyState.create(), math.inf, 0
    for row in table.tolist():
        state, trial = ask(state, SAMPLER)
        for step, value in enumerate(row, 1):
            state = report(state, trial, value, step)
            if step < EPOCHS and hpo.should_prune(state, CurvePruner(), trial):
                lost += row[-1] < best
                state = tell(state, trial, state="pruned")
                break
        else:
            best = min(best, row[-1])
            state = tell(state, trial, row[-1])
    steps = sum(len(trial.intermediate_values) for trial in state.finished)
    assert lost == 0
    assert best == table[:, -1].min()
    assert steps < 0.5 * table.size
