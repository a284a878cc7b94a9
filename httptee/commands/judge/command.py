"""`httptee judge`: judges the pairs that many tees publish, and serves one page for all of them."""

from __future__ import annotations

import contextlib
import logging
import os
import platform
import signal
import sys
from collections.abc import Iterator, Mapping, Sequence
from threading import Thread

from httptee.admin import AdminSide
from httptee.admin.fleet import FleetAdmin
from httptee.commands.judge.making import CentralPlace, make_central
from httptee.commands.judge.words import USAGE, Asked, read_words
from httptee.errors import ConfigError
from httptee.journal.engines import Unavailable, open_engine, parse_address
from httptee.logs import flush_log, set_up_log
from httptee.server.sockets import address_of, bind, file_of
from httptee.settings import Settings, check_trust, load_or_exit
from httptee.verdict.display import harmless
from httptee.verdict.evidence import check_directory, private_directory, remove_private
from httptee.verdict.fleet import CentralJudge, forget

logger = logging.getLogger(__name__)

_FAILED = 4
_LAST_ANSWERS = 2.0  # seconds


def run_judge(argv: Sequence[str], environ: Mapping[str, str]) -> int:
    """Run the command until a signal ends it; return its exit status, see USAGE."""
    if {"-h", "-help", "--help"} & set(argv):
        print(USAGE, end="")
        return 0
    try:
        asked = read_words(argv)
        settings = load_or_exit(asked.options, environ)
        address = asked.address(settings.verdict_engine)
        if "forget" in asked.values:
            return _forget(address, asked.values["forget"])
        return _judge(settings, asked, address)
    except (Unavailable, OSError) as error:
        _complain(str(error))
        return _FAILED
    except ConfigError as error:
        _complain(f"{error}; httptee judge -h explains it")
        return 2


def _judge(settings: Settings, asked: Asked, address: str) -> int:
    if not settings.b:
        raise ConfigError("the judge needs the Bs of the tees: give their file, -config FILE, or -a and -b")
    check_trust(settings)
    name = asked.values.get("name") or f"{platform.node()}:{os.getpid()}"
    label = parse_address(address).label
    set_up_log(logging.DEBUG if settings.debug else logging.INFO, settings.log_format)
    ending: list[int] = []
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda number, _: ending.append(number))
    with _evidence(asked, settings) as directory, _serving(settings, label, directory):
        judge = _made(settings, CentralPlace(address, name, directory))
        logger.info("Judge %s takes pairs from %s; the evidence is in %s", name, label, directory)
        judge.run(lambda: not ending)
    logger.info("Judge %s ended", name)
    flush_log()
    return 0


def _made(settings: Settings, place: CentralPlace) -> CentralJudge:
    try:
        return make_central(settings, place)
    except ValueError as error:  # a library that is missing, mostly
        raise ConfigError(f"--from: {error}") from None


@contextlib.contextmanager
def _evidence(asked: Asked, settings: Settings) -> Iterator[str]:
    """The directory of the evidence: the one that was asked for, or one that is deleted at the end. Raises OSError."""
    if place := asked.values.get("evidence", ""):
        check_directory(place)
        yield place
        return
    place = private_directory(settings.verdict_max_bytes)
    try:
        yield place
    finally:
        remove_private(place)


@contextlib.contextmanager
def _serving(settings: Settings, label: str, directory: str) -> Iterator[None]:
    """Serve the page while the judge works, if there is a listener for it. Raises OSError."""
    if settings.admin is None:
        yield
        return
    listening = bind(settings.admin, *file_of(settings))
    logger.info("Admin listener at %s", address_of(listening))
    side = AdminSide(FleetAdmin(label, directory, settings.admin), listening, lambda: None)
    thread = Thread(target=side.run, args=(lambda: True,), name="admin", daemon=True)
    thread.start()
    try:
        yield
    finally:
        side.stop()
        thread.join(_LAST_ANSWERS)
        listening.close()


def _forget(address: str, instance: str) -> int:
    try:
        engine = open_engine(address)
    except ValueError as error:
        raise ConfigError(f"--from: {error}") from None
    try:
        runs = forget(engine, instance)
    finally:
        engine.close()
    print(f"{runs} runs of {harmless(instance)} are forgotten" if runs != 1 else "1 run is forgotten")
    return 0


def _complain(text: str) -> None:
    print("httptee:", harmless(" ".join(text.splitlines())), file=sys.stderr)
