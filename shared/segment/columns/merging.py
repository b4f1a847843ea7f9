"""What several parts of a column say, as one answer: kinds of value, own payloads and edits."""

from collections.abc import Sequence

import numpy as np

from shared.schema.filters import Scalar
from shared.segment import bits
from shared.segment.bits import Words
from shared.segment.columns.field_arrays import Counted, Ordered


def merged_facets(parts: Sequence[Counted]) -> Counted:
    """Return the values of parts that no row shares, with their numbers of rows added up."""
    if len(parts) == 1:
        return parts[0]
    sums: dict[tuple[type, Scalar], int] = {}
    for part in parts:
        for value, rows in part:
            name = (type(value), value)
            sums[name] = sums.get(name, 0) + rows
    return [(value, rows) for (_, value), rows in sums.items()]


def merged_orders(parts: Sequence[Ordered], limit: int, *, is_descending: bool) -> Ordered:
    """Return the first `limit` pairs of parts that are each in the order, and all ties; 2 and 2.0 are one."""
    filled = [part for part in parts if len(part[0])]
    if len(filled) < 2:
        return filled[0] if filled else ([], np.empty(0, np.int64))
    values = [value for part in filled for value in part[0]]
    rows = np.concatenate([part[1] for part in filled])
    owners = rows.tolist()
    first_places = {pair: place for place, pair in reversed(list(enumerate(zip(values, owners, strict=True))))}
    order = sorted(first_places.values(), key=values.__getitem__, reverse=is_descending)
    if len(order) > limit:
        last = values[order[limit - 1]]
        kept = limit
        while kept < len(order) and values[order[kept]] == last:
            kept += 1
        order = order[:kept]
    return [values[place] for place in order], rows[order]


def repeated(values: list[int | float], rows: Words, limit: int) -> Ordered:
    """Return values in an order that each of some rows has: enough of them for `limit` pairs, and all ties."""
    each = bits.to_rows(rows)
    needed = values[: -(-limit // max(1, len(each)))]
    return [value for value in needed for _ in range(len(each))], np.tile(each, len(needed))
