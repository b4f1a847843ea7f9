"""Stop words and stemmers of text indexes: languages by their names or two letters, each kept by its name."""

import msgspec

from shared.errors import BadFormat
from shared.schema.payload_index import Stemmer, Stopwords


class WireStopwords(msgspec.Struct, forbid_unknown_fields=True):
    languages: list[str] | None = None
    custom: list[str] | None = None


class WireStemmer(msgspec.Struct, forbid_unknown_fields=True):
    type: str
    language: str | None = None


def parse_stopwords(wire: str | WireStopwords | None) -> str | Stopwords | None:
    """Return stop words by language, or a set of them in an order of its own. Raises BadFormat."""
    if wire is None:
        return None
    if isinstance(wire, str):
        return _stop_language(wire)
    custom = wire.custom
    return Stopwords(
        languages=None if wire.languages is None else tuple(sorted(set(map(_stop_language, wire.languages)))),
        custom=None if custom is None else tuple(sorted(set(custom))),
    )


def parse_stemmer(wire: WireStemmer | None) -> Stemmer | None:
    """Return a stemmer. Raises BadFormat."""
    if wire is None:
        return None
    if wire.type == "none":
        if wire.language is not None:
            raise BadFormat("field_schema.stemmer: a stemmer of type `none` has no `language`")
        return Stemmer(type="none")
    if wire.type != "snowball":
        raise BadFormat(f"field_schema.stemmer.type: unknown variant `{wire.type}`, expected `snowball` or `none`")
    if wire.language is None:
        raise BadFormat("field_schema.stemmer: missing field `language`")
    return Stemmer(type="snowball", language=_stem_language(wire.language))


def _stop_language(name: str) -> str:
    return _known(name, STOP_LANGUAGES, "field_schema.stopwords")


def _stem_language(name: str) -> str:
    return _known(name, STEM_LANGUAGES, "field_schema.stemmer.language")


def _known(name: str, known: frozenset[str], where: str) -> str:
    language = LANGUAGE_CODES.get(name, name)
    if language not in known:
        raise BadFormat(f"{where}: unknown variant `{name}`, expected one of {', '.join(sorted(known))}")
    return language


LANGUAGE_CODES = {
    "ar": "arabic",
    "az": "azerbaijani",
    "bn": "bengali",
    "ca": "catalan",
    "da": "danish",
    "de": "german",
    "el": "greek",
    "en": "english",
    "es": "spanish",
    "eu": "basque",
    "fi": "finnish",
    "fr": "french",
    "he": "hebrew",
    "hi-en": "hinglish",
    "hu": "hungarian",
    "hy": "armenian",
    "id": "indonesian",
    "it": "italian",
    "ja": "japanese",
    "jp": "japanese",
    "kk": "kazakh",
    "ne": "nepali",
    "nl": "dutch",
    "no": "norwegian",
    "pt": "portuguese",
    "ro": "romanian",
    "ru": "russian",
    "sl": "slovene",
    "sv": "swedish",
    "ta": "tamil",
    "tg": "tajik",
    "tr": "turkish",
    "zh": "chinese",
}
STOP_LANGUAGES = frozenset(LANGUAGE_CODES.values()) - {"armenian", "tamil"}
_NO_STEMMER = {"azerbaijani", "basque", "bengali", "catalan", "chinese", "hebrew", "hinglish", "indonesian"}
STEM_LANGUAGES = frozenset(LANGUAGE_CODES.values()) - _NO_STEMMER - {"japanese", "kazakh", "nepali", "slovene", "tajik"}
