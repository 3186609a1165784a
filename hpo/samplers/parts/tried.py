"""Which configurations of a finite space were tried, and which one of the others to take."""

from __future__ import annotations

import math
from collections import ChainMap
from collections.abc import Mapping, MutableMapping
from functools import lru_cache
from typing import Any, Literal, TypeAlias, cast

import attrs
from msgspec import Struct

from hpo.core import Distribution, Exhausted, FrozenTrial, Key, SearchSpace, StudyState, VersionedDict
from hpo.errors import InvalidArgument
from hpo.samplers.brute_force.tree import index_of, value_of

Duplicates: TypeAlias = Literal["avoid", "allow"]
"""Whether a sampler keeps away from configurations of a finite space that were tried already."""

_NOWHERE: VersionedDict[int, int] = VersionedDict()


def checked_duplicates(given: object) -> Duplicates:
    """A sampler's option `duplicates`.

    Raises:
        InvalidArgument: it is neither ``"avoid"`` nor ``"allow"``.
    """
    if given == "avoid" or given == "allow":  # noqa: PLR1714 - which tells type checkers what it is
        return given
    raise InvalidArgument(f"duplicates is 'avoid' or 'allow', got {given!r}")


def tried(state: StudyState, space: SearchSpace) -> TriedConfigurations | None:
    """Which configurations of `space` a sampler that is asked for it should leave alone.

    None, which is to say that nothing can be used up, if a parameter is a continuum, if there is no parameter, or if
    some trial has all parameters of the space and more of its own: there, what is left to try can't be counted. The
    same applies when a trial was enqueued with some of its values, or others are held fixed.

    O(parameters x (running trials + finished trials new since the last question)).

    Args:
        state: The study at the moment when a trial started.
        space: The joint space that is asked for; a lone parameter may have any value again.

    Example:
        >>> from hpo.core.ask_tell import ask, tell
        >>> from hpo.core.values.distributions import IntDistribution
        >>> from hpo.samplers import RandomSampler
        >>> space = SearchSpace({"x": IntDistribution(1, 3), "y": IntDistribution(1, 3)})
        >>> state, trial = ask(StudyState.create(seed=1), RandomSampler(), space)
        >>> found = tried(state, space)
        >>> found.size, found.n_untried, found.contains(trial.params)
        (9, 8, True)
    """
    fold = Tried.of(space)
    if fold is None:
        return None
    known = state.finished.fold(fold)
    if known.wider:
        return None
    at, where, n_untried = _over(known.at), _over(known.where), known.n_untried
    for other in state.running.values():
        if fold.is_wider(other):
            return None
        changes = _exchange(at, where, n_untried, fold.index_of(other.params))
        if changes is not None:
            at.update(changes[0])
            where.update(changes[1])
            n_untried -= 1
    return TriedConfigurations(space, fold, n_untried, at, where)


@attrs.frozen(eq=False)
class TriedConfigurations:
    """The configurations of a finite space, and which of them were tried or are running; see `tried`.

    Attributes:
        space: Their parameters.
        n_untried: How many are left.
    """

    space: SearchSpace
    _fold: Tried
    n_untried: int
    _at: Mapping[int, int] = attrs.field(repr=False)
    _where: Mapping[int, int] = attrs.field(repr=False)

    @property
    def size(self) -> int:
        """How many configurations there are, an int of any size."""
        return self._fold.size

    @property
    def exhausted(self) -> Exhausted | None:
        """What a sampler answers when all are tried or running; None while there are others."""
        return None if self.n_untried else Exhausted(f"all {self.size} configurations are tried or running")

    def contains(self, params: Mapping[str, Any]) -> bool:
        """Whether a configuration was tried or is running; False for one that is not of this space. O(parameters)."""
        index = self._fold.index_of(params)
        return index is not None and self._where.get(index, index) >= self.n_untried

    def untried(self, number: int) -> dict[str, Any]:
        """One of the configurations that are left; O(parameters).

        Args:
            number: Which one, from 0, less than `n_untried`; in no particular order.

        Returns:
            Values by name, in the order of the space.

        Raises:
            IndexError: there are not so many.

        Example:
            >>> from hpo.core.values.distributions import CategoricalDistribution
            >>> space = SearchSpace({"kind": CategoricalDistribution(["line", "point"])})
            >>> tried(StudyState.create(), space).untried(1)
            {'kind': 'point'}
        """
        if not 0 <= number < self.n_untried:
            raise IndexError(f"configuration {number} of {self.n_untried} that are left")
        values = self._fold.params_at(self._at.get(number, number))
        return {name: values[name] for name in self.space}

    def random_untried(self, key: Key) -> dict[str, Any]:
        """One of the configurations that are left, each with the same probability (to one in 2**53); O(parameters).

        Args:
            key: The random stream of the call.

        Raises:
            IndexError: none is left.
        """
        n_words = self.n_untried.bit_length() // 53 + 2
        number = 0
        for unit in key.child("untried").uniforms(map(str, range(n_words))):
            number = number << 53 | int(unit * 2.0**53)
        return self.untried(number * self.n_untried >> 53 * n_words)


