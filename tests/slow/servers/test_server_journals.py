"""What holds for journals on every kind of server."""

import concurrent.futures
import threading

import pytest

import hpo
from hpo.core import StudyAttributeSet, StudyCreated, TrialFinished, TrialStarted, TrialState
from hpo.errors import (
    Conflict,
    DuplicatedStudyError,
    InconsistentEvents,
    InvalidArgument,
    JournalMoved,
    UnreadableEvents,
    UnsupportedJournal,
)

NAMES = [  # which collations and paddings of databases may take for each other, beside those that the laws try
    "digits",
    "digits ",
    " digits",
    "digits\t",
    "  ",
    "dígits",
    "di\u0301gits",
    "a\0",
    "ß",
    "ss",
    "n" * 5001,
    "\\'",
    "{hpo}:studies",
    "*",
    "null",
    '"digits"',
]


def test_names_that_databases_may_confuse_stay_apart(storage, make_events):
    for i, name in enumerate(NAMES):
        storage.create(name, make_events(i % 3, name=name))
    assert storage.names() == sorted(NAMES)
    for i, name in enumerate(NAMES):
        assert [*storage.open(name).read(0)] == make_events(i % 3, name=name)
    for i, name in enumerate(NAMES):
        storage.delete(name)
        assert storage.names() == sorted(NAMES[i + 1 :])


@pytest.mark.parametrize("character", ["x", "名", '"'])
def test_ten_megabytes_come_back(server, storage, make_events, character):
    journal = storage.create("s", make_events(0))
    size = 10_000_000 if character == "x" else 1_500_000
    journal.append([StudyAttributeSet("k", character * size)], expected=1)
    assert journal.read(1)[0].value == character * size


def test_readers_get_what_is_new(storage, make_events):
    events = make_events(2)
    journal, reader = storage.create("s", events), storage.open("s")
    for after in range(len(events)):
        assert [*reader.read(after)] == events[after:]
    for after in (7, 8, 10**9, 2**62):
        assert [*reader.read(after)] == []
    journal.append([TrialStarted(2)], expected=7)
    assert [*reader.read(7)] == [TrialStarted(2)]


def test_a_chain_goes_on_whoever_appends(storage):
    events = [StudyCreated(2, "s", ("minimize",), 7), TrialStarted(0)]
    storage.create("s", events)
    one, other, third = (storage.open("s") for _ in range(3))
    for handle in (one, other, one, third):  # which have read nothing, or not all
        batch = [TrialStarted(len(events)), StudyAttributeSet("名\0", 'é " \\ 🎉')]
        handle.append(batch, expected=len(events))
        events += batch
    with pytest.raises(Conflict):
        other.append([TrialStarted(9)], expected=4)
    for start in range(len(events) + 2):
        assert [*storage.open("s").read(start)] == events[start:]
        assert [*one.read(start)] == events[start:]


def test_many_events_at_once_are_added_and_read_in_pages(storage, make_events):
    events = make_events(8000)
    journal = storage.create("s", events)
    assert [*journal.read(0)] == events
    more = [TrialStarted(i) for i in range(3000)]
    assert journal.append(more, expected=len(events)) == len(events) + 3000
    assert [*storage.open("s").read(len(events) - 1)] == [events[-1], *more]


def test_what_can_not_be_written_leaves_nothing(storage, make_events):
    journal = storage.create("s", make_events(0))
    with pytest.raises(Exception, match="Unwritable"):
        journal.append([TrialStarted(0), StudyAttributeSet("k", Unwritable())], expected=1)
    assert [*journal.read(0)] == make_events(0)


class Unwritable:
    """Something that events can't hold."""


def test_many_can_create_the_first_studies_at_once(url, make_events, opened):
    start = threading.Barrier(8)

    def create(i):
        storage = opened(url)
        start.wait()
        storage.create(f"{i}", make_events(1, name=f"{i}"))

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        [*pool.map(create, range(8))]
    assert opened(url).names() == [f"{i}" for i in range(8)]


