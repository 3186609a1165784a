"""Every pruner of this library, with the options that matter, keeps the basic laws and those that it claims."""

import pytest
from hypothesis import HealthCheck, given, settings

from hpo.pruners import MedianPruner, NopPruner
from hpo.pruners.registry import PRUNERS
from hpo.testing import PrunerLaws, check_pruner
from hpo.testing.options import configured

EXAMPLES = settings.default.max_examples
CLAIMS = {registration.name: registration.claims for registration in PRUNERS.built_in}
SUBJECTS = {
    **{registration.name: pruner for registration, pruner in PRUNERS.made_without_options()},
    "MedianFromTheSecondTrialOn": MedianPruner(n_startup_trials=1),
    "MedianAtSomeSteps": MedianPruner(n_startup_trials=0, n_warmup_steps=1, interval_steps=2, n_min_trials=2),
}

for name, pruner in SUBJECTS.items():
    laws = {"pruner": pruner, "claims": CLAIMS[type(pruner).__name__], "max_examples": EXAMPLES}
    globals()[f"Test{name}"] = type(f"Test{name}", (PrunerLaws,), laws)


def test_every_registered_pruner_is_tried():
    assert {type(pruner).__name__ for pruner in SUBJECTS.values()} == {*CLAIMS}


LAWS_FOR_ALL_OPTIONS = ["total", "silence_goes_on", "same_decision_twice", "mirror", "never_stops_the_leader"]


@pytest.mark.parametrize("kind", [MedianPruner])
def test_whatever_the_options_are_the_decisions_are_sound(kind):
    @given(pruner=configured(kind))
    @settings(max_examples=max(5, EXAMPLES // 5), suppress_health_check=[*HealthCheck])
    def sound(pruner):
        check_pruner(pruner, laws=LAWS_FOR_ALL_OPTIONS, max_examples=30)

    check_pruner(
        NopPruner(), laws=["total", "mirror", "never_stops_the_leader"], max_examples=30
    )  # makes the questions
    sound()
