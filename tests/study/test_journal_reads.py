"""How often a study reads its journal: on a server each read is a round trip."""

import pytest

import hpo
from hpo.core import replay
from hpo.journal import MemoryStorage
from hpo.samplers import RandomSampler


class CountingJournal:
    """A journal that counts calls."""

    def __init__(self, journal):
        self._journal = journal
        self.reads = self.appends = 0

    def read(self, after):
        self.reads += 1
        return self._journal.read(after)

    def append(self, events, *, expected):
        self.appends += 1
        self._journal.append(events, expected=expected)


class CountingStorage:
    """A storage in memory whose journal counts calls."""

    location = "memory"

    def __init__(self):
        self._storage = MemoryStorage()

    def create(self, name, events):
        self._storage.create(name, events)

    def open(self, name):
        self.journal = CountingJournal(self._storage.open(name))
        return self.journal

    def names(self):
        return self._storage.names()

    def delete(self, name):
        self._storage.delete(name)


@pytest.fixture
def study():
    return hpo.create_study(storage=CountingStorage(), sampler=RandomSampler(), pruner=hpo.pruners.NopPruner(), seed=1)


@pytest.fixture
def trial(study):
    return study.ask()


RECORDS = {
    "ask": lambda study, trial: study.ask(),
    "ask with a space": lambda study, trial: study.ask({"x": hpo.FloatDistribution(0, 1)}),
    "suggest": lambda study, trial: trial.suggest_float("x", 0, 1),
    "Trial.set_user_attr": lambda study, trial: trial.set_user_attr("k", 1),
    "tell": lambda study, trial: study.tell(trial, 0.5),
    "tell by number": lambda study, trial: study.tell(trial.number, 0.5),
    "enqueue_trial": lambda study, trial: study.enqueue_trial({"x": 1}),
    "add_trial": lambda study, trial: study.add_trial(hpo.create_trial(value=1.0)),
    "Study.set_user_attr": lambda study, trial: study.set_user_attr("k", 1),
    "set_metric_names": lambda study, trial: study.set_metric_names(["loss"]),
}
"""Calls that record something, whatever the journal says."""

LOOKS = {
    "report": lambda study, trial: trial.report(0.5, 3),
    "should_prune": lambda study, trial: trial.should_prune(),
    "set_constraint": lambda study, trial: trial.set_constraint("c", 1.0),
    "enqueue_trial unless it exists": lambda study, trial: study.enqueue_trial({"x": 1}, skip_if_exists=True),
}
"""Calls whose record depends on what the journal says."""


@pytest.mark.parametrize("name", RECORDS)
def test_call_reads_no_journal_that_nobody_else_writes_to(study, trial, name):
    journal = study.storage.journal
    journal.reads = journal.appends = 0
    RECORDS[name](study, trial)
    assert (journal.reads, journal.appends) == (0, 1)


@pytest.mark.parametrize("name", RECORDS)
def test_call_finds_out_by_its_append_that_somebody_else_has_written(study, trial, name):
    other = hpo.load_study(study_name=study.study_name, storage=study.storage)
    other.set_user_attr("other", 1)
    RECORDS[name](study, trial)
    assert study.user_attrs["other"] == 1
    assert other.state == study.state
    assert replay(study.events()) == study.state


@pytest.mark.parametrize("name", RECORDS)
def test_call_reads_once_for_each_append_while_others_write(study, trial, name):
    journal = study.storage.journal  # the storage makes another one for `load_study`
    hpo.load_study(study_name=study.study_name, storage=study.storage).set_user_attr("other", 1)
    study.set_user_attr("mine", 1)  # which finds out that others write
    journal.reads = journal.appends = 0
    RECORDS[name](study, trial)
    assert (journal.reads, journal.appends) == (1, 1)


@pytest.mark.parametrize("name", LOOKS)
def test_call_reads_the_journal_once_for_its_append(study, trial, name):
    journal = study.storage.journal
    journal.reads = journal.appends = 0
    LOOKS[name](study, trial)
    assert (journal.reads, journal.appends) == (1, 1)


@pytest.mark.parametrize(
    "call",
    [lambda trial: trial.report(9.0, 3), lambda trial: trial.set_constraint("c", 9.0)],
    ids=["report", "constraint"],
)
def test_second_value_is_read_once_and_not_appended(study, trial, call):
    trial.report(0.5, 3)
    trial.set_constraint("c", 1.0)
    journal = study.storage.journal
    journal.reads = journal.appends = 0
    with pytest.warns(UserWarning, match="already: it stays"):
        call(trial)
    assert (journal.reads, journal.appends) == (1, 0)


def test_optimize_reads_the_journal_at_most_once_per_append(study):
    def objective(trial):
        x = trial.suggest_float("x", 0, 1)
        trial.report(x, 0)
        trial.set_constraint("c", x)
        return x

    journal = study.storage.journal
    journal.reads = journal.appends = 0
    study.optimize(objective, n_trials=5)
    assert journal.appends >= 5 * 4
    assert journal.reads <= journal.appends
