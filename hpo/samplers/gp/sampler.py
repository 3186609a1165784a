"""The sampler that models results by a Gaussian process and suggests where it expects the largest improvement."""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from itertools import chain
from typing import Any, ClassVar

import attrs
import numpy as np
from msgspec import Struct
from numpy.typing import NDArray
from scipy.special import ndtri

from hpo.core import (
    Answer,
    BuiltInSampler,
    FrozenDict,
    FrozenTrial,
    Key,
    Sampler,
    SearchSpace,
    StudyState,
    Suggestion,
    checked_seed,
    is_bool,
    is_function,
    one_of,
    to_int_if_whole,
    whole_from,
)
from hpo.core.memory.rows import Rows
from hpo.models.gaussian_process import Fold, Surrogate, surrogate
from hpo.numerics.pareto import best_first as best_points_first
from hpo.samplers.gp.acquisition import Believed, ImprovementAndFeasibility, acquisition_of
from hpo.samplers.gp.search import best_first
from hpo.samplers.parts import (
    DUPLICATES,
    BelievingStart,
    Duplicates,
    Feasibility,
    FeatureCoding,
    Predicate,
    Region,
    Tried,
    UnitCube,
    Weights,
    belief_of,
    checked_prior,
    is_learnable,
    learned_conditions,
    learned_feasibility,
    strength,
    suggest,
    suggest_lone,
    with_types,
)
from hpo.samplers.random import RandomSampler
from hpo.samplers.tpe import GroupFold, TPESampler

_START = RandomSampler()
_INDEPENDENT = TPESampler()
_IS_SAMPLER = is_function("a sampler (None means a TPESampler)", classes=False, optional=True)
_WORLDS = 16
_WORLDS_OF_SEVERAL = 4  # with several objectives, where a world costs much more
_MOST_RUNNING = 32  # the newest running trials whose results are drawn
_WORK = 200_000  # candidates times trials
_FEWEST_CANDIDATES = 32
_MANY = 400  # trials from which on the search is shorter
_CHANCE = 5.0  # nats that a model of one column may seem to know about chance, in about nine of ten cases
_FEW = 10
_INCUMBENTS = 8  # of a front that come first
_ATTEMPTS = 64  # points, best first, until one is found that was not tried yet


