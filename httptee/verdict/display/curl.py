"""The request of a pair as a shell command: `curl` sends the same bytes again. For bash, zsh and ksh."""

from __future__ import annotations

import re
from base64 import b64encode

from httptee.verdict.display.style import harmless
from httptee.verdict.display.variables import CannotSend, pieces, variables
from httptee.verdict.evidence import StoredPair, StoredRequest

_BY_CURL = ("host", "content-length", "transfer-encoding", "connection", "expect")  # curl makes these itself
_UNASKED = ("User-Agent", "Accept", "Content-Type")  # curl adds these unless it is told not to
_LONGEST_WORD = 100_000  # bytes: the system allows 128 KiB for one word of a command
_PLAIN_TARGET = re.compile(r"/(?!\.)[\w~!$&'()*+,;=:@%/.?-]*", re.ASCII)


def curl(pair: StoredPair, server: str = "") -> str:
    """The command, with comments that say which variables to set first. `server`: a URL instead of `$SERVER`.

    Raises CannotSend.
    """
    request = pair.request
    if request is None or (request.body is None and request.length):
        why = f"only the {pair.keep} are" if request is None else "the body is too long and was not"
        raise CannotSend(f"pair {pair.number} cannot be sent again: {why} kept")
    known = variables(pair.names)
    command = curl_command(request, known, server)
    used = [name for name in known.values() if f'"${name}"' in command]
    needed = [*([] if server else ["SERVER=http://127.0.0.1:8080"]), *(f"{name}=..." for name in used)]
    comment = f"# {harmless(request.method)} of pair {pair.number}" + (
        f", its body {request.note}" if request.note else ""
    )
    return "\n".join([comment, *(f"# {line}" for line in needed), command])


def curl_command(request: StoredRequest, known: dict[str, str], server: str = "") -> str:
    """The command for a request that has its whole body. `known` has the variable for each placeholder."""
    words = ["curl --globoff --path-as-is", *_method(request), *_target(request, known, server.rstrip("/"))]
    words += _fields(request, known)
    body = request.body or b""
    before = ""
    if body:
        text = body.decode("latin-1")
        if b"\0" in body or len(body) > _LONGEST_WORD:
            before = _piped(text, known) + " |\n"
            words.append("--data-binary @-")
        else:
            words.append(f"--data-raw {_quoted(text, known)}")
        words.append("-H 'Expect:'")
    return before + " \\\n  ".join(words) + "\n"


def _method(request: StoredRequest) -> list[str]:
    if request.method == "HEAD":
        return ["--head"]
    plain = "POST" if request.body else "GET"
    return [] if request.method == plain else [f"-X {_quoted(request.method, {})}"]


def _target(request: StoredRequest, known: dict[str, str], server: str) -> list[str]:
    base = _quoted(server, {}) if server else '"$SERVER"'
    target = _quoted(request.target, known)
    if _PLAIN_TARGET.fullmatch(request.target):
        return [base + target]
    return [f"--request-target {target}", base]


def _fields(request: StoredRequest, known: dict[str, str]) -> list[str]:
    words = []
    decoded = bool(request.note)
    for name, value in request.headers:
        lower = name.lower()
        if lower in _BY_CURL[1:] or (decoded and lower == "content-encoding"):
            continue
        words.append(f"-H {_quoted(f'{name}: {value}' if value else f'{name};', known)}")
    names = {name.lower() for name, _ in request.headers}
    return words + [f"-H '{name}:'" for name in _UNASKED if name.lower() not in names]


def _quoted(text: str, known: dict[str, str]) -> str:
    """One word of the shell for these bytes, one character for each, with the variables in double quotes."""
    words = [f'"${part}"' if variable else _literal(part) for part, variable in pieces(text, known)]
    return "".join(words) or "''"


def _literal(text: str) -> str:
    if text.isascii() and text.isprintable():
        return "'" + text.replace("'", "'\\''") + "'"
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return "$'" + "".join(one if " " <= one <= "~" else _escape(one) for one in escaped) + "'"


def _escape(one: str) -> str:
    return {"\n": "\\n", "\r": "\\r", "\t": "\\t"}.get(one) or f"\\x{ord(one):02x}"


def _piped(text: str, known: dict[str, str]) -> str:
    """Commands that print the body: what is binary or long does not fit into a word."""
    parts = [
        f'printf %s "${part}"' if variable else f"printf %s {b64encode(part.encode('latin-1')).decode()} | base64 -d"
        for part, variable in pieces(text, known)
    ]
    return parts[0] if len(parts) == 1 else f"{{ {'; '.join(parts)}; }}"
