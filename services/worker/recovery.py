"""From files to a state: the newest manifest, every file verified, segments mounted, the state at the checkpoint.

A segment that cannot be trusted is quarantined: it is left out, and the shard serves the rest. Such a shard applies and
publishes nothing, because a point whose row lies in the missing segment could not be replaced or deleted there.
A file of a column is derived: one that cannot be used is forgotten, and its column is built anew in the background.
The manifest itself is not survivable: its error is raised, and the shard is not served.
"""

from pathlib import Path
from typing import NamedTuple

import msgspec
import structlog

from services.worker.state import Origin, ShardState
from shared.errors import Corrupt
from shared.schema.collections import CollectionConfig, CollectionRecord
from shared.segment.appendable import AppendableSegment
from shared.segment.checkpoint import AnySegment, load_segment
from shared.segment.column_chunks import open_columns
from shared.segment.layout import layout_of, rotation_seed
from shared.segment.placement import placement_of
from shared.segment.sealed import SealedSegment
from shared.store.manifest import Manifest, ManifestStore, SegmentEntry

log = structlog.get_logger(__name__)


class Recovered(NamedTuple):
    """A shard as its files say.

    manifest      None for a shard that has never published one
    durable       what the manifest says of each segment, column files left out that cannot be used
    quarantined   entries of segments that are left out, with the reason
    """

    state: ShardState
    manifest: Manifest | None
    durable: dict[str, SegmentEntry]
    quarantined: list[SegmentEntry]

    @property
    def reason(self) -> str:
        """Why the shard is red; empty when it is not."""
        return "; ".join(f"segment {entry.segment_id} is quarantined: {entry.reason}" for entry in self.quarantined)


def recover(directory: Path, record: CollectionRecord) -> Recovered:
    """Read a shard's directory. Without a manifest the shard is empty, under the catalog's config.

    Blocks: for a thread. Raises ChecksumMismatch and UnknownFormat of the manifest.
    """
    manifest = ManifestStore(directory).newest()
    if manifest is None:
        origin = Origin(record.uuid, 0, record.generation, record.config)
        return Recovered(ShardState(origin), None, {}, [])
    config = CollectionConfig.model_validate_json(manifest.config)
    loaded, quarantined = _load(directory, manifest, config)
    durable = {entry.segment_id: entry for entry in manifest.segments}
    for segment in loaded:
        durable[segment.segment_id] = _with_columns(directory, segment, durable[segment.segment_id], config)
    appendable = next((segment for segment in loaded if isinstance(segment, AppendableSegment)), None)
    origin = Origin(
        collection=manifest.collection,
        applied=manifest.checkpoint,
        config_generation=manifest.config_generation,
        config=config,
        sealed=[segment for segment in loaded if isinstance(segment, SealedSegment)],
        appendable=appendable,
        appendables=manifest.appendables,
        pending=manifest.pending,
    )
    return Recovered(ShardState(origin), manifest, durable, quarantined)


def _load(
    directory: Path, manifest: Manifest, config: CollectionConfig
) -> tuple[list[AppendableSegment | SealedSegment], list[SegmentEntry]]:
    layout, seed, placement = layout_of(config), rotation_seed(manifest.collection), placement_of(config)
    loaded: list[AppendableSegment | SealedSegment] = []
    quarantined = []
    for entry in manifest.segments:
        try:
            loaded.append(load_segment(directory, entry, layout, seed, placement))
        except (Corrupt, OSError) as error:
            log.error("segment quarantined", directory=str(directory), segment_id=entry.segment_id, error=str(error))
            quarantined.append(_quarantined(entry, error))
    return loaded, quarantined


def _with_columns(directory: Path, segment: AnySegment, entry: SegmentEntry, config: CollectionConfig) -> SegmentEntry:
    """Give a segment the columns that have files; return its entry without those files that cannot be used."""
    segment.declare(config.payload_indexes)
    if not isinstance(segment, SealedSegment) or not entry.columns:
        return entry
    damaged = open_columns(directory, segment, entry.columns)
    for ref, reason in damaged:
        log.warning("column is built anew", segment_id=entry.segment_id, path=ref.key, kind=ref.kind, reason=reason)
    lost = {ref.file.name for ref, _ in damaged}
    return msgspec.structs.replace(entry, columns=[ref for ref in entry.columns if ref.file.name not in lost])


def _quarantined(entry: SegmentEntry, error: Exception) -> SegmentEntry:
    return SegmentEntry(
        segment_id=entry.segment_id,
        state="quarantined",
        rows=entry.rows,
        live=entry.live,
        vectors=entry.vectors,
        vector_bytes=entry.vector_bytes,
        largest_slot_bytes=entry.largest_slot_bytes,
        generation=entry.generation,
        recall=entry.recall,
        reason=str(error),
    )
