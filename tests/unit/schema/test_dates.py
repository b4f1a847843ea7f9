"""Which texts are dates, and when: the answers of the reference's engine (qdrant_edge 0.9), tried text by text."""

from datetime import UTC, datetime

import pytest

from shared.schema.dates import micros_of

SECOND = 1_000_000
AT_TEN = 1_422_784_800 * SECOND
"""2015-02-01T10:00:00Z."""

ACCEPTED = {
    "2015-02-01": AT_TEN - 36_000 * SECOND,
    "2015-2-1": AT_TEN - 36_000 * SECOND,
    "2015-02-01T10:00": AT_TEN,
    "2015-02-01 10:00": AT_TEN,
    "2015-02-01 10:00:00": AT_TEN,
    "2015-02-01T10:00:00Z": AT_TEN,
    "2015-02-01t10:00:00z": AT_TEN,
    "2015-02-01 10:00:00 UTC": AT_TEN,
    "2015-02-01T10:00:00.1": AT_TEN + 100_000,
    "2015-02-01T10:00:00.1234567891Z": AT_TEN + 123_456,
    "2015-02-01T10:00:00+01": AT_TEN - 3600 * SECOND,
    "2015-02-01T10:00:00+0130": AT_TEN - 5400 * SECOND,
    "2015-02-01T10:00:00.5 +01:30": AT_TEN - 5400 * SECOND + 500_000,
    "2015-02-01T10:00:00-00:30": AT_TEN + 1800 * SECOND,
    "2015-02-01T10:00:00\u221201:00": AT_TEN + 3600 * SECOND,
    "2015-02-01T09:59:60": AT_TEN,
    " 2015- 02-01T 10:00: 00": AT_TEN,
    "+2015-02-01T10:00": AT_TEN,
    "1969-12-31T23:59:59.9999999Z": -1,
    "1600-01-01": -11_676_096_000 * SECOND,
    "-0001-01-01": -62_198_755_200 * SECOND,
    "+262142-12-31T23:59:59Z": 8_210_266_876_799 * SECOND,
}
REFUSED = [
    *("", "T", "20150201", "2015-032", "2015-W05-7", "2015/02/01", "2015-02", "2015-02-30", "2015-13-01", "1900-02-29"),
    *("2015-02-01T10", "2015-02-01T10Z", "2015-02-01T10:00Z", "2015-02-01T10:00+01:00", "2015-02-01Z", "2015-02-01 "),
    *("2015-02-01T24:00:00", "2015-02-01T10:60", "2015-02-01T10:00:61Z", "2015-02-01t10:00:00"),
    *("2015-02-01 10:00:00 AM", "2015-02-01T10:00:00GMT", "2015-02-01T10:00:00,5", "2015-02-01T10:00:00.Z"),
    *("2015-02-01T10:00:00+1", "2015-02-01T10:00:00+24:00", "2015-02-01T10:00:00+00:60", "2015-02-01T10:00:00+010"),
    *("10000-01-01", "+262143-01-01", "+262142-12-31T23:59:59-10:00", "\uff12\uff10\uff11\uff15-02-01"),
    *("02015-02-01", "2015-002-01", "2015-02-01T010:00", "2015-02-01\u200b10:00:00", "not a date", "+" + "9" * 5000),
]


@pytest.mark.parametrize(("text", "micros"), ACCEPTED.items())
def test_text_is_a_date(text, micros):
    assert micros_of(text) == micros


@pytest.mark.parametrize("text", REFUSED)
def test_text_is_no_date(text):
    assert micros_of(text) is None


def test_every_day_of_four_centuries_is_the_day_of_the_calendar():
    days = range(datetime(1900, 1, 1).toordinal(), datetime(2300, 1, 1).toordinal())
    epoch = datetime(1970, 1, 1).toordinal()

    read = [micros_of(datetime.fromordinal(day).strftime("%Y-%m-%d")) for day in days]

    assert read == [(day - epoch) * 86_400 * SECOND for day in days]


def test_forms_that_machines_write_read_the_same_as_with_a_zone():
    moments = [datetime(1950 + 3 * n, 1 + n % 12, 1 + n % 28, n % 24, n, 59 - n, n, tzinfo=UTC) for n in range(50)]

    read = [(micros_of(one.isoformat()), micros_of(one.isoformat().replace("+00:00", "Z"))) for one in moments]

    assert read == [(round(one.timestamp() * SECOND),) * 2 for one in moments]


def test_long_hostile_text_is_refused_in_linear_time():
    spaces = " " * 1_000_000

    read = [
        micros_of(text) for text in (spaces, f"2015-02-01T10:00:00+01{spaces}x", f"2015-02-01{spaces}", f"+{spaces}")
    ]

    assert read == [None] * 4
