"""The state of a study, as an immutable value."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from msgspec import Struct
from msgspec.structs import asdict, replace

from hpo.core.memory import EventLog, FrozenDict, History, InsertOnlyDict, NumberMap
from hpo.core.records import FORMAT, StudyCreated, decode_state, encode_state, study_created
from hpo.core.values import Artifact, Distribution, FrozenTrial, Identity, Key, SearchSpace, as_int
from hpo.errors import InvalidArgument, InvalidType, TrialNotFound

_NO_ATTRIBUTES: FrozenDict[str, Any] = FrozenDict()
_NO_ARTIFACTS: FrozenDict[str, Artifact] = FrozenDict()
NO_TRIALS: NumberMap[FrozenTrial] = NumberMap()
NO_REQUESTS: InsertOnlyDict[str, int | None] = InsertOnlyDict()
OF_STUDY = -1  # a number and not None, because a `NumberMap` is keyed by ints
"""The owner of the artifacts that belong to the study and not to a trial."""


class StudyState(Struct, frozen=True, gc=False):
    """A study at one moment, as an immutable value: comparable, picklable, and compact as bytes.

    Attributes:
        name: The study's name.
        directions: ``"minimize"`` or ``"maximize"`` for each objective.
        metric_names: A name per objective, or None.
        seed: The root of all random numbers.
        space: The declared search space, or None if objectives define it as they run.
        user_attrs: What users attached.
        spaces: Every space that suggestions were made from, with the number by which events refer to it.
        finished: The finished trials, in the order in which they were told.
        running: Running trials by number.
        waiting: Enqueued trials by number; the smallest is started first.
        paused: Paused trials by number; any worker may resume them.
        n_trials: How many trials there are, and the number of the next new one.
        version: How many events made this state.
        created_at: Seconds since 1970, or None.
        parent: The study that this one was forked from, and after how many events; or None.
        uses: The identities of the latest ``"sampler"``, ``"pruner"`` and ``"promoter"``, as far as there were any.
        artifacts: Files by their owner's number, -1 for the study itself, and by id; `artifacts_of` looks them up.
        requests: The keys of the clients' requests that were carried out, with the number of the trial that each was
            about, or None.
        log: The newest events, for `hpo.events_since`. It is not a part of the value: it is neither compared nor kept
            as bytes, and samplers and pruners must not read it (the law `relabel` of `hpo.testing` finds those that do).

    Example:
        >>> state = StudyState.create(directions=["minimize"], seed=7)
        >>> StudyState.from_bytes(state.to_bytes()) == state
        True
    """

    # Every container here is persistent: the next state shares nearly all of its memory with this one, so that a study
    # of n trials can keep n states. The defaults are empty, immutable, and shared by all studies.
    name: str = ""
    directions: tuple[str, ...] = ()
    metric_names: tuple[str, ...] | None = None
    seed: int = 0
    space: SearchSpace | None = None
    user_attrs: Mapping[str, Any] = _NO_ATTRIBUTES
    spaces: InsertOnlyDict[SearchSpace, int] = InsertOnlyDict()
    finished: History[FrozenTrial] = History()
    running: NumberMap[FrozenTrial] = NumberMap()
    waiting: NumberMap[FrozenTrial] = NO_TRIALS
    n_trials: int = 0
    version: int = 0
    created_at: float | None = None
    parent: tuple[str, int] | None = None
    uses: FrozenDict[str, Identity] = FrozenDict()
    paused: NumberMap[FrozenTrial] = NO_TRIALS
    artifacts: NumberMap[Mapping[str, Artifact]] = NumberMap()
    requests: InsertOnlyDict[str, int | None] = NO_REQUESTS
    log: EventLog = EventLog()

    @classmethod
    def create(
        cls,
        *,
        direction: str | None = None,
        directions: Sequence[str] | None = None,
        seed: int = 0,
        name: str = "",
        space: Mapping[str, Distribution] | None = None,
        metric_names: Sequence[str] | None = None,
        at: float | None = None,
    ) -> StudyState:
        """Return a study without trials.

        Args:
            direction: ``"minimize"`` or ``"maximize"``, for one objective; minimized if not given.
            directions: One direction per objective; give either this or `direction`.
            seed: The root of all random numbers. The same seed and the same results give the same suggestions.
            name: A name for people.
            space: The search space, if it is known.
            metric_names: A name per objective, so that results can be told by name.
            at: Now, in seconds since 1970, for display only.

        Raises:
            InvalidArgument: a direction has another name; both `direction` and `directions` are given; there is no
                direction; or the number of metric names is wrong.
            InvalidType: the seed is not an int, the space is not a mapping to distributions, or a name is not a string.
        """
        if direction is not None and directions is not None:
            raise InvalidArgument(
                f"give either direction or directions, got direction={direction!r} and directions={directions!r}"
            )
        created = study_created(
            name=name,
            directions=("minimize" if direction is None else direction,) if directions is None else directions,
            seed=seed,
            space=space,
            metric_names=metric_names,
            at=at,
        )
        # the log begins with the study, so that a scheduler can keep its first event like all others
        return replace(cls().created_by(created), log=EventLog().extended(0, [created]))

    def created_by(self, created: StudyCreated) -> StudyState:
        """Return this state after the event that begins a study."""
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

    def _created_event(self) -> StudyCreated:
        return StudyCreated(
            format=FORMAT,
            name=self.name,
            directions=self.directions,
            seed=self.seed,
            space=self.space,
            metric_names=self.metric_names,
            at=self.created_at,
            parent=self.parent,
        )

    @property
    def key(self) -> Key:
        """The root of the study's random streams."""
        return Key(self.seed)

    @property
    def trials(self) -> list[FrozenTrial]:
        """Every trial, whatever its state, ordered by number; O(trials)."""
        # a slice and not a loop: the objects that it makes of columns are kept, and this is often asked for
        return sorted(
            [*self.finished[:], *self.running.values(), *self.paused.values(), *self.waiting.values()],
            key=_trial_number,
        )

    def trial(self, number: int) -> FrozenTrial:
        """Return the trial with this number; O(trials finished since the last call).

        Raises:
            TrialNotFound: there is no trial with this number.
            InvalidType: `number` is not an int.
        """
        if as_int(number) is None:
            raise InvalidType(f"a trial's number is an int, got {number!r} of type {type(number).__name__}")
        number = int(number)
        if number in self.running:
            return self.running[number]
        if number in self.waiting:
            return self.waiting[number]
        if number in self.paused:
            return self.paused[number]
        # finished trials stand in the order in which they were told, which is not that of their numbers
        position: int | None = self.finished.fold(_Positions()).get(number)
        if position is None:
            raise TrialNotFound(number, self.n_trials)
        return self.finished[position]

    def artifacts_of(self, number: int | None) -> Mapping[str, Artifact]:
        """Return the artifacts of trial `number`, or of the study itself for None, by id.

        Example:
            >>> StudyState.create().artifacts_of(None)
            {}
        """
        found: Mapping[str, Artifact] = self.artifacts.get(OF_STUDY if number is None else number, _NO_ARTIFACTS)
        return found

    def __iter__(self) -> Iterator[FrozenTrial]:
        """Iterate over the finished trials as told, then the running, the paused and the waiting ones by number."""
        yield from self.finished
        yield from self.running.values()
        yield from self.paused.values()
        yield from self.waiting.values()

    def to_bytes(self) -> bytes:
        """Return the state as JSON in UTF-8: everything that is needed to continue the study elsewhere."""
        return encode_state(self._created_event(), asdict(self))

    @classmethod
    def from_bytes(cls, blob: bytes) -> StudyState:
        """Return the state that `to_bytes` wrote.

        Raises:
            UnreadableEvents: the bytes are not a state in a format that this version reads.
        """
        created, fields = decode_state(blob)
        return replace(cls().created_by(created), **fields)

    def to_json(self) -> str:
        """Return the state as a JSON string: the same document as `to_bytes`."""
        return self.to_bytes().decode()

    @classmethod
    def from_json(cls, text: str) -> StudyState:
        """Return the state that `to_json` wrote.

        Raises:
            UnreadableEvents: the string is not a state in a format that this version reads.
        """
        return cls.from_bytes(text.encode())

    def __hash__(self) -> int:
        # equal states agree in these, and they are cheap; a hash of everything would walk through all trials
        return hash((self.name, self.seed, self.version))

    def __reduce__(self) -> tuple[Any, ...]:
        # The bytes leave out the memory of folds and what later states wrote into shared containers.
        return StudyState.from_bytes, (self.to_bytes(),)

    def _repr_html_(self) -> str:
        from hpo.core.views import in_html

        return in_html(self, f"State of study {self.name!r}")

    def __repr__(self) -> str:
        paused = f", {len(self.paused)} paused" if self.paused else ""
        return (
            f"<StudyState {self.name!r}: version {self.version}, {len(self.finished)} finished, "
            f"{len(self.running)} running, {len(self.waiting)} waiting{paused}>"
        )


class _Positions(Struct, frozen=True):
    """Fold: the position of each trial in the history, by its number."""

    def init(self) -> InsertOnlyDict[int, int]:
        return InsertOnlyDict()

    def step(self, carry: InsertOnlyDict[int, int], trial: FrozenTrial) -> InsertOnlyDict[int, int]:
        return carry.with_item(trial.number, len(carry))


def _trial_number(trial: FrozenTrial) -> int:
    return trial.number
