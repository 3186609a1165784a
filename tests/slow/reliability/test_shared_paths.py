"""One journal file under several paths: a hard link, and a bind mount of the file alone, as containers have it."""

import os
import subprocess
import sys

import pytest

import hpo
from hpo.journal import FileJournal

WRITER = """
import sys
import hpo
study = hpo.load_study(storage=sys.argv[1])
study.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=20)
"""

LOOKER = """
import sys
import hpo
study = hpo.load_study(storage=sys.argv[1], sampler=hpo.samplers.RandomSampler())
def objective(trial):
    print("running", flush=True)
    sys.stdin.readline()
    return trial.suggest_float("x", 0, 1)
study.optimize(objective, n_trials=1)
"""


@pytest.fixture(params=["hard link", "bind mount"])
def paths(request, tmp_path):
    path, other = tmp_path / "here" / "s.jsonl", tmp_path / "there" / "s.jsonl"
    path.parent.mkdir()
    other.parent.mkdir()
    hpo.create_study(storage=path, sampler=hpo.samplers.RandomSampler())
    if not FileJournal(path)._open_file().holds_workers:
        pytest.skip("the file system of temporary files has no locks of bytes apart from those of flock")
    if request.param == "hard link":
        os.link(path, other)
        yield path, other
        return
    other.touch()
    done = subprocess.run(["mount", "--bind", path, other], check=False, capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"nothing can be mounted here: {done.stderr.strip()}")
    try:
        yield path, other
    finally:
        subprocess.run(["umount", "--lazy", other], check=True)


def test_r44_writers_under_two_paths_lose_nothing(paths):
    writers = [subprocess.Popen([sys.executable, "-c", WRITER, str(path)]) for path in paths]
    assert [writer.wait() for writer in writers] == [0, 0]
    for path in paths:
        trials = hpo.load_study(storage=path).trials
        assert [trial.number for trial in trials] == [*range(40)]
        assert all(trial.state is hpo.TrialState.COMPLETE for trial in trials)


def test_r44_nobody_fails_the_trial_of_a_worker_that_is_alive_under_another_path(paths):
    path, other = paths
    with subprocess.Popen(
        [sys.executable, "-c", LOOKER, str(other)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as worker:
        assert worker.stdout.readline() == "running\n"
        study = hpo.load_study(storage=path)
        assert study.fail_lost_trials() == []
        worker.kill()
        worker.wait()
        assert [trial.number for trial in study.fail_lost_trials()] == [0]
