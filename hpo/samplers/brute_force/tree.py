"""The values that are tried, as a tree: what an objective asks for next may depend on what it got before.

A way from the root to a leaf is what one trial asked for, in order. A place that no trial has reached is None, and
nobody knows what is below it: it is *open*, and counts as one until somebody looks. All trees are values: growing one
makes another one, which shares what has not changed, in O(parameters of the trial).
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, TypeAlias

from msgspec import Struct
from msgspec.structs import replace

from hpo.core import CategoricalDistribution, Distribution, IntDistribution, Key, NumberMap, grid_value, nearest_cell


class Leaf(Struct, frozen=True):
    """The end of a way that some trial went to its end, or goes now.

    Attributes:
        taken: Whether the trial is still running, so that more may turn out to be below.
        guess: Whether to go on below as siblings do, where the trial is the first one.
    """

    taken: bool = False
    guess: bool = False


class Branch(Struct, frozen=True):
    """A parameter that is asked for at this place, and what follows each of its values.

    Values are numbered by *positions*: the order in which they are visited.

    Attributes:
        name: The parameter.
        distribution: Its values, of which there are finitely many.
        n_values: How many.
        stride, offset: Position ``p`` is the value with index ``(offset + stride * p) % n_values``.
        n_open: How many open places are below.
        first_open: The first position with an open place; all before it are done.
        children: What follows, by position.
        sample: One of the children that are branches, or None: what unknown ones may look like.
    """

    name: str
    distribution: Distribution
    n_values: int
    stride: int
    offset: int
    n_open: int
    first_open: int = 0
    children: NumberMap[Any] = NumberMap()
    sample: Any = None

    @classmethod
    def untried(cls, name: str, distribution: Distribution, seed: int | None) -> Branch:
        """The parameter `name` before any of its values is tried."""
        n = distribution.n_values()
        assert n is not None
        stride, offset = _order(seed, name, n)
        return cls(name, distribution, n, stride, offset, n)

    def value_at(self, position: int) -> Any:
        """The value that is visited at `position`."""
        return value_of(self.distribution, (self.offset + self.stride * position) % self.n_values)

    def position_of(self, index: int) -> int:
        """When the value with this index is visited."""
        return (index - self.offset) * pow(self.stride, -1, self.n_values) % self.n_values

    def with_child(self, position: int, child: Tree) -> Branch:
        """This branch with something else after the value at `position`."""
        was_open, is_open = n_open(self.children.get(position)), n_open(child)
        children = self.children.with_item(position, child)
        first = min(position, self.first_open) if is_open else self.first_open
        while first < self.n_values and first in children and not n_open(children[first]):
            first += 1
        return replace(
            self,
            n_open=self.n_open + is_open - was_open,
            first_open=first,
            children=children,
            sample=child if isinstance(child, Branch) else self.sample,
        )

    def fitted(self, distribution: Distribution, seed: int | None) -> Branch:
        """This branch for a parameter whose range has changed: what was tried stays tried, as far as it fits."""
        if distribution == self.distribution:
            return self
        branch = Branch.untried(self.name, distribution, seed)
        for position, child in self.children.items():
            index = index_of(distribution, self.value_at(position))
            if index is not None:
                branch = branch.with_child(branch.position_of(index), child)
        return branch


Tree: TypeAlias = Branch | Leaf | None
Way: TypeAlias = list[tuple[Branch, int]]
"""Branches from the root on, each with the position that is taken there."""
Asked: TypeAlias = Mapping[str, tuple[Distribution, int]]
"""What a trial asked for, in order, with the indices of the values that it got."""


def n_open(tree: Tree) -> int:
    """How many open places a tree has."""
    return 1 if tree is None else tree.n_open if isinstance(tree, Branch) else 0


def open_way(tree: Tree, number: int) -> Way:
    """The way to the open place with this number, from 0, less than ``n_open(tree)``; in the order of positions."""
    way: Way = []
    while isinstance(tree, Branch):
        position = tree.first_open
        child = tree.children.get(position)
        while number >= n_open(child):
            number -= n_open(child)
            position += 1
            child = tree.children.get(position)
        way.append((tree, position))
        tree = child
    return way


def given_way(tree: Tree, given: Mapping[str, Any]) -> Way:
    """A way on which parameters have the values of `given`, to an open place where that is easily found."""
    way: Way = []
    while isinstance(tree, Branch):
        position = min(tree.first_open, tree.n_values - 1)
        if tree.name in given:
            index = index_of(tree.distribution, given[tree.name])
            if index is None:
                return way
            position = tree.position_of(index)
        way.append((tree, position))
        tree = tree.children.get(position)
    return way


def grown(
    tree: Tree,
    asked: Asked,
    end: Leaf | None,
    *,
    seed: int | None,
    planned: Sequence[int] = (),
    ticket: int | None = None,
) -> Tree:
    """The tree after one more trial, which is the same where that has not gone any way.

    Args:
        tree: What is known.
        asked: What the trial asked for so far.
        end: What to put at the end of its way. None: the trial ended by itself, and has asked for all there is.
        seed: Of the order of visiting.
        planned: The positions that the trial was sent to, for a trial that has not asked for all parameters (yet).
        ticket: Which values it gets beyond them, see `position_by_ticket`; None if that is not known.
    """
    left = dict(asked)
    taken = end is not None and end.taken
    way: Way = []
    node = tree
    while True:
        if taken and (isinstance(node, Leaf) and not node.taken):  # what has ended there stays
            return tree
        if isinstance(node, Branch) and node.name in left:
            distribution, index = left.pop(node.name)
            if taken and distribution != node.distribution:  # a wrong guess, which its objective will not ask for
                position = position_by_ticket(ticket or 0, node.name, node.n_values)
            else:
                node = node.fitted(distribution, seed)
                position = node.position_of(index)
        elif left and not (taken and isinstance(node, Branch)):  # never seen here, or something else was
            known = _names(node)
            name = next((name for name in left if name in known), next(iter(left)))
            node = Branch.untried(name, left[name][0], seed)
            continue
        else:
            sample = way[-1][0].sample if way else None
            if end is not None and end.guess and sample is not None and not isinstance(node, Branch):
                node = Branch.untried(sample.name, sample.distribution, seed)
            if end is None or not isinstance(node, Branch):
                break
            unasked = _unasked_position(node, planned[len(way) :], ticket)
            if unasked is None:
                return tree
            position = unasked
        way.append((node, position))
        node = node.children.get(position)
    if end is not None and not way:
        return tree
    return _ending(way, Leaf() if end is None else end)


def _unasked_position(branch: Branch, planned: Sequence[int], ticket: int | None) -> int | None:
    """Where a trial that has not asked for the parameter of `branch` would have gone; None if that is not known."""
    if planned and 0 <= planned[0] < branch.n_values:
        return planned[0]
    return None if ticket is None else position_by_ticket(ticket, branch.name, branch.n_values)


def _ending(way: Way, tree: Tree) -> Tree:
    """The tree in which `tree` is at the end of a way."""
    for branch, position in reversed(way):
        tree = branch.with_child(position, tree)
    return tree


def position_by_ticket(ticket: int, name: str, n_values: int) -> int:
    """The position that a trial takes where nothing is known: trials with other tickets should go elsewhere.

    Tickets below `n_values` get different positions; beyond that the positions of different parameters are shifted
    against each other, so that the tickets differ in one of them at least, if there are several.
    """
    lap = ticket // n_values
    shift = zlib.crc32(f"{lap} {name}".encode("utf-8", "backslashreplace")) if lap else 0
    return (ticket + shift) % n_values


def index_of(distribution: Distribution, value: Any) -> int | None:
    """The number of `value` among those of `distribution`, or None where it is none of countable ones."""
    member = distribution.member(value)
    if member is None or distribution.n_values() is None:
        return None
    if isinstance(distribution, CategoricalDistribution):
        return int(member)
    if isinstance(distribution, IntDistribution):
        return int(member - distribution.low) // distribution.step
    if distribution.step is None:
        return 0
    return nearest_cell(distribution.low, distribution.high, distribution.step, member)


def value_of(distribution: Distribution, index: int) -> Any:
    """The inverse of `index_of`."""
    if isinstance(distribution, CategoricalDistribution):
        return distribution.choices[index]
    if isinstance(distribution, IntDistribution):
        return distribution.low + index * distribution.step
    if distribution.step is None:
        return distribution.low
    return grid_value(distribution.low, distribution.high, distribution.step, index)


def _names(tree: Tree) -> set[str]:
    """The parameters on one way through a tree."""
    names = set()
    while isinstance(tree, Branch):
        names.add(tree.name)
        tree = tree.sample
    return names


@lru_cache(maxsize=1024)
def _order(seed: int | None, name: str, n: int) -> tuple[int, int]:
    """The stride, which has no divisor in common with `n`, and the offset of the order of visiting."""
    if seed is None:
        return 1, 0
    one, other = Key(seed, ("brute force", name)).uniforms(["stride", "offset"])
    stride = 1 + int(one * (n - 1))
    while math.gcd(stride, n) != 1:
        stride += 1
    return stride, int(other * n)
