"""NSGA-II, NSGA-III and SMS-EMOA: what children inherit, who their parents are, and that workers neither wait nor repeat."""

import math
import warnings
from itertools import combinations

import numpy as np
import pytest

import hpo
from hpo.core import (
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
    SearchSpace,
    StudyState,
    ask,
    create_trial,
    identity_of,
    set_constraint,
    tell,
)
from hpo.errors import InvalidArgument
from hpo.numerics.pareto.hypervolume import hypervolume
from hpo.samplers import NSGAIIISampler, NSGAIISampler, RandomSampler, SMSEMOASampler
from hpo.samplers.evolution.asking import fold_for
from hpo.samplers.nsgaii import (
    BaseCrossover,
    BaseMutation,
    BLXAlphaCrossover,
    GaussianMutation,
    LineCrossover,
    PolynomialMutation,
    ResetMutation,
    SBXCrossover,
    SPXCrossover,
    UNDXCrossover,
    UniformCrossover,
    VSBXCrossover,
)
from hpo.study.replaying.rebuild import rebuild_advisor

TWO = ["minimize", "minimize"]
SAMPLERS = {"nsga2": NSGAIISampler(), "nsga3": NSGAIIISampler(), "sms-emoa": SMSEMOASampler()}
every_sampler = pytest.mark.parametrize("name", SAMPLERS)
CROSSOVERS = [
    BLXAlphaCrossover(),
    LineCrossover(),
    SBXCrossover(),
    SPXCrossover(),
    UNDXCrossover(),
    UniformCrossover(),
    VSBXCrossover(),
]
MUTATIONS = [GaussianMutation(), PolynomialMutation(), ResetMutation()]
CUBE = SearchSpace({f"x{i}": FloatDistribution(0.0, 1.0) for i in range(6)})
MIXED = SearchSpace(
    {
        "lr": FloatDistribution(1e-5, 1.0, log=True),
        "dropout": FloatDistribution(0.0, 0.5, step=0.1),
        "layers": IntDistribution(1, 8),
        "units": IntDistribution(4, 512, log=True),
        "kind": CategoricalDistribution(["a", "b", "c"]),
        "x": FloatDistribution(0.0, 1.0),
    }
)


def zdt1(params):
    x = [*params.values()]
    g = 1.0 + 9.0 * sum(x[1:]) / (len(x) - 1)
    return x[0], g * (1.0 - math.sqrt(x[0] / g))


def mixed_losses(params):
    error = (math.log10(params["lr"]) + 3.0) ** 2 + abs(params["layers"] - 4) + (params["kind"] != "b") + params["x"]
    return error, params["units"] * params["layers"] + 100.0 * params["dropout"]


def run(sampler, space, losses, n, *, seed=0, at_once=1, directions=TWO):
    """A study of `n` trials, of which `at_once` run at a time; the oldest is told first."""
    state, running = StudyState.create(seed=seed, directions=directions), []
    for _ in range(n):
        state, trial = ask(state, sampler, space)
        running.append(trial)
        if len(running) == at_once:
            done = running.pop(0)
            state = tell(state, done.number, losses(done.params))
    for trial in running:
        state = tell(state, trial.number, losses(trial.params))
    return state


def volume(state, reference):
    return hypervolume(np.array([trial.values for trial in state.finished]), np.array(reference))


@every_sampler
def test_they_come_nearer_to_the_front_than_random_search(name):
    def volumes(sampler):
        return [volume(run(sampler, CUBE, zdt1, 150, seed=seed), (1.0, 5.0)) for seed in range(3)]

    assert np.mean(volumes(SAMPLERS[name])) > np.mean(volumes(RandomSampler())) + 0.6


def test_it_comes_nearer_to_the_front_of_zdt1_than_optunas():
    optuna = pytest.importorskip("optuna")
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    for seed in range(2):
        theirs = optuna.create_study(directions=TWO, sampler=optuna.samplers.NSGAIISampler(seed=seed))
        theirs.optimize(lambda trial: zdt1({n: trial.suggest_float(n, 0, 1) for n in CUBE}), n_trials=200)
        reached = hypervolume(np.array([trial.values for trial in theirs.trials]), np.array([1.0, 5.0]))
        assert volume(run(NSGAIISampler(), CUBE, zdt1, 200, seed=seed), (1.0, 5.0)) > reached + 0.2


