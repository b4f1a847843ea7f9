"""Which shards rest and which are closed."""

from services.worker.idling import OPEN_BYTES, STEPS_MAX, Activity, Idler, IdleRule, choose_idle
from shared.log.position import ShardKey

MB = 2**20
RULE = IdleRule(rest_s=5, close_s=30, bytes_max=10 * MB)


def idler(number: int, **given: object) -> Idler:
    usual = Idler(ShardKey("c", number), 100.0, 100.0, is_settled=True, is_resting=True, bytes=MB)
    return usual._replace(**given)  # type: ignore[arg-type]


def test_a_quiet_shard_rests_and_a_busy_or_unsettled_one_does_not() -> None:
    quiet = idler(1, is_resting=False)
    others = [
        idler(2, is_resting=False, quiet_s=1.0),
        idler(3, is_resting=False, is_settled=False),
        idler(4),
    ]

    choice = choose_idle([quiet, *others], RULE)

    assert choice.rest == [quiet.key]
    assert choice.close == []


def test_nothing_is_closed_while_the_open_shards_fit() -> None:
    choice = choose_idle([idler(number) for number in range(9)], RULE)

    assert choice.close == []


def test_the_longest_unused_are_closed_until_the_others_fit() -> None:
    shards = [idler(number, unused_s=100.0 + number) for number in range(12)]

    choice = choose_idle(shards, RULE)

    assert [key.shard for key in choice.close] == [11, 10, 9]


def test_used_and_unsettled_shards_stay_open_however_little_room_there_is() -> None:
    shards = [
        idler(1, unused_s=2.0),
        idler(2, is_settled=False),
        idler(3, is_resting=False),
        idler(4, bytes=50 * MB, unused_s=10.0),
    ]

    assert choose_idle(shards, RULE).close == []


def test_empty_shards_count_too_and_are_closed_in_steps() -> None:
    shards = [idler(number, bytes=0) for number in range(1000)]

    choice = choose_idle(shards, RULE._replace(bytes_max=100 * OPEN_BYTES))

    assert len(choice.close) == STEPS_MAX


def test_an_empty_shard_is_closed_although_there_is_room() -> None:
    empty, used, full = idler(1, bytes=0), idler(2, bytes=0, unused_s=2.0), idler(3)

    choice = choose_idle([full, used, empty], RULE)

    assert choice.close == [empty.key]


def test_reading_uses_a_shard_and_writing_makes_it_busy() -> None:
    activity = Activity(0.0)

    activity.look(1.0, applied=7, was_read=False)
    assert not activity.look(2.0, applied=7, was_read=True)
    assert (activity.applied_at, activity.used_at) == (1.0, 2.0)
    assert activity.look(3.0, applied=8, was_read=False)

    assert (activity.applied_at, activity.used_at) == (3.0, 3.0)
