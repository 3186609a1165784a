"""Moments of a study: how many of its events had happened."""

from __future__ import annotations

from collections.abc import Sequence

from hpo.core import AnyEvent, FrozenTrial, TrialStarted, as_int
from hpo.errors import InvalidArgument


def events_until(events: Sequence[AnyEvent], version: int) -> Sequence[AnyEvent]:
    """The first `version` of a study's `events`.

    Raises:
        InvalidArgument: there are not as many, or `version` is no whole number from 1 on.

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
    """How many of a study's `events` come before the one that started `trial`; O(events).

    Raises:
        InvalidArgument: none of them did: the trial waits, or came whole from elsewhere.

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
        f"trial {trial.number} was never started in this study: it waits, or came whole from elsewhere"
    )
