"""Dates and numbers of values: kinds of column beside the plain one."""

import json

import pytest

from shared.schema.dates import micros_of
from shared.schema.filters import DatetimeRange, HasType, ValuesCount
from shared.schema.payload_index import FieldType
from shared.schema.queries import OrderBy
from shared.segment import bits
from shared.segment.columns.cache import ColumnCache
from shared.segment.columns.column_set import ColumnSet

DATES = [
    {"t": "2024-01-02T00:00:00Z"},
    {"t": ["2024-01-01", "no date", "2024-01-03T00:00:00+01:00"]},
    {"t": "no date"},
    {"t": 5},
    {},
    {"t": "2024-01-02 00:00"},
]


def column_of(payloads, key, *, final):
    texts = [json.dumps(payload).encode() for payload in payloads]
    columns = ColumnSet(lambda first, last: texts[first:last], lambda: len(texts), ColumnCache(), final=final)
    return columns.column(key)


@pytest.mark.parametrize("final", [False, True])
def test_a_range_of_dates_compares_moments_and_skips_what_is_no_date(final):
    column = column_of(DATES, "t", final=final)
    second = micros_of("2024-01-02")

    found = [
        bits.to_rows(column.matches(condition)).tolist()
        for condition in (
            DatetimeRange("t", gte=second, lte=second),
            DatetimeRange("t", gt=second),
            DatetimeRange("t", lt=second),
            DatetimeRange("t"),
            HasType("t", FieldType.DATETIME),
        )
    ]

    assert found == [[0, 5], [1], [1], [0, 1, 5], [0, 1, 5]]


@pytest.mark.parametrize("final", [False, True])
def test_an_order_by_date_gives_each_moment_of_a_row_in_microseconds(final):
    column = column_of(DATES, "t", final=final)
    order = OrderBy("t", is_date=True, is_descending=True)

    values, rows = column.ordered(bits.full(6), order, 2)

    assert values == [micros_of(text) for text in ("2024-01-02T23:00:00", "2024-01-02", "2024-01-02")]
    assert (rows[0], set(rows[1:].tolist())) == (1, {0, 5})


@pytest.mark.parametrize("final", [False, True])
def test_values_are_counted_in_each_thing_that_a_path_selects(final):
    payloads = [{"a": 5}, {"a": []}, {"a": None}, {"a": [None, 1]}, {}, {"a": [{"b": [1, 2]}, {"b": 1}]}]
    whole, inner = (column_of(payloads, key, final=final) for key in ("a", "a[].b"))

    found = [
        [bits.to_rows(column.matches(ValuesCount(column.key, gte=n, lt=n + 1))).tolist() for n in range(3)]
        for column in (whole, inner)
    ]

    assert found == [[[1, 2, 4], [0], [3, 5]], [[0, 1, 2, 3, 4], [5], [5]]]
