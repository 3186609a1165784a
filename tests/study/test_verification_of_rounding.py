"""What `verify` makes of values that differ in their last digits only."""

import math

import pytest

import hpo

ROUNDING = "floats were rounded differently, as by another version of numpy or scipy, or another processor"


@pytest.mark.parametrize(
    ("computed", "cause"),
    [
        (math.nextafter(0.3, 1.0), ROUNDING),
        (0.3 * (1 + 1e-12), ROUNDING),
        (0.3001, "the sampler is not the same function as then, or the recorded values were made up"),
    ],
)
def test_the_last_digits_are_laid_to_rounding_and_others_to_the_sampler(computed, cause):
    answers = [0.3]

    def sampler(state, trial, space, key):
        return hpo.Suggestion(dict.fromkeys(space, answers[-1]))

    study = hpo.create_study(sampler=sampler, space={"x": hpo.FloatDistribution(0, 1)})
    study.tell(study.ask(), 1.0)
    assert hpo.verify(study, sampler).clean
    answers.append(computed)
    difference = hpo.verify(study, sampler).first_difference
    assert (difference.recorded, difference.computed, difference.cause) == (0.3, computed, cause)


def test_another_choice_or_whole_number_is_no_rounding():
    answers = [10**12]

    def sampler(state, trial, space, key):
        return hpo.Suggestion(dict.fromkeys(space, answers[-1]))

    study = hpo.create_study(sampler=sampler, space={"n": hpo.IntDistribution(0, 10**13)})
    study.tell(study.ask(), 1.0)
    answers.append(10**12 + 1)
    assert "values were made up" in hpo.verify(study, sampler).first_difference.cause
