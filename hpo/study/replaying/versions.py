"""Versions of a study, which are numbers of events, and copies and forks that begin with one."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from hpo.core import AnyEvent, FrozenTrial, StudyCreated, TrialFinished, TrialStarted, TrialState, as_int, replay
from hpo.errors import InvalidArgument
from hpo.study.recorder import now


def events_until(events: Sequence[AnyEvent], version: int) -> Sequence[AnyEvent]:
    """Return the first `version` of a study's `events`.

    Raises:
        InvalidArgument: there are fewer, or `version` is not a whole number of at least 1.

    Example:
        >>> import hpo
        >>> study = hpo.create_study()
        >>> study.set_user_attr("a", 1)
        >>> [type(event).__name__ for event in events_until(study.events(), 1)]
        ['StudyCreated']
    """
    whole = as_int(version)
    if whole is None or not 1 <= whole <= len(events):
        raise InvalidArgument(f"the study has the versions 1 to {len(events)}, got {version!r}")
    return events[:whole]


def version_before(events: Sequence[AnyEvent], trial: FrozenTrial) -> int:
    """Return how many of a study's `events` come before the one that started `trial`. O(events).

    Raises:
        InvalidArgument: no event started it: the trial is waiting, or was added as a whole.

    Example:
        >>> import hpo
        >>> study = hpo.create_study(sampler=hpo.samplers.RandomSampler())
        >>> first, second = study.ask(n=2)
        >>> study.events()[version_before(study.events(), study.trials[1])].number
        1
    """
    for version, event in enumerate(events):
        if isinstance(event, TrialStarted) and event.number == trial.number:
            return version
    raise InvalidArgument(
        f"trial {trial.number} was never started in this study: it is waiting, or was added as a whole"
    )


def copied(events: Sequence[AnyEvent], name: str) -> list[AnyEvent]:
    """Return `events` as those of a study `name`. Trials that are still running fail: nobody will tell them there."""
    return [*_renamed(events, name, None), *_failures(events, "it still ran when the study was copied")]


def forked(events: Sequence[AnyEvent], name: str) -> list[AnyEvent]:
    """Return `events` as the first ones of a study `name` that names its parent. Running trials fail in it."""
    created = events[0]
    assert isinstance(created, StudyCreated)
    beginning = _renamed(events, name, (created.name, len(events)))
    return [*beginning, *_failures(events, "it still ran when the study was forked")]


def _renamed(events: Sequence[AnyEvent], name: str, parent: tuple[str, int] | None) -> list[AnyEvent]:
    created = events[0]
    assert isinstance(created, StudyCreated)
    return [replace(created, name=name, parent=parent or created.parent), *events[1:]]


def _failures(events: Sequence[AnyEvent], reason: str) -> list[AnyEvent]:
    return [TrialFinished(n, TrialState.FAIL, at=now(), reason=reason) for n in replay(events).running]
