"""Words that are no terms: lists of 30 languages, found by asking the original (README.md), and a user's own.

Languages go by their names; the api turns codes into names and refuses what has no list here.
"""

from functools import lru_cache
from importlib import resources


def stop_words(languages: tuple[str, ...], custom: tuple[str, ...], *, lowercase: bool) -> frozenset[str]:
    """Return the words that are no terms, in the case in which words are compared."""
    words = set(custom).union(*map(words_of, languages))
    return frozenset(word.lower() for word in words) if lowercase else frozenset(words)


@lru_cache(maxsize=64)
def words_of(language: str) -> frozenset[str]:
    """Return the stop words of a language."""
    text = (resources.files(__package__) / "stop_words" / f"{language}.txt").read_text("utf-8")
    return frozenset(text.split())
