"""Each law finds the fault that it names: a table of samplers, pruners and folds that are broken on purpose."""

import importlib.util
import json
import re
import shlex
import sys
import tempfile
import traceback
from pathlib import Path

import pytest

from hpo import Key, StudyState
from hpo.cli import main
from hpo.core import Decision, trial_key
from hpo.testing import folds as fold_laws
from hpo.testing.folds import check_fold
from hpo.testing.pruners import laws as pruner_laws, promoter_laws
from hpo.testing.pruners.laws import check_pruner
from hpo.testing.pruners.promoter_laws import check_promoter
from hpo.testing.samplers import claims as sampler_claims, laws as sampler_laws
from hpo.testing.samplers.laws import check_sampler
from hpo.testing.scenarios import SMALL
from hpo.testing.stopping import check_stopping_rule


def neighbour(name):
    """A module beside this one, under a name by which another process finds it too."""
    full_name = f"laws_of_{name}"
    if full_name not in sys.modules:
        spec = importlib.util.spec_from_file_location(full_name, Path(__file__).with_name(f"{name}.py"))
        sys.modules[full_name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules[full_name])
    return sys.modules[full_name]


mutants, subtle, others, late = (
    neighbour(name) for name in ("mutants", "subtle_mutants", "pruner_mutants", "late_mutants")
)
hidden, hidden_others = neighbour("hidden_mutants"), neighbour("hidden_pruner_mutants")
EXAMPLES = 300
PARTS = ("state", "trial", "space", "key")


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


@pytest.mark.parametrize(("mutant", "law"), named(subtle.SAMPLERS))
def test_a_sampler_that_is_right_nearly_always_breaks_the_law_that_names_its_fault(mutant, law):
    with pytest.raises(AssertionError, match=f"^the law {law} is broken"):
        check_sampler(mutant, laws=[law], max_examples=200)


@pytest.mark.parametrize(("mutant", "law"), named(others.PRUNERS))
def test_a_broken_pruner_breaks_the_law_that_names_its_fault(mutant, law):
    with pytest.raises(AssertionError, match=f"^the law {law} is broken"):
        check_pruner(mutant, laws=[law], max_examples=EXAMPLES)


@pytest.mark.parametrize(("mutant", "law"), named(late.SAMPLERS))
def test_a_sampler_whose_fault_shows_late_breaks_the_law_that_names_it(mutant, law):
    with pytest.raises(AssertionError, match=f"^the law {law} is broken"):
        check_sampler(mutant, laws=[law], max_examples=200)


@pytest.mark.parametrize(("mutant", "law"), named(hidden.SAMPLERS))
def test_a_sampler_whose_fault_hides_breaks_the_law_that_names_it(mutant, law):
    with pytest.raises(AssertionError, match=f"^the law {law} is broken"):
        check_sampler(mutant, laws=[law], max_examples=500)


@pytest.mark.parametrize(
    ("check", "mutant", "law"),
    [
        pytest.param(check, *each.values, id=each.id)
        for check, pairs in (
            (check_pruner, hidden_others.PRUNERS),
            (check_stopping_rule, hidden_others.RULES),
            (check_promoter, hidden_others.PROMOTERS),
            (check_fold, hidden_others.FOLDS),
        )
        for each in named(pairs)
    ],
)
def test_a_pruner_rule_promoter_or_fold_whose_fault_hides_breaks_the_law_that_names_it(check, mutant, law):
    with pytest.raises(AssertionError, match=f"^the law {law} is broken"):
        check(mutant, laws=[law], max_examples=100)


@pytest.mark.parametrize(("mutant", "law"), named(late.PRUNERS))
def test_a_pruner_whose_fault_shows_late_breaks_the_law_that_names_it(mutant, law):
    with pytest.raises(AssertionError, match=f"^the law {law} is broken"):
        check_pruner(mutant, laws=[law], max_examples=200)


@pytest.mark.parametrize(("mutant", "law"), named(late.STOPPING))
def test_a_rule_whose_fault_shows_late_breaks_the_law_that_names_it(mutant, law):
    with pytest.raises(AssertionError, match=f"^the law {law} is broken"):
        check_stopping_rule(mutant, laws=[law], max_examples=100)


@pytest.mark.parametrize("law", ["total", "survives_every_scenario", "no_repeats", "exhaustion"])
def test_a_sampler_that_waits_for_running_trials_keeps_the_laws(law):
    check_sampler(late.waits_for_its_generation, space=SMALL, laws=[law], max_examples=10)


@pytest.mark.parametrize(("mutant", "law"), named(others.FOLDS))
def test_a_broken_fold_breaks_the_law_that_names_its_fault(mutant, law):
    with pytest.raises(AssertionError, match=f"^the law {law} is broken"):
        check_fold(mutant, laws=[law], max_examples=EXAMPLES)


def test_every_law_has_a_mutant():
    laws = {law.__name__ for law in (*sampler_laws.BASIC, *sampler_claims.CLAIMS)}
    assert laws == {law for _, law in (*mutants.SAMPLERS, *subtle.SAMPLERS, *hidden.SAMPLERS)}
    pruning = {law.__name__ for law in (*pruner_laws.BASIC, *pruner_laws.CLAIMS)}
    assert pruning == {law for _, law in (*others.PRUNERS, *hidden_others.PRUNERS)}
    assert {law.__name__ for law in promoter_laws.BASIC} == {law for _, law in hidden_others.PROMOTERS}
    assert {law.__name__ for law in fold_laws.FOLD_LAWS} == {law for _, law in (*others.FOLDS, *hidden_others.FOLDS)}


