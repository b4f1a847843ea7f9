"""Columns of texts: rows, edits, the elements of arrays, and what they cost."""

import json
import random
from typing import Any

import numpy as np
import pytest

from shared.schema.filters import HasType, MatchPhrase, MatchText, MatchTextAny
from shared.schema.payload_index import FieldType, PayloadIndex, Stemmer, Tokenizer
from shared.segment import bits
from shared.segment.analysis import text_matches
from shared.segment.columns.cache import ColumnCache
from shared.segment.columns.column_set import ColumnSet
from shared.segment.columns.paths import parse_path
from shared.segment.columns.text import text_kind, text_kinds_of_index

WORDS = ["the", "The", "quick", "Quick", "brown", "fox's", "fox", "running", "runs", "caf\u00e9", "42", "x", "y", "z"]

TEXT = PayloadIndex(type=FieldType.TEXT)

INDEXES = [
    None,
    TEXT,
    PayloadIndex(type=FieldType.TEXT, phrase_matching=True),
    PayloadIndex(type=FieldType.TEXT, tokenizer=Tokenizer.PREFIX, phrase_matching=True, min_token_len=2),
    PayloadIndex(
        type=FieldType.TEXT,
        phrase_matching=True,
        stopwords="english",
        stemmer=Stemmer(type="snowball", language="english"),
    ),
]


def some_text(source: random.Random) -> str:
    return " ".join(source.choice(WORDS) for _ in range(source.randint(0, 6)))


def some_value(source: random.Random) -> Any:
    texts = [some_text(source) for _ in range(source.randint(0, 3))]
    return source.choice([some_text(source), some_text(source), texts, [*texts, 5, None, ["x"]], None, 7, {"t": "x"}])


def satisfying(condition: Any, values: list[Any], index: PayloadIndex | None) -> list[int]:
    elements = [value if isinstance(value, list) else [value] for value in values]
    analysis = None if index is None else index.analysis
    return [row for row, each in enumerate(elements) if text_matches(condition, each, analysis)]


def payload(value: Any) -> bytes:
    return json.dumps({"t": value}).encode()


@pytest.mark.parametrize("state", ["growing", "sealed", "restored"])
@pytest.mark.parametrize("index", INDEXES, ids=["none", "word", "phrase", "prefix", "english"])
def test_a_column_agrees_with_the_definition(index, state):
    source = random.Random(f"{state}{index}")
    values = [some_value(source) for _ in range(300)]
    texts = [some_text(source) or "fox" for _ in range(25)]
    conditions = [make("t", text) for text in texts for make in (MatchText, MatchTextAny, MatchPhrase)]
    columns = {}
    for kind in {text_kind(condition, index) for condition in conditions}:
        column = kind.make(parse_path("t"))
        for first in range(0, 300, 70):
            column.extend([payload(value) for value in values[first : first + 70]])
        if state != "growing":
            column.freeze()
        columns[kind.name] = kind.restore(parse_path("t"), column.arrays()) if state == "restored" else column

    for condition in conditions:
        column = columns[text_kind(condition, index).name]
        wanted = satisfying(condition, values, index)
        assert bits.to_rows(column.words(condition)).tolist() == wanted, condition
        assert column.matching(condition) in (None, len(wanted)), condition


@pytest.mark.parametrize("final", [False, True])
def test_edits_of_rows_are_seen_at_once(final):
    rows = [payload(text) for text in ("quick fox", "brown fox", "lazy dog")]
    columns = ColumnSet(lambda first, last: rows[first:last], lambda: 3, ColumnCache(), final=final)
    columns.declare({"t": TEXT})
    condition = MatchText("t", "fox quick")
    before = bits.to_rows(columns.column("t").matches(condition)).tolist()

    columns.overlay(0, payload("slow fox"))
    columns.overlay(2, payload(["quick", "red fox"]))

    assert before == [0]
    assert bits.to_rows(columns.column("t").matches(condition)).tolist() == [2]


