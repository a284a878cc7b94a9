"""What httptee is held to: every line of it, beside what the given runs measured."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from ..scenarios import slow, tls, tls_extremes
from .figures import Json
from .lookups import (
    Measured,
    beside,
    crowd,
    errors,
    found,
    isolated,
    level,
    over_tls,
    ratio,
    small,
    soaked,
    survived,
    transferred,
    written,
)
from .report import NOTHING, TIMES, markdown

MEGABYTES_16 = 16e6


@dataclass(frozen=True)
class Target:
    """One line: the figure it looks at in a run of `kind`, and the bound; `most` says which side of it is good."""

    text: str
    kind: str
    measure: Callable[[Json], Measured]
    bound: float
    most: bool = False
    unit: float = 1.0

    def holds(self, value: float) -> bool:
        """Whether a measured value satisfies the line."""
        return value <= self.bound if self.most else value >= self.bound


X = TIMES
TARGETS = (
    Target(f"requests/s at 32 connections, {X} nginx", "tees", ratio(small(32), "rate", "nginx"), 0.65),
    Target(f"requests/s at 128 connections, {X} nginx", "tees", ratio(small(128), "rate", "nginx"), 0.65),
    Target(f"requests/s at 32 connections, {X} plain tee", "tees", ratio(small(32), "rate", "plain"), 10),
    Target(f"requests/s at 128 connections, {X} plain tee", "tees", ratio(small(128), "rate", "plain"), 10),
    Target(f"requests/s at 512 connections, {X} nginx", "tees", ratio(small(512), "rate", "nginx"), 0.6),
    Target("errors at 512 connections", "tees", errors(small(512)), 0, most=True),
    Target(f"p50 at 1 connection, {X} Envoy", "tees", ratio(small(1), "p50", "envoy"), 1.0, most=True),
    Target(f"p50 at 1 connection, {X} nginx", "tees", ratio(small(1), "p50", "nginx"), 2.5, most=True),
    Target(f"CPU a request at 32 connections, {X} nginx", "tees", ratio(small(32), "cpu", "nginx"), 2.4, most=True),
    Target(f"POST 100 KiB, {X} nginx", "tees", ratio("POST 100 KiB, 16 connections", "rate", "nginx"), 1.2),
    Target(f"GET 1 MiB, {X} nginx", "tees", ratio("GET 1 MiB, 8 connections", "rate", "nginx"), 0.9),
    *(
        target
        for key, what in (("silent", "B accepts, never answers"), ("deaf", "B never accepts"))
        for target in (
            Target(f"{what}: requests/s, {X} B absent", "isolation", isolated(key, "rate"), 0.95),
            Target(f"{what}: p99, {X} B absent", "isolation", isolated(key, "p99"), 1.3, most=True),
            Target(f"{what}: memory off its start, MB", "isolation", soaked(key), MEGABYTES_16, most=True, unit=1e6),
        )
    ),
    *(
        target
        for way in ("upload", "download")
        for target in (
            Target(f"{way}: memory growth, MB", "transfer", transferred(way, "growth"), MEGABYTES_16, True, 1e6),
            Target(f"{way}: rate, {X} nginx", "transfer", transferred(way, "rate"), 0.5),
        )
    ),
    Target(f"B refuses: CPU a request, {X} B absent", "isolation", isolated("refusing", "cpu"), 1.1, most=True),
    *(
        Target(f"1,000 clients are {what}, {told}: p99, {X} without", "slow", beside(way, when), 1.5, most=True)
        for way, what in slow.WAYS.items()
        for when, told in (("coming", "while they come"), ("there", "while they are there"))
    ),
    Target("reloads: failed requests", "lifecycle", survived("reloads", "failures"), 0, most=True),
    Target("kills: failures beyond what was in flight", "lifecycle", survived("kills", "excess"), 0, most=True),
    Target("clones that the ledger does not account for", "lifecycle", survived("all", "unaccounted"), 0, most=True),
    Target(f"TLS: requests/s at 32 connections, {X} nginx", "tls", over_tls(tls.KEEP_ALIVE), 0.9),
    *(
        Target(f"TLS: handshakes/s, {kind}, {X} nginx", "tls", over_tls(f"{tls.HANDSHAKES}, {kind}"), 0.8)
        for kind in tls.KEYS
    ),
    *(
        target
        for way in tls_extremes.WAYS
        for title in (tls_extremes.transfer_title(way),)
        for target in (
            Target(f"TLS: {way}: memory growth, MB", "tls", over_tls(title, "growth"), MEGABYTES_16, True, 1e6),
            Target(f"TLS: {way}: rate, {X} nginx", "tls", over_tls(title), 0.5),
        )
    ),
    Target(f"TLS: p99 beside idle peers, {X} alone", "tls", crowd(lambda row: row["beside"] / row["alone"]), 1.5, True),
    Target("TLS: errors beside idle peers", "tls", crowd(lambda row: row["errors"]), 0, most=True),
    # The deadline itself, a second until it is looked at, and what it takes to connect them all.
    Target("TLS: idle peers closed after, s", "tls", crowd(lambda row: row["closed"]), tls_extremes.DEADLINE + 3, True),
    Target("TLS: descriptors left", "tls", crowd(lambda row: row["left"]), tls_extremes.SPARE, most=True),
    Target("soak: memory slope, MB in 10 minutes", "soak", found("slope"), 1e6, most=True, unit=1e6),
    Target(f"soak: descriptors at the end, {X} start", "soak", level("descriptors"), 1.1, most=True),
    Target(f"soak: threads at the end, {X} start", "soak", level("threads"), 1.1, most=True),
    Target("soak: unexpected answers", "soak", found("unexpected"), 0, most=True),
    Target("soak: contradictions in the ledger", "soak", found("contradictions"), 0, most=True),
    Target(f"InfluxDB writes, {X} direct", "influx", written, 0.6),
)


def verdicts(results: Iterable[Json]) -> str:
    """Every line as a table; one whose run is not among `results` is left open."""
    by_kind = {result["kind"]: result for result in results}
    cells = []
    for target in TARGETS:
        value = target.measure(by_kind[target.kind]) if target.kind in by_kind else None
        bound = f"{'at most' if target.most else 'at least'} {target.bound / target.unit:g}"
        if isinstance(value, float):
            got, held = f"{value / target.unit:.2f}", "yes" if target.holds(value) else "no"
        else:
            got, held = value or NOTHING, "no" if value else "not measured"
        cells.append([target.text, bound, got, held])
    return markdown(["what", "bound", "measured", "holds"], cells)
