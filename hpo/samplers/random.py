"""Random search."""

from __future__ import annotations

from typing import Any

import attrs

from hpo.core.distributions import Distribution
from hpo.core.key import Key
from hpo.core.sampling import Suggestion, checked_seed, is_asked_alone, trial_key
from hpo.core.space import SearchSpace
from hpo.core.state import StudyState
from hpo.core.study_view import HasState
from hpo.core.trial import FrozenTrial


@attrs.frozen
class RandomSampler:
    """Independent draws: uniform over the range, its logarithm, its grid points, or the choices.

    A value is a function of the seed, the trial's number and the parameter's name alone: adding, dropping or reordering
    parameters leaves the others as they are, and so does running several trials at a time. O(parameters) per
    suggestion, whatever the history.

    Source: Bergstra and Bengio, "Random Search for Hyper-Parameter Optimization", JMLR 2012.

    Args:
        seed: Takes the place of the study's seed; None means the study's.

    Raises:
        InvalidType: the seed is no int.

    Example:
        >>> import hpo
        >>> study = hpo.create_study(sampler=RandomSampler(seed=10))
        >>> study.optimize(lambda trial: trial.suggest_float("x", -10, 10) ** 2, n_trials=3)
    """

    seed: int | None = attrs.field(default=None, converter=checked_seed)

    def __call__(self, state: StudyState, trial: FrozenTrial, space: SearchSpace, key: Key) -> Suggestion:
        """See `Sampler`."""
        # a parameter has one stream, be it asked for alone or with others
        units = (key.parent if is_asked_alone(space, key) else key).uniforms(space)
        return Suggestion({name: dist.from_unit(unit) for (name, dist), unit in zip(space.items(), units, strict=True)})

    def sample_independent(
        self, study: HasState, trial: FrozenTrial, param_name: str, param_distribution: Distribution
    ) -> Any:
        """One parameter, for class-based samplers that leave it to chance (see `hpo.samplers.BaseSampler`).

        Args:
            study: The study that the class-based sampler was given.
            trial: The trial that needs the value; its number and the study's seed decide, so that asking twice gives
                the same value.
            param_name: The parameter.
            param_distribution: What to draw from.

        Returns:
            The value that this sampler would give if it were the study's own.
        """
        space = SearchSpace({param_name: param_distribution})
        key = trial_key(study.state, self, trial.number).child(param_name)
        return self(study.state, trial, space, key).params[param_name]
