"""Facets, orders and counts of columns, compared with plain Python; growing, sealed, restored and edited."""

import json

from hypothesis import given, settings
from hypothesis import strategies as st

from shared.schema.queries import OrderBy
from shared.segment import bits
from shared.segment.columns.arrays import PLAIN
from shared.segment.columns.cache import ColumnCache
from shared.segment.columns.column_set import ColumnSet
from shared.segment.columns.paths import flat_values, parse_path, select
from tests.unit.query.payload_strategies import fields, payloads

numbers = st.sampled_from([0, 1, 2, 2.0, 2.5, -1.5, 2**53 + 1, 2**63 - 1, 1e300])
fields_of_numbers = st.dictionaries(
    st.sampled_from(["a", "b"]),
    numbers | st.lists(numbers | st.sampled_from(["x", True, None]), max_size=4),
    max_size=2,
)


class Written:
    """Payloads as written, the edits over them, and columns over both."""

    def __init__(self, written, edits, final, is_restored):
        self.texts = [json.dumps(payload).encode() for payload in written]
        self.current = list(written)
        self.columns = self._columns(final)
        if final and is_restored:
            for key in ("a", "b"):
                self.columns.build(key, PLAIN)
            built, self.columns = self.columns, self._columns(final)
            for key in ("a", "b"):
                self.columns.restore(key, PLAIN, built.stored(key, PLAIN))
        for row, payload in edits:
            if row < len(self.current):
                self.columns.overlay(row, json.dumps(payload).encode())
                self.current[row] = payload

    def _columns(self, final):
        texts = self.texts
        return ColumnSet(lambda first, last: texts[first:last], lambda: len(texts), ColumnCache(), final=final)

    def values(self, row, key):
        return [value for one in select(self.current[row], parse_path(key)) for value in flat_values(one)]


def is_number(value):
    return type(value) in (int, float)


def facet_value(value):
    """Return the value as facets name it, None for what they leave out."""
    if type(value) is float and value.is_integer():
        value = int(value)
    if type(value) is int:
        return value if -(2**63) <= value < 2**63 else None
    return value if type(value) in (str, bool) else None


written_rows = st.lists(payloads | fields_of_numbers, max_size=10)
edited_rows = st.lists(st.tuples(st.integers(0, 9), payloads | fields_of_numbers), max_size=4)
chosen_rows = st.sets(st.integers(0, 9))


@settings(max_examples=100, deadline=None)
@given(written_rows, edited_rows, chosen_rows, st.sampled_from(["a", "b", "a.b"]), st.booleans(), st.booleans())
def test_a_facet_counts_each_distinct_value_of_a_row_once(written, edits, chosen, key, final, is_restored):
    rows = Written(written, edits, final, is_restored)
    count = len(rows.current)
    words = bits.from_rows([row for row in chosen if row < count], count)

    facet = rows.columns.column(key).facet(words)

    wanted = {}
    for row in bits.to_rows(words).tolist():
        named = {(type(value), value) for value in map(facet_value, rows.values(row, key)) if value is not None}
        for name in named:
            wanted[name] = wanted.get(name, 0) + 1
    assert sorted(map(repr, facet)) == sorted(repr((value, rows)) for (_, value), rows in wanted.items())


@settings(max_examples=100, deadline=None)
@given(
    st.lists(fields_of_numbers, max_size=10),
    st.lists(st.tuples(st.integers(0, 9), fields_of_numbers), max_size=4),
    chosen_rows,
    st.builds(
        OrderBy, st.just("a"), is_descending=st.booleans(), start_from=st.none() | numbers, is_whole=st.booleans()
    ),
    st.integers(1, 4),
    st.booleans(),
    st.booleans(),
)
def test_an_order_gives_the_first_pairs_and_all_ties(written, edits, chosen, order, limit, final, is_restored):
    rows = Written(written, edits, final, is_restored)
    count = len(rows.current)
    words = bits.from_rows([row for row in chosen if row < count], count)

    values, owners = rows.columns.column("a").ordered(words, order, limit)

    start = order.start_from
    valued = ((value, row) for row in bits.to_rows(words).tolist() for value in rows.values(row, "a"))
    pairs = {(value, row) for value, row in valued if is_number(value)}
    if order.is_whole:
        pairs = {(value, row) for value, row in pairs if facet_value(value) is not None}
    if start is not None:
        pairs = {(one, row) for one, row in pairs if (one <= start if order.is_descending else one >= start)}
    wanted = sorted(pairs, key=lambda pair: pair[0], reverse=order.is_descending)
    if len(wanted) > limit:
        wanted = [pair for place, pair in enumerate(wanted) if place < limit or pair[0] == wanted[limit - 1][0]]
    assert values == [value for value, _ in wanted]
    assert sorted(zip(values, owners.tolist(), strict=True)) == sorted(wanted)
    assert not order.is_whole or all(type(value) is int for value in values)


@settings(max_examples=60, deadline=None)
@given(written_rows, edited_rows, st.lists(fields, min_size=1, max_size=3), st.booleans())
def test_a_count_is_exact_where_it_is_given(written, edits, conditions, is_restored):
    rows = Written(written, edits, True, is_restored)
    columns = [rows.columns.column(condition.key) for condition in conditions]
    for condition in conditions:
        rows.columns.build(condition.key, rows.columns.kind_of(condition.key, condition))

    counts = [column.count(condition) for column, condition in zip(columns, conditions, strict=True)]

    exact = [bits.count(column.matches(one)) for column, one in zip(columns, conditions, strict=True)]
    assert [column.count(one) for column, one in zip(columns, conditions, strict=True)] == exact
    assert [count for count in counts if count is not None] == [
        exact[place] for place, count in enumerate(counts) if count is not None
    ]
