import re
import zlib

import pytest
from hypothesis import given, strategies as st

from hpo.core import StudyAttributeSet, TrialFinished, TrialStarted, TrialState, decode_events
from hpo.errors import InvalidArgument
from hpo.journal import records
from hpo.journal.file.lines import DamagedRecord, hides_record, looks_like_record, pack, unpack


def test_a_record_is_one_line_of_checksum_sequence_and_json():
    line = pack([TrialStarted(0), TrialFinished(0, TrialState.COMPLETE, (0.5,))], 12)
    assert re.fullmatch(rb'[0-9a-f]{8} 12 \[\["started",0,.*\]\]\n', line)
    assert int(line[:8], 16) == zlib.crc32(line[9:-1])


@given(
    key=st.text(st.characters(exclude_categories=["Cs"])),
    value=st.recursive(
        st.none()
        | st.booleans()
        | st.integers()
        | st.floats(allow_nan=False, allow_infinity=False)
        | st.text("a\n\r\0"),
        lambda inner: st.lists(inner) | st.dictionaries(st.text("ab\n"), inner),
    ),
    sequence=st.integers(1, 10**18),
)
def test_what_is_packed_comes_back_and_never_holds_a_line_end(key, value, sequence):
    event = StudyAttributeSet(key, value)
    line = pack([event], sequence)
    assert line.count(b"\n") == 1
    record = unpack(line[:-1])
    assert record.sequence == sequence
    assert repr(decode_events(record.payload)) == repr([event])  # repr tells 0.0 from -0.0, and 1 from True


@pytest.mark.parametrize(
    "body",
    [
        b"0 []",
        b"01 []",
        b"-1 []",
        b"+1 []",
        b" 1 []",
        b"1_0 []",
        b"x []",
        b"[]",
        b"",
        b"12345678901234567890 []",
    ],
)
def test_a_right_checksum_alone_makes_no_record(body):
    with pytest.raises(DamagedRecord, match="sequence"):
        unpack(b"%08x %s" % (zlib.crc32(body), body))


@pytest.mark.parametrize(
    "change",
    [
        str.upper,
        lambda text: " " + text[1:],
        lambda text: "+" + text[1:],
        lambda text: text[:3] + "_" + text[4:],
        lambda text: text[1:],
    ],
)
def test_a_checksum_is_written_in_one_way_only(change):
    line = pack([TrialStarted(0, 1.0)], 2)[:-1]  # begins with 8 hexadecimal digits, some of them letters
    assert line[:8].upper() != line[:8]
    with pytest.raises(DamagedRecord):
        unpack(change(line[:8].decode()).encode() + line[8:])


def test_every_flipped_bit_damages_a_record():
    line = pack([TrialStarted(0, 1732190185.5)], 2)[:-1]
    for i in range(len(line)):
        for bit in range(8):
            with pytest.raises(DamagedRecord):
                unpack(line[:i] + bytes([line[i] ^ 1 << bit]) + line[i + 1 :])


def test_a_record_behind_a_lost_line_end_is_seen():
    one, two = pack([TrialStarted(0)], 2), pack([TrialStarted(1)], 3)[:-1]
    assert hides_record(one[:-1] + b"\x0b" + two)
    assert hides_record(one[:20] + two)
    assert not hides_record(one[:-1] + b"\x0b" + two[:-1])
    assert not hides_record(one[:-1])


def test_a_text_made_of_beginnings_of_records_hides_one_if_there_is_one():
    beginnings = b"0badc0de 1 [" * 20_000
    assert not hides_record(beginnings)
    assert not hides_record(beginnings + b"]")
    assert hides_record(beginnings + pack([TrialStarted(0)], 1)[:-1])
    assert hides_record(beginnings + pack([TrialStarted(0)], 7, 0xCAFE)[:-1])


def test_records_are_told_from_other_texts_by_their_beginning():
    assert looks_like_record(pack([TrialStarted(0)], 1))
    assert not looks_like_record(b'{"op_code": 4}\n')
    assert not looks_like_record(b"")


def test_a_record_too_long_for_readers_is_refused(monkeypatch):
    monkeypatch.setattr(records, "LONGEST", 164)
    pack([StudyAttributeSet("k", "x" * 50)], 1)
    with pytest.raises(InvalidArgument, match="164 at once"):
        pack([StudyAttributeSet("k", "x" * 100)], 1)
