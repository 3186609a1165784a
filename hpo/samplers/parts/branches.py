"""Which configurations of an objective with branches were tried, as far as the trials so far show what it asks for.

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

from hpo.core import (
    Distribution,
    Exhausted,
    FrozenTrial,
    InsertOnlyDict,
    Key,
    SearchSpace,
    StudyState,
    index_of,
    value_of,
)
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
        signatures: The sets of names that complete and pruned trials have.
        rows: Their configurations, and those of failed trials that have a set of names like theirs.
        failed: The configurations of other failed trials.
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

    A failed trial may have ended before it asked for all parameters; it counts if some other trial has the same ones.

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
        if not is_learnable(trial) and names not in carry.signatures:
            return _changed(carry, failed=carry.failed.with_item(row, None))
        if names in carry.signatures:
            return self._with_rows(carry, (row,))
        waited = [other for other in carry.failed if frozenset(name for name, _ in other) == names]
        return self._with_rows(_changed(carry, signatures=carry.signatures | {names}), (row, *waited))

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
        if not changed.intersection(name for row in chain(carry.rows, carry.failed) for name, _ in row):
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


class _Shapes(Struct, frozen=True):
    """The result of `_ShapeFold`: the names that the newest trial has, and whether all trials have the same ones."""

    names: frozenset[str] | None = None
    alike: bool = True


class _ShapeFold(Struct, frozen=True):
    """Fold: whether all complete and pruned trials have the same parameters."""

    def init(self) -> _Shapes:
        return _Shapes()

    def step(self, carry: _Shapes, trial: FrozenTrial) -> _Shapes:
        params, names = trial.params, carry.names
        if not carry.alike or (names is not None and params.keys() == names) or not is_learnable(trial):
            return carry
        return _Shapes(frozenset(params), names is None)


_SHAPES = _ShapeFold()


@attrs.frozen(eq=False)
class Branches:
    """What was tried of an objective with branches; see `branches_of`.

    Attributes:
        space: The parameters that are asked for.
        known: Parameters that have values already.
        carry: The distributions.
        root: The tree, with unfinished trials.
        exhausted: The answer of a sampler if nothing is left to try; else None.
    """

    space: SearchSpace
    known: Mapping[str, Any]
    carry: Carry
    root: Node
    exhausted: Exhausted | None

    def contains(self, params: Mapping[str, Any]) -> bool:
        """Return whether all was tried that begins with these values and the known ones. O(parameters)."""
        return _exhausted(self.root, self.carry, {**self.known, **params})

    def of(self, space: SearchSpace) -> Branches:
        """Return the same for other parameters that are asked for."""
        return attrs.evolve(self, space=space)

    def after(self, index: int | None) -> Branches | None:
        """Return what was tried after this value of the root's parameter; None if nothing was, or anything may be."""
        child = None if index is None else self.root.children.get(index)
        return None if child is None or child.name is None or child.exhausted else attrs.evolve(self, root=child)

    def random_untried(self, key: Key) -> dict[str, Any]:
        """Return values, in the order of the space, with which something is left to try; O(values that were tried).

        Args:
            key: The random stream of the call.
        """
        units = dict(zip(self.space, key.child("untried").uniforms(self.space), strict=True))
        values = {name: distribution.from_unit(units[name]) for name, distribution in self.space.items()}
        node: Node | None = self.root
        while node is not None and node.name is not None:
            name = node.name
            if name in self.known:
                index = index_of(self.carry.distributions[name], self.known[name])
                if index is None:
                    break
            elif name in units:
                index = node.untried_index(units[name])
                values[name] = value_of(self.space[name], index)
            else:
                break
            node = node.children.get(index)
        return values


