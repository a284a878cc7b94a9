"""Secrets of a recording replaced: those that the tee replaces, and further ones that the operator names.

Equal secrets of one recording stay equal, and lengths stay as they are. The key is forgotten.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import replace

from httptee.compare import Undecodable, decoded
from httptee.http import values
from httptee.recording import KEY_SIZE, Exchange, Fields, Kept, Secrets
from httptee.recording.formats import Message, hidden_messages, without_bytes


class Redaction:
    """Replaces secrets in exchanges. `changed` counts the exchanges that had some.

    `names` are names of header fields and parameters, and keys of JSON and of forms. Of what a pattern matches, its
    first group is replaced, or all of it if it has none: in every text of an exchange but for the names of fields.
    """

    def __init__(self, names: Sequence[str], patterns: Sequence[re.Pattern[str]]) -> None:
        self.changed = 0
        self._secrets = Secrets(os.urandom(KEY_SIZE), names)
        # The text of an exchange has one character for each byte.
        self._patterns = [re.compile(one.pattern.encode().decode("latin-1"), one.flags) for one in patterns]

    def __call__(self, exchange: Exchange) -> Exchange:
        """The exchange without its secrets. Copies of whole messages that hold one are removed."""
        headers, body = self._message(exchange.headers, exchange.body)
        answer_headers, answer_body = self._message(exchange.answer_headers, exchange.answer_body)
        found = replace(
            exchange,
            client=self._text(exchange.client),
            method=self._text(exchange.method),
            target=self._text(self._secrets.target(exchange.target)),
            headers=headers,
            body=body,
            reason=self._text(exchange.reason),
            answer_headers=answer_headers,
            answer_body=answer_body,
        )
        if found == exchange and not any(self._holds_secrets(one) for one in hidden_messages(exchange)):
            return exchange
        self.changed += 1
        return without_bytes(found)

    def _holds_secrets(self, message: Message) -> bool:
        fields, body = tuple(message.headers), Kept.of(message.body)
        return self._message(fields, body) != (fields, body)

    def _message(self, fields: Fields, body: Kept) -> tuple[Fields, Kept]:
        """The fields and the body of a message. A body that cannot be looked into is not kept."""
        replaced, data = self._secrets.body(self._secrets.fields(fields), body.data)
        found = tuple(replaced)
        if self._patterns and data:
            found, data = self._matches(found, data)
        named = tuple((name, self._text(value)) for name, value in found)
        return named, body if data == body.data else Kept(b"", body.length) if data is None else Kept.of(data)

    def _matches(self, fields: Fields, data: bytes) -> tuple[Fields, bytes | None]:
        """The fields and the body, in which what a pattern matches is replaced."""
        coding = ",".join(values(list(fields), "content-encoding"))
        try:
            plain = decoded(data, coding) if coding else data
        except Undecodable:
            return fields, None
        text = plain.decode("latin-1")
        replaced = self._text(text)
        if replaced == text:
            return fields, data
        if coding:
            kept = (pair for pair in fields if pair[0].lower() not in ("content-encoding", "content-length"))
            fields = (*kept, ("Content-Length", str(len(replaced))))
        return fields, replaced.encode("latin-1")

    def _text(self, text: str) -> str:
        for pattern in self._patterns:
            text = pattern.sub(self._match, text)
        return text

    def _match(self, found: re.Match[str]) -> str:
        group = 1 if found.re.groups else 0
        start, end = found.span(group)
        if start < 0:
            return found[0]
        before, after = found[0][: start - found.start()], found[0][end - found.start() :]
        return before + self._secrets.replaced(found[group]) + after
