"""Studies as class-based samplers and pruners see them: read-only, with the attributes of `hpo.Study`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Protocol, runtime_checkable

import attrs

from hpo.core.memory import History, settled
from hpo.core.state import StudyState
from hpo.core.values import FrozenTrial, StudyDirection, TrialState
from hpo.core.views import best_trial, best_trials, trials_in
from hpo.errors import InvalidType, SeveralObjectives


@runtime_checkable
class HasState(Protocol):
    """A study: any object with a `StudyState`."""

    @property
    def state(self) -> StudyState:
        """The state of the study at this moment."""
        ...


class StudyQuestions:
    """What can be asked of anything that has the state of a study; a base class of `hpo.Study` and `StudyView`."""

    __slots__ = ()

    @property
    def state(self) -> StudyState:
        """The state of the study, an immutable value."""
        raise NotImplementedError

    @property
    def trials(self) -> list[FrozenTrial]:
        """All trials, whatever their states, ordered by number; O(trials)."""
        return self.get_trials()

    def get_trials(self, deepcopy: bool = True, states: Iterable[TrialState | str] | None = None) -> list[FrozenTrial]:
        """Return all trials, or those in some states, ordered by number.

        Args:
            deepcopy: Accepted for programs that pass it; trials are immutable, so nothing needs to be copied.
            states: The states to include, as `TrialState` or by name; None includes all.

        Raises:
            InvalidType: `states` is not a collection of states.
        """
        return trials_in(self.state, states)

    @property
    def best_trial(self) -> FrozenTrial:
        """The complete trial with the best value. Feasible trials rank before infeasible ones.

        Raises:
            SeveralObjectives: the study has several directions, so it has `best_trials`.
            NoCompletedTrial: no trial is complete.
        """
        return best_trial(self.state)

    @property
    def best_trials(self) -> list[FrozenTrial]:
        """The Pareto front: the complete trials that no other trial dominates, ordered by number."""
        return best_trials(self.state)

    @property
    def best_params(self) -> dict[str, Any]:
        """The parameters of `best_trial`, which has the same errors."""
        self._check_one_direction("best_params", "best_trials")
        return dict(best_trial(self.state).params)

    @property
    def best_value(self) -> float:
        """The value of `best_trial`, which has the same errors."""
        self._check_one_direction("best_value", "best_trials")
        value = best_trial(self.state).value
        assert value is not None, "only a complete trial is the best one"
        return value

    @property
    def direction(self) -> StudyDirection:
        """The direction of the only objective: minimize or maximize.

        Raises:
            SeveralObjectives: the study has several directions.
        """
        self._check_one_direction("direction", "directions")
        return self.directions[0]

    @property
    def directions(self) -> list[StudyDirection]:
        """The direction of each objective: minimize or maximize."""
        return [StudyDirection(direction) for direction in self.state.directions]

    @property
    def seed(self) -> int:
        """The root of the study's random numbers, which was given or drawn when it was created."""
        return self.state.seed

    @property
    def user_attrs(self) -> dict[str, Any]:
        """The user attributes of the study; `Study.set_user_attr` sets one."""
        return settled(self.state.user_attrs)

    @property
    def metric_names(self) -> list[str] | None:
        """The names of the objectives, or None if they have no names."""
        return None if self.state.metric_names is None else list(self.state.metric_names)

    def _check_one_direction(self, asked: str, instead: str) -> None:
        # here and not only in `best_trial`, so that the message names the attribute that was read
        if len(self.state.directions) != 1:
            raise SeveralObjectives(asked, instead)


@attrs.frozen
class StudyView(StudyQuestions):
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
    def study_name(self) -> str:
        """The study's name."""
        return self.state.name


def state_of(study: object) -> StudyState:
    """Return the state of a study, of a view of one, or of a list of trials.

    Raises:
        InvalidType: it is something else.
    """
    if isinstance(study, StudyState):
        return study
    state = getattr(study, "state", None)
    if isinstance(state, StudyState):
        return state
    if isinstance(study, Sequence) and all(isinstance(trial, FrozenTrial) for trial in study):
        # a list of trials is a history without a study around it
        return StudyState(finished=History([trial for trial in study if trial.state.is_finished()]))
    raise InvalidType(f"expected a study, its state or a list of its trials; got {study!r}")
