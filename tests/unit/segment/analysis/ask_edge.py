"""Asks the original's engine what it finds in texts, and writes its answers beside this file: edge_texts.json.

Run where `qdrant_edge` is installed, which the tests' own environment lacks; nothing of ours is imported:
    python tests/unit/segment/analysis/ask_edge.py
"""

import json
import tempfile
from pathlib import Path
from typing import Any

import qdrant_edge as edge

DOCUMENTS: list[Any] = [
    "Quick brown fox",
    "the quick fox's tail",
    ["quick", "brown fox jumps"],
    ["brown", "fox quick"],
    "",
    [],
    None,
    5,
    ["a", 5, None, True, {"t": "fox"}, ["fox"]],
    "!!! … ---",
    "QUICK Brown",
    "brown brown quick brown fox",
    {"t": "quick"},
    "quick the brown",
    "running runner runs run",
    "The there then THE",
    "Café CAFÉ cafe caf\u00e9s cafe\u0301",
    "Straße ÆON ﬁne Ⅷ ½ ② x² ªº",
    "foo_bar kebab-case e.g. 3.14 42 x1 a.b@c.de C++",
    "don't l'été aujourd\u2019hui",
    "İstanbul ΣΑΣ Ǆ K",
    "a\u00adb c\u200dd e\u00a0f g\u1680h i\u2003j\x1ck",
    "🎉party🎉 a👍b",
    "die Häuser laufen, das Haus läuft nicht",
    "les chevaux de l'élève ne sont pas là",
    "Привет мир ёлка йод",
    "我来到北京清华大学",
    "今天天气很好\uff0c中华人民共和国",
    "繁體中文 and English",
    "العَرَبِيَّة كِتَاب والقلم مدرسة",
    "שָׁלוֹם עולם",
    "안녕하세요 세계",
    "हिन्दी भाषा",
    "Việt Nam đường",
    "Ünïcode naïve élève",
    "hello,world Hello World",
]

QUERIES = [
    *(
        "quick",
        "Quick",
        "quick brown",
        "brown quick",
        "the quick",
        "zzz quick",
        "",
        "  ",
        "!!!",
        "fox",
        "quick fox",
        "fox fox",
    ),
    *("a", "th", "the", "there", "qui bro", "qu", "run", "running", "runs run", "runn", "CAFÉ", "cafe", "cafes", "caf"),
    *(
        "strasse",
        "straße",
        "aeon",
        "ÆON",
        "fine",
        "viii",
        "Ⅷ",
        "x2",
        "foo",
        "foo bar",
        "foo_bar",
        "e.g.",
        "3.14",
        "42",
        "c++",
    ),
    *(
        "don t",
        "don't",
        "été",
        "ete",
        "istanbul",
        "İstanbul",
        "ΣΑΣ",
        "σας",
        "ab",
        "a b",
        "cd",
        "e f",
        "j",
        "party",
        "🎉",
    ),
    *(
        "haus",
        "häuser",
        "lauf",
        "laufen nicht",
        "cheval",
        "chevaux",
        "là",
        "мир",
        "елка",
        "ёлка",
        "北京",
        "清华",
        "清华大学",
    ),
    *(
        "天气",
        "共和国",
        "中文",
        "العربية",
        "عربية",
        "كتاب",
        "שלום",
        "안녕하세요",
        "हिन्दी",
        "viet",
        "duong",
        "unicode",
        "naive",
    ),
    *("hello world", "hello,world", "hel wor", "world hello"),
]

ENGLISH, GERMAN, FRENCH = "english", "german", "french"