class Known(Struct, frozen=True):
    """The carry of `Tried`: the configurations, shuffled so that the untried ones come first.

    Attributes:
        n_untried: So many places hold untried configurations, the ones after them tried ones.
        at: Which configuration is at a place below `n_untried`, where it is not the one with the same number.
        where: At which place a configuration is, where it is not the one with the same number.
        wider: Whether some trial had more parameters; then nothing else is known.
    """

    n_untried: int
    at: VersionedDict[int, int] = _NOWHERE
    where: VersionedDict[int, int] = _NOWHERE
    wider: bool = False


@attrs.frozen
class Tried:
    """Fold: which configurations of a space finished trials have tried, whatever became of them.

    A failed trial has tried its configuration as well: who wants it again enqueues it. What counts is that a trial has
    the parameters of the space, no less and no more, with values of the distributions that the space has now: a
    configuration that is outside of a changed range, or between the points of a step, is none of the space.

    Configurations are numbered, the last name in alphabetical order fastest. Each one that is tried changes places with
    the last untried one, so that a random one of those that are left is found in O(1) however few they are, and nothing
    is kept of those that nobody tried.

    Source: Fisher and Yates, "Statistical Tables", 1938, in the form of Durstenfeld, "Algorithm 235: Random
    Permutation", CACM 1964, on places that are written down only when they differ from their numbers.

    Args:
        space: A space in which every parameter has finitely many values; see `of`.
    """

    space: SearchSpace
    size: int = attrs.field(init=False, eq=False)
    _axes: tuple[tuple[str, Distribution, int], ...] = attrs.field(init=False, eq=False, repr=False)

    @_axes.default
    def _names_distributions_and_lengths(self) -> tuple[tuple[str, Distribution, int], ...]:
        return tuple((name, self.space[name], self.space[name].n_values() or 0) for name in sorted(self.space))

    @size.default
    def _product(self) -> int:
        return math.prod(distribution.n_values() or 0 for distribution in self.space.values())

    @staticmethod
    @lru_cache(maxsize=64)
    def of(space: SearchSpace) -> Tried | None:
        """The fold for `space`; None if it has no parameters, or one with infinitely many values."""
        if not space or any(distribution.n_values() is None for distribution in space.values()):
            return None
        return Tried(space)

    def init(self) -> Known:
        """Nothing is tried."""
        return Known(self.size)

    def step(self, carry: Known, trial: FrozenTrial) -> Known:
        """One more finished trial."""
        if carry.wider:
            return carry
        if self.is_wider(trial):
            return Known(0, wider=True)
        changes = _exchange(carry.at, carry.where, carry.n_untried, self.index_of(trial.params))
        if changes is None:
            return carry
        return Known(carry.n_untried - 1, carry.at.with_items(changes[0]), carry.where.with_items(changes[1]))

    def is_wider(self, trial: FrozenTrial) -> bool:
        """Whether a trial has all parameters of the space and more of its own."""
        return len(trial.params) > len(self._axes) and all(name in trial.params for name, _, _ in self._axes)

    def index_of(self, params: Mapping[str, Any]) -> int | None:
        """The number of a configuration; None where `params` is none of the space."""
        if len(params) != len(self._axes):
            return None
        index = 0
        for name, distribution, n_values in self._axes:
            if name not in params:
                return None
            place = index_of(distribution, params[name])
            if place is None:
                return None
            index = index * n_values + place
        return index

    def params_at(self, index: int) -> dict[str, Any]:
        """The inverse of `index_of`."""
        values = {}
        for name, distribution, n_values in reversed(self._axes):
            index, place = divmod(index, n_values)
            values[name] = value_of(distribution, place)
        return values


def _over(entries: VersionedDict[int, int]) -> ChainMap[int, int]:
    """`entries`, to be changed for one question only: a chain writes to its first mapping alone."""
    return ChainMap({}, cast(MutableMapping[int, int], entries))


def _exchange(
    at: Mapping[int, int], where: Mapping[int, int], n_untried: int, index: int | None
) -> tuple[dict[int, int], dict[int, int]] | None:
    """What changes in `at` and `where` when a configuration is tried; None where it is tried already, or is none."""
    if index is None:
        return None
    place, last = where.get(index, index), n_untried - 1
    if place > last:
        return None
    other = at.get(last, last)
    return {place: other}, {other: place, index: last}
