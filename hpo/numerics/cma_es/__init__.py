"""The parts of CMA-ES: the model and its update, margins, learning rates, mirrored draws, a warm start."""

from hpo.numerics.cma_es.margin import Cells, with_margin
from hpo.numerics.cma_es.mirrored import mirrored_orthogonal
from hpo.numerics.cma_es.model import (
    Model,
    Strategy,
    candidate,
    initial_model,
    recommended_popsize,
    strategy_parameters,
    updated,
)
from hpo.numerics.cma_es.warm_start import promising_distribution

__all__ = [
    "Cells",
    "Model",
    "Strategy",
    "candidate",
    "initial_model",
    "mirrored_orthogonal",
    "promising_distribution",
    "recommended_popsize",
    "strategy_parameters",
    "updated",
    "with_margin",
]
