"""Clocks that jump: times are for people, and nothing depends on them."""

import itertools

import pytest

import hpo
from hpo.core import replay
from hpo.errors import JournalBusy
from hpo.journal import FileJournal
from hpo.samplers import RandomSampler, TPESampler

CLOCKS = {
    "steady": lambda: itertools.count(1732190185.0),
    "an hour back each time": lambda: itertools.count(1732190185.0, -3600.0),
    "from 1970 to 2100 and back": lambda: itertools.cycle([0.0, 4102444800.0]),
    "stopped": lambda: itertools.repeat(1732190185.0),
}


def _run(path, monkeypatch, clock):
    """A study of 30 trials, by two workers in turn, under this clock."""
    times = CLOCKS[clock]()
    with monkeypatch.context() as patch:
        patch.setattr("time.time", lambda: next(times))
        study = hpo.create_study(study_name="s", storage=path, sampler=TPESampler(n_startup_trials=5), seed=9)
        other = hpo.load_study(study_name="s", storage=path, sampler=TPESampler(n_startup_trials=5))
        study.enqueue_trial({"x": 0.125})
        for worker in [study, other] * 15:
            trial = worker.ask()
            x = trial.suggest_float("x", -1.0, 1.0)
            trial.report(x, 0)
            worker.tell(trial, x * x)
        study.optimize(lambda trial: trial.suggest_float("x", -1.0, 1.0) ** 2, n_trials=3, timeout=100.0)
    return replay(FileJournal(path).read(0))


def _without_times(state):
    return [(t.number, t.state, t.values, t.params, t.intermediate_values) for t in state.finished]


@pytest.mark.parametrize("clock", [name for name in CLOCKS if name != "steady"])
def test_r26_a_clock_that_jumps_changes_nothing_but_times(tmp_path, monkeypatch, clock):
    steady = _run(tmp_path / "steady.jsonl", monkeypatch, "steady")
    jumping = _run(tmp_path / "jumping.jsonl", monkeypatch, clock)
    assert len(steady.finished) == 33
    assert _without_times(jumping) == _without_times(steady)
    assert [t.started_at for t in jumping.finished] != [t.started_at for t in steady.finished]


def test_r26_a_wait_for_a_lock_ends_whatever_the_clock_on_the_wall_says(new_study, monkeypatch):
    import fcntl

    times = CLOCKS["an hour back each time"]()
    monkeypatch.setattr("time.time", lambda: next(times))
    study = hpo.load_study(
        study_name="s", storage=hpo.open_journal(new_study, lock_timeout=0.05), sampler=RandomSampler()
    )
    with new_study.open("rb") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        with pytest.raises(JournalBusy):
            study.ask()
    assert study.ask().number == 0
