"""Stopping under Optuna's names: terminators that compare the room for improvement with the error of the objective.

They are a layer over stopping rules: a `Terminator` is one, so ``optimize(stop=Terminator(...))`` works, and so do ``|`` and
``&`` with the rules of `hpo.stopping`. The estimates by a Gaussian process are those of `hpo.stopping`.
"""

from __future__ import annotations

import math
import statistics
import sys
from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import attrs

from hpo.core import (
    FrozenTrial,
    HasState,
    Stop,
    StudyDirection,
    StudyState,
    TrialState,
    as_float,
    is_bool,
    option_check,
    to_float_if_number,
    to_int_if_whole,
    whole_from,
)
from hpo.errors import InvalidArgument, InvalidType, SeveralObjectives
from hpo.stopping.combinations import Combinable
from hpo.stopping.room import minimum_regret_gap, regret_bound

if TYPE_CHECKING:
    from hpo.study.study import Study
    from hpo.study.trial import Trial

_SCORES = "terminator:cv_scores"
_ENDLESS = sys.float_info.max * 0.1  # the room of a study with too few trials; a number that can be added to


def _whole(least: int, default: int) -> Any:
    return attrs.field(default=default, converter=to_int_if_whole, validator=whole_from(least, error=None))


class BaseImprovementEvaluator(ABC):
    """The base of estimates of how much a study can still improve."""

    @abstractmethod
    def evaluate(self, trials: Sequence[FrozenTrial], study_direction: StudyDirection) -> float:
        """Return the room for improvement, in the unit of the error that it is compared with."""


class BaseErrorEvaluator(ABC):
    """The base of estimates of the error of an objective: a smaller improvement is not worth a trial."""

    @abstractmethod
    def evaluate(self, trials: Sequence[FrozenTrial], study_direction: StudyDirection) -> float:
        """Return the error."""


@attrs.frozen
class BestValueStagnationEvaluator(BaseImprovementEvaluator):
    """The number of complete trials without an improvement that are left before a study counts as stagnant.

    Args:
        max_stagnation_trials: How many are accepted, at least 0.

    Example:
        >>> import hpo
        >>> trials = [hpo.create_trial(value=value) for value in (1.0, 2.0, 2.0)]
        >>> BestValueStagnationEvaluator(5).evaluate(trials, hpo.study.StudyDirection.MINIMIZE)
        3.0
    """

    max_stagnation_trials: int = _whole(0, 30)

    def evaluate(self, trials: Sequence[FrozenTrial], study_direction: StudyDirection) -> float:
        """Return how many more complete trials may bring no improvement; negative if there were too many already.

        Raises:
            InvalidArgument: no trial is complete.
        """
        losses = [_loss(trial, study_direction) for trial in _complete(trials)]
        since = len(losses) - 1 - losses.index(min(losses))
        return float(self.max_stagnation_trials - since)


_SHARE = (attrs.validators.instance_of(float), attrs.validators.gt(0.0), attrs.validators.le(1.0))
_IS_RATIO = option_check("a finite number above 0", *_SHARE[:2], attrs.validators.lt(math.inf))
_IS_SHARE = option_check("a number above 0 and at most 1", *_SHARE)


