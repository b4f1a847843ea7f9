"""Letters with accents, ligatures and dressed-up signs as ASCII: `ação` → `acao`, `Æ` → `AE`.

The table is the original's, found by asking it about every character (README.md): what is not in it stays as it is.
"""

from functools import lru_cache
from importlib import resources


def folded(word: str) -> str:
    """Return a word with what has an ASCII form in that form."""
    return word if word.isascii() else word.translate(_table())


@lru_cache(maxsize=1)
def _table() -> dict[int, str]:
    """Read the table: in each line what is written, a tab, and the characters for which it is written."""
    lines = (resources.files(__package__) / "ascii_folding.txt").read_text("utf-8").splitlines()
    pairs = (line.split("\t") for line in lines)
    return {ord(character): written for written, characters in pairs for character in characters}
