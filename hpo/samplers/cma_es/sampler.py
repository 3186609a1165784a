"""The sampler that draws from the distribution of a CMA-ES."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import attrs

from hpo.core.key import Key
from hpo.core.numbers import as_float, as_int
from hpo.core.persistent import FrozenDict
from hpo.core.sampling import Answer, Exhausted, Sampler, Suggestion, checked_seed
from hpo.core.space import SearchSpace
from hpo.core.state import StudyState
from hpo.core.trial import FrozenTrial
from hpo.errors import InvalidArgument, InvalidType, SeveralObjectives
from hpo.numerics.cma_es import candidate
from hpo.samplers.cma_es.coding import CubeCoding
from hpo.samplers.cma_es.evolution import Evolution
from hpo.samplers.tpe import TPESampler

_RESTARTS = ("ipop",)
_SIGMA0 = 1.0 / 6.0  # of the range: its ends are three standard deviations from the middle


def _checked_x0(given: object) -> FrozenDict[str, Any] | None:
    if given is None:
        return None
    if not isinstance(given, Mapping) or not all(isinstance(name, str) for name in given):
        raise InvalidType(f"x0 gives parameters by name their first values, or is None; got {given!r}")
    return FrozenDict({name: _first_value(name, value) for name, value in given.items()})


def _first_value(name: str, value: Any) -> Any:
    """A builtin; what is no number is of a parameter that has no use for a first value."""
    if value is None or isinstance(value, bool | int | float | str):
        return value
    number = as_float(value)
    if number is None:
        raise InvalidType(f"x0 gives {name!r} the value {value!r}: allowed is what a parameter can have")
    return number


def _as_float(value: Any) -> Any:
    number = None if isinstance(value, bool) else as_float(value)
    return value if number is None else number


def _as_int(value: Any) -> Any:
    whole = as_int(value)
    return value if whole is None else whole


def _share(instance: object, attribute: attrs.Attribute[Any], value: object) -> None:
    if value is not None and not (isinstance(value, float) and 0.0 < value < math.inf):
        raise InvalidArgument(f"{attribute.name} is a finite number above 0, or None, got {value!r}")


def _whole(instance: object, attribute: attrs.Attribute[Any], value: object) -> None:
    least = {"n_startup_trials": 0, "popsize": 2, "inc_popsize": 1}[attribute.name]
    if (value is not None or attribute.name != "popsize") and not (type(value) is int and value >= least):
        optional = ", or None" if attribute.name == "popsize" else ""
        raise InvalidArgument(f"{attribute.name} is a whole number from {least} on{optional}, got {value!r}")


def _truth(instance: object, attribute: attrs.Attribute[bool], value: object) -> None:
    if not isinstance(value, bool):
        raise InvalidType(f"{attribute.name} is True or False, got {value!r}")


def _restart(instance: object, attribute: attrs.Attribute[Any], value: object) -> None:
    if value is not None and value not in _RESTARTS:
        allowed = " or ".join(map(repr, _RESTARTS))
        raise InvalidArgument(f"{attribute.name} is {allowed}, or None for no restarts; got {value!r}")


def _sampler(instance: object, attribute: attrs.Attribute[Any], value: object) -> None:
    if value is not None and not callable(value):
        raise InvalidType(f"{attribute.name} is a sampler, or None for a TPESampler; got {value!r}")


@attrs.frozen(kw_only=True)
class CmaEsSampler:
    """Covariance matrix adaptation, for the numeric parameters of a joint space.

    Values are drawn from a normal distribution over the unit cube of the ranges (logarithms of them with ``log``). Each
    generation of finished trials moves it towards the better half of them, and teaches it which directions pay. A draw
    that falls outside is reflected at the end of the range, as if the objective went on as its mirror image, and is
    kept in the trial's note: learning from the reflected value would shrink the distribution where an optimum is in a
    corner.

    Parallel workers lose nothing: a result that comes after its generation is used in the current one. A trial that was
    enqueued, added, or belongs to the start is used if it is the best so far. Failed trials are ignored. Feasible trials
    are better than others, and only the order of the values matters, not their size.

    O(parameters^2) per suggestion, and O(parameters^3) per generation; O(parameters) for either with
    `use_separable_cma`.

    Source: Hansen, "The CMA Evolution Strategy: A Tutorial", arXiv:1604.00772 (2016); the margin of discrete parameters
    Hamano et al., "CMA-ES with Margin", GECCO 2022; restarts Auger and Hansen, "A Restart CMA Evolution Strategy With
    Increasing Population Size", CEC 2005.

    Args:
        x0: First mean, values by parameter name, as in ``study.best_params``; the middle of the range for numeric
            parameters that it lacks.
        sigma0: First standard deviation, as a share of each range, above 0; None means 1/6.
        n_startup_trials: So many complete or pruned trials come from `independent_sampler` first; at least 0.
        independent_sampler: Who suggests categorical parameters, and those that are not in the joint space; None means
            a `TPESampler`.
        seed: Takes the place of the study's seed; None means the study's.
        popsize: Trials in a generation, at least 2; None means ``4 + floor(3 ln n)`` for `n` parameters.
        consider_pruned_trials: Whether pruned trials are learned from; they count as worse than complete ones, and the
            less so the further they came.
        use_separable_cma: Learn a variance for each parameter, and no covariances: for very many parameters.
        with_margin: Whether parameters with up to a thousand values keep a least probability of leaving their value.
        restart_strategy: ``"ipop"`` to start again from another mean, with a larger generation, when the distribution
            has shrunk to a point or found nothing better for about a hundred generations; None for no restarts.
        inc_popsize: What a restart multiplies the size of a generation with; at least 1.

    Raises:
        InvalidArgument, InvalidType: an option is outside of these, with its name.

    Example:
        >>> from hpo.core.ask_tell import ask, tell
        >>> from hpo.core.distributions import FloatDistribution
        >>> state, sampler = StudyState.create(seed=1), CmaEsSampler()
        >>> for _ in range(60):
        ...     state, trial = ask(state, sampler, {"x": FloatDistribution(-10.0, 10.0)})
        ...     state = tell(state, trial.number, (trial.params["x"] - 2.0) ** 2)
        >>> min(trial.value for trial in state.finished) < 0.001
        True
    """

    x0: Mapping[str, Any] | None = attrs.field(default=None, converter=_checked_x0)
    sigma0: float | None = attrs.field(default=None, converter=_as_float, validator=_share)
    n_startup_trials: int = attrs.field(default=1, converter=_as_int, validator=_whole)
    independent_sampler: Sampler | None = attrs.field(default=None, validator=_sampler)
    seed: int | None = attrs.field(default=None, converter=checked_seed)
    popsize: int | None = attrs.field(default=None, converter=_as_int, validator=_whole)
    consider_pruned_trials: bool = attrs.field(default=False, validator=_truth)
    use_separable_cma: bool = attrs.field(default=False, validator=_truth)
    with_margin: bool = attrs.field(default=True, validator=_truth)
    restart_strategy: str | None = attrs.field(default=None, validator=_restart)
    inc_popsize: int = attrs.field(default=2, converter=_as_int, validator=_whole)

    def __call__(self, state: StudyState, trial: FrozenTrial, space: SearchSpace, key: Key) -> Answer:
        """See `Sampler`.

        The note's ``rule`` says whether the values are from the "startup", the "model", or, all of them, from the
        "independent" sampler; ``cma`` and ``generation`` are what later suggestions know the trial by.

        Raises:
            SeveralObjectives: the study has several.
            InvalidArgument: `x0` has a value that is not one of its parameter's.
        """
        if len(state.directions) != 1:
            raise SeveralObjectives("CmaEsSampler", "TPESampler")
        if not space:
            return Suggestion({})
        evolution = self._evolution(space, state.directions, key.seed)
        coding = evolution.coding
        alone = key.path[-1:] == tuple(space)
        if alone or not coding.names:
            return self._independent(state, trial, space, key, {"rule": "independent"})
        course = state.finished.fold(evolution)
        if course.n_learnable < self.n_startup_trials:
            return self._independent(state, trial, space, key, {"rule": "startup"})
        draw = candidate(course.model, key.generator().standard_normal(len(coding.names)))
        values, untold = coding.params(draw)
        note: dict[str, Any] = {"rule": "model", "cma": coding.digest, "generation": course.generation}
        if untold:
            note["draw"] = untold
        if len(values) == len(space):
            return Suggestion(values, note)
        others = space.less(values)
        answer = self._independent(state, trial, others, key.child("independent"), note)
        if isinstance(answer, Exhausted):
            return answer
        return Suggestion({**values, **answer.params}, answer.note, answer.off_grid)

    def _independent(
        self, state: StudyState, trial: FrozenTrial, space: SearchSpace, key: Key, note: Mapping[str, Any]
    ) -> Answer:
        """The independent sampler's answer, its note put into `note`."""
        answer = (self.independent_sampler or TPESampler())(state, trial, space, key)
        if isinstance(answer, Exhausted):
            return answer
        inner = {"independent": answer.note} if answer.note else {}
        return Suggestion(answer.params, {**note, **inner}, answer.off_grid)

    def _evolution(self, space: SearchSpace, directions: tuple[str, ...], seed: int) -> Evolution:
        """The fold over the trials of a study, for the numeric parameters of `space`."""
        return _evolution(
            space,
            tuple(self.x0.items()) if self.x0 else (),
            directions=directions,
            sigma0=_SIGMA0 if self.sigma0 is None else self.sigma0,
            popsize=self.popsize,
            separable=self.use_separable_cma,
            margin=self.with_margin,
            pruned=self.consider_pruned_trials,
            growth=None if self.restart_strategy is None else self.inc_popsize,
            seed=seed,
        )


@lru_cache(maxsize=64)
def _evolution(space: SearchSpace, x0: tuple[tuple[str, Any], ...], **options: Any) -> Evolution:
    coding = CubeCoding.of(space)
    return Evolution(coding=coding, start=tuple(coding.start(dict(x0)).tolist()), **options)
