"""Lines of the ledger added up, and what a statement takes from them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from httptee.ledger.columns import WorkerLine
from httptee.ledger.statements import Latency, TunnelStatement


def add_lines(line: memoryview, lines: Sequence[Sequence[int]], columns: int) -> None:
    """Add the first `columns` of each of the lines to one line."""
    for one in lines:
        for column in range(columns):
            line[column] += one[column]


def summed(lines: Sequence[Sequence[int]]) -> list[int]:
    """The sum of each column."""
    return list(map(sum, zip(*lines, strict=True)))


def counts(total: Sequence[int], columns: Mapping[str, int]) -> dict[str, int]:
    """The columns of a line that are not zero, by their keys."""
    return {key: total[column] for key, column in columns.items() if total[column]}


def statuses(total: Sequence[int], columns: Mapping[int, int], other: int) -> dict[int, int]:
    """Counts by status. All statuses outside 100 to 599 are under 0."""
    found = {status: total[column] for status, column in columns.items() if total[column]}
    return found | ({0: total[other]} if total[other] else {})


def tunnels(total: Sequence[int]) -> TunnelStatement:
    """The upgraded connections in a line of worker processes."""
    return TunnelStatement(
        total[WorkerLine.TUNNELS],
        counts(total, WorkerLine.TUNNELS_ENDED),
        total[WorkerLine.TUNNEL_RECEIVED],
        total[WorkerLine.TUNNEL_SENT],
    )


def latency(total: Sequence[int], buckets: Sequence[int], microseconds: int) -> Latency:
    """The durations in a line."""
    return Latency(tuple(total[column] for column in buckets), total[microseconds] / 1e6)
