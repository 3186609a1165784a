"""What workers on one study were promised, and what must hold after every step: what `StudyMachine` is built on.

This module needs hypothesis: ``pip install 'purehpo[testing]'``.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from functools import cache
from pathlib import Path
from typing import Any, ClassVar, TypeVar

from hpo.core import AnyEvent, CreateStudy, Distribution, FrozenTrial, StudyState, TrialState, decide, replay
from hpo.errors import HpoError, InconsistentEvents, MissingExtra, TrialNotRunning
from hpo.journal.memory import MemoryStorage
from hpo.journal.storage import Storage
from hpo.pruners.nop import NopPruner
from hpo.samplers.random import RandomSampler
from hpo.study.callbacks.retries import lineage
from hpo.study.replaying.verification import verify
from hpo.study.running.evaluation import TrialResult
from hpo.study.running.workers import LOST
from hpo.study.study import Study
from hpo.study.trial import Trial
from hpo.testing._engine.counterexamples import where_saved
from hpo.testing._engine.law_suite import given_to
from hpo.testing.study_machine.objectives import MENU
from hpo.testing.study_machine.workers import Killed, Worker

try:
    from hypothesis import strategies as st
    from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant
except ModuleNotFoundError as missing:
    raise MissingExtra("hpo.testing.StudyMachine", "testing") from missing

R = TypeVar("R")

STUDY = "s"
"""The name of the study."""


class StudyPromises(RuleBasedStateMachine):
    """A study, its workers, and a record of what was acknowledged to them; `StudyMachine` says what the workers do.

    Attributes:
        make_storage: Opens the storage in a directory; None for a storage in memory.
        sampler: Suggests parameters.
        pruner: Decides whether running trials are pruned.
        space: The parameters of trials; None for `MENU`.
        n_workers: The number of workers.
    """

    make_storage: ClassVar[Callable[[Path], Storage] | None] = None
    sampler: ClassVar[Any] = RandomSampler()
    pruner: ClassVar[Any] = NopPruner()
    space: ClassVar[Mapping[str, Distribution] | None] = None
    n_workers: ClassVar[int] = 3

    def __init__(self) -> None:
        super().__init__()
        self.stack = ExitStack()
        place = Path(self.stack.enter_context(tempfile.TemporaryDirectory()))
        memory, make = MemoryStorage(), given_to(type(self), "make_storage")
        self.advisors = given_to(type(self), "sampler"), given_to(type(self), "pruner")
        self.opened: Callable[[], Storage] = (lambda: memory) if make is None else (lambda: make(place))
        self.workers: list[Worker] = []
        self.ghosts: list[Worker] = []
        """Workers that were declared dead, but may come back."""
        self.gone: set[str] = set()
        """The names of all dead workers, if the journal tracks workers."""
        self.handed: dict[int, int] = {}
        """Started trials by number, with the number of events at that time."""
        self.unsure: set[int] = set()
        """Trials that a worker was finishing when it died, so they may be finished or not."""
        self.told: dict[int, FrozenTrial] = {}
        self.reports: dict[tuple[int, int], float] = {}
        self.tickets: dict[int, bool] = {}
        """Enqueued trials, and whether the append was acknowledged."""
        self.away: dict[int, TrialResult] = {}
        """Detached trials by number, and their results."""
        self.broken = False

    @initialize(declared=st.booleans(), seed=st.integers(0, 2**64))
    def create(self, declared: bool, seed: int) -> None:
        """Create the study, and the workers that open it."""
        space = self.menu() if declared else None
        events = decide(StudyState(), CreateStudy(STUDY, ("minimize",), seed, space))
        self.opened().create(STUDY, events)
        self.workers = [self._new_worker(number) for number in range(self.n_workers)]

    # what holds after every step

    @invariant()
    def everything_holds(self) -> None:
        """Check every promise after each step."""
        events = self.events()
        state = self._replayed(events)
        self._check_numbers(state)
        self._check_promises(state)
        self._check_lost(state)
        for worker in [*self.workers]:
            known = self.by(worker, lambda study: study.state)
            if known is not None:
                self.expect(known, replay(events[: known.version]), f"what worker {worker.number} knows")
                within = known.version <= len(events)
                self.expect(within, True, f"whether worker {worker.number} knows of no more than there is")

    def _check_numbers(self, state: StudyState) -> None:
        numbers = sorted(trial.number for trial in state)
        self.expect(numbers, [*range(state.n_trials)], "the numbers of all trials")
        running = self.handed.keys() - self.told.keys() - self.unsure
        self.expect(sorted(running - {*state.running}), [], "trials that nobody ended, and that do not run")

    def _check_promises(self, state: StudyState) -> None:
        for number, trial in self.told.items():
            self.expect(state.trial(number), trial, f"trial {number}, which was acknowledged")
        for (number, step), value in self.reports.items():
            reported = state.trial(number).intermediate_values.get(step)
            self.expect(repr(reported), repr(value), f"what trial {number} has reported for step {step}")
        found = [t.user_attrs["ticket"] for t in state if "ticket" in t.user_attrs and not lineage(t)[1]]
        for ticket, acknowledged in self.tickets.items():
            if acknowledged or ticket in found:
                self.expect(found.count(ticket), 1, f"how often the enqueued trial with ticket {ticket} is there")

    def _check_lost(self, state: StudyState) -> None:
        for trial in state.finished:
            if trial.reason == LOST and trial.worker not in self.gone:
                raise self.failure(f"trial {trial.number} was failed as lost, and its worker is alive")

    def teardown(self) -> None:
        """At the end, everything can be computed again; see `RuleBasedStateMachine.teardown`."""
        try:
            if self.workers and not self.broken:
                events = self.events()
                proved = self._sound(lambda: verify(events, *self.advisors), "verify of the study")
                self.expect((proved.first_difference, proved.n_skipped), (None, 0), "verify of the study")
        finally:
            for worker in self.workers:
                worker.end()
            self.workers.clear()
            self.stack.close()

    # actions of workers, and their results

    def menu(self) -> Mapping[str, Distribution]:
        """Return the parameters of trials."""
        return MENU if self.space is None else self.space

    def by(self, worker: Worker, act: Callable[[Study], R]) -> R | None:
        """Return the result of `act` by a worker, or None if the worker died of it and was replaced.

        Raises:
            HpoError: the action was refused.
            AssertionError: it raised any other error.
        """
        try:
            return act(worker.study)
        except Killed:
            self.lose(worker)
            return None
        except Exception as error:
            if isinstance(error, HpoError) and not isinstance(
                error, InconsistentEvents
            ):  # which nobody is refused with
                raise
            raise self.failure(f"worker {worker.number} has met {error!r}") from error

    def done(self, worker: Worker, act: Callable[[Study], object]) -> bool:
        """Return whether a worker survived `act`; raises as `by` does."""

        def acted(study: Study) -> bool:
            act(study)
            return True

        return self.by(worker, acted) is not None

    def lose(self, worker: Worker) -> None:
        """End a worker, and let another one take its place."""
        worker.end()
        self.gone |= worker.names
        if worker in self.ghosts:
            self.ghosts.remove(worker)
        else:
            self.workers[worker.number] = self._new_worker(worker.number)

    def _new_worker(self, number: int) -> Worker:
        return Worker(number, self.opened(), STUDY, *self.advisors)

    def hand_out(self, number: int, worker: Worker | None = None) -> None:
        """Record that a trial was started, by `worker` if that is given."""
        if number in self.handed:
            raise self.failure(f"trial {number} was handed out twice")
        self.handed[number] = len(self.events())
        if worker is not None and worker.names:
            whose = self.fresh().trial(number).worker
            self.expect(whose in worker.names, True, f"whether trial {number}, of {whose}, is its worker's")

    def tell_by(
        self, worker: Worker, trial: Trial | int, value: float | None, state: TrialState | None, reason: str | None
    ) -> FrozenTrial | None:
        """Return the trial that a worker finished, or None if it did not, or if that is unknown."""
        number = trial if isinstance(trial, int) else trial.number
        try:
            told = self.by(worker, lambda study: study.tell(trial, value, state, reason=reason))
        except TrialNotRunning:
            self.expect_ended(number)
            return None
        if told is None:
            self.unsure.add(number)
        else:
            self.note_end(told)
        return told

    def note_end(self, told: FrozenTrial) -> None:
        """Record that a trial was finished, which may happen only once."""
        if told.number in self.told:
            raise self.failure(f"trial {told.number} was ended twice")
        self.told[told.number] = told

    def expect_ended(self, number: int) -> None:
        """Check that a trial that is not running was finished by some worker."""
        if number not in self.told and number not in self.unsure:
            raise self.failure(f"trial {number} does not run, and nobody has ended it")

    # the state of the study

    def events(self) -> Sequence[AnyEvent]:
        """Return all events of the journal."""
        return self.opened().open(STUDY).read(0)

    def fresh(self) -> StudyState:
        """Return the state of the study as a new reader sees it."""
        return self._replayed(self.events())

    def _replayed(self, events: Sequence[AnyEvent]) -> StudyState:
        return self._sound(lambda: replay(events), "a replay")

    def _sound(self, act: Callable[[], R], what: str) -> R:
        """Return the result of `act`, which must not raise an error."""
        try:
            return act()
        except Exception as error:
            raise self.failure(f"{what} has met {error!r}") from error

    def expect(self, got: object, wanted: object, what: str) -> None:
        """Check that two values are equal."""
        if got != wanted:
            raise self.failure(f"{what}: wanted {wanted!r}, got {got!r}")

    def failure(self, wrong: str) -> AssertionError:
        """What to raise where something is wrong; the study is saved."""
        self.broken = True
        return AssertionError(f"{wrong}\n{where_saved(self.events(), type(self).__name__, place_of_failures())}")


@cache
def place_of_failures() -> Path:
    """One directory per process: machines fail many times on the way to the smallest failure, which is the last."""
    return Path(tempfile.mkdtemp(prefix="hpo-"))
