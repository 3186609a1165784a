"""The combinations that were tried, as a tree: what an objective asks for next may depend on the values it got before.

A path from the root to a leaf is what one trial asked for, in order. A place that no trial has reached is None: what is
below it is unknown, so it is *open* and counts as one until a trial looks. Trees are values: `extended` returns a new one,
which shares everything unchanged with the old one, in O(parameters of the trial).

Example: after one trial with kind="line" and length=2, the root is a `Node` for ``kind`` with one child, a `Node` for
``length``. Its value 2 leads to a `Leaf`; the places after lengths 1 and 3 and after kind="point" are open.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, TypeAlias

from msgspec import Struct
from msgspec.structs import replace

from hpo.core import Distribution, Key, NumberMap, index_of, value_of


class Leaf(Struct, frozen=True):
    """The end of the path of a finished or running trial.

    Attributes:
        taken: Whether the trial is still running, so that it may yet ask for more parameters.
        guess: Whether a trial that explores this place is assumed to continue as its siblings do.
    """

    taken: bool = False
    guess: bool = False


class Node(Struct, frozen=True):
    """The parameter that is asked for at a place, and what follows each of its values.

    Values are numbered by *positions*, the order in which they are visited.

    Attributes:
        name: The parameter.
        distribution: Its distribution, which has finitely many values.
        n_values: The number of values.
        stride, offset: Position ``p`` is the value with index ``(offset + stride * p) % n_values``.
        n_open: The number of open places below.
        first_open: The first position with an open place; everything before it is done.
        children: The trees that follow, by position.
        sample: One of the children that are nodes, or None: what unknown children may look like.
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
    def untried(cls, name: str, distribution: Distribution, seed: int | None) -> Node:
        """Return the node of a parameter before any of its values is tried."""
        n = distribution.n_values()
        assert n is not None
        stride, offset = _order(seed, name, n)
        return cls(name, distribution, n, stride, offset, n)

    def value_at(self, position: int) -> Any:
        """Return the value that is visited at `position`."""
        return value_of(self.distribution, (self.offset + self.stride * position) % self.n_values)

    def position_of(self, index: int) -> int:
        """Return the position at which the value with this index is visited; the inverse of `value_at`."""
        # solve (offset + stride * p) % n == index for p: the stride has an inverse, see `_order`
        return (index - self.offset) * pow(self.stride, -1, self.n_values) % self.n_values

    def with_child(self, position: int, child: Tree) -> Node:
        """Return this node with another tree after the value at `position`."""
        was_open, is_open = n_open(self.children.get(position)), n_open(child)
        children = self.children.with_item(position, child)
        # a place that was done opens again if a later trial asks for more below it; otherwise skip what is done
        first = min(position, self.first_open) if is_open else self.first_open
        while first < self.n_values and first in children and not n_open(children[first]):
            first += 1
        return replace(
            self,
            n_open=self.n_open + is_open - was_open,
            first_open=first,
            children=children,
            sample=child if isinstance(child, Node) else self.sample,
        )

    def fitted(self, distribution: Distribution, seed: int | None) -> Node:
        """Return this node for a parameter whose range has changed; values that are members of both stay tried."""
        if distribution == self.distribution:
            return self
        node = Node.untried(self.name, distribution, seed)
        for position, child in self.children.items():
            index = index_of(distribution, self.value_at(position))
            if index is not None:
                node = node.with_child(node.position_of(index), child)
        return node


Tree: TypeAlias = Node | Leaf | None
TreePath: TypeAlias = list[tuple[Node, int]]
"""A path: nodes from the root on, each with the position that is taken there."""
Asked: TypeAlias = Mapping[str, tuple[Distribution, int]]
"""The parameters that a trial asked for, in order: distributions with the indices of the values that it got."""


def n_open(tree: Tree) -> int:
    """Return the number of open places of a tree."""
    return 1 if tree is None else tree.n_open if isinstance(tree, Node) else 0


def open_path(tree: Tree, number: int) -> TreePath:
    """Return the path to the open place with this number, counted from 0 in the order of positions.

    The number must be less than ``n_open(tree)``.
    """
    path: TreePath = []
    while isinstance(tree, Node):
        position = tree.first_open
        child = tree.children.get(position)
        while number >= n_open(child):
            number -= n_open(child)
            position += 1
            child = tree.children.get(position)
        path.append((tree, position))
        tree = child
    return path


