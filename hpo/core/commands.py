"""Commands: what a study can be asked to do. `hpo.core.decide` turns them into events, or refuses them.

Commands hold what users passed, unchecked; events hold builtins that were checked. So there is one place where
arguments are checked, and what a journal holds has passed it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, TypeAlias

from msgspec import Struct

from hpo.core.values import Artifact, Distribution, FrozenTrial, Identity, Origin, TrialState


class CreateStudy(Struct, frozen=True):
    """Create the study; the fields are the arguments of `StudyState.create`."""

    name: str
    directions: Sequence[str]
    seed: int
    space: Mapping[str, Distribution] | None = None
    metric_names: Sequence[str] | None = None
    at: float | None = None
    origin: Origin | None = None


class SetStudyAttribute(Struct, frozen=True):
    """Attach a value to the study; it replaces an earlier one under the same key."""

    key: str
    value: Any
    origin: Origin | None = None


class SetMetricNames(Struct, frozen=True):
    """Name the objectives."""

    names: Sequence[str]
    origin: Origin | None = None


class SetAdvisor(Struct, frozen=True):
    """Record which sampler, pruner or promoter the study uses from here on."""

    kind: Literal["sampler", "pruner", "promoter"]
    identity: Identity


class Enqueue(Struct, frozen=True):
    """Put a trial with these parameters into the queue; a sampler suggests the parameters that it leaves out."""

    params: Mapping[str, Any]
    user_attrs: Mapping[str, Any] | None = None
    origin: Origin | None = None


class Ask(Struct, frozen=True):
    """Start a trial: the first one in the queue, or a new one."""

    at: float | None = None
    worker: str | None = None
    origin: Origin | None = None


class StartFork(Struct, frozen=True):
    """Start a new trial that continues from the checkpoint of `parent`, with parameters of its own.

    `params` gives values by name; parameters that it leaves out are suggested.
    """

    parent: int
    params: Mapping[str, Any]
    reason: Any = None
    at: float | None = None
    worker: str | None = None
    origin: Origin | None = None


class PauseTrial(Struct, frozen=True):
    """Let a running trial wait until it is resumed; its worker is free.

    `checkpoint` says where the objective can continue from, as a string of the user's own; None keeps an earlier one.
    `reason` says why it is paused, for people. `workers` are the names of the worker that asks: if they are given, a trial that
    another worker has resumed is refused.
    """

    number: int
    checkpoint: str | None = None
    at: float | None = None
    origin: Origin | None = None
    reason: str | None = None
    workers: tuple[str, ...] = ()


class ResumeTrial(Struct, frozen=True):
    """Let a paused trial run again, for any worker; `reason` is what a promoter said."""

    number: int
    at: float | None = None
    worker: str | None = None
    reason: Any = None
    origin: Origin | None = None


class Suggest(Struct, frozen=True):
    """Give a running trial values for the parameters of a space."""

    number: int
    space: Mapping[str, Distribution]
    params: Mapping[str, Any]
    note: Mapping[str, Any] | None = None
    off_grid: bool = False
    """Whether values may lie between the grid points of a step."""
    lone: bool = False
    """Whether this is a lone parameter: one outside of the joint space."""


class RecordPruning(Struct, frozen=True):
    """Record what the pruner decided about a running trial, and why.

    `decision` is ``"continue"``, ``"pause"`` or ``"stop"``; `reason` is a small JSON value; `detached` says that the
    pruner knew the study only as it was when the trial started.
    """

    number: int
    decision: Literal["continue", "pause", "stop"]
    reason: Any = None
    detached: bool = False


class Report(Struct, frozen=True):
    """Record an intermediate value, or several by metric name; only the first report of a step counts."""

    # Pruning decisions rest on the values as they were reported: a second report would make them look unfounded.
    number: int
    value: Any
    step: Any
    origin: Origin | None = None


class SetTrialAttribute(Struct, frozen=True):
    """Attach a value to a running trial; it replaces an earlier one under the same key."""

    number: int
    key: str
    value: Any
    origin: Origin | None = None


class SetConstraint(Struct, frozen=True):
    """Record the value of a constraint, feasible if <= 0; only the first value under a name counts."""

    number: int
    name: str
    value: Any
    origin: Origin | None = None


class AddArtifact(Struct, frozen=True):
    """Record that a file belongs to a trial in any state, or to the study if `number` is None.

    The bytes must be in their store already: a journal must not name a file that does not exist. A second artifact with
    the same id replaces the first.
    """

    artifact: Artifact
    number: int | None = None
    at: float | None = None
    origin: Origin | None = None


class RemoveArtifact(Struct, frozen=True):
    """Record that a file no longer belongs to a trial, or to the study if `number` is None."""

    id: str
    number: int | None = None
    at: float | None = None
    origin: Origin | None = None


class Tell(Struct, frozen=True):
    """Finish a running or paused trial.

    `values` is a number, a sequence of numbers, or a mapping by metric name. `state` is a `TrialState` or its name;
    COMPLETE if not given. A waiting trial can be told as FAIL, which takes it off the queue. A complete trial with a
    NaN among its values becomes a failed one, because NaN has no rank. `sem` is the standard error of each value, and
    `cost` the cost of the evaluation. `unused` names the suggested parameters that the objective never asked for.
    `began` is when a worker began to run the trial, if that was later than its start: it had to wait for the worker.
    `workers` are the names of the worker that tells: if they are given, a trial that another worker has resumed is refused.
    """

    number: int
    values: Any = None
    state: TrialState | str | None = None
    at: float | None = None
    reason: str | None = None
    unused: tuple[str, ...] = ()
    sem: Any = None
    cost: Any = None
    origin: Origin | None = None
    began: float | None = None
    workers: tuple[str, ...] = ()


class AddTrial(Struct, frozen=True):
    """Add a whole trial that came from elsewhere, under the next free number."""

    trial: FrozenTrial
    origin: Origin | None = None


Command: TypeAlias = (
    CreateStudy
    | SetStudyAttribute
    | SetMetricNames
    | SetAdvisor
    | Enqueue
    | Ask
    | StartFork
    | PauseTrial
    | ResumeTrial
    | Suggest
    | RecordPruning
    | Report
    | SetTrialAttribute
    | SetConstraint
    | AddArtifact
    | RemoveArtifact
    | Tell
    | AddTrial
)
