"""`httptee verdict`: whether B can replace A, as the running tee knows it; its evidence, and the rules in force.

It only reads: the directory of `-verdict`, or the admin listener.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import sys
import time
from collections.abc import Mapping, Sequence
from typing import Any

from httptee.commands.verdict.merged import Merged
from httptee.commands.verdict.words import Asked, read_words
from httptee.errors import ConfigError
from httptee.http import Listen
from httptee.journal.engines import is_engine_address
from httptee.settings import Settings, load_or_exit, shadow_settings
from httptee.verdict.court import NO, NOT_YET, YES
from httptee.verdict.display import CannotSend, Source, Style, curl, har, harmless, page, rules_text

from httptee.verdict.display import side_by_side, table  # isort: skip
from httptee.verdict.evidence import Unreadable, report_of, worst

USAGE = """\
usage: httptee verdict [DIR|URL] [--b NAME] [--json] [--html FILE] [--wait [SECONDS]]
       httptee verdict show ID [DIR|URL] [--b NAME] [--curl | --har] [--to URL]
       httptee verdict rules [options]

DIR is the directory of -verdict, URL the admin listener: http://127.0.0.1:9990. Of many tees, URL is the address where
they publish, redis://HOST/TOPIC, or the listener of a judge. Without either, -config FILE or the environment says
where. ID is the number of a pair, or the id of a difference in the report.
The exit status is 0 for YES, 1 for NO, 3 for NOT YET (of several Bs, the worst), 2 for a mistake in the command, and
4 if nothing can be read or written.
"""
STATUS = {YES: 0, NO: 1, NOT_YET: 3}
"""The exit status for each word."""
_FAILED = 4
_INTERRUPTED = 130
_POLL = 0.5  # seconds
_PATIENCE = 10.0  # seconds of --wait without any answer


def run_verdict(argv: Sequence[str], environ: Mapping[str, str]) -> int:
    """Run the command and return its exit status, see USAGE."""
    if {"-h", "-help", "--help"} & set(argv[:2]):
        print(USAGE, end="")
        return 0
    try:
        if argv[:1] == ["rules"]:
            return _rules(load_or_exit(argv[1:], environ))
        if argv[:1] == ["show"]:
            return _show(read_words(argv[1:], ("curl", "har")), environ)
        return _report(read_words(argv, ("json",)), environ)
    except ConfigError as error:
        _complain(f"{error}; httptee verdict -h explains it")
        return 2
    except (Unreadable, CannotSend) as error:
        _complain(str(error))
        return _FAILED
    except KeyboardInterrupt:
        return _INTERRUPTED


def _report(asked: Asked, environ: Mapping[str, str]) -> int:
    if len(asked.words) > 1:
        raise ConfigError(f"only one directory or URL is allowed, and {asked.words[1]!r} is a second one")
    found = _awaited(asked, _source(asked.words, asked.options, environ))
    found = _chosen(found, asked.values.get("b", ""))
    try:
        reports = [report_of(one) for one in found["reports"]]
    except ValueError as error:
        raise Unreadable(f"the verdict cannot be read: {error}") from None
    at = found.get("at")
    if "html" in asked.values:
        write_file(asked.values["html"], page(reports, at, found["word"]))
    if "json" in asked.flags:
        print(json.dumps(found, indent=2))
    elif asked.values.get("html") != "-":
        print_text(table(reports, at, terminal_style(environ)))
    return STATUS[found["word"]]


def _chosen(found: dict[str, Any], name: str) -> dict[str, Any]:
    """The document with the reports of one B only, if a name is given."""
    reports = found["reports"]
    names = [str(one.get("backend")) for one in reports]
    if name and reports and name not in names:
        raise ConfigError(f"--b: no report on {name!r}; the Bs are {', '.join(names)}")
    reports = [one for one, backend in zip(reports, names, strict=True) if name in ("", backend)]
    return {**found, "word": worst([str(one.get("word")) for one in reports]), "reports": reports}


def _awaited(asked: Asked, source: Source | Merged) -> dict[str, Any]:
    """The document; with `--wait`, once it is decided or the time is over. Raises Unreadable."""
    if asked.wait is None:
        return source.verdict()
    until = time.monotonic() + asked.wait
    answered = time.monotonic()
    while True:
        now = time.monotonic()
        try:
            found = source.verdict()
            answered = now
            if _chosen(found, asked.values.get("b", ""))["word"] != NOT_YET or now >= until:
                return found
        except Unreadable:
            if now >= min(until, answered + _PATIENCE):
                raise
        time.sleep(min(_POLL, max(0.0, until - now)))


def _show(asked: Asked, environ: Mapping[str, str]) -> int:
    if not asked.words:
        raise ConfigError("show: the number of a pair or the id of a difference is missing")
    if len(asked.words) > 2 or {"curl", "har"} <= asked.flags:
        raise ConfigError("show: give one ID, one directory or URL, and --curl or --har")
    name, *place = asked.words
    source = _source(place, asked.options, environ)
    number = int(name) if re.fullmatch(r"[0-9]{1,18}", name) else _example(source, name, asked.values.get("b", ""))
    pair = source.pair(number)
    if pair is None:
        raise Unreadable(f"no pair {number} is kept: it was removed, or never stored")
    if "curl" in asked.flags:
        print(curl(pair, asked.values.get("to", "")), end="")
    elif "har" in asked.flags:
        print(json.dumps(har(pair), indent=2))
    else:
        print_text(side_by_side(pair, terminal_style(environ)))
    return 0


def _example(source: Source | Merged, name: str, backend: str) -> int:
    """The number of the first pair that is kept for a difference of the report."""
    for one in _chosen(source.verdict(), backend)["reports"]:
        for route in report_of(one).routes:
            for finding in route.findings:
                if finding.id == name and finding.examples:
                    return finding.examples[0]
                if finding.id == name:
                    raise Unreadable(f"no pair is kept for the difference {name}")
    raise Unreadable(f"no pair and no difference {harmless(name)} in the report")


def _rules(settings: Settings) -> int:
    """Print the rules of each B, one a line, as they are understood."""
    for shadow in shadow_settings(settings):
        name = "" if shadow.name == str(shadow.endpoint) else f"{shadow.name} "
        print_text(f"B {name}{shadow.endpoint}\n{rules_text(shadow.rules)}")
    return 0


def _source(words: Sequence[str], options: Sequence[str], environ: Mapping[str, str]) -> Source | Merged:
    """Where to read: as it is given, or as the tee's own options say."""
    if words:
        return Merged(words[0]) if is_engine_address(words[0]) else Source(words[0])
    if not options and not any(name.startswith("HTTPTEE_") for name in environ):
        raise ConfigError("a directory, a URL or -config FILE is missing")
    settings = load_or_exit(options, environ)
    if settings.verdict_engine:
        return Merged(settings.verdict_engine)
    if settings.verdict not in ("off", "memory"):
        return Source(settings.verdict)
    if settings.admin is not None:
        return Source(_url(settings.admin))
    raise ConfigError("neither -verdict with a directory nor -admin is set: there is no place to read from")


