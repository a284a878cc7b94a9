"""An exchange between its answer and its record: what the threads that answer clients hand to the one that writes."""

from __future__ import annotations

import os

from httptee.http import FileBody, Pieces, Request, Response


class Pending:
    """One exchange that is to be recorded. `arrived` is in nanoseconds since the epoch, `first_byte` and `ended` are in
    nanoseconds after it, or -1. `place` is the number of the connection and that of the request on it. `size` is what
    was taken for it, in bytes.

    A's body is in the `response` if it has arrived whole, else in `pieces`. `file` is the request's body if it is in a
    file: a descriptor of its own, the place and the length.
    """

    __slots__ = ("arrived", "ended", "error", "file", "first_byte", "pieces", "place", "request", "response", "size")

    def __init__(
        self, request: Request, response: Response, place: tuple[int, int], arrived: int, now: int, size: int = 0
    ) -> None:
        self.request = request
        self.response = response
        self.place = place
        self.arrived = arrived
        self.first_byte = self.ended = now
        self.size = size
        self.error = response.error
        self.pieces: Pieces | None = None
        self.file: tuple[int, int, int] | None = None

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
