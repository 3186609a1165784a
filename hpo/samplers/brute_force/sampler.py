"""Exhaustive search: every combination of values that an objective can ask for, once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import attrs

from hpo.core import (
    Answer,
    BuiltInSampler,
    Distribution,
    Exhausted,
    FrozenDict,
    FrozenTrial,
    Key,
    SearchSpace,
    StudyState,
    Suggestion,
    TrialState,
    checked_seed,
    index_of,
)
from hpo.errors import InvalidSuggestion
from hpo.samplers.brute_force.tree import (
    Asked,
    Leaf,
    Node,
    Tree,
    TreePath,
    extended,
    given_path,
    n_open,
    open_path,
    position_by_ticket,
)

_SURE_TICKETS = 2  # two tickets differ in every parameter that has more than one value, see `position_by_ticket`
_NOTHING_LEFT = Exhausted("all combinations are tried", of_space=True)
_NOTHING_KNOWN = Exhausted("all combinations that are known are tried or running", for_now=True)
_NO_PARAMS: FrozenDict[str, Any] = FrozenDict()


def _items(part: Mapping[str, Any]) -> tuple[tuple[str, Any], ...]:
    return tuple(part.items())


@attrs.frozen
class BruteForceSampler(BuiltInSampler):
    """Suggests every combination of values that the objective can ask for once, and then ends the study.

    For an objective with three choices and a switch that only one of them has, that makes four trials. Parameters may
    depend on each other: a value that was never tried is followed to see what the objective asks for next, and the
    finished trials make a tree of that (see `hpo.samplers.brute_force.tree`). The tree is a fold of the history, so
    the journal notes only the path of each trial, and a resumed study continues where it was. Every parameter needs
    finitely many values: a float needs a step.

    A failed trial has tried its combination as far as it had asked for parameters; if it asked for none, it has tried
    nothing.

    Trials that run at the same time take different paths. When everything known is tried or running, nothing is left to
    suggest for now: a running trial has to end and show what follows its values. `Study.optimize` waits for that and
    asks again. At the start of a study without a declared space this limits the study to two trials at a time, because
    every parameter that matters has at least two values; soon there are more known paths than workers.

    What was found out about the space is final until a trial asks for something else. When all is tried, a run of a
    program that has changed starts one more trial to find out; a change elsewhere than on its path goes unnoticed.

    O(parameters) per finished trial, and O(parameters x running trials) per suggestion.

    Args:
        seed: Visits the values of each parameter in an order shuffled by this seed; None means the order of nested
            loops.
        avoid_premature_stop: Whether to continue while running trials may still find something new, instead of waiting
            for them: what one of them explores is assumed to look like its neighbours. This keeps all workers busy, and
            tries some combinations again, mainly at the start and towards the end.

    Raises:
        InvalidType: the seed is not an int.

    Example:
        >>> import hpo
        >>> def objective(trial):
        ...     if trial.suggest_categorical("kind", ["line", "point"]) == "line":
        ...         return trial.suggest_int("length", 1, 3)
        ...     return 0
        >>> study = hpo.create_study(sampler=BruteForceSampler())
        >>> study.optimize(objective)
        >>> [tuple(trial.params.values()) for trial in study.trials]
        [('line', 1), ('line', 2), ('line', 3), ('point',)]
    """

    needs_pending: ClassVar[bool] = True

    seed: int | None = attrs.field(default=None, converter=checked_seed)
    avoid_premature_stop: bool = attrs.field(default=False, converter=bool)
    _part: FrozenDict[str, Any] = attrs.field(
        default=_NO_PARAMS, alias="_part", kw_only=True, converter=FrozenDict, eq=_items, repr=False
    )
    """Parameters that have fixed values, see `given`: only the part of the space with these values is searched."""
    _fold: _TreeOfTrials = attrs.field(init=False, eq=False, repr=False)

    @_fold.default
    def _fold_of_this_part(self) -> _TreeOfTrials:
        return _TreeOfTrials(self.seed, _items(self._part))

    def given(self, fixed_params: Mapping[str, Any]) -> BruteForceSampler:
        """Return this sampler for the part of the space in which these parameters have these values.

        A wrapper such as `PartialFixedSampler` gives these values to the trials; other values of them are not searched.
        """
        return attrs.evolve(self, _part={**self._part, **fixed_params})

    def joint_space(self, state: StudyState, trial: FrozenTrial) -> SearchSpace:
        """Return the parameters on the path of the trial, as far as it is known."""
        plan = self._plan(state, trial)
        if isinstance(plan, Exhausted):
            return SearchSpace()
        return SearchSpace({node.name: node.distribution for node, _ in plan.path})

    def __call__(self, state: StudyState, trial: FrozenTrial, space: SearchSpace, key: Key) -> Answer:
        """Return values for a joint space, with the trial's path in the note, or `Exhausted`.

        Parameters that are not on the path get values that follow from the noted ticket.
        """
        plan = self._plan(state, trial)
        if isinstance(plan, Exhausted):
            return plan
        path = {node.name: (node, position) for node, position in plan.path}
        note = {"way": [position for _, position in plan.path], "ticket": plan.ticket}
        return Suggestion(self._values(space, path, plan.ticket), note)

    def suggest_lone(self, state: StudyState, trial: FrozenTrial, space: SearchSpace, key: Key) -> Answer:
        """Return the value that follows from the note of the trial's joint call."""
        return Suggestion(self._values(space, {}, _noted_ticket(trial) or 0))

    def _values(self, space: SearchSpace, path: Mapping[str, tuple[Node | None, int]], ticket: int) -> dict[str, Any]:
        params = {}
        for name, distribution in space.items():
            if distribution.n_values() is None:
                raise InvalidSuggestion(
                    f"BruteForceSampler tries every value, but parameter {name!r} has infinitely many: give "
                    f"{distribution!r} a step, or use another sampler"
                )
            node, position = path.get(name, (None, 0))
            if node is None or node.distribution != distribution:  # unknown here, or its range has changed
                node = Node.untried(name, distribution, self.seed)
                position = position_by_ticket(ticket, name, node.n_values)
            params[name] = node.value_at(position)
        return params

    def _plan(self, state: StudyState, trial: FrozenTrial) -> _Plan | Exhausted:
        """Return the path for `trial`, or `Exhausted` if nothing is left for it."""
        fold = self._fold
        known = state.finished.fold(fold)
        # the usual case, which needs no loop: no other trial is running or paused
        alone = len(state.running) == 1 and trial.number in state.running and not state.paused
        running = () if alone else (*state.running.values(), *state.paused.values())
        others = [other for other in running if other.number != trial.number and fold.concerns(other)]
        noted = [other for other in others if other.note or other.params]
        silent = sum(1 for other in others if not (other.note or other.params or other.fixed_params))
        # the paths of trials that have noted one are taken; `silent` trials are about to take one place each
        tree = fold.claimed(known, noted, guess=False)
        if trial.fixed_params:
            return _Plan(given_path(tree, trial.fixed_params), 0)
        if not n_open(known):
            return _NOTHING_LEFT
        if tree is None and len(others) < _SURE_TICKETS:
            # nothing is known yet: two trials can still be kept apart, whatever the objective asks for
            return _Plan([], len(others))
        if tree is not None and n_open(tree) > silent:
            return _Plan(open_path(tree, silent), 0)
        if not self.avoid_premature_stop:
            return _NOTHING_KNOWN
        # rather than wait: assume that what running trials explore looks like its neighbours, or at last try twice
        tree = fold.claimed(known, noted, guess=True)
        if tree is not None and n_open(tree) > silent:
            return _Plan(open_path(tree, silent), 0)
        return _Plan(open_path(known, 0), len(others))


