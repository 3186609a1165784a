"""The machine of several workers finds what is wrong with a storage, a sampler or a pruner, and shows it."""

import importlib.util
import random
import re
import shlex
import tempfile
from pathlib import Path

import pytest
from hypothesis import Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from hpo.cli import main
from hpo.core.pruning import Decision
from hpo.core.sampling import Suggestion
from hpo.testing import StudyMachine, study_machine


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
    study_machine._place.cache_clear()
    yield tmp_path
    study_machine._place.cache_clear()


def run(machine, *, shrink=False, examples=150, steps=25):
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
    assert len(table.splitlines()) == 3, "a headline, a rule and the only trial"
