"""Long journals and long runs: nothing grows that should not, and every suggestion can be computed again."""

import subprocess
import sys
import textwrap
import tracemalloc

import pytest

from hpo.core import (
    FloatDistribution,
    ParamsSuggested,
    SearchSpace,
    SpaceDefined,
    StudyAttributeSet,
    StudyCreated,
    StudyState,
    TrialFinished,
    TrialStarted,
    TrialState,
    decode_events,
    encode_events,
    evolve,
    replay,
    suggest_joint,
)
from hpo.journal import FileJournal, FileStorage
from hpo.journal.memory import MemoryJournal
from hpo.samplers import RandomSampler, TPESampler
from hpo.study.recorder import JournalRecorder


def _write_long(path, n_trials):
    space = SearchSpace({"x": FloatDistribution(0.0, 1.0)})
    journal = FileStorage(path, durability="process").create("s", [StudyCreated(1, "s", ("minimize",), 7)])
    events, length = [SpaceDefined(space)], 1
    for i in range(n_trials):
        events += [
            TrialStarted(i, 1732190185.0 + i),
            ParamsSuggested(i, 0, (i / n_trials,)),
            TrialFinished(i, TrialState.COMPLETE, (i * 0.5,), 1732190186.0 + i),
        ]
        if i % 10 == 9:  # thirty events a record
            length = journal.append(events, expected=length)
            events = []
    return length


def test_r29_a_hundred_thousand_events_replay_to_the_same_state_at_once_and_bit_by_bit(tmp_path):
    path = tmp_path / "s.jsonl"
    length = _write_long(path, 33_330)
    whole = replay(FileJournal(path).read(0))
    assert (whole.version, len(whole.finished)) == (length, 33_330)
    part = replay(FileJournal(path).read(0)[:50_000])
    assert replay(FileJournal(path).read(part.version), part) == whole


def test_r29_a_study_forgets_events_as_they_become_its_state():
    class Rereading(MemoryJournal):
        """Gives each reader events of its own, as files do."""

        def read(self, after):
            events = decode_events(encode_events(super().read(after)))
            tracemalloc.reset_peak()
            return events

    trials = [event for i in range(5000) for event in (TrialStarted(i), TrialFinished(i, TrialState.FAIL))]
    journal = Rereading(
        [StudyCreated(1, "s", ("minimize",), 7), *(StudyAttributeSet("k", i) for i in range(5000)), *trials]
    )

    def peak(load):
        tracemalloc.start()
        loaded = load()
        try:
            return tracemalloc.get_traced_memory()[1], loaded
        finally:
            tracemalloc.stop()

    together, (_, state) = peak(lambda: (events := journal.read(0), replay(events)))
    alone, same = peak(lambda: JournalRecorder(journal).state)
    assert same == state
    assert alone < 0.85 * together


@pytest.mark.long
def test_r29_a_million_events_are_loaded_in_bounded_memory(tmp_path):
    path = tmp_path / "s.jsonl"
    length = _write_long(path, 333_330)
    text = """
        import resource, sys, time
        from hpo.core import replay
        from hpo.journal import FileJournal
        begin = time.process_time()
        state = replay(FileJournal(sys.argv[1]).read(0))
        seconds = time.process_time() - begin
        print(state.version, f"{seconds:.1f}", resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(text), path], capture_output=True, text=True, check=True
    )
    version, seconds, megabytes = done.stdout.split()
    print(f"r29: {version} events, {path.stat().st_size} bytes, {seconds} s of CPU, {megabytes} MB at most")
    assert int(version) == length
    assert int(megabytes) < 1500


_WORKER = """
    import os, resource, sys, threading
    import hpo
    hpo.logging.set_verbosity(hpo.logging.ERROR)
    path, n, sampler = sys.argv[1], int(sys.argv[2]), sys.argv[3]
    place = hpo.open_journal(path, durability="process")
    study = hpo.load_study(study_name="s", storage=place, sampler=getattr(hpo.samplers, sampler)())
    space = {"x": hpo.FloatDistribution(-1.0, 1.0), "k": hpo.IntDistribution(1, 9)}

    def footprint():
        return len(os.listdir("/proc/self/fd")), threading.active_count()

    before = None
    for i in range(n):
        trial = study.ask(space)
        study.tell(trial, trial.params["x"] ** 2 + trial.params["k"])
        before = before or footprint()
    assert footprint() == before, (before, footprint())
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
"""


def _soak(path, n_workers, n_each, sampler):
    """Recompute every joint suggestion of a study that several workers ran at once.

    How many are the same, and the megabytes that a worker took at most.
    """
    command = [sys.executable, "-c", textwrap.dedent(_WORKER), path, str(n_each), type(sampler).__name__]
    workers = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(n_workers)]
    megabytes = [int(worker.communicate()[0]) for worker in workers]
    assert [worker.returncode for worker in workers] == [0] * n_workers
    state, at_start, same = StudyState(), {}, 0
    for event in FileJournal(path).read(0):
        if isinstance(event, ParamsSuggested):
            started, space = at_start.pop(event.number), state.spaces.key_at(event.space)
            again = suggest_joint(started, sampler, started.running[event.number], space)
            state = evolve(state, event)
            assert dict(again.params) == dict(state.running[event.number].params)
            same += 1
            continue
        state = evolve(state, event)
        if isinstance(event, TrialStarted):
            at_start[event.number] = state
    assert same == len(state.finished) == n_workers * n_each
    return same, max(megabytes)


@pytest.mark.parametrize("sampler", [RandomSampler(), TPESampler()], ids=["random", "tpe"])
def test_r30_every_suggestion_of_four_workers_at_once_can_be_computed_again(new_study, sampler):
    same, _ = _soak(new_study, 4, 25, sampler)
    print(f"r30: {same} of 100 suggestions recomputed")


@pytest.mark.long
def test_r30_nothing_grows_in_a_hundred_thousand_trials(new_study):
    same, used = _soak(new_study, 4, 25_000, RandomSampler())
    print(f"r30: {same} suggestions recomputed, {new_study.stat().st_size} bytes, a worker took {used} MB at most")
    assert used < 1000
