"""Mirrored and orthogonal vectors: each normal by itself, spread evenly together."""

import numpy as np
import pytest

from hpo.numerics.cma_es.mirrored import mirrored_orthogonal


@pytest.mark.parametrize(("pairs", "n"), [(1, 1), (4, 1), (4, 5), (5, 5), (7, 3), (1, 10)])
def test_vectors_are_opposite_pairs_orthogonal_within_groups(pairs, n):
    sets = mirrored_orthogonal(np.random.default_rng(0).standard_normal((2, pairs, n)))
    assert sets.shape == (2, 2 * pairs, n)
    assert (sets[0] != sets[1]).all()
    vectors = sets[1]
    assert (vectors[1::2] == -vectors[::2]).all()
    for first in range(0, pairs, n):
        group = vectors[::2][first : first + n]
        products = group @ group.T
        assert products - np.diag(np.diagonal(products)) == pytest.approx(np.zeros((len(group), len(group))), abs=1e-9)


def test_lengths_are_those_of_the_normals():
    normals = np.random.default_rng(1).standard_normal((3, 4, 6))
    lengths = np.linalg.norm(mirrored_orthogonal(normals)[:, ::2], axis=2)
    assert lengths == pytest.approx(np.linalg.norm(normals, axis=2))


def test_each_vector_is_marginally_standard_normal():
    sets = mirrored_orthogonal(np.random.default_rng(2).standard_normal((4000, 3, 3)))
    for row in (0, 1, 4, 5):
        vectors = sets[:, row]
        assert abs(vectors.mean(axis=0)).max() < 0.08
        assert np.cov(vectors.T) == pytest.approx(np.eye(3), abs=0.1)
        assert (abs(vectors) > 2.0).mean() == pytest.approx(0.0455, abs=0.01)
