"""The sampler that chooses a sampler for each trial, by a table of rules."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from statistics import median
from typing import Any, ClassVar

import attrs
from msgspec import Struct

from hpo.core import (
    Answer,
    BuiltInSampler,
    CategoricalDistribution,
    Exhausted,
    FrozenDict,
    FrozenTrial,
    Key,
    Sampler,
    SearchSpace,
    StudyState,
    Suggestion,
    TrialState,
    checked_sampler,
    checked_seed,
    is_positive,
    is_replayable,
    name_of,
    space_to_ask,
    to_float_if_number,
)
from hpo.samplers.gp import GPSampler
from hpo.samplers.parts import (
    Predicate,
    Region,
    Weights,
    asked,
    checked_prior,
    given,
    has_branches,
    looking,
    with_types,
)
from hpo.samplers.tpe import GroupFold, TPESampler

_NEWEST = 25  # trials whose durations count
_FEWEST_TIMED = 3
_SHARE = 0.5  # of the time of a trial, which a suggestion may take at most
_SECONDS, _SECONDS_PER_TRIAL = 0.02, 2e-4  # of a Gaussian process, rounded up from docs/measured/gp.md
_MOST_OBJECTIVES = 4  # the cost of an expected hypervolume grows fast with them
_MOST_TRIALS = 500  # a Gaussian process of more takes longer than 0.1 s
_MOST_FEATURES = 40  # numbers, and choices of categories
_MOST_FAILED = 0.1  # of all finished trials
_FEWEST_FAILED = 3
_MOST_PRUNED = 0.5


@attrs.frozen
class Facts:
    """What the rules of `AutoSampler` know of a study.

    Attributes:
        n_objectives: The number of objectives.
        n_features: The number of numeric parameters, and of the choices of the others.
        branches: Whether some trials have parameters that others lack.
        n_finished: The number of finished trials.
        n_failed: How many of them failed.
        n_pruned: How many of them were pruned.
        n_running: How many trials run, this one included.
        noisy: Whether a result was told with a standard error.
        seconds: The median duration of the newest complete trials, or None if it is not known.
    """

    n_objectives: int
    n_features: int
    branches: bool
    n_finished: int
    n_failed: int
    n_pruned: int
    n_running: int
    noisy: bool
    seconds: float | None

    @staticmethod
    def of(state: StudyState, space: SearchSpace, seconds: float | None = None) -> Facts:
        """Return the facts of a study; O(trials that finished since the last question).

        Args:
            state: The study.
            space: The parameters that are suggested together.
            seconds: How long an evaluation takes; None to look into the study.
        """
        counts = state.finished.fold(_COUNTS)
        if seconds is None and len(counts.durations) >= _FEWEST_TIMED:
            seconds = median(counts.durations)
        sizes = [
            len(distribution.choices) if isinstance(distribution, CategoricalDistribution) else 1
            for distribution in space.values()
            if not distribution.single()
        ]
        return Facts(
            n_objectives=len(state.directions),
            n_features=sum(sizes),
            branches=has_branches(state),
            n_finished=len(state.finished),
            n_failed=counts.n_failed,
            n_pruned=counts.n_pruned,
            n_running=max(len(state.running), 1),
            noisy=counts.noisy,
            seconds=seconds,
        )

    def has_many_objectives(self) -> bool:
        """Return whether there are more than four objectives."""
        return self.n_objectives > _MOST_OBJECTIVES

    def is_fast(self) -> bool:
        """Return whether a Gaussian process would take more than half of the time that the trials leave for a suggestion."""
        if self.seconds is None:
            return False
        return _SECONDS + _SECONDS_PER_TRIAL * self.n_finished > _SHARE * self.seconds / self.n_running

    def has_many_trials(self) -> bool:
        """Return whether there are more than 500 finished trials."""
        return self.n_finished > _MOST_TRIALS

    def has_branches(self) -> bool:
        """Return whether some trials have parameters that others lack."""
        return self.branches

    def has_failures(self) -> bool:
        """Return whether at least three trials, and more than one in ten, have failed."""
        return self.n_failed >= _FEWEST_FAILED and self.n_failed > _MOST_FAILED * self.n_finished

    def is_mostly_pruned(self) -> bool:
        """Return whether more than half of the trials were pruned."""
        return self.n_pruned > _MOST_PRUNED * self.n_finished

    def is_noisy(self) -> bool:
        """Return whether results were told with a standard error."""
        return self.noisy

    def is_large(self) -> bool:
        """Return whether there are more than 40 numeric parameters and choices."""
        return self.n_features > _MOST_FEATURES

    def is_any(self) -> bool:
        """Return True."""
        return True


@attrs.frozen
class Rule:
    """A line of the table: if `applies`, the sampler of that name is asked, `because` of that."""

    applies: Callable[[Facts], bool]
    sampler: str
    because: str


# the first rule that applies counts; docs/explanation/auto.md has the evidence for each line
RULES = (
    Rule(Facts.has_many_objectives, "tpe", "more than four objectives"),
    Rule(Facts.is_fast, "tpe", "an evaluation takes hardly longer than a suggestion of a Gaussian process"),
    Rule(Facts.has_many_trials, "tpe", "more than 500 trials"),
    Rule(Facts.has_branches, "tpe", "parameters that only some trials have"),
    Rule(Facts.has_failures, "tpe", "trials that fail"),
    Rule(Facts.is_mostly_pruned, "tpe", "most trials were pruned"),
    Rule(Facts.is_noisy, "tpe", "results with standard errors"),
    Rule(Facts.is_large, "tpe", "more than 40 numeric parameters and choices"),
    Rule(Facts.is_any, "gp", "few parameters that all trials have, and results to be modelled"),
)
NO_SIGNAL = "a Gaussian process predicts no better than a constant"


@attrs.frozen(kw_only=True)
class AutoSampler(BuiltInSampler):
    """Asks for each trial the sampler that suits the study as it is by then.

    A table of rules chooses between a Gaussian process and TPE: by the number of objectives, parameters and trials, by whether
    there are branches, failures and noise, and by how long evaluations take. If the Gaussian process predicts no better than a
    constant, TPE is asked. The note of a suggestion says which sampler was ``chosen``, and ``because`` of what.

    A suggestion of the Gaussian process takes about 20 ms, and 0.2 ms more for each finished trial up to 500; it is asked only if
    that is at most half of the time of an evaluation, divided by the number of trials that run. TPE takes some milliseconds.
    O(1) for the choice, amortized.

    Durations are read from the trials, so that a study is replayed exactly, but a second study on a slower machine may get other
    suggestions. Give `evaluation_seconds` where that matters.

    Args:
        gp: The sampler for few parameters that all trials have.
        tpe: The sampler for everything else.
        evaluation_seconds: How long an evaluation takes, above 0. None means the median of the newest trials.
        prior: What is believed of the best values, for those of the two samplers that take one: see `TPESampler`.
        seed: Replaces the study's seed; None means the study's.

    Raises:
        InvalidType, InvalidArgument: an option is outside of these; the message names it.

    Example:
        >>> import hpo
        >>> study = hpo.create_study(sampler=AutoSampler(evaluation_seconds=60), seed=1)
        >>> study.optimize(lambda trial: trial.suggest_float("x", -10, 10) ** 2, n_trials=12)
        >>> study.trials[-1].note["chosen"], study.best_value < 1
        ('GPSampler', True)
    """

    needs_pending: ClassVar[bool] = True  # running trials are in both models

    gp: Sampler = attrs.field(factory=GPSampler, converter=checked_sampler)
    tpe: Sampler = attrs.field(factory=TPESampler, converter=checked_sampler)
    evaluation_seconds: float | None = attrs.field(
        default=None, converter=to_float_if_number, validator=is_positive(optional=True)
    )
    prior: FrozenDict[str, Region | Weights] = attrs.field(default=None, converter=checked_prior, eq=with_types)
    seed: int | None = attrs.field(default=None, converter=checked_seed)

    @property
    def replayable(self) -> bool:  # type: ignore[override]
        """Whether both samplers are replayable."""
        return is_replayable(self.gp) and is_replayable(self.tpe)

    def given(self, fixed_params: Mapping[str, Any]) -> AutoSampler:
        """Return this sampler for a space in which a wrapper around it fixes parameters."""
        return attrs.evolve(self, gp=given(self.gp, fixed_params), tpe=given(self.tpe, fixed_params))

    def where(self, predicate: Predicate) -> AutoSampler:
        """Return this sampler for a `Where` around it."""
        return attrs.evolve(self, gp=looking(self.gp, predicate), tpe=looking(self.tpe, predicate))

    def rule(self, state: StudyState, space: SearchSpace) -> Rule:
        """Return the rule that chooses the sampler for a joint space, in a study as it is.

        Example:
            >>> state = StudyState.create(directions=["minimize"] * 5)
            >>> AutoSampler().rule(state, SearchSpace()).because
            'more than four objectives'
        """
        facts = Facts.of(state, space, self.evaluation_seconds)
        return next(rule for rule in RULES if rule.applies(facts))

    def joint_space(self, state: StudyState, trial: FrozenTrial) -> SearchSpace:
        """Return the parameters that the chosen sampler wants to suggest together."""
        seen = state.finished.fold(GroupFold()).space
        return space_to_ask(state, self._sampler(self.rule(state, seen)), trial)

    def __call__(self, state: StudyState, trial: FrozenTrial, space: SearchSpace, key: Key) -> Answer:
        """Return the answer of the chosen sampler, whose note is kept with that of the choice."""
        rule = self.rule(state, space)
        answer = asked(self._sampler(rule), state, trial, space, key)
        if rule.sampler == "gp" and isinstance(answer, Suggestion) and answer.note.get("rule") == "explore":
            sampler = self._prepared(self.tpe)
            return _noted(asked(sampler, state, trial, space, key), sampler, NO_SIGNAL)
        return _noted(answer, self._sampler(rule), rule.because)

    def suggest_lone(self, state: StudyState, trial: FrozenTrial, space: SearchSpace, key: Key) -> Answer:
        """Return the answer for a lone parameter, of the sampler that was chosen for the joint ones."""
        rule = self.rule(state, trial.distributions)
        sampler = self._sampler(rule)
        return _noted(asked(sampler, state, trial, space, key, lone=True), sampler, rule.because)

    def _sampler(self, rule: Rule) -> Sampler:
        return self._prepared(getattr(self, rule.sampler))

    def _prepared(self, sampler: Sampler) -> Sampler:
        if not self.prior or not hasattr(sampler, "prior"):
            return sampler
        believing: Sampler = attrs.evolve(sampler, prior={**self.prior, **sampler.prior})  # type: ignore[misc]
        return believing


def _noted(answer: Answer, sampler: Sampler, because: str) -> Answer:
    if isinstance(answer, Exhausted) or not (answer.params or answer.note):
        return answer
    return Suggestion(answer.params, {"chosen": name_of(sampler), "because": because, **answer.note}, answer.off_grid)


class _Counts(Struct, frozen=True):
    """The result of `_CountFold`: how trials ended, and how long the newest complete ones took, in seconds."""

    n_failed: int = 0
    n_pruned: int = 0
    noisy: bool = False
    durations: tuple[float, ...] = ()


class _CountFold(Struct, frozen=True):
    """Fold: how trials ended."""

    def init(self) -> _Counts:
        return _Counts()

    def step(self, carry: _Counts, trial: FrozenTrial) -> _Counts:
        durations = carry.durations
        if trial.state is TrialState.COMPLETE and trial.started_at is not None and trial.finished_at is not None:
            durations = (*durations[1 - _NEWEST :], max(trial.finished_at - trial.started_at, 0.0))
        return _Counts(
            carry.n_failed + (trial.state is TrialState.FAIL),
            carry.n_pruned + (trial.state is TrialState.PRUNED),
            carry.noisy or any(trial.sem or ()),
            durations,
        )


_COUNTS = _CountFold()
