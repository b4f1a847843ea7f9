"""Stems by Snowball's algorithms.

By the library that the original links; Armenian, which that lacks, by Snowball's own.
"""

from collections.abc import Callable
from functools import lru_cache

Stems = Callable[[list[str]], list[str]]


@lru_cache(maxsize=64)
def stems_of(language: str) -> Stems:
    """Return what turns words, in the case in which they are given, into stems. The api refuses other languages."""
    if language == "armenian":
        return _armenian
    from py_rust_stemmers import SnowballStemmer

    stems: Stems = SnowballStemmer(language).stem_words
    return stems


def _armenian(words: list[str]) -> list[str]:
    from Stemmer import Stemmer

    stems: list[str] = Stemmer("armenian", 0).stemWords(words)  # one a call: a stemmer is not safe between threads
    return stems
