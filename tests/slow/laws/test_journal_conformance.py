"""Every backend of ours keeps the laws of journals, and the laws catch backends that don't."""

import re
import struct
import subprocess
import sys
import time
from pathlib import Path
from typing import get_args

import pytest
from msgspec.structs import replace

import hpo
from hpo.core import (
    AnyEvent,
    ConstraintSet,
    StudyAttributeSet,
    StudyCreated,
    ValueReported,
    decode_events,
    encode_events,
)
from hpo.errors import Conflict, InvalidType, MissingExtra
from hpo.journal import DirectoryStorage, FileStorage, MemoryStorage, SqliteStorage
from hpo.journal.memory import MemoryJournal
from hpo.testing.journals import laws as journals
from hpo.testing.journals.expectations import expect, expect_error, expect_events
from hpo.testing.journals.laws import (
    LAWS,
    LAWS_ACROSS_PROCESSES,
    LAWS_OF_MANY_STUDIES,
    LAWS_OF_ROLLBACKS,
    LAWS_OF_SILENT_WORKERS,
    LAWS_OF_WORKERS,
    LAWS_OF_WORKERS_ACROSS_PROCESSES,
    StorageLaws,
    agreement_machine,
    check_storage,
)
from hpo.testing.journals.samples import created, every_kind, hostile_values
from hpo.testing.journals.worker_laws import why_workers_are_unknown
from hpo.testing.journals.writer_laws import backup_of_files


def remembered(kind):
    """Storages in memory, the same for the same place."""
    storages = {}
    return lambda place: storages.setdefault(place, kind())


class TestMemory(StorageLaws):
    make_storage = staticmethod(remembered(MemoryStorage))
    across_processes = False


class TestFile(StorageLaws):
    make_storage = staticmethod(lambda place: FileStorage(place / "s.jsonl"))
    make_backup = staticmethod(backup_of_files)
    many_studies = False


class TestDirectory(StorageLaws):
    make_storage = staticmethod(DirectoryStorage)
    make_backup = staticmethod(backup_of_files)


class TestSqlite(StorageLaws):
    make_storage = staticmethod(lambda place: SqliteStorage(place / "studies.db"))


class TestSqliteForProcesses(StorageLaws):
    make_storage = staticmethod(lambda place: SqliteStorage(place / "studies.db", durability="process"))


def test_the_samples_hold_every_kind_of_event_and_can_be_written():
    kinds = {type(event) for event in [*created(), *every_kind()]}
    assert kinds == {*get_args(AnyEvent)}
    for events in (every_kind(), hostile_values()):
        assert encode_events(decode_events(encode_events(events))) == encode_events(events)


def test_there_is_a_method_for_each_law():
    laws = [
        *(*LAWS, *LAWS_OF_MANY_STUDIES, *LAWS_ACROSS_PROCESSES, *LAWS_OF_ROLLBACKS),
        *(*LAWS_OF_WORKERS, *LAWS_OF_WORKERS_ACROSS_PROCESSES, *LAWS_OF_SILENT_WORKERS),
    ]
    methods = {name: getattr(StorageLaws, name) for name in dir(StorageLaws) if name.startswith("test_")}
    assert {*methods} == {f"test_{law.__name__}" for law in laws}
    for law in laws:
        assert law.__doc__
        assert methods[f"test_{law.__name__}"].__doc__ == law.__doc__


def test_the_page_on_storages_names_each_law():
    page = (Path(hpo.__file__).parents[1] / "docs" / "how-to" / "storage-of-your-own.md").read_text()
    rows = [line.split("|")[1] for line in page.splitlines() if line.startswith("| `")]
    named = [name for row in rows for name in re.findall(r"`(\w+)`", row)]
    methods = {name.removeprefix("test_") for name in dir(StorageLaws) if name.startswith("test_")}
    assert {*named} == methods
    assert len(named) == len(methods), "each once"


class ListedJournal(MemoryJournal):
    """What the broken ones below are made of."""

    length = property(lambda self: len(self._events))


class Unchecked(ListedJournal):
    """Appends whatever was expected."""

    def append(self, events, *, expected):
        return super().append(events, expected=self.length)


class Early(ListedJournal):
    """Adds before it looks."""

    def append(self, events, *, expected):
        if self.length != expected:
            self._events.extend(events)
            raise Conflict(expected, self.length - len(events))
        return super().append(events, expected=expected)


class ByOne(ListedJournal):
    """Adds the events of a batch one by one, so that others can see parts."""

    def append(self, events, *, expected):
        with self._lock:
            if self.length != expected:
                raise Conflict(expected, self.length)
            for event in events:
                self._events.append(event)
                time.sleep(0.002)
            return self.length


class ByHundred(ListedJournal):
    """Adds the events of a large batch a hundred at a time."""

    def append(self, events, *, expected):
        with self._lock:
            if self.length != expected:
                raise Conflict(expected, self.length)
            for start in range(0, len(events), 100):
                self._events.extend(events[start : start + 100])
                time.sleep(0.01)
            return self.length