@attrs.frozen
class RegretBoundEvaluator(BaseImprovementEvaluator):
    """A bound on how much better the best configuration can be than the best trial: `hpo.stopping.room.regret_bound`.

    O(trials^3).

    Args:
        top_trials_ratio: The share of the complete trials that is modelled, the better ones, above 0 and up to 1.
        min_n_trials: At least so many are, at least 1.
        seed: Not needed: the search for the bound has a random stream of its own.

    Example:
        >>> import hpo
        >>> unit = {"x": hpo.FloatDistribution(0, 1)}
        >>> trials = [hpo.create_trial(value=x, params={"x": x}, distributions=unit) for x in (0.1, 0.5, 1.0)]
        >>> 0.0 <= RegretBoundEvaluator().evaluate(trials, hpo.study.StudyDirection.MINIMIZE) < 1.0
        True
    """

    top_trials_ratio: float = attrs.field(default=0.5, converter=to_float_if_number, validator=_IS_SHARE)
    min_n_trials: int = _whole(1, 20)
    seed: int | None = None

    def evaluate(self, trials: Sequence[FrozenTrial], study_direction: StudyDirection) -> float:
        """Return the bound, in the unit of the objective.

        Raises:
            InvalidArgument: no trial is complete.
        """
        bound = regret_bound(
            _complete(trials),
            maximized=study_direction is StudyDirection.MAXIMIZE,
            top_share=self.top_trials_ratio,
            fewest=self.min_n_trials,
        )
        return min(bound, _ENDLESS)


@attrs.frozen
class EMMREvaluator(BaseImprovementEvaluator):
    """How much the last trial lowered the expected minimum regret: `hpo.stopping.room.minimum_regret_gap`.

    Use it with a `MedianErrorEvaluator`. O(trials^3).

    Args:
        deterministic_objective: Whether equal parameters give equal results.
        delta: With how much probability the regret bound that is part of it may fail, above 0 and at most 1.
        min_n_trials: How many complete trials there must be, at least 2.
        seed: Not needed: the search for the bound has a random stream of its own.

    Example:
        >>> EMMREvaluator().evaluate([], StudyDirection.MINIMIZE) > 1e300  # no reason to stop yet
        True
    """

    deterministic_objective: bool = attrs.field(default=False, validator=is_bool)
    delta: float = attrs.field(default=0.1, converter=to_float_if_number, validator=_IS_SHARE)
    min_n_trials: int = _whole(2, 2)
    seed: int | None = None

    def evaluate(self, trials: Sequence[FrozenTrial], study_direction: StudyDirection) -> float:
        """Return the bound, in the unit of the objective; a huge number if there are too few complete trials."""
        complete = _complete(trials, least=0)
        if len(complete) < self.min_n_trials:
            return _ENDLESS
        gap = minimum_regret_gap(
            complete,
            maximized=study_direction is StudyDirection.MAXIMIZE,
            deterministic=self.deterministic_objective,
            delta=self.delta,
        )
        return min(gap, _ENDLESS)


@attrs.frozen
class StaticErrorEvaluator(BaseErrorEvaluator):
    """A constant error.

    Args:
        constant: The error, a number.
    """

    constant: float = attrs.field(
        converter=to_float_if_number, validator=option_check("a number", attrs.validators.instance_of(float))
    )

    def evaluate(self, trials: Sequence[FrozenTrial], study_direction: StudyDirection) -> float:
        """Return the constant."""
        return self.constant


@attrs.frozen
class CrossValidationErrorEvaluator(BaseErrorEvaluator):
    """The standard error of the best trial's cross-validation, from the scores that `report_cross_validation_scores` kept.

    The variance of the scores is scaled by ``1 / k + 1 / (k - 1)`` for k folds, since folds share most of their data.

    Source: Makarova et al., "Automatic Termination for Hyperparameter Optimization", AutoML 2022, sec. 4; the scale is that of
    Nadeau and Bengio, "Inference for the Generalization Error", Machine Learning 52 (2003).

    Example:
        >>> import hpo
        >>> trial = hpo.create_trial(value=0.5, user_attrs={"terminator:cv_scores": [0.4, 0.6]})
        >>> round(CrossValidationErrorEvaluator().evaluate([trial], hpo.study.StudyDirection.MINIMIZE), 4)
        0.1225
    """

    def evaluate(self, trials: Sequence[FrozenTrial], study_direction: StudyDirection) -> float:
        """Return the standard error of the best complete trial.

        Raises:
            InvalidArgument: no trial is complete, or the best one has no scores.
        """
        best = min(_complete(trials), key=lambda trial: _loss(trial, study_direction))
        scores = best.user_attrs.get(_SCORES)
        if scores is None:
            raise InvalidArgument(
                f"trial {best.number}, the best one, has no cross-validation scores: call "
                "hpo.terminator.report_cross_validation_scores(trial, scores) in the objective"
            )
        n = len(scores)
        return math.sqrt((1.0 / n + 1.0 / (n - 1)) * statistics.pvariance(scores))


