"""Studies in children that were forked while other threads of their parent were in the middle of something."""

import os
import signal
import threading

import pytest
from patience import PATIENCE

import hpo


def exit_code(act):
    """What a forked child that calls `act` ends with."""
    pid = os.fork()
    if not pid:
        code = 1
        try:
            signal.alarm(PATIENCE)
            act()
            code = 0
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


@pytest.fixture(params=["s.jsonl", "sqlite"])
def study(request, tmp_path):
    storage = f"sqlite:///{tmp_path}/s.db" if request.param == "sqlite" else tmp_path / request.param
    study = hpo.create_study(storage=storage, sampler=hpo.samplers.TPESampler(n_startup_trials=2), seed=1)
    study.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=5)
    return study


def ask_and_tell(study):
    trial = study.ask()
    study.tell(trial, trial.suggest_float("x", 0, 1))


def in_the_middle(study):
    """A thread that holds what threads hold while they record and while a sampler learns; and what ends it."""
    held, go_on = threading.Event(), threading.Event()

    def hold():
        with study._recorder._lock, study.state.finished._buffer.lock:
            held.set()
            go_on.wait(3 * PATIENCE)

    thread = threading.Thread(target=hold)
    thread.start()
    held.wait()
    return thread, go_on


def test_r23_a_child_waits_for_no_thread_of_its_parent(study):
    thread, go_on = in_the_middle(study)
    try:
        assert exit_code(lambda: ask_and_tell(study)) == 0
    finally:
        go_on.set()
        thread.join()
    ask_and_tell(study)
    assert [trial.number for trial in study.trials] == [*range(7)]
    assert hpo.verify(study).clean


_FORKS_ALONE = """
    import os, sys
    import hpo

    study = hpo.load_study(storage=sys.argv[1])
    known, began = study.state.version, []
    read = study._recorder.journal.read
    if os.fork():
        sys.exit(os.waitstatus_to_exitcode(os.wait()[1]))
    study._recorder._journal = type("Watched", (), {"read": lambda _, after: began.append(after) or read(after)})()
    assert study.state.version == known
    assert began == [known], began
"""


def test_r23_a_child_of_a_process_with_one_thread_reads_nothing_again(study, run_script):
    """In a process of its own: nobody knows which threads other tests have left in this one."""
    done = run_script(_FORKS_ALONE, study.storage.location)
    assert done.returncode == 0, done.stderr
