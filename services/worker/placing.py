"""Which shards a worker should take, hand over or let go. Pure: what Redis said goes in, a choice comes out."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from shared.coordination.nodes import NodeInfo
from shared.coordination.placement import Placement, preferred_node
from shared.log.position import ShardKey

HAND_OVERS_MAX = 2
"""Shards given up in one round: moving is cheap, moving everything at once is not."""


class Scene(NamedTuple):
    """The cluster at one moment.

    wanted     every shard of the catalog
    owners     who leads what
    live       live workers
    settled    names of those that have been live for a while
    orphaned   shards that nobody has taken for a while
    """

    wanted: Iterable[ShardKey]
    owners: Mapping[ShardKey, Placement]
    live: list[NodeInfo]
    settled: set[str]
    orphaned: set[ShardKey]


class Choice(NamedTuple):
    """What to do.

    take        claim and open
    hand_over   checkpoint and release: another worker should lead it
    lost        another worker leads it already
    free        wanted, led by nobody live, and not ours to take yet
    """

    take: list[ShardKey]
    hand_over: list[ShardKey]
    lost: list[ShardKey]
    free: set[ShardKey]


def choose(scene: Scene, me: NodeInfo, hosted: set[ShardKey], leading: set[ShardKey]) -> Choice:
    """Return this worker's choice: a shard prefers one of the live names; others take it when that one does not.

    hosted, leading   shards that are open here; those of them that are led under the node's present lease
    """
    live_ids = {node.node_id for node in scene.live}
    names = sorted({node.name for node in scene.live} | {me.name})
    settled = sorted((scene.settled & set(names)) | {me.name})
    choice = Choice([], [], [], set())
    for key in scene.wanted:
        owner = scene.owners.get(key)
        if owner is not None and owner.node_id == me.node_id:
            if key not in leading:
                choice.take.append(key)
            elif len(choice.hand_over) < HAND_OVERS_MAX and preferred_node(key, settled) != me.name:
                choice.hand_over.append(key)
        elif owner is not None and owner.node_id in live_ids:
            if key in hosted:
                choice.lost.append(key)
        elif key in hosted or key in scene.orphaned or preferred_node(key, names) == me.name:
            choice.take.append(key)
        else:
            choice.free.add(key)
    return choice
