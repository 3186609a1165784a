"""The page of measured laws agrees with the stored results, and other libraries are told the whole study."""

import importlib.util
import json
import re
import sys
from pathlib import Path

import pytest
from msgspec.structs import replace

from hpo import FloatDistribution, SearchSpace, StudyState, TrialState
from hpo.core import Suggestion, pause, report, set_constraint, tell
from hpo.testing import check_sampler
from hpo.testing._engine.cases import Question, Raised, answer_of
from hpo.testing._engine.transformations import mirrored
from hpo.testing.samplers.claims import CLAIMS
from hpo.testing.samplers.laws import BASIC
from hpo.testing.scenarios import MIXED, scenarios, started, suggested

ROOT = Path(__file__).parents[2]
BENCHMARKS = ROOT / "tests" / "benchmarks"
PAGE = (ROOT / "docs" / "measured" / "laws.md").read_text()
X = SearchSpace({"x": FloatDistribution(0.0, 1.0)})


def loaded(name, path):
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, path)
        sys.modules[name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules[name])
    return sys.modules[name]


script = loaded("benchmark_of_rival_laws", BENCHMARKS / "rival_laws.py")


@pytest.fixture
def optuna_rival():
    pytest.importorskip("optuna")
    return loaded("laws_asked_of_optuna", BENCHMARKS / "rival_samplers" / "optuna_rival.py")


def test_the_table_has_a_row_for_every_law():
    rows = re.findall(r"^\| `(\w+)` \|", PAGE, flags=re.MULTILINE)
    assert rows == [law.__name__ for law in (*BASIC, *CLAIMS)]


def test_the_page_has_the_stored_results():
    assert script.generated(script.read_results()) in PAGE


def test_showing_the_results_does_not_write_the_page(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["rival_laws.py", "show"])
    monkeypatch.setattr(script, "write_page", lambda: pytest.fail("it writes"))
    script.main()
    assert capsys.readouterr().out in PAGE


def test_laws_that_were_not_tested_have_a_reason():
    results = script.read_results()
    unasked = {
        found["unasked"] for column in results["found"].values() for found in column.values() if "unasked" in found
    }
    assert unasked
    assert all(f"- ({letter}) {results['reasons'][letter]}" in PAGE for letter in unasked)


def test_hpo_keeps_the_laws_that_it_claims():
    ours = {name: column for name, column in script.read_results()["found"].items() if name.startswith("hpo: ")}
    assert len(ours) >= 6
    assert [(name, law) for name, column in ours.items() for law, found in column.items() if "broken" in found] == []


def test_every_counterexample_can_be_built_again():
    broken = [
        found
        for column in json.loads(script.RESULTS.read_text())["found"].values()
        for found in column.values()
        if found.get("program")
    ]
    assert broken
    for found in broken:
        scope = {}
        exec("\n".join(found["program"]), scope)
        assert isinstance(scope["state"], StudyState)
        assert scope["trial"].number in scope["state"].running


@pytest.fixture
def syne_tune_rival():
    pytest.importorskip("syne_tune")
    return loaded("laws_asked_of_syne_tune", BENCHMARKS / "rival_samplers" / "syne_tune_rival.py")


def test_suggestions_of_optuna_keep_the_laws(optuna_rival):
    laws = ["total", "complete", "in_domain", "builtin_types", "same_answer_twice", "lone_parameters", "relabel"]
    check_sampler(optuna_rival.OptunaRival("RandomSampler"), space=MIXED, laws=laws, max_examples=5)


def told_study():
    """Return a study with a trial in each state, and a running one without a value for `x`."""
    state = StudyState.create(directions=["maximize"], seed=1)
    state = tell(set_constraint(suggested(state, X, [0.25]), 0, "c", 1.0), 0, 3.0)
    state = tell(report(suggested(state, X, [0.5]), 1, 0.125, 7), 1, state=TrialState.PRUNED)
    state = tell(suggested(state, X, [0.75]), 2, state=TrialState.FAIL, reason="it broke")
    return started(suggested(state, X, [1.0]))


@pytest.mark.parametrize("there_from_the_start", [False, True])
def test_optuna_is_told_every_trial_as_it_is(optuna_rival, monkeypatch, there_from_the_start):
    import optuna

    studies = []

    class Watched(optuna.samplers.RandomSampler):
        def sample_independent(self, study, *rest):
            studies.append(study)
            return super().sample_independent(study, *rest)

    monkeypatch.setattr(optuna.samplers, "RandomSampler", Watched)
    rival = optuna_rival.OptunaRival("RandomSampler", there_from_the_start=there_from_the_start)
    state = pause(suggested(told_study(), X, [0.125]), 5)  # Optuna has no paused trials: it is told that it runs
    assert isinstance(answer_of(rival, Question(state, 4, X)), Suggestion)
    trials = studies[-1].get_trials()
    assert studies[-1].direction is optuna.study.StudyDirection.MAXIMIZE
    assert [trial.state.name for trial in trials] == ["COMPLETE", "PRUNED", "FAIL", "RUNNING", "RUNNING", "RUNNING"]
    assert [trial.params.get("x") for trial in trials[:5]] == [0.25, 0.5, 0.75, 1.0, 0.125]
    assert trials[0].value == 3.0
    assert trials[0].constraints == {"c": 1.0}
    assert trials[1].intermediate_values == {7: 0.125}


def test_results_change_the_suggestions_of_optuna(optuna_rival):
    rival = optuna_rival.OptunaRival("TPESampler", {"n_startup_trials": 2})
    state = scenarios()["some feasible"]
    question = Question(state, max(state.running), MIXED)
    better = replace(question, state=replace(mirrored(state), directions=state.directions))
    assert answer_of(rival, question) == answer_of(rival, question)
    assert answer_of(rival, question) != answer_of(rival, better)


def test_a_sampler_for_one_objective_refuses_several(optuna_rival):
    state = scenarios()["2 directions"]
    answer = answer_of(optuna_rival.OptunaRival("CmaEsSampler", one_objective=True), Question(state, 12, MIXED))
    assert isinstance(answer, Raised)
    assert type(answer.error).__name__ == "SeveralObjectives"


def test_syne_tune_is_told_complete_trials_of_its_space_in_order(syne_tune_rival, monkeypatch):
    told = []

    class Watched(syne_tune_rival.SingleObjectiveScheduler):
        def on_trial_complete(self, trial, result):
            told.append((trial.config, result["value"], self.do_minimize))
            super().on_trial_complete(trial, result)

    monkeypatch.setattr(syne_tune_rival, "SingleObjectiveScheduler", Watched)
    state = tell(told_study(), 3, 5.0)
    state = tell(suggested(state, SearchSpace({"x": FloatDistribution(8.0, 9.0)}), [0.5]), 5, 6.0)
    question = Question(state, 4, X)
    assert isinstance(answer_of(syne_tune_rival.SyneTuneRival("REA"), question), Suggestion)
    assert told == [({"x": 0.25}, 3.0, False), ({"x": 1.0}, 5.0, False)]


def test_syne_tune_leaves_the_global_generators_unchanged(syne_tune_rival):
    import numpy as np

    np.random.seed(3)  # noqa: NPY002 - what Syne Tune draws from
    before = np.random.get_state()[1].tolist()  # noqa: NPY002
    rival = syne_tune_rival.SyneTuneRival("REA", seeds_everything=True)
    question = Question(told_study(), 4, X)
    assert answer_of(rival, question) == answer_of(rival, question)
    assert np.random.get_state()[1].tolist() == before  # noqa: NPY002
