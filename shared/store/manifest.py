"""The manifest: the root of truth of one shard. What the newest manifest does not name does not exist.

File `manifest.<fence:010d>.<generation:012d>`, made by exclusive link and never changed:
- line 1   `shoal-manifest <format version> <xxh3_64 of the rest, 16 hex digits>`, newline
- the rest JSON of `Manifest`
The highest (fence, generation) counts. One that is damaged is an error, never a reason to take an older one: the older
may name files that were collected, and positions whose log was trimmed.
"""

import re
from pathlib import Path

import msgspec
import xxhash

from shared.errors import ChecksumMismatch, StaleFence, UnknownFormat
from shared.schema.segments import SlotBuild, SlotFigures
from shared.store.atomic import crash_point, sync_directory, write_file

FORMAT_VERSION = 2
"""2 names layers, which a reader of 1 would leave out and lose; 1 is still read."""
FORMATS_READ = (1, 2)
KEPT = 3
"""Manifests that stay on disk, the newest included: an operator's way back, and grace for replicas that mount it."""

_MAGIC = "shoal-manifest"
_NAME = re.compile(r"manifest\.(\d{10})\.(\d{12})")


class ChunkRef(msgspec.Struct, frozen=True):
    """A file that belongs to a manifest, with what it must be.

    name        path below the shard's directory, for example `chunks/a00000001.rows.93c1f0aa`
    size        bytes;  checksum  xxh3_64 of them
    rows        rows (rows chunk), dead rows (tombstones), changes (overlay chunk) or patched rows (layers chunk) inside
    through     overlay chunk: the position up to which it covers the changes; layers: the newest patch in it
    """

    name: str
    size: int
    checksum: int
    rows: int = 0
    through: int = 0


class ColumnRef(msgspec.Struct, frozen=True):
    """The file of one column of a declared payload index: `key` is the index's path, `kind` the column's name."""

    key: str
    kind: str
    file: ChunkRef


class SegmentEntry(msgspec.Struct, frozen=True):
    """One segment in a manifest.

    state               appendable, sealed, indexed or quarantined
    rows, live          rows, and those of them that are not tombstoned
    vectors             live vectors over all slots
    vector_bytes        raw bytes of the live vectors over all slots, as they are stored
    largest_slot_bytes  the same of the largest slot
    generation          config generation that it was built under
    header              sealed and indexed: `segments/<directory>/header.json`
    rows_chunks         appendable: its rows, in order
    tombstones          its dead rows; None when there are none
    overlays            its payload changes, oldest first
    recall              what the gate measured
    reason              why it is quarantined
    slots               live vectors and their bytes by slot
    built               what an output of the optimizer was built with, by slot
    payload_bytes       of all payloads that are stored, those of dead rows too
    columns             sealed and indexed: columns of declared payload indexes; what is missing is built anew
    indexed_points      live rows that each declared payload index has, as far as it was built
    unbuilt_columns     columns of declared payload indexes that were not built at the checkpoint
    layers              payload changes of many rows alike, newer than the overlays' of the same rows; None for none
    """

    segment_id: str
    state: str
    rows: int
    live: int
    vectors: int = 0
    vector_bytes: int = 0
    largest_slot_bytes: int = 0
    generation: int = 0
    header: ChunkRef | None = None
    rows_chunks: list[ChunkRef] = []
    tombstones: ChunkRef | None = None
    overlays: list[ChunkRef] = []
    recall: float | None = None
    reason: str = ""
    slots: dict[str, SlotFigures] = {}
    built: dict[str, SlotBuild] = {}
    payload_bytes: int = 0
    columns: list[ColumnRef] = []
    indexed_points: dict[str, int] = {}
    layers: ChunkRef | None = None
    unbuilt_columns: int = 0

    def files(self) -> list[ChunkRef]:
        """Return every file that this entry names; the header stands for all files of its directory."""
        single = [ref for ref in (self.header, self.tombstones, self.layers) if ref is not None]
        return [*single, *self.rows_chunks, *self.overlays, *(column.file for column in self.columns)]


class PendingSwap(msgspec.Struct, frozen=True):
    """A swap entry at `position` (at or below the checkpoint) that was not switched yet when the manifest was made."""

    position: int
    base: int
    inputs: list[str]
    output: str
    generation: int


