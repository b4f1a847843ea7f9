"""The table of the guide's sentences in services/api/README.md names tests that exist."""

import re
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[3]
README = PROJECT / "services" / "api" / "README.md"
HEADING = "## The Collections guide, sentence by sentence"
NAMED = re.compile(r"`(test_\w+\.py)::(test_\w+)`")


def rows() -> list[str]:
    section = README.read_text().split(HEADING, 1)[1].split("\n## ", 1)[0]
    return [line for line in section.splitlines() if line.startswith("| ")][2:]


def named() -> list[tuple[str, str]]:
    return sorted({(found[1], found[2]) for row in rows() for found in NAMED.finditer(row)})


def test_every_sentence_has_a_test() -> None:
    assert len(rows()) > 40
    assert [row for row in rows() if not NAMED.search(row)] == []


@pytest.mark.parametrize(("file", "test"), named(), ids=lambda part: part)
def test_the_named_test_exists(file: str, test: str) -> None:
    (path,) = (PROJECT / "tests").rglob(file)

    assert re.search(rf"^\s*(async )?def {test}\(", path.read_text(), re.M), f"{file} has no {test}"
