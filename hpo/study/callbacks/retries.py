"""A callback that retries failed trials."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from hpo.core import FrozenTrial, TrialState, as_int, to_int_if_whole, whole_from
from hpo.study.running.workers import is_lost

if TYPE_CHECKING:
    from hpo.study.study import Study

_ORIGINAL, _RETRY = "retried_from", "retry"


@attrs.frozen
class RetryFailedTrials:
    """Enqueues failed trials again, with their parameters and user attributes.

    It is a callback for `Study.optimize`, and can be called with the trials that `Study.fail_lost_trials` returns. Each
    failed trial is given to the callbacks of one process only, so it is retried at most once, however many workers do
    this. It is not retried if that process dies between the failure and the retry.

    The new trial has two more user attributes: ``retried_from``, the number of the trial that was tried first, and
    ``retry``, which is 1 for the first retry. Parameters that the failed trial did not have yet are sampled.

    Args:
        max_retry: How often a trial is retried at most, counted from the trial that was tried first; None means no limit.
        lost_only: Whether to retry only trials whose workers died: their reason begins with ``"lost:"``. False retries
            every failed trial, which makes sense if the objective fails at random.

    Raises:
        InvalidArgument: `max_retry` is not a whole number of at least 0.

    Example:
        >>> import hpo
        >>> study = hpo.create_study(sampler=hpo.samplers.RandomSampler(), seed=1)
        >>> retry = RetryFailedTrials(max_retry=2, lost_only=False)
        >>> def objective(trial):
        ...     trial.suggest_float("x", 0, 1)
        ...     raise OSError("the machine is on fire")
        >>> study.optimize(objective, n_trials=3, catch=OSError, callbacks=[retry])
        >>> [trial.user_attrs for trial in study.trials]
        [{}, {'retried_from': 0, 'retry': 1}, {'retried_from': 0, 'retry': 2}]
        >>> len({trial.params["x"] for trial in study.trials})
        1
    """

    max_retry: int | None = attrs.field(default=None, converter=to_int_if_whole, validator=whole_from(0, optional=True))
    lost_only: bool = attrs.field(default=True, kw_only=True)

    def __call__(self, study: Study, trial: FrozenTrial) -> None:
        """Enqueue `trial` in `study` again if it failed and may be retried."""
        if trial.state is not TrialState.FAIL:
            return
        if self.lost_only and not is_lost(trial):
            return
        original, retries = lineage(trial)
        if self.max_retry is not None and retries >= self.max_retry:
            return
        attributes = {**trial.user_attrs, _ORIGINAL: original, _RETRY: retries + 1}
        study.enqueue_trial({**trial.fixed_params, **trial.params}, attributes)


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
