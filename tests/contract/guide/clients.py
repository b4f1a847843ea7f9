"""The official clients that the guide's examples run with: where each one lives, and whether it is there.

`make clients` puts the old ones, and those in JavaScript, into `.clients/`, each in an environment of its own with all
its packages pinned. The newest Python client is the one of `.venv`. A test of a client that could not be installed is
skipped, and says why; one of a client that nobody tried to install is skipped with a hint, and fails in CI.
"""

import os
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

PROJECT = Path(__file__).resolve().parents[3]
CLIENTS = PROJECT / ".clients"
LOCKS = Path(__file__).resolve().parent / "locks"
UNAVAILABLE = "unavailable"
"""A file in a client's folder: why it could not be installed."""
INSTALLED = "installed"
"""A file in a client's folder: the digest of what was installed."""


class Client(NamedTuple):
    """One official client. `version` is empty for the one that this environment has."""

    language: str
    version: str = ""

    @property
    def name(self) -> str:
        return f"{self.language}-{self.version or 'newest'}"

    @property
    def folder(self) -> Path:
        return CLIENTS / self.name

    @property
    def era(self) -> str:
        """Which shape of answers its models are made for."""
        return "1.7" if self.version.startswith(("1.6.", "1.7.")) else "current"

    @property
    def python(self) -> Path:
        """The interpreter that a Python client runs in."""
        return self.folder / "bin" / "python" if self.version else Path(sys.executable)


OLD_PYTHON = (Client("python", "1.6.9"), Client("python", "1.7.3"))
NEWEST_PYTHON = Client("python")
OLD_JAVASCRIPT = (Client("javascript", "1.6.0"), Client("javascript", "1.7.0"))
NEWEST_JAVASCRIPT = Client("javascript", "newest")
"""Its version depends on the machine's Node: `newest_javascript_lock`."""

PYTHON = (*OLD_PYTHON, NEWEST_PYTHON)
JAVASCRIPT = (*OLD_JAVASCRIPT, NEWEST_JAVASCRIPT)


def newest_javascript_lock(node_major: int) -> Path:
    """Return the pinned packages of the newest client that a Node runs."""
    return LOCKS / ("javascript-1.19.0" if node_major >= 22 else "javascript-1.18.0")


def require(client: Client) -> None:
    """Skip or fail the running test when its client is not there."""
    if not client.version or (client.folder / INSTALLED).exists():
        return
    reason = client.folder / UNAVAILABLE
    if reason.exists():
        pytest.skip(f"{client.name} could not be installed: {reason.read_text().strip()}")
    if os.environ.get("CI"):
        pytest.fail(f"{client.name} is not installed: CI runs `make clients` before the tests")
    pytest.skip(f"{client.name} is not installed; `make clients` does that")
