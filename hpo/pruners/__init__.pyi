# written by .ci/write_registered.py from the registry in this folder
from hpo.core import Decision as Decision
from hpo.core import Pruner as Pruner
from hpo.pruners.median import MedianPruner as MedianPruner
from hpo.pruners.nop import NopPruner as NopPruner
from hpo.pruners.optuna_style import BasePruner as BasePruner
