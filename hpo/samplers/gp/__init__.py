"""Gaussian process: model the results, and suggest where the expected improvement is largest.

- `sampler`: `GPSampler`
- `acquisition`: what is maximized, with running trials, constraints and failures
- `search`: where it is largest, in mixed spaces

The fitted model is `hpo.models.gaussian_process`, and the formulas are in `hpo.numerics.gp`.
"""

from hpo.samplers.gp.sampler import GPSampler

__all__ = ["GPSampler"]