def test_several_workers_lose_little():
    one, eight = (
        np.mean([volume(run(NSGAIISampler(), CUBE, zdt1, 200, seed=s, at_once=n), (1.0, 5.0)) for s in range(3)])
        for n in (1, 8)
    )
    assert eight > one - 0.3  # random search is at about 1 less


@every_sampler
@pytest.mark.parametrize("at_once", [1, 7])
def test_no_configuration_is_tried_twice_if_a_parameter_is_continuous(name, at_once):
    state = run(SAMPLERS[name], MIXED, mixed_losses, 150, at_once=at_once)
    tried = [tuple(trial.params.values()) for trial in state.finished]
    assert len({*tried}) == len(tried)


@every_sampler
def test_a_finite_space_is_used_up_without_repeats(name):
    space = SearchSpace({"n": IntDistribution(0, 5), "kind": CategoricalDistribution(["a", "b", "c"])})
    study = hpo.create_study(directions=TWO, sampler=SAMPLERS[name], space=space, seed=1)
    study.optimize(
        lambda t: (t.suggest_int("n", 0, 5), len(t.suggest_categorical("kind", ["a", "b", "c"]))), n_trials=99
    )
    assert len(study.trials) == len({tuple(trial.params.values()) for trial in study.trials}) == 18


def test_parents_are_the_best_trials_that_are_known():
    state = run(NSGAIISampler(), CUBE, zdt1, 60)
    trial = next(trial for trial in state.finished if trial.number == 59)
    assert trial.note["rule"] == "child"
    assert all(parent < 59 for parent in trial.note["parents"])
    # parents of the last children are not all random starts
    late = {parent for each in state.finished if each.number > 50 for parent in each.note["parents"]}
    assert max(late) > 40


def test_the_best_trial_told_late_is_a_parent_soon():
    # one worker is slow: trial 0 is told after 40 others, and is the best of all
    state, sampler = StudyState.create(seed=3, directions=TWO), NSGAIISampler()
    state, slow = ask(state, sampler, CUBE)
    for _ in range(40):
        state, trial = ask(state, sampler, CUBE)
        state = tell(state, trial.number, [1.0 + value for value in zdt1(trial.params)])
    state = tell(state, slow.number, [0.0, 0.0])
    parents = []
    for _ in range(30):
        state, trial = ask(state, sampler, CUBE)
        state = tell(state, trial.number, [1.0 + value for value in zdt1(trial.params)])
        parents += trial.note["parents"]
    assert parents.count(slow.number) > 5


def test_generations_change_once_the_population_is_full():
    state = run(NSGAIISampler(population_size=10, generational=True), CUBE, zdt1, 45)
    for trial in state.finished:
        generation = trial.number // 10
        assert trial.note["rule"] == ("child" if generation else "startup") if "rule" in trial.note else not generation
        assert all(parent < generation * 10 for parent in trial.note.get("parents", ()))


def test_a_category_that_no_parent_has_is_tried():
    space = SearchSpace({"kind": CategoricalDistribution(["a", "b", "c", "d"]), "x": FloatDistribution(0.0, 1.0)})
    told = [
        create_trial(values=[x, 1.0 - x], params={"kind": "a", "x": x}, distributions=space)
        for x in np.linspace(0.0, 1.0, 30).tolist()
    ]
    study = hpo.create_study(directions=TWO, seed=1)
    study.add_trials(told)
    state, kinds = study.state, []
    for _ in range(60):
        state, trial = ask(state, NSGAIISampler(), space)
        kinds.append(trial.params["kind"])
    assert {*kinds} == {"a", "b", "c", "d"}
    assert kinds.count("a") > 20


