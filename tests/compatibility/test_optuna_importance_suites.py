"""The evaluators pass the suites that Optuna holds its own evaluators to."""

import pytest

optuna = pytest.importorskip("optuna", reason="Optuna, whose suites these are, is not installed", exc_type=ImportError)

from optuna.importance import BaseImportanceEvaluator  # noqa: E402 - what is skipped without it
from optuna.testing.pytest_importance import (  # noqa: E402
    BasicImportanceEvaluatorTestCase,
    ConditionalImportanceEvaluatorTestCase,
    MultiObjectiveImportanceEvaluatorTestCase,
    NonConditionalImportanceEvaluatorTestCase,
)

import hpo  # noqa: E402
from hpo.distributions import json_to_distribution  # noqa: E402
from hpo.importance import (  # noqa: E402
    FanovaImportanceEvaluator,
    MeanDecreaseImpurityImportanceEvaluator,
    PedAnovaImportanceEvaluator,
    PermutationImportanceEvaluator,
    ShapleyImportanceEvaluator,
)

pytestmark = pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")


class Presented(BaseImportanceEvaluator):
    """One of our evaluators as one of Optuna's: it sees the study as a state of ours."""

    def __init__(self, evaluator):
        self.evaluator = evaluator

    def evaluate(self, study, params=None, *, target=None):
        theirs = study.get_trials(deepcopy=False)
        ours = None if target is None else lambda trial: target(theirs[trial.number])
        return self.evaluator.evaluate(state_of(study), params, target=ours)


def state_of(study):
    copy = hpo.create_study(directions=[direction.name.lower() for direction in study.directions])
    for trial in study.get_trials(deepcopy=False):
        written = {
            name: optuna.distributions.distribution_to_json(distribution)
            for name, distribution in trial.distributions.items()
        }
        distributions = {name: json_to_distribution(text) for name, text in written.items()}
        copy.add_trial(
            hpo.create_trial(
                state=hpo.TrialState(trial.state.name.lower()),
                values=trial.values,
                params=trial.params,
                distributions=distributions,
            )
        )
    return copy.state


class TestPedAnova(
    BasicImportanceEvaluatorTestCase,
    ConditionalImportanceEvaluatorTestCase,
    MultiObjectiveImportanceEvaluatorTestCase,
):
    @pytest.fixture
    def evaluator(self):
        return lambda: Presented(PedAnovaImportanceEvaluator())


class OfSharedParameters(BasicImportanceEvaluatorTestCase, NonConditionalImportanceEvaluatorTestCase):
    pass


class TestFanova(OfSharedParameters):
    @pytest.fixture
    def evaluator(self):
        return lambda: Presented(FanovaImportanceEvaluator())


class TestMeanDecreaseImpurity(OfSharedParameters):
    @pytest.fixture
    def evaluator(self):
        return lambda: Presented(MeanDecreaseImpurityImportanceEvaluator())


class TestShapley(OfSharedParameters):
    @pytest.fixture
    def evaluator(self):
        return lambda: Presented(ShapleyImportanceEvaluator())


class TestPermutation(OfSharedParameters):
    @pytest.fixture
    def evaluator(self):
        return lambda: Presented(PermutationImportanceEvaluator())
