"""Elements of nested arrays: how they are cut out of payloads, what texts in them mean, and what is kept in memory."""

import gc
import json

from hypothesis import given, settings
from hypothesis import strategies as st

from shared.query.payload_match import payload_matches
from shared.schema.filters import Filter, HasId, HasVector, MatchAny, MatchText, Nested, Range, Slice
from shared.schema.payload_index import FieldType, PayloadIndex, Tokenizer
from shared.segment import bits
from shared.segment.columns.cache import ColumnCache
from shared.segment.columns.column_set import ColumnSet
from shared.segment.columns.element_texts import ElementTexts, element_reader
from shared.segment.columns.nested import elements_path
from shared.segment.columns.paths import parse_path, path_text, select
from tests.unit.query.payload_strategies import NESTED_PATHS, PATHS, payloads

PREFIXES = PayloadIndex(type=FieldType.TEXT, tokenizer=Tokenizer.PREFIX, min_token_len=1, max_token_len=10)
ITEMS = [
    {"a": [{"b": "quick fox", "n": 1}, {"b": "slow", "n": 2}]},
    {"a": [{"b": "quick", "n": 2}]},
    {"a": {"b": "quick", "n": 1}},
    {},
]


def set_over(payloads, cache=None, final=False):
    texts = [json.dumps(payload).encode() for payload in payloads]
    return ColumnSet(lambda first, last: texts[first:last], lambda: len(texts), cache or ColumnCache(), final=final)


def kept(columns, *conditions, key="a"):
    return bits.to_rows(columns.column(key).matches(Nested(key, Filter(list(conditions))))).tolist()


@settings(max_examples=100, deadline=None)
@given(st.lists(payloads, max_size=6), st.sampled_from(NESTED_PATHS), st.sampled_from([None, 0, 2]))
def test_elements_are_the_objects_that_the_path_selects(contents, key, indent):
    texts = [json.dumps(payload, indent=indent).encode() if payload else b"" for payload in contents]
    path = elements_path(key)

    rows, elements = element_reader(path)(texts)

    selected = [(row, one) for row, payload in enumerate(contents) for one in select(payload, path)]
    expected = [(row, one) for row, one in selected if isinstance(one, dict)]
    assert list(zip(rows, map(json.loads, elements), strict=True)) == expected


def test_numbers_beyond_every_float_and_halves_of_surrogate_pairs_do_no_harm():
    payloads = [b'{"a":[{"n":1e999,"b":"x"},{"n":123456789012345678901234567890}]}', b'{"a":[{"b":"\\ud800"}]}']
    columns = ColumnSet(lambda first, last: payloads[first:last], lambda: 2, ColumnCache(), final=True)

    found = kept(columns, MatchAny("b", ["x"])), kept(columns, Range("n", gt=1e20)), kept(columns, MatchAny("b", ["y"]))

    assert found == ([0], [0], [])


def test_texts_grow_and_come_back_in_any_range():
    texts = ElementTexts()
    texts.extend([b"{}", b'{"a":1}'])
    texts.extend([b'{"b":2}'])
    texts.freeze()

    assert (len(texts), texts.texts(0, 3), texts.texts(1, 2)) == (3, [b"{}", b'{"a":1}', b'{"b":2}'], [b'{"a":1}'])


@given(st.sampled_from([*PATHS, *NESTED_PATHS]))
def test_path_written_as_text_reads_as_the_same_path(key):
    assert parse_path(path_text(parse_path(key))) == parse_path(key)


def test_text_in_elements_means_what_the_index_at_the_whole_path_says():
    columns = set_over(ITEMS, final=True)
    condition = MatchText("b", "qui")

    without = kept(columns, condition)
    columns.declare({"a[].b": PREFIXES})
    with_index = kept(columns, condition)
    columns.declare({"b": PREFIXES, "a.b": PREFIXES})
    with_others = kept(columns, condition)

    by_definition = [
        row
        for row, payload in enumerate(ITEMS)
        if payload_matches(
            Filter([Nested("a", Filter([condition]))]),
            row,
            payload,
            lambda path: PREFIXES.analysis if path == parse_path("a[].b") else None,
        )
    ]
    assert (without, with_index, with_others) == ([], [0, 1], [])
    assert with_index == by_definition


def test_one_and_the_same_element_satisfies_all_and_nothing_of_a_point_holds_of_it():
    columns = set_over(ITEMS)

    both = kept(columns, MatchText("b", "quick"), MatchAny("n", [2]))
    of_points = [kept(columns, one) for one in (HasId([0, 1]), HasVector(""), Slice(1, 0))]
    denied = kept(columns, Filter(must_not=[HasId([0, 1])]))

    assert (both, of_points, denied) == ([1], [[], [], []], [0, 1])


def test_column_that_is_dropped_takes_the_columns_over_its_elements_with_it():
    cache = ColumnCache()
    columns = set_over(ITEMS, cache, final=True)
    kept(columns, MatchAny("n", [2]))
    before = len(cache.names_of(columns._number)), cache.used_bytes

    columns.declare({})
    columns.close()
    del columns
    gc.collect()
    cache.names_of(0)

    assert before[0] == 1
    assert cache.used_bytes == 0 < before[1]


def test_cold_rows_count_elements_whose_paths_were_not_read_yet():
    columns = set_over(ITEMS, final=True)
    asked = Nested("a", Filter([MatchAny("n", [2])]))
    column = columns.column("a")

    before = column.cold_rows(asked)
    column.matches(asked)
    after, other = column.cold_rows(asked), column.cold_rows(Nested("a", Filter([MatchAny("b", ["x"])])))

    assert (before, after, other) == (4, 0, 3)


def test_columns_over_elements_stay_when_their_segment_is_sealed():
    growing, cache = set_over(ITEMS, cache := ColumnCache()), cache
    asked = Nested("a", Filter([MatchAny("n", [2])]))
    growing.column("a").matches(asked)
    sealed = set_over(ITEMS, cache, final=True)

    sealed.adopt(growing)

    assert bits.to_rows(sealed.column("a").matches(asked)).tolist() == [0, 1]
