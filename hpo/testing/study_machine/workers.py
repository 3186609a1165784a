"""Workers for machines that test studies: they read the journal late, can be killed at any append, and hold names.

Their trials compute `SumOfAll` of a `MENU` of parameters.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

import attrs

from hpo import Study, Trial
from hpo.core import (
    AnyEvent,
    CategoricalDistribution,
    Distribution,
    FloatDistribution,
    IntDistribution,
    Pruner,
    Sampler,
)
from hpo.errors import Conflict, TrialPruned
from hpo.journal import Journal, Storage, TracksWorkers
from hpo.study.advisors import Advisors
from hpo.study.open_trials import OpenTrials
from hpo.study.recorder import JournalRecorder
from hpo.study.running.evaluation import DetachedJob, Objective, TrialResult
from hpo.study.running.workers import working

_MOST_REFUSALS = 3

MENU: Mapping[str, Distribution] = {
    "x": FloatDistribution(0.0, 1.0),
    "lr": FloatDistribution(1e-5, 1.0, log=True),
    "layers": IntDistribution(1, 9),
    "kind": CategoricalDistribution(["a", True, 1, None]),
}
"""A parameter of every kind."""


@attrs.frozen
class SumOfAll:
    """An objective that returns the sum of all numbers; every other trial reports it, and may be pruned.

    Args:
        menu: The parameters.

    Example:
        >>> import hpo
        >>> study = hpo.create_study(sampler=hpo.samplers.RandomSampler())
        >>> study.optimize(SumOfAll(MENU), n_trials=2)
        >>> [len(trial.params) for trial in study.trials]
        [4, 4]
    """

    menu: Mapping[str, Distribution]

    def __call__(self, trial: Any) -> float:
        """Return the value of `trial`."""
        values = [suggested(trial, name, dist) for name, dist in self.menu.items()]
        total = float(sum(value for value in values if type(value) in {int, float}))
        if trial.number % 2:
            trial.report(total, 0)
            if trial.should_prune():
                raise TrialPruned
        return total


def suggested(trial: Any, name: str, dist: Distribution) -> Any:
    """Return the value that an objective gets for a parameter.

    Example:
        >>> from hpo import FixedTrial
        >>> suggested(FixedTrial({"layers": 3}), "layers", MENU["layers"])
        3
    """
    if isinstance(dist, CategoricalDistribution):
        return trial.suggest_categorical(name, dist.choices)
    suggest = trial.suggest_float if isinstance(dist, FloatDistribution) else trial.suggest_int
    return suggest(name, dist.low, dist.high, step=dist.step, log=dist.log)


class Killed(BaseException):  # not an HpoError, which code under test might catch
    """The death of a worker in the middle of what it did."""


class Kill(enum.Enum):
    """When a worker dies at its next append."""

    BEFORE = "before"
    """Nothing was written."""
    AFTER = "after"
    """The events were written, but the worker did not learn so."""


class LateJournal:
    """A journal as one worker sees it: late, and until it is killed.

    Args:
        journal: The journal.
    """

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._horizon: int | None = None
        self._kill: Kill | None = None
        self._dead = False
        self._refusals = 0

    def fall_behind(self, known: int) -> None:
        """Show only the first `known` events until the next append, whether that is accepted or refused."""
        self._horizon = known

    def hear_of(self, version: int) -> None:
        """Show at least the first `version` events, since the worker was told about their outcome."""
        if self._horizon is not None:
            self._horizon = max(self._horizon, version)

    def die_at_next_append(self, kill: Kill) -> None:
        """Raise `Killed` at the next append, and whatever is done afterwards."""
        self._kill = kill

    def read(self, after: int) -> Sequence[AnyEvent]:
        """Return the events after `after` that this worker may see."""
        self._check_alive()
        if self._horizon is None:
            return self._journal.read(after)
        if after >= self._horizon:
            return ()
        return self._journal.read(after)[: self._horizon - after]

    def append(self, events: Sequence[AnyEvent], *, expected: int) -> int:
        """Append events, or die before or after that."""
        self._check_alive()
        self._horizon = None
        if self._kill is not Kill.BEFORE:
            length = self._accepted(events, expected)
            if self._kill is None:
                return length
        self._dead = True
        raise Killed

    def _accepted(self, events: Sequence[AnyEvent], expected: int) -> int:
        """Append, and return the new length; refusals in a row are an error, since nobody else writes meanwhile."""
        try:
            length = self._journal.append(events, expected=expected)
        except Conflict:
            self._refusals += 1
            if self._refusals > _MOST_REFUSALS:
                raise RuntimeError(f"{self._refusals} refused appends in a row, while nobody else writes") from None
            raise
        self._refusals = 0
        return length

    def _check_alive(self) -> None:
        if self._dead:
            raise Killed


class LateWatchedJournal(LateJournal):
    """A journal that tracks workers, as one of them sees it.

    Args:
        journal: The journal.
    """

    def __init__(self, journal: Any) -> None:
        super().__init__(journal)
        self._watched: TracksWorkers = journal
        self.held: set[str] = set()
        """The names that the worker holds or has held."""

    @contextmanager
    def hold(self, worker: str) -> Iterator[None]:
        """Hold a name in the block, and note it."""
        with self._watched.hold(worker):
            self.held.add(worker)
            yield

    def is_alive(self, worker: str) -> bool | None:
        """Return whether a worker is alive, as the journal says."""
        self._check_alive()
        return self._watched.is_alive(worker)


class LateStorage:
    """A storage of one study, which a worker sees through a `LateJournal`.

    Args:
        storage: The storage.
        name: The study's name.
    """

    def __init__(self, storage: Storage, name: str) -> None:
        self._storage = storage
        self.location = storage.location
        journal = storage.open(name)
        self.journal = LateWatchedJournal(journal) if isinstance(journal, TracksWorkers) else LateJournal(journal)
        """The journal that the worker reads and appends to."""

    def create(self, name: str, events: Sequence[AnyEvent]) -> Journal:
        """Create a study."""
        return self._storage.create(name, events)

    def open(self, name: str | None) -> Journal:
        """Return the journal of the only study."""
        return self.journal

    def names(self) -> list[str]:
        """Return the names of all studies."""
        return self._storage.names()

    def delete(self, name: str) -> None:
        """Delete a study."""
        self._storage.delete(name)


class Worker:
    """A worker with its own view of the study, which may be out of date.

    If the journal tracks workers, it is alive for all of them until its `end`.

    Args:
        number: Its number among those of a machine, for messages.
        storage: The storage, opened anew.
        name: The study's name.
        sampler: The sampler.
        pruner: The pruner.
    """

    def __init__(self, number: int, storage: Storage, name: str, sampler: Sampler, pruner: Pruner) -> None:
        self.number = number
        late = LateStorage(storage, name)
        self.journal = late.journal
        self.study = Study(name, late, sampler, pruner)
        self.study._trials.patience = 0.0  # noqa: SLF001 - all workers are in one thread: waiting for one is in vain
        self.advisors = Advisors(sampler, pruner)
        self.trials: dict[int, Trial] = {}
        """The trials that it runs, by number."""
        self._life = ExitStack()
        self._life.enter_context(self.study.as_worker())
        self._apart = self._life.enter_context(working(self.journal))

    @property
    def names(self) -> set[str]:
        """The names that others know it by; empty if the journal does not track workers."""
        return self.journal.held if isinstance(self.journal, LateWatchedJournal) else set()

    def end(self) -> None:
        """Stop being alive for everybody."""
        self._life.close()

    def run_apart(self, objective: Objective) -> Callable[[], TrialResult]:
        """Start a detached trial, which sees the study as the worker knows it now, and return the job that runs it.

        Raises:
            SearchSpaceExhausted: nothing is left to suggest.
        """
        trials = OpenTrials(JournalRecorder(self.journal), self.advisors)
        started, number, _ = trials.start_without_params(self._apart)
        return DetachedJob(started, started, number, False, self.advisors, objective)

    def merge(self, ended: TrialResult) -> None:
        """Record what a detached trial did.

        Raises:
            TrialNotRunning: the trial was ended meanwhile.
        """
        JournalRecorder(self.journal).record(*ended.commands, ended.tell)
