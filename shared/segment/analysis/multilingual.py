"""Words of many scripts: runs of letters, and in scripts that put no spaces between words, words of a dictionary.

1. A text is cut into runs of letters, marks and numerals. Runs without a letter are dropped, as the original does.
2. Han, Kana, Thai, Lao, Khmer and Myanmar runs are cut further by ICU's dictionaries.
3. `comparable` gives a word the form in which it is compared: compatibility forms decomposed, lower case, and no
   accents in Latin, Greek, Hebrew, Arabic and Thai, where people search without them.

Where we differ from the original's dictionaries: README.md.
"""

from typing import Final
from unicodedata import normalize

import regex

_RUN = regex.compile(r"[\p{Alphabetic}\p{N}\p{M}\u200c\u200d\u0640]+")
_LETTER = regex.compile(r"\p{Alphabetic}")
_UNSPACED: Final = r"\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}\u30fc\uff70\u3005"
_PIECE = regex.compile(rf"[{_UNSPACED}][{_UNSPACED}\p{{M}}\u200c\u200d]*|[^{_UNSPACED}]+")
_IS_UNSPACED = regex.compile(rf"[{_UNSPACED}]")
_ACCENTS = regex.compile(r"(?<=[\p{Latin}\p{Greek}\p{Hebrew}\p{Arabic}\p{Thai}])\p{Mn}+")
_SEPARATORS: Final = {code: " " for code in range(128) if not chr(code).isalnum()}
_ARABIC: Final = str.maketrans({"\u0640": "", "\u0629": "\u0647", "\u0649": "\u064a"})
"""No lengthening stroke; final forms of h and y are written like the letters."""


def multilingual_words(text: str) -> list[str]:
    """Return the words of a text in any script."""
    if text.isascii():
        return [word for word in text.translate(_SEPARATORS).split() if not word.isdecimal()]
    words: list[str] = []
    for run in _RUN.findall(text):
        if not _IS_UNSPACED.search(run):
            words.append(run)
            continue
        for piece in _PIECE.findall(run):
            words.extend(_dictionary_words(piece) if _IS_UNSPACED.match(piece) else (piece,))
    return [word for word in words if _LETTER.search(word)]


def comparable(word: str) -> str:
    """Return the form in which a word is compared."""
    if word.isascii():
        return word.lower()
    decomposed = normalize("NFKD", word).lower()
    return _ACCENTS.sub("", decomposed).translate(_ARABIC)


def _dictionary_words(run: str) -> list[str]:
    """Cut a run of a script without spaces. ICU is loaded when the first one comes."""
    from icu4py.breakers import WordBreaker

    return list(WordBreaker(run, "en"))
