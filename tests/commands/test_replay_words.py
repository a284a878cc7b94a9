import pytest

from httptee.commands.replay.words import given, moment
from httptee.errors import ConfigError
from tests.replay.made import NOON

TO = ["recording", "--to", "http://b:9001"]


def test_by_default_the_recording_is_kept_to():
    asked = given(TO)
    assert (asked.speed, asked.rate, asked.max, asked.connections, asked.loop, asked.delta) == (
        1.0, None, False, "recorded", 1, 0.1,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("words", "name", "value"),
    [(["--speed", "2.5"], "speed", 2.5), (["--rate", "500/s"], "rate", 500.0), (["--rate=500"], "rate", 500.0),
     (["--max"], "connections", "pool"), (["--max"], "c", 32),
     (["--max", "-c", "8"], "c", 8), (["--connections", "pool", "-c", "8"], "c", 8),
     (["--loop"], "loop", 0),
     (["--loop", "3"], "loop", 3), (["--max-gap", "250ms"], "max_gap", 0.25), (["--max-gap", "2m"], "max_gap", 120.0),
     (["--from", "+5m"], "first", "+5m")],
)  # fmt: skip
def test_an_option_has_its_value(words, name, value):
    assert getattr(given([*TO, *words]), name) == value


@pytest.mark.parametrize(
    "words",
    [["--speed", "0"], ["--speed", "-1"], ["--rate", "fast"],
     ["--speed", "2", "--rate", "5"], ["--max", "--speed", "2"],
     ["-c", "0"], ["--limit", "x"], ["--max-gap", "5 parsecs"], ["--connections", "none"], ["--delta", "101"],
     ["--max", "--connections", "recorded"], ["-c", "8"], ["-c", "8", "--connections", "recorded"],
     ["--max-gap", "5s", "--rate", "5/s"], ["--max-gap", "5s", "--max"], ["--no-compare", "--verdict", "x"],
     ["--no-compare", "--html", "x"], ["--no-compare", "--a", "http://a"], ["--no-compare", "--times"],
     ["--dry-run", "--loop"], ["--unknown"], ["--spe", "2"]],
)  # fmt: skip
def test_a_mistake_is_refused(words):
    with pytest.raises(ConfigError):
        given([*TO, *words])


@pytest.mark.parametrize("words", [["recording"], ["--to", "http://b"], []])
def test_a_recording_and_a_server_are_needed(words):
    with pytest.raises(ConfigError):
        given(words)


@pytest.mark.parametrize(
    ("text", "found"),
    [(None, None), ("+90s", NOON + 90 * 10**9), ("+1.5h", NOON + 5400 * 10**9), ("2027-01-15T08:00:00Z", NOON),
     ("2027-01-15T09:00:00.5+01:00", NOON + 5 * 10**8)],
)  # fmt: skip
def test_a_time_is_a_date_or_an_offset(text, found):
    assert moment(text, NOON, "--from") == found


@pytest.mark.parametrize("text", ["noon", "+", "+x", "12:00"])
def test_another_time_is_refused(text):
    with pytest.raises(ConfigError, match="--from"):
        moment(text, NOON, "--from")
