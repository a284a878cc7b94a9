import pytest

from bench.scenarios.selection import CASES, HEADERS, chosen
from httptee.http.message import Request


@pytest.mark.parametrize("name", CASES)
def test_what_the_bench_measures_goes_through_all_rules(name):
    asked = Request("GET", "/shop/cart?x=1", HEADERS, b"", "192.0.2.1", "http")
    for selection in chosen(CASES[name]):
        assert {selection.refuses(asked) for _ in range(50)} <= {None, "sampled_out"}
