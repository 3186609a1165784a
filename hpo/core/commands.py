"""What a study can be told to do; `hpo.core.decide` says what comes of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, TypeAlias

from msgspec import Struct

from hpo.core.values import Distribution, FrozenTrial, Identity, TrialState


class CreateStudy(Struct, frozen=True):
    """Begin a study; see `StudyState.create`."""

    name: str
    directions: Sequence[str]
    seed: int
    space: Mapping[str, Distribution] | None = None
    metric_names: Sequence[str] | None = None
    at: float | None = None


class SetStudyAttribute(Struct, frozen=True):
    """Attach a value to the study, instead of an earlier one under the same key."""

    key: str
    value: Any


class SetMetricNames(Struct, frozen=True):
    """Name the objectives."""

    names: Sequence[str]


class SetAdvisor(Struct, frozen=True):
    """Let a sampler suggest, or a pruner judge, from now on."""

    kind: Literal["sampler", "pruner"]
    identity: Identity


class Enqueue(Struct, frozen=True):
    """Let a coming trial have these parameters."""

    params: Mapping[str, Any]
    user_attrs: Mapping[str, Any] | None = None


class Ask(Struct, frozen=True):
    """Start a trial: the head of the waiting queue, or a new one."""

    at: float | None = None
    worker: str | None = None


class Suggest(Struct, frozen=True):
    """Give a running trial values for the parameters of a space."""

    number: int
    space: Mapping[str, Distribution]
    params: Mapping[str, Any]
    note: Mapping[str, Any] | None = None
    off_grid: bool = False
    lone: bool = False


class RecordPruning(Struct, frozen=True):
    """Record what the pruner said of a running trial."""

    number: int
    stop: bool
    detached: bool = False


class Report(Struct, frozen=True):
    """Record an intermediate value; the first one of a step stands."""

    number: int
    value: Any
    step: Any


class SetTrialAttribute(Struct, frozen=True):
    """Attach a value to a running trial, instead of an earlier one under the same key."""

    number: int
    key: str
    value: Any


class SetConstraint(Struct, frozen=True):
    """Record a constraint's value, feasible when <= 0; the first one of a name stands."""

    number: int
    name: str
    value: Any


class Tell(Struct, frozen=True):
    """Finish a trial.

    `values` is a number, a sequence of them, or a mapping by metric name; `state` COMPLETE unless given. A waiting
    trial can be told as FAIL, which takes it off the queue.
    A result with a NaN makes a failed trial: it ranks nowhere, so no sampler may learn from it as a value.
    """

    number: int
    values: Any = None
    state: TrialState | None = None
    at: float | None = None
    reason: str | None = None
    unused: tuple[str, ...] = ()


class AddTrial(Struct, frozen=True):
    """Take over a trial from elsewhere, under the next free number."""

    trial: FrozenTrial


Command: TypeAlias = (
    CreateStudy
    | SetStudyAttribute
    | SetMetricNames
    | SetAdvisor
    | Enqueue
    | Ask
    | Suggest
    | RecordPruning
    | Report
    | SetTrialAttribute
    | SetConstraint
    | Tell
    | AddTrial
)
