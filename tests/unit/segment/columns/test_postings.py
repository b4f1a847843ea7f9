"""Rows by value and values by row, compared with plain numpy over pairs."""

import numpy as np
import pytest

from shared.segment import bits
from shared.segment.columns.postings import Postings

SHAPES = {
    "one value a row": (5000, 45, 1.0, 1),
    "one row": (1, 1, 1.0, 1),
    "full words": (128, 3, 1.0, 1),
    "most rows have a value": (1000, 7, 0.9, 1),
    "few rows have a value": (3000, 7, 0.01, 1),
    "all values distinct": (70_000, 70_000, 1.0, 1),
    "codes of two bytes": (3000, 300, 1.0, 1),
    "several values a row, repeated": (2000, 12, 0.7, 4),
    "a sentinel that needs two bytes": (600, 256, 0.95, 1),
}


class Pairs:
    """Random (row, code) pairs: every code occurs."""

    def __init__(self, rows, size, share, most, seed=0):
        random = np.random.default_rng(seed)
        owners = np.flatnonzero(random.random(rows) < share) if share < 1 else np.arange(rows)
        owners = np.sort(np.repeat(owners, random.integers(1, most + 1, len(owners)))).astype(np.int32)
        codes = random.permutation(np.arange(len(owners)) % size).astype(np.int32)
        self.rows, self.size = rows, min(size, len(owners))
        self.given = (codes, None if share == 1 and most == 1 else owners)
        self.pairs = sorted(set(zip(owners.tolist(), codes.tolist(), strict=True)))
        self.words = bits.from_rows(np.flatnonzero(random.random(rows) < 0.3), rows)

    def postings(self):
        return Postings.of(*self.given, self.size, self.rows)

    def rows_with(self, codes):
        wanted = set(codes)
        return sorted({row for row, code in self.pairs if code in wanted})


@pytest.mark.parametrize("shape", SHAPES)
def test_marked_rows_are_those_with_the_codes(shape):
    pairs = Pairs(*SHAPES[shape])
    lists, size = pairs.postings(), pairs.size
    spans = [range(size), range(size // 2), range(size // 2, size // 2 + 1), range(0), range(size - 1, size)]
    picks = [np.arange(0, size, 3), np.arange(size)[:2], np.empty(0, np.int64)]

    found = []
    for codes in (*spans, *picks):
        words = bits.empty(pairs.rows)
        lists.mark(codes, words)
        found.append((bits.to_rows(words).tolist(), lists.count(codes)))

    wanted = [set(codes) for codes in (*spans, *picks)]
    assert [rows for rows, _ in found] == [pairs.rows_with(codes) for codes in wanted]
    assert [count for _, count in found] == [sum(code in codes for _, code in pairs.pairs) for codes in wanted]


@pytest.mark.parametrize("shape", SHAPES)
def test_rows_with_another_code_are_those_that_have_any_other(shape):
    pairs = Pairs(*SHAPES[shape])
    words, size = bits.empty(pairs.rows), pairs.size

    pairs.postings().mark_others([size - 1, 0, 0], words)

    assert bits.to_rows(words).tolist() == pairs.rows_with(set(range(size)) - {0, size - 1})


@pytest.mark.parametrize("shape", SHAPES)
def test_codes_are_counted_among_the_rows_given(shape):
    pairs = Pairs(*SHAPES[shape])

    counts = [pairs.postings().counts(words).tolist() for words in (pairs.words, bits.full(pairs.rows))]

    inside = set(bits.to_rows(pairs.words).tolist())
    among = np.bincount([code for row, code in pairs.pairs if row in inside], minlength=pairs.size)
    everywhere = np.bincount([code for _, code in pairs.pairs], minlength=pairs.size)
    assert counts == [among.tolist(), everywhere.tolist()]


@pytest.mark.parametrize("is_descending", [False, True])
@pytest.mark.parametrize("shape", SHAPES)
def test_first_pairs_in_order_come_with_all_ties(shape, is_descending):
    pairs = Pairs(*SHAPES[shape])
    few = bits.from_rows(bits.to_rows(pairs.words)[:5], pairs.rows)

    for words in (pairs.words, few, bits.full(pairs.rows)):
        inside = set(bits.to_rows(words).tolist())
        for limit, span in ((1, range(pairs.size)), (10, range(pairs.size // 3, pairs.size)), (10**6, range(1))):
            codes, rows = pairs.postings().ordered(words, span, limit, is_descending=is_descending)

            found = sorted(((code, row) for row, code in pairs.pairs if code in span and row in inside))
            found.sort(key=lambda pair: pair[0], reverse=is_descending)
            last = found[min(limit, len(found)) - 1][0] if found else None
            kept = [(code, row) for place, (code, row) in enumerate(found) if place < limit or code == last]
            assert codes.tolist() == [code for code, _ in kept]
            assert sorted(zip(codes.tolist(), rows.tolist(), strict=True)) == sorted(kept)


def test_a_walk_that_finds_nothing_where_it_began_gives_way():
    codes = np.arange(100_000, dtype=np.int32)
    lists = Postings.of(codes, None, 100_000, 100_000)
    last = bits.from_rows(np.arange(99_000, 100_000), 100_000)

    found, rows = lists.ordered(last, range(100_000), 3, is_descending=False)

    assert (found.tolist(), rows.tolist()) == ([99_000, 99_001, 99_002], [99_000, 99_001, 99_002])


@pytest.mark.parametrize("shape", SHAPES)
def test_restored_arrays_answer_alike(shape):
    pairs = Pairs(*SHAPES[shape])
    lists = pairs.postings()

    again = Postings.restored("x", lists.stored("x"), pairs.rows)

    assert again.counts(pairs.words).tolist() == lists.counts(pairs.words).tolist()
    assert (again.size, again.pairs, again.is_single) == (lists.size, lists.pairs, lists.is_single)


def test_what_is_kept_of_a_row_follows_how_many_values_there_are():
    frequent = Postings.of(np.zeros(64_000, np.int32), None, 1, 64_000)
    distinct = Postings.of(np.arange(64_000, dtype=np.int32), None, 64_000, 64_000)
    rare = Postings.of(np.zeros(10, np.int32), np.arange(0, 64_000, 6400, dtype=np.int32), 1, 64_000)

    assert frequent.nbytes == 64_000 * (4 + 1) + 8
    assert distinct.nbytes == 64_000 * (4 + 2)
    assert rare.nbytes < 200
