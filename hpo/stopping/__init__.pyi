# written by .ci/write_registered.py from the registry in this folder
from hpo.core import Stop as Stop
from hpo.core import StoppingRule as StoppingRule
from hpo.stopping.combinations import AllRules as AllRules
from hpo.stopping.combinations import AnyRule as AnyRule
from hpo.stopping.room import EMMR as EMMR
from hpo.stopping.room import ExpectedImprovement as ExpectedImprovement
from hpo.stopping.room import RegretBound as RegretBound
from hpo.stopping.rules import BestValueStagnation as BestValueStagnation
from hpo.stopping.rules import Budget as Budget
from hpo.stopping.rules import MaxTrials as MaxTrials
from hpo.stopping.rules import NoImprovement as NoImprovement
from hpo.stopping.rules import TargetReached as TargetReached
from hpo.stopping.rules import Timeout as Timeout
