"""Grid search: every combination of listed values, once."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any, ClassVar, TypeAlias

import attrs

from hpo.core import (
    Answer,
    BuiltInSampler,
    CategoricalDistribution,
    Choice,
    Distribution,
    Exhausted,
    FrozenDict,
    FrozenTrial,
    HasState,
    Key,
    SearchSpace,
    StudyState,
    Suggestion,
    checked_seed,
    checked_text,
    joint_space,
    state_of,
)
from hpo.errors import InvalidArgument, InvalidDistribution, InvalidSuggestion, InvalidType, ValueOutsideDistribution

Grid: TypeAlias = FrozenDict[str, tuple[Choice, ...]]
"""The values to try, by parameter name."""

_ROUNDS = 8  # of the shuffle: each round mixes one half of a cell's number into the other half
_OUTSIDE = object()


def _checked_grid(given: Mapping[str, Sequence[Choice]]) -> Grid:
    if not isinstance(given, Mapping):
        raise InvalidType(f"GridSampler needs a mapping from parameter names to their values, got {given!r}")
    if not given:
        raise InvalidArgument("GridSampler needs at least one parameter, got an empty search_space")
    return FrozenDict({checked_text(name, "a parameter's name"): _checked_values(name, given[name]) for name in given})


def _checked_values(name: str, given: Any) -> tuple[Choice, ...]:
    values = given.tolist() if hasattr(given, "tolist") else given  # of an array of numpy: builtins
    if isinstance(values, str | bytes) or not isinstance(values, Sequence):
        raise InvalidType(f"GridSampler needs a sequence of values for parameter {name!r}, got {given!r}")
    if not values:
        raise InvalidArgument(f"GridSampler needs at least one value for parameter {name!r}, got none")
    for value in values:
        try:
            CategoricalDistribution((value,))
        except InvalidType:
            raise InvalidType(
                f"GridSampler takes None, bools, ints, floats and strings; parameter {name!r} has {value!r} "
                f"of type {type(value).__name__}"
            ) from None
    try:
        return tuple(CategoricalDistribution(values).choices)
    except InvalidDistribution:
        raise InvalidArgument(
            f"GridSampler tries every value once, but parameter {name!r} lists one twice: {values!r}"
        ) from None


def _with_types(grid: Grid) -> tuple[tuple[str, CategoricalDistribution], ...]:
    """Return what makes two grids equal: ``True``, ``1`` and ``1.0`` are three values, and the order counts."""
    return tuple((name, CategoricalDistribution(values)) for name, values in grid.items())


@attrs.frozen(cache_hash=True)
class GridSampler(BuiltInSampler):
    """Suggests every combination of the given values once, and then ends the study.

    The combinations are the *cells* of the grid, numbered as nested loops would visit them, the last parameter fastest.
    The note of each trial says which cell it has, so nothing else needs to be stored: a study that is resumed, or shared
    by several workers, continues with the cells that no trial has yet. A failed trial has used up its cell. An enqueued
    trial uses up none: parameters that it leaves open get the values of the next cell. A running trial without
    parameters or a note counts as one that is about to note its cell; if its worker died at that moment, one cell may
    be tried twice, and the last cells are held back until the dead trial is told as failed.

    Values are suggested exactly as they are listed, even between the steps of a parameter, but never outside its range.
    Parameters that all trials have, and whose ranges contain all of their listed values, are suggested together.

    O(running trials + trials finished since the last suggestion), whatever the size of the grid.

    Args:
        search_space: The values to try by parameter name: None, bools, ints, floats or strings, without duplicates.
            The type counts: ``True``, ``1`` and ``1.0`` are three different values.
        seed: Shuffles the order of the cells; None means the order of their numbers.

    Raises:
        InvalidArgument: there is no parameter, or one without values, or a value is listed twice.
        InvalidType: a value or the seed has another type.

    Example:
        >>> import hpo
        >>> study = hpo.create_study(sampler=GridSampler({"x": [-50, 0, 50], "y": [-99, 0, 99]}))
        >>> study.optimize(lambda t: t.suggest_float("x", -100, 100) ** 2 + t.suggest_int("y", -100, 100) ** 2)
        >>> len(study.trials), study.best_params
        (9, {'x': 0.0, 'y': 0})
    """

    needs_pending: ClassVar[bool] = True

    search_space: Grid = attrs.field(converter=_checked_grid, eq=_with_types)
    seed: int | None = attrs.field(default=None, converter=checked_seed)
    _visited: _Visited = attrs.field(init=False, eq=False, repr=False)

    @_visited.default
    def _fold_of_this_grid(self) -> _Visited:
        n_cells = math.prod(len(values) for values in self.search_space.values())
        # the digest names this grid in notes, so that cells of another grid are not taken for cells of this one
        text = repr(tuple(self.search_space.items())).encode("utf-8", "backslashreplace")
        return _Visited(hashlib.blake2b(text, digest_size=6).hexdigest(), _Order(n_cells, self.seed))

    @property
    def n_cells(self) -> int:
        """The number of combinations of the grid."""
        return self._visited.order.size

    @property
    def samples_one_by_one(self) -> bool:
        """Whether this sampler asks Optuna's way for each parameter by itself: it does."""
        return True

    def joint_space(self, state: StudyState, trial: FrozenTrial) -> SearchSpace:
        """Return the grid's parameters that all trials have and whose ranges contain all of their listed values.

        A grid lists values but no distributions, so the other parameters are suggested one by one as the objective asks.
        """
        return _held(self, joint_space(state))

    def __call__(self, state: StudyState, trial: FrozenTrial, space: SearchSpace, key: Key) -> Answer:
        """Return the values of the trial's cell, or `Exhausted` if no cell is left.

        The joint call notes the cell, even if it is for no parameters; calls for lone parameters read the note.
        """
        cell, note = self._cell_of(state, trial)
        if cell is None:
            return Exhausted(f"all {self.n_cells} combinations of the grid are tried or running")
        combination = self._combination(cell)
        values = {name: self._value(name, distribution, combination) for name, distribution in space.items()}
        return Suggestion(values, note, off_grid=True)

    def is_exhausted(self, study: HasState) -> bool:
        """Return whether every combination is tried in `study`."""
        first, _ = state_of(study).finished.fold(self._visited)
        return first == self.n_cells

    def _cell_of(self, state: StudyState, trial: FrozenTrial) -> tuple[int | None, dict[str, Any]]:
        """Return the trial's cell, None if nothing is left, and what to note, which is nothing for a noted cell."""
        if trial.note:
            for kind in ("cell", "borrowed_cell"):
                noted = self._noted(trial, kind)
                if noted is not None:
                    return noted, {}
        cell = self._next_cell(state, trial)
        if trial.fixed_params:
            cell = 0 if cell is None else cell  # an enqueued trial runs even after the whole grid
            return cell, {"grid": self._visited.grid, "borrowed_cell": cell}
        return cell, {"grid": self._visited.grid, "cell": cell}

    def _noted(self, trial: FrozenTrial, kind: str) -> int | None:
        return _noted_cell(trial, kind, self._visited.grid, self.n_cells)

    def _next_cell(self, state: StudyState, trial: FrozenTrial) -> int | None:
        """Return the first cell in the order of visiting that no other trial has or is about to get, or None."""
        grid, order = self._visited.grid, self._visited.order
        first, ahead = state.finished.fold(self._visited)
        taken = set(ahead)
        before_me = 0  # trials that started before this one and whose suggestion is still being made
        for other in (*state.running.values(), *state.paused.values()):  # a paused trial keeps its cell
            cell = _noted_cell(other, "cell", grid, order.size)
            if cell is not None:
                taken.add(order.position_of(cell))
            elif other.number < trial.number and not (other.note or other.params or other.fixed_params):
                before_me += 1
        for position in _gaps(first, taken, order.size):
            if not before_me:  # the cells before this one are for the trials that started earlier
                return order.cell_at(position)
            before_me -= 1
        return None

    def _combination(self, cell: int) -> dict[str, Choice]:
        combination = {}
        # the digits of a number in a mixed base, the last parameter being the lowest digit
        for name, values in reversed(self.search_space.items()):
            cell, place = divmod(cell, len(values))
            combination[name] = values[place]
        return combination

    def _value(self, name: str, distribution: Distribution, combination: Mapping[str, Choice]) -> Any:
        if name not in combination:
            raise InvalidSuggestion(
                f"parameter {name!r} is not in the grid of GridSampler, which has {', '.join(self.search_space)}: "
                "add its values to search_space"
            )
        value = _within(distribution, combination[name])
        if value is _OUTSIDE:
            raise InvalidSuggestion(
                f"the grid of GridSampler gives parameter {name!r} the value {combination[name]!r}, which is outside "
                f"{distribution!r}: change search_space or the distribution that the objective asks for"
            )
        return value


