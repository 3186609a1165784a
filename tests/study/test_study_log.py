"""What the log says, and where: point 24 of what the documents leave open."""

import logging
import re

import pytest

import hpo
from hpo.samplers import GridSampler, RandomSampler


@pytest.fixture(autouse=True)
def _default_logging():
    logger = hpo.logging.get_logger()
    level, propagate, handlers = logger.level, logger.propagate, [*logger.handlers]
    hpo.logging.set_verbosity(hpo.logging.INFO)
    hpo.logging.enable_default_handler()
    hpo.logging.disable_propagation()
    yield
    logger.setLevel(level)
    logger.propagate, logger.handlers[:] = propagate, handlers


def lines(capsys):
    """The messages on standard error, after their stamps have been checked."""
    stamped = re.compile(r"^\[([IW]) \d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3}\] (.*)$")
    return [stamped.match(line).groups() for line in capsys.readouterr().err.splitlines()]


def test_log_of_creation_and_trials(capsys):
    study = hpo.create_study(study_name="digits", sampler=RandomSampler())
    study.optimize(lambda trial: [2.5, 0.5, 1.5][trial.number], n_trials=3)
    assert lines(capsys) == [
        ("I", "A new study created in memory with name: digits"),
        ("I", "Trial 0 finished with value: 2.5 and parameters: {}. Best is trial 0 with value: 2.5."),
        ("I", "Trial 1 finished with value: 0.5 and parameters: {}. Best is trial 1 with value: 0.5."),
        ("I", "Trial 2 finished with value: 1.5 and parameters: {}. Best is trial 1 with value: 0.5."),
    ]


def test_log_says_that_a_study_is_continued(capsys, tmp_path):
    place = {"study_name": "digits", "storage": str(tmp_path / "study.jsonl"), "sampler": RandomSampler()}
    hpo.create_study(**place).add_trial(hpo.create_trial(value=0.5))
    hpo.create_study(**place, load_if_exists=True)
    assert lines(capsys)[1:] == [
        ("I", f"Using an existing study in {tmp_path}/study.jsonl with name: digits (1 trial)")
    ]


def test_parameters_are_shown_as_a_plain_dict(capsys):
    study = hpo.create_study(sampler=GridSampler({"x": [0.5], "c": ["a"]}))
    study.optimize(lambda trial: trial.suggest_float("x", 0, 1) + len(trial.suggest_categorical("c", ["a", "b"])))
    assert lines(capsys)[1][1].startswith(
        "Trial 0 finished with value: 1.5 and parameters: {'x': 0.5, 'c': 'a'}. Best is"
    )


def test_log_of_pruned_and_failed_trials(capsys):
    study = hpo.create_study(sampler=RandomSampler())
    ends = [hpo.TrialPruned("enough"), hpo.TrialPruned(), ValueError("a mistake"), None]

    def objective(trial):
        if ends[trial.number] is not None:
            raise ends[trial.number]
        return float("nan")

    study.optimize(objective, n_trials=4, catch=ValueError)
    _, pruned, silent, failed, nan = lines(capsys)
    assert pruned == ("I", "Trial 0 pruned. enough")
    assert (silent[0], silent[1].rstrip()) == ("I", "Trial 1 pruned.")
    assert failed[0] == nan[0] == "W"
    assert failed[1].startswith("Trial 2 failed with parameters: {} because of the following error: ValueError: a mis")
    assert "NaN" in nan[1]


def test_log_of_several_objectives_is_by_name(capsys):
    study = hpo.create_study(directions=["minimize", "maximize"], sampler=RandomSampler())
    study.optimize(lambda trial: (1.0, 2.0), n_trials=1)
    study.set_metric_names(["loss", "accuracy"])
    study.optimize(lambda trial: (1.0, 2.0), n_trials=1)
    assert [message for _, message in lines(capsys)][1:] == [
        "Trial 0 finished with values: [1.0, 2.0] and parameters: {}.",
        "Trial 1 finished with values: {'loss': 1.0, 'accuracy': 2.0} and parameters: {}.",
    ]


def test_a_sampler_that_has_nothing_left_is_told(capsys):
    hpo.create_study(sampler=GridSampler({"x": [1.0]})).optimize(lambda trial: trial.suggest_float("x", 0, 1))
    level, message = lines(capsys)[-1]
    assert level == "I"
    assert message.startswith("The study stops: nothing is left to suggest: all 1 combinations")


def test_told_trials_are_logged_from_parallel_runs_too(capsys):
    study = hpo.create_study(sampler=RandomSampler())
    study.optimize(lambda trial: 1.0, n_trials=4, n_jobs=2)
    assert len([message for _, message in lines(capsys) if "finished" in message]) == 4


def test_messages_below_the_verbosity_are_not_made(capsys):
    study = hpo.create_study(sampler=RandomSampler())
    capsys.readouterr()
    hpo.logging.set_verbosity(hpo.logging.WARNING)
    assert hpo.logging.get_verbosity() == logging.WARNING
    study.optimize(lambda trial: None if trial.number else 1.0, n_trials=2)
    assert [level for level, _ in lines(capsys)] == ["W"]
    hpo.logging.set_verbosity(hpo.logging.ERROR)
    study.optimize(lambda trial: None, n_trials=1)
    assert capsys.readouterr().err == ""


def test_the_levels_are_those_of_the_standard_library():
    for name in ("CRITICAL", "FATAL", "ERROR", "WARNING", "WARN", "INFO", "DEBUG"):
        assert getattr(hpo.logging, name) == getattr(logging, name)


def test_default_handler_is_unique_and_follows_standard_error(capsys):
    hpo.logging.enable_default_handler()
    hpo.logging.enable_default_handler()
    hpo.create_study(sampler=RandomSampler())
    assert len(lines(capsys)) == 1
    hpo.logging.disable_default_handler()
    hpo.create_study(sampler=RandomSampler())
    assert capsys.readouterr().err == ""


def test_messages_reach_the_root_logger_only_on_demand():
    root, records = logging.getLogger(), []
    handler = logging.Handler()
    handler.emit = records.append
    root.addHandler(handler)
    try:
        hpo.create_study(sampler=RandomSampler())
        assert records == []
        hpo.logging.enable_propagation()
        hpo.create_study(sampler=RandomSampler())
    finally:
        root.removeHandler(handler)
    assert [record.name for record in records] == ["hpo"]
