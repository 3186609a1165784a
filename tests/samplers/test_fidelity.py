"""Reports in place of results: the step that counts, what is shown of each trial, and that TPE learns from it."""

import attrs
import numpy as np

import hpo
from hpo.core import Ask, Identity, StudyState, TrialState, ask, decide, identity_of, pause, replay, report, tell
from hpo.distributions import FloatDistribution
from hpo.pruners import SuccessiveHalvingPruner
from hpo.samplers import RandomSampler, TPESampler
from hpo.samplers.parts import at_highest_fidelity
from hpo.study.replaying.rebuild import rebuild_advisor

UNIT = {"x": FloatDistribution(0.0, 1.0)}
EAGER = TPESampler(n_startup_trials=3, consider_reports=True)


def study(*trials):
    """A study of (state, reports); a running trial ends the list."""
    state = StudyState.create(seed=1)
    for kind, reports in trials:
        state, trial = ask(state, RandomSampler(), UNIT)
        for step, value in reports.items():
            state = report(state, trial, value, step)
        if kind == "paused":
            state = pause(state, trial)
        elif kind == "complete":
            state = tell(state, trial, 100.0)
        elif kind != "running":
            state = tell(state, trial, state=kind)
    return state


def shown(state, enough, number=99):
    return {trial.number: (trial.state.value, trial.values) for trial in at_highest_fidelity(state, number, enough)}


def test_the_highest_step_with_enough_reports_counts():
    state = study(
        ("pruned", {1: 4.0}),
        ("pruned", {1: 5.0, 3: 2.0}),
        ("paused", {1: 6.0, 3: 3.0}),
        ("complete", {1: 1.0, 3: 0.5, 9: 0.1}),
    )
    assert shown(state, 3) == {
        0: ("pruned", (4.0,)), 1: ("complete", (2.0,)), 2: ("complete", (3.0,)), 3: ("complete", (0.5,))
    }  # fmt: skip
    assert {number: values for number, (_, values) in shown(state, 4).items()} == {
        0: (4.0,), 1: (5.0,), 2: (6.0,), 3: (1.0,)
    }  # fmt: skip
    for enough in (1, 5):  # one complete trial is enough, or nothing is
        assert at_highest_fidelity(state, 99, enough) is state


def test_failed_trials_nan_and_the_trial_that_asks_do_not_count():
    state = study(("pruned", {1: 4.0}), ("pruned", {1: float("nan")}), ("fail", {1: 1.0}), ("running", {1: 2.0}))
    assert at_highest_fidelity(state, 99, 3) is state
    assert at_highest_fidelity(state, 3, 2) is state
    seen = at_highest_fidelity(state, 99, 2)
    assert shown(state, 2)[3] == ("complete", (2.0,))
    assert not seen.running
    assert [trial.state for trial in seen.finished][:3] == [TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAIL]


def test_several_objectives_are_left_alone():
    state = StudyState.create(directions=["minimize", "minimize"])
    assert at_highest_fidelity(state, 0, 1) is state


def halved(sampler, seed, n_trials=60):
    """A study whose values at the first step tell which x is good, and whose few complete trials do not."""
    state, pruner = StudyState.create(seed=seed), SuccessiveHalvingPruner(1, 3)
    for _ in range(n_trials):
        state, trial = ask(state, sampler, UNIT)
        for step in range(1, 28):
            state = report(state, trial, abs(trial.params["x"] - 0.3) + 1.0 / step, step)
            if step < 27 and hpo.should_prune(state, pruner, trial):
                state = tell(state, trial, state="pruned")
                break
        else:
            state = tell(state, trial, abs(trial.params["x"] - 0.3))
    return state


def test_without_reports_the_suggestions_are_those_without_the_option():
    plain, both = TPESampler(n_startup_trials=3), []
    for sampler in (plain, attrs.evolve(plain, consider_reports=True)):
        state = StudyState.create(seed=2)
        for _ in range(15):
            state, trial = ask(state, sampler, UNIT)
            state = tell(state, trial, trial.params["x"])
        both.append([trial.params for trial in state.finished])
    assert both[0] == both[1]


def test_tpe_learns_from_pruned_trials():
    aside = [
        np.median([abs(trial.params["x"] - 0.3) for trial in halved(EAGER, seed).finished[30:]]) for seed in range(4)
    ]
    assert np.mean(aside) < 0.15  # random search has 0.27


def test_a_run_is_replayed_and_a_journal_without_the_option_is_rebuilt():
    sampler = TPESampler(n_startup_trials=8, consider_reports=True)
    study = hpo.create_study(sampler=sampler, pruner=SuccessiveHalvingPruner(1, 3), seed=4)

    def objective(trial):
        x = trial.suggest_float("x", 0, 1)
        for step in range(1, 10):
            trial.report(x + 1 / step, step)
            if step < 9 and trial.should_prune():
                raise hpo.TrialPruned
        return x

    study.optimize(objective, n_trials=40)
    assert hpo.verify(study).clean
    recorded = identity_of(TPESampler(n_startup_trials=4))
    options = {name: value for name, value in recorded.options.items() if name != "consider_reports"}
    assert rebuild_advisor(Identity("TPESampler", recorded.version, options)) == TPESampler(n_startup_trials=4)


def test_one_in_three_is_drawn_at_random_while_reports_stand_for_results():
    state = study(*[("pruned", {1: float(place)}) for place in range(12)])
    state = replay(decide(state, Ask()), state)  # a trial without parameters yet
    trial, space = state.running[12], hpo.SearchSpace(UNIT)
    answers = [EAGER(state, trial, space, state.key.child("trial", number)) for number in range(60)]
    rules = [answer.note["rule"] for answer in answers]
    assert {*rules} == {"exploration", "model"}
    assert 10 <= rules.count("exploration") <= 30
