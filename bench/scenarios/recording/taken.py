"""A recording that a tee makes of a load at a fixed rate."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from httptee.recording import Exchange, read_recording

from ...errors import BenchError
from ...programs.clients.paced_bodies import asked
from ...programs.load import Load, Outcome
from ...programs.nginx_log import LoggingNginx
from ...programs.processes import free_port
from ...programs.subjects import Command, Subject, running, start_httptee
from ...programs.workspace import Workspace


def recorded_by_tee(
    workspace: Workspace, directory: Path, rate: int, seconds: int, connections: int
) -> list[Exchange]:  # fmt: skip
    """What a tee has recorded in `directory`, in the order of arrival. Raises BenchError if it is not what was sent."""

    def start(workspace: Workspace, port: int, a: int, b: int | None) -> Command:
        # The request that finds out whether the tee is ready is none of the load.
        return start_httptee(workspace, port, a, b, "-record", str(directory), "-record.only", "path=!/")

    a = LoggingNginx(workspace, free_port(), free_port())
    with running(workspace, Subject("httptee -record", start), a.port, None) as tee:
        outcome = Load("", directory).bodies(tee.url, rate, seconds, connections)
    workspace.end(a.process)
    found = list(read_recording([directory]))
    if wrong := differing(outcome, found):
        raise BenchError(wrong)
    return found


def differing(outcome: Outcome, recorded: Iterable[Exchange]) -> str:
    """How a recording differs from the load that it is of. Empty if it does not."""
    number = outcome.requests + outcome.errors
    sent = Counter(map(asked, range(number)))
    got = Counter((one.method, one.target, one.body.data) for one in recorded)
    if not outcome.errors and got == sent:
        return ""
    return (
        f"of {number:,} requests, {outcome.errors:,} failed, the recording lacks {(sent - got).total():,} and has "
        f"{(got - sent).total():,} that were not sent"
    )
