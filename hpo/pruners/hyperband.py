"""Hyperband: successive halving in several brackets."""

from __future__ import annotations

from itertools import accumulate

import attrs
from immutables import Map
from msgspec.structs import replace

from hpo.core import (
    BuiltInPruner,
    Decision,
    FrozenTrial,
    History,
    Key,
    NumberMap,
    SortedRuns,
    StudyState,
    Verdict,
    to_int_if_whole,
    whole_from,
)
from hpo.errors import InvalidArgument
from hpo.pruners.reports import NO_NUMBERS, FirstLength, loss_of, only_direction, other_unfinished
from hpo.pruners.rungs import Rungs, standing
from hpo.pruners.successive_halving import SuccessiveHalvingPruner, whole_or_auto


@attrs.frozen
class HyperbandPruner(BuiltInPruner):
    """Divides trials into brackets, and stops those of each bracket by successive halving with a start of its own.

    Bracket b is `SuccessiveHalvingPruner` with ``min_early_stopping_rate=b``, among the trials of the bracket only: bracket 0
    stops early and often, and the last one lets every trial run. There are ``1 + floor(log(max_resource / min_resource))``
    brackets, to the base `reduction_factor`; four to six are good. A trial is put into a bracket by a random number that
    depends on the study's seed and the trial's number alone, with probabilities such that each bracket gets about the same
    number of steps.

    A model learns more from its trials if it is not shown those of other brackets, which end for other reasons: see
    `BracketSampler`. The reason names the bracket, and is that of successive halving otherwise.

    Source: Li et al., "Hyperband: A Novel Bandit-Based Approach to Hyperparameter Optimization", JMLR 18 (2018), alg. 1, with
    asynchronous brackets.

    Args:
        min_resource: The milestone of the first rung of bracket 0, at least 1, in steps.
        max_resource: The number of steps of a whole trial, at least `min_resource`; ``"auto"`` is one more than the last step
            of the first complete trial. Nothing is stopped before that is known.
        reduction_factor: The ratio between rungs, at least 2: one of so many trials goes on.
        bootstrap_count: See `SuccessiveHalvingPruner`; needs a number for `max_resource`.

    Raises:
        InvalidArgument: an option is outside of its range, `max_resource` is below `min_resource`, or `bootstrap_count` is
            combined with ``"auto"``.
        InvalidType: an option is not a whole number.

    Example:
        >>> from hpo.core import StudyState
        >>> pruner = HyperbandPruner(min_resource=1, max_resource=100, reduction_factor=3)
        >>> pruner.n_brackets(StudyState.create())
        5
    """

    min_resource: int = attrs.field(default=1, converter=to_int_if_whole, validator=whole_from(1, error=None))
    max_resource: int | str = attrs.field(default="auto", converter=to_int_if_whole, validator=whole_or_auto(1))
    reduction_factor: int = attrs.field(default=3, converter=to_int_if_whole, validator=whole_from(2, error=None))
    bootstrap_count: int = attrs.field(default=0, converter=to_int_if_whole, validator=whole_from(0, error=None))

    def __attrs_post_init__(self) -> None:
        if self.max_resource == "auto":
            if self.bootstrap_count:
                raise InvalidArgument("bootstrap_count needs a number for max_resource, which is 'auto'")
        elif isinstance(self.max_resource, int) and self.max_resource < self.min_resource:
            raise InvalidArgument(
                f"max_resource is at least min_resource, got {self.max_resource} and {self.min_resource}"
            )

    def n_brackets(self, state: StudyState) -> int | None:
        """Return the number of brackets, or None while ``max_resource="auto"`` is not known yet."""
        most = self.max_resource
        if not isinstance(most, int):
            length = state.finished.fold(FirstLength())
            if length is None:
                return None
            most = length + 1
        # whole numbers: the quotient of floating-point logarithms is below 5 for 243 to the base 3
        n_brackets, resource = 1, self.min_resource * self.reduction_factor
        while resource <= most:
            n_brackets, resource = n_brackets + 1, resource * self.reduction_factor
        return n_brackets

    def bracket(self, state: StudyState, number: int) -> int | None:
        """Return the bracket of a trial, or None while the number of brackets is not known yet."""
        n_brackets = self.n_brackets(state)
        return None if n_brackets is None else _bracket(state.seed, n_brackets, self.reduction_factor, number)

    def seen_from(self, state: StudyState, number: int) -> StudyState:
        """Return the study with the trials of one bracket only, that of trial `number`; all of it if none is known.

        The finished trials of each bracket are kept in a fold, so that folds over them move on trial by trial, too.
        """
        n_brackets = self.n_brackets(state)
        if n_brackets is None or n_brackets == 1:
            return state
        of = _Brackets(state.seed, n_brackets, self.reduction_factor)
        mine = of.of(number)

        def ours(trials: NumberMap[FrozenTrial]) -> NumberMap[FrozenTrial]:
            return NumberMap({other: trial for other, trial in trials.items() if of.of(other) == mine})

        return replace(
            state,
            finished=state.finished.fold(of)[mine],
            running=ours(state.running),
            paused=ours(state.paused),
            waiting=ours(state.waiting),
        )

    def __call__(self, state: StudyState, trial: FrozenTrial) -> Decision | Verdict:
        """Return what successive halving decides about `trial` among the trials of its bracket.

        Raises:
            SeveralObjectives: the study has several objectives.
        """
        only_direction(state, self)
        bracket = self.bracket(state, trial.number)
        if bracket is None:
            return Decision.CONTINUE
        halving = SuccessiveHalvingPruner(self.min_resource, self.reduction_factor, bracket, self.bootstrap_count)
        rungs = halving.rungs(state)
        rung = None if rungs is None else rungs.reached(trial.intermediate_values)
        n_brackets = self.n_brackets(state)
        if rungs is None or rung is None or n_brackets is None:
            return Decision.CONTINUE
        of, direction = _Brackets(state.seed, n_brackets, self.reduction_factor), state.directions[0]
        # not a fold over the history of `seen_from`: the first decision in each bracket would have to read all of it
        losses = state.finished.fold(_LossesByBracket(of, self.min_resource, direction))
        others = [other for other in other_unfinished(state, trial.number) if of.of(other.number) == bracket]
        step = max(trial.intermediate_values)
        value = trial.intermediate_values[step]
        finished = losses.get((bracket, rung), NO_NUMBERS)
        at = standing(loss_of(direction, value), finished, others, direction, rungs, rung)
        verdict = halving.judged(value, step, rung, at)
        return Verdict(verdict.decision, {**verdict.reason, "rule": "hyperband", "bracket": bracket})


