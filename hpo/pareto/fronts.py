"""The feasible front of a study, and how its trials stand to each other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import attrs
import numpy as np
from numpy.typing import NDArray

from hpo.core import FrozenTrial, HasState, ParetoFront, StudyState, TrialState, losses, state_of, violation
from hpo.core.memory.rows import Rows
from hpo.errors import InvalidArgument, InvalidType, NoFeasibleTrial
from hpo.numerics.pareto import nondomination, spread

ReferencePoint: TypeAlias = Mapping[str, float] | Sequence[float]
"""A value for each objective, by name or in order."""


def with_directions(study: HasState | StudyState) -> StudyState:
    """Return the state of a study, whose directions say what is better.

    Raises:
        InvalidType: it is neither a study nor a state; a list of trials has no directions.
    """
    if isinstance(study, Sequence):
        raise InvalidType("a front needs a study or its state, for the directions of the objectives; got a sequence")
    return state_of(study)


@attrs.frozen(eq=False)
class Objectives:
    """The objectives of a study, with their names.

    Attributes:
        directions: "minimize" or "maximize", ``m`` of them.
        names: Their names.
    """

    directions: tuple[str, ...]
    names: tuple[str, ...]

    @classmethod
    def of(cls, state: StudyState) -> Objectives:
        """Return the objectives of a study."""
        m = len(state.directions)
        names = state.metric_names or tuple([f"objective {number}" for number in range(m)])
        return cls(tuple(state.directions), tuple(names))

    def losses(self, values: Sequence[float]) -> NDArray[np.float64]:
        """Return values as losses, less is better, and back, ``(m,)``."""
        return np.array(losses(self.directions, values))

    def by_name(self, values: Sequence[float]) -> dict[str, float]:
        """Return values by the names of the objectives."""
        return dict(zip(self.names, map(float, values), strict=True))

    def numbers(self, given: object, what: str, *, all_of_them: bool = True) -> dict[str, float]:
        """Return numbers that were given for objectives by name.

        Args:
            given: A mapping by name, or one number for each objective in order.
            what: What they are, for messages.
            all_of_them: Whether each objective needs one; otherwise some do.

        Raises:
            InvalidType: `given` is something else.
            InvalidArgument: a name is not one of an objective, there are too many or too few, or one is NaN.
        """
        if isinstance(given, Mapping):
            found = dict(given)
        elif isinstance(given, Sequence | np.ndarray) and not isinstance(given, str | bytes):
            if len(given) != len(self.names):
                raise InvalidArgument(f"{what} need one number for each of {list(self.names)}, got {list(given)}")
            found = dict(zip(self.names, given, strict=True))
        else:
            raise InvalidType(f"{what} are numbers by name, or one for each objective in order; got {given!r}")
        unknown = [name for name in found if name not in self.names]
        missing = [name for name in self.names if name not in found] if all_of_them else []
        if unknown or missing or not found:
            allowed = "all" if all_of_them else "some"
            raise InvalidArgument(f"{what} are for {allowed} of the objectives {list(self.names)}, got {list(found)}")
        return {name: self._number(found[name], what, name) for name in self.names if name in found}

    def _number(self, given: Any, what: str, name: str) -> float:
        try:
            number = float(given)
        except (TypeError, ValueError):
            raise InvalidType(f"{what} are numbers, got {given!r} for {name!r}") from None
        if number != number:
            raise InvalidArgument(f"{what} are numbers, got NaN for {name!r}")
        return number


@attrs.frozen(eq=False)
class FeasibleFront:
    """The feasible front of a study.

    Attributes:
        objectives: The objectives.
        trials: Its trials by number, ``n`` of them.
        losses: Their losses, ``(n, m)``.
    """

    objectives: Objectives
    trials: tuple[FrozenTrial, ...]
    losses: NDArray[np.float64]

    @classmethod
    def of(cls, state: StudyState) -> FeasibleFront:
        """Return the feasible front of a study; O(front) for each trial that is new since the last question."""
        objectives = Objectives.of(state)
        found = state.finished.fold(ParetoFront(objectives.directions))
        if found is None or found.violation:
            return cls(objectives, (), np.empty((0, len(objectives.directions))))
        return cls(objectives, found.trials, found.losses.T)

    def check_not_empty(self, state: StudyState) -> None:
        """Check that there is a trial on the front of a study.

        Raises:
            NoFeasibleTrial: there is none.
        """
        if not self.trials:
            complete = sum(trial.state is TrialState.COMPLETE for trial in state.finished)
            raise NoFeasibleTrial(state.n_trials, complete)

    @property
    def numbers(self) -> list[int]:
        """The numbers of the trials."""
        return [trial.number for trial in self.trials]


@attrs.frozen
class TradeOff:
    """The trial of the front that is nearest to a chosen one among those better in one objective.

    Attributes:
        objective: The name of the objective that is better there.
        trial: The trial.
        gains: By how much its values are better, by name, each above 0.
        gives_up: By how much its values are worse, by name, each above 0.
        shares: The same in shares of the front's range: above 0 for a gain and below 0 for a loss.
    """

    objective: str
    trial: FrozenTrial
    gains: dict[str, float] = attrs.field(hash=False)
    gives_up: dict[str, float] = attrs.field(hash=False)
    shares: dict[str, float] = attrs.field(hash=False)


@attrs.frozen
class FeasibleLosses:
    """Fold: the complete, feasible trials in the order told, as rows of their number and their losses.

    Args:
        directions: The directions of the study.
    """

    directions: tuple[str, ...]

    def init(self) -> Rows:
        """Return the carry of no trials."""
        return Rows(1 + len(self.directions))

    def step(self, carry: Rows, trial: FrozenTrial) -> Rows:
        """Return the carry after one more finished trial."""
        if trial.state is not TrialState.COMPLETE or trial.values is None or violation(trial):
            return carry
        return carry.with_row([float(trial.number), *losses(self.directions, trial.values)])


def objective_names(study: HasState | StudyState) -> tuple[str, ...]:
    """Return the names by which a study's objectives are called here: its metric names, or "objective 0" and so on.

    Args:
        study: The study, or its state.

    Example:
        >>> import hpo
        >>> objective_names(hpo.StudyState.create(directions=["minimize", "maximize"]))
        ('objective 0', 'objective 1')
    """
    return Objectives.of(with_directions(study)).names


def front(study: HasState | StudyState) -> list[FrozenTrial]:
    """Return the feasible Pareto front: the complete, feasible trials that no other one dominates, ordered by number.

    One trial dominates another if it is better in one objective and worse in none. Where no trial is feasible, the
    front is empty. With one objective, the front is the trials with the best value. O(front) for each trial that is new
    since the last question.

    Args:
        study: The study, or its state.

    Example:
        >>> import hpo
        >>> study = hpo.create_study(directions=["minimize", "maximize"])
        >>> study.add_trials([hpo.create_trial(values=values) for values in ([1.0, 1.0], [2.0, 2.0], [2.0, 0.0])])
        >>> [trial.number for trial in front(study)]
        [0, 1]
    """
    return [*FeasibleFront.of(with_directions(study)).trials]


def ranks(study: HasState | StudyState) -> dict[int, int]:
    """Return the front of each complete, feasible trial, by number: 0 for the Pareto front, 1 for the front without it, ...

    O(``n log n``), and O(front) for each trial with three objectives or more.

    Args:
        study: The study, or its state.

    Source: Goldberg, "Genetic Algorithms in Search, Optimization and Machine Learning", 1989 (non-dominated sorting).

    Example:
        >>> import hpo
        >>> study = hpo.create_study(directions=["minimize", "minimize"])
        >>> study.add_trials([hpo.create_trial(values=values) for values in ([1.0, 2.0], [2.0, 3.0], [2.0, 1.0])])
        >>> ranks(study)
        {0: 0, 1: 1, 2: 0}
    """
    state = with_directions(study)
    rows = state.finished.fold(FeasibleLosses(tuple(state.directions))).array
    found = zip(
        rows[:, 0].astype(np.int64).tolist(), nondomination.nondomination_ranks(rows[:, 1:]).tolist(), strict=True
    )
    return dict(sorted(found))


def crowding(study: HasState | StudyState) -> dict[int, float]:
    """Return how far the neighbours of each trial of the feasible front are from each other, by number.

    The distances of the objectives, in units of the front's range, are added up. Trials at an end of the front are infinitely
    far from the next one; small numbers say that other trials are nearly the same.

    Args:
        study: The study, or its state.

    Source: Deb, Pratap, Agarwal and Meyarivan, "A Fast and Elitist Multiobjective Genetic Algorithm: NSGA-II", 2002,
    section III B.

    Example:
        >>> import hpo
        >>> study = hpo.create_study(directions=["minimize", "minimize"])
        >>> study.add_trials([hpo.create_trial(values=values) for values in ([0.0, 4.0], [1.0, 2.0], [4.0, 0.0])])
        >>> crowding(study)
        {0: inf, 1: 2.0, 2: inf}
    """
    found = FeasibleFront.of(with_directions(study))
    return dict(zip(found.numbers, spread.crowding_distances(found.losses).tolist(), strict=True))
