"""The facts that a study is made of: the closed union of events, and their only written form.

An event is in the past: it is never edited or removed. In JSON it is a short array that starts with its tag, for
example ``["finished", 12, "complete", [0.97], 1732190185.123]``. Fields are only ever added at the end, with a default,
so that every later version can replay old journals. Floats that are not finite are written by name, and attributes as
`to_json_tree` writes them.

A search space is written once per study, and numbered from 0; suggestions refer to it by number, because it is many
times longer than their values. The values follow the order of the space, in internal form
(`hpo.core.values.distributions`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, ClassVar, Literal, TypeAlias

import msgspec
from msgspec import Struct

from hpo.core.values import (
    Artifact,
    Distribution,
    FloatDistribution,
    Identity,
    IntDistribution,
    KeptObject,
    Number,
    Origin,
    SearchSpace,
    TrialState,
    distribution_from_document,
    from_json_tree,
    to_json_tree,
)
from hpo.errors import HpoError, InvalidType, UnreadableEvents

FORMAT = 2
"""The version of the written form; a journal with a newer one is refused, with its version in the message.

Format 2 has pruning decisions by name and with reasons, paused and resumed trials, reports by metric name, standard
errors, costs, artifacts and origins. Journals of format 1 are read as they are, and may continue with events of format
2.
"""


# The options of all events. gc=False: an event refers to nothing that refers back to it, so the garbage collector need
# not visit the thousands of events of a journal. array_like=True: the names of the fields, which would be most of the
# bytes, are not written.
#
# An origin is written with the events that carry out what somebody asked for. Of the others it is None, which no field
# holds, so that every event can be asked.
#
# A field of type Any holds a JSON tree as `to_json_tree` writes it, or None for "nothing".


class StudyCreated(Struct, frozen=True, gc=False, array_like=True, tag="created"):
    """The first event of every study."""

    format: int
    name: str
    directions: tuple[str, ...]
    seed: int
    space: SearchSpace | None = None
    metric_names: tuple[str, ...] | None = None
    at: float | None = None
    parent: tuple[str, int] | None = None
    """The study that this one was forked from, and after how many events; those events follow, as they were."""
    origin: Origin | None = None


class StudyAttributeSet(Struct, frozen=True, gc=False, array_like=True, tag="study_attribute"):
    """A user attribute of the study has a new value."""

    key: str
    value: Any
    origin: Origin | None = None


class MetricNamesSet(Struct, frozen=True, gc=False, array_like=True, tag="metric_names"):
    """The objectives have names, one per direction."""

    names: tuple[str, ...]
    origin: Origin | None = None


class AdvisorSet(Struct, frozen=True, gc=False, array_like=True, tag="uses"):
    """The study uses this sampler, pruner or promoter from here on."""

    origin: ClassVar[None] = None

    # The tag is older than the name of the class. Tags are the written form and never change.
    kind: Literal["sampler", "pruner", "promoter"]
    identity: Identity


class SpaceDefined(Struct, frozen=True, gc=False, array_like=True, tag="space"):
    """The next search space, by number, that suggestions refer to."""

    origin: ClassVar[None] = None

    space: SearchSpace


class TrialEnqueued(Struct, frozen=True, gc=False, array_like=True, tag="enqueued"):
    """Trial `number` waits to be started, with some of its parameters given."""

    number: int
    params: Any
    user_attrs: Any = None
    parent: int | None = None
    """The trial that this one was forked from, whose checkpoint it continues."""
    reason: Any = None
    """Why it was forked, as the promoter put it."""
    origin: Origin | None = None


class TrialStarted(Struct, frozen=True, gc=False, array_like=True, tag="started"):
    """Trial `number` runs: the first one that waited, or a new one."""

    number: int
    at: float | None = None
    worker: str | None = None
    origin: Origin | None = None


class TrialPaused(Struct, frozen=True, gc=False, array_like=True, tag="paused"):
    """Trial `number` waits to be resumed, by any worker; it keeps what it reported."""

    number: int
    at: float | None = None
    checkpoint: str | None = None
    """The checkpoint that its objective can continue from; None keeps the one that it had."""
    origin: Origin | None = None
    reason: str | None = None
    """Why it was paused, for people; None in journals of earlier versions."""


class TrialResumed(Struct, frozen=True, gc=False, array_like=True, tag="resumed"):
    """Trial `number` was paused and runs again."""

    number: int
    at: float | None = None
    worker: str | None = None
    reason: Any = None
    """Why a promoter chose it; None if a person or a scheduler did."""
    origin: Origin | None = None


class ParamsSuggested(Struct, frozen=True, gc=False, array_like=True, tag="suggested"):
    """Trial `number` has values for the parameters of a space, in internal form and in the order of the space."""

    origin: ClassVar[None] = None

    number: int
    space: int
    values: tuple[int | float, ...]  # internal ones are always finite, so they need no names as a `Number` does
    note: Any = None
    lone: bool = False
    """Whether this is a lone parameter: one outside of the joint space."""


class PruningDecided(Struct, frozen=True, gc=False, array_like=True, tag="judged"):
    """The pruner has decided about running trial `number`."""

    origin: ClassVar[None] = None

    number: int
    decision: bool | Literal["continue", "pause", "stop"]
    """By name; journals of format 1 have True for "stop" and False for "continue"."""
    detached: bool = False
    """Whether the pruner knew only the trial itself, and the study as it was when the trial started."""
    reason: Any = None
    """The rule, the step and the values that were compared, as the pruner put it."""

    @property
    def name(self) -> Literal["continue", "pause", "stop"]:
        """The decision by name, whichever format the journal has."""
        if isinstance(self.decision, bool):
            return "stop" if self.decision else "continue"
        return self.decision


class ValueReported(Struct, frozen=True, gc=False, array_like=True, tag="reported"):
    """Trial `number` has an intermediate value, or several by metric name."""

    number: int
    step: int
    value: Number | dict[str, Number]
    origin: Origin | None = None


class TrialAttributeSet(Struct, frozen=True, gc=False, array_like=True, tag="trial_attribute"):
    """A user attribute of trial `number` has a new value."""

    number: int
    key: str
    value: Any
    origin: Origin | None = None


class ConstraintSet(Struct, frozen=True, gc=False, array_like=True, tag="constraint"):
    """Trial `number` has a value for a constraint."""

    number: int
    name: str
    value: Number
    origin: Origin | None = None


class ArtifactAdded(Struct, frozen=True, gc=False, array_like=True, tag="artifact_added"):
    """A file belongs to trial `number`, or to the study if `number` is None; its bytes are in a store already."""

    artifact: Artifact
    number: int | None = None
    at: float | None = None
    origin: Origin | None = None


class ArtifactRemoved(Struct, frozen=True, gc=False, array_like=True, tag="artifact_removed"):
    """The file with this id no longer belongs to trial `number`, or to the study if `number` is None."""

    id: str
    number: int | None = None
    at: float | None = None
    origin: Origin | None = None


class TrialFinished(Struct, frozen=True, gc=False, array_like=True, tag="finished"):
    """Trial `number` has ended; parameters that its objective never asked for, the `unused` ones, are dropped."""

    number: int
    state: TrialState
    values: tuple[Number, ...] | None = None
    at: float | None = None
    reason: str | None = None
    unused: tuple[str, ...] = ()
    sem: tuple[Number, ...] | None = None
    cost: Number | None = None
    origin: Origin | None = None
    began: float | None = None
    """When its worker began to run it, if it had to wait for the worker after it was started."""


class TrialAdded(Struct, frozen=True, gc=False, array_like=True, tag="added"):
    """A whole trial came from elsewhere: another study, or a program. `space` is a number, as in `ParamsSuggested`."""

    number: int
    state: TrialState
    values: tuple[Number, ...] | None
    space: int | None
    params: tuple[int | float, ...]
    user_attrs: Any = None
    constraints: tuple[tuple[str, Number], ...] = ()
    intermediate_values: tuple[tuple[int, Number], ...] = ()
    fixed_params: Any = None
    note: Any = None
    reason: str | None = None
    worker: str | None = None
    started_at: float | None = None
    finished_at: float | None = None
    sem: tuple[Number, ...] | None = None
    cost: Number | None = None
    metrics: tuple[tuple[int, dict[str, Number]], ...] = ()
    checkpoint: str | None = None
    parent: int | None = None
    origin: Origin | None = None


AnyEvent: TypeAlias = (
    StudyCreated
    | StudyAttributeSet
    | MetricNamesSet
    | AdvisorSet
    | SpaceDefined
    | TrialEnqueued
    | TrialStarted
    | TrialPaused
    | TrialResumed
    | ParamsSuggested
    | PruningDecided
    | ValueReported
    | TrialAttributeSet
    | ConstraintSet
    | ArtifactAdded
    | ArtifactRemoved
    | TrialFinished
    | TrialAdded
)

ACKNOWLEDGED = frozenset((StudyCreated, TrialEnqueued, TrialPaused, TrialFinished, TrialAdded, ArtifactAdded))
"""The events that a journal makes durable before it returns.

