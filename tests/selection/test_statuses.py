import pytest

from httptee.selection.statuses import Statuses


@pytest.mark.parametrize(
    ("text", "inside", "outside"),
    [
        ("2xx", [200, 204, 299], [199, 302, 404, 502, 0]),
        ("200,304", [200, 304], [201, 404]),
        ("2xx,404", [202, 404], [400, 304]),
        ("!5xx", [200, 404, 0], [500, 502, 599]),
    ],
)
def test_statuses_are_classes_and_numbers(text, inside, outside):
    statuses = Statuses.parse(text)
    assert statuses.text == text
    assert all(status in statuses for status in inside)
    assert not any(status in statuses for status in outside)


@pytest.mark.parametrize("text", ["", "ok", "2x", "2xx,", "20", "600", "2xx 3xx", "0xx", "2*"])
def test_anything_else_is_refused(text):
    with pytest.raises(ValueError, match="must be statuses of A"):
        Statuses.parse(text)
