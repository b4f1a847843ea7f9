"""Payload indexes as declared on a collection: the type of each path and its parameters (features.md section 4).

A declaration is part of the collection's config, so it comes into force in the order of the log. It says what is kept
ready, where, and, for text alone, what conditions mean: which tokens a text has.
"""

from enum import StrEnum
from typing import Annotated

import msgspec
from pydantic import Field

from shared.schema.model import Model, Sparing
from shared.schema.slots import Memory


class FieldType(StrEnum):
    """The types of payload index."""

    KEYWORD = "keyword"
    INTEGER = "integer"
    FLOAT = "float"
    BOOL = "bool"
    DATETIME = "datetime"
    UUID = "uuid"
    GEO = "geo"
    TEXT = "text"


class Tokenizer(StrEnum):
    """How a text is cut into tokens."""

    WORD = "word"
    WHITESPACE = "whitespace"
    PREFIX = "prefix"
    MULTILINGUAL = "multilingual"


class Stopwords(Model):
    """Words that are no tokens: those of languages, and more."""

    languages: tuple[str, ...] | None = None
    custom: tuple[str, ...] | None = None


class Stemmer(Sparing):
    """What cuts tokens down to their stems: `snowball` of a language, or `none`."""

    type: str
    language: str | None = None


class TextAnalysis(msgspec.Struct, frozen=True):
    """All that decides which tokens a text has: two declarations that agree in it share one column. Hashable.

    stop_languages, stop_words   None and empty: no stop words;  stem_language   None: no stemming
    """

    tokenizer: Tokenizer = Tokenizer.WORD
    min_token_len: int | None = None
    max_token_len: int | None = None
    lowercase: bool = True
    ascii_folding: bool = False
    phrase_matching: bool = False
    stop_languages: tuple[str, ...] = ()
    stop_words: tuple[str, ...] = ()
    stem_language: str | None = None


class PayloadIndex(Sparing):
    """One declared index. Parameters of other types are None; so is what nobody set.

    is_bare   declared by the bare type name: info then shows no parameters
    """

    type: FieldType
    is_bare: bool = False
    is_tenant: bool | None = None
    is_principal: bool | None = None
    prefix: bool | None = None
    lookup: bool | None = None
    range: bool | None = None
    tokenizer: Tokenizer | None = None
    min_token_len: Annotated[int, Field(ge=0)] | None = None
    max_token_len: Annotated[int, Field(ge=0)] | None = None
    lowercase: bool | None = None
    ascii_folding: bool | None = None
    phrase_matching: bool | None = None
    stopwords: str | Stopwords | None = None
    stemmer: Stemmer | None = None
    on_disk: bool | None = None
    memory: Memory | None = None
    enable_hnsw: bool | None = None

    @property
    def place(self) -> Memory:
        """Where its columns are kept; `memory` is the newer word and wins."""
        return self.memory or (Memory.COLD if self.on_disk else Memory.PINNED)

    @property
    def is_on_disk(self) -> bool:
        """True where its columns are mapped and read when needed."""
        return self.place is Memory.COLD

    @property
    def analysis(self) -> TextAnalysis | None:
        """How its texts are cut into tokens; None unless it is a text index."""
        if self.type is not FieldType.TEXT:
            return None
        stop = self.stopwords
        sets = Stopwords(languages=(stop,)) if isinstance(stop, str) else stop or Stopwords()
        stems = self.stemmer is not None and self.stemmer.type == "snowball"
        return TextAnalysis(
            tokenizer=self.tokenizer or Tokenizer.WORD,
            min_token_len=self.min_token_len,
            max_token_len=self.max_token_len,
            lowercase=self.lowercase is not False,
            ascii_folding=bool(self.ascii_folding),
            phrase_matching=bool(self.phrase_matching),
            stop_languages=tuple(sorted(sets.languages or ())),
            stop_words=tuple(sorted(sets.custom or ())),
            stem_language=self.stemmer.language if stems and self.stemmer is not None else None,
        )
