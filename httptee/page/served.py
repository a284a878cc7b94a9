"""An answer of the page, and the header fields that keep a browser from running what is not ours."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import blake2s

HTML, JSON = "text/html; charset=utf-8", "application/json"

SECURITY: tuple[tuple[str, str], ...] = (
    (
        "Content-Security-Policy",
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    ),
    ("X-Content-Type-Options", "nosniff"),
    ("Referrer-Policy", "no-referrer"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
)
"""Nothing inline, nothing from elsewhere, in no frame; for every answer of the admin listener."""


@dataclass(frozen=True, slots=True)
class Served:
    """One answer. With a `tag`, a browser may ask whether it has changed; without, it must not store it. `file` is the
    name of a download, and `allow` the methods that are allowed, or empty."""

    kind: str
    body: bytes
    status: str = "200 OK"
    tag: str = ""
    file: str = ""
    allow: str = ""

    @property
    def fields(self) -> list[tuple[str, str]]:
        """Its own header fields, without type and length."""
        found = [("ETag", self.tag), ("Cache-Control", "no-cache")] if self.tag else [("Cache-Control", "no-store")]
        found += [("Content-Disposition", f'attachment; filename="{self.file}"')] if self.file else []
        return found + ([("Allow", self.allow)] if self.allow else [])


def tagged(kind: str, body: bytes) -> Served:
    """An answer with a tag that is made from its body."""
    return Served(kind, body, tag=f'"{blake2s(body, digest_size=12).hexdigest()}"')