They are what cannot be computed again: results, and what users decided. A crash of the machine that takes suggestions
or reports of running trials takes their workers as well.
"""


def is_acknowledged(events: Iterable[AnyEvent]) -> bool:
    """Return whether a journal must make `events` durable before it returns, because a user relies on one of them.

    Example:
        >>> is_acknowledged([TrialStarted(0)]), is_acknowledged([TrialStarted(0), TrialEnqueued(1, None)])
        (False, True)
    """
    return not ACKNOWLEDGED.isdisjoint(map(type, events))


def encode_events(events: Sequence[AnyEvent]) -> bytes:
    """Return `events` as one JSON array in UTF-8, without a newline."""
    return _ENCODER.encode(events)


def decode_events(text: bytes) -> list[AnyEvent]:
    """Return the events that `encode_events` wrote.

    Raises:
        UnreadableEvents: `text` is not a JSON array of events that this version knows.
    """
    try:
        return _DECODER.decode(text)
    except (msgspec.MsgspecError, ValueError, RecursionError, HpoError) as error:
        raise UnreadableEvents(str(error), FORMAT) from None


def encode_hook(value: object) -> Any:
    """Return the written form of a search space; an `enc_hook` of msgspec, for types that it does not know."""
    if isinstance(value, SearchSpace):
        return {name: _distribution_document(distribution) for name, distribution in value.items()}
    if isinstance(value, KeptObject):
        raise InvalidType(
            f"an attribute is a {type(value.value).__name__}, which only a study in memory can keep: it can't be written"
        )
    raise NotImplementedError(f"an event cannot contain a {type(value).__name__}")


def decode_hook(kind: type, document: Any) -> Any:
    """Return the search space that `encode_hook` wrote; a `dec_hook` of msgspec."""
    if kind is SearchSpace and isinstance(document, dict):
        return SearchSpace({name: _distribution_of(written) for name, written in document.items()})
    raise UnreadableEvents(f"expected a {kind.__name__}, got {document!r}", FORMAT)


def _distribution_document(distribution: Distribution) -> dict[str, Any]:
    if isinstance(distribution, FloatDistribution | IntDistribution):
        fields = {field: getattr(distribution, field) for field in distribution.__struct_fields__}
    else:  # a choice may be NaN or infinite, which JSON cannot express; the bounds of a range are finite
        fields = {"choices": [to_json_tree(choice) for choice in distribution.choices]}
    return {"name": type(distribution).__name__, "attributes": fields}


def _distribution_of(written: Any) -> Distribution:
    attributes = written.get("attributes") if isinstance(written, dict) else None
    if isinstance(attributes, dict) and "choices" in attributes:
        written = {**written, "attributes": {"choices": from_json_tree(attributes["choices"])}}
    return distribution_from_document(written)


_ENCODER = msgspec.json.Encoder(enc_hook=encode_hook)
_DECODER = msgspec.json.Decoder(list[AnyEvent], dec_hook=decode_hook)
