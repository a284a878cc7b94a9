"""What choosing costs: `python -m bench.selection`. No server, no network: CPU time of the decisions alone."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from statistics import median
from time import process_time

from httptee.backend import Backend
from httptee.endpoint import Endpoint
from httptee.message import Request
from httptee.selection import Selection, selections
from httptee.settings import Settings
from httptee.shadow_settings import shadow_settings

ROUNDS = 7
REQUESTS = 20_000
LIMIT = 10.0  # microseconds a request, for five Bs with three filters each

HEADERS = [
    ("Host", "shop.example"), ("User-Agent", "Mozilla/5.0 (X11; Linux x86_64) Firefox/128.0"), ("Accept", "text/html"),
    ("Accept-Language", "en"), ("Accept-Encoding", "gzip"), ("Referer", "https://shop.example/"), ("DNT", "1"),
    ("Cookie", "theme=dark; sid=4f1c2b7a9d; consent=yes"), ("X-User", "alice"), ("X-Tenant", "acme"),
    ("X-Request-Id", "01J8ZQ"), ("Cache-Control", "no-cache"),
]  # fmt: skip
FILTERS = "methods=GET,HEAD path=/shop/* header=X-Tenant=acme"
CASES: dict[str, Sequence[str]] = {
    "5 Bs that get everything": ["{b}"] * 5,
    "5 Bs, percent=10": ["{b} percent=10"] * 5,
    "5 Bs, 3 filters each": [f"{{b}} {FILTERS}"] * 5,
    "5 Bs, 3 regular expressions each": ["{b} path=re:^/shop/ header=User-Agent~Firefox header='!Cookie~bot'"] * 5,
    "5 Bs, percent=10 by user": ["{b} percent=10 sticky=header:X-User"] * 5,
    "5 Bs, percent=10 by session": ["{b} percent=10 sticky=cookie:sid"] * 5,
    "5 Bs, rate=1000/s": ["{b} rate=1000/s"] * 5,
}


def chosen(lines: Sequence[str]) -> list[Selection]:
    """The selections of these Bs."""
    backends = [Backend.parse(line.format(b=f"http://b{number}")) for number, line in enumerate(lines)]
    return selections(shadow_settings(Settings(a=Endpoint.parse("a"), b=tuple(backends))))


def microseconds(lines: Sequence[str]) -> float:
    """CPU time of all decisions about one request: the median of the rounds, the loop itself taken off."""
    ask = [selection.refuses for selection in chosen(lines)]
    requests = [Request("GET", f"/shop/cart/{number}?x=1", HEADERS, b"", "192.0.2.1", "http") for number in range(1000)]
    return median(_round(ask, requests) - _round([_nothing] * len(ask), requests) for _ in range(ROUNDS))


def _round(ask: Sequence[Callable[[Request], object]], requests: Sequence[Request]) -> float:
    started = process_time()
    for _ in range(REQUESTS // len(requests)):
        for request in requests:
            for one in ask:
                one(request)
    return (process_time() - started) / REQUESTS * 1e6


def _nothing(request: Request) -> None:
    return None


def main() -> int:
    """Print a table; the exit status says whether the limit holds."""
    figures = {name: microseconds(lines) for name, lines in CASES.items()}
    for name, figure in figures.items():
        print(f"{name:36} {figure:6.2f} µs a request")
    held = figures["5 Bs, 3 filters each"] <= LIMIT
    print(json.dumps({"held": held, "limit": LIMIT}))
    return 0 if held else 1


if __name__ == "__main__":
    sys.exit(main())
