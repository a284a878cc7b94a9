"""The chart of a main run. matplotlib is asked for only here."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

from ..programs.processes import BenchError
from .figures import Json

COLOURS = {"direct": "#9e9e9e", "plain": "#c9a227", "nginx": "#3a7d44", "envoy": "#7b4fa3", "httptee": "#1f6fb2"}
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
    """A figure in as few signs as tell it from its neighbour."""
    if value < 1000:
        return f"{value:.0f}"
    return f"{value / 1000:.1f}k" if value < 100_000 else f"{value / 1000:.0f}k"


def dots(axes: Any, tables: list[Json], labels: list[str], name: str, subjects: list[str]) -> None:
    """One panel: a group for every table, a dot for every subject, hollow where B did not get its clones.

    Dots and not bars, for the scale is logarithmic and has no zero for a bar to stand on.
    """
    width = 0.84 / len(subjects)
    for number, subject in enumerate(subjects):
        colour = COLOURS.get(subject, f"C{number}")
        for group, table in enumerate(tables):
            found = measured(table, subject, name)
            if found is None:
                continue
            place, (height, whole) = group - 0.42 + width * (number + 0.5), found
            axes.plot([place], [height], "o", color=colour, markerfacecolor=colour if whole else "none", markersize=6)
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


def draw(result: Json, path: Path) -> None:
    """Write the chart of `result` to `path`; the name's ending says as what."""
    try:
        matplotlib = importlib.import_module("matplotlib")
        matplotlib.use("Agg")
        plot = importlib.import_module("matplotlib.pyplot")
    except ImportError as error:
        raise BenchError("the chart needs matplotlib: pip install matplotlib") from error
    # The same figures give the same file: no random identifiers, no date.
    matplotlib.rcParams["svg.hashsalt"] = "bench"
    matplotlib.rcParams.update({"text.color": INK, "axes.labelcolor": INK, "xtick.color": INK, "ytick.color": INK})
    tables = result["tables"]
    subjects = list(dict.fromkeys(row["subject"] for table in tables for row in table["rows"]))
    labels = [f"{table['title'].split(',')[0]}\n{table['connections']} conn." for table in tables]
    width = max(6.0, 0.24 * len(tables) * len(subjects) + 1.0)
    figure, grid = plot.subplots(len(PANELS), 1, figsize=(width, 2.6 * len(PANELS)))
    for axes, (name, title) in zip(grid, PANELS.items(), strict=True):
        dots(axes, tables, labels, name, subjects)
        axes.set_title(f"{title}, logarithmic", fontsize=9, loc="left")
        for side in ("top", "right"):
            axes.spines[side].set_visible(False)
        for side in ("left", "bottom"):
            axes.spines[side].set_color(INK)
    shown = [
        plot.Line2D([], [], marker="o", linestyle="", color=COLOURS.get(s, f"C{n}")) for n, s in enumerate(subjects)
    ]
    figure.legend(shown, subjects, loc="upper center", ncols=len(subjects), frameon=False, fontsize=8)
    figure.tight_layout(rect=(0, 0, 1, 0.96))
    metadata = {"Date": None} if path.suffix == ".svg" else None
    figure.savefig(path, transparent=True, dpi=150, metadata=metadata)
    plot.close(figure)
