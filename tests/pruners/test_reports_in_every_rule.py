"""What reports mean is the same for every rule: NaN is the worst, steps may be sparse, start anywhere and be large."""

import math

import pytest

import hpo
from hpo import pruners
from hpo.core import FloatDistribution, Key, StudyState, TrialState, ask, ask_pruner, pause, report, tell
from hpo.samplers import RandomSampler

SAMPLER = RandomSampler()
X = {"x": FloatDistribution(0, 1)}
LARGE = (100, 2_000, 10**9, 10**15)
RULES = {
    "median": pruners.MedianPruner(n_startup_trials=2),
    "percentile": pruners.PercentilePruner(50.0, n_startup_trials=2),
    "upper limit": pruners.ThresholdPruner(upper=5.0),
    "patient": pruners.PatientPruner(None, patience=1),
    "patient median": pruners.PatientPruner(pruners.MedianPruner(n_startup_trials=2), patience=1),
    "wilcoxon": pruners.WilcoxonPruner(),
    "halving": pruners.SuccessiveHalvingPruner(min_resource=1, reduction_factor=2),
    "halving by itself": pruners.SuccessiveHalvingPruner(),
    "hyperband": pruners.HyperbandPruner(min_resource=1, max_resource=64),
    "hyperband by itself": pruners.HyperbandPruner(),
    "population": pruners.PauseInPopulation(interval=2),
}


def studied(steps, direction="minimize"):
    """Ten complete trials whose values at each step are 0.1 to 1.0, with more to come at early steps."""
    sign = -1.0 if direction == "maximize" else 1.0
    state = StudyState.create(seed=1, direction=direction)
    for i in range(10):
        state, trial = ask(state, SAMPLER, X)
        for step in steps:
            state = report(state, trial, sign * (0.1 + i / 10 + 1.0 / (step + 1)), step)
        state = tell(state, trial, sign * (0.1 + i / 10))
    return state


def decisions(rule, state, reports):
    state, trial = ask(state, SAMPLER, X)
    found = []
    for step, value in reports:
        state = report(state, trial, value, step)
        found.append(ask_pruner(state, rule, state.running[trial.number]).decision.value)
    return found


@pytest.mark.parametrize("direction", ["minimize", "maximize"])
@pytest.mark.parametrize("name", RULES)
def test_nan_is_as_bad_as_it_gets(name, direction):
    state, worst = studied(range(1, 9), direction), math.inf if direction == "minimize" else -math.inf
    rule = pruners.ThresholdPruner(lower=-5.0) if name == "upper limit" and direction == "maximize" else RULES[name]
    for first_bad in (1, 3, 6):
        good = [(step, 0.0) for step in range(1, first_bad)]
        bad = range(first_bad, 9)
        answers = [decisions(rule, state, [*good, *((step, value) for step in bad)]) for value in (math.nan, worst)]
        assert answers[0] == answers[1]


@pytest.mark.parametrize("name", RULES)
def test_steps_may_be_sparse_and_large(name):
    state, rule = studied(LARGE), RULES[name]
    assert "stop" not in decisions(rule, state, [(step, 0.0) for step in LARGE])
    if "patient" not in name:  # a trial that was never better has not got worse
        assert "stop" in decisions(rule, state, [(step, 9.0) for step in LARGE])


@pytest.mark.parametrize("start", [0, 1, 5, 1_000])
@pytest.mark.parametrize("name", RULES)
def test_steps_may_start_anywhere(name, start):
    steps = range(start, start + 9)
    assert "stop" not in decisions(RULES[name], studied(steps), [(step, 0.0) for step in steps])


@pytest.mark.parametrize("end", [True, False])
@pytest.mark.parametrize("name", ["halving", "hyperband"])
def test_a_milestone_that_was_skipped_is_never_recorded_late(name, end):
    """A trial that was seen at step 1 and then at 40 has no value at the rungs in between, so it is nobody's rival there."""
    rule = RULES[name]
    state = StudyState.create(seed=1)
    for _ in range(20):
        state, trial = ask(state, SAMPLER, X)
        for step, value in ((1, 5.0), (40, -100.0)):  # after 40 steps far better than anybody at 9
            state = report(state, trial, value, step)
        state = tell(state, trial, 0.0) if end else state
    assert decisions(rule, state, [(1, 1.0), (3, 1.0), (9, 1.0), (20, 1.0)]) == ["continue"] * 4


def test_a_milestone_that_was_skipped_is_not_promoted_from_and_nan_is_never_promoted():
    halving = pruners.PromotionHalving(min_resource=1, reduction_factor=3, max_resource=81)
    state = StudyState.create(seed=1)
    for reports in ([(1, 0.5), (30, 0.1)], [(1, math.nan)], [(1, 0.7)], [(1, 0.6)], [(1, 0.8)], [(1, 0.9)]):
        state, trial = ask(state, SAMPLER, X)
        for step, value in reports:
            state = report(state, trial, value, step)
        state = pause(state, trial)
    resumed = halving(state, Key(0))
    # six trials have been at rung 0, so two may go on; the one that skipped rungs 1 and 2 waits at rung 3, where it is alone
    assert (resumed.number, resumed.reason["rung"], resumed.reason["trials"]) == (3, 0, 6)
    state = StudyState.create(seed=1)
    for _ in range(6):
        state, trial = ask(state, SAMPLER, X)
        state = pause(report(state, trial, math.nan, 1), trial)
    assert halving(state, Key(0)) is None


def test_the_first_report_of_a_step_stands_in_every_kind_of_run():
    def objective(trial):
        trial.report(1.0, 0)
        with pytest.warns(UserWarning, match="has a value for step 0 already: it stays"):
            trial.report(0.0, 0)
        return 1.0

    study = hpo.create_study(sampler=SAMPLER, pruner=pruners.NopPruner())
    study.optimize(objective, n_trials=1)
    study.optimize(objective, n_trials=1, n_jobs=2, order="deterministic")
    assert [dict(trial.intermediate_values) for trial in study.trials] == [{0: 1.0}] * 2
    assert {trial.state for trial in study.trials} == {TrialState.COMPLETE}
