"""The median stopping rule."""

from __future__ import annotations

import math
from collections.abc import Iterable

import attrs

from hpo.core import (
    Decision,
    FrozenDict,
    FrozenTrial,
    SortedRuns,
    StudyState,
    TrialState,
    to_int_if_whole,
    whole_from,
)
from hpo.errors import SeveralObjectives


@attrs.frozen
class MedianPruner:
    """Stops a trial whose best value so far is worse than the median of the others at the same step.

    The others are the complete trials that reported a number at the trial's last step; their NaNs do not count. A trial
    that has reported nothing but NaN is stopped, whatever the others did at that step. A value equal to the median is
    good enough. O(reports of the trial + reports of the trials completed since the last decision).

    Source: Golovin et al., "Google Vizier: A Service for Black-Box Optimization", KDD 2017 (the median stopping
    rule; theirs compares with the median of running averages).

    Args:
        n_startup_trials: The number of complete trials before the first trial is stopped, at least 0; one complete trial
            is needed in any case.
        n_warmup_steps: No trial is stopped at a step below this one; at least 0.
        interval_steps: The number of steps from one check to the next, counted from `n_warmup_steps` on; at least 1. If
            nothing was reported at the step of a check, the next report is checked.
        n_min_trials: The number of complete trials that must have a number at the step; at least 1.

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

    n_startup_trials: int = attrs.field(default=5, converter=to_int_if_whole, validator=whole_from(0, error=None))
    n_warmup_steps: int = attrs.field(default=0, converter=to_int_if_whole, validator=whole_from(0, error=None))
    interval_steps: int = attrs.field(default=1, converter=to_int_if_whole, validator=whole_from(1, error=None))
    n_min_trials: int = attrs.field(
        default=1, converter=to_int_if_whole, validator=whole_from(1, error=None), kw_only=True
    )

    def __call__(self, state: StudyState, trial: FrozenTrial) -> Decision:
        """Return whether to stop `trial`, by its reports and those of the complete trials.

        Raises:
            SeveralObjectives: the study has several objectives, and a reported value belongs to none of them.
        """
        if len(state.directions) != 1:
            raise SeveralObjectives("MedianPruner", "NopPruner")
        reports = trial.intermediate_values
        if not reports or state.finished.fold(_Completed()) < max(self.n_startup_trials, 1):
            return Decision.CONTINUE
        last = max(reports)
        if not self._is_due(reports, last):
            return Decision.CONTINUE
        values = [value for _, value in reports.items() if value == value]  # without NaN
        if not values:
            return Decision.STOP
        others = state.finished.fold(_Reported()).get(last, SortedRuns())
        if len(others) < self.n_min_trials:
            return Decision.CONTINUE
        median = others.median()
        # a NaN median, of both infinities, is neither above nor below anything: the trial goes on
        worse = max(values) < median if state.directions[0] == "maximize" else min(values) > median
        return Decision.STOP if worse else Decision.CONTINUE

    def _is_due(self, steps: Iterable[int], last: int) -> bool:
        """Return whether `last` is the first of the steps since the latest check was due."""
        if last < self.n_warmup_steps:
            return False
        if self.interval_steps == 1:  # every step is due: no need to look at all of them
            return True
        # the step of the latest check: n_warmup_steps plus a multiple of interval_steps, at most `last`
        due = last - (last - self.n_warmup_steps) % self.interval_steps
        return all(step < due or step == last for step in steps)


@attrs.frozen
class _Completed:
    """Fold: the number of complete trials."""

    def init(self) -> int:
        return 0

    def step(self, carry: int, trial: FrozenTrial) -> int:
        return carry + (trial.state is TrialState.COMPLETE)


@attrs.frozen
class _Reported:
    """Fold: the numbers that complete trials reported, by step and without NaN."""

    def init(self) -> FrozenDict[int, SortedRuns]:
        return FrozenDict()

    def step(self, carry: FrozenDict[int, SortedRuns], trial: FrozenTrial) -> FrozenDict[int, SortedRuns]:
        if trial.state is not TrialState.COMPLETE or not trial.intermediate_values:
            return carry
        numbers = dict(carry)
        for step, value in trial.intermediate_values.items():
            if not math.isnan(value):
                numbers[step] = numbers.get(step, SortedRuns()).with_number(value)
        return FrozenDict(numbers)
