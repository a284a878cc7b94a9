"""A tee whose ledger can be read while it runs, for any address of B."""

from __future__ import annotations

import contextlib
import http.client
import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from ..errors import BenchError
from .processes import Process, free_port
from .subjects import Command, Running, Subject, running, start_httptee
from .workspace import Workspace


@dataclass(frozen=True)
class Watched:
    """A running tee. `admin` is the port of its admin listener, None for a tee that has none."""

    tee: Running
    process: Process
    admin: int | None

    def ledger(self) -> dict[str, Any]:
        """B's ledger as /status has it, or nothing for a tee without one."""
        if self.admin is None:
            return {}
        found: dict[str, Any] = status(self.admin)["b"][0]["ledger"]
        return found


def status(port: int, page: str = "/status") -> dict[str, Any]:
    """The status page of an admin listener, or another page of JSON.

    Raises OSError where it does not answer, and ValueError where the page is none.
    """
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", page)
        answer: dict[str, Any] = json.loads(connection.getresponse().read())
        return answer
    finally:
        connection.close()


def fates(ledger: dict[str, Any]) -> dict[str, int]:
    """The clones of a ledger by what became of them. Reasons without a clone are left out."""
    if not ledger:
        return {}
    found = {"delivered": ledger["delivered"], "in flight": ledger["in_flight"]}
    for what in ("failed", "dropped"):
        found |= {f"{what} {reason}": number for reason, number in ledger[f"{what}_by_reason"].items()}
    return {name: number for name, number in found.items() if number}


@contextlib.contextmanager
def watched(
    workspace: Workspace, subject: Subject, a: int, b: int, *options: str, b_url: str | None = None
) -> Iterator[Watched]:
    """Start a tee before the block and end it after. `options` and `b_url` are for httptee alone."""
    admin = None
    if subject.starter is start_httptee:
        admin = free_port()
        more = ("-b", b_url or f"http://127.0.0.1:{b}", "-b.percent", "100", "-admin", f"127.0.0.1:{admin}", *options)

        def starter(workspace: Workspace, port: int, a: int, b: int | None) -> Command:
            return start_httptee(workspace, port, a, None, *more)

        subject = replace(subject, starter=starter)
    elif b_url or options:
        raise BenchError("measured with httptee alone")
    with running(workspace, subject, a, b) as tee:
        if tee.process is None:
            raise BenchError("no tee, so no B")
        yield Watched(tee, tee.process, admin)
