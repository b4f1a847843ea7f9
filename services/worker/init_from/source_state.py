"""A shard of the source at the cut: its pinned files mounted, then the saved tail of its log applied."""

from pathlib import Path

from services.worker.init_from.cut_files import Cut, read_tail
from services.worker.recovery import recover
from services.worker.state import ShardState
from shared.errors import ChecksumMismatch, LogGap
from shared.schema.collections import CollectionRecord
from shared.schema.operations import decode_operation


def source_record(cut: Cut) -> CollectionRecord:
    """Return the source's record as it was at the cut."""
    return CollectionRecord.model_validate_json(cut.source)


def state_at_cut(init: Path, cut: Cut, shard: int) -> ShardState:
    """Return what the source's shard held at the cut. Blocks: for a thread.

    Raises   ChecksumMismatch for damaged files, the source's own included; LogGap
    """
    place = init / str(shard)
    recovered = recover(place, source_record(cut))
    if recovered.reason:
        raise ChecksumMismatch(f"the source is damaged: {recovered.reason}")
    state = recovered.state
    for entry in read_tail(place, cut.shards[shard]):
        state.apply(entry.position, decode_operation(entry.operation))
    if state.applied != cut.shards[shard].position:
        raise LogGap(f"{place}: expected to end at {cut.shards[shard].position}, got to {state.applied}")
    return state
