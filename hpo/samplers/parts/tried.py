"""Which configurations of a finite space were tried, and a random one of those that were not."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import lru_cache
from itertools import chain
from typing import Any, TypeAlias

import attrs
from immutables import Map
from msgspec import Struct

from hpo.core import Distribution, Exhausted, FrozenTrial, Key, SearchSpace, StudyState, index_of, value_of

Places: TypeAlias = Map[int, int]
"""The place of each number in a list of numbers; number ``i`` is left out if it is in place ``i``."""

_ALL_IN_PLACE: Places = Map()


def tried_configurations(
    state: StudyState, space: SearchSpace, expected: Sequence[FrozenTrial] = ()
) -> TriedConfigurations | None:
    """Return which configurations of `space` trials have, finished or not, or None if they can't be used up.

    They can't if a parameter is continuous, if there is no parameter, or if some trial has all parameters of the space
    and more of its own: what is left to try there can't be counted. The last one is also what happens when `space`
    lacks parameters because a trial was enqueued with their values, or because others are held fixed.

    O(parameters x (running and paused trials + finished trials new since the last question)).

    Args:
        state: The study at the moment when a trial started.
        space: The joint space that is asked for. A lone parameter may have any value again.
        expected: Running trials with the parameters that they will get, although they have none yet.

    Example:
        >>> from hpo.core import IntDistribution, tell
        >>> from hpo.core.ask_tell import ask
        >>> from hpo.samplers import RandomSampler
        >>> space = SearchSpace({"x": IntDistribution(1, 3), "y": IntDistribution(1, 3)})
        >>> state, trial = ask(StudyState.create(seed=1), RandomSampler(), space)
        >>> tried = tried_configurations(state, space)
        >>> tried.size, tried.n_untried, tried.contains(trial.params)
        (9, 8, True)
    """
    fold = Fold.of(space)
    if fold is None:
        return None
    carry = state.finished.fold(fold)
    # unfinished trials are folded in for this question only: in which order they will be told is not known yet
    for other in chain(state.running.values(), state.paused.values(), expected):
        carry = fold.step(carry, other)
    return None if carry.wider else TriedConfigurations(space, fold, carry)


@attrs.frozen(eq=False)
class TriedConfigurations:
    """The configurations of a finite space that were tried or are running; see `tried_configurations`.

    Attributes:
        space: The parameters.
    """

    space: SearchSpace
    _fold: Fold
    _carry: Carry = attrs.field(repr=False)

    @property
    def size(self) -> int:
        """How many configurations the space has: an int of any size."""
        return self._fold.size

    @property
    def n_untried(self) -> int:
        """How many configurations are left to try."""
        return self._carry.n_untried

    @property
    def exhausted(self) -> Exhausted | None:
        """The answer of a sampler if all configurations are tried or running; None as long as there are others."""
        return (
            None if self.n_untried else Exhausted(f"all {self.size} configurations are tried or running", of_space=True)
        )

    def contains(self, params: Mapping[str, Any]) -> bool:
        """Return whether a configuration was tried or is running; False if it is not of this space. O(parameters)."""
        index = self._fold.index_of(params)
        return index is not None and self._carry.place_of.get(index, index) >= self.n_untried

    def untried(self, number: int) -> dict[str, Any]:
        """Return one of the configurations that are left, in the order of the space; O(parameters).

        Args:
            number: Which one, from 0 up to but not including `n_untried`; in no particular order.

        Raises:
            IndexError: there are not so many.

        Example:
            >>> from hpo.core import CategoricalDistribution
            >>> space = SearchSpace({"kind": CategoricalDistribution(["line", "point"])})
            >>> tried_configurations(StudyState.create(), space).untried(1)
            {'kind': 'point'}
        """
        if not 0 <= number < self.n_untried:
            raise IndexError(f"configuration {number} of {self.n_untried} that are left")
        values = self._fold.params_at(self._carry.index_at.get(number, number))
        return {name: values[name] for name in self.space}

    def random_untried(self, key: Key) -> dict[str, Any]:
        """Return one of the configurations that are left, all with the same probability up to 2**-53; O(parameters).

        Args:
            key: The random stream of the call.

        Raises:
            IndexError: none is left.
        """
        # an integer of 53 random bits per word, and at least 53 more than are needed, times the number of choices
        n_words = self.n_untried.bit_length() // 53 + 2
        number = 0
        for unit in key.child("untried").uniforms(map(str, range(n_words))):
            number = number << 53 | int(unit * 2.0**53)
        return self.untried(number * self.n_untried >> 53 * n_words)


class Carry(Struct, frozen=True):
    """The result of `Fold`: all configurations in a list that begins with the untried ones.

    Attributes:
        n_untried: The places from 0 up to this one hold untried configurations, those after it tried ones.
        index_at: Which configuration is in a place below `n_untried`.
        place_of: In which place a configuration is.
        wider: Whether some trial had more parameters than the space; then nothing else is known.
    """

    n_untried: int
    index_at: Places = _ALL_IN_PLACE
    place_of: Places = _ALL_IN_PLACE
    wider: bool = False


@attrs.frozen
class Fold:
    """Fold: which configurations of a space trials have tried, however they ended.

    A failed trial has tried its configuration as well: to run it again, enqueue it. A trial counts if it has the
    parameters of the space, no fewer and no more, with values of the distributions that the space has now. A value
    outside of a changed range, or between the points of a step, does not belong to any configuration of the space.

    Configurations are numbered; the last name in alphabetical order counts fastest. Each one that is tried changes
    places with the last untried one, so that a random untried one is found in O(1) however few are left, and the memory
    is that of the configurations that were tried.

    Source: Fisher and Yates, "Statistical Tables", 1938, in the form of Durstenfeld, "Algorithm 235: Random
    Permutation", CACM 1964, with a list that holds only the numbers that are out of their place.

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
    def of(space: SearchSpace) -> Fold | None:
        """Return the fold for `space`, or None if it has no parameters or one with infinitely many values."""
        if not space or any(distribution.n_values() is None for distribution in space.values()):
            return None
        return Fold(space)

    def init(self) -> Carry:
        """Return the carry of no trials: nothing is tried."""
        return Carry(self.size)

    def step(self, carry: Carry, trial: FrozenTrial) -> Carry:
        """Return the carry after one more trial."""
        if carry.wider:  # for good: that trial stays in the history
            return carry
        if self.is_wider(trial):
            return Carry(0, wider=True)
        index = self.index_of(trial.params)
        if index is None:
            return carry
        place, last = carry.place_of.get(index, index), carry.n_untried - 1
        if place > last:  # tried before
            return carry
        other = carry.index_at.get(last, last)
        # no place from `last` on is ever looked at again, so it need not be written down what is there now
        return Carry(last, carry.index_at.set(place, other), carry.place_of.update({other: place, index: last}))

    def is_wider(self, trial: FrozenTrial) -> bool:
        """Return whether a trial has all parameters of the space and more of its own."""
        return len(trial.params) > len(self._axes) and all(name in trial.params for name, _, _ in self._axes)

    def index_of(self, params: Mapping[str, Any]) -> int | None:
        """Return the number of a configuration, or None if `params` is not a configuration of the space."""
        if len(params) != len(self._axes):
            return None  # another branch of the objective, or a trial before it had all parameters
        index = 0
        for name, distribution, n_values in self._axes:
            if name not in params:
                return None
            place = index_of(distribution, params[name])
            if place is None:
                return None
            index = index * n_values + place  # digits of a number with a different base for each parameter
        return index

    def params_at(self, index: int) -> dict[str, Any]:
        """Return the configuration with a number: the inverse of `index_of`."""
        values = {}
        for name, distribution, n_values in reversed(self._axes):
            index, place = divmod(index, n_values)
            values[name] = value_of(distribution, place)
        return values
