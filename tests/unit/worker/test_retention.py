"""How much of the log stays although a checkpoint covers it."""

from services.worker.retention import Retention


def test_everything_that_a_checkpoint_covers_goes_by_default() -> None:
    retention = Retention()

    through = [retention.trim_through(position, position * 100, 0) for position in (0, 7, 9)]

    assert through == [0, 7, 9]


def test_what_stays_is_the_most_that_fits_between_checkpoints() -> None:
    retention = Retention()

    through = [retention.trim_through(position, position * 100, 500) for position in (0, 3, 5, 6, 9, 20)]

    assert through == [0, 0, 0, 3, 5, 20]
