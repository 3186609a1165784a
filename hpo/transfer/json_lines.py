"""Write and read trials as JSON Lines: one trial per line, with every field."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec
from msgspec import Struct

from hpo.core import (
    FrozenDict,
    FrozenTrial,
    InsertOnlyDict,
    Number,
    SearchSpace,
    TrialState,
    decode_hook,
    encode_hook,
    from_json_tree,
    from_number,
    to_json_tree,
    to_number,
)
from hpo.errors import HpoError, InvalidArgument
from hpo.transfer.destination import Source, new_file, state_of


class TrialLine(Struct, frozen=True):
    """The fields of a line, which `hpo.FrozenTrial` describes.

    Where only numbers are possible, non-finite floats are written by name ("nan", "inf", "-inf"); where strings are
    possible too, as ``{"$float": "nan"}``. Intermediate values are pairs of step and value, in the order reported; metrics are pairs of
    step and values by name.
    """

    study: str
    number: int
    state: TrialState
    values: tuple[Number, ...] | None
    params: dict[str, Any]
    distributions: SearchSpace
    user_attrs: Any
    constraints: dict[str, Number]
    intermediate_values: tuple[tuple[int, Number], ...]
    fixed_params: Any
    note: Any
    reason: str | None
    worker: str | None
    started_at: float | None
    finished_at: float | None
    # lines of earlier versions end here, so what follows has defaults
    sem: tuple[Number, ...] | None = None
    cost: Number | None = None
    metrics: tuple[tuple[int, dict[str, Number]], ...] = ()
    checkpoint: str | None = None
    parent: int | None = None


def export_jsonl(study: Source, path: str | os.PathLike[str], *, overwrite: bool = False) -> None:
    """Write the trials of a study to a JSON Lines file, by number.

    A line has every field of a trial, with its distributions, and `read_jsonl` returns an equal trial. Times are in
    seconds since 1970. Facts about the study itself, such as directions and attributes, are left out: `export_sqlite`
    has them.

    Args:
        study: A study, or a `StudyState`.
        path: The file. It appears whole or not at all.
        overwrite: Whether to replace an existing file.

    Raises:
        InvalidArgument: `path` exists and `overwrite` is false, or its directory does not exist.
        OSError: the file cannot be written.

    Example:
        >>> import tempfile, hpo
        >>> state = hpo.StudyState.create()
        >>> state, trial = hpo.ask(state, hpo.samplers.RandomSampler(), {"x": hpo.FloatDistribution(0, 1)})
        >>> state = hpo.tell(state, trial.number, float("inf"))
        >>> with tempfile.TemporaryDirectory() as directory:
        ...     export_jsonl(state, f"{directory}/trials.jsonl")
        ...     read_jsonl(f"{directory}/trials.jsonl") == state.trials
        True
    """
    state = state_of(study)
    with new_file(path, overwrite=overwrite) as draft, draft.open("xb") as file:
        for trial in state.trials:
            file.write(_ENCODER.encode(_line(state.name, trial)) + b"\n")


def read_jsonl(path: str | os.PathLike[str]) -> list[FrozenTrial]:
    """Return the trials that `export_jsonl` wrote, in the order of the lines.

    Raises:
        InvalidArgument: a line is not such a trial; the message names the line.
        OSError: the file does not exist or cannot be read.
    """
    return [*_trials(path)]


def _trials(path: str | os.PathLike[str]) -> Iterator[FrozenTrial]:
    with open(path, "rb") as file:  # noqa: PTH123 - any kind of path
        for number, line in enumerate(file, 1):
            try:
                yield _trial(_DECODER.decode(line))
            except (msgspec.MsgspecError, ValueError, TypeError, LookupError, RecursionError, HpoError) as error:
                raise InvalidArgument(f"{os.fspath(path)}, line {number} is not a trial: {error}") from None


def _line(study: str, trial: FrozenTrial) -> TrialLine:
    return TrialLine(
        study=study,
        number=trial.number,
        state=trial.state,
        values=None if trial.values is None else tuple(map(to_number, trial.values)),
        params={name: to_json_tree(value) for name, value in trial.params.items()},
        distributions=trial.distributions,
        user_attrs=plain_object(trial.user_attrs),
        constraints={name: to_number(value) for name, value in trial.constraints.items()},
        intermediate_values=tuple((step, to_number(value)) for step, value in trial.intermediate_values.items()),
        fixed_params=plain_object(trial.fixed_params),
        note=plain_object(trial.note),
        reason=trial.reason,
        worker=trial.worker,
        started_at=trial.started_at,
        finished_at=trial.finished_at,
        sem=None if trial.sem is None else tuple(map(to_number, trial.sem)),
        cost=None if trial.cost is None else to_number(trial.cost),
        metrics=tuple(
            (step, {name: to_number(value) for name, value in by_name.items()})
            for step, by_name in trial.metrics.items()
        ),
        checkpoint=trial.checkpoint,
        parent=trial.parent,
    )


def plain_object(entries: Mapping[str, Any]) -> dict[str, Any]:
    """Return attributes as a JSON object with their names as keys, also if a name looks like a tag such as ``$float``."""
    return {name: to_json_tree(value) for name, value in entries.items()}


def _trial(line: TrialLine) -> FrozenTrial:
    space = line.distributions
    return FrozenTrial(
        number=line.number,
        state=line.state,
        values=None if line.values is None else tuple(map(from_number, line.values)),
        params=FrozenDict(
            {
                name: dist.to_external(dist.to_internal(from_json_tree(line.params[name])))
                for name, dist in space.items()
            }
        ),
        distributions=space,
        user_attrs=_entries(line.user_attrs),
        constraints=FrozenDict({name: from_number(value) for name, value in line.constraints.items()}),
        intermediate_values=InsertOnlyDict((step, from_number(value)) for step, value in line.intermediate_values),
        fixed_params=_entries(line.fixed_params),
        note=_entries(line.note),
        reason=line.reason,
        worker=line.worker,
        started_at=line.started_at,
        finished_at=line.finished_at,
        sem=None if line.sem is None else tuple(map(from_number, line.sem)),
        cost=None if line.cost is None else from_number(line.cost),
        metrics=InsertOnlyDict(
            (step, FrozenDict({name: from_number(value) for name, value in by_name.items()}))
            for step, by_name in line.metrics
        ),
        checkpoint=line.checkpoint,
        parent=line.parent,
    )


def _entries(written: dict[str, Any]) -> FrozenDict[str, Any]:
    return FrozenDict({name: from_json_tree(tree) for name, tree in written.items()})


_ENCODER = msgspec.json.Encoder(enc_hook=encode_hook)
_DECODER = msgspec.json.Decoder(TrialLine, dec_hook=decode_hook)
