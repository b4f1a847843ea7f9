"""Columns agree with the plain definition of a filter on any payloads."""

import json

from hypothesis import given, settings
from hypothesis import strategies as st

from shared.query.payload_match import payload_matches
from shared.schema.filters import Filter
from shared.segment import bits
from shared.segment.columns.cache import ColumnCache
from shared.segment.columns.column_set import ColumnSet
from tests.unit.query.payload_strategies import fields, nested, payloads


@settings(max_examples=120, deadline=None)
@given(
    st.lists(payloads, max_size=12),
    st.lists(payloads, max_size=4),
    st.lists(st.tuples(st.integers(0, 11), payloads), max_size=5),
    st.lists(fields | nested, min_size=1, max_size=3),
    st.booleans(),
)
def test_column_marks_what_the_twin_matches(first, later, edits, conditions, final):
    texts = [json.dumps(payload).encode() if payload else b"" for payload in first]
    current = list(first)
    columns = ColumnSet(lambda start, end: texts[start:end], lambda: len(texts), ColumnCache(), final=final)
    for condition in conditions:
        columns.column(condition.key).matches(condition)

    if not final:
        texts += [json.dumps(payload).encode() for payload in later]
        current += later
    for row, payload in edits:
        if row < len(current):
            columns.overlay(row, json.dumps(payload).encode())
            current[row] = payload
    found = [bits.to_bool(columns.column(one.key).matches(one), len(current)).tolist() for one in conditions]

    assert found == [[payload_matches(Filter([one]), 0, payload) for payload in current] for one in conditions]
