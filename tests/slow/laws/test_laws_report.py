"""Whatever a subject does, a law reports it: with its name, what is wrong and a study, and never an error of its own."""

import contextlib
import importlib.util
import re
import sys
import tempfile
from pathlib import Path

import pytest

from hpo import Suggestion
from hpo.core import FloatDistribution
from hpo.errors import InvalidArgument, InvalidType
from hpo.pruners import NopPruner
from hpo.samplers import RandomSampler
from hpo.testing import folds as fold_laws, stopping as stopping_laws
from hpo.testing._engine.cases import (
    InvalidAnswer,
    Question,
    Raised,
    answer_of,
    as_text,
    full_answer_of,
    shown,
    shown_error,
)
from hpo.testing.folds import check_fold
from hpo.testing.pruners import laws as pruner_laws
from hpo.testing.pruners.laws import PrunerLaws, check_pruner
from hpo.testing.samplers import claims as sampler_claims, laws as sampler_laws
from hpo.testing.samplers.laws import SamplerLaws, check_sampler
from hpo.testing.scenarios import SMALL, scenarios
from hpo.testing.stopping import StoppingLaws, check_stopping_rule

_spec = importlib.util.spec_from_file_location(
    "subjects_that_are_impossible", Path(__file__).with_name("impossible_subjects.py")
)
impossible = sys.modules["subjects_that_are_impossible"] = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(impossible)

ELSEWHERE = "any_process"
MANY_TRIALS = {"bounded_work", "learning"}
QUESTION = Question(scenarios(SMALL)["constant"], 12, SMALL)


