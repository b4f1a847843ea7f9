"""Which rows of a segment a filter keeps: found among the masks that the segment keeps, or made (filters.py)."""

from typing import get_args

import msgspec

from shared.query.filters import kept_words, matches_all
from shared.query.view import SegmentView
from shared.schema.filters import FieldCondition, Filter
from shared.segment import bits
from shared.segment.columns.field_arrays import Found
from shared.segment.kept_masks import FEW_ROWS, Mask

FIELD_CONDITIONS = get_args(FieldCondition)

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
    return condition if isinstance(condition, FIELD_CONDITIONS) and not wanted.min_count else None


def _made(view: SegmentView, wanted: Filter | None) -> Mask:
    """Return a new mask: of a lone condition as its column has it, asked once, where lists of rows by value tell."""
    if wanted is None or matches_all(wanted):
        return Mask(view.words, view.live, view.words)
    condition = only_condition(wanted)
    if condition is not None and view.size == view.segment.count:
        column = view.segment.column(condition.key)
        found = column.found(condition, FEW_ROWS)
        if found is not None:
            return _of_live(view, found)
        if view.live == view.size:
            words = column.matches(condition)
            matching = column.count(condition)
            if matching is not None and len(words) == len(view.words):
                return Mask(view.words, matching, words)
    words, matching = kept_words(view, wanted)
    return Mask(view.words, matching, words)


def _of_live(view: SegmentView, found: Found) -> Mask:
    """Return the mask of those rows found that are live."""
    rows, words, matching = found
    if view.live == view.size:
        return Mask(view.words, matching, words, rows)
    if rows is not None:
        rows = rows[bits.test(view.words, rows)]
        return Mask(view.words, len(rows), None, rows)
    assert words is not None, "rows are found as a list or as words"
    words &= view.words
    return Mask(view.words, bits.count(words), words)
