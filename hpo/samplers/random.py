"""Random search: independent draws, each parameter from a stream of its own."""

from __future__ import annotations

import attrs

from hpo.core import (
    BuiltInSampler,
    FrozenTrial,
    Key,
    SearchSpace,
    StudyState,
    Suggestion,
    checked_seed,
)


@attrs.frozen
class RandomSampler(BuiltInSampler):
    """Draws every parameter independently: uniformly from the range, its logarithm, its grid points or the choices.

    A value is a function of the seed, the trial's number and the parameter's name alone: adding, dropping or reordering
    parameters leaves the other values as they are, and so does running several trials at a time. O(parameters) per
    suggestion, whatever the history.

    Source: Bergstra and Bengio, "Random Search for Hyper-Parameter Optimization", JMLR 2012.

    Args:
        seed: Replaces the study's seed; None means to use the study's.

    Raises:
        InvalidType: the seed is not an int.

    Example:
        >>> import hpo
        >>> study = hpo.create_study(sampler=RandomSampler(seed=10))
        >>> study.optimize(lambda trial: trial.suggest_float("x", -10, 10) ** 2, n_trials=3)
    """

    seed: int | None = attrs.field(default=None, converter=checked_seed)

    @property
    def samples_one_by_one(self) -> bool:
        """Whether this sampler asks Optuna's way for each parameter by itself: it does."""
        return True

    def __call__(self, state: StudyState, trial: FrozenTrial, space: SearchSpace, key: Key) -> Suggestion:
        """Return a random value for every parameter of `space`; the streams are those of the names in `key`."""
        units = key.uniforms(space)  # one stream per name, so other names do not matter
        return Suggestion({name: dist.from_unit(unit) for (name, dist), unit in zip(space.items(), units, strict=True)})

    def suggest_lone(self, state: StudyState, trial: FrozenTrial, space: SearchSpace, key: Key) -> Suggestion:
        """Return the value that the lone parameter would have in a joint suggestion: a name has one stream."""
        # the key of a lone parameter is a child of the trial's, under the parameter's name
        return RandomSampler.__call__(self, state, trial, space, key.parent)  # not that of a subclass, which asks here
