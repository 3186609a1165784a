"""A state as bytes: the shortest document from which the same state comes back."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import attrs
import msgspec
from msgspec import Struct

from hpo.core.memory import FrozenDict, History, InsertOnlyDict, NumberMap
from hpo.core.records.events import FORMAT, StudyCreated, TrialAdded, decode_hook, encode_hook
from hpo.core.records.trials import added_trial, trial_record
from hpo.core.values import Artifact, FrozenTrial, Identity, SearchSpace, from_json_tree, to_json_tree
from hpo.errors import HpoError, UnreadableEvents


@attrs.frozen
class Snapshot:
    """The parts of a `hpo.core.state.StudyState`; see there."""

    created: StudyCreated
    version: int
    n_trials: int
    uses: FrozenDict[str, Identity]
    user_attrs: FrozenDict[str, Any]
    spaces: InsertOnlyDict[SearchSpace, int]
    finished: History[FrozenTrial]
    running: NumberMap[FrozenTrial]
    waiting: NumberMap[FrozenTrial]
    paused: NumberMap[FrozenTrial]
    artifacts: NumberMap[FrozenDict[str, Artifact]]
    requests: InsertOnlyDict[str, int | None]


class _Document(Struct, frozen=True):
    created: StudyCreated
    version: int
    n_trials: int
    user_attrs: Any
    spaces: list[SearchSpace]
    """Those that events refer to by number come first; `n_spaces` says how many they are."""
    n_spaces: int
    finished: list[TrialAdded]
    running: list[TrialAdded]
    waiting: list[TrialAdded]
    uses: dict[str, Identity] = {}
    paused: list[TrialAdded] = []
    artifacts: dict[int, list[Artifact]] = {}
    requests: dict[str, int | None] = {}


def encode_snapshot(snapshot: Snapshot) -> bytes:
    """`snapshot` as JSON in UTF-8."""
    numbers: dict[tuple[SearchSpace, tuple[str, ...]], int] = {}
    for space in snapshot.spaces:
        numbers[space, tuple(space)] = len(numbers)
    n_spaces = len(numbers)

    def records(trials: Iterable[FrozenTrial]) -> list[TrialAdded]:
        return [trial_record(trial, number_of(trial.distributions)) for trial in trials]

    def number_of(space: SearchSpace) -> int | None:
        return numbers.setdefault((space, tuple(space)), len(numbers)) if space else None

    unfinished = (snapshot.running, snapshot.waiting, snapshot.paused)
    finished, running, waiting, paused = map(records, (snapshot.finished, *(trials.values() for trials in unfinished)))
    return _ENCODER.encode(
        _Document(
            created=snapshot.created,
            version=snapshot.version,
            n_trials=snapshot.n_trials,
            user_attrs=to_json_tree(snapshot.user_attrs),
            uses=snapshot.uses,
            spaces=[space for space, _ in numbers],
            n_spaces=n_spaces,
            finished=finished,
            running=running,
            waiting=waiting,
            paused=paused,
            artifacts={owner: [*by_id.values()] for owner, by_id in snapshot.artifacts.items()},
            requests=dict(snapshot.requests),
        )
    )


def decode_snapshot(blob: bytes) -> Snapshot:
    """The inverse of `encode_snapshot`.

    Raises:
        UnreadableEvents: the bytes are no snapshot of a format that this version reads.
    """
    try:
        document = _DECODER.decode(blob)
        if document.created.format <= FORMAT:
            return _snapshot(document)
    except (msgspec.MsgspecError, ValueError, LookupError, RecursionError, TypeError, HpoError) as error:
        raise UnreadableEvents(str(error), FORMAT) from None
    raise UnreadableEvents(f"it has format {document.created.format}", FORMAT)


def _snapshot(document: _Document) -> Snapshot:
    def by_number(records: list[TrialAdded]) -> NumberMap[FrozenTrial]:
        return NumberMap((trial.number, trial) for trial in trials(records))

    def trials(records: list[TrialAdded]) -> list[FrozenTrial]:
        empty = SearchSpace()
        return [
            added_trial(empty if record.space is None else document.spaces[record.space], record) for record in records
        ]

    return Snapshot(
        created=document.created,
        version=document.version,
        n_trials=document.n_trials,
        user_attrs=from_json_tree(document.user_attrs),
        uses=FrozenDict(document.uses),
        spaces=InsertOnlyDict((space, i) for i, space in enumerate(document.spaces[: document.n_spaces])),
        finished=History(trials(document.finished)),
        running=by_number(document.running),
        waiting=by_number(document.waiting),
        paused=by_number(document.paused),
        artifacts=NumberMap(
            (owner, FrozenDict({artifact.id: artifact for artifact in listed}))
            for owner, listed in document.artifacts.items()
        ),
        requests=InsertOnlyDict(document.requests),
    )


_ENCODER = msgspec.json.Encoder(enc_hook=encode_hook)
_DECODER = msgspec.json.Decoder(_Document, dec_hook=decode_hook)
