"""The topic that a recording is shipped into."""

from __future__ import annotations

from collections.abc import Sequence

from httptee.journal import Appended
from httptee.journal.engines import Engine, Message, open_engine, parse_address


class Topic:
    """The topic of an address, which is opened when something is shipped. What is wrong then, as a file with a password
    that has gone, is an error of the engine: the recording goes on. Raises ValueError for an address that is none."""

    def __init__(self, address: str) -> None:
        parsed = parse_address(address)
        self.label, self.partitions, self.error = parsed.label, parsed.partitions, ""
        self._address = address
        self._engine: Engine | None = None

    def append(self, messages: Sequence[Message]) -> Appended:
        """Put messages in."""
        if self._engine is None:
            try:
                self._engine = open_engine(self._address)
            except ValueError as error:
                self.error = str(error)
                return Appended.UNAVAILABLE
        outcome = self._engine.append(messages)
        self.error = self._engine.error
        return outcome

    def close(self) -> None:
        """Close all connections. May be called twice. Does not raise."""
        if self._engine is not None:
            self._engine.close()
