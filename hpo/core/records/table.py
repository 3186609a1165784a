"""Finished trials as columns of numbers: a tenth of the memory of objects, and nothing to decode when they are read.

A row is *plain* if the trial has one space, one float per objective or none, and perhaps a note and a reason. Trials
with anything else, such as reports or attributes, are kept whole beside the columns.
"""

from __future__ import annotations

from array import array
from collections.abc import Mapping, Sequence
from itertools import chain
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias, cast

from msgspec import Struct

from hpo.core.memory import FrozenDict
from hpo.core.records.events import ParamsSuggested, TrialFinished, TrialStarted
from hpo.core.records.states import external_params
from hpo.core.values import FloatDistribution, FrozenTrial, SearchSpace, TrialState, from_json_tree, to_json_tree

if TYPE_CHECKING:
    from numpy.typing import NDArray

STATES = (TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAIL)
"""The states of finished trials; a column holds their places here."""

COLUMNS = {
    "number": "q",
    "state": "b",
    "space": "i",  # -1 for a trial that is kept whole
    "worker": "i",  # -1 for None
    "started_at": "d",  # NaN for None, as no time is
    "finished_at": "d",
    "has_values": "b",
    "values": "d",  # one for each objective and row
    "params": "d",  # those of all rows, one after the other, as many for each as its space has parameters
}
"""The columns of a table, with their types as in the module `array`."""

_CODES = {state: code for code, state in enumerate(STATES)}
_EXACT = 2**53  # floats can tell all whole numbers up to here
_NAN = float("nan")
_EMPTY: FrozenDict[str, Any] = FrozenDict()

NoteAndReason: TypeAlias = tuple[Any, str | None]
Rest: TypeAlias = FrozenTrial | NoteAndReason
"""What the columns of a row don't hold: a whole trial, or the JSON tree of a note and a reason."""


Row: TypeAlias = tuple[TrialFinished, TrialStarted, ParamsSuggested]
"""The events of a trial that was given all of its parameters at once."""

_NO_REST: Rest = (None, None)


class RestOfRows(Protocol):
    """What the columns of a table don't hold."""

    def between(self, start: int, stop: int) -> Mapping[int, Rest]:
        """Return it by row, for the rows from `start` up to `stop` that have something."""
        ...


class InMemory(Struct, frozen=True):
    """The rest of rows as objects, by row."""

    by_row: dict[int, Rest]

    def between(self, start: int, stop: int) -> Mapping[int, Rest]:
        """Return the rest of the rows from `start` up to `stop`."""
        rest = self.by_row
        return {row: rest[row] for row in range(start, stop) if row in rest} if rest else rest


class Layout(Struct, frozen=True, gc=False):
    """How the parameters of a space are kept in a row.

    Attributes:
        number: The number of the space in the table.
        kinds: The types of the internal values, which a plain row has.
        has_ints: Whether one of them is an int.
    """

    number: int
    kinds: tuple[type, ...]
    has_ints: bool