def test_secrets_are_shown_nowhere(storage, url, make_events, password):
    journal = storage.create("s", make_events(0))
    quoted = url.partition("@")[0].rpartition(":")[2]
    shown = [storage.location, repr(storage), repr(journal)]
    with pytest.raises(DuplicatedStudyError) as caught:
        storage.create("s", make_events(0))
    shown.append(str(caught.value))
    assert not [text for text in shown if password in text or quoted in text]
    assert "127.0.0.1" in storage.location


def test_a_wrong_password_is_told_and_not_shown(url, opened):
    wrong = url.replace("s3cret", "wr0ng")
    with pytest.raises(UnsupportedJournal, match="it can't be read") as caught:
        opened(wrong).names()
    assert "wr0ng" not in str(caught.value)


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://hpo:s3c@ret@127.0.0.1:5/0",
        "postgresql://hpo:secret@127.0.0.1:s3c/0",
        "mysql://hpo:s3c@ret@127.0.0.1:5/0",
        "redis://hpo:s3c/ret@127.0.0.1:5/0",
        "redis://hpo:s3c#ret@127.0.0.1:5/0",
        "redis://s3c/ret@127.0.0.1:5/0",
    ],
)
def test_a_url_that_can_not_be_read_is_told_without_its_password(url, opened):
    with pytest.raises(UnsupportedJournal, match=r"^[a-z]+://\.\.\.: it is not the URL") as caught:
        opened(url)
    assert "s3c" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None


def test_unknown_options_are_refused(url, opened):
    with pytest.raises(InvalidArgument, match="wrong_option"):
        opened(url, wrong_option=1)
    with pytest.raises(InvalidArgument, match="lock_timeout"):
        opened(url, lock_timeout=-1)


def test_writers_and_readers_of_a_deleted_study_are_told(storage, make_events):
    journal = storage.create("s", make_events(1))
    assert len(journal.read(0)) == 4
    storage.delete("s")
    storage.create("s", make_events(1))
    with pytest.raises(JournalMoved, match="study 's'"):
        journal.append([TrialStarted(1)], expected=4)
    with pytest.raises(JournalMoved):
        journal.read(0)
    assert [*storage.open("s").read(0)] == make_events(1)


def test_a_study_of_a_newer_version_is_refused_by_name(storage, make_events):
    journal = storage.create("s", [StudyCreated(9, "s", ("minimize",), 7)])
    with pytest.raises(UnreadableEvents, match="study 's': its format is 9"):
        journal.read(0)
    with pytest.raises(UnreadableEvents, match="study 's': its format is 9"):
        storage.open("s")
    storage.delete("s")
    assert storage.names() == []


def test_studies_run_and_go_on(storage):
    def objective(trial):
        x = trial.suggest_float("x", -1, 1)
        trial.report(x, 0)
        return x**2

    study = hpo.create_study(storage=storage, study_name="s", sampler=hpo.samplers.RandomSampler(seed=1))
    study.optimize(objective, n_trials=5)
    again = hpo.load_study(storage=storage, study_name="s", sampler=hpo.samplers.RandomSampler(seed=1))
    again.optimize(objective, n_trials=5)
    alone = hpo.create_study(sampler=hpo.samplers.RandomSampler(seed=1))
    alone.optimize(objective, n_trials=10)
    assert [trial.params for trial in study.trials] == [trial.params for trial in alone.trials]


def test_an_event_that_does_not_fit_is_found_with_its_server_and_study(storage, url, make_events, password):
    events = make_events(2)
    storage.create("s", events).append([TrialFinished(99, TrialState.COMPLETE, (1.0,))], expected=len(events))
    with pytest.raises(InconsistentEvents) as caught:
        hpo.load_study(study_name="s", storage=storage)
    assert caught.value.position == len(events)
    assert caught.value.place == f"{storage.location}, study 's'"
    assert password not in str(caught.value)
