"""Requests whose bodies have not arrived whole."""

from waitress.adjustments import Adjustments

from httptee.http import RequestMemory
from httptee.server.parser import RequestParser


def arriving(*lines, body=b"", memory=1 << 20, most=10**9):
    """The parser of a POST with these field lines, after this part of its body."""
    adjustments = Adjustments(max_request_body_size=most, max_request_header_size=4000)
    request = RequestParser(adjustments, RequestMemory(memory))
    head = "\r\n".join(["POST / HTTP/1.1", "Host: h", *lines, "", ""]).encode()
    for data in (head, body):
        while data:
            data = data[request.received(data) :]
    return request


def length(size):
    return f"Content-Length: {size}"


CHUNKED = "Transfer-Encoding: chunked"
EXPECTS = "Expect: 100-continue"
