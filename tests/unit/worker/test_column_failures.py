"""When a column that could not be built is tried again."""

from services.worker.column_failures import LONGEST_WAIT_S, ColumnFailures, Subject

CITY = Subject("a1", "city", "plain")
TEXT = Subject("a2", "text", "text:1")


def test_each_failure_doubles_the_wait_up_to_the_longest() -> None:
    failures = ColumnFailures()
    waits = []

    now = 0.0
    for _ in range(40):
        failures.failed(CITY, "no room", now)
        assert failures.next_at is not None
        waits.append(failures.next_at - now)
        assert not failures.may_try(CITY, failures.next_at - 0.01)
        now = failures.next_at

    assert waits[:4] == [0.5, 1.0, 2.0, 4.0]
    assert waits[-1] == LONGEST_WAIT_S
    assert failures.may_try(CITY, now)


def test_a_column_that_was_built_or_is_not_wanted_any_more_is_forgotten() -> None:
    failures = ColumnFailures()
    failures.failed(CITY, "no room", 0.0)
    failures.failed(TEXT, "disk", 0.0)

    told = failures.reasons
    failures.succeeded(CITY)
    without_city = failures.reasons
    failures.keep(set())

    assert told == {"city": "no room", "text": "disk"}
    assert without_city == {"text": "disk"}
    assert (failures.reasons, failures.next_at) == ({}, None)
    assert failures.may_try(TEXT, 0.0)
