"""Pausing and resuming trials, and promoters, which resume or fork trials instead of starting new ones."""

import concurrent.futures
import multiprocessing
import signal
import subprocess
import sys

import pytest

import hpo
from hpo import ForkTrial, Resume, TrialState, Verdict
from hpo.core import AdvisorSet, PruningDecided, TrialEnqueued, TrialResumed, TrialStarted
from hpo.errors import InvalidType, TrialNotPaused, TrialNotRunning
from hpo.pruners import Decision, NopPruner
from hpo.samplers import BruteForceSampler, GridSampler, RandomSampler, TPESampler

X = {"x": hpo.FloatDistribution(0, 1)}
RUNGS = 3


def halving_pruner(state, trial):
    """Pauses a trial at each step but the last one, with a reason."""
    if trial.last_step is None or trial.last_step == RUNGS - 1:
        return Decision.CONTINUE
    return Verdict(Decision.PAUSE, {"rule": "rung", "step": trial.last_step})


def best_first(state, key):
    """Promotes the paused trial with the lowest last value, if at least three wait."""
    waiting = [trial for trial in state.paused.values() if trial.intermediate_values]
    if len(waiting) < 3:
        return None
    best = min(waiting, key=lambda trial: (trial.intermediate_values[trial.last_step], trial.number))
    return Resume(best.number, {"rule": "best first", "of": [trial.number for trial in waiting]})


def worst_first(state, key):
    waiting = [trial for trial in state.paused.values() if trial.intermediate_values]
    return Resume(max(trial.number for trial in waiting), {"rule": "worst first"}) if len(waiting) >= 3 else None


def fork_of_best(state, key):
    """Forks the best of every third trials, with a value drawn from the key."""
    if state.n_trials % 3 or not state.finished:
        return None
    best = min(state.finished, key=lambda trial: trial.values)
    return ForkTrial(best.number, {"x": float(key.generator().random())}, {"of": best.number})


def in_rungs(trial):
    """Works step by step from its checkpoint on, and pauses when it is told to."""
    x = trial.suggest_float("x", 0, 1)
    first = 0 if trial.checkpoint is None else int(trial.checkpoint) + 1
    for step in range(first, RUNGS):
        trial.report(x / (step + 1), step)
        if trial.ask_pruner().decision is Decision.PAUSE:
            trial.pause(str(step))
            return None
    return x + trial.suggest_float("late", 0, 1)


@pytest.fixture
def study():
    return hpo.create_study(sampler=RandomSampler(), pruner=NopPruner(), seed=1)


def halving_study(**options):
    return hpo.create_study(sampler=RandomSampler(), pruner=halving_pruner, promoter=best_first, seed=1, **options)


# --- pause and resume


def test_paused_trial_keeps_parameters_reports_and_checkpoint(study):
    trial = study.ask(X)
    trial.report(0.5, 0)
    trial.set_user_attr("host", "a")
    study.pause(trial, "epoch-0.pt")
    (paused,) = study.trials
    assert (paused.state, paused.checkpoint, paused.worker) == (TrialState.PAUSED, "epoch-0.pt", None)
    assert (paused.params, paused.intermediate_values) == (trial.params, {0: 0.5})
    assert study.get_trials(states=["paused"]) == [paused]
    assert study.get_trials(states=[TrialState.RUNNING]) == []


@pytest.mark.parametrize("how", ["trial", "number", "frozen"])
def test_pause_and_resume_take_a_trial_or_its_number(study, how):
    trial = study.ask(X)

    def named():
        return {"trial": trial, "number": 0, "frozen": study.trials[0]}[how]

    study.pause(named())
    assert study.trials[0].state is TrialState.PAUSED
    again = study.resume(named())
    assert (again.number, again.params, again.checkpoint) == (0, trial.params, None)


def test_resumed_trial_returns_stored_parameters_and_goes_on(study):
    trial = study.ask()
    x, n = trial.suggest_float("x", 0, 1), trial.suggest_int("n", 1, 9)
    trial.report(1.0, 0)
    study.pause(trial, "a")
    again = study.resume(0)
    assert again.params == {"x": x, "n": n}
    assert (again.suggest_float("x", 0, 1), again.suggest_int("n", 1, 9)) == (x, n)
    with pytest.warns(UserWarning, match="has a value for step 0 already"):
        again.report(2.0, 0)
    again.report(0.5, 1)
    finished = study.tell(again, 0.25)
    assert (finished.params, finished.intermediate_values) == ({"x": x, "n": n}, {0: 1.0, 1: 0.5})
    assert hpo.verify(study).clean


