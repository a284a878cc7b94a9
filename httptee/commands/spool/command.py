"""`httptee spool`: what waits in a spool and what was set aside, and what is done with it by hand."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from time import monotonic, time_ns

from httptee.build import make_drained
from httptee.commands.paper import printer
from httptee.commands.spool.engine import apart_in, engine_lines
from httptee.commands.spool.looking import curl_of, directories, lines, waiting_in
from httptee.commands.spool.words import given
from httptee.errors import ConfigError
from httptee.journal.engines import Unavailable, is_engine_address
from httptee.ledger import ShadowLine, SpoolWords
from httptee.settings import Backend, Settings, SpoolSettings, shadow_settings
from httptee.spool import Aside, SetAside, Sheet, StreamName, new_run
from httptee.spool.draining import Drainer
from httptee.verdict.display import harmless

_WRONG = 2
_INTERRUPTED = 130


def run_spool(argv: Sequence[str]) -> int:
    """Run the command and return its exit status, see `words.EPILOG`."""
    try:
        asked = given(argv)
        run: dict[str, Callable[[argparse.Namespace], int]] = {
            "ls": _ls, "cat": _cat, "verify": _verify, "retry": _retry, "drop": _drop, "drain": _drain
        }  # fmt: skip
        return run[asked.command](asked)
    except ConfigError as error:
        _complain(f"{error}; httptee spool -h explains it")
    except BrokenPipeError:
        raise
    except OSError as error:
        name = f"{error.filename}: " if error.filename else ""
        _complain(f"{name}{error.strerror or error}")
    except (ValueError, Unavailable) as error:
        _complain(str(error))
    except KeyboardInterrupt:
        return _INTERRUPTED
    return _WRONG


def _ls(asked: argparse.Namespace) -> int:
    show = printer()
    if is_engine_address(asked.directory):
        for kind, line in engine_lines(asked.directory):
            show(kind, line)
        return 0
    for directory in directories(asked.directory):
        for kind, line in lines(waiting_in(directory)):
            show(kind, line)
    return 0


def _cat(asked: argparse.Namespace) -> int:
    for _, one in _chosen(asked):
        print(curl_of(one, keep_secrets=asked.keep_secrets))
    return 0


def _verify(asked: argparse.Namespace) -> int:
    _refuse_an_engine(asked)
    show, good = printer(), True
    for directory in directories(asked.directory):
        found = waiting_in(directory)
        for kind, line in list(lines(found))[:1]:
            show(kind, line)
        if found.bad:
            good = False
            show("error", f"  {found.bad:,} of them are missing or damaged")
    return 0 if good else 1


def _retry(asked: argparse.Namespace) -> int:
    for directory, one in list(_chosen(asked)):
        sheet = Sheet(directory, _stream_of_its_own, _without_limits(directory))
        stored = sheet.append([(time_ns(), one.clone.packed())])  # by the time when it came, it may be too old by now
        sheet.close()
        if not stored:
            raise ValueError(f"{directory}: the spool takes no more: {sheet.error}")
        Aside(directory).remove(one.spool_id)
        print(f"{one.spool_id} is in the spool again")
    return 0


def _without_limits(directory: Path, rate: int = 0) -> SpoolSettings:
    """What is done by hand loses nothing that waits, whatever the limits of the tee are."""
    return SpoolSettings(
        str(directory.parent), max_bytes=1 << 62, max_age=0.0, min_free=0.0, rate=rate, fsync="always", full="newest"
    )


def _stream_of_its_own() -> StreamName:
    return StreamName(new_run(), 0, 1)


def _drop(asked: argparse.Namespace) -> int:
    for directory, one in list(_chosen(asked)):
        Aside(directory).remove(one.spool_id)
        print(f"{one.spool_id} is removed")
    return 0


def _drain(asked: argparse.Namespace) -> int:
    _refuse_an_engine(asked)
    found = directories(asked.directory)
    if len(found) > 1:
        raise ConfigError(f"{asked.directory} has several Bs: name the directory of one")
    directory = found[0].resolve()
    settings = Settings(b=(Backend(asked.to, (("name", directory.name),)),), b_timeout=asked.timeout)
    words = SpoolWords()
    words.put[0] = 1  # until the drainer has counted what is there
    spool = _without_limits(directory, asked.rate)
    drainer = Drainer([lambda: make_drained(settings, shadow_settings(settings)[0], spool, words, new_run())])
    deadline = monotonic() + asked.wait
    drainer.run(lambda: not drainer.done and not drainer.refused and monotonic() < deadline)
    if drainer.refused:
        raise ValueError(f"{directory}: a tee sends what waits there, or another drain does; end it first")
    line = words.line.tolist()
    sent = sum(line[column] for column in ShadowLine.DELIVERED.values()) + line[ShadowLine.OTHER_STATUS]
    failed, dropped = (sum(line[at] for at in some.values()) for some in (ShadowLine.FAILED, ShadowLine.DROPPED))
    left = line[ShadowLine.SEEN] - sent - failed - dropped
    print(f"{sent:,} sent, {failed:,} set aside or lost, {dropped:,} dropped, {left:,} left")
    return 1 if left or failed or dropped or words.backlog else 0


def _chosen(asked: argparse.Namespace) -> Iterator[tuple[Path, SetAside]]:
    """What was set aside under an id, or all of it. Raises ValueError if there is nothing."""
    any_found = False
    if is_engine_address(asked.directory):
        if asked.command != "cat":
            _refuse_an_engine(asked)
        for one in apart_in(asked.directory):
            if asked.id in ("all", one.spool_id):
                any_found = True
                yield Path(), one
    for directory in [] if is_engine_address(asked.directory) else directories(asked.directory):
        for one in Aside(directory).all():
            if asked.id in ("all", one.spool_id):
                any_found = True
                yield directory, one
    if not any_found and asked.id != "all":
        raise ValueError(f"{asked.directory}: nothing was set aside as {asked.id}")


def _refuse_an_engine(asked: argparse.Namespace) -> None:
    if is_engine_address(asked.directory):
        raise ConfigError(f"{asked.command} works on a directory: for an engine there are ls and cat")


def _complain(text: str) -> None:
    print(harmless("httptee: " + " ".join(text.splitlines())), file=sys.stderr)
