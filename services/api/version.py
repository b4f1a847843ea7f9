"""What `GET /` says of this build.

COMMIT is written by the image's build in place of the zeros; a checkout says what its git directory says.
"""

from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

REFERENCE_VERSION = "1.19.0"
"""The version of the reference whose API this build answers; official clients compare it with their own."""

UNKNOWN_COMMIT = "0" * 40


def _shoal_version() -> str:
    try:
        return version("shoal")
    except PackageNotFoundError:
        return "0.0.0"


def read_commit(root: Path) -> str:
    """Return the 40 hexadecimal digits of the checkout's commit, or of the file COMMIT beside it, or zeros."""
    try:
        if (root / "COMMIT").exists():
            return _checked((root / "COMMIT").read_text().strip())
        head = (root / ".git" / "HEAD").read_text().strip()
        if not head.startswith("ref: "):
            return _checked(head)
        name = head.removeprefix("ref: ")
        loose = root / ".git" / name
        if loose.exists():
            return _checked(loose.read_text().strip())
        for line in (root / ".git" / "packed-refs").read_text().splitlines():
            if line.endswith(f" {name}"):
                return _checked(line.split(" ", 1)[0])
    except OSError:
        pass
    return UNKNOWN_COMMIT


def _checked(text: str) -> str:
    is_commit = len(text) == len(UNKNOWN_COMMIT) and all(digit in "0123456789abcdef" for digit in text)
    return text if is_commit else UNKNOWN_COMMIT


SHOAL_VERSION = _shoal_version()
COMMIT = read_commit(Path(__file__).resolve().parents[2])
