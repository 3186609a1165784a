"""Samplers made of samplers: they do what their parts would do, and say so."""

import math

import attrs
import pytest

import hpo
from hpo.core import (
    CategoricalDistribution,
    FloatDistribution,
    Identity,
    IntDistribution,
    StudyState,
    ask,
    enqueue,
    identity_of,
    is_replayable,
    needs_pending,
    tell,
)
from hpo.errors import InvalidArgument, InvalidSuggestion, InvalidType
from hpo.samplers import (
    BruteForceSampler,
    Fallback,
    GridSampler,
    PartialFixedSampler,
    QMCSampler,
    RandomSampler,
    TPESampler,
    Warmup,
)
from hpo.study.replaying.rebuild import rebuild_advisor
from hpo.study.studies import create_study, load_study

GRID = {"k": [1, 2, 3], "x": [-1.0, 0.0], "c": ["a", "b"]}
SAMPLERS = {
    "fixed": PartialFixedSampler({"k": 3, "extra": 0.5}, TPESampler(n_startup_trials=3)),
    "fixed grid": PartialFixedSampler({"extra": 0.5}, GridSampler(GRID)),
    "warm-up": Warmup(4, QMCSampler(), TPESampler(n_startup_trials=1)),
    "own seeds": Warmup(4, RandomSampler(seed=1), RandomSampler(seed=2)),
    "fallback": Fallback(PartialFixedSampler({"extra": 0.25}, GridSampler(GRID)), TPESampler(n_startup_trials=3)),
    "nested": Warmup(
        15, Fallback(Fallback(GridSampler({**GRID, "extra": [0.5]}), QMCSampler()), RandomSampler()), QMCSampler()
    ),
}
EACH = pytest.mark.parametrize("sampler", SAMPLERS.values(), ids=SAMPLERS)


def objective(trial):
    x, k = trial.suggest_float("x", -5, 5), trial.suggest_int("k", 1, 20)
    return x**2 + k + (trial.suggest_float("extra", 0, 1) if trial.suggest_categorical("c", ["a", "b"]) == "a" else 0)


def parameters(sampler, n=10, seed=0, **run):
    study = create_study(sampler=sampler, seed=seed)
    study.optimize(objective, n_trials=n, **run)
    return [trial.params for trial in study.trials]


@EACH
@pytest.mark.parametrize("run", [{}, {"n_jobs": 3}, {"n_jobs": 3, "order": "deterministic"}], ids=str)
def test_a_journal_verifies_without_naming_the_sampler(sampler, run):
    study = create_study(sampler=sampler)
    study.optimize(objective, n_trials=20, **run)
    check = hpo.verify(study)
    assert check.n_suggestions > 10
    assert check.clean, check


@EACH
def test_a_resumed_study_is_the_uninterrupted_one(sampler, tmp_path):
    path = str(tmp_path / "study.jsonl")
    whole = create_study(sampler=sampler, seed=8)
    whole.optimize(objective, n_trials=12)
    create_study(study_name="s", sampler=sampler, seed=8, storage=path).optimize(objective, n_trials=5)
    resumed = load_study(study_name="s", storage=path, sampler=sampler)
    resumed.optimize(objective, n_trials=7)
    assert [trial.params for trial in resumed.trials] == [trial.params for trial in whole.trials]
    assert hpo.verify(resumed).clean


@EACH
def test_they_are_values(sampler):
    assert hash(sampler) == hash(sampler)
    assert is_replayable(sampler)
    assert parameters(sampler) == parameters(sampler)


def test_fixed_parameters_leave_the_other_suggestions_unchanged():
    free, fixed = parameters(RandomSampler()), parameters(PartialFixedSampler({"k": 7}, RandomSampler()))
    assert {params["k"] for params in fixed} == {7}
    assert [params["x"] for params in fixed] == [params["x"] for params in free]


def test_fixed_parameters_of_a_declared_space():
    space = {"x": FloatDistribution(0, 1), "c": CategoricalDistribution([1, True, None])}
    _, trials = ask(StudyState.create(), PartialFixedSampler({"c": True}, QMCSampler()), space, 4)
    assert [trial.params["c"] for trial in trials] == [True] * 4
    assert type(trials[0].params["c"]) is bool
    assert len({trial.params["x"] for trial in trials}) == 4
    _, trial = ask(StudyState.create(), PartialFixedSampler({"c": None, "x": 1}, RandomSampler()), space)
    assert dict(trial.params) == {"x": 1.0, "c": None}


