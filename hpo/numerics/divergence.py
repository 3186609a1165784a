"""Pearson's divergence between a part of a sample and all of it, from counts in cells, with what chance alone would give.

A sample of `n` points has `m` that are singled out. Both fall into the same `b` cells. With the shares ``t`` of the cells
among the singled-out points and ``r`` among all, Pearson's divergence is ``D = sum(t**2 / r) - 1``: 0 if a cell says
nothing about who is singled out, and ``k - 1`` if all singled-out points are in one of `k` equal cells.

Chance alone gives a positive ``D`` as well: on average about ``(b - 1) / m``, with a standard deviation of
``sqrt(2 (b - 1)) / m``. `PearsonDivergence` subtracts it.
"""

from __future__ import annotations

import math

import attrs
import numpy as np
from numpy.typing import NDArray

N_NULL = 1000  # random choices of the points for the noise floor
N_RESAMPLED = 200  # bootstrap samples for the interval


@attrs.frozen(eq=False)
class PearsonDivergence:
    """The divergence of one table of counts.

    Args:
        chosen: How many singled-out points each cell has, ``(b,)``.
        everyone: How many points each cell has, ``(b,)``, each at least 1 and at least as many as `chosen`. None if the
            shares of all points are known, and are `shares`.
        shares: The shares of the cells, ``(b,)``, positive with the sum 1.

    Make one by `within` or `from_known`.

    Example:
        >>> PearsonDivergence.within(np.array([100, 0]), np.array([500, 500])).plain
        1.0
        >>> even = PearsonDivergence.within(np.array([50, 50]), np.array([500, 500]))
        >>> even.plain, even.corrected < 0.0, 0.0 < even.estimate < 0.01
        (0.0, True, True)
    """

    chosen: NDArray[np.int64]
    everyone: NDArray[np.int64] | None
    shares: NDArray[np.float64]

    @staticmethod
    def within(chosen: NDArray[np.int64], everyone: NDArray[np.int64]) -> PearsonDivergence:
        """Return the divergence of a part of a sample from the sample."""
        return PearsonDivergence(chosen, everyone, everyone / everyone.sum())

    @staticmethod
    def from_known(chosen: NDArray[np.int64], shares: NDArray[np.float64]) -> PearsonDivergence:
        """Return the divergence of a sample from known shares of the cells."""
        return PearsonDivergence(chosen, None, shares)

    @property
    def n_chosen(self) -> int:
        """The number of singled-out points, `m`."""
        return int(self.chosen.sum())

    @property
    def says_nothing(self) -> bool:
        """Whether the table can't tell anything: one cell only, no point singled out, or all of them."""
        m = self.n_chosen
        return len(self.chosen) < 2 or m == 0 or (self.everyone is not None and m == int(self.everyone.sum()))

    @property
    def plain(self) -> float:
        """The divergence of the counts as they are."""
        return float(_divergence(self.chosen / self.n_chosen, self.shares))

    @property
    def expected_by_chance(self) -> float:
        """The mean of `plain` if the points were singled out at random."""
        # exactly so for a choice without replacement: the mean of the hypergeometric distribution's chi-squared
        m, spare = self.n_chosen, 1.0
        if self.everyone is not None:
            n = int(self.everyone.sum())
            spare = (n - m) / (n - 1)
        return (len(self.chosen) - 1) / m * spare

    @property
    def corrected(self) -> float:
        """`plain` without what chance gives on average; it may be below 0."""
        return self.plain - self.expected_by_chance

    @property
    def estimate(self) -> float:
        """`corrected`, bent so that it is always above 0: next to it where it is large, and smaller than chance where not.

        This is ``(c + sqrt(c**2 + s**2)) / 2`` with the standard deviation `s` of chance: it grows with `c`, so that it
        compares with `floor` as the divergences themselves do.
        """
        return 0.0 if self.says_nothing else self._bent(self.corrected)

    def floor(self, generator: np.random.Generator, level: float) -> float:
        """Return what `estimate` would stay below, with the probability `level`, if the points were singled out at random."""
        if self.says_nothing:
            return 0.0
        m = self.n_chosen
        if self.everyone is None:
            drawn = generator.multinomial(m, self.shares, size=N_NULL)
        else:
            drawn = generator.multivariate_hypergeometric(self.everyone, m, size=N_NULL, method="marginals")
        divergences = _divergence(drawn / m, self.shares)
        return self._bent(float(np.quantile(divergences, level, method="higher")) - self.expected_by_chance)

    def interval(self, generator: np.random.Generator, level: float) -> tuple[float, float]:
        """Return an interval for the divergence, which holds `estimate`: bootstrap over the points.

        Resampling adds chance to a sample that has some already, so what the samples have more than the sample itself is
        not taken for a part of the divergence: it is their distance from `plain` that is added to `corrected`.
        """
        if self.says_nothing:
            return 0.0, 0.0
        m = self.n_chosen
        chosen = generator.multinomial(m, self.chosen / m, size=N_RESAMPLED)
        shares = np.broadcast_to(self.shares, chosen.shape)
        if self.everyone is not None:
            rest = self.everyone - self.chosen
            drawn = chosen + generator.multinomial(int(rest.sum()), rest / rest.sum(), size=N_RESAMPLED)
            shares = drawn / drawn.sum(axis=1, keepdims=True)
        errors = _divergence(chosen / m, shares) - self.expected_by_chance - self.plain
        low, high = np.quantile(errors, [0.5 - 0.5 * level, 0.5 + 0.5 * level]).tolist()
        estimate = self.estimate
        return min(max(self.corrected + low, 0.0), estimate), max(self.corrected + high, estimate)

    def _bent(self, corrected: float) -> float:
        spread = math.sqrt(2.0 * (len(self.chosen) - 1)) / self.n_chosen
        # the same number in another form where the sum would cancel
        root = math.hypot(corrected, spread)
        return 0.5 * (corrected + root) if corrected > 0.0 else 0.5 * spread**2 / (root - corrected)


def _divergence(t: NDArray[np.float64], r: NDArray[np.float64]) -> NDArray[np.float64]:
    # A cell without points of its own has none that are singled out either: it adds nothing.
    ratios = np.divide(t * t, r, out=np.zeros(np.broadcast(t, r).shape), where=r > 0.0)
    divergences: NDArray[np.float64] = np.maximum(ratios.sum(axis=-1) - 1.0, 0.0)
    return divergences
