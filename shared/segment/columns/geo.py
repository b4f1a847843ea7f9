"""The points at one payload path: `{lon, lat}` objects with two numbers, for boxes, circles and polygons.

While it grows, a condition looks at every point. `freeze` puts points into bands of latitude with equally many points
each, and orders every band by longitude, so that a condition looks only at what lies in the bounds of its shape:

    lons, lats   float64 (p,), points by band and longitude
    rows         int32 (p,), the row of each point; a row has as many as its payload names
    cells        uint32 (p,), ascending: the band in the upper half, the longitude in 65,535ths of the circle below
    edges        float64 (bands + 1,), the least latitude of each band, and the greatest of all

Payloads are not checked when they are written, so points beyond 180 or 90 degrees exist. They are in a last band of
their own, which every condition looks at.
"""

import math
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from shared.schema.filters import FieldCondition, GeoBox, GeoPolygon, GeoRadius, HasType
from shared.segment import bits
from shared.segment.bits import Words
from shared.segment.columns.field_arrays import Kind, StoredArrays, memory_of
from shared.segment.columns.geo_shapes import Bounds, Degrees, bounds_of, points_within
from shared.segment.columns.growable import Growable
from shared.segment.columns.parse import first_values, rounded
from shared.segment.columns.paths import Path, flat_values, select

BANDS_MAX = 2**16 - 1
_LON_CELLS = 2**16 - 1
_WILD = np.uint32(2**16 - 1)
"""The band of points beyond 180 or 90 degrees."""


class _Bands(NamedTuple):
    """The arrays of the module docstring."""

    lons: Degrees
    lats: Degrees
    rows: npt.NDArray[np.int32]
    cells: npt.NDArray[np.uint32]
    edges: Degrees

    def near(self, bounds: Bounds) -> npt.NDArray[np.int64] | slice:
        """Return the places of at least all points within bounds, and of those beyond the usual degrees."""
        first = int(np.searchsorted(self.edges[1:], bounds.south, side="left"))
        last = int(np.searchsorted(self.edges[:-1], bounds.north, side="right"))
        bands = np.arange(first, last, dtype=np.uint32) << np.uint32(16)
        starts = [np.searchsorted(self.cells, np.array([_WILD << np.uint32(16)]))]
        stops = [np.array([len(self.cells)])]
        for west, east in bounds.spans:
            starts.append(np.searchsorted(self.cells, bands | _lon_cells(np.array([west])), side="left"))
            stops.append(np.searchsorted(self.cells, bands | _lon_cells(np.array([east])), side="right"))
        begins = np.concatenate(starts)
        lengths = np.maximum(np.concatenate(stops) - begins, 0)
        total = int(lengths.sum())
        if 2 * total > len(self.cells):
            return slice(None)
        return np.repeat(begins - np.cumsum(lengths) + lengths, lengths) + np.arange(total)


