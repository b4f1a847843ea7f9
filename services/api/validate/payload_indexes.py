"""Bodies that declare a payload index: which types there are, and which parameters each of them takes.

`field_schema` (once `field_type`) is the bare name of a type, or an object with `type` and parameters; a parameter that
the type does not have is refused. Source: features.md section 4.
"""

from typing import Any

import msgspec

from services.api.validate.body import convert_strictly, decode
from services.api.validate.index_texts import WireStemmer, WireStopwords, parse_stemmer, parse_stopwords
from services.api.validate.paths import check_path
from services.api.validate.rules import Rules
from services.api.validate.unsupported import refuse, refuse_given
from shared.errors import BadFormat, BadRequest
from shared.schema.payload_index import FieldType, PayloadIndex, Tokenizer
from shared.schema.slots import Memory

TOKEN_LEN_MAX = 2**31 - 1
_UNKNOWN_TYPE = "Can't auto-detect field type, please specify `field_schema` in the request"


class WireBody(msgspec.Struct):
    field_name: str
    field_schema: Any = None
    field_type: Any = None


class _WireIndex(msgspec.Struct, forbid_unknown_fields=True):
    """What every type takes. `nested` is known to newer clients than the reference, and refused by name."""

    type: str
    on_disk: bool | None = None
    memory: Memory | None = None
    enable_hnsw: bool | None = None
    nested: Any = None


class _WireKeyword(_WireIndex):
    is_tenant: bool | None = None
    prefix: bool | None = None


class _WireInteger(_WireIndex):
    lookup: bool | None = None
    range: bool | None = None
    is_principal: bool | None = None


class _WirePrincipal(_WireIndex):
    is_principal: bool | None = None


class _WireUuid(_WireIndex):
    is_tenant: bool | None = None


class _WireText(_WireIndex):
    tokenizer: str | None = None
    min_token_len: int | None = None
    max_token_len: int | None = None
    lowercase: bool | None = None
    ascii_folding: bool | None = None
    phrase_matching: bool | None = None
    stopwords: str | WireStopwords | None = None
    stemmer: WireStemmer | None = None
    scoring: Any = None


_WIRES: dict[FieldType, type[_WireIndex]] = {
    FieldType.KEYWORD: _WireKeyword,
    FieldType.INTEGER: _WireInteger,
    FieldType.FLOAT: _WirePrincipal,
    FieldType.BOOL: _WireIndex,
    FieldType.DATETIME: _WirePrincipal,
    FieldType.UUID: _WireUuid,
    FieldType.GEO: _WireIndex,
    FieldType.TEXT: _WireText,
}
_decoder = msgspec.json.Decoder(WireBody)


class IndexCall(msgspec.Struct, frozen=True):
    """A payload path and the index that it is to have."""

    path: str
    index: PayloadIndex


def parse_payload_index(body: bytes) -> IndexCall:
    """Return what a body declares. Raises BadFormat, BadRequest without a type, Invalid."""
    wire = decode(_decoder, body)
    path = check_path(wire.field_name)
    if wire.field_schema is not None and wire.field_type is not None:
        raise BadFormat("duplicate field `field_schema`: `field_type` is its old name")
    schema = wire.field_schema if wire.field_schema is not None else wire.field_type
    if schema is None:
        raise BadRequest(_UNKNOWN_TYPE)
    if isinstance(schema, str):
        return IndexCall(path, PayloadIndex(type=_field_type(schema), is_bare=True))
    if not isinstance(schema, dict):
        raise BadFormat(f"field_schema: expected the name of a type, or an object with `type`, got {schema!r}")
    return IndexCall(path, _with_parameters(schema))


def _field_type(name: object) -> FieldType:
    try:
        return FieldType(str(name))
    except ValueError:
        known = ", ".join(f"`{each.value}`" for each in FieldType)
        raise BadFormat(f"field_schema: unknown variant {name!r}, expected one of {known}") from None


def _with_parameters(schema: dict[str, Any]) -> PayloadIndex:
    if "type" not in schema:
        raise BadFormat("field_schema: missing field `type`")
    kind = _field_type(schema["type"])
    wire = convert_strictly(schema, _WIRES[kind], "field_schema")
    refuse_given(wire, ("nested",), "field_schema.")
    rules = Rules()
    given = {
        name: value
        for name in wire.__struct_fields__
        if name in PayloadIndex.model_fields and (value := getattr(wire, name)) is not None
    }
    given["type"] = kind
    if isinstance(wire, _WireInteger) and wire.lookup is False and wire.range is False:
        rules.broken("field_schema", "the 'lookup' and 'range' capabilities can't be both disabled")
    if isinstance(wire, _WireText):
        given |= _text(wire)
    rules.check()
    return PayloadIndex(**given)


def _text(wire: _WireText) -> dict[str, Any]:
    refuse_given(wire, ("scoring",), "field_schema.")
    for name in ("min_token_len", "max_token_len"):
        value = getattr(wire, name)
        if value is not None and not 0 <= value <= TOKEN_LEN_MAX:
            expected = f"expected a whole number from 0 to {TOKEN_LEN_MAX}"
            raise BadFormat(f"field_schema.{name}: invalid value: integer `{value}`, {expected}")
    return {
        "tokenizer": _tokenizer(wire.tokenizer),
        "stopwords": parse_stopwords(wire.stopwords),
        "stemmer": parse_stemmer(wire.stemmer),
    }


def _tokenizer(name: str | None) -> Tokenizer:
    """Return the tokenizer, the default where none is given: it is always shown."""
    if name == "code":
        refuse("the tokenizer `code` (`field_schema.tokenizer`)")
    try:
        return Tokenizer(name or Tokenizer.WORD)
    except ValueError:
        known = ", ".join(f"`{each.value}`" for each in Tokenizer)
        raise BadFormat(f"field_schema.tokenizer: unknown variant `{name}`, expected one of {known}") from None
