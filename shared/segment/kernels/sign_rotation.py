"""What 1-bit groups and binary records share: sixteen rows laid one per lane and rotated. Queries: sign_query.py."""

import math

import numpy as np
from numba import carray  # type: ignore[attr-defined]

from shared.segment.kernels.memory import float32_at
from shared.segment.kernels.registry import device, kernel
from shared.segment.kernels.sign_lanes import butterfly, scale_lanes

LANE_BYTES = 64
GROUP = 16


@device
def transform_width(padded):
    """Return the greatest power of two of dims that a Hadamard transform can cover."""
    width = 64
    while width * 2 <= padded:
        width *= 2
    return width


@device
def rotate(lanes, padded, flips, rounds):
    """Rotate sixteen rows in place: `rounds` of sign flips and a Hadamard transform.

    The transform covers the largest power of two of dims, in turn the first and the last of them, so that two
    neighbouring rounds overlap and all dims mix.
    """
    signs = carray(float32_at(flips), (rounds, padded))
    width = transform_width(padded)
    norm = np.float32(1 / math.sqrt(width))
    for step in range(rounds):
        start = 0 if step % 2 == 0 else padded - width
        for t in range(padded):
            inside = start <= t < start + width
            scale_lanes(lanes + t * LANE_BYTES, signs[step, t] * (norm if inside else np.float32(1)))
        base = lanes + start * LANE_BYTES
        half = 1
        while half < width:
            for first in range(0, width, 2 * half):
                for t in range(first, first + half):
                    butterfly(base + t * LANE_BYTES, base + (t + half) * LANE_BYTES)
            half *= 2


@kernel("int64(int64, int64, int64, int64)")
def rotate_lanes(lanes, padded, flips, rounds):
    """Rotate sixteen rows that lie one per lane: float32 (padded, 16)."""
    rotate(lanes, padded, flips, rounds)
    return 0


@device
def load_lanes(vectors, dim, first, last, lanes, padded):
    """Lay rows [first, last), at most sixteen, one per lane; zeros elsewhere."""
    out = carray(float32_at(lanes), (padded * GROUP,))
    out[:] = 0
    for row in range(first, last):
        values = carray(float32_at(vectors + row * dim * 4), (dim,))
        lane = row - first
        for t in range(dim):
            out[t * GROUP + lane] = values[t]
