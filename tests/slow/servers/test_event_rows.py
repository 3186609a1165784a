"""Rows of events with and without checksums, as servers keep them."""

import pytest
from hpo_adapters._servers.event_rows import BEFORE_ALL, Tail, from_pages, from_rows, tail_at, to_rows

from hpo.core import StudyAttributeSet, StudyCreated, TrialStarted
from hpo.errors import JournalCorrupted, JournalMoved, UnreadableEvents


def history(study_format=2, seed=7, n=6):
    created = StudyCreated(study_format, "s", ("minimize",), seed)
    return [created, *(StudyAttributeSet(f"k{i}", [seed, "名\0"]) for i in range(n))]


def numbered(rows):
    return [*enumerate(rows)]


@pytest.mark.parametrize("study_format", [1, 2])
def test_rows_come_back_whole_and_in_parts(study_format):
    events = history(study_format)
    rows, tail = to_rows(events, BEFORE_ALL)
    assert from_rows(numbered(rows), BEFORE_ALL, where="here") == (events, tail)
    assert (tail.checksum is None) == (study_format == 1)
    for cut in range(1, len(events)):
        first, middle = to_rows(events[:cut], BEFORE_ALL)
        assert [*first, *to_rows(events[cut:], middle)[0]] == rows
        assert tail_at((cut - 1, rows[cut - 1])) == middle
        assert from_rows(numbered(rows)[cut:], middle, where="here") == (events[cut:], tail)


def test_rows_of_format_1_are_bare_json():
    assert to_rows([TrialStarted(0)], Tail(4, None))[0][0].startswith(b'["started",0')


@pytest.mark.parametrize("at", range(1, 7))
def test_a_row_of_another_history_is_told_by_its_number(at):
    rows, others = to_rows(history(), BEFORE_ALL)[0], to_rows(history(seed=8), BEFORE_ALL)[0]
    with pytest.raises(JournalCorrupted, match=f"event {at} was written after .*the chain of checksums is broken"):
        from_rows(numbered([*rows[:at], *others[at:]]), BEFORE_ALL, where="here")


def test_every_flipped_bit_of_a_row_is_told():
    rows = to_rows(history(n=2), BEFORE_ALL)[0]
    for i in range(len(rows[1])):
        for bit in (0, 1, 4, 7):
            flipped = rows[1][:i] + bytes([rows[1][i] ^ 1 << bit]) + rows[1][i + 1 :]
            with pytest.raises(JournalCorrupted, match="event 1"):
                from_rows(numbered([rows[0], flipped, rows[2]]), BEFORE_ALL, where="here")


def test_the_first_row_tells_whether_there_are_checksums():
    for study_format in (1, 2):
        bare = to_rows(history(study_format), Tail(0, None))[0][0].partition(b" [")[2]
        row = b"[" + bare if study_format == 2 else b"00000000 00000000 " + to_rows(history(1), BEFORE_ALL)[0][0]
        with pytest.raises(JournalCorrupted, match="checksum"):
            from_rows([(0, row)], BEFORE_ALL, where="here")


def test_a_bare_row_in_a_chain_and_the_other_way_round_are_told():
    chained, bare = to_rows(history(), BEFORE_ALL)[0], to_rows(history(1), BEFORE_ALL)[0]
    with pytest.raises(JournalCorrupted, match="event 1 has no checksums"):
        from_rows(numbered([chained[0], bare[1]]), BEFORE_ALL, where="here")
    with pytest.raises(UnreadableEvents, match="event 1"):
        from_rows(numbered([bare[0], chained[1]]), BEFORE_ALL, where="here")


@pytest.mark.parametrize("size", [1, 2, 3, 100])
@pytest.mark.parametrize("after", range(9))
def test_pages_begin_anywhere_and_check_the_row_before(size, after):
    events = history()
    rows, tail = to_rows(events, BEFORE_ALL)

    def page(start):
        return numbered(rows)[start : start + size]

    for known in (BEFORE_ALL, tail, tail_at((2, rows[2])), Tail(3, int(rows[2][:8], 16))):
        read = from_pages(page, size, after=after, known=known, where="here")
        assert read[0] == events[after:]
        assert after > 7 or read[1] == tail


@pytest.mark.parametrize("study_format", [1, 2])
@pytest.mark.parametrize("size", [1, 2, 100])
@pytest.mark.parametrize("after", [0, 2, 3, 5, 7, 9])
def test_a_history_that_is_not_the_known_one_has_moved_also_if_it_is_as_long(size, after, study_format):
    rows = to_rows(history(study_format), BEFORE_ALL)[0]
    page = lambda start: numbered(rows)[start : start + size]  # noqa: E731
    for n in (3, 5, 7):
        _, known = to_rows(history(study_format, seed=8)[:n], BEFORE_ALL)
        with pytest.raises(JournalMoved):
            from_pages(page, size, after=after, known=known, where="here")
    longer = to_rows(history(study_format, n=9), BEFORE_ALL)[1]
    with pytest.raises(JournalMoved):
        from_pages(page, size, after=after, known=longer, where="here")


def test_a_damaged_last_known_row_is_damaged_and_not_another_history():
    rows, known = to_rows(history()[:4], BEFORE_ALL)
    rows[3] = rows[3].replace(b"seed", b"sead").replace(b"k2", b"k9")
    for after in (0, 4):
        with pytest.raises(JournalCorrupted, match="event 3: the checksum is wrong"):
            from_pages(lambda start: numbered(rows)[start:], 100, after=after, known=known, where="here")


def test_a_study_of_which_nothing_is_left_has_moved():
    with pytest.raises(JournalMoved):
        from_pages(lambda _: [], 5, after=0, known=BEFORE_ALL, where="here")
    with pytest.raises(JournalMoved):
        from_pages(lambda _: [], 5, after=3, known=BEFORE_ALL, where="here")
