"""The samplers of this library: one entry each, from which everything that lists samplers derives.

That is `hpo.samplers` itself, what ``hpo verify`` can rebuild from a journal, the words of ``hpo explain``, the names in
the help of ``--sampler``, the laws that the law tests try, and the table in the documentation. A new sampler needs its
module and an entry here (``python .ci/write_registered.py`` then writes the stub and the table).
"""

from __future__ import annotations

from hpo.registration import Registration, Registry

_STARTUP = {"startup": "drawn without a model, which needs more finished trials to learn from"}
_MODEL = {
    **_STARTUP,
    "model": "the values that its model of the finished trials rates best",
    "untried": "a random one of the configurations that were not tried yet",
}

# laws, by what a sampler looks at: nothing but the trial's number; a model of the ranks of the results; what was tried
_BLIND = ("rank_based", "affine", "mirror", "permutation", "recording_order", "bounded_work")
_DRAWN = ("coverage", "shares", "lone_independence", "distinct_batches")
_SPREAD = (*_BLIND, "scale", *_DRAWN)
_EXHAUSTIVE = (*_BLIND, "coverage", "no_repeats", "exhaustion")
_RANKS = ("rank_based", "affine", "mirror", "recording_order", "bounded_work")
_OUTCOMES = ("learning", "violations_repel", "later_objectives_count", "pruned_is_not_best")
_LEARNING = (*_RANKS, "scale", *_DRAWN, *_OUTCOMES, "no_repeats", "exhaustion")
_KEEPING_AWAY = (*_LEARNING, "failures_do_not_attract")
# sizes of values count, and the order in which trials were told says which of them the hyperparameters were fitted to
_MODELLED = ("affine", "mirror", "recording_order", "bounded_work", "scale", *_DRAWN, "no_repeats", "exhaustion")
# among trials of one front, the distances of values count
_BRED = tuple(law for law in _KEEPING_AWAY if law != "rank_based")
_GP_CLAIMS = (*_MODELLED, "learning", "violations_repel", "pruned_is_not_best", "failures_do_not_attract")
# the tree of what was tried grows in the order in which trials ended and asked for parameters, so these two orders count
_TREE = ("rank_based", "affine", "mirror", "scale", "coverage", "no_repeats", "exhaustion", "bounded_work")

_GAMMAS = ("default_gamma", "hyperopt_gamma", "default_weights")
_SOBOL = {"sobol": "the trial's point of a Sobol sequence", "halton": "the trial's point of a Halton sequence"}
_CMA = {**_MODEL, "independent": "left to its independent sampler"}
_TPE = {**_MODEL, "exploration": "drawn at random, as one in three is while reports stand for results"}
_CHILD = {
    "startup": _MODEL["startup"],
    "child": "bred from the best trials, its parents",
    "untried": _MODEL["untried"],
    "independent": "drawn at random, because no trial before had this parameter",
}
_GP = {
    **_MODEL,
    "independent": "left to its independent sampler",
    "explore": "drawn at random, because the model predicts no better than a constant",
}

_RANDOM_SOMETIMES = {**_MODEL, "exploration": "drawn at random, as one in three is"}
_PARENT = {**_MODEL, "model": "the values of a parent from the population, with another one of one parameter"}

SAMPLERS = Registry(
    "hpo.samplers",
    "sampler",
    (
        Registration(
            "AutoSampler",
            home="hpo.samplers.auto",
            rules={**_TPE, **_GP},
            claims=("affine", "mirror", "scale", *_DRAWN, "no_repeats", "exhaustion", "bounded_work"),
        ),
        Registration("BORESampler", home="hpo.samplers.bore", rules=_MODEL, claims=_KEEPING_AWAY),
        # beside the pruner whose brackets it knows
        Registration("BracketSampler", home="hpo.pruners.bracket_sampler"),
        Registration("BruteForceSampler", home="hpo.samplers.brute_force", claims=_TREE, dropped_options={"part": {}}),
        Registration("CQRSampler", home="hpo.samplers.cqr", rules=_MODEL, claims=_KEEPING_AWAY),
        Registration(
            "CmaEsSampler",
            home="hpo.samplers.cma_es",
            rules=_CMA,
            claims=_KEEPING_AWAY,
            added_options={"consider_failed_trials": False},
        ),
        Registration("Fallback", home="hpo.samplers.wrappers"),
        Registration(
            "GPSampler",
            home="hpo.samplers.gp",
            rules=_GP,
            claims=_GP_CLAIMS,
            added_options={"prior": {}, "input_warping": False},
        ),
        Registration("GridSampler", home="hpo.samplers.grid", claims=_EXHAUSTIVE),
        Registration("KDESampler", home="hpo.samplers.kde", rules=_RANDOM_SOMETIMES, claims=_KEEPING_AWAY),
        Registration("NSGAIIISampler", home="hpo.samplers.evolution", rules=_CHILD, claims=_BRED),
        Registration("NSGAIISampler", home="hpo.samplers.evolution", rules=_CHILD, claims=_BRED),
        Registration("PartialFixedSampler", home="hpo.samplers.wrappers"),
        Registration(
            "QMCSampler",
            home="hpo.samplers.quasi_random",
            rules=_SOBOL,
            claims=_SPREAD,
            added_options={"independent_sampler": None},
        ),
        Registration("RandomSampler", home="hpo.samplers.random", claims=_SPREAD),
        Registration("SMSEMOASampler", home="hpo.samplers.evolution", rules=_CHILD, claims=_BRED),
        Registration(
            "RegularizedEvolutionSampler",
            home="hpo.samplers.regularized_evolution",
            rules=_PARENT,
            claims=_KEEPING_AWAY,
        ),
        Registration(
            "TPESampler",
            home="hpo.samplers.tpe",
            rules=_TPE,
            claims=_KEEPING_AWAY,
            functions=_GAMMAS,
            added_options={"consider_reports": False, "prior": {}},
        ),
        Registration("Warmup", home="hpo.samplers.wrappers"),
        Registration(
            "Where",
            home="hpo.samplers.where",
            rules={"where": "drawn at random among values that satisfy the predicate, as none of the sampler's did"},
        ),
    ),
)
