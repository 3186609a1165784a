"""The machine of several workers finds what is wrong with a storage, a sampler or a pruner, and shows it."""

import contextlib
import importlib.util
import random
import re
import shlex
import tempfile
import time
from pathlib import Path

import pytest
from hypothesis import Phase, settings
from hypothesis.stateful import run_state_machine_as_test
from msgspec.structs import replace

from hpo.cli import main
from hpo.core import (
    Decision,
    FrozenDict,
    PauseTrial,
    ResumeTrial,
    Suggestion,
    Tell,
    TrialFinished,
    TrialPaused,
    TrialResumed,
    TrialState,
    decide,
    running_by_worker,
)
from hpo.core.evolve import transitions
from hpo.core.memory import InsertOnlyDict
from hpo.errors import TrialNotRunning
from hpo.study.running import workers
from hpo.study.running.workers import LOST
from hpo.testing.study_machine import StudyMachine, promises


def neighbour(name):
    spec = importlib.util.spec_from_file_location(f"machines_of_{name}", Path(__file__).with_name(f"{name}.py"))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


mutants = neighbour("journal_mutants")


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch):
    """Where counterexamples go."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    promises.place_of_failures.cache_clear()
    yield tmp_path
    promises.place_of_failures.cache_clear()


def run(machine, *, shrink=False, examples=300, steps=25):
    phases = [Phase.generate, Phase.shrink] if shrink else [Phase.generate]
    options = settings(
        max_examples=examples,
        deadline=None,
        database=None,
        derandomize=True,
        stateful_step_count=steps,
        phases=phases,
        report_multiple_bugs=False,
    )
    run_state_machine_as_test(machine, settings=options)


@pytest.mark.parametrize(("handle", "said"), mutants.JOURNALS, ids=lambda each: getattr(each, "__name__", ""))
def test_a_broken_journal_is_found_out(handle, said):
    class Machine(StudyMachine):
        make_storage = staticmethod(lambda place: mutants.Broken(handle, place))

    with pytest.raises(AssertionError, match=said):
        run(Machine)


def test_a_sound_journal_of_the_same_make_is_not():
    class Machine(StudyMachine):
        make_storage = staticmethod(lambda place: mutants.Broken(mutants.Sound, place))

    run(Machine, examples=20)


@pytest.mark.parametrize(("handle", "said"), mutants.WATCHED_JOURNALS, ids=lambda each: getattr(each, "__name__", ""))
def test_a_journal_that_knows_workers_badly_is_found_out(handle, said):
    class Machine(StudyMachine):
        make_storage = staticmethod(lambda place: mutants.Broken(handle, place))

    with pytest.raises(AssertionError, match=said):
        run(Machine)


def test_a_sound_journal_that_knows_workers_is_not():
    ended = []

    class Machine(StudyMachine):
        make_storage = staticmethod(lambda place: mutants.Broken(mutants.Watched, place))

        def teardown(self):
            ended.extend(trial.reason for trial in self.fresh().finished if self.workers)
            super().teardown()

    run(Machine, examples=150)
    assert LOST in ended, "some trials were failed as lost"


def fails_all_that_run(recorder):
    """Whoever runs them."""
    commands = [Tell(number, state=TrialState.FAIL, reason=LOST) for number in recorder.state.running]
    state = recorder.record(*commands)
    return [state.trial(command.number) for command in commands]


def fails_one_of_many(recorder):
    state = recorder.state
    for worker, numbers in running_by_worker(state).items():
        if recorder.journal.is_alive(worker) is False:
            with contextlib.suppress(TrialNotRunning):  # somebody else was faster
                return [recorder.record(Tell(numbers[0], state=TrialState.FAIL, reason=LOST)).trial(numbers[0])]
    return []


def fails_those_that_are_paused(recorder):
    """As if a paused trial were lost with the worker that had it."""
    commands = [Tell(number, state=TrialState.FAIL, reason=LOST) for number in recorder.state.paused]
    state = recorder.record(*commands)
    return [state.trial(command.number) for command in commands]


def fails_in_silence(recorder):
    """And lets somebody else try them again."""
    workers.fail_lost(recorder)
    return []


@pytest.mark.parametrize(
    ("fail_lost", "said"),
    [
        (fails_all_that_run, "whose workers are alive, that worker . has failed as lost|neither running nor paused"),
        (fails_those_that_are_paused, "was acknowledged|has failed as lost|its worker is alive|has not failed"),
        (fails_one_of_many, "whose workers are gone, that worker . has not failed"),
        (fails_in_silence, "whose workers are gone, that worker . has not failed|neither running nor paused"),
    ],
)
def test_lost_trials_that_are_failed_wrongly_are_found_out(fail_lost, said, monkeypatch):
    monkeypatch.setattr("hpo.study.study.fail_lost", fail_lost)
    with pytest.raises(AssertionError, match=said):
        run(StudyMachine, examples=600, steps=50)


@pytest.mark.parametrize(
    ("end_of_lost", "said"),
    [
        (
            lambda trial: Tell(trial.number, state=TrialState.FAIL, reason=LOST),
            "whose workers are alive, that worker . has failed as lost|whose pause was acknowledged",
        ),
        (
            lambda trial: (
                PauseTrial(trial.number, reason=LOST)
                if trial.checkpoint
                else Tell(trial.number, state=TrialState.FAIL, reason=LOST)
            ),
            "whose workers are gone, that worker . has not failed",
        ),
    ],
    ids=["a checkpoint is thrown away", "a trial that kills its workers goes on for ever"],
)
def test_a_lost_trial_with_a_checkpoint_that_is_treated_wrongly_is_found_out(end_of_lost, said, monkeypatch):
    monkeypatch.setattr("hpo.study.running.workers._end_of_lost", end_of_lost)
    machine = StudyMachine()
    machine.create(declared=False, seed=1)
    machine.ask(worker=0, joint=False)
    machine.pause_or_resume(DrawsZero(), worker=0, resumes=False, checkpoint="epoch 1")

    def dies_twice():
        for _ in range(2):
            machine.pause_or_resume(DrawsZero(), worker=0, resumes=True, checkpoint=None)
            machine.be_replaced(worker=0)
            machine.fail_lost_trials(worker=1, informed=True)
            machine.everything_holds()

    with pytest.raises(AssertionError, match=said):
        dies_twice()
    machine.teardown()


def forgets_reports(state, event):
    state = transitions._paused(state, event)
    trial = replace(state.paused[event.number], intermediate_values=InsertOnlyDict())
    return replace(state, paused=state.paused.with_item(trial.number, trial))


def forgets_constraints_when_it_goes_on(state, event):
    state = transitions._resumed(state, event)
    trial = replace(state.running[event.number], constraints=FrozenDict())
    return replace(state, running=state.running.with_item(trial.number, trial))


def starts_anew(state, event):
    state = transitions._resumed(state, event)
    trial = replace(state.running[event.number], started_at=event.at)
    return replace(state, running=state.running.with_item(trial.number, trial))


@pytest.mark.parametrize(
    ("kind", "transition", "said"),
    [
        (TrialPaused, forgets_reports, "whose pause was acknowledged"),
        (TrialResumed, forgets_constraints_when_it_goes_on, "as if it had not been paused"),
        (TrialResumed, starts_anew, "as if it had not been paused"),
    ],
)
def test_a_pause_that_changes_a_trial_is_found_out(kind, transition, said, monkeypatch):
    machine = StudyMachine()
    machine.create(declared=False, seed=1)
    machine.ask(worker=0, joint=False)
    trial = machine.workers[0].trials[0]
    trial.report(1.0, 0)
    trial.set_constraint("c", 1.0)
    monkeypatch.setitem(transitions._EVOLVE, kind, transition)
    time.sleep(0.005)  # times are kept to the millisecond

    def goes_on():
        machine.pause_or_resume(DrawsZero(), worker=0, resumes=False, checkpoint="epoch 1")
        machine.everything_holds()
        machine.pause_or_resume(DrawsZero(), worker=1, resumes=True, checkpoint=None)
        machine.everything_holds()
        machine.teardown()

    with pytest.raises(AssertionError, match=said):
        goes_on()
    machine.broken = True
    machine.teardown()


def test_a_trial_that_two_workers_resume_is_found_out(monkeypatch):
    def lets_anybody_go_on(state, command):
        if isinstance(command, ResumeTrial) and command.number in state.running:
            return []
        return decide(state, command)

    monkeypatch.setattr("hpo.study.recorder.decide", lets_anybody_go_on)
    machine = StudyMachine()
    machine.create(declared=False, seed=1)
    machine.ask(worker=0, joint=False)
    machine.pause_or_resume(DrawsZero(), worker=0, resumes=False, checkpoint="epoch 1")
    with pytest.raises(AssertionError, match="trial 0 was resumed twice"):
        machine.pause_or_resume(DrawsZero(), worker=1, resumes=True, checkpoint=None)
    machine.teardown()


def test_a_trial_that_is_nobodys_is_found_out(monkeypatch):
    monkeypatch.setattr("hpo.study.running.workers.Worker.name", property(lambda self: "deadbeef"))
    with pytest.raises(
        AssertionError, match="of worker 'deadbeef', belongs to the worker that started it: wanted True, got False"
    ):
        run(StudyMachine)


class DrawsZero:
    """The first of everything, in place of what hypothesis draws."""

    def draw(self, strategy):
        return 0


def test_a_late_result_of_a_lost_trial_that_is_taken_is_found_out(monkeypatch):
    def takes_late_results(state, command):
        if isinstance(command, Tell) and any(t.number == command.number and t.reason == LOST for t in state.finished):
            return [TrialFinished(command.number, TrialState.COMPLETE, (1.0,))]
        return decide(state, command)

    monkeypatch.setattr("hpo.study.recorder.decide", takes_late_results)
    machine = StudyMachine()  # by hand: generated steps hardly ever come in this order
    machine.create(declared=False, seed=1)
    machine.ask(worker=0, joint=False)
    machine.be_replaced(worker=0)
    machine.fail_lost_trials(worker=1, informed=True)
    with pytest.raises(AssertionError, match=r"was ended twice|InconsistentEvents"):
        machine.come_back_late(data=DrawsZero(), value=1.0)
    machine.teardown()


@pytest.mark.parametrize("n", [1, 5])
def test_there_are_as_many_workers_as_wanted(n):
    seen = set()

    class Machine(StudyMachine):
        n_workers = n

        def teardown(self):
            seen.add(len(self.workers))
            super().teardown()

    run(Machine, examples=3)
    assert seen == {n}


def lucky(state, trial, space, key):
    return Suggestion({name: dist.from_unit(random.random()) for name, dist in space.items()})


def moody(state, trial):
    return Decision.STOP if random.random() < 0.5 else Decision.CONTINUE


def test_a_sampler_that_can_not_be_asked_again_is_found_out():
    class Machine(StudyMachine):
        sampler = lucky

    with pytest.raises(AssertionError, match=r"^verify of "):
        run(Machine)


def test_a_pruner_that_can_not_be_asked_again_is_found_out():
    class Machine(StudyMachine):
        pruner = moody

    with pytest.raises(AssertionError, match=r"^verify of "):
        run(Machine)


def test_a_failure_leaves_the_smallest_study_as_a_journal_that_the_commands_open(capsys):
    class Machine(StudyMachine):
        make_storage = staticmethod(lambda place: mutants.Broken(mutants.ForgetsReports, place))

    with pytest.raises(AssertionError) as caught:
        run(Machine, shrink=True, steps=12)
    command = re.search(r"# its journal: hpo (.*)", str(caught.value))[1]
    assert main(shlex.split(command)) == 0
    table = capsys.readouterr().out
    assert len(table.splitlines()) <= 4, "a headline, a rule and one or two trials"
