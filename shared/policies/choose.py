"""The planner's one decision: which jobs a shard wants now. Pure; the optimizer does them, the api's status tells them.

Rows without a graph are cheap to search, so few large builds are better than many small ones, and no graph is built
that the next merge would throw away. Doing all plans at once leaves nothing to plan:
1. pool    segments that need something by themselves (needs.py). Where a graph is built anyway, all segments without
           one join, the appendable too unless it is tiny: after a bulk load its rows would cost every search a scan
2. pack    the pool into outputs of at most `max_segment_size`, in the order of their making. An input over the bound
           goes alone: it cannot be split. A group in which nothing is needed is left alone
3. merge   while more segments than `default_segment_number` would remain: put the smallest together, outputs of step 2
           like segments that were idle, while the result stays within `max_segment_size`
Under `indexing_threshold` 0 rows without a graph stay without one: they are put together among themselves.
"""

from collections.abc import Sequence
from typing import NamedTuple

from shared.policies.needs import APPENDABLE, INDEXED, SEALED, Need, Wishes, vector_bytes
from shared.policies.plan import Limits, Plan, segment_bytes_max, segments_max
from shared.schema.collections import CollectionConfig
from shared.schema.queries import SegmentSummary

JOIN_BYTES = 2**20
"""An appendable that holds so much joins a build that takes place anyway."""
KINDS = ("rebuild", "index", "vacuum", "merge")
REASONS_MAX = 3
"""So many segments are named in a plan's reason; the others are counted."""


class _Candidate(NamedTuple):
    segment: SegmentSummary
    needs: list[Need]
    size: int

    @property
    def is_bare(self) -> bool:
        """True for a sealed segment without any graph."""
        return self.segment.state == SEALED


class _Unit(NamedTuple):
    """What will be one segment: an idle one, or an output."""

    parts: list[_Candidate]
    is_planned: bool

    @property
    def size(self) -> int:
        return sum(part.size for part in self.parts)

    @property
    def order(self) -> tuple[int, str]:
        return self.size, self.parts[0].segment.segment_id


def choose(segments: Sequence[SegmentSummary], config: CollectionConfig, limits: Limits) -> list[Plan]:
    """Return the plans of one shard, disjoint. `max_optimization_threads` 0 switches all of them off."""
    return [] if is_off(config) else wanted(segments, config, limits)


def is_off(config: CollectionConfig) -> bool:
    """True where a collection is not to be optimized."""
    return config.optimizers_config.max_optimization_threads == 0


def wanted(segments: Sequence[SegmentSummary], config: CollectionConfig, limits: Limits) -> list[Plan]:
    """Return what `choose` would if optimization were not switched off."""
    wishes, bytes_max = Wishes(config), segment_bytes_max(config, limits)
    candidates = [
        _Candidate(segment, wishes.needs(segment), vector_bytes(segment))
        for segment in sorted(segments, key=lambda segment: segment.segment_id)
        if segment.state in (APPENDABLE, SEALED, INDEXED)
    ]
    outputs = _packed(_pool(candidates, wishes), bytes_max)
    planned = {part.segment.segment_id for unit in outputs for part in unit.parts}
    idle = [
        _Unit([candidate], is_planned=False)
        for candidate in candidates
        if candidate.segment.segment_id not in planned and candidate.segment.state != APPENDABLE
    ]
    units = _merged([*outputs, *idle], wishes, segments_max(config, limits), bytes_max)
    plans = [_plan(unit.parts, wishes) for unit in units if unit.is_planned]
    return sorted(plans, key=lambda plan: (KINDS.index(plan.kind), plan.inputs))


def _pool(candidates: list[_Candidate], wishes: Wishes) -> list[_Candidate]:
    """Return what is built, or could join a build."""
    needing = [candidate for candidate in candidates if candidate.needs]
    if not wishes.threshold_bytes or not any(wishes.graphs([candidate.segment]) for candidate in needing):
        return needing
    join_bytes = min(JOIN_BYTES, wishes.threshold_bytes)
    return [
        candidate
        for candidate in candidates
        if candidate.needs
        or candidate.is_bare
        or (candidate.segment.state == APPENDABLE and candidate.size > join_bytes)
    ]


def _packed(pool: list[_Candidate], bytes_max: int) -> list[_Unit]:
    """Return the outputs that the pool becomes."""
    groups: list[list[_Candidate]] = []
    room = 0
    for candidate in pool:
        if not groups or candidate.size > room:
            groups.append([])
            room = bytes_max
        groups[-1].append(candidate)
        room -= candidate.size
    return [_Unit(group, is_planned=True) for group in groups if any(candidate.needs for candidate in group)]


def _merged(units: list[_Unit], wishes: Wishes, count_max: int, bytes_max: int) -> list[_Unit]:
    """Return the units with the smallest put together, until few enough are left or no two fit."""
    surplus = len(units) - count_max
    if surplus <= 0:
        return units
    done: list[_Unit] = []
    open_units: dict[bool, _Unit] = {}
    for unit in sorted(units, key=lambda unit: unit.order):
        kind = not wishes.threshold_bytes and bool(wishes.graphs([part.segment for part in unit.parts]))
        last = open_units.get(kind)
        if surplus > 0 and last is not None and last.size + unit.size <= bytes_max:
            open_units[kind] = _Unit([*last.parts, *unit.parts], is_planned=True)
            surplus -= 1
        else:
            done += [last] if last is not None else []
            open_units[kind] = unit
    return [*done, *open_units.values()]


def _plan(parts: list[_Candidate], wishes: Wishes) -> Plan:
    parts = sorted(parts, key=lambda part: part.segment.segment_id)
    kinds = {need.kind for part in parts for need in part.needs}
    segments = [part.segment for part in parts]
    return Plan(
        kind=next((kind for kind in KINDS if kind in kinds), "merge"),
        inputs=[segment.segment_id for segment in segments],
        reason=_reason(parts),
        input_bytes=sum(part.size for part in parts),
        graphs=wishes.graphs(segments),
        seal_first=next((segment.segment_id for segment in segments if segment.state == APPENDABLE), ""),
    )


def _reason(parts: list[_Candidate]) -> str:
    needing = [part for part in parts if part.needs]
    if not needing:
        return f"{len(parts)} small segments become one: there are more than default_segment_number"
    told = [f"{_name(part)} {' and '.join(need.why for need in part.needs)}" for part in needing[:REASONS_MAX]]
    more = len(needing) - len(told)
    return "; ".join(told) + (f"; and {more} more segments" if more else "")


def _name(part: _Candidate) -> str:
    kind = "appendable" if part.segment.state == APPENDABLE else "segment"
    return f"{kind} {part.segment.segment_id}"
