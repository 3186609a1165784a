"""The median stopping rule, and its generalization to other percentiles."""

from __future__ import annotations

from typing import Any

import attrs

from hpo.core import (
    BuiltInPruner,
    Decision,
    FrozenTrial,
    StudyState,
    Verdict,
    option_check,
    to_float_if_number,
    to_int_if_whole,
    whole_from,
)
from hpo.pruners.reports import (
    NO_NUMBERS,
    CompleteTrials,
    best_loss,
    is_due,
    only_direction,
    quantile,
    shown_loss,
)


def _steps(least: int, default: int) -> Any:
    return attrs.field(default=default, converter=to_int_if_whole, validator=whole_from(least, error=None))


@attrs.frozen
class MedianPruner(BuiltInPruner):
    """Stops a trial whose best value so far is worse than the median of the others at the same step.

    The others are the complete trials that reported a value at the trial's last step; NaN counts as the worst value. A trial
    that has reported nothing but NaN is stopped, whatever the others did at that step. A value equal to the median is
    good enough. O(reports of the trial + reports of the trials completed since the last decision).

    Its reason names the step, the trial's best value so far, the median and the number of values that it is the median of.

    Source: Golovin et al., "Google Vizier: A Service for Black-Box Optimization", KDD 2017 (the median stopping
    rule; theirs compares with the median of running averages).

    Args:
        n_startup_trials: The number of complete trials before the first trial is stopped, at least 0; one complete trial
            is needed in any case.
        n_warmup_steps: No trial is stopped at a step below this one; at least 0.
        interval_steps: The number of steps from one check to the next, counted from `n_warmup_steps` on; at least 1. If
            nothing was reported at the step of a check, the next report is checked.
        n_min_trials: The number of complete trials that must have reported at the step; at least 1.

    Raises:
        InvalidArgument: an option is below its lowest value.
        InvalidType: an option is not a whole number.

    Example:
        >>> import hpo
        >>> def objective(trial):
        ...     loss = trial.suggest_float("loss", 0, 1)
        ...     for step in range(10):
        ...         trial.report(loss / (step + 1), step)
        ...         if trial.should_prune():
        ...             raise hpo.TrialPruned
        ...     return loss / 10
        >>> study = hpo.create_study(pruner=MedianPruner(n_startup_trials=2))
        >>> study.optimize(objective, n_trials=20)
        >>> {trial.state.value for trial in study.trials[:2]}
        {'complete'}
    """

    n_startup_trials: int = _steps(0, 5)
    n_warmup_steps: int = _steps(0, 0)
    interval_steps: int = _steps(1, 1)
    n_min_trials: int = attrs.field(
        default=1, converter=to_int_if_whole, validator=whole_from(1, error=None), kw_only=True
    )
    algorithm_version = 2  # 1 left out the NaN of other trials

    def __call__(self, state: StudyState, trial: FrozenTrial) -> Decision | Verdict:
        """Return whether to stop `trial`, by its reports and those of the complete trials.

        Raises:
            SeveralObjectives: the study has several objectives, and a reported value belongs to none of them.
        """
        return _compared(self, state, trial, 50.0, "median")


@attrs.frozen
class PercentilePruner(BuiltInPruner):
    """Stops a trial whose best value so far is not among the best `percentile` percent of the others at the same step.

    `MedianPruner` is the case of 50 percent; see there for what is compared. Between two values the percentile is
    interpolated linearly. The reason names the limit.

    Args:
        percentile: The share of trials to keep, in percent, from 0 to 100: 25.0 keeps the best quarter.
        n_startup_trials: The number of complete trials before the first trial is stopped, at least 0.
        n_warmup_steps: No trial is stopped at a step below this one; at least 0.
        interval_steps: The number of steps from one check to the next; at least 1.
        n_min_trials: The number of complete trials that must have reported at the step; at least 1.

    Raises:
        InvalidArgument: an option is outside of its range.
        InvalidType: an option is not a number.

    Example:
        >>> import hpo
        >>> study = hpo.create_study(pruner=PercentilePruner(25.0, n_startup_trials=4))
        >>> study.add_trials([hpo.create_trial(value=v, intermediate_values={0: v}) for v in (1.0, 2.0, 3.0, 4.0)])
        >>> trial = study.ask()
        >>> trial.report(2.0, step=0)
        >>> trial.should_prune(), trial.ask_pruner().reason["limit"]
        (True, 1.75)
    """

    percentile: float = attrs.field(
        converter=to_float_if_number,
        validator=option_check(
            "a number from 0 to 100",
            attrs.validators.instance_of(float),
            attrs.validators.ge(0),
            attrs.validators.le(100),
        ),
    )
    n_startup_trials: int = _steps(0, 5)
    n_warmup_steps: int = _steps(0, 0)
    interval_steps: int = _steps(1, 1)
    n_min_trials: int = attrs.field(
        default=1, converter=to_int_if_whole, validator=whole_from(1, error=None), kw_only=True
    )

    def __call__(self, state: StudyState, trial: FrozenTrial) -> Decision | Verdict:
        """Return whether to stop `trial`, by its reports and those of the complete trials.

        Raises:
            SeveralObjectives: the study has several objectives, and a reported value belongs to none of them.
        """
        return _compared(self, state, trial, self.percentile, "percentile")


def _compared(
    pruner: MedianPruner | PercentilePruner, state: StudyState, trial: FrozenTrial, percentile: float, rule: str
) -> Decision | Verdict:
    direction = only_direction(state, pruner)
    reports = trial.intermediate_values
    if not reports:
        return Decision.CONTINUE
    complete = state.finished.fold(CompleteTrials(direction))
    if complete.n_trials < max(pruner.n_startup_trials, 1):
        return Decision.CONTINUE
    steps, values = zip(*reports.items(), strict=True)
    last = max(steps)
    if not is_due(reports, last, pruner.n_warmup_steps, pruner.interval_steps):
        return Decision.CONTINUE
    best = best_loss(direction, values)
    if best != best:
        return Verdict(Decision.STOP, {"rule": rule, "step": last, "value": best})
    others = complete.losses.get(last, NO_NUMBERS)
    n_others = len(others)
    if n_others < pruner.n_min_trials:
        return Decision.CONTINUE
    limit = quantile(others, percentile / 100.0)
    reason = {
        "rule": rule,
        "step": last,
        "value": shown_loss(direction, best),
        "limit": shown_loss(direction, limit),
        "trials": n_others,
    }
    # a NaN limit, between both infinities, is neither above nor below anything: the trial goes on
    return Verdict(Decision.STOP if best > limit else Decision.CONTINUE, reason)
