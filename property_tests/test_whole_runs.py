"""Whole runs of every sampler: a resumed run is the uninterrupted one, and a batch is one trial after another.

The laws of `hpo.testing` are about single answers; these are about what follows from them for a study.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, strategies as st
from strategies import examples

from hpo.core import (
    Ask,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
    SearchSpace,
    StudyState,
    TrialState,
    ask,
    decide,
    replay,
    report,
    tell,
)
from hpo.samplers import (
    BORESampler,
    CmaEsSampler,
    CQRSampler,
    Fallback,
    GPSampler,
    GridSampler,
    PartialFixedSampler,
    RandomSampler,
    TPESampler,
    Warmup,
)
from hpo.samplers.registry import SAMPLERS

MIXED = {
    "lr": FloatDistribution(1e-5, 1.0, log=True),
    "momentum": FloatDistribution(0.0, 0.9, step=0.1),
    "layers": IntDistribution(1, 9),
    "units": IntDistribution(8, 512, log=True),
    "kind": CategoricalDistribution(["a", True, 1, None]),
}
FINITE = {**MIXED, "lr": FloatDistribution(0.25, 1.0, step=0.25)}
CELLS = {"lr": [0.25, 0.5], "momentum": [0.1], "layers": [1, 5, 9], "units": [8, 100], "kind": ["a", True, 1, None]}

SUBJECTS = {
    **{registration.name: sampler for registration, sampler in SAMPLERS.made_without_options()},
    # their defaults cost too much
    "GPSampler": GPSampler(n_candidates=32, n_local_searches=2),
    "BORESampler": BORESampler(n_candidates=32),
    "CQRSampler": CQRSampler(n_candidates=32),
    "random with a seed": RandomSampler(seed=11),
    "grid": GridSampler(CELLS),
    "shuffled grid": GridSampler(CELLS, seed=5),
    "tpe that begins early": TPESampler(n_startup_trials=2),
    "cma-es that begins early": CmaEsSampler(popsize=3),
    "partial fixed": PartialFixedSampler({"layers": 3}, TPESampler(n_startup_trials=2)),
    "warmup": Warmup(3, GridSampler(CELLS), TPESampler(n_startup_trials=2)),
    "fallback": Fallback(GridSampler({**CELLS, "kind": ["a"]}), RandomSampler()),
}
every_sampler = pytest.mark.parametrize("name", SUBJECTS)


def space_of(name: str) -> dict[str, Any]:
    return FINITE if name == "BruteForceSampler" else MIXED


def objective(params: dict[str, Any]) -> float:
    return float(np.log(params["lr"]) ** 2 + params["momentum"] - params["layers"] + 0.01 * params["units"])


def run(state: StudyState, name: str, n: int) -> StudyState:
    """`n` more trials, of which some fail and some are pruned."""
    for _ in range(n):
        state, trial = ask(state, SUBJECTS[name], space_of(name))
        state = report(state, trial.number, objective(trial.params) + 1.0, 0)
        if trial.number % 7 == 3:
            state = tell(state, trial.number, state=TrialState.FAIL, reason="unlucky")
        elif trial.number % 7 == 5:
            state = tell(state, trial.number, state=TrialState.PRUNED)
        else:
            state = tell(state, trial.number, objective(trial.params))
    return state


@every_sampler
@given(seed=st.integers(), first=st.integers(0, 20), direction=st.sampled_from(["minimize", "maximize"]))
@examples(0.03)
def test_resume_is_the_uninterrupted_run(name, seed, first, direction) -> None:
    start = StudyState.create(directions=[direction], seed=seed)
    whole = run(start, name, 20)
    stopped = run(start, name, first)
    resumed = run(StudyState.from_bytes(stopped.to_bytes()), name, 20 - first)
    assert resumed == whole
    assert resumed.to_bytes() == whole.to_bytes()


@every_sampler
def test_twenty_trials_a_crash_and_twenty_more_are_forty(name) -> None:
    start = StudyState.create(seed=7, space=space_of(name))
    whole = run(start, name, 40)
    resumed = run(StudyState.from_bytes(run(start, name, 20).to_bytes()), name, 20)
    assert [trial.params for trial in resumed.finished] == [trial.params for trial in whole.finished]
    assert resumed == whole


@every_sampler
@given(seed=st.integers(0, 100), n=st.integers(1, 5))
@examples(0.05)
def test_a_batch_is_what_asking_one_after_another_gives(name, seed, n) -> None:
    state = run(StudyState.create(seed=seed), name, 6)
    after_batch, trials = ask(state, SUBJECTS[name], space_of(name), n)
    for trial in trials:
        state, lone = ask(state, SUBJECTS[name], space_of(name))
        assert lone == trial
    assert after_batch == state


@pytest.mark.parametrize("name", ["RandomSampler", "QMCSampler", "TPESampler", "CmaEsSampler", "partial fixed"])
def test_the_seed_of_the_study_makes_a_difference(name) -> None:
    """Otherwise the tests above would hold for a constant."""
    drawn = set()
    for seed in range(5):
        state = StudyState.create(seed=seed)
        state = replay(decide(state, Ask()), state)
        answer = SUBJECTS[name](state, state.running[0], SearchSpace(space_of(name)), state.key.child("trial", 0))
        drawn.add(repr(answer.params))
    assert len(drawn) > 1
