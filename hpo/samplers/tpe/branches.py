"""Which parameters go together: groups that the same trials have, and which others every one of those trials has."""

from __future__ import annotations

import attrs

from hpo.core import FrozenTrial, SearchSpace, TrialState


@attrs.frozen
class Branch:
    """Parameters that so far no trial had without each other.

    Attributes:
        names: The parameters.
        companions: All parameters that every trial with these had, themselves among them.
        n_trials: How many trials had them.
    """

    names: frozenset[str]
    companions: frozenset[str]
    n_trials: int


@attrs.frozen
class Branched:
    """The carry of `Branches`.

    Attributes:
        space: Each parameter that was seen, with its newest distribution.
        branches: See `Branch`; each parameter is in one.
    """

    space: SearchSpace
    branches: tuple[Branch, ...] = ()


@attrs.frozen
class Branches:
    """Fold: the parameters of complete and pruned trials, grouped by the trials that have them.

    An objective that takes one of several branches gives one group to the parameters that all trials have, and one to
    those of each branch. O(parameters seen) per trial, O(1) for one with the distributions of the last.

    Example:
        >>> from hpo.core.values.distributions import FloatDistribution
        >>> from hpo.core.values.trial import create_trial
        >>> unit, carry = FloatDistribution(0.0, 1.0), Branches().init()
        >>> for extra in ("p", "q"):
        ...     params = {"x": 0.5, extra: 0.5}
        ...     trial = create_trial(value=1.0, params=params, distributions=dict.fromkeys(params, unit))
        ...     carry = Branches().step(carry, trial)
        >>> [sorted(branch.names) for branch in in_order(carry.branches)]
        [['x'], ['p'], ['q']]
        >>> sorted(in_order(carry.branches)[1].companions)
        ['p', 'x']
    """

    def init(self) -> Branched:
        """No trials."""
        return Branched(SearchSpace())

    def step(self, carry: Branched, trial: FrozenTrial) -> Branched:
        """One more finished trial."""
        if trial.state is not TrialState.COMPLETE and trial.state is not TrialState.PRUNED:
            return carry
        seen = trial.distributions
        names = frozenset(seen)
        branches, new = [], names
        for branch in carry.branches:
            inside = branch.names & names
            new -= inside
            if inside:
                branches.append(Branch(inside, branch.companions & names, branch.n_trials + 1))
            if len(inside) < len(branch.names):
                branches.append(attrs.evolve(branch, names=branch.names - inside))
        if new:
            branches.append(Branch(new, names, 1))
        space = seen if carry.space == seen or not carry.space else SearchSpace({**carry.space, **seen})
        return Branched(space, tuple(branches))


def in_order(branches: tuple[Branch, ...]) -> list[Branch]:
    """The groups that most trials have first, equals by name: those that others are conditional on come before them."""
    return sorted(branches, key=lambda branch: (-branch.n_trials, sorted(branch.names)))
