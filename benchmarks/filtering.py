"""Payloads with fields to filter by, the filters, and the exact answers under them.

To what the data has come fields drawn at random, which keep a share of the points whatever the query is near:
`shade` (text: half, tenth, hundredth, thousandth of the points), `number` (integer, 0 to a million), and tenants.
Topics and parts of speech of the data itself keep points that lie together.
"""

import json
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from benchmarks.contestants.wheres import Where
from benchmarks.dataset import LIMIT, Dataset

NUMBERS = 1_000_000
SHADES = (("half", 0.5), ("tenth", 0.1), ("hundredth", 0.01), ("thousandth", 0.001))
TENANTS = {"of_ten": 10, "of_thousands": 10_000}
SEED = 20_261_124


class Case(NamedTuple):
    """One row of the report: a filter for each query. `share` is how much it keeps, about."""

    name: str
    share: float
    wheres: list[Where]


class Fields(NamedTuple):
    """Values by field name, in the order of the points, and the file with the payloads."""

    path: Path
    values: dict[str, npt.NDArray[np.generic]]

    def keeps(self, where: Where) -> npt.NDArray[np.bool_]:
        """Return which points a filter keeps."""
        values = self.values[where.key]
        if where.value is not None:
            return np.asarray(values == where.value)
        return np.asarray((values >= where.low) & (values < where.high))  # type: ignore[operator]


def prepare_fields(data: Dataset, work: Path) -> Fields:
    """Write the payloads with the fields that they lack."""
    path = work / "filtered.jsonl"
    payloads = [json.loads(line) for line in data.payloads.read_text().splitlines()]
    draw = np.random.default_rng(SEED)
    names = [name for name, _ in SHADES] + ["rest"]
    shares = [share for _, share in SHADES]
    added: dict[str, npt.NDArray[np.generic]] = {
        "shade": draw.choice(names, data.rows, p=[*shares, 1 - sum(shares)]),
        "number": draw.integers(0, NUMBERS, data.rows),
    }
    for key, count in TENANTS.items():
        added[key] = np.array([f"tenant-{tenant}" for tenant in draw.integers(0, count, data.rows)])
    with path.open("w") as file:
        for row, payload in enumerate(payloads):
            file.write(json.dumps({**payload, **{key: values[row].item() for key, values in added.items()}}) + "\n")
    for key in ("topic", "pos", "n_lemmas"):
        added[key] = np.array([payload[key] for payload in payloads])
    return Fields(path, added)


def cases(count: int) -> list[Case]:
    """Return the cases for so many queries."""
    found = [Case(f"keyword {share:.1%}", share, [Where("shade", name)] * count) for name, share in SHADES]
    found += [_range(share, count) for _, share in SHADES]
    found += [
        Case("part of speech, noun", 0.7, [Where("pos", "n")] * count),
        Case("part of speech, verb", 0.12, [Where("pos", "v")] * count),
        Case("topic, event", 0.009, [Where("topic", "noun.event")] * count),
        Case("lemmas, two and more", 0.46, [Where("n_lemmas", None, 2, 1000)] * count),
        *(_moving(share, count) for _, share in SHADES[1:]),
    ]
    return found


def truth_of(data: Dataset, fields: Fields, case: Case) -> npt.NDArray[np.int64]:
    """Return the true best rows of each query under its filter, -1 where there are fewer than LIMIT."""
    vectors, queries = np.load(data.vectors, mmap_mode="r"), np.load(data.queries)
    best = np.full((len(case.wheres), LIMIT), -1, np.int64)
    kept: tuple[Where | None, npt.NDArray[np.int64], npt.NDArray[np.float32]] = (None, best[0], queries)
    for place, where in enumerate(case.wheres):
        if kept[0] != where:
            rows = np.flatnonzero(fields.keeps(where))
            kept = (where, rows, np.asarray(vectors[rows]))
        scores = kept[2] @ queries[place]
        top = np.argsort(-scores, kind="stable")[:LIMIT]
        best[place, : len(top)] = kept[1][top]
    return best


def _range(share: float, count: int) -> Case:
    return Case(f"range {share:.1%}", share, [Where("number", None, 400_000, 400_000 + share * NUMBERS)] * count)


def _moving(share: float, count: int) -> Case:
    """Another range for each query: nothing of the answer to one filter helps the next."""
    lows = np.random.default_rng(SEED).uniform(0, NUMBERS * (1 - share), count)
    wheres = [Where("number", None, float(low), float(low + share * NUMBERS)) for low in lows]
    return Case(f"range {share:.1%}, another each time", share, wheres)
