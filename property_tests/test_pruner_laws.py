"""Every pruner of this library, with the options that matter, keeps the basic laws and those that it claims."""

import pytest
from hypothesis import HealthCheck, given, settings

from hpo.pruners import MedianPruner, NopPruner
from hpo.testing import PrunerLaws, check_pruner
from hpo.testing.options import configured

EXAMPLES = settings.default.max_examples
MEDIAN = ("affine", "mirror", "never_stops_the_leader", "bounded_work")


class TestMedian(PrunerLaws):
    pruner = MedianPruner(n_startup_trials=1)
    claims = MEDIAN
    max_examples = EXAMPLES


class TestMedianAtSomeSteps(PrunerLaws):
    pruner = MedianPruner(n_startup_trials=0, n_warmup_steps=1, interval_steps=2, n_min_trials=2)
    claims = MEDIAN
    max_examples = EXAMPLES


class TestNop(PrunerLaws):
    pruner = NopPruner()
    claims = ("rank_based", *MEDIAN)
    max_examples = EXAMPLES


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
