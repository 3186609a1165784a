"""Quasi-random search: points that fill the space more evenly than random ones."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

import attrs

from hpo.core import (
    Answer,
    BuiltInSampler,
    FrozenTrial,
    Key,
    Sampler,
    SearchSpace,
    StudyState,
    Suggestion,
    ask_sampler,
    checked_sampler,
    checked_seed,
    one_of,
)
from hpo.samplers.random import RandomSampler

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

# Sobol: as many as scipy has direction numbers for; Halton: beyond this, finding the primes is slow
_MOST_DIMENSIONS = {"sobol": 21_201, "halton": 4_000}
_BLOCK = 256  # points that are computed at once; a power of 2, at which Sobol points are balanced


@attrs.frozen
class QMCSampler(BuiltInSampler):
    """Suggests the points of a low-discrepancy sequence, one per trial; the trial's number is the index.

    Nothing is counted or stored, so workers, restarts and batches share one sequence without repeating a point. Every
    parameter of the joint space has a dimension, categorical ones too, in the order of the names; so the order in which
    an objective names its parameters does not matter. Declare the space, or ask with it, to use the sequence from the
    first trial on; otherwise the joint space is known when the first trial is complete. A lone parameter is drawn at
    random as `RandomSampler` does, and so are parameters beyond the dimensions of a sequence (21201 for Sobol, 4000 for
    Halton).

    With scrambling, the seed (the study's or the sampler's own) selects one of the many sequences of this kind, and
    every single point is uniformly distributed; without, the seed does not matter. O(parameters) per suggestion, and
    O(number of the trial) once per 256 trials.

    Source: Sobol', "On the distribution of points in a cube and the approximate evaluation of integrals", 1967;
    Halton, "On the efficiency of certain quasi-random sequences of points", 1960; Owen, "A randomized Halton
    algorithm in R", 2017; Bergstra and Bengio, JMLR 2012, for their use here. The sequences are those of
    `scipy.stats.qmc`.

    Args:
        qmc_type: The sequence, ``"sobol"`` or ``"halton"``.
        scramble: Whether to randomize the sequence.
        seed: Replaces the study's seed; None means to use the study's.
        independent_sampler: The sampler for lone parameters; None means a `RandomSampler`.

    Raises:
        InvalidArgument: there is no such sequence.
        InvalidType: the seed is not an int.

    Example:
        >>> import hpo
        >>> space = {"x": hpo.distributions.FloatDistribution(0, 1), "y": hpo.distributions.FloatDistribution(0, 1)}
        >>> study = hpo.create_study(sampler=QMCSampler(scramble=False), space=space)
        >>> [list(study.ask(space).params.values()) for _ in range(4)]
        [[0.0, 0.0], [0.5, 0.5], [0.75, 0.25], [0.25, 0.75]]
    """

    qmc_type: str = attrs.field(default="sobol", validator=one_of(*_MOST_DIMENSIONS), kw_only=True)
    scramble: bool = attrs.field(default=True, converter=bool, kw_only=True)
    seed: int | None = attrs.field(default=None, converter=checked_seed, kw_only=True)
    independent_sampler: Sampler | None = attrs.field(
        default=None, converter=attrs.converters.optional(checked_sampler), kw_only=True, hash=False
    )
    _warn_asynchronous_seeding: bool = attrs.field(
        default=True, alias="warn_asynchronous_seeding", eq=False, repr=False, kw_only=True
    )
    """Accepted: workers share one sequence, whatever their seeds."""
    _warn_independent_sampling: bool = attrs.field(
        default=True, alias="warn_independent_sampling", eq=False, repr=False, kw_only=True
    )
    """Accepted: there is no such warning."""

    def __call__(self, state: StudyState, trial: FrozenTrial, space: SearchSpace, key: Key) -> Suggestion:
        """Return the trial's point of the sequence, or nothing for a space without parameters."""
        if not space:
            return RandomSampler()(state, trial, space, key)
        most = _MOST_DIMENSIONS[self.qmc_type]
        names = sorted(space)
        seed = key.seed if self.scramble else 0  # an unscrambled sequence is the same for all seeds
        block, place = divmod(trial.number, _BLOCK)
        points = _points(self.qmc_type, self.scramble, seed, min(len(names), most), block)
        units = dict(zip(names, points[place].tolist(), strict=False))
        if (
            len(names) > most
        ):  # the names beyond the dimensions of the sequence are drawn at random, from streams of their own
            units |= zip(names[most:], key.uniforms(names[most:]), strict=True)
        params: dict[str, Any] = {name: distribution.from_unit(units[name]) for name, distribution in space.items()}
        return Suggestion(params, {"rule": self.qmc_type})

    def suggest_lone(self, state: StudyState, trial: FrozenTrial, space: SearchSpace, key: Key) -> Answer:
        """Return a value of the independent sampler: a lone parameter is not one of the sequence's dimensions."""
        if self.independent_sampler is None:
            return RandomSampler().suggest_lone(state, trial, space, key)
        return ask_sampler(self.independent_sampler, state, trial, space, key, lone=True)


@lru_cache(maxsize=16)
def _points(sequence: str, scramble: bool, seed: int, dimensions: int, block: int) -> npt.NDArray[np.float64]:
    """Return points ``256 * block`` to ``256 * block + 255`` of a sequence, in the unit cube.

    The result is read-only, because it is shared: a memo of a function of the arguments alone.

    Returns:
        Shape ``(256, dimensions)``, each number in [0, 1).
    """
    import numpy as np
    from scipy.stats import qmc

    # scipy spawns a child of the generator, which a Philox generator with a key, as `Key` makes, cannot have
    random = np.random.default_rng(Key(seed, ("quasi-random", sequence)).generator().integers(2**63))
    engine: qmc.QMCEngine
    if sequence == "sobol":
        engine = qmc.Sobol(dimensions, scramble=scramble, bits=32, seed=random)
    else:
        engine = qmc.Halton(dimensions, scramble=scramble, seed=random)
    if block:
        engine.fast_forward(block * _BLOCK)
    points: npt.NDArray[np.float64] = engine.random(_BLOCK)
    points.flags.writeable = False
    return points
