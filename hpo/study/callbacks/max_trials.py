"""A callback that stops a run at a number of trials."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from hpo.core import FrozenTrial, TrialState, checked_states, to_int_if_whole, whole_from
from hpo.stopping.rules import number_of_trials

if TYPE_CHECKING:
    from hpo.study.study import Study


@attrs.frozen
class MaxTrialsCallback:
    """Stops a run of `Study.optimize` when the study has `n_trials` trials.

    The argument `n_trials` of `Study.optimize` counts the trials of one run. This callback counts the trials of the
    study, from all runs and workers. A study that has enough already starts no more. Trials that are running when there
    are enough are finished, so there may be a few more.

    Args:
        n_trials: How many trials are enough.
        states: The states of the trials that count; None counts all, also running and waiting ones.

    Raises:
        InvalidArgument: `n_trials` is not a whole number of at least 0.
        InvalidType: `states` holds something that is not a state.

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

    def before_run(self, study: Study) -> None:
        """Stop the run of `study`, before its first trial, if it has enough trials without those that wait to be run."""
        begun = [state for state in self.states or TrialState if state is not TrialState.WAITING]
        if number_of_trials(study.state, begun) >= self.n_trials:
            study.stop()
