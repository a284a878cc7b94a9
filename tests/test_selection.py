import re
from io import BytesIO

import pytest

from httptee.message import FileBody, Request
from httptee.selection import Selection


def request(method="GET", body=b""):
    return Request(method, "/", [], body, "192.0.2.1", "http")


def test_by_default_every_request_is_for_b():
    assert Selection().refuses(request()) is None


@pytest.mark.parametrize(
    ("drawn", "reason"), [(0.0, None), (0.0999, None), (0.1, "sampled_out"), (0.99, "sampled_out")]
)
def test_a_share_of_ten_percent_takes_the_lowest_tenth_of_the_draws(drawn, reason):
    assert Selection(percent=10, draw=lambda: drawn).refuses(request()) == reason


def test_zero_percent_is_nothing_even_for_the_lowest_draw():
    assert Selection(percent=0, draw=lambda: 0.0).refuses(request()) == "sampled_out"


def test_methods_are_searched_as_the_go_tees_do():
    selection = Selection(methods=re.compile("^P|HEAD"))
    assert selection.refuses(request("HEAD")) is None
    assert selection.refuses(request("POST")) is None
    assert selection.refuses(request("GET")) == "filtered"


def test_what_is_filtered_is_not_drawn_for():
    def draw():
        raise AssertionError("drawn")

    assert Selection(percent=10, methods=re.compile("GET"), draw=draw).refuses(request("PUT")) == "filtered"


def test_a_body_over_the_limit_is_too_large():
    selection = Selection(max_body=3)
    assert selection.refuses(request(body=b"abc")) is None
    assert selection.refuses(request(body=b"abcd")) == "too_large"


def test_a_body_in_a_file_is_too_large():
    assert Selection().refuses(request(body=FileBody(BytesIO(b"a"), 1))) == "too_large"
