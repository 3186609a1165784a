"""Whole trials as events, and whole states as bytes: the shortest document from which the same state comes back.

A document is not a journal: it has the trials as they are and not the events that made them, so it is read in one go.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec
from msgspec import Struct

from hpo.core.memory import FrozenDict, History, InsertOnlyDict, NumberMap
from hpo.core.records.consistency import mapping_of
from hpo.core.records.events import FORMAT, StudyCreated, TrialAdded, decode_hook, encode_hook
from hpo.core.values import (
    Artifact,
    FrozenTrial,
    Identity,
    Number,
    SearchSpace,
    from_json_tree,
    from_number,
    to_json_tree,
    to_number,
)
from hpo.errors import HpoError, UnreadableEvents


def trial_record(trial: FrozenTrial, space: int | None) -> TrialAdded:
    """Return `trial` as an event; `space` is the number of the space with its distributions, or None if it has none."""
    return TrialAdded(
        number=trial.number,
        state=trial.state,
        values=None if trial.values is None else tuple(map(to_number, trial.values)),
        space=space,
        # in the order of the space and not of `params`, because that is how they are read back
        params=tuple(dist.to_internal(trial.params[name]) for name, dist in trial.distributions.items()),
        user_attrs=to_json_tree(trial.user_attrs) or None,  # `null` is shorter than `{}`, and means the same
        constraints=tuple((name, to_number(value)) for name, value in trial.constraints.items()),
        intermediate_values=tuple((step, to_number(value)) for step, value in trial.intermediate_values.items()),
        fixed_params=to_json_tree(trial.fixed_params) or None,
        note=to_json_tree(trial.note) or None,
        reason=trial.reason,
        worker=trial.worker,
        started_at=trial.started_at,
        finished_at=trial.finished_at,
        sem=None if trial.sem is None else tuple(map(to_number, trial.sem)),
        cost=None if trial.cost is None else to_number(trial.cost),
        metrics=tuple((step, written_metrics(by_name)) for step, by_name in trial.metrics.items()),
        checkpoint=trial.checkpoint,
        parent=trial.parent,
    )


def added_trial(space: SearchSpace, event: TrialAdded) -> FrozenTrial:
    """Return the trial that `event` describes, with parameters from `space`."""
    return FrozenTrial(
        number=event.number,
        state=event.state,
        values=None if event.values is None else tuple(map(from_number, event.values)),
        params=external_params(space, event.params),
        distributions=space,
        user_attrs=mapping_of(event.user_attrs),
        constraints=FrozenDict({name: from_number(value) for name, value in event.constraints}),
        intermediate_values=InsertOnlyDict((step, from_number(value)) for step, value in event.intermediate_values),
        fixed_params=mapping_of(event.fixed_params),
        note=mapping_of(event.note),
        reason=event.reason,
        worker=event.worker,
        started_at=event.started_at,
        finished_at=event.finished_at,
        sem=None if event.sem is None else tuple(map(from_number, event.sem)),
        cost=None if event.cost is None else from_number(event.cost),
        metrics=InsertOnlyDict((step, read_metrics(by_name)) for step, by_name in event.metrics),
        checkpoint=event.checkpoint,
        parent=event.parent,
    )


def written_metrics(by_name: Mapping[str, float]) -> dict[str, Number]:
    """Return a report by metric name in its written form."""
    return {name: to_number(value) for name, value in by_name.items()}


def read_metrics(by_name: Mapping[str, Number]) -> FrozenDict[str, float]:
    """Return a report by metric name from its written form."""
    return FrozenDict({name: from_number(value) for name, value in by_name.items()})


def external_params(space: SearchSpace, internal: Sequence[int | float]) -> FrozenDict[str, Any]:
    """Return values by name as an objective sees them, from internal ones in the order of `space`."""
    if space.numeric:  # the usual case: internal and external numbers are the same
        return FrozenDict(zip(space, internal, strict=True))
    return FrozenDict({name: dist.to_external(x) for (name, dist), x in zip(space.items(), internal, strict=True)})


class _Document(Struct, frozen=True):
    """The written form of a state. Fields are only ever added at the end, with a default."""

    created: StudyCreated
    """The event that created the study; the other fields have the names that they have in `StudyState`."""
    version: int
    n_trials: int
    user_attrs: Any
    spaces: list[SearchSpace]
    """The spaces that events refer to by number, the first `n_spaces` ones, and then those that only trials have.

    A trial with lone parameters has a space that no event ever named.
    """
    n_spaces: int
    finished: list[TrialAdded]
    running: list[TrialAdded]
    waiting: list[TrialAdded]
    uses: dict[str, Identity] = {}
    paused: list[TrialAdded] = []
    artifacts: dict[int, list[Artifact]] = {}
    requests: dict[str, int | None] = {}


def encode_state(created: StudyCreated, fields: Mapping[str, Any]) -> bytes:
    """Return a state as JSON in UTF-8.

    Args:
        created: The first event of the study.
        fields: The fields of its `StudyState` by name. This module cannot import the class, which is built on it.
    """
    # Spaces that differ only in their order are equal, but the values of a trial follow the order: it is part of the
    # key.
    numbers: dict[tuple[SearchSpace, tuple[str, ...]], int] = {}
    for space in fields["spaces"]:
        numbers[space, tuple(space)] = len(numbers)
    n_spaces = len(numbers)

    def records(trials: Iterable[FrozenTrial]) -> list[TrialAdded]:
        return [trial_record(trial, number_of(trial.distributions)) for trial in trials]

    def number_of(space: SearchSpace) -> int | None:
        return numbers.setdefault((space, tuple(space)), len(numbers)) if space else None

    # before `spaces` is written, because the trials may add to it
    finished = records(fields["finished"])
    running, waiting, paused = (records(fields[stage].values()) for stage in ("running", "waiting", "paused"))
    return _ENCODER.encode(
        _Document(
            created=created,
            version=fields["version"],
            n_trials=fields["n_trials"],
            user_attrs=to_json_tree(fields["user_attrs"]),
            uses=fields["uses"],
            spaces=[space for space, _ in numbers],
            n_spaces=n_spaces,
            finished=finished,
            running=running,
            waiting=waiting,
            paused=paused,
            artifacts={owner: [*by_id.values()] for owner, by_id in fields["artifacts"].items()},
            requests=dict(fields["requests"]),
        )
    )


def decode_state(blob: bytes) -> tuple[StudyCreated, dict[str, Any]]:
    """Return the first event of the study that `encode_state` wrote, and the other fields of its state by name.

    Raises:
        UnreadableEvents: the bytes are not a state in a format that this version reads.
    """
    try:
        document = _DECODER.decode(blob)
        if document.created.format <= FORMAT:
            return document.created, _state_fields(document)
    except (msgspec.MsgspecError, ValueError, LookupError, RecursionError, TypeError, HpoError) as error:
        raise UnreadableEvents(str(error), FORMAT) from None
    raise UnreadableEvents(f"it has format {document.created.format}", FORMAT)


def _state_fields(document: _Document) -> dict[str, Any]:
    def by_number(records: list[TrialAdded]) -> NumberMap[FrozenTrial]:
        return NumberMap((trial.number, trial) for trial in trials(records))

    def trials(records: list[TrialAdded]) -> list[FrozenTrial]:
        empty = SearchSpace()
        return [
            added_trial(empty if record.space is None else document.spaces[record.space], record) for record in records
        ]

    return {
        "version": document.version,
        "n_trials": document.n_trials,
        "user_attrs": from_json_tree(document.user_attrs),
        "uses": FrozenDict(document.uses),
        "spaces": InsertOnlyDict((space, i) for i, space in enumerate(document.spaces[: document.n_spaces])),
        "finished": History(trials(document.finished)),
        "running": by_number(document.running),
        "waiting": by_number(document.waiting),
        "paused": by_number(document.paused),
        "artifacts": NumberMap(
            (owner, FrozenDict({artifact.id: artifact for artifact in listed}))
            for owner, listed in document.artifacts.items()
        ),
        "requests": InsertOnlyDict(document.requests),
    }


_ENCODER = msgspec.json.Encoder(enc_hook=encode_hook)
_DECODER = msgspec.json.Decoder(_Document, dec_hook=decode_hook)
