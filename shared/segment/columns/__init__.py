"""Columns: the values of payload paths over a segment's rows, as arrays, for filters.

column_set.py  a segment's columns, overlays included: the door
cache.py       what is kept in memory
arrays.py      one path over rows; values.py, dictionary.py, growable.py its parts; parse.py fills it; bounds.py
paths.py       payload paths
"""

from shared.segment.columns.cache import ColumnCache
from shared.segment.columns.column_set import Column, ColumnSet

__all__ = ["Column", "ColumnCache", "ColumnSet"]
