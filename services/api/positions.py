"""The `X-Shoal-Position` token: what a client has written, so that its reads see it, on any api and any replica.

Inside: `<uuid>:<shard>=<position>` joined by commas, as base64url. To clients it is opaque. A write answers with the
positions that it took, joined with those of the token that it came with; a read waits until they are applied.
"""

import binascii
from base64 import urlsafe_b64decode, urlsafe_b64encode

from shared.errors import BadRequest

HEADER = "X-Shoal-Position"
POSITION_MAX = 2**63 - 1
SHARDS_MAX = 4096
"""Most shards that one token names."""

ShardPositions = dict[tuple[str, int], int]
"""(collection uuid, shard) to position."""


def encode_token(positions: ShardPositions) -> str:
    """Return the token of some positions."""
    text = ",".join(f"{uuid}:{shard}={position}" for (uuid, shard), position in sorted(positions.items()))
    return urlsafe_b64encode(text.encode()).decode().rstrip("=")


def decode_token(token: str) -> ShardPositions:
    """Return the positions of a token. Raises BadRequest for what Shoal never gave."""
    try:
        text = urlsafe_b64decode(token.encode("ascii") + b"=" * (-len(token) % 4)).decode("ascii")
        parts = text.split(",")
        if len(parts) > SHARDS_MAX:
            raise ValueError("too many shards")
        return dict(_decode_part(part) for part in parts)
    except (ValueError, binascii.Error) as error:
        raise BadRequest(f"the header {HEADER} holds no token that Shoal gave") from error


def merge_tokens(older: ShardPositions, newer: ShardPositions) -> ShardPositions:
    """Return the greater position of each shard."""
    merged = dict(older)
    for key, position in newer.items():
        merged[key] = max(position, merged.get(key, 0))
    return merged


def _decode_part(part: str) -> tuple[tuple[str, int], int]:
    key, _, position = part.partition("=")
    uuid, _, shard = key.rpartition(":")
    if not uuid or not shard.isdigit() or not position.isdigit() or int(position) > POSITION_MAX:
        raise ValueError(part)
    return (uuid, int(shard)), int(position)
