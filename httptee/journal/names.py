"""The names of the files of a journal: `STREAM.NUMBER SUFFIX`, numbered from 1 in each stream."""

from __future__ import annotations

import os
from pathlib import Path

UNFINISHED = ".new"
"""What a name ends with while its segment is made: no reader knows it yet."""


def segments_of(directory: Path, stream: str, suffix: str) -> list[Path]:
    """The segments of one stream, in their order. Raises OSError."""
    return sorted(
        (
            directory / name
            for name in os.listdir(directory)
            if name.startswith(f"{stream}.") and name.endswith(suffix) and number_of(Path(name))
        ),
        key=number_of,
    )


def number_of(path: Path) -> int:
    """The number of a segment in its stream, from 1; 0 if the name has none."""
    number = path.name.split(".")[-2] if path.name.count(".") > 1 else ""
    return int(number) if number.isdigit() else 0
