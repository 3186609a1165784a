"""The laws of stopping rules: a sound rule keeps them, and each broken one breaks the law that names its fault."""

import importlib.util
import sys
import tempfile
from pathlib import Path

import pytest

from hpo.errors import InvalidArgument
from hpo.testing import StoppingLaws, check_stopping_rule, stopping as stopping_laws

_spec = importlib.util.spec_from_file_location("rules_of_mutants", Path(__file__).with_name("stopping_mutants.py"))
mutants = sys.modules["rules_of_mutants"] = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(mutants)


class TestNothingNew(StoppingLaws):
    rule = mutants.NothingNew()
    claims = ("rank_based", "affine", "mirror", "bounded_work")
    max_examples = 30


@pytest.mark.parametrize(
    ("rule", "law"),
    [
        pytest.param(rule, law, id=f"{getattr(rule, '__name__', type(rule).__name__)}-{law}")
        for rule, law in mutants.STOPPING
    ],
)
def test_a_broken_rule_breaks_the_law_that_names_its_fault(rule, law, tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))  # where counterexamples go
    with pytest.raises(AssertionError, match=f"^the law {law} is broken"):
        check_stopping_rule(rule, laws=[law], max_examples=60)


def test_every_law_has_a_mutant():
    laws = {law.__name__ for law in (*stopping_laws.BASIC, *stopping_laws.CLAIMS)}
    assert laws == {law for _, law in mutants.STOPPING}


def test_an_unknown_law_is_refused_with_the_names_of_the_known_ones():
    with pytest.raises(InvalidArgument, match=r"total.*got 'gravity'"):
        check_stopping_rule(mutants.at_once, laws=["gravity"])
