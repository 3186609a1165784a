"""The state of a study, and `evolve`: the only way a state comes to be."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from hpo.core.creation import study_created
from hpo.core.distributions import Distribution
from hpo.core.events import (
    FORMAT,
    AnyEvent,
    ConstraintSet,
    MetricNamesSet,
    ParamsSuggested,
    SpaceDefined,
    StudyAttributeSet,
    StudyCreated,
    TrialAdded,
    TrialAttributeSet,
    TrialEnqueued,
    TrialFinished,
    TrialJudged,
    TrialStarted,
    Used,
    ValueReported,
)
from hpo.core.history import History
from hpo.core.identity import Identity
from hpo.core.key import Key
from hpo.core.numbers import as_int, from_json_tree, from_number
from hpo.core.persistent import FrozenDict, InsertOnlyDict, NumberMap
from hpo.core.snapshot import Snapshot, decode_snapshot, encode_snapshot
from hpo.core.space import SearchSpace
from hpo.core.trial import FrozenTrial, TrialState
from hpo.core.trial_record import added_trial, external_params
from hpo.errors import InvalidType, TrialNotFound

_NOTHING: FrozenDict[str, Any] = FrozenDict()


class StudyState(Struct, frozen=True, gc=False):
    """A study at one moment, as an immutable value: comparable, picklable, and small to keep as bytes.

    Attributes:
        name: The study's name.
        directions: ``"minimize"`` or ``"maximize"`` for each objective.
        metric_names: A name per objective, or None.
        seed: Root of all random numbers; see `Key`.
        space: The declared search space, or None where objectives define it as they run.
        user_attrs: What users attached.
        spaces: Every space that suggestions were made from, by the number that events use.
        finished: The finished trials, in the order told.
        running: Trials by number.
        waiting: Enqueued trials by number; the smallest is started first.
        n_trials: How many trials there are, and the number of the next new one.
        version: How many events made this state.
        created_at: Seconds since 1970, or None.
        parent: The study that this one was forked from, and after how many events; or None.
        uses: The identities of the ``"sampler"`` and the ``"pruner"`` that were used last.

    Example:
        >>> state = StudyState.create(directions=["minimize"], seed=7)
        >>> StudyState.from_bytes(state.to_bytes()) == state
        True
    """

    name: str = ""
    directions: tuple[str, ...] = ()
    metric_names: tuple[str, ...] | None = None
    seed: int = 0
    space: SearchSpace | None = None
    user_attrs: FrozenDict[str, Any] = _NOTHING
    spaces: InsertOnlyDict[SearchSpace, int] = InsertOnlyDict()
    finished: History = History()
    running: NumberMap[FrozenTrial] = NumberMap()
    waiting: NumberMap[FrozenTrial] = NumberMap()
    n_trials: int = 0
    version: int = 0
    created_at: float | None = None
    parent: tuple[str, int] | None = None
    uses: FrozenDict[str, Identity] = FrozenDict()

    @classmethod
    def create(
        cls,
        *,
        directions: Sequence[str] | None = None,
        seed: int = 0,
        name: str = "",
        space: Mapping[str, Distribution] | None = None,
        metric_names: Sequence[str] | None = None,
        at: float | None = None,
    ) -> StudyState:
        """A study without trials.

        Args:
            directions: ``"minimize"`` or ``"maximize"`` per objective; one minimized objective if not given.
            seed: Root of all random numbers. The same seed and the same results give the same suggestions.
            name: For people only.
            space: The search space, where it is known.
            metric_names: A name per objective, so that results can be told by name.
            at: Now, in seconds since 1970, for display only.

        Raises:
            InvalidArgument: a direction of another name, or none, or a wrong number of metric names.
        """
        created = study_created(
            name=name,
            directions=("minimize",) if directions is None else directions,
            seed=seed,
            space=space,
            metric_names=metric_names,
            at=at,
        )
        return evolve(cls(), created)

    @property
    def key(self) -> Key:
        """The root of the study's random streams."""
        return Key(self.seed)

    @property
    def trials(self) -> list[FrozenTrial]:
        """Every trial, whatever its state, ordered by number; O(trials)."""
        return sorted(self, key=_number)

    def trial(self, number: int) -> FrozenTrial:
        """The trial with this number.

        Raises:
            TrialNotFound: there is none.
            InvalidType: `number` is no int.
        """
        if as_int(number) is None:
            raise InvalidType(f"a trial's number is an int, got {number!r} of type {type(number).__name__}")
        number = int(number)
        if number in self.running:
            return self.running[number]
        if number in self.waiting:
            return self.waiting[number]
        position: int | None = self.finished.fold(_Positions()).get(number)
        if position is None:
            raise TrialNotFound(number, self.n_trials)
        return self.finished[position]

    def __iter__(self) -> Iterator[FrozenTrial]:
        """The finished trials as told, then the running ones, then the waiting ones."""
        yield from self.finished
        yield from self.running.values()
        yield from self.waiting.values()

    def to_bytes(self) -> bytes:
        """The state as JSON in UTF-8: all that is needed to go on elsewhere."""
        return encode_snapshot(
            Snapshot(
                created=StudyCreated(
                    format=FORMAT,
                    name=self.name,
                    directions=self.directions,
                    seed=self.seed,
                    space=self.space,
                    metric_names=self.metric_names,
                    at=self.created_at,
                    parent=self.parent,
                ),
                uses=self.uses,
                version=self.version,
                n_trials=self.n_trials,
                user_attrs=self.user_attrs,
                spaces=self.spaces,
                finished=self.finished,
                running=self.running,
                waiting=self.waiting,
            )
        )

    @classmethod
    def from_bytes(cls, blob: bytes) -> StudyState:
        """The inverse of `to_bytes`.

        Raises:
            UnreadableEvents: the bytes are no state of a format that this version reads.
        """
        snapshot = decode_snapshot(blob)
        return replace(
            evolve(cls(), snapshot.created),
            version=snapshot.version,
            uses=snapshot.uses,
            n_trials=snapshot.n_trials,
            user_attrs=snapshot.user_attrs,
            spaces=snapshot.spaces,
            finished=snapshot.finished,
            running=snapshot.running,
            waiting=snapshot.waiting,
        )

    def to_json(self) -> str:
        """The state as JSON text; the same document as `to_bytes`."""
        return self.to_bytes().decode()

    @classmethod
    def from_json(cls, text: str) -> StudyState:
        """The inverse of `to_json`; raises as `from_bytes` does."""
        return cls.from_bytes(text.encode())

    def __hash__(self) -> int:
        return hash((self.name, self.seed, self.version))

    def __reduce__(self) -> tuple[Any, ...]:
        return StudyState.from_bytes, (self.to_bytes(),)

    def __repr__(self) -> str:
        return (
            f"<StudyState {self.name!r}: version {self.version}, {len(self.finished)} finished, "
            f"{len(self.running)} running, {len(self.waiting)} waiting>"
        )