class TableBuilder:
    """Finished trials that are put into columns one after the other.

    Args:
        n_objectives: The number of values of a complete trial.
    """

    def __init__(self, n_objectives: int) -> None:
        self.n_objectives = n_objectives
        self.columns: dict[str, array[Any]] = {name: array(kind) for name, kind in COLUMNS.items()}
        self.spaces: list[SearchSpace] = []
        self.workers: list[str] = []
        self.rest: dict[int, Rest] = {}
        self._layouts: dict[tuple[SearchSpace, tuple[str, ...]], Layout] = {}
        self._worker_numbers: dict[str | None, int] = {None: -1}
        self._no_values = (_NAN,) * n_objectives

    @classmethod
    def of(cls, table: TrialTable) -> TableBuilder:
        """Return a builder that goes on from a table."""
        builder = cls(table.n_objectives)
        for name, column in builder.columns.items():
            column.frombytes(table.columns[name].tobytes())
        for space in table.spaces:
            builder._layout(space)
        for worker in table.workers:
            builder._worker(worker)
        builder.rest = dict(table.rest.between(0, len(table)))
        return builder

    def __len__(self) -> int:
        return len(self.columns["number"])

    def add_usual(self, space: SearchSpace, rows: Sequence[Row]) -> None:
        """Add trials that were started, got the parameters of `space` at once, and finished with floats as values.

        Args:
            space: Their space.
            rows: The events of each.
        """
        layout = self._layout(space)
        params = [*chain.from_iterable([suggested.values for _, _, suggested in rows])]
        n, kinds = len(rows), layout.kinds * len(rows)
        if [*map(type, params)] != [*kinds] or (layout.has_ints and not all(-_EXACT <= x <= _EXACT for x in params)):
            for row in rows:
                self._add_one(space, layout, row)
            return
        self.columns["params"].extend(params)
        self.columns["space"].extend([layout.number] * n)
        for place, (finished, _, suggested) in enumerate(rows, len(self)):
            if suggested.note or finished.reason is not None:
                self.rest[place] = suggested.note or None, finished.reason
        # the other columns: each is one loop over attributes
        self.columns["worker"].extend([self._worker(started.worker) for _, started, _ in rows])
        self.columns["started_at"].extend([_NAN if started.at is None else started.at for _, started, _ in rows])
        results = [finished for finished, _, _ in rows]
        self.columns["number"].extend([finished.number for finished in results])
        self.columns["state"].extend([_CODES[finished.state] for finished in results])
        self.columns["finished_at"].extend([_NAN if finished.at is None else finished.at for finished in results])
        self.columns["has_values"].extend([finished.values is not None for finished in results])
        values = [self._no_values if finished.values is None else finished.values for finished in results]
        self.columns["values"].extend(chain.from_iterable(values))

    def _add_one(self, space: SearchSpace, layout: Layout, row: Row) -> None:
        """Add one trial of a batch in which some have values that a column can't hold."""
        finished, started, suggested = row
        fits = [*map(type, suggested.values)] == [*layout.kinds] and all(
            -_EXACT <= x <= _EXACT for x in suggested.values if type(x) is int
        )
        if fits:
            self.add_usual(space, [row])
            return
        self._add_whole(
            FrozenTrial(
                finished.number,
                finished.state,
                finished.values,  # type: ignore[arg-type]  # they are floats
                external_params(space, suggested.values),
                space,
                note=from_json_tree(suggested.note) if suggested.note else _EMPTY,
                reason=finished.reason,
                worker=started.worker,
                started_at=started.at,
                finished_at=finished.at,
            )
        )

    def add(self, trial: FrozenTrial) -> None:
        """Add a finished trial of any kind."""
        space, values = trial.distributions, trial.values
        is_usual = not _is_special(trial) and (
            trial.state is not TrialState.COMPLETE
            if values is None
            else len(values) == self.n_objectives and all(value == value for value in values)
        )
        if not is_usual:
            self._add_whole(trial)
            return
        internal = tuple([dist.to_internal(trial.params[name]) for name, dist in space.items()])
        note = to_json_tree(trial.note) if trial.note else None
        row = (
            TrialFinished(trial.number, trial.state, values, trial.finished_at, trial.reason),
            TrialStarted(trial.number, trial.started_at, trial.worker),
            ParamsSuggested(trial.number, 0, internal, note),
        )
        self._add_one(space, self._layout(space), row)

    def _add_whole(self, trial: FrozenTrial) -> None:
        if trial.distributions:
            self._layout(trial.distributions)  # a snapshot writes the trial with the number of its space
        self.rest[len(self)] = trial
        empty = {"state": _CODES.get(trial.state, -1), "space": -1, "worker": -1, "has_values": False}
        for name in ("state", "space", "worker", "started_at", "finished_at", "has_values"):
            self.columns[name].append(empty.get(name, _NAN))
        self.columns["values"].extend(self._no_values)
        self.columns["number"].append(trial.number if -_EXACT < trial.number < _EXACT else -1)

    def _layout(self, space: SearchSpace) -> Layout:
        key = space, tuple(space)  # equal spaces may differ in their order, which is that of the values
        layout = self._layouts.get(key)
        if layout is None:
            kinds = tuple(float if type(dist) is FloatDistribution else int for dist in space.values())
            layout = self._layouts[key] = Layout(len(self.spaces), kinds, int in kinds)
            self.spaces.append(space)
        return layout

    def _worker(self, name: str | None) -> int:
        number = self._worker_numbers.get(name)
        if number is None:
            number = self._worker_numbers[name] = len(self.workers)
            self.workers.append(name)  # type: ignore[arg-type]  # None has a number from the beginning
        return number

    def table(self) -> TrialTable:
        """Return the trials that were added; nothing can be added any more."""
        import numpy as np  # only needed to load a long journal

        columns = {
            name: np.frombuffer(column, dtype=column.typecode) if column else np.empty(0, column.typecode)
            for name, column in self.columns.items()
        }
        return TrialTable(columns, self.n_objectives, self.spaces, self.workers, InMemory(self.rest))


