"""Deaths of writers: at each byte of a write, at each system call, and in the objective."""

import re
import signal
import time

import pytest
from storms import storm

import hpo
from hpo.core import StudyAttributeSet, TrialStarted, replay
from hpo.errors import TrialNotRunning
from hpo.journal import FileJournal
from hpo.journal.file.lines import pack
from hpo.samplers import RandomSampler

_DYING_APPENDS = """
    import os, signal, sys
    from hpo.core import StudyAttributeSet, TrialStarted
    from hpo.journal import FileJournal
    from hpo.journal.file.lines import pack

    path = sys.argv[1]
    event = StudyAttributeSet("key", "dying")
    journal, length = FileJournal(path, durability="process"), 1
    n_bytes = len(pack([event], 1))
    k = 0
    while k <= n_bytes + 1:
        os.environ["SHIM_TEAR"] = f"{k + 1}:{k}"  # the parent wrote k times
        if not (child := os.fork()):
            FileJournal(path, durability="process").append([event], expected=length)
            os._exit(7)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
        del os.environ["SHIM_TEAR"]
        written = k >= len(pack([event], length + 1))
        assert len(journal.read(length)) == written, (k, length)
        length = journal.append([TrialStarted(k)], expected=length + written)
        assert [*FileJournal(path).read(length - 1)] == [TrialStarted(k)]
        torn = [name for name in os.listdir(os.path.dirname(path)) if ".torn-" in name]
        assert len(torn) == (0 < k and not written), (k, torn)
        for name in torn:
            os.unlink(os.path.join(os.path.dirname(path), name))
        k += 1
    print(k)
"""


def test_r09_torn_write_at_every_byte(new_study, run_script, shim):
    done = run_script(_DYING_APPENDS, new_study, env=shim())
    assert done.returncode == 0, done.stderr
    length = len(pack([StudyAttributeSet("key", "dying")], 1))
    assert int(done.stdout) == length + 2
    numbers = [event.number for event in FileJournal(new_study).read(1) if isinstance(event, TrialStarted)]
    assert numbers == [*range(length + 2)]


_ONE_TRIAL = """
    import sys
    import hpo
    hpo.logging.set_verbosity(hpo.logging.ERROR)
    study = hpo.load_study(study_name="s", storage=sys.argv[1], sampler=hpo.samplers.RandomSampler())
    trial = study.ask({"x": hpo.FloatDistribution(0.0, 1.0)})
    study.tell(trial, 0.5)
    print("told", trial.number)
"""


@pytest.mark.long
@pytest.mark.parametrize("call", ["openat", "newfstatat", "pread64", "flock", "write", "fdatasync", "close"])
def test_r10_death_at_every_system_call_leaves_all_or_nothing(new_study, run_script, strace, call):
    fresh = new_study.read_bytes()
    for k in range(1, 200):
        for file in new_study.parent.iterdir():
            file.unlink()
        new_study.write_bytes(fresh)
        inject = ["-P", str(new_study), "-e", f"trace={call}", "-e", f"inject={call}:signal=SIGKILL:when={k}"]
        done = run_script(_ONE_TRIAL, new_study, before=[strace, "-f", "-qq", "-o", "/dev/null", *inject])
        told = "told 0" in done.stdout
        state = replay(FileJournal(new_study).read(0))
        assert len(state.finished) <= 1
        assert state.n_trials <= 1
        assert not told or [trial.value for trial in state.finished] == [0.5]
        study = hpo.load_study(study_name="s", storage=new_study, sampler=RandomSampler())
        trial = study.ask()
        assert trial.number == state.n_trials
        study.tell(trial, 1.0)
        if done.returncode == 0:
            break
        assert done.returncode in (-signal.SIGKILL, 128 + signal.SIGKILL), done.stderr
    print(f"r10: {call}, {k - 1} deaths")
    assert done.returncode == 0


