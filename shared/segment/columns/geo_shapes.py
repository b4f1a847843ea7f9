"""Which points lie in a box, a circle or a polygon: over arrays of coordinates, and for one point in plain Python.

A box and a polygon are strict: their borders are outside, those of a polygon's holes too. A box whose left edge is east
of its right one goes over the antimeridian; polygons do not. Distances are haversine on a sphere of the mean radius. A
point is within a ring when the ring winds around it (winding number, Sunday 2001). Where rounding leaves open on which
side of an edge a point lies, the side is computed exactly.
"""

import itertools
import math
from fractions import Fraction
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from shared.schema.filters import GeoBox, GeoPolygon, GeoRadius, LonLat

Shape = GeoBox | GeoRadius | GeoPolygon
Degrees = npt.NDArray[np.float64]
Marks = npt.NDArray[np.bool_]

EARTH_RADIUS_M = 6_371_008.8
"""The mean radius of the reference, (2a + b) / 3 of WGS 84."""

_ROUNDING = 4 * float(np.finfo(np.float64).eps)
"""Relative error of the difference of two products, with room to spare (Shewchuk 1997)."""

_WIDER = 1e-9
"""Degrees that bounds of a circle are widened by: they only have to hold every point within."""


class Bounds(NamedTuple):
    """A range of latitudes and ranges of longitudes [west, east] that hold every point of a shape; degrees."""

    south: float
    north: float
    spans: tuple[tuple[float, float], ...]


def bounds_of(shape: Shape) -> Bounds:
    """Return bounds of a shape, over the usual longitudes -180 to 180."""
    if isinstance(shape, GeoBox):
        return Bounds(shape.bottom, shape.top, _spans(shape.left, shape.right))
    if isinstance(shape, GeoRadius):
        return _circle_bounds(shape)
    lons, lats = zip(*shape.exterior, strict=True)
    return Bounds(min(lats), max(lats), ((min(lons), max(lons)),))


def points_within(shape: Shape, lons: Degrees, lats: Degrees) -> Marks:
    """Return which points lie in the shape."""
    if isinstance(shape, GeoBox):
        return _within_box(shape, lons, lats)
    if isinstance(shape, GeoRadius):
        return np.asarray(_distances(shape.center, lons, lats) < shape.radius_m, np.bool_)
    found: Marks = _winding(shape.exterior, lons, lats) == _INSIDE
    for hole in shape.interiors:
        found[found] = _winding(hole, lons[found], lats[found]) == _OUTSIDE
    return found


def is_within(shape: Shape, lon: float, lat: float) -> bool:
    """Return whether one point lies in the shape: the definition, without arrays."""
    if isinstance(shape, GeoBox):
        wraps = shape.left > shape.right
        is_between = lon > shape.left or lon < shape.right if wraps else shape.left < lon < shape.right
        return is_between and shape.bottom < lat < shape.top
    if isinstance(shape, GeoRadius):
        return _distance(shape.center, lon, lat) < shape.radius_m
    if _place(shape.exterior, lon, lat) != _INSIDE:
        return False
    return all(_place(hole, lon, lat) == _OUTSIDE for hole in shape.interiors)


def _spans(left: float, right: float) -> tuple[tuple[float, float], ...]:
    return ((left, right),) if left <= right else ((left, 180.0), (-180.0, right))


def _circle_bounds(circle: GeoRadius) -> Bounds:
    """Bounds of a circle on the sphere: one that reaches a pole has all longitudes."""
    (lon, lat), angle = circle.center, max(circle.radius_m, 0.0) / EARTH_RADIUS_M
    south, north = lat - math.degrees(angle) - _WIDER, lat + math.degrees(angle) + _WIDER
    if south <= -90 or north >= 90 or angle >= math.pi / 2:
        return Bounds(max(south, -90.0), min(north, 90.0), ((-180.0, 180.0),))
    reach = math.degrees(math.asin(min(1.0, math.sin(angle) / math.cos(math.radians(lat))))) + _WIDER
    west, east = lon - reach, lon + reach
    if reach >= 180:
        return Bounds(south, north, ((-180.0, 180.0),))
    if west < -180:
        return Bounds(south, north, ((west + 360, 180.0), (-180.0, east)))
    if east > 180:
        return Bounds(south, north, ((west, 180.0), (-180.0, east - 360)))
    return Bounds(south, north, ((west, east),))


