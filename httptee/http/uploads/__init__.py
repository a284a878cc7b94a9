"""The body of a request that goes on to A while it still comes from the client."""

from httptee.http.uploads.streamed import STREAMED_BODY, StreamedBody

__all__ = ["STREAMED_BODY", "StreamedBody"]
