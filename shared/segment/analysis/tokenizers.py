"""How texts are cut into words, as they stand: what becomes of a word is the business of analyzer.py.

word          runs of letters, marks that count as letters, and numerals (Unicode's Alphabetic and N)
whitespace    what white space separates
prefix        words; their beginnings are made of the finished word
multilingual  see multilingual.py

Texts of ASCII alone, the usual case, take a table and a split: a third of the time of an expression.
"""

from collections.abc import Callable
from typing import Final

import regex

from shared.schema.payload_index import Tokenizer
from shared.segment.analysis.multilingual import multilingual_words

Words = Callable[[str], list[str]]

_WORD = regex.compile(r"[\p{Alphabetic}\p{N}]+")
_NOT_SPACE = regex.compile(r"\P{White_Space}+")
_SEPARATORS: Final = {code: " " for code in range(128) if not chr(code).isalnum()}
_ODD_SPACES: Final = "\x1c\x1d\x1e\x1f"
"""Python splits at these, Unicode does not call them white space."""


def plain_words(text: str) -> list[str]:
    """Return the words of a text."""
    if text.isascii():
        return text.translate(_SEPARATORS).split()
    return _WORD.findall(text)


def spaced_words(text: str) -> list[str]:
    """Return what white space separates."""
    if text.isprintable() or not any(space in text for space in _ODD_SPACES):
        return text.split()
    return _NOT_SPACE.findall(text)


WORDS: Final[dict[Tokenizer, Words]] = {
    Tokenizer.WORD: plain_words,
    Tokenizer.WHITESPACE: spaced_words,
    Tokenizer.PREFIX: plain_words,
    Tokenizer.MULTILINGUAL: multilingual_words,
}
