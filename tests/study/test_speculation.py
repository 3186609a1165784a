"""`optimize(speculate=True)`: the next trial is started while the objective runs, and nothing else changes."""

import concurrent.futures
import threading

import pytest

import hpo
from hpo.core import Suggestion, TrialFinished, TrialStarted, TrialState
from hpo.errors import InvalidArgument, InvalidType
from hpo.samplers import GPSampler, GridSampler, RandomSampler, TPESampler
from hpo.study.running.session import WITHDRAWN

PATIENCE = 20.0  # seconds: a deadlock fails instead of hanging
SPACE = {"x": hpo.FloatDistribution(-1.0, 1.0), "n": hpo.IntDistribution(0, 3)}


def loss(params):
    return (params["x"] - 0.3) ** 2 + params["n"]


def objective(trial):
    return loss({"x": trial.suggest_float("x", -1.0, 1.0), "n": trial.suggest_int("n", 0, 3)})


def gp():
    return GPSampler(n_startup_trials=3, n_candidates=32, n_local_searches=2)


@pytest.mark.parametrize(
    "sampler", [RandomSampler(), TPESampler(n_startup_trials=3), gp()], ids=["random", "tpe", "gp"]
)
def test_suggestions_are_those_of_a_loop_that_asks_one_trial_ahead(sampler):
    study = hpo.create_study(sampler=sampler, space=SPACE, seed=1)
    study.optimize(objective, n_trials=12, speculate=True)

    by_hand = hpo.create_study(sampler=sampler, space=SPACE, seed=1)
    current = by_hand.ask()
    for number in range(12):
        following = by_hand.ask() if number < 11 else None
        by_hand.tell(current, objective(current))
        current = following
    assert [trial.params for trial in study.trials] == [trial.params for trial in by_hand.trials]
    assert hpo.verify(study).clean


def test_the_next_trial_starts_before_the_one_that_runs_is_told():
    study = hpo.create_study(sampler=RandomSampler(), space=SPACE, seed=1)
    study.optimize(wait_for_the_next(study, 3), n_trials=3, speculate=True)
    order = [(type(event), event.number) for event in study.events() if isinstance(event, TrialStarted | TrialFinished)]
    assert order.index((TrialStarted, 1)) < order.index((TrialFinished, 0))
    assert order.index((TrialStarted, 2)) < order.index((TrialFinished, 1))
    assert len(study.trials) == 3


def wait_for_the_next(study, n_trials):
    """An objective that ends only when the next trial has its parameters, which another thread must give it."""
    pause = threading.Event()

    def waiting(trial):
        for _ in range(int(PATIENCE / 0.01)):
            following = study.state.running.get(trial.number + 1)
            if trial.number + 1 == n_trials or (following is not None and following.params):
                return objective(trial)
            pause.wait(0.01)
        raise AssertionError("the next trial was not started")

    return waiting


def test_a_trial_counts_from_its_turn_on():
    study = hpo.create_study(sampler=RandomSampler(), space=SPACE, seed=1)
    study.optimize(wait_for_the_next(study, 4), n_trials=4, speculate=True)
    for before, after in zip(study.trials, study.trials[1:], strict=False):
        assert after.started_at >= before.finished_at - 1e-3


def test_a_trial_whose_turn_does_not_come_is_withdrawn():
    study = hpo.create_study(sampler=RandomSampler(), space=SPACE, seed=1)

    def stopping(trial):
        value = wait_for_the_next(study, 99)(trial)
        if trial.number == 2:
            study.stop()
        return value

    study.optimize(stopping, speculate=True)
    assert [trial.state for trial in study.trials] == [TrialState.COMPLETE] * 3 + [TrialState.FAIL]
    assert study.trials[-1].reason == WITHDRAWN
    assert not study.state.running
    study.optimize(objective, n_trials=1, speculate=True)
    assert len(study.trials) == 5


@pytest.mark.parametrize(
    "sampler", [GridSampler({"n": [0, 1, 2, 3]}), TPESampler(n_startup_trials=2)], ids=["grid", "tpe"]
)
def test_a_finite_space_is_used_up(sampler):
    study = hpo.create_study(sampler=sampler, space={"n": SPACE["n"]}, seed=1)
    study.optimize(lambda trial: float(trial.suggest_int("n", 0, 3)), n_trials=20, speculate=True)
    assert sorted(trial.params["n"] for trial in study.trials) == [0, 1, 2, 3]
    assert hpo.verify(study).clean


def test_an_undeclared_space_and_branches():
    def branching(trial):
        kind = trial.suggest_categorical("kind", ["a", "b"])
        return float(trial.suggest_int(kind, 0, 9))

    study = hpo.create_study(sampler=TPESampler(n_startup_trials=3), seed=1)
    study.optimize(branching, n_trials=12, speculate=True)
    assert len(study.trials) == 12
    assert hpo.verify(study).clean


def test_an_error_of_the_objective_ends_the_run_and_leaves_nothing_running():
    study = hpo.create_study(sampler=RandomSampler(), space=SPACE, seed=1)

    def broken(trial):
        wait_for_the_next(study, 99)(trial)
        raise RuntimeError("broken")

    with pytest.raises(RuntimeError, match="broken"):
        study.optimize(broken, n_trials=5, speculate=True)
    assert {trial.state for trial in study.trials} == {TrialState.FAIL}
    assert len(study.trials) == 2
    assert not study.state.running


def test_an_error_of_the_sampler_is_raised_at_the_turn_of_its_trial():
    def broken(state, trial, space, key):
        if trial.number == 1:
            raise RuntimeError("no idea")
        return Suggestion({"x": 0.0, "n": 1})

    study = hpo.create_study(sampler=broken, space=SPACE, seed=1)
    with pytest.raises(RuntimeError, match="no idea"):
        study.optimize(objective, n_trials=5, speculate=True)
    assert study.trials[0].state is TrialState.COMPLETE
    assert not study.state.running


def test_total_trials_and_stopping_rules_count():
    study = hpo.create_study(sampler=RandomSampler(), space=SPACE, seed=1)
    study.optimize(objective, total_trials=4, speculate=True)
    assert sum(trial.state is TrialState.COMPLETE for trial in study.trials) == 4
    study.optimize(objective, n_trials=9, stop=hpo.stopping.MaxTrials(6), speculate=True)
    assert sum(trial.state is TrialState.COMPLETE for trial in study.trials) == 6
    assert not study.state.running


@pytest.mark.parametrize("options", [{"n_jobs": 2}, {"order": "deterministic"}])
def test_it_is_for_one_trial_at_a_time(options):
    with pytest.raises(InvalidArgument, match="one trial at a time"):
        hpo.create_study().optimize(objective, n_trials=1, speculate=True, **options)


def test_other_wrong_arguments_are_refused():
    study = hpo.create_study()
    with (
        concurrent.futures.ThreadPoolExecutor(1) as pool,
        pytest.raises(InvalidArgument, match="one trial at a time"),
    ):
        study.optimize(objective, n_trials=1, speculate=True, executor=pool)
    with pytest.raises(InvalidType, match="True or False, got 1"):
        study.optimize(objective, n_trials=1, speculate=1)
    promoted = hpo.create_study(promoter=lambda state, key: None)
    with pytest.raises(InvalidArgument, match="without a promoter"):
        promoted.optimize(objective, n_trials=1, speculate=True)