def _bracket(seed: int, n_brackets: int, factor: int, number: int) -> int:
    # Bracket b has s = n_brackets - 1 - b rungs to go, and its share is ceil(n_brackets * factor**s / (s + 1)), as many
    # trials as Hyperband runs in it. The largest s comes first.
    remaining = range(n_brackets - 1, -1, -1)
    shares = [*accumulate(-(-n_brackets * factor**s // (s + 1)) for s in remaining)]
    drawn = Key(seed).child("hyperband", number).uniforms(["bracket"])[0] * shares[-1]
    return next(bracket for bracket, share in enumerate(shares) if drawn < share)


@attrs.frozen
class _Brackets:
    """Fold: a history of finished trials for each bracket."""

    seed: int
    n_brackets: int
    factor: int

    def of(self, number: int) -> int:
        return _bracket(self.seed, self.n_brackets, self.factor, number)

    def init(self) -> tuple[History[FrozenTrial], ...]:
        return tuple(History[FrozenTrial]() for _ in range(self.n_brackets))

    def step(self, carry: tuple[History[FrozenTrial], ...], trial: FrozenTrial) -> tuple[History[FrozenTrial], ...]:
        mine = self.of(trial.number)
        return (*carry[:mine], carry[mine].append(trial), *carry[mine + 1 :])


@attrs.frozen
class _LossesByBracket:
    """Fold: the losses that finished trials had, sorted, by their bracket and its rungs."""

    brackets: _Brackets
    min_resource: int
    direction: str

    def init(self) -> Map[tuple[int, int], SortedRuns]:
        return Map()

    def step(self, carry: Map[tuple[int, int], SortedRuns], trial: FrozenTrial) -> Map[tuple[int, int], SortedRuns]:
        bracket, factor = self.brackets.of(trial.number), self.brackets.factor
        rungs = Rungs(self.min_resource * factor**bracket, factor)
        for rung, loss in rungs.losses(self.direction, trial.intermediate_values):
            at = bracket, rung
            carry = carry.set(at, carry.get(at, NO_NUMBERS).with_number(loss))
        return carry
