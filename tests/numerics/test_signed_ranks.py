"""The signed-rank test agrees with scipy's."""

import math
import warnings

import numpy as np
import pytest
from scipy.stats import wilcoxon

from hpo.numerics.signed_ranks import signed_rank_p_value


@pytest.mark.parametrize("kind", ["continuous", "ties and zeros", "ties"])
def test_p_values_are_those_of_scipy(kind):
    rng = np.random.default_rng(0)
    for _ in range(60):
        n = int(rng.integers(2, 70))
        differences = {
            "continuous": rng.normal(size=n),
            "ties and zeros": rng.integers(-5, 6, size=n).astype(float),
            "ties": np.round(rng.normal(0.2, 1.0, size=n), 1) + 0.05,
        }[kind]
        if not differences.any():
            continue
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            expected = wilcoxon(differences, alternative="greater", zero_method="zsplit").pvalue
        assert signed_rank_p_value([*differences]) == pytest.approx(expected, rel=1e-9, abs=1e-15)


def test_infinities_are_the_largest_differences():
    assert signed_rank_p_value([math.inf, 1.0, -2.0]) == signed_rank_p_value([9.0, 1.0, -2.0])


@pytest.mark.parametrize("differences", [[], [math.nan, 1.0]])
def test_nothing_to_test_is_an_error(differences):
    with pytest.raises(ValueError, match="at least one difference"):
        signed_rank_p_value(differences)
