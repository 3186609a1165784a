"""The samplers that are tested against the laws, their spaces, and the laws that are not tested, with the reason."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs
from rival_samplers.optuna_rival import OptunaRival
from rival_samplers.syne_tune_rival import SyneTuneRival

from hpo.core import CategoricalDistribution, FloatDistribution, IntDistribution, SearchSpace
from hpo.samplers import BruteForceSampler, CmaEsSampler, GridSampler, QMCSampler, RandomSampler, TPESampler
from hpo.samplers.registry import SAMPLERS
from hpo.testing.samplers.claims import CLAIMS
from hpo.testing.scenarios import SMALL

SPACES: dict[str, SearchSpace | None] = {
    "six": SearchSpace(
        {
            "lr": FloatDistribution(1e-5, 1.0, log=True),
            "momentum": FloatDistribution(0.0, 0.9, step=0.1),
            "dropout": FloatDistribution(0.0, 0.5),
            "layers": IntDistribution(1, 9),
            "units": IntDistribution(8, 512, log=True),
            "kind": CategoricalDistribution(("a", "b", "c")),
        }
    ),
    "pair": SearchSpace({"x": FloatDistribution(-1.0, 3.0), "kind": CategoricalDistribution(("a", "b", "c"))}),
    "rate": SearchSpace({"lr": FloatDistribution(1e-6, 0.1, log=True)}),
    "count": SearchSpace({"n": IntDistribution(10, 20)}),
    "small": SMALL,
    "any": None,
}
"""Search spaces. The first four, with ordinary parameters of every kind, are for all samplers."""

ORDINARY = ("rate", "count", "pair", "six")

REASONS: dict[str, str] = {
    "a": "It draws one parameter after another from one generator, and does not claim that their order makes no difference.",
    "b": "Its memory is in the object, and each case gets a fresh object, so the law holds by construction.",
    "c": "It does not write notes that a journal of hpo could keep.",
    "d": "It has no define-by-run: the space is fixed before the first trial.",
    "e": "It models the values themselves, and does not claim anything for other values in the same order.",
    "f": "It models the values numerically, and different last digits may lead to another suggestion.",
    "g": "It does not claim to avoid repetitions or to end.",
    "h": "It does not claim a bound of its work, and its study is built anew for each case.",
    "i": "It does not learn from results.",
    "j": "According to its documentation or the size of its population, it needs more than the 60 trials of the law.",
    "k": "Its population depends on the order of the results.",
    "l": "It draws one of its trials by its place in the history, and does not claim that the order makes no difference.",
    "m": "Its documentation does not claim it.",
    "n": "Its dimensions are the parameters of its first trial in their order, and it does not claim that the order makes no difference.",
}


@attrs.frozen
class Subject:
    """A sampler that is tested against the laws.

    Args:
        family: The library and its version.
        name: The column of the table.
        sampler: The sampler, with options that let small histories reach its model.
        spaces: Names of `SPACES`.
        unasked: Laws that are not tested, with the letter of the reason in `REASONS`.
        instead: Another sampler for some laws, by law.
        share: The fraction of the examples that it is tested on; small for slow samplers.
    """

    family: str
    name: str
    sampler: Any
    spaces: tuple[str, ...] = ORDINARY
    unasked: Mapping[str, str] = attrs.field(factory=dict)
    instead: Mapping[str, Any] = attrs.field(factory=dict)
    share: float = 1.0


NOT_OF_RIVALS = {
    "parameter_order": "a",
    "fold": "b",
    "json_note": "c",
    "no_repeats": "g",
    "exhaustion": "g",
    "bounded_work": "h",
    "options_apart": "b",
}
ABOUT_SEEDS = ("same_answer_twice", "any_order_of_calls", "any_process", "any_thread", "any_stream", "leaves_no_trace")
ABOUT_ONE_OBJECTIVE = ("rank_based", "affine")


def _optuna(name: str, unasked: Mapping[str, str], share: float = 1.0, **options: Any) -> Subject:
    """Return a sampler of Optuna with `options`; those of `OptunaRival` begin with an underscore."""
    told = {option[1:]: options.pop(option) for option in [*options] if option.startswith("_")}
    sampler = OptunaRival(f"{name}Sampler", options, **told)
    instead = {law: attrs.evolve(sampler, one_objective=True) for law in ABOUT_ONE_OBJECTIVE}
    instead["learning"] = attrs.evolve(sampler, options={})
    return Subject("Optuna 5.0.0", name, sampler, unasked={**NOT_OF_RIVALS, **unasked}, instead=instead, share=share)


def _syne_tune(name: str, unasked: Mapping[str, str], share: float = 1.0, **options: Any) -> Subject:
    """Return a searcher of Syne Tune with `options`; those of `SyneTuneRival` begin with an underscore."""
    told = {option[1:]: options.pop(option) for option in [*options] if option.startswith("_")}
    documented = SyneTuneRival(name, options, **told)
    sampler = attrs.evolve(documented, seeds_everything=True)
    instead = dict.fromkeys(ABOUT_SEEDS, documented)
    instead["learning"] = SyneTuneRival(name, seeds_everything=True)
    unasked = {**NOT_OF_RIVALS, "lone_parameters": "d", **unasked}
    return Subject("Syne Tune 0.16.0", name, sampler, unasked=unasked, instead=instead, share=share)


def _ours(name: str, sampler: Any, spaces: tuple[str, ...] = (*ORDINARY, "any")) -> Subject:
    """Return a sampler of hpo with the laws that it claims, except those about repetitions on finite spaces alone."""
    claims = {*SAMPLERS.find(type(sampler).__name__).claims} - (FINITE if "any" in spaces else set())
    unclaimed = {law.__name__: "m" for law in CLAIMS if law.__name__ not in claims}
    return Subject(
        "hpo", name, sampler, spaces, unclaimed, instead={"learning": type(sampler)()} if "learning" in claims else {}
    )


FINITE = {"no_repeats", "exhaustion"}
GRID = GridSampler({"n": [0, 1, 2], "kind": ["a", "b"], "step": [0.0, 1.0]})
NUMERIC = {"rank_based": "e", "affine": "f", "scale": "f", "permutation": "f"}

SUBJECTS: tuple[Subject, ...] = (
    _optuna("Random", {"learning": "i"}),
    _optuna("TPE", {}, n_startup_trials=2),
    _optuna("GP", NUMERIC, 0.1, n_startup_trials=2, _same_constraints=True),
    _optuna("CmaEs", {"learning": "j", "permutation": "k"}, popsize=4, _there_from_the_start=True, _one_objective=True),
    _optuna("QMC", {"learning": "i", "recording_order": "n"}, _there_from_the_start=True),
    _optuna("NSGAII", {"learning": "j", "permutation": "k"}, population_size=4, _there_from_the_start=True),
    _syne_tune("CQR", NUMERIC, 0.5, num_init_random_draws=3),
    _syne_tune("KDE", {"permutation": "l"}, 4.0, _points_per_model=1, random_fraction=0.0),
    _syne_tune("BORE", {"permutation": "f"}, 0.2, init_random=3),
    _syne_tune("REA", {"learning": "j", "permutation": "k"}, population_size=3, sample_size=2),
    _ours("Random", RandomSampler()),
    _ours("TPE", TPESampler(n_startup_trials=2)),
    _ours("CmaEs", CmaEsSampler(popsize=4)),
    _ours("QMC", QMCSampler()),
    _ours("Grid", GRID, ("small",)),
    _ours("BruteForce", BruteForceSampler(), ("small",)),
)
"""The columns of the table. All laws of `hpo.testing` are tested; a new one is tested with every sampler."""
