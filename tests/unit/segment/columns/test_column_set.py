"""A segment's columns: growth, overlays, memory; values of every kind."""

import json
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from shared.segment import bits
from shared.segment.columns.arrays import ColumnArrays
from shared.segment.columns.cache import ColumnCache
from shared.segment.columns.column_set import ColumnSet
from shared.segment.columns.edits import INCOMING_MAX, SLACK, Edits
from shared.segment.columns.paths import parse_path
from shared.segment.columns.sorted_texts import SortedTexts
from tests import builders


class Rows:
    """Payload texts of a growing segment, and how often they were read."""

    def __init__(self, *payloads):
        self.texts = [json.dumps(payload).encode() for payload in payloads]
        self.read = 0

    def payloads(self, first, last):
        self.read += last - first
        return self.texts[first:last]

    def count(self):
        return len(self.texts)

    def columns(self, cache=None, **options):
        return ColumnSet(self.payloads, self.count, cache or ColumnCache(), **options)


def passing(columns, condition):
    return bits.to_rows(columns.column(condition.key).matches(condition)).tolist()


def keys_in_memory(columns):
    return [".".join(map(str, path)) for path, _ in columns.in_memory()]


def test_true_and_one_and_one_point_zero_are_different_values():
    columns = Rows({"a": 1}, {"a": True}, {"a": 1.0}, {"a": "1"}, {"a": [True, 1]}).columns()

    found = [passing(columns, builders.match("a", value)) for value in (1, True, "1")]

    assert found == [[0, 4], [1, 4], [3]]


def test_range_takes_integers_and_floats_but_no_booleans_and_texts():
    columns = Rows({"a": 1}, {"a": 1.5}, {"a": True}, {"a": "1"}, {"a": [9, 1]}, {"a": None}).columns()

    found = passing(columns, builders.within("a", gte=1, lt=2))

    assert found == [0, 1, 4]


def test_large_integers_are_compared_exactly():
    columns = Rows({"a": 2**53}, {"a": 2**53 + 1}, {"a": 2**63 - 1}, {"a": 2**63}).columns()

    matched = passing(columns, builders.match("a", 2**53 + 1))
    above = passing(columns, builders.within("a", gt=float(2**53)))
    beyond = passing(columns, builders.within("a", gte=float(2**63)))

    assert (matched, above, beyond) == ([1], [1, 2, 3], [3])


@pytest.mark.parametrize("huge", [10**400, -(10**400)])
def test_integer_beyond_float_range_counts_as_infinite(huge):
    columns = Rows({"a": huge}, {"a": 0}).columns()

    found = passing(columns, builders.within("a", **({"gt": 1e308} if huge > 0 else {"lt": -1e308})))

    assert found == [0]


def test_except_takes_any_other_value_of_any_kind_but_no_null():
    columns = Rows(
        {"a": "x"}, {"a": ["x", "y"]}, {"a": 1}, {"a": {}}, {"a": None}, {}, {"a": [[]]}, {"a": []}
    ).columns()

    without_x = passing(columns, builders.match_except("a", "x"))
    anything = passing(columns, builders.match_except("a"))

    assert (without_x, anything) == ([1, 2, 3, 6], [0, 1, 2, 3, 6])


def test_new_rows_are_parsed_once_and_old_ones_not_again():
    rows = Rows({"a": "x"}, {"a": "y"})
    columns = rows.columns()
    passing(columns, builders.match("a", "x"))

    rows.texts.append(b'{"a": "x"}')
    found = passing(columns, builders.match("a", "x"))

    assert found == [0, 2]
    assert rows.read == 3


def test_latest_overlay_decides_and_the_rows_own_payload_does_not():
    columns = Rows({"a": "x"}, {"a": "x"}, {"a": "y"}).columns()
    passing(columns, builders.match("a", "x"))

    columns.overlay(0, b'{"a": "x"}')
    columns.overlay(2, b'{"a": "x"}')
    columns.overlay(0, b'{"a": "y"}')
    columns.overlay(1, b"")

    assert passing(columns, builders.match("a", "x")) == [2]
    assert passing(columns, builders.is_empty("a")) == [1]


