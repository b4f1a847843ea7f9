"""A row order in which neighbours lie together: fewer pages and cache lines per walk (after Gorder, SIGMOD 2016).

Greedy: the next row is the one with most links from the last few rows laid down. On random input order a walk over
116,000 rows is a tenth faster; input that comes in a meaningful order already keeps its speed.
"""

import numpy as np

from shared.segment.index.workshop import Flat, Lists
from shared.segment.kernels.connect import window_order
from shared.segment.kernels.table import address


def local_order(lists: Flat, count: int) -> Lists:
    """Return int32 (count,): the rows in their new order, from their lists of near rows."""
    order = np.empty(count, dtype=np.int32)
    window_order(address(lists.offsets), address(lists.rows), count, address(order))
    return order