def test_a_child_has_all_of_the_branch_that_it_takes():
    def objective(trial):
        kind = trial.suggest_categorical("kind", ["tree", "net"])
        if kind == "tree":
            depth = trial.suggest_int("depth", 1, 1000)
            return depth, 1000 - depth
        return trial.suggest_float("lr", 0, 1), trial.suggest_float("decay", 0, 1)

    sampler = NSGAIISampler(mutation_prob=0.0, crossover=UniformCrossover(), n_startup_trials=30, population_size=30)
    study = hpo.create_study(directions=TWO, sampler=sampler, seed=2)
    study.optimize(objective, n_trials=30)
    study.optimize(objective, n_trials=30)
    seen = {name: set() for name in ("depth", "lr", "decay")}
    branches = set()
    for trial in study.trials:
        new = [name for name, values in seen.items() if name in trial.params and trial.params[name] not in values]
        if trial.number >= 30:
            assert trial.note["rule"] == "child"
            branches.add(trial.params["kind"])
            # without mutations, a child that is like an earlier trial gets one new value
            assert len(new) <= 1
        for name in new:
            seen[name].add(trial.params[name])
    assert branches == {"tree", "net"}


def test_each_constraint_counts_in_units_of_its_own():
    # both are violated; the sum of the raw values is that of the one in grams alone
    space = SearchSpace({"x": FloatDistribution(0.0, 1.0)})
    state = StudyState.create(directions=TWO, seed=1)
    told = [(1.0, 0.1), (0.1, 900.0), (0.5, 1000.0), (0.9, 500.0)]
    for tonnes, grams in told:
        state, trial = ask(state, RandomSampler(), space)
        state = set_constraint(state, trial.number, "tonnes", tonnes)
        state = set_constraint(state, trial.number, "grams", grams)
        state = tell(state, trial.number, (0.0, 0.0))
    fold = fold_for(NSGAIISampler(n_startup_trials=4, population_size=4), space, state.directions)
    # 1 + 0.0001, 0.1 + 0.9, 0.5 + 1, 0.9 + 0.5
    assert state.finished.fold(fold).numbers == (1, 0, 3, 2)


def test_feasible_trials_come_before_pruned_and_infeasible_ones():
    space = SearchSpace({"x": FloatDistribution(0.0, 1.0)})
    state = StudyState.create(directions=TWO, seed=1)
    for how in ("pruned", "infeasible", "fine", "failed"):
        state, trial = ask(state, RandomSampler(), space)
        if how == "infeasible":
            state = set_constraint(state, trial.number, "limit", 1.0)
        if how in {"pruned", "failed"}:
            state = tell(state, trial.number, state="pruned" if how == "pruned" else "fail")
        else:
            state = tell(state, trial.number, (9.0, 9.0) if how == "fine" else (0.0, 0.0))
    fold = fold_for(NSGAIISampler(n_startup_trials=3, population_size=4), space, state.directions)
    assert state.finished.fold(fold).numbers == (2, 0, 1)


def test_with_one_objective_it_is_a_genetic_algorithm():
    state = run(NSGAIISampler(), CUBE, lambda p: sum((x - 0.3) ** 2 for x in p.values()), 200, directions=["minimize"])
    assert min(trial.value for trial in state.finished) < 0.02


@pytest.mark.parametrize("crossover", CROSSOVERS, ids=str)
def test_every_crossover_works(crossover):
    state = run(NSGAIISampler(crossover=crossover, n_startup_trials=5), MIXED, mixed_losses, 60)
    assert all(MIXED[name].contains(value) for trial in state.finished for name, value in trial.params.items())
    assert run(NSGAIISampler(crossover=type(crossover)(), n_startup_trials=5), MIXED, mixed_losses, 60) == state


@pytest.mark.parametrize("mutation", MUTATIONS, ids=str)
def test_every_mutation_works(mutation):
    sampler = NSGAIISampler(mutation=mutation, mutation_prob=0.5, n_startup_trials=5)
    state = run(sampler, MIXED, mixed_losses, 60)
    assert all(MIXED[name].contains(value) for trial in state.finished for name, value in trial.params.items())


