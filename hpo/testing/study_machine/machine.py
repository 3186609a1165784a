"""Several workers on one study as a state machine of hypothesis: stale reads, kills, pauses, retries, forks, merges.

    from hpo.testing import StudyMachine

    class MyMachine(StudyMachine):
        make_storage = staticmethod(lambda place: FileStorage(place / "study.jsonl"))
        sampler = MySampler()

    TestMyMachine = MyMachine.TestCase

This module needs hypothesis: ``pip install 'purehpo[testing]'``.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial

from msgspec.structs import replace

from hpo import Study, Trial
from hpo.core import FrozenTrial, TrialState, replay
from hpo.errors import MissingExtra, SearchSpaceExhausted, TrialNotPaused, TrialNotRunning
from hpo.journal import MemoryStorage
from hpo.logging import get_logger
from hpo.study.callbacks.retries import RetryFailedTrials, lineage
from hpo.study.replaying.verification import verify
from hpo.study.running.evaluation import evaluate
from hpo.study.running.workers import LOST
from hpo.testing.study_machine.promises import STUDY, StudyPromises
from hpo.testing.study_machine.workers import Kill, SumOfAll, Worker, suggested

try:
    from hypothesis import strategies as st
    from hypothesis.stateful import precondition, rule
except ModuleNotFoundError as missing:
    raise MissingExtra("hpo.testing.StudyMachine", "testing") from missing

_MOST_RETRIES = 2
_workers: st.SearchStrategy[int] = st.runner().flatmap(lambda machine: st.integers(0, machine.n_workers - 1))
_values = st.integers(-3, 3).map(float) | st.sampled_from([float("inf"), float("-inf"), float("nan"), -0.0])


class StudyMachine(StudyPromises):
    """Several workers on one study, each with a view of its own, and a record of what they were promised.

    Rules interleave what workers do. They ask, suggest, report, prune and tell; pause trials, and resume those that any
    worker has paused, dead or alive; do not see new events for a while; die before or after an append; are given up and
    come back late; end each other's trials; fail and retry the trials of dead workers; run detached trials and merge
    their results; fork the study, and copy trials of the fork. After every step:

    - trial numbers are unique and without gaps,
    - nothing that was acknowledged is lost or changed, and nothing is there twice,
    - a paused trial keeps its parameters, its reports and its checkpoint until it is resumed, and is never failed as lost,
    - a trial is resumed by one worker at a time, and one with a checkpoint whose worker dies is paused again, once,
    - only trials of dead workers were failed as lost, each once (if the journal tracks workers),
    - all readers agree, and the state that a worker has folded step by step is what a replay of the same events gives,

    and at the end every suggestion and every pruning decision can be computed again, every trial that was paused is what it would be
    without its pauses, and whatever is still paused can be resumed and told by somebody who was not there before.

    Attributes:
        make_storage: Opens the storage in a directory, which is new for each run, again and again; everything that was
            stored there before is there again. None means a storage in memory. It is enough if it holds one study.
        sampler: The sampler, which must be replayable; `RandomSampler` if not given.
        pruner: The pruner; `NopPruner` if not given.
        space: The space that trials are asked for; `MENU` if not given. Half of the studies declare it.
        n_workers: The number of workers.

    Example:
        >>> from hypothesis import settings
        >>> from hypothesis.stateful import run_state_machine_as_test
        >>> run_state_machine_as_test(StudyMachine, settings=settings(max_examples=2, deadline=None, database=None))
    """

    # what workers do

    @rule(worker=_workers, joint=st.booleans())
    def ask(self, worker: int, joint: bool) -> None:
        """A worker starts a trial, and is the only one that gets its number."""
        try:
            trial = self.by(self.workers[worker], lambda study: study.ask(self.menu() if joint else None))
        except SearchSpaceExhausted:
            return
        if trial is not None:
            self.hand_out(trial.number, self.workers[worker])
            self.workers[worker].trials[trial.number] = trial

    @precondition(lambda self: self._busy())
    @rule(data=st.data())
    def suggest(self, data: st.DataObject) -> None:
        """A running trial asks for a parameter, and gets the same value again."""
        worker, trial = _drawn(data, self._busy())
        name = data.draw(st.sampled_from(sorted(self.menu())))
        try:
            value = self.by(worker, lambda _: suggested(trial, name, self.menu()[name]))
            if worker in self.workers:  # else it died
                again = suggested(trial, name, self.menu()[name])
                self.expect(repr(again), repr(value), f"parameter {name!r} of trial {trial.number}, asked for twice")
        except TrialNotRunning:
            self.expect_ended(trial.number)

    @precondition(lambda self: self._busy())
    @rule(data=st.data(), step=st.integers(0, 2), value=_values)
    def report(self, data: st.DataObject, step: int, value: float) -> None:
        """A running trial reports a value, and asks whether it should be pruned."""
        worker, trial = _drawn(data, self._busy())
        if (trial.number, step) in self.reports:
            return
        try:
            if self.done(worker, lambda _: trial.report(value, step)):
                self.reports[trial.number, step] = value
                self.done(worker, lambda _: trial.should_prune())
        except TrialNotRunning:
            self.expect_ended(trial.number)

    @precondition(lambda self: self._busy())
    @rule(data=st.data(), value=_values, state=st.sampled_from([None, TrialState.PRUNED, TrialState.FAIL]))
    def tell(self, data: st.DataObject, value: float, state: TrialState | None) -> None:
        """A worker ends its trial, or is told that another one has ended or paused it."""
        worker, trial = _drawn(data, self._busy())
        self.tell_by(worker, trial, None if state is TrialState.FAIL else value, state, None)
        worker.trials.pop(trial.number, None)

    @precondition(lambda self: self.handed.keys() - self.told.keys())
    @rule(data=st.data(), worker=_workers)
    def give_up(self, data: st.DataObject, worker: int) -> None:
        """A worker ends a trial that it gives up, and retries it."""
        number = data.draw(st.sampled_from(sorted(self.handed.keys() - self.told.keys())))
        self.workers[worker].journal.hear_of(self.handed[number])
        failed = self.tell_by(self.workers[worker], number, None, TrialState.FAIL, "lost: nobody has heard of it")
        if failed is not None:
            self._try_again(self.workers[worker], failed)

    @rule(worker=_workers, name=st.integers(0, 5))
    def enqueue(self, worker: int, name: int) -> None:
        """A worker enqueues a trial."""
        ticket, menu = len(self.tickets), sorted(self.menu())
        self.tickets[ticket] = False
        parameter = menu[name % len(menu)]
        params = {parameter: self.menu()[parameter].from_unit(0.5)}
        self.tickets[ticket] = self.done(
            self.workers[worker], lambda study: study.enqueue_trial(params, {"ticket": ticket})
        )

    # pauses

    @precondition(lambda self: self._busy() or self.pausing)
    @rule(
        data=st.data(), worker=_workers, resumes=st.booleans(), checkpoint=st.sampled_from([None, "epoch 1", "epoch 2"])
    )
    def pause_or_resume(self, data: st.DataObject, worker: int, resumes: bool, checkpoint: str | None) -> None:
        """A worker pauses its trial, or resumes one that any worker has paused, dead or alive."""
        paused = self.fresh().paused
        if paused and (resumes or not self._busy()):
            self._resume(self.workers[worker], paused[data.draw(st.sampled_from(sorted(paused)))])
        elif self._busy():
            self._pause(*_drawn(data, self._busy()), checkpoint)

    def _pause(self, worker: Worker, trial: Trial, checkpoint: str | None) -> None:
        number, known = trial.number, self.fresh().trial(trial.number)
        self.pausing.add(number)
        try:
            if self.done(worker, lambda _: trial.pause(checkpoint)):
                checkpoint = known.checkpoint if checkpoint is None else checkpoint
                # it got further, so that it is no longer as lost as it may have been
                kept = replace(known, state=TrialState.PAUSED, worker=None, checkpoint=checkpoint, reason=None)
                self.paused[number] = kept
        except TrialNotRunning:
            self.expect_ended(number)
        worker.trials.pop(number, None)

    def _resume(self, worker: Worker, paused: FrozenTrial) -> None:
        number = paused.number
        self.paused.pop(number, None)
        worker.journal.hear_of(len(self.events()))
        trial = self.by(worker, lambda study: study.resume(number))
        if trial is not None:
            self.expect(self._holders(number), [], f"the workers that run trial {number}, which was resumed just now")
            with suppress(TrialNotPaused):
                Study(STUDY, self.opened(), *self.advisors).resume(number)
                raise self.failure(f"trial {number} was resumed twice")
            self.handed[number] = len(self.events())
            worker.trials[number] = trial
            kept = repr(dict(paused.params)), paused.checkpoint
            self.expect(
                (repr(dict(trial.params)), trial.checkpoint), kept, f"what trial {number} has kept in its pause"
            )

    # what happens to workers

    @rule(worker=_workers)
    def hear_nothing(self, worker: int) -> None:
        """A worker does not see new events until its next append."""
        self.workers[worker].journal.fall_behind(self.workers[worker].study.state.version)

    @rule(worker=_workers, kill=st.sampled_from(Kill))
    def be_killed_soon(self, worker: int, kill: Kill) -> None:
        """A worker will die at its next append."""
        self.workers[worker].journal.die_at_next_append(kill)

    @rule(worker=_workers)
    def be_replaced(self, worker: int) -> None:
        """A worker is given up with its trials, and another one takes its place; it may come back."""
        ghost = self.workers[worker]
        self.lose(ghost)
        self.ghosts.append(ghost)

    @precondition(lambda self: self._late())
    @rule(data=st.data(), value=_values)
    def come_back_late(self, data: st.DataObject, value: float) -> None:
        """A worker that was given up tells a trial, and is refused if another one has ended it."""
        worker, trial = _drawn(data, self._late())
        self.tell_by(worker, trial, value, None, None)
        worker.trials.pop(trial.number, None)

    @precondition(lambda self: self.gone)
    @rule(worker=_workers, informed=st.booleans())
    def fail_lost_trials(self, worker: int, informed: bool) -> None:
        """A worker fails the running trials of dead workers: all of them, no others, and each once."""
        somebody, running = self.workers[worker], self.fresh().running
        gone = {number: trial for number, trial in running.items() if trial.worker in self.gone}
        # one with a checkpoint waits for a second worker, and fails if that dies, too, before it has got further
        waits = {number for number, trial in gone.items() if trial.checkpoint is not None and trial.reason != LOST}
        lost = gone.keys() - waits
        if informed:
            somebody.journal.hear_of(len(self.events()))
        with _unheard():
            failed = self.by(somebody, lambda study: study.fail_lost_trials())
        if failed is None:
            self.unsure |= lost
            self.pausing |= waits
            return
        now_paused = self.fresh().paused
        for number in waits & now_paused.keys() if not informed else waits:
            self.paused[number] = replace(gone[number], state=TrialState.PAUSED, worker=None, reason=LOST)
            self.pausing.add(number)
        for trial in failed:
            self.note_end(trial)
        numbers = {trial.number for trial in failed}
        self.expect(numbers - lost, set(), f"trials whose workers are alive, that worker {worker} has failed as lost")
        if informed:
            self.expect(lost - numbers, set(), f"trials whose workers are gone, that worker {worker} has not failed")
        for trial in failed:
            if not (somebody in self.workers and self._try_again(somebody, trial)):
                return

    # forks and merges

    @rule(worker=_workers)
    def depart(self, worker: int) -> None:
        """A worker runs a detached trial, which sees the study as it is now."""
        try:
            job = self.by(self.workers[worker], lambda _: self.workers[worker].run_apart(SumOfAll(self.menu())))
        except SearchSpaceExhausted:
            return
        if job is not None:
            ended = job()
            self.hand_out(ended.tell.number, self.workers[worker])
            self.away[ended.tell.number] = ended

    @precondition(lambda self: self.away)
    @rule(data=st.data(), worker=_workers)
    def come_back(self, data: st.DataObject, worker: int) -> None:
        """A worker records what a detached trial did."""
        number = data.draw(st.sampled_from(sorted(self.away)))
        ended = self.away.pop(number)
        self.workers[worker].journal.hear_of(self.handed[number])
        try:
            if not self.done(self.workers[worker], lambda _: self.workers[worker].merge(ended)):
                self.unsure.add(number)
                return
            told = self.fresh().trial(number)
            self.expect(told.state.is_finished(), True, f"trial {number} has ended")
            self.note_end(told)
        except TrialNotRunning:
            self.expect_ended(number)

    @rule(worker=_workers, share=st.floats(0.0, 1.0), n=st.integers(0, 2))
    def fork_and_merge(self, worker: int, share: float, n: int) -> None:
        """A worker forks the study at any version, runs trials there, and copies them."""
        events = self.events()
        at = 1 + int(share * (len(events) - 1))
        reader = Study(STUDY, self.opened(), *self.advisors)
        fork = reader.fork("fork", at=at, storage=MemoryStorage())
        self.expect(fork.events()[1:at], events[1:at], "the events that a fork took over")
        self.expect(fork.at(at).trials, replay(events[:at]).trials, "the trials that a fork took over")
        known = fork.state.n_trials
        for _ in range(n):
            try:
                trial = fork.ask()
            except SearchSpaceExhausted:
                break
            told = evaluate(trial, SumOfAll(self.menu()), fork.state).tell
            fork.tell(trial, told.values, told.state, reason=told.reason)
        self.expect(verify(fork, *self.advisors).first_difference, None, "verify of a fork")
        self.expect(self.events(), events, "the study after something was done to its fork")
        for found in fork.trials[known:]:
            if not self.done(self.workers[worker], partial(_add, trial=found)):
                return
            for added in self.fresh().finished[-1:]:
                self.expect(added.params, found.params, f"trial {found.number} of the fork, taken over")
                self.hand_out(added.number)
                self.told[added.number] = added

    def _try_again(self, worker: Worker, failed: FrozenTrial) -> bool:
        """Retry a failed trial, if the limit allows it; return whether the worker lived."""
        retry = RetryFailedTrials(max_retry=_MOST_RETRIES)
        if not self.done(worker, lambda study: retry(study, failed)):
            return False
        original, retries = lineage(failed)
        again = [trial for trial in self.fresh() if lineage(trial) == (original, retries + 1)]
        self.expect(len(again), int(retries < _MOST_RETRIES), f"how often trial {failed.number} is tried again")
        for trial in again:
            params = {**failed.fixed_params, **failed.params}
            self.expect(trial.fixed_params, params, f"the retry of trial {failed.number}")
        return True

    def _holders(self, number: int) -> list[int]:
        return [worker.number for worker in self.workers if number in worker.trials]

    def _busy(self) -> list[tuple[Worker, Trial]]:
        return _running(self.workers)

    def _late(self) -> list[tuple[Worker, Trial]]:
        return _running(self.ghosts)


@contextmanager
def _unheard() -> Iterator[None]:
    """Silence the log: each run of a machine loses trials."""
    logger = get_logger()
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        logger.setLevel(level)


def _running(workers: list[Worker]) -> list[tuple[Worker, Trial]]:
    return [(worker, trial) for worker in workers for trial in worker.trials.values()]


def _drawn(data: st.DataObject, among: list[tuple[Worker, Trial]]) -> tuple[Worker, Trial]:
    return among[data.draw(st.integers(0, len(among) - 1))]


def _add(study: Study, trial: FrozenTrial) -> None:
    study.add_trial(trial)
