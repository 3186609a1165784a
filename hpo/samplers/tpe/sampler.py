"""The tree-structured Parzen estimator, jointly over all parameters."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import attrs
import numpy as np
from numpy.typing import NDArray

from hpo.core.key import Key
from hpo.core.numbers import as_float, as_int
from hpo.core.sampling import Suggestion
from hpo.core.space import SearchSpace
from hpo.core.state import StudyState
from hpo.core.trial import FrozenTrial
from hpo.errors import InvalidArgument, InvalidType
from hpo.numerics.parzen import ParzenEstimator, fit_parzen
from hpo.samplers.random import RandomSampler
from hpo.samplers.tpe.coding import UnitCoding, column_values
from hpo.samplers.tpe.observations import Observations

_MOST_GOOD = 25
_NARROWEST_SHARE = 100
_SHRINKAGE = 0.3  # of the prior's weight; see `fit_parzen`


def default_gamma(n: int) -> int:
    """How many of `n` trials count as good: a tenth, rounded up, at most 25.

    Example:
        >>> default_gamma(31)
        4
    """
    return min(math.ceil(0.1 * n), _MOST_GOOD)


def hyperopt_gamma(n: int) -> int:
    """How many of `n` trials Hyperopt counts as good: a quarter of the square root, rounded up, at most 25.

    Example:
        >>> hyperopt_gamma(100)
        3
    """
    return min(math.ceil(0.25 * math.sqrt(n)), _MOST_GOOD)


def default_weights(n: int) -> NDArray[np.float64]:
    """Weights of `n` trials, oldest first: 1 for the newest 25, older ones on a line down to ``1 / n``.

    Source: Bergstra, Yamins and Cox, "Making a Science of Model Search", ICML 2013 (linear forgetting).

    Example:
        >>> default_weights(3).tolist()
        [1.0, 1.0, 1.0]
    """
    old = n - _MOST_GOOD
    if old <= 0:
        return np.ones(n)
    return np.concatenate([np.linspace(1.0 / n, 1.0, num=old), np.ones(_MOST_GOOD)])


def _whole(instance: object, attribute: attrs.Attribute[int], value: object) -> None:
    least = 1 if attribute.name == "n_ei_candidates" else 0
    if type(value) is not int or value < least:
        raise InvalidArgument(f"{attribute.name} is a whole number from {least} on, got {value!r}")


def _positive(instance: object, attribute: attrs.Attribute[float], value: object) -> None:
    number = None if isinstance(value, bool) else as_float(value)
    if number is None or not 0.0 < number < math.inf:
        raise InvalidArgument(f"{attribute.name} is a finite number above 0, got {value!r}")


def _truth(instance: object, attribute: attrs.Attribute[bool], value: object) -> None:
    if not isinstance(value, bool):
        raise InvalidType(f"{attribute.name} is True or False, got {value!r}")


def _function(instance: object, attribute: attrs.Attribute[Any], value: object) -> None:
    if not callable(value):
        raise InvalidType(f"{attribute.name} is a function of a number of trials, got {value!r}")


def _seed(instance: object, attribute: attrs.Attribute[int | None], value: object) -> None:
    if value is not None and type(value) is not int:
        raise InvalidType(f"{attribute.name} is an int or None, got {value!r}")


def _as_int(value: Any) -> Any:
    whole = as_int(value)
    return value if whole is None else whole


@attrs.frozen(kw_only=True)
class TPESampler:
    """Tree-structured Parzen estimator over the joint space.

    The trials are split into a few good ones and the rest. A density is estimated for either; candidates are drawn from
    the good ones' density, and the one that is likeliest under it relative to the other is suggested. All parameters
    are modelled together, so that the sampler sees which values go well with which.

    What counts: complete trials by value; behind them pruned ones by how far they came; behind all of those the ones
    that violate constraints, by how much. With several objectives complete trials are ordered by non-domination.
    Failed trials are ignored, and so are trials that lack one of the parameters, or had it outside the range that is
    asked for. Only the order of the values matters, not their size.

    O(trials x parameters x `n_ei_candidates`) per suggestion.

    Source: Bergstra, Bardenet, Bengio and Kegl, "Algorithms for Hyper-Parameter Optimization", NIPS 2011; for joint
    kernels Falkner, Klein and Hutter, "BOHB", ICML 2018.

    Args:
        n_startup_trials: So many complete or pruned trials come from random search first, with the very draws of
            `RandomSampler`; at least 0.
        n_ei_candidates: How many candidates are compared for a suggestion; at least 1.
        seed: Takes the place of the study's seed; None means the study's.
        gamma: Function from the number of trials to that of good ones; see `default_gamma`. A function at the top of
            a module, so that equal samplers compare equal and can be pickled.
        weights: Function from the number of trials in a group, oldest first, to an array of as many weights, none
            negative; see `default_weights`.
        prior_weight: Weight of the uniform distribution next to that of the trials; above 0. The more, the more
            exploration.
        constant_liar: Whether running trials with known parameters count as bad, so that parallel workers keep away
            from each other.
        consider_magic_clip: Whether kernels are at least ``1 / min(100, 1 + trials)`` of a range wide. It matters
            where many trials count as good or the prior's weight is small; else kernels are wider anyway.
        consider_endpoints: Whether the ends of a range count as trials when the width of kernels is computed.

    Raises:
        InvalidArgument, InvalidType: an option is outside of these, with its name.

    Example:
        >>> from hpo.core.ask_tell import ask, tell
        >>> from hpo.core.distributions import FloatDistribution
        >>> state, sampler = StudyState.create(seed=1), TPESampler(n_startup_trials=5)
        >>> for _ in range(30):
        ...     state, trial = ask(state, sampler, {"x": FloatDistribution(-10.0, 10.0)})
        ...     state = tell(state, trial.number, (trial.params["x"] - 2.0) ** 2)
        >>> min(trial.value for trial in state.finished) < 0.1
        True
    """

    n_startup_trials: int = attrs.field(default=10, converter=_as_int, validator=_whole)
    n_ei_candidates: int = attrs.field(default=24, converter=_as_int, validator=_whole)
    seed: int | None = attrs.field(default=None, converter=_as_int, validator=_seed)
    gamma: Callable[[int], int] = attrs.field(default=default_gamma, validator=_function)
    weights: Callable[[int], NDArray[np.float64]] = attrs.field(default=default_weights, validator=_function)
    prior_weight: float = attrs.field(default=1.0, validator=_positive)
    constant_liar: bool = attrs.field(default=True, validator=_truth)
    consider_magic_clip: bool = attrs.field(default=True, validator=_truth)
    consider_endpoints: bool = attrs.field(default=False, validator=_truth)

    @staticmethod
    def hyperopt_parameters() -> dict[str, Any]:
        """The options that Hyperopt has, as keyword arguments.

        Example:
            >>> TPESampler(**TPESampler.hyperopt_parameters()).n_startup_trials
            20
        """
        return {
            "n_startup_trials": 20,
            "n_ei_candidates": 24,
            "gamma": hyperopt_gamma,
            "weights": default_weights,
            "prior_weight": 1.0,
            "consider_magic_clip": True,
            "consider_endpoints": False,
        }

    def __call__(self, state: StudyState, trial: FrozenTrial, space: SearchSpace, key: Key) -> Suggestion:
        """See `Sampler`; the note's ``rule`` says whether the values are from the "startup" or from the "model"."""
        if not space:
            return Suggestion({})
        coding = UnitCoding.of(space)
        fold = Observations(state.directions, coding.columns)
        observed = state.finished.fold(fold)
        rows = observed.rows.array
        fits = coding.fits(fold.values(rows))
        if not coding.columns or observed.n_learnable < self.n_startup_trials or not fits.any():
            return Suggestion(RandomSampler()(state, trial, space, key).params, {"rule": "startup"})
        if not fits.all():
            rows = rows[fits]
        good, bad = self._split(fold, rows)
        points = coding.units(fold.values(rows))
        liars = self._running(state, coding)
        point = self._best_candidate(coding, points[good], np.vstack([points[bad], liars]), key)
        return Suggestion(coding.params(point), {"rule": "model"})

    def _split(self, fold: Observations, rows: NDArray[np.float64]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """Indices of good and of bad rows, each in the order told."""
        given = self.gamma(len(rows))
        n_good = as_int(given)
        if n_good is None:
            raise InvalidType(f"gamma gives a whole number of good trials, got {given!r} for {len(rows)}")
        n_good = min(max(n_good, 0), len(rows))
        order = fold.best_first(rows, n_good)
        return np.sort(order[:n_good]), np.sort(order[n_good:])

    def _running(self, state: StudyState, coding: UnitCoding) -> NDArray[np.float64]:
        """Points of the running trials that have all parameters, ``(n, d)``; the one that is asked for has none yet."""
        values = []
        if self.constant_liar:
            for other in state.running.values():
                if other.params:
                    row = column_values(coding.columns, other)
                    if row is not None:
                        values.append(row)
        table = np.array(values, dtype=np.float64).reshape(-1, len(coding.columns))
        return coding.units(table[coding.fits(table)])

    def _best_candidate(
        self, coding: UnitCoding, good: NDArray[np.float64], bad: NDArray[np.float64], key: Key
    ) -> NDArray[np.float64]:
        """The candidate with the highest ratio of densities, ``(d,)``; the first of equals."""
        n = len(good) + len(bad)
        min_width = 1.0 / min(_NARROWEST_SHARE, 1 + n) if self.consider_magic_clip else 0.0
        likely = self._estimator(coding, good, min_width)
        unlikely = self._estimator(coding, bad, min_width)
        uniforms = key.generator().random((self.n_ei_candidates, 1 + 2 * len(coding.columns)))
        candidates = likely.sample(uniforms)
        cells = coding.cells(candidates)
        score = likely.log_density(candidates, cells) - unlikely.log_density(candidates, cells)
        best: NDArray[np.float64] = candidates[np.argmax(score)]
        return best

    def _estimator(self, coding: UnitCoding, points: NDArray[np.float64], min_width: float) -> ParzenEstimator:
        weights = np.asarray(self.weights(len(points)), dtype=np.float64)
        with np.errstate(over="ignore"):
            usable = weights.shape == (len(points),) and math.isfinite(weights.sum()) and (weights >= 0.0).all()
        if not usable:
            raise InvalidArgument(
                f"weights gives one finite weight per trial, none negative; for {len(points)} it gave {weights!r}"
            )
        return fit_parzen(
            points,
            coding.n_choices,
            weights,
            prior_weight=self.prior_weight,
            shrinkage=_SHRINKAGE * self.prior_weight,
            min_width=min_width,
            consider_endpoints=self.consider_endpoints,
        )
