"""What pruners read: losses of reports, the step of the next check, and folds over the reports of finished trials.

Inside pruners everything is a *loss*: less is better, and NaN is the worst value of all, an infinite loss.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

import attrs
from immutables import Map
from msgspec import Struct

from hpo.core import FrozenTrial, SortedRuns, StudyState, TrialState
from hpo.errors import SeveralObjectives

NO_REPORTS: Map[int, SortedRuns] = Map()
NO_NUMBERS = SortedRuns()


def only_direction(state: StudyState, pruner: object) -> str:
    """Return the direction of a study with one objective.

    Raises:
        SeveralObjectives: there are several, and a single reported value belongs to none of them.
    """
    if len(state.directions) != 1:
        raise SeveralObjectives(type(pruner).__name__, "ByMetric around it, or NopPruner")
    return state.directions[0]


def loss_of(direction: str, value: float) -> float:
    """Return a reported value as a loss: negated if more is better; NaN is infinitely bad.

    Example:
        >>> loss_of("maximize", 2.0), loss_of("maximize", math.nan)
        (-2.0, inf)
    """
    if value != value:
        return math.inf
    return -value if direction == "maximize" else value


def best_loss(direction: str, values: Iterable[float]) -> float:
    """Return the smallest loss of some reported values; NaN if all of them are NaN.

    Example:
        >>> best_loss("minimize", [3.0, math.nan, 2.0]), best_loss("minimize", [math.nan])
        (2.0, nan)
    """
    numbers = [*values]
    total = sum(numbers)
    if total != total:  # there may be NaN among them, of which `min` makes nothing sensible
        numbers = [value for value in numbers if value == value]
    if not numbers:
        return math.nan
    return -max(numbers) if direction == "maximize" else min(numbers)


def shown_loss(direction: str, loss: float) -> float:
    """Return a loss as the user's value, for a reason.

    Example:
        >>> shown_loss("maximize", -2.0), shown_loss("maximize", 0.0)
        (2.0, 0.0)
    """
    return -loss if direction == "maximize" and loss else loss


def is_due(reports: Mapping[int, float], last: int, n_warmup_steps: int, interval_steps: int) -> bool:
    """Return whether `last`, the largest step of the reports, is the first one since the latest check was due.

    Checks are due at `n_warmup_steps` and every `interval_steps` from there; one without a report moves to the next report.

    Example:
        >>> [is_due({0: 1.0, 4: 1.0}, 4, warmup, 3) for warmup in (0, 4, 5)]
        [True, True, False]
    """
    if last < n_warmup_steps:
        return False
    if interval_steps == 1:  # every step is due: no need to look at all of them
        return True
    due = last - (last - n_warmup_steps) % interval_steps
    if last == due:
        return True
    return due not in reports and all(step < due or step == last for step in reports)


def quantile(numbers: SortedRuns, fraction: float) -> float:
    """Return the quantile of some losses, interpolated linearly between neighbours as numpy does by default.

    It is exact where both neighbours are equal, also if they are infinite, and NaN between two infinities of different signs.

    Args:
        numbers: At least one loss.
        fraction: From 0 for the smallest to 1 for the largest.

    Example:
        >>> numbers = SortedRuns().with_number(1.0).with_number(2.0).with_number(4.0)
        >>> quantile(numbers, 0.5), quantile(numbers, 0.75)
        (2.0, 3.0)
    """
    if fraction == 0.5:
        return numbers.median()
    position = (len(numbers) - 1) * fraction
    below = min(int(position), len(numbers) - 1)
    lower, rest = numbers.at(below), position - below
    if not rest:
        return lower
    upper = numbers.at(below + 1)
    if lower == upper:
        return lower
    # weights before the sum, so that the difference of two huge numbers does not overflow
    return lower * (1.0 - rest) + upper * rest


class Complete(Struct, frozen=True):
    """What the complete trials reported.

    Attributes:
        n_trials: How many there are.
        losses: Their losses, sorted, by step.
    """

    n_trials: int = 0
    losses: Map[int, SortedRuns] = NO_REPORTS


class CompleteTrials(Struct, frozen=True):
    """Fold: the number of complete trials, and the losses that they reported."""

    direction: str

    def init(self) -> Complete:
        """Return no trials."""
        return Complete()

    def step(self, carry: Complete, trial: FrozenTrial) -> Complete:
        """Add `trial` if it is complete."""
        if trial.state is not TrialState.COMPLETE:
            return carry
        # a persistent map: a study whose steps are all different has as many entries as reports
        changed = carry.losses.mutate()
        for step, value in trial.intermediate_values.items():
            changed[step] = changed.get(step, NO_NUMBERS).with_number(loss_of(self.direction, value))
        return Complete(carry.n_trials + 1, changed.finish())


@attrs.frozen
class FirstLength:
    """Fold: the last step of the first complete trial that reported anything, or None."""

    def init(self) -> int | None:
        """Return None."""
        return None

    def step(self, carry: int | None, trial: FrozenTrial) -> int | None:
        """Return the last step of `trial` if it is the first one that counts."""
        if carry is not None or trial.state is not TrialState.COMPLETE or not trial.intermediate_values:
            return carry
        return max(trial.intermediate_values)


def other_unfinished(state: StudyState, number: int) -> list[FrozenTrial]:
    """Return the running and paused trials other than `number`; O(their number)."""
    return [trial for trial in (*state.running.values(), *state.paused.values()) if trial.number != number]
