"""Recordings in topics, fetched for a command: each is a temporary directory until the command has ended."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from httptee.journal.engines import Unavailable, is_engine_address, open_engine, parse_address
from httptee.recording.engine import Fetching
from httptee.verdict.display import harmless


@contextmanager
def fetched(paths: Sequence[str]) -> Iterator[Mapping[str, str]]:
    """A path to read for each recording: itself, or the directory of what was fetched from a topic.

    Raises OSError, and ValueError if a topic cannot be read or holds no recording.
    """
    with TemporaryDirectory(prefix="httptee-fetched-") as place:
        found = {}
        for number, path in enumerate(paths):
            found[path] = path
            if is_engine_address(path):
                found[path] = str(Path(place) / str(number))
                if not fetch(path, Path(found[path])):
                    raise ValueError(f"{parse_address(path).label}: there is no recording in this topic")
        yield found


def fetch(address: str, directory: Path, choose: Callable[[int], bool] = lambda partition: True) -> bool:
    """Fetch those partitions of a topic that are chosen. Whether there was something. Raises OSError and ValueError."""
    engine = open_engine(address)
    try:
        fetching = Fetching(directory, lambda count: _tell(f"{engine.label}: {count:,} exchanges are fetched"))
        try:
            fetching.fetch(engine, filter(choose, range(engine.partitions)))
        finally:
            fetching.close()
        return fetching.count + fetching.gaps > 0
    except Unavailable as error:
        raise ValueError(str(error)) from None
    finally:
        engine.close()


def _tell(text: str) -> None:
    print("httptee:", harmless(text), file=sys.stderr)
