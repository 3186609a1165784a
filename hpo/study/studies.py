"""Making, finding, copying and deleting studies."""

from __future__ import annotations

import datetime
import os
import secrets
import uuid
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import attrs

from hpo.core import (
    CreateStudy,
    Distribution,
    FrozenTrial,
    Pruner,
    Sampler,
    SearchSpace,
    StudyDirection,
    StudyState,
    best_or_none,
    checked_pruner,
    checked_sampler,
    decide,
    replay,
)
from hpo.errors import DuplicatedStudyError, InvalidArgument, SeveralObjectives, StudyNotFound
from hpo.journal import Storage, open_journal
from hpo.logging import get_logger
from hpo.pruners import MedianPruner, NopPruner
from hpo.samplers import RandomSampler
from hpo.study.recorder import now
from hpo.study.replaying.copies import renamed
from hpo.study.replaying.rebuild import rebuild_advisor
from hpo.study.running.messages import narrate_continuation, narrate_creation
from hpo.study.study import Study

StorageLike: TypeAlias = str | os.PathLike[str] | Storage
"""A path, a URL, or a storage object; see `hpo.journal.open_journal`."""


def create_study(
    *,
    storage: StorageLike | None = None,
    sampler: Sampler | None = None,
    pruner: Pruner | None = None,
    study_name: str | None = None,
    direction: str | StudyDirection | None = None,
    load_if_exists: bool = False,
    directions: Sequence[str | StudyDirection] | None = None,
    seed: int | None = None,
    space: Mapping[str, Distribution] | None = None,
    metric_names: Sequence[str] | None = None,
) -> Study:
    """Begin a study, or continue the one that exists.

    Args:
        storage: Where to keep it: ``"study.jsonl"``, a directory ``"runs/"``, or a storage object. In memory if not
            given.
        sampler: Who suggests parameters; `TPESampler` if not given, or in a study that is continued, whom it was run
            with last, as its journal says.
        pruner: Who judges running trials; likewise, or `MedianPruner`.
        study_name: Its name in the storage; a unique one is made up if not given.
        direction: ``"minimize"``, the default, or ``"maximize"``.
        load_if_exists: Whether to continue a study of this name instead of raising.
        directions: One direction per objective, instead of `direction`.
        seed: Root of all random numbers; drawn and recorded if not given.
        space: The search space, where it is known before objectives run: all of it is suggested together from the
            first trial on.
        metric_names: A name per objective.

    Raises:
        DuplicatedStudyError: there is a study of this name, and not `load_if_exists`.
        InvalidArgument: a direction of another name; both `direction` and `directions`; or the study that exists has
            another direction, seed or space, or other metric names, than given here.
        InvalidType: an argument is of a type that is not allowed; nothing is created.

    Example:
        >>> import hpo
        >>> hpo.logging.set_verbosity(hpo.logging.WARNING)
        >>> study = create_study(direction="maximize")
        >>> study.optimize(lambda trial: trial.suggest_int("x", 0, 9), n_trials=3)
        >>> len(study.trials)
        3
    """
    if direction is not None and directions is not None:
        raise InvalidArgument(f"give either direction or directions, got {direction!r} and {directions!r}")
    if isinstance(directions, str):
        raise InvalidArgument(f"directions is a sequence of directions, got {directions!r}: use direction")
    _check_advisors(sampler, pruner)
    given = (direction,) if direction is not None else directions
    place = open_journal(storage)
    name = f"no-name-{uuid.uuid4()}" if study_name is None else study_name
    command = CreateStudy(
        name=name,
        directions=("minimize",) if given is None else given,
        seed=secrets.randbits(63) if seed is None else seed,
        space=space,
        metric_names=metric_names,
        at=now(),
    )
    events = decide(StudyState(), command)
    try:
        place.create(name, events)
    except DuplicatedStudyError:
        if not load_if_exists:
            raise
        study = _study(place, name, sampler, pruner)
        _check_facts(study.state, directions=given, seed=seed, space=space, metric_names=metric_names)
        narrate_continuation(name, place.location, study.state.n_trials)
        return study
    narrate_creation(name, place.location)
    return _study(place, name, sampler, pruner)


