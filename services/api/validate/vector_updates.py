"""Bodies that replace vectors of points: the points of an upsert without payloads, where a repeated id adds vectors."""

from services.api.validate.filters import FilterLimits
from services.api.validate.given import Given
from services.api.validate.packing import PackedPart, PackedPoints, Points, Vectors, split_points
from services.api.validate.quick_points import quick_points
from services.api.validate.upserts import FILTERS, check_number, check_vectors, choice_of, decoded_points
from shared.errors import BadFormat, Invalid
from shared.schema.collections import UNNAMED
from shared.schema.operations import UpdateVectors
from shared.schema.points import PointId, parse_point_id


def parse_update_vectors(body: bytes, points_max: int, filters: FilterLimits = FILTERS) -> Points:
    """Return the points of a body with distinct ids: of vectors with the same id and name the last one."""
    quick = quick_points(body)
    if quick is not None and 0 < len(quick.ids) <= points_max and all(map(len, quick.vectors)):
        return joined_vectors(Points(*quick))
    wire, is_dense = decoded_points(body)
    if wire.points is None:
        raise BadFormat("missing field `points`")
    if not wire.points:
        raise Invalid("points: must specify points to update")
    check_number(len(wire.points), points_max)
    ids: list[PointId] = []
    vectors: list[Vectors] = []
    for place, point in enumerate(wire.points):
        found = point.vector if point.vector is not None else point.vectors
        if found is None:
            raise BadFormat(f"points[{place}]: missing field `vector`")
        if not found:
            raise Invalid(f"points[{place}].vector: must specify vectors to update for point")
        ids.append(parse_point_id(point.id))
        vectors.append(found)
    check_vectors(vectors, is_dense=is_dense)
    return joined_vectors(Points(ids, vectors, [], choice_of(wire, filters)))


def joined_vectors(points: Points) -> Points:
    """Return points with distinct ids and the vectors that each is given, the last of those of one name."""
    ids, vectors = points.ids, points.vectors
    if len(set(ids)) < len(ids):
        named: dict[PointId, dict[str, Given]] = {}
        for point_id, found in zip(ids, vectors, strict=True):
            named.setdefault(point_id, {}).update(found if isinstance(found, dict) else {UNNAMED: found})
        ids, vectors = list(named), list(named.values())
    return Points(ids, vectors, [b""] * len(ids), points.choice)


def split_vector_updates(packed: PackedPoints, shard_number: int) -> dict[int, list[UpdateVectors]]:
    """Return the operations of each shard that holds some of the points."""
    update_filter = packed.choice.update_filter

    def update(part: PackedPart) -> UpdateVectors:
        return UpdateVectors(part.ids, part.slots, update_filter)

    return split_points(packed, shard_number, update)
