"""Builds the tee's side of a recording."""

from __future__ import annotations

import errno
import logging
import os
import secrets
from collections.abc import Sequence
from math import inf
from pathlib import Path

from httptee.build.part import Part
from httptee.http import Additions
from httptee.journal import JournalWriter, Limits, last_sequence
from httptee.ledger import Faults, Ledger
from httptee.recording import KEY_SIZE, SUFFIX, Head, Recorder, RecordMaker, Scribe, Secrets, new_name
from httptee.selection import SCALE, selections
from httptee.settings import Settings, record_criteria

logger = logging.getLogger(__name__)

MOST_HELD = 32 * 1024 * 1024
"""Bytes that all exchanges may hold that are not written yet, in all processes together."""

_SMALLEST, _LARGEST = 64 * 1024, 64 * 1024 * 1024  # bytes of a file
_FILES = 8  # of each process, within the limit of all


def name_recording(settings: Settings, ledger: Ledger, earlier: Sequence[Ledger]) -> None:
    """Name the files of a ledger's worker processes. It must be done before they are forked."""
    recording = ledger.recording
    keys = [before.recording.key for before in earlier if before.recording.key]
    recording.name, recording.key = new_name(), keys[0] if keys else secrets.token_bytes(KEY_SIZE)
    directory, name = Path(settings.record), recording.name
    recording.written = lambda row: last_sequence(directory, _stream(name, row), SUFFIX)


def announce_recording(settings: Settings) -> None:
    """Log where requests are recorded, and what is wrong with that. A recording never refuses a start."""
    if not settings.record:
        return
    logger.info("Requests are recorded in %s", settings.record)
    try:
        os.makedirs(settings.record, mode=0o700, exist_ok=True)
        if not os.access(settings.record, os.W_OK | os.X_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    except OSError as error:
        logger.warning("cannot write in %s (-record): %s; it is tried again", settings.record, error.strerror)
    if settings.record_keep_secrets:
        logger.warning(
            "-record.keep-secrets: passwords, tokens and cookies are recorded as they are; whoever can read the "
            "files can use them"
        )


def build_recorder(settings: Settings, ledger: Ledger, part: Part, faults: Faults, added: Additions) -> Recorder:
    """What records the requests of one worker process. Starts no thread."""
    account = ledger.recording.account(part.row)
    share = settings.record_max_bytes // (_FILES * part.processes)
    limits = Limits(
        segment_bytes=min(_LARGEST, max(_SMALLEST, share)),
        max_bytes=settings.record_max_bytes,
        max_age=settings.record_max_age or inf,
        min_free=settings.record_min_free / 100,
    )
    masked = not settings.record_keep_secrets
    journal = JournalWriter(
        Path(settings.record),
        _stream(ledger.recording.name, part.row),
        SUFFIX,
        Head(str(settings.a), masked).packed(),
        limits,
        sequence=account.sequence,
    )
    hidden = Secrets(ledger.recording.key, settings.record_secret) if masked else None
    maker = RecordMaker(hidden, settings.record_max_body, added.via)
    (selection,) = selections([criteria := record_criteria(settings)])
    everything = criteria.percent >= SCALE and not criteria.filters
    return Recorder(
        account,
        Scribe(journal, account, maker, faults),
        maker.quick,
        None if everything else selection.refuses,
        settings.record_max_body,
        part.of(MOST_HELD),
        faults,
    )


def _stream(name: str, row: int) -> str:
    """The name of the files of one worker process, and of those that follow it in its row."""
    return f"{name}-{row}"
