"""The count of influxd."""

from __future__ import annotations

from bench.scenarios.stores import influx


def test_influx_writes_are_summed_over_its_listeners() -> None:
    variables = {"httpd::1": {"name": "httpd", "values": {"writeReq": 7}}, "cmdline": ["x"], "memstats": {"Alloc": 1}}
    assert influx.writes(variables) == 7
