"""What one segment needs by itself: an index, a rebuild, a vacuum, or nothing. Pure.

index     it has no graph (or none of the codes that its config asks for) in a slot over `indexing_threshold` kB;
          0 is never
rebuild   an output of the optimizer was built with another graph or other codes than the config asks for, or keeps a
          slot that is gone, or its rows lie in another order. A slot that was built without a graph is not rebuilt for
          a new graph config.
vacuum    its deleted share is above `deleted_threshold` and it has `vacuum_min_vector_number` rows, or no row lives
"""

from typing import NamedTuple

from shared.policies.plan import size_text
from shared.schema import segments
from shared.schema.collections import UNNAMED, CollectionConfig
from shared.schema.queries import SegmentSummary
from shared.schema.segments import SlotBuild, builds_of

APPENDABLE, SEALED, INDEXED = "appendable", "sealed", "indexed"


class Need(NamedTuple):
    """What a segment needs, and why in words that go on after its name."""

    kind: str
    why: str


class Wishes:
    """A config, read once for many segments."""

    def __init__(self, config: CollectionConfig) -> None:
        self._config = config
        self._builds = builds_of(config)
        self._threshold_bytes = config.optimizers_config.indexing_threshold * 1024

    @property
    def threshold_bytes(self) -> int:
        """`indexing_threshold` in bytes; 0: nothing is indexed."""
        return self._threshold_bytes

    def needs(self, segment: SegmentSummary) -> list[Need]:
        """Return what a segment needs."""
        if segment.state not in (APPENDABLE, SEALED, INDEXED):
            return []
        found = (self._rebuild(segment), self._index(segment), self._vacuum(segment))
        return [need for need in found if need is not None]

    def graphs(self, inputs: list[SegmentSummary]) -> list[str]:
        """Return the slots of an output that get a graph: over the threshold together, or an input had one."""
        return [slot for slot, build in self._builds.items() if build.has_graph and self._has_graph_then(slot, inputs)]

    def _has_graph_then(self, slot: str, inputs: list[SegmentSummary]) -> bool:
        if any(has_graph(segment, slot) for segment in inputs):
            return True
        held = sum(slot_bytes(segment, slot) for segment in inputs)
        return 0 < self._threshold_bytes < held

    def _index(self, segment: SegmentSummary) -> Need | None:
        lacking = [slot for slot, build in self._builds.items() if self._lacks(segment, slot, build)]
        if not lacking:
            return None
        slot = max(lacking, key=lambda name: slot_bytes(segment, name))
        what = _lacking(self._builds[slot])
        held, threshold = size_text(slot_bytes(segment, slot)), size_text(self._threshold_bytes)
        return Need("index", f"holds {held} without {what}, threshold {threshold}")

    def _lacks(self, segment: SegmentSummary, slot: str, wanted: SlotBuild) -> bool:
        if not 0 < self._threshold_bytes < slot_bytes(segment, slot) or has_graph(segment, slot):
            return False
        built = segment.built.get(slot)
        return wanted.has_graph or (built is None and bool(wanted.codes or wanted.order))

    def _rebuild(self, segment: SegmentSummary) -> Need | None:
        for slot, built in segment.built.items():
            if not self._config.has_slot(slot):
                return Need("rebuild", f"keeps vectors of the slot {slot!r} that is gone")
            wanted = self._builds.get(slot)
            if wanted is None or not slot_bytes(segment, slot):
                continue
            if built.has_graph and (built.graph, built.groups) != (wanted.graph, wanted.groups):
                return Need("rebuild", f"{_of(slot)}has the graph {_graphs(built)}, wanted {_graphs(wanted)}")
            if built.order != wanted.order:
                had, want = built.order or "no field", wanted.order or "no field"
                return Need("rebuild", f"{_of(slot)}has its rows in the order of {had}, wanted {want}")
            if built.codes != wanted.codes:
                had, want = built.codes or "built-in codes", wanted.codes or "built-in codes"
                return Need("rebuild", f"{_of(slot)}has {had}, wanted {want}")
        return None

    def _vacuum(self, segment: SegmentSummary) -> Need | None:
        config, dead = self._config.optimizers_config, segment.rows - segment.live
        if not dead:
            return None
        is_empty = segment.live == 0 and segment.state != APPENDABLE
        is_littered = dead > config.deleted_threshold * segment.rows and segment.rows >= config.vacuum_min_vector_number
        return Need("vacuum", f"has {dead} deleted of {segment.rows} rows") if is_empty or is_littered else None


def slot_bytes(segment: SegmentSummary, slot: str) -> int:
    """Return the bytes of a slot's live vectors."""
    figures = segment.slots.get(slot)
    return figures.bytes if figures is not None else 0


def vector_bytes(segment: SegmentSummary) -> int:
    """Return the bytes of the live vectors of all slots: what `max_segment_size` bounds."""
    return sum(figures.bytes for figures in segment.slots.values())


def has_graph(segment: SegmentSummary, slot: str) -> bool:
    """True where a slot of a segment has a graph."""
    return segments.has_graph(slot, segment.state, segment.built)


def _lacking(build: SlotBuild) -> str:
    if build.has_graph:
        return "a graph"
    return "its codes" if build.codes else f"its rows in the order of {build.order}"


def _graphs(build: SlotBuild) -> str:
    """Return what searches walk."""
    return " with groups ".join(text for text in (build.graph, build.groups) if text) or "none"


def _of(slot: str) -> str:
    return "" if slot == UNNAMED else f"in slot {slot!r} "
