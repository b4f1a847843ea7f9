"""Sums over two rows: right, the same bits for any address and CPU level, and made of the instructions meant."""

import json
import subprocess
import sys
from pathlib import Path

import numba
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.schema.collections import Distance
from shared.segment.distance import exact_scores, score_twin
from shared.segment.index.exact import score_rows
from shared.segment.kernels import LEVEL
from shared.segment.kernels.byte_rows import byte_absolute, byte_dot_plain, byte_dot_vnni
from shared.segment.kernels.table import address
from shared.settings import Settings, child_environment, variable_of

ROOT = Path(__file__).resolve().parents[4]
DIMS = st.one_of(st.integers(1, 200), st.sampled_from([384, 768]))


def rows_of(seed: int, count: int, dim: int, scale: float = 1.0) -> np.ndarray:
    return (np.random.default_rng(seed).standard_normal((count, dim)) * scale).astype(np.float32)


@settings(deadline=None, max_examples=60)
@given(dim=DIMS, seed=st.integers(0, 2**32 - 1), scale=st.sampled_from([1e-12, 1.0, 1e6]))
def test_scores_agree_with_float64_under_every_distance(dim, seed, scale):
    vectors, query = rows_of(seed, 7, dim, scale), rows_of(seed + 1, 1, dim, scale)[0]

    found = {distance: score_rows(distance, vectors, query, np.arange(7)) for distance in Distance}

    for distance, scores in found.items():
        size = scale if distance in (Distance.EUCLID, Distance.MANHATTAN) else scale * scale
        np.testing.assert_allclose(scores, exact_scores(distance, vectors, query), rtol=2e-5, atol=2e-5 * size * dim)


@settings(deadline=None, max_examples=60)
@given(dim=DIMS, seed=st.integers(0, 2**32 - 1))
def test_scores_follow_the_written_order_of_summation_bit_for_bit(dim, seed):
    """On multiples of 1/256 the twin's emulated fused steps are exact, so any other order would show."""
    vectors, query = (np.round(rows * 256) / 256 for rows in (rows_of(seed, 4, dim), rows_of(seed + 1, 1, dim)))
    vectors, query = vectors.astype(np.float32), query[0].astype(np.float32)

    found = {distance: score_rows(distance, vectors, query, np.arange(4)) for distance in Distance}

    for distance, scores in found.items():
        expected = np.array([score_twin(distance, row, query) for row in vectors])
        assert scores.tobytes() == expected.tobytes()


def test_scores_do_not_depend_on_where_a_row_lies():
    vectors, query = rows_of(1, 5, 77), rows_of(2, 1, 77)[0]
    room = np.zeros(5 * 77 + 16, dtype=np.float32)

    expected = score_rows(Distance.DOT, vectors, query, np.arange(5))

    for shift in range(16):
        moved = room[shift : shift + 5 * 77].reshape(5, 77)
        moved[:] = vectors
        assert score_rows(Distance.DOT, moved, query, np.arange(5)).tobytes() == expected.tobytes()


def test_a_score_is_never_minus_zero():
    vectors = np.zeros((1, 5), dtype=np.float32)

    scores = [score_rows(distance, vectors, -vectors[0], np.arange(1)) for distance in Distance]

    assert not np.signbit(np.concatenate(scores)).any()


def test_every_cpu_level_gives_the_same_bits():
    program = (
        "import json, numpy as np\n"
        "from shared.schema.collections import Distance\n"
        "from shared.segment.index.exact import score_rows\n"
        "from shared.segment.kernels import LEVEL\n"
        "draw = np.random.default_rng(5)\n"
        "out = [LEVEL.name]\n"
        "for dim in (1, 17, 63, 64, 100, 384):\n"
        "    rows = draw.standard_normal((20, dim)).astype(np.float32)\n"
        "    out += [score_rows(kind, rows, rows[3], np.arange(20)).tobytes().hex() for kind in Distance]\n"
        "print(json.dumps(out))\n"
    )

    answers = []
    for level in ("v3", LEVEL.name):
        environment = child_environment(Settings(), {variable_of("kernel_level"): level})
        run = subprocess.run(
            [sys.executable, "-W", "ignore", "-c", program], cwd=ROOT, env=environment, capture_output=True, check=True
        )
        answers.append(json.loads(run.stdout))

    assert [answer[0] for answer in answers] == ["v3", LEVEL.name]
    assert answers[0][1:] == answers[1][1:]


@pytest.mark.parametrize("size", [64, 128, 192, 384, 1536])
def test_byte_sums_agree_with_numpy_in_every_form(size):
    draw = np.random.default_rng(size)
    rows, query = draw.integers(0, 256, (9, size), dtype=np.uint8), draw.integers(-128, 128, size, dtype=np.int8)

    forms = {"plain": _over_rows(byte_dot_plain), "absolute": _over_rows(byte_absolute)}
    if LEVEL.has_vnni:
        forms["vnni"] = _over_rows(byte_dot_vnni)
    found = {name: form(address(rows), address(query), size, len(rows)) for name, form in forms.items()}

    products = rows.astype(np.int64) @ query.astype(np.int64)
    for name in found.keys() - {"absolute"}:
        np.testing.assert_array_equal(found[name], products)
    differences = np.abs(rows.astype(np.int64) - query.astype(np.int64) - 128).sum(axis=1)
    np.testing.assert_array_equal(found["absolute"], differences)


def test_the_vnni_form_is_the_instruction():
    if not LEVEL.has_vnni:
        assert LEVEL.name != "v4-vnni"
        return

    form = _over_rows(byte_dot_vnni)
    form(0, 0, 0, 0)

    assert "vpdpbusd" in next(iter(form.inspect_asm().values()))


def _over_rows(total):
    @numba.njit
    def over_rows(rows, query, size, count):
        out = np.empty(count, np.int64)
        for row in range(count):
            out[row] = total(rows + row * size, query, size)
        return out

    return over_rows
