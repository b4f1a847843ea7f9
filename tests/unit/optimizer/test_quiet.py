"""When a build begins."""

from services.optimizer.quiet import SMALL_BYTES, QuietRule, QuietWatch

RULE = QuietRule(quiet_s=1.0, wait_s=60.0)


def test_build_waits_until_the_head_stands_still() -> None:
    watch = QuietWatch(RULE, head=5, now=0.0)

    watch.observe(6, 0.5)

    assert not watch.is_quiet(SMALL_BYTES, 1.25)
    assert watch.is_quiet(SMALL_BYTES, 1.5)


def test_small_build_waits_a_third_of_a_second() -> None:
    watch = QuietWatch(RULE, head=5, now=0.0)

    watch.observe(6, 1.0)

    assert not watch.is_quiet(SMALL_BYTES - 1, 1.2)
    assert watch.is_quiet(SMALL_BYTES - 1, 1.31)


def test_build_under_a_steady_load_begins_after_the_longest_wait() -> None:
    watch = QuietWatch(RULE, head=0, now=0.0)

    for second in range(61):
        watch.observe(second * 10, float(second))

    assert not watch.is_quiet(SMALL_BYTES, 59.9)
    assert watch.is_quiet(SMALL_BYTES, 60.0)
