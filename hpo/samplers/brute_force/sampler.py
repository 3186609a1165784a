"""Exhaustive search: every combination that an objective can ask for, once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import attrs

from hpo.core import (
    Answer,
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
)
from hpo.errors import InvalidSuggestion
from hpo.samplers.brute_force.tree import (
    Asked,
    Branch,
    Leaf,
    Tree,
    Way,
    given_way,
    grown,
    index_of,
    n_open,
    open_way,
    position_by_ticket,
)

_SURE_TICKETS = 2  # they differ in every parameter that has more than one value
_NOTHING_LEFT = Exhausted("all combinations are tried")
_NOTHING_KNOWN = Exhausted("all combinations that are known are tried or running", for_now=True)
_NO_PARAMS: FrozenDict[str, Any] = FrozenDict()


def _items(part: Mapping[str, Any]) -> tuple[tuple[str, Any], ...]:
    return tuple(part.items())


@attrs.frozen
class BruteForceSampler:
    """Every combination of values that the objective can ask for, once; then nothing is left, and the study ends.

    Parameters may depend on each other: a value that was never tried is followed to see what the objective asks for
    next, and the finished trials make a tree of that (see `hpo.samplers.brute_force.tree`), which is a fold of the history:
    nothing but the way of the trial is noted in the journal, and a study that is resumed goes on where it was. All
    parameters need finitely many values: a float needs a step.

    A trial that failed has tried its combination, as far as it had asked for it; if it asked for nothing, nothing.

    Trials that run at the same time go different ways. Where all that is known is tried or running, there is nothing to
    suggest for now, until a running trial has ended and shows what comes after its values: `Study.optimize` waits for
    that and asks again. At the start of a study without a declared space this means two trials, as every parameter that
    matters has two values; soon there are more known ways than workers.

    What was found out about the space stands: a range that grows when all of the old one is tried goes unnoticed.

    O(parameters) per finished trial, and per suggestion O(parameters x running trials).

    Args:
        seed: Visits the values of each parameter in an order shuffled by this seed; None means as they are numbered,
            as in nested loops.
        avoid_premature_stop: Whether to go on while running trials may still find something new, instead of waiting
            for them: what one of them explores is taken to look like its neighbours. Keeps all workers busy, and tries
            some combinations again, mainly at the start and towards the end.
        part: Searches only where these parameters have these values, which somebody else gives them; see
            `PartialFixedSampler`.

    Raises:
        InvalidType: the seed is no int.

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
    part: FrozenDict[str, Any] = attrs.field(default=_NO_PARAMS, kw_only=True, converter=FrozenDict, eq=_items)
    _fold: _Tried = attrs.field(init=False, eq=False, repr=False)

    @_fold.default
    def _fold_of_this_part(self) -> _Tried:
        return _Tried(self.seed, _items(self.part))

    def joint_space(self, state: StudyState, trial: FrozenTrial) -> SearchSpace:
        """The parameters on the way that the trial is sent, as far as it is known."""
        plan = self._plan(state, trial)
        if isinstance(plan, Exhausted):
            return SearchSpace()
        return SearchSpace({branch.name: branch.distribution for branch, _ in plan.way})

    def __call__(self, state: StudyState, trial: FrozenTrial, space: SearchSpace, key: Key) -> Answer:
        """See `Sampler`. The joint call decides on the way, and notes it; beyond it, values follow from the note."""
        plan = self._plan(state, trial)
        if isinstance(plan, Exhausted):
            return plan
        way = {branch.name: (branch, position) for branch, position in plan.way}
        note = {"way": [position for _, position in plan.way], "ticket": plan.ticket}
        return Suggestion(self._values(space, way, plan.ticket), note)

    def suggest_lone(self, state: StudyState, trial: FrozenTrial, space: SearchSpace, key: Key) -> Answer:
        """Return the value that follows from the note of the trial's joint call."""
        return Suggestion(self._values(space, {}, _noted_ticket(trial) or 0))

    def _values(self, space: SearchSpace, way: Mapping[str, tuple[Branch | None, int]], ticket: int) -> dict[str, Any]:
        params = {}
        for name, distribution in space.items():
            if distribution.n_values() is None:
                raise InvalidSuggestion(
                    f"BruteForceSampler tries every value, but parameter {name!r} has no end of them: give "
                    f"{distribution!r} a step, or take another sampler"
                )
            branch, position = way.get(name, (None, 0))
            if branch is None or branch.distribution != distribution:
                branch = Branch.untried(name, distribution, self.seed)
                position = position_by_ticket(ticket, name, branch.n_values)
            params[name] = branch.value_at(position)
        return params

    def _plan(self, state: StudyState, trial: FrozenTrial) -> _Plan | Exhausted:
        """Where to send `trial`, or that nothing is left for it."""
        fold = self._fold
        known = state.finished.fold(fold)
        alone = len(state.running) == 1 and trial.number in state.running  # the usual case
        running = () if alone else state.running.values()
        others = [other for other in running if other.number != trial.number and fold.concerns(other)]
        noted = [other for other in others if other.note or other.params]
        silent = sum(1 for other in others if not (other.note or other.params or other.fixed_params))
        tree = fold.claimed(known, noted, guess=False)
        if trial.fixed_params:
            return _Plan(given_way(tree, trial.fixed_params), 0)
        if not n_open(known):
            return _NOTHING_LEFT
        if tree is None and len(others) < _SURE_TICKETS:
            return _Plan([], len(others))
        if tree is not None and n_open(tree) > silent:
            return _Plan(open_way(tree, silent), 0)
        if not self.avoid_premature_stop:
            return _NOTHING_KNOWN
        tree = fold.claimed(known, noted, guess=True)
        if tree is not None and n_open(tree) > silent:
            return _Plan(open_way(tree, silent), 0)
        return _Plan(open_way(known, 0), len(others))


