"""Random config changes, writes, deletes, searches and restarts over REST, beside a dict of points.

Vectors are small integers, so every score is exact in float32. Whatever the config says meanwhile, an exact search
gives what the dict gives, and a quick one gives true scores.
"""

import random
import secrets
import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parents[1] / "e2e"))

from serving import Serving, until

STEPS = 45
RESTARTS = 2
IDS = range(1, 61)
DIM, WIDE, WORDS, ROWS = 8, 70, 30, 3
SLOTS = {
    "vectors": {
        "plain": {"size": DIM, "distance": "Dot"},
        "wide": {"size": WIDE, "distance": "Euclid"},
        "pages": {"size": DIM, "distance": "Dot", "multivector_config": {"comparator": "max_sim"}},
    },
    "sparse_vectors": {"words": {}},
}
CHANGES = [
    {"optimizers_config": {"indexing_threshold": 1}},
    {"optimizers_config": {"indexing_threshold": 0}},
    {"optimizers_config": {"indexing_threshold": 10000}},
    {"optimizers_config": {"deleted_threshold": 0.01, "vacuum_min_vector_number": 100}},
    {"optimizers_config": {"default_segment_number": 1, "max_segment_size": 1000}},
    {"optimizers_config": {"max_optimization_threads": 0}},
    {"optimizers_config": {"max_optimization_threads": "auto", "flush_interval_sec": 1}},
    {"hnsw_config": {"m": 8}},
    {"hnsw_config": {"m": 0}},
    {"hnsw_config": {"m": 16, "ef_construct": 50, "full_scan_threshold": 10}},
    {"quantization_config": {"scalar": {"type": "int8", "quantile": 0.9}}},
    {"quantization_config": {"binary": {"always_ram": True}}},
    {"quantization_config": {"product": {"compression": "x4"}}},
    {"quantization_config": "Disabled"},
    {"vectors": {"wide": {"on_disk": True}}},
    {"vectors": {"wide": {"on_disk": False, "hnsw_config": {"m": 12}}}},
    {"vectors": {"plain": {"quantization_config": {"scalar": {"type": "int8", "always_ram": True}}}}},
    {"params": {"on_disk_payload": False}},
    {"metadata": {"note": "changed"}},
]