def branches_of(state: StudyState, trial: FrozenTrial, space: SearchSpace) -> Branches | None:
    """Return what trials with other parameters than the joint ones say about a joint space; None if there are none.

    O(parameters x (running and paused trials + finished trials new since the last question)).

    Args:
        state: The study at the moment when `trial` started.
        trial: The trial, which may have been enqueued with some values.
        space: The joint space that is asked for.

    Example:
        >>> from hpo.core import CategoricalDistribution, IntDistribution, History, create_trial
        >>> kinds, sizes = CategoricalDistribution(["a", "b"]), IntDistribution(1, 2)
        >>> trials = [create_trial(value=0.0, params={"kind": "a"}, distributions={"kind": kinds})]
        >>> for size in (1, 2):
        ...     both = {"kind": kinds, "size": sizes}
        ...     trials.append(create_trial(value=0.0, params={"kind": "b", "size": size}, distributions=both))
        >>> state = StudyState(directions=("minimize",), finished=History(trials[:2]))
        >>> found = branches_of(state, trials[0], SearchSpace({"kind": kinds}))
        >>> found.contains({"kind": "a"}), found.contains({"kind": "b"})
        (True, False)
        >>> state = StudyState(directions=("minimize",), finished=History(trials))
        >>> branches_of(state, trials[0], SearchSpace({"kind": kinds})).exhausted.reason
        'all configurations that trials have shown are tried or running'
    """
    shapes = state.finished.fold(_SHAPES)
    if shapes.names is None:
        return None
    known = {name: value for name, value in trial.fixed_params.items() if name not in space}
    if shapes.alike and len(shapes.names) == len(space) + len(known) and shapes.names.issuperset(space):
        return None
    fold = Fold(frozenset(space) | frozenset(known))
    carry = state.finished.fold(fold)
    if carry.root is None or (carry.root.name is None and not carry.root.is_leaf):
        return None
    if any(name in space and carry.distributions[name] != space[name] for name in carry.distributions):
        return None  # values have other places now
    whole = fold.first >= carry.distributions.keys()
    root = _with_unfinished(fold, carry, state, len(space) + len(known) + (not whole))
    exhausted = None
    if _exhausted(root, carry, known):
        exhausted = Exhausted(
            "all configurations that trials have shown are tried or running",
            for_now=not _exhausted(carry.root, carry, known),
            of_space=True,
        )
    return Branches(space, known, carry, root, exhausted)


def lone_branches(state: StudyState, trial: FrozenTrial, space: SearchSpace) -> Branches | None:
    """Return what was tried of the branch that a trial with joint parameters is in; None if nothing can be repeated.

    Its root is the node of the branch: the values of its parameters, and of those that divide it further, are to be chosen.

    Args:
        state: The study at the moment when `trial` started.
        trial: The trial with its joint parameters, and no other ones.
        space: The lone parameter.
    """
    shapes = state.finished.fold(_SHAPES)
    ((name, distribution),) = space.items()
    if shapes.names is None or distribution.n_values() is None:
        return None
    fold = Fold(frozenset(trial.params))
    carry = state.finished.fold(fold)
    if carry.root is None or carry.distributions.get(name) != distribution or name in carry.loose:
        return None
    node = _walked(_with_unfinished(fold, carry, state, len(trial.params) + 1), carry, trial.params)
    if node is None or node.name is None or node.exhausted:  # or nothing new is left
        return None
    return Branches(space, trial.params, carry, node, exhausted=None)


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


def _with_unfinished(fold: Fold, carry: Carry, state: StudyState, fewest: int) -> Node:
    """Return the tree with running and paused trials of at least so many parameters, where they do something new."""
    root = carry.root
    assert root is not None  # who calls has looked
    for other in chain(state.running.values(), state.paused.values()):
        if len(other.params) < fewest or not other.params.keys() <= carry.distributions.keys():
            continue
        row = row_of(carry, other.params)
        # it has no part in what is known of the branches: a trial that is not over may ask for more
        if row is not None and _walked(root, carry, other.params) is None:
            root = fold.grown(root, row, carry)
    return root


def _walked(node: Node | None, carry: Carry, values: Mapping[str, Any]) -> Node | None:
    """Return the node to which values lead, as far as they go; None if no trial was there."""
    while node is not None and node.name is not None and node.name in values:
        index = index_of(carry.distributions[node.name], values[node.name])
        node = None if index is None else node.children.get(index)
    return node


def _exhausted(node: Node, carry: Carry, values: Mapping[str, Any]) -> bool:
    found = _walked(node, carry, values)
    return found is not None and found.exhausted


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
