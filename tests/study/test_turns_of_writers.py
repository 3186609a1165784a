"""Writers at a journal that lets them take turns, as servers do: what they read, and what they decide on."""

import contextlib
import types

import pytest

import hpo
from hpo.errors import SearchSpaceExhausted
from hpo.journal.memory import MemoryStorage

SPACE = {"x": hpo.FloatDistribution(0.0, 1.0)}


class _Turns:
    """A journal in memory whose writers can take turns; it notes what they do."""

    def __init__(self, journal, done):
        self._journal, self._done = journal, done

    def read(self, after):
        self._done.append("read")
        return self._journal.read(after)

    def append(self, events, *, expected):
        self._done.append("append")
        return self._journal.append(events, expected=expected)

    @contextlib.contextmanager
    def turn(self, after):
        self._done.append("turn")
        news = [*self._journal.read(after)]

        def append(events):
            self._done.append("append in turn")
            return self._journal.append(events, expected=after + len(news))

        yield types.SimpleNamespace(news=news, append=append)


class _Storage(MemoryStorage):
    def __init__(self):
        super().__init__()
        self.done = []

    def create(self, name, events):
        return _Turns(super().create(name, events), self.done)

    def open(self, name):
        return _Turns(super().open(name), self.done)


@pytest.fixture
def storage():
    return _Storage()


def _study(storage, sampler=None):
    return hpo.create_study(
        study_name="s", storage=storage, load_if_exists=True, sampler=sampler or hpo.samplers.RandomSampler(seed=0)
    )


def _steps(storage, act):
    storage.done.clear()
    act()
    return storage.done[:]


def test_a_writer_that_is_alone_asks_and_tells_without_reading(storage):
    study = _study(storage)
    study.tell(study.ask(SPACE), 1.0)  # from here on it is known that the sampler is quick
    assert _steps(storage, lambda: study.tell(study.ask(SPACE), 1.0)) == ["append", "append"]


def test_a_writer_that_was_alone_takes_a_turn_when_others_have_written(storage):
    study, other = _study(storage), _study(storage)
    for _ in range(2):
        study.tell(study.ask(SPACE), 1.0)
    other.tell(other.ask(SPACE), 1.0)
    trials = []
    assert _steps(storage, lambda: trials.append(study.ask(SPACE))) == ["append", "turn", "append in turn"]
    assert trials[0].number == 3
    other.tell(other.ask(SPACE), 1.0)
    assert _steps(storage, lambda: study.tell(trials[0], 1.0)) == ["turn", "append in turn"]
    assert _steps(storage, lambda: study.ask(SPACE)) == ["turn", "append in turn"]


def test_a_writer_that_was_alone_starts_what_others_have_enqueued(storage):
    study, other = _study(storage), _study(storage)
    study.tell(study.ask(SPACE), 1.0)
    other.enqueue_trial({"x": 0.25})
    assert study.ask(SPACE).params == {"x": 0.25}


def test_what_was_impossible_when_a_writer_last_looked_is_decided_on_what_there_is_now(storage):
    space = {"x": hpo.IntDistribution(0, 1)}
    study, other = (_study(storage, hpo.samplers.BruteForceSampler()) for _ in range(2))
    for _ in range(2):
        study.tell(study.ask(space), 1.0)
    other.enqueue_trial({"x": 1})
    assert study.ask(space).params == {"x": 1}
    with pytest.raises(SearchSpaceExhausted):
        study.ask(space)


def test_both_verify_when_writers_meet_and_part(storage):
    study, other = _study(storage), _study(storage)
    for i in range(6):
        study.tell(study.ask(SPACE), float(i))
        if i % 2:
            other.tell(other.ask(SPACE), 0.5)
    verified = hpo.verify(study)
    assert verified.clean
    assert verified.n_suggestions == 9
    assert [trial.number for trial in study.trials] == [*range(9)]