def test_resumed_trial_keeps_parameters_that_are_not_asked_for(study):
    trial = study.ask()
    x = trial.suggest_float("x", 0, 1)
    study.pause(trial)
    assert study.tell(study.resume(0), 1.0).params == {"x": x}


def test_second_pause_without_a_checkpoint_keeps_the_first(study):
    study.pause(study.ask(), "a")
    study.pause(study.resume(0))
    assert study.resume(0).checkpoint == "a"


def test_paused_trial_can_be_told_without_being_resumed(study):
    study.pause(study.ask(X))
    assert study.tell(0, state="fail", reason="not worth it").state is TrialState.FAIL
    study.pause(study.ask(X))
    assert study.tell(1, 0.5).value == 0.5


def test_only_running_trials_can_be_paused_and_only_paused_ones_resumed(study):
    trial = study.ask()
    with pytest.raises(TrialNotPaused, match="trial 0 is running"):
        study.resume(0)
    study.pause(trial)
    with pytest.raises(TrialNotRunning, match="trial 0 is paused"):
        study.pause(0)
    with pytest.raises(TrialNotRunning, match="trial 0 is paused"):
        trial.report(1.0, 0)
    study.tell(0, 1.0)
    with pytest.raises(TrialNotPaused):
        study.resume(0)
    with pytest.raises(hpo.errors.TrialNotFound):
        study.pause(7)
    with pytest.raises(InvalidType):
        study.pause(study.ask(), checkpoint=3)


def test_any_process_resumes_what_another_paused(tmp_path):
    path = str(tmp_path / "runs") + "/"
    study = hpo.create_study(storage=path, study_name="s", sampler=RandomSampler(), seed=1)
    trial = study.ask(X)
    study.pause(trial, "a")
    script = (
        "import hpo, sys\n"
        "study = hpo.load_study(storage=sys.argv[1])\n"
        "trial = study.resume(0)\n"
        "print(trial.suggest_float('x', 0, 1), trial.checkpoint)\n"
        "study.tell(trial, 0.5)\n"
    )
    ran = subprocess.run([sys.executable, "-c", script, path], capture_output=True, text=True, check=True, timeout=100)
    assert ran.stdout == f"{trial.params['x']} a\n"
    assert study.trials[0].value == 0.5


# --- in a run


def test_paused_trial_is_not_told_and_callbacks_are_not_called(study, caplog):
    hpo.logging.enable_propagation()
    heard = []

    def objective(trial):
        if trial.number == 0:
            trial.pause("here")
            return None
        return 1.0

    study.optimize(objective, n_trials=2, callbacks=[lambda study, trial: heard.append(trial.number)])
    hpo.logging.disable_propagation()
    assert [trial.state for trial in study.trials] == [TrialState.PAUSED, TrialState.COMPLETE]
    assert heard == [1]
    assert "Trial 0 is paused. Checkpoint: here" in caplog.text


def test_log_says_that_a_trial_is_resumed(caplog):
    study = halving_study()
    hpo.logging.enable_propagation()
    study.optimize(in_rungs, n_trials=6)
    hpo.logging.disable_propagation()
    resumed = next(event.number for event in study.events() if isinstance(event, TrialResumed))
    assert "Trial 0 is paused. Rung: step 0. Checkpoint: 0" in caplog.text
    assert f"Trial {resumed} is resumed. Best first: of (0; 1; 2). Checkpoint: 0" in caplog.text
    paused = next(trial for trial in study.trials if trial.state is TrialState.PAUSED)
    assert paused.reason == "rung: step 0"


def test_log_says_why_a_trial_is_forked(caplog):
    study = hpo.create_study(sampler=RandomSampler(), pruner=NopPruner(), promoter=fork_of_best, seed=1)
    hpo.logging.enable_propagation()
    study.optimize(in_rungs, n_trials=4)
    hpo.logging.disable_propagation()
    fork = study.trials[3]
    assert f"Trial 3 is a fork of trial {fork.parent}. Of {fork.parent}." in caplog.text


