"""Our filters and payload selectors against the official client's local mode, on random payloads."""

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st
from qdrant_client import QdrantClient, models

from shared.query.payload_match import payload_matches
from shared.query.selectors import selected_payload
from shared.schema.filters import Filter, HasId, IsEmpty, MatchAny, MatchExcept, Range
from shared.schema.queries import PayloadSelector
from tests import builders
from tests.unit.query.payload_strategies import INTEGERS, TEXTS, bounds, paths, payloads
from tests.unit.query.plain_segment import PlainSegment
from tests.unit.query.test_filters import kept_ids

one_kind = st.one_of(
    st.lists(st.sampled_from(TEXTS), max_size=6),
    st.lists(st.sampled_from(INTEGERS), max_size=6),
    st.lists(st.booleans(), min_size=1, max_size=1),
)
conditions = st.one_of(
    st.builds(MatchAny, paths, one_kind),
    st.builds(MatchExcept, paths, one_kind.filter(lambda values: not any(isinstance(value, bool) for value in values))),
    st.builds(Range, paths, bounds, bounds, bounds, bounds).filter(lambda one: one != Range(one.key)),
    st.builds(IsEmpty, paths),
    st.builds(HasId, st.lists(st.integers(0, 12), max_size=4)),
)
filters = st.recursive(
    st.builds(Filter, *[st.lists(conditions, max_size=2)] * 3),
    lambda inner: st.builds(Filter, *[st.lists(conditions | inner, max_size=2)] * 3),
    max_leaves=3,
)
selectors = st.lists(
    st.sampled_from(["a", "b", "ключ", '"odd key"', "a.b", "a[].b", "a[]", "a[0]", "b.a[].b"]), max_size=4
)


def oracle_condition(condition):
    match condition:
        case Filter():
            return oracle_filter(condition)
        case HasId(ids):
            return models.HasIdCondition(has_id=ids)
        case IsEmpty(key):
            return models.IsEmptyCondition(is_empty=models.PayloadField(key=key))
        case MatchAny(key, [bool() as value]):
            return models.FieldCondition(key=key, match=models.MatchValue(value=value))
        case MatchAny(key, values):
            return models.FieldCondition(key=key, match=models.MatchAny(any=values))
        case MatchExcept(key, values):
            return models.FieldCondition(key=key, match=models.MatchExcept(**{"except": values}))
        case Range(key, gt, gte, lt, lte):
            return models.FieldCondition(key=key, range=models.Range(gt=gt, gte=gte, lt=lt, lte=lte))


def oracle_filter(wanted):
    return models.Filter(
        must=[oracle_condition(one) for one in wanted.must],
        should=[oracle_condition(one) for one in wanted.should],
        must_not=[oracle_condition(one) for one in wanted.must_not],
    )


def oracle_client(contents):
    client = QdrantClient(":memory:")
    client.create_collection("c", vectors_config=models.VectorParams(size=1, distance=models.Distance.DOT))
    client.upsert(
        "c",
        [models.PointStruct(id=place, vector=[1.0], payload=payload) for place, payload in enumerate(contents)],
    )
    return client


@settings(max_examples=150, deadline=None)
@given(st.lists(payloads, min_size=1, max_size=8), filters)
def test_filter_keeps_what_local_mode_keeps(contents, wanted):
    segment = PlainSegment([builders.point(place, payload=payload) for place, payload in enumerate(contents)])
    found, _ = oracle_client(contents).scroll("c", oracle_filter(wanted), limit=100, with_payload=False)

    kept = kept_ids(segment, wanted)

    assert kept == [record.id for record in found]
    assert kept == [place for place, payload in enumerate(contents) if payload_matches(wanted, place, payload)]


@settings(max_examples=80, deadline=None)
@given(payloads, selectors, st.booleans())
def test_payload_selector_cuts_what_local_mode_cuts(payload, keys, include):
    selector = PayloadSelector(True, include=keys if include else None, exclude=None if include else keys)
    theirs = models.PayloadSelectorInclude(include=keys) if include else models.PayloadSelectorExclude(exclude=keys)
    [record] = oracle_client([payload]).retrieve("c", [0], with_payload=theirs)

    cut = selected_payload(selector)(builders.payload_text(payload) or b"{}")

    assert msgspec.json.decode(cut) == record.payload
