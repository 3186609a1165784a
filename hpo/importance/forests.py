"""Two older measures by a random forest: the mean decrease of impurity, and permutation of what the trees have not seen.

Notation: `n` trials, `d` parameters, `k` trees.
"""

from __future__ import annotations

from collections.abc import Sequence

import attrs
import numpy as np
from numpy.typing import NDArray

from hpo.core import HasState, Key, StudyState, option_check, to_int_if_whole, whole_from
from hpo.importance.evidence import Evidence, Target, evidence_of
from hpo.importance.points import LEAST_R2, doubts_of_model, importances_of, nothing_found, points_of
from hpo.importance.results import Importance, Importances
from hpo.importance.surrogate import Settings, best_forest, fitted_forest, scaled_losses
from hpo.numerics.trees.forest import Forest

_LEVEL, _NORMAL = 0.95, 1.96  # of intervals, and the standard normal quantile for it
_N_SHADOWS = 3  # forests with shuffled parameters
_SAFETY = 1.5  # times the largest importance of a shuffled parameter


@attrs.frozen(kw_only=True)
class MeanDecreaseImpurityImportanceEvaluator:
    """The share of each parameter in what the splits of a random forest gain: the mean decrease of impurity.

    It sees interactions, and is quick. It says where the trees split, also where that is noise: parameters that do not
    matter get a share, which grows with the number of their values. The floor is 1.5 times the largest share of the same
    values, shuffled among the trials, in three other forests. Intervals are from the differences between trees, so they are rather too
    wide. Which parameters are assessed is as for `FanovaImportanceEvaluator`.

    Args:
        n_trees: The number of trees.
        max_depth: The most splits from the root of a tree to a leaf.
        seed: The seed of its random numbers; None is 0.

    Raises:
        InvalidArgument, InvalidType: an option is not among those allowed.

    Source: Breiman, Friedman, Olshen and Stone, "Classification and Regression Trees", 1984, section 5.3; for the shuffled
    parameters, Kursa and Rudnicki, "Feature Selection with the Boruta Package", Journal of Statistical Software 36, 2010.

    Example:
        >>> import hpo
        >>> study = hpo.create_study(sampler=hpo.samplers.RandomSampler(), seed=1)
        >>> for _ in range(100):
        ...     trial = study.ask({name: hpo.FloatDistribution(0.0, 1.0) for name in "xy"})
        ...     _ = study.tell(trial, trial.params["x"])
        >>> found = MeanDecreaseImpurityImportanceEvaluator().assess(evidence_of(study))
        >>> found["x"].value > 0.9, found["y"].is_clear
        (True, False)
    """

    n_trees: int = attrs.field(default=64, converter=to_int_if_whole, validator=whole_from(1))
    max_depth: int = attrs.field(default=64, converter=to_int_if_whole, validator=whole_from(1))
    seed: int | None = attrs.field(
        default=None, validator=option_check("an int", attrs.validators.instance_of(int), optional=True)
    )

    def assess(self, evidence: Evidence) -> Importances:
        """Return the importances of the parameters of some trials; O(trials log(trials) x parameters x trees)."""
        method = "Mean decrease of impurity: where a random forest splits"
        points = points_of(evidence, type(self).__name__)
        if points.says_nothing:
            return nothing_found(points, evidence, method)
        settings, key = Settings(self.n_trees, self.max_depth), Key(self.seed or 0, ("importance",))
        forest = fitted_forest(points.points, points.losses, settings, key)
        d = len(points.names)
        shares = forest.impurity_decreases(d)
        r2 = _out_of_bag_r2(forest, points.points, points.losses)
        means, errors = shares.mean(axis=0), _NORMAL * shares.std(axis=0)
        floor = _SAFETY * max(
            self._of_shuffled(points.points, points.losses, settings, key.child("shadow", number))
            for number in range(_N_SHADOWS)
        )
        entries = [
            Importance(
                name,
                value=float(means[place]),
                share=0.0,
                low=float(max(means[place] - errors[place], 0.0)),
                high=float(min(means[place] + errors[place], 1.0)),
                floor=floor if r2 >= LEAST_R2 else 1.0,
                direction=direction,
            )
            for place, (name, direction) in enumerate(zip(points.names, points.directions(), strict=True))
        ]
        return importances_of(
            points, entries, evidence, method=method, confidence=_LEVEL, r2=r2, doubts=doubts_of_model(r2, entries)
        )

    def evaluate(
        self, study: HasState | StudyState, params: Sequence[str] | None = None, *, target: Target | None = None
    ) -> dict[str, float]:
        """Return the importances of a study's parameters by name, the largest first, as evaluators of Optuna do."""
        return self.assess(evidence_of(study, params=params, target=target)).values_by_name()

    def _of_shuffled(
        self, points: NDArray[np.float64], losses: NDArray[np.float64], settings: Settings, key: Key
    ) -> float:
        """Return the largest share of a shuffled parameter in a forest of all parameters and the shuffled ones."""
        n, d = points.shape
        wide = np.concatenate((points, points[key.generator().permutation(n)]), axis=1)
        smaller = attrs.evolve(settings, n_trees=max(settings.n_trees // 2, 1))
        return float(fitted_forest(wide, losses, smaller, key).impurity_decreases(2 * d).mean(axis=0)[d:].max())


@attrs.frozen(kw_only=True)
class PermutationImportanceEvaluator:
    """How much worse a random forest predicts trials that it has not seen if a parameter's values are shuffled among them.

    `value` is the increase of the mean squared error, divided by twice the variance of the results: with a perfect model and
    random trials that is the total effect of `FanovaImportanceEvaluator`. It is about the trials that there are,
    and not about the search space. Intervals and floors are from the differences between trials. A parameter
    that does not matter has about 0. Which parameters are assessed is as for `FanovaImportanceEvaluator`.

    Args:
        n_trees: The number of trees.
        max_depth: The most splits from the root of a tree to a leaf.
        n_repeats: How often each parameter is shuffled.
        seed: The seed of its random numbers; None is 0.

    Raises:
        InvalidArgument, InvalidType: an option is not among those allowed.

    Source: Breiman, "Random Forests", Machine Learning 45, 2001, section 10.

    Example:
        >>> import hpo
        >>> study = hpo.create_study(sampler=hpo.samplers.RandomSampler(), seed=1)
        >>> for _ in range(100):
        ...     trial = study.ask({name: hpo.FloatDistribution(0.0, 1.0) for name in "xy"})
        ...     _ = study.tell(trial, trial.params["x"])
        >>> found = PermutationImportanceEvaluator().assess(evidence_of(study))
        >>> found["x"].is_clear, found["y"].is_clear
        (True, False)
    """

    n_trees: int = attrs.field(default=64, converter=to_int_if_whole, validator=whole_from(1))
    max_depth: int = attrs.field(default=64, converter=to_int_if_whole, validator=whole_from(1))
    n_repeats: int = attrs.field(default=5, converter=to_int_if_whole, validator=whole_from(1))
    seed: int | None = attrs.field(
        default=None, validator=option_check("an int", attrs.validators.instance_of(int), optional=True)
    )

    def assess(self, evidence: Evidence) -> Importances:
        """Return the importances of the parameters of some trials; O(trials log(trials) x parameters x trees)."""
        method = "Permutation: what a random forest needs to predict the trials"
        points = points_of(evidence, type(self).__name__)
        if points.says_nothing:
            return nothing_found(points, evidence, method)
        key = Key(self.seed or 0, ("importance",))
        best = best_forest(points.points, points.losses, Settings(self.n_trees, self.max_depth), key)
        forest = fitted_forest(points.points, points.losses, best.settings, key)
        r2 = _out_of_bag_r2(forest, points.points, points.losses)
        increases = self._increases(forest, points.points, points.losses, key)
        means = increases.mean(axis=1)
        errors = increases.std(axis=1) / np.sqrt(max(increases.shape[1] - 1, 1))
        level = _one_sided(_LEVEL ** (1.0 / len(points.names)))
        entries = [
            Importance(
                name,
                value=float(max(means[place], 0.0)),
                share=0.0,
                low=float(max(means[place] - _NORMAL * errors[place], 0.0)),
                high=float(max(means[place] + _NORMAL * errors[place], 0.0)),
                floor=float(level * errors[place]) if r2 >= LEAST_R2 else max(1.0, float(means.max())),
                direction=direction,
            )
            for place, (name, direction) in enumerate(zip(points.names, points.directions(), strict=True))
        ]
        return importances_of(
            points, entries, evidence, method=method, confidence=_LEVEL, r2=r2, doubts=doubts_of_model(r2, entries)
        )

    def evaluate(
        self, study: HasState | StudyState, params: Sequence[str] | None = None, *, target: Target | None = None
    ) -> dict[str, float]:
        """Return the importances of a study's parameters by name, the largest first, as evaluators of Optuna do."""
        return self.assess(evidence_of(study, params=params, target=target)).values_by_name()

    def _increases(
        self, forest: Forest, points: NDArray[np.float64], losses: NDArray[np.float64], key: Key
    ) -> NDArray[np.float64]:
        """Return by how much the squared error of each trial grows, in units of twice the variance, ``(d, n)``."""
        scaled = scaled_losses(losses)
        before = (scaled - forest.out_of_bag(points)) ** 2
        seen_by_all = np.isnan(before)
        found = np.zeros((points.shape[1], len(points)))
        for column in range(points.shape[1]):
            for number in range(self.n_repeats):
                changed = points.copy()
                # the same shuffles for every column: names and places play no role
                order = key.child("shuffle", number).generator().permutation(len(points))
                changed[:, column] = points[order, column]
                found[column] += (scaled - forest.out_of_bag(changed)) ** 2 - before
        return found[:, ~seen_by_all] / (2.0 * self.n_repeats)


def _out_of_bag_r2(forest: Forest, points: NDArray[np.float64], losses: NDArray[np.float64]) -> float:
    errors = scaled_losses(losses) - forest.out_of_bag(points)
    known = errors[~np.isnan(errors)]
    return 1.0 - float((known**2).mean()) if len(known) else -np.inf


def _one_sided(level: float) -> float:
    """Return the standard normal quantile of a level."""
    from scipy.special import ndtri  # only needed here

    return float(ndtri(level))
