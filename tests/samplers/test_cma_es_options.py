"""What the options of CMA-ES do in a study: where it begins, how it draws, slows down, restarts, avoids repeats."""

import math
import statistics
from collections import Counter

import numpy as np
import pytest
from sampled_studies import best, study

import hpo
from hpo.core import (
    CategoricalDistribution,
    Exhausted,
    FloatDistribution,
    IntDistribution,
    Key,
    SearchSpace,
    StudyState,
    TrialState,
    ask,
    create_trial,
    identity_of,
    tell,
)
from hpo.errors import HpoError, InvalidArgument
from hpo.samplers.cma_es import CmaEsSampler
from hpo.samplers.cma_es.coding import DrawCoding
from hpo.samplers.cma_es.sampler import fold_for
from hpo.samplers.random import RandomSampler
from hpo.study.replaying.rebuild import rebuild_advisor

PLANE = SearchSpace({"x": FloatDistribution(-5.0, 5.0), "y": FloatDistribution(-5.0, 5.0)})
CELLS = SearchSpace({"k": IntDistribution(0, 5), "p": FloatDistribution(0.0, 1.0, step=0.25)})


def valley(params):
    return 10.0 * (params["x"] - 3.0) ** 2 + (params["y"] + 2.0) ** 2


def wavy(params):
    return sum(x * x - 5.0 * math.cos(2.0 * math.pi * x) + 5.0 for x in (params["x"] - 2.3, params["y"] + 3.1))


def run(n, loss=valley, space=PLANE, sampler=None, **create):
    return study(n, loss, space, sampler or CmaEsSampler(), **create)


def carry_of(state, sampler, space=PLANE):
    return state.finished.fold(fold_for(sampler, space, state.directions, state.seed))


def centre(trials):
    return [statistics.mean(trial.params[name] for trial in trials) for name in ("x", "y")]


def source(n=200, seed=5, **changes):
    """Trials of a study of the valley."""
    return [
        create_trial(value=valley(params), params=params, distributions=PLANE, **changes)
        for x, y in np.random.default_rng(seed).uniform(-5.0, 5.0, (n, 2)).tolist()
        for params in [{"x": x, "y": y}]
    ]


# -- where it begins


def test_a_warm_start_begins_near_the_sources_best_and_in_their_shape():
    state = run(9, sampler=CmaEsSampler(source_trials=source(), n_startup_trials=0))
    assert centre(state.finished) == pytest.approx([3.0, -2.0], abs=1.0)
    model = carry_of(StudyState.create(), CmaEsSampler(source_trials=source())).model
    assert model.variances[0] < 0.7 * model.variances[1]  # x counts ten times as much


def test_a_warm_start_is_worth_many_trials():
    cold = statistics.median(best(run(30, seed=seed)) for seed in range(5))
    warm = statistics.median(
        best(run(30, sampler=CmaEsSampler(source_trials=source()), seed=seed)) for seed in range(5)
    )
    assert warm < 0.5 * cold


def test_a_warm_start_maximizes_where_the_study_does():
    sampler = CmaEsSampler(source_trials=source(), n_startup_trials=0)
    state = run(9, valley, sampler=sampler, directions=["maximize"])
    assert centre(state.finished)[0] < 0.0


def test_source_trials_that_do_not_fit_are_left_out():
    odd = [
        create_trial(state=TrialState.FAIL, params={"x": -5.0, "y": 5.0}, distributions=PLANE),
        create_trial(value=-1.0, params={"x": -5.0}, distributions={"x": PLANE["x"]}),
        create_trial(value=-1.0, params={"x": -5.0, "y": 5.0}, distributions=PLANE, constraints={"limit": 1.0}),
        create_trial(value=-math.inf, params={"x": -5.0, "y": 5.0}, distributions=PLANE),
        {"params": {"x": -5.0, "y": 7.0}, "value": -1.0},
        {"params": {"x": True, "y": "a"}, "value": -1.0},
    ]
    plain, more = CmaEsSampler(source_trials=source()), CmaEsSampler(source_trials=[*source(), *odd])
    assert carry_of(StudyState.create(), plain) == carry_of(StudyState.create(), more)
    with pytest.raises(InvalidArgument, match="none of 3 has a value within the range of each of x, y"):
        run(2, sampler=CmaEsSampler(source_trials=odd))


