"""Finished trials as points of the unit cube, with their ranks: for models that need no more of a result than its place.

Notation: `n` trials, `d` columns.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from itertools import chain
from typing import Any, Protocol

import attrs
import numpy as np
from numpy.typing import NDArray

from hpo.core import Answer, FrozenTrial, Key, SearchSpace, StudyState
from hpo.samplers.parts.driver import Duplicates, Tried, suggest, suggest_lone
from hpo.samplers.parts.feasibility import Feasibility, learned_feasibility
from hpo.samplers.parts.feature_coding import FeatureCoding
from hpo.samplers.parts.observations import Carry, Fold, column_values
from hpo.samplers.parts.tried import TriedConfigurations
from hpo.samplers.parts.unit_cube import UnitCube
from hpo.samplers.random import RandomSampler

_START = RandomSampler()
_DIGITS = 9  # of points: what changes beyond them when ranges are in other units is rounding
_MOST_RUNNING = 32  # the newest running trials that count
_FEW_LEFT = 128  # untried configurations that are all compared
_ATTEMPTS = 100  # points, best first, until one is found that was not tried yet


@attrs.frozen
class RankedFold:
    """Fold: finished trials, failed ones too, as rows of which `ranked` makes points of a cube and ranks.

    Args:
        directions: The directions of the study.
        cube: The columns of the points.
    """

    directions: tuple[str, ...]
    cube: UnitCube
    rows: Fold = attrs.field(init=False, eq=False, repr=False)

    @rows.default
    def _fold_of_rows(self) -> Fold:
        return Fold(self.directions, self.cube.columns, failed=True, missing=True)

    @property
    def categorical(self) -> NDArray[np.bool_]:
        """Which columns are categorical, ``(d,)``."""
        categorical: NDArray[np.bool_] = self.cube.n_choices > 0
        return categorical

    def init(self) -> Carry:
        """Return the carry of no trials."""
        return self.rows.init()

    def step(self, carry: Carry, trial: FrozenTrial) -> Carry:
        """Return the carry after one more finished trial."""
        return self.rows.step(carry, trial)

    def n_rows(self, carry: Carry) -> int:
        """Return the number of trials with rows, whether or not they are inside of today's ranges."""
        return len(carry.rows)

    def ranked(self, carry: Carry, *, failed: bool = True) -> Ranked:
        """Return the trials that have parameters inside of the ranges, oldest first; O(`n` `d`) and a sort.

        Args:
            carry: The carry.
            failed: Whether failed trials are among them.
        """
        rows = carry.rows.array
        values = self.rows.values(rows)
        known = ~np.isnan(values).all(axis=1)
        if not self.cube.covers(carry.low, carry.high):
            known &= self.cube.fits(values)
        rows = rows[known]
        points = np.round(self.cube.units(self.rows.values(rows)), _DIGITS)
        ranked = Ranked(points, self.rows.ranks(rows), self.rows.have_failed(rows))
        return ranked if failed else ranked.without_failed()


@attrs.frozen(eq=False)
class Ranked:
    """Trials as points, with their ranks.

    Attributes:
        points: Where they are, NaN in the columns that they lack, ``(n, d)``.
        ranks: From 0 for the best one to ``n - 1``, with the mean rank for equals; failed ones are the last, ``(n,)``.
        failed: Which ones failed, ``(n,)``.
    """

    points: NDArray[np.float64]
    ranks: NDArray[np.float64]
    failed: NDArray[np.bool_]

    def without_failed(self) -> Ranked:
        """Return those that did not fail; they keep their ranks."""
        kept = ~self.failed
        return Ranked(self.points[kept], self.ranks[kept], self.failed[kept]) if self.failed.any() else self


