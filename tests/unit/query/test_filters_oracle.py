"""Our filters and payload selectors against the official client's local mode, on random payloads."""

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st
from qdrant_client import QdrantClient, models

from shared.query.payload_match import MatchedPoint, point_matches
from shared.query.selectors import selected_payload
from shared.schema.filters import DatetimeRange, Filter, MatchAny, MatchExcept, Nested
from shared.schema.queries import PayloadSelector
from tests import builders
from tests.unit.query.payload_strategies import (
    INTEGERS,
    NESTED_PATHS,
    TEXTS,
    blanks,
    dates,
    filters_of,
    geo,
    kept_counts,
    of_points,
    paths,
    payloads,
    ranges,
    texts,
)
from tests.unit.query.plain_segment import PlainSegment
from tests.unit.query.test_filters import kept_ids
from tests.unit.query.wire_filters import wire_filter

one_kind = st.one_of(
    st.lists(st.sampled_from(TEXTS), max_size=6, unique=True),
    st.lists(st.sampled_from(INTEGERS), max_size=6, unique=True),
)
asked_by_clients = st.one_of(
    st.builds(MatchAny, paths, one_kind | st.booleans().map(lambda value: [value])),
    st.builds(MatchExcept, paths, one_kind),
    ranges,
    dates.filter(lambda one: one != DatetimeRange(one.key)),
    texts,
    geo,
    kept_counts,
    blanks,
)
filters = filters_of(asked_by_clients | of_points, max_leaves=3)
elements = st.builds(Nested, st.sampled_from(NESTED_PATHS), filters_of(asked_by_clients, max_leaves=2))
selectors = st.lists(
    st.sampled_from(["a", "b", "ключ", '"odd key"', "a.b", "a[].b", "a[]", "a[0]", "b.a[].b"]), max_size=4
)


def oracle_client(contents):
    client = QdrantClient(":memory:")
    client.create_collection("c", vectors_config=models.VectorParams(size=1, distance=models.Distance.DOT))
    client.upsert(
        "c",
        [models.PointStruct(id=place, vector=[1.0], payload=payload) for place, payload in enumerate(contents)],
    )
    return client


def kept_by_all(contents, wanted):
    """Return the ids that our columns, our definition and the client's local mode keep."""
    segment = PlainSegment([builders.point(place, payload=payload) for place, payload in enumerate(contents)])
    theirs = models.Filter(**wire_filter(wanted))
    found, _ = oracle_client(contents).scroll("c", theirs, limit=100, with_payload=False)
    points = [MatchedPoint(payload, place, ("",)) for place, payload in enumerate(contents)]
    by_definition = [point.id for point in points if point_matches(wanted, point)]
    return kept_ids(segment, wanted), by_definition, [record.id for record in found]


@settings(max_examples=40, deadline=None)
@given(st.lists(payloads, min_size=1, max_size=8), filters)
def test_filter_keeps_what_local_mode_keeps(contents, wanted):
    ours, by_definition, theirs = kept_by_all(contents, wanted)

    assert ours == by_definition == theirs


@settings(max_examples=40, deadline=None)
@given(st.lists(payloads, min_size=1, max_size=8), asked_by_clients | elements)
def test_condition_keeps_what_local_mode_keeps(contents, condition):
    ours, by_definition, theirs = kept_by_all(contents, Filter([condition]))

    assert ours == by_definition == theirs


@settings(max_examples=40, deadline=None)
@given(payloads, selectors, st.booleans())
def test_payload_selector_cuts_what_local_mode_cuts(payload, keys, include):
    selector = PayloadSelector(True, include=keys if include else None, exclude=None if include else keys)
    theirs = models.PayloadSelectorInclude(include=keys) if include else models.PayloadSelectorExclude(exclude=keys)
    [record] = oracle_client([payload]).retrieve("c", [0], with_payload=theirs)

    cut = selected_payload(selector)(builders.payload_text(payload) or b"{}")

    assert msgspec.json.decode(cut) == record.payload
