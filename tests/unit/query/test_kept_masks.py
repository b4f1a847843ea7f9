"""Masks that segments keep by filter: found again as long as nothing changed, and never after that."""

import numpy as np
import pytest

from shared.query.count import count_segments
from shared.query.facet import facet_segments
from shared.query.masks import mask_of, name_of
from shared.query.scroll import scroll_segments
from shared.query.search import search_segments
from shared.query.view import View
from shared.schema.collections import Distance
from shared.schema.filters import Filter, HasVector, MatchAny, MatchText, Range
from shared.schema.payload_index import FieldType, PayloadIndex
from shared.schema.queries import Count, Facet, PayloadSelector, Scroll, SearchParams, VectorSelector
from shared.segment import bits
from shared.segment.appendable import AppendableSegment
from shared.segment.batches import SlotBatch
from shared.segment.id_map import IdBatch
from shared.segment.kept_masks import FEW_ROWS, MASKS_MAX
from shared.segment.layout import SlotLayout
from shared.segment.patches import PayloadPatch
from shared.segment.rows import RowBatch
from tests import builders

DIM = 4
COUNT = 900


@pytest.fixture(params=["sealed", "growing"])
def segment(request):
    """One segment of points whose `n` is their id, `c` its remainder by 3, and `t` a word of it."""
    growing = grown([{"n": one, "c": one % 3, "t": ["Sky", "sky"][one % 2]} for one in range(COUNT)])
    return growing.seal() if request.param == "sealed" else growing


def grown(payloads):
    """Return an appendable segment of points with these payloads, whose ids are their rows."""
    growing = AppendableSegment("a0", {"": SlotLayout(DIM, Distance.DOT)}, 7)
    count = len(payloads)
    slots = {"": SlotBatch(builders.vectors(count, DIM, 1), None)}
    texts = [builders.payload_text(payload) for payload in payloads]
    growing.append(
        RowBatch(IdBatch.from_ids(list(range(count))), np.arange(1, count + 1, dtype=np.uint64), slots, texts)
    )
    return growing


def mask(segment, wanted):
    return mask_of(View.of([segment])[0], wanted, name_of(wanted))


def rows(segment, wanted):
    return set(bits.to_rows(mask(segment, wanted).words).tolist())


def answers(segment, wanted):
    """Return all that reads say of a filter."""
    query = builders.vectors(1, DIM, 77)[0]
    whole = PayloadSelector(enabled=True)
    return (
        search_segments([segment], builders.search(query, 7, filter=wanted)).rows,
        search_segments([segment], builders.search(query, 7, filter=wanted, params=SearchParams(exact=True))).rows,
        count_segments([segment], Count(wanted)),
        facet_segments([segment], Facet("c", 10, wanted, index_type=FieldType.INTEGER)),
        scroll_segments([segment], Scroll(None, 5, wanted, whole, VectorSelector())),
        scroll_segments([segment], Scroll(40, 5, wanted, whole, VectorSelector())),
    )


def test_a_filter_is_evaluated_once_while_nothing_changes(segment):
    wanted = Filter(must=[MatchAny("c", [1])])

    first, second = mask(segment, wanted), mask(segment, Filter(must=[MatchAny("c", [1])]))

    assert first is second


@pytest.mark.parametrize("low", [0, COUNT - 30, COUNT + 5])
def test_the_second_answer_is_the_first_one(segment, low):
    wanted = Filter(must=[Range("n", gte=low)])

    answered = [answers(segment, wanted) for _ in range(3)]

    assert answered[0] == answered[1] == answered[2]
    assert answered[0][2] == max(0, COUNT - low)
    assert [hit.id for hit in answered[0][4]] == list(range(low, min(low + 5, COUNT)))


@pytest.mark.parametrize("offset", [None, 0, 100, COUNT - 40, COUNT - 2, COUNT + 1])
@pytest.mark.parametrize("limit", [1, 7, 70])
@pytest.mark.parametrize("step", [2, 3, 30, 400])
def test_the_first_page_of_a_filter_is_the_next_one(offset, limit, step):
    sealed = grown([{"r": int(one % step == 0), "m": [one % step, 5]} for one in range(COUNT)]).seal()
    sealed.column("r").matches(MatchAny("r", [0]))
    sealed.column("m").matches(MatchAny("m", [0]))
    payload = PayloadSelector(enabled=True)

    pages = [
        [hit.id for hit in scroll_segments([sealed], Scroll(offset, limit, wanted, payload, VectorSelector()))]
        for wanted in (Filter(must=[MatchAny(key, [value])]) for key, value in (("r", 1), ("r", 1), ("m", 0)))
    ]

    expected = [one for one in range(offset or 0, COUNT) if one % step == 0][:limit]
    assert pages == [expected] * 3


