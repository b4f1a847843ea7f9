"""The table that the search kernels take: one int64 array of addresses and numbers, in three parts.

The first part belongs to an index and is copied whole, the second to the scratch that a running kernel leased, the rest
to one call. Addresses are of C-contiguous arrays; 0 means that there is none.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from shared.schema.collections import Distance

DOT, EUCLID, MANHATTAN = 0, 1, 2
"""Kinds of score."""

FLOAT32, FLOAT16, UINT8, UNIT_UINT8 = 0, 1, 2, 3
"""Elements of stored vectors. Rows of the last are compared as if they had unit length: bytes under Cosine."""

BYTES, PRODUCT, BINARY, RAW = 0, 1, 2, 3
"""What the rows that a walk or a scan reads hold: int8 codes, product codes, binary records, raw vectors."""

KINDS = {Distance.COSINE: DOT, Distance.DOT: DOT, Distance.EUCLID: EUCLID, Distance.MANHATTAN: MANHATTAN}


class Table(NamedTuple):
    """Where each field of the table is."""

    # of the index
    kind: int = 0
    dim: int = 1
    rows: int = 2
    vectors: int = 3  # (count, dim) of the element
    byte_rows: int = 4  # uint8 (count, byte_stride): the row codes, of whichever codec
    byte_stride: int = 5  # bytes of a row, a multiple of 64 for int8 codes
    byte_halves: int = 6  # int32 (count,), only read under Euclid
    byte_centre: int = 7  # float32 (dim,)
    byte_scale: int = 8  # float32 (1,)
    sign_words: int = 9  # uint64 (groups, padded / 64, 16)
    sign_meta: int = 10  # float32 (groups, 3, 16): factor, bias, ones
    sign_padded: int = 11  # rotated dims, a multiple of 64
    sign_mean: int = 12  # float32 (padded,), rotated
    sign_flips: int = 13  # float32 (rounds, padded)
    sign_rounds: int = 14
    offsets: int = 15  # int64 (count + 1,)
    neighbors: int = 16  # int32
    entries: int = 17  # int32 (entry_count,)
    entry_count: int = 18
    entry_rows: int = 19  # uint8 (entry_count, byte_stride): copies of their codes
    element: int = 20  # how `vectors` are stored: FLOAT32, FLOAT16, UINT8, UNIT_UINT8
    codec: int = 21  # of the row codes: BYTES, PRODUCT, BINARY, RAW
    product_centroids: int = 22  # float32 (parts, size, 256)
    product_middles: int = 23  # float32 (parts, size): of each part's centroids
    product_radii: int = 24  # float32 (parts,): the greatest distance of a centroid from its part's middle
    product_parts: int = 25
    product_size: int = 26  # elements of a part
    binary_kind: int = 27  # see binary_rows.py
    query_bits: int = 28  # of a query's codes beside binary ones: 1, 4, 8
    # 29 to 31 are free for indexes
    # of the scratch
    query: int = 32  # float32 (dim,)
    query_bytes: int = 33  # int8 (byte_stride,)
    lanes: int = 34  # float32 (padded, 16)
    planes: int = 35  # uint64 (padded / 64, 4)
    estimates: int = 36  # float32 (64,)
    heap: int = 37  # int64 (candidates,)
    best: int = 38  # int64 (limit,)
    beam: int = 39  # int64 (beam_capacity,)
    pending: int = 40  # int32 (4096,)
    visited: int = 41  # uint8 (count,)
    out_rows: int = 42  # int64 (limit,)
    out_scores: int = 43  # float32 (limit,)
    lookups: int = 69  # uint16 (parts, 256)
    part_lows: int = 70  # float32 (parts,)
    query_planes: int = 72  # uint64 (blocks, query_bits, 8)
    query_terms: int = 73  # float32 (8,)
    # of the call
    words: int = 44  # uint64 (word_count,)
    word_count: int = 45
    listed: int = 75  # int64 (listed_count,): the passing rows, instead of words; 0 where words say it
    listed_count: int = 76
    limit: int = 46
    ef: int = 47
    candidates: int = 48  # how many candidates are scored exactly
    epoch: int = 49
    beam_capacity: int = 50
    budget: int = 51  # rows that a walk may estimate
    is_estimated: int = 74  # 1: hits carry what the codes say, raw rows are not read
    floor: int = 68  # float32 bits: a score that enough rows elsewhere reach
    # results
    hits: int = 52
    scored: int = 53  # rows estimated
    status: int = 54
    exact: int = 55  # float32 (candidates,), of the scratch: the candidates' scores in the order of their keys
    hops: int = 56
    byte_shift: int = 66  # 128 times the sum of the query codes in use
    pending_keys: int = 57  # int64 (4096,), of the scratch
    threshold: int = 67  # float32 bits: rows with lesser 1-bit estimates hardly belong
    # of a build: the index part describes the build's own codes
    other_bytes: int = 58  # int8 (byte_stride,), of the scratch
    list_offsets: int = 59  # int64 (count + 1,): candidates of each row
    list_rows: int = 60  # int32, -1 for none
    chosen: int = 61  # int32 (count, width): the lists that pruning writes, -1 where they end
    width: int = 62
    alpha_milli: int = 63  # 1,000 times alpha
    nearest: int = 65  # int32 (count, NEAREST): the nearest rows that refining found, -1 where they end
    fill: int = 64  # shorter lists are filled up to so many with the nearest pruned candidates


AT = Table()
INDEX_PART = AT.query
CALL_PART = slice(AT.words, AT.budget + 1)
SIZE = max(AT) + 1

FINISHED, UNSURE, EXHAUSTED = 0, 1, 2
"""Statuses: done; a better row may lie outside the candidates; the walk's budget ran out or it found too little."""


def address(array: npt.NDArray[np.generic] | None) -> int:
    """Return the address of an array's first element, 0 for None."""
    if array is None:
        return 0
    assert array.flags.c_contiguous, "kernels read C-contiguous arrays only"
    return int(array.__array_interface__["data"][0])
