"""The reason phrases of the answers that the tee gives itself.

`http.HTTPStatus` has other phrases under other Pythons: 413 is "Request Entity Too Large" up to 3.12. This table makes
the answers the same under all of them.
"""

from __future__ import annotations

PHRASES: dict[int, str] = {
    200: "OK",
    # RFC 9110 §15.5
    400: "Bad Request",
    401: "Unauthorized",
    402: "Payment Required",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    406: "Not Acceptable",
    407: "Proxy Authentication Required",
    408: "Request Timeout",
    409: "Conflict",
    410: "Gone",
    411: "Length Required",
    412: "Precondition Failed",
    413: "Content Too Large",
    414: "URI Too Long",
    415: "Unsupported Media Type",
    416: "Range Not Satisfiable",
    417: "Expectation Failed",
    421: "Misdirected Request",
    422: "Unprocessable Content",
    426: "Upgrade Required",
    # RFC 6585 §3 to §5
    428: "Precondition Required",
    429: "Too Many Requests",
    431: "Request Header Fields Too Large",
    # nginx's, for its log; never sent
    499: "Client Closed Request",
    # RFC 9110 §15.6
    500: "Internal Server Error",
    501: "Not Implemented",
    502: "Bad Gateway",
    503: "Service Unavailable",
    504: "Gateway Timeout",
    505: "HTTP Version Not Supported",
    # RFC 4918 §11.5
    507: "Insufficient Storage",
    # RFC 5842 §7.2
    508: "Loop Detected",
    # RFC 6585 §6
    511: "Network Authentication Required",
}
"""The phrase of every error status that these RFCs define, and of nginx's 499."""
