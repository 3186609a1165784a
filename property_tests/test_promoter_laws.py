"""Every registered promoter, with the options that matter, keeps the laws of promoters."""

import pytest
from hypothesis import HealthCheck, given, settings

from hpo.pruners import PromotionHalving
from hpo.pruners.registry import PROMOTERS
from hpo.testing import PromoterLaws, check_promoter
from hpo.testing.options import configured

EXAMPLES = settings.default.max_examples
SUBJECTS = {registration.name: promoter for registration, promoter in PROMOTERS.made_without_options()}

for name, promoter in SUBJECTS.items():
    laws = {"promoter": promoter, "max_examples": max(5, EXAMPLES // 10)}
    globals()[f"Test{name}"] = type(f"Test{name}", (PromoterLaws,), laws)


def test_every_registered_promoter_is_tried():
    assert {entry.name for entry in PROMOTERS} <= {type(promoter).__name__ for promoter in SUBJECTS.values()}


@pytest.mark.parametrize("kind", [registration.load() for registration in PROMOTERS])
def test_whatever_the_options_are_the_answers_are_sound(kind):
    @given(promoter=configured(kind))
    @settings(max_examples=max(5, EXAMPLES // 20), suppress_health_check=[*HealthCheck])
    def sound(promoter):
        check_promoter(promoter, laws=["total", "same_answer_twice"], max_examples=10)

    check_promoter(PromotionHalving(), laws=["total"], max_examples=10)  # makes the questions
    sound()
