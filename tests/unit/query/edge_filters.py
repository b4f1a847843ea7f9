"""Answers filters with qdrant_edge, the original's engine: one JSON question a line in, one line of answers out.

Runs in an environment that has qdrant_edge and nothing of ours; compare_with_edge.py starts it.

question   {"payloads": [...], "filters": [...], "indexes": {key: type}}
answer     for each filter the kept places of payloads, or the text of what edge refused it with
"""

import json
import shutil
import sys
import tempfile
import uuid

import qdrant_edge as edge

MATCHES = {
    "value": edge.MatchValue,
    "any": edge.MatchAny,
    "except": edge.MatchExcept,
    "text": edge.MatchText,
    "text_any": edge.MatchTextAny,
    "phrase": edge.MatchPhrase,
    "prefix": edge.MatchPrefix,
}
CLAUSES = ("must", "should", "must_not", "min_should")


def condition(wire):
    if any(clause in wire for clause in CLAUSES):
        return clauses(wire)
    if "has_id" in wire:
        return edge.HasIdCondition({one if isinstance(one, int) else uuid.UUID(one) for one in wire["has_id"]})
    if "has_vector" in wire:
        return edge.HasVectorCondition(wire["has_vector"])
    if "slice" in wire:
        return edge.SliceCondition(wire["slice"]["total"], wire["slice"]["index"])
    if "nested" in wire:
        return edge.NestedCondition(wire["nested"]["key"], clauses(wire["nested"]["filter"]))
    if "key" not in wire:
        [(kind, of)] = wire.items()
        return {"is_empty": edge.IsEmptyCondition, "is_null": edge.IsNullCondition}[kind](of["key"])
    return edge.FieldCondition(
        wire["key"], **{name: TESTS[name](given) for name, given in wire.items() if name != "key"}
    )


def clauses(wire):
    lists = {name: [condition(one) for one in wire.get(name, [])] for name in CLAUSES[:3]}
    least = wire.get("min_should")
    if least is not None:
        least = edge.MinShould([condition(one) for one in least["conditions"]], least["min_count"])
    return edge.Filter(**lists, min_should=least)


def match(wire):
    [(name, wanted)] = wire.items()
    return MATCHES[name](wanted)


def bounds(wire):
    is_date = any(isinstance(bound, str) for bound in wire.values())
    return (edge.RangeDateTime if is_date else edge.RangeFloat)(**wire)


def place(wire):
    return edge.GeoPoint(wire["lon"], wire["lat"])


def ring(wire):
    return [place(point) for point in wire["points"]]


TESTS = {
    "match": match,
    "range": bounds,
    "values_count": lambda wire: edge.ValuesCount(**wire),
    "is_empty": bool,
    "is_null": bool,
    "geo_bounding_box": lambda wire: edge.GeoBoundingBox(place(wire["top_left"]), place(wire["bottom_right"])),
    "geo_radius": lambda wire: edge.GeoRadius(place(wire["center"]), wire["radius"]),
    "geo_polygon": lambda wire: edge.GeoPolygon(
        ring(wire["exterior"]), [ring(hole) for hole in wire["interiors"]] or None
    ),
}


class Asked:
    """A shard with the payloads of a question as points 0, 1, …, each with the unnamed vector."""

    def __init__(self, payloads, indexes):
        self.directory = tempfile.mkdtemp(prefix="edge-filters-")
        shutil.rmtree(self.directory)
        vector = edge.EdgeVectorParams(size=1, distance=edge.Distance.Dot)
        self.shard = edge.EdgeShard.create(self.directory, edge.EdgeConfig(vectors=vector))
        points = [edge.Point(number, [1.0], payload) for number, payload in enumerate(payloads)]
        self.shard.update(edge.UpdateOperation.upsert_points(points))
        for key, kind in indexes.items():
            schema = getattr(edge.PayloadSchemaType, kind.capitalize())
            self.shard.update(edge.UpdateOperation.create_field_index(key, schema))

    def kept(self, wire):
        try:
            request = edge.ScrollRequest(limit=1000, filter=clauses(wire), with_payload=False, with_vector=False)
            return sorted(record.id for record in self.shard.scroll(request)[0])
        except Exception as error:
            return str(error)

    def close(self):
        self.shard.close()
        shutil.rmtree(self.directory, ignore_errors=True)


if __name__ == "__main__":
    for line in sys.stdin:
        question = json.loads(line)
        asked = Asked(question["payloads"], question["indexes"])
        sys.stdout.write(json.dumps([asked.kept(wire) for wire in question["filters"]]) + "\n")
        sys.stdout.flush()
        asked.close()
