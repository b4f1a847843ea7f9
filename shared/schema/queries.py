"""What the api asks of a shard, and what the shard answers. Travels as msgpack or as the objects themselves.

Scores inside Shoal: higher is better, always. Euclid and Manhattan travel as minus the distance; the api turns it.
Vectors travel as raw little-endian bytes, packed by the kind of their slot, in searches and hits alike:
- dense    float32 (dim,)
- multi    float32 (k, dim)
- sparse   uint32 (k,) indices, ascending and distinct, then float32 (k,) values
"""

import msgspec

from shared.schema.filters import Filter, Scalar
from shared.schema.operations import Outcome
from shared.schema.payload_index import FieldType
from shared.schema.segments import SlotBuild, SlotFigures


class PayloadSelector(msgspec.Struct, frozen=True, array_like=True):
    """Which part of the payload comes back. `include` and `exclude` are payload paths; None where not given."""

    enabled: bool = False
    include: list[str] | None = None
    exclude: list[str] | None = None


class VectorSelector(msgspec.Struct, frozen=True, array_like=True):
    """Which slots come back; `names` None is all of them."""

    enabled: bool = False
    names: list[str] | None = None


class QuantizationParams(msgspec.Struct, frozen=True, array_like=True):
    """How a search uses the codes of a quantization; without effect where a segment has none.

    ignore         search by raw vectors, as if there were no such codes
    rescore        raw vectors score what codes found; else scores are the codes' estimates
    oversampling   codes find at least so many times the limit before raw vectors choose among them
    """

    ignore: bool = False
    rescore: bool = True
    oversampling: float = 1.0


class SearchParams(msgspec.Struct, frozen=True, array_like=True):
    """How to search. `hnsw_ef` None is the default beam; `exact` reads every row; `indexed_only` skips the others."""

    hnsw_ef: int | None = None
    exact: bool = False
    indexed_only: bool = False
    quantization: QuantizationParams = QuantizationParams()


class Search(msgspec.Struct, frozen=True, array_like=True):
    """The `limit` best points by one vector of one slot. The api adds the offset to the limit, merges, cuts."""

    slot: str
    vector: bytes
    limit: int
    filter: Filter | None = None
    score_threshold: float | None = None
    """In the inside convention: hits score strictly above it."""
    params: SearchParams = SearchParams()
    with_payload: PayloadSelector = PayloadSelector()
    with_vector: VectorSelector = VectorSelector()
    full_scan_kb: int = 0
    """The slot's `full_scan_threshold`: so much of raw vectors, or less, is scanned and never walked for.

    Of a sparse slot so many vectors, and inverted lists are what is not used.
    """


class SearchBatch(msgspec.Struct, frozen=True, array_like=True, tag="search"):
    """Several searches, answered in order."""

    searches: list[Search]


class Retrieve(msgspec.Struct, frozen=True, array_like=True, tag="retrieve"):
    """Points by id, in the order asked; missing ones are left out."""

    ids: list[int | bytes]
    with_payload: PayloadSelector
    with_vector: VectorSelector


class OrderBy(msgspec.Struct, frozen=True, array_like=True):
    """Order by the values at a payload path; equal ones by id. A point comes once for each of its values.

    is_date      values are texts that are dates, compared as microseconds since 1970; else they are numbers
    start_from   the first value, inclusive, in the direction of the order
    is_whole     of numbers only those without a fraction, as integers: by an integer index
    """

    key: str
    is_date: bool = False
    is_descending: bool = False
    start_from: int | float | None = None
    is_whole: bool = False


class Scroll(msgspec.Struct, frozen=True, array_like=True, tag="scroll"):
    """The `limit` first points by id, from `offset` (inclusive) on, that the filter keeps; or by `order_by`."""

    offset: int | bytes | None
    limit: int
    filter: Filter | None
    with_payload: PayloadSelector
    with_vector: VectorSelector
    order_by: OrderBy | None = None


class Count(msgspec.Struct, frozen=True, array_like=True, tag="count"):
    """How many points the filter keeps."""

    filter: Filter | None
    exact: bool = True


class Facet(msgspec.Struct, frozen=True, array_like=True, tag="facet"):
    """How many points that the filter keeps have each value at a payload path: the `limit` most frequent ones.

    Equal counts are ordered by value. A point counts once for each distinct value that it has. Counts are exact,
    whatever `exact` says.

    index_type  of the index at the path: only values of its type count; UUIDs in whatever form they were written
    at_least    0, or all values with so many points are wanted, however many values these are
    among       None, or just these values are wanted, all of them
    """

    key: str
    limit: int
    filter: Filter | None
    exact: bool = False
    index_type: FieldType = FieldType.KEYWORD
    at_least: int = 0
    among: list[Scalar] | None = None