def test_objective_may_raise_trial_pruned_after_it_paused(study):
    def objective(trial):
        study.pause(trial.number)
        raise hpo.TrialPruned

    study.optimize(objective, n_trials=1)
    assert study.trials[0].state is TrialState.PAUSED


def test_error_after_a_pause_ends_the_run_and_keeps_the_trial_paused(study):
    def objective(trial):
        trial.pause("a")
        raise OSError("no room for the log")

    with pytest.raises(OSError, match="no room for the log"):
        study.optimize(objective, n_trials=3)
    assert [trial.state for trial in study.trials] == [TrialState.PAUSED]


def test_trial_that_somebody_else_paused_ends_at_its_next_report():
    storage = hpo.journal.MemoryStorage()
    study = hpo.create_study(storage=storage, study_name="s", sampler=RandomSampler())
    elsewhere = hpo.load_study(storage=storage, sampler=RandomSampler())

    def objective(trial):
        elsewhere.pause(trial.number)
        trial.report(1.0, 0)
        return 1.0

    study.optimize(objective, n_trials=1)
    assert study.trials[0].state is TrialState.PAUSED


def test_stopping_rule_is_asked_after_a_pause(study):
    study.pruner = halving_pruner

    def in_one_step(trial):
        trial.report(0.0, 0)
        assert trial.pause_point()

    study.optimize(in_one_step, n_trials=9, stop=lambda state: hpo.stopping.Stop("enough") if state.paused else None)
    assert len(study.trials) == 1


def process_pool(method):
    return concurrent.futures.ProcessPoolExecutor(2, mp_context=multiprocessing.get_context(method))


def executor_options():
    fork = multiprocessing.get_context("fork")
    return {
        "one after another": dict,
        "threads": lambda: {"n_jobs": 2},
        "fixed order": lambda: {"n_jobs": 2, "order": "deterministic"},
        "thread pool": lambda: {"executor": concurrent.futures.ThreadPoolExecutor(2)},
        "process pool": lambda: {"executor": concurrent.futures.ProcessPoolExecutor(2, mp_context=fork)},
        "process pool in a fixed order": lambda: {
            "executor": concurrent.futures.ProcessPoolExecutor(2, mp_context=fork),
            "order": "deterministic",
        },
    }


@pytest.mark.parametrize("how", executor_options())
def test_promoter_resumes_trials_in_every_kind_of_run(how):
    study = halving_study()
    options = executor_options()[how]()
    study.optimize(in_rungs, n_trials=25, **options)
    if "executor" in options:
        options["executor"].shutdown()
    resumed = [event for event in study.events() if isinstance(event, TrialResumed)]
    complete = study.get_trials(states=["complete"])
    assert len(resumed) > 5
    assert complete
    assert study.get_trials(states=["fail"]) == []
    for trial in complete:
        assert [*trial.intermediate_values] == [*range(RUNGS)]
        assert (trial.checkpoint, {*trial.params}) == (str(RUNGS - 2), {"x", "late"})
    result = hpo.verify(study, pruner=halving_pruner, promoter=best_first)
    assert result.clean, result
    assert result.n_promotions == result.n_promotions_equal == len(resumed)
    assert result.n_suggestions >= len(study.trials)


def by_pause_points(trial):
    """Works like `in_rungs`, with `pause_point`."""
    x = trial.suggest_float("x", 0, 1)
    for step in range(0 if trial.checkpoint is None else int(trial.checkpoint) + 1, RUNGS):
        trial.report(x / (step + 1), step)
        if trial.pause_point(checkpoint=lambda step=step: str(step)):
            return None
    return x


@pytest.mark.parametrize("how", [*executor_options(), "spawned processes"])
def test_paused_trials_end_as_if_they_had_not_been_paused_in_every_kind_of_run(how):
    study = halving_study()
    spawned = {"spawned processes": lambda: {"executor": process_pool("spawn")}}
    options = (executor_options() | spawned)[how]()
    study.optimize(by_pause_points, n_trials=14, **options)
    study.promoter = lambda state, key: Resume(min(state.paused), "clear up") if state.paused else None
    for _ in range(RUNGS):  # nothing waits for ever: whoever asks next gets it
        study.optimize(by_pause_points, n_trials=len(study.state.paused), **options)
    if "executor" in options:
        options["executor"].shutdown()
    assert {trial.state for trial in study.trials} == {TrialState.COMPLETE}
    for trial in study.trials:
        straight = trial.params["x"]
        assert trial.value == straight
        assert dict(trial.intermediate_values) == {step: straight / (step + 1) for step in range(RUNGS)}