class Run:
    """One seeded run: the server, the dict, and the choices."""

    def __init__(self, seed, directory):
        self.random = random.Random(seed)
        self.directory = directory
        self.points = {}
        self.serving = self.client = None
        self.restart()
        self.client.ask("PUT", "/collections/c", {**SLOTS, "shard_number": 2})

    def restart(self):
        """Stop the whole service and start it again on the same files."""
        if self.serving is not None:
            self.close()
        self.serving = Serving(self.directory / "data", "--single-process")
        self.client = self.serving.client()

    def close(self):
        """Stop the service."""
        self.client.__exit__(None, None, None)
        self.serving.close()

    def row(self, dim):
        return [float(self.random.randint(-2, 2)) for _ in range(dim)]

    def vector(self, name):
        """Return a vector as a body has it."""
        match name:
            case "plain":
                return self.row(DIM)
            case "wide":
                return self.row(WIDE)
            case "pages":
                return [self.row(DIM) for _ in range(self.random.randint(1, ROWS))]
        indices = sorted(self.random.sample(range(WORDS), self.random.randint(1, 6)))
        return {"indices": indices, "values": [float(self.random.randint(1, 3)) for _ in indices]}

    def upsert(self):
        ids = self.random.sample(IDS, self.random.randint(1, 20))
        points = []
        for one in ids:
            names = self.random.sample(["plain", "wide", "pages", "words"], self.random.randint(1, 4))
            points.append({"id": one, "vector": {name: self.vector(name) for name in names}, "payload": {"at": one}})
        self.client.ask("PUT", "/collections/c/points?wait=true", {"points": points})
        for point in points:
            self.points[point["id"]] = {"vector": point["vector"], "payload": dict(point["payload"])}

    def delete(self):
        ids = self.random.sample(IDS, self.random.randint(1, 10))
        self.client.ask("POST", "/collections/c/points/delete?wait=true", {"points": ids})
        for one in ids:
            self.points.pop(one, None)

    def set_payload(self):
        ids = [one for one in self.random.sample(IDS, 8) if one in self.points]
        if ids:
            body = {"payload": {"seen": self.random.randint(0, 9)}, "points": ids}
            self.client.ask("POST", "/collections/c/points/payload?wait=true", body)
            for one in ids:
                self.points[one]["payload"] |= body["payload"]

    def change(self):
        self.client.ask("PATCH", "/collections/c", self.random.choice(CHANGES))

    def step(self):
        """Do one random thing to both."""
        self.random.choices([self.upsert, self.delete, self.set_payload, self.change], [6, 3, 2, 5])[0]()

    def check(self):
        """Compare contents and the searches of every slot."""
        assert self.client.ask("POST", "/collections/c/points/count", {"exact": True})["count"] == len(self.points)
        body = {"limit": len(IDS), "with_vector": True, "with_payload": True}
        page = self.client.ask("POST", "/collections/c/points/scroll", body)["points"]
        assert [point["id"] for point in page] == sorted(self.points)
        for point in page:
            assert point["payload"] == self.points[point["id"]]["payload"]
            assert point["vector"] == self.points[point["id"]]["vector"]
        for name in ("plain", "wide", "pages", "words"):
            self.check_search(name)

    def check_search(self, name):
        query, limit = self.vector(name), self.random.choice([1, 5, 100])
        scores = {one: score(name, query, point["vector"].get(name)) for one, point in self.points.items()}
        scores = {one: value for one, value in scores.items() if value is not None}
        body = {"query": query, "using": name, "limit": limit}
        exact = self.client.ask("POST", "/collections/c/points/query", {**body, "params": {"exact": True}})["points"]
        order = sorted(scores, key=lambda one: (scores[one] if name == "wide" else -scores[one], one))
        assert [(hit["id"], hit["score"]) for hit in exact] == [
            (one, pytest.approx(scores[one])) for one in order[:limit]
        ]
        quick = self.client.ask("POST", "/collections/c/points/query", body)["points"]
        assert len({hit["id"] for hit in quick}) == len(quick) == min(limit, len(scores))
        assert [hit["score"] for hit in quick] == [pytest.approx(scores[hit["id"]]) for hit in quick]


def score(name, query, vector):
    """Return the score on the wire, None where the point does not take part."""
    if vector is None:
        return None
    match name:
        case "wide":
            return sum((q - v) ** 2 for q, v in zip(query, vector, strict=True)) ** 0.5
        case "pages":
            return sum(max(dot(q, v) for v in vector) for q in query)
        case "words":
            values = dict(zip(vector["indices"], vector["values"], strict=True))
            shared = [index for index in query["indices"] if index in values]
            weights = dict(zip(query["indices"], query["values"], strict=True))
            return sum(weights[index] * values[index] for index in shared) if shared else None
    return dot(query, vector)


def dot(left, right):
    return sum(a * b for a, b in zip(left, right, strict=True))


@pytest.mark.parametrize("seed", [1, None])
def test_a_collection_answers_as_a_dict_does_whatever_its_config(seed, tmp_path):
    seed = secrets.randbits(32) if seed is None else seed
    print(f"seed {seed}")  # noqa: T201  # shown by pytest when the test fails
    run = Run(seed, tmp_path)
    try:
        for number in range(STEPS):
            run.step()
            run.check()
            if number % (STEPS // (RESTARTS + 1)) == STEPS // (RESTARTS + 1) - 1:
                run.restart()
                run.check()
        run.client.ask("PATCH", "/collections/c", {"optimizers_config": {"max_optimization_threads": "auto"}})

        until(lambda: run.client.ask("GET", "/collections/c")["status"] == "green")
        run.check()
    finally:
        run.close()
