"""Units with a text that has a phrase, against a look at every text in plain Python."""

import numpy as np
import pytest

from shared.segment import bits
from shared.segment.kernels.phrases import keep_phrases
from shared.segment.kernels.table import address

GAP = -1


def in_sequence(texts: list[tuple[int, list[int]]]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    terms = [term for _, text in texts for term in [*text, GAP]]
    ends = np.cumsum([len(text) + 1 for _, text in texts], dtype=np.int64)
    return np.array(terms, np.int32), ends, np.array([unit for unit, _ in texts], np.int32)


def kept(texts: list[tuple[int, list[int]]], phrase: list[int], candidates: list[int], units: int) -> list[int]:
    sequence, ends, owners = in_sequence(texts)
    words, wanted = bits.from_rows(candidates, units), np.array(phrase, np.int32)
    where = address(sequence), address(ends), address(owners), len(owners)
    keep_phrases(*where, address(wanted), len(wanted), address(words), len(words))
    return bits.to_rows(words).tolist()


@pytest.mark.parametrize("seed", range(8))
def test_the_candidates_that_stay_are_those_with_the_phrase_in_one_text(seed):
    random = np.random.default_rng(seed)
    owners = np.sort(random.integers(0, 200, 300)).tolist()
    texts = [(unit, random.integers(0, 4, random.integers(0, 9)).tolist()) for unit in owners]
    candidates = random.choice(200, 40 if seed % 2 else 200, replace=False).tolist()
    phrase = random.integers(0, 4, random.integers(2, 4)).tolist()

    found = kept(texts, phrase, candidates, 200)

    size = len(phrase)
    having = {unit for unit, text in texts if any(text[i : i + size] == phrase for i in range(len(text)))}
    assert found == sorted(having & set(candidates))
    assert found, "a seed under which nothing is found shows nothing"


def test_a_phrase_goes_over_no_end_of_a_text():
    texts = [(0, [1]), (0, [2]), (1, [1, 2]), (2, []), (3, [2, 1])]

    found = kept(texts, [1, 2], [0, 1, 2, 3], 4)

    assert found == [1]
