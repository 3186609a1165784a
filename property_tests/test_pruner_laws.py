"""Every registered pruner, with the options that matter, keeps the basic laws and those that it claims."""

import pytest
from hypothesis import HealthCheck, given, settings

from hpo.pruners import (
    AfterStep,
    All,
    Any,
    ByMetric,
    CurvePruner,
    HyperbandPruner,
    MedianPruner,
    NopPruner,
    ParetoHalvingPruner,
    PatientPruner,
    PercentilePruner,
    RushPruner,
    SuccessiveHalvingPruner,
    ThresholdPruner,
    WilcoxonPruner,
)
from hpo.pruners.registry import PRUNERS
from hpo.testing import PrunerLaws, check_pruner
from hpo.testing.options import configured

EXAMPLES = settings.default.max_examples


def claims_of(pruner):
    if isinstance(pruner, ParetoHalvingPruner) and pruner.metrics:  # the claims are about the values of one objective
        return ("bounded_work",)
    return PRUNERS.find(type(pruner).__name__).claims


SUBJECTS = {
    **{registration.name: pruner for registration, pruner in PRUNERS.made_without_options()},
    "MedianFromTheStart": MedianPruner(n_startup_trials=1),
    "MedianAtSomeSteps": MedianPruner(n_startup_trials=0, n_warmup_steps=1, interval_steps=2, n_min_trials=2),
    "Quarter": PercentilePruner(25.0, n_startup_trials=0),
    "Threshold": ThresholdPruner(lower=-2.0, upper=3.0),
    "Patient": PatientPruner(None, patience=1),
    "PatientWilcoxon": PatientPruner(WilcoxonPruner(p_threshold=0.5, n_startup_steps=1), patience=0),
    "Halving": SuccessiveHalvingPruner(min_resource=1, reduction_factor=2),
    "HyperbandOfFourBrackets": HyperbandPruner(max_resource=8, reduction_factor=2),
    "Curve": CurvePruner(n_startup_trials=1, n_startup_steps=1, p_threshold=0.4),
    "ParetoOfTwoMetrics": ParetoHalvingPruner(1, 2, metrics=["loss", "accuracy"], directions=["minimize", "maximize"]),
    "Rush": RushPruner(SuccessiveHalvingPruner(min_resource=1, reduction_factor=2)),
    "AfterStep": AfterStep(MedianPruner(n_startup_trials=0), 2),
    "Any": Any(MedianPruner(n_startup_trials=0), SuccessiveHalvingPruner(min_resource=1)),
    "All": All(MedianPruner(n_startup_trials=0), SuccessiveHalvingPruner(min_resource=1)),
    "ByMetric": ByMetric(MedianPruner(n_startup_trials=0), "loss"),
}

# the options to try for fields that have no default or hold other pruners, and for those that give up a claim
SAMPLES = {
    "All": {"pruners": [(MedianPruner(n_startup_trials=0), NopPruner())]},
    "Any": {"pruners": [(MedianPruner(n_startup_trials=0), NopPruner())]},
    "AfterStep": {"pruner": [MedianPruner(n_startup_trials=0)], "step": [0, 1, 4]},
    "ByMetric": {"pruner": [MedianPruner(n_startup_trials=0)], "metric": ["loss"]},
    "HyperbandPruner": {"bootstrap_count": [0]},
    "PatientPruner": {"wrapped_pruner": [None, MedianPruner(n_startup_trials=0)], "patience": [0, 1, 3]},
    "PercentilePruner": {"percentile": [0.0, 25.0, 50.0, 100.0]},
    "RushPruner": {"wrapped_pruner": [NopPruner(), SuccessiveHalvingPruner(min_resource=1)]},
    "SuccessiveHalvingPruner": {"bootstrap_count": [0]},
    "ThresholdPruner": {"upper": [None, 0.0, 2.0]},
}

for name, pruner in SUBJECTS.items():
    laws = {"pruner": pruner, "claims": claims_of(pruner), "max_examples": EXAMPLES}
    if isinstance(pruner, ParetoHalvingPruner):  # the name of a metric says which objective it is
        laws["test_relabel"] = None
    globals()[f"Test{name}"] = type(f"Test{name}", (PrunerLaws,), laws)


def test_every_registered_pruner_is_tried():
    assert {registration.name for registration in PRUNERS} <= {type(pruner).__name__ for pruner in SUBJECTS.values()}


LAWS_FOR_ALL_OPTIONS = ["total", "silence_goes_on", "same_decision_twice", "mirror", "never_stops_the_leader"]


@pytest.mark.parametrize("kind", [registration.load() for registration in PRUNERS])
def test_whatever_the_options_are_the_decisions_are_sound(kind):
    laws = [
        law for law in LAWS_FOR_ALL_OPTIONS if law in (*LAWS_FOR_ALL_OPTIONS[:3], *PRUNERS.find(kind.__name__).claims)
    ]

    share = 50 if kind is CurvePruner else 5  # whose answers take a regression each

    @given(pruner=configured(kind, **SAMPLES.get(kind.__name__, {})))
    @settings(max_examples=max(4, EXAMPLES // share), suppress_health_check=[*HealthCheck])
    def sound(pruner):
        check_pruner(pruner, laws=laws, max_examples=30)

    check_pruner(
        NopPruner(), laws=["total", "mirror", "never_stops_the_leader"], max_examples=30
    )  # makes the questions
    sound()
