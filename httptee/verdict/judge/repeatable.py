"""Which requests may be sent again: those that only read, with credentials that are good for more than one request."""

from __future__ import annotations

import re
from urllib.parse import parse_qsl, unquote

from httptee.http import Request, values

_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})  # RFC 9110 §9.2.1, without TRACE
# A GET to such a path is mostly a link in a mail, or has an effect although it should not.
_WORDS = re.compile(
    r"(?<![a-z])((confirm|verif|unsubscri|activat|deactivat|reset|oauth|invit)[a-z]*|(log|sign)[-_.]?(out|off)|validate|"
    r"password|token|openid|saml2?|sso|callback|one[-_.]?time|otp|magic|nonce|redeem|delete|remove|destroy|revoke|cancel|"
    r"approve|accept|reject)(?![a-z])"
)
_PARAMETERS = re.compile(r"(.*[-_.])?(token|code|otp|nonce|ticket|secret|confirm(ation)?|activation|verification)")
_HUMP = re.compile(r"(?<=[a-z])(?=[A-Z])")
_ONCE = ("digest", "negotiate", "ntlm")  # schemes whose credentials are good for one request


def unrepeatable(request: Request) -> str:
    """Why a request must not be sent again: `method`, `body`, `route` or `credentials`; empty if it may be."""
    if request.method not in _SAFE:
        return "method"
    if not isinstance(request.body, bytes):  # it was too long for the judge
        return "body"
    path, _, query = request.target.partition("?")
    if _WORDS.search(_HUMP.sub("-", unquote(path)).lower()):
        return "route"
    if any(_PARAMETERS.fullmatch(_HUMP.sub("-", name).lower()) for name, _ in parse_qsl(query, True)):
        return "route"
    if any(value.lower().startswith(_ONCE) for value in values(request.headers, "authorization")):
        return "credentials"
    return ""