def test_a_declaration_changes_what_a_condition_means():
    rows = [payload(["quick", "fox"]), payload("the quick fox")]
    columns = ColumnSet(lambda first, last: rows[first:last], lambda: 2, ColumnCache(), final=True)
    condition = MatchText("t", "the quick fox")
    without = bits.to_rows(columns.column("t").matches(condition)).tolist()

    columns.declare({"t": PayloadIndex(type=FieldType.TEXT, stopwords="english")})
    declared = bits.to_rows(columns.column("t").matches(condition)).tolist()
    columns.declare({})

    assert (without, declared) == ([1], [0, 1])
    assert bits.to_rows(columns.column("t").matches(condition)).tolist() == [1]


def test_points_of_a_text_index_are_those_with_a_term():
    rows = [payload(value) for value in ("fox", "the", "", "!!!", 5, None, ["", "dog"], ["the"])]
    columns = ColumnSet(lambda first, last: rows[first:last], lambda: len(rows), ColumnCache(), final=True)
    columns.declare({"t": PayloadIndex(type=FieldType.TEXT, stopwords="english")})

    found = columns.column("t").matches(HasType("t", FieldType.TEXT))

    assert bits.to_rows(found).tolist() == [0, 6]


def test_a_rare_term_is_counted_without_a_look_at_rows():
    column = text_kind(MatchText("t", ""), TEXT).make(parse_path("t"))
    column.extend([payload("common" if row % 100 else "common rare") for row in range(1000)])
    column.freeze()

    assert column.matching(MatchText("t", "Rare")) == 10
    assert column.matching(MatchText("t", "common")) == 1000
    assert column.matching(MatchTextAny("t", "rare none")) == 10
    assert column.matching(MatchText("t", "none rare")) == 0
    assert column.matching(MatchText("t", "common rare")) is None


def test_the_same_analysis_is_one_kind_and_others_are_not():
    plain, phrases = text_kinds_of_index(TEXT), text_kinds_of_index(INDEXES[2])

    assert text_kind(MatchText("t", ""), PayloadIndex(type=FieldType.TEXT, lowercase=True)) is plain[0]
    assert phrases[0].name != plain[0].name != text_kind(MatchText("t", ""), None).name
    assert text_kinds_of_index(PayloadIndex(type=FieldType.KEYWORD)) == []


def test_a_sealed_column_holds_arrays_alone():
    column = text_kind(MatchText("t", ""), TEXT).make(parse_path("t"))
    column.extend([payload(f"common word{row}") for row in range(5000)])
    growing = column.nbytes
    column.freeze()

    stored = column.arrays()

    assert all(isinstance(array, np.ndarray) and array.dtype != object for array in stored.values())
    assert column.nbytes == sum(array.nbytes for array in stored.values()) < growing / 5


def test_the_terms_of_many_growing_rows_are_found_as_in_the_sealed_segment():
    source = random.Random(3)
    rows = [payload(" ".join(f"w{source.randrange(200)}" for _ in range(30))) for _ in range(5000)]
    kind = text_kind(MatchText("t", ""), PayloadIndex(type=FieldType.TEXT, phrase_matching=True))
    growing, sealed = kind.make(parse_path("t")), kind.make(parse_path("t"))
    for column in (growing, sealed):
        for first in range(0, 5000, 900):
            column.extend(rows[first : first + 900])
    sealed.freeze()
    conditions = [
        *(MatchText("t", f"w{number}") for number in range(0, 225, 15)),
        MatchTextAny("t", "w1 w2"),
        MatchText("t", "w3 w4"),
        MatchPhrase("t", "w5 w6"),
        HasType("t", FieldType.TEXT),
    ]

    found = [growing.words(condition).tolist() for condition in conditions]

    assert found == [sealed.words(condition).tolist() for condition in conditions]
    assert sum(bits.count(growing.words(condition)) > 0 for condition in conditions) == len(conditions) - 1


def test_a_text_with_half_a_surrogate_pair_is_searched_like_others():
    index = PayloadIndex(type=FieldType.TEXT, tokenizer=Tokenizer.WHITESPACE, phrase_matching=True)
    kind = text_kind(MatchText("t", ""), index)
    column = kind.make(parse_path("t"))
    column.extend([b'{"t":"fox \\ud800 dog"}', payload("fox dog")])
    column.freeze()

    assert bits.to_rows(column.words(MatchText("t", "dog"))).tolist() == [0, 1]
    assert bits.to_rows(column.words(MatchPhrase("t", "fox \ud800"))).tolist() == [0]
