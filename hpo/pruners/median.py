"""The median stopping rule."""

from __future__ import annotations

import math
from bisect import bisect_left, insort
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, TypeAlias

import attrs

from hpo.core import Decision, FrozenDict, FrozenTrial, StudyState, TrialState, as_int
from hpo.errors import InvalidArgument, InvalidType, SeveralObjectives

if TYPE_CHECKING:
    Check: TypeAlias = Callable[[Any, attrs.Attribute[int], int], None]

Sorted: TypeAlias = tuple[tuple[float, ...], ...]
"""Numbers in ascending order, cut into chunks so that a version with one more copies little."""

_CHUNK = 128  # a chunk that grows beyond this is cut in halves


def _whole_from(least: int) -> Check:
    def check(instance: Any, attribute: attrs.Attribute[int], value: int) -> None:
        if isinstance(value, bool) or as_int(value) is None:
            raise InvalidType(f"MedianPruner needs a whole number for {attribute.name}, got {value!r}")
        if value < least:
            raise InvalidArgument(f"MedianPruner needs {attribute.name} >= {least}, got {value!r}")

    return check


@attrs.frozen
class MedianPruner:
    """Stop a trial whose best value so far is worse than the median of the others at the same step.

    The others are the complete trials that reported a number at the trial's last step; a NaN among their values does
    not count. A trial that has reported nothing but NaN is stopped, whatever the others did at that step. Equal to the
    median is good enough.
    O(reports of the trial + reports of the trials completed since the last decision).

    Source: Golovin et al., "Google Vizier: A Service for Black-Box Optimization", KDD 2017 (median stopping rule;
    theirs takes the median of running averages).

    Args:
        n_startup_trials: No trial is stopped before this many are complete, or before one is; at least 0.
        n_warmup_steps: No trial is stopped at a step below this; at least 0.
        interval_steps: Steps from one check to the next, counted from `n_warmup_steps` on; at least 1. Where nothing
            was reported at the step of a check, the next report is checked.
        n_min_trials: The median counts only at steps that this many complete trials have a number for; at least 1.

    Raises:
        InvalidArgument: an option is below its least value.
        InvalidType: an option is no whole number.

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

    n_startup_trials: int = attrs.field(default=5, validator=_whole_from(0))
    n_warmup_steps: int = attrs.field(default=0, validator=_whole_from(0))
    interval_steps: int = attrs.field(default=1, validator=_whole_from(1))
    n_min_trials: int = attrs.field(default=1, validator=_whole_from(1), kw_only=True)

    def __call__(self, state: StudyState, trial: FrozenTrial) -> Decision:
        """See `Pruner`.

        Raises:
            SeveralObjectives: the study has several, and a reported value belongs to none of them.
        """
        if len(state.directions) != 1:
            raise SeveralObjectives("MedianPruner", "NopPruner")
        reports = trial.intermediate_values
        if not reports or state.finished.fold(_Completed()) < max(self.n_startup_trials, 1):
            return Decision.CONTINUE
        last = max(reports)
        if not self._is_due(reports, last):
            return Decision.CONTINUE
        values = [value for _, value in reports.items() if value == value]
        if not values:
            return Decision.STOP
        others = state.finished.fold(_Reported()).get(last, ())
        if sum(map(len, others)) < self.n_min_trials:
            return Decision.CONTINUE
        median = _median(others)
        worse = max(values) < median if state.directions[0] == "maximize" else min(values) > median
        return Decision.STOP if worse else Decision.CONTINUE

    def _is_due(self, steps: Iterable[int], last: int) -> bool:
        """Whether the `last` of the steps is the first one since the latest check was due."""
        if last < self.n_warmup_steps:
            return False
        if self.interval_steps == 1:  # every step is due, and nobody needs to look at all of them
            return True
        due = last - (last - self.n_warmup_steps) % self.interval_steps
        return all(step < due or step == last for step in steps)


@attrs.frozen
class _Completed:
    """Fold: how many trials are complete."""

    def init(self) -> int:
        return 0

    def step(self, carry: int, trial: FrozenTrial) -> int:
        return carry + (trial.state is TrialState.COMPLETE)


@attrs.frozen
class _Reported:
    """Fold: what complete trials reported, by step and without NaN."""

    def init(self) -> FrozenDict[int, Sorted]:
        return FrozenDict()

    def step(self, carry: FrozenDict[int, Sorted], trial: FrozenTrial) -> FrozenDict[int, Sorted]:
        if trial.state is not TrialState.COMPLETE or not trial.intermediate_values:
            return carry
        grown = dict(carry)
        for step, value in trial.intermediate_values.items():
            if not math.isnan(value):
                grown[step] = _inserted(grown.get(step, ()), value)
        return FrozenDict(grown)


def _inserted(values: Sorted, value: float) -> Sorted:
    """`values` with one more; O(chunk + number of chunks)."""
    if not values:
        return ((value,),)
    place = min(bisect_left(values, value, key=_largest), len(values) - 1)
    chunk = list(values[place])
    insort(chunk, value)
    half = len(chunk) // 2
    grown = (tuple(chunk),) if len(chunk) <= _CHUNK else (tuple(chunk[:half]), tuple(chunk[half:]))
    return values[:place] + grown + values[place + 1 :]


def _largest(chunk: tuple[float, ...]) -> float:
    return chunk[-1]


def _median(values: Sorted) -> float:
    """The middle one, or the mean of the two in the middle; NaN for the mean of both infinities."""
    n = sum(map(len, values))
    lower, upper = _ranked(values, (n - 1) // 2), _ranked(values, n // 2)
    return lower if lower == upper else lower / 2 + upper / 2  # the sum of two huge ones would be infinite


def _ranked(values: Sorted, rank: int) -> float:
    for chunk in values:
        if rank < len(chunk):
            return chunk[rank]
        rank -= len(chunk)
    raise IndexError(rank)
