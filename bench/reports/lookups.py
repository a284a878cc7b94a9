"""Where each figure that httptee is held to stands in the results of a run."""

from __future__ import annotations

from collections.abc import Callable

from ..scenarios import lifecycle, slow, tls_extremes
from .figures import ENOUGH, Json, percent
from .steadiness import TITLE as SOAK

OURS = "httptee"

Measured = float | str | None
"""A figure, or why there is none to compare, or None where it was not part of the run."""


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


def over_tls(title: str, name: str = "rate") -> Callable[[Json], Measured]:
    """Our rate over TLS as a multiple of nginx's, if B got its clones where they were counted; or our own figure."""

    def measure(result: Json) -> Measured:
        found = rows(result, title)
        mine, other = found.get(OURS), found.get("nginx")
        if not mine or not other:
            return None
        if mine.get("delivered", 1.0) < ENOUGH:
            return f"B got {percent(mine['delivered'])}"
        return float(mine["rate"] / other["rate"] if name == "rate" else mine[name])

    return measure


def crowd(figure: Callable[[Json], float]) -> Callable[[Json], Measured]:
    """A figure of the run beside peers that never come to the end of their handshake."""

    def measure(result: Json) -> Measured:
        row = rows(result, tls_extremes.CROWD_TITLE).get(OURS)
        return float(figure(row)) if row else None

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


def beside(way: str, when: str) -> Callable[[Json], Measured]:
    """The quick clients' p99 with slow ones, coming or there, as a multiple of the same without."""

    def measure(result: Json) -> Measured:
        row = rows(result, slow.title(OURS)).get(way)
        if row is None:
            return None
        got = row["median"]
        return got[when] / got["without"] if got else str(row["reason"])

    return measure


def found(name: str) -> Callable[[Json], Measured]:
    """A figure of the soak: the slope of memory in bytes, or how many unexpected answers or contradictions."""

    def measure(result: Json) -> Measured:
        row = rows(result, SOAK)[OURS]
        value = row[name]
        return float(value["value"] if name == "slope" else len(value) if isinstance(value, list) else value)

    return measure


def survived(scenario: str, name: str) -> Callable[[Json], Measured]:
    """A count of the run of reloads and kills."""

    def measure(result: Json) -> Measured:
        row = rows(result, lifecycle.TITLE).get(scenario)
        return float(row[name]) if row else None

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
