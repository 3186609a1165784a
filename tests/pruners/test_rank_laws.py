"""Laws of pruners on random learning curves: what must not change a decision, and what must follow from a rank."""

import math
import random

import pytest
from msgspec.structs import replace

from hpo.core import InsertOnlyDict, StudyState, TrialState, ask, report, tell
from hpo.pruners import (
    Decision,
    HyperbandPruner,
    MedianPruner,
    PauseAtRungs,
    PauseInPopulation,
    PercentilePruner,
    SuccessiveHalvingPruner,
    Verdict,
    WilcoxonPruner,
)
from hpo.samplers import RandomSampler

SAMPLER = RandomSampler()
HALVING = SuccessiveHalvingPruner(1, 2)
RANKS = [HALVING, HyperbandPruner(1, 8, 2), PauseInPopulation(2), PauseAtRungs(1, 2)]
AT_ONE_STEP = [MedianPruner(0), PercentilePruner(25.0, 0), *RANKS]
STEPS = 9


def study(rng, n=12, direction="minimize", seed=0):
    """Finished trials of all states and two that run, with sparse reports, ties and NaN."""
    state = StudyState.create(direction=direction, seed=seed)
    for number in range(n + 2):
        state, trial = ask(state, SAMPLER)
        for step in sorted(rng.sample(range(STEPS), rng.randint(1, STEPS))):
            state = report(state, trial, rng.choice([math.nan, *map(float, range(8))]), step)
        if number < n:
            outcome = rng.choice(["complete", "complete", "pruned", "fail"])
            state = tell(state, trial, rng.random() if outcome == "complete" else None, state=outcome)
    return state


def decision(pruner, state, number=None):
    number = max(state.running) if number is None else number
    answer = pruner(state, state.running[number])
    return answer.decision if isinstance(answer, Verdict) else answer


def with_reports(state, change):
    def changed(trial):
        reports = InsertOnlyDict({step: change(step, value) for step, value in trial.intermediate_values.items()})
        return replace(trial, intermediate_values=reports)

    finished = type(state.finished)([changed(trial) for trial in state.finished])
    running = type(state.running)({number: changed(trial) for number, trial in state.running.items()})
    return replace(state, finished=finished, running=running)


@pytest.mark.parametrize("pruner", RANKS, ids=repr)
def test_only_the_order_of_values_counts(pruner):
    rng = random.Random(1)
    for seed in range(60):
        state = study(rng, seed=seed)
        assert decision(pruner, state) is decision(pruner, with_reports(state, lambda _, value: math.exp(value) - 50.0))


@pytest.mark.parametrize("pruner", AT_ONE_STEP, ids=repr)
def test_nan_counts_as_the_worst_value_there_is(pruner):
    rng = random.Random(2)
    for seed in range(60):
        state = study(rng, seed=seed)
        newest = state.running[max(state.running)]
        if any(math.isnan(value) for value in newest.intermediate_values.values()):
            continue  # of the trial itself, NaN ends it, which a bad value need not
        assert decision(pruner, state) is decision(
            pruner, with_reports(state, lambda _, value: math.inf if math.isnan(value) else value)
        )


@pytest.mark.parametrize("pruner", AT_ONE_STEP, ids=repr)
def test_what_others_report_at_later_steps_does_not_count(pruner):
    rng = random.Random(3)
    for seed in range(60):
        state = study(rng, seed=seed)
        newest = max(state.running)
        other = min(state.running)
        before = decision(pruner, state)
        last = state.running[newest].last_step
        for step in range(STEPS, STEPS + 20):
            state = report(state, other, rng.random(), 8 * (last + 1) + step)
        assert decision(pruner, state, newest) is before


@pytest.mark.parametrize(
    "pruner",
    [MedianPruner(0), PercentilePruner(25.0, 0), HALVING, WilcoxonPruner(p_threshold=0.3), PauseInPopulation(2)],
    ids=repr,
)
@pytest.mark.parametrize("direction", ["minimize", "maximize"])
def test_the_best_goes_on_and_the_worst_of_many_is_stopped(pruner, direction):
    sign = 1.0 if direction == "minimize" else -1.0
    state = StudyState.create(direction=direction)
    for value in range(20):
        state, trial = ask(state, SAMPLER)
        for step in range(STEPS):
            state = report(state, trial, sign * (value + 0.01 * step), step)
        state = tell(state, trial, sign * value)
    found = {}
    for name, value in (("best", -1.0), ("worst", 99.0)):
        after, trial = ask(state, SAMPLER)
        decisions = set()
        for step in range(STEPS):
            after = (
                report(after, trial, sign * (value + step), step)
                if name == "worst"
                else report(after, trial, sign * value, step)
            )
            decisions.add(decision(pruner, after))
        found[name] = Decision.STOP in decisions
    assert found == {"best": False, "worst": True}


@pytest.mark.parametrize("pruner", [MedianPruner(0), PercentilePruner(25.0, 0), HALVING], ids=repr)
def test_a_trial_that_is_better_everywhere_is_not_stopped_where_a_worse_one_goes_on(pruner):
    rng = random.Random(4)
    for seed in range(60):
        state = study(rng, seed=seed)
        steps = sorted(rng.sample(range(STEPS), rng.randint(1, STEPS)))
        worse = {step: rng.uniform(0, 8) for step in steps}
        answers = []
        for delta in (0.0, 0.7):
            after, trial = ask(state, SAMPLER)
            for step in steps:
                after = report(after, trial, worse[step] - delta, step)
            answers.append(decision(pruner, after))
        assert not (answers[0] is Decision.CONTINUE and answers[1] is Decision.STOP)


@pytest.mark.parametrize("pruner", [*AT_ONE_STEP, WilcoxonPruner()], ids=repr)
def test_the_state_alone_decides_whichever_way_it_came_to_be(pruner):
    rng = random.Random(5)
    for seed in range(20):
        state = study(rng, seed=seed)
        first = pruner(state, state.running[max(state.running)])
        again = StudyState.from_bytes(state.to_bytes())
        assert (
            pruner(again, again.running[max(again.running)])
            == first
            == pruner(state, state.running[max(state.running)])
        )


def test_trials_end_in_all_states_in_these_studies():
    rng = random.Random(6)
    states = {trial.state for seed in range(5) for trial in study(rng, seed=seed).finished}
    assert states == {TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAIL}
