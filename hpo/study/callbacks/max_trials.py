"""The number of trials of a study over all its workers: a callback that stops a run, and whether one more may start."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from hpo.core import FrozenTrial, StudyState, TrialState, checked_states, to_int_if_whole, whole_from
from hpo.stopping.rules import MaxTrials, number_of_trials

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


@attrs.frozen(eq=False)
class EnoughTrials(Exception):  # noqa: N818 - it ends a run, and is not an error
    """A study would have too many trials if one more were started.

    Args:
        total: How many it may have.
        n_trials: How many it has without those that are running.
    """

    total: MaxTrials
    n_trials: int

    @property
    def for_now(self) -> bool:
        """Whether the end of a running trial may change that."""
        return self.n_trials < self.total.n_trials

    def __str__(self) -> str:
        places = f", and running trials hold {'the rest' if self.n_trials else 'all places'}" if self.for_now else ""
        return f"it has {self.n_trials} trials of the {self.total.n_trials} that total_trials allows{places}"


def check_room(total: MaxTrials, state: StudyState, *, resumes: bool) -> None:
    """Check that one more trial may start without a risk that the study gets more than `total`.

    A running trial may end in a state that counts, so it holds a place until it ends or pauses. A trial that waits in the queue
    takes its place when it starts.

    Args:
        total: The number of trials, and the states that count.
        state: The study.
        resumes: Whether a paused trial is to be resumed, which has its place already if paused trials count.

    Raises:
        EnoughTrials: it may not.

    Example:
        >>> check_room(MaxTrials(1), StudyState.create(), resumes=False)
    """
    counted = [
        each
        for each in (TrialState if total.states is None else total.states)
        if each not in (TrialState.WAITING, TrialState.RUNNING)
    ]
    there = number_of_trials(state, counted)
    if there + len(state.running) + (0 if resumes and TrialState.PAUSED in counted else 1) > total.n_trials:
        raise EnoughTrials(total, there)