@pytest.mark.parametrize("how", executor_options())
def test_promoter_forks_trials_in_every_kind_of_run(how):
    study = hpo.create_study(sampler=RandomSampler(), pruner=NopPruner(), promoter=fork_of_best, seed=1)
    options = executor_options()[how]()
    study.optimize(in_rungs, n_trials=14, **options)
    if "executor" in options:
        options["executor"].shutdown()
    forks = [trial for trial in study.trials if trial.parent is not None]
    assert forks
    for trial in forks:
        assert trial.params["x"] == trial.fixed_params["x"]
    result = hpo.verify(study, promoter=fork_of_best)
    assert result.clean, result
    assert result.n_promotions == len(forks)


def test_same_seed_gives_the_same_run_in_a_fixed_order():
    runs = []
    for _ in range(2):
        study = halving_study()
        study.optimize(in_rungs, n_trials=20, n_jobs=3, order="deterministic")
        runs.append([(t.number, t.state, t.values, t.params) for t in study.trials])
    assert runs[0] == runs[1]


# --- promoters


def test_ask_resumes_what_the_promoter_names(study):
    trials = study.ask(X, n=3)
    for trial in trials:
        trial.report(1.0 - trial.number, 0)
        trial.pause(f"c{trial.number}")
    study.promoter = best_first
    again = study.ask(X)
    assert (again.number, again.checkpoint, again.params) == (2, "c2", trials[2].params)
    assert study.ask(X).number == 3, "only two are paused now"


def test_resumed_trial_without_parameters_is_given_none_of_the_space(study):
    study.pause(study.ask())
    study.promoter = lambda state, key: Resume(0, "go on")
    again = study.ask(X)
    assert (again.number, again.params) == (0, {})
    assert 0 <= again.suggest_float("x", 0, 1) <= 1


def test_ask_starts_a_fork_with_the_checkpoint_of_its_parent(study):
    study.pause(study.ask(X), "weights")
    study.promoter = lambda state, key: ForkTrial(0, {"x": 0.25}, "try it")
    trial = study.ask({**X, "y": hpo.FloatDistribution(0, 1)})
    assert (trial.number, trial.parent, trial.checkpoint) == (1, 0, "weights")
    assert trial.params["x"] == 0.25
    assert 0 <= trial.params["y"] <= 1
    assert study.tell(trial, 1.0).fixed_params == {"x": 0.25}


def test_enqueued_trial_goes_before_a_promotion(study):
    study.pause(study.ask(X))
    study.promoter = lambda state, key: Resume(0, "first")
    study.enqueue_trial({"x": 0.5})
    assert study.ask(X).params == {"x": 0.5}
    assert study.ask(X).number == 0


def test_promotion_is_recorded_after_the_promoter_with_its_reason(study):
    study.pause(study.ask(X))
    study.promoter = lambda state, key: Resume(0, {"rung": 1}) if state.paused else None
    study.ask()
    *_, recorded, event = study.events()
    assert isinstance(recorded, AdvisorSet)
    assert recorded.kind == "promoter"
    assert isinstance(event, TrialResumed)
    assert (event.number, event.reason) == (0, {"rung": 1})


def test_promoter_that_promotes_nothing_is_not_recorded(study):
    study.promoter = lambda state, key: None
    study.ask(X)
    assert not any(isinstance(event, AdvisorSet) and event.kind == "promoter" for event in study.events())


def test_trial_is_resumed_once_when_two_ask_for_it():
    storage = hpo.journal.MemoryStorage()
    study = hpo.create_study(storage=storage, study_name="s", sampler=RandomSampler(), seed=1)
    study.pause(study.ask(X))
    other = hpo.load_study(storage=storage, sampler=RandomSampler())
    raced = []

    def promoter(state, key):
        if not raced:
            raced.append(other.resume(0).number)
        return Resume(0, "race") if 0 in state.paused else None

    study.promoter = promoter
    assert study.ask(X).number == 1
    assert raced == [0]
    assert [type(event) for event in study.events()].count(TrialResumed) == 1