def test_a_warm_start_needs_only_one_source():
    sampler = CmaEsSampler(source_trials=[{"params": {"x": 4.0, "y": 1.0}, "value": 0.0}], n_startup_trials=0)
    line = SearchSpace({"x": PLANE["x"]})
    state = run(4, lambda params: params["x"], line, sampler)
    assert statistics.mean(trial.params["x"] for trial in state.finished) == pytest.approx(4.0, abs=1.0)


@pytest.mark.parametrize("separable", [False, True])
def test_a_warm_started_study_is_rebuilt_and_verified(separable):
    other = hpo.create_study(sampler=RandomSampler(seed=1))
    other.optimize(lambda trial: valley({name: trial.suggest_float(name, -5, 5) for name in ("x", "y")}), n_trials=30)
    sampler = CmaEsSampler(source_trials=other.trials, use_separable_cma=separable)
    assert rebuild_advisor(identity_of(sampler)) == sampler
    study = hpo.create_study(sampler=sampler)
    study.optimize(lambda trial: valley({name: trial.suggest_float(name, -5, 5) for name in ("x", "y")}), n_trials=20)
    assert hpo.verify(study).clean


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"source_trials": 3}, "source_trials"),
        ({"source_trials": [3]}, "'params' and 'value'"),
        ({"source_trials": [{"params": {"x": 1.0}}]}, "'params' and 'value'"),
        ({"source_trials": [{"params": {"x": [1.0]}, "value": 1.0}]}, "source_trials gives 'x'"),
        ({"source_trials": source(2), "x0": {"x": 1.0}}, "either source_trials, or x0"),
        ({"source_trials": source(2), "sigma0": 0.1}, "either source_trials, or x0"),
        (
            {"source_trials": [create_trial(values=[1.0, 2.0])]},
            "the value of trial 0 requires a single objective",
        ),
        ({"lr_adapt": 1}, "lr_adapt"),
        ({"duplicates": "never"}, "duplicates"),
        ({"restart_strategy": "nipop"}, "'ipop' or 'bipop'"),
    ],
)
def test_invalid_options_are_named(options, message):
    with pytest.raises(HpoError, match=message):
        CmaEsSampler(**options)


# -- how it draws


def test_the_draws_of_a_generation_come_in_mirrored_pairs():
    sampler = CmaEsSampler(n_startup_trials=0, sigma0=0.01)
    state = StudyState.create(seed=4)
    trials = []
    for _ in range(6):  # a generation
        state, trial = ask(state, sampler, PLANE)
        trials.append(trial)
    for one, two in zip(trials[::2], trials[1::2], strict=True):
        assert one.params["x"] == pytest.approx(-two.params["x"])
        assert one.params["y"] == pytest.approx(-two.params["y"])


def test_a_start_of_other_trials_splits_no_pair():
    state = run(5, sampler=CmaEsSampler(n_startup_trials=4))
    state, trial = ask(state, CmaEsSampler(n_startup_trials=4), PLANE)
    first = state.finished[4]
    assert first.note["rule"] == trial.note["rule"] == "model"
    assert trial.params["x"] == pytest.approx(-first.params["x"])


@pytest.mark.parametrize("popsize", [None, 3])
@pytest.mark.parametrize("n_running", [1, 3, 7, 20])
def test_concurrent_workers_never_draw_the_same_point(n_running, popsize):
    state, sampler, running = StudyState.create(seed=n_running), CmaEsSampler(popsize=popsize, n_startup_trials=4), []
    for _ in range(150):
        state, trial = ask(state, sampler, PLANE)
        running.append(trial)
        if len(running) == n_running:
            done = running.pop(trial.number % len(running))
            state = tell(state, done.number, valley(done.params))
    points = Counter((trial.params["x"], trial.params["y"]) for trial in (*state.finished, *state.running.values()))
    assert set(points.values()) == {1}


