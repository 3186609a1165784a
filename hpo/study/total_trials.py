"""The number of trials that a study may have over all its workers: whether one more may start."""

from __future__ import annotations

import attrs

from hpo.core import StudyState, TrialState
from hpo.stopping.rules import MaxTrials, number_of_trials


@attrs.frozen(eq=False)
class EnoughTrials(Exception):  # noqa: N818 - it ends a run, which is no error
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
