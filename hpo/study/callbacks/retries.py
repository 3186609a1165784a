"""A callback that retries failed trials."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from hpo.core import FrozenTrial, TrialState, as_int, to_int_if_whole, whole_from
from hpo.errors import InvalidArgument
from hpo.study.running.workers import is_lost

if TYPE_CHECKING:
    from hpo.study.study import Study

_ORIGINAL, _RETRY, _HISTORY = "retried_from", "retry", "retry_history"


@attrs.frozen
class RetryFailedTrials:
    """Enqueues failed trials again, with their parameters and user attributes.

    It is a callback for `Study.optimize`, and can be called with the trials that `Study.fail_lost_trials` returns. Each
    failed trial is given to the callbacks of one process only, so it is retried at most once, however many workers do
    this. It is not retried if that process dies between the failure and the retry.

    The new trial has three more user attributes: ``retried_from``, the number of the trial that was tried first,
    ``retry``, which is 1 for the first retry, and ``retry_history``, the numbers of the trials that failed before it.
    Parameters that the failed trial did not have yet are sampled.

    Args:
        max_retry: How often a trial is retried at most, counted from the trial that was tried first; None means no limit.
        inherit_intermediate_values: Refused if it is true: a trial that continues another one has a checkpoint, see `Trial.pause`.
        lost_only: Whether to retry only trials whose workers died: their reason begins with ``"lost:"``. False retries
            every failed trial, which makes sense if the objective fails at random.

    Raises:
        InvalidArgument: `max_retry` is not a whole number of at least 0, or intermediate values are to be inherited.

    Example:
        >>> import hpo
        >>> study = hpo.create_study(sampler=hpo.samplers.RandomSampler(), seed=1)
        >>> retry = RetryFailedTrials(max_retry=2, lost_only=False)
        >>> def objective(trial):
        ...     trial.suggest_float("x", 0, 1)
        ...     raise OSError("the machine is on fire")
        >>> study.optimize(objective, n_trials=3, catch=OSError, callbacks=[retry])
        >>> [trial.user_attrs for trial in study.trials]
        [{}, {'retried_from': 0, 'retry': 1, 'retry_history': [0]}, {'retried_from': 0, 'retry': 2, 'retry_history': [0, 1]}]
        >>> retry.retry_history(study.trials[2]), retry.retried_trial_number(study.trials[2])
        ([0, 1], 0)
        >>> len({trial.params["x"] for trial in study.trials})
        1
    """

    max_retry: int | None = attrs.field(default=None, converter=to_int_if_whole, validator=whole_from(0, optional=True))
    inherit_intermediate_values: bool = attrs.field(default=False)
    lost_only: bool = attrs.field(default=True, kw_only=True)

    @inherit_intermediate_values.validator
    def _not_inherited(self, _: object, given: bool) -> None:
        if given:
            raise InvalidArgument(
                "a retry reports from its first step on, so inherit_intermediate_values is not possible: let the objective "
                "pause with a checkpoint (trial.pause), and its trial is resumed with its reports"
            )

    def __call__(self, study: Study, trial: FrozenTrial) -> None:
        """Enqueue `trial` in `study` again if it failed and may be retried."""
        if trial.state is not TrialState.FAIL:
            return
        if self.lost_only and not is_lost(trial):
            return
        original, retries = lineage(trial)
        if self.max_retry is not None and retries >= self.max_retry:
            return
        history = [*self.retry_history(trial), trial.number]
        attributes = {**trial.user_attrs, _ORIGINAL: original, _RETRY: retries + 1, _HISTORY: history}
        study.enqueue_trial({**trial.fixed_params, **trial.params}, attributes)

    @staticmethod
    def retried_trial_number(trial: FrozenTrial) -> int | None:
        """Return the number of the trial that was tried first, or None if `trial` is not a retry."""
        original, retries = lineage(trial)
        return original if retries else None

    @staticmethod
    def retry_history(trial: FrozenTrial) -> list[int]:
        """Return the numbers of the trials that failed before `trial`, which retries them; the first one was tried first."""
        return [*trial.user_attrs.get(_HISTORY, ())]


def lineage(trial: FrozenTrial) -> tuple[int, int]:
    """Return the number of the trial that was tried first, and which retry of it `trial` is: 0 if it is not a retry.

    Example:
        >>> lineage(FrozenTrial(7, TrialState.FAIL))
        (7, 0)
    """
    original, retry = as_int(trial.user_attrs.get(_ORIGINAL)), as_int(trial.user_attrs.get(_RETRY))
    if original is None or retry is None:
        return trial.number, 0
    return original, retry
