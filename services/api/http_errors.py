"""Status codes and error texts: the only module that knows them. Source: envelope.md section 3."""

from typing import NamedTuple

from shared.errors import (
    AlreadyExists,
    BadFormat,
    BadInput,
    BadRequest,
    Corrupt,
    GenerationChanged,
    HeadBehind,
    Invalid,
    LogFull,
    LogUnavailable,
    NotFound,
    OutcomeUnknown,
    RateExceeded,
    Rejected,
    ShardClosed,
    ShardUnavailable,
    ShoalError,
    StaleFence,
    StorageFull,
    TimedOut,
    TooLarge,
    Unavailable,
    WrongCluster,
)


class HttpError(NamedTuple):
    """What the client sees of an error."""

    status: int
    text: str
    headers: dict[str, str] | None = None


_PREFIXES: dict[type[ShoalError], tuple[int, str]] = {
    BadInput: (400, "Wrong input: "),
    BadRequest: (400, "Bad request: "),
    AlreadyExists: (409, "Wrong input: "),
    NotFound: (404, "Not found: "),
    TooLarge: (400, "Payload too large: "),
    Rejected: (400, "Bad request: "),
    TimedOut: (408, "Timeout: Timeout error: "),
    LogFull: (429, "Rate limiting exceeded: "),
    RateExceeded: (429, "Rate limiting exceeded: "),
    StorageFull: (507, "Insufficient storage: "),
    ShardUnavailable: (503, "Shard temporarily unavailable: "),
    LogUnavailable: (503, "Log temporarily unavailable, nothing was written: "),
    OutcomeUnknown: (503, "Outcome unknown, the write may or may not have been logged: "),
    GenerationChanged: (503, "Collection config is changing, try again: "),
    ShardClosed: (503, "Collection is being deleted: "),
    StaleFence: (503, "Shard temporarily unavailable: "),
    HeadBehind: (503, "Log temporarily unavailable, nothing was written: "),
    Unavailable: (503, "Temporarily unavailable: "),
    WrongCluster: (503, "Log temporarily unavailable, nothing was written: "),
    Corrupt: (500, "Service internal error: "),
}


def to_http(error: ShoalError) -> HttpError:
    """Return status, text and headers of an error."""
    text = str(error)
    if isinstance(error, BadFormat):
        return HttpError(400, _format_prefix(error.where) + text)
    if isinstance(error, Invalid):
        return HttpError(422, f"Validation error in {error.where}: [{text}]")
    for kind in type(error).__mro__:
        known = _PREFIXES.get(kind)
        if known is not None:
            wait_s = error.retry_after_s if isinstance(error, LogFull | RateExceeded) else None
            headers = {"Retry-After": str(wait_s)} if wait_s is not None else None
            return HttpError(known[0], known[1] + text, headers)
    return HttpError(500, f"Service internal error: {text}")


def _format_prefix(where: str) -> str:
    if where == "JSON body":
        return "Format error in JSON body: "
    if where == "content type":
        return "Content type error: "
    return f"Deserialize error in {where}: "
