"""The state of a study, as a value."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from hpo.core.memory import FrozenDict, History, InsertOnlyDict, NumberMap
from hpo.core.records import FORMAT, Snapshot, StudyCreated, decode_snapshot, encode_snapshot, study_created
from hpo.core.values import Distribution, FrozenTrial, Identity, Key, SearchSpace, as_int
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
    finished: History[FrozenTrial] = History()
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
            InvalidType: the seed is no int, the space no mapping to distributions, or a name no text.
        """
        created = study_created(
            name=name,
            directions=("minimize",) if directions is None else directions,
            seed=seed,
            space=space,
            metric_names=metric_names,
            at=at,
        )
        return cls().created_by(created)

    def created_by(self, created: StudyCreated) -> StudyState:
        """This state after the event that says what the study is."""
        return replace(
            self,
            name=created.name,
            directions=created.directions,
            metric_names=created.metric_names,
            seed=created.seed,
            space=created.space,
            created_at=created.at,
            parent=created.parent,
            version=self.version + 1,
        )

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
            cls().created_by(snapshot.created),
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


class _Positions(Struct, frozen=True):
    """Fold: the place in the history of each trial number."""

    def init(self) -> InsertOnlyDict[int, int]:
        return InsertOnlyDict()

    def step(self, carry: InsertOnlyDict[int, int], trial: FrozenTrial) -> InsertOnlyDict[int, int]:
        return carry.with_item(trial.number, len(carry))


def _number(trial: FrozenTrial) -> int:
    return trial.number
