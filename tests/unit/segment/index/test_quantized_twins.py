"""Estimates of quantized codes beside plain numpy over the same stored codes."""

import numpy as np
import pytest
from slots import SEED, clustered, fit

from shared.schema.collections import Distance
from shared.schema.quantization import BinaryEncoding
from shared.segment.index.base import SlotIndex, SlotSearch
from shared.segment.index.binary_codes import KINDS_OF, BinaryCodes
from shared.segment.index.codes import Codes
from shared.segment.index.product_codes import ProductCodes
from shared.segment.index.rotation import Rotation
from shared.segment.layout import SlotLayout

ROWS = 40


def decoded(codes: BinaryCodes, encoding: BinaryEncoding) -> tuple[np.ndarray, np.ndarray]:
    """The values y (n, padded) that records stand for, and their floats factor, bias, sum."""
    padded = codes.flips.shape[1]
    ends = {BinaryEncoding.ONE_BIT: 1.0, BinaryEncoding.ONE_AND_HALF_BITS: 1.5, BinaryEncoding.TWO_BITS: 2.0}
    size = int(padded / 8 * ends[encoding])
    bits = np.unpackbits(codes.rows[:, :size], axis=1, bitorder="little").astype(np.float64)
    signs, rest = 2 * bits[:, :padded] - 1, bits[:, padded:]
    terms = np.ascontiguousarray(codes.rows[:, size : size + 12]).view(np.float32).astype(np.float64)
    if encoding is BinaryEncoding.TWO_BITS:
        return 2 * signs + 2 * rest - 1, terms
    if encoding is BinaryEncoding.ONE_AND_HALF_BITS:
        halves = rest.reshape(len(rest), -1, 32)
        larger = np.concatenate([halves, 1 - halves], axis=2).reshape(len(rest), padded)
        return signs * np.where(larger > 0, 12, 5), terms
    return signs, terms


def kept_query(codes: BinaryCodes, query: np.ndarray) -> np.ndarray:
    """The rotated query as its bits keep it."""
    turned = Rotation(len(query), SEED).apply(query[None])[0] - codes.mean
    if codes.query_bits == 1:
        return np.where(turned > 0, 1, -1) * np.abs(turned).mean()
    step = (turned.max() - turned.min()) / (2**codes.query_bits - 1)
    return turned.min() + step * np.floor((turned - turned.min()) / step + 0.5)


@pytest.mark.parametrize("dim", [64, 100, 512, 700])
@pytest.mark.parametrize("query_bits", [1, 4, 8])
@pytest.mark.parametrize("encoding", list(BinaryEncoding))
def test_binary_estimates_are_those_of_the_formula(encoding: BinaryEncoding, query_bits: int, dim: int) -> None:
    rows = fit(Distance.DOT, clustered(dim, ROWS, dim))
    codes = BinaryCodes.of(rows, encoding, SEED)
    codes.encode(rows, Distance.DOT, 0, ROWS)
    codes.query_bits = query_bits
    index = SlotIndex(SlotLayout(dim, Distance.DOT), rows, ROWS, codes=Codes(codes))

    found, scores = index.search(rows[3], SlotSearch(ROWS, is_rescored=False))

    values, terms = decoded(codes, encoding)
    query = kept_query(codes, rows[3])
    shift = float((Rotation(dim, SEED).apply(rows[3][None])[0] - codes.mean) @ codes.mean)
    truth = values @ query * terms[:, 0] + terms[:, 1] + shift
    np.testing.assert_allclose(terms[:, 2], values.sum(axis=1))
    np.testing.assert_allclose(scores, truth[found], atol=1e-3 * np.abs(truth).max())
    assert codes.shape.tolist() == [dim, KINDS_OF[encoding]]


@pytest.mark.parametrize("distance", list(Distance))
@pytest.mark.parametrize("compression", [4, 16, 64])
def test_product_estimates_are_scores_of_what_the_codes_stand_for(compression: int, distance: Distance) -> None:
    rows = fit(distance, clustered(compression, 600, 70))
    codes = ProductCodes.of(rows, compression, SEED, distance)
    codes.encode(rows, distance, 0, len(rows))
    index = SlotIndex(SlotLayout(70, distance), rows, len(rows), codes=Codes(codes))

    found, scores = index.search(rows[3], SlotSearch(600, is_rescored=False))

    parts = np.arange(codes.rows.shape[1])
    middles = codes.centroids[parts, :, codes.rows].reshape(len(rows), -1)[:, :70].astype(np.float64)
    away = middles - rows[3]
    truth = middles @ rows[3]
    if distance is Distance.EUCLID:
        truth = -np.sqrt((away * away).sum(axis=1))
    elif distance is Distance.MANHATTAN:
        truth = -np.abs(away).sum(axis=1)
    np.testing.assert_allclose(scores, truth[found], atol=0.01 * np.abs(truth).max())


def test_each_part_gets_its_nearest_centroid() -> None:
    rows = clustered(9, 300, 24)
    codes = ProductCodes.of(rows, 16, SEED, Distance.EUCLID)
    codes.encode(rows, Distance.EUCLID, 0, len(rows))

    squares = ((rows.reshape(300, 6, 4, 1) - codes.centroids[None]) ** 2).sum(axis=2)
    chosen = np.take_along_axis(squares, codes.rows[:, :, None].astype(np.int64), axis=2)[:, :, 0]

    np.testing.assert_allclose(chosen, squares.min(axis=2), rtol=1e-4, atol=1e-6)
