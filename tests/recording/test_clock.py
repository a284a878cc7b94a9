"""Dates and times of ISO 8601."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest

from httptee.recording import read_time

NOON = datetime(2027, 1, 15, 12, 0, 0, 500_000)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("2027-01-15T12:00:00.5", NOON),
        ("2027-01-15T12:00:00.500Z", NOON.replace(tzinfo=timezone.utc)),
        ("2027-01-15T12:00:00.500000999z", NOON.replace(tzinfo=timezone.utc)),
        ("2027-01-15T12:00:00.50+01:00", NOON.replace(tzinfo=timezone(timedelta(hours=1)))),
    ],
)
def test_a_fraction_may_have_any_number_of_digits(text: str, found: datetime) -> None:
    assert read_time(text) == found


def test_what_is_no_time_is_refused() -> None:
    with pytest.raises(ValueError, match="noon"):
        read_time("noon")
