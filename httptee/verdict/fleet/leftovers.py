"""The last documents of runs that ended while the engine was down: they wait beside the outbox for the next run."""

from __future__ import annotations

import logging
import os
from contextlib import suppress
from pathlib import Path

from httptee.journal.engines import Engine
from httptee.verdict.fleet.document import decoded

logger = logging.getLogger(__name__)

_SUFFIX = ".counts"


class Leftovers:
    """The files `RUN.counts` in a directory. Its methods do not raise an OSError."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def keep(self, run: str, document: bytes) -> None:
        """Keep the document of a run that could not be put."""
        path = self._directory / f"{run}{_SUFFIX}"
        part = path.with_suffix(".part")
        try:
            self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            part.write_bytes(document)
            os.replace(part, path)
        except OSError as error:
            logger.warning("what this tee has counted since its last document is lost: %s", error.strerror or error)

    def put(self, engine: Engine) -> None:
        """Put what was kept, and remove it. Raises Unavailable."""
        for path in self._found():
            with suppress(OSError):
                data = path.read_bytes()
                with suppress(ValueError):  # damaged
                    engine.put(decoded(data).name, data)
                path.unlink()

    def _found(self) -> list[Path]:
        try:
            return sorted(self._directory.glob(f"*{_SUFFIX}"))
        except OSError:
            return []
