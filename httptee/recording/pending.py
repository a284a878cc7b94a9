"""An exchange between its answer and its record: what the threads that answer clients hand to the one that writes."""

from __future__ import annotations

import os
from dataclasses import dataclass

from httptee.http import FileBody, Headers, Pieces, Request


@dataclass(slots=True)
class Pending:
    """One exchange that is to be recorded. Times are as in an `Exchange`, `size` is what was taken for it, in bytes.

    `body` is A's body if it has arrived whole; `pieces` holds one that has streamed. `file` is the request's body if it
    is in a file: a descriptor of its own, the place and the length.
    """

    request: Request
    connection: int
    place: int
    arrived: int
    first_byte: int = -1
    ended: int = -1
    status: int = 0
    reason: str = ""
    headers: Headers | tuple[()] = ()
    body: bytes = b""
    pieces: Pieces | None = None
    error: str = ""
    size: int = 0
    file: tuple[int, int, int] | None = None

    def hold_file(self) -> None:
        """Keep the file of the request's body readable: its own descriptor is closed with the request."""
        body = self.request.body
        if isinstance(body, FileBody):
            try:
                self.file = (os.dup(body.file.fileno()), body.file.tell(), body.length)
            except (OSError, ValueError):  # a file in memory, or no descriptor is left
                self.file = None

    def release(self) -> None:
        """Close the file of the request's body."""
        file, self.file = self.file, None
        if file is not None:
            os.close(file[0])