@pytest.mark.parametrize("operator", [*CROSSOVERS, *MUTATIONS], ids=str)
def test_operators_can_be_called_as_in_optuna(operator):
    bounds = np.array([[-3.0, 5.0], [0.0, 10.0], [2.0, 2.5]])
    rng = np.random.RandomState(1)
    if isinstance(operator, BaseMutation):
        assert -3.0 <= operator.mutation(4.0, rng, None, bounds[0]) <= 5.0
        assert operator.mutation(1.0, rng, None, np.array([1.0, 1.0])) == 1.0
    else:
        parents = bounds[:, 0] + rng.rand(operator.n_parents, 3) * (bounds[:, 1] - bounds[:, 0])
        assert operator.crossover(parents, rng, None, bounds).shape == (3,)


def test_two_crossovers_and_a_mutation_are_those_of_optuna():
    theirs = pytest.importorskip("optuna").samplers.nsgaii
    warnings.simplefilter("ignore")  # they are experimental there
    bounds = np.array([[-3.0, 5.0], [0.0, 10.0]])
    parents = np.array([[1.0, 2.0], [4.0, 9.0], [-2.0, 5.0]])
    for own, other in (
        (BLXAlphaCrossover(0.3), theirs.BLXAlphaCrossover(0.3)),
        (SPXCrossover(2.0), theirs.SPXCrossover(2.0)),
        (SPXCrossover(), theirs.SPXCrossover()),
    ):
        some = parents[: own.n_parents]
        one, two = (each.crossover(some, np.random.RandomState(5), None, bounds) for each in (own, other))
        assert one == pytest.approx(two)
    for seed in range(20):
        one, two = (
            each.mutation(1.0, np.random.RandomState(seed), None, bounds[0])
            for each in (PolynomialMutation(5.0), theirs.PolynomialMutation(5.0))
        )
        assert one == pytest.approx(two)


class Middle(BaseCrossover):
    n_parents = 3

    def crossover(self, parents_params, rng, study, search_space_bounds):
        assert parents_params.shape == (3, len(search_space_bounds))
        assert (parents_params >= search_space_bounds[:, 0]).all()
        assert (parents_params <= search_space_bounds[:, 1]).all()
        assert len(study.trials) > 4
        return parents_params.mean(axis=0) + rng.rand() * 0.01


class Upwards(BaseMutation):
    def mutation(self, param, rng, study, search_space_bounds):
        return param + 0.1 * rng.rand() * (search_space_bounds[1] - search_space_bounds[0])


def test_operators_of_users_are_asked_on_the_scales_of_the_parameters():
    sampler = NSGAIISampler(crossover=Middle(), mutation=Upwards(), n_startup_trials=5)
    state = run(sampler, MIXED, mixed_losses, 60)
    assert run(sampler, MIXED, mixed_losses, 60) == state


@every_sampler
def test_a_study_of_many_workers_is_verified(name, tmp_path):
    study = hpo.create_study(directions=TWO, sampler=SAMPLERS[name], seed=4, storage=str(tmp_path / "s.jsonl"))
    study.optimize(lambda trial: zdt1({n: trial.suggest_float(n, 0, 1) for n in CUBE}), n_trials=60, n_jobs=3)
    assert hpo.verify(study).clean


@pytest.mark.parametrize(
    "sampler",
    [
        *[NSGAIISampler(crossover=crossover) for crossover in CROSSOVERS],
        *[SMSEMOASampler(mutation=mutation) for mutation in MUTATIONS],
        NSGAIIISampler(reference_points=np.eye(2), crossover=SBXCrossover(eta=3.0)),
    ],
    ids=lambda sampler: f"{sampler.crossover} {sampler.mutation}",
)
def test_a_sampler_is_rebuilt_from_what_a_journal_records(sampler):
    assert rebuild_advisor(identity_of(sampler)) == sampler


