"""Which names stand for a credential: of header fields, query parameters, form fields, keys of JSON, cookies.

Whole words count and not any part of a name, so `author`, `monkey` and `passenger` are not masked.
"""

from __future__ import annotations

import re
from functools import lru_cache

_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
_WORDS = frozenset(
    re.findall(
        r"\w+",
        """auth authorization bearer cookie cookies credential credentials csrf jsessionid jwt otp pass passcode
        passphrase passwd password passwords phpsessid pwd secret secrets session sessionid sessions sid sig signature
        token tokens totp xsrf""",
    )
)
_PARTS = re.compile(
    "password|passwd|secret|token|credential|authorization|sessionid|jsessionid"
    "|(?:api|access|private|auth|signing|encryption|master|license|subscription|functions|client|account)key"
)
_HARMLESS_ENDS = frozenset(re.findall(r"\w+", "at count expires expiry in length limit name size total ttl type used"))
_IN_QUERIES = frozenset(("key", "sig"))

_ANY = tuple(re.findall(r"\w+", "pass pwd token secret auth cookie sess sid cred key jwt csrf xsrf otp sig bearer"))


def may_name_secrets(text: str) -> bool:
    """False for a text in which no secret name can stand: it needs no closer look."""
    lower = text.lower()
    return any(word in lower for word in _ANY)


@lru_cache(maxsize=4096)
def is_secret(name: str, query: bool = False) -> bool:
    """Whether the value of this name is a credential. `query`: it is a parameter of a query or a field of a form."""
    name = name[:200]
    words = [word.lower() for word in _WORD.findall(name)]
    if not words or words[-1] in _HARMLESS_ENDS:
        return False
    if query and len(words) == 1 and words[0] in _IN_QUERIES:
        return True
    return not _WORDS.isdisjoint(words) or bool(_PARTS.search("".join(words)))
