"""PED-ANOVA: which parameters decide whether a trial is among the best.

Notation: `n` trials, `m` of them among the best, `b` cells.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import attrs
import numpy as np
from numpy.typing import NDArray

from hpo.core import (
    HasState,
    Key,
    StudyState,
    is_bool,
    option_check,
    to_float_if_number,
)
from hpo.errors import InvalidArgument
from hpo.importance.cells import Cells, cells_by_rank, cells_by_space, n_cells
from hpo.importance.evidence import Column, Evidence, Target, evidence_of
from hpo.importance.results import Importance, Importances
from hpo.numerics.divergence import PearsonDivergence
from hpo.numerics.pareto import best_first

_LEVEL = 0.95  # of intervals, and of the noise floor for all parameters together
_KEY = Key(0, ("importance",))


@attrs.frozen(kw_only=True)
class PedAnovaImportanceEvaluator:
    """How much each parameter decides whether a trial is among the best: Pearson's divergence of the best from all.

    The value of a parameter says how different its values are in the best trials and in all trials: 0 if they are alike,
    and ``k - 1`` if one in `k` values, whether of choices or of a range, is all that the best trials have. Only the ranks
    of the results count. The values of a parameter fall into cells: its choices, its numbers if they are few, or else
    intervals that hold equally many trials. What chance gives on average is subtracted from the divergence of the
    counts. Everything is computed from the counts with fixed random streams: equal studies give equal numbers,
    in whatever order the trials came and whatever the parameters are called.

    A parameter that only some trials have is compared among these, and its divergence counts as ``share among the
    best ** 2 / share among all``. Whether a trial has it at all is another parameter's decision as a rule; how much that
    says is the attribute `presence` of the result.

    Intervals are bootstraps over trials. The floor of a parameter is what chance stays below, in the sense that none of
    all parameters is above its own in 95 % of the studies in which nothing matters.

    With several objectives the best trials are those of the first fronts, and of the last one those that spread over it.

    Args:
        target_quantile: The share of trials that are the best, above 0. Trials that are as good as the last of them
            are among them, unless that makes all trials the best.
        region_quantile: The share of trials that these are compared with, the best ones: more than `target_quantile`, at most 1.
            With 0.5, the question is what distinguishes the best of the better half.
        evaluate_on_local: Whether the best trials are compared with the others; else with the whole search space, as if all
            others had been drawn from it at random.
        count_absence: Whether `presence` is a part of a parameter's importance.

    Raises:
        InvalidArgument: not ``0 < target_quantile < region_quantile <= 1``.
        InvalidType: an argument has the wrong type.

    Source: Watanabe, Bansal and Hutter, "PED-ANOVA: Efficiently Quantifying Hyperparameter Importance in Arbitrary
    Subspaces", IJCAI 2023, with counts in the place of kernel densities, which smooth decisive choices away. The weight of a
    conditional parameter is that of Theorem 4.2 of "Conditional PED-ANOVA", KDD 2026. Intervals and floors are ours.

    Example:
        >>> import hpo
        >>> space = {"x": hpo.FloatDistribution(0.0, 1.0), "y": hpo.FloatDistribution(0.0, 1.0)}
        >>> study = hpo.create_study(sampler=hpo.samplers.RandomSampler(), seed=1)
        >>> for _ in range(200):
        ...     trial = study.ask(space)
        ...     _ = study.tell(trial, trial.params["x"])
        >>> found = PedAnovaImportanceEvaluator().assess(evidence_of(study))
        >>> found["x"].is_clear, found["y"].is_clear, found["x"].direction < -0.8
        (True, False, True)
    """

    target_quantile: float = attrs.field(default=0.1, converter=to_float_if_number)
    region_quantile: float = attrs.field(default=1.0, converter=to_float_if_number)
    evaluate_on_local: bool = attrs.field(default=True, validator=is_bool)
    count_absence: bool = attrs.field(default=False, validator=is_bool)

    @target_quantile.validator
    @region_quantile.validator
    def _check_quantile(self, attribute: attrs.Attribute[float], value: object) -> None:
        is_share = option_check("a number above 0 and at most 1", attrs.validators.gt(0.0), attrs.validators.le(1.0))
        is_share(self, attribute, value)

    def __attrs_post_init__(self) -> None:
        if not self.target_quantile < self.region_quantile:
            raise InvalidArgument(
                "target_quantile is less than region_quantile, "
                f"got target_quantile={self.target_quantile} and region_quantile={self.region_quantile}"
            )

    def assess(self, evidence: Evidence) -> Importances:
        """Return the importances of the parameters of some trials; O(trials log(trials) x parameters)."""
        n_target = math.ceil(self.target_quantile * evidence.n - 1e-9)
        n_region = math.ceil(self.region_quantile * evidence.n - 1e-9)
        best = _best(evidence, n_target)
        region = _best(evidence, n_region) | best if n_region < evidence.n else np.ones(evidence.n, dtype=np.bool_)
        # one floor for all parameters: each has a share of the probability that noise exceeds any
        level = _LEVEL ** (1.0 / max(len(evidence.columns), 1))
        entries = [self._importance(column, best, region, level) for column in evidence.columns]
        n_best, others = int(best.sum()), "the search space" if not self.evaluate_on_local else f"{int(region.sum())}"
        return Importances.of(
            entries,
            method=f"PED-ANOVA: what distinguishes the best {n_best} from {others}",
            n_trials=evidence.n,
            confidence=_LEVEL,
            left_out=evidence.left_out,
            doubts=_doubts(entries, evidence.n, n_best, int(region.sum())),
        )

    def evaluate(
        self,
        study: HasState | StudyState,
        params: Sequence[str] | None = None,
        *,
        target: Target | None = None,
    ) -> dict[str, float]:
        """Return the importances of a study's parameters by name, the largest first, as evaluators of Optuna do."""
        return self.assess(evidence_of(study, params=params, target=target)).values_by_name()

    def _importance(
        self, column: Column, best: NDArray[np.bool_], region: NDArray[np.bool_], level: float
    ) -> Importance:
        """Return the importance of one parameter; its share is not known yet."""
        rows = region & column.present
        n_best, n_best_with = int(best.sum()), int(best[rows].sum())
        presence, weight = _presence(n_best_with, n_best, int(rows.sum()), int(region.sum()))
        extra = presence if self.count_absence else 0.0
        cells, chosen = self._cells(column, rows, best)
        if cells.shares is None:
            divergence = PearsonDivergence.within(cells.counts(chosen), cells.counts())
        else:
            divergence = PearsonDivergence.from_known(cells.counts(chosen), cells.shares)
        if divergence.says_nothing:
            return Importance(column.name, extra, 0.0, extra, extra, floor=0.0, presence=presence)
        low, high = divergence.interval(_KEY.child("interval").generator(), _LEVEL)
        return Importance(
            column.name,
            weight * divergence.estimate + extra,
            0.0,
            weight * low + extra,
            weight * high + extra,
            floor=weight * divergence.floor(_KEY.child("floor").generator(), level),
            presence=presence,
            direction=cells.direction(chosen),
            where=cells.gathering(chosen),
        )

    def _cells(
        self, column: Column, rows: NDArray[np.bool_], best: NDArray[np.bool_]
    ) -> tuple[Cells, NDArray[np.bool_]]:
        """Return the cells of a parameter, and which of the trials in them are among the best."""
        chosen = best[rows]
        most = n_cells(int(chosen.sum()), len(chosen))
        if self.evaluate_on_local:
            return cells_by_rank(column, rows, most), chosen
        cells = cells_by_space(column, rows & best, most)
        return cells, np.ones(len(cells.index), dtype=np.bool_)


