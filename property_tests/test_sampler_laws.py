"""Every sampler of this library, with the options that matter, keeps the basic laws and those that it claims."""

import pytest
from hypothesis import HealthCheck, given, settings

from hpo import IntDistribution
from hpo.distributions import CategoricalDistribution, FloatDistribution
from hpo.pruners import BracketSampler, HyperbandPruner
from hpo.samplers import (
    AutoSampler,
    BORESampler,
    BruteForceSampler,
    CmaEsSampler,
    CQRSampler,
    Fallback,
    GPSampler,
    GridSampler,
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
    Where,
)
from hpo.samplers.registry import SAMPLERS
from hpo.samplers.tpe import default_gamma, hyperopt_gamma
from hpo.testing import SamplerLaws, check_sampler
from hpo.testing.options import configured
from hpo.testing.samplers.claims import CLAIMS
from hpo.testing.scenarios import SMALL

EXAMPLES = settings.default.max_examples
NUMBERS = {"x": FloatDistribution(-5.0, 5.0), "lr": FloatDistribution(1e-4, 1.0, log=True), "n": IntDistribution(0, 9)}
WITH_A_KIND = {**NUMBERS, "kind": CategoricalDistribution(["a", "b", "c"])}

MADE_WITHOUT_OPTIONS = {registration.name: sampler for registration, sampler in SAMPLERS.made_without_options()}


def claims_of(sampler, *, without=()):
    """The laws that the sampler's registration claims, without those that these options or this space give up."""
    claims = SAMPLERS.find(type(sampler).__name__).claims
    assert {*without} <= {*claims}
    return tuple(claim for claim in claims if claim not in without)


def subject(sampler, space=None, *, without=()):
    return sampler, space, claims_of(sampler, without=without)


grid = GridSampler({"n": [0, 1, 2], "kind": ["a", "b"], "step": [0.0, 1.0]})
tpe = TPESampler(n_startup_trials=2)
# few candidates and searches, so that a suggestion costs milliseconds
gp = GPSampler(n_startup_trials=2, n_candidates=32, n_local_searches=2)
auto = AutoSampler(gp=gp, tpe=tpe)
bore, cqr = BORESampler(n_startup_trials=2, n_candidates=64), CQRSampler(n_startup_trials=2, n_candidates=64)
COSTLY = (gp, auto, bore, cqr)  # their fits make the whole suite of laws expensive
WITH_OPTIONS = {"AutoSampler", "BORESampler", "BruteForceSampler", "CQRSampler", "GPSampler"}
OF_WHOLE_RANGES = ["scale", "coverage", "lone_independence"]
"""Laws that a sampler gives up which holds a parameter fixed."""


def allowed(params):
    """A predicate that about half of the space satisfies."""
    return params["x"] + params["n"] <= 5.0


