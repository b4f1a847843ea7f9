"""Row codes of every kind behind three steps: encode the query, rank a row by its code, end a search.

A kernel that names a codec as a constant is compiled for it alone: these steps are inlined and their branches folded.
The built-in int8 codes have kernels of their own that way (`walk`, `scan_bytes`); the codes of a quantization share the
kernels that read the codec from the table.
"""

import math

import numpy as np
from numba import carray  # type: ignore[attr-defined]

from shared.segment.kernels.binary_rows import binary_estimate, binary_score, encode_query_binary
from shared.segment.kernels.bytes_scan import byte_estimate, encode_query_bytes
from shared.segment.kernels.keys import estimate_key, heap_keep, key_row, key_score, score_key
from shared.segment.kernels.memory import float32_at, int8_at, int64_at
from shared.segment.kernels.product_rows import encode_query_product, product_estimate, product_score
from shared.segment.kernels.registry import device, inlined
from shared.segment.kernels.scores import rescore, row_score, write_hits
from shared.segment.kernels.table import AT, BINARY, BYTES, DOT, EUCLID, PRODUCT


@inlined
def encode_query(table, codec):
    """Encode the query as rows of this codec are compared with it."""
    if codec == BYTES:
        encode_query_bytes(table)
    elif codec == PRODUCT:
        encode_query_product(table)
    elif codec == BINARY:
        encode_query_binary(table)


@inlined
def code_key(table, codec, code, row):
    """Return the key of a row whose code is at an address; of a raw row for the codec RAW."""
    if codec == BYTES:
        return estimate_key(byte_estimate(table, table[AT.query_bytes], code, row), row)
    if codec == PRODUCT:
        return estimate_key(product_estimate(table, code), row)
    if codec == BINARY:
        return score_key(binary_estimate(table, code), row)
    return score_key(row_score(table[AT.kind], table[AT.query], code, table[AT.dim], table[AT.element]), row)


@device
def byte_score(table, estimate):
    """Return the score that an int8 estimate stands for."""
    dim = table[AT.dim]
    scale = carray(float32_at(table[AT.byte_scale]), (1,))[0]
    if table[AT.kind] == DOT:
        query = carray(float32_at(table[AT.query]), (dim,))
        centre = carray(float32_at(table[AT.byte_centre]), (dim,))
        largest = np.float32(0)
        shift = np.float32(0)
        for t in range(dim):
            largest = max(largest, abs(query[t]))
            shift += query[t] * centre[t]
        return np.float32(estimate) * largest / (np.float32(127) * scale) + shift
    if table[AT.kind] == EUCLID:
        codes = carray(int8_at(table[AT.query_bytes]), (dim,))
        square = np.int64(0)
        for t in range(dim):
            square += np.int64(codes[t]) * np.int64(codes[t])
        return np.float32(0) - np.float32(math.sqrt(max(np.float64(0), square - 2.0 * estimate))) / scale
    return np.float32(estimate) / scale


@inlined
def score_of(table, key, codec):
    """Return the score that a key of a codec stands for."""
    if codec == BYTES:
        return byte_score(table, -(key >> np.int64(32)))
    if codec == PRODUCT:
        return product_score(table, -(key >> np.int64(32)))
    if codec == BINARY:
        return binary_score(table, key_score(key))
    return key_score(key)


@inlined
def finish(table, keys, size, codec):
    """Write the best `limit` of the rows of `size` keys: by their exact scores, or, where asked, by what codes say."""
    if table[AT.is_estimated] == 0:
        return rescore(table, keys, size)
    best = carray(int64_at(table[AT.best]), (table[AT.limit],))
    hits = 0
    for place in range(size):
        row = key_row(keys[place])
        hits = heap_keep(best, hits, table[AT.limit], score_key(score_of(table, keys[place], codec), row))
    write_hits(table, best, hits)
    return hits
