"""One sync of the disk serves all threads whose records were written before it began."""

import fcntl
import os
import threading
import time
from pathlib import Path

import pytest
from patience import PATIENCE

import hpo
from hpo.core import TrialEnqueued
from hpo.errors import Conflict, OutcomeUnknown
from hpo.journal import FileStorage

N_THREADS = 8


@pytest.fixture
def study(tmp_path):
    return hpo.create_study(storage=tmp_path / "s.jsonl", sampler=hpo.samplers.RandomSampler())


@pytest.fixture
def syncs(monkeypatch, study):
    """The number of trials that were written as finished when each sync began; the first one waits for all of them."""
    begun = []
    journal = Path(study.storage.path)

    def n_told():
        return journal.read_bytes().count(b'"finished"')

    def wait_for_all():
        until = time.monotonic() + PATIENCE
        while n_told() < N_THREADS and time.monotonic() < until:
            time.sleep(0.001)
        with journal.open("rb") as file:  # the last writer unlocks once it has noted how far the file now reaches
            fcntl.flock(file, fcntl.LOCK_EX)

    def fdatasync(fd):
        begun.append(n_told())
        if len(begun) == 1:
            wait_for_all()
        sync(fd)

    sync = os.fdatasync
    monkeypatch.setattr(os, "fdatasync", fdatasync)
    return begun


def in_threads(*acts):
    threads = [threading.Thread(target=act) for act in acts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def test_results_that_many_threads_tell_while_one_is_synced_share_the_next_sync(study, syncs):
    trials = study.ask(n=N_THREADS)
    in_threads(*[lambda trial=trial: study.tell(trial, 1.0) for trial in trials])
    assert syncs[1:] == [N_THREADS]
    assert {trial.value for trial in study.trials} == {1.0}


def test_a_failed_sync_is_told_to_all_that_it_would_have_served(study, monkeypatch):
    trials, failed = study.ask(n=3), []

    def fdatasync(fd):
        raise OSError(5, "Input/output error")

    def tell(trial):
        try:
            study.tell(trial, 1.0)
        except OutcomeUnknown as error:
            failed.append(str(error))

    monkeypatch.setattr(os, "fdatasync", fdatasync)
    in_threads(*[lambda trial=trial: tell(trial) for trial in trials])
    assert len(failed) == 3
    assert all("Input/output error" in message for message in failed)


def test_what_is_written_is_there_for_all_and_its_sync_waits_until_it_is_asked_for(tmp_path, make_events, monkeypatch):
    storage, synced = FileStorage(tmp_path / "s.jsonl"), []
    journal = storage.create("s", make_events(0))
    monkeypatch.setattr(os, "fdatasync", synced.append)
    sync = journal.write([TrialEnqueued(0, {})], expected=1)
    assert [*storage.open("s").read(1)] == [TrialEnqueued(0, {})]
    with pytest.raises(Conflict):
        journal.write([TrialEnqueued(1, {})], expected=1)
    assert not synced
    sync()
    assert len(synced) == 1
