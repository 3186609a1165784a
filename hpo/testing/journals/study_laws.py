"""Laws of storages: studies are created, found and deleted, and every reader gets their events in one order and whole."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import partial
from typing import TypeAlias

from hpo.core import AnyEvent, StudyAttributeSet, TrialStarted
from hpo.errors import Conflict, DuplicatedStudyError, InvalidArgument, JournalMoved, StudyNotFound
from hpo.journal.storage import Journal, Storage
from hpo.testing.journals.expectations import expect, expect_error, expect_events
from hpo.testing.journals.samples import NAMES, created, every_kind, hostile_values

Opener: TypeAlias = Callable[[], Storage]
"""Opens the storage that a law is tested on, anew at each call; it is empty at first."""


def a_new_storage_has_no_studies(opened: Opener) -> None:
    """A new storage has no studies, and looking for one creates nothing."""
    storage = opened()
    expect(isinstance(storage, Storage), True, "it is a Storage")
    expect(isinstance(storage.location, str), True, "its location is a string")
    for _ in range(2):
        expect(storage.names(), [], "the names in a new storage")
        for name in (None, "s", "'"):
            error = expect_error(partial(storage.open, name), StudyNotFound, f"opening {name!r}")
            expect([*error.known], [], "the known studies")
        expect_error(lambda: storage.delete("s"), StudyNotFound, "deleting 's'")


def a_study_lives_from_its_creation_to_its_deletion(opened: Opener) -> None:
    """A study is visible to every handle until it is deleted; then its name is free."""
    for round_ in range(3):
        journal = opened().create("s", created())
        expect_events(journal.read(0), created(), "the new journal")
        expect(journal.append([TrialStarted(round_)], expected=1), 2, "the new length")
        for storage in (opened(), opened()):
            expect(storage.names(), ["s"], "the names")
            for name in ("s", None):
                expect_events(storage.open(name).read(0), [*created(), TrialStarted(round_)], f"opened as {name!r}")
        opened().delete("s")
        expect(opened().names(), [], "the names after the deletion")
        expect_error(lambda: opened().open("s"), StudyNotFound, "opening what was deleted")
        expect_error(lambda: opened().delete("s"), StudyNotFound, "deleting what was deleted")


def a_study_is_created_once(opened: Opener) -> None:
    """A second creation is refused and changes nothing, even if the study has no further events."""
    journal, kept = opened().create("s", created()), created()
    for number in range(2):
        for storage in (opened(), opened()):
            for again in (created(), [*created(), TrialStarted(7)]):
                error = expect_error(partial(storage.create, "s", again), DuplicatedStudyError, "again")
                expect(error.study_name, "s", "the name in the error")
        expect_events(opened().open("s").read(0), kept, "the first one")
        expect(journal.append([TrialStarted(number)], expected=len(kept)), len(kept) + 1, "the first one's new length")
        kept.append(TrialStarted(number))
    expect_events(opened().open("s").read(0), kept, "the first one")


def a_study_begins_with_its_own_creation(opened: Opener) -> None:
    """A study whose first event is not its own creation is refused, and nothing is left behind."""
    for events in ([], [TrialStarted(0)], created("other"), [TrialStarted(0), *created()]):
        expect_error(partial(opened().create, "s", events), InvalidArgument, f"{events!r} as a beginning")
    expect(opened().names(), [], "the names after it")


def an_unknown_study_is_told_with_those_that_are_known(opened: Opener) -> None:
    """The error for an unknown study names it and the studies that exist."""
    opened().create("s", created())
    for name in ("t", "S", "s ", "", "s\0", "%", "\ud800"):
        for act in (opened().open, opened().delete):
            error = expect_error(partial(act, name), StudyNotFound, f"looking for {name!r}")
            expect((error.study_name, [*error.known]), (name, ["s"]), "the names in the error")
    expect(opened().names(), ["s"], "the names after it")


def thousands_of_events_can_begin_a_study(opened: Opener) -> None:
    """A copy of a large study appears whole."""
    events = [*created(), *(TrialStarted(i) for i in range(2500))]
    expect_events(opened().create("s", events).read(0), events, "the new journal")
    for after in (0, 1, 999, 1000, 1001, 2500, 2501):
        expect_events(opened().open("s").read(after), events[after:], f"after {after}")


def a_deleted_study_is_not_written_to(opened: Opener) -> None:
    """A writer with a handle of a deleted study gets an error, and never writes to a new study of that name."""
    old = opened().create("s", created())
    old.append([TrialStarted(7)], expected=1)
    opened().delete("s")
    _expect_moved(old, "of a deleted study")
    new = opened().create("s", created())
    _expect_moved(old, "of a deleted study whose name was given again")
    expect_events(opened().open("s").read(0), created(), "the new study after refused appends")
    expect_events(new.read(0), created(), "the new study")
    expect(new.append([TrialStarted(0)], expected=1), 2, "the new study's length")
    expect_events(opened().open("s").read(1), [TrialStarted(0)], "what the new study got")


def _expect_moved(old: Journal, what: str) -> None:
    for batch in ([TrialStarted(13)], []):
        for expected in (1, 2, 3):
            act = partial(old.append, batch, expected=expected)
            expect_error(act, JournalMoved, f"an append {what}, with {len(batch)} event(s) after {expected}")
    for after in (0, 1, 2):
        try:
            seen = old.read(after)
        except JournalMoved:
            continue
        if seen or not after:
            expect_events(seen, [*created(), TrialStarted(7)][after:], f"reading {what} after {after}")


def of_many_creators_one_wins(opened: Opener) -> None:
    """If several threads create the same study at once, one of them does, and the others get an error."""
    outcomes: list[str] = []

    def create(number: int) -> None:
        try:
            opened().create("s", [*created(), TrialStarted(number)])
        except DuplicatedStudyError:
            outcomes.append("told")
        except Exception as error:  # noqa: BLE001 - the thread's, for the law to show
            outcomes.append(repr(error))
        else:
            outcomes.append("won")

    threads = [threading.Thread(target=create, args=(i,)) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    expect(sorted(outcomes), ["told"] * 7 + ["won"], "the outcomes")
    expect(len(opened().open("s").read(0)), 2, "the number of events")


def any_text_is_a_name(opened: Opener) -> None:
    """Any string is a name: names are kept unchanged, and are never read as paths or patterns."""
    for i, name in enumerate(NAMES):
        journal = opened().create(name, created(name))
        journal.append([TrialStarted(i)], expected=1)
    for storage in (opened(), opened()):
        expect(storage.names(), sorted(NAMES), "the names")
        for i, name in enumerate(NAMES):
            expect_events(storage.open(name).read(0), [*created(name), TrialStarted(i)], f"the study {name!r}")
    left = sorted(NAMES)
    for name in NAMES:
        opened().delete(name)
        left.remove(name)
        expect(opened().names(), left, f"the names after {name!r} was deleted")


def studies_do_not_mix(opened: Opener) -> None:
    """An append to one study, or its deletion, leaves the others unchanged."""
    names = ("b", "a", "c")
    for name in names:
        opened().create(name, created(name))
    journals = {name: opened().open(name) for name in names}
    for length in range(1, 6):
        for i, name in enumerate(names):
            journals[name].append([TrialStarted(10 * length + i)], expected=length)
    opened().delete("a")
    expect(opened().names(), ["b", "c"], "the names")
    for i, name in ((0, "b"), (2, "c")):
        wanted = [*created(name), *(TrialStarted(10 * length + i) for length in range(1, 6))]
        expect_events(journals[name].read(0), wanted, f"the study {name!r}")


def one_of_several_studies_has_to_be_named(opened: Opener) -> None:
    """If there are several studies, opening one without a name is refused."""
    for name in ("b", "a"):
        opened().create(name, created(name))
    error = expect_error(lambda: opened().open(None), StudyNotFound, "opening None")
    expect([*error.known], ["a", "b"], "the known studies")
    opened().delete("a")
    expect_events(opened().open(None).read(0), created("b"), "the only one that is left")


LAWS = (
    a_new_storage_has_no_studies,
    a_study_lives_from_its_creation_to_its_deletion,
    a_study_is_created_once,
    a_study_begins_with_its_own_creation,
    an_unknown_study_is_told_with_those_that_are_known,
    thousands_of_events_can_begin_a_study,
    a_deleted_study_is_not_written_to,
    of_many_creators_one_wins,
)
LAWS_OF_MANY_STUDIES = (any_text_is_a_name, studies_do_not_mix, one_of_several_studies_has_to_be_named)


def every_kind_of_event_is_read_back_as_written(opened: Opener) -> None:
    """Every kind of event is read back as written, alone and in batches, by its writer and by others."""
    journal, other, kept = opened().create("s", created()), opened().open("s"), created()
    for event in every_kind():
        kept = _appended(opened, kept, [event])
    kept = _appended(opened, kept, every_kind())
    for handle in (journal, other, opened().open("s")):
        expect_events(handle.read(0), kept, "what is read")


def hostile_values_survive(opened: Opener) -> None:
    """Attributes are read back equal: NaN, signed zeros, huge ints, a string of a megabyte, deep nesting, SQL."""
    opened().create("s", created())
    kept = _appended(opened, created(), hostile_values())
    expect_events(opened().open("s").read(0), kept, "what is read")


def reading_begins_after_any_number(opened: Opener) -> None:
    """Reading may begin after any number of events: also inside of a batch, at the end, and beyond it."""
    journal, kept = opened().create("s", created()), created()
    for n in (1, 5, 1, 3, 2):
        kept = _appended(opened, kept, [TrialStarted(len(kept) + i) for i in range(n)])
        for handle in (journal, opened().open("s")):
            for after in range(len(kept) + 1):
                expect_events(handle.read(after), kept[after:], f"after {after} of {len(kept)}")
            expect_events(handle.read(len(kept) + 7), [], "behind the end")


def an_append_tells_the_new_length(opened: Opener) -> None:
    """An append returns the new length; an empty one adds nothing, and checks that its writer has seen everything."""
    journal = opened().create("s", created())
    expect(journal.append([], expected=1), 1, "the length after nothing")
    expect(journal.append([TrialStarted(0), TrialStarted(1)], expected=1), 3, "the length after two")
    expect(journal.append([], expected=3), 3, "the length after nothing")
    expect_error(lambda: journal.append([], expected=2), Conflict, "a stale empty append")
    expect(len(journal.read(0)), 3, "the number of events")


def a_stale_append_adds_nothing(opened: Opener) -> None:
    """An append with a wrong expected length adds nothing; the error has the expected and the actual length."""
    journal, stale = opened().create("s", created()), opened().open("s")
    stale.read(0)
    journal.append([TrialStarted(0), TrialStarted(1)], expected=1)
    wanted = [*created(), TrialStarted(0), TrialStarted(1)]
    for handle in (stale, journal, opened().open("s")):
        for expected in (0, 1, 2, 4, 1000, 2**40):
            error = expect_error(
                partial(handle.append, every_kind(), expected=expected),
                Conflict,
                f"an append that expects {expected} of 3",
            )
            expect((error.expected, error.actual), (expected, 3), "the lengths in the error")
        expect_events(handle.read(0), wanted, "what is there after it")
    expect(stale.append([TrialStarted(2)], expected=3), 4, "the length after catching up")
    expect_events(journal.read(3), [TrialStarted(2)], "what the other handle sees")


def two_handles_write_in_turn(opened: Opener) -> None:
    """Two handles that append by turns see each other's events at once."""
    opened().create("s", created())
    handles, kept = (opened().open("s"), opened().open("s")), created()
    for i in range(20):
        event = StudyAttributeSet("k", i)
        expect(handles[i % 2].append([event], expected=len(kept)), len(kept) + 1, "the new length")
        kept.append(event)
        expect_events(handles[1 - i % 2].read(len(kept) - 1), [event], "what the other sees")
    expect_events(opened().open("s").read(0), kept, "what a third one sees")


def a_list_that_was_read_is_its_readers(opened: Opener) -> None:
    """Changing a list that was read or appended does not change the journal."""
    journal = opened().create("s", created())
    batch: list[AnyEvent] = [TrialStarted(0)]
    journal.append(batch, expected=1)
    batch.append(TrialStarted(99))
    got = journal.read(0)
    if isinstance(got, list):
        got.clear()
    expect_events(journal.read(0), [*created(), TrialStarted(0)], "what is there")


def _appended(opened: Opener, kept: list[AnyEvent], batch: list[AnyEvent]) -> list[AnyEvent]:
    """Append `batch` with a new handle, and return `kept` with `batch` at its end."""
    length = opened().open("s").append(batch, expected=len(kept))
    expect(length, len(kept) + len(batch), "the new length")
    return [*kept, *batch]


LAWS_OF_EVENTS = (
    every_kind_of_event_is_read_back_as_written,
    hostile_values_survive,
    reading_begins_after_any_number,
    an_append_tells_the_new_length,
    a_stale_append_adds_nothing,
    two_handles_write_in_turn,
    a_list_that_was_read_is_its_readers,
)
