import io

import pytest

from httptee.verdict.display.style import Style, columns, cut, harmless, padded, percent, seconds


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.mark.parametrize(
    ("stream", "environ", "colored"),
    [
        (Terminal(), {}, True),
        (Terminal(), {"TERM": "xterm"}, True),
        (Terminal(), {"TERM": "dumb"}, False),
        (Terminal(), {"NO_COLOR": "1"}, False),
        (Terminal(), {"NO_COLOR": ""}, True),
        (io.StringIO(), {}, False),
    ],
)
def test_there_are_colors_only_on_a_terminal(stream, environ, colored):
    assert Style.of(stream, 100, environ).colored is colored


def test_a_text_is_colored_or_stays():
    assert Style(True)("NO", "red", "bold") == "\x1b[31;1mNO\x1b[0m"
    assert Style(False)("NO", "red") == "NO"
    assert Style(True)("", "red") == ""


@pytest.mark.parametrize(
    ("text", "shown"),
    [("plain é 漢", "plain é 漢"), ("\x1b[2J", "\\x1b[2J"), ("a\nb\r\t\0", "a\\nb\\r\\t\\x00"),
     ("\u202eabc", "\\u202eabc"), ("\x9b31m", "\\x9b31m"), ("\udc80", "\\udc80")],
)  # fmt: skip
def test_no_text_steers_the_terminal(text, shown):
    assert harmless(text) == shown
    shown.encode()


@pytest.mark.parametrize(("text", "width"), [("abc", 3), ("漢字", 4), ("e\u0301", 1), ("", 0)])
def test_columns_are_counted_as_a_terminal_does(text, width):
    assert columns(text) == width


@pytest.mark.parametrize(
    ("text", "width", "shown"),
    [
        ("abcdef", 6, "abcdef"),
        ("abcdef", 5, "abcd…"),
        ("漢字漢字", 5, "漢字…"),
        ("abc", 1, "…"),
        ("a" * 10_000, 3, "aa…"),
    ],
)
def test_a_long_text_is_cut_and_it_shows(text, width, shown):
    assert cut(text, width) == shown
    assert columns(padded(text, width)) == width


@pytest.mark.parametrize(
    ("value", "shown"),
    [(None, "-"), (0.0, "0 µs"), (0.000_25, "250 µs"), (0.0021, "2.1 ms"), (0.12345, "123 ms"), (0.9999, "1.00 s"),
     (12.3456, "12.35 s")],
)  # fmt: skip
def test_a_time_has_a_unit(value, shown):
    assert seconds(value) == shown


@pytest.mark.parametrize(
    ("share", "shown"),
    [(0.0, "0 %"), (1.0, "100 %"), (0.9996, "100 %"), (0.986, "98.6 %"), (0.02, "2 %"), (0.0148, "1.5 %"),
     (0.001, "0.1 %"), (0.00012, "0.012 %"), (0.000_01, "< 0.01 %")],
)  # fmt: skip
def test_a_share_has_the_digits_that_mean_something(share, shown):
    assert percent(share) == shown
