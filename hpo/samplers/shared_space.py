"""The search space that the trials of a study share, under the names that Optuna's programs use."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence

import attrs

from hpo.core import Distribution, FrozenTrial, HasState, StudyState, intersection_space, state_of
from hpo.errors import InvalidArgument


def intersection_search_space(
    trials: HasState | StudyState | Sequence[FrozenTrial], include_pruned: bool = False, ordered_dict: bool = False
) -> dict[str, Distribution]:
    """Return the parameters that every complete trial has with the same distribution, sorted by name.

    O(trials completed since the study was last asked); for a list of trials O(trials).

    Args:
        trials: A list of trials, a `Study`, a `StudyView` or a `StudyState`.
        include_pruned: Whether pruned trials count as well.
        ordered_dict: Whether to return an `OrderedDict` instead of a dict.

    Raises:
        InvalidType: `trials` is something else.

    Example:
        >>> from hpo import FloatDistribution, create_trial
        >>> x, y = FloatDistribution(0, 1), FloatDistribution(0, 2)
        >>> intersection_search_space([
        ...     create_trial(value=0.0, params={"x": 1.0}, distributions={"x": x}),
        ...     create_trial(value=0.0, params={"x": 0.5, "y": 2.0}, distributions={"x": x, "y": y}),
        ... ])
        {'x': FloatDistribution(low=0.0, high=1.0)}
    """
    # a fold of the history: nothing is computed twice
    space = intersection_space(state_of(trials), include_pruned=include_pruned)
    return OrderedDict(space) if ordered_dict else dict(space)


@attrs.define(eq=False)
class IntersectionSearchSpace:
    """Computes `intersection_search_space` for one study, and refuses another study.

    Args:
        include_pruned: Whether pruned trials count as well.

    Example:
        >>> state = StudyState.create(name="digits")
        >>> IntersectionSearchSpace().calculate(state)
        {}
    """

    include_pruned: bool = False
    _study: tuple[str, int] | None = attrs.field(default=None, init=False)

    def calculate(
        self, study: HasState | StudyState | Sequence[FrozenTrial], use_cache: bool = False
    ) -> dict[str, Distribution]:
        """Return the parameters that every complete trial has with the same distribution.

        Args:
            study: See `intersection_search_space`.
            use_cache: Accepted: nothing is computed twice in any case.
            ordered_dict: Whether to return an `OrderedDict` instead of a dict.

        Raises:
            InvalidArgument: an earlier call was for a study of another name or seed.
            InvalidType: `study` is not a study.
        """
        if not isinstance(study, Sequence):
            state = state_of(study)
            given = state.name, state.seed  # a copy of the study in another process counts as the same study
            if self._study not in (None, given):
                raise InvalidArgument(
                    f"this IntersectionSearchSpace is for the study {self._study[0]!r}, got {state.name!r}: "
                    "make one for each study"
                )
            self._study = given
        return intersection_search_space(study, self.include_pruned)
