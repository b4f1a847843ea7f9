"""Dates as texts, in payloads and in conditions: which texts are dates, and the moment that each names.

    YYYY-MM-DD                                      midnight, UTC
    YYYY-MM-DD[T or space]HH:MM                     UTC
    YYYY-MM-DD[T or space]HH:MM:SS[.f…][zone]       zone: Z, UTC, +HH:MM, +HHMM or +HH; UTC where there is none

Read as the reference's engine reads them (tried on qdrant_edge): a number may have fewer digits and spaces before it; a
year has up to four digits unless it carries a sign; `t` for `T` needs a zone. Digits beyond microseconds are cut off.
Second 60 is the second after second 59.
"""

import re
from datetime import datetime

MICROS_PER_SECOND = 1_000_000

YEAR_MIN, YEAR_MAX = -262_143, 262_142
"""The years of the reference; their microseconds are within int64."""

_FIRST_MOMENT, _LAST_MOMENT = -8_334_601_228_800, 8_210_266_876_799
"""The first and the last second of those years in UTC."""

_SPACE = r"[\t-\r \x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]"
_NUMBER = rf"{_SPACE}*+([0-9]{{1,2}})"
_ZONE = rf"(?:[Zz]|[Uu][Tt][Cc]|([+\-\u2212])([0-9]{{2}})(?:{_SPACE}|:)*+([0-9]{{2}})?){_SPACE}*+"
_DATE = re.compile(
    rf"{_SPACE}*+([+-][0-9]++|[0-9]{{1,4}})-{_NUMBER}-{_NUMBER}"
    rf"(?:([Tt]|{_SPACE}){_NUMBER}:{_NUMBER}(?::{_NUMBER}(?:\.([0-9]++))?({_SPACE}*+{_ZONE})?)?)?"
)
_YEAR_DIGITS = 6
_DAYS_BEFORE_MONTH = (0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334, 365)
_DAYS_TO_1970 = 719_162
_EPOCH = datetime(1970, 1, 1)


def micros_of(text: str) -> int | None:
    """Return the microseconds since 1970 in UTC of a date, or None when the text is none."""
    usual = _usual(text)
    return usual if usual is not None else _any_form(text)


def _usual(text: str) -> int | None:
    """Read `YYYY-MM-DDTHH:MM:SS[.f…][Z]`, the form that machines write, in a sixth of the time; None for others."""
    seconds_text, tail = text[:19], text[19:].removesuffix("Z")
    if seconds_text[4:11:3] != "--T" or seconds_text[13:17:3] != "::" or seconds_text[11:13] == "24":
        return None
    if tail and not (tail[0] == "." and tail[1:].isdigit() and tail.isascii()):
        return None
    try:
        since = datetime.fromisoformat(seconds_text) - _EPOCH
    except ValueError:
        return None
    return (since.days * 86_400 + since.seconds) * MICROS_PER_SECOND + int(tail[1:7].ljust(6, "0") if tail else 0)


def _any_form(text: str) -> int | None:
    found = _DATE.fullmatch(text)
    if found is None:
        return None
    year, month, day, separator, hour, minute, second, fraction, zone, sign, zone_hours, zone_minutes = found.groups()
    if separator == "t" and zone is None:
        return None
    days = _days(year, int(month), int(day))
    if days is None or separator is None:
        return None if days is None else days * 86_400 * MICROS_PER_SECOND
    seconds = _seconds(int(hour), int(minute), int(second or 0))
    offset = _seconds(int(zone_hours or 0), int(zone_minutes or 0), 0)
    if seconds is None or offset is None:
        return None
    moment = days * 86_400 + seconds + (offset if sign and sign != "+" else -offset)
    if not _FIRST_MOMENT <= moment <= _LAST_MOMENT:
        return None
    return moment * MICROS_PER_SECOND + int(fraction[:6].ljust(6, "0") if fraction else 0)


def _days(year_text: str, month: int, day: int) -> int | None:
    """Return the days since 1970 of a date of the Gregorian calendar; None when there is no such day."""
    digits = year_text.lstrip("+-").lstrip("0")
    if len(digits) > _YEAR_DIGITS or not 1 <= month <= 12:
        return None
    year = -int(digits or 0) if year_text[0] == "-" else int(digits or 0)
    is_leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    length = _DAYS_BEFORE_MONTH[month] - _DAYS_BEFORE_MONTH[month - 1] + (is_leap and month == 2)
    if not (YEAR_MIN <= year <= YEAR_MAX and 1 <= day <= length):
        return None
    before = year - 1
    leap_days = before // 4 - before // 100 + before // 400 + (is_leap and month > 2)
    return before * 365 + leap_days + _DAYS_BEFORE_MONTH[month - 1] + day - 1 - _DAYS_TO_1970


def _seconds(hour: int, minute: int, second: int) -> int | None:
    return hour * 3600 + minute * 60 + second if hour < 24 and minute < 60 and second <= 60 else None
