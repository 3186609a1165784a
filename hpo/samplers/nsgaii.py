"""Crossovers and mutations as options of the evolutionary samplers, and base classes for those of your own.

The classes have Optuna's names. Each is a few options around a pure function of `hpo.numerics.evolution`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar

import attrs
import numpy as np
from numpy.typing import NDArray

from hpo.core import is_positive, number_from, to_float_if_number
from hpo.numerics.evolution import (
    blend,
    gaussian,
    line,
    polynomial,
    reset,
    simplex,
    simulated_binary,
    uniform,
    unimodal_normal,
    vector_simulated_binary,
)

Vector = NDArray[np.float64]

_ETA = 20.0  # of crossovers near a parent, where none is given
_PROBABILITY = number_from(0.0, 1.0)
_NOT_NEGATIVE_OR_NONE = number_from(0.0, optional=True)


class BaseCrossover(ABC):
    """A crossover of your own, in Optuna's style: a subclass has `n_parents` and `crossover`.

    Make it a function of its arguments alone, so that studies can be replayed: all chance comes from `rng`. It is called for the numeric
    parameters; categories are exchanged uniformly.

    Example:
        >>> class Middle(BaseCrossover):
        ...     n_parents = 2
        ...     def crossover(self, parents_params, rng, study, search_space_bounds):
        ...         return parents_params.mean(axis=0)
        >>> import hpo
        >>> sampler = hpo.samplers.NSGAIISampler(crossover=Middle(), population_size=4)
        >>> study = hpo.create_study(sampler=sampler, directions=["minimize", "minimize"])
        >>> study.optimize(lambda trial: (trial.suggest_float("x", 0, 1), -trial.params["x"]), n_trials=20)
    """

    def __str__(self) -> str:
        return type(self).__name__

    @property
    @abstractmethod
    def n_parents(self) -> int:
        """How many parents a child has, at least 2."""

    @abstractmethod
    def crossover(
        self, parents_params: Vector, rng: np.random.RandomState, study: Any, search_space_bounds: Vector
    ) -> Vector:
        """Return a child, ``(d,)``; a number outside of its range is brought back into it.

        Args:
            parents_params: The parents, different trials, ``(n_parents, d)``. Numbers with ``log`` are logarithms.
            rng: The random numbers of this child.
            study: A `StudyView` of the study at the moment when the trial started.
            search_space_bounds: The ends of the ranges, ``(d, 2)``.
        """


class BaseMutation(ABC):
    """A mutation of your own, in Optuna's style: a subclass has `mutation`, which is called for numeric parameters.

    Example:
        >>> class Halved(BaseMutation):
        ...     def mutation(self, param, rng, study, search_space_bounds):
        ...         return param / 2
    """

    def __str__(self) -> str:
        return type(self).__name__

    @abstractmethod
    def mutation(self, param: float, rng: np.random.RandomState, study: Any, search_space_bounds: Vector) -> float:
        """Return another number in place of `param`; one outside of the range is brought back into it.

        Args:
            param: The number; its logarithm with ``log``.
            rng: The random numbers of this child.
            study: A `StudyView` of the study at the moment when the trial started.
            search_space_bounds: The ends of the range, ``(2,)``.
        """


class PureCrossover(BaseCrossover):
    """A crossover that is a function of parents in the unit cube and of uniform numbers: `cross`."""

    n_parents: ClassVar[int] = 2

    @abstractmethod
    def cross(self, parents: Vector, uniforms: Vector) -> Vector:
        """Return a child, ``(d,)``, of parents in the unit cube, ``(n_parents, d)``, with uniform numbers, ``(3, d)``."""

    def crossover(
        self, parents_params: Vector, rng: np.random.RandomState, study: Any, search_space_bounds: Vector
    ) -> Vector:
        """Return a child, ``(d,)``, as `BaseCrossover` describes it."""
        low, high = np.asarray(search_space_bounds, dtype=np.float64).T
        width = np.where(high > low, high - low, 1.0)
        child: Vector = low + width * self.cross((parents_params - low) / width, rng.random_sample((3, len(low))))
        return child


class PureMutation(BaseMutation):
    """A mutation that is a function of a number in [0, 1] and of a uniform number: `mutate`."""

    @abstractmethod
    def mutate(self, value: float, uniform: float) -> float:
        """Return another number in [0, 1]."""

    def mutation(self, param: float, rng: np.random.RandomState, study: Any, search_space_bounds: Vector) -> float:
        """Return another number, as `BaseMutation` describes it."""
        low, high = map(float, search_space_bounds)
        if high <= low:
            return param
        return low + (high - low) * self.mutate((param - low) / (high - low), rng.random_sample())


@attrs.frozen
class UniformCrossover(PureCrossover):
    """Takes each number from one of two parents; see `hpo.numerics.evolution.crossovers.uniform`.

    Args:
        swapping_prob: The probability to take it from the second one, from 0 to 1.
    """

    swapping_prob: float = attrs.field(default=0.5, converter=to_float_if_number, validator=_PROBABILITY)

    def cross(self, parents: Vector, uniforms: Vector) -> Vector:
        """Return a child, ``(d,)``."""
        return uniform(parents, uniforms, self.swapping_prob)


@attrs.frozen
class LineCrossover(PureCrossover):
    """Draws from the line through two parents; see `hpo.numerics.evolution.crossovers.line`.

    Args:
        width: The standard deviation around the first parent, in distances of the two, above 0.
    """

    width: float = attrs.field(default=0.6, converter=to_float_if_number, validator=is_positive())

    def cross(self, parents: Vector, uniforms: Vector) -> Vector:
        """Return a child, ``(d,)``."""
        return line(parents, uniforms, self.width)


@attrs.frozen
class BLXAlphaCrossover(PureCrossover):
    """Draws from a box around two parents; see `hpo.numerics.evolution.crossovers.blend`.

    Args:
        alpha: How far the box reaches beyond the parents, in its sides; at least 0.
    """

    alpha: float = attrs.field(default=0.5, converter=to_float_if_number, validator=number_from(0.0))

    def cross(self, parents: Vector, uniforms: Vector) -> Vector:
        """Return a child, ``(d,)``."""
        return blend(parents, uniforms, self.alpha)


@attrs.frozen
class SPXCrossover(PureCrossover):
    """Draws from a simplex around three parents; see `hpo.numerics.evolution.crossovers.simplex`.

    Args:
        epsilon: How much larger than that of the parents the simplex is, at least 0; None means ``sqrt(d + 2)``.
    """

    n_parents: ClassVar[int] = 3

    epsilon: float | None = attrs.field(default=None, converter=to_float_if_number, validator=_NOT_NEGATIVE_OR_NONE)

    def cross(self, parents: Vector, uniforms: Vector) -> Vector:
        """Return a child, ``(d,)``."""
        return simplex(parents, uniforms, self.epsilon)


@attrs.frozen
class SBXCrossover(PureCrossover):
    """Draws near one of two parents; see `hpo.numerics.evolution.crossovers.simulated_binary`.

    Args:
        eta: At least 0; the larger, the nearer to a parent. None means 20.
        uniform_crossover_prob: Kept for programs that give it. Both parents count alike, so it changes nothing.
        use_child_gene_prob: The share of numbers that are crossed, above 0 and up to 1.
    """

    eta: float | None = attrs.field(default=None, converter=to_float_if_number, validator=_NOT_NEGATIVE_OR_NONE)
    uniform_crossover_prob: float = attrs.field(default=0.5, converter=to_float_if_number, validator=_PROBABILITY)
    use_child_gene_prob: float = attrs.field(
        default=0.5, converter=to_float_if_number, validator=[_PROBABILITY, is_positive()]
    )

    def cross(self, parents: Vector, uniforms: Vector) -> Vector:
        """Return a child, ``(d,)``."""
        return simulated_binary(parents, uniforms, _ETA if self.eta is None else self.eta, self.use_child_gene_prob)


@attrs.frozen
class VSBXCrossover(PureCrossover):
    """Draws near two parents, also far outside; see `hpo.numerics.evolution.crossovers.vector_simulated_binary`.

    Args:
        eta: At least 0; the larger, the nearer to a parent. None means 20.
        uniform_crossover_prob: Kept for programs that give it. Both parents count alike, so it changes nothing.
        use_child_gene_prob: The share of numbers that are crossed, above 0 and up to 1.
    """

    eta: float | None = attrs.field(default=None, converter=to_float_if_number, validator=_NOT_NEGATIVE_OR_NONE)
    uniform_crossover_prob: float = attrs.field(default=0.5, converter=to_float_if_number, validator=_PROBABILITY)
    use_child_gene_prob: float = attrs.field(
        default=0.5, converter=to_float_if_number, validator=[_PROBABILITY, is_positive()]
    )

    def cross(self, parents: Vector, uniforms: Vector) -> Vector:
        """Return a child, ``(d,)``."""
        eta = _ETA if self.eta is None else self.eta
        return vector_simulated_binary(parents, uniforms, eta, self.use_child_gene_prob)


@attrs.frozen
class UNDXCrossover(PureCrossover):
    """Draws around the middle of two parents, as wide as a third one is away; see `hpo.numerics.evolution.crossovers.unimodal_normal`.

    Args:
        sigma_xi: The standard deviation along the line of the two, in distances of them; at least 0.
        sigma_eta: The standard deviation across, at least 0; None means ``0.35 / sqrt(d)``.
    """

    n_parents: ClassVar[int] = 3

    sigma_xi: float = attrs.field(default=0.5, converter=to_float_if_number, validator=number_from(0.0))
    sigma_eta: float | None = attrs.field(default=None, converter=to_float_if_number, validator=_NOT_NEGATIVE_OR_NONE)

    def cross(self, parents: Vector, uniforms: Vector) -> Vector:
        """Return a child, ``(d,)``."""
        return unimodal_normal(parents, uniforms, self.sigma_xi, self.sigma_eta)


@attrs.frozen
class PolynomialMutation(PureMutation):
    """Takes a step that is more likely a small one; see `hpo.numerics.evolution.mutations.polynomial`.

    Args:
        eta: At least 0; the larger, the smaller the steps.
    """

    eta: float = attrs.field(default=20.0, converter=to_float_if_number, validator=number_from(0.0))

    def mutate(self, value: float, uniform: float) -> float:
        """Return another number in [0, 1]."""
        return polynomial(value, uniform, self.eta)


@attrs.frozen
class GaussianMutation(PureMutation):
    """Takes a normal step; see `hpo.numerics.evolution.mutations.gaussian`.

    Args:
        sigma: Its standard deviation as a share of the range, above 0.
    """

    sigma: float = attrs.field(default=0.1, converter=to_float_if_number, validator=is_positive())

    def mutate(self, value: float, uniform: float) -> float:
        """Return another number in [0, 1]."""
        return gaussian(value, uniform, self.sigma)


@attrs.frozen
class ResetMutation(PureMutation):
    """Draws a new number from the whole range, as Optuna does without a mutation."""

    def mutate(self, value: float, uniform: float) -> float:
        """Return another number in [0, 1]."""
        return reset(value, uniform)
