"""The orders of a request."""

from __future__ import annotations

from bench.torture.orders import CHUNKED, Order


def test_orders_survive_the_way_through_a_target() -> None:
    order = Order("7-8", "reset.120", "endless.0", CHUNKED, 5_000)
    assert Order.parse(order.target) == order
    assert order.fault("a") == ("reset", 120)
    assert Order.parse("/smuggled") is None
