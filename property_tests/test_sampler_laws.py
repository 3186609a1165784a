"""Every sampler of this library, with the options that matter, keeps the basic laws and those that it claims."""

import pytest
from hypothesis import HealthCheck, given, settings

from hpo import IntDistribution
from hpo.distributions import CategoricalDistribution, FloatDistribution
from hpo.samplers import (
    BruteForceSampler,
    CmaEsSampler,
    Fallback,
    GridSampler,
    PartialFixedSampler,
    QMCSampler,
    RandomSampler,
    TPESampler,
    Warmup,
)
from hpo.samplers.tpe import default_gamma, hyperopt_gamma
from hpo.testing import SamplerLaws, check_sampler
from hpo.testing.options import configured
from hpo.testing.samplers.claims import CLAIMS
from hpo.testing.scenarios import SMALL

EXAMPLES = settings.default.max_examples
BLIND = ("rank_based", "affine", "mirror", "permutation", "recording_order", "bounded_work")
KNOWING = ("rank_based", "affine", "mirror", "recording_order", "bounded_work")
MODEL = (*KNOWING, "scale", "coverage", "learning", "no_repeats", "exhaustion")
ORDERLY = ("rank_based", "affine", "mirror", "scale", "coverage", "no_repeats", "exhaustion", "bounded_work")
EXHAUSTIVE = (*BLIND, "coverage", "no_repeats", "exhaustion")
NUMBERS = {"x": FloatDistribution(-5.0, 5.0), "lr": FloatDistribution(1e-4, 1.0, log=True), "n": IntDistribution(0, 9)}
WITH_A_KIND = {**NUMBERS, "kind": CategoricalDistribution(["a", "b", "c"])}

grid = GridSampler({"n": [0, 1, 2], "kind": ["a", "b"], "step": [0.0, 1.0]})
SUBJECTS = {
    "Random": (RandomSampler(), None, (*BLIND, "scale", "coverage")),
    "RandomWithASeed": (RandomSampler(seed=11), None, (*BLIND, "scale")),
    "Grid": (grid, SMALL, EXHAUSTIVE),
    "ShuffledGrid": (GridSampler(grid.search_space, seed=5), SMALL, EXHAUSTIVE),
    "BruteForce": (
        BruteForceSampler(),
        SMALL,
        ORDERLY,
    ),
    "ShuffledBruteForce": (
        BruteForceSampler(seed=5),
        SMALL,
        ORDERLY,
    ),
    "Sobol": (QMCSampler(), None, (*BLIND, "scale", "coverage")),
    "Halton": (QMCSampler(qmc_type="halton", scramble=False), None, (*BLIND, "scale")),
    "Tpe": (TPESampler(), None, MODEL),
    "TpeFromTheSecondTrialOn": (TPESampler(n_startup_trials=1), None, MODEL),
    "TpeLikeHyperopt": (TPESampler(**TPESampler.hyperopt_parameters()), None, MODEL),
    "TpeOfEachParameter": (TPESampler(multivariate=False, n_startup_trials=2), WITH_A_KIND, MODEL),
    "TpeOfGroups": (TPESampler(group=True, n_startup_trials=2), None, MODEL),
    "TpeWithFailures": (TPESampler(consider_failed_trials=True, n_startup_trials=2), None, MODEL),
    "CmaEs": (CmaEsSampler(), None, MODEL),
    "CmaEsOfNumbers": (CmaEsSampler(popsize=3, consider_pruned_trials=True), NUMBERS, MODEL),
    "CmaEsSeparable": (CmaEsSampler(popsize=3, use_separable_cma=True, with_margin=False), WITH_A_KIND, MODEL),
    "CmaEsWithRestarts": (CmaEsSampler(popsize=3, restart_strategy="bipop"), NUMBERS, MODEL),
    "CmaEsWithLearningRates": (CmaEsSampler(popsize=3, lr_adapt=True), NUMBERS, MODEL),
    "PartialFixed": (PartialFixedSampler({"x": 0.5}, RandomSampler()), NUMBERS, BLIND),
    "PartialFixedTpe": (
        PartialFixedSampler({"x": 0.5}, TPESampler(n_startup_trials=2)),
        NUMBERS,
        (*KNOWING, "no_repeats", "exhaustion"),
    ),
    "WarmedUp": (Warmup(3, QMCSampler(), TPESampler(n_startup_trials=2)), None, MODEL[:-2]),
    "FallenBack": (Fallback(grid, RandomSampler()), SMALL, (*BLIND, "coverage", "no_repeats")),
}
"""Samplers, the space that they are asked for (None for all kinds), and what they claim."""

for name, (sampler, space, claims) in SUBJECTS.items():
    laws = {"sampler": sampler, "space": space, "claims": claims, "max_examples": EXAMPLES}
    globals()[f"Test{name}"] = type(f"Test{name}", (SamplerLaws,), laws)


def test_every_law_is_claimed_by_some_sampler():
    claimed = {law for _, _, claims in SUBJECTS.values() for law in claims}
    assert claimed == {law.__name__ for law in CLAIMS}


LAWS_FOR_ALL_OPTIONS = ["total", "complete", "in_domain", "builtin_types", "same_answer_twice", "json_note"]
ALL_OPTIONS = {
    "Tpe": configured(TPESampler, gamma=[default_gamma, hyperopt_gamma]),
    "CmaEs": configured(
        CmaEsSampler,
        x0=[None, {"x": 0.5, "kind": "a"}],
        independent_sampler=[None, RandomSampler(), QMCSampler()],
    ),
    "Sobol": configured(QMCSampler, qmc_type=["sobol", "halton"]),
}


@pytest.mark.parametrize("name", ALL_OPTIONS)
def test_whatever_the_options_are_the_answers_are_sound(name):
    @given(sampler=ALL_OPTIONS[name])
    @settings(max_examples=max(5, EXAMPLES // 5), suppress_health_check=[*HealthCheck])
    def sound(sampler):
        check_sampler(sampler, laws=LAWS_FOR_ALL_OPTIONS, max_examples=30)

    check_sampler(RandomSampler(), laws=["total"], max_examples=30)  # and so the questions are made
    sound()
