"""What mattered: how important each parameter is, as pure functions of a study's trials.

`get_param_importances` returns numbers by name, as Optuna's does. `importances` returns all that is known: intervals, what
chance alone would give, where the best trials are, and a word if the trials can't tell.
"""

from hpo.importance.assessment import ImportanceEvaluator, get_param_importances, importances
from hpo.importance.evidence import Column, Evidence, Infeasible, Target, evidence_of
from hpo.importance.forests import MeanDecreaseImpurityImportanceEvaluator, PermutationImportanceEvaluator
from hpo.importance.ped_anova import PedAnovaImportanceEvaluator
from hpo.importance.results import Importance, Importances, Interaction
from hpo.importance.variance import FanovaImportanceEvaluator, ShapleyImportanceEvaluator

__all__ = [
    "Column",
    "Evidence",
    "FanovaImportanceEvaluator",
    "Importance",
    "ImportanceEvaluator",
    "Importances",
    "Infeasible",
    "Interaction",
    "MeanDecreaseImpurityImportanceEvaluator",
    "PedAnovaImportanceEvaluator",
    "PermutationImportanceEvaluator",
    "ShapleyImportanceEvaluator",
    "Target",
    "evidence_of",
    "get_param_importances",
    "importances",
]
