"""Steps of text analysis that the table of answers does not reach, and what names a column."""

import subprocess
import sys

import pytest

from services.api.validate.index_texts import STEM_LANGUAGES, STOP_LANGUAGES
from shared.schema.filters import MatchText
from shared.schema.payload_index import TextAnalysis, Tokenizer
from shared.segment.analysis import analyzer_of, digest_of, query_tokens, text_matches, tokens_of
from shared.segment.analysis.folding import folded
from shared.segment.analysis.stop_words import stop_words, words_of


@pytest.mark.parametrize("language", sorted(STOP_LANGUAGES))
def test_every_language_that_the_api_takes_has_stop_words(language):
    words = words_of(language)

    assert len(words) > 50
    assert not any(word != word.strip() or not word for word in words)


@pytest.mark.parametrize(
    ("language", "word", "stem"),
    [
        ("arabic", "الكتاب", "كتاب"),
        ("armenian", "երեխաներ", "երեխ"),
        ("danish", "husene", "hus"),
        ("dutch", "lichamelijke", "licham"),
        ("english", "running", "run"),
        ("finnish", "taloissa", "talo"),
        ("french", "continuellement", "continuel"),
        ("german", "häuser", "haus"),
        ("greek", "ανθρωποι", "ανθρωπ"),
        ("hungarian", "házak", "ház"),
        ("italian", "abbandonata", "abbandon"),
        ("norwegian", "husene", "hus"),
        ("portuguese", "casas", "cas"),
        ("romanian", "casele", "cas"),
        ("russian", "книгами", "книг"),
        ("spanish", "casas", "cas"),
        ("swedish", "husen", "hus"),
        ("tamil", "வீடுகள்", "வீடு"),
        ("turkish", "evler", "ev"),
    ],
)
def test_words_of_every_language_are_stemmed(language, word, stem):
    analysis = TextAnalysis(tokenizer=Tokenizer.WHITESPACE, stem_language=language)

    assert tokens_of(analysis)(word) == [stem]


def test_the_stemmed_languages_are_those_that_the_api_takes():
    for language in STEM_LANGUAGES:
        assert tokens_of(TextAnalysis(stem_language=language))("a b") == ["a", "b"], language


def test_stop_words_are_compared_in_the_case_of_the_texts():
    assert stop_words((), ("The",), lowercase=True) == {"the"}
    assert stop_words((), ("The",), lowercase=False) == {"The"}


def test_folding_writes_several_letters_where_one_does_not_do():
    assert folded("Æther ①⑴ ﬃ “ß”") == 'AEther 1(1) ffi "ss"'
    assert folded("日本 ё e\u0301") == "日本 ё e\u0301"


def test_a_word_has_one_form_however_its_accents_are_encoded_when_marks_end_words():
    composed, decomposed = tokens_of(TextAnalysis())("caf\u00e9"), tokens_of(TextAnalysis())("cafe\u0301")

    assert (composed, decomposed) == (["caf\u00e9"], ["cafe"])
    multilingual = tokens_of(TextAnalysis(tokenizer=Tokenizer.MULTILINGUAL))
    assert multilingual("caf\u00e9") == multilingual("cafe\u0301") == ["cafe"]


def test_a_prefix_query_asks_for_one_term_where_a_document_has_all_beginnings():
    analysis = TextAnalysis(tokenizer=Tokenizer.PREFIX, min_token_len=2, max_token_len=4)

    assert tokens_of(analysis)("Hello a") == ["he", "hel", "hell"]
    assert query_tokens(analysis)("Hello a") == ["hell"]


@pytest.mark.parametrize("tokenizer", list(Tokenizer))
@pytest.mark.parametrize("text", ["", " \t\n", "\x00", "\ud800", "\u200d", "\u0301", "...", "\U0010ffff"])
def test_texts_without_words_have_no_terms_but_between_spaces(tokenizer, text):
    found = tokens_of(TextAnalysis(tokenizer=tokenizer))(text)

    assert found == (text.split() if tokenizer is Tokenizer.WHITESPACE else [])


def test_words_of_scripts_without_spaces_come_from_dictionaries():
    words = tokens_of(TextAnalysis(tokenizer=Tokenizer.MULTILINGUAL))

    assert words("我来到北京清华大学abc") == ["我", "来到", "北京", "清华", "大学", "abc"]
    assert words("東京都に住んでいます")[:3] == ["東京", "都", "に"]
    assert words("ภาษาไทย") == words("ภาษา ไทย")


def test_terms_come_in_bulk_as_they_come_one_by_one():
    analyzer = analyzer_of(TextAnalysis(stem_language="english", stop_languages=("english",), max_token_len=5))
    words = analyzer.words("The runners were running beautifully past the houses")

    assert [term for terms in analyzer.terms(words) for term in terms] == ["run", "past", "hous"]


@pytest.mark.parametrize("tokenizer", list(Tokenizer))
@pytest.mark.parametrize("language", ["armenian", "english"])
def test_half_a_surrogate_pair_is_no_reason_to_fail(tokenizer, language):
    analysis = TextAnalysis(tokenizer=tokenizer, stem_language=language, ascii_folding=True)

    found = tokens_of(analysis)("runs x\ud800y 中\udfff \ud83d")

    assert found[0] == ("r" if tokenizer is Tokenizer.PREFIX else "run" if language == "english" else "runs")


def test_one_hostile_word_costs_little():
    prefix, greek = TextAnalysis(tokenizer=Tokenizer.PREFIX), TextAnalysis(stem_language="greek")
    word = "ώντας" * 200_000

    assert len(tokens_of(prefix)(word)) == 128
    assert query_tokens(prefix)(word) == [word[:128]]
    assert tokens_of(greek)(f"άνθρωποι {word}") == ["ανθρωπ", word]


def test_a_name_of_an_analysis_tells_every_parameter():
    names = {
        digest_of(analysis)
        for analysis in (
            TextAnalysis(),
            TextAnalysis(tokenizer=Tokenizer.PREFIX),
            TextAnalysis(min_token_len=1),
            TextAnalysis(max_token_len=1),
            TextAnalysis(lowercase=False),
            TextAnalysis(ascii_folding=True),
            TextAnalysis(phrase_matching=True),
            TextAnalysis(stop_languages=("english",)),
            TextAnalysis(stop_words=("english",)),
            TextAnalysis(stem_language="english"),
        )
    }

    assert len(names) == 10
    assert digest_of(TextAnalysis()) == digest_of(TextAnalysis(lowercase=True))


def test_without_an_index_one_value_must_hold_all_terms_and_with_one_all_values_together():
    values = ["quick", "brown fox", 5, None]

    assert not text_matches(MatchText("t", "quick fox"), values, None)
    assert text_matches(MatchText("t", "quick fox"), values, TextAnalysis())


def test_dictionaries_are_loaded_only_for_the_scripts_that_need_them():
    script = (
        "import sys; from shared.schema.payload_index import TextAnalysis, Tokenizer\n"
        "from shared.segment.analysis import tokens_of\n"
        "tokens_of(TextAnalysis(tokenizer=Tokenizer.MULTILINGUAL))('Straße мир שלום')\n"
        "sys.exit('rjieba' in sys.modules or 'icu4py' in sys.modules)"
    )

    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0
