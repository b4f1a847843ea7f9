"""Points in boxes, circles and polygons: the column against the definition of one point, and facts of the reference."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.schema.filters import GeoBox, GeoPolygon, GeoRadius, HasType
from shared.schema.payload_index import FieldType
from shared.segment import bits
from shared.segment.columns.geo import GeoColumn, points_of
from shared.segment.columns.geo_shapes import EARTH_RADIUS_M, bounds_of, is_within
from shared.segment.columns.paths import parse_path

SQUARE = [(0.0, 0.0), (0.0, 10.0), (10.0, 10.0), (10.0, 0.0), (0.0, 0.0)]

grid = st.sampled_from([-180.0, -179.5, -90.0, -10.0, 0.0, 5.0, 9.999, 10.0, 45.0, 90.0, 179.9, 180.0])
lon_degrees = grid | st.floats(-180, 180)
lat_degrees = grid.map(lambda value: value / 2) | st.floats(-90, 90)
lon_lats = st.tuples(lon_degrees, lat_degrees)
rings = st.lists(lon_lats, min_size=3, max_size=6).map(lambda ring: [*ring, ring[0]])
shapes = st.one_of(
    st.builds(GeoBox, st.just("g"), lon_degrees, lat_degrees, lon_degrees, lat_degrees),
    st.builds(
        GeoRadius, st.just("g"), lon_lats, st.sampled_from([0.0, 1.0, 1e5, 1e6, 1.1e7, 3e7]) | st.floats(-1, 2.1e7)
    ),
    st.builds(GeoPolygon, st.just("g"), rings, st.lists(rings, max_size=2)),
)
coordinates = grid | st.floats(-200, 200) | st.sampled_from([0, 5, 10, 10**25, "5", None, True])
places = st.fixed_dictionaries({}, optional={"lon": coordinates, "lat": coordinates, "name": st.just("x")})
values = places | st.lists(places | st.just(3), max_size=3) | st.none() | st.just(7)


def column_over(values, path="g"):
    column = GeoColumn(parse_path(path))
    texts = [json.dumps(value).encode() for value in values]
    for first in range(0, len(texts), 3):
        column.extend(texts[first : first + 3])
    return column


def rows_of(column, condition):
    return bits.to_rows(column.words(condition)).tolist()


def within_by_definition(payloads, shape):
    return [
        row
        for row, payload in enumerate(payloads)
        if any(is_within(shape, lon, lat) for lon, lat in points_of(payload.get("g"), ()))
    ]


@settings(max_examples=80, deadline=None)
@given(st.lists(values, max_size=12), st.lists(shapes, min_size=1, max_size=4))
def test_growing_frozen_and_restored_columns_keep_what_the_definition_keeps(contents, asked):
    payloads = [{"g": value} for value in contents]
    column = column_over(payloads)

    growing = [rows_of(column, shape) for shape in asked]
    column.freeze()
    frozen = [rows_of(column, shape) for shape in asked]
    restored = [rows_of(GeoColumn.restored(("g",), column.arrays()), shape) for shape in asked]

    expected = [within_by_definition(payloads, shape) for shape in asked]
    assert (growing, frozen, restored) == (expected, expected, expected)


@pytest.mark.parametrize("seed", range(3))
def test_many_points_in_bands_are_found_as_without_bands(seed):
    random = np.random.default_rng(seed)
    points = np.stack((random.uniform(-180, 180, 1500), random.normal(0, 40, 1500).clip(-90, 90)), axis=1).round(1)
    payloads = [{"g": {"lon": lon, "lat": lat}} for lon, lat in points.tolist()]
    corners = random.uniform(-90, 90, (8, 4)).round(1).tolist()
    asked = [GeoBox("g", left, max(lats), right, min(lats)) for left, right, *lats in corners]
    asked += [GeoRadius("g", (each[0], each[1]), 10 ** (4 + place / 2)) for place, each in enumerate(corners)]
    asked += [
        GeoRadius("g", (179.9, 0.0), 1e6),
        GeoRadius("g", (10.0, 89.0), 5e5),
        GeoBox("g", 170.0, 9.0, -170.0, 0.0),
    ]
    column = column_over(payloads)

    growing = [rows_of(column, shape) for shape in asked]
    column.freeze()
    frozen = [rows_of(column, shape) for shape in asked]

    assert frozen == growing
    assert sum(map(bool, growing)) > len(asked) // 2


def test_rare_shape_looks_at_few_points():
    random = np.random.default_rng(7)
    points = zip(random.uniform(-180, 180, 20_000).tolist(), random.uniform(-90, 90, 20_000).tolist(), strict=True)
    column = column_over([{"g": {"lon": lon, "lat": lat}} for lon, lat in points])
    column.freeze()

    near = column._final.near(bounds := bounds_of(GeoRadius("g", (179.95, 40.0), 200_000.0)))

    assert 0 < len(near) < 200
    assert len(bounds.spans) == 2


FACTS = [
    (GeoBox("g", 0.0, 10.0, 10.0, 0.0), {(5, 5): True, (0, 5): False, (5, 10): False, (10**19, 5): False}),
    (GeoBox("g", 170.0, 10.0, -170.0, -10.0), {(180, 0): True, (-180, 0): True, (170, 0): False, (0, 0): False}),
    (GeoBox("g", 10.0, 10.0, 0.0, 0.0), {(10**19, 5): True, (5, 5): False}),
    (GeoRadius("g", (5.0, 5.0), 0.0), {(5, 5): False}),
    (GeoRadius("g", (5.0, 5.0), 0.001), {(5, 5): True}),
    (
        GeoRadius("g", (0.0, 0.0), EARTH_RADIUS_M * np.pi / 2 - 1),
        {(90, 0): False, (89.999, 0): True, (269.0, 0): False},
    ),
    (GeoRadius("g", (180.0, 0.0), 112_000.0), {(-179, 0): True, (179, 0): True, (-178, 0): False}),
    (GeoPolygon("g", SQUARE), {(5, 5): True, (0, 5): False, (10, 10): False, (5, 11): False}),
    (GeoPolygon("g", [(0.0, 0.0), (0.0, 10.0), (10.0, 10.0), (0.0, 0.0)]), {(5, 5): False, (4, 5): True}),
    (GeoPolygon("g", SQUARE, [[(5.0, 5.0), (5.0, 6.0), (6.0, 6.0), (5.0, 5.0)]]), {(5, 5): False, (5, 4): True}),
]


@pytest.mark.parametrize(("shape", "facts"), FACTS, ids=str)
def test_borders_are_outside_as_in_the_reference(shape, facts):
    found = {point: is_within(shape, float(point[0]), float(point[1])) for point in facts}

    assert found == facts


def test_side_of_an_edge_is_exact_where_floats_cannot_tell():
    triangle = [(0.1, 0.1), (0.7, 0.7), (0.0, 0.7), (0.1, 0.1)]
    on_edge, inside = (0.3, 0.3), (np.nextafter(0.3, 0), 0.3)
    column = column_over([{"g": {"lon": float(lon), "lat": lat}} for lon, lat in (on_edge, inside)])

    found = rows_of(column, GeoPolygon("g", triangle))

    assert found == [1]


def test_points_below_paths_and_in_arrays_count_once_a_row():
    point = {"lon": 1, "lat": 1}
    payloads = [{"g": {"a": point}}, {"g": [{"a": [point, point]}]}, {"g": {"a": [[point]]}}, {"h": point}, {}]

    found = {
        path: rows_of(column_over(payloads, path), GeoRadius(path, (1.0, 1.0), 1.0)) for path in ("g.a", "g[].a", "h")
    }

    assert found == {"g.a": [0], "g[].a": [1], "h": [3]}


def test_a_row_has_the_type_where_it_has_any_point():
    column = column_over([{"g": {"lon": 500, "lat": 1}}, {"g": {"lon": 1}}, {"g": [3, {"lon": 1, "lat": 1}]}, {}])

    growing = rows_of(column, HasType("g", FieldType.GEO))
    column.freeze()

    assert (growing, rows_of(column, HasType("g", FieldType.GEO))) == ([0, 2], [0, 2])
