"""Each broken wrapper breaks the law of composition that names its fault, and a sound one keeps all of them."""

import importlib.util
import re
import sys
import tempfile
from pathlib import Path

import pytest

from hpo.errors import InvalidType
from hpo.samplers import Warmup
from hpo.testing import WrapperLaws, check_wrapper
from hpo.testing.samplers.composition import LAWS

_spec = importlib.util.spec_from_file_location("broken_wrappers", Path(__file__).with_name("composition_mutants.py"))
mutants = sys.modules["broken_wrappers"] = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(mutants)


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch):
    """Where counterexamples go."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))


@pytest.mark.parametrize(
    ("kind", "law"), [pytest.param(kind, law, id=f"{kind.__name__}-{law}") for kind, law in mutants.WRAPPERS]
)
def test_a_broken_wrapper_breaks_the_law_that_names_its_fault(kind, law):
    with pytest.raises(AssertionError, match=f"^the law {law} is broken"):
        check_wrapper(mutants.wrap(kind), laws=[law], max_examples=30)


class TestPassesOn(WrapperLaws):
    wrap = staticmethod(mutants.wrap(mutants.PassesOn))
    max_examples = 20


def test_every_law_has_a_mutant():
    assert {law.__name__ for law in LAWS} == {law for _, law in mutants.WRAPPERS}


def test_a_failure_says_which_guest_was_asked_and_what_for():
    wrong = "asked for a lone parameter, it asks its guest for a joint space, with a guest that is an object with suggest_lone"
    with pytest.raises(AssertionError, match=re.escape(wrong)):
        check_wrapper(mutants.wrap(mutants.ForwardsLoneCallsAsJointOnes), laws=["kind_of_call"], max_examples=5)


def test_a_class_is_not_a_function_that_wraps():
    with pytest.raises(InvalidType, match="wrap is a function that puts a sampler into another one"):
        check_wrapper(Warmup)
