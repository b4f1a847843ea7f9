"""From texts to terms, in the steps and in the order of the original:

    text ─▶ words (tokenizers.py) ─▶ ASCII folding ─▶ lower case ─▶ stop words ─▶ stem ─▶ length ─▶ terms

Lengths count characters of the finished term. A dropped word leaves no gap in a phrase. The prefix tokenizer makes all
beginnings of a finished word, from `min_token_len` to `max_token_len` characters, terms of a document; a query asks for
the word itself, cut to `max_token_len`, and knows no stop words: `th` must find `there`.
"""

from collections.abc import Callable
from functools import lru_cache

import msgspec
from xxhash import xxh3_64_hexdigest

from shared.schema.payload_index import TextAnalysis, Tokenizer
from shared.segment.analysis.folding import folded
from shared.segment.analysis.multilingual import comparable
from shared.segment.analysis.stemming import Stems, stems_of
from shared.segment.analysis.stop_words import stop_words
from shared.segment.analysis.tokenizers import WORDS
from shared.segment.analysis.versions import ANALYSIS_VERSION

LENGTH_MAX = 2**62

PREFIX_MAX = 128
"""Longest beginning of a word that is a term: one hostile word would else become as many terms as it has characters."""

KEPT_QUERIES, KEPT_LENGTH = 128, 256
"""So many queries of at most so many characters are not analysed again."""

STEMMED_MAX = 1000
"""Longer words stay as they are: some stemmers take a time that is quadratic in them."""


class Analyzer:
    """Cuts texts into terms by one analysis. Safe to use from several threads."""

    def __init__(self, analysis: TextAnalysis) -> None:
        self._analysis = analysis
        self._is_prefix = analysis.tokenizer is Tokenizer.PREFIX
        self._stop = stop_words(analysis.stop_languages, analysis.stop_words, lowercase=analysis.lowercase)
        self._stems = None if analysis.stem_language is None else stems_of(analysis.stem_language)
        longest = LENGTH_MAX if analysis.max_token_len is None else analysis.max_token_len
        self._longest = min(longest, PREFIX_MAX) if self._is_prefix else longest
        self._shortest = max(1, analysis.min_token_len or 0)
        self.words: Callable[[str], list[str]] = WORDS[analysis.tokenizer]
        self._kept_query = lru_cache(maxsize=KEPT_QUERIES)(self._query)
        self._kept_phrase = lru_cache(maxsize=KEPT_QUERIES)(self.document)

    def terms(self, words: list[str]) -> list[list[str]]:
        """Return for each word of a document its terms: one, none when it is dropped, all beginnings for `prefix`."""
        finished = self._finished(words, self._stop)
        if not self._is_prefix:
            return [[term] if self._shortest <= len(term) <= self._longest else [] for term in finished]
        return [
            [term[:length] for length in range(self._shortest, min(len(term), self._longest) + 1)] for term in finished
        ]

    def document(self, text: str) -> list[str]:
        """Return the terms of a document in order."""
        return [term for terms in self.terms(self.words(text)) for term in terms]

    def query(self, text: str) -> list[str]:
        """Return the terms that a query asks for, in order. Read only: every segment asks for the same."""
        return self._kept_query(text) if len(text) <= KEPT_LENGTH else self._query(text)

    def phrase(self, text: str) -> list[str]:
        """Return the terms of a phrase in order: those of a document. Read only."""
        return self._kept_phrase(text) if len(text) <= KEPT_LENGTH else self.document(text)

    def _query(self, text: str) -> list[str]:
        if not self._is_prefix:
            return self.document(text)
        finished = self._finished(self.words(text), frozenset())
        return [term[: self._longest] for term in finished if self._shortest <= len(term) and self._longest]

    def _finished(self, words: list[str], stop: frozenset[str]) -> list[str]:
        """Return what becomes of each word; the empty text for one that is dropped."""
        analysis = self._analysis
        if analysis.tokenizer is Tokenizer.MULTILINGUAL:
            words = [comparable(word) for word in words]
        if analysis.ascii_folding:
            words = [folded(word) for word in words]
        if analysis.lowercase:
            words = [word.lower() for word in words]
        if stop:
            words = ["" if word in stop else word for word in words]
        return words if self._stems is None else self._stemmed(words, self._stems)

    def _stemmed(self, words: list[str], stems_of_words: Stems) -> list[str]:
        can_be = [_has_stem(word) for word in words]
        stems = stems_of_words([word if has_stem else "" for word, has_stem in zip(words, can_be, strict=True)])
        return [stem if has_stem else word for stem, word, has_stem in zip(stems, words, can_be, strict=True)]


def _has_stem(word: str) -> bool:
    """Return whether a stemmer takes a word: not a very long one, and none with half a surrogate pair."""
    return len(word) <= STEMMED_MAX and (word.isascii() or not any("\ud800" <= letter <= "\udfff" for letter in word))


@lru_cache(maxsize=256)
def analyzer_of(analysis: TextAnalysis) -> Analyzer:
    """Return the analyzer of an analysis."""
    return Analyzer(analysis)


def tokens_of(analysis: TextAnalysis) -> Callable[[str], list[str]]:
    """Return what cuts a document into its terms."""
    return analyzer_of(analysis).document


def query_tokens(analysis: TextAnalysis) -> Callable[[str], list[str]]:
    """Return what cuts a query into the terms that it asks for."""
    return analyzer_of(analysis).query


@lru_cache(maxsize=256)
def digest_of(analysis: TextAnalysis) -> str:
    """Return a name of what the analysis makes of texts here: other libraries may make something else of them."""
    return xxh3_64_hexdigest(msgspec.msgpack.encode([ANALYSIS_VERSION, msgspec.structs.astuple(analysis)]))