@attrs.frozen(eq=False)
class Knowledge:
    """What there is to learn from when a sampler is asked; see `known`.

    Attributes:
        coding: The columns of points.
        fold: The fold of finished trials.
        carry: Its carry.
        running: The points of the newest running and paused trials, NaN for what they lack, ``(l, d)``.
        feasibility: Where trials fail, if that can be predicted.
    """

    coding: FeatureCoding
    fold: RankedFold
    carry: Carry
    running: NDArray[np.float64]
    feasibility: Feasibility | None

    @cached_property
    def ranked(self) -> Ranked:
        """The finished trials that are inside of the ranges; failed ones only if failures can be predicted."""
        return self.fold.ranked(self.carry, failed=self.feasibility is not None)

    def penalized(self, values: NDArray[np.float64], points: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return logarithms of acquisition values, ``(m,)``, less what points, ``(m, d)``, lose that are likely to fail."""
        return values if self.feasibility is None else values + self.feasibility.log_penalties(points)

    def unlikely(self, points: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Return which points, ``(m, d)``, are too likely to fail, ``(m,)``."""
        if self.feasibility is None:
            return np.zeros(len(points), dtype=np.bool_)
        unlikely: NDArray[np.bool_] = self.feasibility.probabilities(points) < self.feasibility.likely
        return unlikely

    def left(self, tried: Tried | None) -> NDArray[np.float64] | None:
        """Return the points that were not tried, ``(m, d)``, if the space is finite and there are few of them; or None."""
        if not isinstance(tried, TriedConfigurations) or tried.n_untried > _FEW_LEFT:
            return None
        points = np.zeros((tried.n_untried, self.coding.n_columns))
        for number in range(tried.n_untried):
            for column, position in self.coding.cube.positions(tried.untried(number)).items():
                points[number, column] = position
        return points

    def first_new(self, points: NDArray[np.float64], tried: Tried | None) -> tuple[int, dict[str, Any]]:
        """Return the first of some points, ``(m, d)``, that was not tried yet, as its place and its values.

        If the first hundred were all tried it is the first one, which the driver replaces in a finite space.
        """
        seen = np.concatenate((self.ranked.points, self.running))
        missing = np.isnan(seen)
        for place, point in enumerate(points[:_ATTEMPTS]):
            values = self.coding.cube.params(point.tolist())
            # in a space that is not finite, points that are close to others may still be the same
            if not (tried is not None and tried.contains(values)) and not ((seen == point) | missing).all(axis=1).any():
                return place, values
        return 0, self.coding.cube.params(points[0].tolist())


def known(
    state: StudyState, space: SearchSpace, *, n_startup_trials: int, consider_failed_trials: bool
) -> Knowledge | None:
    """Return what there is to learn from, or None as long as there are too few trials or there is nothing to model.

    Args:
        state: The study.
        space: The parameters that are asked for.
        n_startup_trials: How many complete or pruned trials there must be; running ones count too, up to their number.
        consider_failed_trials: Whether failures that can be predicted count.
    """
    cube = UnitCube.of(space)
    fold = RankedFold(state.directions, cube)
    carry = state.finished.fold(fold)
    if not cube.columns or not carry.n_learnable:
        return None
    running = unfinished_points(state, cube)
    if carry.n_learnable + min(len(running), carry.n_learnable) < n_startup_trials:
        return None
    feasibility = learned_feasibility(state, cube) if consider_failed_trials else None
    found = Knowledge(FeatureCoding.of(cube), fold, carry, running, feasibility)
    return None if found.ranked.failed.all() else found  # also if none is inside of the ranges


class RankedOptions(Protocol):
    """The options that samplers have in common which learn from ranks."""

    @property
    def n_startup_trials(self) -> int:
        """The number of trials before the first model."""
        ...

    @property
    def consider_failed_trials(self) -> bool:
        """Whether failures that can be predicted count."""
        ...

    @property
    def duplicates(self) -> Duplicates:
        """Whether tried configurations are avoided."""
        ...


def suggest_by_ranks(
    options: RankedOptions,
    state: StudyState,
    trial: FrozenTrial,
    space: SearchSpace,
    key: Key,
    propose: Callable[[Knowledge, Tried | None], Answer | None],
) -> Answer:
    """Return the answer for a joint space of a sampler that learns from ranks: at random as long as it knows too little.

    Args:
        options: The options of the sampler.
        state: The study at the moment when `trial` started.
        trial: The trial that needs values.
        space: The joint space that is asked for.
        key: The random stream of the call.
        propose: The model; it is given what is known and what was tried, and returns None if that is too little.
    """

    def ask_model(tried: Tried | None) -> Answer | None:
        knowledge = known(
            state,
            space,
            n_startup_trials=options.n_startup_trials,
            consider_failed_trials=options.consider_failed_trials,
        )
        return None if knowledge is None else propose(knowledge, tried)

    return suggest(state, trial, space, key, ask_model, start=_START, duplicates=options.duplicates)


def suggest_lone_at_random(
    options: RankedOptions, state: StudyState, trial: FrozenTrial, space: SearchSpace, key: Key
) -> Answer:
    """Return a random value for a parameter that no trial has had yet."""
    return suggest_lone(state, trial, space, key, _no_model, start=_START, duplicates=options.duplicates)


def _no_model(space: SearchSpace, key: Key, tried: Tried | None) -> Answer | None:
    return None


def unfinished_points(state: StudyState, cube: UnitCube) -> NDArray[np.float64]:
    """Return the points of the newest running and paused trials with parameters, NaN for what they lack, ``(l, d)``.

    The trial that is asked for has no parameters yet, so it is left out.
    """
    trials = chain(state.running.values(), state.paused.values())
    rows = [row for each in trials if each.params and (row := column_values(cube.columns, each, missing=True))]
    values = np.array(rows, dtype=np.float64).reshape(-1, len(cube.columns))
    values = values[cube.fits(values) & ~np.isnan(values).all(axis=1)]
    return np.round(cube.units(values), _DIGITS)[-_MOST_RUNNING:]
