"""The cut of a source collection on disk: `collections/<target uuid>/init/`, made whole by one rename.

- `cut.json`     line 1 `shoal-cut 1 <xxh3_64 of the rest>`, then JSON of `Cut`
- `<shard>/`     one directory for each of the source's shards, laid out as a shard's own:
    - the manifest that counted when the shard was pinned, and hard links to the files that it names
    - `tail`     the log between its checkpoint and the cut: 8 bytes `SHOALCT1`, then for each entry
                 8 bytes position, 4 bytes length (both little-endian), the operation's bytes
A link keeps a file alive though the source has replaced it, or was deleted. Once `init/` exists, nothing of the source
is needed any more.
"""

import errno
import os
import secrets
import shutil
import struct
from collections.abc import Iterator
from pathlib import Path

import msgspec
import xxhash

from shared.errors import ChecksumMismatch, ShardUnavailable, UnknownFormat
from shared.log.position import Entry
from shared.store.atomic import crash_point, is_temporary, sync_directory, write_file
from shared.store.collect import SEGMENTS, named
from shared.store.manifest import Manifest, ManifestStore

INIT = "init"
TAIL = "tail"
CUT = "cut.json"
FORMAT_VERSION = 1
PIN_ATTEMPTS = 20
"""How often a shard's files are linked anew because its leader published, and collected, meanwhile."""

_MAGIC = "shoal-cut"
_TAIL_MAGIC = b"SHOALCT1"
_ENTRY = struct.Struct("<QI")
_NO_LINKS = (errno.EXDEV, errno.EPERM, errno.EMLINK, errno.ENOTSUP)


class ShardCut(msgspec.Struct, frozen=True):
    """One shard of the source: its files are of `checkpoint`, its tail ends at `position`, the cut."""

    checkpoint: int
    position: int
    tail_size: int
    tail_checksum: int


class Cut(msgspec.Struct, frozen=True):
    """What `cut.json` holds. `source` is the source's record, as JSON of CollectionRecord."""

    source: str
    shards: list[ShardCut]
    version: int = FORMAT_VERSION

    @property
    def positions(self) -> list[int]:
        """The position of each shard's cut."""
        return [shard.position for shard in self.shards]


def read_cut(directory: Path) -> Cut | None:
    """Return the cut in an `init` directory; None when there is none. Raises ChecksumMismatch, UnknownFormat."""
    path = directory / CUT
    try:
        head, _, body = path.read_bytes().partition(b"\n")
    except FileNotFoundError:
        return None
    words = head.decode("ascii", "replace").split(" ")
    if words[:1] != [_MAGIC] or words[2:] != [f"{xxhash.xxh3_64_intdigest(body):016x}"]:
        raise ChecksumMismatch(f"{path}: its checksum is not that of its content; delete the collection and create it")
    if words[1] != str(FORMAT_VERSION):
        raise UnknownFormat(f"{path}: format {words[1]}, this build reads {FORMAT_VERSION}: upgrade Shoal")
    return msgspec.json.decode(body, type=Cut)


def new_workplace(collection: Path) -> Path:
    """Return an empty directory to make a cut in, after removing what earlier attempts left."""
    collection.mkdir(parents=True, exist_ok=True)
    for path in collection.iterdir():
        if is_temporary(path.name):
            shutil.rmtree(path, ignore_errors=True)
    place = collection / f".{INIT}.{secrets.token_hex(4)}.tmp"
    place.mkdir()
    return place


def publish_cut(place: Path, cut: Cut) -> None:
    """Make a workplace the cut, durably. One that is there already, of a former leader, stays."""
    body = msgspec.json.encode(cut)
    write_file(place / CUT, (f"{_MAGIC} {FORMAT_VERSION} {xxhash.xxh3_64_intdigest(body):016x}\n".encode(), body))
    for directory, _, _ in os.walk(place):
        sync_directory(Path(directory))
    crash_point("before_cut_publish")
    final = place.with_name(INIT)
    try:
        place.rename(final)
    except OSError as error:
        if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
            raise
        shutil.rmtree(place, ignore_errors=True)
    sync_directory(final.parent)
    crash_point("after_cut_publish")