SUBJECTS = {
    **{name: subject(sampler) for name, sampler in MADE_WITHOUT_OPTIONS.items() if name not in WITH_OPTIONS},
    "GaussianProcess": subject(gp),
    "Auto": subject(auto),
    "GoodByClassification": subject(bore),
    "ConformalQuantiles": subject(cqr),
    "KernelsOfReports": subject(KDESampler(consider_reports=True), without=["pruned_is_not_best"]),
    "SmallPopulation": subject(RegularizedEvolutionSampler(population_size=5, tournament_size=2, n_startup_trials=1)),
    "RandomWithASeed": subject(RandomSampler(seed=11), without=["coverage", "shares", "lone_independence"]),
    "Grid": subject(grid, SMALL),
    "ShuffledGrid": subject(GridSampler(grid.search_space, seed=5), SMALL),
    "BruteForce": subject(BruteForceSampler(), SMALL),
    "ShuffledBruteForce": subject(BruteForceSampler(seed=5), SMALL),
    "Halton": subject(
        QMCSampler(qmc_type="halton", scramble=False), without=["coverage", "shares", "lone_independence"]
    ),
    "TpeFromTheSecondTrialOn": subject(TPESampler(n_startup_trials=1)),
    "TpeLikeHyperopt": subject(TPESampler(**TPESampler.hyperopt_parameters())),
    "TpeOfEachParameter": subject(TPESampler(multivariate=False, n_startup_trials=2), WITH_A_KIND),
    "TpeOfGroups": subject(TPESampler(group=True, n_startup_trials=2)),
    "TpeWithReports": subject(TPESampler(consider_reports=True, n_startup_trials=2), without=["pruned_is_not_best"]),
    "TpeWithFailures": subject(TPESampler(consider_failed_trials=True, n_startup_trials=2)),
    "TpeWithABelief": subject(
        TPESampler(prior={"x": (1.0, 2.0), "kind": {"a": 2, "b": 1}, "n": {0: 1, 9: 3}}, n_startup_trials=2),
        WITH_A_KIND,
        without=["affine", "mirror", "scale", "coverage", "shares", "lone_independence", "learning"],
    ),
    "CmaEsOfNumbers": subject(CmaEsSampler(popsize=3, consider_pruned_trials=True), NUMBERS),
    "CmaEsSeparable": subject(CmaEsSampler(popsize=3, use_separable_cma=True, with_margin=False), WITH_A_KIND),
    "CmaEsWithRestarts": subject(CmaEsSampler(popsize=3, restart_strategy="bipop"), NUMBERS),
    "CmaEsWithLearningRates": subject(CmaEsSampler(popsize=3, lr_adapt=True), NUMBERS),
    "NsgaFromTheSecondTrialOn": subject(NSGAIISampler(population_size=4, n_startup_trials=2)),
    "NsgaOfGenerations": subject(NSGAIISampler(population_size=6, generational=True), WITH_A_KIND),
    "NsgaByDirections": subject(NSGAIIISampler(population_size=6, dividing_parameter=2)),
    "SmsEmoa": subject(SMSEMOASampler(population_size=6, n_startup_trials=3)),
    # what a wrapper keeps is what the samplers in it keep
    "PartialFixed": (
        PartialFixedSampler({"x": 0.5}, RandomSampler()),
        NUMBERS,
        claims_of(RandomSampler(), without=OF_WHOLE_RANGES),
    ),
    "PartialFixedTpe": (
        PartialFixedSampler({"x": 0.5}, tpe),
        NUMBERS,
        claims_of(tpe, without=[*OF_WHOLE_RANGES, "learning"]),
    ),
    "WarmedUp": (Warmup(3, QMCSampler(), tpe), None, claims_of(tpe, without=["no_repeats", "exhaustion"])),
    "WhereRandom": (
        Where(allowed, RandomSampler()),
        NUMBERS,
        claims_of(RandomSampler(), without=["scale", "affine", "mirror", "coverage", "shares", "lone_independence"]),
    ),
    "WhereTpe": (
        Where(allowed, tpe),
        NUMBERS,
        claims_of(tpe, without=["scale", "affine", "mirror", "coverage", "shares", "lone_independence", "learning"]),
    ),
    "OneBracket": (BracketSampler(tpe, HyperbandPruner(max_resource=4)), None, ("rank_based", "affine", "mirror")),
    "FallenBack": (
        Fallback(grid, RandomSampler()),
        SMALL,
        (*claims_of(RandomSampler(), without=["scale"]), "no_repeats"),
    ),
}
"""Samplers, the space that they are asked for (None for all kinds), and what they claim."""

for name, (sampler, space, claims) in SUBJECTS.items():
    few = max(3, EXAMPLES // 20) if sampler in COSTLY else EXAMPLES
    laws = {"sampler": sampler, "space": space, "claims": claims, "max_examples": few}
    globals()[f"Test{name}"] = type(f"Test{name}", (SamplerLaws,), laws)


def test_every_law_is_claimed_by_some_sampler():
    claimed = {law for _, _, claims in SUBJECTS.values() for law in claims}
    assert claimed == {law.__name__ for law in CLAIMS}


def test_every_registered_sampler_is_tried():
    tried = {type(sampler).__name__ for sampler, _, _ in SUBJECTS.values()}
    assert tried == {registration.name for registration in SAMPLERS.built_in}


LAWS_FOR_ALL_OPTIONS = ["total", "complete", "in_domain", "builtin_types", "same_answer_twice", "json_note"]
INDEPENDENT = [None, RandomSampler(), QMCSampler()]
ALL_OPTIONS = {
    "Tpe": (configured(TPESampler, gamma=[default_gamma, hyperopt_gamma]), None),
    "CmaEs": (configured(CmaEsSampler, independent_sampler=INDEPENDENT), None),
    # a space of its own, as a first value that is not in its range is an error
    "CmaEsFromAPoint": (
        configured(CmaEsSampler, x0=[{"x": 0.5, "kind": "a"}], independent_sampler=INDEPENDENT),
        WITH_A_KIND,
    ),
    "Sobol": (configured(QMCSampler, qmc_type=["sobol", "halton"]), None),
}


@pytest.mark.parametrize("name", ALL_OPTIONS)
def test_whatever_the_options_are_the_answers_are_sound(name):
    samplers, space = ALL_OPTIONS[name]

    @given(sampler=samplers)
    @settings(max_examples=max(5, EXAMPLES // 5), suppress_health_check=[*HealthCheck])
    def sound(sampler):
        check_sampler(sampler, space=space, laws=LAWS_FOR_ALL_OPTIONS, max_examples=30)

    check_sampler(RandomSampler(), laws=["total"], max_examples=30)  # and so the questions are made
    sound()
