import time

import pytest

from httptee.page.figures import UNKNOWN, duration, figure, rate, shown, size, stamp, zone


@pytest.mark.parametrize(
    ("value", "kind", "said"),
    [
        (None, "count", UNKNOWN),
        ("", "text", UNKNOWN),
        (True, "count", "yes"),
        (False, "text", "no"),
        (1234567, "count", "1,234,567"),
        (0, "count", "0"),
        (100.0, "count", "100"),
        (12.5, "count", "12.5"),
        (41234, "text", "41234"),
        (0.0, "seconds", UNKNOWN),
        (0.0012, "seconds", "1.2 ms"),
        (0.25, "share", "25 %"),
        ("up", "count", "up"),
        (2048, "bytes", "2 KiB"),
        (75, "duration", "1 min 15 s"),
    ],
)
def test_each_kind_of_value_is_written_for_people(value, kind, said):
    assert figure(value, kind) == said


@pytest.mark.parametrize(
    ("value", "said"), [(0, "0"), (0.25, "0.25"), (1.25, "1.2"), (9.96, "10.0"), (10, "10"), (1020.4, "1,020")]
)
def test_a_rate_has_the_digits_that_mean_something(value, said):
    assert rate(value) == said


@pytest.mark.parametrize(
    ("value", "said"),
    [(0, "0 B"), (1023, "1023 B"), (1536, "1.5 KiB"), (64 << 20, "64 MiB"), (3 << 30, "3 GiB"), (5 << 40, "5.0 TiB")],
)
def test_sizes_are_in_binary_units(value, said):
    assert size(value) == said


@pytest.mark.parametrize(
    ("value", "said"),
    [(0, "0 s"), (0.25, "250 ms"), (59.9, "59 s"), (3600, "1 h 0 min"), (90061, "1 d 1 h"), (86400 * 400, "400 d 0 h")],
)
def test_a_duration_is_in_its_two_largest_units(value, said):
    assert duration(value) == said


@pytest.mark.parametrize(
    ("name", "winter"),
    [
        ("UTC", "UTC"),
        ("CET-1CEST,M3.5.0,M10.5.0/3", "UTC+01:00 (CET)"),
        ("<-0330>3:30", "UTC-03:30"),
    ],
)
def test_the_time_zone_is_said_with_its_distance_from_utc(monkeypatch, name, winter):
    monkeypatch.setenv("TZ", name)
    try:
        time.tzset()
        assert zone(1_700_000_000) == winter
    finally:
        monkeypatch.undo()
        time.tzset()


def test_a_moment_is_in_the_time_zone_of_the_tee():
    assert time.mktime(time.strptime(stamp(1_700_000_000), "%Y-%m-%d %H:%M:%S")) == 1_700_000_000


def test_control_characters_are_escaped_and_long_text_is_cut():
    assert shown("a\x00b\x1b[31m\u202ec") == "a\\x00b\\x1b[31m\\u202ec"
    assert shown("x" * (1 << 20), 10) == "xxxxxxxxx…"
    assert shown("x" * 10, 10) == "x" * 10
    assert len(shown("\x00" * (1 << 20), 10)) == 10
