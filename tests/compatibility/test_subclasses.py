"""Subclasses of built-in samplers and pruners, and samplers and pruners that delegate to them, as in programs for Optuna."""

import copy
import pickle

import attrs
import pytest

import hpo
from hpo.core import is_replayable
from hpo.errors import InvalidType
from hpo.pruners import MedianPruner, registry as pruner_registry
from hpo.samplers import RandomSampler, TPESampler, registry as sampler_registry

SAMPLERS = {
    "BruteForceSampler": {},
    "CmaEsSampler": {"n_startup_trials": 3},
    "GPSampler": {"n_startup_trials": 3},
    "GridSampler": {"search_space": {"x": [0, 1, 2, 3, 4, 5], "n": [0, 1, 2]}},
    "QMCSampler": {},
    "RandomSampler": {},
    "TPESampler": {"n_startup_trials": 3},
}


def objective(trial):
    return trial.suggest_float("x", 0, 8, step=0.5) + trial.suggest_int("n", 0, 2)


def run(sampler, n_trials=6, **options):
    study = hpo.create_study(sampler=sampler, seed=3, **options)
    study.optimize(objective, n_trials=n_trials)
    return study


class Half(RandomSampler):
    def sample_independent(self, study, trial, param_name, param_distribution):
        return 0.5 if param_name == "x" else 1


def test_an_override_decides_every_value():
    study = run(Half())
    assert [trial.params for trial in study.trials] == [{"x": 0.5, "n": 1}] * 6


def test_an_override_decides_in_a_declared_space_too():
    space = {"x": hpo.FloatDistribution(0, 8, step=0.5), "n": hpo.IntDistribution(0, 2)}
    assert {trial.params["x"] for trial in run(Half(), space=space).trials} == {0.5}


def test_an_override_decides_inside_of_other_samplers():
    for sampler in (
        hpo.samplers.PartialFixedSampler({"n": 2}, Half()),
        hpo.samplers.Warmup(first=Half(), then=RandomSampler(), n=6),
        hpo.samplers.CmaEsSampler(n_startup_trials=6, independent_sampler=Half(), duplicates="allow"),
    ):
        assert {trial.params["x"] for trial in run(sampler).trials} == {0.5}, sampler


def relayed(name):
    """A sampler that delegates every method to a built-in one, and a subclass that calls ``super()`` in every method."""
    kind = getattr(hpo.samplers, name)

    class Delegating(hpo.samplers.BaseSampler):
        def __init__(self, **options):
            self.base = kind(**options)

        def infer_relative_search_space(self, study, trial):
            return self.base.infer_relative_search_space(study, trial)

        def sample_relative(self, study, trial, search_space):
            return self.base.sample_relative(study, trial, search_space)

        def sample_independent(self, study, trial, param_name, param_distribution):
            return self.base.sample_independent(study, trial, param_name, param_distribution)

    class Extended(kind):
        def __init__(self, **options):
            super().__init__(**options)
            self.calls = []

        def sample_relative(self, study, trial, search_space):
            self.calls.append(trial.number)
            return super().sample_relative(study, trial, search_space)

        def sample_independent(self, study, trial, param_name, param_distribution):
            self.calls.append(param_name)
            return super().sample_independent(study, trial, param_name, param_distribution)

    return Delegating, Extended


@pytest.mark.parametrize("name", SAMPLERS)
def test_methods_that_pass_everything_on_change_nothing_but_the_kind_of_call(name):
    options = SAMPLERS[name]
    plain = [trial.params for trial in run(getattr(hpo.samplers, name)(**options)).trials]
    for kind in relayed(name):
        study = run(kind(**options))
        assert [trial.params for trial in study.trials] == plain
        assert not is_replayable(study.sampler)
        assert isinstance(study.sampler, hpo.samplers.BaseSampler)


def test_the_notes_of_a_sampler_that_was_asked_are_recorded():
    delegating, extended = relayed("GridSampler")
    for kind in (delegating, extended):
        assert [trial.note["cell"] for trial in run(kind(**SAMPLERS["GridSampler"])).trials] == [*range(6)]


def test_a_subclass_that_is_used_up_starts_no_trial():
    _, extended = relayed("GridSampler")
    study = run(extended(search_space={"x": [0, 1], "n": [0]}), n_trials=9)
    assert [trial.state.name for trial in study.trials] == ["COMPLETE", "COMPLETE"]
    study.enqueue_trial({"x": 4.0, "n": 1})
    study.optimize(objective, n_trials=1)
    assert study.trials[2].params == {"x": 4.0, "n": 1}


def test_a_grid_inside_of_another_sampler_ends_the_study():
    delegating, _ = relayed("GridSampler")
    study = run(delegating(search_space={"x": [0, 1], "n": [0]}), n_trials=9)
    assert [trial.state.name for trial in study.trials] == ["COMPLETE", "COMPLETE", "FAIL"]
    assert "combinations" in study.trials[2].reason


@pytest.mark.parametrize("registration", [*sampler_registry.SAMPLERS], ids=lambda each: each.name)
def test_built_in_samplers_have_the_methods_of_base_sampler(registration):
    kind = registration.load()
    assert issubclass(kind, hpo.samplers.BaseSampler)
    for method in (
        "infer_relative_search_space",
        "sample_relative",
        "sample_independent",
        "before_trial",
        "after_trial",
        "reseed_rng",
    ):
        assert callable(getattr(kind, method))
    assert "__dict__" not in dir(kind), "its objects stay small"


