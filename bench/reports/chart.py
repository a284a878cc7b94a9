"""The chart of a run of the tees. Only `draw` imports matplotlib."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

from ..errors import BenchError
from ..programs.sessions import Sessions
from .figures import Json

COLORS = {"direct": "#9e9e9e", "plain": "#c9a227", "nginx": "#3a7d44", "envoy": "#7b4fa3", "httptee": "#1f6fb2"}
INK = "#777777"
PANELS = {
    "rate": "requests/s (more is better)",
    "p50": "p50, µs (less is better)",
    "cpu": "CPU µs a request (less is better)",
}


def measured(table: Json, subject: str, name: str) -> tuple[float, bool] | None:
    """One median, if there is one, and whether its row may be compared with others."""
    for row in table["rows"]:
        if row["subject"] == subject and row["median"] is not None and row["median"][name]:
            whole = not any(isinstance(ratio, str) and ratio.startswith("B got") for ratio in row["ratio"].values())
            return row["median"][name], whole
    return None


def short(value: float) -> str:
    """A figure in few characters."""
    if value < 1000:
        return f"{value:.0f}"
    return f"{value / 1000:.1f}k" if value < 100_000 else f"{value / 1000:.0f}k"


def dots(axes: Any, tables: list[Json], labels: list[str], name: str, subjects: list[str]) -> None:
    """One panel: a group for each table, a dot for each subject. A hollow dot: B did not get its clones.

    Dots and not bars, because the logarithmic scale has no zero.
    """
    width = 0.84 / len(subjects)
    for number, subject in enumerate(subjects):
        color = COLORS.get(subject, f"C{number}")
        for group, table in enumerate(tables):
            found = measured(table, subject, name)
            if found is None:
                continue
            place, (height, whole) = group - 0.42 + width * (number + 0.5), found
            axes.plot([place], [height], "o", color=color, markerfacecolor=color if whole else "none", markersize=6)
            axes.annotate(
                short(height), (place, height), xytext=(0, 6), textcoords="offset points",
                ha="center", fontsize=6.5, color=INK,
            )  # fmt: skip
    for group in range(1, len(tables)):
        axes.axvline(group - 0.5, color=INK, alpha=0.25, linewidth=0.6)
    axes.set_xlim(-0.5, len(tables) - 0.5)
    axes.set_xticks(range(len(tables)), labels, fontsize=8)
    axes.set_yscale("log")
    axes.margins(y=0.15)


def pyplot() -> Any:
    """Matplotlib's pyplot. Raises BenchError where matplotlib is not installed."""
    try:
        matplotlib = importlib.import_module("matplotlib")
        matplotlib.use("Agg")
        plot = importlib.import_module("matplotlib.pyplot")
    except ImportError as error:
        raise BenchError("the chart needs matplotlib: pip install matplotlib") from error
    # The same figures make the same file: no random identifiers, no date.
    matplotlib.rcParams["svg.hashsalt"] = "bench"
    matplotlib.rcParams.update({"text.color": INK, "axes.labelcolor": INK, "xtick.color": INK, "ytick.color": INK})
    return plot


def arrangements(result: Json) -> dict[str, list[Json]]:
    """The tables of each arrangement of sessions, by the words for a panel's title."""
    found: dict[str, list[Json]] = {}
    for table in result["tables"]:
        sessions = table.get("sessions")
        found.setdefault(f", {Sessions(sessions).title}" if sessions else "", []).append(table)
    return found


def panel(axes: Any, tables: list[Json], name: str, title: str, subjects: list[str]) -> None:
    """One figure of every table, with its frame."""
    labels = [f"{table['title'].split(',')[0]}\n{table['connections']} conn." for table in tables]
    dots(axes, tables, labels, name, subjects)
    axes.set_title(title, fontsize=9, loc="left")
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        axes.spines[side].set_color(INK)


def draw(result: Json, path: Path) -> None:
    """Write the chart of `result` to `path`. The name's ending decides the format."""
    plot = pyplot()
    groups = arrangements(result)
    subjects = list(dict.fromkeys(row["subject"] for table in result["tables"] for row in table["rows"]))
    panels = [(name, title, told) for told in groups for name, title in PANELS.items()]
    width = max(6.0, 0.24 * max(map(len, groups.values())) * len(subjects) + 1.0)
    height = 2.6 * len(panels)
    figure, grid = plot.subplots(len(panels), 1, figsize=(width, height))
    for axes, (name, title, told) in zip(grid, panels, strict=True):
        panel(axes, groups[told], name, f"{title}{told}, logarithmic", subjects)
    shown = [
        plot.Line2D([], [], marker="o", linestyle="", color=COLORS.get(s, f"C{n}")) for n, s in enumerate(subjects)
    ]
    figure.legend(shown, subjects, loc="upper center", ncols=len(subjects), frameon=False, fontsize=8)
    # The legend takes the same height above one arrangement's panels and above those of two.
    figure.tight_layout(rect=(0, 0, 1, 1 - 0.312 / height))
    metadata = {"Date": None} if path.suffix == ".svg" else None
    figure.savefig(path, transparent=True, dpi=150, metadata=metadata)
    plot.close(figure)