def load_study(
    *,
    study_name: str | None = None,
    storage: StorageLike,
    sampler: Sampler | None = None,
    pruner: Pruner | None = None,
) -> Study:
    """Continue a study.

    Args:
        study_name: Its name; not needed where the storage holds only one.
        storage: Where it is; see `create_study`.
        sampler: Who suggests parameters; if not given, whom the study was run with last, as its journal says, or
            `TPESampler`.
        pruner: Who judges running trials; likewise, or `MedianPruner`.

    Raises:
        StudyNotFound: there is no such study, or without `study_name` several.

    Example:
        >>> import hpo
        >>> storage = hpo.journal.MemoryStorage()
        >>> study = hpo.create_study(storage=storage, study_name="digits")
        >>> load_study(storage=storage).study_name
        'digits'
    """
    _check_advisors(sampler, pruner)
    place = open_journal(storage)
    if study_name is None:
        names = place.names()
        if len(names) != 1:
            raise StudyNotFound(None, place.location, names)
        study_name = names[0]
    return _study(place, study_name, sampler, pruner)


def delete_study(*, study_name: str, storage: StorageLike) -> None:
    """Remove a study with all its trials; its name is free again.

    Raises:
        StudyNotFound: there is no such study.

    Example:
        >>> import hpo
        >>> storage = hpo.journal.MemoryStorage()
        >>> study = hpo.create_study(storage=storage, study_name="digits")
        >>> delete_study(study_name="digits", storage=storage)
        >>> get_all_study_names(storage)
        []
    """
    open_journal(storage).delete(study_name)


def copy_study(
    *,
    from_study_name: str,
    from_storage: StorageLike,
    to_storage: StorageLike,
    to_study_name: str | None = None,
) -> None:
    """Copy a study, event by event. Trials that still run fail in the copy, where nobody will tell them.

    Args:
        from_study_name: The study to copy.
        from_storage: Where it is.
        to_storage: Where the copy goes.
        to_study_name: The copy's name; the same if not given.

    Raises:
        StudyNotFound: there is no such study.
        DuplicatedStudyError: the target has a study of this name.

    Example:
        >>> import hpo
        >>> storage = hpo.journal.MemoryStorage()
        >>> study = hpo.create_study(storage=storage, study_name="digits")
        >>> copy_study(from_study_name="digits", from_storage=storage, to_storage=storage, to_study_name="again")
        >>> get_all_study_names(storage)
        ['again', 'digits']
    """
    events = open_journal(from_storage).open(from_study_name).read(0)
    name = from_study_name if to_study_name is None else to_study_name
    open_journal(to_storage).create(name, renamed(events, name))


def get_all_study_names(storage: StorageLike) -> list[str]:
    """The names of all studies of a storage, sorted.

    Example:
        >>> import hpo
        >>> storage = hpo.journal.MemoryStorage()
        >>> study = hpo.create_study(storage=storage, study_name="digits")
        >>> get_all_study_names(storage)
        ['digits']
    """
    return open_journal(storage).names()


def get_all_study_summaries(storage: StorageLike, include_best_trial: bool = True) -> list[StudySummary]:
    """One summary for each study of a storage, by name.

    Args:
        storage: Where the studies are.
        include_best_trial: Whether to look for the best trials.

    Example:
        >>> import hpo
        >>> storage = hpo.journal.MemoryStorage()
        >>> study = hpo.create_study(storage=storage, study_name="digits")
        >>> [(summary.study_name, summary.n_trials) for summary in get_all_study_summaries(storage)]
        [('digits', 0)]
    """
    place = open_journal(storage)
    return [_summary(replay(place.open(name).read(0)), include_best_trial) for name in place.names()]


