"""The first event of a study, judged."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from hpo.core.records.events import FORMAT, StudyCreated
from hpo.core.values import (
    Distribution,
    Origin,
    SearchSpace,
    StudyDirection,
    as_int,
    checked_origin,
    checked_text,
    checked_time,
)
from hpo.errors import InvalidArgument, InvalidType


def study_created(
    *,
    name: str,
    directions: Sequence[str],
    seed: int,
    space: Mapping[str, Distribution] | None,
    metric_names: Sequence[str] | None,
    at: float | None,
    origin: Origin | None = None,
) -> StudyCreated:
    """The event that begins a study; see `hpo.core.state.StudyState.create` for the arguments.

    Raises:
        InvalidArgument: a direction of another name, or none, or a wrong number of metric names.
        InvalidType: the seed is no int, or a name no text.
    """
    if isinstance(seed, bool) or (whole := as_int(seed)) is None:
        raise InvalidType(f"a seed is an int, got {seed!r} of type {type(seed).__name__}")
    if isinstance(directions, str) or not isinstance(directions, Iterable) or not (listed := tuple(directions)):
        raise InvalidArgument(f"a study needs a sequence of at least one direction, got {directions!r}")
    for direction in listed:
        if direction not in [*StudyDirection]:
            several = ": several are `directions`" if isinstance(direction, list | tuple) else ""
            raise InvalidArgument(f"a direction is 'minimize' or 'maximize', got {direction!r}{several}")
    return StudyCreated(
        format=FORMAT,
        name=checked_text(name, "a study's name"),
        directions=tuple(str(direction) for direction in listed),
        seed=whole,
        space=None if space is None else SearchSpace.of(space),
        metric_names=None if metric_names is None else checked_metric_names(metric_names, len(listed)),
        at=checked_time(at),
        origin=checked_origin(origin),
    )


def checked_metric_names(names: Sequence[str], n: int) -> tuple[str, ...]:
    """`names` if there is one for each of `n` objectives.

    Raises:
        InvalidArgument: there are more or fewer, or two are the same.
        InvalidType: one is no text.
    """
    if isinstance(names, str) or not isinstance(names, Iterable) or len(listed := tuple(names)) != n:
        raise InvalidArgument(f"metric_names needs one name per direction, {n} in all; got {names!r}")
    checked = tuple(checked_text(name, "a metric's name") for name in listed)
    if len(set(checked)) < n:
        raise InvalidArgument(f"metric_names needs different names, got {names!r}")
    return checked