def given_path(tree: Tree, given: Mapping[str, Any]) -> TreePath:
    """Return a path on which parameters have the values of `given`, preferably one to an open place."""
    path: TreePath = []
    while isinstance(tree, Node):
        position = min(tree.first_open, tree.n_values - 1)
        if tree.name in given:
            index = index_of(tree.distribution, given[tree.name])
            if index is None:
                return path
            position = tree.position_of(index)
        path.append((tree, position))
        tree = tree.children.get(position)
    return path


def extended(
    tree: Tree,
    asked: Asked,
    end: Leaf | None,
    *,
    seed: int | None,
    planned: Sequence[int] = (),
    ticket: int | None = None,
) -> Tree:
    """Return the tree with the path of one more trial; the same tree if the trial has no path yet.

    Args:
        tree: What is known.
        asked: What the trial has asked for so far.
        end: The leaf for the end of its path. None means that the trial ended by itself, so it has asked for all there is.
        seed: The seed of the order of visiting.
        planned: The positions of the path that the trial was sent along, for a trial that has not asked for all of its
            parameters (yet).
        ticket: Decides the values beyond the path, see `position_by_ticket`; None if it is not known.
    """
    left = dict(asked)
    taken = end is not None and end.taken
    path: TreePath = []
    node = tree
    while True:
        if taken and (isinstance(node, Leaf) and not node.taken):  # a finished trial knows more about this place
            return tree
        if isinstance(node, Node) and node.name in left:
            distribution, index = left.pop(node.name)
            if (
                taken and distribution != node.distribution
            ):  # `node` is a wrong guess: the objective asks for another range
                position = position_by_ticket(ticket or 0, node.name, node.n_values)
            else:
                node = node.fitted(distribution, seed)
                position = node.position_of(index)
        elif left and not (taken and isinstance(node, Node)):
            # nothing was known here, or another parameter was: insert a node, for a name known below if there is one,
            # so that what is known stays reachable
            known = _names(node)
            name = next((name for name in left if name in known), next(iter(left)))
            node = Node.untried(name, left[name][0], seed)
            continue
        else:
            sample = path[-1][0].sample if path else None
            if end is not None and end.guess and sample is not None and not isinstance(node, Node):
                node = Node.untried(sample.name, sample.distribution, seed)
            if end is None or not isinstance(node, Node):
                break
            # the trial has not asked for this parameter: it is where it was sent, or where its ticket would lead
            unasked = _unasked_position(node, planned[len(path) :], ticket)
            if unasked is None:
                return tree
            position = unasked
        path.append((node, position))
        node = node.children.get(position)
    if end is not None and not path:
        return tree
    return _ending(path, Leaf() if end is None else end)


def _unasked_position(node: Node, planned: Sequence[int], ticket: int | None) -> int | None:
    """Return the position for a trial that has not asked for the parameter of `node`, or None if it is not known."""
    if planned and 0 <= planned[0] < node.n_values:
        return planned[0]
    return None if ticket is None else position_by_ticket(ticket, node.name, node.n_values)


def _ending(path: TreePath, tree: Tree) -> Tree:
    """Return the tree that has `tree` at the end of a path."""
    for node, position in reversed(path):
        tree = node.with_child(position, tree)
    return tree


def position_by_ticket(ticket: int, name: str, n_values: int) -> int:
    """Return the position that a trial takes where nothing is known, so that trials with different tickets part.

    Tickets below `n_values` get different positions. Beyond that, the positions of different parameters are shifted
    against each other, so that two tickets differ in at least one parameter if there are several.
    """
    lap = ticket // n_values
    # a checksum rather than `hash`, which differs between processes
    shift = zlib.crc32(f"{lap} {name}".encode("utf-8", "backslashreplace")) if lap else 0
    return (ticket + shift) % n_values


def _names(tree: Tree) -> set[str]:
    """Return the names of the parameters on one path through a tree."""
    names = set()
    while isinstance(tree, Node):
        names.add(tree.name)
        tree = tree.sample
    return names


@lru_cache(maxsize=1024)
def _order(seed: int | None, name: str, n: int) -> tuple[int, int]:
    """Return the stride and the offset of the order of visiting `n` values.

    The stride has no divisor in common with `n`, so every value is visited once.
    """
    if seed is None:
        return 1, 0
    one, other = Key(seed, ("brute force", name)).uniforms(["stride", "offset"])
    stride = 1 + int(one * (n - 1))
    while math.gcd(stride, n) != 1:
        stride += 1
    return stride, int(other * n)
