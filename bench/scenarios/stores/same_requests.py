"""Files for A and B that differ in some routes, and requests that are the same at each run."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Sequence
from multiprocessing import get_context
from pathlib import Path

from tests.support.client import RawClient

ITEMS = 40
"""How many routes there are."""

_STAMP = 1_700_000_000


def site(root: Path, odd: int) -> Path:
    """Files in directories of their own, the first `odd` of which have another content."""
    for number in range(ITEMS):
        file = root / "html" / f"section{chr(97 + number // 10)}" / f"list{chr(97 + number % 10)}.json"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps({"id": number, "price": 2.5 if number < odd else 1.5, "name": "x" * 200}))
        os.utime(file, (_STAMP, _STAMP))
    return root


def paths(root: Path) -> list[str]:
    """What is asked."""
    html = root / "html"
    return sorted(f"/{file.relative_to(html)}" for file in html.rglob("*.json"))


def ask(port: int, targets: Sequence[str], first: int, count: int) -> None:
    """Send so many requests on one connection. The body of a process."""
    with RawClient(port) as client:
        for number in range(first, first + count):
            client.ask(target=targets[number % len(targets)])


def load(ports: Sequence[int], targets: Sequence[str], requests: int) -> float:
    """Send the requests, an equal part to each port; the rate."""
    each, context = requests // len(ports), get_context("fork")
    began = time.monotonic()
    clients = [
        context.Process(target=ask, args=(port, targets, number * each, each)) for number, port in enumerate(ports)
    ]
    for client in clients:
        client.start()
    for client in clients:
        client.join()
    return requests / (time.monotonic() - began)
