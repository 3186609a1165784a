"""Why a trial was pruned or paused, in words: with the trial, in the log, in tables, however it was run."""

import concurrent.futures

import pytest

import hpo
from hpo import Decision, TrialState, Verdict
from hpo.pruners import NopPruner, ThresholdPruner
from hpo.samplers import RandomSampler
from hpo.study.running.messages import reason_in_words


def over_one(state, trial):
    value = trial.intermediate_values[trial.last_step]
    reason = {"rule": "over_one", "step": trial.last_step, "value": value, "limit": 1.0}
    return Verdict(Decision.STOP, reason) if value > 1.0 else Decision.CONTINUE


WHY = "over one: step 3, value 2.5, limit 1"


def study_with(pruner=over_one):
    return hpo.create_study(sampler=RandomSampler(), pruner=pruner, seed=1)


def rising(trial):
    for step in range(9):
        trial.report(-5.0 + 2.5 * step, step)
        if trial.should_prune():
            raise hpo.TrialPruned
    return 0.0


@pytest.mark.parametrize("how", ["serial", "threads", "fixed order", "executor"])
def test_pruned_trial_has_the_reason_of_the_pruner(how, caplog):
    study = study_with()
    hpo.logging.enable_propagation()
    with concurrent.futures.ThreadPoolExecutor(1) as executor:
        options = {
            "serial": {},
            "threads": {"n_jobs": 2},
            "fixed order": {"n_jobs": 2, "order": "deterministic"},
            "executor": {"executor": executor},
        }[how]
        study.optimize(rising, n_trials=2, **options)
    hpo.logging.disable_propagation()
    assert [(trial.state, trial.reason) for trial in study.trials] == [(TrialState.PRUNED, WHY)] * 2
    assert f"Trial 0 pruned. {WHY}" in caplog.text
    assert study.trials_dataframe(attrs=("reason",))["reason"].tolist() == [WHY] * 2


def test_the_objectives_own_words_come_first():
    def objective(trial):
        trial.report(2.0, 0)
        assert trial.should_prune()
        raise hpo.TrialPruned("too slow")

    study = study_with()
    study.optimize(objective, n_trials=1)
    assert study.trials[0].reason == "too slow"


def test_told_trial_has_the_reason_of_the_pruner_if_that_stopped_it():
    study = study_with()
    for tell in (
        lambda trial: study.tell(trial, state="pruned"),
        lambda trial: study.tell(trial.number, state="pruned"),
    ):
        trial = study.ask()
        assert trial.verdict is None
        trial.report(2.5, 3)
        assert trial.ask_pruner() == trial.verdict
        assert tell(trial).reason == WHY
    stopped, lucky, patient = study.ask(n=3)
    for trial in (stopped, lucky):
        trial.report(2.5, 3)
        trial.should_prune()
    assert study.tell(stopped, state="pruned", reason="too slow").reason == "too slow"
    assert study.tell(lucky, 0.0).reason is None
    assert study.tell(patient, state="pruned").reason is None


def test_pruner_that_says_go_on_is_no_reason():
    def objective(trial):
        trial.report(2.0, 0)
        assert not trial.should_prune()
        raise hpo.TrialPruned

    study = study_with(ThresholdPruner(upper=9.0))
    study.optimize(objective, n_trials=1)
    assert study.trials[0].reason is None


def test_paused_trial_has_the_reason_until_it_ends():
    study = study_with(lambda state, trial: Verdict(Decision.PAUSE, {"rule": "rung", "step": trial.last_step}))
    trial = study.ask()
    trial.report(1.0, 4)
    assert trial.pause_point("a")
    assert study.trials[0].reason == "rung: step 4"
    assert hpo.StudyState.from_bytes(study.state.to_bytes()) == study.state
    again = study.resume(0)
    assert study.tell(again, 1.0).reason is None
    by_hand = study_with(NopPruner())
    by_hand.pause(by_hand.ask())
    assert by_hand.trials[0].reason is None


def test_stopping_rule_says_why_once(caplog):
    study = study_with()
    hpo.logging.enable_propagation()
    study.optimize(lambda trial: 1.0, stop=hpo.stopping.NoImprovement(2) & hpo.stopping.MaxTrials(4), n_jobs=2)
    hpo.logging.disable_propagation()
    said = [record.getMessage() for record in caplog.records if "The study stops" in record.getMessage()]
    assert len({*said}) == 1
    assert said[0].startswith("The study stops: all: reasons (no improvement: trials ")


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        (None, None),
        ("enough", "enough"),
        ({"rule": "median"}, "median"),
        (
            {"rule": "all", "of": [{"rule": "a", "n": 1}, "b"], "rest": {"x": 0.25}},
            "all: of (a: n 1; b), rest (x 0.25)",
        ),
        ({"n_trials": 3}, "n trials 3"),
        ([1, True, None], "(1; True; None)"),
        (float("nan"), "nan"),
    ],
)
def test_reasons_in_words(reason, words):
    assert reason_in_words(reason) == words
