"""An end after so many trials, whoever ran them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import attrs
from msgspec import Struct

from hpo.core import FrozenDict, FrozenTrial, StudyState, TrialState, checked_states, to_int_if_whole, whole_from

if TYPE_CHECKING:
    from hpo.study.study import Study


@attrs.frozen
class MaxTrialsCallback:
    """Lets a run of `Study.optimize` start no more trials when the study has `n_trials` of them.

    The argument `n_trials` of `Study.optimize` counts the trials of one run; this callback counts those of the study,
    of all runs and workers. Trials that run at that moment are finished, so that there may be a few more in the end.

    Args:
        n_trials: How many trials are enough; at least one is run in any case, before callbacks are called.
        states: Which trials count; None counts all, also those that run or wait.

    Raises:
        InvalidArgument: `n_trials` is no whole number from 0 on.
        InvalidType: `states` holds something else than states.

    Example:
        >>> import hpo
        >>> hpo.logging.set_verbosity(hpo.logging.WARNING)
        >>> study = hpo.create_study(sampler=hpo.samplers.RandomSampler(), seed=1)
        >>> enough = MaxTrialsCallback(5)
        >>> for _ in range(2):
        ...     study.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=3, callbacks=[enough])
        >>> len(study.trials)
        5
    """

    n_trials: int = attrs.field(converter=to_int_if_whole, validator=whole_from(0))
    states: tuple[TrialState, ...] | None = attrs.field(default=(TrialState.COMPLETE,), converter=checked_states)

    def __call__(self, study: Study, trial: FrozenTrial) -> None:
        """Stop the run of `study` if it has enough trials."""
        if number_of_trials(study.state, self.states) >= self.n_trials:
            study.stop()


def number_of_trials(state: StudyState, states: Iterable[TrialState] | None) -> int:
    """How many trials of a study are in one of `states`, or in any where that is None.

    O(trials finished since the last question).

    Example:
        >>> number_of_trials(StudyState.create(), [TrialState.COMPLETE])
        0
    """
    if states is None:
        return state.n_trials
    finished = state.finished.fold(_FinishedByState())
    counts = {
        **finished,
        TrialState.RUNNING: len(state.running),
        TrialState.WAITING: len(state.waiting),
    }
    return sum(counts.get(each, 0) for each in states)


class _FinishedByState(Struct, frozen=True):
    """Fold: how many trials ended in each state."""

    def init(self) -> FrozenDict[TrialState, int]:
        return FrozenDict()

    def step(self, carry: FrozenDict[TrialState, int], trial: FrozenTrial) -> FrozenDict[TrialState, int]:
        return carry.with_item(trial.state, carry.get(trial.state, 0) + 1)
