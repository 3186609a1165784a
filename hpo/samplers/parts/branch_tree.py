"""The tree of the configurations of an objective with branches.

The trials form a tree. In its root all trials are together. If all trials of a node have a parameter, it divides them by
value into smaller nodes, the first such parameter by name if there are several, and so on until nothing is left to divide.
A node in which no trial has another parameter is a *leaf*: a whole configuration, which was tried. A node is *exhausted* if
all values of its parameter lead to exhausted nodes. Values that no trial of a node has lead to places that nobody knows, so
they are not exhausted.

A node is *open*, and never exhausted, if its trials have a parameter with infinitely many values or of changing
distributions; or if some of them have another parameter that the others lack, although all parameters that they share are
equal: then it depends on something else.

Since the parameter of a node follows from the names that its trials share, the tree depends on the set of trials and not on
their order, nor on the order in which an objective asks.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import chain
from typing import Any, TypeAlias

import attrs
from immutables import Map
from msgspec import Struct

from hpo.core import Distribution, FrozenTrial, InsertOnlyDict, TrialState, index_of
from hpo.samplers.parts.observations import is_learnable

Row: TypeAlias = tuple[tuple[str, int], ...]
"""The index of each parameter's value, sorted by name; -1 if it has infinitely many values or changing ones."""

_LOOSE = -1
_MOST_ROWS = 20_000  # different configurations that are kept; a space with more of them is not used up soon
_NO_NAMES: frozenset[str] = frozenset()


class Node(Struct, frozen=True):
    """Trials that have some parameters in common, with equal values.

    Attributes:
        name: The parameter that divides them; None in a leaf and in an open node.
        shared: All other parameters that all of them have.
        n_values: How many values the parameter has.
        children: The nodes of those values that were tried, by index.
        n_exhausted: How many of these are exhausted.
        rows: The trials of a leaf or of an open node.
    """

    name: str | None
    shared: frozenset[str]
    n_values: int = 0
    children: Map[int, Node] = Map()
    n_exhausted: int = 0
    rows: InsertOnlyDict[Row, None] = InsertOnlyDict()

    @property
    def exhausted(self) -> bool:
        """Whether all that can be tried here was tried."""
        # a leaf has no name, as an open node, but its one trial shares nothing more with itself
        return self.n_exhausted == self.n_values and (self.name is not None or self.is_leaf)

    @property
    def is_leaf(self) -> bool:
        """Whether this is a whole configuration."""
        return self.name is None and not self.shared and len(self.rows) == 1

    def is_exhausted_at(self, index: int) -> bool:
        """Return whether all was tried that begins with this value of the node's parameter."""
        child = self.children.get(index)
        return child is not None and child.exhausted

    def untried_index(self, unit: float) -> int:
        """Return one of the indices that are not exhausted, all with the same probability if `unit` is uniform."""
        place = min(int(unit * (self.n_values - self.n_exhausted)), self.n_values - self.n_exhausted - 1)
        for index in sorted(index for index, child in self.children.items() if child.exhausted):
            if index > place:
                break
            place += 1
        return place


class Carry(Struct, frozen=True):
    """The result of `Fold`.

    Attributes:
        distributions: The newest distribution of each parameter.
        loose: The parameters that have infinitely many values, or had other ones before.
        signatures: The sets of names of trials that have asked for all of their parameters.
        rows: Their configurations, and those of other trials that have a set of names like theirs.
        failed: The configurations of trials that may have ended early.
        root: The tree; None without trials, or if there are too many.
    """

    distributions: Mapping[str, Distribution]
    loose: frozenset[str]
    signatures: frozenset[frozenset[str]]
    rows: InsertOnlyDict[Row, None]
    failed: InsertOnlyDict[Row, None]
    root: Node | None


