"""Which rows of a segment a filter keeps: found among the masks that the segment keeps, or made (filters.py)."""

from typing import get_args

import msgspec

from shared.query.filters import kept_words, matches_all
from shared.query.view import SegmentView
from shared.schema.filters import FieldCondition, Filter
from shared.segment import bits
from shared.segment.kept_masks import FEW_ROWS, Mask

_FIELD_CONDITIONS = get_args(FieldCondition)

_encode = msgspec.msgpack.Encoder().encode
_NO_FILTER = b""


def name_of(wanted: Filter | None) -> bytes:
    """Return the name under which masks of a filter are kept."""
    return _NO_FILTER if wanted is None else _encode(wanted)


def mask_of(view: SegmentView, wanted: Filter | None, name: bytes) -> Mask:
    """Return the rows of a view that the filter of this name keeps."""
    masks = view.segment.masks
    mask = masks.get(name, view.words)
    if mask is None:
        moment = masks.moment()
        mask = _made(view, wanted)
        masks.put(name, mask, moment)
    return mask


def only_condition(wanted: Filter | None) -> FieldCondition | None:
    """Return the condition of a filter that is nothing else."""
    if wanted is None or len(wanted.must) != 1 or wanted.should or wanted.must_not or wanted.min_should:
        return None
    [condition] = wanted.must
    return condition if isinstance(condition, _FIELD_CONDITIONS) and not wanted.min_count else None


def _made(view: SegmentView, wanted: Filter | None) -> Mask:
    """Return a new mask: of a lone condition as its column has it, without a look at all rows where they are few."""
    if wanted is None or matches_all(wanted):
        return Mask(view.words, view.live, view.words)
    condition = only_condition(wanted)
    if condition is not None and view.size == view.segment.count:
        column = view.segment.column(condition.key)
        rows = column.few(condition, FEW_ROWS)
        if rows is not None:
            if view.live < view.size:
                rows = rows[bits.test(view.words, rows)]
            return Mask(view.words, len(rows), None, rows)
        if view.live == view.size:
            words = column.matches(condition)
            matching = column.count(condition)
            if matching is not None and len(words) == len(view.words):
                return Mask(view.words, matching, words)
    words, matching = kept_words(view, wanted)
    return Mask(view.words, matching, words)
