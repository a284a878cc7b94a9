"""What one run of a tee publishes beside its pairs: all that it has counted since its start, in one document.

The counts are those since the start, never those since the last document. So the latest document of a run stands for
all of it, and one that was put twice, or an earlier one that was lost, changes no sum.
"""

from __future__ import annotations

import zlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import orjson

from httptee.ledger import Latency, PrimaryStatement, Statement
from httptee.verdict.fleet import lines
from httptee.verdict.fleet.lines import Line

PREFIX = "tee/"
"""What the names of these documents begin with. The instance and the run follow."""

_SCHEMA = 1
_LONGEST = 64 << 20  # bytes


@dataclass(frozen=True, slots=True)
class Lost:
    """Messages or pairs that never come: how many, and the times of the first and the last one, in seconds since the
    epoch. A time is 0.0 if it is not known."""

    count: int = 0
    first: float = 0.0
    last: float = 0.0

    def __add__(self, other: Lost) -> Lost:
        """Both together."""
        first = min((each for each in (self.first, other.first) if each), default=0.0)
        return Lost(self.count + other.count, first, max(self.last, other.last))


@dataclass(frozen=True, slots=True)
class Pairs:
    """The unequal pairs of a run on their way: `taken` from the worker processes, of which `shipped` into the engine.
    `lost`: the outbox had no room for them. `error`: why nothing is shipped now, or empty."""

    taken: int = 0
    shipped: int = 0
    lost: Lost = field(default=Lost())
    error: str = ""


@dataclass(frozen=True, slots=True)
class OfB:
    """One B, as one run has counted it. `statement` is its account, `routes` the counts of its pairs.

    `offered` clones it was to get, of which `delivered`. `missed`: writes that it did not get.
    """

    statement: Statement
    routes: Mapping[str, Line]
    fingerprint: str = ""
    offered: int = 0
    delivered: int = 0
    missed: int = 0


@dataclass(frozen=True, slots=True)
class TeeDocument:
    """One run of one tee. `names` are the names of the routes in each worker process, see `pairs.Folding`. `share` is
    the part of the clones that the cutoffs let through. `began` and `at` are in seconds since the epoch; `ended`: this
    is the last document of the run."""

    instance: str
    run: str
    began: float
    at: float
    primary: PrimaryStatement
    backends: Mapping[str, OfB]
    names: Sequence[Collection[str]] = ()
    share: float = 1.0
    pairs: Pairs = field(default=Pairs())
    ended: bool = False

    @property
    def name(self) -> str:
        """Under which it is put."""
        return f"{PREFIX}{self.instance}/{self.run}"


def encoded(found: TeeDocument) -> bytes:
    """The document as bytes."""
    made = {
        "schema": [_SCHEMA, *lines.COUNTS, lines.WIDTH],
        **{name: getattr(found, name) for name in ("instance", "run", "began", "at", "share", "ended")},
        "a": _account(found.primary),
        "b": {name: _of_b(one) for name, one in found.backends.items()},
        "names": sorted({tuple(sorted(group)) for group in found.names}),
        "pairs": asdict(found.pairs),
    }
    return zlib.compress(orjson.dumps(made, option=orjson.OPT_NON_STR_KEYS), 1)


def decoded(data: bytes) -> TeeDocument:
    """The reverse of `encoded`. Raises ValueError for what is no document, and for one of another version."""
    try:
        reader = zlib.decompressobj()
        found = orjson.loads(reader.decompress(data, _LONGEST))
        if found["schema"] != [_SCHEMA, *lines.COUNTS, lines.WIDTH]:
            raise ValueError("it is of another version")
        pairs = {**found["pairs"], "lost": Lost(**found["pairs"]["lost"])}
        return TeeDocument(
            instance=str(found["instance"]),
            run=str(found["run"]),
            began=float(found["began"]),
            at=float(found["at"]),
            primary=_primary(found["a"]),
            backends={name: _read_b(name, one) for name, one in found["b"].items()},
            names=[frozenset(map(str, group)) for group in found["names"]],
            share=float(found["share"]),
            pairs=Pairs(**pairs),
            ended=bool(found["ended"]),
        )
    except (zlib.error, AttributeError, KeyError, TypeError) as error:
        raise ValueError(f"not the document of a tee: {error}") from None


_OF_A = ("client_gone", "log_dropped", "share_changes", "cut_off", "unanswered", "unobserved")
_OF_B = ("seen", "waiting", "spooled", "recovered", "handed_over", "taken_over")


def _account(a: PrimaryStatement) -> dict[str, Any]:
    return {
        **{name: getattr(a, name) for name in _OF_A},
        "answered": a.answered_by_status,
        "errors": a.errors_by_reason,
        "refused": a.refused_by_reason,
        "latency": _latency(a.latency),
    }


def _primary(found: Mapping[str, Any]) -> PrimaryStatement:
    by_status, errors, refused = (_counts(found[name]) for name in ("answered", "errors", "refused"))
    counts: dict[str, Any] = {name: int(found[name]) for name in _OF_A}
    return PrimaryStatement(_by_status(by_status), errors, refused, _read_latency(found["latency"]), **counts)


def _of_b(one: OfB) -> dict[str, Any]:
    b = one.statement
    return {
        **{name: getattr(one, name) for name in ("fingerprint", "offered", "delivered", "missed")},
        "routes": {route: lines.written(line) for route, line in one.routes.items()},
        "account": {
            **{name: getattr(b, name) for name in (*_OF_B, "state")},
            "delivered": b.delivered_by_status,
            "failed": b.failed_by_reason,
            "dropped": b.dropped_by_reason,
            "latency": _latency(b.latency),
        },
    }


def _read_b(name: str, found: Mapping[str, Any]) -> OfB:
    account = found["account"]
    delivered, failed, dropped = (_counts(account[each]) for each in ("delivered", "failed", "dropped"))
    counts: dict[str, Any] = {each: int(account[each]) for each in _OF_B}
    statement = Statement(
        backend=name,
        delivered_by_status=_by_status(delivered),
        failed_by_reason=failed,
        dropped_by_reason=dropped,
        latency=_read_latency(account["latency"]),
        state=str(account["state"]),
        **counts,
    )
    return OfB(
        statement,
        {route: lines.read(line) for route, line in found["routes"].items()},
        str(found["fingerprint"]),
        **{each: int(found[each]) for each in ("offered", "delivered", "missed")},
    )


def _latency(found: Latency) -> list[Any]:
    return [found.seconds, *found.buckets]


def _read_latency(found: Sequence[Any]) -> Latency:
    seconds, *buckets = found
    return Latency(tuple(map(int, buckets)), float(seconds))


def _counts(found: Mapping[str, Any]) -> dict[str, int]:
    return {str(name): int(count) for name, count in found.items()}


def _by_status(found: Mapping[str, int]) -> dict[int, int]:
    return {int(status): count for status, count in found.items()}
