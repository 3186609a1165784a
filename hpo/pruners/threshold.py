"""Pruners that look at the trial's own reports alone: fixed limits, and patience."""

from __future__ import annotations

import math

import attrs

from hpo.core import (
    BuiltInPruner,
    Decision,
    FrozenTrial,
    Pruner,
    StudyState,
    Verdict,
    checked_pruner,
    option_check,
    to_float_if_number,
    to_int_if_whole,
    whole_from,
)
from hpo.errors import InvalidArgument, InvalidType
from hpo.pruners.reports import is_due, loss_of, only_direction, shown_loss


def _is_limit(instance: object, attribute: attrs.Attribute[float | None], value: object) -> None:
    if value is not None and not (isinstance(value, float) and value == value):
        raise InvalidType(f"{attribute.name} is a number or None, got {value!r}")


@attrs.frozen
class ThresholdPruner(BuiltInPruner):
    """Stops a trial whose newest value is NaN, or lies beyond a fixed limit.

    Neither the direction of the study nor other trials count. A value equal to a limit is good enough. The reason names
    the value and the limit that it crossed. O(1) with ``interval_steps=1``, otherwise O(reports of the trial).

    Args:
        lower: Stop at a value below this one; None means no limit.
        upper: Stop at a value above this one; None means no limit. One of the two must be given.
        n_warmup_steps: No trial is stopped at a step below this one; at least 0.
        interval_steps: The number of steps from one check to the next; at least 1. See `MedianPruner`.

    Raises:
        InvalidType: neither limit is given, or one is not a number.
        InvalidArgument: `lower` is above `upper`, or another option is below its lowest value.

    Example:
        >>> import hpo
        >>> study = hpo.create_study(pruner=ThresholdPruner(upper=1.0))
        >>> trial = study.ask()
        >>> trial.report(1.5, step=0)
        >>> trial.ask_pruner().reason
        {'rule': 'threshold', 'step': 0, 'value': 1.5, 'limit': 1.0}
    """

    lower: float | None = attrs.field(default=None, converter=to_float_if_number, validator=_is_limit)
    upper: float | None = attrs.field(default=None, converter=to_float_if_number, validator=_is_limit)
    n_warmup_steps: int = attrs.field(default=0, converter=to_int_if_whole, validator=whole_from(0, error=None))
    interval_steps: int = attrs.field(default=1, converter=to_int_if_whole, validator=whole_from(1, error=None))

    def __attrs_post_init__(self) -> None:
        if self.lower is None and self.upper is None:
            raise InvalidType("ThresholdPruner needs a limit: give lower, upper or both")
        if self.lower is not None and self.upper is not None and self.lower > self.upper:
            raise InvalidArgument(f"lower is at most upper, got lower={self.lower!r} and upper={self.upper!r}")

    def __call__(self, state: StudyState, trial: FrozenTrial) -> Decision | Verdict:
        """Return whether to stop `trial`, by its newest report.

        Raises:
            SeveralObjectives: the study has several objectives.
        """
        only_direction(state, self)
        reports = trial.intermediate_values
        if not reports:
            return Decision.CONTINUE
        last = max(reports)
        if not is_due(reports, last, self.n_warmup_steps, self.interval_steps):
            return Decision.CONTINUE
        value = reports[last]
        crossed = [
            limit
            for limit, below in ((self.lower, True), (self.upper, False))
            if limit is not None and (value < limit if below else value > limit)
        ]
        if value == value and not crossed:
            limits = {"lower": self.lower, "upper": self.upper}
            return Verdict(Decision.CONTINUE, {"rule": "threshold", "step": last, "value": value, **limits})
        limit = crossed[0] if crossed else None
        return Verdict(Decision.STOP, {"rule": "threshold", "step": last, "value": value, "limit": limit})


@attrs.frozen
class PatientPruner(BuiltInPruner):
    """Lets a trial go on for some more reports after its last improvement, and asks another pruner only then.

    A trial has lost its chance when the best of its newest ``patience + 1`` reports is worse than the best one before them
    by more than `min_delta`. NaN counts as the worst value. O(reports of the trial), and the cost of the other pruner.

    Args:
        wrapped_pruner: The pruner to ask then, or None to stop the trial at once.
        patience: The number of reports without an improvement that are forgiven, at least 0.
        min_delta: By how much the newest reports have to be worse, at least 0, in units of the objective.

    Raises:
        InvalidArgument: `patience` or `min_delta` is negative.
        InvalidType: an option has the wrong type.

    Example:
        >>> import hpo
        >>> study = hpo.create_study(pruner=PatientPruner(None, patience=1))
        >>> trial = study.ask()
        >>> stops = []
        >>> for step, value in enumerate([3.0, 1.0, 2.0, 2.0, 2.0]):
        ...     trial.report(value, step)
        ...     stops.append(trial.should_prune())
        >>> stops
        [False, False, False, True, True]
    """

    wrapped_pruner: Pruner | None = attrs.field(
        converter=attrs.converters.optional(checked_pruner),
    )
    patience: int = attrs.field(converter=to_int_if_whole, validator=whole_from(0, error=None))
    min_delta: float = attrs.field(
        default=0.0,
        converter=to_float_if_number,
        validator=option_check("a number of at least 0", attrs.validators.instance_of(float), attrs.validators.ge(0.0)),
    )

    def __call__(self, state: StudyState, trial: FrozenTrial) -> Decision | Verdict:
        """Return what the other pruner decides once patience is at its end, and CONTINUE before.

        Raises:
            SeveralObjectives: the study has several objectives.
        """
        direction = only_direction(state, self)
        reports = trial.intermediate_values
        if len(reports) <= self.patience + 1:
            return Decision.CONTINUE
        steps = sorted(reports)
        losses = [loss_of(direction, reports[step]) for step in steps]
        newest = self.patience + 1
        before, after = min(losses[:-newest]), min(losses[-newest:])
        compared = {
            "rule": "patience",
            "step": steps[-1],
            "best_before": shown_loss(direction, before),
            "best_after": shown_loss(direction, after),
        }
        lost = before + self.min_delta < after if math.isfinite(before) else before < after
        if not lost:
            return Verdict(Decision.CONTINUE, compared)
        return Verdict(Decision.STOP, compared) if self.wrapped_pruner is None else self.wrapped_pruner(state, trial)
