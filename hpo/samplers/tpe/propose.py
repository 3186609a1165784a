"""The proposals of TPE: the best of several candidates, for one group of parameters after another."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import chain, repeat
from typing import Any, NamedTuple, Protocol

import attrs
import numpy as np
from numpy.typing import NDArray

from hpo.core import Distribution, FrozenTrial, Key, SearchSpace, StudyState
from hpo.samplers.parts import (
    STRENGTH,
    Belief,
    Beliefs,
    Feasibility,
    Fold,
    Tried,
    UnitCube,
    belief_of,
    column_values,
    is_learnable,
    learned_feasibility,
    strength,
)
from hpo.samplers.random import RandomSampler
from hpo.samplers.tpe.model import GoodAndBad, ModelOptions, fitted


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
class Groups:
    """The result of `GroupFold`: the parameters that were seen, in groups.

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
class GroupFold:
    """Fold: the parameters of complete and pruned trials, grouped by the trials that have them.

    For an objective with several branches the parameters that all trials have are one group, and those of each branch
    another one. O(parameters seen) per trial.

    Example:
        >>> from hpo.core import FloatDistribution, History, create_trial
        >>> unit, trials = FloatDistribution(0.0, 1.0), []
        >>> for extra in ("p", "q"):
        ...     params = {"x": 0.5, extra: 0.5}
        ...     trials.append(create_trial(value=1.0, params=params, distributions=dict.fromkeys(params, unit)))
        >>> groups = History(trials).fold(GroupFold()).in_order
        >>> [sorted(group.names) for group in groups]
        [['x'], ['p'], ['q']]
        >>> sorted(groups[1].companions)
        ['p', 'x']
    """

    def init(self) -> Groups:
        """Return the carry of no trials."""
        return Groups(SearchSpace())

    def step(self, carry: Groups, trial: FrozenTrial) -> Groups:
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
        return Groups(space, tuple(groups))


_ATTEMPTS = 8  # rounds of candidates until one is found that was not tried yet


class ProposalOptions(ModelOptions, Protocol):
    """The options of `TPESampler` that a proposal depends on."""

    @property
    def n_startup_trials(self) -> int:
        """The number of trials before the first model."""
        ...

    @property
    def n_ei_candidates(self) -> int:
        """The number of candidates to compare."""
        ...

    @property
    def multivariate(self) -> bool:
        """Whether parameters are modelled together."""
        ...

    @property
    def group(self) -> bool:
        """Whether each group of parameters that occur in the same trials gets its own model."""
        ...

    @property
    def constant_liar(self) -> bool:
        """Whether running trials count as bad ones."""
        ...

    @property
    def prior(self) -> Beliefs:
        """What is believed of the best values."""
        ...

    @property
    def consider_failed_trials(self) -> bool | None:
        """Whether failed trials count as the worst ones; None for as far as parameters predict failures."""
        ...


class Proposal(NamedTuple):
    """The values that a model suggests.

    Attributes:
        params: The values.
        acquisition: Their log density ratio, good trials over bad ones, less a penalty where trials are likely to fail.
        feasibility: The probability that the trial does not fail; None if failures can't be predicted.
    """

    params: Mapping[str, Any]
    acquisition: float
    feasibility: float | None


class _Part(NamedTuple):
    """Parameters that one model suggests, and the names that it is conditional on; None means all known ones."""

    space: SearchSpace
    companions: frozenset[str] | None


def propose(
    options: ProposalOptions,
    state: StudyState,
    trial: FrozenTrial,
    space: SearchSpace,
    key: Key,
    tried: Tried | None,
) -> Proposal | None:
    """Return values for `space` from the models of its parts, or None as long as no part has enough trials.

    Args:
        options: The options of the sampler.
        state: The study at the moment when `trial` started.
        trial: The trial; for a lone parameter, the model is conditional on the joint parameters that it has.
        space: The parameters that need values.
        key: The random stream of the call.
        tried: The configurations to avoid; None if everything is allowed.
    """
    if not state.finished:
        return None  # at once: the first trial of an undeclared space may ask for thousands of parameters one by one
    parts = _parts(options, state, space)
    if len(parts) == 1:
        return _from_model(options, state, parts[0], trial.params, trial.distributions, key, tried)
    params, distributions = dict(trial.params), dict(trial.distributions)
    feasible, feasibility = None, None
    if options.consider_failed_trials is None and not options.multivariate:
        # what a parameter does to failures depends on the others, even if good and bad values are told apart one by one
        feasible = learned_feasibility(state, UnitCube.of(SearchSpace({**distributions, **space})))
    acquisition, modelled = 0.0, False
    for part in parts:
        # the stream is named by a parameter of the part, so that suggestions do not depend on the other parts
        found = _from_model(options, state, part, params, distributions, key.child(min(part.space)), None, feasible)
        if found:
            # chain rule: the log ratios of conditional densities add up to the log ratio of the joint density
            modelled, acquisition = True, acquisition + found.acquisition
            feasibility = found.feasibility
            params.update(found.params)
        else:
            params.update(RandomSampler()(state, trial, part.space, key).params)
        distributions.update(part.space)
    return Proposal(params, acquisition, feasibility) if modelled else None