class Manifest(msgspec.Struct, frozen=True):
    """All that a replica needs to start, but the log after `checkpoint`.

    version            format
    collection, shard  uuid and number;  name, aliases  only to register again after Redis lost the catalog
    fence, generation  of this manifest, its place in the order
    checkpoint         position up to which the segments hold everything
    config_generation  and config, the JSON of CollectionConfig, as logged up to the checkpoint
    appendables        how many appendable segments the shard has had: the next is `a%08d` of it
    pending            swaps that the log has ordered and that are not switched
    """

    cluster_id: str
    collection: str
    name: str
    shard: int
    fence: int
    generation: int
    checkpoint: int
    config_generation: int
    config: str
    segments: list[SegmentEntry]
    appendables: int
    aliases: list[str] = []
    pending: list[PendingSwap] = []
    version: int = FORMAT_VERSION

    @property
    def order(self) -> tuple[int, int]:
        """The pair by which manifests are compared."""
        return self.fence, self.generation


class ManifestStore:
    """The manifests in one shard's directory. Written by the shard's leader only; read by anyone."""

    def __init__(self, shard_directory: Path) -> None:
        self.directory = shard_directory

    def newest(self) -> Manifest | None:
        """Return the manifest that counts; None when there is none at all. Raises ChecksumMismatch, UnknownFormat."""
        orders = self._orders()
        return self._read(orders[-1]) if orders else None

    def older(self) -> list[Manifest]:
        """Return the readable manifests before the newest, newest first; damaged ones decide nothing: left out."""
        found = []
        for order in reversed(self._orders()[:-1]):
            try:
                found.append(self._read(order))
            except (ChecksumMismatch, UnknownFormat, FileNotFoundError):
                continue
        return found

    def publish(self, manifest: Manifest) -> None:
        """Make a manifest the newest, durably; then remove all but the last few.

        Raises StaleFence when one with the same or a higher pair exists.
        """
        self.directory.mkdir(parents=True, exist_ok=True)
        orders = self._orders()
        if orders and orders[-1] >= manifest.order:
            raise StaleFence(f"manifest {orders[-1]} exists in {self.directory}, refused to publish {manifest.order}")
        body = msgspec.json.encode(msgspec.structs.replace(manifest, version=FORMAT_VERSION))
        head = f"{_MAGIC} {FORMAT_VERSION} {xxhash.xxh3_64_intdigest(body):016x}\n".encode()
        crash_point("before_manifest_publish")
        try:
            write_file(self._path(manifest.order), (head, body))
        except FileExistsError as error:
            raise StaleFence(f"manifest {manifest.order} appeared in {self.directory} meanwhile") from error
        crash_point("after_manifest_publish")
        self._remove([*orders, manifest.order][:-KEPT])

    def _remove(self, orders: list[tuple[int, int]]) -> None:
        for order in orders:
            self._path(order).unlink(missing_ok=True)
        if orders:
            sync_directory(self.directory)

    def _orders(self) -> list[tuple[int, int]]:
        if not self.directory.is_dir():
            return []
        matches = (_NAME.fullmatch(path.name) for path in self.directory.iterdir())
        return sorted((int(match[1]), int(match[2])) for match in matches if match)

    def _path(self, order: tuple[int, int]) -> Path:
        return self.directory / f"manifest.{order[0]:010d}.{order[1]:012d}"

    def _read(self, order: tuple[int, int]) -> Manifest:
        path = self._path(order)
        head, _, body = path.read_bytes().partition(b"\n")
        words = head.decode("ascii", "replace").split(" ")
        if len(words) != 3 or words[0] != _MAGIC:
            raise ChecksumMismatch(f"{path}: expected a line '{_MAGIC} …', found {head[:40]!r}; {_ADVICE}")
        if words[1] not in map(str, FORMATS_READ):
            raise UnknownFormat(f"{path}: format {words[1]}, this build reads {FORMATS_READ}: upgrade Shoal")
        found = f"{xxhash.xxh3_64_intdigest(body):016x}"
        if found != words[2]:
            raise ChecksumMismatch(f"{path}: expected checksum {words[2]}, found {found}; {_ADVICE}")
        try:
            manifest = msgspec.json.decode(body, type=Manifest)
        except msgspec.DecodeError as error:
            raise UnknownFormat(f"{path}: {error}") from error
        if manifest.order != order or str(manifest.version) != words[1]:
            raise ChecksumMismatch(f"{path}: names {manifest.order} version {manifest.version} inside; {_ADVICE}")
        return manifest


_ADVICE = "restore the shard's directory from a replica or a backup; older manifests may name data that is gone"
