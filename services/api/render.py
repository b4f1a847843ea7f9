"""Hits as the wire shows them. Scores and vectors stay float32, payloads stay the text that they are."""

from typing import Any

import numpy as np
import orjson

from services.api.reads import Page, Ranking
from shared.schema.collections import UNNAMED, CollectionConfig
from shared.schema.points import format_point_id
from shared.schema.queries import Hit

LISTED_SCORE = np.float32(1.0)
"""The score of points that were listed, not ranked."""


def render_ranking(ranking: Ranking, config: CollectionConfig) -> list[dict[str, Any]]:
    """Return scored points, best first. Euclid and Manhattan show the distance, not its negative."""
    distance = ranking.distance
    if distance is None:
        return [_point(hit, config, {"version": 0, "score": LISTED_SCORE}) for hit in ranking.hits]
    scores = np.array([hit.score for hit in ranking.hits], np.float32)
    if not distance.is_similarity:
        scores = np.float32(0.0) - scores
    return [
        _point(hit, config, {"version": hit.version, "score": score})
        for hit, score in zip(ranking.hits, scores, strict=True)
    ]


def render_records(points: list[Hit], config: CollectionConfig) -> list[dict[str, Any]]:
    """Return points without a score."""
    return [_point(point, config, {}) for point in points]


def render_page(page: Page, config: CollectionConfig) -> dict[str, Any]:
    """Return the result of a scroll."""
    offset = None if page.next_offset is None else format_point_id(page.next_offset)
    return {"points": render_records(page.points, config), "next_page_offset": offset}


def _point(hit: Hit, config: CollectionConfig, ranked: dict[str, Any]) -> dict[str, Any]:
    shown = {"id": format_point_id(hit.id), **ranked}
    if hit.payload is not None:
        shown["payload"] = orjson.Fragment(hit.payload or b"{}")
    if hit.order_value is not None:
        shown["order_value"] = hit.order_value
    if hit.vectors is not None:
        shown["vector"] = _vectors(hit.vectors, config)
    return shown


def _vectors(vectors: dict[str, bytes], config: CollectionConfig) -> Any:
    shown = {name: _vector(raw, name, config) for name, raw in vectors.items()}
    return shown[UNNAMED] if list(shown) == [UNNAMED] else shown


def _vector(raw: bytes, name: str, config: CollectionConfig) -> Any:
    """Return one vector by the kind of its slot. See `Hit.vectors` for the bytes."""
    params = config.vectors.get(name)
    if params is None:
        count = len(raw) // 8
        return {"indices": np.frombuffer(raw, "<u4", count), "values": np.frombuffer(raw, "<f4", count, 4 * count)}
    values = np.frombuffer(raw, "<f4")
    return values if params.multivector_config is None else values.reshape(-1, params.size)
