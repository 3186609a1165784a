"""A state as bytes: the shortest document from which the same state comes back."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec
from msgspec import Struct

from hpo.core.events import FORMAT, StudyCreated, TrialAdded, decode_hook, encode_hook
from hpo.core.history import History
from hpo.core.numbers import from_json_tree, to_json_tree, to_number
from hpo.core.persistent import InsertOnlyDict, NumberMap
from hpo.core.space import SearchSpace
from hpo.core.state import StudyState, added_trial, evolve
from hpo.core.trial import FrozenTrial
from hpo.errors import HpoError, UnreadableEvents


class _Snapshot(Struct, frozen=True):
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


def trial_record(trial: FrozenTrial, space: int | None) -> TrialAdded:
    """`trial` as an event, with its distributions as the space of number `space`."""
    return TrialAdded(
        number=trial.number,
        state=trial.state,
        values=None if trial.values is None else tuple(map(to_number, trial.values)),
        space=space,
        params=tuple(dist.to_internal(trial.params[name]) for name, dist in trial.distributions.items()),
        user_attrs=to_json_tree(trial.user_attrs) or None,
        constraints=tuple((name, to_number(value)) for name, value in trial.constraints.items()),
        reports=tuple((step, to_number(value)) for step, value in trial.intermediate_values.items()),
        fixed_params=to_json_tree(trial.fixed_params) or None,
        note=to_json_tree(trial.note) or None,
        reason=trial.reason,
        worker=trial.worker,
        started_at=trial.started_at,
        finished_at=trial.finished_at,
    )


def encode_state(state: StudyState) -> bytes:
    """See `StudyState.to_bytes`."""
    numbers: dict[tuple[SearchSpace, tuple[str, ...]], int] = {}
    for space in state.spaces:
        numbers[space, tuple(space)] = len(numbers)
    n_spaces = len(numbers)

    def records(trials: Iterable[FrozenTrial]) -> list[TrialAdded]:
        return [
            trial_record(
                trial,
                numbers.setdefault((trial.distributions, tuple(trial.distributions)), len(numbers))
                if trial.distributions
                else None,
            )
            for trial in trials
        ]

    finished, running, waiting = map(records, (state.finished, state.running.values(), state.waiting.values()))
    created = StudyCreated(
        FORMAT, state.name, state.directions, state.seed, state.space, state.metric_names, state.created_at
    )
    return _ENCODER.encode(
        _Snapshot(
            created=created,
            version=state.version,
            n_trials=state.n_trials,
            user_attrs=to_json_tree(state.user_attrs),
            spaces=[space for space, _ in numbers],
            n_spaces=n_spaces,
            finished=finished,
            running=running,
            waiting=waiting,
        )
    )


def decode_state(blob: bytes) -> StudyState:
    """See `StudyState.from_bytes`."""
    try:
        snapshot = _DECODER.decode(blob)
        if snapshot.created.format <= FORMAT:
            return _state(snapshot)
    except (ValueError, LookupError, RecursionError, TypeError, HpoError) as error:
        raise UnreadableEvents(str(error), FORMAT) from None
    raise UnreadableEvents(f"it has format {snapshot.created.format}", FORMAT)


def _state(snapshot: _Snapshot) -> StudyState:
    def trials(records: list[TrialAdded]) -> list[FrozenTrial]:
        empty = SearchSpace()
        return [
            added_trial(empty if record.space is None else snapshot.spaces[record.space], record) for record in records
        ]

    return msgspec.structs.replace(
        evolve(StudyState(), snapshot.created),
        version=snapshot.version,
        n_trials=snapshot.n_trials,
        user_attrs=from_json_tree(snapshot.user_attrs),
        spaces=InsertOnlyDict((space, i) for i, space in enumerate(snapshot.spaces[: snapshot.n_spaces])),
        finished=History(trials(snapshot.finished)),
        running=NumberMap((trial.number, trial) for trial in trials(snapshot.running)),
        waiting=NumberMap((trial.number, trial) for trial in trials(snapshot.waiting)),
    )


_ENCODER = msgspec.json.Encoder(enc_hook=encode_hook)
_DECODER = msgspec.json.Decoder(_Snapshot, dec_hook=decode_hook)