def test_invalid_promotion_is_refused_and_starts_nothing(study):
    study.promoter = lambda state, key: 3
    before = study.state.version
    with pytest.raises(InvalidType, match="a promoter answers with Resume, ForkTrial or None"):
        study.ask()
    with pytest.raises(InvalidType):
        study.optimize(in_rungs, n_trials=1)
    assert study.state.version == before
    with pytest.raises(InvalidType, match="a promoter is a function of"):
        study.promoter = Resume
    with pytest.raises(InvalidType):
        hpo.create_study(promoter="best")


def test_promoter_goes_with_forks_pickles_and_studies(study):
    import pickle

    study = halving_study(study_name="s")
    assert study.fork("t").promoter is best_first
    assert pickle.loads(pickle.dumps(study)).promoter is best_first
    study.promoter = None
    assert study.promoter is None


def test_loading_says_that_a_recorded_promoter_is_to_be_passed(caplog):
    storage = hpo.journal.MemoryStorage()
    study = halving_study(storage=storage, study_name="s")
    study.optimize(in_rungs, n_trials=8)
    hpo.logging.enable_propagation()
    assert hpo.load_study(storage=storage).promoter is None
    assert "pass promoter=" in caplog.text
    caplog.clear()
    given = hpo.load_study(storage=storage, sampler=RandomSampler(), pruner=NopPruner(), promoter=best_first)
    hpo.logging.disable_propagation()
    assert given.promoter is best_first
    assert caplog.text == ""


@pytest.mark.parametrize("sampler", [GridSampler({"x": [1, 2, 3, 4]}), BruteForceSampler()])
def test_configurations_of_paused_trials_are_not_suggested_again(sampler):
    study = hpo.create_study(sampler=sampler, promoter=best_first, pruner=NopPruner())

    def objective(trial):
        x = trial.suggest_int("x", 1, 4)
        if trial.checkpoint is None:
            trial.report(x, 0)
            trial.pause("a")
            return None
        return x

    study.optimize(objective, n_trials=50)
    assert len(study.trials) == 4
    assert [trial.state.name for trial in study.trials].count("COMPLETE") == 2


# --- decisions with reasons


def test_should_prune_is_true_only_for_stop(study):
    answers = {0: Decision.PAUSE, 1: Verdict(Decision.STOP, {"why": 1}), 2: Decision.CONTINUE}
    study.pruner = lambda state, trial: answers[trial.last_step]
    trial = study.ask()
    said = []
    for step in range(3):
        trial.report(0.0, step)
        said.append(trial.should_prune())
    assert said == [False, True, False]
    decided = [event for event in study.events() if isinstance(event, PruningDecided)]
    assert [(event.decision, event.reason) for event in decided] == [
        ("pause", None),
        ("stop", {"why": 1}),
        ("continue", None),
    ]


def test_verdict_of_the_pruner_comes_with_its_reason(study):
    study.pruner = halving_pruner
    trial = study.ask()
    trial.report(1.0, 0)
    assert trial.ask_pruner() == Verdict(Decision.PAUSE, {"rule": "rung", "step": 0})


def test_verify_names_another_reason(study):
    def reasoned(text):
        return lambda state, trial: Verdict(Decision.CONTINUE, text)

    study.pruner = reasoned("a")
    trial = study.ask()
    trial.report(1.0, 0)
    trial.should_prune()
    result = hpo.verify(study, pruner=reasoned("b"))
    assert (result.n_decisions, result.n_decisions_equal) == (1, 0)
    assert result.first_difference.kind == "pruning decision"
    assert "a" in result.first_difference.recorded


def test_verify_names_another_promotion():
    study = halving_study()
    study.optimize(in_rungs, n_trials=20)
    result = hpo.verify(study, pruner=halving_pruner, promoter=worst_first)
    assert result.n_promotions_equal < result.n_promotions
    difference = result.first_difference
    assert (difference.kind, difference.parameter) == ("promotion", None)
    assert difference.recorded[0] == difference.computed[0] == "resume"
    assert "another promoter" in difference.cause


def test_verify_says_which_promotions_it_can_not_compute(study):
    study.pause(study.ask(X))
    study.promoter = lambda state, key: Resume(0, "first") if state.paused else None
    study.ask()
    result = hpo.verify(study)
    assert not result.clean
    assert (result.n_promotions, result.n_skipped) == (0, 1)
    assert "the promoter" in result.skipped_because[0]


def test_verify_takes_a_resumption_by_a_person_as_given(study):
    study.pause(study.ask(X))
    study.resume(0)
    assert hpo.verify(study).clean


