"""Texts as terms while rows come: pairs of a unit and a term (text_pairs.py), and the order of terms for phrases."""

from collections.abc import Sequence

import numpy as np

from shared.segment.analysis import Analyzer
from shared.segment.columns.growable import Growable
from shared.segment.columns.text_pairs import TextPairs
from shared.segment.columns.text_postings import GAP, Numbers, TextOrder, TextPostings
from shared.segment.columns.text_terms import TermsOfTexts, Vocabulary


class GrowingTexts:
    """Grows by `add`. Used by one thread at a time.

    is_by_text   units are texts, and not rows
    has_phrases  the order of terms is kept
    """

    def __init__(self, analyzer: Analyzer, *, is_by_text: bool, has_phrases: bool) -> None:
        self._is_by_text, self._has_phrases = is_by_text, has_phrases
        self.vocabulary = Vocabulary(analyzer)
        self.unit_count = 0
        self.pairs = TextPairs()
        self._owners = Growable(np.int32)
        self._sequence, self._ends, self._text_units = Growable(np.int32), Growable(np.int64), Growable(np.int32)

    def add(self, rows: Numbers, texts: Sequence[str], row_count: int) -> None:
        """Add texts and their rows, ascending, none of an earlier call's; there are now so many rows."""
        units = rows
        if self._is_by_text:
            units = np.arange(self.unit_count, self.unit_count + len(rows), dtype=np.int32)
            self._owners.append(rows)
        self.unit_count = self.unit_count + len(rows) if self._is_by_text else row_count
        if len(rows):
            terms = self.vocabulary.terms_of(texts)
            self.pairs.add(np.repeat(units, terms.sizes), terms.numbers)
            if self._has_phrases:
                self._add_order(units, terms)

    def number_of(self, term: str) -> int:
        """Return a term's number, or -1."""
        return self.vocabulary.number_of(term)

    def postings(self, terms: Sequence[int]) -> TextPostings:
        """Return what answers questions about these terms."""
        held = {term: self.pairs.units_of(term) for term in set(terms)}
        return TextPostings(self.unit_count, held.__getitem__, self.order() if self._has_phrases else None)

    def all_units(self) -> Numbers:
        """Return the units with a term, one time or more each."""
        return self.pairs.all_units()

    def order(self) -> TextOrder:
        """Return the terms of all texts in order."""
        return TextOrder(self._sequence.view(), self._ends.view(), self._text_units.view())

    @property
    def owners(self) -> Numbers | None:
        """The row of each unit; None where units are rows."""
        return self._owners.view() if self._is_by_text else None

    @property
    def nbytes(self) -> int:
        grown = (self.pairs, self._owners, self._sequence, self._ends, self._text_units)
        return self.vocabulary.nbytes + sum(one.nbytes for one in grown)

    def _add_order(self, units: Numbers, terms: TermsOfTexts) -> None:
        count = len(terms.numbers)
        ordered = np.full(count + len(units), GAP, np.int32)
        ordered[np.arange(count) + np.repeat(np.arange(len(units)), terms.sizes)] = terms.numbers
        self._ends.append(np.cumsum(terms.sizes + 1) + self._sequence.count)
        self._text_units.append(units)
        self._sequence.append(ordered)
