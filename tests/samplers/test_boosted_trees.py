"""The fitted trees behind CQRSampler and BORESampler, and what the two make of special studies."""

import numpy as np
import pytest

import hpo
from hpo.core import FloatDistribution, SearchSpace, StudyState, ask, tell
from hpo.errors import InvalidArgument, InvalidType
from hpo.models.boosted_trees import ConformalQuantiles, Fold, GoodTrials, conformal_shifts, last_fit, normal_scores
from hpo.samplers import BORESampler, CQRSampler, KDESampler, RandomSampler, RegularizedEvolutionSampler
from hpo.samplers.parts import UnitCube
from hpo.samplers.parts.ranked_points import RankedFold

LEVELS = (0.17, 0.33, 0.5, 0.67, 0.83)
SPACE = SearchSpace({"x": FloatDistribution(0.0, 1.0), "y": FloatDistribution(0.0, 1.0)})
MODELS = [
    BORESampler(n_startup_trials=5, n_candidates=100),
    CQRSampler(n_startup_trials=5, n_candidates=200),
    KDESampler(random_fraction=0.0),
    RegularizedEvolutionSampler(n_startup_trials=5),
]
every_model = pytest.mark.parametrize("sampler", MODELS, ids=lambda sampler: type(sampler).__name__)


@pytest.mark.parametrize("n", [20, 60])
def test_intervals_cover_what_they_should_on_average(n):
    """By the theorem of conformal prediction, for exchangeable data; without the factor 1 + 1 / n they would not."""
    rng = np.random.default_rng(0)
    covered = {low: [] for low in range(2)}
    for _ in range(400):
        quantiles = np.sort(rng.normal(size=(5, 1)), axis=0)  # of a model that knows nothing
        shifts = conformal_shifts(np.repeat(quantiles, n, axis=1), rng.normal(size=n), LEVELS)
        moved, fresh = quantiles[:, 0] + shifts, rng.normal(size=50)
        for low, hits in covered.items():
            hits.append(np.mean((fresh >= moved[low]) & (fresh <= moved[4 - low])))
    for low, hits in covered.items():
        wanted = 1.0 - 2.0 * LEVELS[low]
        assert wanted - 0.02 <= np.mean(hits) <= wanted + 1.0 / n + 0.02


def test_scores_are_those_of_a_normal_distribution_and_equal_for_equals():
    scores = normal_scores(np.arange(101.0))
    assert scores.mean() == pytest.approx(0.0, abs=1e-12)
    assert scores[50] == 0.0
    assert (np.diff(scores) > 0.0).all()
    assert normal_scores(np.array([3.5, 3.5, 0.0]))[0] == normal_scores(np.array([3.5, 3.5, 0.0]))[1]
    assert normal_scores(np.array([7.0, 7.0])).tolist() == [0.0, 0.0]


def test_labels_say_how_good_the_good_trials_are():
    labels = GoodTrials(0.25).labels(np.arange(12.0))
    assert labels[0] == 1.0
    assert (np.diff(labels[:4]) < 0.0).all()
    assert labels[3:].tolist() == [0.0] * 9
    assert GoodTrials(0.25, weighted=False).labels(np.arange(12.0)).tolist() == [1.0] * 3 + [0.0] * 9
    # the last good one has three equals
    assert GoodTrials(0.25, weighted=False).labels(np.array([0.0, 2.0, 2.0, 2.0])).tolist() == [1.0, 0.0, 0.0, 0.0]
    assert GoodTrials(0.5, weighted=False).labels(np.array([0.0, 2.0, 2.0, 2.0])).tolist() == [1.0] * 4


@pytest.mark.parametrize("learner", [GoodTrials(), ConformalQuantiles(LEVELS)])
def test_a_model_is_fitted_when_it_is_due_and_goes_on_from_there(learner):
    fold = Fold(RankedFold(("minimize",), UnitCube.of(SPACE)), learner)
    state, fits, nobody = StudyState.create(seed=1), {}, np.empty((0, 2))
    for number in range(24):
        state, trial = ask(state, RandomSampler(), SPACE)
        state = tell(state, trial, trial.params["x"])
        fits[number + 1] = state.finished.fold(fold).fit
    assert fits[20] is fits[21] is not fits[22]
    assert [n for n in range(2, 25) if fits[n] is not fits[n - 1]] == [n for n in range(2, 25) if last_fit(n) == n]
    carry = state.finished.fold(fold)
    model = fold.model(carry, nobody)
    fitted = carry.fit.model
    assert len(model.trees.values) > len(fitted.trees.values)
    # a history that is read at once gives the same model
    again = Fold(RankedFold(("minimize",), UnitCube.of(SPACE)), learner)
    fresh = fold.init()
    for trial in state.finished:
        fresh = again.step(fresh, trial)
    points = np.random.default_rng(0).random((50, 2))
    assert np.array_equal(again.model(fresh, nobody).trees.outputs(points), model.trees.outputs(points))


