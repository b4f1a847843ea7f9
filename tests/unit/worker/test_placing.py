"""Which shards a worker takes, hands over and lets go."""

from services.worker.placing import Scene, choose
from shared.coordination.nodes import NodeInfo
from shared.coordination.placement import Placement, preferred_node
from shared.log.position import ShardKey

KEYS = [ShardKey("c", number) for number in range(12)]


def node(name: str, incarnation: int = 1) -> NodeInfo:
    return NodeInfo(f"{name}:{incarnation}", name, "worker", "", 1, "x")


ME, OTHER = node("a"), node("b")
MINE = {key for key in KEYS if preferred_node(key, ["a", "b"]) == "a"}


def scene(owners: dict[ShardKey, Placement], *live: NodeInfo, **more: set[object]) -> Scene:
    names = {one.name for one in live}
    return Scene(KEYS, owners, list(live), more.get("settled", names), more.get("orphaned", set()))  # type: ignore[arg-type]


def test_two_workers_share_free_shards_by_preference() -> None:
    choice = choose(scene({}, ME, OTHER), ME, set(), set())

    assert 0 < len(MINE) < len(KEYS)
    assert (set(choice.take), choice.free) == (MINE, set(KEYS) - MINE)


def test_a_shard_that_its_preferred_worker_leaves_lying_is_taken() -> None:
    lying = next(key for key in KEYS if key not in MINE)

    choice = choose(scene({}, ME, OTHER, orphaned={lying}), ME, set(), set())

    assert lying in choice.take


def test_shards_of_a_dead_worker_are_free() -> None:
    owners = {key: Placement(node_id="b:0", fence=3) for key in KEYS}

    choice = choose(scene(owners, ME), ME, set(), set())

    assert choice.take == KEYS


def test_a_shard_is_handed_over_only_to_a_worker_that_has_settled() -> None:
    owners = {key: Placement(node_id=ME.node_id, fence=3) for key in KEYS}
    hosted = set(KEYS)

    early = choose(scene(owners, ME, OTHER, settled={"a"}), ME, hosted, hosted)
    later = choose(scene(owners, ME, OTHER), ME, hosted, hosted)

    assert early.hand_over == []
    assert len(later.hand_over) == 2
    assert MINE.isdisjoint(later.hand_over)


def test_a_shard_that_another_live_worker_leads_is_let_go() -> None:
    owners = {key: Placement(node_id=OTHER.node_id, fence=4) for key in KEYS}

    choice = choose(scene(owners, ME, OTHER), ME, {KEYS[0]}, {KEYS[0]})

    assert (choice.lost, choice.take) == ([KEYS[0]], [])


def test_hosted_shards_are_claimed_again_under_a_new_lease() -> None:
    owners = {key: Placement(node_id="a:0", fence=3) for key in KEYS}

    choice = choose(scene(owners, ME, OTHER), ME, set(KEYS), set())

    assert choice.take == KEYS
