"""The optimizer's reading of manifests: newest ones, parsed once, and what a policy sees of them."""

import os
import time
from collections.abc import Callable
from functools import cached_property, lru_cache
from pathlib import Path
from typing import NamedTuple

from shared.clock import Clock
from shared.log.position import ShardKey
from shared.policies.choose import choose
from shared.policies.plan import Limits, Plan
from shared.schema.collections import CollectionConfig
from shared.schema.queries import SegmentSummary
from shared.schema.segments import SlotFigures
from shared.store.manifest import Manifest, ManifestStore, SegmentEntry

POLL_S = 0.05
"""How often a manifest that is waited for is looked for."""
STILL_S = 2.0
"""A directory whose time of change is older is believed not to have changed while that time stays the same: file
systems keep it coarsely, so two changes in a row may carry the same one."""
BELIEVED_S = 10.0
"""But no longer than this: then it is listed anyway."""
CONFIGS_MAX = 256
"""Different configs that are kept parsed."""


class ShardView:
    """A manifest as the policies see it."""

    def __init__(self, name: str, manifest: Manifest, limits: Limits) -> None:
        self.name = name
        self.manifest = manifest
        self._limits = limits

    @cached_property
    def config(self) -> CollectionConfig:
        """The config in force at the manifest's checkpoint."""
        return _config_of(self.manifest.config)

    @cached_property
    def plans(self) -> list[Plan]:
        """What the policies want of it."""
        return choose(summaries_of(self.manifest, self.config), self.config, self._limits)


class _Listed(NamedTuple):
    """A directory when it was listed last: when it had changed, and until when it need not be listed again."""

    changed_ns: int
    until: float


class Manifests:
    """Newest manifests by shard. A directory is listed when it may have changed; a file is parsed and planned for once.

    With a thousand shards at rest a look at all of them costs a stat each, some milliseconds in all.
    """

    def __init__(self, data_dir: Path, clock: Clock, limits: Limits) -> None:
        self._data_dir = data_dir
        self._clock = clock
        self._limits = limits
        self._views: dict[ShardKey, ShardView] = {}
        self._listed: dict[ShardKey, _Listed] = {}
        self._paths: dict[ShardKey, str] = {}
        """Directories as text: making a path takes longer than looking at it."""

    def directory(self, key: ShardKey) -> Path:
        """Return a shard's directory, which may not exist yet."""
        return self._data_dir / "collections" / key.collection / str(key.shard)

    def newest(self, key: ShardKey) -> Manifest | None:
        """Return the manifest that counts; None before the first. Raises ChecksumMismatch, UnknownFormat."""
        view = self.view(key)
        return None if view is None else view.manifest

    def view(self, key: ShardKey) -> ShardView | None:
        """Return the manifest that counts, with what the policies make of it. Raises as `newest`."""
        known = self._views.get(key)
        if known is not None and self._is_unchanged(key):
            return known
        name = self._newest_name(self.directory(key))
        if name is None:
            self._views.pop(key, None)
            return None
        if known is not None and known.name == name:
            return known
        manifest = ManifestStore(self.directory(key)).newest()
        if manifest is None:
            return None
        self._views[key] = ShardView(name, manifest, self._limits)
        return self._views[key]

    def forget(self, kept: set[ShardKey]) -> None:
        """Drop what is known of all other shards."""
        self._views = {key: view for key, view in self._views.items() if key in kept}
        self._listed = {key: listed for key, listed in self._listed.items() if key in kept}
        self._paths = {key: path for key, path in self._paths.items() if key in kept}

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

    def _is_unchanged(self, key: ShardKey) -> bool:
        """Return whether the directory is as it was listed last; else the caller lists it, and it is noted as it is."""
        path = self._paths.get(key)
        if path is None:
            path = self._paths[key] = os.fspath(self.directory(key))
        try:
            changed_ns = os.stat(path).st_mtime_ns  # noqa: PTH116 a path object takes longer than the call
        except FileNotFoundError:
            self._listed.pop(key, None)
            return False
        now, listed = self._clock.now(), self._listed.get(key)
        if listed is not None and listed.changed_ns == changed_ns and now < listed.until:
            return True
        if time.time_ns() - changed_ns > STILL_S * 1e9:
            self._listed[key] = _Listed(changed_ns, now + BELIEVED_S)
        else:
            self._listed.pop(key, None)
        return False

    def _newest_name(self, directory: Path) -> str | None:
        try:
            names = [path.name for path in directory.iterdir() if path.name.startswith("manifest.")]
        except FileNotFoundError:
            return None
        return max(names, default=None)


@lru_cache(CONFIGS_MAX)
def _config_of(text: str | bytes) -> CollectionConfig:
    """Return a config; shards of the same one share the object."""
    return CollectionConfig.model_validate_json(text)


def summaries_of(manifest: Manifest, config: CollectionConfig) -> list[SegmentSummary]:
    """Return what a policy may choose from: segments that no pending swap replaces."""
    leaving = {name for swap in manifest.pending for name in swap.inputs}
    return [_summary(entry, config) for entry in manifest.segments if entry.segment_id not in leaving]


def disk_bytes(directory: Path, manifest: Manifest, inputs: list[str]) -> int:
    """Return what segments take on disk, with the tombstones and payload changes beside them."""
    total = 0
    for entry in manifest.segments:
        if entry.segment_id in inputs:
            total += sum(ref.size for ref in entry.files() if ref is not entry.header)
            if entry.header is not None:
                total += directory_bytes(directory / entry.header.name.rpartition("/")[0])
    return total


def directory_bytes(directory: Path) -> int:
    """Return the sizes of the files in a directory; 0 when it is not there."""
    try:
        return sum(path.stat().st_size for path in directory.iterdir())
    except FileNotFoundError:
        return 0


def state_of(manifest: Manifest, segment_id: str) -> str:
    """Return a segment's state, `gone` when the manifest does not name it."""
    return next((entry.state for entry in manifest.segments if entry.segment_id == segment_id), "gone")


def _summary(entry: SegmentEntry, config: CollectionConfig) -> SegmentSummary:
    """Manifests from before figures were kept by slot know those of the largest one: one slot is taken to be it."""
    slots = entry.slots
    if not slots and entry.largest_slot_bytes and config.vectors:
        slots = {next(iter(config.vectors)): SlotFigures(entry.vectors, entry.largest_slot_bytes)}
    return SegmentSummary(
        segment_id=entry.segment_id,
        state=entry.state,
        rows=entry.rows,
        live=entry.live,
        vectors=entry.vectors,
        largest_slot_bytes=entry.largest_slot_bytes,
        recall=entry.recall,
        reason=entry.reason,
        slots=slots,
        built=entry.built,
    )