@attrs.frozen(kw_only=True, cache_hash=True)
class GPSampler(BuiltInSampler):
    """Gaussian process over the joint space: suggests where it expects the largest improvement.

    A Gaussian process with a Matern-5/2 kernel is fitted to the results, with a length scale for each parameter, so that
    it learns which ones matter. What is suggested maximizes the expected improvement on the best result so far, as the
    model sees it; numbers are found by their slopes, and integers, steps and choices by trying other ones.

    - Sizes of values count, not their unit. Values far from normal are transformed first, so that a few huge ones don't
      hide the others. An infinite or NaN value counts as the worst finite one, and a pruned trial as an upper quartile.
    - Trials that run or are paused have their results drawn from the model, several times, and the average improvement
      over these draws counts: parallel trials keep away from each other.
    - Several objectives have a process each, and what counts is the expected gain of the hypervolume that their front
      dominates. Its reference point is a tenth of the front's range beyond the front's worst value in each objective.
    - Each constraint has a process of its own, and the probability that all are met multiplies the improvement. Failed
      trials have no result, but as soon as parameters predict failures, so does the probability of success.
    - Every parameter that was seen is suggested. One that only some trials have does not count where the others say that
      it is missing.
    - Where the model predicts results no better than their mean does, values are drawn at random, and the note says so.

    The first 20 trials are each followed by a fit of the length scales and the noise, and later ones less and less often.
    O(`n`^2) per suggestion with `n` trials, and O(`n`^3) for a fit; at most 1,000 trials are modelled, the best and the
    newest ones.

    Source: Jones, Schonlau and Welch, "Efficient Global Optimization of Expensive Black-Box Functions", Journal of Global
    Optimization 13, 1998; Hvarfner, Hellsten and Nardi, "Vanilla Bayesian Optimization Performs Great in High Dimensions",
    ICML 2024 (length scales); Ament et al., "Unexpected Improvements to Expected Improvement for Bayesian Optimization",
    NeurIPS 2023 (the logarithm of the improvement); Yang, Emmerich, Deutz and Bäck, "Efficient computation of expected
    hypervolume improvement using box decomposition algorithms", Journal of Global Optimization 75, 2019. The documentation says what differs from them.

    Args:
        n_startup_trials: How many complete or pruned trials there must be before the first model. Until then values are
            those of a `RandomSampler`, draw for draw. There must be at least one, whatever the number.
        deterministic_objective: Whether equal parameters give equal results. Otherwise the noise is learned.
        independent_sampler: The sampler for parameters that no trial has had yet; None means a `TPESampler`.
        seed: Replaces the study's seed; None means the study's.
        n_candidates: How many random points are compared before the best of them are improved, at least 1. There are
            fewer if there are many trials.
        n_local_searches: How many points are improved, at least 1.
        consider_failed_trials: Whether points that are likely to fail are avoided, as soon as the parameters predict
            failures. Failures that look like chance are ignored; with False all are.
        input_warping: Whether numbers are warped, each by a monotone function with two learned exponents, for objectives that change
            fast at one end of a range and slowly at the other. It takes longer to fit, and more trials to learn.
        duplicates: With "avoid", no configuration of a finite space is suggested that was tried or is running, and the
            answer is `Exhausted` when there is no other. With "allow", configurations may be repeated.
        prior: What is believed of the best values, by parameter name, for as many parameters as you like: a region ``(low, high)`` in which
            the best value is with 80 %, or a mapping from values, or choices, to weights. It counts less the more results there are, see
            `hpo.samplers.parts.prior`; every other trial of the start-up is drawn from it.

    Raises:
        InvalidArgument, InvalidType: an option is outside of these; the message names it.

    Example:
        >>> from hpo.core.ask_tell import ask, tell
        >>> from hpo.core.values.distributions import FloatDistribution
        >>> state, sampler = StudyState.create(seed=1), GPSampler(n_startup_trials=5)
        >>> for _ in range(20):
        ...     state, trial = ask(state, sampler, {"x": FloatDistribution(-10.0, 10.0)})
        ...     state = tell(state, trial.number, (trial.params["x"] - 2.0) ** 2)
        >>> min(trial.value for trial in state.finished) < 0.001
        True
    """

    needs_pending: ClassVar[bool] = True  # running trials are in the model, and in duplicates

    n_startup_trials: int = attrs.field(default=10, converter=to_int_if_whole, validator=whole_from(0))
    deterministic_objective: bool = attrs.field(default=False, validator=is_bool)
    independent_sampler: Sampler | None = attrs.field(default=None, validator=_IS_SAMPLER, hash=False)
    seed: int | None = attrs.field(default=None, converter=checked_seed)
    n_candidates: int = attrs.field(default=512, converter=to_int_if_whole, validator=whole_from(1))
    n_local_searches: int = attrs.field(default=8, converter=to_int_if_whole, validator=whole_from(1))
    consider_failed_trials: bool = attrs.field(default=True, validator=is_bool)
    duplicates: Duplicates = attrs.field(default="avoid", validator=one_of(*DUPLICATES))
    input_warping: bool = attrs.field(default=False, validator=is_bool)
    prior: FrozenDict[str, Region | Weights] = attrs.field(default=None, converter=checked_prior, eq=with_types)
    _where: Predicate | None = attrs.field(default=None, alias="_where", eq=False, repr=False)
    """What suggestions must satisfy; see `where`."""

    def where(self, predicate: Predicate) -> GPSampler:
        """Return this sampler for a `Where` around it: it looks for the best values that satisfy the predicate."""
        return attrs.evolve(self, _where=predicate)

    _warn_independent_sampling: bool = attrs.field(
        default=True, alias="warn_independent_sampling", eq=False, repr=False
    )
    """Accepted: there is no such warning."""

    def joint_space(self, state: StudyState, trial: FrozenTrial) -> SearchSpace:
        """Return what is suggested together if no space is declared: every parameter that was seen."""
        return state.finished.fold(GroupFold()).space

    def __call__(self, state: StudyState, trial: FrozenTrial, space: SearchSpace, key: Key) -> Answer:
        """Return values for the joint space.

        The note's ``rule`` says where they are from: "startup"; "model"; "explore" if the model predicts no better than
        a constant; or "untried" if the model proposed only configurations that were tried. With "model",
        ``acquisition`` is the logarithm of the expected improvement times the probability that constraints are met and
        nothing fails, and ``mean`` and ``deviation`` are what is predicted of the result, in units of the deviation of
        all results from their mean; lists of them if there are several objectives.
        """

        def ask_model(tried: Tried | None) -> Answer | None:
            return self._suggestion(state, trial, space, key, tried)

        return suggest(
            state, trial, space, key, ask_model, start=self._start, duplicates=self.duplicates, where=self._where
        )

    def suggest_lone(self, state: StudyState, trial: FrozenTrial, space: SearchSpace, key: Key) -> Answer:
        """Return a value for a parameter that no trial has had yet, from the independent sampler."""
        independent = self.independent_sampler or (TPESampler(prior=self.prior) if self.prior else _INDEPENDENT)
        return suggest_lone(
            state,
            trial,
            space,
            key,
            _no_model,
            start=independent,
            duplicates=self.duplicates,
            where=self._where,
            rule="independent",
        )

    @property
    def _start(self) -> Sampler:
        return BelievingStart(_START, self.prior) if self.prior else _START

    def _suggestion(
        self, state: StudyState, trial: FrozenTrial, space: SearchSpace, key: Key, tried: Tried | None
    ) -> Suggestion | None:
        cube = UnitCube.of(space)
        if not cube.columns or state.finished.fold(_Learnable()) < max(self.n_startup_trials, 1):
            return None
        coding = FeatureCoding.of(cube)
        feasibility = learned_feasibility(state, cube) if self.consider_failed_trials else None
        models = [
            self._surrogate(state, coding, index, failed=feasibility is not None)
            for index in range(len(state.directions))
        ]
        objectives = [model for model in models if model is not None and model.complete.any()]
        if len(objectives) < len(models):
            return None  # no complete trial is inside of the ranges
        if not any(map(knows_enough, objectives)):
            # one stream for each parameter, as at the start: nothing better is known
            gain = max(each.gain for each in objectives)
            answer = self._start(state, trial, space, key)
            assert isinstance(answer, Suggestion), "random draws are never used up"
            return Suggestion(answer.params, {"rule": "explore", "gain": round(gain, 3)})
        acquisition = self._acquisition(state, coding, objectives, feasibility, key)
        n = len(objectives[0].targets)
        many = n * len(objectives) > _MANY
        belief = belief_of(cube, self.prior)
        points, values = best_first(
            acquisition if belief is None else Believed(acquisition, belief, strength(n)),
            coding,
            key,
            _incumbents(objectives),
            n_candidates=max(min(self.n_candidates, _WORK // (n * len(objectives))), _FEWEST_CANDIDATES),
            n_starts=max(self.n_local_searches // 2, 1) if many else self.n_local_searches,
            iterations=25 if many else 50,
        )
        enough = _ATTEMPTS if self._where is None else len(points)
        places = range(min(enough, len(points)))
        # if all were tried already, the driver replaces the best of them
        fresh = (i for i in places if tried is None or not tried.contains(cube.params(points[i].tolist())))
        place = next(fresh, 0)
        note: dict[str, Any] = {"rule": "model", "acquisition": float(values[place])}
        means, deviations = zip(*acquisition.predicted(points[place]), strict=True)
        single = len(objectives) == 1
        note["mean"], note["deviation"] = (means[0], deviations[0]) if single else ([*means], [*deviations])
        return Suggestion(cube.params(points[place].tolist()), note)

    def _acquisition(
        self,
        state: StudyState,
        coding: FeatureCoding,
        objectives: Sequence[Surrogate],
        feasibility: Feasibility | None,
        key: Key,
    ) -> ImprovementAndFeasibility:
        names = state.finished.fold(_ConstraintNames())
        running = _running_points(state, coding)
        if feasibility is None:
            # a trial that failed by chance says nothing about its place, but it must not be suggested over and over
            lost = state.finished.fold(_FailedPoints(coding)).array[-_MOST_RUNNING:]
            running = np.concatenate((lost, running))
        shape = (len(objectives), len(running), _WORLDS if len(objectives) == 1 else _WORLDS_OF_SEVERAL)
        return acquisition_of(
            coding,
            learned_conditions(coding, objectives[0].points),
            objectives,
            running,
            ndtri(key.child("worlds").generator().random(shape)),
            [limit for name in names if (limit := self._surrogate(state, coding, name)) is not None],
            feasibility,
        )

    def _surrogate(
        self, state: StudyState, coding: FeatureCoding, result: int | str, *, failed: bool = False
    ) -> Surrogate | None:
        maximized = not isinstance(result, str) and state.directions[result] == "maximize"
        fold = Fold(
            coding,
            result,
            maximized=maximized,
            deterministic=self.deterministic_objective,
            failed=failed,
            warped=self.input_warping,
        )
        return surrogate(fold, state.finished.fold(fold))


def knows_enough(model: Surrogate) -> bool:
    """Return whether a model predicts results that it has not seen better than their mean does.

    Hyperparameters that were fitted to chance do seem to know something, the more the more of them there are. How much
    that is can't be told from knowledge while there are few trials, and then the model is trusted.
    """
    certain = min(max((len(model.targets) - _FEW) / _FEW, 0.0), 1.0)
    return model.gain >= 1.0 + _CHANCE * math.sqrt(model.fold.coding.n_columns) * certain


def _incumbents(objectives: Sequence[Surrogate]) -> NDArray[np.float64]:
    """Return the points of trials, ``(n, d)``, those with the best expected results first."""
    if len(objectives) == 1:
        return objectives[0].points[np.argsort(objectives[0].smoothed, kind="stable")]
    # each objective's models may have chosen other trials, if there are very many
    shared = functools.reduce(np.intersect1d, [each.numbers for each in objectives])
    chosen = [np.flatnonzero(np.isin(each.numbers, shared)) for each in objectives]
    results = np.stack([each.smoothed[places] for each, places in zip(objectives, chosen, strict=True)], axis=1)
    return objectives[0].points[chosen[0][best_points_first(results, _INCUMBENTS)]]


def _no_model(space: SearchSpace, key: Key, tried: Tried | None) -> Answer | None:
    return None


def _running_points(state: StudyState, coding: FeatureCoding) -> NDArray[np.float64]:
    rows = []
    for other in chain(state.running.values(), state.paused.values()):
        row = coding.row(other) if other.params else None
        if row is not None:
            rows.append(row)
    return np.array(rows[-_MOST_RUNNING:], dtype=np.float64).reshape(-1, coding.n_columns)


class _Learnable(Struct, frozen=True):
    """Fold: how many trials have a result to learn from."""

    def init(self) -> int:
        return 0

    def step(self, carry: int, trial: FrozenTrial) -> int:
        return carry + is_learnable(trial)


@attrs.frozen
class _FailedPoints:
    """Fold: the points of failed trials, as rows."""

    coding: FeatureCoding

    def init(self) -> Rows:
        return Rows(self.coding.n_columns)

    def step(self, carry: Rows, trial: FrozenTrial) -> Rows:
        row = None if is_learnable(trial) else self.coding.row(trial)
        return carry if row is None else carry.with_row(row)


class _ConstraintNames(Struct, frozen=True):
    """Fold: the names of the constraints, sorted."""

    def init(self) -> tuple[str, ...]:
        return ()

    def step(self, carry: tuple[str, ...], trial: FrozenTrial) -> tuple[str, ...]:
        if not trial.constraints or trial.constraints.keys() <= {*carry}:
            return carry
        return tuple(sorted({*carry, *trial.constraints}))