@attrs.frozen
class _Plan:
    """A known path, and the ticket that decides the values of parameters beyond it."""

    path: TreePath
    ticket: int


@attrs.frozen(cache_hash=True)
class _TreeOfTrials:
    """Fold: the tree of what finished trials have tried, in the part of the space with the values of `part`."""

    seed: int | None
    part: tuple[tuple[str, Any], ...]

    def init(self) -> Tree:
        return None

    def step(self, carry: Tree, trial: FrozenTrial) -> Tree:
        asked = self._asked(trial)
        if asked is None or not self.concerns(trial):
            return carry
        complete = trial.state is TrialState.COMPLETE
        if not (asked or complete):  # it ended before it asked for anything
            return carry
        return self._extended(carry, trial, asked, None if complete else Leaf())

    def claimed(self, tree: Tree, running: Sequence[FrozenTrial], *, guess: bool) -> Tree:
        """Return the tree with the paths of `running` trials taken.

        With `guess`, what a running trial explores is assumed to look like its neighbours.
        """
        end = Leaf(taken=True, guess=guess)
        # the first round shows which parameters they ask for, the second where each of them goes
        for _ in range(2 if running else 0):
            for trial in running:
                asked = self._asked(trial)
                if asked is not None:
                    tree = self._extended(tree, trial, asked, end)
        return tree

    def _extended(self, tree: Tree, trial: FrozenTrial, asked: Asked, end: Leaf | None) -> Tree:
        # a running trial still has all that it was sent to; a finished one has dropped what it did not ask for
        planned = () if end is not None and end.taken else _noted_path(trial)
        return extended(tree, asked, end, seed=self.seed, planned=planned, ticket=_noted_ticket(trial))

    def concerns(self, trial: FrozenTrial) -> bool:
        """Return whether a trial is, or may turn out to be, in this part of the space."""
        params = trial.params
        # NaN is a choice like any other, and the only value that differs from itself
        return all(
            name not in params or params[name] == value or (value != value and params[name] != params[name])
            for name, value in self.part
        )

    def _asked(self, trial: FrozenTrial) -> Asked | None:
        """Return what the trial asked for beyond the fixed part, or None if it has a value that is not countable."""
        asked: dict[str, tuple[Distribution, int]] = {}
        fixed = dict(self.part)
        for name, value in trial.params.items():
            if name not in fixed:
                distribution = trial.distributions[name]
                index = index_of(distribution, value)
                if index is None:
                    return None
                asked[name] = (distribution, index)
        return asked


def _noted_path(trial: FrozenTrial) -> tuple[int, ...]:
    """Return the positions of the trial's noted path, or none if the note is another sampler's."""
    path = trial.note.get("way") if trial.note else None
    return tuple(path) if isinstance(path, list) and all(type(position) is int for position in path) else ()


def _noted_ticket(trial: FrozenTrial) -> int | None:
    """Return the trial's noted ticket, or None if the note has none."""
    ticket = trial.note.get("ticket") if trial.note else None
    return ticket if type(ticket) is int and ticket >= 0 else None
