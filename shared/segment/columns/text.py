"""Texts as terms: what conditions on texts read. One kind of column for each analysis.

With a text index    the texts of a row are looked at together; a phrase lies within one of them
Without one          each text by itself, by the default analysis; that column is made when a filter first asks

What the terms of a text are: shared/segment/analysis. A growing column has pairs of a unit and a term, a final one the
units of each term: text_growing.py, text_final.py. Units are rows, or texts where each counts by itself.
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from shared.schema.filters import FieldCondition, HasType, MatchPhrase, MatchText, MatchTextAny
from shared.schema.payload_index import PayloadIndex, TextAnalysis
from shared.segment import bits
from shared.segment.analysis import analyzer_of, digest_of
from shared.segment.bits import Words
from shared.segment.columns.field_arrays import Kind, StoredArrays
from shared.segment.columns.parse import payload_cells
from shared.segment.columns.paths import Path
from shared.segment.columns.text_final import FinalTexts
from shared.segment.columns.text_growing import GrowingTexts
from shared.segment.columns.text_postings import mark


class TextForm(NamedTuple):
    """What a column of texts is made for. Each text counts by itself where there is no text index: `is_by_text`."""

    analysis: TextAnalysis
    is_by_text: bool


class TextColumn:
    """The texts of one path over rows 0 … count-1."""

    def __init__(self, form: TextForm, path: Path) -> None:
        self.count = 0
        self._analyzer = analyzer_of(form.analysis)
        self._has_phrases = form.analysis.phrase_matching
        self._cells = payload_cells(path)
        self._texts: GrowingTexts | FinalTexts = GrowingTexts(
            self._analyzer, is_by_text=form.is_by_text, has_phrases=self._has_phrases
        )

    @property
    def is_frozen(self) -> bool:
        """True once no more rows come."""
        return isinstance(self._texts, FinalTexts)

    def extend(self, payloads: Sequence[bytes]) -> None:
        """Add the next rows by their payload texts."""
        assert isinstance(self._texts, GrowingTexts), "a frozen column takes no rows"
        found = self._cells(payloads).texts
        rows = np.asarray(found.rows, np.int32) + np.int32(self.count)
        self.count += len(payloads)
        self._texts.add(rows, found.values, self.count)

    def freeze(self) -> None:
        """Take no more rows; keep the units of each term."""
        if isinstance(self._texts, GrowingTexts):
            self._texts = FinalTexts.of(self._texts, self.count, has_phrases=self._has_phrases)

    def words(self, condition: FieldCondition) -> Words:
        """Return which rows satisfy the condition: bit words of `count` rows."""
        if isinstance(condition, HasType):
            words = bits.empty(self._texts.unit_count)
            mark(self._texts.all_units(), words)
            return self._rows_of(words)
        terms = self._terms_of(condition)
        if not terms:
            return bits.empty(self.count)
        return self._rows_of(self._units_with(condition, terms))

    def matching(self, condition: FieldCondition) -> int | None:
        """Return how many rows satisfy the condition, where no term is asked for, or one, and units are rows."""
        if isinstance(condition, HasType):
            return None
        terms = self._terms_of(condition)
        if not terms:
            return 0
        final = self._texts
        if isinstance(final, GrowingTexts) or final.owners is not None or len(set(terms)) > 1:
            return None
        return len(final.units_of(terms[0])) if len(terms) == 1 or not isinstance(condition, MatchPhrase) else None

    @property
    def nbytes(self) -> int:
        """Memory that it takes."""
        return self._texts.nbytes

    def arrays(self) -> StoredArrays:
        """Return the arrays of text_final.py."""
        assert isinstance(self._texts, FinalTexts), "only a frozen column has arrays"
        return self._texts.stored()

    def restore(self, arrays: StoredArrays) -> None:
        """Become the column that gave these arrays."""
        self._texts = FinalTexts.restored(arrays)
        self.count = self._texts.row_count

    def _terms_of(self, condition: FieldCondition) -> list[int]:
        """Return the numbers of a query's terms; none when nothing can satisfy it."""
        number_of = self._texts.number_of
        match condition:
            case MatchText(_, text):
                numbers = list(map(number_of, self._analyzer.query(text)))
            case MatchTextAny(_, text):
                return [number for number in map(number_of, self._analyzer.query(text)) if number >= 0]
            case MatchPhrase(_, phrase):
                numbers = list(map(number_of, self._analyzer.phrase(phrase))) if self._has_phrases else []
            case _:
                raise AssertionError(f"another kind of column serves {type(condition).__name__}")
        return [] if -1 in numbers else numbers

    def _units_with(self, condition: FieldCondition, terms: list[int]) -> Words:
        postings = self._texts.postings(terms)
        if isinstance(condition, MatchTextAny):
            return postings.with_any(terms)
        if isinstance(condition, MatchPhrase):
            return postings.with_phrase(terms)
        return postings.with_all(terms)

    def _rows_of(self, units: Words) -> Words:
        """Return the rows of some units."""
        owners = self._texts.owners
        if owners is None:
            return units
        words = bits.empty(self.count)
        mark(owners[bits.to_rows(units)], words)
        return words


_EACH_TEXT = TextForm(TextAnalysis(), is_by_text=True)
_EACH_TEXT_IN_ORDER = TextForm(TextAnalysis(phrase_matching=True), is_by_text=True)


def text_kind(condition: FieldCondition, index: PayloadIndex | None) -> Kind:
    """Return the kind that serves a condition on texts, or the type of a text index, on a path."""
    analysis = None if index is None else index.analysis
    if analysis is not None:
        return _kind(TextForm(analysis, is_by_text=False))
    return _kind(_EACH_TEXT_IN_ORDER if isinstance(condition, MatchPhrase) else _EACH_TEXT)


def text_kinds_of_index(index: PayloadIndex) -> list[Kind]:
    """Return the kind that a text index keeps ready; none for an index of another type."""
    return [] if index.analysis is None else [_kind(TextForm(index.analysis, is_by_text=False))]


@lru_cache(maxsize=256)
def _kind(form: TextForm) -> Kind:
    def make(path: Path) -> TextColumn:
        return TextColumn(form, path)

    def restore(path: Path, arrays: StoredArrays) -> TextColumn:
        column = TextColumn(form, path)
        column.restore(arrays)
        return column

    unit = "texts" if form.is_by_text else "rows"
    return Kind(f"text:{digest_of(form.analysis)}:{unit}", make, restore)
