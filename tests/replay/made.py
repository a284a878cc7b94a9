"""Recordings that are made for tests, in memory."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from httptee.recording import Exchange, Gap, Kept

NOON = 1_800_000_000 * 10**9  # the arrival of the first request, in nanoseconds
MS = 1_000_000


class Made:
    """A recording of these exchanges, of which those in a gap are damaged. It has what `recording.Recording` has."""

    def __init__(self, exchanges: Iterable[Exchange], primary: str = "", gaps: Sequence[Gap] = ()) -> None:
        self.exchanges = sorted(exchanges, key=lambda exchange: exchange.arrived)
        self.primary = primary
        self.count = len(self.exchanges)
        self.first = self.exchanges[0].arrived if self.exchanges else 0
        self.last = self.exchanges[-1].arrived if self.exchanges else 0
        self.gaps = tuple(gaps)
        self.damaged = {gap.first for gap in gaps if gap.reason == "damaged"}

    def __iter__(self):
        return self.between()

    def between(self, first=0, last=None, on_damaged=None):
        for exchange in self.exchanges:
            if exchange.arrived >= first and (last is None or exchange.arrived <= last):
                if exchange.arrived in self.damaged:
                    on_damaged(exchange.arrived)
                else:
                    yield exchange

    def close(self):
        pass

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.close()


def exchange(
    number=0, method="GET", target=None, at=None, connection=1, headers=(("Host", "a.example"),), body=b"", status=200,
    answer=b"ok", answer_headers=(("Content-Type", "text/plain"),), **changed,
):  # fmt: skip
    """One exchange; without `at`, 10 ms after the one with the number before it."""
    kept = body if isinstance(body, Kept) else Kept.of(body)
    given = answer if isinstance(answer, Kept) else Kept.of(answer)
    values = {
        "connection": connection, "place": number + 1, "client": "192.0.2.1",
        "arrived": NOON + (10 * MS * number if at is None else round(at * 10**9)), "first_byte": MS, "ended": 2 * MS,
        "method": method, "target": f"/{number}" if target is None else target, "headers": tuple(headers), "body": kept,
        "status": status, "reason": "OK", "answer_headers": tuple(answer_headers), "answer_body": given, "error": "",
    }  # fmt: skip
    return Exchange(**{**values, **changed})
