"""Scrolling by a payload value over the shards of a collection. There is no next page: `start_from` begins another."""

from services.api.needed_indexes import range_type
from services.api.shards import Asking, Shards
from services.api.validate.point_reads import ScrollCall
from shared.errors import BadInput
from shared.query.merge import merge_ordered
from shared.schema.collections import CollectionRecord
from shared.schema.payload_index import FieldType
from shared.schema.queries import Hit, OrderBy, PointsReply, Scroll

_NO_OFFSET = (
    "Cannot use an `offset` when using `order_by`. The alternative for paging is to use `order_by.start_from` and a "
    "filter to exclude the IDs that you've already seen for the `order_by.start_from` value"
)


async def ordered(shards: Shards, record: CollectionRecord, call: ScrollCall, asking: Asking) -> list[Hit]:
    """Return the first points by value. Raises BadInput without a range index, and what asking raises."""
    wanted = call.order_by
    assert wanted is not None, "without an order points are listed by id"
    if call.offset is not None:
        raise BadInput(_NO_OFFSET)
    values = range_type(record.config, wanted.key)
    order = OrderBy(
        wanted.key,
        is_date=values is FieldType.DATETIME,
        is_descending=wanted.is_descending,
        start_from=wanted.start_from,
        is_whole=values is FieldType.INTEGER,
    )
    read = Scroll(None, call.limit, call.filter, call.with_payload, call.with_vector, order)
    replies = await shards.ask_all(record, read, PointsReply, asking)
    return merge_ordered([reply.points for reply in replies], call.limit, is_descending=wanted.is_descending)
