"""Computing every suggestion and every pruning decision of a study again."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

import attrs
from msgspec.structs import replace

from hpo.core import (
    AdvisorSet,
    AnyEvent,
    Exhausted,
    FrozenTrial,
    Identity,
    ParamsSuggested,
    Pruner,
    PruningDecided,
    Sampler,
    StudyState,
    Suggest,
    TrialFinished,
    TrialStarted,
    decide,
    evolve,
    identity_of,
    is_replayable,
    judged,
    suggest_joint,
    suggest_lone,
    to_json_tree,
)
from hpo.errors import InvalidType, SearchSpaceExhausted
from hpo.study.replaying.rebuild import rebuild_advisor


@attrs.frozen
class Difference:
    """The first thing that came out otherwise than the journal has it.

    Attributes:
        trial: The trial's number.
        parameter: The parameter, or None for a pruning decision.
        recorded: What the journal has.
        computed: What came out now, or the error that was raised.
        cause: What is likely behind it.
    """

    trial: int
    parameter: str | None
    recorded: Any
    computed: Any
    cause: str


@attrs.frozen
class Verification:
    """How much of a study can be proved.

    Attributes:
        n_suggestions: Suggestions that were computed again, one per trial and lone parameter.
        n_suggestions_equal: How many of them came out as recorded.
        n_decisions: Pruning decisions that were computed again.
        n_decisions_equal: How many of them came out as recorded.
        n_skipped: Suggestions and decisions that can't be computed again: their sampler or pruner is not replayable, or
            not known here.
        skipped_because: Why, each reason once.
        first_difference: The first that came out otherwise, or None.

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

    @property
    def clean(self) -> bool:
        """Whether everything was computed again, and came out as recorded."""
        return self.first_difference is None and self.n_skipped == 0