def _url(listen: Listen) -> str:
    if listen.path:
        return str(listen)
    host = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}.get(listen.host, listen.host)
    return f"http://{Listen(host, listen.port)}"


def terminal_style(environ: Mapping[str, str]) -> Style:
    """The colors and the width of standard output; 120 columns where it is no terminal."""
    return Style.of(sys.stdout, shutil.get_terminal_size((120, 40)).columns, dict(environ))


def write_file(name: str, text: str) -> None:
    """Write a file whole or not at all; `-` is standard output. Raises Unreadable."""
    if name == "-":
        print_text(text)
        return
    part = f"{name}.{os.getpid()}.part"
    try:
        with open(part, "w", encoding="utf-8", errors="replace") as file:
            file.write(text)
        os.replace(part, name)
    except (OSError, ValueError) as error:
        with contextlib.suppress(OSError, ValueError):
            os.unlink(part)
        raise Unreadable(f"{name}: cannot be written: {getattr(error, 'strerror', None) or error}") from None


def print_text(text: str) -> None:
    """Print text. A character that the encoding of standard output lacks becomes a question mark."""
    encoding = sys.stdout.encoding or "ascii"
    print(text.encode(encoding, "replace").decode(encoding), end="")


def _complain(text: str) -> None:
    print("httptee:", harmless(" ".join(text.splitlines())), file=sys.stderr)
