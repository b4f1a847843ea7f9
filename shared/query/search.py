"""Search over the segments of a shard.

1. plan    each segment: its mask, or no part in this search (planner.py)
2. search  each slot: arrays of rows and scores, best first (index/base.py)
3. rank    all scores in one array, best first; equal scores by id, also across the limit when the search is exact
4. fetch   payloads and vectors of the hits that are left (fetch.py)

Several searches that wait for the same segments go through step 2 together, segment by segment: see `search_together`.

No Python object is made per candidate: ids are looked up once, for the best `limit` rows of each segment.
"""

import math
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from shared.query.fetch import fetch_hits
from shared.query.masks import name_of
from shared.query.planner import SegmentPlan, plan_segment
from shared.query.view import Ranking, Segments, View
from shared.schema.points import PointId, id_order
from shared.schema.queries import Hit, Search
from shared.segment.index.base import SlotIndex, SlotSearch
from shared.segment.index.together import search_together

FLOAT32_MAX = float(np.finfo(np.float32).max)

FEW = 64
"""So many numbers are compared faster as Python's than as an array."""

TIE_FACTOR = 16
"""How much more an exact search asks for while equal scores reach across its limit."""

Rows = npt.NDArray[np.int64]
Scores = npt.NDArray[np.float32]


class _Part(NamedTuple):
    """The candidates of one segment, best first."""

    place: int
    rows: Rows
    scores: Scores


def search_hits(segments: Segments, search: Search) -> list[Hit]:
    """Return the best points with what the search asks of them. Raises BadInput."""
    view = View.of(segments)
    ranking = search_segments(view, search)
    return fetch_hits(view, ranking, search.with_payload, search.with_vector)


def search_segments(segments: Segments, search: Search) -> Ranking:
    """Return the best `limit` points over all segments. Raises BadInput for a vector of another size or kind."""
    view = View.of(segments)
    query = search.vector
    name = name_of(search.filter)
    plans = [plan for place, one in enumerate(view) if (plan := plan_segment(one, place, search, name)) is not None]
    if search.params.exact:
        parts = [_Part(plan.place, *plan.found(query)) for plan in plans]
        parts = _with_ties(parts, plans, query, search.limit)
    else:
        parts = _in_turn(plans, query, search.limit)
    if search.score_threshold is not None:
        parts = _above(parts, search.score_threshold)
    return _ranked(view, parts, search.limit)


def search_hits_together(segments: Segments, searches: Sequence[Search]) -> list[list[Hit]]:
    """Return for each search what `search_hits` gives, reading rows once for all that scan them. Raises BadInput."""
    view = View.of(segments)
    if len(searches) == 1:
        return [search_hits(view, searches[0])]
    tasks = [_Task(search, _plans(view, search)) for search in searches]
    for place in range(len(view)):
        _search_segment([task for task in tasks if place in task.plans], place)
    found = []
    for task in tasks:
        ranking = _ranked(view, task.finished(), task.search.limit)
        found.append(fetch_hits(view, ranking, task.search.with_payload, task.search.with_vector))
    return found


@dataclass(slots=True)
class _Task:
    """One search among several. `best` are the best scores so far, `parts` what each segment gave."""

    search: Search
    plans: dict[int, SegmentPlan]
    parts: list[_Part] = field(default_factory=list)
    best: Scores = field(default_factory=lambda: np.empty(0, np.float32))

    def asked(self, place: int) -> tuple[bytes, SlotSearch]:
        """Return what to ask of a segment: no less than the best rows elsewhere reach."""
        options = self.plans[place].search
        if not options.exact and len(self.best) >= self.search.limit:
            options = options._replace(floor=float(self.best[-self.search.limit]))
        return self.search.vector, options

    def take(self, place: int, rows: Rows, scores: Scores) -> None:
        """Note what a segment gave."""
        self.parts.append(_Part(place, rows, scores))
        self.best = np.sort(np.concatenate((self.best, scores)))[-self.search.limit :]

    def finished(self) -> list[_Part]:
        """Return the parts, ties completed, what is below the threshold left out."""
        parts, search = self.parts, self.search
        if search.params.exact:
            parts = _with_ties(parts, list(self.plans.values()), search.vector, search.limit)
        return parts if search.score_threshold is None else _above(parts, search.score_threshold)


def _plans(view: View, search: Search) -> dict[int, SegmentPlan]:
    name = name_of(search.filter)
    planned = [plan_segment(one, place, search, name) for place, one in enumerate(view)]
    return {plan.place: plan for plan in planned if plan is not None}


