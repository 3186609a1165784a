"""Laws of samplers.

- `laws`: the basic laws, and all of them as a function and as a class of tests
- `claims`, `runs`: the laws that a sampler may claim, about single answers, what it learns, and whole runs
- `composition`: the laws of samplers that ask other samplers; `guests`: what these are given to ask
- `case`: a sampler with the questions that it is asked, and what can be wrong with an answer
"""

from hpo.testing.samplers.composition import WrapperLaws, check_wrapper
from hpo.testing.samplers.laws import SamplerLaws, check_sampler

__all__ = ["SamplerLaws", "WrapperLaws", "check_sampler", "check_wrapper"]