def test_answers_do_not_depend_on_what_is_remembered():
    state = run(NSGAIISampler(), MIXED, mixed_losses, 70)
    again = StudyState.from_json(state.to_json())
    for _ in range(3):
        state, one = ask(state, NSGAIISampler(), MIXED)
        again, two = ask(again, NSGAIISampler(), MIXED)
        assert one.params == two.params


@pytest.mark.parametrize(
    ("kind", "options", "message"),
    [
        (NSGAIISampler, {"population_size": 1}, "population_size is a whole number from 2 on, got 1"),
        (NSGAIISampler, {"population_size": 2, "crossover": SPXCrossover()}, "population_size is at least 3"),
        (NSGAIISampler, {"mutation_prob": 1.5}, "mutation_prob is a number from 0 to 1 or None, got 1.5"),
        (NSGAIISampler, {"crossover_prob": -0.1}, "crossover_prob is a number from 0 to 1, got -0.1"),
        (NSGAIISampler, {"swapping_prob": math.nan}, "swapping_prob is a number from 0 to 1, got nan"),
        (NSGAIISampler, {"crossover": UniformCrossover}, "crossover is a crossover of hpo.samplers.nsgaii"),
        (NSGAIISampler, {"mutation": "polynomial"}, "mutation is a mutation of hpo.samplers.nsgaii"),
        (NSGAIISampler, {"tournament_size": 0}, "tournament_size is a whole number from 1 on, got 0"),
        (NSGAIIISampler, {"dividing_parameter": 0}, "dividing_parameter is a whole number from 1 on, got 0"),
        (NSGAIIISampler, {"reference_points": [[0.0, 0.0]]}, "reference_points is None or an array"),
        (NSGAIIISampler, {"reference_points": [1.0, 2.0]}, "reference_points is None or an array"),
        (NSGAIIISampler, {"reference_points": [[1.0, -2.0]]}, "reference_points is None or an array"),
        (SBXCrossover, {"eta": -1.0}, "eta is a finite number from 0 on or None, got -1.0"),
        (SBXCrossover, {"use_child_gene_prob": 0.0}, "use_child_gene_prob is a finite number above 0, got 0.0"),
        (UniformCrossover, {"swapping_prob": 2}, "swapping_prob is a number from 0 to 1, got 2"),
        (PolynomialMutation, {"eta": "x"}, "eta is a finite number from 0 on, got 'x'"),
    ],
)
def test_a_bad_option_is_named(kind, options, message):
    with pytest.raises(InvalidArgument, match=message.replace("(", r"\(")):
        kind(**options)


def test_reference_points_fit_the_objectives():
    study = hpo.create_study(directions=TWO, sampler=NSGAIIISampler(reference_points=np.eye(3)), space=CUBE)
    with pytest.raises(InvalidArgument, match="reference_points have 3 numbers each, but the study has 2 objectives"):
        study.ask()


def test_trials_are_where_the_reference_points_are():
    def cube_losses(params):
        x = [*params.values()]
        return [x[0] * (1.0 + x[2]), (1.0 - x[0]) * (1.0 + x[2])]

    points = [[1.0, 1.0], [1.0, 0.8]]
    near = run(NSGAIIISampler(reference_points=points, population_size=8), CUBE, cube_losses, 150)
    shares = [abs(trial.params["x0"] - 0.5) for trial in near.finished if trial.number > 75]
    spread = run(NSGAIIISampler(population_size=8, dividing_parameter=7), CUBE, cube_losses, 150)
    others = [abs(trial.params["x0"] - 0.5) for trial in spread.finished if trial.number > 75]
    assert np.mean(shares) < np.mean(others)


def test_samplers_are_values():
    for one, other in combinations([*SAMPLERS.values(), NSGAIISampler(seed=1)], 2):
        assert one != other
    assert NSGAIISampler(crossover=SBXCrossover(eta=2)) == NSGAIISampler(crossover=SBXCrossover(eta=2.0))
    assert hash(NSGAIIISampler(reference_points=np.eye(2))) == hash(NSGAIIISampler(reference_points=[[1, 0], [0, 1]]))
