"""Which configurations of a finite space were tried: exact, small, and the same from any snapshot."""

import concurrent.futures
import itertools
import math

import pytest

from hpo.core import (
    CategoricalDistribution,
    Exhausted,
    FloatDistribution,
    FrozenTrial,
    History,
    IntDistribution,
    Key,
    SearchSpace,
    StudyState,
    TrialState,
    ask,
    ask_sampler,
    create_trial,
    enqueue,
    pause,
    tell,
)
from hpo.errors import InvalidArgument
from hpo.samplers import CmaEsSampler, RandomSampler, TPESampler
from hpo.samplers.parts.tried import Fold, tried_configurations
from hpo.study.studies import create_study

SPACE = SearchSpace(
    {
        "x": FloatDistribution(0.0, 0.3, step=0.1),
        "kind": CategoricalDistribution([True, 1, 1.0, "1", None]),
        "n": IntDistribution(2, 8, step=3),
    }
)
ALL = [
    {"x": x, "kind": kind, "n": n}
    for x, kind, n in itertools.product([0.0, 0.1, 0.2, 0.3], [True, 1, 1.0, "1", None], [2, 5, 8])
]


def added(*configurations, space=SPACE, state=TrialState.COMPLETE):
    """A state whose finished trials have these parameters."""
    value = None if state is TrialState.FAIL else 0.0
    distributions = {**space, "extra": FloatDistribution(0.0, 1.0)}
    return StudyState(
        directions=("minimize",),
        finished=History(
            [
                create_trial(
                    state=state,
                    value=value,
                    params=params,
                    distributions={name: distributions[name] for name in params},
                )
                for params in configurations
            ]
        ),
    )


def texts(configurations):
    """Configurations that can be compared with their types."""
    return {repr(sorted(params.items())) for params in configurations}


def left(found):
    return [found.untried(number) for number in range(found.n_untried)]


def test_a_new_study_has_all_configurations_left():
    found = tried_configurations(StudyState.create(), SPACE)
    assert (found.size, found.n_untried, found.exhausted) == (60, 60, None)
    assert texts(left(found)) == texts(ALL)
    assert not any(map(found.contains, ALL))


def test_types_of_choices_count():
    found = tried_configurations(added(ALL[3]), SPACE)
    assert ALL[3]["kind"] == 1
    assert [params["kind"] for params in ALL[0:15:3]] == [True, 1, 1.0, "1", None]
    assert [found.contains(params) for params in ALL[0:15:3]] == [False, True, False, False, False]


def test_every_configuration_is_either_tried_or_left():
    done = ALL[::7]
    found = tried_configurations(added(*done), SPACE)
    assert found.n_untried == 60 - len(done)
    assert texts(left(found)) == texts(ALL) - texts(done)
    assert all(found.contains(params) == (params in done) for params in ALL[::7])


def test_a_repeated_configuration_counts_once():
    assert tried_configurations(added(ALL[5], ALL[5], ALL[5]), SPACE).n_untried == 59


@pytest.mark.parametrize("state", [TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAIL])
def test_how_a_trial_ended_does_not_matter(state):
    assert tried_configurations(added(ALL[7], state=state), SPACE).contains(ALL[7])


def test_running_trials_count_once_they_have_parameters():
    state, trial = ask(StudyState.create(seed=1), RandomSampler(), SPACE)
    found = tried_configurations(state, SPACE)
    assert found.contains(trial.params)
    assert texts(left(found)) == texts(ALL) - texts([dict(trial.params)])
    assert tried_configurations(tell(state, trial.number, state=TrialState.FAIL), SPACE).n_untried == 59
    state, _ = ask(StudyState.create(seed=1), RandomSampler(), {})
    assert tried_configurations(state, SPACE).n_untried == 60


def test_paused_trials_count_as_running_ones_do():
    state, trial = ask(StudyState.create(seed=1), RandomSampler(), SPACE)
    state = pause(state, trial)
    assert tried_configurations(state, SPACE).contains(trial.params)
    assert tried_configurations(state, SPACE).n_untried == 59


