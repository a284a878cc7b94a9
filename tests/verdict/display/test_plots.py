import xml.etree.ElementTree as ElementTree

import pytest

from httptee.verdict.display.plots import Axis, latency_plot, mismatch_plot
from tests.verdict.evidence.made import latency, route


def texts(svg):
    return [node.text for node in ElementTree.fromstring(svg).iter() if node.tag == "text"]


def test_an_axis_is_logarithmic_and_bounded():
    axis = Axis(0.001, 1.0)
    left, right = axis(0.001), axis(1.0)
    assert axis(0.0316228) == pytest.approx((left + right) / 2)
    assert (axis(0.0), axis(5.0)) == (left, right)
    assert axis.ticks() == pytest.approx([0.001, 0.01, 0.1, 1.0])
    assert Axis(0.001, 0.012).ticks() == pytest.approx([0.001, 0.002, 0.005, 0.01])


def test_the_latency_of_each_route_is_drawn():
    svg = latency_plot([route("GET /<a>"), route("GET /b", latency=latency(b=0.02))])
    assert {"GET /<a>", "GET /b"} <= set(texts(svg))
    assert "B: p50 20 ms, p99 100 ms" in svg
    assert svg.count('<g class="a">') == svg.count('<g class="b">') == 2


def test_routes_without_times_are_left_out():
    assert latency_plot([route(latency=latency(a=None))]) == ""
    assert latency_plot([]) == ""
    assert "GET /n" not in latency_plot([route(), route("GET /n", latency=latency(a=None))])


def test_the_mismatches_of_each_route_are_drawn():
    svg = mismatch_plot([route("GET /a"), route("GET /b", equal=1000, unexplained=0)], 0.001)
    assert {"GET /a", "GET /b"} <= set(texts(svg))
    assert svg.count('class="bound"') == 2
    assert svg.count('class="all"') == svg.count('class="bad"') == 1
    assert svg.count('class="delta"') == 1


def test_without_a_judged_pair_there_is_no_plot():
    assert mismatch_plot([route(judged=0, equal=0, unexplained=0)], 0.001) == ""


@pytest.mark.parametrize("delta", [0.0, 1e-9, 1.0])
def test_any_delta_can_be_drawn(delta):
    ElementTree.fromstring(mismatch_plot([route(bound=0.0), route(bound=float("inf"))], delta))
