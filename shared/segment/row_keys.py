"""The value of one payload field that each row of a build is ordered by, as a rank.

Of several values the first counts. Rows without one come last, together: they are a block of their own.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shared.schema.dates import micros_of
from shared.schema.payload_index import FieldType
from shared.schema.row_order import RowOrder
from shared.segment.columns.parse import Cells, Found, payload_cells
from shared.segment.columns.paths import parse_path
from shared.segment.gather import LiveRows

BATCH_ROWS = 4096
"""Payloads that are decoded in one go."""

Ranks = NDArray[np.int32]


def ranks_of(live: LiveRows, order: RowOrder) -> Ranks:
    """Return the rank of each row's value among all, int32 (n,), equal for equal values; without one the greatest."""
    return _group_ranks(live, order) if order.is_grouped else _value_ranks(live, order)


def block_starts(ranks: Ranks) -> NDArray[np.int64]:
    """Return where the blocks of equal ranks begin, and the end, of rows that lie in the order of their ranks."""
    changes = np.flatnonzero(ranks[1:] != ranks[:-1]) + 1
    return np.concatenate([[0], changes, [len(ranks)]]).astype(np.int64) if len(ranks) else np.zeros(1, np.int64)


def _group_ranks(live: LiveRows, order: RowOrder) -> Ranks:
    numbers: dict[Any, int] = {}
    codes = np.full(len(live), -1, dtype=np.int32)
    for first, cells in _cells(live, order.key):
        found = cells.integers if order.type is FieldType.INTEGER else cells.texts
        rows, values = _first_of_each(found)
        codes[rows + first] = [numbers.setdefault(value, len(numbers)) for value in values]
    ranks = np.empty(len(numbers) + 1, dtype=np.int32)
    ranks[[numbers[value] for value in sorted(numbers)]] = np.arange(len(numbers), dtype=np.int32)
    ranks[-1] = len(numbers)
    return ranks[codes]


def _value_ranks(live: LiveRows, order: RowOrder) -> Ranks:
    values = np.full(len(live), np.inf)
    for first, cells in _cells(live, order.key):
        for found in (_dates(cells.texts),) if order.type is FieldType.DATETIME else (cells.integers, cells.floats):
            rows, numbers = _first_of_each(found)
            values[rows + first] = np.asarray(numbers, dtype=np.float64)
    return np.unique(values, return_inverse=True)[1].astype(np.int32)


def _dates(texts: Found) -> Found:
    read = [(row, micros) for row, text in zip(*texts, strict=True) if (micros := micros_of(text)) is not None]
    return Found([row for row, _ in read], [micros for _, micros in read])


def _cells(live: LiveRows, key: str) -> Iterator[tuple[int, Cells]]:
    read = payload_cells(parse_path(key))
    for first in range(0, len(live), BATCH_ROWS):
        yield first, read(live.texts(slice(first, min(first + BATCH_ROWS, len(live)))))


def _first_of_each(found: Found) -> tuple[NDArray[np.int64], list[Any]]:
    """Return rows without repetition, and the first value of each."""
    rows, places = np.unique(np.asarray(found.rows, dtype=np.int64), return_index=True)
    return rows, found.values if len(rows) == len(found.rows) else [found.values[place] for place in places.tolist()]
