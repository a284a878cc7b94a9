"""Reads what the tees have published. A document that has not changed is not taken apart again."""

from __future__ import annotations

import logging
from collections.abc import Mapping

from httptee.journal.engines import Engine
from httptee.verdict.fleet.document import PREFIX, TeeDocument, decoded

logger = logging.getLogger(__name__)


class TeeDocuments:
    """The documents of all runs of all tees. `damaged` counts those that cannot be read."""

    def __init__(self, engine: Engine) -> None:
        self.damaged = 0
        self._engine = engine
        self._known: Mapping[str, tuple[bytes, TeeDocument | None]] = {}

    def read(self) -> list[TeeDocument]:
        """The latest of each run. One that was forgotten is empty, and left out. Raises Unavailable."""
        found = {}
        for name, data in self._engine.documents(PREFIX).items():
            known = self._known.get(name)
            if data:
                found[name] = known if known is not None and known[0] == data else (data, self._decoded(name, data))
        self._known = found
        self.damaged = sum(document is None for _, document in found.values())
        return [document for _, document in found.values() if document is not None]

    def _decoded(self, name: str, data: bytes) -> TeeDocument | None:
        try:
            return decoded(data)
        except ValueError as error:
            logger.warning("what the tee has published as %r cannot be read, so it does not count: %s", name, error)
            return None