@pytest.mark.parametrize("registration", [*pruner_registry.PRUNERS], ids=lambda each: each.name)
def test_built_in_pruners_have_the_method_of_base_pruner(registration):
    kind = registration.load()
    assert issubclass(kind, hpo.pruners.BasePruner)
    assert callable(kind.prune)


def test_objects_of_a_subclass_have_attributes_that_are_copied_and_pickled():
    sampler = Counting(seed=3)
    run(sampler, n_trials=2)
    for twin in (copy.copy(sampler), copy.deepcopy(sampler), pickle.loads(pickle.dumps(sampler))):
        assert (twin.seed, twin.n_asked) == (3, sampler.n_asked)
    assert sampler.n_asked == 2


class Counting(TPESampler):
    def __init__(self, seed):
        super().__init__(seed=seed, n_startup_trials=2)
        self.n_asked = 0

    def sample_relative(self, study, trial, search_space):
        self.n_asked += 1
        return super().sample_relative(study, trial, search_space)


def test_built_in_samplers_and_frozen_subclasses_stay_frozen():
    @attrs.frozen
    class Frozen(RandomSampler):
        value: float = 0.5

        def sample_independent(self, study, trial, param_name, param_distribution):
            return self.value if param_name == "x" else 0

    assert {trial.params["x"] for trial in run(Frozen(value=1.5)).trials} == {1.5}
    for sampler in (RandomSampler(), Frozen()):
        with pytest.raises(attrs.exceptions.FrozenInstanceError):
            sampler.seed = 3


def test_a_subclass_may_say_that_it_is_replayable():
    class Honest(Half):
        replayable = True

    assert is_replayable(Honest())
    assert not is_replayable(Half())

    class Renamed(RandomSampler):
        pass

    assert is_replayable(Renamed())


def test_a_subclass_of_a_subclass_overrides_more():
    class Quarter(Half):
        def sample_independent(self, study, trial, param_name, param_distribution):
            return super().sample_independent(study, trial, param_name, param_distribution) * 2

    assert [trial.params for trial in run(Quarter()).trials] == [{"x": 1.0, "n": 2}] * 6


@pytest.mark.parametrize(
    ("kind", "method"),
    [(hpo.samplers.GPSampler, "_optimize_acqf"), (TPESampler, "_sample_relative"), (RandomSampler, "__call__")],
)
def test_what_would_never_be_called_is_refused_by_name(kind, method):
    def override(self, *args):
        raise AssertionError

    subclass = type("Mine", (kind,), {method: override, "sample_independent": override})
    with pytest.raises(InvalidType, match=f"Mine overrides {method}, which would never be called"):
        hpo.create_study(sampler=subclass())


def test_before_and_after_a_trial_a_sampler_is_called():
    calls = []

    class Watching(RandomSampler):
        def before_trial(self, study, trial):
            calls.append(("before", trial.number, dict(trial.params), len(study.trials)))

        def after_trial(self, study, trial, state, values):
            calls.append(("after", trial.number, dict(trial.params), trial.state.name, state.name, values))

    study = hpo.create_study(sampler=Watching())
    study.optimize(lambda trial: trial.suggest_int("n", 1, 1) + 0.5, n_trials=1)
    trial = study.ask()
    study.tell(trial, state="fail")
    assert calls == [
        ("before", 0, {}, 1),
        ("after", 0, {"n": 1}, "RUNNING", "COMPLETE", [1.5]),
        ("before", 1, {}, 2),
        ("after", 1, {}, "RUNNING", "FAIL", None),
    ]


def test_a_sampler_with_before_trial_is_called_once_per_trial_whatever_it_claims():
    class Watching(RandomSampler):
        replayable = True
        seen = ()

        def before_trial(self, study, trial):
            self.seen = (*self.seen, trial.number)

    sampler = Watching()
    run(hpo.samplers.PartialFixedSampler({"n": 0}, sampler))
    assert sampler.seen == (0, 1, 2, 3, 4, 5)


class AtStepTwo(MedianPruner):
    def __init__(self, limit):
        super().__init__()
        self.limit = limit

    def prune(self, study, trial):
        return trial.last_step >= 2 and trial.intermediate_values[trial.last_step] > self.limit


def test_a_pruner_that_overrides_prune_is_asked():
    study = hpo.create_study(pruner=pickle.loads(pickle.dumps(AtStepTwo(0.5))))
    trial = study.ask()
    decisions = []
    for step in range(3):
        trial.report(0.9, step)
        decisions.append(trial.should_prune())
    assert decisions == [False, False, True]


def test_a_pruner_may_delegate_to_another_one():
    class Delegating(hpo.pruners.BasePruner):
        def __init__(self):
            self.base = MedianPruner(n_startup_trials=1)

        def prune(self, study, trial):
            return self.base.prune(study, trial)

    study = hpo.create_study(pruner=Delegating())
    study.add_trial(hpo.create_trial(value=0.1, intermediate_values={0: 0.1}))
    trial = study.ask()
    trial.report(0.9, 0)
    assert trial.should_prune()
    assert MedianPruner(n_startup_trials=1).prune(study, study.trials[1])
    with pytest.raises(InvalidType, match="prune takes a study"):
        MedianPruner().prune(None, study.trials[1])
