"""A model of learning curves: what a trial is expected to end with, and a pruner that stops those which are not going to win."""

from __future__ import annotations

import math
from typing import Any

import attrs
from msgspec import Struct

from hpo.core import (
    BuiltInPruner,
    Decision,
    FrozenTrial,
    StudyState,
    TrialState,
    Verdict,
    as_int,
    best_or_none,
    option_check,
    to_float_if_number,
    to_int_if_whole,
    whole_from,
)
from hpo.errors import InvalidArgument, InvalidType
from hpo.numerics.learning_curves import CurveEnd, certain_end, curve_end
from hpo.pruners.reports import NO_NUMBERS, CompleteTrials, is_due, loss_of, only_direction, shown_loss

_MOST_MISSES = 64  # complete trials whose predictions are checked: enough to know how far predictions miss


def _whole(least: int, default: int | None, *, optional: bool = False) -> Any:
    checked = whole_from(least, optional=optional, error=None)
    return attrs.field(default=default, converter=to_int_if_whole, validator=checked)


@attrs.frozen
class FinalPrediction:
    """What a trial is expected to end with; `predict_final` returns it.

    Attributes:
        number: The trial.
        step: The newest step that was used.
        final_step: The step at which trials end.
        mean: The expected final value.
        std: The standard deviation of the final value, at least 0.
        n_checked: How many complete trials were predicted from their reports up to `step`, to learn how far predictions miss.

    Example:
        >>> import hpo
        >>> study = hpo.create_study()
        >>> trial = study.ask()
        >>> for step in range(1, 6):
        ...     trial.report(1.0 / step, step)
        >>> end = hpo.predict_final(study.state, trial.number, final_step=10)
        >>> end.step, end.final_step, 0.0 < end.mean < 0.2, end.probability_better(0.2) > 0.9
        (5, 10, True, True)
    """

    number: int
    step: int
    final_step: int
    mean: float
    std: float
    n_checked: int
    _direction: str = attrs.field(repr=False)
    _end: CurveEnd = attrs.field(repr=False, eq=False)

    def probability_better(self, value: float) -> float:
        """Return the probability that the trial ends with a better value than `value`, from 0 to 1."""
        return self._end.probability_below(loss_of(self._direction, value))


def predict_final(state: StudyState, number: int, *, final_step: int | None = None) -> FinalPrediction | None:
    """Return what a trial is expected to end with, or None if it has reported nothing or if it is not known when trials end.

    The trial's reports are extrapolated by an ensemble of parametric curves (see `hpo.numerics.learning_curves`). How far such
    predictions miss is learned from the study: the first 64 complete trials are predicted from their reports up to the same step, and
    the root of their mean squared error counts as an error of the prediction. Without complete trials the uncertainty is that of the
    curves alone, which is too small for curves that fall in stages.

    Reports that are NaN or infinite are left out; but a trial whose newest report is one is expected to end like that, and NaN is
    the worst value. O(reports of the trial + reports of the trials completed since the last question about this step).

    Args:
        state: The state of a study with one objective.
        number: The trial, in any state.
        final_step: The step at which trials end, at least 0; by default the largest one that a complete trial reported.

    Raises:
        TrialNotFound: there is no such trial.
        SeveralObjectives: the study has several objectives.
        InvalidArgument, InvalidType: `final_step` is not a whole number of at least 0.

    Source: Domhan, Springenberg and Hutter, "Speeding Up Automatic Hyperparameter Optimization of Deep Neural Networks by
    Extrapolation of Learning Curves", IJCAI 2015. The check against complete trials is ours.

    Example:
        >>> import hpo
        >>> study = hpo.create_study()
        >>> for level in (0.3, 0.2):
        ...     curve = {step: level + 1.0 / step for step in range(1, 31)}
        ...     study.add_trial(hpo.create_trial(value=curve[30], intermediate_values=curve))
        >>> trial = study.ask()
        >>> for step in range(1, 11):
        ...     trial.report(0.5 + 1.0 / step, step)
        >>> prediction = hpo.predict_final(study.state, trial.number)
        >>> abs(prediction.mean - (0.5 + 1 / 30)) < 0.01, prediction.probability_better(study.best_value) < 0.01
        (True, True)
    """
    direction = only_direction(state, predict_final)
    if final_step is not None:
        final = as_int(final_step)
        if final is None:
            raise InvalidType(f"final_step is a whole number, got {final_step!r}")
        if final < 0:
            raise InvalidArgument(f"final_step is at least 0, got {final_step!r}")
        final_step = final
    return _predicted(state, state.trial(number), direction, final_step)


def _predicted(state: StudyState, trial: FrozenTrial, direction: str, final_step: int | None) -> FinalPrediction | None:
    step = trial.last_step
    final = state.finished.fold(_LongestStep()) if final_step is None else final_step
    if step is None or final is None or not trial.intermediate_values:
        return None
    step = max(trial.intermediate_values)
    end = _end(direction, trial, step, final)
    misses = state.finished.fold(_Misses(direction, step, final))
    if misses.n and math.isfinite(end.mean):
        end = end.widened(misses.root / math.sqrt(misses.n))
    return FinalPrediction(
        trial.number, step, final, shown_loss(direction, end.mean), end.std, misses.n, direction, end
    )


