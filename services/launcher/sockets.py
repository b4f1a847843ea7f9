"""Where the Unix sockets of one launch lie: in the data directory, or, when its path is too long for a socket, in a
fresh private directory that is removed at the end (by the next start, when the launcher was killed)."""

import shutil
import tempfile
from pathlib import Path

PATH_BYTES_MAX = 100
"""A Unix socket's path may have 107 bytes; some are kept in hand."""
LONGEST_NAME = "worker-64.sock"
_PREFIX = "shoal-sockets-"


def choose_socket_dir(data_dir: Path) -> Path:
    """A directory, only its owner's, with room for every socket's name."""
    inside = data_dir.resolve() / "sockets"
    if len(str(inside / LONGEST_NAME).encode()) > PATH_BYTES_MAX:
        return Path(tempfile.mkdtemp(prefix=_PREFIX))
    inside.mkdir(mode=0o700, parents=True, exist_ok=True)
    return inside


def remove_socket_dir(directory: Path) -> None:
    """Removes what `choose_socket_dir` made outside of the data directory, and nothing else."""
    if directory.name.startswith(_PREFIX):
        shutil.rmtree(directory, ignore_errors=True)
