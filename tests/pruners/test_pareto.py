"""Halving by several metrics: the order of trials obeys dominance, and what becomes of them."""

import itertools
import math

import numpy as np
import pytest

import hpo
from hpo.core import StudyState, ask, report, tell
from hpo.errors import InvalidArgument, InvalidType, SeveralObjectives
from hpo.numerics.pareto import n_before
from hpo.pruners import Decision, ParetoHalvingPruner, SuccessiveHalvingPruner
from hpo.samplers import RandomSampler

SAMPLER = RandomSampler()
NAMES = ("loss", "latency")
PRUNER = ParetoHalvingPruner(1, 2, metrics=NAMES)


def places(losses, enough=10**6):
    return [sum(n_before(losses, place, enough)) for place in range(len(losses))]


@pytest.mark.parametrize("m", [1, 2, 3])
@pytest.mark.parametrize("grid", [3, 1000])  # with many ties, and with few
def test_dominance_implies_rank(m, grid):
    losses = np.random.default_rng(m).integers(0, grid, (40, m)).astype(float)
    losses[3] = math.inf
    order = places(losses)
    for a, b in itertools.permutations(range(len(losses)), 2):
        if (losses[a] <= losses[b]).all() and (losses[a] < losses[b]).any():
            assert order[a] < order[b]
        if (losses[a] == losses[b]).all():
            assert order[a] == order[b]
    assert min(order) == 0


def test_the_order_in_which_points_are_given_and_their_units_do_not_matter():
    rng = np.random.default_rng(0)
    losses = rng.normal(size=(30, 2))
    order, shuffle = places(losses), rng.permutation(30)
    assert places(losses[shuffle]) == [order[place] for place in shuffle]
    assert places(np.stack([np.exp(losses[:, 0]), 1e9 * losses[:, 1] ** 3], axis=1)) == order


def test_the_first_of_a_front_are_spread_over_it():
    front = np.array([[float(place), float(20 - place)] for place in range(21)])
    first = sorted(range(21), key=places(front).__getitem__)[:5]
    assert sorted(first) == [0, 5, 10, 15, 20]


def test_enough_ends_the_count_early():
    losses = np.random.default_rng(1).normal(size=(50, 2))
    for place, whole in enumerate(places(losses)):
        assert (sum(n_before(losses, place, 10)) >= 10) == (whole >= 10)


def study(*points, directions=("minimize", "minimize"), metric_names=None, state="pruned"):
    """A study whose trials have reported a point at step 1 and ended, and one more that runs."""
    history = StudyState.create(directions=directions, metric_names=metric_names)
    for place, point in enumerate(points):
        history, trial = ask(history, SAMPLER)
        history = report(history, trial, point if isinstance(point, dict) else dict(zip(NAMES, point, strict=True)), 1)
        if place < len(points) - 1:
            history = tell(history, trial, state=state)
    return history, history.running[len(points) - 1]


def test_a_dominated_trial_is_stopped_and_a_new_extreme_goes_on():
    answer = PRUNER(*study((1.0, 3.0), (3.0, 1.0), (2.0, 2.0), (3.0, 3.0)))
    assert answer.decision is Decision.STOP
    assert answer.reason == {
        "rule": "pareto", "step": 1, "rung": 0, "values": {"loss": 3.0, "latency": 3.0},
        "better": 3, "before": 3, "trials": 4, "kept": 2,
    }  # fmt: skip
    assert PRUNER(*study((1.0, 3.0), (3.0, 1.0), (2.0, 2.0), (9.0, 0.0))).decision is Decision.CONTINUE
    # of a front that is divided, the middle waits for more trials
    assert PRUNER(*study((1.0, 3.0), (3.0, 1.0), (2.0, 2.0))).decision is Decision.STOP


def test_directions_are_those_of_the_objectives_or_as_given():
    points = (1.0, 3.0), (3.0, 1.0), (2.0, 2.0), (3.0, 3.0)
    best = study(*points, directions=("maximize", "maximize"), metric_names=NAMES)
    for pruner in (PRUNER, ParetoHalvingPruner(1, 2)):
        assert pruner(*best).decision is Decision.CONTINUE
    given = ParetoHalvingPruner(1, 2, metrics=NAMES, directions=["maximize", "maximize"])
    assert given(*study(*points)).decision is Decision.CONTINUE


def test_nan_and_a_missing_metric_are_the_worst():
    assert PRUNER(*study((1.0, math.nan))).decision is Decision.STOP
    assert PRUNER(*study({"loss": 0.0})).decision is Decision.STOP
    assert PRUNER(*study((1.0, math.nan), (math.nan, 1.0), (2.0, 2.0))).decision is Decision.CONTINUE
    assert PRUNER(*study({"other": 0.0})) is Decision.CONTINUE


def test_with_one_objective_it_is_successive_halving():
    values = np.random.default_rng(2).permutation(30).tolist()
    pareto, halving, state = ParetoHalvingPruner(1, 3), SuccessiveHalvingPruner(1, 3), StudyState.create()
    for value in values:
        state, trial = ask(state, SAMPLER)
        for step in (1, 2, 3):
            state = report(state, trial, float(value), step)
            running = state.running[trial.number]
            ours, theirs = pareto(state, running), halving(state, running)
            assert getattr(ours, "decision", ours) is getattr(theirs, "decision", theirs)
            if getattr(ours, "decision", ours) is Decision.STOP:
                break
        state = tell(state, trial, state="pruned")


def test_options_and_studies_that_do_not_fit():
    with pytest.raises(SeveralObjectives, match="metrics="):
        ParetoHalvingPruner()(*study((1.0, 1.0)))
    with pytest.raises(InvalidType, match="metrics is a list of names, got 'loss'"):
        ParetoHalvingPruner(metrics="loss")
    with pytest.raises(InvalidArgument, match="none twice"):
        ParetoHalvingPruner(metrics=["loss", "loss"])
    with pytest.raises(InvalidArgument, match="one for each of the metrics"):
        ParetoHalvingPruner(metrics=["loss"], directions=["minimize", "maximize"])
    with pytest.raises(InvalidArgument, match="'minimize' or 'maximize', got 'up'"):
        ParetoHalvingPruner(metrics=["loss"], directions=["up"])


def test_a_study_keeps_a_spread_out_front_with_a_fraction_of_the_steps():
    def objective(trial):
        x, waste = trial.suggest_float("x", 0, 1), trial.suggest_float("waste", 0, 1)
        for step in range(1, 28):
            trial.report({"loss": x + waste + 1 / step, "latency": 1 - x + waste}, step)
            if step < 27 and trial.should_prune():
                raise hpo.TrialPruned
        return x + waste + 1 / 27, 1 - x + waste

    pruner = ParetoHalvingPruner(1, 3)
    run = hpo.create_study(
        directions=["minimize", "minimize"], metric_names=NAMES, sampler=SAMPLER, pruner=pruner, seed=3
    )
    run.optimize(objective, n_trials=150)
    done = [trial for trial in run.trials if trial.state is hpo.TrialState.COMPLETE]
    steps = sum(len(trial.metrics) for trial in run.trials)
    assert steps < 0.3 * 150 * 27
    xs = sorted(trial.params["x"] for trial in done)
    assert xs[0] < 0.2
    assert xs[-1] > 0.8
    assert np.mean([trial.params["waste"] for trial in done]) < 0.25
    assert hpo.verify(run).clean
