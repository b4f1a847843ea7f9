"""Point ids to rows and back: batches of ids as arrays, and the sorted map of a sealed segment.

UUIDs are kept as numpy 'S16': comparing such strings compares all 16 bytes, as unsigned, which is the order of
`schema.points.id_order`. Turning one into Python bytes drops trailing NULs, so conversion goes through `tobytes`.

A sealed map (sorted, n distinct ids, r rows):
- numbers   uint64 (a,)   the numeric ids, ascending
- uuids     S16 (b,)      the UUIDs, ascending
- rows      int64 (a+b,)  the row of each id: numbers first, then UUIDs, hence in id order. The latest row of an id.
- ranks     int32 (r,)    for each row the place of its id in `rows`. Two rows of one id (a replaced one) share a rank.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from shared.schema.points import PointId

UUID_DTYPE = np.dtype("S16")
Numbers = NDArray[np.uint64]
Uuids = NDArray[np.bytes_]
Rows = NDArray[np.int64]
_Key = TypeVar("_Key", np.uint64, np.bytes_)


@dataclass(frozen=True, slots=True)
class IdBatch:
    """Ids as arrays, with the place of each in the batch.

    ids            the ids themselves, in order
    numbers        uint64 (a,), numeric ids;   number_places   int64 (a,)
    uuids          S16 (b,), the UUIDs;        uuid_places     int64 (b,)
    """

    ids: Sequence[PointId]
    numbers: Numbers
    number_places: Rows
    uuids: Uuids
    uuid_places: Rows

    def __len__(self) -> int:
        return len(self.number_places) + len(self.uuid_places)

    @classmethod
    def from_ids(cls, ids: Sequence[PointId]) -> "IdBatch":
        """Return the arrays of ids: ints in u64 and 16-byte UUIDs, mixed freely."""
        uuid_places = [place for place, point_id in enumerate(ids) if isinstance(point_id, bytes)]
        if not uuid_places:
            return cls(ids, np.array(ids, dtype=np.uint64), np.arange(len(ids)), _NO_UUIDS, _NO_ROWS)
        is_uuid = np.zeros(len(ids), dtype=np.bool_)
        is_uuid[uuid_places] = True
        number_places = np.flatnonzero(~is_uuid)
        numbers = np.array([ids[place] for place in number_places.tolist()], dtype=np.uint64)
        joined = b"".join(ids[place] for place in uuid_places)  # type: ignore[misc]  # these are the bytes ones
        uuids = np.frombuffer(joined, dtype=UUID_DTYPE)
        return cls(ids, numbers, number_places, uuids, np.array(uuid_places, dtype=np.int64))

    @classmethod
    def from_arrays(cls, numbers: Numbers, uuids: Uuids, is_uuid: NDArray[np.bool_]) -> "IdBatch":
        """Return the batch in which `is_uuid` (n,) says which kind comes next."""
        number_places, uuid_places = np.flatnonzero(~is_uuid), np.flatnonzero(is_uuid)
        ids = ids_of(numbers, uuids, is_uuid)
        return cls(ids, numbers, number_places, uuids, uuid_places)


_NO_ROWS: Rows = np.empty(0, dtype=np.int64)
_NO_UUIDS: Uuids = np.empty(0, dtype=UUID_DTYPE)
_NO_NUMBERS: Numbers = np.empty(0, dtype=np.uint64)


def uuids_to_list(uuids: Uuids) -> list[bytes]:
    """Return UUIDs as Python bytes of 16, trailing NULs kept."""
    joined = uuids.tobytes()
    return [joined[start : start + 16] for start in range(0, len(joined), 16)]


def ids_of(numbers: Numbers, uuids: Uuids, is_uuid: NDArray[np.bool_]) -> list[PointId]:
    """Return Python ids, taking the next number or the next UUID as `is_uuid` says."""
    if not len(uuids):
        return list(numbers.tolist())
    next_number, next_uuid = iter(numbers.tolist()), iter(uuids_to_list(uuids))
    return [next(next_uuid) if uuid else next(next_number) for uuid in is_uuid.tolist()]


class IdMap:
    """The sorted map of a sealed segment; its arrays may be mmapped. See the module docstring."""

    def __init__(self, numbers: Numbers, uuids: Uuids, rows: Rows, ranks: NDArray[np.int32]) -> None:
        self.numbers = numbers
        self.uuids = uuids
        self.rows = rows
        self.ranks = ranks

    @classmethod
    def from_rows(cls, numbers: Numbers, uuids: Uuids, is_uuid: NDArray[np.bool_]) -> "IdMap":
        """Build the map of rows whose ids come in row order: `is_uuid` (r,) says which kind each row has."""
        ranks = np.empty(len(is_uuid), dtype=np.int32)
        number_rows, uuid_rows = np.flatnonzero(~is_uuid), np.flatnonzero(is_uuid)
        sorted_numbers, rows_of_numbers, ranks_of_numbers = _sorted_latest(numbers, number_rows)
        sorted_uuids, rows_of_uuids, ranks_of_uuids = _sorted_latest(uuids, uuid_rows)
        ranks[number_rows] = ranks_of_numbers
        ranks[uuid_rows] = ranks_of_uuids + len(sorted_numbers)
        return cls(sorted_numbers, sorted_uuids, np.concatenate((rows_of_numbers, rows_of_uuids)), ranks)

    def rows_of(self, batch: IdBatch) -> Rows:
        """Return the latest row of each id of the batch, -1 where unknown; int64 (len(batch),)."""
        result = np.full(len(batch), -1, dtype=np.int64)
        if len(batch.number_places):
            result[batch.number_places] = _found(self.numbers, self.rows[: len(self.numbers)], batch.numbers)
        if len(batch.uuid_places):
            result[batch.uuid_places] = _found(self.uuids, self.rows[len(self.numbers) :], batch.uuids)
        return result

    def rows_of_sorted(self, numbers: Numbers, uuids: Uuids) -> Rows:
        """Return the latest row of each number, then of each UUID, -1 where unknown. Quick where both are ascending."""
        split = len(self.numbers)
        of_numbers = _found(self.numbers, self.rows[:split], numbers)
        return np.concatenate((of_numbers, _found(self.uuids, self.rows[split:], uuids)))

    def ids(self, rows: Rows) -> list[PointId]:
        """Return the Python id of each row."""
        ranks = self.ranks.take(rows)
        split = len(self.numbers)
        if not len(self.uuids):
            return self.numbers.take(ranks).tolist()  # type: ignore[no-any-return]
        is_uuid = ranks >= split
        return ids_of(self.numbers[ranks[~is_uuid]], self.uuids[ranks[is_uuid] - split], is_uuid)

    def batch_of(self, rows: Rows) -> tuple[Numbers, Uuids, NDArray[np.bool_]]:
        """Return the ids of rows as arrays: (numbers, uuids, is_uuid), as `from_rows` takes them."""
        ranks = self.ranks[rows]
        is_uuid = ranks >= len(self.numbers)
        return self.numbers[ranks[~is_uuid]], self.uuids[ranks[is_uuid] - len(self.numbers)], is_uuid

    def rows_from(self, offset: PointId | None) -> Rows:
        """Return the rows in id order from `offset` (inclusive) on, a view; replaced rows are not among them."""
        if offset is None:
            return self.rows
        if isinstance(offset, int):
            return self.rows[int(np.searchsorted(self.numbers, np.uint64(offset))) :]
        key = np.frombuffer(offset, dtype=UUID_DTYPE)
        return self.rows[len(self.numbers) + int(np.searchsorted(self.uuids, key)[0]) :]


def _sorted_latest(keys: NDArray[_Key], rows: Rows) -> tuple[NDArray[_Key], Rows, Rows]:
    """Return distinct keys ascending, the last row of each, and for each given key its place among them."""
    if not len(keys):
        return keys, _NO_ROWS, _NO_ROWS
    order = np.argsort(keys, kind="stable")
    ordered = keys[order]
    is_last = np.append(ordered[1:] != ordered[:-1], True)
    places = np.empty(len(keys), dtype=np.int64)
    places[order] = np.cumsum(is_last) - is_last
    return ordered[is_last], rows[order[is_last]], places


def _found(keys: NDArray[np.generic], rows: Rows, wanted: NDArray[np.generic]) -> Rows:
    """Return the row of each wanted key, -1 where it is not among the sorted keys."""
    if not len(keys):
        return np.full(len(wanted), -1, dtype=np.int64)
    places = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
    return np.where(keys[places] == wanted, rows[places], -1)