class Terms(msgspec.Struct, frozen=True, array_like=True):
    """Indices of a sparse slot, and the points among which they are counted.

    indices   uint32 (k,), ascending and distinct
    corpus    None: all points
    """

    slot: str
    indices: bytes
    corpus: Filter | None = None


class TermStats(msgspec.Struct, frozen=True, array_like=True, tag="terms"):
    """How common indices of sparse slots are, for weights by inverse document frequency."""

    terms: list[Terms]


class Describe(msgspec.Struct, frozen=True, array_like=True, tag="describe"):
    """Counts, segments and positions of the shard; with `indexed_points` the points of its payload indexes too."""

    indexed_points: bool = False


class AwaitApplied(msgspec.Struct, frozen=True, array_like=True, tag="await"):
    """Wait until the positions are applied and give their outcomes."""

    positions: list[int]


Read = SearchBatch | Retrieve | Scroll | Count | Facet | TermStats | Describe | AwaitApplied


class ShardRequest(msgspec.Struct, frozen=True, array_like=True):
    """One call to one shard.

    min_position  the shard answers once it has applied this position (0: at once)
    timeout_s     how long it may wait for that; then TimedOut
    """

    collection: str
    """UUID, hyphenated."""
    shard: int
    read: Read
    min_position: int = 0
    timeout_s: float = 60.0


class Hit(msgspec.Struct, frozen=True, array_like=True):
    """One point of an answer. `score` is 0 where nothing was ranked; `payload` is JSON text; None where not asked."""

    id: int | bytes
    version: int
    score: float
    payload: bytes | None = None
    vectors: dict[str, bytes] | None = None
    order_value: int | float | None = None
    """What the point was ordered by, where `order_by` asked for it."""


class SearchReply(msgspec.Struct, frozen=True, array_like=True, tag="search"):
    """One list of hits for each search, best first; ties: lower id first."""

    results: list[list[Hit]]


class PointsReply(msgspec.Struct, frozen=True, array_like=True, tag="points"):
    """Points of a retrieve or a scroll."""

    points: list[Hit]


class CountReply(msgspec.Struct, frozen=True, array_like=True, tag="count"):
    """The number of points."""

    count: int


class FacetReply(msgspec.Struct, frozen=True, array_like=True, tag="facet"):
    """Values and their numbers of points, the most frequent first."""

    values: list[tuple[Scalar, int]]


class TermCounts(msgspec.Struct, frozen=True, array_like=True):
    """points: those of the corpus that carry the slot;  counts: how many of them hold each index."""

    points: int
    counts: list[int]


class TermStatsReply(msgspec.Struct, frozen=True, array_like=True, tag="terms"):
    """Counts in the order asked."""

    terms: list[TermCounts]


class AppliedReply(msgspec.Struct, frozen=True, array_like=True, tag="applied"):
    """Outcomes in the order of the positions asked."""

    outcomes: list[Outcome]


class SegmentSummary(msgspec.Struct, frozen=True, array_like=True):
    """One segment as others see it. Sizes in bytes."""

    segment_id: str
    state: str
    """appendable, sealed, indexed, quarantined."""
    rows: int
    live: int
    vectors: int
    """Live vectors over all slots."""
    largest_slot_bytes: int
    """Raw bytes, as stored, of the live rows of its largest slot: what `indexing_threshold` is compared with."""
    indexed_vectors: int = 0
    recall: float | None = None
    reason: str = ""
    slots: dict[str, SlotFigures] = {}
    built: dict[str, SlotBuild] = {}
    """What the optimizer's output was built with, by slot; empty for a segment that was sealed as it was."""
    payload_bytes: int = 0
    """Bytes of all payloads that are stored, those of dead rows too."""


class DescribeReply(msgspec.Struct, frozen=True, array_like=True, tag="describe"):
    """A shard's figures.

    applied, checkpoint   positions
    counters              monotonic figures for metrics: searches, search_seconds, operations_applied, …
    """

    applied: int
    checkpoint: int
    points: int
    segments: list[SegmentSummary]
    config_generation: int
    counters: dict[str, float]
    reason: str = ""
    """Why the shard is quarantined; empty when it is not."""
    beginning: str = ""
    """How far a shard is with the points of the collection that it begins with; empty when it is not beginning."""
    indexed_points: dict[str, int] = {}
    """For each declared payload index, the live points that have a value of its type; empty unless asked for."""
    unbuilt_columns: int = 0
    """Columns of declared payload indexes that are not built yet, over all sealed segments."""
    unbuilt_paths: list[str] = []
    """The paths of those indexes."""
    column_failures: dict[str, str] = {}
    """By path, why columns of a payload index are not as they should be; they are tried again by themselves."""


Reply = SearchReply | PointsReply | CountReply | FacetReply | TermStatsReply | AppliedReply | DescribeReply
