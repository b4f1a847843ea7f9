"""What may be collected in a shard's directory: files and directories that no kept manifest names."""

from collections.abc import Iterable
from pathlib import Path

import msgspec

from shared.store.atomic import is_temporary
from shared.store.manifest import Manifest

SEGMENTS = "segments"
CHUNKS = "chunks"
BUILDING = "building"


def named(manifests: Iterable[Manifest]) -> set[str]:
    """Return the paths, below the shard's directory, that the manifests name: chunk files and segment directories."""
    paths: set[str] = set()
    for manifest in manifests:
        for entry in manifest.segments:
            paths.update(ref.name for ref in entry.files() if ref is not entry.header)
            if entry.header is not None:
                paths.add(entry.header.name.rpartition("/")[0])
        paths.update(f"{SEGMENTS}/{swap.output}" for swap in manifest.pending)
    return paths


def without_columns(manifest: Manifest) -> Manifest:
    """Return a manifest that names no column files: what is derived need not be kept for its readers."""
    segments = [msgspec.structs.replace(entry, columns=[]) for entry in manifest.segments]
    return msgspec.structs.replace(manifest, segments=segments)


def unnamed(shard_directory: Path, manifests: Iterable[Manifest]) -> list[Path]:
    """Return the chunk files and segment directories that no manifest names; temporaries are among them.

    The caller keeps what is too new to be named yet: chunks of a checkpoint that is being written, outputs whose swap
    is not applied. `building/` is not looked at: its directories belong to the optimizer's jobs.
    """
    keep = named(manifests)
    found = []
    for folder in (SEGMENTS, CHUNKS):
        directory = shard_directory / folder
        if directory.is_dir():
            found += [path for path in sorted(directory.iterdir()) if f"{folder}/{path.name}" not in keep]
    if shard_directory.is_dir():
        found += [path for path in sorted(shard_directory.iterdir()) if is_temporary(path.name)]
    return found
