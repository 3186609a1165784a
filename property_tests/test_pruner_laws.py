"""Every registered pruner, with the options that matter, keeps the basic laws and those that it claims."""

import pytest
from hypothesis import HealthCheck, given, settings

from hpo.pruners import MedianPruner, NopPruner
from hpo.pruners.registry import PRUNERS
from hpo.testing import PrunerLaws, check_pruner
from hpo.testing.options import configured

EXAMPLES = settings.default.max_examples


def claims_of(pruner):
    return PRUNERS.find(type(pruner).__name__).claims


SUBJECTS = {
    **{registration.name: pruner for registration, pruner in PRUNERS.made_without_options()},
    "MedianFromTheStart": MedianPruner(n_startup_trials=1),
    "MedianAtSomeSteps": MedianPruner(n_startup_trials=0, n_warmup_steps=1, interval_steps=2, n_min_trials=2),
}

for name, pruner in SUBJECTS.items():
    laws = {"pruner": pruner, "claims": claims_of(pruner), "max_examples": EXAMPLES}
    globals()[f"Test{name}"] = type(f"Test{name}", (PrunerLaws,), laws)


def test_every_registered_pruner_is_tried():
    assert {registration.name for registration in PRUNERS} <= {type(pruner).__name__ for pruner in SUBJECTS.values()}


LAWS_FOR_ALL_OPTIONS = ["total", "silence_goes_on", "same_decision_twice", "mirror", "never_stops_the_leader"]


@pytest.mark.parametrize("kind", [registration.load() for registration in PRUNERS])
def test_whatever_the_options_are_the_decisions_are_sound(kind):
    laws = [
        law for law in LAWS_FOR_ALL_OPTIONS if law in (*LAWS_FOR_ALL_OPTIONS[:3], *PRUNERS.find(kind.__name__).claims)
    ]

    @given(pruner=configured(kind))
    @settings(max_examples=max(5, EXAMPLES // 5), suppress_health_check=[*HealthCheck])
    def sound(pruner):
        check_pruner(pruner, laws=laws, max_examples=30)

    check_pruner(
        NopPruner(), laws=["total", "mirror", "never_stops_the_leader"], max_examples=30
    )  # makes the questions
    sound()
