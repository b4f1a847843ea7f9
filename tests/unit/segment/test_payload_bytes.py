"""The bytes of payloads that a segment says it stores."""

from shared.segment.appendable import AppendableSegment
from shared.segment.id_map import IdBatch
from shared.segment.layout import layout_of
from shared.segment.rows import row_batch
from tests.builders import config, points, upsert


def test_payload_bytes_are_those_of_rows_and_overlays_before_and_after_sealing() -> None:
    layout = layout_of(config())
    segment = AppendableSegment("a00000001", layout, 1)
    segment.append(row_batch(upsert(points(3, payload={"n": 1})), 1, layout))

    segment.set_payload([0], [b'{"longer":123}'], 2)
    segment.set_payload([0], [b'{"b":2}'], 3)
    segment.set_payload([1], [b'{"c":3}'], 4)
    segment.tombstone(segment.rows_of(IdBatch.from_ids([2])))

    assert segment.figures().payload_bytes == 3 * len('{"n":1}') + len('{"b":2}')
    assert segment.seal(1).figures().payload_bytes == segment.figures().payload_bytes
