import pytest

from httptee.compare.segments import PLACEHOLDERS, placeholder


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0", "{int}"),
        ("-17", "{int}"),
        ("1234567890" * 5, "{int}"),
        ("123e4567-e89b-12d3-a456-426614174000", "{uuid}"),
        ("123E4567-E89B-12D3-A456-426614174000", "{uuid}"),
        ("9f86d081884c7d65", "{hex}"),
        ("deadbeefdeadbeef", "{hex}"),
        ("a" * 128, "{hex}"),
        ("dQw4w9WgXcQdQw4w9", "{token}"),
        ("eyJhbGciOiJIUzI1-NiJ9", "{token}"),
        ("x" * 65, "{long}"),
        ("x" * 100_000, "{long}"),
        ("1" * 100_000, "{long}"),
        (" ü" * 40, "{long}"),
    ],
)
def test_ids_have_a_placeholder(text, expected):
    assert placeholder(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "-",
        "users",
        "v1",
        "9f86d081884c7d6",
        "index.html",
        "internationalization",
        "a b",
        "²",
        "{id}",
        "1.5",
        "x" * 64,
    ],
)
def test_names_have_none(text):
    assert placeholder(text) == ""


@pytest.mark.parametrize("text", sorted(PLACEHOLDERS))
def test_a_placeholder_stays_what_it_is(text):
    assert placeholder(text) == text
