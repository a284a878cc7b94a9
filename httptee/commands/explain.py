"""`httptee explain`: which servers would get a request, by which rule, and the exact bytes that would be sent.

It uses the objects that the tee itself is built from, and opens no connection.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from io import BytesIO

from httptee.build import MAX_BODY_IN_MEMORY, additions, primary_upstream, shadow_upstream
from httptee.commands.paper import printer
from httptee.errors import ConfigError, Refusal
from httptee.http import RECEIVED_HEADERS, UPGRADE, FileBody, Headers, Listen, Request, check_hosts, receive, values
from httptee.selection import Finding, selections
from httptee.settings import BY_NAME, Settings, load_or_exit, shadow_settings
from httptee.transport import Upstream, request_head

USAGE = "httptee explain [options] [-H 'Name: value']... [-d BODY] [--client ADDRESS] 'METHOD /target'"


@dataclass
class Asked:
    """A request as a client would send it, and the options of the tee from the command line."""

    method: str = ""
    target: str = ""
    headers: Headers = field(default_factory=list)
    body: bytes = b""
    client: str = "127.0.0.1"
    options: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Fate:
    """The result for one server. `sent` is None if a percentage or a rate decides; `data` is what would be sent."""

    server: str
    sent: bool | None
    findings: list[Finding]
    data: bytes

    def __str__(self) -> str:
        return "\n".join(self._lines())

    def _lines(self) -> Iterator[str]:
        verdict = {True: "gets it", None: "may get it", False: "does not get it"}[self.sent]
        yield f"{self.server} {verdict}"
        for finding in self.findings:
            said = {True: "passes", None: "depends on", False: f"{finding.rule.reason} by"}[finding.passes]
            yield f"  {said} {finding.rule.text}" + (f": {finding.note}" if finding.note else "")
        if self.sent is not False:
            for line in self.data.splitlines(keepends=True):
                yield "  > " + line.decode("latin-1").encode("unicode_escape").decode("ascii")


def explain(settings: Settings, asked: Asked) -> list[Fate]:
    """The results for A and every B. Raises Refusal for a request that the tee itself answers."""
    request = receive(_environ(settings, asked), additions(settings), MAX_BODY_IN_MEMORY, settings.max_request_body)
    fates = [Fate(f"A {settings.a}", True, [], sent_bytes(primary_upstream(settings), request))]
    shadows = shadow_settings(settings)
    for shadow, selection in zip(shadows, selections([shadow.criteria for shadow in shadows]), strict=True):
        asked_of_b = shadow.form(request)
        findings = selection.foresee(asked_of_b)
        passes = [finding.passes for finding in findings]
        sent = False if False in passes else None if None in passes else True
        name = "" if shadow.name == str(shadow.endpoint) else f"{shadow.name} "
        data = sent_bytes(shadow_upstream(settings, shadow), asked_of_b) if sent is not False else b""
        fates.append(Fate(f"B {name}{shadow.endpoint}", sent, findings, data))
    return fates


def sent_bytes(upstream: Upstream, request: Request) -> bytes:
    """The bytes that go to an upstream for a request."""
    prepared = upstream.prepare(request)
    body = prepared.body
    return request_head(prepared.method, prepared.target, prepared.pairs) + (
        body.read() if isinstance(body, FileBody) else body
    )


def run_explain(argv: Sequence[str], environ: Mapping[str, str]) -> int:
    """Run the command and return its exit status."""
    try:
        asked = read_command_line(argv)
    except ConfigError as error:
        print(f"httptee: {error}", file=sys.stderr)
        return 2
    settings = load_or_exit(asked.options, environ)
    show = printer()
    try:
        for fate in explain(settings, asked):
            head, *lines = str(fate).splitlines()
            show({True: "good", None: "head", False: "error"}[fate.sent], head)
            for line in lines:
                show("note" if line.startswith("  > ") else "", line)
    except Refusal as refusal:
        show("error", f"no server gets it: the tee answers {refusal.status} {refusal.reason}: {refusal}")
    return 0


def read_command_line(argv: Sequence[str]) -> Asked:
    """Separate the request from the options of the tee. Raises ConfigError."""
    asked = Asked()
    words = iter(argv)
    for word in words:
        if word in ("-H", "-d", "--client"):
            value = next(words, None)
            if value is None:
                raise ConfigError(f"{word}: needs a value")
            _take(asked, word, value)
        elif word.startswith("-"):
            asked.options.append(word)
            option = BY_NAME.get(word.lstrip("-"))
            if "=" not in word and not (option and option.boolean):
                asked.options += [value] if (value := next(words, None)) is not None else []
        elif asked.target:
            raise ConfigError(f"only one request is allowed, and {word!r} is a second one; usage: {USAGE}")
        else:
            method, _, target = word.rpartition(" ")
            asked.method, asked.target = method.strip(), target
    if not asked.target and asked.options[:1] not in (["-h"], ["-help"], ["--help"]):
        raise ConfigError(f"a request is missing; usage: {USAGE}")
    asked.method = asked.method or ("POST" if asked.body else "GET")
    return asked


def _take(asked: Asked, word: str, value: str) -> None:
    raw = value.encode("utf-8", "surrogateescape")  # the bytes as typed; below, one character is one byte
    if word == "-d":
        asked.body = raw
    elif word == "--client":
        asked.client = value
    else:
        name, colon, text = raw.decode("latin-1").partition(":")
        if not colon or not name or any(character in value for character in "\r\n\0"):
            raise ConfigError(f"-H: must be Name: value: {value!r}")
        asked.headers.append((name, text.strip(" \t")))


def _own_name(listen: Listen) -> str:
    """The Host of a client that was given the tee's address."""
    return "localhost" if listen.path else str(Listen(listen.host or "localhost", listen.port))


def _environ(settings: Settings, asked: Asked) -> dict[str, object]:
    """The environ that the tee's own server would pass to the tee. Raises BadRequest for a malformed Host."""
    headers = list(asked.headers)
    names = {name.lower() for name, _ in headers}
    if "host" not in names:
        headers.insert(0, ("Host", _own_name(settings.listen)))
    check_hosts(values(headers, "host"), required=True)
    if asked.body and "content-length" not in names:
        headers.append(("Content-Length", str(len(asked.body))))
    return {
        "REQUEST_METHOD": asked.method,
        "REQUEST_URI": asked.target,
        "REMOTE_ADDR": asked.client,
        "CONTENT_LENGTH": str(len(asked.body)) if asked.body else "",
        RECEIVED_HEADERS: headers,
        UPGRADE: None,
        "wsgi.url_scheme": "https" if settings.cert_file else "http",
        "wsgi.input": BytesIO(asked.body),
    }