def _best(evidence: Evidence, n_best: int) -> NDArray[np.bool_]:
    """Return which trials are among the best `n_best`, and those that are as good as the last of these."""
    losses, violations = evidence.losses, evidence.violations
    if not len(losses):
        return np.zeros(0, dtype=np.bool_)
    if losses.shape[1] > 1:
        order = best_first(losses, n_best)
        order = order[np.argsort(violations[order], kind="stable")]
        chosen = np.zeros(len(losses), dtype=np.bool_)
        chosen[order[:n_best]] = True
        return chosen
    order = np.lexsort((losses[:, 0], violations))
    last = order[n_best - 1]
    within = violations < violations[last]
    level = violations == violations[last]
    as_good: NDArray[np.bool_] = within | (level & (losses[:, 0] <= losses[last, 0]))
    if as_good.all():  # most trials have one result: those that are better stand out, if there are any
        better: NDArray[np.bool_] = within | (level & (losses[:, 0] < losses[last, 0]))
        return better if better.any() else as_good
    return as_good


def _presence(n_best_with: int, n_best: int, n_with: int, n: int) -> tuple[float, float]:
    """Return the divergence of having the parameter, and the weight of the divergence among the trials that have it."""
    if not n_best or not n_with:
        return 0.0, 0.0
    a, b = n_best_with / n_best, n_with / n
    presence = a * a / b - 1.0 + ((1.0 - a) ** 2 / (1.0 - b) if n_with < n else 0.0)
    return max(presence, 0.0), a * a / b


def _doubts(entries: Sequence[Importance], n: int, n_best: int, n_region: int) -> tuple[str, ...]:
    """Return why the numbers may mean little."""
    if not entries:
        return ()
    if n < 2:
        return (f"No evidence yet: {n} trial{'' if n == 1 else 's'} can't show what matters.",)
    if n_best >= n_region:
        return ("No evidence: all trials are equally good.",)
    if not any(entry.is_clear for entry in entries):
        return (f"No evidence yet: no parameter stands out from what chance gives in {n} trials.",)
    return ()
