"""The plan: thin masks are scanned, broad ones walked, and nothing gets suddenly dearer in between."""

import itertools

from shared.segment.index.planning import Terrain, Way, beam_of, best_scan, choose, walk_candidates, walk_ns
from shared.segment.kernels.table import BINARY, PRODUCT

BIG = Terrain(rows=100_000, dim=384, matching=100_000, has_codes=True, has_signs=True, has_graph=True)


def test_open_search_walks_when_there_is_a_graph_and_scans_bits_when_not():
    assert choose(BIG, 10, 0)[0] is Way.WALK
    assert choose(BIG._replace(has_graph=False), 10, 0)[0] is Way.SIGNS


def test_no_walk_for_so_few_rows_as_the_full_scan_threshold_holds():
    assert choose(BIG._replace(scan_rows=100_000), 10, 0)[0] is Way.SIGNS
    assert choose(BIG._replace(scan_rows=99_999), 10, 0)[0] is Way.WALK


def test_few_matching_rows_are_scored_exactly_and_rather_few_by_bytes():
    assert choose(BIG._replace(matching=20), 10, 0)[0] is Way.EXACT
    assert choose(BIG._replace(matching=1000), 10, 0)[0] is Way.CODES


def test_without_codes_everything_is_exact():
    assert choose(BIG._replace(has_codes=False, has_signs=False, has_graph=False), 10, 0) == (Way.EXACT, 0)


def test_a_walk_may_estimate_no_more_than_a_scan_would_cost():
    way, budget = choose(BIG._replace(matching=60_000), 10, 0)

    assert way is Way.WALK
    assert 0 < budget < 100_000


def test_the_chosen_cost_has_no_cliff_over_the_share_of_matching_rows():
    costs = []
    for matching in range(200, 100_001, 100):
        plan = BIG._replace(matching=matching)
        way, _ = choose(plan, 10, 0)
        costs.append(walk_ns(plan, 10, beam_of(plan, 10, 0)) if way is Way.WALK else best_scan(plan, 10)[1])

    assert max(later / earlier for earlier, later in itertools.pairwise(costs)) < 1.6


def test_beam_is_at_least_the_limit_and_at_most_all_rows():
    assert beam_of(BIG, 500, 100) == 500
    assert beam_of(BIG, 5, 100) == 100
    assert beam_of(BIG._replace(rows=30), 500, 100) == 30


def test_the_coarser_the_codes_the_more_rows_of_the_beam_are_scored_exactly():
    bits = BIG._replace(codec=BINARY, code_bytes=64)
    x16, x64 = (BIG._replace(codec=PRODUCT, code_bytes=size) for size in (96, 24))

    kept = [walk_candidates(plan, 10, 64) for plan in (BIG, x16, bits, x64)]

    assert kept == [20, 38, 48, 64]


def test_a_larger_beam_and_more_oversampling_leave_more_rows_to_the_exact_scores():
    bits = BIG._replace(codec=BINARY, code_bytes=64)

    kept = [walk_candidates(bits, 10, ef) for ef in (64, 128, 256)]
    asked = walk_candidates(bits._replace(oversampling=6.0), 10, 64)

    assert kept == [48, 96, 192]
    assert asked == 60
