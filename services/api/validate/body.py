"""Decoding of JSON bodies: whatever does not parse becomes a BadFormat that says where.

msgspec refuses NaN and Infinity, broken UTF-8, lone surrogates and numbers out of range, so nothing after this has to.
"""

from typing import Any, TypeVar

import msgspec

from shared.errors import BadFormat

T = TypeVar("T")

_any_decoder = msgspec.json.Decoder(dict[str, Any])
_CONDITION_FORMS = (
    'Expected some form of condition, which can be a field condition (like {"key": …, "match": …}), '
    "has_id, has_vector, slice, is_empty, is_null, nested or a filter: "
)


def decode(decoder: msgspec.json.Decoder[T], body: bytes) -> T:
    """Return the decoded body. Raises BadFormat."""
    try:
        return decoder.decode(body)
    except msgspec.ValidationError as error:
        raise BadFormat(_explained(str(error))) from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise BadFormat(str(error) if body else "EOF while parsing a value") from error
    except RecursionError as error:
        raise BadFormat("recursion limit exceeded") from error


def decode_object(body: bytes) -> dict[str, Any]:
    """Return any JSON object. Raises BadFormat."""
    return decode(_any_decoder, body)


def convert(value: object, kind: type[T], where: str) -> T:
    """Return a decoded JSON value as a struct. Raises BadFormat naming `where`."""
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        raise BadFormat(f"{where}: {_explained(str(error))}") from error


def decode_strictly(decoder: msgspec.json.Decoder[T], body: bytes) -> T:
    """Return a body whose unknown fields are refused, and without filters in it. Raises BadFormat naming the field."""
    try:
        return decoder.decode(body)
    except msgspec.ValidationError as error:
        raise BadFormat(str(error)) from error
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return decode(decoder, body)


def convert_strictly(value: object, kind: type[T], where: str) -> T:
    """Return a decoded JSON value without filters in it as a struct. Raises BadFormat naming `where` and the field."""
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        raise BadFormat(f"{where}: {error}") from error


def _explained(text: str) -> str:
    """Only filters forbid unknown fields, so such an error is about a condition that does not exist."""
    return _CONDITION_FORMS + text if "unknown field" in text else text
