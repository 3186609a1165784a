"""Snapshots: whole states as bytes that are read faster than any journal, because the trials stay columns.

A snapshot is derived from a journal and may be thrown away at any time. It is read by the version of the library that
wrote it and by no other, so it needs no format that lasts; `StudyState.to_bytes` has one.
"""

from __future__ import annotations

from array import array
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from zlib import crc32

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from hpo.core.memory import History, LazyList
from hpo.core.records import (
    COLUMNS,
    STATES,
    Rest,
    TableBuilder,
    TrialAdded,
    TrialTable,
    added_trial,
    decode_hook,
    encode_hook,
    trial_record,
)
from hpo.core.state import StudyState
from hpo.core.values import FrozenTrial, SearchSpace
from hpo.errors import HpoError, UnreadableEvents

if TYPE_CHECKING:
    from numpy.typing import NDArray

_MAGIC = b"hpo snapshot 1\n"
_COUNTS = 24  # bytes of the lengths of the header and the state, and of the checksum of everything behind them
_ALIGNED = 8


class _Header(Struct):
    """What is needed to read the rest of a snapshot.

    Attributes:
        library: The version of hpo that wrote it.
        stamp: What the writer wants to know again: where in which journal this is.
        n_objectives: The number of values of a row.
        spaces: The spaces of the trials.
        workers: The workers of the trials.
        arrays: The columns in their order: name, type as in the module `array`, and number of bytes.
    """

    library: str
    stamp: str
    n_objectives: int
    spaces: list[SearchSpace]
    workers: list[str]
    arrays: list[tuple[str, str, int]]


class WrittenRest(Struct, frozen=True):
    """The rest of rows as bytes, which are decoded when they are asked for.

    Attributes:
        rows: The rows that have something, ascending.
        ends: Where in `content` the bytes of each end.
        content: All of them as JSON: a whole trial, or a note and a reason.
        spaces: The spaces that whole trials refer to.
    """

    rows: NDArray[Any]
    ends: NDArray[Any]
    content: bytes
    spaces: tuple[SearchSpace, ...]

    def between(self, start: int, stop: int) -> Mapping[int, Rest]:
        """Return the rest of the rows from `start` up to `stop`."""
        first, last = self.rows.searchsorted([start, stop]).tolist()
        rows, ends = self.rows[first:last].tolist(), self.ends[first:last].tolist()
        begins = [int(self.ends[first - 1]) if first else 0, *ends]
        return {
            row: self._decoded(self.content[begin:end]) for row, begin, end in zip(rows, begins[:-1], ends, strict=True)
        }

    def _decoded(self, content: bytes) -> Rest:
        if not content.startswith(_TAG_OF_TRIAL):
            note, reason = _NOTES.decode(content)
            return note, reason
        record = _TRIALS.decode(content)
        return added_trial(SearchSpace() if record.space is None else self.spaces[record.space], record)


_TRIALS = msgspec.json.Decoder(TrialAdded, dec_hook=decode_hook)
_NOTES = msgspec.json.Decoder(tuple[Any, str | None])
_WRITTEN = msgspec.json.Encoder(enc_hook=encode_hook)
_TAG_OF_TRIAL = b'["added"'


def encode_snapshot(state: StudyState, stamp: str, library: str) -> bytes | None:
    """Return a state as bytes, or None if its trials are not columns.

    Args:
        state: The state, as a `Loader` made it.
        stamp: A string that `decode_snapshot` returns with it.
        library: The version of the library.
    """
    table = _table_of(state)
    if table is None:
        return None
    rest = _written_rest(table)
    arrays = {**{name: (kind, table.columns[name].tobytes()) for name, kind in COLUMNS.items()}, **rest}
    written = replace(state, finished=History()).to_bytes()
    header = _ENCODER.encode(
        _Header(
            library,
            stamp,
            table.n_objectives,
            [*table.spaces],
            [*table.workers],
            [(name, kind, len(content)) for name, (kind, content) in arrays.items()],
        )
    )
    parts = [_padded(header), _padded(written), *(_padded(content) for _, content in arrays.values())]
    body = b"".join(parts)
    return _MAGIC + b"%08x%08x%08x" % (len(header), len(written), crc32(body)) + b"\n" + body


