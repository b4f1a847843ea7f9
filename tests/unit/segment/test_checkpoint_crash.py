"""A process that checkpoints a busy segment is ended at each crash point; what the manifest names is whole, always."""

import functools
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from shared.segment.checkpoint import load_segment
from shared.store.collect import unnamed
from shared.store.manifest import Manifest, ManifestStore
from tests.unit.segment.segment_builders import LAYOUT, SEED, content

CHECKPOINTS = """
import sys
from pathlib import Path

import msgspec

from shared.segment.checkpoint import freeze_segment, write_frozen
from shared.segment.rows import row_batch
from shared.store.crash import arm
from shared.store.manifest import Manifest, ManifestStore
from tests.builders import points, upsert
from tests.unit.segment.segment_builders import LAYOUT, appendable, delete, edit

directory = Path(sys.argv[1])
store = ManifestStore(directory)
segment, entry = appendable(points(20)), None
for step in range(1, 6):
    if step == 3:
        segment = segment.seal()
    elif step < 3:
        segment.append(row_batch(upsert(points(5, first=100 * step)), 10 * step, LAYOUT))
    edit(segment, step, b'{"step":%d}' % step, 10 * step + 1)
    delete(segment, 10 + step)
    arm(sys.argv[2] if step == int(sys.argv[3]) else "")
    entry = write_frozen(directory, freeze_segment(segment, entry, position=10 * step + 2))
    store.publish(Manifest("c", "u", "n", 0, 1, step, 10 * step + 2, 1, "{}", [entry], 1))
"""

FINISHED = {"after_manifest_publish"}
"""Points after which the new manifest counts."""


def run(directory: Path, point: str = "", step: int = 0) -> int:
    arguments = [sys.executable, "-c", CHECKPOINTS, str(directory), point, str(step)]
    return subprocess.run(arguments, cwd=Path.cwd(), check=False, timeout=120).returncode


def loaded(directory: Path) -> tuple[Manifest, object]:
    newest = ManifestStore(directory).newest()
    assert newest is not None
    return newest, content(load_segment(directory, newest.segments[0], LAYOUT, SEED))


@functools.cache
def undisturbed(step: int) -> object:
    """Return the content after `step` checkpoints that nothing disturbed: the next one ends before it counts."""
    with tempfile.TemporaryDirectory() as directory:
        assert run(Path(directory), "before_manifest_publish", step + 1) == 137
        return loaded(Path(directory))[1]


def collect(directory: Path, newest: Manifest) -> None:
    """Remove all that no manifest names."""
    for path in unnamed(directory, [newest]):
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()


@pytest.mark.parametrize(
    ("point", "step"),
    [
        ("before_file_link", 2),
        ("before_file_link:2", 2),
        ("before_file_link:3", 2),
        ("before_file_link:4", 2),
        ("after_file_link:2", 2),
        ("between_chunks", 2),
        ("before_manifest_publish", 2),
        ("after_manifest_publish", 2),
        ("before_directory_rename", 3),
        ("after_directory_rename", 3),
        ("between_chunks", 3),
        ("before_manifest_publish", 3),
        ("before_file_link", 4),
        ("after_manifest_publish", 4),
    ],
)
def test_a_crash_at_any_step_leaves_the_last_checkpoint_or_the_new_one(tmp_path: Path, point: str, step: int) -> None:
    expected_step = step if point in FINISHED else step - 1
    assert run(tmp_path / "crashed", point, step) == 137

    newest, found = loaded(tmp_path / "crashed")

    assert newest.generation == expected_step
    assert found == undisturbed(expected_step)
    collect(tmp_path / "crashed", newest)
    assert loaded(tmp_path / "crashed") == (newest, found)
