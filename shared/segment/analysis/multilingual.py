"""Words of many scripts: runs of letters, and in scripts that put no spaces between words, words of a dictionary.

1. A text is cut into runs of letters, marks and numerals. Runs without a letter are dropped, as the original does.
2. Runs of Han are cut by jieba's dictionary where the text has no Kana, in the original's way: of the words that its
   search mode finds, those that do not overlap an earlier one, and what is left between them.
3. Han beside Kana, Thai, Lao, Khmer and Myanmar runs are cut by ICU's dictionaries.
4. The Arabic article is a word of its own.
5. `comparable` gives a word the form in which it is compared: compatibility forms decomposed, lower case, and no
   accents in Latin, Greek, Hebrew, Arabic and Thai, where people search without them.

Where we differ from the original's dictionaries: README.md.
"""

from functools import lru_cache
from typing import Any, Final
from unicodedata import normalize

import regex

_RUN = regex.compile(r"[\p{Alphabetic}\p{N}\p{M}\u200c\u200d\u0640]+")
_LETTER = regex.compile(r"\p{Alphabetic}")
_KANA: Final = r"\p{Hiragana}\p{Katakana}\u30fc\uff70"
_HAS_KANA = regex.compile(rf"[{_KANA}]")
_HAN = regex.compile(r"[\p{Han}\u3005]+")
_UNSPACED: Final = rf"\p{{Han}}\u3005{_KANA}\p{{Thai}}\p{{Lao}}\p{{Khmer}}\p{{Myanmar}}"
_PIECE = regex.compile(rf"[{_UNSPACED}][{_UNSPACED}\p{{M}}\u200c\u200d]*|[^{_UNSPACED}]+")
_IS_UNSPACED = regex.compile(rf"[{_UNSPACED}]")
_ACCENTS = regex.compile(r"(?<=[\p{Latin}\p{Greek}\p{Hebrew}\p{Arabic}\p{Thai}])\p{Mn}+")
_ARTICLE: Final = "\u0627\u0644"
_SEPARATORS: Final = {code: " " for code in range(128) if not chr(code).isalnum()}
_SPELLINGS: Final = str.maketrans(
    {"\u00e6": "ae", "\u0153": "oe", "\u0640": "", "\u0629": "\u0647", "\u0649": "\u064a"}
)
"""Latin ligatures in two letters; no lengthening stroke; final forms of Arabic h and y like the letters."""


def multilingual_words(text: str) -> list[str]:
    """Return the words of a text in any script."""
    if text.isascii():
        return [word for word in text.translate(_SEPARATORS).split() if not word.isdecimal()]
    words: list[str] = []
    has_kana = _HAS_KANA.search(text) is not None
    for run in _RUN.findall(text):
        if run.startswith(_ARTICLE) and len(run) > len(_ARTICLE):
            words.extend((_ARTICLE, run[len(_ARTICLE) :]))
        elif _IS_UNSPACED.search(run):
            words.extend(_words_in(run, has_kana))
        else:
            words.append(run)
    return [word for word in words if _LETTER.search(word)]


def comparable(word: str) -> str:
    """Return the form in which a word is compared."""
    if word.isascii():
        return word.lower()
    decomposed = normalize("NFKD", word).lower()
    return _ACCENTS.sub("", decomposed).translate(_SPELLINGS)


def _words_in(run: str, has_kana: bool) -> list[str]:
    """Return the words of a run with letters of a script without spaces."""
    words: list[str] = []
    for piece in _PIECE.findall(run):
        if not _IS_UNSPACED.match(piece):
            words.append(piece)
        elif not has_kana and _HAN.fullmatch(piece):
            words.extend(_chinese_words(piece))
        else:
            words.extend(_dictionary_words(piece))
    return words


def _chinese_words(run: str) -> list[str]:
    words: list[str] = []
    end = 0
    for word, first, last in _jieba().tokenize(run, "search", False):
        if first < end:
            continue
        words.extend((run[end:first], word))
        end = last
    words.append(run[end:])
    return [word for word in words if word]


@lru_cache(maxsize=1)
def _jieba() -> Any:
    """Load the Chinese dictionary, when the first run of Han comes: half a second, some 40 MB."""
    import rjieba

    return rjieba


def _dictionary_words(run: str) -> list[str]:
    """Cut a run by ICU, which is loaded when the first one comes."""
    from icu4py.breakers import WordBreaker

    return list(WordBreaker(run, "en"))