def test_a_fixed_value_may_lie_between_steps():
    study = create_study(sampler=PartialFixedSampler({"x": 0.3}, RandomSampler()))
    study.optimize(lambda trial: trial.suggest_float("x", 0, 1, step=0.5), n_trials=1)
    assert study.best_params == {"x": 0.3}


@pytest.mark.parametrize(
    ("value", "distribution"),
    [
        (2.0, FloatDistribution(0, 1)),
        (0.5, IntDistribution(0, 1)),
        ("a", IntDistribution(0, 1)),
        (math.nan, FloatDistribution(0, 1)),
        (None, FloatDistribution(0, 1)),
        (1, CategoricalDistribution([True, 1.0])),
    ],
)
def test_a_fixed_value_outside_of_the_range_is_refused(value, distribution):
    sampler = PartialFixedSampler({"x": value}, RandomSampler())
    with pytest.raises(InvalidSuggestion, match="PartialFixedSampler gives parameter 'x' the value"):
        ask(StudyState.create(), sampler, {"x": distribution})


def test_a_value_enqueued_for_a_trial_goes_before_a_fixed_one():
    state = enqueue(StudyState.create(), {"x": 0.75})
    _, trials = ask(state, PartialFixedSampler({"x": 0.5}, RandomSampler()), {"x": FloatDistribution(0, 1)}, 2)
    assert [trial.params["x"] for trial in trials] == [0.75, 0.5]


def test_warm_up_is_one_sampler_and_then_the_other():
    first, then = RandomSampler(seed=1), RandomSampler(seed=2)
    mixed = parameters(Warmup(4, first, then))
    assert mixed == parameters(first)[:4] + parameters(then)[4:]
    assert parameters(Warmup(0, first, then)) == parameters(then)


def test_fallback_takes_over_when_nothing_is_left():
    sampler = Fallback(GridSampler({"x": [1.0, 2.0]}), RandomSampler())
    study = create_study(sampler=sampler, seed=4)
    study.optimize(lambda trial: trial.suggest_float("x", 0, 9), n_trials=5, n_jobs=2)
    random = create_study(sampler=RandomSampler(), seed=4)
    random.optimize(lambda trial: trial.suggest_float("x", 0, 9), n_trials=5)
    assert [t.params["x"] for t in study.trials] == [1.0, 2.0, *[t.params["x"] for t in random.trials[2:]]]


def test_fallback_ends_when_nothing_is_left_for_both():
    sampler = Fallback(GridSampler({"x": [1.0, 2.0]}), GridSampler({"x": [3.0]}))
    study = create_study(sampler=sampler)
    study.optimize(lambda trial: trial.suggest_float("x", 0, 9), n_trials=50)
    assert [trial.params["x"] for trial in study.trials] == [1.0, 2.0, 3.0]


def test_a_brute_force_search_can_fall_back_too():
    study = create_study(sampler=Fallback(BruteForceSampler(), RandomSampler()))
    study.optimize(lambda trial: trial.suggest_int("x", 0, 2) + trial.suggest_int("y", 0, 1), n_trials=10)
    assert len({tuple(trial.params.values()) for trial in study.trials[:6]}) == 6
    assert len(study.trials) == 10
    assert hpo.verify(study).clean


def test_a_sampler_with_a_memory_makes_a_wrapper_that_is_not_replayable():
    class Remembering:
        replayable = False

        def __init__(self):
            self.asked = 0

        def __call__(self, state, trial, space, key):
            self.asked += 1
            return hpo.Suggestion({name: dist.from_unit(0.5) for name, dist in space.items()})

    for wrap in (
        lambda sampler: PartialFixedSampler({}, sampler),
        lambda sampler: Warmup(5, sampler, RandomSampler()),
        lambda sampler: Fallback(sampler, RandomSampler()),
    ):
        inner = Remembering()
        assert not is_replayable(wrap(inner))
        state, trial = ask(StudyState.create(), wrap(inner), {"x": FloatDistribution(0, 1)})
        tell(state, trial.number, 0.0)
        assert (inner.asked, trial.params["x"]) == (1, 0.5)


def test_a_function_is_a_sampler_to_wrap():
    def middle(state, trial, space, key):
        return hpo.Suggestion({name: dist.from_unit(0.5) for name, dist in space.items()})

    assert parameters(Warmup(2, middle, RandomSampler()))[0]["x"] == 0.0
    assert parameters(PartialFixedSampler({"k": 2}, middle))[1] == {"x": 0.0, "k": 2, "c": "b"}


