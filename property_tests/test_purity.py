"""Samplers and pruners are functions: what they answer depends on their arguments and on nothing else."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from strategies import attributes, examples, names, spaces, states
from subjects import PRUNERS, SAMPLERS, answers, question, suggested

from hpo.core import (
    Ask,
    CategoricalDistribution,
    Decision,
    FloatDistribution,
    FrozenDict,
    IntDistribution,
    SearchSpace,
    SetStudyAttribute,
    StudyState,
    TrialState,
    ask,
    decide,
    replay,
    report,
    tell,
)
from hpo.errors import SearchSpaceExhausted

every_sampler = pytest.mark.parametrize("name", SAMPLERS)
every_pruner = pytest.mark.parametrize("name", PRUNERS)

MIXED = {
    "lr": FloatDistribution(1e-5, 1.0, log=True),
    "momentum": FloatDistribution(0.0, 0.9, step=0.1),
    "layers": IntDistribution(1, 9),
    "units": IntDistribution(8, 512, log=True),
    "kind": CategoricalDistribution(["a", True, 1, None]),
}


@st.composite
def asked(draw: st.DrawFn) -> tuple[StudyState, dict[str, Any]]:
    """A study with one more running trial, which waits for a suggestion from a space."""
    space = draw(spaces)
    state = draw(states(space=space))
    return replay(decide(state, Ask()), state), space


@given(case=asked(), other=asked())
@examples(0.5)
def test_the_same_question_gets_the_same_answer_after_any_other_questions(case, other) -> None:
    state, space = case
    before = state.to_bytes()
    first = answers(state, space)
    answers(*other)
    assert answers(state, space) == first
    assert answers(StudyState.from_bytes(before), space) == first, "a state from bytes remembers no folds"
    assert state.to_bytes() == before, "a question changes nothing"


def test_another_process_with_other_hashes_gives_the_same_answers() -> None:
    cases = []

    @given(case=asked())
    @examples(0.2)
    def collect(case) -> None:
        cases.append(case)

    collect()
    done = subprocess.run(
        [sys.executable, "-W", "error", Path(__file__).with_name("subjects.py")],
        input="".join(f"{question(*case)}\n" for case in cases),
        env={**os.environ, "PYTHONHASHSEED": "12345"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    theirs = [json.loads(line) for line in done.stdout.splitlines()]
    ours = [json.loads(json.dumps(answers(*case))) for case in cases]
    assert len(ours) >= 5
    assert theirs == ours


@every_sampler
@given(case=asked())
@examples(0.5)
def test_suggestions_are_inside_their_domains(name, case) -> None:
    state, space = case
    try:
        state, trial = ask(state, SAMPLERS[name](space), space)
    except SearchSpaceExhausted:
        assert "grid" in name or all(distribution.n_values() is not None for distribution in space.values())
        return
    assert {*trial.params} == {*space}
    for parameter, distribution in space.items():
        assert distribution.contains(trial.params[parameter])
        builtin = distribution.to_external(distribution.to_internal(trial.params[parameter]))
        assert type(trial.params[parameter]) is type(builtin)
        assert repr(trial.params[parameter]) == repr(builtin)


@every_sampler
@given(case=asked(), key=names, value=attributes, worker=names)
@examples(0.25)
def test_names_attributes_and_workers_change_nothing(name, case, key, value, worker) -> None:
    state, space = case
    number = max(state.running)
    relabelled = replay(decide(state, SetStudyAttribute(key, value)), replace(state, name="another name"))
    trial = replace(
        state.running[number], worker=worker, started_at=1e9, user_attrs=FrozenDict({"another": "attribute"})
    )
    relabelled = replace(relabelled, running=state.running.with_item(number, trial))
    sampler = SAMPLERS[name](space)
    assert suggested(relabelled, sampler, number, space) == suggested(state, sampler, number, space)


@every_sampler
@given(case=asked())
@examples(0.25)
def test_the_order_of_the_parameters_does_not_matter(name, case) -> None:
    state, space = case
    number = max(state.running)
    sampler = SAMPLERS[name](space)
    backwards = SearchSpace({parameter: space[parameter] for parameter in reversed(space)})
    assert suggested(state, sampler, number, backwards) == suggested(state, sampler, number, space)


def objective(params: dict[str, Any]) -> float:
    return float(np.log(params["lr"]) ** 2 + params["momentum"] - params["layers"] + 0.01 * params["units"])


def run(state: StudyState, sampler: Any, n: int) -> StudyState:
    """`n` more trials, of which some fail and some are pruned."""
    for _ in range(n):
        state, trial = ask(state, sampler, MIXED)
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
    sampler = SAMPLERS[name](MIXED)
    whole = run(start, sampler, 20)
    stopped = run(start, sampler, first)
    resumed = run(StudyState.from_bytes(stopped.to_bytes()), SAMPLERS[name](MIXED), 20 - first)
    assert resumed == whole
    assert resumed.to_bytes() == whole.to_bytes()


@every_sampler
def test_twenty_trials_a_crash_and_twenty_more_are_forty(name) -> None:
    start = StudyState.create(seed=7, space=MIXED)
    sampler = SAMPLERS[name](MIXED)
    whole = run(start, sampler, 40)
    blob = run(start, sampler, 20).to_bytes()
    resumed = run(StudyState.from_bytes(blob), SAMPLERS[name](MIXED), 20)
    assert [trial.params for trial in resumed.finished] == [trial.params for trial in whole.finished]
    assert resumed == whole


@every_sampler
@given(seed=st.integers(0, 100), n=st.integers(1, 5))
@examples(0.05)
def test_a_batch_is_what_asking_one_after_another_gives(name, seed, n) -> None:
    state = run(StudyState.create(seed=seed), SAMPLERS[name](MIXED), 6)
    sampler = SAMPLERS[name](MIXED)
    after_batch, trials = ask(state, sampler, MIXED, n)
    for trial in trials:
        state, lone = ask(state, sampler, MIXED)
        assert lone == trial
    assert after_batch == state


@pytest.mark.parametrize("name", [name for name in SAMPLERS if "seed" not in name and name != "grid"])
def test_a_running_trial_and_the_seed_make_a_difference(name) -> None:
    """Or the laws above would hold for a constant."""
    if name == "shuffled grid":
        seeds = [SAMPLERS[name](MIXED)(*first_question(seed)).params for seed in (1, 1)]
        assert seeds[0] == seeds[1], "a grid has a seed of its own"
        return
    drawn = {repr(SAMPLERS[name](MIXED)(*first_question(seed)).params) for seed in range(5)}
    assert len(drawn) == 5


def first_question(seed: int) -> tuple[Any, ...]:
    state = StudyState.create(seed=seed)
    state = replay(decide(state, Ask()), state)
    return state, state.running[0], SearchSpace(MIXED), state.key.child("trial", 0)


@every_pruner
@given(state=states(space={}))
@examples(0.5)
def test_a_pruner_decides_the_same_twice_and_changes_nothing(name, state) -> None:
    before = state.to_bytes()
    decided = [PRUNERS[name](state, trial) for trial in state.running.values()]
    backwards = [PRUNERS[name](state, trial) for trial in reversed(state.running.values())]
    assert decided == backwards[::-1]
    fresh = StudyState.from_bytes(before)
    assert decided == [PRUNERS[name](fresh, trial) for trial in fresh.running.values()]
    assert all(isinstance(decision, Decision) for decision in decided)
    assert state.to_bytes() == before
    if name == "nop":
        assert Decision.STOP not in decided
