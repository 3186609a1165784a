"""Which parameters move the result: shares of its variance over the search space, by a model of trees.

Notation: `n` trials, `d` parameters.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, TypeAlias

import attrs
import numpy as np
from numpy.typing import NDArray

from hpo.core import HasState, Key, StudyState, one_of, option_check, to_int_if_whole, whole_from
from hpo.importance.evidence import Evidence, Target, evidence_of
from hpo.importance.points import LEAST_R2, Points, importances_of, nothing_found, points_of
from hpo.importance.results import Importance, Importances, Interaction
from hpo.importance.surrogate import Settings, Surrogate, best_model
from hpo.numerics.trees.effects import shapley_effects, total_effects

Effect: TypeAlias = Literal["main", "total", "shapley"]

_LEVEL = 0.95
_POINTS, _POINTS_OF_HALVES = 2048, 512
_MOST_VALUES = 60_000  # of the model, for total effects: with many parameters there are fewer points for each
_MOST_IN_PAIRS = 12  # parameters whose pairs are looked at, those with the largest total effects
_T_OF_HALVES = 2.57  # Student's factor of 95 % with 5 degrees of freedom
_SAFETY = 3.0  # times the effect of the strongest shuffled parameter: in models of all trials there are no others to share it with
_LITTLE = 0.5  # of the variance: where main effects explain less, they are not the whole story


@attrs.frozen(kw_only=True)
class FanovaImportanceEvaluator:
    """How much of the variance of the result over the search space each parameter explains: functional ANOVA.

    A model of trees is fitted to the results: a random forest, or boosted trees where these predict better what they were
    not fitted to. `value` is the main effect of a parameter, the share of the model's variance that it explains
    alone, and `total` the share that is left if all others are known: what it does with others is part of it.
    `interactions` are those of pairs. A random trial, as the search space has it, is what variances are over: a logarithmic
    range counts by its logarithms, and each choice alike.

    How well the model predicts is `r2`. Below 0.2 it knows too little, and nothing is clear. Intervals are from models
    of halves of the trials. The floor is three times the largest effect that one of these models has for parameters that can't
    matter: the same values, shuffled among the trials. A parameter is clear if its main or its total effect is above.

    Only parameters that all trials have with one range are assessed; if they are asked for by name, it is trials that have all of
    them. The same study gives the same numbers.

    Args:
        n_trees: The number of trees of the forest.
        max_depth: The most splits from the root of a tree to a leaf.
        seed: The seed of its random numbers; None is 0.
        effect: Which effect is the `value`: "main" or "total".

    Raises:
        InvalidArgument, InvalidType: an option is not among those allowed.

    Source: Hutter, Hoos and Leyton-Brown, "An Efficient Approach for Assessing Hyperparameter Importance", ICML 2014.

    Example:
        >>> import hpo
        >>> study = hpo.create_study(sampler=hpo.samplers.RandomSampler(), seed=1)
        >>> for _ in range(200):
        ...     trial = study.ask({name: hpo.FloatDistribution(0.0, 1.0) for name in "xyz"})
        ...     _ = study.tell(trial, (trial.params["x"] > 0.5) != (trial.params["y"] > 0.5))
        >>> found = FanovaImportanceEvaluator(effect="total").assess(evidence_of(study))
        >>> found["x"].is_clear, found["y"].is_clear, found["z"].is_clear, found.interactions[0].names
        (True, True, False, ('x', 'y'))
    """

    n_trees: int = attrs.field(default=64, converter=to_int_if_whole, validator=whole_from(1))
    max_depth: int = attrs.field(default=64, converter=to_int_if_whole, validator=whole_from(1))
    seed: int | None = attrs.field(
        default=None, validator=option_check("an int", attrs.validators.instance_of(int), optional=True)
    )
    effect: Literal["main", "total"] = attrs.field(default="main", validator=one_of("main", "total"))

    def assess(self, evidence: Evidence) -> Importances:
        """Return the importances of the parameters of some trials; O(trials log(trials) x parameters x trees)."""
        method = f"fANOVA: what moves the result over the search space ({self.effect} effects)"
        return _assessed(
            evidence, type(self).__name__, method, Settings(self.n_trees, self.max_depth), self.seed, self.effect
        )

    def evaluate(
        self, study: HasState | StudyState, params: Sequence[str] | None = None, *, target: Target | None = None
    ) -> dict[str, float]:
        """Return the importances of a study's parameters by name, the largest first, as evaluators of Optuna do."""
        return self.assess(evidence_of(study, params=params, target=target)).values_by_name()


@attrs.frozen(kw_only=True)
class ShapleyImportanceEvaluator:
    """The share of the result's variance over the search space that each parameter is due: Shapley effects.

    What several parameters do together is divided among them as Shapley's value does, so that the effects sum to 1 and none is
    counted twice: a Shapley effect lies between the main and the total effect. The model, its `r2`, intervals, floors and
    which parameters are assessed are as for `FanovaImportanceEvaluator`.

    Args:
        n_trees: The number of trees of the forest.
        max_depth: The most splits from the root of a tree to a leaf.
        seed: The seed of its random numbers; None is 0.

    Raises:
        InvalidArgument, InvalidType: an option is not among those allowed.

    Source: Owen, "Sobol' Indices and Shapley Value", SIAM/ASA Journal on Uncertainty Quantification 2, 2014.

    Example:
        >>> import hpo
        >>> study = hpo.create_study(sampler=hpo.samplers.RandomSampler(), seed=1)
        >>> for _ in range(100):
        ...     trial = study.ask({name: hpo.FloatDistribution(0.0, 1.0) for name in "xy"})
        ...     _ = study.tell(trial, trial.params["x"])
        >>> found = ShapleyImportanceEvaluator().assess(evidence_of(study))
        >>> found["x"].value > 0.95, found["y"].is_clear
        (True, False)
    """

    n_trees: int = attrs.field(default=64, converter=to_int_if_whole, validator=whole_from(1))
    max_depth: int = attrs.field(default=64, converter=to_int_if_whole, validator=whole_from(1))
    seed: int | None = attrs.field(
        default=None, validator=option_check("an int", attrs.validators.instance_of(int), optional=True)
    )

    def assess(self, evidence: Evidence) -> Importances:
        """Return the importances of the parameters of some trials; O(trials log(trials) x parameters x trees)."""
        method = "Shapley effects: what moves the result over the search space"
        return _assessed(
            evidence, type(self).__name__, method, Settings(self.n_trees, self.max_depth), self.seed, "shapley"
        )

    def evaluate(
        self, study: HasState | StudyState, params: Sequence[str] | None = None, *, target: Target | None = None
    ) -> dict[str, float]:
        """Return the importances of a study's parameters by name, the largest first, as evaluators of Optuna do."""
        return self.assess(evidence_of(study, params=params, target=target)).values_by_name()


