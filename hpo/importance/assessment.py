"""The two questions to ask about importance: for numbers by name, or for all that is known."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Protocol, runtime_checkable

from hpo.core import HasState, StudyState, TrialState
from hpo.errors import InvalidType
from hpo.importance.evidence import Evidence, Infeasible, Target, evidence_of
from hpo.importance.ped_anova import PedAnovaImportanceEvaluator
from hpo.importance.results import Importances


@runtime_checkable
class ImportanceEvaluator(Protocol):
    """A measure of importance: a pure function of the trials that it is shown."""

    def assess(self, evidence: Evidence) -> Importances:
        """Return the importance of each parameter of some trials."""
        ...


def importances(
    study: HasState | StudyState,
    *,
    evaluator: ImportanceEvaluator | None = None,
    params: Sequence[str] | None = None,
    target: Target | None = None,
    states: Iterable[TrialState | str] | None = None,
    infeasible: Infeasible = "exclude",
) -> Importances:
    """Return how important each parameter is, with intervals, and with a word if the trials can't tell.

    Args:
        study: A study or its state.
        evaluator: The measure; `PedAnovaImportanceEvaluator` by default.
        params: The parameters to assess, by name; by default all that the evaluator can assess.
        target: What matters instead of the objectives, less being better: a function of a trial, or ``"cost"``, ``"duration"``
            (in seconds), ``"failure"`` (who fails, among finished trials) or ``"infeasibility"`` (who violates a constraint).
            Trials for which a function returns None, NaN or an infinity are left out.
        states: Which finished trials count, by state; complete ones by default. Trials without values need a `target`.
        infeasible: What becomes of trials that violate constraints: "exclude" leaves them out, "include" lets them
            count by their values, and "worst" as worse than all feasible ones, for evaluators that go by ranks.

    Raises:
        InvalidArgument: no trial that counts has one of `params`, or another argument is not among those allowed.
        InvalidType: an argument has the wrong type.
        SeveralObjectives: the study has several objectives, and the evaluator needs a `target`.

    Example:
        >>> import hpo
        >>> study = hpo.create_study(direction="maximize", sampler=hpo.samplers.RandomSampler(), seed=1)
        >>> for _ in range(100):
        ...     trial = study.ask({"lr": hpo.FloatDistribution(1e-5, 1.0, log=True), "seed": hpo.IntDistribution(0, 9)})
        ...     _ = study.tell(trial, -abs(trial.params["lr"] - 0.01))
        >>> found = importances(study)
        >>> [(name, each.is_clear) for name, each in found.items()]
        [('lr', True), ('seed', False)]
        >>> found["lr"].low <= found["lr"].value <= found["lr"].high
        True
    """
    evidence = evidence_of(study, params=params, target=target, states=states, infeasible=infeasible)
    chosen = PedAnovaImportanceEvaluator() if evaluator is None else evaluator
    if isinstance(chosen, type) or not isinstance(chosen, ImportanceEvaluator):
        raise InvalidType(f"evaluator is an object with a method assess(evidence), got {chosen!r}")
    return chosen.assess(evidence)


def get_param_importances(
    study: HasState | StudyState,
    *,
    evaluator: Any = None,
    params: Sequence[str] | None = None,
    target: Target | None = None,
    normalize: bool = True,
) -> dict[str, float]:
    """Return the importance of each parameter by name, the largest first; see `importances` for all that is known.

    Args:
        study: A study or its state.
        evaluator: The measure; `PedAnovaImportanceEvaluator` by default. An object with the method of Optuna's evaluators,
            ``evaluate(study, params=, target=)``, will do.
        params: The parameters to assess, by name; by default all that the evaluator can assess.
        target: What matters instead of the objectives, less being better, as in `importances`.
        normalize: Whether the importances are divided by their sum; if all are 0, they are equal.

    Raises:
        InvalidArgument: no trial that counts has one of `params`, or another argument is not among those allowed.
        InvalidType: an argument has the wrong type.
        SeveralObjectives: the study has several objectives, and the evaluator needs a `target`.

    Example:
        >>> import hpo
        >>> study = hpo.create_study(sampler=hpo.samplers.RandomSampler(), seed=1)
        >>> for _ in range(100):
        ...     trial = study.ask({"x": hpo.FloatDistribution(-1.0, 1.0), "y": hpo.FloatDistribution(-1.0, 1.0)})
        ...     _ = study.tell(trial, trial.params["x"] ** 2)
        >>> found = get_param_importances(study)
        >>> list(found), found["x"] > 0.8, round(sum(found.values()), 6)
        (['x', 'y'], True, 1.0)
    """
    if evaluator is not None and not isinstance(evaluator, ImportanceEvaluator):
        return _by_others(evaluator, study, params, target, normalize=normalize)
    found = importances(study, evaluator=evaluator, params=params, target=target)
    return found.shares() if normalize else found.values_by_name()


def _by_others(
    evaluator: Any,
    study: HasState | StudyState,
    params: Sequence[str] | None,
    target: Target | None,
    *,
    normalize: bool,
) -> dict[str, float]:
    evaluate = None if isinstance(evaluator, type) else getattr(evaluator, "evaluate", None)
    if not callable(evaluate):
        raise InvalidType(
            "evaluator is an object with a method assess(evidence), or evaluate(study, params, target=), "
            f"got {evaluator!r}"
        )
    values = {str(name): float(value) for name, value in evaluate(study, params, target=target).items()}
    total = sum(values.values())
    if normalize:
        values = {name: value / total if total > 0.0 else 1.0 / len(values) for name, value in values.items()}
    return dict(sorted(values.items(), key=lambda item: (-item[1], item[0])))