def test_model_based_suggestions_after_a_resumption_are_verified():
    study = hpo.create_study(sampler=TPESampler(n_startup_trials=3), pruner=halving_pruner, promoter=best_first, seed=3)
    study.optimize(in_rungs, n_trials=40)
    assert hpo.verify(study, pruner=halving_pruner, promoter=best_first).clean


def test_explanation_has_the_reasons():
    study = halving_study()
    study.optimize(in_rungs, n_trials=12)
    resumed = next(event.number for event in study.events() if isinstance(event, TrialResumed))
    explanation = hpo.explain(study, resumed)
    assert [decision.decision for decision in explanation.decisions][:3] == ["pause", "paused", "resume"]
    text = str(explanation)
    assert 'pause: decided by tests.study.test_pause_and_promotion.halving_pruner, because of {"rule": "rung"' in text
    assert 'paused, with the checkpoint "0"' in text
    assert 'resume: decided by tests.study.test_pause_and_promotion.best_first, because of {"rule": "best fi' in text


def test_explanation_of_a_fork_names_its_parent(study):
    study.pause(study.ask(X), "a")
    study.promoter = lambda state, key: ForkTrial(0, {"x": 0.5}, "close")
    study.ask(X)
    text = str(hpo.explain(study, 1))
    assert "x=0.5: forked from trial 0" in text
    assert 'because of "close"' in text


# --- copies, tables and workers


def test_forks_and_copies_carry_paused_trials():
    storage = hpo.journal.MemoryStorage()
    study = hpo.create_study(storage=storage, study_name="s", sampler=RandomSampler(), seed=1)
    study.pause(study.ask(X), "a")
    study.ask(X)
    fork = study.fork("t")
    hpo.copy_study(from_study_name="s", from_storage=storage, to_storage=storage, to_study_name="u")
    copy = hpo.load_study(study_name="u", storage=storage, sampler=RandomSampler())
    for each in (fork, copy):
        assert [trial.state for trial in each.trials] == [TrialState.PAUSED, TrialState.FAIL]
        assert each.resume(0).checkpoint == "a"
    assert study.trials[0].state is TrialState.PAUSED


def test_enqueue_skips_the_parameters_of_a_paused_trial(study):
    study.pause(study.ask(X))
    study.enqueue_trial(study.trials[0].params, skip_if_exists=True)
    assert len(study.trials) == 1


def test_data_frame_shows_paused_trials(study):
    study.pause(study.ask(X), "a")
    frame = study.trials_dataframe(attrs=("number", "state", "checkpoint"))
    assert frame.to_dict("records") == [{"number": 0, "state": "PAUSED", "checkpoint": "a"}]


def test_summary_counts_paused_trials():
    storage = hpo.journal.MemoryStorage()
    study = hpo.create_study(storage=storage, study_name="s", sampler=RandomSampler())
    study.pause(study.ask(X))
    (summary,) = hpo.get_all_study_summaries(storage)
    assert (summary.n_trials, summary.best_trial) == (1, None)
    assert summary.datetime_start is not None


