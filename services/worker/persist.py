"""The disk's part of a checkpoint, for a thread: write what changed, publish the manifest, collect what nobody names.

1. write    new chunk files, directories of segments sealed since; nothing that exists is touched
2. publish  the manifest that names them: from here on they count. A crash before leaves files that nobody names
3. collect  what no manifest names any more. A crash before leaves it to the next time
The log is trimmed between 2 and 3, by the caller.
"""

import shutil
from pathlib import Path
from typing import NamedTuple

from services.worker.state import Checkpoint
from shared.segment.checkpoint import write_frozen
from shared.store.atomic import crash_point
from shared.store.collect import SEGMENTS, unnamed, without_columns
from shared.store.manifest import Manifest, ManifestStore


class Identity(NamedTuple):
    """Who publishes what: all of a manifest that the state does not know."""

    cluster_id: str
    collection: str
    name: str
    aliases: tuple[str, ...]
    shard: int
    fence: int
    generation: int


def write_checkpoint(directory: Path, checkpoint: Checkpoint, identity: Identity) -> Manifest:
    """Write a checkpoint and publish its manifest. Raises StaleFence, OSError."""
    directory.mkdir(parents=True, exist_ok=True)
    crash_point("before_checkpoint")
    entries = [write_frozen(directory, frozen) for frozen in checkpoint.segments]
    crash_point("after_segments_written")
    manifest = Manifest(
        cluster_id=identity.cluster_id,
        collection=identity.collection,
        name=identity.name,
        shard=identity.shard,
        fence=identity.fence,
        generation=identity.generation,
        checkpoint=checkpoint.position,
        config_generation=checkpoint.config_generation,
        config=checkpoint.config.model_dump_json(),
        segments=entries,
        appendables=checkpoint.appendables,
        aliases=list(identity.aliases),
        pending=checkpoint.pending,
    )
    ManifestStore(directory).publish(manifest)
    return manifest


def collect(directory: Path, newest: Manifest, retired: set[str]) -> int:
    """Remove what is not named any more and return how many names that were.

    Chunks stay while an older kept manifest names them: who has just read that one may be opening them. Columns do not:
    who misses one builds it, and a dropped index gives its space back with this checkpoint. Segments go with the newest
    manifest, but of the optimizer's outputs only the `retired` ones: others may have a swap on its way.
    """
    crash_point("before_collect")
    manifests = [newest, *(without_columns(manifest) for manifest in ManifestStore(directory).older())]
    chunks = [path for path in unnamed(directory, manifests) if path.parent.name != SEGMENTS]
    segments = [
        path
        for path in unnamed(directory, [newest])
        if path.parent.name == SEGMENTS and (path.name[0] in "a." or path.name in retired)
    ]
    for path in chunks:
        path.unlink(missing_ok=True)
    for path in segments:
        shutil.rmtree(path, ignore_errors=True)
    crash_point("after_collect")
    return len(chunks) + len(segments)
