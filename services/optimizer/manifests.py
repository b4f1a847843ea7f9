"""The optimizer's reading of manifests: newest ones, parsed once, and what a policy sees of them."""

from collections.abc import Callable
from pathlib import Path

from shared.clock import Clock
from shared.log.position import ShardKey
from shared.schema.collections import CollectionConfig
from shared.schema.queries import SegmentSummary
from shared.store.manifest import Manifest, ManifestStore, SegmentEntry

POLL_S = 0.05
"""How often a manifest that is waited for is looked for."""


class Manifests:
    """Newest manifests by shard. A directory is listed each time, a file is parsed once."""

    def __init__(self, data_dir: Path, clock: Clock) -> None:
        self._data_dir = data_dir
        self._clock = clock
        self._parsed: dict[ShardKey, tuple[str, Manifest]] = {}

    def directory(self, key: ShardKey) -> Path:
        """Return a shard's directory, which may not exist yet."""
        return self._data_dir / "collections" / key.collection / str(key.shard)

    def newest(self, key: ShardKey) -> Manifest | None:
        """Return the manifest that counts; None before the first. Raises ChecksumMismatch, UnknownFormat."""
        name = self._newest_name(self.directory(key))
        if name is None:
            self._parsed.pop(key, None)
            return None
        known = self._parsed.get(key)
        if known is not None and known[0] == name:
            return known[1]
        manifest = ManifestStore(self.directory(key)).newest()
        if manifest is not None:
            self._parsed[key] = (name, manifest)
        return manifest

    def forget(self, kept: set[ShardKey]) -> None:
        """Drop what is known of all other shards."""
        self._parsed = {key: parsed for key, parsed in self._parsed.items() if key in kept}

    async def wait_for(self, key: ShardKey, wanted: Callable[[Manifest], bool], timeout_s: float) -> Manifest | None:
        """Return the newest manifest once it is as wanted; None when the time is up."""
        until = self._clock.now() + timeout_s
        while True:
            manifest = self.newest(key)
            if manifest is not None and wanted(manifest):
                return manifest
            if self._clock.now() >= until:
                return None
            await self._clock.sleep(POLL_S)

    @staticmethod
    def _newest_name(directory: Path) -> str | None:
        try:
            names = [path.name for path in directory.iterdir() if path.name.startswith("manifest.")]
        except FileNotFoundError:
            return None
        return max(names, default=None)


def config_of(manifest: Manifest) -> CollectionConfig:
    """Return the config in force at the manifest's checkpoint."""
    return CollectionConfig.model_validate_json(manifest.config)


def summaries_of(manifest: Manifest) -> list[SegmentSummary]:
    """Return what a policy may choose from: segments that no pending swap replaces."""
    leaving = {name for swap in manifest.pending for name in swap.inputs}
    return [_summary(entry) for entry in manifest.segments if entry.segment_id not in leaving]


def state_of(manifest: Manifest, segment_id: str) -> str:
    """Return a segment's state, `gone` when the manifest does not name it."""
    return next((entry.state for entry in manifest.segments if entry.segment_id == segment_id), "gone")


def _summary(entry: SegmentEntry) -> SegmentSummary:
    return SegmentSummary(
        segment_id=entry.segment_id,
        state=entry.state,
        rows=entry.rows,
        live=entry.live,
        vectors=entry.vectors,
        largest_slot_bytes=entry.largest_slot_bytes,
        recall=entry.recall,
        reason=entry.reason,
        slots=entry.slots,
        built=entry.built,
    )
