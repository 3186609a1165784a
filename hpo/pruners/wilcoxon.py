"""A pruner for objectives that average over instances, by Wilcoxon's signed-rank test."""

from __future__ import annotations

import math

import attrs

from hpo.core import (
    BuiltInPruner,
    Decision,
    FrozenTrial,
    StudyState,
    Verdict,
    best_or_none,
    option_check,
    to_float_if_number,
    to_int_if_whole,
    whole_from,
)
from hpo.numerics.signed_ranks import signed_rank_p_value
from hpo.pruners.reports import loss_of, only_direction


@attrs.frozen
class WilcoxonPruner(BuiltInPruner):
    """Stops a trial that a paired test finds worse than the best trial, instance by instance.

    It is for objectives that average over instances, such as folds of a cross-validation or problem instances: report each
    instance's value with the number of the instance as the step, in any order. Reports are paired by step; steps that the
    best trial lacks do not count. The trial is stopped if the one-sided p-value of Wilcoxon's signed-rank test (zeros split)
    is below `p_threshold`, unless the average of its reports is at least as good as the best trial's. NaN counts as the
    worst value. The reason names the p-value and the number of pairs. O(reports of the two trials).

    Source: Wilcoxon, "Individual comparisons by ranking methods", Biometrics Bulletin 1 (1945).

    Args:
        p_threshold: The p-value below which a trial is stopped, from 0 to 1. The larger, the more trials are stopped.
        n_startup_steps: The number of pairs below which no trial is stopped, at least 0.

    Raises:
        InvalidArgument: an option is outside of its range.
        InvalidType: an option is not a number.

    Example:
        >>> import hpo
        >>> study = hpo.create_study(pruner=WilcoxonPruner())
        >>> study.add_trial(hpo.create_trial(value=1.0, intermediate_values=dict.fromkeys(range(8), 1.0)))
        >>> trial, stops = study.ask(), []
        >>> for instance in range(5):
        ...     trial.report(2.0 + instance, step=instance)
        ...     stops.append(trial.should_prune())
        >>> stops
        [False, False, False, True, True]
    """

    p_threshold: float = attrs.field(
        default=0.1,
        kw_only=True,
        converter=to_float_if_number,
        validator=option_check(
            "a number from 0 to 1", attrs.validators.instance_of(float), attrs.validators.ge(0), attrs.validators.le(1)
        ),
    )
    n_startup_steps: int = attrs.field(
        default=2, kw_only=True, converter=to_int_if_whole, validator=whole_from(0, error=None)
    )

    def __call__(self, state: StudyState, trial: FrozenTrial) -> Decision | Verdict:
        """Return whether to stop `trial`, by its reports and those of the best trial.

        Raises:
            SeveralObjectives: the study has several objectives.
        """
        direction = only_direction(state, self)
        best = best_or_none(state)
        mine = trial.intermediate_values
        if best is None or not mine or not best.intermediate_values:
            return Decision.CONTINUE
        theirs = best.intermediate_values
        pairs = [
            (loss_of(direction, mine[step]), loss_of(direction, theirs[step]))
            for step in sorted(mine)
            if step in theirs
        ]
        if len(pairs) < max(self.n_startup_steps, 1):
            return Decision.CONTINUE
        p_value = signed_rank_p_value([0.0 if a == b else a - b for a, b in pairs])
        reason = {
            "rule": "wilcoxon",
            "step": max(mine),
            "best_trial": best.number,
            "pairs": len(pairs),
            "p_value": p_value,
            "limit": self.p_threshold,
        }
        if p_value >= self.p_threshold:
            return Verdict(Decision.CONTINUE, reason)
        # a trial that is better on average may become the best one, whatever the test says of single instances
        averages = (
            _mean([loss_of(direction, value) for value in mine.values()]),
            _mean([loss_of(direction, value) for value in theirs.values()]),
        )
        if averages[0] <= averages[1]:
            return Verdict(Decision.CONTINUE, {**reason, "best_on_average": True})
        return Verdict(Decision.STOP, reason)


def _mean(losses: list[float]) -> float:
    if math.inf in losses:
        return math.inf
    # divided before they are added: the sum of huge numbers would be infinite
    return math.fsum(loss / len(losses) for loss in losses)
