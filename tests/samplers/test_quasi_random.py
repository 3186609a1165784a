"""Quasi-random search: one point of a sequence per trial, whoever asks, in whatever order."""

import math
import subprocess
import sys

import numpy as np
import pytest
from scipy.stats import qmc

import hpo
from hpo.core import CategoricalDistribution, FloatDistribution, IntDistribution, StudyState, ask, enqueue, tell
from hpo.errors import InvalidArgument, InvalidType
from hpo.samplers import QMCSampler, RandomSampler
from hpo.study.studies import create_study, load_study

UNIT = {name: FloatDistribution(0.0, 1.0) for name in "abc"}
MIXED = {
    "x": FloatDistribution(-5.0, 5.0),
    "lr": FloatDistribution(1e-6, 1.0, log=True),
    "k": IntDistribution(1, 20),
    "p": FloatDistribution(0.0, 1.0, step=0.1),
    "c": CategoricalDistribution(["a", "b", None, 1]),
}
BOTH = pytest.mark.parametrize("kind", ["sobol", "halton"])


def points(n, sampler, space=None, seed=0):
    """The first `n` points as an array; one column per name, in order of names."""
    space = UNIT if space is None else space
    _, trials = ask(StudyState.create(seed=seed), sampler, space, n)
    return np.array([[trial.params[name] for name in sorted(space)] for trial in trials])


def objective(trial):
    c = trial.suggest_categorical("c", ["a", "b", None, 1])
    extra = trial.suggest_float("extra", 0, 1) if c == "a" else 0.0
    return trial.suggest_float("x", -5, 5) ** 2 + trial.suggest_int("k", 1, 20) + extra


@BOTH
@pytest.mark.parametrize("scramble", [False, True])
def test_points_are_those_of_the_sequence_in_every_block(kind, scramble):
    got = points(600, QMCSampler(qmc_type=kind, scramble=scramble))
    assert len({tuple(row) for row in got.tolist()}) == 600
    if not scramble:
        engine = qmc.Sobol(3, scramble=False) if kind == "sobol" else qmc.Halton(3, scramble=False)
        assert np.allclose(got, engine.random(1024)[:600], atol=1e-12)


@BOTH
def test_scrambled_points_fill_space_more_evenly_than_chance(kind):
    for seed in range(5):
        even = qmc.discrepancy(points(128, QMCSampler(qmc_type=kind), seed=seed))
        chance = qmc.discrepancy(points(128, RandomSampler(), seed=seed))
        assert even < 0.4 * chance


def test_every_choice_is_suggested_equally_often():
    space = {name: CategoricalDistribution([0, 1, 2, 3]) for name in "ab"}
    drawn = points(64, QMCSampler(), space)
    cells, counts = np.unique(drawn, axis=0, return_counts=True)
    assert len(cells) == 16
    assert set(counts) == {4}


@BOTH
def test_the_order_of_the_parameters_does_not_matter(kind):
    backwards = dict(reversed(MIXED.items()))
    sampler = QMCSampler(qmc_type=kind)
    _, forth = ask(StudyState.create(seed=3), sampler, MIXED, 20)
    _, back = ask(StudyState.create(seed=3), sampler, backwards, 20)
    assert [dict(trial.params) for trial in forth] == [dict(trial.params) for trial in back]


def test_the_seed_picks_the_sequence_and_results_do_not_matter():
    assert np.array_equal(points(9, QMCSampler(), seed=1), points(9, QMCSampler(seed=1), seed=2))
    assert not np.array_equal(points(9, QMCSampler(), seed=1), points(9, QMCSampler(), seed=2))
    plain = QMCSampler(scramble=False)
    assert np.array_equal(points(9, plain, seed=1), points(9, plain, seed=2))
    state = StudyState.create(seed=1)
    told = []
    for i in range(9):
        state, trial = ask(state, QMCSampler(), UNIT)
        told.append([trial.params[name] for name in "abc"])
        state = tell(state, trial.number, math.inf if i % 2 else -1e308)
    assert np.array_equal(told, points(9, QMCSampler(), seed=1))


