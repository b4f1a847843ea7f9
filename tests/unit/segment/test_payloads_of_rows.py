"""Payloads of several rows at once are what each row's own payload is: growing, sealed, empty and changed ones."""

import json

import numpy as np
import pytest

from shared.segment import bits
from shared.segment.appendable import AppendableSegment
from shared.segment.layout import layout_of
from shared.segment.marks import FEW_ROWS
from shared.segment.patches import PayloadPatch
from shared.segment.rows import row_batch
from tests.builders import config, point, upsert

COUNT = 2 * FEW_ROWS
ASKED = np.array([7, 0, 3, 3, COUNT - 1, 1], np.int64)


@pytest.fixture(params=["growing", "sealed"])
def segment(request: pytest.FixtureRequest):
    layout = layout_of(config())
    growing = AppendableSegment("a00000001", layout, 1)
    payloads = [{} if place % 3 == 0 else {"n": place, "text": "ü" * place} for place in range(COUNT)]
    growing.append(row_batch(upsert([point(place, payload=each) for place, each in enumerate(payloads)]), 1, layout))
    return growing if request.param == "growing" else growing.seal(1)


def test_rows_in_any_order(segment) -> None:
    found = [json.loads(text) for text in segment.payloads(ASKED)]

    assert [each.get("n") for each in found] == [7, None, None, None, COUNT - 1, 1]
    assert segment.payloads(ASKED) == [segment.payload(row) for row in ASKED.tolist()]
    assert segment.payloads(ASKED[:0]) == []


def test_rows_with_a_payload_of_their_own_and_rows_changed_alike(segment) -> None:
    segment.set_payload([3], [b'{"own":true}'], 5)
    segment.set_payload([7], [b"{}"], 6)
    segment.patch_payload(bits.full(COUNT), PayloadPatch.setting(b'{"mark":1}'), 7)

    found = [json.loads(text) for text in segment.payloads(ASKED)]

    assert [each["mark"] for each in found] == [1] * len(ASKED)
    assert [each.get("own") for each in found] == [None, None, True, True, None, None]
    assert [each.get("n") for each in found] == [None, None, None, None, COUNT - 1, 1]