@attrs.frozen
class StudySummary:
    """What there is to say of a study at a glance.

    Attributes:
        study_name: Its name.
        directions: One per objective.
        best_trial: The best complete trial of a study with one direction; None without one.
        user_attrs: What was attached to it.
        n_trials: How many trials there are, in any state.
        datetime_start: When its first trial started, in local time; None before.

    Example:
        >>> import hpo
        >>> storage = hpo.journal.MemoryStorage()
        >>> study = hpo.create_study(storage=storage, study_name="digits", direction="maximize")
        >>> study.add_trial(hpo.create_trial(value=0.5))
        >>> (summary,) = get_all_study_summaries(storage)
        >>> summary.direction.name, summary.best_trial.value
        ('MAXIMIZE', 0.5)
    """

    study_name: str
    directions: tuple[StudyDirection, ...]
    best_trial: FrozenTrial | None
    user_attrs: Mapping[str, Any]
    n_trials: int
    datetime_start: datetime.datetime | None

    @property
    def direction(self) -> StudyDirection:
        """The only direction.

        Raises:
            SeveralObjectives: there are several.
        """
        if len(self.directions) != 1:
            raise SeveralObjectives(f"the direction of study {self.study_name!r}", "directions")
        return self.directions[0]


def _summary(state: StudyState, include_best_trial: bool) -> StudySummary:
    started = [trial.datetime_start for trial in state if trial.datetime_start is not None]
    single = len(state.directions) == 1
    return StudySummary(
        study_name=state.name,
        directions=tuple(StudyDirection(direction) for direction in state.directions),
        best_trial=best_or_none(state) if include_best_trial and single else None,
        user_attrs=state.user_attrs,
        n_trials=state.n_trials,
        datetime_start=min(started, default=None),
    )


def _study(storage: Storage, name: str, sampler: Sampler | None, pruner: Pruner | None) -> Study:
    """The study, with the advisors that are given, or that it was run with last, or the default ones."""
    study = Study(
        storage, name, RandomSampler() if sampler is None else sampler, NopPruner() if pruner is None else pruner
    )
    if sampler is None:
        study.sampler = _recorded(study.state, "sampler") or _default_sampler()
    if pruner is None:
        study.pruner = _recorded(study.state, "pruner") or MedianPruner()
    return study


def _check_advisors(sampler: Sampler | None, pruner: Pruner | None) -> None:
    """Look at them before a storage is opened, so that nothing is left there by a call that fails."""
    if sampler is not None:
        checked_sampler(sampler)
    if pruner is not None:
        checked_pruner(pruner)


def _default_sampler() -> Sampler:
    from hpo.samplers import TPESampler  # loaded only where it is used: it needs numpy

    return TPESampler()


def _recorded(state: StudyState, kind: str) -> Any:
    recorded = state.uses.get(kind)
    again = rebuild_advisor(recorded)
    if recorded is not None and again is None:
        get_logger().warning(
            "Study %r was run with the %s %s, which can't be made again from its journal: pass %s=... to go on with it",
            state.name,
            kind,
            recorded.name,
            kind,
        )
    return again


def _check_facts(
    state: StudyState,
    *,
    directions: Sequence[str] | None,
    seed: int | None,
    space: Mapping[str, Distribution] | None,
    metric_names: Sequence[str] | None,
) -> None:
    """Make sure that a study which is continued is the one that the caller describes."""
    given = {
        "directions": None if directions is None else tuple(directions),
        "seed": seed,
        "space": None if space is None else SearchSpace.of(space),
        "metric_names": None if metric_names is None else tuple(metric_names),
    }
    for fact, value in given.items():
        recorded = getattr(state, fact)
        if value is not None and value != recorded:
            raise InvalidArgument(
                f"study {state.name!r} has {fact} {recorded!r}, and can't be continued with {value!r}: "
                "leave it out, or begin another study"
            )
