"""Text analysis: from texts and a declared index to terms. README.md has the steps, the sources and the differences.

analyzer.py      the steps
tokenizers.py, multilingual.py, folding.py, stop_words.py, stemming.py  one each
definition.py    what the conditions on texts mean
"""

from shared.segment.analysis.analyzer import Analyzer, analyzer_of, digest_of, query_tokens, tokens_of
from shared.segment.analysis.definition import text_matches

__all__ = [
    "Analyzer",
    "analyzer_of",
    "digest_of",
    "query_tokens",
    "text_matches",
    "tokens_of",
]
