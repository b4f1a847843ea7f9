"""The manifest: which one counts, who may publish, what damage means."""

import os
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
import xxhash

from shared.errors import ChecksumMismatch, StaleFence, UnknownFormat
from shared.store.collect import unnamed
from shared.store.manifest import KEPT, ChunkRef, Manifest, ManifestStore, PendingSwap, SegmentEntry

PUBLISH = """
import sys
from pathlib import Path
import msgspec
from shared.store.crash import arm
from shared.store.manifest import Manifest, ManifestStore

store = ManifestStore(Path(sys.argv[1]))
newest = store.newest()
arm(sys.argv[2])
store.publish(msgspec.structs.replace(newest, generation=newest.generation + 1, checkpoint=newest.checkpoint + 10))
"""


def manifest(fence: int = 1, generation: int = 1, **changes: object) -> Manifest:
    base = Manifest(
        cluster_id="c",
        collection="u",
        name="n",
        shard=0,
        fence=fence,
        generation=generation,
        checkpoint=100,
        config_generation=1,
        config="{}",
        segments=[],
        appendables=1,
    )
    return msgspec.structs.replace(base, **changes)


def files(directory: Path) -> list[str]:
    return sorted(name for name in os.listdir(directory) if name.startswith("manifest."))


def test_a_manifest_comes_back_as_it_was(tmp_path: Path) -> None:
    entry = SegmentEntry("a00000000", "appendable", 5, 4, rows_chunks=[ChunkRef("chunks/x", 9, 2**63, rows=5)])
    given = manifest(segments=[entry], aliases=["other"], pending=[PendingSwap(90, 80, ["a"], "b", 1)])

    ManifestStore(tmp_path / "shard").publish(given)

    assert ManifestStore(tmp_path / "shard").newest() == given
    assert ManifestStore(tmp_path / "nowhere").newest() is None


def test_the_highest_fence_counts_before_the_highest_generation(tmp_path: Path) -> None:
    store = ManifestStore(tmp_path)
    store.publish(manifest(1, 999))

    store.publish(manifest(2, 3))

    newest = store.newest()
    assert newest is not None
    assert newest.order == (2, 3)
    assert [one.order for one in store.older()] == [(1, 999)]


@pytest.mark.parametrize("order", [(2, 5), (2, 4), (1, 900)])
def test_a_leader_that_was_replaced_publishes_nothing(tmp_path: Path, order: tuple[int, int]) -> None:
    store = ManifestStore(tmp_path)
    store.publish(manifest(2, 5))

    with pytest.raises(StaleFence, match="refused to publish"):
        store.publish(manifest(*order))

    assert files(tmp_path) == ["manifest.0000000002.000000000005"]


def test_only_the_last_few_are_kept(tmp_path: Path) -> None:
    store = ManifestStore(tmp_path)

    for generation in range(1, 9):
        store.publish(manifest(1, generation))

    assert len(files(tmp_path)) == KEPT
    assert [one.generation for one in store.older()] == [7, 6]


@pytest.mark.parametrize("place", [0, 20, 60, -1])
def test_a_damaged_newest_manifest_is_an_error_and_no_reason_to_take_an_older_one(tmp_path: Path, place: int) -> None:
    store = ManifestStore(tmp_path)
    store.publish(manifest(1, 1))
    store.publish(manifest(1, 2))
    path = tmp_path / files(tmp_path)[-1]
    whole = bytearray(path.read_bytes())
    whole[place] ^= 1
    path.write_bytes(whole)

    with pytest.raises(ChecksumMismatch, match="restore the shard's directory"):
        store.newest()


def test_a_torn_manifest_is_an_error(tmp_path: Path) -> None:
    store = ManifestStore(tmp_path)
    store.publish(manifest())
    path = tmp_path / files(tmp_path)[0]
    for size in (0, 10, 50, path.stat().st_size - 1):
        path.write_bytes(path.read_bytes()[:size])

        with pytest.raises(ChecksumMismatch):
            store.newest()


def test_a_format_of_the_future_is_refused(tmp_path: Path) -> None:
    store = ManifestStore(tmp_path)
    store.publish(manifest())
    path = tmp_path / files(tmp_path)[0]
    path.write_bytes(path.read_bytes().replace(b"shoal-manifest 2 ", b"shoal-manifest 3 "))

    with pytest.raises(UnknownFormat, match=r"format 3, this build reads \(1, 2\): upgrade"):
        store.newest()


def test_a_manifest_of_the_format_before_is_read_and_published_again_in_todays(tmp_path: Path) -> None:
    store = ManifestStore(tmp_path)
    old = msgspec.json.encode(msgspec.structs.replace(manifest(1, 1), version=1))
    head = b"shoal-manifest 1 %016x\n" % xxhash.xxh3_64_intdigest(old)
    (tmp_path / "manifest.0000000001.000000000001").write_bytes(head + old)

    read = store.newest()
    assert read is not None
    store.publish(msgspec.structs.replace(read, generation=2))

    assert read.version == 1
    again = store.newest()
    assert again is not None
    assert (again.version, again.segments) == (2, read.segments)


def test_a_temporary_beside_it_changes_nothing(tmp_path: Path) -> None:
    store = ManifestStore(tmp_path)
    store.publish(manifest(1, 1))

    (tmp_path / ".manifest.0000000001.000000000002.0011aabb.tmp").write_bytes(b"half")

    newest = store.newest()
    assert newest is not None
    assert newest.generation == 1
    assert [path.name for path in unnamed(tmp_path, [newest])] == [".manifest.0000000001.000000000002.0011aabb.tmp"]


@pytest.mark.parametrize(
    ("point", "checkpoint"),
    [
        ("before_manifest_publish", 100),
        ("before_file_link", 100),
        ("after_file_link", 110),
        ("after_manifest_publish", 110),
    ],
)
def test_a_crash_while_publishing_leaves_the_old_or_the_new(tmp_path: Path, point: str, checkpoint: int) -> None:
    store = ManifestStore(tmp_path)
    store.publish(manifest(1, 1))

    done = subprocess.run([sys.executable, "-c", PUBLISH, str(tmp_path), point], check=False, timeout=60)

    newest = store.newest()
    assert done.returncode == 137
    assert newest is not None
    assert newest.checkpoint == checkpoint
    store.publish(msgspec.structs.replace(newest, generation=9))


def test_what_no_manifest_names_may_be_collected(tmp_path: Path) -> None:
    for name in ("segments/a0", "segments/a0.1", "segments/b1", "segments/b2", "segments/.a3.00.tmp"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "chunks").mkdir()
    for name in ("rows", "dead", "edits", "old", ".rows.00.tmp"):
        (tmp_path / "chunks" / name).write_bytes(b"")
    entries = [
        SegmentEntry("a0", "sealed", 1, 1, header=ChunkRef("segments/a0.1/header.json", 1, 1)),
        SegmentEntry(
            "a1",
            "appendable",
            1,
            1,
            rows_chunks=[ChunkRef("chunks/rows", 1, 1)],
            tombstones=ChunkRef("chunks/dead", 1, 1),
            overlays=[ChunkRef("chunks/edits", 1, 1)],
        ),
    ]
    newest = manifest(segments=entries, pending=[PendingSwap(1, 1, ["a0"], "b1", 1)])

    found = {str(path.relative_to(tmp_path)) for path in unnamed(tmp_path, [newest])}

    assert found == {"segments/a0", "segments/b2", "segments/.a3.00.tmp", "chunks/old", "chunks/.rows.00.tmp"}
