"""Every Redis key of Shoal. Nothing else is in Redis.

Catalog and coordination, hash tag `{shoal}`:

    {shoal}:cluster                 string   cluster id, the same as in <data_dir>/cluster.json
    {shoal}:catalog                 hash     uuid -> CollectionRecord as JSON
    {shoal}:names                   hash     name -> uuid
    {shoal}:aliases                 hash     alias -> uuid
    {shoal}:catalog:revision        string   number of catalog changes so far
    {shoal}:catalog:log             stream   one entry `<revision>-0` a change, about the last 1,000: `change`, `uuid`,
                                             `at`, `alias` (scripts/changes.lua)
    {shoal}:deleted                 hash     uuid -> CollectionRecord of a deleted collection, for a day or longer
    {shoal}:deleted:at              zset     uuid by Redis' seconds at its deletion
    {shoal}:nodes                   hash     node id -> NodeInfo as JSON
    {shoal}:node-names              hash     <role>/<name> -> node id of the newest incarnation
    {shoal}:node:<node id>          string   the node's lease; TTL `lease_ttl_s`
    {shoal}:revisions               hash     node id of an api -> the catalog revision that it has applied
    {shoal}:placement               hash     <uuid>:<shard> -> {"node", "fence"} as JSON
    {shoal}:placement:revision      string   number of changes of the placement so far
    {shoal}:jobs:<uuid>             hash     job id -> JobStatus as JSON; TTL a week
    {shoal}:jobs:<uuid>:order       list     job ids, oldest first, at most 100; TTL a week
    {shoal}:lease:<name>            string   token of a lease's holder; TTL of the lease. Jobs: `job:<uuid>:<shard>`
    {shoal}:lease:<name>:fence      string   the fence that was given last; TTL a week
    {shoal}:storage                 set      nodes that publish free space (shared/log/storage.py)
    {shoal}:storage:<node>          string   <free MB>:<log bytes>; TTL 30 s
    {shoal}:rewrite                 string   there until the append-only file may be rewritten again (log/rewrite.py)
    {shoal}:wake:<process>          channel  meta keys of resting shards that were appended to (log/wakeups.py)

One shard, hash tag `{<uuid>:<shard>}` (shared/log/keys.py):

    {...}:meta                      hash     state, generation, fence, head, floor, bytes, trimmed, first, capacity,
                                             waker while its leader rests; TTL a day once it is closed
    {...}:wal                       stream   `<position>-0`: `o` operation, `b` cumulative bytes
    {...}:holds                     hash     name -> position beyond which nothing is trimmed
    {...}:producer:<id>             hash     the last 256 sequences of one producer; TTL an hour
"""

CLUSTER = "{shoal}:cluster"
CATALOG = "{shoal}:catalog"
NAMES = "{shoal}:names"
ALIASES = "{shoal}:aliases"
REVISION = "{shoal}:catalog:revision"
CATALOG_LOG = "{shoal}:catalog:log"
DELETED = "{shoal}:deleted"
DELETED_AT = "{shoal}:deleted:at"
NODES = "{shoal}:nodes"
NODE_NAMES = "{shoal}:node-names"
NODE_LEASE = "{shoal}:node:"
"""Prefix; the node id follows."""
REVISIONS = "{shoal}:revisions"
PLACEMENT = "{shoal}:placement"
PLACEMENT_REVISION = "{shoal}:placement:revision"


def jobs_key(collection: str) -> str:
    """Hash of a collection's jobs."""
    return f"{{shoal}}:jobs:{collection}"


def lease_key(name: str) -> str:
    """String: the token of a lease's holder."""
    return f"{{shoal}}:lease:{name}"