def test_many_edits_of_one_row_keep_only_what_counts():
    cache = ColumnCache()
    columns = Rows({"n": 0}, {"n": 0}).columns(cache)

    for number in range(3 * SLACK):
        columns.overlay(1, b'{"n": %d}' % number)
        if number % 500 == 0:
            passing(columns, builders.match("n", number))
    for number in range(INCOMING_MAX + 2):
        columns.overlay(0, b'{"n": %d}' % number)

    assert passing(columns, builders.match("n", INCOMING_MAX + 1)) == [0]
    assert passing(columns, builders.match("n", 3 * SLACK - 1)) == [1]
    assert cache.used_bytes < 64 * SLACK


def test_edits_seen_by_one_filter_stay_when_the_numbering_begins_anew():
    edits = Edits()
    edits.add(3, b"first")
    seen = edits.seen()

    for number in range(2 * SLACK):
        edits.add(5, b"%d" % number)
    later = edits.seen()

    assert (seen.rows.tolist(), seen.payloads(0, 1)) == ([3], [b"first"])
    assert (later.rows.tolist(), later.payloads(0, 9)) == ([3, 5], [b"first", b"%d" % (2 * SLACK - 1)])
    assert later.age > seen.age


def test_final_column_answers_as_a_growing_one_with_less_memory():
    rows = Rows(*({"a": f"text {place % 500}", "b": place} for place in range(3000)))
    growing_cache, final_cache = ColumnCache(), ColumnCache()
    growing, final = rows.columns(growing_cache), rows.columns(final_cache, final=True)
    conditions = [
        builders.match("a", "text 7", "text 8", "no such", "text 1", "text 2", "text 3"),
        builders.match("a", "text 7"),
        builders.match_except("a", "text 7"),
        builders.within("b", gt=17.5),
    ]

    answers = [[passing(columns, condition) for condition in conditions] for columns in (growing, final)]

    assert answers[0] == answers[1]
    assert len(answers[0][0]) == 30
    assert final_cache.used_bytes < growing_cache.used_bytes


def test_least_recently_used_column_leaves_when_the_budget_is_passed():
    rows = Rows(*({"a": place, "b": place, "c": place} for place in range(1000)))
    cache = ColumnCache(budget_bytes=25_000)
    columns = rows.columns(cache)

    for key in ("a", "b", "a", "c"):
        passing(columns, builders.match(key, 1))

    assert set(keys_in_memory(columns)) == {"a", "c"}
    assert cache.used_bytes <= cache.budget_bytes
    assert passing(columns, builders.match("b", 5)) == [5]


def test_column_larger_than_the_budget_answers_and_is_not_kept():
    cache = ColumnCache(budget_bytes=100)
    columns = Rows(*({"a": place} for place in range(100))).columns(cache)

    found = passing(columns, builders.match("a", 5))

    assert found == [5]
    assert cache.used_bytes == 0


def test_collected_column_set_gives_its_memory_back():
    cache = ColumnCache()
    columns = Rows({"a": 1}).columns(cache)
    passing(columns, builders.match("a", 1))

    del columns

    assert cache.used_bytes == 0


def test_sorted_texts_are_found_by_themselves_and_by_their_beginning():
    texts = ["b", "日本", "", "ab", "\ud800", "a", "日", "a\x00", "ab" * 40 + "x", "ab" * 40]

    found, numbers = SortedTexts.of(texts)

    in_order = sorted(texts, key=lambda text: text.encode("utf-8", "surrogatepass"))
    assert found.texts(np.arange(len(texts))) == in_order
    assert [in_order[number] for number in numbers] == texts
    assert [found.number_of(text) for text in in_order] == list(range(len(texts)))
    assert [found.number_of(text) for text in ("c", "ab" * 39, "\x00")] == [-1, -1, -1]
    for prefix in ("", "a", "ab", "日", "z", "ab" * 40, "\ud800"):
        assert [in_order[number] for number in found.with_prefix(prefix)] == [
            text for text in in_order if text.startswith(prefix)
        ]


@pytest.mark.parametrize("count", [1, 11, 12, 13, 300, 5000])
def test_any_number_of_texts_is_sorted(count):
    texts = [f"{(place * 7919) % count:b}" for place in range(count)]

    found, numbers = SortedTexts.of(texts)

    assert found.texts(np.arange(count)) == sorted(texts)
    assert found.texts(np.arange(count)[:7]) == sorted(texts)[:7]
    assert found.texts(numbers) == texts


