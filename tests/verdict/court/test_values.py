import pytest

from httptee.compare import Outline
from httptee.verdict.court.values import STAMP, digest, looks_volatile, number, shape, stamp, text

NOW = 1_700_000_000.0


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, "null"),
        (True, "a boolean"),
        (7, "a whole number"),
        (7.5, "a number"),
        (1_700_000_100, STAMP),
        (1_700_000_100_123, STAMP),
        (1_700_000_100.25, STAMP),
        ("1700000100", STAMP),
        (b"\x00", "bytes"),
        ("", "empty"),
        ("none", "a word"),
        ("not found", "a text with spaces"),
        ("a@b", "a text"),
        ("12.50", "a number as text"),
        ("2023-11-14T22:13:20Z", STAMP),
        ("2023-11-14", "a day"),
        ("Tue, 14 Nov 2023 22:13:20 GMT", STAMP),
        ("6F9619FF-8B86-D011-B42D-00C04FC964FF", "a uuid"),
        ("d41d8cd98f00b204e9800998ecf8427e", "32 hexadecimal digits"),
        ('W/"d41d8cd98f00b204"', "16 hexadecimal digits"),
        ("eyJhbGciOiJIUzI1NiJ9.e30", "a token"),
        ("x" * 10_000, "a word"),
    ],
)
def test_values_have_shapes(value, expected):
    assert shape(value, NOW) == expected


@pytest.mark.parametrize(
    "value",
    [
        "2023-11-14T22:13:20Z",
        "2023-11-14T22:13:20",
        "2023-11-14 22:13:20",
        "2023-11-14T22:13:20.000000001Z",
        "2023-11-14T23:13:20+01:00",
        "2023-11-14T17:43:20-0430",
        "Tue, 14 Nov 2023 22:13:20 GMT",
        1_700_000_000,
        1_700_000_000_000,
        "1700000000",
        1_700_000_000.0,
    ],
)
def test_stamps_are_points_in_time(value):
    assert stamp(value, NOW) == pytest.approx(NOW)


@pytest.mark.parametrize("value", [None, True, 5, 5.5, "5", "now", "2023-13-40T99:00:00Z", "2023-11-14", b"1700000000"])
def test_other_values_are_no_stamps(value):
    assert stamp(value, NOW) is None


def test_a_number_far_from_now_is_no_stamp():
    assert stamp(1_000_000_000, NOW) is None
    assert shape(1_000_000_000, NOW) == "a whole number"


def test_numbers_are_read_from_texts():
    assert [number(value, NOW) for value in (5, 5.5, "-5.25", "5 ms", True, None, 1_700_000_000)] == [
        *(5.0, 5.5, -5.25),
        *(None, None, None, None),
    ]


def test_stamps_hashes_uuids_and_tokens_may_be_made_anew():
    volatile = ["2023-11-14T22:13:20Z", 1_700_000_000, "d41d8cd98f00b204e9800998ecf8427e", '"0123456789abcdef"']
    assert all(looks_volatile(value, NOW) for value in [*volatile, "6f9619ff-8b86-d011-b42d-00c04fc964ff"])
    assert not any(looks_volatile(value, NOW) for value in ["gold", 12.99, True, None, "abcdef12", 7])


def test_the_type_is_part_of_the_digest():
    values = [1, 1.0, True, "1", b"1", None, "None"]
    assert len({digest(value) for value in values}) == len(values)


def test_texts_are_short():
    assert text(Outline('["a", 1]')) == '["a", 1]'
    assert text("x" * 500) == "'" + "x" * 118 + "…"
    assert [text(value) for value in (None, True, 1, 1.5, "a", b"a")] == ["null", "true", "1", "1.5", "'a'", "b'a'"]