class Narrow(ListedJournal):
    """Has columns of 16 MB, and cuts off what does not fit."""

    def append(self, events, *, expected):
        fitting = [
            replace(event, value=event.value[: 2**24])
            if isinstance(event, StudyAttributeSet) and isinstance(event.value, str)
            else event
            for event in events
        ]
        return super().append(fitting, expected=expected)


class Racing(ListedJournal):
    """Looks, and adds later."""

    def append(self, events, *, expected):
        if self.length != expected:
            raise Conflict(expected, self.length)
        time.sleep(0.002)
        self._events.extend(events)
        return expected + len(events)


class Signless(ListedJournal):
    """Takes -0.0 for 0.0, as columns of numbers do."""

    def append(self, events, *, expected):
        text = re.sub(rb"-0\.0\b", b"0.0", encode_events(events))
        return super().append(decode_events(text), expected=expected)


class Single(ListedJournal):
    """Keeps what is reported in single precision, as columns of floats do."""

    def append(self, events, *, expected):
        kept = [
            replace(event, value=struct.unpack("f", struct.pack("f", event.value))[0])
            if isinstance(event, ValueReported) and isinstance(event.value, float) and abs(event.value) < 1e38
            else event
            for event in events
        ]
        return super().append(kept, expected=expected)


class SignlessConstraints(ListedJournal):
    """Takes a constraint's -0.0 for 0.0."""

    def append(self, events, *, expected):
        kept = [
            replace(event, value=event.value + 0.0)
            if isinstance(event, ConstraintSet) and isinstance(event.value, float)
            else event
            for event in events
        ]
        return super().append(kept, expected=expected)


class Short(ListedJournal):
    """Cuts long texts."""

    def append(self, events, *, expected):
        text = re.sub(rb"x{65536,}", b"x" * 65535, encode_events(events))
        return super().append(decode_events(text), expected=expected)


class ByRecord(ListedJournal):
    """Reads from the beginning of whatever was appended together."""

    def append(self, events, *, expected):
        self.starts = [*getattr(self, "starts", [0]), expected]
        return super().append(events, expected=expected)

    def read(self, after):
        starts = [start for start in getattr(self, "starts", [0]) if start <= after < self.length]
        return super().read(max(starts, default=after))


class Undead(ListedJournal):
    """Takes more after its deletion."""

    def delete(self):
        pass


class Exposed(ListedJournal):
    """Hands out what it keeps."""

    def read(self, after):
        return self._events if after == 0 else super().read(after)


def storage_of(journal_kind):
    class Broken(MemoryStorage):
        def create(self, name, events):
            journal = super().create(name, events)
            journal.__class__ = journal_kind
            return journal

    Broken.__name__ = journal_kind.__name__
    return Broken


class Folding(MemoryStorage):
    """Takes A for a."""

    def create(self, name, events):
        renamed = [StudyCreated(1, name.lower(), events[0].directions, 7), *events[1:]] if events else []
        return super().create(name.lower(), renamed)


class Unjudging(MemoryStorage):
    """Takes any beginning."""

    def create(self, name, events):
        return super().create(name, created(name))


class Replacing(MemoryStorage):
    """Creates again what is there."""

    def create(self, name, events):
        if name in self._journals:
            self.delete(name)
        return super().create(name, events)


class ReplacingNothing(MemoryStorage):
    """Creates again what was created and not used yet."""

    def create(self, name, events):
        if name in self._journals and len(self._journals[name].read(0)) == 1:
            self.delete(name)
        return super().create(name, events)


class Clinging(MemoryStorage):
    """Forgets names, and keeps the journals."""

    def delete(self, name):
        journal = self.open(name)
        del self._journals[name]
        self.graveyard = {**getattr(self, "graveyard", {}), name: journal}

    def create(self, name, events):
        journal = super().create(name, events)
        return (
            self._journals.setdefault(name, journal) if name not in getattr(self, "graveyard", {}) else self._dug(name)
        )

    def _dug(self, name):
        self._journals[name] = self.graveyard[name]
        return self._journals[name]


@pytest.mark.parametrize("laws", [TestMemory, TestFile, TestDirectory, TestSqlite, TestSqliteForProcesses])
def test_all_storages_of_ours_are_asked_about_workers(laws, tmp_path):
    assert why_workers_are_unknown(lambda: laws.make_storage(tmp_path)) is None


@pytest.mark.parametrize(
    "kind",
    [
        *(
            storage_of(j)
            for j in (Unchecked, Early, ByOne, ByHundred, Narrow, Racing, Short, ByRecord, Undead, Exposed)
        ),
        *(storage_of(j) for j in (Signless, Single, SignlessConstraints)),
        Folding,
        Unjudging,
        Replacing,
        ReplacingNothing,
        Clinging,
    ],
    ids=lambda kind: kind.__name__,
)
def test_a_storage_that_breaks_a_law_is_caught(kind):
    with pytest.raises(AssertionError) as caught:
        check_storage(remembered(kind), across_processes=False)
    assert caught.value.__notes__[0].startswith("the law: ")