def test_more_than_a_thousand_trials_are_the_best_and_the_newest():
    fold = Fold(RankedFold(("minimize",), UnitCube.of(SPACE)), GoodTrials())
    trials = fold.trials.init()
    for number in range(1500):
        params = {"x": number / 1500, "y": 0.5}
        trial = hpo.create_trial(value=float((number - 100) ** 2), params=params, distributions=SPACE)
        trials = fold.trials.step(trials, trial)
    points, ranks = fold.chosen(trials)
    assert len(ranks) == 1000
    assert points[0, 0] == 0.0
    assert points[-1, 0] == pytest.approx(1499 / 1500)


@every_model
def test_it_finds_the_better_corner(sampler):
    state = StudyState.create(seed=2)
    for _ in range(50):
        state, trial = ask(state, sampler, SPACE)
        state = tell(state, trial, (trial.params["x"] - 0.8) ** 2 + (trial.params["y"] - 0.3) ** 2)
    late = [trial for trial in state.finished if trial.number >= 30]
    distances = [np.hypot(trial.params["x"] - 0.8, trial.params["y"] - 0.3) for trial in late]
    assert np.median(distances) < 0.2  # of random points: 0.4


@every_model
def test_branches_are_suggested_as_they_are_and_the_better_one_more_often(sampler):
    def objective(trial):
        if trial.suggest_categorical("kind", ["good", "bad"]) == "good":
            return abs(trial.suggest_float("x", 0.0, 1.0) - 0.5)
        return 2.0 + trial.suggest_float("z", 0.0, 1.0) + trial.suggest_int("n", 1, 5)

    study = hpo.create_study(sampler=sampler, seed=1)
    study.optimize(objective, n_trials=40)
    kinds = [trial.params["kind"] for trial in study.trials[20:]]
    # a child of evolution has the other kind as often as another number
    assert kinds.count("good") > (5 if isinstance(sampler, RegularizedEvolutionSampler) else kinds.count("bad"))
    assert hpo.verify(study).clean


@every_model
def test_equal_results_are_no_reason_to_stop_looking_around(sampler):
    study = hpo.create_study(sampler=sampler, seed=1)
    study.optimize(lambda trial: 0.0 * trial.suggest_float("x", 0.0, 1.0), n_trials=40)
    assert len({trial.params["x"] for trial in study.trials}) == 40


@every_model
def test_parallel_trials_are_different(sampler):
    state = StudyState.create(seed=1)
    for _ in range(12):
        state, trial = ask(state, sampler, SPACE)
        state = tell(state, trial, trial.params["x"])
    for _ in range(8):
        state, _ = ask(state, sampler, SPACE)
    points = {(trial.params["x"], trial.params["y"]) for trial in state.running.values()}
    assert len(points) == 8


@pytest.mark.parametrize("gamma", [0.0, 1.0, -1.0, float("nan")])
def test_a_share_of_good_trials_that_makes_no_sense_is_refused(gamma):
    with pytest.raises(InvalidArgument, match="gamma is a number above 0 and below 1"):
        BORESampler(gamma=gamma)


def test_other_options_that_make_no_sense_are_refused():
    for wrong in (
        lambda: CQRSampler(n_quantiles=1),
        lambda: KDESampler(random_fraction=1.5),
        lambda: KDESampler(bandwidth_factor=0.0),
        lambda: RegularizedEvolutionSampler(population_size=0),
        lambda: RegularizedEvolutionSampler(tournament_size=0),
    ):
        with pytest.raises(InvalidArgument):
            wrong()
    with pytest.raises(InvalidType):
        BORESampler(gamma="many")


def test_kernels_learn_from_reports_if_they_should():
    def objective(trial):
        x = trial.suggest_float("x", 0.0, 1.0)
        trial.report(abs(x - 0.7), 1)
        raise hpo.TrialPruned

    medians = {}
    for considered in (True, False):
        sampler = KDESampler(consider_reports=considered, random_fraction=0.0)
        study = hpo.create_study(sampler=sampler, pruner=hpo.pruners.NopPruner(), seed=1)
        study.optimize(objective, n_trials=40)
        medians[considered] = np.median([abs(trial.params["x"] - 0.7) for trial in study.trials[20:]])
    assert medians[True] < 0.1


def test_a_border_of_failures_is_kept_but_not_far_away_from():
    def objective(trial):
        x, y = trial.suggest_float("x", 0.0, 1.0), trial.suggest_float("y", 0.0, 1.0)
        if x + y > 1.0:
            raise MemoryError
        return (x - 0.55) ** 2 + (y - 0.4) ** 2

    best = []
    for seed in (1, 2, 3):
        study = hpo.create_study(sampler=BORESampler(), seed=seed)
        study.optimize(objective, n_trials=70, catch=MemoryError)
        failed = [trial.state is hpo.TrialState.FAIL for trial in study.trials[20:]]
        assert sum(failed) <= 10  # 25 of random ones
        best.append(study.best_value)
    assert np.median(best) < 0.005