class TrialTable:
    """Finished trials in columns.

    Args:
        columns: An array for each of `COLUMNS`.
        n_objectives: The number of values in a row.
        spaces: The spaces that the column ``"space"`` counts.
        workers: The workers that the column ``"worker"`` counts.
        rest: What the columns don't hold.
    """

    def __init__(
        self,
        columns: dict[str, NDArray[Any]],
        n_objectives: int,
        spaces: Sequence[SearchSpace],
        workers: Sequence[str],
        rest: RestOfRows,
    ) -> None:
        import numpy as np

        self.columns = columns
        self.n_objectives = n_objectives
        self.spaces = spaces
        self.workers = workers
        self.rest = rest
        self._are_floats = [all(type(dist) is FloatDistribution for dist in space.values()) for space in spaces]
        widths = np.array([*map(len, spaces), 0], np.int64)  # the last one is for -1
        self._ends = np.concatenate([np.zeros(1, np.int64), np.cumsum(widths[columns["space"]])])
        self._values = columns["values"].reshape(len(self), n_objectives)

    def __len__(self) -> int:
        return len(self.columns["number"])

    def check(self, n_states: int) -> None:
        """Check that every row refers to what is there, for columns that were read from somewhere.

        Raises:
            ValueError: one does not.
        """
        plain = self.columns["space"] >= 0
        for name, n, among in (
            ("space", len(self.spaces), self.columns["space"]),
            ("worker", len(self.workers), self.columns["worker"]),
            ("state", n_states, self.columns["state"][plain]),
        ):
            if len(among) and not (among.min() >= -1 and among.max() < n):
                raise ValueError(f"the column {name!r} refers to what is not there")
        if {len(self.columns[name]) for name in COLUMNS if name not in ("values", "params")} != {len(self)}:
            raise ValueError("the columns have different lengths")
        if self._ends[-1] != len(self.columns["params"]):
            raise ValueError("there are more or fewer parameters than the spaces have")

    def kept_whole(self, start: int, stop: int) -> list[int]:
        """Return the rows from `start` up to `stop` whose trials are not in the columns."""
        rows: list[int] = ((self.columns["space"][start:stop] < 0).nonzero()[0] + start).tolist()
        return rows

    def rows(self, start: int, stop: int, states: Sequence[TrialState]) -> NDArray[Any]:
        """Return the rows from `start` up to `stop` that are in the columns and ended in one of `states`."""
        codes = self.columns["state"][start:stop]
        wanted = (self.columns["space"][start:stop] >= 0) & False
        for state in states:
            wanted |= (codes == _CODES[state]) & (self.columns["space"][start:stop] >= 0)
        return wanted.nonzero()[0] + start

    def trials(self, start: int, stop: int) -> list[FrozenTrial]:
        """Return the trials from row `start` up to `stop`, as objects."""
        stop = min(stop, len(self))
        columns = {
            name: self.columns[name][start:stop].tolist() for name in COLUMNS if name not in ("values", "params")
        }
        params = self.columns["params"][self._ends[start] : self._ends[stop]].tolist()
        values = [*map(tuple, self._values[start:stop].tolist())]
        rest = self.rest.between(start, stop)
        trials: list[FrozenTrial] = []
        at = 0
        for row, (number, code, space_number, worker, began, ended, has_values) in enumerate(
            zip(*columns.values(), strict=True)
        ):
            if space_number < 0:
                whole = rest[start + row]
                assert isinstance(whole, FrozenTrial), "a row without a space is a whole trial"
                trials.append(whole)
                continue
            space = self.spaces[space_number]
            internal = params[at : at + len(space)]
            at += len(space)
            note, reason = cast(NoteAndReason, rest.get(start + row, _NO_REST) if rest else _NO_REST)
            trials.append(
                FrozenTrial(
                    number,
                    STATES[code],
                    values[row] if has_values else None,
                    FrozenDict(zip(space, internal, strict=True))
                    if self._are_floats[space_number]
                    else _external(space, internal),
                    space,
                    note=from_json_tree(note) if note else _EMPTY,
                    reason=reason,
                    worker=self.workers[worker] if worker >= 0 else None,
                    started_at=began if began == began else None,
                    finished_at=ended if ended == ended else None,
                )
            )
        return trials


def _external(space: SearchSpace, internal: list[float]) -> FrozenDict[str, Any]:
    typed = [x if type(dist) is FloatDistribution else int(x) for dist, x in zip(space.values(), internal, strict=True)]
    return external_params(space, typed)


def _is_special(trial: FrozenTrial) -> bool:
    """Return whether a trial has something that only a trial that is kept whole can have."""
    return bool(
        trial.user_attrs
        or trial.constraints
        or trial.fixed_params
        or trial.intermediate_values
        or trial.metrics
        or trial.sem is not None
        or trial.cost is not None
        or trial.checkpoint is not None
        or trial.parent is not None
    )
