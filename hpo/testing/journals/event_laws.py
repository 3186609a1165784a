"""Laws of journals: every reader gets the appended events, in one order and in whole batches."""

from __future__ import annotations

from functools import partial

from hpo.core import AnyEvent, StudyAttributeSet, TrialStarted
from hpo.errors import Conflict
from hpo.testing.journals.expectations import expect, expect_error, expect_events
from hpo.testing.journals.samples import created, every_kind, hostile_values
from hpo.testing.journals.study_laws import Opener


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


LAWS = (
    every_kind_of_event_is_read_back_as_written,
    hostile_values_survive,
    reading_begins_after_any_number,
    an_append_tells_the_new_length,
    a_stale_append_adds_nothing,
    two_handles_write_in_turn,
    a_list_that_was_read_is_its_readers,
)