class Fine:
    """A fold."""

    def init(self):
        return 0

    def step(self, carry, trial):
        return carry


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch):
    """Where counterexamples go."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def reports(check, subject, laws):
    """What the laws that are broken say, by name."""
    found = {}
    for law in laws:
        if law.__name__ not in {ELSEWHERE, *MANY_TRIALS}:
            found[law.__name__] = report(check, subject, law.__name__)
    return {law: message for law, message in found.items() if message is not None}


def report(check, subject, law):
    """What one law says; None where it is kept."""
    with contextlib.ExitStack() as stack:
        caught = stack.enter_context(pytest.raises(AssertionError))
        check(subject, laws=[law], max_examples=4)
        stack.pop_all()
        return None
    message = str(caught.value)
    assert message.startswith(f"the law {law} is broken: ")
    return message


OF_SHARES = {
    "coverage",
    "failures_do_not_attract",
    "later_objectives_count",
    "lone_independence",
    "mirror",
    "pruned_is_not_best",
    "shares",
    "violations_repel",
}
"""Laws that count the answers of many trials, so that no single question shows what is wrong."""


@pytest.mark.parametrize("name", impossible.SAMPLERS)
def test_an_impossible_sampler_is_reported_by_every_law_that_it_breaks(name):
    found = reports(check_sampler, impossible.SAMPLERS[name], (*sampler_laws.BASIC, *sampler_claims.CLAIMS))
    assert found
    for law, message in found.items():
        if "it can't be copied" not in message and law not in OF_SHARES:
            scope = {}
            exec(message[message.index("from math") :], scope)
            assert scope["trial"] in scope["state"].running.values()


@pytest.mark.parametrize(
    ("check", "given", "said"),
    [
        (check_sampler, 3, r"a sampler is a function of .* got 3"),
        (
            check_sampler,
            RandomSampler,
            r"a sampler .* got the class RandomSampler: pass an instance of it, RandomSampler\(\)",
        ),
        (check_pruner, 3, r"a pruner is a function of .* got 3"),
        (check_pruner, NopPruner, r"a pruner .* got the class NopPruner: pass an instance of it, NopPruner\(\)"),
        (check_stopping_rule, 3, r"a stopping rule is a function of \(state\).* got 3"),
        (check_stopping_rule, NopPruner, r"a stopping rule .* got the class NopPruner: pass an instance of it"),
        (check_fold, 3, r"a fold is an object with the methods init and step; got 3"),
        (check_fold, Fine, r"a fold .* got the class Fine: pass an instance of it, Fine\(\)"),
    ],
)
def test_what_can_not_be_asked_at_all_breaks_no_law(check, given, said):
    with pytest.raises(InvalidType, match=said):
        check(given)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"max_examples": 0}, "max_examples is an int of at least 1, got 0"),
        ({"max_examples": 2.5}, "max_examples is an int of at least 1, got 2.5"),
        ({"laws": "total"}, r"laws is a list of functions and names, got the string 'total': write \['total'\]"),
    ],
)
def test_options_that_make_no_sense_are_refused(options, said):
    with pytest.raises(InvalidArgument, match=said):
        check_sampler(RandomSampler(), **{"laws": ["total"], "max_examples": 3, **options})


@pytest.mark.parametrize(("laws", "name"), [(SamplerLaws, "sampler"), (PrunerLaws, "pruner"), (StoppingLaws, "rule")])
def test_a_class_of_tests_without_a_subject_says_what_it_needs(laws, name):
    forgot = type("TestForgot", (laws,), {})
    with pytest.raises(InvalidArgument, match=f"TestForgot has no {name}: set it in the body of the class, {name} = "):
        forgot().test_total()


@pytest.mark.parametrize("name", impossible.PRUNERS)
def test_an_impossible_pruner_is_reported_by_every_law_that_it_breaks(name):
    assert "total" in reports(check_pruner, impossible.PRUNERS[name], (*pruner_laws.BASIC, *pruner_laws.CLAIMS))


@pytest.mark.parametrize("name", [name for name in impossible.PRUNERS if name != "decides None"])  # which goes on
def test_an_impossible_rule_is_reported_by_every_law_that_it_breaks(name):
    assert "total" in reports(
        check_stopping_rule, impossible.PRUNERS[name], (*stopping_laws.BASIC, *stopping_laws.CLAIMS)
    )


@pytest.mark.parametrize("name", impossible.FOLDS)
def test_an_impossible_fold_is_reported_by_every_law_that_it_breaks(name):
    found = reports(check_fold, impossible.FOLDS[name], fold_laws.FOLD_LAWS)
    assert bool(found) is not name.startswith("carries"), "a carry may be anything"


@pytest.mark.parametrize("law", [law.__name__ for law in (*sampler_laws.BASIC, *sampler_claims.CLAIMS)])
def test_every_law_reports_a_sampler_that_raises_or_keeps_quiet(law):
    for name in ("an assertion", "a hostile error"):
        message = report(check_sampler, impossible.Raises(name), law)
        assert message is None or re.search("AssertionError: broken|HostileError", message)


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("answers None", "it answers None, which is neither a Suggestion nor Exhausted"),
        (
            "answers params that never end",
            "it answers Suggestion(count(0)), whose params are not a dict of values by name",
        ),
        ("answers no reason", "it answers Exhausted, whose reason is not a string"),
        ("raises an exit", "it raises SystemExit: 3"),
        ("raises a hostile error", "it raises HostileError: <whose message raises RuntimeError>"),
        ("has a seed that is not an int", "it raises InvalidType: a sampler's seed is an int or None, got 0.5"),
    ],
)
def test_what_is_no_answer_breaks_the_first_law(name, wrong):
    with pytest.raises(AssertionError) as caught:
        check_sampler(impossible.SAMPLERS[name], laws=["total"], max_examples=4)
    assert str(caught.value).startswith(f"the law total is broken: {wrong}\n")


def test_a_sampler_that_raises_for_the_other_parameters_breaks_the_law_about_lone_ones():
    space = {name: FloatDistribution(0.0, 1.0) for name in ("x", "y")}
    with pytest.raises(AssertionError, match=r"lone_parameters is broken: asked for all but 'x' it raises ValueError"):
        check_sampler(impossible.raises_where_one_is_missing, space=space, laws=["lone_parameters"], max_examples=4)


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("can't be copied", "can't be pickled, so no other process can be asked"),
        ("dies elsewhere", "the other process ended before it had answered"),
        ("talks", "here it answers .*, and in another process "),
    ],
)
def test_what_happens_in_another_process_is_reported(name, wrong):
    with pytest.raises(AssertionError, match=f"the law any_process is broken: .*{wrong}"):
        check_sampler(impossible.SAMPLERS[name], laws=["any_process"], max_examples=1)


def test_who_interrupts_is_not_taken_for_a_broken_sampler():
    def interrupted(state, trial, space, key):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        check_sampler(interrupted, laws=["total"], max_examples=4)


def test_what_no_one_can_use_is_no_answer():
    assert answer_of(lambda *arguments: Suggestion(None), QUESTION) == InvalidAnswer(
        "Suggestion(None)", "whose params are not a dict of values by name"
    )
    assert isinstance(answer_of(lambda *arguments: 1 / 0, QUESTION), Raised)


def test_a_joint_space_is_a_part_of_what_a_sampler_says():
    class Joint:
        def joint_space(self, state, trial):
            return SMALL if state.directions[0] == "minimize" else 1 / 0

        def __call__(self, state, trial, space, key):
            return Suggestion({})

    assert as_text(full_answer_of(Joint(), QUESTION)) == f"{{}} with the joint space {[*SMALL.items()]!r}"


def test_anything_can_be_shown():
    assert shown(impossible.HOSTILE) == "<Hostile whose repr raises RuntimeError>"
    assert shown([1] * 1000, most=10) == "[1, 1, 1, ... (3000 characters)"
    assert shown(lambda: 0) == "<function test_anything_can_be_shown.<locals>.<lambda>>"
    assert shown_error(StopIteration()) == "StopIteration"
