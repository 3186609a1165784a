"""Creating, loading, copying and deleting studies."""

from __future__ import annotations

import datetime
import math
import secrets
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import attrs

from hpo.core import (
    CreateStudy,
    Distribution,
    FrozenTrial,
    Promoter,
    Pruner,
    Sampler,
    SearchSpace,
    StudyDirection,
    StudyState,
    best_or_none,
    checked_promoter,
    checked_pruner,
    checked_sampler,
    decide,
)
from hpo.errors import DuplicatedStudyError, HpoError, InvalidArgument, SeveralObjectives, StudyNotFound
from hpo.journal import Storage, StorageLike, current_state, open_journal
from hpo.study.advisors import warn_of_repetition
from hpo.study.replaying.versions import copied
from hpo.study.running.messages import log_study_continued, log_study_created
from hpo.study.study import Study


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
    promoter: Promoter | None = None,
) -> Study:
    """Create a study and return it, or continue an existing one.

    Args:
        storage: Where to keep the study: ``"study.jsonl"``, a directory ``"runs/"``, a URL or a storage object. By
            default in memory.
        sampler: Suggests parameters. By default `TPESampler`, or if the study is continued, the sampler that its journal
            recorded last.
        pruner: Decides whether running trials go on. By default `MedianPruner`, or the recorded one.
        study_name: The name of the study in the storage. By default a unique name.
        direction: ``"minimize"``, the default, or ``"maximize"``.
        load_if_exists: Whether to continue a study of this name instead of raising.
        directions: One direction per objective, instead of `direction`.
        seed: The root of all random numbers. By default it is drawn, and recorded.
        space: The search space, if it is known before objectives run. All of its parameters are then suggested together
            from the first trial on.
        metric_names: One name per objective.
        promoter: Asked before a trial starts: may resume a paused trial, or fork a trial, instead. By default none, or
            the recorded one.

    Raises:
        DuplicatedStudyError: the storage has a study of this name, and `load_if_exists` is False.
        InvalidArgument: a direction is not valid, both `direction` and `directions` are given, or the existing study has
            another direction, seed or space, or other metric names, than given here.
        InvalidType: an argument has the wrong type; nothing is created.

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
        raise InvalidArgument(f"directions is a sequence, got the string {directions!r}: use direction")
    _check_advisors(sampler, pruner, promoter)
    given = (direction,) if direction is not None else directions
    opened = open_journal(storage)
    name = f"no-name-{uuid.uuid4()}" if study_name is None else study_name
    command = CreateStudy(
        name=name,
        directions=("minimize",) if given is None else given,
        seed=secrets.randbits(63) if seed is None else seed,
        space=space,
        metric_names=metric_names,
        at=time.time(),  # to the microsecond: studies are listed in the order of their creation
    )
    events = decide(StudyState(), command)
    try:
        opened.create(name, events)
    except DuplicatedStudyError:
        if not load_if_exists:
            raise
        study = Study(name, opened, sampler, pruner, promoter)
        _check_facts(study.state, directions=given, seed=seed, space=space, metric_names=metric_names)
        log_study_continued(name, opened.location, study.state.n_trials)
        return study
    log_study_created(name, opened.location)
    warn_of_repetition(sampler, name)
    return Study(name, opened, sampler, pruner, promoter)


def load_study(
    *,
    study_name: str | None = None,
    storage: StorageLike,
    sampler: Sampler | None = None,
    pruner: Pruner | None = None,
    promoter: Promoter | None = None,
) -> Study:
    """Load a study to go on with it.

    Args:
        study_name: The name of the study. It can be left out if the storage has only one.
        storage: Where the study is kept: a path, a URL or a storage object.
        sampler: Suggests parameters. By default the sampler that the journal recorded last, or `TPESampler`.
        pruner: Decides whether running trials go on. By default the recorded one, or `MedianPruner`.
        promoter: May resume or fork trials. By default the recorded one, or none.

    Raises:
        StudyNotFound: there is no such study, or several and no `study_name`.

    Example:
        >>> import hpo
        >>> storage = hpo.journal.MemoryStorage()
        >>> study = hpo.create_study(storage=storage, study_name="digits")
        >>> load_study(storage=storage).study_name
        'digits'
    """
    _check_advisors(sampler, pruner, promoter)
    opened = open_journal(storage)
    if study_name is None:
        opened.open(None)  # names are those of studies that can be read; this also fails if one cannot
        names = opened.names()
        if len(names) != 1:
            raise StudyNotFound(None, opened.location, names)
        study_name = names[0]
    return Study(study_name, opened, sampler, pruner, promoter)


def delete_study(*, study_name: str, storage: StorageLike) -> None:
    """Delete a study with all its trials. Its name can be used again.

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
    """Copy a study event by event. Trials that are still running fail in the copy: nobody will tell them there.

    Args:
        from_study_name: The study to copy.
        from_storage: Where it is kept.
        to_storage: Where to keep the copy.
        to_study_name: The name of the copy, by default the same.

    Raises:
        StudyNotFound: there is no such study.
        DuplicatedStudyError: `to_storage` has a study of this name.

    Example:
        >>> import hpo
        >>> storage = hpo.journal.MemoryStorage()
        >>> study = hpo.create_study(storage=storage, study_name="digits")
        >>> copy_study(from_study_name="digits", from_storage=storage, to_storage=storage, to_study_name="again")
        >>> get_all_study_names(storage)
        ['digits', 'again']
    """
    events = open_journal(from_storage).open(from_study_name).read(0)
    name = from_study_name if to_study_name is None else to_study_name
    open_journal(to_storage).create(name, copied(events, name))


