"""Builds the tee's side of a recording."""

from __future__ import annotations

import errno
import logging
import os
import secrets
from collections.abc import Callable, Sequence
from math import inf
from pathlib import Path

from httptee.build.part import Part
from httptee.build.shipping import place_recording, recorded_in, register_of
from httptee.build.upstreams import additions
from httptee.http import Additions
from httptee.journal import JournalWriter, Limits, last_sequence
from httptee.ledger import Faults, Ledger, RecordLedger, Ring
from httptee.recording import (
    KEY_SIZE,
    Head,
    Inlet,
    Outlet,
    Recorder,
    RecordMaker,
    Scribe,
    Secrets,
    Sieve,
    connection_base,
    new_name,
)
from httptee.recording.engine import ShippedRegister
from httptee.selection import SCALE, selections
from httptee.settings import Settings, record_criteria

logger = logging.getLogger(__name__)

MOST_HELD = 32 * 1024 * 1024
"""Bytes that all exchanges may hold that are not written yet, in all processes together."""

_SMALLEST, _LARGEST = 64 * 1024, 64 * 1024 * 1024  # bytes of a file
_FILES = 8  # of each process, within the limit of all
_MARGIN = 1024 * 1024  # bytes: a record is a little larger than what was taken for its exchange


def name_recording(settings: Settings, ledger: Ledger, rows: int, earlier: Sequence[Ledger]) -> None:
    """Name the files of a ledger's worker processes. It must be done before they are forked.

    Several worker processes write nothing themselves: each gets a ring to the one process that does.
    """
    recording = ledger.recording
    keys = [before.recording.key for before in earlier if before.recording.key]
    recording.name, recording.key = new_name(), keys[0] if keys else secrets.token_bytes(KEY_SIZE)
    recording.earlier = [before.recording for before in earlier if not before.finished]
    place_recording(settings, recording, [before.recording for before in earlier])
    directory, name = Path(recording.directory), recording.name
    recording.written = lambda row: last_sequence(directory, _stream(name, row), recording.suffix)
    if rows > 1 or recording.board is not None:
        recording.rings = [Ring(MOST_HELD // rows + _MARGIN) for _ in range(rows)]


def announce_recording(settings: Settings) -> None:
    """Log where requests are recorded, and what is wrong with that. A recording never refuses a start."""
    if not settings.record:
        return
    logger.info("Requests are recorded in %s", recorded_in(settings))
    shipped = bool(settings.record_engine)
    directory, option = (settings.outbox, "-outbox") if shipped else (settings.record, "-record")
    try:
        if directory:
            os.makedirs(directory, mode=0o700, exist_ok=True)
            if not os.access(directory, os.W_OK | os.X_OK):
                raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    except OSError as error:
        logger.warning("cannot write in %s (%s): %s; it is tried again", directory, option, error.strerror)
    if settings.record_keep_secrets:
        logger.warning(
            "-record.keep-secrets: passwords, tokens and cookies are recorded as they are; whoever can read the "
            "files can use them"
        )


def build_recorder(settings: Settings, ledger: Ledger, part: Part, faults: Faults, added: Additions) -> Recorder:
    """What records the requests of one worker process. Starts no thread."""
    recording = ledger.recording
    account = recording.account(part.row)
    base = connection_base()
    hidden = _secrets(settings, recording)
    maker, remaker = (RecordMaker(hidden, settings.record_max_body, added.via, more) for more in (base, 0))
    outlet = Outlet(recording.rings[part.row], account, base, added.via, faults) if recording.rings else None
    journal = _journal(settings, recording, part.row, part.processes, account.sequence)
    register = register_of(settings, recording, journal, _stream(recording.name, part.row), account)
    (selection,) = selections([criteria := record_criteria(settings)])
    everything = criteria.percent >= SCALE and not criteria.filters
    return Recorder(
        account,
        Scribe(outlet or register, account, maker, Sieve(remaker), faults),
        None if everything else selection.refuses,
        settings.record_max_body,
        part.of(MOST_HELD),
        faults,
        outlet,
        base,
        added.via,
    )


def build_inlet(
    settings: Settings, ledger: Ledger, on_backlog: Callable[[float], object] = lambda share: None
) -> Inlet:
    """What writes for all worker processes of a ledger, in a process of its own. `on_backlog`: see `Inlet`."""
    recording = ledger.recording
    account = recording.account(recording.writer)
    # A predecessor may have been killed between the write and the count.
    account.recorded(max(account.sequence, recording.written(recording.writer)), account.last)
    journal = _journal(settings, recording, recording.writer, 1, account.sequence)
    stream = _stream(recording.name, recording.writer)
    register = register_of(settings, recording, journal, stream, account, recording.to_name)
    if isinstance(register, ShippedRegister):
        register.start()  # what an earlier run has left does not wait for the first request
    return Inlet(
        recording.rings,
        register,
        account,
        Sieve(RecordMaker(_secrets(settings, recording), settings.record_max_body, additions(settings).via)),
        on_backlog=on_backlog,
    )


def _secrets(settings: Settings, recording: RecordLedger) -> Secrets | None:
    return None if settings.record_keep_secrets else Secrets(recording.key, settings.record_secret)


def _journal(settings: Settings, recording: RecordLedger, row: int, processes: int, sequence: int) -> JournalWriter:
    share = settings.record_max_bytes // (_FILES * processes)
    limits = Limits(
        segment_bytes=min(_LARGEST, max(_SMALLEST, share)),
        max_bytes=settings.record_max_bytes,
        max_age=settings.record_max_age or inf,
        min_free=settings.record_min_free / 100,
    )
    head = Head(str(settings.a), not settings.record_keep_secrets).packed()
    return JournalWriter(
        Path(recording.directory),
        _stream(recording.name, row),
        recording.suffix,
        head,
        limits,
        sequence=sequence,
        compress=settings.record_compress == "zstd",
    )


def _stream(name: str, row: int) -> str:
    """The name of the files of one process, and of those that follow it in its row."""
    return f"{name}-{row}"