@attrs.frozen
class Fold:
    """Fold: the tree of the configurations that finished trials have.

    A failed or pruned trial may have ended before it asked for all parameters; it counts if some other trial has the same ones.

    O(parameters) per trial as a rule. A node is built anew when a trial comes that lacks its parameter, which happens at
    most once for each node and name.

    Args:
        first: The parameters that divide trials first.
    """

    first: frozenset[str]

    def init(self) -> Carry:
        """Return the carry of no trials."""
        return Carry({}, _NO_NAMES, frozenset(), InsertOnlyDict(), InsertOnlyDict(), None)

    def step(self, carry: Carry, trial: FrozenTrial) -> Carry:
        """Return the carry after one more finished trial."""
        if not trial.params or len(carry.rows) > _MOST_ROWS:
            return carry
        carry = self._with_distributions(carry, trial.distributions)
        row = row_of(carry, trial.params)
        if row is None:
            return carry
        names = frozenset(trial.params)
        if self._may_have_ended_early(trial, names) and names not in carry.signatures:
            return _changed(carry, failed=carry.failed.with_item(row, None))
        if names in carry.signatures:
            return self._with_rows(carry, (row,))
        waited = [other for other in carry.failed if frozenset(name for name, _ in other) == names]
        return self._with_rows(_changed(carry, signatures=carry.signatures | {names}), (row, *waited))

    def _may_have_ended_early(self, trial: FrozenTrial, names: frozenset[str]) -> bool:
        """Return whether a trial may have ended before it asked for all parameters.

        That of a pruned one is believed if it has parameters of a branch, since few objectives ask for more after a report.
        """
        if trial.state is TrialState.COMPLETE:
            return False
        return not is_learnable(trial) or names <= self.first

    def grown(self, node: Node | None, row: Row, carry: Carry, path: frozenset[str] = _NO_NAMES) -> Node:
        """Return a node with one more trial.

        Args:
            node: The node; None if it has no trials yet.
            row: The configuration of the trial.
            carry: The distributions count.
            path: The parameters that all trials of the node share with equal values.
        """
        if node is None:
            return self._built([row], carry, path)
        if node.name is None:
            # an open node stays open as long as the trials share an infinite parameter
            if row in node.rows:
                return node
            shared = node.shared & {name for name, _ in row}
            if shared.isdisjoint(carry.loose):
                return self._built([*node.rows, row], carry, path)
            return Node(None, shared, rows=node.rows.with_item(row, None))
        values = dict(row)
        shared = node.shared & values.keys()
        if node.name not in values:
            return self._built([*_rows(node), row], carry, path)
        index = values[node.name]
        old = node.children.get(index)
        new = self.grown(old, row, carry, path | {node.name})
        if new is old and len(shared) == len(node.shared):
            return node
        newly = new.exhausted - (old is not None and old.exhausted)
        return Node(node.name, shared, node.n_values, node.children.set(index, new), node.n_exhausted + newly)

    def _with_distributions(self, carry: Carry, distributions: Mapping[str, Distribution]) -> Carry:
        known, loose = dict(carry.distributions), set(carry.loose)
        for name, distribution in distributions.items():
            if name not in known:
                if distribution.n_values() is None:
                    loose.add(name)
            elif known[name] is not distribution and known[name] != distribution:
                loose.add(name)
            known[name] = distribution
        changed = loose - carry.loose
        carry = _changed(carry, distributions=known, loose=frozenset(loose))
        # an empty set first: to intersect it with all rows would take O(rows) for every trial
        if not changed or changed.isdisjoint(name for row in chain(carry.rows, carry.failed) for name, _ in row):
            return carry
        # once for each parameter: its values mean something else now
        failed = InsertOnlyDict(dict.fromkeys(_without(row, changed) for row in carry.failed))
        rows = [_without(row, changed) for row in carry.rows]
        return self._with_rows(_changed(carry, rows=InsertOnlyDict(), failed=failed, root=None), rows)

    def _with_rows(self, carry: Carry, rows: Iterable[Row]) -> Carry:
        kept, root = carry.rows, carry.root
        for row in rows:
            if row not in kept:
                kept = kept.with_item(row, None)
                root = self.grown(root, row, carry)
        if len(kept) > _MOST_ROWS:
            return _changed(carry, rows=kept, root=None)
        return _changed(carry, rows=kept, root=root)

    def _built(self, rows: list[Row], carry: Carry, path: frozenset[str]) -> Node:
        shared = frozenset.intersection(*(frozenset(name for name, _ in row) for row in rows)) - path
        if not shared or not shared.isdisjoint(carry.loose):
            return Node(None, shared, rows=InsertOnlyDict(dict.fromkeys(rows)))
        name = min(shared, key=lambda each: (each not in self.first, each))
        groups: dict[int, list[Row]] = {}
        for row in rows:
            groups.setdefault(dict(row)[name], []).append(row)
        children = Map({index: self._built(group, carry, path | {name}) for index, group in groups.items()})
        n_exhausted = sum(child.exhausted for child in children.values())
        return Node(name, shared - {name}, carry.distributions[name].n_values() or 0, children, n_exhausted)


def row_of(carry: Carry, params: Mapping[str, Any]) -> Row | None:
    """Return a configuration as a row, or None if a value does not belong to its parameter's distribution."""
    row = []
    for name in sorted(params):
        distribution = carry.distributions.get(name)
        index = _LOOSE if name in carry.loose or distribution is None else index_of(distribution, params[name])
        if index is None:
            return None
        row.append((name, index))
    return tuple(row)


def _rows(node: Node) -> Iterable[Row]:
    if node.name is None:
        yield from node.rows
    for child in node.children.values():
        yield from _rows(child)


def _without(row: Row, loose: set[str]) -> Row:
    return tuple((name, _LOOSE if name in loose else index) for name, index in row)


def _changed(carry: Carry, **changes: Any) -> Carry:
    values = {name: getattr(carry, name) for name in Carry.__struct_fields__}
    return Carry(**{**values, **changes})
