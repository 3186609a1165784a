"""The promises that `StudyMachine` checks: what workers on one study were told, and what must hold after every step.

This module needs hypothesis: ``pip install 'purehpo[testing]'``.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from functools import cache, partial
from pathlib import Path
from typing import Any, ClassVar, TypeVar

from msgspec.structs import replace

from hpo import Study, Trial
from hpo.core import (
    AnyEvent,
    CreateStudy,
    Distribution,
    FrozenTrial,
    StudyState,
    TrialPaused,
    TrialResumed,
    TrialState,
    decide,
    replay,
)
from hpo.errors import HpoError, InconsistentEvents, MissingExtra, TrialNotRunning
from hpo.journal import MemoryStorage, Storage
from hpo.pruners.nop import NopPruner
from hpo.samplers.random import RandomSampler
from hpo.study.callbacks.retries import lineage
from hpo.study.replaying.verification import verify
from hpo.study.running.evaluation import TrialResult
from hpo.study.running.workers import LOST
from hpo.testing._engine import given_to, where_saved
from hpo.testing.study_machine.workers import MENU, Killed, Worker

try:
    from hypothesis import strategies as st
    from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant
except ModuleNotFoundError as missing:
    raise MissingExtra("hpo.testing.StudyMachine", "testing") from missing

R = TypeVar("R")

STUDY = "s"
"""The name of the study."""


class StudyPromises(RuleBasedStateMachine):
    """A study, workers on it, and a record of what they were promised; `StudyMachine` adds what they do.

    Attributes:
        make_storage: See `StudyMachine`.
        sampler: See `StudyMachine`.
        pruner: See `StudyMachine`.
        space: See `StudyMachine`.
        n_workers: See `StudyMachine`.
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
        """Workers that were given up, and may come back."""
        self.gone: set[str] = set()
        """The names of all dead workers, if the journal tracks workers."""
        self.handed: dict[int, int] = {}
        """Trials that a worker was given, and the number of events at that time."""
        self.unsure: set[int] = set()
        """Trials that a worker may have ended, which died while it did so."""
        self.told: dict[int, FrozenTrial] = {}
        self.pausing: set[int] = set()
        """Trials that a worker has paused or tried to pause."""
        self.paused: dict[int, FrozenTrial] = {}
        """Trials whose pause was acknowledged, and that nobody has tried to resume since."""
        self.reports: dict[tuple[int, int], float] = {}
        self.tickets: dict[int, bool] = {}
        """Enqueued trials by ticket, and whether they were acknowledged."""
        self.away: dict[int, TrialResult] = {}
        """Detached trials by number, and what they did."""
        self.broken = False

    @initialize(declared=st.booleans(), seed=st.integers(0, 2**64))
    def create(self, declared: bool, seed: int) -> None:
        """Create the study, and workers that open it."""
        space = self.menu() if declared else None
        events = decide(StudyState(), CreateStudy(STUDY, ("minimize",), seed, space))
        self.opened().create(STUDY, events)
        self.workers = [self._new_worker(number) for number in range(self.n_workers)]

    # what holds after every step

    @invariant()
    def everything_holds(self) -> None:
        """Check all promises, and that every worker's state is a replay of the events that it has seen."""
        events = self.events()
        state = self._replayed(events)
        self._check_numbers(state)
        self._check_promises(state)
        self._check_lost(state)
        for worker in [*self.workers]:
            known = self.by(worker, lambda study: study.state)
            if known is not None:
                self.expect(known, replay(events[: known.version]), f"the state that worker {worker.number} has")
                within = known.version <= len(events)
                self.expect(within, True, f"whether the events that worker {worker.number} has seen exist")

    def _check_numbers(self, state: StudyState) -> None:
        numbers = sorted(trial.number for trial in state)
        self.expect(numbers, [*range(state.n_trials)], "the numbers of all trials")
        running = self.handed.keys() - self.told.keys() - self.unsure
        known = {*state.running, *state.paused}
        self.expect(sorted(running - known), [], "trials that nobody ended, and that are neither running nor paused")

    def _check_promises(self, state: StudyState) -> None:
        for number, trial in self.told.items():
            self.expect(state.trial(number), trial, f"trial {number}, whose end was acknowledged")
        for number in self.paused.keys() - self.told.keys() - self.unsure:
            self.expect(state.trial(number), self.paused[number], f"trial {number}, whose pause was acknowledged")
        for (number, step), value in self.reports.items():
            reported = state.trial(number).intermediate_values.get(step)
            self.expect(repr(reported), repr(value), f"the report of trial {number} at step {step}")
        found = [t.user_attrs["ticket"] for t in state if "ticket" in t.user_attrs and not lineage(t)[1]]
        for ticket, acknowledged in self.tickets.items():
            if acknowledged or ticket in found:
                self.expect(found.count(ticket), 1, f"the number of enqueued trials with ticket {ticket}")

    def _check_lost(self, state: StudyState) -> None:
        for trial in state.finished:
            if trial.reason == LOST and trial.worker not in self.gone:
                raise self.failure(f"trial {trial.number} was failed as lost, and its worker is alive")

    def teardown(self) -> None:
        """Check that all suggestions and decisions can be computed again, and let all workers leave."""
        try:
            if self.workers and not self.broken:
                events = self.events()
                proved = self._sound(lambda: verify(events, *self.advisors), "verify of the study")
                self.expect((proved.first_difference, proved.n_skipped), (None, 0), "verify of the study")
                self._check_pauses_change_nothing(events)
                self._check_pauses_end()
        finally:
            for worker in self.workers:
                worker.end()
            self.workers.clear()
            self.stack.close()

    def _check_pauses_change_nothing(self, events: Sequence[AnyEvent]) -> None:
        """Check that each trial that was paused is what it would be if nobody had paused it."""
        paused = {event.number for event in events if isinstance(event, TrialPaused)}
        if not paused:
            return
        straight = self._replayed([event for event in events if not isinstance(event, TrialPaused | TrialResumed)])
        state = self._replayed(events)
        for number in paused:
            trial, other = state.trial(number), straight.trial(number)
            same: dict[str, Any] = {"checkpoint": None, "worker": None, "reason": None}
            if not trial.state.is_finished():  # a trial without its pauses is still running
                same["state"] = TrialState.RUNNING
            self.expect(replace(trial, **same), replace(other, **same), f"trial {number}, as if it had not been paused")

    def _check_pauses_end(self) -> None:
        """Check that a newcomer can resume every trial that is paused, and end it."""
        newcomer = Study(STUDY, self.opened(), *self.advisors)
        for number, kept in self.fresh().paused.items():
            trial = self._sound(partial(newcomer.resume, number), f"the resumption of trial {number} at the end")
            self.expect(
                (trial.params, trial.checkpoint), (dict(kept.params), kept.checkpoint), f"trial {number}, resumed"
            )
            told = self._sound(partial(newcomer.tell, number, 1.0), f"the end of trial {number}")
            self.expect(told.intermediate_values, kept.intermediate_values, f"the reports of trial {number}, resumed")
        self.expect([*self.fresh().paused], [], "the trials that are paused after all were resumed and told")

    # what a worker does, and what comes of it

    def menu(self) -> Mapping[str, Distribution]:
        """Return the space that trials are asked for."""
        return MENU if self.space is None else self.space

    def by(self, worker: Worker, act: Callable[[Study], R]) -> R | None:
        """Return what `act` returns for a worker's study; None if the worker died, and another one took its place.

        Raises:
            HpoError: the request was refused.
            AssertionError: any other error was raised.
        """
        try:
            return act(worker.study)
        except Killed:
            self.lose(worker)
            return None
        except Exception as error:
            # InconsistentEvents means a broken journal, and is never the answer to a request.
            if isinstance(error, HpoError) and not isinstance(error, InconsistentEvents):
                raise
            raise self.failure(f"worker {worker.number} got the error {error!r}") from error

    def done(self, worker: Worker, act: Callable[[Study], object]) -> bool:
        """Let a worker do `act`, and return whether it lived; raises the errors of `by`."""

        def acted(study: Study) -> bool:
            act(study)
            return True

        return self.by(worker, acted) is not None

    def lose(self, worker: Worker) -> None:
        """End a worker, and put another one in its place."""
        worker.end()
        self.gone |= worker.names
        if worker in self.ghosts:
            self.ghosts.remove(worker)
        else:
            self.workers[worker.number] = self._new_worker(worker.number)

    def _new_worker(self, number: int) -> Worker:
        return Worker(number, self.opened(), STUDY, *self.advisors)

    def hand_out(self, number: int, worker: Worker | None = None) -> None:
        """Note that a trial was started by a worker, or copied by nobody in particular."""
        if number in self.handed:
            raise self.failure(f"trial {number} was handed out twice")
        self.handed[number] = len(self.events())
        if worker is not None and worker.names:
            whose = self.fresh().trial(number).worker
            self.expect(
                whose in worker.names,
                True,
                f"whether trial {number}, of worker {whose!r}, belongs to the worker that started it",
            )

    def tell_by(
        self, worker: Worker, trial: Trial | int, value: float | None, state: TrialState | None, reason: str | None
    ) -> FrozenTrial | None:
        """Let a worker end a trial, and return it; None if that was refused, or if the worker died while it did so."""
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
        """Note that a trial was ended, which happens only once."""
        if told.number in self.told:
            raise self.failure(f"trial {told.number} was ended twice")
        self.told[told.number] = told

    def expect_ended(self, number: int) -> None:
        """Check that a trial that does not run, as a worker was told, was ended or paused by somebody."""
        if number not in self.told and number not in self.unsure and number not in self.fresh().paused:
            raise self.failure(f"trial {number} does not run, and nobody has ended or paused it")

    # what the journal holds

    def events(self) -> Sequence[AnyEvent]:
        """Return all events of the journal."""
        return self.opened().open(STUDY).read(0)

    def fresh(self) -> StudyState:
        """Return the state of the study from a replay of all events."""
        return self._replayed(self.events())

    def _replayed(self, events: Sequence[AnyEvent]) -> StudyState:
        return self._sound(lambda: replay(events), "a replay")

    def _sound(self, act: Callable[[], R], what: str) -> R:
        """Return what `act` returns; an error is a failure of the machine."""
        try:
            return act()
        except Exception as error:
            raise self.failure(f"{what} raised {error!r}") from error

    def expect(self, got: object, wanted: object, what: str) -> None:
        """Check that two values are equal."""
        if got != wanted:
            raise self.failure(f"{what}: wanted {wanted!r}, got {got!r}")

    def failure(self, wrong: str) -> AssertionError:
        """Return the error that says what is wrong; the study is saved as a journal."""
        self.broken = True
        return AssertionError(f"{wrong}\n{where_saved(self.events(), type(self).__name__, place_of_failures())}")


@cache
def place_of_failures() -> Path:
    """Return one directory per process: a machine fails many times until hypothesis has found the smallest failure."""
    return Path(tempfile.mkdtemp(prefix="hpo-"))