def rows_of_the_page():
    """One row for each law of samplers, pruners, rules, promoters and folds, with the mutants that it finds."""
    tables = {
        "samplers": (*mutants.SAMPLERS, *subtle.SAMPLERS, *late.SAMPLERS, *hidden.SAMPLERS),
        "pruners": (*others.PRUNERS, *late.PRUNERS, *hidden_others.PRUNERS),
        "stopping rules": (*late.STOPPING, *hidden_others.RULES),
        "promoters": hidden_others.PROMOTERS,
        "folds": (*others.FOLDS, *hidden_others.FOLDS),
    }
    for kind, pairs in tables.items():
        for law in dict.fromkeys(law for _, law in pairs):
            found = [getattr(each, "__name__", type(each).__name__) for each, name in pairs if name == law]
            yield f"| {kind} | `{law}` | {', '.join(f'`{name}`' for name in found)} |"


def test_the_page_of_measured_laws_lists_every_mutant_with_the_law_that_finds_it():
    page = (Path(__file__).parents[3] / "docs" / "measured" / "laws.md").read_text()
    rows = [*rows_of_the_page()]
    assert [row for row in page.splitlines() if row in rows] == rows, "\n".join(["these rows are wanted:", *rows])


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
        (check_sampler, mutants.never_exhausted, "exhaustion", 13),
        (check_sampler, mutants.hash_of_a_text, "any_process", None),
        (check_pruner, others.stops_the_silent, "silence_goes_on", 1),
        (check_fold, others.SumOfValues(), "total", 2),
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


def pasted(message):
    """The names that the program of a failure makes."""
    scope = {}
    exec(message[message.index("from math") :], scope)
    return scope


def test_a_law_that_compares_two_studies_shows_both():
    sampler = mutants.direction_forgotten
    message = broken(check_sampler, sampler, "mirror")
    scope = pasted(message)
    answers = [sampler(*(scope[f"{which}{part}"] for part in PARTS)) for which in ("", "other_")]
    assert answers[0].note != answers[1].note
    assert len(scope["state"].trials) == 3, "two results that differ, and the trial"
    asks = "sampler(state, trial, space, key)"
    assert f"# and then: {asks} against sampler(other_state, other_trial, other_space, other_key)" in message


def test_a_fault_that_shows_on_forks_comes_with_the_forks():
    sampler = subtle.shares_a_list_between_forks
    scope = pasted(broken(check_sampler, sampler, "fold"))
    others = [scope[part] for part in PARTS[1:]]
    for state in scope["studies"]:
        if sampler(state, *others).note != sampler(StudyState.from_bytes(state.to_bytes()), *others).note:
            return
    pytest.fail("no study shows it")


def test_a_trial_that_repeats_another_is_shown_before_it_has_its_parameters():
    sampler = subtle.forgets_who_runs_where_they_are_many
    scope = pasted(broken(check_sampler, sampler, "no_repeats"))
    assert scope["trial"].params == {}
    again = sampler(*(scope[part] for part in PARTS)).params
    assert again in [trial.params for trial in scope["state"].trials]


def test_a_parameter_that_is_asked_for_alone_is_shown_with_the_others_that_the_trial_has():
    scope = pasted(broken(check_sampler, mutants.only_with_others, "lone_parameters"))
    assert scope["trial"].params
    assert scope["key"].path[-1:] == tuple(scope["space"])
    with pytest.raises(KeyError, match="mine"):
        mutants.only_with_others(*(scope[part] for part in PARTS))


@pytest.mark.parametrize(
    ("check", "subject", "law"),
    [
        (check_sampler, mutants.best_of_nothing, "total"),
        (check_sampler, mutants.best_of_nothing, "survives_every_scenario"),
        (check_sampler, mutants.only_with_others, "lone_parameters"),
        (check_sampler, late.WantsWhatTheLastOneHad(), "total"),
        (check_pruner, others.wants_a_report, "total"),
        (check_fold, others.SumOfValues(), "total"),
    ],
)
def test_an_error_of_what_is_tried_is_the_cause_and_leads_to_its_line(check, subject, law):
    with pytest.raises(AssertionError) as caught:
        check(subject, laws=[law], max_examples=EXAMPLES)
    frames = traceback.extract_tb(caught.value.__cause__.__traceback__)
    assert any(Path(frame.filename).name.endswith("mutants.py") for frame in frames)


def test_where_nothing_was_raised_the_message_stands_alone():
    with pytest.raises(AssertionError) as caught:
        check_sampler(mutants.one_beyond_high, laws=["in_domain"], max_examples=EXAMPLES)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


def test_a_leader_that_is_stopped_is_shown_as_the_leader():
    scope = pasted(broken(check_pruner, others.above_the_first, "never_stops_the_leader"))
    assert others.above_the_first(scope["state"], scope["trial"]) is Decision.STOP


def test_a_sampler_with_a_seed_of_its_own_gets_its_own_key_again():
    sampler = mutants.SeededTooHigh()
    message = broken(check_sampler, sampler, "in_domain")
    assert pasted(message)["key"] == Key(11, ("trial", 0))


def test_an_answer_that_another_process_gives_differently_is_shown_on_a_small_study():
    scope = pasted(broken(check_sampler, mutants.hash_of_a_text, "any_process"))
    assert scope["state"].n_trials == 1


def test_where_nothing_can_be_saved_a_failure_says_so(monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", "/nowhere/at/all")
    message = broken(check_sampler, mutants.one_beyond_high, "in_domain")
    assert "# its journal could not be saved: " in message
    assert message.startswith("the law in_domain is broken")


def test_a_failure_in_a_scenario_says_which():
    with pytest.raises(AssertionError, match=re.escape("in the scenario 'all failed'")):
        check_sampler(mutants.best_of_nothing, laws=["survives_every_scenario"], max_examples=1)
