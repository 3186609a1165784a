"""Questions about the front of a study with several objectives, as methods of `hpo.Study`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import hpo.pareto  # its names, and numpy, are imported when they are used
from hpo.core import StudyQuestions


class FrontQuestions(StudyQuestions):
    """What can be asked about the feasible front; `hpo.pareto` has the same and more as pure functions."""

    __slots__ = ()

    def hypervolume(
        self, reference_point: Mapping[str, float] | Sequence[float] | None = None
    ) -> hpo.pareto.Hypervolume:
        """Return how much of the space of values the feasible front dominates; see `hpo.pareto.hypervolume`.

        Args:
            reference_point: A value for each objective, by name or in order. None takes
                `hpo.pareto.default_reference_point`, which moves with the front.

        Raises:
            InvalidArgument: the reference point lacks an objective, or has another name or a number that is not finite.
            InvalidType: it is neither a mapping nor a sequence of numbers.
        """
        return hpo.pareto.hypervolume(self.state, reference_point)

    def hypervolume_history(
        self, reference_point: Mapping[str, float] | Sequence[float] | None = None
    ) -> dict[int, float]:
        """Return the hypervolume after each finished trial, by its number; see `hpo.pareto.hypervolume_history`.

        Args:
            reference_point: As for `hypervolume`; the default is that of the study as it is now.

        Raises:
            InvalidArgument: as for `hypervolume`, or there are more than six objectives.
            InvalidType: as for `hypervolume`.
        """
        return hpo.pareto.hypervolume_history(self.state, reference_point)

    def knee(self) -> hpo.pareto.Choice:
        """Return the trial of the feasible front from which any move gives up as much as it gains; see `hpo.pareto.knee`.

        Raises:
            NoFeasibleTrial: no trial is complete and feasible.
        """
        return hpo.pareto.knee(self.state)

    def choose(
        self,
        *,
        weights: Mapping[str, float] | Sequence[float] | None = None,
        bounds: Mapping[str, float] | None = None,
        preferences: Sequence[tuple[int, int]] | None = None,
    ) -> hpo.pareto.Choice:
        """Return the trial of the feasible front that suits wishes best, and why; see `hpo.pareto.choose`.

        Args:
            weights: How much each objective counts, by name or in order.
            bounds: The worst value that is allowed, by the name of an objective.
            preferences: Pairs of numbers of trials on the front, of which the first is preferred.

        Raises:
            NoFeasibleTrial: no trial is complete and feasible.
            InvalidArgument: nothing is given, weights and preferences are both given, or one of them is wrong.
            InvalidType: an argument is of another type.
        """
        return hpo.pareto.choose(self.state, weights=weights, bounds=bounds, preferences=preferences)