ANALYSES: list[dict[str, Any] | None] = [
    None,
    {},
    {"phrase_matching": True},
    {"lowercase": False, "phrase_matching": True},
    {"ascii_folding": True, "phrase_matching": True},
    {"ascii_folding": True, "lowercase": False, "min_token_len": 2, "max_token_len": 4},
    {"min_token_len": 4, "phrase_matching": True},
    {"min_token_len": 0, "max_token_len": 0},
    {"tokenizer": "whitespace", "phrase_matching": True},
    {"tokenizer": "whitespace", "ascii_folding": True, "max_token_len": 5},
    {"tokenizer": "prefix", "phrase_matching": True},
    {"tokenizer": "prefix", "min_token_len": 2, "max_token_len": 4, "phrase_matching": True},
    {"tokenizer": "prefix", "min_token_len": 5, "max_token_len": 3},
    {"tokenizer": "prefix", "stop_languages": [ENGLISH], "phrase_matching": True},
    {"tokenizer": "prefix", "stem_language": ENGLISH, "ascii_folding": True, "min_token_len": 3},
    {"stop_languages": [ENGLISH], "phrase_matching": True},
    {"stop_languages": [ENGLISH], "lowercase": False},
    {"stop_languages": [ENGLISH, GERMAN], "stop_words": ["Fox", "quick", "CAFÉ"], "phrase_matching": True},
    {"stop_words": ["Quick", "cafe"], "lowercase": False, "ascii_folding": True, "phrase_matching": True},
    {"stop_words": ["run"], "stem_language": ENGLISH, "phrase_matching": True},
    {"stem_language": ENGLISH, "min_token_len": 3, "max_token_len": 5, "phrase_matching": True},
    {"stem_language": GERMAN, "stop_languages": [GERMAN]},
    {"stem_language": FRENCH, "ascii_folding": True, "phrase_matching": True},
    {"tokenizer": "multilingual", "phrase_matching": True},
    {"tokenizer": "multilingual", "lowercase": False, "stop_languages": [ENGLISH], "stem_language": ENGLISH},
    {"tokenizer": "multilingual", "max_token_len": 4},
]


def edge_index(analysis: dict[str, Any]) -> Any:
    """Return the original's parameters for an analysis in our words."""
    params: dict[str, Any] = dict(analysis)
    languages, custom = params.pop("stop_languages", []), params.pop("stop_words", [])
    stem = params.pop("stem_language", None)
    params["tokenizer"] = getattr(edge.TokenizerType, params.pop("tokenizer", "word").title())
    if languages or custom:
        known = {getattr(edge.Language, language.title()) for language in languages}
        params["stopwords"] = edge.StopwordsSet(languages=known, custom=set(custom))
    if stem:
        params["stemmer"] = edge.SnowballParams(getattr(edge.SnowballLanguage, stem.title()))
    return edge.TextIndexParams(**params)


def answers(analysis: dict[str, Any] | None) -> dict[str, list[list[int]]]:
    """Return for each condition the documents that each query finds."""
    vectors = {"v": edge.EdgeVectorParams(size=1, distance=edge.Distance.Dot)}
    shard = edge.EdgeShard.create(tempfile.mkdtemp(), edge.EdgeConfig(vectors=vectors))
    if analysis is not None:
        shard.update(edge.UpdateOperation.create_field_index("t", edge_index(analysis)))
    points = [edge.Point(number, {"v": [1.0]}, {"t": text}) for number, text in enumerate(DOCUMENTS)]
    shard.update(edge.UpdateOperation.upsert_points(points))

    def found(match: Any) -> list[int]:
        condition = edge.Filter(must=[edge.FieldCondition(key="t", match=match)])
        return sorted(point.id for point in shard.scroll(edge.ScrollRequest(limit=len(points), filter=condition))[0])

    kinds = {"text": edge.MatchText, "text_any": edge.MatchTextAny, "phrase": edge.MatchPhrase}
    return {name: [found(kind(query)) for query in QUERIES] for name, kind in kinds.items()}


def main() -> None:
    lines = [json.dumps({"documents": DOCUMENTS, "queries": QUERIES}, ensure_ascii=False)]
    for analysis in ANALYSES:
        found = answers(analysis)
        lines.extend(
            json.dumps({"analysis": analysis, "condition": name, "found": found[name]}, separators=(",", ":"))
            for name in found
        )
    (Path(__file__).parent / "edge_texts.jsonl").write_text("\n".join(lines) + "\n", "utf-8")


if __name__ == "__main__":
    main()
