"""Definition and columns of texts against what the original's engine answered: edge_texts.jsonl, by ask_edge.py."""

import json
from pathlib import Path
from typing import Any

import pytest

from shared.schema.filters import MatchPhrase, MatchText, MatchTextAny
from shared.schema.payload_index import FieldType, PayloadIndex, Stemmer, Stopwords, TextAnalysis, Tokenizer
from shared.segment import bits
from shared.segment.analysis import text_matches
from shared.segment.columns.paths import parse_path
from shared.segment.columns.text import text_kind

HEAD, *FACTS = map(json.loads, (Path(__file__).parent / "edge_texts.jsonl").read_text("utf-8").splitlines())
DOCUMENTS, QUERIES = HEAD["documents"], HEAD["queries"]
PAYLOADS = [json.dumps({"t": document}).encode() for document in DOCUMENTS]
CONDITIONS = {"text": MatchText, "text_any": MatchTextAny, "phrase": MatchPhrase}

FOUND_BY_US_ALONE = {17, 21, 22}
"""With the multilingual tokenizer edge leaves words glued to emoji, odd spaces and soft hyphens."""


def index_of(analysis: dict[str, Any] | None) -> PayloadIndex | None:
    if analysis is None:
        return None
    given = dict(analysis)
    languages, custom = given.pop("stop_languages", ()), given.pop("stop_words", ())
    stem = given.pop("stem_language", None)
    return PayloadIndex(
        type=FieldType.TEXT,
        tokenizer=Tokenizer(given.pop("tokenizer", "word")),
        stopwords=Stopwords(languages=tuple(languages), custom=tuple(custom)),
        stemmer=Stemmer(type="snowball", language=stem) if stem else None,
        **given,
    )


def beyond(found: list[list[int]], fact: dict[str, Any]) -> dict[str, list[int]]:
    """Return by query what was found beyond what edge finds, or missed, where we do not mean to differ."""
    is_multilingual = (fact["analysis"] or {}).get("tokenizer") == "multilingual"
    meant = FOUND_BY_US_ALONE if is_multilingual else set()
    differences = zip(QUERIES, found, fact["found"], strict=True)
    beyond = {query: (set(ours) ^ set(edges)) - (meant - set(edges)) for query, ours, edges in differences}
    return {query: sorted(documents) for query, documents in beyond.items() if documents}


def analysis_of(given: dict[str, Any] | None) -> TextAnalysis | None:
    index = index_of(given)
    return None if index is None else index.analysis


@pytest.mark.parametrize("fact", FACTS, ids=lambda fact: f"{fact['condition']}-{json.dumps(fact['analysis'])}")
def test_the_definition_finds_what_edge_finds(fact):
    analysis = analysis_of(fact["analysis"])
    conditions = [CONDITIONS[fact["condition"]]("t", query) for query in QUERIES]
    values = [document if isinstance(document, list) else [document] for document in DOCUMENTS]

    found = [
        [number for number, elements in enumerate(values) if text_matches(condition, elements, analysis)]
        for condition in conditions
    ]

    assert beyond(found, fact) == {}


@pytest.mark.parametrize("state", ["growing", "sealed", "restored"])
@pytest.mark.parametrize("fact", FACTS, ids=lambda fact: f"{fact['condition']}-{json.dumps(fact['analysis'])}")
def test_a_column_finds_what_edge_finds(fact, state):
    conditions = [CONDITIONS[fact["condition"]]("t", query) for query in QUERIES]
    kind = text_kind(conditions[0], index_of(fact["analysis"]))
    column = kind.make(parse_path("t"))
    column.extend(PAYLOADS[:11])
    column.extend(PAYLOADS[11:])
    if state != "growing":
        column.freeze()
    if state == "restored":
        column = kind.restore(parse_path("t"), column.arrays())

    found = [bits.to_rows(column.words(condition)).tolist() for condition in conditions]
    counts = [column.matching(condition) for condition in conditions]

    assert beyond(found, fact) == {}
    assert all(count in (None, len(rows)) for count, rows in zip(counts, found, strict=True))
