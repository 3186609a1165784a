"""The built-in samplers pass the suites that Optuna holds its own samplers to.

Left out is `GridSampler`, which has to know every parameter beforehand and can't be asked for others, and of
`BruteForceSampler` what it refuses: parameters without end.
"""

import pytest

optuna = pytest.importorskip("optuna", reason="Optuna, whose suites these are, is not installed", exc_type=ImportError)

from optuna.distributions import BaseDistribution, distribution_to_json  # noqa: E402 - what is skipped without it
from optuna.samplers import BaseSampler  # noqa: E402
from optuna.testing.pytest_samplers import (  # noqa: E402
    BasicSamplerTestCase,
    MultiObjectiveSamplerTestCase,
    RelativeSamplerTestCase,
    SingleOnlySamplerTestCase,
)

from hpo.core import (  # noqa: E402
    CategoricalDistribution,
    Exhausted,
    FloatDistribution,
    FrozenDict,
    FrozenTrial,
    History,
    InsertOnlyDict,
    NumberMap,
    Sampler,
    SearchSpace,
    StudyState,
    TrialState,
    ask_sampler,
    from_json_tree,
    json_to_distribution,
    space_to_ask,
    to_json_tree,
    trial_key,
)
from hpo.errors import InvalidSuggestion, SeveralObjectives  # noqa: E402
from hpo.samplers import (  # noqa: E402
    BORESampler,
    BruteForceSampler,
    CmaEsSampler,
    CQRSampler,
    Fallback,
    GPSampler,
    KDESampler,
    NSGAIIISampler,
    NSGAIISampler,
    PartialFixedSampler,
    QMCSampler,
    RandomSampler,
    RegularizedEvolutionSampler,
    SMSEMOASampler,
    TPESampler,
    Warmup,
)

STATES = {
    optuna.trial.TrialState.COMPLETE: TrialState.COMPLETE,
    optuna.trial.TrialState.PRUNED: TrialState.PRUNED,
    optuna.trial.TrialState.FAIL: TrialState.FAIL,
    optuna.trial.TrialState.RUNNING: TrialState.RUNNING,
    optuna.trial.TrialState.WAITING: TrialState.WAITING,
}
NOTE = "hpo:note"


class Presented(BaseSampler):
    """One of our samplers as a sampler of Optuna: it sees the study as one of ours, made from Optuna's each time.

    Optuna has no word for "nothing is left": then values are drawn at random.
    """

    def __init__(self, sampler: Sampler) -> None:
        self.sampler = sampler

    def infer_relative_search_space(self, study, trial):
        state = state_of(study)
        space = space_to_ask(state, self.sampler, state.running[trial.number])
        return {name: theirs(distribution) for name, distribution in space.items()}

    def sample_relative(self, study, trial, search_space):
        return self.asked(study, trial, search_space)

    def sample_independent(self, study, trial, param_name, param_distribution):
        return self.asked(study, trial, {param_name: param_distribution}, param_name)[param_name]

    def asked(self, study, trial, search_space, *alone):
        state, space = state_of(study), SearchSpace({name: ours(dist) for name, dist in search_space.items()})
        our_trial = state.running[trial.number]
        key = trial_key(state, self.sampler, trial.number).child(*alone)
        answer = ask_sampler(self.sampler, state, our_trial, space, key, lone=bool(alone))
        if isinstance(answer, Exhausted):
            answer = ask_sampler(RandomSampler(), state, our_trial, space, key, lone=bool(alone))
        assert {*answer.params} == {*space}
        if answer.note:
            note = {alone[0]: answer.note} if alone else answer.note
            kept = to_json_tree({**our_trial.note, **note})
            study._storage.set_trial_system_attr(trial._trial_id, NOTE, kept)
        return dict(answer.params)


def ours(distribution: BaseDistribution):
    return json_to_distribution(distribution_to_json(distribution))


def theirs(distribution):
    if isinstance(distribution, CategoricalDistribution):
        return optuna.distributions.CategoricalDistribution(distribution.choices)
    kind = optuna.distributions.IntDistribution
    if isinstance(distribution, FloatDistribution):
        kind = optuna.distributions.FloatDistribution
    return kind(distribution.low, distribution.high, log=distribution.log, step=distribution.step)


def trial_of(trial):
    return FrozenTrial(
        trial.number,
        STATES[trial.state],
        values=None if trial.values is None or not trial.state.is_finished() else tuple(trial.values),
        params=FrozenDict(trial.params),
        distributions=SearchSpace({name: ours(dist) for name, dist in trial.distributions.items()}),
        intermediate_values=InsertOnlyDict(trial.intermediate_values),
        note=from_json_tree(trial.system_attrs.get(NOTE, {})),
    )


def state_of(study):
    trials = [trial_of(trial) for trial in study.get_trials(deepcopy=False)]
    return StudyState(
        name=study.study_name,
        directions=tuple(direction.name.lower() for direction in study.directions),
        seed=3,
        finished=History([trial for trial in trials if trial.state.is_finished()]),
        running=NumberMap({trial.number: trial for trial in trials if trial.state is TrialState.RUNNING}),
        waiting=NumberMap({trial.number: trial for trial in trials if trial.state is TrialState.WAITING}),
        n_trials=len(trials),
    )


@pytest.fixture(autouse=True)
def quiet():
    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    yield
    optuna.logging.set_verbosity(before)