def verify(source: Any, sampler: Sampler | None = None, pruner: Pruner | None = None) -> Verification:
    """Compute every suggestion and every pruning decision of a study again, and compare.

    Args:
        source: A `Study`, a journal, or a sequence of events. A `StudyState` is not enough: it knows the results, and no
            more which of them were there when a trial started, which parameters were asked for together, and which
            trials were added from elsewhere.
        sampler: Who is to suggest; if not given, whom the journal names at each suggestion, as far as it is one of this
            library's.
        pruner: Who is to judge; likewise.

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
    check = _Check(sampler, pruner)
    for event in events_of(source):
        check.step(event)
    return check.result


def events_of(source: Any) -> Iterable[AnyEvent]:
    """The events of a `Study`, of a journal, or of a sequence of them, which is itself.

    Raises:
        InvalidType: it is something else.
    """
    if isinstance(source, Sequence) and not isinstance(source, str | bytes):
        return source
    if hasattr(source, "events"):
        return source.events()  # type: ignore[no-any-return]
    if hasattr(source, "read"):
        return source.read(0)  # type: ignore[no-any-return]
    if isinstance(source, StudyState):
        raise InvalidType(
            f"a StudyState does not tell in which order things happened: instead of that of {source.name!r}, pass the "
            "Study, its `events()`, or its journal, which is `hpo.open_journal(storage).open(study_name)`"
        )
    raise InvalidType(f"events are of a Study, a journal, or a sequence of them; got {source!r}")


class _Check:
    """Replays a journal, and asks again at every answer."""

    def __init__(self, sampler: Sampler | None, pruner: Pruner | None) -> None:
        self.result = Verification()
        self._given = {"sampler": sampler, "pruner": pruner}
        self._advisors: dict[str, Any] = dict(self._given)
        self._state = StudyState()
        self._started: dict[int, StudyState] = {}
        self._joint: dict[int, FrozenTrial] = {}

    def step(self, event: AnyEvent) -> None:
        """Look at one more event, and move on."""
        before, self._state = self._state, evolve(self._state, event)
        if isinstance(event, AdvisorSet) and self._given[event.kind] is None:
            self._advisors[event.kind] = rebuild_advisor(event.identity)
        elif isinstance(event, TrialStarted):
            self._started[event.number] = self._state
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
            cause=self._cause("sampler", rounded=_is_rounded(event.values[place], value)),
        )
        self.result = attrs.evolve(result, first_difference=result.first_difference or difference)

    def _suggested_again(self, event: ParamsSuggested, before: StudyState, sampler: Sampler) -> tuple[Any, ...]:
        """The values, or the error for each of them."""
        space, started = before.spaces.key_at(event.space), self._started[event.number]
        trial = started.running[event.number]
        try:
            if event.lone:
                joint = self._joint.get(event.number, trial)
                answer: Suggest | Exhausted = suggest_lone(started, sampler, joint, next(iter(space)), space)
            else:
                answer = suggest_joint(started, sampler, trial, space)
            if isinstance(answer, Exhausted):
                return (SearchSpaceExhausted(answer.reason, answer.for_now),) * len(event.values)
            again = decide(before, answer)
        except Exception as error:  # noqa: BLE001 - whatever a sampler raises is what came out
            return (error,) * len(event.values)
        return again[-1].values if again and isinstance(again[-1], ParamsSuggested) else ()

    def _check_decision(self, event: PruningDecided, before: StudyState) -> None:
        pruner = self._advisors["pruner"]
        if pruner is None:
            self._skip("pruner")
            return
        trial = before.running[event.number]
        known = before
        if event.detached:  # it saw the study as it was at the trial's start, and the trial itself
            started = self._started[event.number]
            known = replace(started, running=started.running.with_item(event.number, trial))
        computed: Any
        try:
            verdict = judged(known, pruner, trial)
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
        difference = Difference(event.number, None, recorded, computed, self._cause("pruner"))
        self.result = attrs.evolve(result, first_difference=result.first_difference or difference)

    def _skip(self, kind: str) -> None:
        recorded, reasons = self._state.uses.get(kind), self.result.skipped_because
        if self._advisors[kind] is not None:
            reason = f"{identity_of(self._advisors[kind]).name} remembers what it was asked, and is not asked again"
        elif recorded is None:
            reason = f"the journal does not say which {kind} was used: pass it"
        else:
            name = f"the {kind} {recorded.name}, version {recorded.version},"
            reason = f"{name} can't be made again by this library from what the journal says of it: pass it"
        reasons = reasons if reason in reasons else (*reasons, reason)
        self.result = attrs.evolve(self.result, n_skipped=self.result.n_skipped + 1, skipped_because=reasons)

    def _cause(self, kind: str, *, rounded: bool = False) -> str:
        recorded, now = self._state.uses.get(kind), identity_of(self._advisors[kind])
        if recorded is None:
            return f"the journal does not say which {kind} was used; this is {now.name}"
        if recorded.name != now.name:
            return f"another {kind}: the journal names {recorded.name}, this is {now.name}"
        if recorded.options != now.options:
            return f"other options: the journal has {_differing(recorded, now)}, this has {_differing(now, recorded)}"
        if recorded.version != now.version:
            return f"another version of {recorded.name}: the journal names {recorded.version}, this is {now.version}"
        if rounded:
            return "floats were rounded otherwise, as another version of numpy or scipy, or another processor, does"
        return f"the {kind} is not the function that it was, or somebody made the values up"


def _is_rounded(recorded: object, computed: object) -> bool:
    """Whether two values are floats that differ in their last digits only."""
    return isinstance(recorded, float) and isinstance(computed, float) and math.isclose(recorded, computed)


def _differing(one: Identity, other: Identity) -> str:
    """Those options of `one` that `other` has otherwise."""
    mine, theirs = ((who.options if isinstance(who.options, dict) else {}) for who in (one, other))
    missing = object()
    return ", ".join(f"{name}={value!r}" for name, value in mine.items() if theirs.get(name, missing) != value)
