"""Random payloads and filters: few keys and few values, so that they meet; wrong kinds, arrays, nulls, unicode."""

from hypothesis import strategies as st

from shared.schema.filters import (
    DatetimeRange,
    Filter,
    GeoBox,
    GeoPolygon,
    GeoRadius,
    HasId,
    HasVector,
    IsEmpty,
    IsNotNull,
    IsNull,
    MatchAny,
    MatchExcept,
    MatchPhrase,
    MatchPrefix,
    MatchText,
    MatchTextAny,
    Nested,
    Range,
    Slice,
    ValuesCount,
)

KEYS = ["a", "b", "ключ", "odd key"]
PATHS = [
    "a",
    "b",
    "ключ",
    '"odd key"',
    "a.b",
    "a.b.a",
    "a[].b",
    "a[0]",
    "a[1].b",
    "a[][]",
    "b[].a[]",
    "missing",
    '"a".b',
]
NESTED_PATHS = ["a", "a[]", "b", "a[0]", "a.b", "a[].b", '"odd key"', "missing"]
TEXTS = ["red", "", "héllo", "日本", "1", "true", "Red fox", "fox, red", "2015-02-01", "2015-02-01T10:00:00+02:00"]
INTEGERS = [0, 1, 2, -5, 2**53 + 1, 2**63 - 1, -(2**63)]
MOMENTS = [1_422_748_800_000_000, 1_422_777_600_000_000, 0]
QUERIES = ["red", "RED fox", "fox red", "", "é", "日", "2015"]
CORNERS = [(0.0, 0.0), (0.0, 10.0), (10.0, 10.0), (10.0, 0.0), (5.0, 5.0), (175.0, 5.0), (-175.0, 5.0), (7.5, 2.0)]

places = st.sampled_from([*CORNERS, (0, 5), (200, 0)]).map(lambda place: {"lon": place[0], "lat": place[1]})
scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.sampled_from(TEXTS),
    st.sampled_from(INTEGERS),
    st.sampled_from([0.0, 1.0, 1.5, -5.25, 1e300]),
)
values = st.recursive(
    scalars | places | st.lists(st.dictionaries(st.sampled_from(["a", "b"]), scalars, max_size=2), max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=3),
    max_leaves=6,
)
payloads = st.dictionaries(st.sampled_from(KEYS), values, max_size=4)

paths = st.sampled_from(PATHS)
wanted = st.sampled_from(TEXTS) | st.sampled_from(INTEGERS) | st.booleans()
wanted_lists = st.lists(wanted, max_size=7)
bounds = st.none() | st.sampled_from([0.0, 1.0, 1.5, -5.0, 2.0**53, 2.0**63, -(2.0**63), 1e300, -1e300])
moments = st.none() | st.sampled_from(MOMENTS)
counts = st.none() | st.integers(0, 3)
corners = st.sampled_from(CORNERS)
rings = st.lists(corners, min_size=3, max_size=5).map(lambda ring: [*ring, ring[0]])
queries = st.sampled_from(QUERIES)

ranges = st.builds(Range, paths, bounds, bounds, bounds, bounds)
dates = st.builds(DatetimeRange, paths, moments, moments, moments, moments)
texts = st.one_of(*[st.builds(kind, paths, queries) for kind in (MatchText, MatchTextAny, MatchPhrase, MatchPrefix)])
geo = st.one_of(
    st.builds(lambda key, one, other: GeoBox(key, one[0], other[1], other[0], one[1]), paths, corners, corners),
    st.builds(GeoRadius, paths, corners, st.sampled_from([0.0, 1.0, 1.2e6, 3e7])),
    st.builds(GeoPolygon, paths, rings, st.lists(rings, max_size=1)),
)
kept_counts = st.builds(ValuesCount, paths, counts, counts, counts, counts)
blanks = st.one_of(st.builds(IsEmpty, paths), st.builds(IsNull, paths))
not_nulls = st.builds(IsNotNull, paths)
fields = st.one_of(
    st.builds(MatchAny, paths, wanted_lists),
    st.builds(MatchExcept, paths, wanted_lists),
    ranges,
    dates,
    texts,
    geo,
    kept_counts,
    blanks,
    not_nulls,
)
of_points = st.one_of(
    st.builds(HasId, st.lists(st.integers(0, 12), max_size=4)),
    st.builds(HasVector, st.sampled_from(["", "other"])),
    st.sampled_from([(1, 0), (2, 1), (3, 2)]).map(lambda drawn: Slice(*drawn)),
)


def filters_of(conditions, *, max_leaves):
    """Return filters over these conditions, nested and inside each other."""

    def clauses(inner):
        lists = st.lists(inner, max_size=2)
        plain = st.builds(Filter, lists, lists, lists)
        least = st.builds(Filter, lists, min_should=st.lists(inner, max_size=3), min_count=st.integers(1, 3))
        return st.one_of(plain, plain, least)

    def deeper(inner):
        elements = st.builds(Nested, st.sampled_from(NESTED_PATHS), inner)
        return clauses(st.one_of(conditions, inner, elements, elements))

    return st.recursive(clauses(conditions), deeper, max_leaves=max_leaves)


filters = filters_of(fields | of_points, max_leaves=4)
nested = st.builds(Nested, st.sampled_from(NESTED_PATHS), filters_of(fields, max_leaves=2))
