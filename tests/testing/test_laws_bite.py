"""Each law finds the fault that it names: a table of samplers, pruners and folds that are broken on purpose."""

import importlib.util
import json
import re
import shlex
import sys
import tempfile
from pathlib import Path

import pytest

from hpo import StudyState
from hpo.cli import main
from hpo.core.sampling import trial_key
from hpo.testing import fold_laws, pruner_laws, sampler_claims, sampler_laws
from hpo.testing.fold_laws import check_fold
from hpo.testing.pruner_laws import check_pruner
from hpo.testing.sampler_laws import check_sampler


def neighbour(name):
    """A module beside this one, under a name by which another process finds it too."""
    full_name = f"laws_of_{name}"
    if full_name not in sys.modules:
        spec = importlib.util.spec_from_file_location(full_name, Path(__file__).with_name(f"{name}.py"))
        sys.modules[full_name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules[full_name])
    return sys.modules[full_name]


mutants = neighbour("mutants")
EXAMPLES = 300


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch):
    """Where counterexamples go."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def named(pairs):
    return [
        pytest.param(mutant, law, id=f"{getattr(mutant, '__name__', type(mutant).__name__)}-{law}")
        for mutant, law in pairs
    ]


@pytest.mark.parametrize(("mutant", "law"), named(mutants.SAMPLERS))
def test_a_broken_sampler_breaks_the_law_that_names_its_fault(mutant, law):
    with pytest.raises(AssertionError, match=f"^the law {law} is broken"):
        check_sampler(mutant, laws=[law], max_examples=EXAMPLES)


@pytest.mark.parametrize(("mutant", "law"), named(mutants.PRUNERS))
def test_a_broken_pruner_breaks_the_law_that_names_its_fault(mutant, law):
    with pytest.raises(AssertionError, match=f"^the law {law} is broken"):
        check_pruner(mutant, laws=[law], max_examples=EXAMPLES)


@pytest.mark.parametrize(("mutant", "law"), named(mutants.FOLDS))
def test_a_broken_fold_breaks_the_law_that_names_its_fault(mutant, law):
    with pytest.raises(AssertionError, match=f"^the law {law} is broken"):
        check_fold(mutant, laws=[law], max_examples=EXAMPLES)


def test_every_law_has_a_mutant():
    laws = {law.__name__ for law in (*sampler_laws.BASIC, *sampler_claims.CLAIMS)}
    assert laws == {law for _, law in mutants.SAMPLERS}
    pruning = {law.__name__ for law in (*pruner_laws.BASIC, *pruner_laws.CLAIMS)}
    assert pruning == {law for _, law in mutants.PRUNERS}
    assert {law.__name__ for law in fold_laws.FOLD_LAWS} == {law for _, law in mutants.FOLDS}


def broken(check, mutant, law):
    with pytest.raises(AssertionError) as caught:
        check(mutant, laws=[law], max_examples=EXAMPLES)
    return str(caught.value)


def test_a_failure_shows_a_small_study_that_can_be_pasted_and_run():
    message = broken(check_sampler, mutants.one_beyond_high, "in_domain")
    scope = {"sampler": mutants.one_beyond_high}
    exec(message[message.index("from math") :] + "\nanswer = sampler(state, trial, space, key)", scope)
    assert isinstance(scope["state"], StudyState)
    assert scope["trial"] in scope["state"].running.values()
    assert scope["key"] == trial_key(scope["state"], scope["sampler"], scope["trial"].number)
    assert len(scope["state"].trials) == 1, "the smallest study has the trial alone"
    params = scope["answer"].params
    assert any(not dist.contains(params[name]) for name, dist in scope["space"].items())


@pytest.mark.parametrize(
    ("check", "mutant", "law", "trials"),
    [
        (check_sampler, mutants.one_beyond_high, "in_domain", 1),
        (check_sampler, mutants.best_of_nothing, "survives_every_scenario", 13),
        (check_sampler, mutants.never_exhausted, "exhaustion", 14),
        (check_sampler, mutants.hash_of_a_text, "any_process", None),
        (check_pruner, mutants.stops_the_silent, "silence_goes_on", 1),
        (check_fold, mutants.SumOfValues(), "total", 2),
    ],
)
def test_a_failure_leaves_its_study_as_a_journal_that_the_commands_open(check, mutant, law, trials, place, capsys):
    message = broken(check, mutant, law)
    command = re.search("^# its journal: hpo (.*)$", message, re.MULTILINE)[1]
    path = Path(shlex.split(command)[-1])
    assert path.name == f"{law}.jsonl"
    assert path.parent.parent == place
    assert main([*shlex.split(command), "--format", "json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    scope = {}
    exec(message[message.index("from math") :], scope)
    assert len(shown) == len(scope["state"].trials)
    if trials is not None:
        assert len(shown) == trials
    assert main(["journal", "check", str(path)]) == 0


def test_where_nothing_can_be_saved_a_failure_says_so(monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", "/nowhere/at/all")
    message = broken(check_sampler, mutants.one_beyond_high, "in_domain")
    assert "# its journal could not be saved: " in message
    assert message.startswith("the law in_domain is broken")


def test_a_failure_in_a_scenario_says_which():
    with pytest.raises(AssertionError, match=re.escape("in the scenario 'all failed'")):
        check_sampler(mutants.best_of_nothing, laws=["survives_every_scenario"], max_examples=1)
