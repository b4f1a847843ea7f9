"""Fixtures of the launcher's tests."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture
def short_dir() -> Iterator[Path]:
    """A directory whose path is short enough for a Unix socket; pytest's own may not be."""
    with tempfile.TemporaryDirectory(prefix="s-", dir="/tmp") as directory:
        yield Path(directory).resolve()
