"""The benchmark's filters keep what they say, and its recall counts what a filter lets be found."""

import json
from pathlib import Path

import numpy as np

from benchmarks.contestants.wheres import Where
from benchmarks.dataset import LIMIT, Dataset
from benchmarks.filtering import cases, prepare_fields, truth_of
from benchmarks.measures.filtered import recall_of

ROWS, QUERIES = 4000, 5


def dataset(folder: Path) -> Dataset:
    draw = np.random.default_rng(1)
    np.save(folder / "points.npy", draw.standard_normal((ROWS, 8)).astype(np.float32))
    np.save(folder / "queries.npy", draw.standard_normal((QUERIES, 8)).astype(np.float32))
    lines = [{"topic": "noun.event", "pos": "n" if row % 3 else "v", "n_lemmas": row % 5} for row in range(ROWS)]
    (folder / "payloads.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    paths = (folder / "points.npy", folder / "payloads.jsonl", folder / "queries.npy")
    return Dataset("d", *paths, ROWS, 8, np.zeros((QUERIES, LIMIT), np.int64))


def test_cases_keep_about_the_share_that_they_say_and_are_named_apart(tmp_path: Path) -> None:
    fields = prepare_fields(dataset(tmp_path), tmp_path)

    every = [case for case in cases(QUERIES) if case.wheres[0].key in ("shade", "number")]
    kept = {case.name: fields.keeps(case.wheres[0]).mean() for case in every}

    assert len(kept) == len(every) == 11
    assert all(abs(kept[case.name] - case.share) < 0.2 * case.share + 0.002 for case in every)


def test_the_truth_is_the_best_of_what_a_filter_keeps(tmp_path: Path) -> None:
    data = dataset(tmp_path)
    fields = prepare_fields(data, tmp_path)
    [few] = [case for case in cases(QUERIES) if case.name == "keyword 0.1%"]

    truth = truth_of(data, fields, few)

    kept = set(np.flatnonzero(fields.keeps(Where("shade", "thousandth"))).tolist())
    assert 0 < len(kept) < LIMIT
    assert all(set(best[best >= 0].tolist()) == kept for best in truth)


def test_recall_counts_only_what_there_is_to_find() -> None:
    truth = np.array([[1, 2, -1], [3, 4, 5]])
    found = np.array([[2, 1, -1], [3, 9, 8]])

    assert recall_of(found, truth) == 3 / 5
