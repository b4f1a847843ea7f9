"""What is known of a segment's slots beside their rows: figures, and what each was built with.

A slot's build is the text of what its graph and its codes were made from. The same texts are made of a config
(`builds_of`), so that a segment is out of date where the two differ. What only places data (on disk or in memory) or
only steers searches is not part of it: such a change needs no rebuild. The order of the rows is the same for all slots
of a segment, and is noted with each.
"""

import msgspec

from shared.schema.collections import CollectionConfig, HnswConfig
from shared.schema.quantization import Binary, BinaryEncoding, Product, QuantizationConfig, Scalar
from shared.schema.row_order import RowOrder, group_m, row_order_of


class SlotFigures(msgspec.Struct, frozen=True, array_like=True):
    """Live vectors of one slot, and the bytes of their rows without codes."""

    vectors: int
    bytes: int


class SlotBuild(msgspec.Struct, frozen=True, array_like=True):
    """What a slot of a built segment was asked to have. Empty texts: no graph, the built-in codes.

    groups   the graphs of blocks of rows with one value
    order    by what field the rows lie
    """

    graph: str = ""
    codes: str = ""
    groups: str = ""
    order: str = ""

    @property
    def has_graph(self) -> bool:
        """True where searches may walk: the graph over all rows, or those of blocks."""
        return bool(self.graph or self.groups)


def build_of(hnsw: HnswConfig, quantization: QuantizationConfig | None, order: RowOrder | None = None) -> SlotBuild:
    """Return the build that a slot asks for."""
    codes = "" if quantization is None else _codes(quantization)
    return SlotBuild(_graph(hnsw), codes, _groups(hnsw, order), "" if order is None else order.text)


def builds_of(config: CollectionConfig) -> dict[str, SlotBuild]:
    """Return what each slot of a config asks for; sparse slots ask for nothing. Multivectors have no graph."""
    order, builds = row_order_of(config), {}
    for name, params in config.vectors.items():
        build = build_of(config.hnsw_of(name), config.quantization_of(name), order)
        is_dense = params.multivector_config is None
        builds[name] = build if is_dense else SlotBuild("", build.codes, "", build.order)
    return builds


def has_graph(slot: str, state: str, built: dict[str, SlotBuild]) -> bool:
    """Return whether a slot has a graph. A segment indexed before builds were recorded has one in each slot."""
    if state != "indexed":
        return False
    return built[slot].has_graph if slot in built else not built


def indexed_vectors(state: str, slots: dict[str, SlotFigures], built: dict[str, SlotBuild]) -> int:
    """Return how many live vectors are in graphs."""
    return sum(figures.vectors for slot, figures in slots.items() if has_graph(slot, state, built))


def _graph(hnsw: HnswConfig) -> str:
    return f"m={hnsw.m} ef_construct={hnsw.ef_construct}" if hnsw.m > 0 else ""


def _groups(hnsw: HnswConfig, order: RowOrder | None) -> str:
    links = group_m(hnsw, order)
    over = hnsw.full_scan_threshold
    return f"payload_m={links} ef_construct={hnsw.ef_construct} over {over} kB" if links > 0 else ""


def _codes(quantization: QuantizationConfig) -> str:
    match quantization.kind:
        case Scalar(type=kind, quantile=quantile):
            return f"scalar {kind}" if quantile is None else f"scalar {kind} quantile={quantile!r}"
        case Product(compression=compression):
            return f"product {compression}"
        case Binary(encoding=encoding):
            return f"binary {encoding or BinaryEncoding.ONE_BIT}"
