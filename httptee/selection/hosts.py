"""The Host that a B gets in place of the client's: a text, a text with placeholders, or an expression and its
replacement."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field

from httptee.http import Headers, Request, values, with_host
from httptee.selection.expressions import replacement
from httptee.selection.templates import renderer

_VISIBLE = re.compile(r"[!-~]+")


@dataclass(frozen=True, slots=True)
class Host:
    """A change of Host. `text` is the field as in the line of a B; `preserve` and `target` change nothing here.
    `of_client`: it is made from the client's Host."""

    text: str
    render: Callable[[Request], str] = field(compare=False, repr=False)
    of_client: bool = field(default=False, compare=False, repr=False)

    @classmethod
    def parse(cls, text: str) -> Host:
        r"""Read `canary.test`, `stage.{host}`, or `^www\.(.*) -> \1`. Raises ValueError."""
        if "->" in text or "→" in text:
            expression, new = replacement(text)
            return cls(text, lambda request: expression.sub(new, _host(request), count=1), True)
        if not _VISIBLE.fullmatch(text):
            raise ValueError(f"must be preserve, target, a host in visible ASCII, or expression -> host: {text!r}")
        return cls(text, renderer(text), "{host}" in text)

    @property
    def is_word(self) -> bool:
        """Whether it is `preserve` or `target`."""
        return self.text in ("preserve", "target")

    def __call__(self, request: Request, headers: Headers) -> Headers:
        """The fields with the Host for a request. What cannot be a Host changes nothing."""
        if self.of_client and not _host(request):
            return headers
        made = self.render(request)
        return with_host(headers, made) if _VISIBLE.fullmatch(made) else headers


def _host(request: Request) -> str:
    return (values(request.headers, "host") or [""])[0]