@attrs.frozen(eq=False)
class _Effects:
    """Effects of columns as shares of a model's variance, ``(d,)`` each."""

    value: NDArray[np.float64]
    main: NDArray[np.float64]
    total: NDArray[np.float64]
    variance: float


def _assessed(
    evidence: Evidence, evaluator: str, method: str, settings: Settings, seed: int | None, effect: Effect
) -> Importances:
    points = points_of(evidence, evaluator)
    if points.says_nothing:
        return nothing_found(points, evidence, method)
    key = Key(seed or 0, ("importance",))
    model, halves = best_model(points.points, points.losses, settings, key)
    found = _effects(model, effect, key, _POINTS)
    of_halves = [_effects(half.surrogate, effect, key, _POINTS_OF_HALVES) for half in halves]
    reliable = model.r2 >= LEAST_R2
    share = halves[0].n / len(points.losses) if halves else 1.0
    errors, floor, floor_of_totals = _chance(of_halves, len(points.names), share, reliable=reliable)
    entries = [
        Importance(
            name,
            value=float(found.value[place]),
            share=0.0,
            low=float(max(found.value[place] - errors[place], 0.0)),
            high=float(max(min(found.value[place] + errors[place], 1.0), found.value[place])),
            floor=floor,
            total=float(found.total[place]),
            total_floor=floor_of_totals,
            direction=direction,
        )
        for place, (name, direction) in enumerate(zip(points.names, points.directions(), strict=True))
    ]
    return importances_of(
        points,
        entries,
        evidence,
        method=method,
        confidence=_LEVEL,
        r2=float(model.r2),
        interactions=_interactions(points, model, found) if reliable else (),
        doubts=_doubts(model, found, entries, effect),
    )


def _effects(model: Surrogate, effect: Effect, key: Key, m: int) -> _Effects:
    mains = model.boxes.main_effects()
    m = max(min(m, _MOST_VALUES // (len(mains.steps) + 1)), 64)
    spread = total_effects(model.predict, mains, key.child("total").generator(), m)
    if not spread.variance > 0.0:  # a model that is constant
        nothing = np.zeros(len(spread.mains))
        return _Effects(nothing, nothing, nothing, 0.0)
    main = np.clip(spread.mains / spread.variance, 0.0, 1.0)
    total = np.clip(spread.totals / spread.variance, main, 1.0)
    value = {"main": main, "total": total}.get(effect)
    if value is None:
        shares = shapley_effects(model.predict, mains, key.child("shapley").generator(), m)
        value = shares / max(float(shares.sum()), np.finfo(np.float64).tiny)
    return _Effects(value, main, total, spread.variance)


def _chance(
    halves: Sequence[_Effects], d: int, share: float, *, reliable: bool
) -> tuple[NDArray[np.float64], float, float]:
    """Return the half widths of intervals, ``(d,)``, and the floors of values and of total effects.

    Each model of `halves` knows the given share of the trials.
    """
    if len(halves) < 2:
        return np.ones(d), 1.0, 1.0
    # halves differ as much as samples of their size do, and errors shrink with the root of that
    errors = _T_OF_HALVES * np.std([half.value[:d] for half in halves], axis=0, ddof=1) * np.sqrt(share)
    if not reliable:
        return errors, 1.0, 1.0
    floors = [
        max(float(effects[d:].max()) for effects in each)
        for each in zip(*((h.value, h.total) for h in halves), strict=True)
    ]
    return errors, _SAFETY * floors[0], _SAFETY * floors[1]


def _interactions(points: Points, model: Surrogate, found: _Effects) -> tuple[Interaction, ...]:
    largest = np.sort(np.argsort(-found.total, kind="stable")[:_MOST_IN_PAIRS])
    pairs = [
        Interaction((points.names[one], points.names[other]), min(value / found.variance, 1.0))
        for (one, other), value in model.boxes.pair_effects(largest).items()
    ]
    return tuple(sorted(pairs, key=lambda pair: (-pair.value, pair.names)))


def _doubts(model: Surrogate, found: _Effects, entries: Sequence[Importance], effect: Effect) -> list[str]:
    if model.r2 < LEAST_R2:
        return [
            f"No evidence yet: the model explains too little of the results (R2 {model.r2:.2f}) to say what matters."
        ]
    if not any(entry.is_clear for entry in entries):
        return ["No evidence yet: no parameter stands out from those that can't matter."]
    if effect == "main" and found.main.sum() < _LITTLE:
        share = f"{found.main.sum():.0%}"
        return [f"Main effects are {share} of the variance only: look at total effects and interactions."]
    return []
