"""Samplers: pure functions from a study's state to suggestions (see `hpo.core.sampling.Sampler`)."""

from hpo.samplers.random import RandomSampler

__all__ = ["RandomSampler"]
