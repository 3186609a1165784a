"""Verification: every suggestion, pruning decision and promotion of a study is computed again and compared."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import attrs
from msgspec.structs import replace

from hpo.core import (
    AdvisorSet,
    AnyEvent,
    FloatDistribution,
    FrozenTrial,
    Identity,
    ParamsSuggested,
    Promoter,
    Pruner,
    PruningDecided,
    ResumeTrial,
    Sampler,
    SearchSpace,
    StartFork,
    StudyState,
    TrialEnqueued,
    TrialFinished,
    TrialResumed,
    TrialStarted,
    ask_pruner,
    evolve,
    identity_of,
    is_replayable,
    promotion,
    to_json_tree,
)
from hpo.errors import InvalidType
from hpo.study.replaying.changed_results import Unexplained, suggested_again, with_results
from hpo.study.replaying.rebuild import rebuild_advisor


@attrs.frozen
class Difference:
    """A suggestion or decision that was computed again and differs from the journal.

    Attributes:
        trial: The trial's number.
        parameter: The parameter, or None for a pruning decision or a promotion.
        recorded: What the journal has.
        computed: What was computed now, or the error that was raised.
        cause: The likely cause.
        kind: ``"suggestion"``, ``"pruning decision"`` or ``"promotion"``.
        results: If a changed result may be the cause: the first and the last trial, by number, whose result may be it. A
            result has no effect of its own that could be checked, but it has one on later suggestions.
        explained_by: The trials with whose result, if it were the best or the worst one, the suggestion would be as
            recorded: so it is likely that one of them was changed.
    """

    trial: int
    parameter: str | None
    recorded: Any
    computed: Any
    cause: str
    kind: str = "suggestion"
    results: tuple[int, int] | None = None
    explained_by: tuple[int, ...] = ()


@attrs.frozen
class Verification:
    """How much of a study could be verified.

    Attributes:
        n_suggestions: The number of suggestions that were computed again: one per trial, and one per lone parameter.
        n_suggestions_equal: How many of them are as recorded.
        n_decisions: The number of pruning decisions that were computed again, with their reasons.
        n_decisions_equal: How many of them are as recorded.
        n_skipped: The number of suggestions, decisions and promotions that cannot be computed again, because their
            sampler, pruner or promoter is not replayable, or not known here.
        skipped_because: The reasons for this, each once.
        first_difference: The first difference, or None.
        n_promotions: The number of promotions that were computed again: resumed and forked trials with a reason, since
            people who resume a trial give none.
        n_promotions_equal: How many of them are as recorded.

    Example:
        >>> Verification(n_suggestions=5, n_suggestions_equal=5).clean
        True
    """

    n_suggestions: int = 0
    n_suggestions_equal: int = 0
    n_decisions: int = 0
    n_decisions_equal: int = 0
    n_skipped: int = 0
    skipped_because: tuple[str, ...] = ()
    first_difference: Difference | None = None
    n_promotions: int = 0
    n_promotions_equal: int = 0

    @property
    def clean(self) -> bool:
        """Whether everything was computed again, and is as recorded."""
        return self.first_difference is None and self.n_skipped == 0


def verify(
    source: Any, sampler: Sampler | None = None, pruner: Pruner | None = None, promoter: Promoter | None = None
) -> Verification:
    """Compute every suggestion, pruning decision and promotion of a study again, and compare them with the journal.

    Each is computed from the state at the version of its event, so this also works for a study that many workers ran.

    Args:
        source: A `Study`, a journal, or a sequence of events. A `StudyState` is not enough: it has the results, but not
            the order of events, and so not what was known when each trial started.
        sampler: The sampler to ask. By default the one that the journal names at each suggestion, if it is registered.
        pruner: The pruner to ask; by default likewise.
        promoter: The promoter to ask; by default likewise.

    Raises:
        InvalidType: `source` has no events.

    Example:
        >>> import hpo
        >>> hpo.logging.set_verbosity(hpo.logging.WARNING)
        >>> study = hpo.create_study(sampler=hpo.samplers.RandomSampler())
        >>> study.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=5)
        >>> verify(study).clean, verify(study, hpo.samplers.RandomSampler(seed=1)).clean
        (True, False)
    """
    check = _Check(sampler, pruner, promoter)
    events = events_of(source)
    for event in events:
        check.step(event)
    difference = check.result.first_difference
    if check.unexplained is None or difference is None:
        return check.result
    return attrs.evolve(check.result, first_difference=with_results(difference, [*events], check.unexplained))


def events_of(source: Any) -> Iterable[AnyEvent]:
    """Return the events of a `Study`, of a journal, or of a sequence of events.

    Raises:
        InvalidType: `source` is something else.
    """
    if isinstance(source, Sequence) and not isinstance(source, str | bytes):
        return source
    if hasattr(source, "events"):
        return source.events()  # type: ignore[no-any-return]
    if hasattr(source, "read"):
        return source.read(0)  # type: ignore[no-any-return]
    if isinstance(source, StudyState):
        raise InvalidType(
            f"a StudyState does not have the order of events: instead of that of {source.name!r}, pass the "
            "Study, its `events()`, or its journal, which is `hpo.open_journal(storage).open(study_name)`"
        )
    raise InvalidType(f"events come from a Study, a journal, or a sequence of events; got {source!r}")


_MADE_UP = "the recorded values were made up"


class _Check:
    """Replays a journal, and asks the advisors again at every answer."""

    def __init__(self, sampler: Sampler | None, pruner: Pruner | None, promoter: Promoter | None) -> None:
        self.result = Verification()
        self._given: dict[str, Any] = {"sampler": sampler, "pruner": pruner, "promoter": promoter}
        self._advisors = dict(self._given)
        self._state = StudyState()
        self._started: dict[int, StudyState] = {}
        self._joint: dict[int, FrozenTrial] = {}
        self.unexplained: Unexplained | None = None
        """The first difference, if it is one of a suggestion that nothing but the journal itself can explain."""

    def step(self, event: AnyEvent) -> None:
        """Check one more event, and fold it in."""
        before, self._state = self._state, evolve(self._state, event)
        if isinstance(event, AdvisorSet) and self._given[event.kind] is None:
            self._advisors[event.kind] = rebuild_advisor(event.identity)
        elif isinstance(event, TrialStarted):
            self._started[event.number] = self._state
        elif isinstance(event, TrialResumed):
            # What is suggested after this is computed from the state at this event, and from all parameters so far.
            self._started[event.number] = self._state
            self._joint[event.number] = self._state.running[event.number]
            self._check_promotion(event, before)
        elif isinstance(event, TrialEnqueued):
            self._check_promotion(event, before)
        elif isinstance(event, ParamsSuggested):
            self._check_suggestion(event, before)
            if not event.lone:
                self._joint[event.number] = self._state.running[event.number]
        elif isinstance(event, PruningDecided):
            self._check_decision(event, before)
        elif isinstance(event, TrialFinished):
            self._started.pop(event.number, None)
            self._joint.pop(event.number, None)

    def _check_suggestion(self, event: ParamsSuggested, before: StudyState) -> None:
        sampler = self._advisors["sampler"]
        if sampler is None or not is_replayable(sampler):
            self._skip("sampler")
            return
        computed = self._suggested_again(event, before, sampler)
        if computed != event.values and (fixed := before.running[event.number].fixed_params):
            computed = _as_recorded(before.spaces.key_at(event.space), fixed, computed, event.values)
        result = attrs.evolve(self.result, n_suggestions=self.result.n_suggestions + 1)
        if computed == event.values:
            self.result = attrs.evolve(result, n_suggestions_equal=result.n_suggestions_equal + 1)
            return
        place = next(i for i, (a, b) in enumerate(zip(event.values, computed, strict=True)) if a != b)
        name, distribution = [*before.spaces.key_at(event.space).items()][place]
        value = computed[place]
        difference = Difference(
            trial=event.number,
            parameter=name,
            recorded=distribution.to_external(event.values[place]),
            computed=value if isinstance(value, Exception) else distribution.to_external(value),
            cause=self._cause("sampler", rounded=is_rounded(event.values[place], value)),
        )
        if result.first_difference is None and difference.cause.endswith(_MADE_UP):
            joint = self._joint.get(event.number)
            started = self._started[event.number].version
            space = before.spaces.key_at(event.space)
            self.unexplained = Unexplained(event, space, started, joint, sampler, computed, before.directions)
        self.result = attrs.evolve(result, first_difference=result.first_difference or difference)

    def _suggested_again(self, event: ParamsSuggested, before: StudyState, sampler: Sampler) -> tuple[Any, ...]:
        started, space = self._started[event.number], before.spaces.key_at(event.space)
        return suggested_again(event, space, started, before, self._joint.get(event.number), sampler)

    def _check_decision(self, event: PruningDecided, before: StudyState) -> None:
        pruner = self._advisors["pruner"]
        if pruner is None:
            self._skip("pruner")
            return
        trial = before.running[event.number]
        known = before
        if event.detached:  # the pruner saw the study as it was at the trial's start, and the trial as it was here
            started = self._started[event.number]
            known = replace(started, running=started.running.with_item(event.number, trial))
        computed: Any
        try:
            verdict = ask_pruner(known, pruner, trial)
            computed = verdict.decision.value, to_json_tree(verdict.reason)
        except Exception as error:  # noqa: BLE001 - see above
            computed = error
        result = attrs.evolve(self.result, n_decisions=self.result.n_decisions + 1)
        recorded: Any = event.name, event.reason
        if isinstance(event.decision, bool) and isinstance(computed, tuple):
            computed = computed[0], None  # journals of format 1 have no reasons
        if computed == recorded:
            self.result = attrs.evolve(result, n_decisions_equal=result.n_decisions_equal + 1)
            return
        if isinstance(computed, tuple) and computed[0] != recorded[0]:  # the decision says it all
            recorded, computed = recorded[0], computed[0]
        difference = Difference(event.number, None, recorded, computed, self._cause("pruner"), "pruning decision")
        self.result = attrs.evolve(result, first_difference=result.first_difference or difference)

    def _check_promotion(self, event: TrialResumed | TrialEnqueued, before: StudyState) -> None:
        if event.reason is None:  # resumed by a person or a scheduler, or enqueued
            return
        promoter = self._advisors["promoter"]
        if promoter is None:
            self._skip("promoter")
            return
        recorded: Any = ("resume", event.number, event.reason)
        if isinstance(event, TrialEnqueued):
            recorded = ("fork", event.parent, event.params, event.reason)
        computed: Any
        try:
            computed = _written_promotion(promotion(before, promoter))
        except Exception as error:  # noqa: BLE001 - see above
            computed = error
        result = attrs.evolve(self.result, n_promotions=self.result.n_promotions + 1)
        if computed == recorded:
            self.result = attrs.evolve(result, n_promotions_equal=result.n_promotions_equal + 1)
            return
        difference = Difference(event.number, None, recorded, computed, self._cause("promoter"), "promotion")
        self.result = attrs.evolve(result, first_difference=result.first_difference or difference)

    def _skip(self, kind: str) -> None:
        recorded, reasons = self._state.uses.get(kind), self.result.skipped_because
        if self._advisors[kind] is not None:
            reason = (
                f"{identity_of(self._advisors[kind]).name} is stateful, so its suggestions cannot be computed again"
            )
        elif recorded is None:
            reason = f"the journal does not name the {kind}: pass it"
        else:
            name = f"the {kind} {recorded.name}, version {recorded.version},"
            reason = f"{name} is not registered, or has other options here: pass it"
        reasons = reasons if reason in reasons else (*reasons, reason)
        self.result = attrs.evolve(self.result, n_skipped=self.result.n_skipped + 1, skipped_because=reasons)

    def _cause(self, kind: str, *, rounded: bool = False) -> str:
        recorded, now = self._state.uses.get(kind), identity_of(self._advisors[kind])
        if recorded is None:
            return f"the journal does not name the {kind}; this is {now.name}"
        if recorded.name != now.name:
            return f"another {kind}: the journal names {recorded.name}, this is {now.name}"
        if recorded.options != now.options:
            return f"other options: the journal has {options_that_differ(recorded, now)}, this has {options_that_differ(now, recorded)}"
        if recorded.version != now.version:
            return f"another version of {recorded.name}: the journal names {recorded.version}, this is {now.version}"
        if rounded:
            return "floats were rounded differently, as by another version of numpy or scipy, or another processor"
        return f"the {kind} is not the same function as then, or {_MADE_UP}"


def _written_promotion(command: ResumeTrial | StartFork | None) -> tuple[Any, ...] | None:
    """Return what a promoter answered in the form that events have it."""
    if command is None:
        return None
    if isinstance(command, ResumeTrial):
        return "resume", command.number, to_json_tree(command.reason)
    return "fork", command.parent, to_json_tree(command.params), to_json_tree(command.reason)


def _as_recorded(
    space: SearchSpace, fixed: Mapping[str, Any], computed: Sequence[Any], recorded: Sequence[Any]
) -> tuple[Any, ...]:
    """Return computed values, but enqueued ones as they are recorded if that is the same value of a grid.

    Earlier versions kept 0.1 + 0.2 as 0.30000000000000004, where it is 0.3 now. These are not suggestions.
    """
    return tuple(
        kept
        if name in fixed and isinstance(distribution, FloatDistribution) and distribution.nearest(kept) == value
        else value
        for (name, distribution), value, kept in zip(space.items(), computed, recorded, strict=True)
    )


def is_rounded(recorded: object, computed: object) -> bool:
    """Return whether two values are floats that differ only in their last digits."""
    return isinstance(recorded, float) and isinstance(computed, float) and math.isclose(recorded, computed)


def options_that_differ(one: Identity, other: Identity) -> str:
    """Return the options of `one` that have another value in `other`."""
    mine, theirs = ((each.options if isinstance(each.options, dict) else {}) for each in (one, other))
    missing = object()
    return ", ".join(f"{name}={value!r}" for name, value in mine.items() if theirs.get(name, missing) != value)
