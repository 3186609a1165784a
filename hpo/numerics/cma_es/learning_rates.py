"""Learning rates that follow the signal in the steps of a CMA-ES, so that noise and many optima slow it down.

An update of the distribution is trusted as far as updates agree. If they point the same way for many generations, the
rate is 1; if they are mostly chance, it falls until what is left of their sum is signal. A population of the usual size
then does what otherwise needs one of hundreds.

Source: Nomura, Akimoto and Ono, "CMA-ES with Learning Rate Adaptation: Can CMA-ES with Default Population Size Solve
Multimodal and Noisy Problems?", GECCO 2023, arXiv:2304.03473, with the constants recommended there.
"""

from __future__ import annotations

import math

import attrs
import numpy as np
from numpy.typing import NDArray

_TARGET = 1.4  # alpha: the ratio of signal to noise that is held, per unit of the rate
_MEMORY_OF_MEAN = 0.1  # beta_m: how fast averages forget
_MEMORY_OF_COVARIANCE = 0.03  # beta_Sigma
_DAMPING = 0.1  # gamma: how fast a rate may change
_LEAST = 1e-300

_ARRAY = attrs.cmp_using(eq=np.array_equal)


@attrs.frozen(unsafe_hash=False)
class Rate:
    """A learning rate and the moving averages that set it.

    Attributes:
        value: The rate, above 0 and at most 1.
        drift: Moving average of the updates, any shape.
        energy: Moving average of their squared lengths.
    """

    value: float
    drift: NDArray[np.float64] = attrs.field(eq=_ARRAY)
    energy: float


@attrs.frozen
class Rates:
    """The learning rates of a distribution.

    Attributes:
        mean: Of its mean; the drift has the shape ``(n,)``.
        covariance: Of its covariance; ``(n, n)``, or ``(n,)`` where only variances are learned.
    """

    mean: Rate
    covariance: Rate


def initial_rates(n: int, *, separable: bool) -> Rates:
    """Return rates of 1 for `n` dimensions, before any update."""
    shape = (n,) if separable else (n, n)
    return Rates(Rate(1.0, np.zeros(n), 0.0), Rate(1.0, np.zeros(shape), 0.0))


def followed(rates: Rates, *, mean: NDArray[np.float64], covariance: NDArray[np.float64]) -> Rates:
    """Return the rates after one more update.

    Args:
        rates: The rates so far.
        mean: The update of the mean in the metric of the distribution, ``C^(-1/2) (m' - m) / sigma``.
        covariance: The update of the covariance in that metric, over the root of 2.

    Example:
        >>> rates, chance = initial_rates(2, separable=True), np.random.default_rng(0)
        >>> for _ in range(300):
        ...     rates = followed(rates, mean=chance.standard_normal(2), covariance=np.ones(2))
        >>> rates.mean.value < 0.2, rates.covariance.value
        (True, 1.0)
    """
    return Rates(
        _followed(rates.mean, mean, _MEMORY_OF_MEAN), _followed(rates.covariance, covariance, _MEMORY_OF_COVARIANCE)
    )


def _followed(rate: Rate, update: NDArray[np.float64], memory: float) -> Rate:
    drift = (1.0 - memory) * rate.drift + memory * update
    energy = (1.0 - memory) * rate.energy + memory * float((update * update).sum())
    directed = float((drift * drift).sum())
    # the squared length that the drift of independent updates would have; what exceeds it is signal
    by_chance = memory / (2.0 - memory) * energy
    ratio = (directed - by_chance) / max(energy - directed, _LEAST)
    # above the target the rate grows, below it shrinks, by at most a factor of exp(damping * rate) or exp(memory)
    surplus = min(max(ratio / (_TARGET * rate.value) - 1.0, -1.0), 1.0)
    value = rate.value * math.exp(min(_DAMPING * rate.value, memory) * surplus)
    return Rate(min(value, 1.0), drift, energy)
