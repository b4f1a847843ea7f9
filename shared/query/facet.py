"""How many points have each value at a payload path: exact over segments, and exact when shards are merged.

A point has one live row, so counts of segments and shards add up. Which values count depends on the index at the path:
texts of a keyword index, integers, booleans, and UUIDs in whatever form they were written.
"""

import re
from collections.abc import Sequence
from functools import partial
from uuid import UUID

from shared.query.masks import mask_of, name_of
from shared.query.merge import Counted, added, most_frequent
from shared.query.view import Segments, SegmentView, View
from shared.schema.filters import MatchAny, Scalar
from shared.schema.payload_index import FieldType
from shared.schema.queries import Facet
from shared.segment import bits
from shared.segment.bits import Words

_USUAL_FORM = re.compile("[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_PYTHON_TYPES: dict[FieldType, type] = {FieldType.KEYWORD: str, FieldType.INTEGER: int, FieldType.BOOL: bool}


def facet_segments(segments: Segments, facet: Facet) -> list[Counted]:
    """Return the values that are wanted, the most frequent first. Raises BadFormat."""
    count = partial(_uuids if facet.index_type is FieldType.UUID else _values, facet=facet)
    name = name_of(facet.filter)
    masks = ((one, mask_of(one, facet.filter, name)) for one in View.of(segments))
    totals = added(count(one, mask.words, mask.matching) for one, mask in masks)
    if facet.among is not None:
        return most_frequent(((value, totals.get(value, 0)) for value in facet.among), len(facet.among))
    if facet.at_least:
        return most_frequent((each for each in totals.items() if each[1] >= facet.at_least), len(totals))
    return most_frequent(totals.items(), facet.limit)


def _values(view: SegmentView, words: Words, matching: int, facet: Facet) -> list[Counted]:
    if matching == 0:
        return []
    kind = _PYTHON_TYPES[facet.index_type]
    return [each for each in view.segment.column(facet.key).facet(words) if type(each[0]) is kind]


def _uuids(view: SegmentView, words: Words, matching: int, facet: Facet) -> list[Counted]:
    """Return counts by the usual form; a row that has one UUID in two forms counts once."""
    if matching == 0:
        return []
    column = view.segment.column(facet.key)
    forms: dict[str, list[Counted]] = {}
    for value, count in column.facet(words):
        usual = _usual_form(value)
        if usual is not None:
            forms.setdefault(usual, []).append((value, count))
    return [
        (usual, found[0][1] if len(found) == 1 else _rows_with(view, facet.key, [each[0] for each in found], words))
        for usual, found in forms.items()
    ]


def _rows_with(view: SegmentView, key: str, values: Sequence[Scalar], words: Words) -> int:
    return bits.count(view.segment.column(key).matches(MatchAny(key, list(values)))[: len(words)] & words)


def _usual_form(value: Scalar) -> str | None:
    """Return a UUID hyphenated and in lower case; None for anything else."""
    if not isinstance(value, str):
        return None
    if _USUAL_FORM.fullmatch(value):
        return value
    try:
        return str(UUID(value))
    except ValueError:
        return None
