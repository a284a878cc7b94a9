"""`httptee ctl`: asks a running tee to pause a B, to change its share, to reload, over the socket of `-control`."""

from __future__ import annotations

import json
import socket
import sys
from collections.abc import Iterator, Mapping, Sequence
from time import monotonic, sleep
from typing import Any

from httptee.errors import ConfigError
from httptee.settings import BY_NAME, load_or_exit

USAGE = """\
usage: httptee ctl [-control FILE | options of the tee] COMMAND

  status [--json]      what is in force, and how it differs from the file
  pause B              B gets nothing; its clones are dropped as `paused`
  resume B             the end of that
  percent B NUMBER     B gets this share, in place of that of its line
  percent B file       B gets the share of its line again
  reload               as SIGHUP, and waits for the end of the reload
  log-level LEVEL      debug, info, warning or error; file: as -debug says

-control is the socket of the tee. Without it, -config FILE or the environment says where, as for the tee itself.
The exit status is 0 if it is done, 1 if it is refused, 2 for a mistake in the command, 4 if no tee answers.
"""
_DONE, _REFUSED, _MISTAKE, _NO_ANSWER = 0, 1, 2, 4
_PATIENCE = 15.0  # seconds for one answer: while the tee reloads, the socket is open and nobody reads
_RELOAD = 60.0  # seconds
_POLL = 0.1  # seconds


class _NoAnswer(Exception):
    """No tee answers. The message is one line."""


def run_ctl(argv: Sequence[str], environ: Mapping[str, str]) -> int:
    """Run the command and return its exit status, see USAGE."""
    if {"-h", "-help", "--help"} & set(argv):
        print(USAGE, end="")
        return _DONE
    try:
        path, words, as_json = _read_words(argv, environ)
        return _order(path, words, as_json)
    except ConfigError as error:
        print(f"httptee: {error}; httptee ctl -h explains it", file=sys.stderr)
        return _MISTAKE
    except _NoAnswer as error:
        print(f"httptee: {error}", file=sys.stderr)
        return _NO_ANSWER


def _order(path: str, words: Sequence[str], as_json: bool) -> int:
    found = _asked(path, words)
    if not found["done"]:
        print(f"httptee: {found['text']}", file=sys.stderr)
        return _REFUSED
    if "status" in found:
        print(json.dumps(found["status"], indent=2) if as_json else "\n".join(_lines(found["status"])))
        return _DONE
    print(found["text"])
    return _awaited(path, found["reloads"]) if "reloads" in found else _DONE


def _awaited(path: str, before: Mapping[str, int]) -> int:
    """Wait until one more reload has ended, and say how."""
    until = monotonic() + _RELOAD
    while monotonic() < until:
        sleep(_POLL)
        try:
            counts = _asked(path, ["status"])["status"]["reload"]["counts"]
        except _NoAnswer:  # the process of the socket is being replaced
            continue
        if counts["refused"] > before["refused"]:
            print("httptee: the reload was refused; the log of the tee says why", file=sys.stderr)
            return _REFUSED
        if counts["done"] > before["done"]:
            print("reloaded")
            return _DONE
    raise _NoAnswer(f"the reload has not ended within {_RELOAD:.0f} s; the log of the tee says more")


def _asked(path: str, words: Sequence[str]) -> dict[str, Any]:
    """The answer of the tee. Raises _NoAnswer."""
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(_PATIENCE)
            connection.connect(path)
            connection.sendall(json.dumps(words).encode() + b"\n")
            with connection.makefile("rb") as reader:
                found = json.loads(reader.readline())
    except OSError as error:
        raise _NoAnswer(f"no tee answers at {path}: {error.strerror or error}") from None
    except ValueError:
        raise _NoAnswer(f"what answers at {path} is no tee, or its process has just ended") from None
    if not isinstance(found, dict) or "done" not in found or "text" not in found:
        raise _NoAnswer(f"what answers at {path} is no tee")
    return found


def _read_words(argv: Sequence[str], environ: Mapping[str, str]) -> tuple[str, list[str], bool]:
    """The path of the socket, the words of the command, and whether the status is wanted as JSON. Raises
    ConfigError."""
    options: list[str] = []
    words = list(argv)
    while words and words[0].startswith("-"):
        word = words.pop(0)
        name, equals, _ = word.lstrip("-").partition("=")
        option = BY_NAME.get(name)
        if option is None and name != "config":
            raise ConfigError(f"unknown option {word.split('=')[0]!r}")
        options.append(word)
        if not equals and not (option and option.boolean) and words:
            options.append(words.pop(0))
    as_json = words[:1] == ["status"] and words[1:] == ["--json"]
    if not words:
        raise ConfigError("a command is missing")
    if len(options) == 2 and options[0].lstrip("-") == "control":  # no other option can be wrong
        path = options[1]
    else:
        path = load_or_exit(options, environ).control
    if not path:
        raise ConfigError("-control is not set: it names the socket of the tee")
    return path, words[:1] if as_json else words, as_json


def _lines(status: Mapping[str, Any]) -> Iterator[str]:
    a, reload = status["a"], status["reload"]
    yield f"A {a['url']}: {a['rates']['10s']:g} requests/s, {a['in_flight']} in flight"
    for b in status["b"]:
        ledger = b["ledger"]
        if b["line"] is None:
            continue
        said = f"{b['percent']:g} percent" + (" by order" if b["orders"]["percent"] is not None else "")
        said = "paused by order" if b["orders"]["paused"] else said
        yield (
            f"B {b['name']}: {b['state']}, {said}; seen {ledger['seen']}, delivered {ledger['delivered']}, "
            f"failed {ledger['failed']}, dropped {ledger['dropped']}, in flight {ledger['in_flight']}"
        )
    yield f"{len(status['workers'])} worker processes, up for {status['uptime']:.0f} s"
    if status["control"]["log_level"]:
        yield f"the log has level {status['control']['log_level']} by order"
    if reload["at"] is not None:
        yield f"{reload['counts']['done']} reloads; the last one was {'done' if reload['done'] else 'refused'}"
