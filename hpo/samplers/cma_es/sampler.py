"""The sampler that draws from the distribution of a CMA-ES, evenly spread and away from what was tried."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, ClassVar, cast

import attrs
import numpy as np
from numpy.typing import NDArray

from hpo.core import (
    Answer,
    BuiltInSampler,
    CategoricalDistribution,
    Distribution,
    Exhausted,
    FrozenTrial,
    HasState,
    Key,
    Sampler,
    SearchSpace,
    StudyState,
    Suggestion,
    checked_seed,
    is_bool,
    is_function,
    is_positive,
    one_of,
    to_float_if_number,
    to_int_if_whole,
    whole_from,
)
from hpo.errors import InvalidArgument, SeveralObjectives
from hpo.numerics.cma_es import candidate, mirrored_orthogonal, recommended_popsize
from hpo.samplers.cma_es.coding import DrawCoding
from hpo.samplers.cma_es.evolution import Carry, Fold, RestartStrategy, given_start, learned_start
from hpo.samplers.cma_es.options import first_values, sources
from hpo.samplers.parts import (
    DUPLICATES,
    Duplicates,
    Feasibility,
    Predicate,
    Tried,
    UnitCube,
    ask_noted,
    learned_feasibility,
    suggest,
    suggest_lone,
)
from hpo.samplers.tpe import TPESampler

_SIGMA0 = 1.0 / 6.0  # of the range: its ends are three standard deviations from the middle
_INDEPENDENT = TPESampler()
_INDEPENDENT_OF_FAILURES = TPESampler(consider_failed_trials=False)
_IS_SAMPLER = is_function("a sampler (None means a TPESampler)", classes=False, optional=True)


@attrs.frozen(kw_only=True, cache_hash=True)
class CmaEsSampler(BuiltInSampler):
    """CMA-ES for the numeric parameters of the joint space.

    Values are drawn from a normal distribution over the unit cube of the ranges (of their logarithms with ``log``). Each
    generation of finished trials moves the distribution towards the better half of them, and teaches it which directions
    pay. A draw outside of a range is reflected at its end, as if the objective went on as its mirror image. The draw
    itself is kept in the trial's note: learning from the reflected value would shrink the distribution if the optimum is
    in a corner.

    The draws of a generation come in opposite pairs that are orthogonal to each other; which draw a trial gets follows
    from its number. When a run is over, another one begins elsewhere (see `restart_strategy`). On a finite space nothing
    is tried twice: what was tried is drawn again, each time from a wider distribution, and the answer is `Exhausted`
    when everything is tried.

    Parallel workers lose nothing: a result that arrives after its generation is used in the current one. Injected trials
    (enqueued, added or from start-up) are used only if they improve on the best. Failed trials do not move the
    distribution. Feasible trials are better than infeasible ones, and only the order of the values matters, not their
    size.

    O(parameters^2) per suggestion and O(parameters^3) per generation; O(parameters) for both with `use_separable_cma`.

    Source: Hansen, "The CMA Evolution Strategy: A Tutorial", arXiv:1604.00772 (2016). For the draws Wang, Emmerich and
    Bäck, "Mirrored Orthogonal Sampling for Covariance Matrix Adaptation Evolution Strategies", Evolutionary Computation
    27 (2019); for discrete parameters Hamano et al., "CMA-ES with Margin", GECCO 2022; for restarts Auger and Hansen, "A
    Restart CMA Evolution Strategy With Increasing Population Size", CEC 2005, and Hansen, "Benchmarking a BI-Population
    CMA-ES on the BBOB-2009 Function Testbed", GECCO 2009; for `lr_adapt` Nomura, Akimoto and Ono, GECCO 2023; for
    `source_trials` Nomura et al., "Warm Starting CMA-ES for Hyperparameter Optimization", AAAI 2021.

    Args:
        x0: First mean, values by parameter name, as in ``study.best_params``. Numeric parameters that it lacks start in
            the middle of their range.
        sigma0: First standard deviation as a share of each range, above 0; None means 1/6. It never grows beyond 0.3, the
            standard deviation of a uniform distribution.
        n_startup_trials: How many complete or pruned trials come from `independent_sampler` first; at least 0.
        independent_sampler: The sampler for categorical parameters and for those that are not in the joint space; None
            means a `TPESampler`.
        seed: Replaces the study's seed; None means the study's.
        popsize: Trials in a generation, at least 2; None means ``4 + floor(3 ln n)`` for `n` parameters.
        consider_pruned_trials: Whether pruned trials are learned from. They count as worse than complete ones, less so
            the further they came.
        use_separable_cma: Whether only a variance is learned for each parameter, and no covariances: for very many
            parameters.
        with_margin: Whether parameters with up to a thousand values keep a least probability of another value.
        lr_adapt: Whether learning slows down while updates are mostly chance: for very noisy objectives and many hundred
            trials. Draws are independent then.
        restart_strategy: What follows when the distribution has shrunk to a hundred-thousandth of the range in all
            continuous parameters, or has found nothing better for about a hundred generations. "ipop" starts a run
            around another mean with a larger generation. "bipop" alternates between such large runs and small, narrow
            ones, and gives both kinds about the same number of trials. With None the run goes on.
        inc_popsize: What a restart multiplies the size of a generation by; at least 1.
        source_trials: Trials of a study of a related problem, in the same direction; or dicts with ``params`` and
            ``value``. The first run begins where the best tenth of them is, instead of at `x0` and `sigma0`. Trials that
            are not complete and feasible, or lack a value within the range of a numeric parameter, are left out.
        duplicates: With "avoid", no configuration of a finite space is suggested that was tried or is running; with
            "allow" they may be repeated.
        consider_failed_trials: Whether draws that are likely to fail are drawn again, as soon as the parameters predict
            failures. Failures that look like chance, such as those of a machine, are ignored; with False all are.

    Raises:
        InvalidArgument, InvalidType: an option is outside of these; the message names it. Or `source_trials` are given
            along with `x0` or `sigma0`.

    Example:
        >>> from hpo.core.ask_tell import ask, tell
        >>> from hpo.core.values.distributions import FloatDistribution
        >>> state, sampler = StudyState.create(seed=1), CmaEsSampler()
        >>> for _ in range(60):
        ...     state, trial = ask(state, sampler, {"x": FloatDistribution(-10.0, 10.0)})
        ...     state = tell(state, trial.number, (trial.params["x"] - 2.0) ** 2)
        >>> min(trial.value for trial in state.finished) < 0.001
        True
    """

    needs_pending: ClassVar[bool] = True  # running trials count in duplicates, and for the independent sampler

    x0: Mapping[str, Any] | None = attrs.field(default=None, converter=first_values, hash=False)
    sigma0: float | None = attrs.field(default=None, converter=to_float_if_number, validator=is_positive(optional=True))
    n_startup_trials: int = attrs.field(default=1, converter=to_int_if_whole, validator=whole_from(0))
    independent_sampler: Sampler | None = attrs.field(default=None, validator=_IS_SAMPLER, hash=False)
    seed: int | None = attrs.field(default=None, converter=checked_seed)
    popsize: int | None = attrs.field(default=None, converter=to_int_if_whole, validator=whole_from(2, optional=True))
    consider_pruned_trials: bool = attrs.field(default=False, validator=is_bool)
    use_separable_cma: bool = attrs.field(default=False, validator=is_bool)
    with_margin: bool = attrs.field(default=True, validator=is_bool)
    lr_adapt: bool = attrs.field(default=False, validator=is_bool)
    restart_strategy: RestartStrategy | None = attrs.field(
        default="bipop", validator=one_of("ipop", "bipop", optional=True)
    )
    inc_popsize: int = attrs.field(default=2, converter=to_int_if_whole, validator=whole_from(1))
    source_trials: Sequence[FrozenTrial | Mapping[str, Any]] | None = attrs.field(
        default=None, converter=sources, hash=False
    )
    duplicates: Duplicates = attrs.field(default="avoid", validator=one_of(*DUPLICATES))
    consider_failed_trials: bool = attrs.field(default=True, validator=is_bool)
    _where: Predicate | None = attrs.field(default=None, alias="_where", eq=False, repr=False)
    """What suggestions must satisfy; see `where`."""

    def where(self, predicate: Predicate) -> CmaEsSampler:
        """Return this sampler for a `Where` around it: it looks for the best values that satisfy the predicate."""
        return attrs.evolve(self, _where=predicate)

    _warn_independent_sampling: bool = attrs.field(
        default=True, alias="warn_independent_sampling", eq=False, repr=False
    )
    """Accepted: there is no such warning."""

    def __attrs_post_init__(self) -> None:
        if self.source_trials is not None and (self.x0 is not None or self.sigma0 is not None):
            raise InvalidArgument("give either source_trials, or x0 and sigma0: both say where the first run begins")

    def infer_relative_search_space(self, study: HasState, trial: FrozenTrial) -> dict[str, Distribution]:
        """Return the numeric parameters that all trials have; the other ones are left to `sample_independent`."""
        joint = super().infer_relative_search_space(study, trial)
        return {name: each for name, each in joint.items() if not isinstance(each, CategoricalDistribution)}

    def __call__(self, state: StudyState, trial: FrozenTrial, space: SearchSpace, key: Key) -> Answer:
        """Return values for the joint space.

        The note's ``rule`` says where they are from: "startup"; "model"; "independent" if no parameter is numeric, so
        that all values are the independent sampler's; or "untried" if the others proposed only configurations that were
        tried. ``cma`` and ``generation`` are what later suggestions know the trial by.

        Raises:
            SeveralObjectives: the study has several.
            InvalidArgument: `x0` has a value outside of its parameter's range; or no source trial has values for all
                parameters.
        """
        _check_one_objective(state)

        def ask_model(tried: Tried | None) -> Answer | None:
            return self._suggestion(state, trial, space, key, tried)

        return suggest(
            state,
            trial,
            space,
            key,
            ask_model,
            start=self._other,
            duplicates=self.duplicates,
            keep_start_rule=False,
            where=self._where,
        )

    def suggest_lone(self, state: StudyState, trial: FrozenTrial, space: SearchSpace, key: Key) -> Answer:
        """Return the independent sampler's value: a lone parameter is not one of the distribution's dimensions."""
        _check_one_objective(state)
        other, rule = self._other, "independent"
        return suggest_lone(
            state,
            trial,
            space,
            key,
            lambda *_: None,
            start=other,
            duplicates=self.duplicates,
            where=self._where,
            rule=rule,
        )

    @property
    def _other(self) -> Sampler:
        """The independent sampler."""
        default = _INDEPENDENT if self.consider_failed_trials else _INDEPENDENT_OF_FAILURES
        return self.independent_sampler or default

    def _suggestion(
        self, state: StudyState, trial: FrozenTrial, space: SearchSpace, key: Key, tried: Tried | None
    ) -> Answer | None:
        """Return values from the distribution and, for the other parameters, from the independent sampler."""
        fold = fold_for(self, space, state.directions, key.seed)
        if fold is None:
            return ask_noted(self._other, state, trial, space, key, {"rule": "independent"})
        coding = fold.coding
        carry = state.finished.fold(fold)
        # not the generation: trials that lack a column, or left its range, count as start-up as well
        if carry.n_learnable < self.n_startup_trials:
            return None
        note: dict[str, Any] = {"rule": "model", "cma": coding.digest, "generation": carry.generation}
        others: Mapping[str, Any] = {}
        off_grid = False
        if len(coding.names) < len(space):
            # a stream of its own: the draw of the numeric parameters must not depend on which others there are
            rest = space.without(coding.cube.space)
            answer = ask_noted(self._other, state, trial, rest, key.child("independent"), note)
            if isinstance(answer, Exhausted):
                return answer
            others, note, off_grid = answer.params, dict(answer.note), answer.off_grid
        feasible = learned_feasibility(state, UnitCube.of(space)) if self.consider_failed_trials else None
        values, offsets = propose(coding, carry, trial.number, key, tried=tried, others=others, feasible=feasible)
        if offsets:  # without them the values are the draw, and the note stays short
            note["draw"] = offsets
        return Suggestion({**values, **others} if others else values, note, off_grid)


def _check_one_objective(state: StudyState) -> None:
    if len(state.directions) != 1:
        raise SeveralObjectives("CmaEsSampler", "TPESampler")


# the fold is asked for at every suggestion, and building it costs as much as the suggestion
@lru_cache(maxsize=64)
def fold_for(sampler: CmaEsSampler, space: SearchSpace, directions: tuple[str, ...], seed: int) -> Fold | None:
    """Return the fold over the trials of a study, for the numeric parameters of `space`; None if there are none."""
    coding = DrawCoding.of(space)
    if not coding.names:
        return None
    sigma0 = _SIGMA0 if sampler.sigma0 is None else sampler.sigma0
    if sampler.source_trials is None:
        start = given_start(coding.cube, sampler.x0 or {}, sigma0)
    else:
        trials = cast("Sequence[Mapping[str, Any]]", sampler.source_trials)  # what the converter makes of trials
        start = learned_start(coding.cube, trials, directions)
    return Fold(
        coding=coding,
        directions=directions,
        start=start,
        popsize=recommended_popsize(len(coding.names)) if sampler.popsize is None else sampler.popsize,
        separable=sampler.use_separable_cma,
        margin=sampler.with_margin,
        adapt_rates=sampler.lr_adapt,
        pruned=sampler.consider_pruned_trials,
        restarts=sampler.restart_strategy,
        growth=sampler.inc_popsize,
        sigma0=sigma0,
        seed=seed,
    )


_SETS = 8  # sets of directions that are made at once: one alone costs nearly as much
_REDRAWS = 24
_WIDENING = 1.4  # of each redraw: the last one, 2,000 times as wide, is spread over the whole space


def propose(
    coding: DrawCoding,
    carry: Carry,
    number: int,
    key: Key,
    *,
    tried: Tried | None,
    others: Mapping[str, Any],
    feasible: Feasibility | None = None,
) -> tuple[dict[str, Any], dict[str, float]]:
    """Return values drawn from the distribution of a generation, and the offsets of the draw (`DrawCoding.params`).

    Trials that start one after the other share a set of directions (see `hpo.numerics.cma_es.mirrored`). Which one is a
    trial's own follows from its number, so that no two workers take the same one, and none needs to know of the others.
    With learning rates that adapt, directions are independent: opposite ones shorten the path of the step size even if
    results are random, which would look like a signal.

    Values that were tried already are drawn again, each time from a wider distribution. When the whole neighbourhood is
    known, the steps to what is not known are long, and learning from them widens the distribution itself.

    Args:
        coding: The columns.
        carry: What was learned.
        number: The number of the trial.
        key: The random stream of the call.
        tried: What to keep away from; None if everything is allowed.
        others: The trial's values of parameters that have no columns.
        feasible: What is known of failures. A draw that is likely to fail is drawn again from the same distribution, and
            if all of them are, the likeliest to succeed is taken.
    """
    model, n = carry.model, len(coding.names)
    mirrored = model.rates is None
    direction = _direction(carry, number, key.seed) if mirrored else key.generator().standard_normal(n)
    values, offsets = coding.params(candidate(model, direction))
    if feasible is not None:
        values, offsets = _likely_to_succeed(coding, carry, key, values, offsets, others, feasible)
    if tried is None:
        return values, offsets
    for again in range(1, _REDRAWS):  # the driver replaces the last one if that was tried as well
        if not tried.contains({**values, **others}):
            break
        # independent directions: the mirrored one is this trial's only once
        step = candidate(model, key.child("again", again).generator().standard_normal(n)) - model.mean
        values, offsets = coding.params(model.mean + _WIDENING**again * step)
    return values, offsets


def _likely_to_succeed(
    coding: DrawCoding,
    carry: Carry,
    key: Key,
    values: dict[str, Any],
    offsets: dict[str, float],
    others: Mapping[str, Any],
    feasible: Feasibility,
) -> tuple[dict[str, Any], dict[str, float]]:
    """Return the values and offsets of the first draw that is likely to succeed, or else of the likeliest one."""
    draws, cube = [(values, offsets)], feasible.cube
    directions = key.child("feasible").generator().standard_normal((_REDRAWS, len(coding.names)))
    draws += [coding.params(candidate(carry.model, direction)) for direction in directions]
    points = np.full((len(draws), len(cube.columns)), np.nan)
    for row, (drawn, _) in enumerate(draws):
        for column, position in cube.positions({**drawn, **others}).items():
            points[row, column] = position
    probabilities = feasible.probabilities(points)
    likely = np.flatnonzero(probabilities >= feasible.likely)
    return draws[int(likely[0]) if len(likely) else int(probabilities.argmax())]


def _direction(carry: Carry, number: int, seed: int) -> NDArray[np.float64]:
    """Return the standard normal vector of a trial, ``(n,)``."""
    popsize = carry.strategy.popsize
    # counted from the start of the generation, so that the opposite of a direction is in the same generation
    phase = carry.anchor % popsize
    index, row = divmod(number - phase, popsize)
    block, place = divmod(index, _SETS)
    key = Key(seed, ("cma-es", "directions", popsize, phase, block))
    vector: NDArray[np.float64] = _directions(key, (popsize + 1) // 2, carry.strategy.n)[place, row]
    return vector


@lru_cache(maxsize=32)
def _directions(key: Key, pairs: int, n: int) -> NDArray[np.float64]:
    """Return sets of standard normal vectors, ``(8, 2 * pairs, n)``, read-only.

    A memo of a function of its arguments alone: dropping it costs time and nothing else.
    """
    vectors = mirrored_orthogonal(key.generator().standard_normal((_SETS, pairs, n)))
    vectors.flags.writeable = False
    return vectors
