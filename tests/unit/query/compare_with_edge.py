"""Puts random filters to our definition and to qdrant_edge, and prints where they differ. No test: CI has no edge.

    .venv/bin/python -m tests.unit.query.compare_with_edge <a python that has qdrant_edge> [examples] [field type]

Booleans are left out: edge's Python side takes them for the integers 0 and 1.
With a field type (keyword, integer, float, bool, datetime, uuid, geo, text) edge has an index of it on two paths.
"""

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from shared.query.payload_match import MatchedPoint, point_matches
from shared.schema.filters import Filter, HasVector, MatchAny, MatchExcept
from tests.unit.query import payload_strategies as drawn
from tests.unit.query.wire_filters import wire_filter

SHOWN = 30
PAYLOADS = 12
INDEXED = ["a", "a[].b"]
"""Each index takes edge a tenth of a second."""

one_kind = st.lists(st.sampled_from(drawn.TEXTS), max_size=4, unique=True) | st.lists(
    st.sampled_from(drawn.INTEGERS), max_size=4, unique=True
)
conditions = st.one_of(
    st.builds(MatchAny, drawn.paths, one_kind),
    st.builds(MatchExcept, drawn.paths, one_kind),
    drawn.ranges,
    drawn.dates.filter(lambda one: any(bound is not None for bound in (one.gt, one.gte, one.lt, one.lte))),
    drawn.texts,
    drawn.geo,
    drawn.kept_counts,
    drawn.blanks,
    drawn.not_nulls,
)
filters = st.one_of(
    conditions.map(lambda one: Filter([one])),
    drawn.filters_of(conditions | drawn.of_points.filter(lambda one: one != HasVector("other")), max_leaves=3),
)


class Edge:
    """The other process."""

    def __init__(self, python: str, indexed: str | None) -> None:
        script = Path(__file__).with_name("edge_filters.py")
        self._process = subprocess.Popen(
            [python, str(script)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self._indexes = dict.fromkeys(INDEXED, indexed) if indexed else {}

    def kept(self, payloads, asked):
        question = {"payloads": payloads, "filters": [wire_filter(one) for one in asked], "indexes": self._indexes}
        self._process.stdin.write(json.dumps(question) + "\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())


def tell(*parts: object) -> None:
    sys.stdout.write(" ".join(map(str, parts)) + "\n")


def compare(edge: Edge, examples: int) -> None:
    differences: Counter[str] = Counter()

    @settings(
        max_examples=examples,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(st.lists(drawn.payloads, min_size=1, max_size=PAYLOADS), st.lists(filters, min_size=4, max_size=8))
    def ask(payloads, asked):
        for one, theirs in zip(asked, edge.kept(payloads, asked), strict=True):
            points = [MatchedPoint(payload, number, ("",)) for number, payload in enumerate(payloads)]
            ours = [point.id for point in points if point_matches(one, point)]
            if ours != theirs:
                differences[", ".join(sorted({type(each).__name__ for each in one.must}))] += 1
                if differences.total() <= SHOWN:
                    apart = theirs if isinstance(theirs, str) else sorted(set(ours) ^ set(theirs))
                    shown = (
                        [(number in ours, payloads[number]) for number in apart] if isinstance(apart, list) else apart
                    )
                    tell(json.dumps(wire_filter(one), ensure_ascii=False), "\n   we keep it, payload:", shown)

    ask()
    tell(f"{examples} examples, {differences.total()} differences: {dict(differences)}")


if __name__ == "__main__":
    given_examples = int(sys.argv[2]) if len(sys.argv) > 2 else 300
    compare(Edge(sys.argv[1], sys.argv[3] if len(sys.argv) > 3 else None), given_examples)
