"""Which configurations of an objective with branches were tried, as far as the trials so far show what it asks for."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import chain
from typing import Any

import attrs
from msgspec import Struct

from hpo.core import Exhausted, FrozenTrial, Key, SearchSpace, StudyState, index_of, value_of
from hpo.samplers.parts.branch_tree import Carry, Fold, Node, row_of
from hpo.samplers.parts.observations import is_learnable


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


def has_branches(state: StudyState) -> bool:
    """Return whether some complete or pruned trials have parameters that others lack. O(trials new since the last question)."""
    return not state.finished.fold(_SHAPES).alike


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
    if shapes.alike and shapes.names.issuperset(space):
        return None  # there are no branches: what is not asked for is fixed, or left to another sampler
    known = {name: value for name, value in trial.fixed_params.items() if name not in space}
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
