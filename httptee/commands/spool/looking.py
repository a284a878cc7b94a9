"""What waits in the directory of one B: counted and checked, without a change."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from time import gmtime, strftime

from httptee.spool import SUFFIX, Aside, SetAside, Stream, streams_in
from httptee.verdict.display import curl_command, harmless
from httptee.verdict.evidence import StoredRequest

_SECRET_FIELD = re.compile(r"auth|cookie|token|secret|key|pass|session|credential", re.IGNORECASE)
_SECRET_PARAMETER = re.compile(r"(?<=[?&])([^=&]*(?:auth|token|secret|key|pass|session)[^=&]*|p)=[^&]*", re.IGNORECASE)


@dataclass(slots=True)
class Waiting:
    """What waits for one B. Times are in nanoseconds since the epoch, 0 if nothing waits. `bad`: missing or damaged."""

    directory: Path
    clones: int = 0
    bad: int = 0
    first: int = 0
    last: int = 0
    size: int = 0
    aside: int = 0


def directories(given: str) -> list[Path]:
    """The directories of the Bs in a spool, or this one if it is that of a B. Raises OSError, ValueError."""
    directory = Path(given)
    inner = [path for path in sorted(directory.iterdir()) if path.is_dir() and _is_of_b(path)]
    if not inner and not _is_of_b(directory):
        raise ValueError(f"{given}: there is no spool in it")
    return inner or [directory]


def waiting_in(directory: Path) -> Waiting:
    """Read everything that waits for one B. Raises OSError."""
    found = Waiting(directory, aside=len(Aside(directory)))
    found.size = sum(path.stat().st_size for path in directory.glob(f"*{SUFFIX}"))
    for name in sorted(streams_in(directory)):
        stream = Stream(directory, name, look_only=True)
        try:
            while (entry := stream.peek(alive=False)) is not None:
                stream.take()
                found.clones += 1
                found.bad += entry.clone is None
                if entry.stamp:
                    found.first = min(found.first or entry.stamp, entry.stamp)
                    found.last = max(found.last, entry.stamp)
        finally:
            stream.close()
    return found


def lines(found: Waiting) -> Iterator[tuple[str, str]]:
    """What `ls` shows of one B: kind and text of each line."""
    times = f", from {moment(found.first)} to {moment(found.last)}" if found.first else ""
    yield "head", f"{harmless(found.directory.name)}: {found.clones:,} clones in {found.size:,} bytes{times}"
    for one in Aside(found.directory).all():
        yield "plain", aside_line(one)


def curl_of(one: SetAside, *, keep_secrets: bool) -> str:
    """The request as a `curl` command."""
    clone = one.clone
    target, headers = clone.target, clone.headers
    if not keep_secrets:
        target = _SECRET_PARAMETER.sub(r"\1=***", target)
        headers = [(name, "***" if _SECRET_FIELD.search(name) else value) for name, value in headers]
    request = StoredRequest(clone.method, target, headers, clone.body, len(clone.body), clone.scheme)
    return f"# {one.spool_id}: {one.said} at {moment(int(one.at * 1e9))}\n{curl_command(request, {})}"


def aside_line(one: SetAside) -> str:
    """What `ls` shows of a request that was set aside."""
    target = _SECRET_PARAMETER.sub(r"\1=***", one.clone.target)
    return f"  set aside {one.spool_id}: {one.said}, {harmless(one.clone.method)} {harmless(target)}"


def _is_of_b(directory: Path) -> bool:
    names = [path.name for path in directory.iterdir()]
    return "drainer.lock" in names or "aside" in names or any(name.endswith(SUFFIX) for name in names)


def moment(nanoseconds: int) -> str:
    """A time in nanoseconds since the epoch, for people."""
    return strftime("%Y-%m-%dT%H:%M:%SZ", gmtime(nanoseconds / 1e9))
