"""Shards that are led and not open: what their newest manifest says is all that is known of them. Pure.

A shard may stay closed while its log holds nothing beyond the manifest, and nothing else is to be done for it. A read
opens it, and so does an append.
"""

import msgspec

from shared.schema.queries import SegmentSummary
from shared.schema.segments import indexed_vectors
from shared.store.manifest import Manifest, SegmentEntry


def may_stay_closed(manifest: Manifest, generation: int) -> bool:
    """True when there is nothing to do for a shard but to answer. `generation` is that of the catalog's config."""
    is_whole = all(entry.state != "quarantined" and not entry.unbuilt_columns for entry in manifest.segments)
    return is_whole and not manifest.pending and manifest.config_generation >= generation


def is_empty(manifest: Manifest) -> bool:
    """True when there are no rows to read, and so no files to verify."""
    return not any(entry.rows for entry in manifest.segments)


def stored_bytes(manifest: Manifest) -> int:
    """Return about how much memory the shard takes once it is open and read."""
    return sum(entry.vector_bytes for entry in manifest.segments)


def renamed(manifest: Manifest, name: tuple[str, tuple[str, ...]], fence: int) -> Manifest:
    """Return the next manifest of a closed shard: the same under other names. Manifests carry them for `--adopt`."""
    return msgspec.structs.replace(
        manifest, name=name[0], aliases=list(name[1]), fence=fence, generation=manifest.generation + 1
    )


def summary_of(entry: SegmentEntry) -> SegmentSummary:
    """Return a segment as its manifest knows it: fields of the same name mean the same."""
    same = {name: getattr(entry, name) for name in SegmentSummary.__struct_fields__ if hasattr(entry, name)}
    return SegmentSummary(**same, indexed_vectors=indexed_vectors(entry.state, entry.slots, entry.built))
