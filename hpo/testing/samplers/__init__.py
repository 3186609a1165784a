"""Laws of samplers.

- `laws`: the basic ones, and all of them as a function and as a class of tests
- `claims`, `runs`: those that a sampler may claim, of single answers and of whole runs
- `case`: a sampler with the questions that it is asked; `answers`: what can be wrong with an answer
"""

from hpo.testing.samplers.laws import SamplerLaws, check_sampler

__all__ = ["SamplerLaws", "check_sampler"]