def evolve(state: StudyState, event: AnyEvent) -> StudyState:
    """The state after `event`. Total: it records facts and never judges them (see `hpo.core.decide.decide`).

    O(1) amortized in the number of finished trials, O(log n) in that of running ones.
    """
    return _EVOLVE[type(event)](state, event)


def replay(events: Iterable[AnyEvent], state: StudyState | None = None) -> StudyState:
    """The state that `events` lead to, from `state` or from nothing."""
    state = StudyState() if state is None else state
    for event in events:  # reduce(evolve, events, state), at two thirds of its price
        state = _EVOLVE[type(event)](state, event)
    return state


class _Positions(Struct, frozen=True):
    """Fold: the place in the history of each trial number."""

    def init(self) -> InsertOnlyDict[int, int]:
        return InsertOnlyDict()

    def step(self, carry: InsertOnlyDict[int, int], trial: FrozenTrial) -> InsertOnlyDict[int, int]:
        return carry.with_item(trial.number, len(carry))


def _number(trial: FrozenTrial) -> int:
    return trial.number


def _created(state: StudyState, event: StudyCreated) -> StudyState:
    return replace(
        state,
        name=event.name,
        directions=event.directions,
        metric_names=event.metric_names,
        seed=event.seed,
        space=event.space,
        created_at=event.at,
        parent=event.parent,
        version=state.version + 1,
    )


def _study_attribute_set(state: StudyState, event: StudyAttributeSet) -> StudyState:
    attributes = state.user_attrs.with_item(event.key, from_json_tree(event.value))
    return replace(state, user_attrs=attributes, version=state.version + 1)


def _metric_names_set(state: StudyState, event: MetricNamesSet) -> StudyState:
    return replace(state, metric_names=event.names, version=state.version + 1)


def _used(state: StudyState, event: Used) -> StudyState:
    return replace(state, uses=state.uses.with_item(event.kind, event.identity), version=state.version + 1)


def _judged(state: StudyState, event: TrialJudged) -> StudyState:
    return replace(state, version=state.version + 1)