@attrs.frozen
class MedianErrorEvaluator(BaseErrorEvaluator):
    """A share of the median improvement that an evaluator saw at the beginning of the study.

    Args:
        paired_improvement_evaluator: The evaluator that the terminator uses, too.
        warm_up_trials: The number of complete trials to leave out, at least 0.
        n_initial_trials: The number of complete trials after those whose improvements are taken, at least 1.
        threshold_ratio: The share of their median, above 0.
    """

    paired_improvement_evaluator: BaseImprovementEvaluator = attrs.field(
        validator=option_check("an improvement evaluator", attrs.validators.instance_of(BaseImprovementEvaluator))
    )
    warm_up_trials: int = _whole(0, 10)
    n_initial_trials: int = _whole(1, 20)
    threshold_ratio: float = attrs.field(default=0.01, converter=to_float_if_number, validator=_IS_RATIO)

    def evaluate(self, trials: Sequence[FrozenTrial], study_direction: StudyDirection) -> float:
        """Return the threshold; a negative number, which stops nothing, before there are enough complete trials."""
        complete = sorted(_complete(trials, least=0), key=lambda trial: trial.number)
        first, n = self.warm_up_trials, self.n_initial_trials
        if len(complete) < first + n:
            return -sys.float_info.min
        evaluate = self.paired_improvement_evaluator.evaluate
        improvements = sorted(evaluate(complete[first : first + i], study_direction) for i in range(1, n + 1))
        return min(sys.float_info.max, improvements[n // 2] * self.threshold_ratio)


class BaseTerminator(ABC):
    """The base of terminators."""

    @abstractmethod
    def should_terminate(self, study: HasState) -> bool:
        """Return whether the study has had enough trials."""


def _default_error(terminator: Terminator) -> BaseErrorEvaluator:
    # a number of trials cannot be the error of an objective; the stagnant study is the one with a negative number left
    if isinstance(terminator.improvement_evaluator, BestValueStagnationEvaluator):
        return StaticErrorEvaluator(0.0)
    return CrossValidationErrorEvaluator()


@attrs.frozen
class Terminator(Combinable, BaseTerminator):
    """Stops a study when the room for improvement is smaller than the error of the objective.

    It is a stopping rule: pass it to ``optimize(stop=...)``.

    Args:
        improvement_evaluator: Estimates the room for improvement; by default a `RegretBoundEvaluator`.
        error_evaluator: Estimates the error; by default 0 for `BestValueStagnationEvaluator`, and
            `CrossValidationErrorEvaluator` for others.
        min_n_trials: The number of complete trials before the first estimate, at least 1.

    Raises:
        InvalidType: an evaluator is of another class.
        InvalidArgument: `min_n_trials` is below 1.

    Example:
        >>> import hpo
        >>> hpo.logging.set_verbosity(hpo.logging.WARNING)
        >>> study = hpo.create_study(sampler=hpo.samplers.RandomSampler(), seed=1)
        >>> rule = Terminator(BestValueStagnationEvaluator(max_stagnation_trials=5), min_n_trials=8)
        >>> study.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=500, stop=rule)
        >>> 8 <= len(study.trials) < 500
        True
    """

    improvement_evaluator: BaseImprovementEvaluator = attrs.field(
        factory=RegretBoundEvaluator,
        validator=option_check("an improvement evaluator", attrs.validators.instance_of(BaseImprovementEvaluator)),
    )
    error_evaluator: BaseErrorEvaluator = attrs.field(
        default=attrs.Factory(_default_error, takes_self=True),
        validator=option_check("an error evaluator", attrs.validators.instance_of(BaseErrorEvaluator)),
    )
    min_n_trials: int = _whole(1, 20)

    def __call__(self, state: StudyState) -> Stop | None:
        """Return a stop if the room for improvement is smaller than the error.

        Raises:
            SeveralObjectives: the study has several objectives.
        """
        if len(state.directions) != 1:
            raise SeveralObjectives("Terminator", "hpo.stopping.MaxTrials")
        trials = state.trials
        if sum(trial.state is TrialState.COMPLETE for trial in trials) < self.min_n_trials:
            return None
        direction = StudyDirection(state.directions[0])
        improvement = self.improvement_evaluator.evaluate(trials, direction)
        error = self.error_evaluator.evaluate(trials, direction)
        if not improvement < error:
            return None
        return Stop({"rule": "terminator", "improvement": float(improvement), "error": float(error)})

    def should_terminate(self, study: HasState) -> bool:
        """Return whether the study has had enough trials."""
        return self(study.state) is not None


@attrs.frozen
class TerminatorCallback:
    """A callback for `Study.optimize` that stops the run when a terminator says so.

    Args:
        terminator: The terminator.

    Example:
        >>> import hpo
        >>> hpo.logging.set_verbosity(hpo.logging.WARNING)
        >>> study = hpo.create_study(sampler=hpo.samplers.RandomSampler(), seed=1)
        >>> enough = TerminatorCallback(Terminator(BestValueStagnationEvaluator(3), min_n_trials=2))
        >>> study.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=500, callbacks=[enough])
        >>> len(study.trials) < 500
        True
    """

    terminator: BaseTerminator = attrs.field(factory=Terminator)

    def __call__(self, study: Study, trial: FrozenTrial) -> None:
        """Stop the run of `study` if it has had enough trials."""
        if self.terminator.should_terminate(study):
            study.stop()


def report_cross_validation_scores(trial: Trial, scores: Iterable[float]) -> None:
    """Keep the scores of a trial's folds, for `CrossValidationErrorEvaluator`.

    Args:
        trial: The running trial.
        scores: One number per fold, at least two.

    Raises:
        InvalidArgument: there are fewer than two scores.
        InvalidType: one is not a number.

    Example:
        >>> import hpo
        >>> trial = hpo.create_study().ask()
        >>> report_cross_validation_scores(trial, [0.8, 0.9])
        >>> trial.user_attrs
        {'terminator:cv_scores': [0.8, 0.9]}
    """
    numbers = [as_float(score) for score in scores]
    if None in numbers:
        raise InvalidType(f"the scores of a cross-validation are numbers, got {scores!r}")
    if len(numbers) < 2:
        raise InvalidArgument(f"a cross-validation has at least two scores, got {scores!r}")
    trial.set_user_attr(_SCORES, numbers)


def _complete(trials: Sequence[FrozenTrial], least: int = 1) -> list[FrozenTrial]:
    complete = [trial for trial in trials if trial.state is TrialState.COMPLETE]
    if len(complete) < least:
        raise InvalidArgument("there is no complete trial to judge by")
    return complete


def _loss(trial: FrozenTrial, direction: StudyDirection) -> float:
    value = trial.value
    assert value is not None, "a complete trial has a value"
    return -value if direction is StudyDirection.MAXIMIZE else value


__all__ = [
    "BaseErrorEvaluator",
    "BaseImprovementEvaluator",
    "BaseTerminator",
    "BestValueStagnationEvaluator",
    "CrossValidationErrorEvaluator",
    "EMMREvaluator",
    "MedianErrorEvaluator",
    "RegretBoundEvaluator",
    "StaticErrorEvaluator",
    "Terminator",
    "TerminatorCallback",
    "report_cross_validation_scores",
]