def test_rows_with_one_value_each_cost_no_row_numbers():
    column = ColumnArrays(parse_path("a"))

    column.extend([b'{"a": 1}'] * 1000)
    column.freeze()

    assert column.nbytes < 1000 * (8 + 1) + 64


def test_payload_that_the_fast_decoder_refuses_does_not_break_the_others():
    rows = Rows({"a": "x"}, {"a": "y"})
    rows.texts += [b'{"a": 1e999}', b'{"a": "\xff"}', b""]
    columns = rows.columns()

    texts = passing(columns, builders.match("a", "x", "\ufffd"))
    numbers = passing(columns, builders.within("a", gt=0))

    assert (texts, numbers) == ([0, 3], [2])


def test_kept_words_of_a_sealed_segment_follow_its_edits():
    rows = Rows(*({"a": place % 10} for place in range(100)))
    cache = ColumnCache()
    columns = rows.columns(cache, final=True)
    column, seven = columns.column("a"), builders.match("a", 7)

    first, again = column.matches(seven), column.matches(seven)
    columns.overlay(8, b'{"a": 7}')
    edited = column.matches(seven)

    assert again is first
    assert bits.to_rows(edited).tolist()[:3] == [7, 8, 17]
    assert bits.to_rows(first).tolist()[:3] == [7, 17, 27]


def test_warmed_successor_answers_without_reading_payloads_again():
    rows = Rows({"a": 1, "b": 2}, {"a": 3})
    columns, successor = rows.columns(), rows.columns(final=True)
    passing(columns, builders.match("a", 1))
    rows.read = 0

    successor.warm(columns.in_memory())

    assert passing(successor, builders.match("a", 3)) == [1]
    assert rows.read == 2


def test_cold_rows_are_those_that_the_next_filter_must_parse():
    rows = Rows({"a": 1}, {"a": 2})
    columns = rows.columns()
    column = columns.column("a")

    before = column.cold_rows()
    column.matches(builders.match("a", 1))
    after = column.cold_rows()
    rows.texts.append(b"")

    assert (before, after, column.cold_rows()) == (2, 0, 1)


def test_adopted_columns_answer_without_reading_payloads_again():
    rows, cache = Rows({"a": 1}, {"a": "x"}), ColumnCache()
    growing = rows.columns(cache)
    passing(growing, builders.match("a", 1))
    sealed = rows.columns(cache, final=True)

    sealed.adopt(growing)
    sealed.overlay(1, b'{"a": 1}')

    assert passing(sealed, builders.match("a", 1)) == [0, 1]
    assert (rows.read, keys_in_memory(growing), keys_in_memory(sealed)) == (2, [], ["a"])


def test_filters_in_threads_beside_appends_and_edits_see_whole_rows():
    rows = Rows(*({"a": place % 3} for place in range(2000)))
    columns = rows.columns()
    one = builders.match("a", 1)

    def filter_often():
        for _ in range(100):
            found = passing(columns, one)
            assert all(row % 3 == 1 or row < 20 for row in found)
            assert len(found) >= 660

    with ThreadPoolExecutor(3) as pool:
        running = [pool.submit(filter_often) for _ in range(3)]
        for place in range(2000, 6000):
            rows.texts.append(b'{"a": %d}' % (place % 3))
            columns.overlay(place % 20, b'{"a": 1}')
        for one_run in running:
            one_run.result()

    assert passing(columns, one) == [row for row in range(6000) if row % 3 == 1 or row < 20]


def test_threads_that_ask_a_sealed_segment_at_once_build_its_columns_once():
    rows = Rows(*({"a": f"text {place % 3}", "n": place} for place in range(9000)))
    columns = rows.columns(final=True)
    conditions = [builders.match("a", "text 1"), builders.within("n", lt=4500), builders.match_except("a", "text 1")]

    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda place: len(passing(columns, conditions[place % 3])), range(24)))

    assert found == [3000, 4500, 6000] * 8
    assert rows.read == 2 * 9000


def test_words_that_were_handed_out_stay_as_they_were_when_rows_are_edited():
    rows = Rows(*({"a": 1} for _ in range(200)))
    columns = rows.columns(final=True)
    one = builders.match("a", 1)
    before = columns.column("a").matches(one)

    columns.overlay(5, b'{"a": 2}')
    after = columns.column("a").matches(one)

    assert (bits.count(before), bits.count(after)) == (200, 199)
    assert bits.count(columns.column("a").matches(builders.is_empty("a"))) == 0
