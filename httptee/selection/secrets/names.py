"""Which names stand for a secret: those that the tee knows, and those that the operator gives."""

from __future__ import annotations

import re
from collections.abc import Iterable

from httptee.selection.secrets.secret_names import is_secret, may_name_secrets

_SEGMENTS = re.compile(r"[.\[\]]+")


class Names:
    """`further` are names beside those that the tee knows, in any case."""

    def __init__(self, further: Iterable[str] = ()) -> None:
        self._further = frozenset(name.lower() for name in further)

    def name(self, name: str, query: bool = False) -> bool:
        """Whether the value of this name is a secret. `query`: it is a parameter of a query or a field of a form.

        A further name may be one segment: `pin` is in `user[pin]` and in `user.pin`.
        """
        return is_secret(name, query) or (bool(self._further) and self._gives(name.lower()))

    def field(self, name: str) -> bool:
        """Whether the operator gives the name of this header field."""
        return name.lower() in self._further

    def may_be_in(self, text: str) -> bool:
        """False for a text in which no such name can stand. An escaped character may be a part of one."""
        lower = text.lower()
        return may_name_secrets(lower) or "\\u" in lower or any(name in lower for name in self._further)

    def _gives(self, lower: str) -> bool:
        return lower in self._further or not self._further.isdisjoint(_SEGMENTS.split(lower))