@pytest.mark.long
@pytest.mark.parametrize("call", ["write", "fsync", "link", "unlink"])
def test_r10_death_at_every_system_call_of_a_creation_leaves_a_study_or_none(tmp_path, run_script, strace, call):
    text = """
        import sys, hpo
        hpo.logging.set_verbosity(hpo.logging.ERROR)
        hpo.create_study(study_name="s", storage=sys.argv[1])
    """
    for k in range(1, 50):
        path = tmp_path / f"{k}.jsonl"
        inject = ["-e", f"trace={call}", "-e", f"inject={call}:signal=SIGKILL:when={k}"]
        done = run_script(text, path, before=[strace, "-f", "-qq", "-o", "/dev/null", *inject])
        storage = hpo.open_journal(path)
        if storage.names():
            assert len(storage.open("s").read(0)) == 1
        else:
            hpo.create_study(study_name="s", storage=path)
        if done.returncode == 0:
            break
    print(f"r10: creation, {call}, {k - 1} deaths")
    assert done.returncode == 0


def test_r08_killed_workers_lose_no_result_and_no_number_is_handed_out_twice(new_study):
    storm(new_study.parent, str(new_study), seconds=3, n_writers=3, seed=1)


@pytest.mark.long
def test_r08_a_minute_of_killed_workers(new_study):
    storm(new_study.parent, str(new_study), seconds=60, n_writers=8, seed=int(time.time()))


@pytest.mark.long
@pytest.mark.parametrize("kind", ["file", "directory", "sqlite"])
def test_r08_four_minutes_of_killed_workers(new_study, kind):
    place = {"file": new_study, "directory": new_study.parent, "sqlite": f"sqlite:///{new_study.with_suffix('.db')}"}[
        kind
    ]
    if kind == "sqlite":
        hpo.create_study(study_name="s", storage=place)
    storm(new_study.parent, str(place), seconds=240, n_writers=6, seed=int(time.time()))


_DEATHS = {
    "killed": "os.kill(os.getpid(), signal.SIGKILL)",
    "segfault": "ctypes.string_at(0)",
    "exit": "os._exit(3)",
    "out of memory": "resource.setrlimit(resource.RLIMIT_AS, (2**20, 2**20)); sys.setrecursionlimit(10**9); bytearray(10**9)",
}


@pytest.mark.parametrize("how", _DEATHS)
def test_r14_a_worker_that_dies_in_its_objective_costs_at_most_its_own_trial(new_study, run_script, how):
    text = """
        import ctypes, os, resource, signal, sys
        import hpo
        hpo.logging.set_verbosity(hpo.logging.ERROR)
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        study = hpo.load_study(study_name="s", storage=sys.argv[1], sampler=hpo.samplers.RandomSampler())

        def objective(trial):
            trial.suggest_float("x", 0, 1)
            trial.report(0.25, 1)
            if trial.number == 2:
                DEATH
            return 1.0

        study.optimize(objective, n_trials=5, catch=())
    """
    alive = hpo.load_study(study_name="s", storage=new_study, sampler=RandomSampler())
    mine = alive.ask()
    done = run_script(text.replace("DEATH", _DEATHS[how]), new_study)
    assert done.returncode != 0
    states = [trial.state.name for trial in alive.trials]
    assert states[:2] == ["RUNNING", "COMPLETE"]
    assert states[2] in ("RUNNING", "FAIL")  # of an exception it can still tell
    assert len(states) == 3
    assert alive.trials[2].intermediate_values == {1: 0.25}
    assert [trial.number for trial in alive.fail_lost_trials()] == ([2] if states[2] == "RUNNING" else [])
    assert alive.fail_lost_trials() == []
    with pytest.raises(TrialNotRunning):
        hpo.load_study(study_name="s", storage=new_study, sampler=RandomSampler()).tell(2, 1.0)
    alive.tell(mine, 0.5)
    assert [trial.number for trial in alive.trials if trial.value is not None] == [0, 1]
    assert re.match(r"lost|MemoryError", alive.trials[2].reason)


def test_r14_a_worker_whose_parent_dies_goes_on(new_study, run_script):
    text = """
        import os, sys, time
        parent = os.getpid()
        if os.fork():
            os._exit(0)
        while os.getppid() == parent:
            time.sleep(0.001)
        import hpo
        hpo.logging.set_verbosity(hpo.logging.ERROR)
        study = hpo.load_study(study_name="s", storage=sys.argv[1], sampler=hpo.samplers.RandomSampler())
        study.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=3)
    """
    assert run_script(text, new_study).returncode == 0
    assert len(replay(FileJournal(new_study).read(0)).finished) == 3