@attrs.frozen
class _Plan:
    """A known way, and the ticket for what comes beyond it."""

    way: Way
    ticket: int


@attrs.frozen(cache_hash=True)
class _Tried:
    """Fold: the tree of what finished trials have tried, in the part of the space where `part` holds."""

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
        return self._grown(carry, trial, asked, None if complete else Leaf())

    def claimed(self, tree: Tree, running: Sequence[FrozenTrial], *, guess: bool) -> Tree:
        """The tree where nobody goes the ways of `running` trials.

        With `guess`, what one of them explores is taken to look like its neighbours.
        """
        end = Leaf(taken=True, guess=guess)
        for _ in range(2 if running else 0):  # the first round shows what they ask for, the second where each one goes
            for trial in running:
                asked = self._asked(trial)
                if asked is not None:
                    tree = self._grown(tree, trial, asked, end)
        return tree

    def _grown(self, tree: Tree, trial: FrozenTrial, asked: Asked, end: Leaf | None) -> Tree:
        # a running trial still has all that it was sent to; a finished one has dropped what it did not ask for
        planned = () if end is not None and end.taken else _noted_way(trial)
        return grown(tree, asked, end, seed=self.seed, planned=planned, ticket=_noted_ticket(trial))

    def concerns(self, trial: FrozenTrial) -> bool:
        """Whether a trial is, or may be, in this part of the space."""
        return all(trial.params.get(name, value) == value for name, value in self.part)

    def _asked(self, trial: FrozenTrial) -> Asked | None:
        """What the trial asked for; None where that is nothing to count."""
        asked: dict[str, tuple[Distribution, int]] = {}
        elsewhere = dict(self.part)
        for name, value in trial.params.items():
            if name not in elsewhere:
                distribution = trial.distributions[name]
                index = index_of(distribution, value)
                if index is None:
                    return None
                asked[name] = (distribution, index)
        return asked


def _noted_way(trial: FrozenTrial) -> tuple[int, ...]:
    """The positions that the trial was sent to; a note may come from anybody."""
    way = trial.note.get("way") if trial.note else None
    return tuple(way) if isinstance(way, list) and all(type(position) is int for position in way) else ()


def _noted_ticket(trial: FrozenTrial) -> int | None:
    ticket = trial.note.get("ticket") if trial.note else None
    return ticket if type(ticket) is int and ticket >= 0 else None
