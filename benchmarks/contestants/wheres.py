"""Filters and payload indexes as the benchmark writes them, for contestants to put into their own words.

Standard library only: contestants run in the peers' environment.
"""

from typing import NamedTuple


class Where(NamedTuple):
    """Points whose text at `key` is `value`; without a value, whose number is within [low, high)."""

    key: str
    value: str | None = None
    low: float = 0
    high: float = 0


Indexes = dict[str, str]
"""Type of index by payload key: keyword, integer, text, or tenant: a keyword by which rows are to be laid out."""
