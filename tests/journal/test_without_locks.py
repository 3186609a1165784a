"""What works where the system has neither `fcntl` nor `resource`, and no calls of POSIX such as `pread`: on Windows.

A process of its own hides them, because they are imported when hpo is.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import hpo

ROOT = Path(hpo.__file__).parents[1]
HIDE = """
import os, sys
sys.modules["fcntl"] = sys.modules["resource"] = None
import random, logging, threading  # they register what to do at forks, before that is hidden
for name in ("pread", "pwrite", "fdatasync", "fchmod", "register_at_fork", "fork", "O_CLOEXEC", "O_NOFOLLOW", "O_NONBLOCK", "O_DIRECTORY"):
    if hasattr(os, name):
        delattr(os, name)
import hpo
hpo.logging.set_verbosity(hpo.logging.ERROR)
sampler = hpo.samplers.RandomSampler(seed=1)
def objective(trial):
    trial.report(1.0, 0)
    return trial.suggest_float("x", 0, 1)
"""


def ran(program, folder, **options):
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path])}
    return subprocess.run(
        [sys.executable, "-c", HIDE + program], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )


def printed(program, folder):
    done = ran(program, folder)
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def test_a_study_in_memory_needs_no_locks(tmp_path):
    program = """
study = hpo.create_study(sampler=sampler)
study.optimize(objective, n_trials=3, n_jobs=2)
print(len(study.trials), study.fail_lost_trials())
"""
    assert printed(program, tmp_path) == ["3", "[]"]


@pytest.mark.parametrize("storage", ["a.jsonl", "runs/", "sqlite:///a.db"])
def test_a_journal_needs_no_locks(storage, tmp_path):
    program = f"""
study = hpo.create_study(storage={storage!r}, study_name="a", sampler=sampler)
study.optimize(objective, n_trials=2)
again = hpo.load_study(study_name="a", storage={storage!r})
again.optimize(objective, n_trials=2)
print(len(study.trials), len(again.trials), again.state.finished[0].params == study.trials[0].params)
hpo.copy_study(from_study_name="a", from_storage={storage!r}, to_storage="b.jsonl", to_study_name="b")
hpo.delete_study(study_name="a", storage={storage!r})
print(*hpo.get_all_study_names({storage!r}), *hpo.get_all_study_names("b.jsonl"))
"""
    assert printed(program, tmp_path) == ["4", "4", "True", "b"]


def test_a_file_is_written_by_claims_and_can_be_read_with_locks(tmp_path):
    program = """
study = hpo.create_study(storage="a.jsonl", study_name="a", sampler=sampler)
study.optimize(objective, n_trials=2)
"""
    printed(program, tmp_path)
    study = hpo.load_study(storage=f"{tmp_path}/a.jsonl", sampler=hpo.samplers.RandomSampler(seed=1))
    study.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=1)
    assert [trial.number for trial in study.trials] == [0, 1, 2]


def test_several_writers_take_turns_by_claims(tmp_path):
    hpo.create_study(storage=f"sqlite:///{tmp_path}/a.db", study_name="a")
    create = 'hpo.create_study(storage="a.jsonl", study_name="a", sampler=sampler)'
    printed(create, tmp_path)
    program = HIDE + 'hpo.load_study(storage="a.jsonl", sampler=sampler).optimize(objective, n_trials=10)'
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path])}
    writers = [
        subprocess.Popen([sys.executable, "-c", program], cwd=tmp_path, env=environment, stderr=subprocess.PIPE)
        for _ in range(2)
    ]
    errors = [writer.communicate()[1] for writer in writers]
    assert [writer.returncode for writer in writers] == [0, 0], errors
    study = hpo.load_study(storage=f"{tmp_path}/a.jsonl")
    assert [trial.number for trial in study.trials] == [*range(20)]
    assert {trial.state.name for trial in study.trials} == {"COMPLETE"}


def test_a_file_whose_writers_lock_it_is_read_only_and_says_so(tmp_path):
    study = hpo.create_study(storage=f"{tmp_path}/a.jsonl", study_name="a")
    study.add_trial(hpo.create_trial(value=1.0))
    done = ran('study = hpo.load_study(storage="a.jsonl")\nprint(len(study.trials))\nstudy.ask()', tmp_path)
    assert done.stdout.split() == ["1"]
    assert "take turns by a lock that this system does not have: copy the study" in done.stderr


def test_nobody_knows_whether_workers_are_alive(tmp_path):
    program = """
study = hpo.create_study(storage="a.jsonl", study_name="a", sampler=sampler)
with study.as_worker():
    study.ask()
    print(hpo.load_study(storage="a.jsonl").fail_lost_trials())
"""
    assert printed(program, tmp_path) == ["[]"]
