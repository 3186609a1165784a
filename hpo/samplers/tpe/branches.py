"""Which parameters go together in an objective with branches: groups that the same trials have."""

from __future__ import annotations

import attrs

from hpo.core import FrozenTrial, SearchSpace
from hpo.samplers.parts import is_learnable


@attrs.frozen
class Group:
    """Parameters that no trial has had without each other so far.

    Attributes:
        names: The parameters.
        companions: All parameters that every trial with these had, including these.
        n_trials: How many trials had them.
    """

    names: frozenset[str]
    companions: frozenset[str]
    n_trials: int


@attrs.frozen
class Carry:
    """The result of `Fold`: the parameters that were seen, in groups.

    Attributes:
        space: Each parameter that was seen, with its newest distribution.
        groups: The parameters in groups; each parameter is in exactly one.
    """

    space: SearchSpace
    groups: tuple[Group, ...] = ()

    @property
    def in_order(self) -> list[Group]:
        """The groups, most trials first, equals by name: a group comes before those that are conditional on it."""
        return sorted(self.groups, key=lambda group: (-group.n_trials, sorted(group.names)))


@attrs.frozen
class Fold:
    """Fold: the parameters of complete and pruned trials, grouped by the trials that have them.

    For an objective with several branches the parameters that all trials have are one group, and those of each branch
    another one. O(parameters seen) per trial.

    Example:
        >>> from hpo.core import FloatDistribution, History, create_trial
        >>> unit, trials = FloatDistribution(0.0, 1.0), []
        >>> for extra in ("p", "q"):
        ...     params = {"x": 0.5, extra: 0.5}
        ...     trials.append(create_trial(value=1.0, params=params, distributions=dict.fromkeys(params, unit)))
        >>> groups = History(trials).fold(Fold()).in_order
        >>> [sorted(group.names) for group in groups]
        [['x'], ['p'], ['q']]
        >>> sorted(groups[1].companions)
        ['p', 'x']
    """

    def init(self) -> Carry:
        """Return the carry of no trials."""
        return Carry(SearchSpace())

    def step(self, carry: Carry, trial: FrozenTrial) -> Carry:
        """Return the carry after one more finished trial."""
        if not is_learnable(trial):
            return carry
        seen = trial.distributions
        names = frozenset(seen)
        groups, new = [], names
        for group in carry.groups:
            inside = group.names & names
            new -= inside
            if inside:
                groups.append(Group(inside, group.companions & names, group.n_trials + 1))
            # the trial lacks some of the group: they never were one, or are not any more
            if len(inside) < len(group.names):
                groups.append(attrs.evolve(group, names=group.names - inside))
        if new:
            groups.append(Group(new, names, 1))
        # most trials have the distributions of the one before: the space, whose hash is kept, stays the same object
        space = seen if carry.space == seen or not carry.space else SearchSpace({**carry.space, **seen})
        return Carry(space, tuple(groups))