def test_negative_and_huge_seeds_are_seeds():
    assert not np.array_equal(points(4, QMCSampler(seed=-1)), points(4, QMCSampler(seed=10**40)))


@BOTH
@pytest.mark.parametrize("scramble", [False, True])
@pytest.mark.parametrize(
    "distribution",
    [
        FloatDistribution(-1e308, 1e308),
        FloatDistribution(5e-324, 1e-320),
        FloatDistribution(1e-300, 1e300, log=True),
        FloatDistribution(0.1, 0.7, step=0.2),
        FloatDistribution(2.0, 2.0),
        IntDistribution(-(10**17), 10**17),
        IntDistribution(1, 2**40, log=True),
        IntDistribution(7, 7),
        CategoricalDistribution([float("nan"), True, 1, 1.0, None, "1"]),
    ],
)
def test_every_value_is_allowed(kind, scramble, distribution):
    sampler = QMCSampler(qmc_type=kind, scramble=scramble)
    _, trials = ask(StudyState.create(), sampler, {"x": distribution, "y": distribution}, 30)
    assert all(distribution.contains(value) for trial in trials for value in trial.params.values())


@pytest.mark.parametrize("order", ["any", "deterministic"])
@pytest.mark.parametrize("n_jobs", [1, 3])
@BOTH
def test_suggestions_can_be_verified(order, n_jobs, kind):
    study = create_study(sampler=QMCSampler(qmc_type=kind))
    study.optimize(objective, n_trials=20, n_jobs=n_jobs, order=order)
    assert study.trials[-1].note["rule"] == kind
    assert hpo.verify(study).clean
    assert not hpo.verify(study, QMCSampler(qmc_type=kind, seed=5)).clean


def test_a_resumed_study_is_the_uninterrupted_one(tmp_path):
    path = str(tmp_path / "study.jsonl")
    whole = create_study(sampler=QMCSampler(), seed=8)
    whole.optimize(objective, n_trials=12)
    create_study(study_name="s", sampler=QMCSampler(), seed=8, storage=path).optimize(objective, n_trials=5)
    resumed = load_study(study_name="s", storage=path, sampler=QMCSampler())
    resumed.optimize(objective, n_trials=7)
    assert [trial.params for trial in resumed.trials] == [trial.params for trial in whole.trials]
    assert hpo.verify(resumed).clean


def test_an_enqueued_trial_keeps_its_values_and_gets_the_others():
    state = enqueue(StudyState.create(), {"a": 0.25})
    _, trials = ask(state, QMCSampler(), UNIT, 2)
    assert trials[0].params["a"] == 0.25
    assert trials[0].params.keys() == UNIT.keys()


def test_parameters_beyond_the_dimensions_of_the_sequence_are_random(monkeypatch):
    monkeypatch.setattr("hpo.samplers.quasi_random._MOST_DIMENSIONS", {"sobol": 2, "halton": 2})
    assert np.array_equal(points(9, QMCSampler())[:, :2], points(9, QMCSampler(), {n: UNIT[n] for n in "ab"}))
    assert len(set(points(9, QMCSampler())[:, 2])) == 9


def test_other_options_are_refused():
    with pytest.raises(InvalidArgument, match="qmc_type is 'sobol' or 'halton', got 'latin'"):
        QMCSampler(qmc_type="latin")
    with pytest.raises(InvalidType, match="seed"):
        QMCSampler(seed="x")


def test_scipy_is_loaded_when_the_first_point_is_needed():
    script = (
        "import sys, hpo; sampler = hpo.samplers.QMCSampler(); print('scipy' in sys.modules)\n"
        "hpo.logging.set_verbosity(hpo.logging.ERROR)\n"
        "space = {'x': hpo.distributions.FloatDistribution(0, 1)}\n"
        "hpo.create_study(sampler=sampler).ask(space); print('scipy' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "True"]
