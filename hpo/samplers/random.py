"""Random search."""

from __future__ import annotations

from typing import Any

import attrs

from hpo.core import (
    Distribution,
    FrozenTrial,
    HasState,
    Key,
    SearchSpace,
    StudyState,
    Suggestion,
    checked_seed,
    trial_key,
)


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
        units = key.uniforms(space)
        return Suggestion({name: dist.from_unit(unit) for (name, dist), unit in zip(space.items(), units, strict=True)})

    def suggest_lone(self, state: StudyState, trial: FrozenTrial, space: SearchSpace, key: Key) -> Suggestion:
        """Return the value that the lone parameter would have in a joint suggestion: a name has one stream."""
        return self(state, trial, space, key.parent)

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
        return self.suggest_lone(study.state, trial, space, key).params[param_name]