def _search_segment(tasks: list[_Task], place: int) -> None:
    """Search one segment for all: those that ask the same dense slot in one go."""
    by_slot: dict[str, list[_Task]] = {}
    for task in tasks:
        by_slot.setdefault(task.search.slot, []).append(task)
    for sharing in by_slot.values():
        slot = sharing[0].plans[place].slot
        asked = [task.asked(place) for task in sharing]
        found = search_together(slot, asked) if isinstance(slot, SlotIndex) else [slot.search(*one) for one in asked]
        for task, (rows, scores) in zip(sharing, found, strict=True):
            task.take(place, rows, scores)


def _in_turn(plans: list[SegmentPlan], query: bytes, limit: int) -> list[_Part]:
    """Search slot after slot, and tell each the score that the best `limit` rows so far reach."""
    if len(plans) == 1:
        return [_Part(plans[0].place, *plans[0].found(query))]
    parts: list[_Part] = []
    best: Scores = np.empty(0, np.float32)
    for plan in plans:
        rows, scores = plan.found(query, float(best[-limit]) if len(best) >= limit else -math.inf)
        parts.append(_Part(plan.place, rows, scores))
        if len(parts) < len(plans):
            best = np.sort(np.concatenate((best, scores)))[-limit:]
    return parts


def _ranked(view: View, parts: list[_Part], limit: int) -> Ranking:
    """Merge the parts. Equal scores are rare, so ids are compared only where there are any."""
    if len(parts) == 1:
        place, rows, found = parts[0]
        values: list[float] = found.tolist()
        if len(set(values)) == len(values):
            if len(values) > limit:
                rows, values = rows[:limit], values[:limit]
            return Ranking(view[place].segment.ids(rows), values, [place] * len(values), rows.tolist())
    elif not parts:
        return Ranking([], [], [], [])
    scores = np.concatenate([part.scores for part in parts])
    best = np.argsort(-scores, kind="stable")
    if len(best) > limit:
        last = scores[best[limit - 1]]
        reach = int(np.count_nonzero(scores >= last)) if scores[best[limit]] == last else limit
        best = best[:reach]
    ids: list[PointId] = []
    starts: list[int] = []
    for part in parts:
        starts.append(len(ids))
        ids += view[part.place].segment.ids(part.rows)
    order: list[int] = best.tolist()
    chosen = scores[best]
    if _has_ties(chosen):
        order.sort(key=lambda one: (-scores[one], id_order(ids[one])))
        order = order[:limit]
    owners = [parts[bisect_right(starts, one) - 1].place for one in order]
    rows = np.concatenate([part.rows for part in parts])[order].tolist()
    return Ranking([ids[one] for one in order], chosen[:limit].tolist(), owners, rows)


def _has_ties(scores: Scores) -> bool:
    """Return whether some of sorted scores are equal."""
    if len(scores) <= FEW:
        return len(set(scores.tolist())) < len(scores)
    return bool((scores[1:] == scores[:-1]).any())


def _above(parts: list[_Part], threshold: float) -> list[_Part]:
    """Return what scores strictly above the threshold, compared as float32: the precision that clients see."""
    bound = np.float32(min(max(threshold, -FLOAT32_MAX), FLOAT32_MAX))
    cuts = [int(np.count_nonzero(part.scores > bound)) for part in parts]
    return [_Part(part.place, part.rows[:cut], part.scores[:cut]) for part, cut in zip(parts, cuts, strict=True) if cut]


def _with_ties(parts: list[_Part], plans: list[SegmentPlan], query: bytes, limit: int) -> list[_Part]:
    """Complete the parts in which rows that score like the last hit were cut off: the lower id may be among them."""
    found = sum(len(part.rows) for part in parts)
    if found <= limit:
        return parts
    scores = np.concatenate([part.scores for part in parts])
    last = np.partition(scores, found - limit)[found - limit]
    return [_completed(part, plan, query, last) for part, plan in zip(parts, plans, strict=True)]


def _completed(part: _Part, plan: SegmentPlan, query: bytes, last: np.float32) -> _Part:
    asked = plan.search.limit
    while len(part.rows) == asked and part.scores[-1] >= last:
        asked *= TIE_FACTOR
        part = _Part(part.place, *plan.slot.search(query, plan.search._replace(limit=asked)))
    return part
