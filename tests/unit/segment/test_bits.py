"""Bit words against bool arrays."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.segment import bits


@given(st.lists(st.booleans(), max_size=200))
def test_words_and_bool_arrays_are_two_forms_of_one_mask(passes: list[bool]) -> None:
    mask = np.array(passes, dtype=bool)

    words = bits.from_bool(mask)

    assert len(words) == bits.word_count(len(mask))
    assert bits.to_bool(words, len(mask)).tolist() == passes
    assert bits.to_rows(words).tolist() == np.flatnonzero(mask).tolist()
    assert bits.count(words) == sum(passes)
    assert bits.from_rows(np.flatnonzero(mask), len(mask)).tolist() == words.tolist()


@pytest.mark.parametrize("n", [0, 1, 63, 64, 65, 128, 200])
def test_full_sets_every_row_and_no_bit_beyond(n: int) -> None:
    words = bits.full(n)

    assert bits.to_rows(words).tolist() == list(range(n))


@given(st.integers(1, 300), st.data())
def test_set_and_clear_change_just_the_given_rows(n: int, data: st.DataObject) -> None:
    rows = np.array(data.draw(st.lists(st.integers(0, n - 1))), dtype=np.int64)
    words, expected = bits.full(n), np.ones(n, dtype=bool)

    bits.clear_rows(words, rows)
    expected[rows] = False

    assert bits.to_bool(words, n).tolist() == expected.tolist()
    assert bits.test(words, np.arange(n)).tolist() == expected.tolist()
    bits.set_rows(words, rows)
    assert bits.count(words) == n


@given(st.integers(0, 200), st.integers(0, 200))
def test_a_range_sets_its_rows_only(one: int, other: int) -> None:
    first, last = sorted((one, other))
    words = bits.empty(200)

    bits.set_range(words, first, last)

    assert bits.to_rows(words).tolist() == list(range(first, last))


@given(st.integers(0, 200), st.integers(0, 200))
def test_resizing_cuts_off_or_adds_rows_that_do_not_pass(before: int, after: int) -> None:
    words = bits.resized(bits.full(before), after)

    assert len(words) == bits.word_count(after)
    assert bits.to_rows(words).tolist() == list(range(min(before, after)))


def test_one_row_is_tested_without_arrays() -> None:
    words = bits.from_rows([0, 63, 64], 70)

    assert [bits.passes(words, row) for row in (0, 1, 63, 64, 69)] == [True, False, True, True, False]