@pytest.mark.parametrize(
    ("make", "error"),
    [
        (lambda: PartialFixedSampler({"x": [1]}, RandomSampler()), InvalidType),
        (lambda: PartialFixedSampler([("x", 1)], RandomSampler()), InvalidType),
        (lambda: PartialFixedSampler({}, RandomSampler), InvalidType),
        (lambda: Warmup(-1, RandomSampler(), RandomSampler()), InvalidArgument),
        (lambda: Warmup(1.5, RandomSampler(), RandomSampler()), InvalidType),
        (lambda: Warmup(1, "random", RandomSampler()), InvalidType),
        (lambda: Fallback(RandomSampler(), None), InvalidType),
    ],
)
def test_other_options_are_refused(make, error):
    with pytest.raises(error):
        make()


def test_a_wrapper_needs_pending_trials_if_a_sampler_in_it_does():
    grid, free = GridSampler({"x": [1, 2]}), RandomSampler()
    assert needs_pending(PartialFixedSampler({"y": 1}, grid))
    assert needs_pending(Warmup(1, free, Fallback(grid, free)))
    assert needs_pending(Fallback(free, BruteForceSampler()))
    for wrapper in (PartialFixedSampler({"y": 1}, free), Warmup(1, free, free), Fallback(free, free)):
        assert not needs_pending(wrapper)


def tried(study):
    return [(trial.params["kind"], trial.params["step"]) for trial in study.trials]


def all_parameters(trial):
    n = trial.suggest_int("n", 0, 2)
    kind = trial.suggest_categorical("kind", ["a", "b"])
    return n + len(kind) + trial.suggest_float("step", 0, 1, step=0.5)


@pytest.mark.parametrize(
    "wrapped",
    [
        lambda brute: brute,
        lambda brute: Fallback(brute, RandomSampler()),
        lambda brute: Warmup(6, brute, RandomSampler()),
        lambda brute: Warmup(6, Fallback(brute, RandomSampler()), RandomSampler()),
        lambda brute: PartialFixedSampler({"other": 1}, brute),
        lambda brute: PartialFixedSampler({"n": 2}, brute),  # the outer value of n is the one that counts
    ],
    ids=["alone", "fallback", "warmup", "nested", "partial", "same name"],
)
def test_a_brute_force_search_is_told_what_is_fixed_around_it(wrapped):
    study = create_study(sampler=PartialFixedSampler({"n": 1}, wrapped(BruteForceSampler())))
    study.optimize(all_parameters, n_trials=6)
    assert {trial.params["n"] for trial in study.trials} == {1}
    assert len({*tried(study)}) == 6


def test_values_fixed_by_two_wrappers_are_both_known():
    inner = PartialFixedSampler({"kind": "b"}, BruteForceSampler())
    study = create_study(sampler=PartialFixedSampler({"n": 1}, inner))
    study.optimize(all_parameters)
    assert tried(study) == [("b", 0.0), ("b", 0.5), ("b", 1.0)]


@attrs.frozen
class Counts:
    """A sampler with a method `given`, which is told what is fixed."""

    fixed: tuple = ()

    def given(self, fixed_params):
        return Counts(tuple(fixed_params.items()))

    def __call__(self, state, trial, space, key):
        return hpo.Suggestion({name: dist.from_unit(0.0) for name, dist in space.items()}, {"fixed": str(self.fixed)})


def test_any_sampler_with_the_method_is_told_what_is_fixed():
    study = create_study(sampler=PartialFixedSampler({"n": 1}, Counts()))
    study.optimize(all_parameters, n_trials=1)
    assert study.trials[0].note["fixed"] == "(('n', 1),)"


def test_what_is_fixed_is_not_an_option_of_the_brute_force_search():
    assert identity_of(BruteForceSampler(seed=3)).options == {"seed": 3, "avoid_premature_stop": False}
    told = BruteForceSampler(seed=3).given({"n": 1})
    assert told != BruteForceSampler(seed=3)
    assert told.given({"n": 1}) == told
    assert identity_of(told) == identity_of(BruteForceSampler(seed=3))


def test_a_journal_that_has_the_option_of_earlier_versions_is_rebuilt():
    earlier = {"seed": 3, "avoid_premature_stop": False, "part": {}}
    assert rebuild_advisor(Identity("BruteForceSampler", 1, earlier)) == BruteForceSampler(seed=3)
    nested = {"name": "BruteForceSampler", "version": 1, "options": earlier}
    recorded = Identity("PartialFixedSampler", 1, {"fixed_params": {"n": 1}, "base_sampler": nested})
    assert rebuild_advisor(recorded) == PartialFixedSampler({"n": 1}, BruteForceSampler(seed=3))
    other_part = Identity("BruteForceSampler", 1, {**earlier, "part": {"n": 1}})
    assert rebuild_advisor(other_part) is None