# -- how it slows down and starts again


def test_adaptive_rates_get_nearer_to_a_noisy_optimum():
    def regret(lr_adapt, seed):
        chance, sampler = Key(seed).generator(), CmaEsSampler(lr_adapt=lr_adapt, restart_strategy=None)
        state = run(2500, lambda params: valley(params) + 5.0 * chance.standard_normal(), sampler=sampler, seed=seed)
        return valley(DrawCoding.of(PLANE).params(carry_of(state, sampler).model.mean)[0])

    plain, adapting = (statistics.median(regret(adapt, seed) for seed in range(7)) for adapt in (False, True))
    assert adapting < 0.5 * plain


def test_learning_rates_fall_where_results_are_chance():
    chance, sampler = Key(3).generator(), CmaEsSampler(lr_adapt=True, restart_strategy=None)
    rates = carry_of(run(900, lambda params: chance.standard_normal(), sampler=sampler), sampler).model.rates
    assert rates.mean.value < 0.2
    assert rates.covariance.value < 0.5


@pytest.mark.parametrize("strategy", ["ipop", "bipop"])
def test_restarts_find_the_deepest_of_many_valleys(strategy):
    found = {
        rule: sum(
            best(run(1000, wavy, sampler=CmaEsSampler(restart_strategy=rule), seed=seed)) < 0.01 for seed in range(5)
        )
        for rule in (strategy, None)
    }
    assert found[strategy] > found[None]


def test_bipop_makes_large_and_small_runs():
    sampler = CmaEsSampler(restart_strategy="bipop")
    state = run(3000, valley, sampler=sampler)
    learned = carry_of(state, sampler)
    assert learned.run.number > 3
    assert learned.run.n_small > 0
    assert learned.run.n_large > 0
    assert learned.run.largest_popsize >= 12


def test_a_margin_does_not_keep_a_run_alive():
    space = SearchSpace({**PLANE, "k": IntDistribution(0, 9)})
    state = run(500, lambda params: valley(params) + (params["k"] - 4) ** 2, space)
    assert carry_of(state, CmaEsSampler(), space).run.number >= 1


# -- repeats


@pytest.mark.parametrize("n_startup_trials", [0, 5])
def test_a_finite_space_is_exhausted_without_repeats(n_startup_trials):
    sampler = CmaEsSampler(n_startup_trials=n_startup_trials)
    state = run(30, lambda params: params["k"] + params["p"], CELLS, sampler)
    assert len({(trial.params["k"], trial.params["p"]) for trial in state.finished}) == 30
    answer = sampler(state, state.finished[0], CELLS, Key(1))
    assert isinstance(answer, Exhausted)
    assert "30" in answer.reason


def test_repeats_are_allowed_on_request():
    state = run(60, lambda params: params["k"] + params["p"], CELLS, CmaEsSampler(duplicates="allow"))
    assert len({(trial.params["k"], trial.params["p"]) for trial in state.finished}) < 30


def test_a_finite_space_with_categories_is_tried_without_repeats():
    space = SearchSpace({"k": IntDistribution(0, 3), "c": CategoricalDistribution(["a", "b", "c"])})
    state = run(12, lambda params: params["k"] + (params["c"] == "b"), space)
    assert len({(trial.params["k"], trial.params["c"]) for trial in state.finished}) == 12


def test_without_repeats_the_best_cells_are_still_tried_first():
    space = SearchSpace({"k": IntDistribution(0, 29), "l": IntDistribution(0, 29)})
    loss = lambda params: (params["k"] - 21) ** 2 + (params["l"] - 8) ** 2  # noqa: E731
    states = [run(150, loss, space, seed=seed) for seed in range(3)]
    assert all(best(state) == 0 for state in states)
    near = [sum(trial.value <= 8 for trial in state.finished) for state in states]
    assert statistics.median(near) > 12  # 25 of 900 cells: chance would try 4