def decode_snapshot(blob: bytes, library: str) -> tuple[StudyState, str]:
    """Return the state and the stamp that `encode_snapshot` was given. Nothing in it is executed.

    Raises:
        UnreadableEvents: the bytes are damaged, or another version of the library wrote them.
    """
    try:
        return _decoded(blob, library)
    except (msgspec.MsgspecError, HpoError, ValueError, LookupError, RecursionError, TypeError) as error:
        raise UnreadableEvents(f"it is not a snapshot of this version: {error}", 1) from None


def _decoded(blob: bytes, library: str) -> tuple[StudyState, str]:
    import numpy as np

    begin = len(_MAGIC) + _COUNTS + 1
    counts = blob[len(_MAGIC) : begin - 1]
    body = memoryview(blob)[begin:]
    if not blob.startswith(_MAGIC) or crc32(body) != int(counts[16:], 16):
        raise ValueError("its checksum is wrong")
    place = 0

    def take(length: int) -> memoryview:
        nonlocal place
        content = body[place : place + length]
        if len(content) != length:
            raise ValueError("it ends too early")
        place += length + -length % _ALIGNED
        return content

    header = _DECODER.decode(take(int(counts[:8], 16)))
    if header.library != library:
        raise ValueError(f"it is of version {header.library}")
    state = StudyState.from_bytes(bytes(take(int(counts[8:16], 16))))
    arrays = {name: np.frombuffer(take(length), dtype=kind) for name, kind, length in header.arrays}
    if any(arrays[name].dtype.char != kind for name, kind in COLUMNS.items()):
        raise ValueError("a column has another type")
    # one object for equal spaces, as in a study that was replayed: folds compare them by identity
    known = {(space, tuple(space)): space for space in state.spaces}
    spaces = [known.get((space, tuple(space)), space) for space in header.spaces]
    rest = WrittenRest(arrays.pop("rest_rows"), arrays.pop("rest_ends"), bytes(arrays.pop("rest")), tuple(spaces))
    table = TrialTable(arrays, header.n_objectives, spaces, header.workers, rest)
    table.check(len(STATES))
    return replace(state, finished=History(LazyList(table))), header.stamp


def _written_rest(table: TrialTable) -> dict[str, tuple[str, bytes]]:
    """Return what the columns don't hold as the arrays of a `WrittenRest`, by name, each with its type."""
    numbers = {(space, tuple(space)): number for number, space in enumerate(table.spaces)}
    rows, ends, contents = array("q"), array("q"), []
    n_bytes = 0
    for row, rest in sorted(table.rest.between(0, len(table)).items()):
        if isinstance(rest, FrozenTrial):
            space = rest.distributions
            content = _WRITTEN.encode(trial_record(rest, numbers[space, tuple(space)] if space else None))
        else:
            content = _WRITTEN.encode(rest)
        n_bytes += len(content)
        rows.append(row)
        ends.append(n_bytes)
        contents.append(content)
    return {
        "rest_rows": ("q", rows.tobytes()),
        "rest_ends": ("q", ends.tobytes()),
        "rest": ("B", b"".join(contents)),
    }


def _table_of(state: StudyState) -> TrialTable | None:
    trials: LazyList[FrozenTrial] = state.finished.shared_list()
    if not isinstance(trials.source, TrialTable) or trials.n_lazy != len(trials.source):
        return None
    if len(trials) == trials.n_lazy:
        return trials.source
    builder = TableBuilder.of(trials.source)
    for trial in trials.items(trials.n_lazy, len(state.finished)):
        builder.add(trial)
    return builder.table()


def _padded(content: bytes) -> bytes:
    return content + b"\0" * (-len(content) % _ALIGNED)


_ENCODER = msgspec.json.Encoder(enc_hook=encode_hook)
_DECODER = msgspec.json.Decoder(_Header, dec_hook=decode_hook)