def get_all_study_names(storage: StorageLike) -> list[str]:
    """Return the names of all studies in a storage, the oldest study first.

    Example:
        >>> import hpo
        >>> storage = hpo.journal.MemoryStorage()
        >>> study = hpo.create_study(storage=storage, study_name="digits")
        >>> get_all_study_names(storage)
        ['digits']
    """
    return _names_by_creation(open_journal(storage))


def get_all_study_summaries(storage: StorageLike, include_best_trial: bool = True) -> list[StudySummary]:
    """Return a summary of each study in a storage, the oldest study first.

    Args:
        storage: Where the studies are kept.
        include_best_trial: Whether to look for the best trials.

    Example:
        >>> import hpo
        >>> storage = hpo.journal.MemoryStorage()
        >>> study = hpo.create_study(storage=storage, study_name="digits")
        >>> [(summary.study_name, summary.n_trials) for summary in get_all_study_summaries(storage)]
        [('digits', 0)]
    """
    opened = open_journal(storage)
    journals = map(opened.open, _names_by_creation(opened))
    return [_summary(current_state(journal), include_best_trial) for journal in journals]


@attrs.frozen
class StudySummary:
    """A study at a glance.

    Attributes:
        study_name: The name of the study.
        directions: One direction per objective.
        best_trial: The best complete trial of a study with one direction; None if there is none.
        user_attrs: The user attributes of the study.
        n_trials: The number of trials in any state.
        datetime_start: When its first trial started, in local time; None if none has started.

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


def _names_by_creation(storage: Storage) -> list[str]:
    ordered: Callable[[], list[str]] | None = getattr(storage, "names_by_creation", None)
    if ordered is not None:
        return ordered()

    def created_at(name: str) -> float:
        try:  # the first event of a study has the time, and the state remembers it
            return current_state(storage.open(name)).created_at or 0.0
        except HpoError:  # a study that can't be read has a name all the same
            return math.inf

    return sorted(storage.names(), key=created_at)


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


def _check_advisors(sampler: Sampler | None, pruner: Pruner | None, promoter: Promoter | None) -> None:
    """Check them before a storage is opened, so that a call that fails leaves nothing in it."""
    if sampler is not None:
        checked_sampler(sampler)
    if pruner is not None:
        checked_pruner(pruner)
    checked_promoter(promoter)


def _check_facts(
    state: StudyState,
    *,
    directions: Sequence[str] | None,
    seed: int | None,
    space: Mapping[str, Distribution] | None,
    metric_names: Sequence[str] | None,
) -> None:
    """Raise unless the study that is continued has the facts that the caller gives."""
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
                "leave it out, or create another study"
            )