def _parts(options: ProposalOptions, state: StudyState, space: SearchSpace) -> list[_Part]:
    """Return the parts of `space` that are modelled one after another."""
    if not options.multivariate:
        return [_Part(SearchSpace({name: space[name]}), frozenset()) for name in sorted(space)]
    if not options.group:
        return [_Part(space, None)]
    parts, left = [], dict(space)
    for group in state.finished.fold(GroupFold()).in_order:
        # a trial that was enqueued with some values is not asked for these parameters of a group
        inside = {name: left.pop(name) for name in space if name in group.names}
        if inside:
            parts.append(_Part(SearchSpace(inside), group.companions))
    if left:  # parameters that no finished trial has had
        parts.append(_Part(SearchSpace(left), None))
    return parts


def _from_model(
    options: ProposalOptions,
    state: StudyState,
    part: _Part,
    params: Mapping[str, Any],
    distributions: Mapping[str, Distribution],
    key: Key,
    tried: Tried | None,
    feasible: Feasibility | None = None,
) -> Proposal | None:
    """Return values for a part from one model, given the `params` that it is conditional on; None without a model.

    With `feasible`, which may be of more parameters, that model of failures is asked instead of one of these parameters.
    """
    # an enqueued value may be outside of its range, for which the model has no density
    known = {
        name: value
        for name, value in params.items()
        if (part.companions is None or name in part.companions) and distributions[name].contains(value)
    }
    # known and wanted parameters together: the model is joint, and then conditional on the known ones
    space = SearchSpace({**{name: distributions[name] for name in known}, **part.space}) if known else part.space
    cube = UnitCube.of(space)
    failed = options.consider_failed_trials
    if failed is None:
        if options.multivariate:
            feasible = learned_feasibility(state, cube)
        failed = feasible is not None
    fold = Fold(state.directions, cube.columns, failed)
    carry = state.finished.fold(fold)
    liars = _unfinished_points(options, state, cube)
    # With many workers, all would draw at random until the first trial ends, so unfinished trials count as well,
    # but at most as many as learnable ones.
    n_seen = carry.n_learnable + min(len(liars), carry.n_learnable)
    if n_seen < options.n_startup_trials or all(name in known for name in cube.names):
        return None
    model = fitted(options, cube, fold, carry, liars, cube.positions(known))
    if model is None:
        return None
    belief = belief_of(cube, options.prior)
    for attempt in range(1 if tried is None else _ATTEMPTS):
        stream = key.child("again", attempt) if attempt else key
        points, scores = model.candidates(stream, options.n_ei_candidates)
        if belief is not None:
            points, scores = _with_belief(belief, carry.n_learnable, model, stream, points, scores)
        chances: Iterable[float | None] = repeat(None)
        if feasible is not None:
            points, scores, probabilities = _likely_to_succeed(feasible, params, cube, points, scores)
            chances = probabilities.tolist()
        for point, score, chance in zip(points.tolist(), scores.tolist(), chances, strict=False):
            values = cube.params(point)
            if tried is None or not tried.contains(values):
                return Proposal({name: values[name] for name in part.space}, score, chance)
    # all were tried already: the driver replaces this one
    return Proposal({name: values[name] for name in part.space}, score, chance)


def _with_belief(
    belief: Belief,
    n_results: int,
    model: GoodAndBad,
    key: Key,
    points: NDArray[np.float64],
    scores: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return candidates some of which are drawn from what is believed, and scores to which it is added, best first."""
    n_drawn = round(0.5 * len(points) * STRENGTH / (STRENGTH + n_results))
    drawn = belief.drawn(key.child("believed").generator().random((n_drawn, points.shape[1])))
    free = np.isin(np.arange(points.shape[1]), model.free)
    # the worst candidates make room for them
    points = points.copy()
    points[len(points) - n_drawn :] = np.where(np.isnan(drawn) | ~free, points[len(points) - n_drawn :], drawn)
    scores = model.scores(points) + strength(n_results) * belief.log_density(points)
    order = np.argsort(-scores, kind="stable")
    return points[order], scores[order]


def _likely_to_succeed(
    feasible: Feasibility,
    known: Mapping[str, Any],
    cube: UnitCube,
    points: NDArray[np.float64],
    scores: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Return candidates with the penalty for failures in their scores, best first, and their probabilities of success."""
    whole = feasible.cube
    if whole is cube:
        places = points
    else:  # the candidates are of some of the parameters: those that are not known yet are left open
        places = np.full((len(points), len(whole.columns)), np.nan)
        for column, position in whole.positions(known).items():
            places[:, column] = position
        for column, name in enumerate(cube.names):
            places[:, whole.names.index(name)] = points[:, column]
    scores = scores + feasible.log_penalties(places)
    order = np.argsort(-scores, kind="stable")
    return points[order], scores[order], feasible.probabilities(places[order])


def _unfinished_points(options: ProposalOptions, state: StudyState, cube: UnitCube) -> NDArray[np.float64]:
    """Return the points of unfinished trials that have all parameters, of shape ``(l, d)``.

    The trial that is asked for has no parameters yet, so it is left out. A paused trial counts as a running one.
    """
    values = []
    if options.constant_liar:
        for other in chain(state.running.values(), state.paused.values()):
            if other.params:
                row = column_values(cube.columns, other)
                if row is not None:
                    values.append(row)
    if not values:
        return np.empty((0, len(cube.columns)))
    table = np.array(values, dtype=np.float64)
    return cube.units(table[cube.fits(table)])
