"""Several workers on one study, as a state machine of hypothesis: late news, kills, retries, forks and merges.

    from hpo.testing import StudyMachine

    class MyMachine(StudyMachine):
        make_storage = staticmethod(lambda place: FileStorage(place / "study.jsonl"))
        sampler = MySampler()

    TestMyMachine = MyMachine.TestCase

This module needs hypothesis: ``pip install 'hpo[testing]'``.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from functools import cache, partial
from pathlib import Path
from typing import Any, ClassVar, TypeVar

from hpo.core.commands import CreateStudy
from hpo.core.decide import decide
from hpo.core.distributions import Distribution
from hpo.core.events import AnyEvent
from hpo.core.state import StudyState, replay
from hpo.core.trial import FrozenTrial, TrialState
from hpo.errors import HpoError, MissingExtra, SearchSpaceExhausted, TrialNotRunning
from hpo.journal.memory import MemoryStorage
from hpo.journal.storage import Storage
from hpo.pruners.nop import NopPruner
from hpo.samplers.random import RandomSampler
from hpo.study.evaluation import Ended, evaluate
from hpo.study.retries import RetryFailedTrials, lineage
from hpo.study.study import Study
from hpo.study.trial import Trial
from hpo.study.verification import verify
from hpo.testing.counterexamples import where_saved
from hpo.testing.objectives import MENU, SumOfAll, suggested
from hpo.testing.proving import given_to
from hpo.testing.study_workers import Kill, Killed, Worker

try:
    from hypothesis import strategies as st
    from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
except ModuleNotFoundError as missing:
    raise MissingExtra("hpo.testing.StudyMachine", "testing") from missing

R = TypeVar("R")

_NAME = "s"
_MOST_RETRIES = 2
_workers: st.SearchStrategy[int] = st.runner().flatmap(lambda machine: st.integers(0, machine.n_workers - 1))
_values = st.integers(-3, 3).map(float) | st.sampled_from([float("inf"), float("-inf"), float("nan"), -0.0])


class StudyMachine(RuleBasedStateMachine):
    """Several workers on one study, each with a view of its own, and a record of what they were promised.

    Rules interleave what workers do: ask, suggest, report, judge and tell; hear of nothing for a while; die before or
    after an append; end each other's trials, and tell them late; fail and retry the trials of the dead; run trials
    apart and merge what they did; fork the study, and take over what the fork found out. After every step:

    - numbers are unique and dense,
    - nothing that was acknowledged is lost or changed, and nothing is there twice,
    - all readers agree, and what a worker has folded step by step is what a replay gives (as far as it has heard),

    and at the end every suggestion and every pruning decision can be computed again.

    Attributes:
        make_storage: Opens the storage in a directory, which is new for each run, again and again: what was kept in it
            before is there again. None means one in memory. One study is enough.
        sampler: Who suggests; it must be replayable. `RandomSampler` if not given.
        pruner: Who judges; `NopPruner` if not given.
        space: What trials are asked for; `MENU` if not given. Half of the studies declare it.
        n_workers: How many workers there are.

    Example:
        >>> from hypothesis import settings
        >>> from hypothesis.stateful import run_state_machine_as_test
        >>> run_state_machine_as_test(StudyMachine, settings=settings(max_examples=2, deadline=None, database=None))
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
        self.handed: dict[int, int] = {}
        """Trials that somebody was given, and how many events there were then."""
        self.unsure: set[int] = set()
        """Trials that somebody may have ended, who died at that."""
        self.told: dict[int, FrozenTrial] = {}
        self.reports: dict[tuple[int, int], float] = {}
        self.tickets: dict[int, bool] = {}
        """Enqueued trials, and whether that was acknowledged."""
        self.away: dict[int, Ended] = {}
        """Trials that were run apart, and what they did."""
        self.broken = False

    # what workers do

    @initialize(declared=st.booleans(), seed=st.integers(0, 2**64))
    def create(self, declared: bool, seed: int) -> None:
        """A study, and workers who open it."""
        space = self._menu() if declared else None
        events = decide(StudyState(), CreateStudy(_NAME, ("minimize",), seed, space))
        self.opened().create(_NAME, events)
        self.workers = [self._new_worker() for _ in range(self.n_workers)]

    @rule(worker=_workers, joint=st.booleans())
    def ask(self, worker: int, joint: bool) -> None:
        """Somebody starts a trial, and is the only one who gets its number."""
        try:
            trial = self._by(worker, lambda study: study.ask(self._menu() if joint else None))
        except SearchSpaceExhausted:
            return
        if trial is not None:
            self._hand_out(trial.number)
            self.workers[worker].trials[trial.number] = trial

    @precondition(lambda self: self._busy())
    @rule(data=st.data())
    def suggest(self, data: st.DataObject) -> None:
        """Somebody's trial asks for a parameter, and gets the same value again."""
        worker, trial = self._drawn(data)
        name = data.draw(st.sampled_from(sorted(self._menu())))
        try:
            value = self._by(worker, lambda _: suggested(trial, name, self._menu()[name]))
            if trial.number in self.workers[worker].trials:
                again = suggested(trial, name, self._menu()[name])
                self._expect(repr(again), repr(value), f"parameter {name!r} of trial {trial.number}, asked for twice")
        except TrialNotRunning:
            self._expect_ended(trial.number)

    @precondition(lambda self: self._busy())
    @rule(data=st.data(), step=st.integers(0, 2), value=_values)
    def report(self, data: st.DataObject, step: int, value: float) -> None:
        """Somebody's trial reports a value, and may be judged by it."""
        worker, trial = self._drawn(data)
        if (trial.number, step) in self.reports:
            return
        try:
            if self._done(worker, lambda _: trial.report(value, step)):
                self.reports[trial.number, step] = value
                self._done(worker, lambda _: trial.should_prune())
        except TrialNotRunning:
            self._expect_ended(trial.number)

    @precondition(lambda self: self._busy())
    @rule(data=st.data(), value=_values, state=st.sampled_from([None, TrialState.PRUNED, TrialState.FAIL]))
    def tell(self, data: st.DataObject, value: float, state: TrialState | None) -> None:
        """Somebody ends their trial, or hears that somebody else has ended it."""
        worker, trial = self._drawn(data)
        self._tell(worker, trial, None if state is TrialState.FAIL else value, state, None)
        self.workers[worker].trials.pop(trial.number, None)

    @precondition(lambda self: self.handed.keys() - self.told.keys())
    @rule(data=st.data(), worker=_workers)
    def give_up(self, data: st.DataObject, worker: int) -> None:
        """Somebody ends a trial that they take for lost, and tries it again."""
        number = data.draw(st.sampled_from(sorted(self.handed.keys() - self.told.keys())))
        self.workers[worker].journal.hear_of(self.handed[number])
        failed = self._tell(worker, number, None, TrialState.FAIL, "lost: its worker is gone")
        if failed is None:
            return
        retry = RetryFailedTrials(max_retry=_MOST_RETRIES)
        if not self._done(worker, lambda study: retry(study, failed)):
            return
        original, retries = lineage(failed)
        again = [trial for trial in self._fresh() if lineage(trial) == (original, retries + 1)]
        self._expect(len(again), int(retries < _MOST_RETRIES), f"how often trial {number} is tried again")
        for trial in again:
            self._expect(trial.fixed_params, {**failed.fixed_params, **failed.params}, f"the retry of trial {number}")

    @rule(worker=_workers, name=st.integers(0, 5))
    def enqueue(self, worker: int, name: int) -> None:
        """Somebody enqueues a trial."""
        ticket, menu = len(self.tickets), sorted(self._menu())
        self.tickets[ticket] = False
        parameter = menu[name % len(menu)]
        params = {parameter: self._menu()[parameter].from_unit(0.5)}
        self.tickets[ticket] = self._done(worker, lambda study: study.enqueue_trial(params, {"ticket": ticket}))

    # what becomes of workers

    @rule(worker=_workers)
    def hear_nothing(self, worker: int) -> None:
        """News do not reach a worker until its next append."""
        self.workers[worker].journal.fall_behind(self.workers[worker].study.state.version)

    @rule(worker=_workers, kill=st.sampled_from(Kill))
    def be_killed_soon(self, worker: int, kill: Kill) -> None:
        """A worker will die at its next append."""
        self.workers[worker].journal.die_at_next_append(kill)

    @rule(worker=_workers)
    def be_replaced(self, worker: int) -> None:
        """A worker is gone, with its trials, and another one comes."""
        self.workers[worker] = self._new_worker()

    # forks and merges

    @rule(worker=_workers)
    def depart(self, worker: int) -> None:
        """Somebody runs a trial apart, which sees the study as it is now."""
        try:
            job = self._by(worker, lambda _: self.workers[worker].run_apart(SumOfAll(self._menu())))
        except SearchSpaceExhausted:
            return
        if job is not None:
            ended = job()
            self._hand_out(ended.tell.number)
            self.away[ended.tell.number] = ended

    @precondition(lambda self: self.away)
    @rule(data=st.data(), worker=_workers)
    def come_back(self, data: st.DataObject, worker: int) -> None:
        """Somebody records what a trial did that was run apart."""
        number = data.draw(st.sampled_from(sorted(self.away)))
        ended = self.away.pop(number)
        self.workers[worker].journal.hear_of(self.handed[number])
        try:
            if not self._done(worker, lambda _: self.workers[worker].merge(ended)):
                self.unsure.add(number)
                return
            self.told[number] = self._fresh().trial(number)
            self._expect(self.told[number].state.is_finished(), True, f"trial {number} has ended")
        except TrialNotRunning:
            self._expect_ended(number)

    @rule(worker=_workers, share=st.floats(0.0, 1.0), n=st.integers(0, 2))
    def fork_and_merge(self, worker: int, share: float, n: int) -> None:
        """Somebody forks the study at any moment, runs trials there, and takes them over."""
        events = self._events()
        at = 1 + int(share * (len(events) - 1))
        reader = Study(self.opened(), _NAME, *self.advisors)
        fork = reader.fork("fork", at=at, storage=MemoryStorage())
        self._expect(fork.events()[1:at], events[1:at], "the events that a fork took over")
        self._expect(fork.at(at).trials, replay(events[:at]).trials, "the trials that a fork took over")
        known = fork.state.n_trials
        for _ in range(n):
            try:
                trial = fork.ask()
            except SearchSpaceExhausted:
                break
            told = evaluate(trial, SumOfAll(self._menu()), fork.state).tell
            fork.tell(trial, told.values, told.state, reason=told.reason)
        self._expect(verify(fork, *self.advisors).first_difference, None, "verify of a fork")
        self._expect(self._events(), events, "the study after something was done to its fork")
        for found in fork.trials[known:]:
            if not self._done(worker, partial(_add, trial=found)):
                return
            for added in self._fresh().finished[-1:]:
                self._expect(added.params, found.params, f"trial {found.number} of the fork, taken over")
                self._hand_out(added.number)
                self.told[added.number] = added

    # what holds after every step

    @invariant()
    def everything_holds(self) -> None:
        """See the class."""
        events = self._events()
        state = self._replayed(events)
        self._check_numbers(state)
        self._check_promises(state)
        for i in range(self.n_workers):
            known = self._by(i, lambda study: study.state)
            if known is not None:
                self._expect(known, replay(events[: known.version]), f"what worker {i} knows")
                self._expect(known.version <= len(events), True, f"whether worker {i} knows of no more than there is")

    def _check_numbers(self, state: StudyState) -> None:
        numbers = sorted(trial.number for trial in state)
        self._expect(numbers, [*range(state.n_trials)], "the numbers of all trials")
        running = self.handed.keys() - self.told.keys() - self.unsure
        self._expect(sorted(running - {*state.running}), [], "trials that nobody ended, and that do not run")

    def _check_promises(self, state: StudyState) -> None:
        for number, trial in self.told.items():
            self._expect(state.trial(number), trial, f"trial {number}, which was acknowledged")
        for (number, step), value in self.reports.items():
            reported = state.trial(number).intermediate_values.get(step)
            self._expect(repr(reported), repr(value), f"what trial {number} has reported for step {step}")
        found = [t.user_attrs["ticket"] for t in state if "ticket" in t.user_attrs and not lineage(t)[1]]
        for ticket, acknowledged in self.tickets.items():
            if acknowledged or ticket in found:
                self._expect(found.count(ticket), 1, f"how often the enqueued trial with ticket {ticket} is there")

    def teardown(self) -> None:
        """At the end, everything can be computed again; see `RuleBasedStateMachine.teardown`."""
        try:
            if self.workers and not self.broken:
                events = self._events()
                proved = self._sound(lambda: verify(events, *self.advisors), "verify of the study")
                self._expect((proved.first_difference, proved.n_skipped), (None, 0), "verify of the study")
        finally:
            self.workers.clear()
            self.stack.close()

    # the record

    def _menu(self) -> Mapping[str, Distribution]:
        return MENU if self.space is None else self.space

    def _new_worker(self) -> Worker:
        return Worker(self.opened(), _NAME, *self.advisors)

    def _by(self, worker: int, act: Callable[[Study], R]) -> R | None:
        """What `act` gives, done by a worker; None where that was its death, and another one comes.

        Raises:
            HpoError: it was refused.
            AssertionError: it broke.
        """
        try:
            return act(self.workers[worker].study)
        except Killed:
            self.workers[worker] = self._new_worker()
            return None
        except HpoError:
            raise
        except Exception as error:
            raise self._failure(f"worker {worker} has met {error!r}") from error

    def _done(self, worker: int, act: Callable[[Study], object]) -> bool:
        """Whether a worker did `act` and lived; raises as `_by` does."""

        def acted(study: Study) -> bool:
            act(study)
            return True

        return self._by(worker, acted) is not None

    def _sound(self, act: Callable[[], R], what: str) -> R:
        """What `act` gives, which raises no error."""
        try:
            return act()
        except Exception as error:
            raise self._failure(f"{what} has met {error!r}") from error

    def _busy(self) -> list[tuple[int, Trial]]:
        return [(i, trial) for i, worker in enumerate(self.workers) for trial in worker.trials.values()]

    def _drawn(self, data: st.DataObject) -> tuple[int, Trial]:
        busy = self._busy()
        return busy[data.draw(st.integers(0, len(busy) - 1))]

    def _hand_out(self, number: int) -> None:
        if number in self.handed:
            raise self._failure(f"trial {number} was handed out twice")
        self.handed[number] = len(self._events())

    def _tell(
        self, worker: int, trial: Trial | int, value: float | None, state: TrialState | None, reason: str | None
    ) -> FrozenTrial | None:
        """The trial that was ended, or None where it was not, or nobody knows."""
        number = trial if isinstance(trial, int) else trial.number
        try:
            told = self._by(worker, lambda study: study.tell(trial, value, state, reason=reason))
        except TrialNotRunning:
            self._expect_ended(number)
            return None
        if told is None:
            self.unsure.add(number)
        elif number in self.told:
            raise self._failure(f"trial {number} was ended twice")
        else:
            self.told[number] = told
        return told

    def _events(self) -> Sequence[AnyEvent]:
        return self.opened().open(_NAME).read(0)

    def _fresh(self) -> StudyState:
        return self._replayed(self._events())

    def _replayed(self, events: Sequence[AnyEvent]) -> StudyState:
        return self._sound(lambda: replay(events), "a replay")

    def _expect_ended(self, number: int) -> None:
        """A worker was told that a trial does not run; somebody must have ended it."""
        if number not in self.told and number not in self.unsure:
            raise self._failure(f"trial {number} does not run, and nobody has ended it")

    def _expect(self, got: object, wanted: object, what: str) -> None:
        if got != wanted:
            raise self._failure(f"{what}: wanted {wanted!r}, got {got!r}")

    def _failure(self, wrong: str) -> AssertionError:
        self.broken = True
        return AssertionError(f"{wrong}\n{where_saved(self._events(), type(self).__name__, _place())}")


@cache
def _place() -> Path:
    """One directory per process: machines fail many times on the way to the smallest failure, which is the last."""
    return Path(tempfile.mkdtemp(prefix="hpo-"))


def _add(study: Study, trial: FrozenTrial) -> None:
    study.add_trial(trial)