def _within_box(box: GeoBox, lons: Degrees, lats: Degrees) -> Marks:
    is_east, is_west = lons > box.left, lons < box.right
    found = is_east | is_west if box.left > box.right else is_east & is_west
    return np.asarray(found & (lats > box.bottom) & (lats < box.top))


def _distances(center: LonLat, lons: Degrees, lats: Degrees) -> Degrees:
    lon, lat = center
    with np.errstate(all="ignore"):
        across = np.sin(np.radians(lons - lon) / 2)
        along = np.sin(np.radians(lats - lat) / 2)
        part = along * along + math.cos(math.radians(lat)) * np.cos(np.radians(lats)) * across * across
        return np.asarray(2 * EARTH_RADIUS_M * np.arcsin(np.sqrt(np.minimum(part, 1.0))))


def _distance(center: LonLat, lon: float, lat: float) -> float:
    if not (math.isfinite(lon) and math.isfinite(lat)):
        return math.nan
    across, along = math.sin(math.radians(lon - center[0]) / 2), math.sin(math.radians(lat - center[1]) / 2)
    part = along**2 + math.cos(math.radians(center[1])) * math.cos(math.radians(lat)) * across**2
    return 2 * EARTH_RADIUS_M * math.asin(math.sqrt(min(max(part, 0.0), 1.0)))


_OUTSIDE, _INSIDE, _BORDER = 0, 1, 2


def _winding(ring: list[LonLat], lons: Degrees, lats: Degrees) -> npt.NDArray[np.int8]:
    """Return where points lie relative to a closed ring: outside, inside or on its border."""
    turns = np.zeros(len(lons), np.int32)
    on_border = np.zeros(len(lons), np.bool_)
    for (from_lon, from_lat), (to_lon, to_lat) in itertools.pairwise(ring):
        low, high = min(from_lat, to_lat), max(from_lat, to_lat)
        near = np.flatnonzero((lats >= low) & (lats <= high))
        if not len(near):
            continue
        near_lons, near_lats = lons[near], lats[near]
        sides = _sides((from_lon, from_lat), (to_lon, to_lat), near_lons, near_lats)
        is_between = (near_lons >= min(from_lon, to_lon)) & (near_lons <= max(from_lon, to_lon))
        on_border[near[(sides == 0) & is_between]] = True
        if to_lat > from_lat:
            turns[near[(near_lats < to_lat) & (sides > 0)]] += 1
        elif to_lat < from_lat:
            turns[near[(near_lats < from_lat) & (sides < 0)]] -= 1
    return np.where(on_border, _BORDER, np.where(turns != 0, _INSIDE, _OUTSIDE)).astype(np.int8)


def _sides(start: LonLat, end: LonLat, lons: Degrees, lats: Degrees) -> npt.NDArray[np.int8]:
    """Return 1 for points left of the line from start to end, -1 right of it, 0 on it."""
    with np.errstate(all="ignore"):
        ahead = (end[0] - start[0]) * (lats - start[1])
        beside = (end[1] - start[1]) * (lons - start[0])
        sides = np.sign(ahead - beside)
        is_open = np.abs(ahead - beside) <= _ROUNDING * (np.abs(ahead) + np.abs(beside))
    for place in np.flatnonzero(is_open & np.isfinite(lons)).tolist():
        sides[place] = _side(start, end, float(lons[place]), float(lats[place]))
    return np.asarray(sides, np.int8)


def _side(start: LonLat, end: LonLat, lon: float, lat: float) -> int:
    (from_lon, from_lat), (to_lon, to_lat) = map(_exact, start), map(_exact, end)
    ahead = (to_lon - from_lon) * (_exact(lat) - from_lat)
    beside = (to_lat - from_lat) * (_exact(lon) - from_lon)
    return (ahead > beside) - (ahead < beside)


def _exact(degrees: float) -> Fraction:
    return Fraction(degrees)


def _place(ring: list[LonLat], lon: float, lat: float) -> int:
    """Return where one point lies relative to a closed ring."""
    if not (math.isfinite(lon) and math.isfinite(lat)):
        return _OUTSIDE
    turns = 0
    for start, end in itertools.pairwise(ring):
        if not min(start[1], end[1]) <= lat <= max(start[1], end[1]):
            continue
        side = _side(start, end, lon, lat)
        if side == 0 and min(start[0], end[0]) <= lon <= max(start[0], end[0]):
            return _BORDER
        turns += (start[1] <= lat < end[1] and side > 0) - (end[1] <= lat < start[1] and side < 0)
    return _INSIDE if turns else _OUTSIDE
