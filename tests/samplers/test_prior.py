"""What is believed beforehand: it leads at first, fades as results come in, and rules nothing out."""

import numpy as np
import pytest
from scipy import stats

import hpo
from hpo.core import (
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
    SearchSpace,
    StudyState,
    ask,
    identity_of,
    tell,
)
from hpo.errors import InvalidArgument, InvalidType
from hpo.samplers import AutoSampler, GPSampler, RandomSampler, TPESampler
from hpo.samplers.parts import UnitCube
from hpo.samplers.parts.prior import BelievingStart, belief_of, checked_prior, strength
from hpo.study.replaying.rebuild import rebuild_advisor

SPACE = SearchSpace(
    {
        "rate": FloatDistribution(1e-5, 1.0, log=True),
        "n": IntDistribution(0, 9),
        "kind": CategoricalDistribution([True, 1, "1"]),
        "free": FloatDistribution(0.0, 1.0),
    }
)
CUBE = UnitCube.of(SPACE)
REGION = {"rate": (1e-3, 1e-2)}


def gp(**options):
    return GPSampler(n_startup_trials=4, n_candidates=64, n_local_searches=2, **options)


def column(name):
    return CUBE.names.index(name)


def test_a_region_holds_four_fifths_of_a_normal_distribution_on_the_scale_of_the_parameter():
    belief = belief_of(CUBE, REGION)
    uniforms = np.random.default_rng(1).random((20_000, 4))
    drawn = belief.drawn(uniforms)
    assert np.isnan(drawn[:, column("n")]).all()
    rates = 10.0 ** (-5.0 + 5.0 * drawn[:, column("rate")])
    inside = ((rates > 1e-3) & (rates < 1e-2)).mean()
    assert inside == pytest.approx(0.95 * 0.8 + 0.05 * 0.2, abs=0.01)
    deviation = 0.2 / 2.0 / stats.norm.ppf(0.9)
    points = np.full((5, 4), np.nan)
    points[:, column("rate")] = [0.3, 0.4, 0.5, 0.6, 0.9]
    expected = np.log(0.95 * stats.norm.pdf(points[:, column("rate")], 0.5, deviation) + 0.05)
    assert belief.log_density(points) == pytest.approx(expected, abs=0.05)


def test_weights_of_choices_and_of_values():
    belief = belief_of(CUBE, checked_prior({"kind": {True: 3, "1": 1, "gone": 9}, "n": {0: 0, 9: 1}}))
    drawn = belief.drawn(np.random.default_rng(2).random((20_000, 4)))
    shares = np.bincount(drawn[:, column("kind")].astype(int), minlength=3) / 20_000
    assert shares == pytest.approx([0.95 * 0.75 + 0.05 / 3, 0.05 / 3, 0.95 * 0.25 + 0.05 / 3], abs=0.01)
    # the density grows from the middle of the first cell to that of the last one
    assert (drawn[:, column("n")] > 0.5).mean() == pytest.approx(0.95 * 0.775 + 0.05 * 0.5, abs=0.01)


def test_slopes_are_those_of_the_density():
    belief = belief_of(CUBE, checked_prior({"rate": (1e-3, 1e-2), "kind": {True: 1}}))
    points = np.full((9, 4), 0.5)
    points[:, column("rate")] = np.linspace(0.3, 0.7, 9) + 1e-3
    shifted = points.copy()
    shifted[:, column("rate")] += 0.02
    points[:, column("rate")] -= 0.02
    middle = (points + shifted) / 2.0
    differences = (belief.log_density(shifted) - belief.log_density(points)) / 0.04
    slopes = belief.slopes(middle)
    assert slopes[:, column("rate")] == pytest.approx(differences, abs=1.0)
    assert not slopes[:, column("kind")].any()


def test_a_belief_about_nothing_in_the_space_is_none():
    assert belief_of(CUBE, {"other": (0.0, 1.0)}) is None
    assert belief_of(CUBE, {}) is None


def test_every_other_trial_of_the_start_up_is_drawn_from_it():
    sampler = TPESampler(prior={"rate": (1e-3, 1e-2), "kind": {"1": 1}}, n_startup_trials=10_000)
    state = StudyState.create(seed=3)
    trials = []
    for _ in range(400):
        state, trial = ask(state, sampler, SPACE)
        state = tell(state, trial.number, 0.0)
        trials.append(trial)
    inside = [1e-3 <= trial.params["rate"] <= 1e-2 for trial in trials]
    assert np.mean(inside[::2]) == pytest.approx(0.77, abs=0.1)
    assert np.mean(inside[1::2]) == pytest.approx(0.2, abs=0.1)
    plain, start = RandomSampler(), BelievingStart(RandomSampler(), checked_prior({"kind": {"1": 1}}))
    answers = [sampler(state, trials[0], SPACE, state.key).params for sampler in (plain, start)]
    assert {**answers[0], "kind": answers[1]["kind"]} == answers[1]  # other parameters stay as they are


