"""Real sealed segments on disk, for tests of the real builder."""

import numpy as np
import numpy.typing as npt

from shared.schema.collections import CollectionConfig
from shared.segment.appendable import AppendableSegment
from shared.segment.checkpoint import freeze_segment, write_frozen
from shared.segment.layout import layout_of, rotation_seed
from shared.segment.rows import row_batch
from shared.store.manifest import SegmentEntry
from tests import builders
from tests.unit.optimizer.shard_stand_in import ShardStandIn


def sealed_entry(
    shard: ShardStandIn, config: CollectionConfig, name: str, vectors: npt.NDArray[np.float32], ids: range
) -> SegmentEntry:
    """Write a sealed segment as a checkpoint at position 2 does: every seventh point is dead, one payload is new."""
    layout = layout_of(config)
    points = [builders.point(row, vectors[row], {"row": row}) for row in ids]
    appendable = AppendableSegment(name, layout, rotation_seed(shard.key.collection))
    appendable.append(row_batch(builders.upsert(points), 1, layout))
    segment = appendable.seal()
    segment.tombstone(np.array([row - ids.start for row in ids if row % 7 == 0]))
    segment.set_payload([2], [b'{"row":"changed"}'], 2)
    return write_frozen(shard.directory, freeze_segment(segment, None, position=2, generation=1))
