"""Requests for other programs to send: vegeta's targets, in both of its formats, and a script of `curl` commands."""

from __future__ import annotations

import os
import re
from base64 import b64encode
from collections import Counter
from typing import BinaryIO

import orjson

from httptee.http import values
from httptee.recording import Exchange
from httptee.recording.formats.stored import stored_request
from httptee.verdict.display import curl_command

_BROKEN_ESCAPE = re.compile(r"[^?]*%(?![0-9A-Fa-f]{2})|[^?]*[\x00-\x20\x7f]")  # what Go's url.Parse refuses
_METHOD = re.compile(r"[A-Z]+")
_BY_CLIENT = frozenset(("content-length", "transfer-encoding", "connection", "expect"))
_TOO_LONG = "requests left out: their bodies were too long to be recorded"


class VegetaWriter:
    """Writes vegeta's targets as JSON, one a line (`vegeta attack -format=json`). `server` is a URL, or empty: then
    the Host of each request counts."""

    losses_of_form = "times, connections, answers, and the order of header fields"

    def __init__(self, file: BinaryIO, server: str = "") -> None:
        self.losses: Counter[str] = Counter()
        self._file = file
        self._server = server.rstrip("/")

    def write(self, exchange: Exchange) -> None:
        """Write one request. Raises OSError."""
        if not exchange.body.whole:
            self.losses[_TOO_LONG] += 1
        elif _BROKEN_ESCAPE.match(exchange.target):
            self.losses["requests left out: vegeta does not accept their targets"] += 1
        else:
            self._write(exchange, url_of(exchange, self._server))

    def _write(self, exchange: Exchange, url: str) -> None:
        fields: dict[str, list[str]] = {}
        for name, value in exchange.headers:
            if name.lower() not in _BY_CLIENT:
                fields.setdefault(name, []).append(self._text(value))
        target: dict[str, object] = {"method": exchange.method, "url": self._text(url), "header": fields}
        if exchange.body.data:
            target["body"] = b64encode(exchange.body.data).decode()
        self._file.write(orjson.dumps(target) + b"\n")

    def _text(self, text: str) -> str:
        """The text for JSON, of which vegeta sends the bytes in UTF-8."""
        if not text.isascii():
            try:
                return text.encode("latin-1").decode("utf-8")
            except UnicodeDecodeError:
                self.losses["targets or header fields changed: JSON holds no bytes that are not UTF-8"] += 1
        return text

    def close(self) -> None:
        """Nothing is left to write."""


class VegetaTextWriter(VegetaWriter):
    """Writes vegeta's targets as text (`-format=http`). Bodies go to files of their own in the directory `bodies`,
    which is there."""

    def __init__(self, file: BinaryIO, server: str, bodies: str) -> None:
        super().__init__(file, server)
        self._bodies = bodies
        self._number = 0

    def _write(self, exchange: Exchange, url: str) -> None:
        if not _METHOD.fullmatch(exchange.method):
            self.losses["requests left out: vegeta's text does not allow their methods"] += 1
            return
        lines = [f"{exchange.method} {url}"]
        for name, value in exchange.headers:
            if not value or not name:
                self.losses["header fields left out: vegeta's text does not allow empty ones"] += 1
            elif name.lower() not in _BY_CLIENT:
                lines.append(f"{name}: {value}")
        if exchange.body.data:
            lines.append(f"@{self._body(exchange.body.data)}")
        self._file.write("\n".join([*lines, "", ""]).encode("latin-1"))

    def _body(self, data: bytes) -> str:
        self._number += 1
        name = os.path.join(self._bodies, f"{self._number:06}")
        descriptor = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with open(descriptor, "wb") as file:
            file.write(data)
        return name


class CurlWriter:
    """Writes a script for bash with one `curl` command for each request, which sends the same bytes. `server` is a
    URL, or empty: then it is the variable `SERVER`."""

    losses_of_form = "times, connections and answers"

    def __init__(self, file: BinaryIO, server: str = "") -> None:
        self.losses: Counter[str] = Counter()
        self._file = file
        self._server = server
        self._number = 0
        self._before = b"#!/usr/bin/env bash\n"
        if not server:
            self._before += b': "${SERVER:?is the URL of the server, such as http://127.0.0.1:8080}"\n'

    def write(self, exchange: Exchange) -> None:
        """Write one request. Raises OSError."""
        self._number += 1
        if not exchange.body.whole:
            self.losses[_TOO_LONG] += 1
            return
        command = curl_command(stored_request(exchange), {}, self._server)
        self._file.write(self._before + f"\n# {self._number}\n{command}".encode("latin-1"))
        self._before = b""

    def close(self) -> None:
        """Write what a script without requests has. Raises OSError."""
        self._file.write(self._before)


def url_of(exchange: Exchange, server: str) -> str:
    """The URL of a request, at `server`, or else at the Host of the request."""
    if "://" in exchange.target.partition("?")[0]:
        return exchange.target
    host = next(iter(values(list(exchange.headers), "host")), "") or "localhost"
    return (server or f"http://{host}") + ("" if exchange.target == "*" else exchange.target)
