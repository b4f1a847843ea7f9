"""Prometheus metrics: of requests, counted as they happen; of shards and jobs, asked for when scraped.

Names of the reference are kept where the meaning is the same (`collections_total`, `collection_points`,
`rest_responses_*`); ours begin with `shoal_`. Each api process counts its own requests.
"""

from collections.abc import Iterable
from typing import NamedTuple

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from services.api.status import Facts
from shared.schema.collections import CollectionRecord

_BUCKETS = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0)


class RouteMeter:
    """Counts the answers of one route."""

    def __init__(self, counter: Counter, histogram: Histogram, method: str, pattern: str) -> None:
        self._counter = counter
        self._method = method
        self._pattern = pattern
        self._histogram = histogram.labels(method, pattern)
        self._by_status: dict[int, Counter] = {}

    def observe(self, status: int, seconds: float) -> None:
        """Count one answer."""
        child = self._by_status.get(status)
        if child is None:
            child = self._by_status[status] = self._counter.labels(self._method, self._pattern, str(status))
        child.inc()
        self._histogram.observe(seconds)


class Metrics:
    """Takes observations, gives the text of `/metrics`."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        labels = ("method", "endpoint")
        self._responses = Counter("rest_responses", "Answers by status.", (*labels, "status"), registry=self._registry)
        self._seconds = Histogram(
            "rest_responses_duration_seconds", "Time to answer.", labels, buckets=_BUCKETS, registry=self._registry
        )

    def route(self, method: str, pattern: str) -> RouteMeter:
        """Return the meter of a route."""
        return RouteMeter(self._responses, self._seconds, method, pattern)

    def text(self, collections: "list[CollectionFacts]", version: str) -> bytes:
        """Return the text of a scrape."""
        scrape = CollectorRegistry()
        scrape.register(_Scrape(collections, version))
        return generate_latest(self._registry) + generate_latest(scrape)


class CollectionFacts(NamedTuple):
    """A collection and what is known of it."""

    record: CollectionRecord
    facts: Facts


_SHARD_COUNTERS = {
    "searches": ("shoal_searches", "Searches answered."),
    "search_seconds": ("shoal_search_seconds", "Time spent searching."),
    "reads": ("shoal_reads", "Other reads answered."),
    "read_seconds": ("shoal_read_seconds", "Time spent on other reads."),
    "operations_applied": ("shoal_operations_applied", "Operations applied."),
    "points_applied": ("shoal_points_applied", "Points written or deleted by operations."),
    "apply_seconds": ("shoal_apply_seconds", "Time spent applying."),
    "checkpoints": ("shoal_checkpoints", "Checkpoints published."),
    "checkpoint_seconds": ("shoal_checkpoint_seconds", "Time spent writing checkpoints."),
    "checkpoint_failures": ("shoal_checkpoint_failures", "Checkpoints that failed."),
    "swaps": ("shoal_swaps", "Built segments mounted in place of others."),
    "columns_built": ("shoal_columns_built", "Columns of payload indexes built, or opened in another place."),
    "column_failures": ("shoal_column_failures", "Columns of payload indexes that could not be built, each try."),
    "column_seconds": ("shoal_column_seconds", "Time spent on columns of payload indexes."),
}
_SHARD_GAUGES = {
    "log_waiting_bytes": ("shoal_log_waiting_bytes", "Log that awaits a checkpoint."),
    "waiting_calls": ("shoal_waiting_calls", "Calls that wait for a position."),
    "pending_swaps": ("shoal_pending_swaps", "Built segments that are being mounted."),
}
"""What a shard's `Describe` counts, by its own name: monotonic figures, and figures of the moment."""


class _Scrape(Collector):
    """Figures of collections at the time of a scrape."""

    def __init__(self, collections: list[CollectionFacts], version: str) -> None:
        self._collections = collections
        self._version = version

    def collect(self) -> Iterable[Metric]:
        about = GaugeMetricFamily("app_info", "About this server.", labels=("name", "version"))
        about.add_metric(("shoal", self._version), 1)
        yield about
        yield GaugeMetricFamily("collections_total", "Number of collections.", len(self._collections))
        yield from self._of_collections()
        yield from self._of_shards()

    def _of_collections(self) -> Iterable[Metric]:
        points = GaugeMetricFamily("collection_points", "Live points.", labels=("id",))
        indexed = GaugeMetricFamily("collection_indexed_vectors", "Vectors in a graph.", labels=("id",))
        jobs = GaugeMetricFamily("shoal_optimizer_jobs", "Optimizer jobs known.", labels=("collection", "state"))
        for record, facts in self._collections:
            shards = [shard for shard in facts.shards if shard is not None]
            points.add_metric((record.name,), sum(shard.points for shard in shards))
            segments = [segment for shard in shards for segment in shard.segments]
            indexed.add_metric((record.name,), sum(segment.indexed_vectors for segment in segments))
            for state in ("queued", "running", "done", "failed"):
                jobs.add_metric((record.name, state), sum(job.state == state for job in facts.jobs))
        yield from (points, indexed, jobs)

    def _of_shards(self) -> Iterable[Metric]:
        labels = ("collection", "shard")
        up = GaugeMetricFamily("shoal_shard_up", "1 while the shard answers.", labels=labels)
        lag = GaugeMetricFamily("shoal_log_lag_operations", "Operations logged and not yet applied.", labels=labels)
        segments = GaugeMetricFamily("shoal_segments", "Segments by state.", labels=(*labels, "state"))
        figures: dict[str, CounterMetricFamily | GaugeMetricFamily] = {
            **{name: CounterMetricFamily(*about, labels=labels) for name, about in _SHARD_COUNTERS.items()},
            **{name: GaugeMetricFamily(*about, labels=labels) for name, about in _SHARD_GAUGES.items()},
        }
        for record, facts in self._collections:
            for number, shard in enumerate(facts.shards):
                where = (record.name, str(number))
                up.add_metric(where, shard is not None)
                if shard is None:
                    continue
                if facts.heads is not None:
                    lag.add_metric(where, max(facts.heads[number] - shard.applied, 0))
                for state in sorted({segment.state for segment in shard.segments}):
                    segments.add_metric((*where, state), sum(each.state == state for each in shard.segments))
                for name in figures.keys() & shard.counters.keys():
                    figures[name].add_metric(where, shard.counters[name])
        yield from (up, lag, segments, *figures.values())
