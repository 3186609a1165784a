"""Asynchronous successive halving, of the type that stops trials."""

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
    to_int_if_whole,
    whole_from,
)
from hpo.errors import InvalidArgument
from hpo.pruners.reports import NO_NUMBERS, FirstLength, loss_of, only_direction, other_unfinished
from hpo.pruners.rungs import LossesByRung, Rungs, Standing, standing


def whole_or_auto(least: int) -> Any:
    """Return a validator that accepts whole numbers from `least` on, and ``"auto"``."""
    whole = whole_from(least, error=None)

    def check(instance: object, attribute: attrs.Attribute[Any], value: object) -> None:
        if value != "auto":
            whole(instance, attribute, value)

    return option_check(f"a whole number from {least} on or 'auto'", check)


@attrs.frozen
class SuccessiveHalvingPruner(BuiltInPruner):
    """Stops trials at milestones that are geometrically apart, unless they are among the best of those that came so far.

    The milestone of rung k is ``min_resource * reduction_factor**(min_early_stopping_rate + k)``. A trial is judged once per
    rung, at its first report there: it goes on if it is among the best 1 / `reduction_factor` of the trials that have
    reported at the rung, whatever became of them, itself included. Of fewer than `reduction_factor` trials the best one goes
    on. Ties go on, and NaN is the worst value and never goes on. A trial that skips a whole rung, because its reports are
    further apart, has no value there. There is no largest resource: the objective ends by itself.

    Only the order of values counts. The reason names the rung and how many of how many trials were better.
    O(log(finished trials) + running trials) at a milestone, and O(reports of the trial) at other steps.

    Source: Li et al., "A System for Massively Parallel Hyperparameter Tuning", MLSys 2020 (arXiv 1810.05934), alg. 2, with
    stopping in place of promotion.

    Args:
        min_resource: The milestone of the first rung, at least 1, in steps; ``"auto"`` is 1/100 of the last step of the
            first complete trial, at least 1. Nothing is stopped before that is known.
        reduction_factor: The ratio between rungs, at least 2: one of so many trials goes on.
        min_early_stopping_rate: The number of rungs to leave out at the beginning, at least 0.
        bootstrap_count: The first so many trials at each rung are stopped whatever they reported, at least 0. Needs a number
            for `min_resource`.

    Raises:
        InvalidArgument: an option is outside of its range, or `bootstrap_count` is combined with ``"auto"``.
        InvalidType: an option is not a whole number.

    Example:
        >>> import hpo
        >>> study = hpo.create_study(pruner=SuccessiveHalvingPruner(min_resource=1, reduction_factor=2), seed=0)
        >>> stops = []
        >>> for value in (3.0, 2.0, 4.0):
        ...     trial = study.ask()
        ...     trial.report(value, step=1)
        ...     stops.append(trial.should_prune())
        >>> stops, trial.ask_pruner().reason["better"]
        ([False, False, True], 2)
    """

    min_resource: int | str = attrs.field(default="auto", converter=to_int_if_whole, validator=whole_or_auto(1))
    reduction_factor: int = attrs.field(default=4, converter=to_int_if_whole, validator=whole_from(2, error=None))
    min_early_stopping_rate: int = attrs.field(
        default=0, converter=to_int_if_whole, validator=whole_from(0, error=None)
    )
    bootstrap_count: int = attrs.field(default=0, converter=to_int_if_whole, validator=whole_from(0, error=None))

    def __attrs_post_init__(self) -> None:
        if self.bootstrap_count and self.min_resource == "auto":
            raise InvalidArgument("bootstrap_count needs a number for min_resource, which is 'auto'")

    def rungs(self, state: StudyState) -> Rungs | None:
        """Return the rungs, or None while ``min_resource="auto"`` is not known yet."""
        least = self.min_resource
        if not isinstance(least, int):
            # from the first complete trial alone: later, longer trials must not move the rungs of those before
            length = state.finished.fold(FirstLength())
            if length is None:
                return None
            least = max(length // 100, 1)
        return Rungs(least * self.reduction_factor**self.min_early_stopping_rate, self.reduction_factor)

    def __call__(self, state: StudyState, trial: FrozenTrial) -> Decision | Verdict:
        """Return whether to stop `trial`, if it has just reached a rung.

        Raises:
            SeveralObjectives: the study has several objectives.
        """
        only_direction(state, self)
        rungs = self.rungs(state)
        rung = None if rungs is None else rungs.reached(trial.intermediate_values)
        if rungs is None or rung is None:
            return Decision.CONTINUE
        direction = state.directions[0]
        finished = state.finished.fold(LossesByRung(rungs, direction)).get(rung, NO_NUMBERS)
        step = max(trial.intermediate_values)
        value = trial.intermediate_values[step]
        at = standing(
            loss_of(direction, value), finished, other_unfinished(state, trial.number), direction, rungs, rung
        )
        return self.judged(value, step, rung, at)

    def judged(self, value: float, step: int, rung: int, at: Standing) -> Verdict:
        """Return whether to stop a trial that has just reached `rung` with `value` at `step`."""
        kept = max(at.total // self.reduction_factor, 1)
        reason = {
            "rule": "halving",
            "step": step,
            "rung": rung,
            "value": value,
            "better": at.better,
            "trials": at.total,
            "kept": kept,
        }
        if at.total <= self.bootstrap_count:
            return Verdict(Decision.STOP, {**reason, "bootstrap_count": self.bootstrap_count})
        stop = value != value or at.better >= kept
        return Verdict(Decision.STOP if stop else Decision.CONTINUE, reason)