def test_running_trials_do_not_change_the_carry():
    state = added(*ALL[:4])
    before = tried_configurations(state, SPACE)
    busy, trial = ask(state, RandomSampler(), SPACE)
    tried_configurations(busy, SPACE)
    after = tried_configurations(state, SPACE)
    assert left(after) == left(before)
    remembered = state.finished.fold(Fold.of(SPACE))
    told = tell(busy, trial.number, 1.0)
    assert told.finished.fold(Fold.of(SPACE)).n_untried == remembered.n_untried - 1


def test_a_space_is_exhausted_when_all_are_tried_or_running():
    state = added(*ALL[:-1])
    assert tried_configurations(state, SPACE).exhausted is None
    state, _ = ask(enqueue(state, ALL[-1]), RandomSampler(), SPACE)
    found = tried_configurations(state, SPACE)
    assert found.exhausted == Exhausted("all 60 configurations are tried or running", of_space=True)
    with pytest.raises(IndexError, match="configuration 0 of 0 that are left"):
        found.untried(0)
    with pytest.raises(IndexError):
        found.random_untried(Key(1))
    with pytest.raises(IndexError):
        tried_configurations(added(), SPACE).untried(-1)


@pytest.mark.parametrize(
    "params",
    [
        {"x": 0.05, "kind": None, "n": 2},
        {"x": 0.4, "kind": None, "n": 2},
        {"x": 0.1, "kind": "other", "n": 2},
        {"x": 0.1, "kind": None, "n": 3},
        {"x": 0.1, "kind": None},
        {"x": 0.1, "kind": None, "m": 2},
        {},
    ],
)
def test_params_outside_the_space_do_not_count(params):
    found = tried_configurations(added(ALL[0]), SPACE)
    assert not found.contains(params)
    distributions = {name: CategoricalDistribution([value]) for name, value in params.items()}
    trial = create_trial(value=0.0, params=params, distributions=distributions)
    assert tried_configurations(StudyState(finished=History([trial])), SPACE).n_untried == 60


def test_values_are_read_in_the_current_range():
    old = SearchSpace({"n": IntDistribution(0, 9)})
    state = added(*({"n": n} for n in (1, 4, 8)), space=old)
    found = tried_configurations(state, SearchSpace({"n": IntDistribution(4, 12, step=2)}))
    assert found.size == 5
    assert sorted(params["n"] for params in left(found)) == [6, 10, 12]


def test_parameter_order_changes_no_configuration():
    turned = SearchSpace({name: SPACE[name] for name in reversed(SPACE)})
    state = added(*ALL[::3])
    assert left(tried_configurations(state, turned)) == left(tried_configurations(state, SPACE))
    assert list(tried_configurations(state, turned).untried(0)) == list(turned)
    assert list(tried_configurations(state, SPACE).untried(0)) == list(SPACE)


@pytest.mark.parametrize(
    "space",
    [{}, {"x": FloatDistribution(0.0, 1.0)}, {"n": IntDistribution(1, 3), "x": FloatDistribution(1.0, 2.0, log=True)}],
)
def test_infinite_and_empty_spaces_are_never_exhausted(space):
    assert Fold.of(SearchSpace(space)) is None
    assert tried_configurations(StudyState.create(), SearchSpace(space)) is None


def test_wider_trials_make_a_space_uncountable():
    wide = {**ALL[0], "extra": 0.5}
    assert tried_configurations(added(ALL[1], wide), SPACE) is None
    assert tried_configurations(added(wide, ALL[1]), SPACE) is None
    state, _ = ask(StudyState.create(seed=1), RandomSampler(), {**SPACE, "extra": FloatDistribution(0.0, 1.0)})
    assert tried_configurations(state, SPACE) is None


@pytest.mark.parametrize("sampler", [TPESampler(), CmaEsSampler()], ids=["tpe", "cma-es"])
def test_a_lone_parameter_is_never_used_up(sampler):
    one = SearchSpace({"n": IntDistribution(0, 0)})
    state = added({"n": 0}, space=one)
    assert tried_configurations(state, one).n_untried == 0
    state, trial = ask(state, RandomSampler(), {})
    assert ask_sampler(sampler, state, trial, one, Key(1), lone=True).params == {"n": 0}


@pytest.mark.parametrize("sampler", [TPESampler(), CmaEsSampler()], ids=["tpe", "cma-es"])
def test_running_trials_do_not_use_up_a_lone_parameter(sampler):
    study = create_study(sampler=sampler)
    for _ in range(5):
        assert study.ask().suggest_int("x", 0, 1) in (0, 1)


