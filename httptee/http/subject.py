"""The subject of a client's certificate as one line of text, safe for a header field (RFC 4514)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

# The short names of RFC 4514 §3. All other attributes keep the name that OpenSSL gives them.
_SHORT = {
    "commonName": "CN",
    "localityName": "L",
    "stateOrProvinceName": "ST",
    "organizationName": "O",
    "organizationalUnitName": "OU",
    "countryName": "C",
    "streetAddress": "STREET",
    "domainComponent": "DC",
    "userId": "UID",
}
_SPECIAL = re.compile(r'[\\",+;<>=]|^[ #]|[ ]$')
_NOT_PRINTABLE = re.compile(r"[^ -~]")


def distinguished_name(certificate: Mapping[str, Any] | None) -> str:
    """The subject of a verified certificate, given in the form of ssl's `getpeercert`. Returns "" without a subject."""
    subject: Iterable[Iterable[tuple[str, str]]] = (certificate or {}).get("subject", ())
    parts = ["+".join(f"{_SHORT.get(name, name)}={_escaped(value)}" for name, value in part) for part in subject]
    return ",".join(reversed(parts))


def _escaped(value: str) -> str:
    """A value with special characters escaped, and all that are not printable ASCII (RFC 4514 §2.4)."""
    value = _SPECIAL.sub(lambda found: "\\" + found[0], value)
    return _NOT_PRINTABLE.sub(lambda found: "".join(f"\\{byte:02X}" for byte in found[0].encode()), value)