def presented(**samplers: Sampler):
    """The fixture that the suites want: makes the sampler under test, each of these in turn."""

    @pytest.fixture(params=samplers.values(), ids=samplers)
    def sampler(self, request):
        return lambda: Presented(request.param)

    return sampler


class TestRandomSampler(BasicSamplerTestCase, MultiObjectiveSamplerTestCase):
    sampler = presented(random=RandomSampler())


class TestQMCSampler(BasicSamplerTestCase, RelativeSamplerTestCase, MultiObjectiveSamplerTestCase):
    sampler = presented(sobol=QMCSampler(), halton=QMCSampler(qmc_type="halton", scramble=False))


class TestTPESampler(BasicSamplerTestCase, RelativeSamplerTestCase, MultiObjectiveSamplerTestCase):
    sampler = presented(
        joint=TPESampler(n_startup_trials=0),
        grouped=TPESampler(n_startup_trials=1, group=True, consider_failed_trials=True, duplicates="allow"),
        univariate=TPESampler(n_startup_trials=2, multivariate=False, consider_endpoints=True, constant_liar=False),
    )


class TestCmaEsSampler(BasicSamplerTestCase, RelativeSamplerTestCase, SingleOnlySamplerTestCase):
    sampler = presented(
        full=CmaEsSampler(n_startup_trials=0),
        separable=CmaEsSampler(use_separable_cma=True, restart_strategy="ipop", duplicates="allow"),
        adapting=CmaEsSampler(lr_adapt=True, independent_sampler=RandomSampler(), popsize=3, with_margin=False),
    )


class TestEvolution(BasicSamplerTestCase, RelativeSamplerTestCase, MultiObjectiveSamplerTestCase):
    sampler = presented(
        nsga2=NSGAIISampler(n_startup_trials=1, population_size=4),
        generations=NSGAIISampler(population_size=2, generational=True, duplicates="allow"),
        nsga3=NSGAIIISampler(n_startup_trials=1, population_size=4),
        sms_emoa=SMSEMOASampler(n_startup_trials=1, population_size=4),
    )


class TestGPSampler(BasicSamplerTestCase, RelativeSamplerTestCase, MultiObjectiveSamplerTestCase):
    sampler = presented(
        eager=GPSampler(n_startup_trials=0, n_candidates=32, n_local_searches=2),
        deterministic=GPSampler(
            n_startup_trials=1, n_candidates=32, n_local_searches=1, deterministic_objective=True, duplicates="allow"
        ),
    )


class TestCQRSampler(BasicSamplerTestCase, RelativeSamplerTestCase, MultiObjectiveSamplerTestCase):
    sampler = presented(eager=CQRSampler(n_startup_trials=0, n_candidates=32))


class TestKDESampler(BasicSamplerTestCase, RelativeSamplerTestCase, MultiObjectiveSamplerTestCase):
    sampler = presented(with_reports=KDESampler(consider_reports=True), without=KDESampler(duplicates="allow"))


class TestBORESampler(BasicSamplerTestCase, RelativeSamplerTestCase, MultiObjectiveSamplerTestCase):
    sampler = presented(eager=BORESampler(n_startup_trials=0, n_candidates=32, duplicates="allow"))


class TestRegularizedEvolutionSampler(BasicSamplerTestCase, RelativeSamplerTestCase, MultiObjectiveSamplerTestCase):
    sampler = presented(
        small=RegularizedEvolutionSampler(population_size=3, tournament_size=2, n_startup_trials=1),
        ordinary=RegularizedEvolutionSampler(duplicates="allow"),
    )


class TestSamplersMadeOfSamplers(BasicSamplerTestCase, MultiObjectiveSamplerTestCase):
    sampler = presented(
        warmup=Warmup(3, QMCSampler(), TPESampler(n_startup_trials=0)),
        fallback=Fallback(PartialFixedSampler({"nowhere": 0}, TPESampler(n_startup_trials=1)), RandomSampler()),
    )


def is_endless(distribution):
    return isinstance(distribution, optuna.distributions.FloatDistribution) and not (
        distribution.step or distribution.single()
    )


class TestBruteForceSampler(BasicSamplerTestCase, MultiObjectiveSamplerTestCase):
    sampler = presented(brute_force=BruteForceSampler(seed=5))

    @pytest.fixture(autouse=True)
    def only_finite_parameters(self, request, monkeypatch):
        """Let the sampler refuse what has no end; each test has to see that, or to have nothing of that kind."""
        refused = []

        def asked(presented, study, trial, search_space, *alone, of=Presented.asked):
            endless = any(map(is_endless, search_space.values()))
            try:
                return of(presented, study, trial, search_space, *alone)
            except InvalidSuggestion:
                assert endless
                refused.append(search_space)
                return RandomSampler()(
                    state_of(study),
                    state_of(study).running[trial.number],
                    SearchSpace({name: ours(dist) for name, dist in search_space.items()}),
                    trial_key(state_of(study), RandomSampler(), trial.number),
                ).params
            finally:
                assert not endless or refused, "a parameter without end was answered for"

        monkeypatch.setattr(Presented, "asked", asked)


def test_several_objectives_are_refused_with_the_errors_of_both_libraries():
    study = optuna.create_study(directions=["minimize", "maximize"], sampler=Presented(CmaEsSampler()))
    for kind in (SeveralObjectives, ValueError, RuntimeError):
        with pytest.raises(kind, match="CmaEsSampler requires a single objective"):
            study.ask({"x": optuna.distributions.FloatDistribution(0, 1)})
