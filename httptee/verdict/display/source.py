"""Where a verdict is read from: the directory of the evidence, or the admin listener of the running tee."""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
import urllib.error
import urllib.request
from dataclasses import dataclass
from typing import Any

from httptee.verdict.evidence import StoredPair, Unreadable, is_document, read_pair, read_verdict

_LONGEST = 64 << 20  # bytes of a document
_PATIENCE = 10.0  # seconds


@dataclass(frozen=True, slots=True)
class Source:
    """`place` is a directory, or a URL: `http://127.0.0.1:9990`, with or without `/verdict`, or `unix:/path`."""

    place: str

    def verdict(self) -> dict[str, Any]:
        """The document with the latest reports of all Bs. Raises Unreadable."""
        if not self._is_url:
            return read_verdict(self.place)
        found = _fetched(self._url)
        if not is_document(found):
            raise Unreadable(f"{self._url}: this is not a verdict")
        document: dict[str, Any] = found
        return document

    def pair(self, number: int) -> StoredPair | None:
        """One pair, from the directory, which the listener names. Raises Unreadable."""
        if not self._is_url:
            return read_pair(self.place, number)
        directory = self.verdict().get("directory")
        if not isinstance(directory, str) or not directory:
            raise Unreadable(f"{self._url}: it does not say where the evidence is")
        return read_pair(directory, number)

    @property
    def _is_url(self) -> bool:
        return self.place.startswith(("http://", "https://", "unix:"))

    @property
    def _url(self) -> str:
        if self.place.startswith("unix:"):
            return self.place
        base = self.place.rstrip("/")
        return base if base.endswith("/verdict") else f"{base}/verdict"


class _UnixConnection(http.client.HTTPConnection):
    path = ""

    def connect(self) -> None:
        """Connect to the Unix socket, whatever the URL says."""
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


def _read_from_socket(path: str) -> bytes:
    """What /verdict says behind a Unix socket. Raises Unreadable for another status than 200."""
    connection = _UnixConnection("localhost", timeout=_PATIENCE)
    connection.path = path
    with contextlib.closing(connection):
        connection.request("GET", "/verdict")
        answer = connection.getresponse()
        data = answer.read(_LONGEST)
    if answer.status != 200:
        raise Unreadable(f"unix:{path}: {answer.status} {''.join(data.decode('utf-8', 'replace').splitlines()[:1])}")
    return data


def _fetched(url: str) -> Any:
    """The JSON at a URL, or at /verdict behind a Unix socket. No proxy is asked: the listener is near."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        if url.startswith("unix:"):
            data = _read_from_socket(url.removeprefix("unix:"))
        else:
            with opener.open(url, timeout=_PATIENCE) as answer:
                data = answer.read(_LONGEST)
    except urllib.error.HTTPError as error:
        with error:
            first = error.read(200).decode("utf-8", "replace").splitlines()[:1]
        raise Unreadable(f"{url}: {error.code} {''.join(first)}".rstrip()) from None
    except (OSError, http.client.HTTPException, ValueError) as error:
        reason = getattr(error, "reason", error)
        said = getattr(reason, "strerror", None) or str(reason)
        raise Unreadable(f"{url}: {' '.join(str(said).split()) or type(error).__name__}") from None
    try:
        return json.loads(data)
    except (ValueError, RecursionError):
        raise Unreadable(f"{url}: this is not a verdict") from None
