"""Which texts satisfy a condition, in plain Python: the definition that text columns must agree with.

With a text index   `text`: every term somewhere among the values; `text_any`: some term; `phrase`: the terms side by
                    side in one value, and only where the index was declared with `phrase_matching`
Without one         each value by itself, cut by the default analysis: all terms, some term, side by side
Nothing is found by a query without terms.
"""

from collections.abc import Iterable
from typing import Any

from shared.schema.filters import MatchPhrase, MatchText, MatchTextAny
from shared.schema.payload_index import TextAnalysis
from shared.segment.analysis.analyzer import analyzer_of

TextCondition = MatchText | MatchTextAny | MatchPhrase


def text_matches(condition: TextCondition, values: Iterable[Any], analysis: TextAnalysis | None) -> bool:
    """Return whether the values at a path satisfy a condition; values that are no text never do.

    values    what the path selects, arrays as their elements
    analysis  that of the path's text index; None without one
    """
    analyzer = analyzer_of(analysis or TextAnalysis())
    documents = [analyzer.document(value) for value in values if isinstance(value, str)]
    match condition:
        case MatchPhrase(_, phrase):
            wanted = analyzer.phrase(phrase)
            has_order = analysis is None or analysis.phrase_matching
            return has_order and any(_has_in_order(document, wanted) for document in documents)
        case MatchTextAny(_, text):
            wanted = analyzer.query(text)
            return any(term in document for document in documents for term in wanted)
        case MatchText(_, text):
            wanted = analyzer.query(text)
            together = documents if analysis is None else [[term for document in documents for term in document]]
            return bool(wanted) and any(set(wanted) <= set(document) for document in together)


def _has_in_order(document: list[str], wanted: list[str]) -> bool:
    size = len(wanted)
    return size > 0 and any(document[first : first + size] == wanted for first in range(len(document) - size + 1))
