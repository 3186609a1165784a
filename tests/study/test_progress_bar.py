"""`show_progress_bar`."""

import operator
import sys
import time

import pytest

import hpo
from hpo.samplers import RandomSampler

unit = operator.methodcaller("suggest_float", "x", 0, 1)


@pytest.fixture
def study():
    return hpo.create_study(sampler=RandomSampler(), seed=0)


def last_bar(capsys):
    return capsys.readouterr().err.replace("\r", "\n").rstrip().splitlines()[-1]


@pytest.mark.parametrize("options", [{}, {"n_jobs": 2}, {"n_jobs": 2, "order": "deterministic"}])
def test_the_bar_counts_trials_and_tells_the_best(study, capsys, options):
    study.optimize(unit, n_trials=7, show_progress_bar=True, **options)
    bar = last_bar(capsys)
    assert "7/7" in bar
    assert f"best is trial {study.best_trial.number}: {study.best_value:.6g}" in bar


def test_without_a_number_of_trials_the_bar_counts_seconds(study, capsys, monkeypatch):
    clock = 1000.0
    monkeypatch.setattr(time, "monotonic", lambda: clock)

    def objective(trial):
        nonlocal clock
        clock += 0.15
        return unit(trial)

    study.optimize(objective, timeout=0.2, show_progress_bar=True)
    assert len(study.trials) == 2
    bar = last_bar(capsys)
    assert "0.2/0.2" in bar
    assert "best is trial" in bar


def test_without_any_limit_the_bar_counts_up(study, capsys):
    def objective(trial):
        if trial.number == 2:
            study.stop()
        return unit(trial)

    study.optimize(objective, show_progress_bar=True)
    assert "3trial" in last_bar(capsys).replace(" ", "")


def test_failed_trials_count_and_have_no_best(study, capsys):
    study.optimize(lambda trial: None, n_trials=2, show_progress_bar=True)
    bar = last_bar(capsys)
    assert "2/2" in bar
    assert "best" not in bar


def test_several_objectives_have_a_bar_without_a_best(capsys):
    study = hpo.create_study(directions=["minimize", "minimize"], sampler=RandomSampler())
    study.optimize(lambda trial: (1.0, 2.0), n_trials=2, show_progress_bar=True)
    assert "2/2" in last_bar(capsys)


def test_the_bar_is_closed_when_a_run_ends_with_an_error(study, capsys):
    def objective(trial):
        raise LookupError

    with pytest.raises(LookupError):
        study.optimize(objective, n_trials=2, show_progress_bar=True)
    assert "0/2" in capsys.readouterr().err
    study.optimize(unit, n_trials=1, show_progress_bar=True)
    assert "1/1" in last_bar(capsys)


def test_there_is_no_bar_unless_asked_for(study, capsys):
    study.optimize(unit, n_trials=2)
    assert "%|" not in capsys.readouterr().err


def test_missing_tqdm_is_a_warning(study, monkeypatch):
    monkeypatch.setitem(sys.modules, "tqdm.auto", None)
    with pytest.warns(UserWarning, match=r"pip install 'purehpo\[progress\]'"):
        study.optimize(unit, n_trials=2, show_progress_bar=True)
    assert len(study.trials) == 2
