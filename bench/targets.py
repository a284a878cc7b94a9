"""What httptee is held to: every line of it, beside what the given runs measured."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from .figures import ENOUGH, Json, percent
from .report import NOTHING, TIMES, markdown
from .steadiness import TITLE as SOAK

MEGABYTES_16 = 16e6
OURS = "httptee"


Measured = float | str | None
"""A figure, or why there is none to compare, or None where it was not part of the run."""


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


def rows(result: Json, title: str) -> dict[str, Json]:
    """The rows of one of a run's tables, by subject or, where there is one, by scenario."""
    for table in result["tables"]:
        if table["title"] == title:
            return {row.get("scenario", row["subject"]): row for row in table["rows"]}
    return {}


def ratio(title: str, name: str, base: str) -> Callable[[Json], Measured]:
    """Our median in a load as a multiple of another's, if B got its clones in both."""

    def measure(result: Json) -> Measured:
        found = rows(result, title)
        mine, other = found.get(OURS), found.get(base)
        if not mine or not other or not mine["median"] or not other["median"]:
            return None
        if (mine["delivered"] or 0) < ENOUGH:
            return f"B got {percent(mine['delivered'])}"
        below: float | None = other["median"][name]
        above: float | None = mine["median"][name]
        return above / below if above is not None and below else None

    return measure


def errors(title: str) -> Callable[[Json], Measured]:
    """Our errors in a load."""

    def measure(result: Json) -> Measured:
        row = rows(result, title).get(OURS)
        return float(row["errors"]) if row and row["median"] else None

    return measure


def isolated(scenario: str, name: str) -> Callable[[Json], Measured]:
    """A figure with a kind of B as a multiple of the same with B absent."""

    def measure(result: Json) -> Measured:
        row = rows(result, f"{OURS}: A's clients, by the state of B").get(scenario)
        return row["absent"][name] if row and row["absent"] else None

    return measure


def soaked(scenario: str) -> Callable[[Json], Measured]:
    """By how much memory was off its start at the most over the long load."""

    def measure(result: Json) -> Measured:
        row = rows(result, f"{OURS}: A's clients, by the state of B").get(scenario)
        memory = row["soak"] if row else None
        if memory is None:
            return None
        return float(max(memory["peak"] - memory["before"], abs(memory["after"] - memory["before"])))

    return measure


def transferred(way: str, name: str) -> Callable[[Json], Measured]:
    """The worse of the transfers with and without a B: the growth, or the rate as a multiple of nginx's."""

    def measure(result: Json) -> Measured:
        values = []
        for title in (f"{way}, no B", f"{way}, with a B"):
            found = rows(result, title)
            mine, other = found.get(OURS), found.get("nginx")
            if not mine or not mine["rate"] or not other or not other["rate"]:
                return None
            values.append(float(mine["rate"] / other["rate"] if name == "rate" else mine["growth"]))
        return min(values) if name == "rate" else max(values)

    return measure


def written(result: Json) -> Measured:
    """InfluxDB writes through the tee as a multiple of direct ones."""
    row = rows(result, "InfluxDB writes, 1 connection").get(OURS)
    if not row or not row["rate"]:
        return None
    if (row["delivered"] or 0) < ENOUGH:
        return f"B got {percent(row['delivered'])}"
    share: float | None = row["direct"]
    return share


def found(name: str) -> Callable[[Json], Measured]:
    """A figure of the soak: the slope of memory in bytes, or how many unexpected answers or contradictions."""

    def measure(result: Json) -> Measured:
        row = rows(result, SOAK)[OURS]
        value = row[name]
        return float(value["value"] if name == "slope" else len(value) if isinstance(value, list) else value)

    return measure


def level(name: str) -> Callable[[Json], Measured]:
    """The end as a multiple of the start over the soak."""

    def measure(result: Json) -> Measured:
        first, last = rows(result, SOAK)[OURS][name]
        return float(last / first)

    return measure


def small(connections: int) -> str:
    """The title of a load of small requests."""
    return f"GET small, {connections} connection{'s' if connections != 1 else ''}"


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
