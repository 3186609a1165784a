"""Evolutionary samplers: children of the best trials, for several objectives or one.

- `nsga`: `NSGAIISampler` and `NSGAIIISampler`; `sms_emoa`: `SMSEMOASampler`
- `population`: the fold that keeps the best trials as parents
- `breeding`: a child of some parents
- `asking`: what the samplers have in common
- `generations`: `BaseGASampler`, for genetic samplers of others

Crossovers and mutations are in `hpo.samplers.nsgaii`, and their equations in `hpo.numerics.evolution`.
"""

from hpo.samplers.evolution.nsga import NSGAIIISampler, NSGAIISampler
from hpo.samplers.evolution.sms_emoa import SMSEMOASampler

__all__ = ["NSGAIIISampler", "NSGAIISampler", "SMSEMOASampler"]
