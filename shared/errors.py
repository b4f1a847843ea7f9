"""Every error that Shoal raises on purpose, split by what recovery must do.

ShoalError
├── Rejected           the client's fault; never retried
│   ├── BadFormat          the request does not parse                       400
│   ├── Invalid            it parses and breaks a rule                      422
│   ├── BadInput           it contradicts the data or the schema            400
│   ├── BadRequest         an illegal combination                           400
│   ├── AlreadyExists      the name is taken                                409
│   ├── NotFound           no such collection, point, alias                 404
│   └── TooLarge           a body over the limit                            400
├── Unavailable        try again later; retried with a limit
│   ├── ShardUnavailable   no live worker serves the shard                  503
│   ├── OutcomeUnknown     the append may or may not have happened          503
│   ├── LogUnavailable     Redis cannot be reached, nothing was appended    503
│   ├── RateExceeded       a rate limit of strict mode                      429
│   ├── LogFull            back-pressure: too much log awaits a checkpoint  429
│   ├── StorageFull        the free-space reserve is touched                507
│   ├── TimedOut           a deadline passed                                408
│   ├── GenerationChanged  the schema moved under the validation: validate again
│   ├── ShardClosed        the collection was deleted
│   ├── StaleFence         another leader has taken over
│   └── HeadBehind         Redis came back older or empty: a resume entry must come first
└── Corrupt            ours; stop the shard, never guess
    ├── ChecksumMismatch   bytes on disk are not those that were written
    ├── UnknownFormat      a durable format of a version that this build does not know
    ├── LogGap             an entry between the checkpoint and the head is missing
    └── WrongCluster       the data directory and the Redis belong to different clusters
"""


class ShoalError(Exception):
    """The root. `str(error)` is the text a person reads; it holds both sides of a mismatch."""


class Rejected(ShoalError):
    """The client's fault."""


class BadFormat(Rejected):
    """The request does not parse. `where` is 'JSON body', 'query parameters' or 'path parameters'."""

    def __init__(self, message: str, where: str = "JSON body") -> None:
        super().__init__(message)
        self.where = where


class Invalid(Rejected):
    """The request parses and breaks a rule. The message is `path: text; path: text`."""

    def __init__(self, message: str, where: str = "JSON body") -> None:
        super().__init__(message)
        self.where = where


class BadInput(Rejected):
    """The request contradicts the data or the schema."""


class BadRequest(Rejected):
    """An illegal combination of options."""


class AlreadyExists(Rejected):
    """The name is taken."""


class NotFound(Rejected):
    """No such collection, point or alias."""


class TooLarge(Rejected):
    """A body or a list over its limit."""


class Unavailable(ShoalError):
    """Try again later."""


class ShardUnavailable(Unavailable):
    """No live worker serves the shard."""


class OutcomeUnknown(Unavailable):
    """The connection was lost after a send: the append may or may not have happened."""


class LogUnavailable(Unavailable):
    """Redis cannot be reached; nothing was appended."""


class LogFull(Unavailable):
    """Too much log awaits a checkpoint."""

    def __init__(self, message: str, retry_after_s: int = 1) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class RateExceeded(Unavailable):
    """A rate limit of strict mode; `retry_after_s` None when trying again cannot help."""

    def __init__(self, message: str, retry_after_s: int | None = None) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class StorageFull(Unavailable):
    """A volume is below its free-space reserve."""


class TimedOut(Unavailable):
    """A deadline passed."""


class GenerationChanged(Unavailable):
    """The schema generation is not the one that the operation was validated under."""


class ShardClosed(Unavailable):
    """The collection was deleted: its shards take no more operations."""


class StaleFence(Unavailable):
    """Another leader has taken the shard over; this one may change nothing."""


class HeadBehind(Unavailable):
    """The log's head is behind a position that was seen before: Redis came back older or empty."""


class Corrupt(ShoalError):
    """Our own fault or the disk's."""


class ChecksumMismatch(Corrupt):
    """Bytes on disk are not those that were written."""


class UnknownFormat(Corrupt):
    """A durable format of a version that this build does not know."""


class LogGap(Corrupt):
    """An entry between the replica's position and the head is missing."""


class WrongCluster(Corrupt):
    """The data directory and the Redis belong to different clusters."""


BY_NAME: dict[str, type[ShoalError]] = {
    kind.__name__: kind for family in (Rejected, Unavailable, Corrupt) for kind in (family, *family.__subclasses__())
}
"""Error classes by name, for the RPC layer to raise on its far side what was raised on the near one."""
