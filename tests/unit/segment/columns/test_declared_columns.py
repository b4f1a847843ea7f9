"""Declared indexes: their columns are pinned, told when missing, stored and restored; texts mean what they say."""

import json
import mmap

import numpy as np
import pytest

from shared.errors import Corrupt
from shared.schema.filters import MatchAny
from shared.schema.payload_index import FieldType, PayloadIndex
from shared.segment import bits
from shared.segment.columns.arrays import PLAIN
from shared.segment.columns.cache import ColumnCache
from shared.segment.columns.column_set import ColumnSet
from tests import builders

TEXTS = [json.dumps({"a": f"text {row % 7}", "b": row, "t": "2024-01-01"}).encode() for row in range(500)]


def columns_over(texts=TEXTS, cache=None, final=True):
    return ColumnSet(lambda first, last: texts[first:last], lambda: len(texts), cache or ColumnCache(), final=final)


def index(kind):
    return PayloadIndex(type=FieldType(kind))


def passing(columns, condition):
    return bits.to_rows(columns.column(condition.key).matches(condition)).tolist()


def test_declared_columns_are_unbuilt_until_they_are_in_memory():
    columns = columns_over()

    columns.declare({"a": index("keyword"), "t": index("datetime")})
    before = [(key, kind.name) for key, kind in columns.unbuilt()]
    for key, kind in columns.unbuilt():
        columns.build(key, kind)

    assert before == [("a", "plain"), ("t", "dates")]
    assert columns.unbuilt() == []
    assert columns_over(final=False).unbuilt() == []


def test_a_pinned_column_stays_where_the_budget_is_nothing():
    cache = ColumnCache(budget_bytes=0)
    columns = columns_over(cache=cache)
    columns.declare({"a": index("keyword")})

    passing(columns, builders.match("a", "text 1"))
    passing(columns, builders.match("b", 1))

    assert [path for path, _ in columns.in_memory()] == [("a",)]
    assert (cache.used_bytes, cache.pinned_bytes > 0) == (0, True)


def test_a_column_is_unpinned_when_its_index_is_dropped():
    cache = ColumnCache()
    columns = columns_over(cache=cache)
    columns.declare({"a": index("keyword")})
    passing(columns, builders.match("a", "text 1"))
    pinned = cache.pinned_bytes

    columns.declare({})

    assert (cache.pinned_bytes, cache.used_bytes) == (0, pinned)


def test_another_spelling_of_a_path_names_the_same_column():
    columns = columns_over()
    columns.declare({'"a"': index("keyword")})

    passing(columns, builders.match("a", "text 1"))

    assert columns.unbuilt() == []


def test_stored_arrays_answer_from_a_map_without_memory_or_parsing(tmp_path):
    cache = ColumnCache()
    built = columns_over()
    built.build("a", PLAIN)
    mapped = {name: mapped_copy(tmp_path / name, array) for name, array in built.stored("a", PLAIN).items()}
    restored = ColumnSet(lambda first, last: [], lambda: len(TEXTS), cache, final=True)

    restored.restore("a", PLAIN, mapped)

    assert passing(restored, builders.match("a", "text 3")) == list(range(3, 500, 7))
    assert cache.used_bytes == 0


def mapped_copy(path, array):
    path.write_bytes(array.tobytes() or b"\0")
    with path.open("rb") as file:
        raw = np.frombuffer(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ), np.uint8)
    return raw[: array.nbytes].view(array.dtype)


def test_arrays_of_another_number_of_rows_are_refused():
    stored = columns_over(TEXTS[:10])
    stored.build("a", PLAIN)
    columns = columns_over()

    with pytest.raises(Corrupt):
        columns.restore("a", PLAIN, stored.stored("a", PLAIN))

    assert columns.in_memory() == []


def test_a_column_that_is_taken_over_unfrozen_counts_as_cold_and_unbuilt_until_it_is_final():
    cache = ColumnCache()
    growing = columns_over(cache=cache, final=False)
    growing.declare({"a": index("keyword")})
    passing(growing, builders.match("a", "text 1"))
    sealed = columns_over(cache=cache)

    sealed.adopt(growing)
    before = (sealed.cold_rows("a"), [key for key, _ in sealed.unbuilt()])
    sealed.build("a", PLAIN)

    assert before == (500, ["a"])
    assert (sealed.cold_rows("a"), sealed.unbuilt()) == (0, [])


def test_kept_counts_follow_edits():
    columns = columns_over()
    wanted = MatchAny("a", ["text 1"])
    first = (passing(columns, wanted), columns.matching("a", wanted))

    columns.overlay(0, b'{"a": "text 1"}')
    unknown = columns.matching("a", wanted)
    passing(columns, wanted)

    assert first[1] == len(first[0])
    assert (unknown, columns.matching("a", wanted)) == (None, len(first[0]) + 1)