@lru_cache(maxsize=64)
def _held(sampler: GridSampler, space: SearchSpace) -> SearchSpace:
    """Return the parameters of `space` that can have every value listed for them."""
    grid = sampler.search_space
    return SearchSpace(
        {
            name: distribution
            for name, distribution in space.items()
            if name in grid and not any(_within(distribution, value) is _OUTSIDE for value in grid[name])
        }
    )


@attrs.frozen
class _Order:
    """The order in which `size` cells are visited: the order of their numbers, or with a seed a shuffled one.

    The shuffle is a keyed permutation that is computed cell by cell in both directions, so a grid of any size takes no
    memory: a Feistel network on (number // width, number % width). A number that it maps beyond `size` goes through it
    again until it lands inside.

    Source: Black and Rogaway, "Ciphers with Arbitrary Finite Domains", CT-RSA 2002 (generalized Feistel cipher
    with cycle walking).
    """

    size: int
    seed: int | None

    def cell_at(self, position: int) -> int:
        """Return the cell that is visited at `position`, counted from 0."""
        return position if self.seed is None else self._walked(position, range(_ROUNDS), 1)

    def position_of(self, cell: int) -> int:
        """Return the position at which `cell` is visited; the inverse of `cell_at`."""
        return cell if self.seed is None else self._walked(cell, range(_ROUNDS - 1, -1, -1), -1)

    def _walked(self, number: int, rounds: range, sign: int) -> int:
        """Return `number` after as many passes of the rounds as it takes to be a cell; `sign` -1 undoes the rounds."""
        height = math.isqrt(self.size - 1) + 1
        width = -(-self.size // height)  # height * width is size, or less than height above it
        key = Key(0 if self.seed is None else self.seed, ("grid",))
        while True:
            upper, lower = divmod(number, width)
            for turn in rounds:  # each round adds a keyed function of one half to the other: easy to undo
                (unit,) = key.uniforms([f"{turn} {lower if turn % 2 else upper}"])
                if turn % 2:
                    upper = (upper + sign * int(unit * height)) % height
                else:
                    lower = (lower + sign * int(unit * width)) % width
            number = upper * width + lower
            if number < self.size:
                return number


@attrs.frozen(cache_hash=True)
class _Visited:
    """Fold: the visited positions, as (the first position that is not visited, the visited positions above it).

    Cells are visited nearly in order, so the set stays about as small as the number of workers.
    """

    grid: str
    order: _Order

    def init(self) -> tuple[int, frozenset[int]]:
        return 0, frozenset()

    def step(self, carry: tuple[int, frozenset[int]], trial: FrozenTrial) -> tuple[int, frozenset[int]]:
        cell = _noted_cell(trial, "cell", self.grid, self.order.size)
        if cell is None:
            return carry
        first, ahead = carry
        position = self.order.position_of(cell)
        if position > first:
            return first, ahead | {position}
        if position < first:
            return carry
        # `first` itself was visited: move on to the next gap and forget the positions below it
        first = next(_gaps(first + 1, ahead, self.order.size), self.order.size)
        return first, frozenset(other for other in ahead if other > first)


def _within(distribution: Distribution, value: Choice) -> Any:
    """Return `value` as `distribution` gives it to objectives, even between steps; `_OUTSIDE` if it is out of range."""
    try:
        internal = distribution.to_internal(value)
    except ValueOutsideDistribution:
        return _OUTSIDE
    if isinstance(distribution, CategoricalDistribution) or distribution.low <= internal <= distribution.high:
        return distribution.to_external(internal)
    return _OUTSIDE


def _gaps(first: int, taken: set[int] | frozenset[int], end: int) -> Iterator[int]:
    """Yield the positions from `first` on that are not taken."""
    return (position for position in range(first, end) if position not in taken)


def _noted_cell(trial: FrozenTrial, kind: str, grid: str, n_cells: int) -> int | None:
    """Return the cell that a trial's note names; None if the note is not about this grid or not one of ours."""
    cell = trial.note.get(kind) if trial.note and trial.note.get("grid") == grid else None
    return cell if type(cell) is int and 0 <= cell < n_cells else None
