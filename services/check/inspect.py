"""Reads every file of a data directory as a worker would, and says what is wrong. Changes nothing."""

from collections.abc import Iterator
from pathlib import Path

import msgspec

from shared.errors import Corrupt
from shared.log.position import ShardHead, ShardKey
from shared.schema.collections import CollectionConfig
from shared.segment.checkpoint import load_segment
from shared.segment.column_chunks import open_columns
from shared.segment.layout import layout_of, rotation_seed
from shared.segment.sealed import SealedSegment
from shared.store.manifest import Manifest, ManifestStore, SegmentEntry


class ShardReport(msgspec.Struct):
    """One shard. `problems` is empty for a healthy one."""

    key: ShardKey
    directory: Path
    manifest: Manifest | None = None
    segments: int = 0
    points: int = 0
    head: ShardHead | None = None
    problems: list[str] = []


def inspect_directory(data_dir: Path) -> Iterator[ShardReport]:
    """Reports on every shard directory, in order; one at a time, so that the caller can show how far it is."""
    for directory in shard_directories(data_dir):
        yield inspect_shard(directory)


def shard_directories(data_dir: Path) -> list[Path]:
    """Every `collections/<uuid>/<shard>` directory."""
    found = [path for path in data_dir.glob("collections/*/*") if path.is_dir() and path.name.isdigit()]
    return sorted(found, key=lambda path: (path.parent.name, int(path.name)))


def inspect_shard(directory: Path) -> ShardReport:
    """Reads the newest manifest and every file that it names."""
    report = ShardReport(ShardKey(directory.parent.name, int(directory.name)), directory, problems=[])
    try:
        report.manifest = ManifestStore(directory).newest()
    except (Corrupt, OSError) as error:
        report.problems.append(str(error))
        return report
    if report.manifest is None:
        return report
    manifest = report.manifest
    if manifest.collection != report.key.collection or manifest.shard != report.key.shard:
        report.problems.append(f"the manifest is of {manifest.collection}:{manifest.shard}: the directory was moved")
        return report
    config = CollectionConfig.model_validate_json(manifest.config)
    for entry in manifest.segments:
        _inspect_segment(report, entry, config, rotation_seed(manifest.collection))
    return report


def _inspect_segment(report: ShardReport, entry: SegmentEntry, config: CollectionConfig, seed: int) -> None:
    report.segments += 1
    if entry.state == "quarantined":
        report.problems.append(f"segment {entry.segment_id} is quarantined: {entry.reason}")
        return
    try:
        segment = load_segment(report.directory, entry, layout_of(config), seed)
    except (Corrupt, OSError) as error:
        report.problems.append(f"segment {entry.segment_id}: {error}")
        return
    if segment.live_count != entry.live or segment.count != entry.rows:
        found = f"{segment.live_count} of {segment.count}"
        report.problems.append(
            f"segment {entry.segment_id}: expected {entry.live} live of {entry.rows} rows, found {found}"
        )
    report.points += segment.live_count
    segment.declare(config.payload_indexes)
    if isinstance(segment, SealedSegment):
        for ref, reason in open_columns(report.directory, segment, entry.columns):
            report.problems.append(f"segment {entry.segment_id}: column `{ref.key}` will be built anew: {reason}")


def compare_with_log(report: ShardReport, head: ShardHead) -> None:
    """Adds what the log says of the shard, and what does not fit."""
    report.head = head
    checkpoint = report.manifest.checkpoint if report.manifest is not None else 0
    if head.state == "missing":
        report.problems.append("the log does not know this shard: Redis lost it, or it is another Redis (see --adopt)")
    elif head.state == "open" and head.head < checkpoint and head.floor < checkpoint:  # adopted logs know their floor
        report.problems.append(
            f"the log ends at {head.head}, before the checkpoint {checkpoint}: Redis came back older; "
            "the worker goes on beyond it by itself"
        )
    elif head.state == "open" and head.first > checkpoint + 1:
        report.problems.append(f"entries {checkpoint + 1} to {head.first - 1} are gone from the log: restore a backup")
