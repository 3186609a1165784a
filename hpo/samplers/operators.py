"""Crossovers and mutations by name, so that a sampler with one can be rebuilt from what a journal records of it."""

from hpo.registration import Registration, Registry

_NAMES = (
    "BLXAlphaCrossover",
    "GaussianMutation",
    "LineCrossover",
    "PolynomialMutation",
    "ResetMutation",
    "SBXCrossover",
    "SPXCrossover",
    "UNDXCrossover",
    "UniformCrossover",
    "VSBXCrossover",
)

OPERATORS = Registry("", "operator", tuple(Registration(name, home="hpo.samplers.nsgaii") for name in _NAMES))
"""The operators of this library; packages can't add any, but a sampler with one of theirs can be given to `verify`."""
