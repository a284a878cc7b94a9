"""What came back from one server for one request: an answer, or the reason why there is none."""

from __future__ import annotations

from httptee.http import Headers, value


@value
class Outcome:
    """An answer as it is compared. `headers` are the end-to-end fields in wire order.

    `body` is the content as received, without its transfer coding, or None if it is too long to be kept: then `length`
    (bytes) and `digest` stand for it. An exchange that failed has the status 0 and its reason slug in `failure`.
    """

    status: int
    headers: Headers
    body: bytes | None
    length: int = 0
    digest: bytes = b""
    failure: str = ""
