"""A collection's metadata: any JSON object of bounded size, because every process keeps the catalog in memory."""

from typing import Any

import msgspec

from services.api.validate.payloads import payload_text
from shared.errors import BadInput

METADATA_BYTES_MAX = 2**20


def check_metadata(metadata: dict[str, Any] | None) -> dict[str, Any] | None:
    """Return metadata that every reader of the catalog can read. Raises BadFormat (too deep), BadInput (too large)."""
    if metadata is None:
        return None
    text = payload_text(metadata)
    if len(text) > METADATA_BYTES_MAX:
        raise BadInput(f"metadata is {len(text)} bytes of JSON, at most {METADATA_BYTES_MAX} are taken")
    return msgspec.json.decode(text, type=dict[str, Any]) if text else {}


def merged_metadata(old: dict[str, Any] | None, changes: dict[str, Any] | None) -> dict[str, Any] | None:
    """Return metadata with changes merged key by key; `null` deletes a key."""
    if changes is None:
        return old
    merged = {**(old or {}), **changes}
    return check_metadata({key: value for key, value in merged.items() if value is not None})