def test_a_storage_of_which_processes_have_copies_is_caught():
    with pytest.raises(AssertionError, match="what the original sees"):
        check_storage(remembered(MemoryStorage))


def test_a_storage_that_can_not_be_sent_to_other_processes_is_told_what_to_say():
    class Local(DirectoryStorage):
        """Its class has no name that another process could find."""

    class Laws(StorageLaws):
        make_storage = Local

    with pytest.raises(AssertionError, match=r"a storage can't be pickled .*Local.*; set across_processes=False"):
        Laws().test_a_pickled_handle_leads_to_the_same_journal()


def test_the_agreement_machine_catches_what_breaks_laws():
    from hypothesis import Phase, settings
    from hypothesis.stateful import run_state_machine_as_test

    quick = settings(max_examples=100, deadline=None, derandomize=True, database=None, phases=[Phase.generate])
    for kind in (Unchecked, Early, ByRecord):
        with pytest.raises(AssertionError, match="broken"):
            run_state_machine_as_test(agreement_machine({"broken": remembered(storage_of(kind))}), settings=quick)


def test_messages_about_the_agreement_machine_are_short():
    from hpo.testing.journals import machine as journal_machine

    journal_machine.batches.validate()
    assert len(repr(journal_machine.batches)) < 5000, "hypothesis warns of longer ones"


def test_laws_need_neither_hypothesis_nor_pytest():
    text = (
        "import sys; sys.modules['hypothesis'] = sys.modules['pytest'] = None\n"
        "from hpo.errors import MissingExtra\n"
        "from hpo.journal import DirectoryStorage\n"
        "from hpo.testing.journals.laws import agreement_machine, check_storage\n"
        "check_storage(DirectoryStorage, across_processes=False)\n"
        "try: agreement_machine({})\n"
        "except MissingExtra as error: print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, check=False)
    assert "pip install 'purehpo[testing]'" in done.stdout, done.stderr


def test_without_hypothesis_the_extra_is_named(monkeypatch):
    monkeypatch.delitem(sys.modules, "hpo.testing.journals.machine", raising=False)
    monkeypatch.setitem(sys.modules, "hypothesis", None)
    with pytest.raises(MissingExtra, match=r"purehpo\[testing\]"):
        agreement_machine({})


def test_each_law_gets_an_empty_place_and_only_the_laws_that_apply_are_tried():
    storages = {}

    def make(place):
        storage = MemoryStorage()
        kept = storages.setdefault(place, storage)  # one law opens it in many threads at once
        if kept is storage:
            assert [*place.iterdir()] == []
        return kept

    check_storage(make, many_studies=False, across_processes=False)
    assert len(storages) == len(LAWS) + len(LAWS_OF_WORKERS) + 1, "and a look whether it knows workers"
    assert not any(place.exists() for place in storages)
    assert journals.LAWS is LAWS


@pytest.mark.parametrize("given", [3, None, "runs/", MemoryStorage()])
def test_what_opens_no_storage_is_refused_by_name(given):
    with pytest.raises(InvalidType, match=r"make_storage is a function that opens a storage in a directory.*; got"):
        check_storage(given)
    with pytest.raises(InvalidType, match=r"make_storage is a function that opens a storage in a directory.*; got"):
        agreement_machine({"mine": given})
    with pytest.raises(InvalidType, match="make_storages maps names to functions that open storages, got"):
        agreement_machine(given)
    with pytest.raises(InvalidType, match=r"make_storage returns a storage .* and returned 'a path'"):
        check_storage(lambda place: "a path")


def test_expectations_say_what_they_wanted():
    with pytest.raises(AssertionError, match="the sum: wanted 2, got 1"):
        expect(1, 2, "the sum")
    with pytest.raises(AssertionError, match=r"\(1000\d characters\)"):
        expect("x" * 10_000, "", "a long text")
    names = [f"study {i:03}" for i in range(100)]
    with pytest.raises(AssertionError, match="the names: item 7 of 100: wanted 'study 007', got 'study 008'"):
        expect([*names[:7], *names[8:]], names, "the names")
    with pytest.raises(AssertionError, match="the names: item 99 of 100: wanted 'study 099', got nothing"):
        expect(names[:99], names, "the names")
    with pytest.raises(AssertionError, match="the names: item 100 of 100: wanted nothing, got 'x'"):
        expect([*names, "x"], names, "the names")
    with pytest.raises(AssertionError, match="wanted KeyError, got ValueError"):
        expect_error(lambda: int("x"), KeyError, "it")
    with pytest.raises(AssertionError, match="wanted KeyError, got the result 7"):
        expect_error(lambda: 7, KeyError, "it")
    with pytest.raises(AssertionError, match="number of events: wanted 1, got 0"):
        expect_events([], created(), "it")
    expect_events(created(), created(), "it")