def _end(direction: str, trial: FrozenTrial, step: int, final: int) -> CurveEnd:
    """Return the loss that `trial` is expected to end with, by its reports up to `step`, of which there is at least one."""
    steps = sorted(each for each in trial.intermediate_values if each <= step)
    losses = [loss_of(direction, trial.intermediate_values[each]) for each in steps]
    if not math.isfinite(losses[-1]):
        return certain_end(losses[-1])
    pairs = [(at, loss) for at, loss in zip(steps, losses, strict=True) if math.isfinite(loss)]
    return curve_end([at for at, _ in pairs], [loss for _, loss in pairs], final)


@attrs.frozen
class _LongestStep:
    """Fold: the largest step that a complete trial reported, or None."""

    def init(self) -> int | None:
        return None

    def step(self, carry: int | None, trial: FrozenTrial) -> int | None:
        last = trial.last_step if trial.state is TrialState.COMPLETE else None
        return carry if last is None else last if carry is None else max(carry, last)


class _Missed(Struct, frozen=True):
    """By how much some predictions missed: how many there are, and the root of the sum of squared errors."""

    n: int = 0
    root: float = 0.0


@attrs.frozen
class _Misses:
    """Fold: by how much the ends of the first complete trials were missed, predicted from their reports up to a step."""

    direction: str
    at: int
    final: int

    def init(self) -> _Missed:
        return _Missed()

    def step(self, carry: _Missed, trial: FrozenTrial) -> _Missed:
        if carry.n >= _MOST_MISSES or trial.state is not TrialState.COMPLETE or trial.values is None:
            return carry
        loss = loss_of(self.direction, trial.values[0])
        if not math.isfinite(loss) or min(trial.intermediate_values, default=math.inf) > self.at:
            return carry
        missed = _end(self.direction, trial, self.at, self.final).mean - loss
        # hypot, because the square of a huge error is infinite
        return _Missed(carry.n + 1, math.hypot(carry.root, missed)) if math.isfinite(missed) else carry


@attrs.frozen
class CurvePruner(BuiltInPruner):
    """Stops a trial whose learning curve, extrapolated to the end, has little chance to become the best.

    `predict_final` gives the probability that the trial ends with a better value than the best complete trial. The trial is stopped
    if it is below `p_threshold`, unless no complete trial was better at the same step. A trial whose newest value is NaN is not expected to
    recover. The reason names the expected value, its standard deviation and the probability. O(reports of the trial) arithmetic at
    a check, and once for each of up to 64 complete trials.

    Source: Domhan, Springenberg and Hutter, "Speeding Up Automatic Hyperparameter Optimization of Deep Neural Networks by
    Extrapolation of Learning Curves", IJCAI 2015, section 3.3.

    Args:
        p_threshold: The probability below which a trial is stopped, from 0 to 1. The larger, the more trials are stopped.
        n_startup_trials: The number of complete trials before the first trial is stopped, at least 1: they show when trials end, and
            how far predictions miss.
        n_startup_steps: The number of reports below which no trial is stopped, at least 1.
        interval_steps: The number of steps from one check to the next, at least 1.
        final_step: The step at which trials end; None means the largest one that a complete trial reported.

    Raises:
        InvalidArgument: an option is outside of its range.
        InvalidType: an option is not a number.

    Example:
        >>> import hpo
        >>> study = hpo.create_study(pruner=CurvePruner(n_startup_trials=2))
        >>> for level in (0.3, 0.2):
        ...     curve = {step: level + 1.0 / step for step in range(1, 31)}
        ...     study.add_trial(hpo.create_trial(value=curve[30], intermediate_values=curve))
        >>> trial, stops = study.ask(), []
        >>> for step in range(1, 7):
        ...     trial.report(0.5 + 1.0 / step, step)
        ...     stops.append(trial.should_prune())
        >>> stops[:3], stops[-1]
        ([False, False, False], True)
    """

    p_threshold: float = attrs.field(
        default=0.05,
        kw_only=True,
        converter=to_float_if_number,
        validator=option_check(
            "a number from 0 to 1", attrs.validators.instance_of(float), attrs.validators.ge(0), attrs.validators.le(1)
        ),
    )
    n_startup_trials: int = _whole(1, 5)
    n_startup_steps: int = _whole(1, 4)
    interval_steps: int = _whole(1, 1)
    final_step: int | None = _whole(0, None, optional=True)

    def __call__(self, state: StudyState, trial: FrozenTrial) -> Decision | Verdict:
        """Return whether to stop `trial`, by its reports and the complete trials.

        Raises:
            SeveralObjectives: the study has several objectives.
        """
        direction = only_direction(state, self)
        reports = trial.intermediate_values
        complete = state.finished.fold(CompleteTrials(direction))
        best = best_or_none(state)
        if best is None or best.values is None or complete.n_trials < self.n_startup_trials or not reports:
            return Decision.CONTINUE
        last = max(reports)
        if len(reports) < self.n_startup_steps or not is_due(reports, last, 0, self.interval_steps):
            return Decision.CONTINUE
        rivals, loss = complete.losses.get(last, NO_NUMBERS), loss_of(direction, reports[last])
        if rivals and loss < math.inf and not rivals.rank(loss):
            return Verdict(Decision.CONTINUE, {"rule": "curve", "step": last, "value": reports[last], "better": 0})
        predicted = _predicted(state, trial, direction, self.final_step)
        if predicted is None:
            return Decision.CONTINUE
        probability = predicted.probability_better(best.values[0])
        reason = {
            "rule": "curve",
            "step": last,
            "value": reports[last],
            "expected": predicted.mean,
            "std": predicted.std,
            "best": best.values[0],
            "probability": probability,
            "limit": self.p_threshold,
        }
        stop = probability < self.p_threshold
        return Verdict(Decision.STOP if stop else Decision.CONTINUE, reason)
