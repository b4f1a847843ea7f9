"""Keeps the README's table of settings equal to the settings: `make readme` writes it, a test compares it."""

import re
from pathlib import Path

from services.settings_flags import markdown_table

README = Path(__file__).resolve().parent.parent / "README.md"
TABLE = re.compile(r"(?<=<!-- settings: written by `make readme` -->\n).*?(?=<!-- end -->)", re.DOTALL)


def main() -> None:
    """Replaces the table in place."""
    text = README.read_text(encoding="utf-8")
    README.write_text(TABLE.sub(lambda _match: markdown_table(), text), encoding="utf-8")


if __name__ == "__main__":
    main()
