"""Which kind of column serves which condition, and what a declared index builds.

plain    texts, integers, floats and booleans: every condition that no other kind serves; facets; order by numbers
dates    texts that are dates, as moments: ranges of dates and orders by them
counts   numbers of values
geo      points
nested   the elements of arrays (nested.py)
text     one for each analysis: texts cut into terms, and without a text index each text by itself
"""

from shared.schema.filters import (
    DatetimeRange,
    FieldCondition,
    GeoBox,
    GeoPolygon,
    GeoRadius,
    HasType,
    MatchPhrase,
    MatchText,
    MatchTextAny,
    Nested,
    ValuesCount,
)
from shared.schema.payload_index import FieldType, PayloadIndex
from shared.schema.queries import OrderBy
from shared.segment.columns.arrays import PLAIN
from shared.segment.columns.counts import COUNTS
from shared.segment.columns.dates import DATES
from shared.segment.columns.field_arrays import Kind
from shared.segment.columns.geo import GEO
from shared.segment.columns.text import text_kind, text_kinds_of_index

_KINDS: dict[type, Kind] = {
    GeoBox: GEO,
    GeoRadius: GEO,
    GeoPolygon: GEO,
    DatetimeRange: DATES,
    ValuesCount: COUNTS,
}
_TYPED = {FieldType.GEO: GEO, FieldType.DATETIME: DATES}


def kind_of(condition: FieldCondition, index: PayloadIndex | None) -> Kind:
    """Return the kind that serves a condition on a path with this declared index, if it has one."""
    match condition:
        case MatchText() | MatchTextAny() | MatchPhrase() | HasType(field_type=FieldType.TEXT):
            return text_kind(condition, index)
        case HasType(field_type=field_type):
            return _TYPED.get(field_type, PLAIN)
    assert not isinstance(condition, Nested), "its kind depends on the indexes of other paths: column_set.py"
    return _KINDS.get(type(condition), PLAIN)


def kind_of_order(order: OrderBy) -> Kind:
    """Return the kind whose values have this order."""
    return DATES if order.is_date else PLAIN


def kinds_of_index(index: PayloadIndex) -> list[Kind]:
    """Return the kinds of column that a declared index keeps ready."""
    if index.type is FieldType.TEXT:
        return text_kinds_of_index(index)
    if index.type is FieldType.GEO:
        return [GEO]
    return [DATES if index.type is FieldType.DATETIME else PLAIN]
