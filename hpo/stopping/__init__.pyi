# written by .ci/write_registered.py from the registry in this folder
from hpo.core import Stop as Stop
from hpo.core import StoppingRule as StoppingRule
