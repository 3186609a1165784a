"""What is built in keeps the laws that it claims, and the kit says what it needs."""

import importlib.util
import subprocess
import sys
from pathlib import Path
from typing import ClassVar

import attrs
import pytest
from hypothesis import HealthCheck, find, given, settings

import hpo.testing
from hpo import FloatDistribution, IntDistribution, StudyState, TrialState
from hpo.errors import InvalidArgument
from hpo.pruners import MedianPruner, NopPruner
from hpo.samplers import GridSampler, RandomSampler, TPESampler, Warmup
from hpo.testing import PrunerLaws, SamplerLaws, check_fold, check_pruner, check_sampler, strategies
from hpo.testing._engine.question_sources import EDGES
from hpo.testing.scenarios import SMALL, scenarios

FEW = 8


class TestRandom(SamplerLaws):
    sampler = RandomSampler()
    claims = ("rank_based", "affine", "mirror", "bounded_work")
    max_examples = FEW


class TestGrid(SamplerLaws):
    sampler = GridSampler({"n": [0, 1, 2], "kind": ["a", "b"], "step": [0.0, 1.0]})
    space: ClassVar = SMALL
    claims = ("rank_based", "mirror", "no_repeats", "exhaustion", "bounded_work")
    max_examples = FEW


class TestTPE(SamplerLaws):
    sampler = TPESampler(n_startup_trials=2)
    claims = ("rank_based", "affine", "mirror", "bounded_work", "learning")
    max_examples = FEW


class TestMedian(PrunerLaws):
    pruner = MedianPruner(n_startup_trials=1)
    claims = ("affine", "mirror", "never_stops_the_leader", "bounded_work")
    max_examples = FEW


class TestNop(PrunerLaws):
    pruner = NopPruner()
    claims = ("rank_based", "affine", "mirror", "never_stops_the_leader", "bounded_work")
    max_examples = FEW


def example():
    """The sampler of examples/custom_sampler.py, which authors copy."""
    path = Path(__file__).parents[2] / "examples" / "custom_sampler.py"
    spec = importlib.util.spec_from_file_location("custom_sampler", path)
    sys.modules[spec.name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(sys.modules[spec.name])
    return sys.modules[spec.name].mutate_the_best


class TestTheExampleOfASampler(SamplerLaws):
    sampler = example()
    claims = (
        "rank_based",
        "affine",
        "mirror",
        "recording_order",
        "bounded_work",
        "learning",
        "failures_do_not_attract",
    )
    max_examples = FEW


def test_the_example_of_a_sampler_goes_on_after_ten_failures():
    def fails(trial):
        trial.suggest_float("x", 0.0, 1.0)
        raise RuntimeError("out of memory")

    study = hpo.create_study(sampler=example(), seed=0)
    study.optimize(fails, n_trials=12, catch=RuntimeError)
    assert [trial.state for trial in study.trials] == [TrialState.FAIL] * 12


def middle(state, trial, space, key):
    return hpo.Suggestion({name: dist.from_unit(0.5) for name, dist in space.items()})


@pytest.mark.parametrize(
    "space",
    [
        *({"value": distribution} for distribution in EDGES.values()),
        {"few": IntDistribution(1, 4, log=True), "many": IntDistribution(1, 13, log=True)},
        {"steps": FloatDistribution(0.0, 3.0, step=0.1), "strides": IntDistribution(0, 98, step=7)},
    ],
    ids=lambda space: str(space)[:60],
)
def test_whatever_the_space_is_random_search_covers_it(space):
    check_sampler(RandomSampler(), space=space, laws=["coverage"], max_examples=1)


def test_a_plain_function_is_a_sampler_for_the_class_too():
    class Laws(SamplerLaws):
        sampler = middle
        max_examples = 3

    Laws().test_total()
    Laws().test_any_process()


def test_a_wrapper_of_a_sampler_of_ones_own_can_be_asked_in_another_process():
    check_sampler(Warmup(1, RandomSampler(), middle), laws=["any_process"], max_examples=3)


def test_a_class_has_the_basic_laws_and_those_that_it_claims():
    tests = {name for name in dir(TestGrid) if name.startswith("test_")}
    assert {"test_in_domain", "test_fold", "test_exhaustion"} <= tests
    assert "test_learning" not in tests


def test_what_another_process_can_not_import_is_a_failure_that_says_so():
    with pytest.raises(AssertionError, match=r"any_process is broken: .*top of a module"):
        check_sampler(lambda *arguments: None, laws=["any_process"], max_examples=1)


@attrs.frozen
class Count:
    """Fold: the number of trials."""

    def init(self):
        return 0

    def step(self, carry, trial):
        return carry + 1


@pytest.mark.parametrize(
    ("check", "subject"), [(check_sampler, middle), (check_pruner, NopPruner()), (check_fold, Count())]
)
def test_an_unknown_law_is_refused_with_the_names_of_the_known_ones(check, subject):
    with pytest.raises(InvalidArgument, match=r"total.*got 'gravity'"):
        check(subject, laws=["gravity"])


def test_hypothesis_is_loaded_when_it_is_needed_and_missed_with_a_hint():
    program = (
        "import sys; sys.modules['hypothesis'] = None\n"
        "from hpo.errors import MissingExtra\n"
        "from hpo.samplers import RandomSampler\n"
        "from hpo.testing import check_sampler\n"
        "check_sampler(RandomSampler(), laws=['bounded_work'])\n"
        "import hpo.testing\n"
        "modules = [lambda: __import__('hpo.testing.strategies'), lambda: __import__('hpo.testing.options')]\n"
        "for act in (lambda: check_sampler(RandomSampler()), lambda: hpo.testing.StudyMachine, *modules):\n"
        "    try:\n        act()\n"
        "    except MissingExtra as error:\n        print(error)\n"
    )
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.count("pip install 'purehpo[testing]'") == 4


@given(state=strategies.states())
@settings(max_examples=15, deadline=None, database=None, suppress_health_check=[*HealthCheck])
def test_generated_studies_are_what_a_journal_can_hold(state):
    assert StudyState.from_bytes(state.to_bytes()) == state


@pytest.mark.parametrize(
    "wanted",
    [
        lambda state: any(trial.state is TrialState.FAIL for trial in state.finished),
        lambda state: any(trial.state is TrialState.PRUNED and trial.values is None for trial in state.finished),
        lambda state: any(trial.params for trial in state.running.values()),
    ],
    ids=["failed", "pruned", "running"],
)
def test_generated_studies_are_of_every_kind_and_shrink_to_small_ones(wanted):
    options = settings(
        database=None, deadline=None, derandomize=True, max_examples=300, suppress_health_check=[*HealthCheck]
    )
    found = find(strategies.states(most=3), wanted, settings=options)
    assert found.n_trials <= 2


def test_each_scenario_has_a_trial_that_waits_for_its_parameters():
    for name, state in scenarios().items():
        newest = state.running[max(state.running)]
        assert newest.params == {}, name
        assert StudyState.from_bytes(state.to_bytes()) == state, name


def test_the_package_lists_its_names():
    assert {"SamplerLaws", "StudyMachine", "check_sampler", "check_fold"} <= {*dir(hpo.testing)}
    with pytest.raises(AttributeError, match="no attribute 'no_such_name'"):
        _ = hpo.testing.no_such_name