@pytest.mark.parametrize("sampler", [TPESampler(), CmaEsSampler()], ids=["tpe", "cma-es"])
def test_executor_workers_neither_repeat_nor_fail_at_the_end(sampler):
    space = {"n": IntDistribution(0, 3), "m": IntDistribution(0, 3)}
    study = create_study(sampler=sampler, space=space)
    with concurrent.futures.ThreadPoolExecutor(4) as executor:
        study.optimize(lambda trial: trial.suggest_int("n", 0, 3) + trial.suggest_int("m", 0, 3), executor=executor)
    assert sorted(tuple(trial.params.values()) for trial in study.trials) == [*itertools.product(range(4), range(4))]
    assert {trial.state for trial in study.trials} == {TrialState.COMPLETE}


def test_trials_of_another_space_are_ignored():
    other = {"extra": 0.5, "x": 0.1, "kind": None, "a": 1}
    distributions = {name: CategoricalDistribution([value]) for name, value in other.items()}
    trial = create_trial(value=0.0, params=other, distributions=distributions)
    assert tried_configurations(StudyState(finished=History([trial])), SPACE).n_untried == 60


def test_a_space_may_have_more_configurations_than_floats_count():
    space = SearchSpace({f"p{i:03}": IntDistribution(0, 9) for i in range(400)})
    state = StudyState.create(seed=1)
    for _ in range(20):
        state, trial = ask(state, RandomSampler(), space)
        state = tell(state, trial.number, 0.0)
    found = tried_configurations(state, space)
    assert found.size == 10**400
    assert found.n_untried == 10**400 - 20
    assert all(found.contains(trial.params) for trial in state.finished)
    drawn = [found.random_untried(Key(seed)) for seed in range(50)]
    assert len(texts(drawn)) == 50
    digits = [value for params in drawn for value in params.values()]
    assert all(abs(digits.count(digit) - 2000) < 5 * math.sqrt(1800) for digit in range(10)), "all digits are random"
    assert len(state.finished.fold(Fold.of(space)).place_of) <= 40


def test_one_trial_exhausts_a_space_of_one_configuration():
    space = SearchSpace({"x": FloatDistribution(1.0, 1.0), "n": IntDistribution(3, 3)})
    assert tried_configurations(StudyState.create(), space).untried(0) == {"x": 1.0, "n": 3}
    state, trial = ask(StudyState.create(), RandomSampler(), space)
    assert tried_configurations(tell(state, trial.number, 0.0), space).n_untried == 0


def test_random_untried_configurations_are_uniform():
    found = tried_configurations(added(*ALL[:50]), SPACE)
    counts = dict.fromkeys(texts(ALL[50:]), 0)
    n = 4000
    for seed in range(n):
        (text,) = texts([found.random_untried(Key(seed))])
        counts[text] += 1
    chi_square = sum((count - n / 10) ** 2 / (n / 10) for count in counts.values())
    assert chi_square < 33.7, "the 0.9999 quantile with 9 degrees of freedom"
    assert found.random_untried(Key(3)) == found.random_untried(Key(3))


def test_random_untried_visits_every_configuration_once():
    state = StudyState.create(seed=3)
    while (found := tried_configurations(state, SPACE)).exhausted is None:
        state = enqueue(state, found.random_untried(Key(3).child(state.n_trials)))
        state, trial = ask(state, RandomSampler(), SPACE)
        state = tell(state, trial.number, 0.0)
    assert len(state.finished) == 60
    assert texts(dict(trial.params) for trial in state.finished) == texts(ALL)


def test_a_trial_without_parameters_has_tried_nothing():
    state = StudyState(finished=History([FrozenTrial(0, TrialState.FAIL, reason="a sampler raised")]))
    assert tried_configurations(state, SPACE).n_untried == 60


@pytest.mark.parametrize("given", ["forbid", None, True, ["avoid"]])
@pytest.mark.parametrize("sampler", [TPESampler, CmaEsSampler])
def test_the_option_has_two_values(sampler, given):
    assert [sampler(duplicates=allowed).duplicates for allowed in ("avoid", "allow")] == ["avoid", "allow"]
    with pytest.raises(InvalidArgument, match="duplicates is 'avoid' or 'allow', got"):
        sampler(duplicates=given)