def needle(best):
    def objective(trial):
        x, y = trial.suggest_float("x", 0.0, 1.0), trial.suggest_float("y", 0.0, 1.0)
        return (x - best[0]) ** 2 + (y - best[1]) ** 2

    return objective


def regrets(sampler_of, prior, best, n_trials):
    found = []
    for seed in range(5):
        study = hpo.create_study(sampler=sampler_of(prior=prior), seed=seed)
        study.optimize(needle(best), n_trials=n_trials)
        found.append(study.best_value)
    return np.median(found)


@pytest.mark.parametrize("sampler_of", [TPESampler, gp], ids=["tpe", "gp"])
def test_a_good_belief_helps_and_a_wrong_one_is_overcome(sampler_of):
    best = (0.83, 0.17)
    right, wrong = {"x": (0.78, 0.9), "y": (0.1, 0.25)}, {"x": (0.05, 0.2), "y": (0.8, 0.95)}
    assert regrets(sampler_of, right, best, 10) < regrets(sampler_of, None, best, 10)
    assert regrets(sampler_of, wrong, best, 45) < 0.01


def test_it_fades():
    assert [strength(n) for n in (0, 9, 99)] == [10.0, 1.0, 0.1]


@pytest.mark.parametrize("sampler_of", [TPESampler, gp, AutoSampler], ids=["tpe", "gp", "auto"])
def test_it_is_recorded_and_verified(sampler_of):
    sampler = sampler_of(prior={"x": (0.2, 0.4), "kind": {"a": 2, "b": 1}, "m": {1: 0.5, 4: 2}})
    rebuilt = rebuild_advisor(identity_of(sampler))
    assert identity_of(rebuilt) == identity_of(sampler)
    study = hpo.create_study(sampler=sampler, seed=1)
    study.optimize(
        lambda t: (
            t.suggest_float("x", 0, 1) + t.suggest_int("m", 1, 8) + (t.suggest_categorical("kind", ["a", "b"]) == "a")
        ),
        n_trials=12,
    )
    assert hpo.verify(study).clean


def test_auto_passes_it_on():
    sampler = AutoSampler(prior=REGION, evaluation_seconds=60)
    study = hpo.create_study(sampler=sampler, seed=1)
    study.optimize(lambda trial: trial.suggest_float("rate", 1e-5, 1.0, log=True), n_trials=9)
    inside = [1e-3 <= trial.params["rate"] <= 1e-2 for trial in study.trials[::2]]
    assert sum(inside) >= 3


def test_without_a_belief_nothing_changes():
    for one, other in [(TPESampler(), TPESampler(prior={})), (gp(), gp(prior=None))]:
        assert one == other
    assert TPESampler(prior={"kind": {True: 1}}) != TPESampler(prior={"kind": {1: 1}})


@pytest.mark.parametrize(
    ("prior", "error", "message"),
    [
        ([1], InvalidType, "maps names"),
        ({"x": 0.5}, InvalidType, "region"),
        ({"x": "ab"}, InvalidType, "region"),
        ({"x": (2.0, 1.0)}, InvalidArgument, "low < high"),
        ({"x": (0.0, float("inf"))}, InvalidArgument, "finite"),
        ({"x": (1.0, 2.0, 3.0)}, InvalidArgument, "pair"),
        ({"x": {"a": -1}}, InvalidArgument, "at least 0"),
        ({"x": {"a": 0}}, InvalidArgument, "not all 0"),
        ({"x": {}}, InvalidType, "mapping"),
    ],
)
def test_bad_beliefs_are_refused(prior, error, message):
    for sampler_of in (TPESampler, GPSampler, AutoSampler):
        with pytest.raises(error, match=message):
            sampler_of(prior=prior)


@pytest.mark.parametrize(
    ("prior", "message"),
    [
        ({"kind": (0.0, 1.0)}, "categorical parameter 'kind' is a mapping"),
        ({"rate": (-1.0, 1.0)}, "no place"),
        ({"n": {"a": 1}}, "no place"),
    ],
)
def test_beliefs_that_do_not_suit_the_parameter_are_refused(prior, message):
    with pytest.raises(InvalidArgument, match=message):
        ask(StudyState.create(), TPESampler(prior=prior), SPACE)
