"""Pages whose first rows are asked one by one, and masks of lone conditions: the same as looking at all rows gives."""

import random

import numpy as np
import pytest

from shared.query.by_id import first_by_id
from shared.query.filters import kept_words
from shared.query.glimpse import first_glimpsed
from shared.query.masks import mask_of, name_of
from shared.query.scroll import scroll_segments
from shared.query.view import View
from shared.schema.collections import Distance
from shared.schema.filters import (
    DatetimeRange,
    Filter,
    HasId,
    HasVector,
    IsEmpty,
    MatchAny,
    MatchExcept,
    MatchPrefix,
    Range,
    ValuesCount,
)
from shared.schema.queries import PayloadSelector, Scroll, VectorSelector
from shared.segment import bits
from shared.segment.appendable import AppendableSegment
from shared.segment.batches import SlotBatch
from shared.segment.id_map import IdBatch
from shared.segment.layout import SlotLayout
from shared.segment.rows import RowBatch
from tests import builders

COUNT = 2500
DAY_US = 86_400_000_000


def payload(draw):
    """Return a payload with a number, or two, a float or none at `n`, texts at `t`, a date at `d`."""
    whole = draw.randrange(1000)
    numbers = [whole, [whole, draw.randrange(1000)], float(whole), None]
    return {
        "n": draw.choices(numbers, [6, draw.choice([0, 1]), 1, 1])[0],
        "only": whole,
        "t": draw.choice(["ash", "asp", "oak", 3]),
        "d": f"2026-01-{draw.randrange(1, 29):02}T00:00:00Z",
    }


def segment(draw, *, is_edited, is_thinned):
    """Return a sealed segment whose ids are in no order of rows, some of its payloads edited or its points deleted."""
    growing = AppendableSegment("a0", {"": SlotLayout(4, Distance.DOT)}, 7)
    ids = draw.sample(range(10 * COUNT), COUNT)
    slots = {"": SlotBatch(builders.vectors(COUNT, 4, 1), None)}
    texts = [builders.payload_text(payload(draw)) for _ in range(COUNT)]
    growing.append(RowBatch(IdBatch.from_ids(ids), np.arange(1, COUNT + 1, dtype=np.uint64), slots, texts))
    sealed = growing.seal()
    if is_thinned:
        sealed.tombstone(np.array(draw.sample(range(COUNT), COUNT // 3), np.int64))
    if is_edited:
        rows = [row for row in draw.sample(range(COUNT), 50) if bits.passes(sealed.live_words, row)]
        sealed.set_payload(rows, [builders.payload_text(payload(draw)) for _ in rows], COUNT + 1)
    for key in ("n", "only", "t"):
        sealed.column(key).matches(MatchAny(key, [0]))
    sealed.column("d").matches(DatetimeRange("d", gte=0))
    sealed.column("n").matches(ValuesCount("n", gte=0))
    return sealed


def condition(draw):
    low = draw.randrange(-50, 1000)
    high = low + draw.choice([0, 1, 5, 100, 500, 2000])
    key = draw.choice(["n", "only", "only"])
    return draw.choice([
        Range(key, gte=low, lt=high),
        Range(key, gt=low - 0.5, lte=high),
        Range(key, lt=float(high)),
        MatchAny("t", draw.sample(["ash", "oak", 3, "none"], 2)),
        MatchAny(key, [low]),
        MatchPrefix("t", "as"),
        MatchExcept("t", ["ash"]),
        IsEmpty("n"),
        HasVector(draw.choice(["", "none"])),
        HasId(draw.sample(range(10 * COUNT), 100)),
        DatetimeRange("d", gte=1_767_225_600_000_000 + draw.randrange(28) * DAY_US),
        ValuesCount("n", gt=draw.randrange(3)),
    ])  # fmt: skip


def some_filter(draw):
    if draw.random() < 0.5:
        return Filter(must=[condition(draw)])
    clauses = {name: [condition(draw) for _ in range(draw.randrange(3))] for name in ("must", "should", "must_not")}
    if draw.random() < 0.2:
        clauses["must"].append(Filter(should=[condition(draw), condition(draw)]))
    least = [condition(draw) for _ in range(3)] if draw.random() < 0.2 else []
    return Filter(**clauses, min_should=least, min_count=2 if least else 0)


@pytest.mark.parametrize("is_edited", [False, True], ids=["as written", "edited"])
@pytest.mark.parametrize("is_thinned", [False, True], ids=["all live", "some deleted"])
def test_pages_and_masks_of_new_filters_are_those_of_all_rows(is_edited, is_thinned):
    draw = random.Random(2 * is_edited + is_thinned)
    sealed = segment(draw, is_edited=is_edited, is_thinned=is_thinned)
    view = View.of([sealed])[0]
    glimpsed_count = 0

    for _ in range(150):
        wanted, limit, offset = (
            some_filter(draw),
            draw.choice([1, 5, 10, 70]),
            draw.choice([None, draw.randrange(11 * COUNT)]),
        )
        glimpsed = first_glimpsed(view, wanted, limit, offset)
        scroll = Scroll(offset, limit, wanted, PayloadSelector(), VectorSelector())
        page = [hit.id for hit in scroll_segments([sealed], scroll)]
        mask = mask_of(view, wanted, name_of(wanted))

        words, matching = kept_words(view, wanted)
        expected = first_by_id(view, words, matching, limit, offset)
        assert glimpsed is None or glimpsed.tolist() == expected.tolist(), wanted
        assert page == sealed.ids(expected), wanted
        assert mask.words.tolist() == words.tolist(), wanted
        assert mask.matching == matching, wanted
        assert mask.rows is None or sorted(mask.rows.tolist()) == bits.to_rows(words).tolist(), wanted
        glimpsed_count += glimpsed is not None

    assert is_edited or glimpsed_count > 8, "pages of wide filters need no mask"


def test_a_page_that_the_first_rows_fill_makes_no_mask_the_second_time_either():
    sealed = segment(random.Random(1), is_edited=False, is_thinned=True)
    view, wanted = View.of([sealed])[0], Filter(must=[Range("only", gte=100)])

    for _ in range(2):
        scroll_segments([sealed], Scroll(None, 10, wanted, PayloadSelector(), VectorSelector()))

    assert sealed.masks.get(name_of(wanted), view.words) is None
