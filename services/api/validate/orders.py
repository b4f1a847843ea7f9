"""`order_by`: a payload path, or an object with `key`, `direction` and `start_from`."""

from typing import Literal, NamedTuple

import msgspec

from services.api.validate.paths import check_path
from shared.errors import BadFormat
from shared.schema.dates import micros_of

INT_MIN, INT_MAX = -(2**63), 2**63 - 1


class WireOrder(msgspec.Struct):
    key: str
    direction: Literal["asc", "desc"] | None = None
    start_from: int | float | str | None = None


WireOrderBy = str | WireOrder


class OrderCall(NamedTuple):
    """An order as the edge understood it; the type of the values is that of the index at the path.

    start_from   a number, or the microseconds since 1970 of a date
    """

    key: str
    is_descending: bool = False
    start_from: int | float | None = None


def parse_order(wire: WireOrderBy) -> OrderCall:
    """Return the order. Raises BadFormat for a bad path or date."""
    if isinstance(wire, str):
        return OrderCall(check_path(wire))
    return OrderCall(check_path(wire.key), wire.direction == "desc", _start(wire.start_from))


def _start(wire: int | float | str | None) -> int | float | None:
    if isinstance(wire, str):
        micros = micros_of(wire)
        if micros is None:
            raise BadFormat(f"order_by.start_from: {wire!r} is neither a number nor a date")
        return micros
    if isinstance(wire, int) and not INT_MIN <= wire <= INT_MAX:
        return _as_float(wire)
    return wire


def _as_float(wire: int) -> float:
    try:
        return float(wire)
    except OverflowError as error:
        raise BadFormat("order_by.start_from: number out of range") from error
