"""Each law finds the fault that it names: a table of samplers, pruners and folds that are broken on purpose."""

import importlib.util
import re
import sys
from pathlib import Path

import pytest

from hpo import StudyState
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
EXAMPLES = 60


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


def test_a_failure_shows_a_small_study_that_can_be_pasted():
    with pytest.raises(AssertionError) as caught:
        check_sampler(mutants.one_beyond_high, laws=["in_domain"], max_examples=EXAMPLES)
    message = str(caught.value)
    program = message[message.index("from math") :]
    scope = {}
    exec(program, scope)
    assert isinstance(scope["state"], StudyState)
    assert scope["trial"] in scope["state"].running.values()
    assert len(scope["state"].trials) == 1, "the smallest study has the trial alone"
    answer = mutants.one_beyond_high(scope["state"], scope["trial"], scope["space"], None)
    assert any(not dist.contains(answer.params[name]) for name, dist in scope["space"].items())


def test_a_failure_in_a_scenario_says_which():
    with pytest.raises(AssertionError, match=re.escape("in the scenario 'all failed'")):
        check_sampler(mutants.best_of_nothing, laws=["survives_every_scenario"], max_examples=1)
