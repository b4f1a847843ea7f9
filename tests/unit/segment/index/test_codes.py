"""Codes: the rotation keeps products, estimates order as scores do, pieces give what the whole gives."""

import numpy as np
import pytest
from slots import clustered, fit

from shared.schema.collections import Distance
from shared.segment.index.codes import BitCodes, ByteCodes, Rotation
from shared.segment.index.scratch import POOL
from shared.segment.kernels.table import AT, KINDS, SIZE, address

DIMS = [1, 63, 64, 65, 100, 128, 192, 384, 1000]


@pytest.mark.parametrize("dim", DIMS)
def test_rotation_keeps_inner_products_and_mixes_all_dims(dim):
    rotation = Rotation(dim, seed=3)
    vectors = np.random.default_rng(dim).standard_normal((40, dim)).astype(np.float32)

    rotated = rotation.apply(vectors)
    axis = rotation.apply(np.eye(1, dim, dtype=np.float32))[0]

    assert rotated.shape == (40, -(-max(dim, 64) // 64) * 64)
    np.testing.assert_allclose(rotated @ rotated.T, vectors @ vectors.T, rtol=1e-4, atol=1e-3)
    assert np.abs(axis).max() <= 8 / np.sqrt(rotation.padded)


def test_rotation_is_the_same_for_the_same_seed_and_another_for_another():
    flips = [Rotation(100, seed).flips.tobytes() for seed in (1, 1, 2)]

    assert flips[0] == flips[1] != flips[2]


@pytest.mark.parametrize("dim", [64, 100, 384])
def test_bits_are_the_signs_of_rotated_centred_rows_and_estimates_are_near(dim):
    vectors = fit(Distance.COSINE, clustered(1, 700, dim))
    rotation = Rotation(dim, 5)

    arrays = BitCodes.build(vectors, Distance.COSINE, 5).arrays()

    centred = rotation.apply(vectors) - rotation.apply(vectors.mean(axis=0)[None])
    words = np.asarray(arrays["words"]).transpose(0, 2, 1).reshape(-1, rotation.padded // 64)[:700]
    found = np.unpackbits(np.ascontiguousarray(words).view(np.uint8), axis=1, bitorder="little").astype(bool)
    sure = np.abs(centred) > 1e-6
    assert (found == (centred > 0))[sure].all()
    factor, bias, ones = np.asarray(arrays["meta"]).transpose(1, 0, 2).reshape(3, -1)[:, :700]
    assert ones.tolist() == found.sum(axis=1).tolist()
    query = centred[0]
    estimates = (np.where(found, 1, -1) @ query) / np.sqrt(rotation.padded) * factor + bias
    shift = query @ rotation.apply(vectors.mean(axis=0)[None])[0]
    errors = estimates + shift - vectors @ vectors[0]
    assert np.sqrt(np.mean(errors**2)) < 1.2 / np.sqrt(dim)


@pytest.mark.parametrize("distance", [Distance.COSINE, Distance.DOT, Distance.EUCLID])
def test_codes_appended_in_pieces_are_those_appended_at_once(distance):
    vectors = fit(distance, clustered(2, 1500, 70))
    whole, pieces = BitCodes(70, distance, 1), BitCodes(70, distance, 1)

    whole.append(vectors, 0)
    for first, last in [(0, 999), (999, 1003), (1003, 1004), (1004, 1200), (1200, 1500)]:
        pieces.append(vectors[:last], first)

    for name, array in whole.arrays().items():
        assert np.asarray(array).tobytes() == np.asarray(pieces.arrays()[name]).tobytes(), name


def test_rows_equal_to_the_mean_and_zero_queries_do_no_harm():
    vectors = np.zeros((1200, 64), dtype=np.float32)

    meta = np.asarray(BitCodes.build(vectors, Distance.EUCLID, 1).arrays()["meta"])

    assert np.isfinite(meta).all()


@pytest.mark.parametrize("distance", list(Distance))
@pytest.mark.parametrize("dim", [1, 64, 100])
def test_byte_codes_are_rounded_clipped_and_padded(distance, dim):
    vectors = clustered(3, 300, dim)

    codes = ByteCodes.build(vectors, distance)

    wanted = np.clip((vectors - codes.centre) * codes.scale[0], -128, 127)
    assert np.abs(codes.rows[:, :dim].astype(np.float32) - 128 - wanted).max() <= 0.5001
    assert (codes.rows[:, dim:] == 128).all()
    assert codes.rows.ctypes.data % 64 == 0
    if distance is Distance.EUCLID:
        squares = ((codes.rows.astype(np.int64) - 128) ** 2).sum(axis=1)
        assert codes.halves.tolist() == ((squares + 1) // 2).tolist()


def test_whole_numbers_in_a_byte_are_kept_exactly():
    vectors = np.random.default_rng(1).integers(0, 256, (200, 128)).astype(np.float32)

    codes = ByteCodes.build(vectors, Distance.EUCLID)

    assert (codes.rows == vectors).all()


def test_long_rows_are_not_clipped_under_dot():
    vectors = np.ones((1000, 8), dtype=np.float32)
    vectors[7] = 500

    codes = ByteCodes.build(vectors, Distance.DOT)

    assert codes.rows[7].tolist() == [255] * 8 + [128] * 56


def test_tables_name_what_kernels_read():
    codes = ByteCodes.build(clustered(4, 10, 3), Distance.DOT)
    table = np.zeros(SIZE, dtype=np.int64)

    codes.fill(table)

    assert table[AT.byte_rows] == address(codes.rows)
    assert table[AT.byte_stride] == 64
    assert set(KINDS) == set(Distance)
    assert POOL is not None
