"""Studies as class-based samplers and pruners see them: read-only, with the attributes of `hpo.Study`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Protocol, runtime_checkable

import attrs

from hpo.core.state import StudyState
from hpo.core.values import FrozenTrial, StudyDirection, TrialState
from hpo.core.views import best_trial, best_trials, trials_in
from hpo.errors import SeveralObjectives


@runtime_checkable
class HasState(Protocol):
    """A study: any object with a `StudyState`."""

    @property
    def state(self) -> StudyState:
        """The state of the study at this moment."""
        ...


@attrs.frozen
class StudyView:
    """A study at one moment, with the attributes of `hpo.Study`; nothing that happens later changes it.

    Class-based samplers and pruners get it in place of a study, because they must not depend on trials that finish
    while they work.

    Args:
        state: The state that it shows.

    Example:
        >>> StudyView(StudyState.create(name="digits", directions=["maximize"])).direction
        <StudyDirection.MAXIMIZE: 'maximize'>
    """

    state: StudyState

    @property
    def trials(self) -> list[FrozenTrial]:
        """Every trial, whatever its state, ordered by number; O(trials)."""
        return self.get_trials()

    def get_trials(self, deepcopy: bool = True, states: Iterable[TrialState | str] | None = None) -> list[FrozenTrial]:
        """Return the trials by number.

        Args:
            deepcopy: Accepted for programs that pass it; trials are immutable, so nothing needs to be copied.
            states: Only trials in one of these states; None means all.
        """
        return trials_in(self.state, states)

    @property
    def best_trial(self) -> FrozenTrial:
        """The complete trial with the best value; feasible trials come before infeasible ones.

        Raises:
            SeveralObjectives: there are several directions; read `best_trials`.
            NoCompletedTrial: there is no complete trial.
        """
        return best_trial(self.state)

    @property
    def best_trials(self) -> list[FrozenTrial]:
        """The Pareto front: the complete trials that no other one dominates, ordered by number."""
        return best_trials(self.state)

    @property
    def best_params(self) -> dict[str, Any]:
        """The parameters of the best trial; raises as `best_trial` does."""
        self._check_one_direction("best_params", "best_trials")
        return dict(best_trial(self.state).params)

    @property
    def best_value(self) -> float:
        """The value of the best trial; raises as `best_trial` does."""
        self._check_one_direction("best_value", "best_trials")
        value = best_trial(self.state).value
        assert value is not None, "only a complete trial is the best one"
        return value

    @property
    def direction(self) -> StudyDirection:
        """Whether less or more is better for the only objective.

        Raises:
            SeveralObjectives: there are several directions; read `directions`.
        """
        self._check_one_direction("direction", "directions")
        return self.directions[0]

    @property
    def directions(self) -> list[StudyDirection]:
        """Whether less or more is better, for each objective."""
        return [StudyDirection(direction) for direction in self.state.directions]

    @property
    def study_name(self) -> str:
        """The study's name."""
        return self.state.name

    @property
    def user_attrs(self) -> dict[str, Any]:
        """The attributes that users attached to the study."""
        return dict(self.state.user_attrs)

    @property
    def metric_names(self) -> list[str] | None:
        """A name per objective, or None."""
        return None if self.state.metric_names is None else list(self.state.metric_names)

    def _check_one_direction(self, asked: str, instead: str) -> None:
        # here and not only in `best_trial`, so that the message names the attribute that was read
        if len(self.state.directions) != 1:
            raise SeveralObjectives(asked, instead)
