"""The loads."""

from __future__ import annotations

from bench.scenarios.tees import workloads


def test_large_and_bulky_cases_keep_their_own_number_of_connections() -> None:
    found = [(one.case.key, one.connections) for one in workloads(["get", "get1m"], [1, 32])]
    assert found == [("get", 1), ("get", 32), ("get1m", 8)]
