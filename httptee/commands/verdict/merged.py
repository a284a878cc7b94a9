"""The verdict over many tees, as their judges have published it in an engine."""

from __future__ import annotations

from typing import Any

from httptee.errors import ConfigError
from httptee.journal.engines import Unavailable, open_engine
from httptee.verdict.evidence import StoredPair, Unreadable
from httptee.verdict.fleet import read_merged


class Merged:
    """The topic at this address. Raises ConfigError for an address that is none."""

    def __init__(self, address: str) -> None:
        try:
            self._engine = open_engine(address)
        except ValueError as error:
            raise ConfigError(str(error)) from None

    def verdict(self) -> dict[str, Any]:
        """The document with the latest reports. Raises Unreadable."""
        try:
            found = read_merged(self._engine)
        except Unavailable as error:
            raise Unreadable(str(error)) from None
        except ValueError as error:
            raise Unreadable(f"{self._engine.label}: {error}") from None
        if found is None:
            raise Unreadable(f"{self._engine.label}: no judge has said anything yet: httptee judge")
        return dict(found)

    def pair(self, number: int) -> StoredPair | None:
        """Raises Unreadable: each judge keeps examples of its own."""
        raise Unreadable(
            f"pair {number} is kept by the judge that judged it: give the directory of its --evidence, or its listener"
        )
