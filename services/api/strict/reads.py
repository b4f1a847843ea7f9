"""Reads under strict mode: checked once the collection is known, then charged."""

from services.api.strict.costs import listing_cost, search_cost
from services.api.strict.filters import check_filter
from services.api.strict.rates import Rates
from services.api.strict.refusals import check_limit, limits_of, refuse
from services.api.validate.point_reads import CountCall, FacetCall, RetrieveCall, ScrollCall
from services.api.validate.searches import SearchCall
from shared.log.position import ShardKey
from shared.schema.collections import UNNAMED, CollectionConfig, CollectionRecord
from shared.schema.strict_mode import StrictModeConfig


class ReadGuard:
    """Takes reads before they are sent to shards. Each method raises BadRequest, RateExceeded."""

    def __init__(self, rates: Rates) -> None:
        self._rates = rates

    def searches(self, record: CollectionRecord, calls: list[SearchCall], timeout_s: int | None) -> None:
        """Admit the searches of one request."""
        limits = limits_of(record)
        if limits is None:
            return
        check_limit("timeout", timeout_s, limits.max_timeout)
        check_limit("search batch size", len(calls), limits.search_max_batchsize)
        for call in calls:
            _check_search(call, record.config, limits)
        self._charge(record, limits, sum(map(search_cost, calls)))

    def scroll(self, record: CollectionRecord, call: ScrollCall, timeout_s: int | None) -> None:
        """Admit a scroll."""
        limits = limits_of(record)
        if limits is None:
            return
        check_limit("timeout", timeout_s, limits.max_timeout)
        check_limit("limit", call.limit, limits.max_query_limit)
        check_filter(call.filter, record.config, limits)
        self._charge(record, limits, listing_cost(call.filter))

    def count(self, record: CollectionRecord, call: CountCall, timeout_s: int | None) -> None:
        """Admit a count."""
        limits = limits_of(record)
        if limits is None:
            return
        check_limit("timeout", timeout_s, limits.max_timeout)
        check_filter(call.filter, record.config, limits)
        self._charge(record, limits, listing_cost(call.filter))

    def facet(self, record: CollectionRecord, call: FacetCall, timeout_s: int | None) -> None:
        """Admit a facet."""
        limits = limits_of(record)
        if limits is None:
            return
        check_limit("timeout", timeout_s, limits.max_timeout)
        check_limit("limit", call.limit, limits.max_query_limit)
        check_filter(call.filter, record.config, limits)
        self._charge(record, limits, listing_cost(call.filter))

    def retrieve(self, record: CollectionRecord, call: RetrieveCall, timeout_s: int | None) -> None:
        """Admit a reading of points by id: each id costs one."""
        limits = limits_of(record)
        if limits is None:
            return
        check_limit("timeout", timeout_s, limits.max_timeout)
        self._charge(record, limits, len(call.ids))

    def _charge(self, record: CollectionRecord, limits: StrictModeConfig, cost: int) -> None:
        """Charge every shard: a read asks them all."""
        if limits.read_rate_limit is not None:
            shards = range(record.config.shard_number)
            costs = {ShardKey(record.uuid, shard): cost for shard in shards}
            self._rates.take("Read", costs, limits.read_rate_limit)


def _check_search(call: SearchCall, config: CollectionConfig, limits: StrictModeConfig) -> None:
    check_limit("limit", call.limit, limits.max_query_limit)
    check_limit("hnsw_ef", call.params.hnsw_ef, limits.search_max_hnsw_ef)
    if call.params.quantization is not None:
        check_limit("oversampling", call.params.quantization.oversampling, limits.search_max_oversampling)
    check_filter(call.filter, config, limits)
    if call.idf is not None:
        check_filter(call.idf.corpus, config, limits)
    is_listing = call.vector is None and call.like is None
    if limits.search_allow_exact is False and not is_listing:
        _refuse_full_scan(call, config)


def _refuse_full_scan(call: SearchCall, config: CollectionConfig) -> None:
    if call.params.exact:
        refuse("Exact search disabled!", "Set exact=false.")
    if call.slot in config.vectors and config.hnsw_of(call.slot).m == 0:
        where = "" if call.slot == UNNAMED else f" on '{call.slot}'"
        refuse(
            f"Request is forbidden{where} because global vector indexing is disabled (hnsw_config.m = 0)",
            "Enable vector indexing, or the strict mode option `search_allow_exact`.",
        )
