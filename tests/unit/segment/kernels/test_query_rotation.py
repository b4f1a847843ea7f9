"""A query is rotated alone, rows sixteen at once: both must turn into the same floats."""

import numpy as np
import pytest

from shared.segment.index.rotation import Rotation
from shared.segment.kernels.sign_query import rotate_row
from shared.segment.kernels.table import address

SEED = 3


@pytest.mark.parametrize("dim", [1, 64, 100, 128, 192, 384, 1000, 1536])
def test_a_row_rotated_alone_has_the_very_floats_of_one_among_sixteen(dim: int) -> None:
    rotation = Rotation(dim, SEED)
    row = np.random.default_rng(dim).standard_normal(dim).astype(np.float32)
    alone = np.zeros(rotation.padded, dtype=np.float32)
    alone[:dim] = row

    rotate_row(address(alone), rotation.padded, address(rotation.flips), len(rotation.flips))

    np.testing.assert_array_equal(alone, rotation.apply(row[None])[0])