KILLED = """
import os, signal, sys, hpo

study = hpo.load_study(storage=sys.argv[1], sampler=hpo.samplers.RandomSampler())
with study.as_worker():
    paused, running = study.ask({"x": hpo.FloatDistribution(0, 1)}, n=2)
    study.pause(paused, "a")
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_paused_trial_of_a_killed_worker_is_not_lost_and_can_be_resumed(tmp_path):
    path = str(tmp_path / "runs") + "/"
    study = hpo.create_study(storage=path, study_name="s", sampler=RandomSampler(), seed=1)
    ran = subprocess.run([sys.executable, "-c", KILLED, path], check=False, timeout=100)
    assert ran.returncode == -signal.SIGKILL
    assert [trial.number for trial in study.fail_lost_trials()] == [1]
    assert study.resume(0).checkpoint == "a"


def test_resumed_trial_belongs_to_the_worker_that_resumed_it(tmp_path):
    study = hpo.create_study(storage=str(tmp_path / "s.jsonl"), study_name="s", sampler=RandomSampler(), seed=1)
    with study.as_worker():
        study.pause(study.ask(X))
    with study.as_worker():
        study.resume(0)
        assert study.trials[0].worker is not None
        assert study.fail_lost_trials() == []
    assert [trial.number for trial in study.fail_lost_trials()] == [0]


def test_lost_trial_with_a_checkpoint_waits_for_one_more_worker_and_then_fails(tmp_path):
    study = hpo.create_study(storage=str(tmp_path / "s.jsonl"), study_name="s", sampler=RandomSampler(), seed=1)
    with study.as_worker():
        study.pause(study.ask(X), "a")
    with study.as_worker():
        study.resume(0).report(1.0, 0)
    assert study.fail_lost_trials() == []
    (trial,) = study.trials
    assert (trial.state, trial.checkpoint, trial.reason) == (TrialState.PAUSED, "a", "lost: its worker is gone")
    assert trial.intermediate_values == {0: 1.0}
    with study.as_worker():
        study.pause(study.resume(0), "b")  # it got further, so that it may be lost once more
    for state in (TrialState.PAUSED, TrialState.FAIL):
        with study.as_worker():
            study.resume(0)
        study.fail_lost_trials()
        assert study.trials[0].state is state
    assert study.trials[0].reason == "lost: its worker is gone"
    text = str(hpo.explain(study, 0))
    assert text.startswith("trial 0: fail (lost: its worker is gone)\n")
    assert 'lost, because of "lost: its worker is gone"\n  paused\n' in text
    assert hpo.load_study(storage=str(tmp_path / "s.jsonl")).trials == study.trials


def test_promoter_resumes_the_trial_of_a_killed_worker_from_its_checkpoint(tmp_path):
    study = hpo.create_study(
        storage=str(tmp_path / "s.jsonl"), sampler=RandomSampler(), pruner=halving_pruner, promoter=best_first, seed=1
    )
    study.optimize(in_rungs, n_trials=4)
    with study.as_worker():
        waiting = min(study.state.paused)
        study.resume(waiting)
    study.optimize(in_rungs, n_trials=30)
    assert study.get_trials(states=["fail"]) == []
    assert study.get_trials(states=["running"]) == []


def test_start_reads_the_journal_once_with_a_promoter(study, monkeypatch):
    study.promoter = best_first
    journal = study._recorder.journal
    reads = []
    monkeypatch.setattr(study._recorder, "_journal", Counting(journal, reads))
    study.ask(X)
    assert len(reads) == 1


class Counting:
    def __init__(self, journal, reads):
        self._journal, self._reads = journal, reads

    def read(self, after):
        self._reads.append(after)
        return self._journal.read(after)

    def append(self, events, *, expected):
        self._journal.append(events, expected=expected)


# --- the arguments of tell


@pytest.mark.parametrize("state", ["pruned", TrialState.PRUNED])
def test_tell_takes_a_state_by_name_or_as_an_enum(study, state):
    trial = study.ask()
    trial.report(0.25, 0)
    assert study.tell(trial, state=state).value == 0.25


def test_tell_agrees_with_hpo_tell(study):
    trial = study.ask(X)
    state = study.state
    told = study.tell(study.trials[0], [0.5], "complete", reason=None, sem=0.1, cost=2.0)
    pure = hpo.tell(state, trial.number, [0.5], "complete", reason=None, sem=0.1, cost=2.0, at=told.finished_at)
    assert pure.trials == study.state.trials
    assert (told.sem, told.cost) == ((0.1,), 2.0)


def test_tell_refuses_a_name_of_no_state(study):
    trial = study.ask()
    with pytest.raises(hpo.errors.InvalidArgument, match="done"):
        study.tell(trial, 1.0, "done")
    with pytest.raises(hpo.errors.InvalidArgument):
        study.tell(trial, 1.0, "paused")
    assert study.trials[0].state is TrialState.RUNNING


def test_fixed_trial_can_be_paused_and_asked_for_a_verdict():
    fixed = hpo.trial.FixedTrial({"x": 0.5})
    fixed.report({"loss": 1.0}, 0)
    fixed.pause("a")
    assert fixed.ask_pruner() == Verdict(Decision.CONTINUE)
    assert (fixed.checkpoint, fixed.metrics) == ("a", {0: {"loss": 1.0}})


def test_fork_is_enqueued_and_started_at_once(study):
    study.pause(study.ask(X))
    study.promoter = lambda state, key: ForkTrial(0, {}, "again")
    study.ask(X)
    kinds = [type(event) for event in study.events()]
    assert kinds[kinds.index(TrialEnqueued) + 1] is TrialStarted
