"""Random payloads and filters: few keys and few values, so that they meet; wrong kinds, arrays, nulls, unicode."""

from hypothesis import strategies as st

from shared.schema.filters import Filter, HasId, IsEmpty, MatchAny, MatchExcept, Range

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
TEXTS = ["red", "", "héllo", "日本", "1", "true"]
INTEGERS = [0, 1, 2, -5, 2**53 + 1, 2**63 - 1, -(2**63)]

scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.sampled_from(TEXTS),
    st.sampled_from(INTEGERS),
    st.sampled_from([0.0, 1.0, 1.5, -5.25, 1e300]),
)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=3),
    max_leaves=6,
)
payloads = st.dictionaries(st.sampled_from(KEYS), values, max_size=4)

paths = st.sampled_from(PATHS)
wanted = st.sampled_from(TEXTS) | st.sampled_from(INTEGERS) | st.booleans()
wanted_lists = st.lists(wanted, max_size=7)
bounds = st.none() | st.sampled_from([0.0, 1.0, 1.5, -5.0, 2.0**53, 2.0**63, -(2.0**63), 1e300, -1e300])
fields = st.one_of(
    st.builds(MatchAny, paths, wanted_lists),
    st.builds(MatchExcept, paths, wanted_lists),
    st.builds(Range, paths, bounds, bounds, bounds, bounds),
    st.builds(IsEmpty, paths),
)
conditions = st.one_of(fields, st.builds(HasId, st.lists(st.integers(0, 12), max_size=4)))
filters = st.recursive(
    st.builds(Filter, *[st.lists(conditions, max_size=2)] * 3),
    lambda inner: st.builds(Filter, *[st.lists(conditions | inner, max_size=2)] * 3),
    max_leaves=4,
)