def _space_defined(state: StudyState, event: SpaceDefined) -> StudyState:
    spaces = state.spaces.with_item(event.space, len(state.spaces))
    return replace(state, spaces=spaces, version=state.version + 1)


def _enqueued(state: StudyState, event: TrialEnqueued) -> StudyState:
    trial = FrozenTrial(
        number=event.number,
        state=TrialState.WAITING,
        fixed_params=from_json_tree(event.params),
        user_attrs=from_json_tree(event.user_attrs or {}),
    )
    return replace(
        state,
        waiting=state.waiting.with_item(event.number, trial),
        n_trials=event.number + 1,
        version=state.version + 1,
    )


def _started(state: StudyState, event: TrialStarted) -> StudyState:
    number = event.number
    if number in state.waiting:
        trial = replace(state.waiting[number], state=TrialState.RUNNING, started_at=event.at, worker=event.worker)
        waiting, n_trials = state.waiting.without(number), state.n_trials
    else:
        trial = FrozenTrial(number, TrialState.RUNNING, started_at=event.at, worker=event.worker)
        waiting, n_trials = state.waiting, number + 1
    return replace(
        state,
        running=state.running.with_item(number, trial),
        waiting=waiting,
        n_trials=n_trials,
        version=state.version + 1,
    )


def _suggested(state: StudyState, event: ParamsSuggested) -> StudyState:
    trial, space = state.running[event.number], state.spaces.key_at(event.space)
    params = external_params(space, event.values)
    changed = replace(
        trial,
        params=FrozenDict({**trial.params, **params}) if trial.params else params,
        distributions=trial.distributions.merged(space),
        note=FrozenDict({**trial.note, **from_json_tree(event.note)}) if event.note else trial.note,
    )
    return _with_running(state, changed)


def _reported(state: StudyState, event: ValueReported) -> StudyState:
    trial = state.running[event.number]
    reports = trial.intermediate_values.with_item(event.step, from_number(event.value))
    return _with_running(state, replace(trial, intermediate_values=reports))


def _trial_attribute_set(state: StudyState, event: TrialAttributeSet) -> StudyState:
    trial = state.running[event.number]
    attributes = trial.user_attrs.with_item(event.key, from_json_tree(event.value))
    return _with_running(state, replace(trial, user_attrs=attributes))


def _constraint_set(state: StudyState, event: ConstraintSet) -> StudyState:
    trial = state.running[event.number]
    constraints = trial.constraints.with_item(event.name, from_number(event.value))
    return _with_running(state, replace(trial, constraints=constraints))


def _with_running(state: StudyState, trial: FrozenTrial) -> StudyState:
    return replace(state, running=state.running.with_item(trial.number, trial), version=state.version + 1)


def _finished(state: StudyState, event: TrialFinished) -> StudyState:
    number = event.number
    trial = state.running.get(number)
    if trial is None:  # it was taken off the queue
        trial, running, waiting = state.waiting[number], state.running, state.waiting.without(number)
    else:
        running, waiting = state.running.without(number), state.waiting
    if event.unused:
        trial = replace(
            trial,
            params=FrozenDict({k: v for k, v in trial.params.items() if k not in event.unused}),
            distributions=trial.distributions.less(dict.fromkeys(event.unused)),
        )
    finished = replace(
        trial,
        state=event.state,
        values=None if event.values is None else tuple(map(from_number, event.values)),
        reason=event.reason,
        finished_at=event.at,
    )
    return replace(
        state,
        running=running,
        waiting=waiting,
        finished=state.finished.append(finished),
        version=state.version + 1,
    )


def _added(state: StudyState, event: TrialAdded) -> StudyState:
    space = SearchSpace() if event.space is None else state.spaces.key_at(event.space)
    return replace(
        state,
        finished=state.finished.append(added_trial(space, event)),
        n_trials=event.number + 1,
        version=state.version + 1,
    )


_EVOLVE: Mapping[type, Callable[[StudyState, Any], StudyState]] = {
    StudyCreated: _created,
    StudyAttributeSet: _study_attribute_set,
    MetricNamesSet: _metric_names_set,
    SpaceDefined: _space_defined,
    Used: _used,
    TrialJudged: _judged,
    TrialEnqueued: _enqueued,
    TrialStarted: _started,
    ParamsSuggested: _suggested,
    ValueReported: _reported,
    TrialAttributeSet: _trial_attribute_set,
    ConstraintSet: _constraint_set,
    TrialFinished: _finished,
    TrialAdded: _added,
}
