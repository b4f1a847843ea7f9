"""The terms of texts as numbers, while a column grows: each distinct word is analysed once.

Words become numbers by one look-up each; what a number stands for, no term, one, or with the prefix tokenizer many, is
kept as lists end to end, so that a batch of texts turns into term numbers without Python code per word.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from shared.segment.analysis import Analyzer
from shared.segment.columns.growable import Growable

OBJECT_BYTES = 120
"""What one entry of the growing dicts costs beside its text, about."""

Numbers = npt.NDArray[np.int32]


class TermsOfTexts(NamedTuple):
    """The terms of texts, in order, end to end, and how many terms each text has."""

    numbers: Numbers
    sizes: npt.NDArray[np.int64]


class _WordNumbers(dict[str, int]):
    """Gives a new word the next number, and notes it."""

    def __init__(self) -> None:
        super().__init__()
        self.new: list[str] = []

    def __missing__(self, word: str) -> int:
        number = self[word] = len(self)
        self.new.append(word)
        return number


class Vocabulary:
    """The words of texts and their terms. Grows by `terms_of`."""

    def __init__(self, analyzer: Analyzer) -> None:
        self._analyzer = analyzer
        self._words = _WordNumbers()
        self._ends = Growable(np.int64)
        self._terms_of_words = Growable(np.int32)
        self._terms: dict[str, int] = {}
        self._text_bytes = 0

    def __len__(self) -> int:
        return len(self._terms)

    def terms_of(self, texts: Sequence[str]) -> TermsOfTexts:
        """Return the terms of documents; new ones get the next numbers."""
        cut, number_of = self._analyzer.words, self._words.__getitem__
        words: list[int] = []
        sizes: list[int] = []
        for text in texts:
            found = cut(text)
            words.extend(map(number_of, found))
            sizes.append(len(found))
        self._analyse_new()
        return self._expanded(np.asarray(words, np.int64), np.asarray(sizes, np.int64))

    def number_of(self, term: str) -> int:
        """Return a term's number, or -1."""
        return self._terms.get(term, -1)

    def terms(self) -> list[str]:
        """Return the terms by number."""
        return list(self._terms)

    @property
    def nbytes(self) -> int:
        entries = len(self._words) + len(self._terms)
        return self._text_bytes + OBJECT_BYTES * entries + self._ends.nbytes + self._terms_of_words.nbytes

    def _analyse_new(self) -> None:
        new = self._words.new
        if not new:
            return
        numbers: list[int] = []
        ends: list[int] = []
        before = self._terms_of_words.count
        for terms in self._analyzer.terms(new):
            numbers.extend(self._terms.setdefault(term, len(self._terms)) for term in terms)
            ends.append(before + len(numbers))
        self._text_bytes += 2 * sum(map(len, new))
        self._terms_of_words.append(numbers)
        self._ends.append(ends)
        self._words.new = []

    def _expanded(self, words: npt.NDArray[np.int64], sizes: npt.NDArray[np.int64]) -> TermsOfTexts:
        """Put the terms of each word in its place."""
        ends = self._ends.view()
        starts = np.concatenate([[0], ends[:-1]]) if len(ends) else ends
        lengths = (ends - starts)[words]
        sums = np.concatenate([[0], np.cumsum(lengths)])
        places = np.repeat(starts[words] - sums[:-1], lengths) + np.arange(sums[-1])
        bounds = np.concatenate([[0], np.cumsum(sizes)])
        return TermsOfTexts(self._terms_of_words.view()[places], np.diff(sums[bounds]))