def pin_shard(source: Path, place: Path) -> int:
    """Link all that the newest manifest of a shard names, and return its checkpoint; 0 without a manifest.

    The shard's leader may publish and collect meanwhile; then the newer manifest is taken.
    """
    for _ in range(PIN_ATTEMPTS):
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir()
        manifest = ManifestStore(source).newest()
        if manifest is None:
            return 0
        try:
            _link_named(source, place, manifest)
        except FileNotFoundError:
            continue
        if _is_whole(source, manifest):
            ManifestStore(place).publish(manifest)
            return manifest.checkpoint
    raise ShardUnavailable(f"the files of {source} were replaced in each of {PIN_ATTEMPTS} attempts to link them")


def link_segment(source: Path, final: Path) -> None:
    """Give a sealed segment's directory a second home, whole or not at all; one that is there is the same."""
    if final.exists():
        return
    final.parent.mkdir(parents=True, exist_ok=True)
    temporary = final.with_name(f".{final.name}.{secrets.token_hex(4)}.tmp")
    temporary.mkdir()
    for path in source.iterdir():
        _link(path, temporary / path.name)
    sync_directory(temporary)
    temporary.rename(final)
    sync_directory(final.parent)


class TailWriter:
    """Writes the entries between a checkpoint and the cut. Calls block: for a thread."""

    def __init__(self, place: Path) -> None:
        self._path = place / TAIL
        self._digest = xxhash.xxh3_64()
        self._size = 0
        self._file = self._path.open("xb")
        self._put(_TAIL_MAGIC)

    def add(self, entries: list[Entry]) -> None:
        """Write entries, in order."""
        for entry in entries:
            self._put(_ENTRY.pack(entry.position, len(entry.operation)))
            self._put(entry.operation)

    def finish(self) -> tuple[int, int]:
        """Make the file durable and return its size and checksum."""
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        return self._size, self._digest.intdigest()

    def abandon(self) -> None:
        """Close the file; the workplace is thrown away."""
        self._file.close()

    def _put(self, part: bytes) -> None:
        self._file.write(part)
        self._digest.update(part)
        self._size += len(part)


def read_tail(place: Path, shard: ShardCut) -> Iterator[Entry]:
    """Give the entries of a tail, after its checksum proved right. Raises ChecksumMismatch."""
    path = place / TAIL
    digest = xxhash.xxh3_64()
    with path.open("rb") as file:
        while piece := file.read(2**20):
            digest.update(piece)
        if (file.tell(), digest.intdigest()) != (shard.tail_size, shard.tail_checksum):
            raise ChecksumMismatch(f"{path}: size or checksum is not what was written")
        file.seek(len(_TAIL_MAGIC))
        while head := file.read(_ENTRY.size):
            position, length = _ENTRY.unpack(head)
            yield Entry(position, file.read(length))


def _link_named(source: Path, place: Path, manifest: Manifest) -> None:
    for entry in manifest.segments:
        for ref in entry.files():
            if ref is not entry.header:
                (place / ref.name).parent.mkdir(exist_ok=True)
                _link(source / ref.name, place / ref.name)
        if entry.header is not None:
            name = entry.header.name.rpartition("/")[0]
            (place / SEGMENTS).mkdir(exist_ok=True)
            (place / name).mkdir()
            for path in (source / name).iterdir():
                _link(path, place / name / path.name)


def _is_whole(source: Path, linked: Manifest) -> bool:
    """True when no segment can have been half removed while it was linked: the newest manifest names it still."""
    newest = ManifestStore(source).newest()
    return newest is not None and named([newest]) >= {name for name in named([linked]) if name.startswith(SEGMENTS)}


def _link(source: Path, target: Path) -> None:
    """Link a file; where the file system has no links, or has used them up, copy it."""
    try:
        os.link(source, target)
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        _copy(source, target)


def _copy(source: Path, target: Path) -> None:
    shutil.copyfile(source, target)
    descriptor = os.open(target, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
