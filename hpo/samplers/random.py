"""Random search."""

from __future__ import annotations

import attrs

from hpo.core.key import Key
from hpo.core.sampling import Suggestion
from hpo.core.space import SearchSpace
from hpo.core.state import StudyState
from hpo.core.trial import FrozenTrial


@attrs.frozen
class RandomSampler:
    """Independent draws: uniform over the range, its logarithm, its grid points, or the choices.

    Each parameter has its own stream, so that adding, dropping or reordering parameters leaves the values of the
    others as they are. O(parameters) per suggestion, whatever the history.

    Source: Bergstra and Bengio, "Random Search for Hyper-Parameter Optimization", JMLR 2012.

    Args:
        seed: Takes the place of the study's seed; None means the study's.

    Example:
        >>> import hpo
        >>> study = hpo.create_study(sampler=RandomSampler(seed=10))
        >>> study.optimize(lambda trial: trial.suggest_float("x", -10, 10) ** 2, n_trials=3)
    """

    seed: int | None = None

    def __call__(self, state: StudyState, trial: FrozenTrial, space: SearchSpace, key: Key) -> Suggestion:
        """See `Sampler`."""
        units = key.uniforms(space)
        return Suggestion({name: dist.from_unit(unit) for (name, dist), unit in zip(space.items(), units, strict=True)})
