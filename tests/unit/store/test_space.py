"""Free space and the ballast."""

from pathlib import Path

from shared.store.space import MB, ensure_ballast, free_mb


def test_free_space_is_asked_of_the_nearest_parent_that_exists(tmp_path: Path) -> None:
    assert free_mb(tmp_path / "not" / "there") > 0


def test_a_ballast_takes_real_blocks_and_goes_away_when_not_wanted(tmp_path: Path) -> None:
    path = tmp_path / "ballast"

    assert ensure_ballast(path, 2)
    assert path.stat().st_size == 2 * MB
    assert path.stat().st_blocks * 512 >= 2 * MB
    assert ensure_ballast(path, 1)
    assert path.stat().st_size == MB
    assert not ensure_ballast(path, 0)
    assert not path.exists()


def test_a_ballast_that_would_fill_the_volume_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / "ballast"

    assert not ensure_ballast(path, free_mb(tmp_path))
    assert not path.exists()
