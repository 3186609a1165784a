"""The events of one study as the beginning of another."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from hpo.core import AnyEvent, StudyCreated, TrialFinished, TrialState, replay
from hpo.study.recorder import now


def renamed(events: Sequence[AnyEvent], name: str) -> list[AnyEvent]:
    """`events` under another name; trials that still run fail, as nobody will tell them there."""
    return [*_begun(events, name, None), *_ended(events, "it still ran when the study was copied")]


def forked(events: Sequence[AnyEvent], name: str) -> list[AnyEvent]:
    """`events` as the beginning of a study `name` that names its parent; running trials fail."""
    created = events[0]
    assert isinstance(created, StudyCreated)
    beginning = _begun(events, name, (created.name, len(events)))
    return [*beginning, *_ended(events, "it still ran when the study was forked")]


def _begun(events: Sequence[AnyEvent], name: str, parent: tuple[str, int] | None) -> list[AnyEvent]:
    created = events[0]
    assert isinstance(created, StudyCreated)
    return [replace(created, name=name, parent=parent or created.parent), *events[1:]]


def _ended(events: Sequence[AnyEvent], reason: str) -> list[AnyEvent]:
    return [TrialFinished(n, TrialState.FAIL, at=now(), reason=reason) for n in replay(events).running]
