"""The first event of a study, checked.

It is made here and not in `decide`, because `StudyState.create` needs it too, and a state must not know `decide`.
"""

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
    """Return the event that begins a study.

    Args:
        name: The study's name.
        directions: ``"minimize"`` or ``"maximize"`` for each objective.
        seed: Root of all random numbers.
        space: The declared search space, or None.
        metric_names: One name per objective, or None.
        at: Now, in seconds since 1970, or None.
        origin: Where the command came from, or None.

    Raises:
        InvalidArgument: there is no direction or one with another name, or the number of metric names is wrong.
        InvalidType: the seed is not an int, or a name is not a string.
    """
    if isinstance(seed, bool) or (whole := as_int(seed)) is None:  # seed=True is a mistake, though True equals 1
        raise InvalidType(f"a seed is an int, got {seed!r} of type {type(seed).__name__}")
    if isinstance(directions, str) or not isinstance(directions, Iterable) or not (listed := tuple(directions)):
        raise InvalidArgument(f"a study needs a sequence of at least one direction, got {directions!r}")
    for direction in listed:
        if direction not in [*StudyDirection]:
            # direction=["minimize", "maximize"] arrives here as one direction
            advice = ": several are `directions`" if isinstance(direction, list | tuple) else ""
            raise InvalidArgument(f"a direction is 'minimize' or 'maximize', got {direction!r}{advice}")
    return StudyCreated(
        format=FORMAT,
        name=checked_text(name, "a study's name"),
        directions=tuple(str(direction) for direction in listed),  # events hold strings and not members of an enum
        seed=whole,
        space=None if space is None else SearchSpace.of(space),
        metric_names=None if metric_names is None else checked_metric_names(metric_names, len(listed)),
        at=checked_time(at),
        origin=checked_origin(origin),
    )


def checked_metric_names(names: Sequence[str], n: int) -> tuple[str, ...]:
    """Return `names` as a tuple, if there is one for each of `n` objectives.

    Raises:
        InvalidArgument: there are more or fewer names than objectives, or two names are the same.
        InvalidType: a name is not a string.
    """
    if isinstance(names, str) or not isinstance(names, Iterable) or len(listed := tuple(names)) != n:
        raise InvalidArgument(f"metric_names needs one name per direction, {n} in all; got {names!r}")
    checked = tuple(checked_text(name, "a metric's name") for name in listed)
    if len(set(checked)) < n:
        raise InvalidArgument(f"metric_names needs different names, got {names!r}")
    return checked