class GeoColumn:
    """Points over rows 0 … count-1. Grows by `extend`; `freeze` makes it compact and final."""

    def __init__(self, path: Path) -> None:
        self.count = 0
        self._first_values, self._below = first_values(str(path[0])), path[1:]
        self._lons, self._lats, self._rows = Growable(np.float64), Growable(np.float64), Growable(np.int32)
        self._final: _Bands | None = None

    @property
    def is_frozen(self) -> bool:
        """True once no more rows come."""
        return self._final is not None

    def extend(self, payloads: Sequence[bytes]) -> None:
        """Add the next rows by their payload texts."""
        lons: list[float] = []
        lats: list[float] = []
        rows: list[int] = []
        for row, value in enumerate(self._first_values(payloads), self.count):
            for lon, lat in points_of(value, self._below):
                lons.append(lon)
                lats.append(lat)
                rows.append(row)
        if rows:
            self._lons.append(lons)
            self._lats.append(lats)
            self._rows.append(rows)
        self.count += len(payloads)

    def freeze(self) -> None:
        """Take no more rows; put the points in order."""
        if self._final is None:
            self._final = _banded(self._lons.view(), self._lats.view(), self._rows.view())
            self._lons, self._lats, self._rows = Growable(np.float64), Growable(np.float64), Growable(np.int32)

    def words(self, condition: FieldCondition) -> Words:
        """Return the rows with a point in the condition's shape."""
        if isinstance(condition, HasType):
            return bits.from_rows(self._rows.view() if self._final is None else self._final.rows, self.count)
        assert isinstance(condition, GeoBox | GeoRadius | GeoPolygon), "another kind of column serves this"
        if self._final is None:
            found = points_within(condition, self._lons.view(), self._lats.view())
            return bits.from_rows(self._rows.view()[found], self.count)
        near = self._final.near(bounds_of(condition))
        found = points_within(condition, self._final.lons[near], self._final.lats[near])
        return bits.from_rows(self._final.rows[near][found], self.count)

    def matching(self, condition: FieldCondition) -> int | None:
        """Return None: only a look at the points can tell."""
        return None

    @property
    def nbytes(self) -> int:
        """Memory that it takes."""
        growing = self._lons.nbytes + self._lats.nbytes + self._rows.nbytes
        return growing if self._final is None else growing + memory_of(*self._final)

    def arrays(self) -> StoredArrays:
        """Return the arrays of the module docstring, and `count`."""
        assert self._final is not None, "only a frozen column has arrays"
        return {**self._final._asdict(), "count": np.array([self.count], np.int64)}

    @classmethod
    def restored(cls, path: Path, arrays: StoredArrays) -> "GeoColumn":
        """Return the column that gave these arrays."""
        column = cls(path)
        column.count = int(arrays["count"].item())
        given: dict[str, Any] = {name: arrays[name] for name in _Bands._fields}
        column._final = _Bands(**given)
        return column


def points_of(top: Any, below: Path) -> Iterator[tuple[float, float]]:
    """Yield (lon, lat) of the points that a path selects below a decoded value; arrays hold points, one level deep."""
    for selected in select(top, below):
        for value in flat_values(selected):
            if (point := point_of(value)) is not None:
                yield point


def point_of(value: Any) -> tuple[float, float] | None:
    """Return (lon, lat) of a value that is a point."""
    if type(value) is dict and type(value.get("lon")) in _NUMBERS and type(value.get("lat")) in _NUMBERS:
        return rounded(value["lon"]), rounded(value["lat"])
    return None


_NUMBERS = (int, float)


def _banded(lons: Degrees, lats: Degrees, rows: npt.NDArray[np.int32]) -> _Bands:
    """Return points in bands, each of them ordered by longitude."""
    usual = (np.abs(lons) <= 180) & (np.abs(lats) <= 90)
    count = int(np.count_nonzero(usual))
    bands = min(math.isqrt(max(count - 1, 0)) + 1, BANDS_MAX)
    by_lat = np.argsort(np.where(usual, lats, np.inf), kind="stable")
    firsts = np.arange(bands) * count // bands
    numbers = np.full(len(lons), _WILD, np.uint32)
    numbers[by_lat[:count]] = np.repeat(np.arange(bands, dtype=np.uint32), np.diff(np.append(firsts, count)))
    cells = numbers << np.uint32(16) | _lon_cells(lons)
    order = np.argsort(cells, kind="stable")
    edges = lats[by_lat[np.append(firsts, count - 1)]] if count else np.zeros(2)
    return _Bands(lons[order], lats[order], rows[order], cells[order], edges)


def _lon_cells(lons: Degrees) -> npt.NDArray[np.uint32]:
    """Return the cell of each longitude; what lies beyond 180 degrees gets the cell of 180."""
    turned = (np.clip(lons, -180, 180) + 180) / 360
    return np.asarray(turned * _LON_CELLS).astype(np.uint32)


GEO = Kind("geo", GeoColumn, GeoColumn.restored)
