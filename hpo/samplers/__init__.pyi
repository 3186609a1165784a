# written by .ci/write_registered.py from the registry in this folder
from hpo.core import BaseSampler as BaseSampler
from hpo.core import Exhausted as Exhausted
from hpo.core import Sampler as Sampler
from hpo.core import Suggestion as Suggestion
from hpo.pruners.bracket_sampler import BracketSampler as BracketSampler
from hpo.samplers.brute_force import BruteForceSampler as BruteForceSampler
from hpo.samplers.cma_es import CmaEsSampler as CmaEsSampler
from hpo.samplers.gp import GPSampler as GPSampler
from hpo.samplers.grid import GridSampler as GridSampler
from hpo.samplers.quasi_random import QMCSampler as QMCSampler
from hpo.samplers.random import RandomSampler as RandomSampler
from hpo.samplers.shared_space import IntersectionSearchSpace as IntersectionSearchSpace
from hpo.samplers.shared_space import intersection_search_space as intersection_search_space
from hpo.samplers.tpe import TPESampler as TPESampler
from hpo.samplers.wrappers import Fallback as Fallback
from hpo.samplers.wrappers import PartialFixedSampler as PartialFixedSampler
from hpo.samplers.wrappers import Warmup as Warmup