def test_a_first_page_sees_what_was_edited_and_deleted():
    sealed = grown([{"r": one % 2} for one in range(COUNT)]).seal()
    sealed.column("r").matches(MatchAny("r", [0]))
    pages = []

    for change in (lambda: sealed.set_payload([1], [b'{"r": 7}'], 10**6), lambda: sealed.tombstone(np.array([3]))):
        change()
        wanted = Filter(must=[MatchAny("r", [1])])
        pages.append(scroll_segments([sealed], Scroll(None, 2, wanted, PayloadSelector(), VectorSelector())))

    assert [[hit.id for hit in page] for page in pages] == [[3, 5], [5, 7]]


@pytest.mark.parametrize("few", [True, False])
def test_deleted_rows_are_in_no_later_mask(segment, few):
    wanted = Filter(must=[Range("n", gte=10, lt=30 if few else COUNT)])
    before = mask(segment, wanted)
    answers(segment, wanted)

    segment.tombstone(np.array([12, 13, 500]))

    assert rows(segment, wanted) == set(bits.to_rows(before.words).tolist()) - {12, 13, 500}
    assert not {12, 13, 500} & set(answers(segment, wanted)[1])
    assert answers(segment, wanted)[2] == len(rows(segment, wanted))


def test_edited_payloads_are_seen_by_the_next_mask(segment):
    wanted = Filter(must=[MatchAny("n", [5])])
    assert rows(segment, wanted) == {5}

    segment.set_payload([7], [b'{"n": 5, "c": 0}'], 10**6)
    after_edit = rows(segment, wanted), answers(segment, wanted)[2]
    segment.patch_payload(bits.full(COUNT), PayloadPatch.setting(b'{"n": 5}'), 10**6 + 1)

    assert after_edit == ({5, 7}, 2)
    assert len(rows(segment, wanted)) == answers(segment, wanted)[2] == COUNT


def test_a_declared_text_index_changes_what_a_kept_filter_means(segment):
    wanted = Filter(must=[MatchText("t", "sky")])
    before = rows(segment, wanted)

    segment.declare({"t": PayloadIndex(type=FieldType.TEXT, lowercase=False)})

    assert before == set(range(COUNT))
    assert rows(segment, wanted) == set(range(1, COUNT, 2))


def test_a_mask_is_of_the_rows_of_its_view(segment):
    wanted = Filter(must=[Range("n", lt=20)])
    earlier = View.of([segment])
    mask_of(earlier[0], wanted, name_of(wanted))
    segment.tombstone(np.array([3]))

    now = mask(segment, wanted)
    then = mask_of(earlier[0], wanted, name_of(wanted))

    assert (now.matching, then.matching) == (19, 20)


def test_kept_masks_are_bounded_and_those_in_use_stay(segment):
    used = Filter(must=[MatchAny("c", [2])])
    kept = mask(segment, used)

    for one in range(3 * MASKS_MAX):
        mask(segment, Filter(must=[MatchAny("n", [one])]))
        assert mask(segment, used) is kept

    assert len(segment.masks._kept) == MASKS_MAX


def test_no_mask_over_rows_as_they_were_is_held_any_longer(segment):
    for one in range(5):
        answers(segment, Filter(must=[MatchAny("n", [one])]))
    segment.tombstone(np.array([500]))

    mask(segment, None)

    assert [kept.live is segment.live_words for kept in segment.masks._kept.values()] == [True]


def test_slots_that_a_segment_lets_go_of_are_carried_by_no_row():
    sealed = grown([{}] * 20).seal()
    wanted = Filter(must=[HasVector("")])
    assert len(rows(sealed, wanted)) == 20

    sealed.keep_slots({})

    assert rows(sealed, wanted) == set()


def test_few_rows_of_several_values_come_once():
    sealed = grown([{"m": [one, one + 1, float(one)]} for one in range(50)]).seal()
    sealed.column("m").matches(Range("m", gte=0))

    few = sealed.column("m").found(Range("m", gte=10, lte=12), FEW_ROWS).rows

    assert sorted(few.tolist()) == [9, 10, 11, 12]
