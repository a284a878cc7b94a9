"""Builds what ships a recording into an engine, and says where its files are."""

from __future__ import annotations

import logging
import re
import shutil
import socket
import tempfile
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from httptee.journal import JournalWriter
from httptee.journal.engines import parse_address
from httptee.journal.shipping import Shipper
from httptee.ledger import Ledger, RecordAccount, RecordLedger
from httptee.ledger.boards import Board
from httptee.recording import SUFFIX, Register, connection_of, survey
from httptee.recording.engine import OUTBOX_SUFFIX, ShippedRegister, Topic
from httptee.settings import Settings

logger = logging.getLogger(__name__)

_PATIENCE = 2.0  # seconds at the end of the tee for what is left to be shipped
_PRIVATE = "httptee-outbox-"
_GOLDEN, _WORD = 0x9E3779B97F4A7C15, (1 << 64) - 1
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]")


def place_recording(settings: Settings, recording: RecordLedger, earlier: Sequence[RecordLedger]) -> None:
    """Say where the files are, before the processes are forked. After a reload, a private outbox and the counts of what
    is shipped go on."""
    recording.directory, recording.suffix = settings.record, SUFFIX
    if not settings.record_engine:
        return
    recording.suffix = OUTBOX_SUFFIX
    before = next((one for one in earlier if one.board is not None), None)
    if settings.outbox:
        recording.directory = str(Path(settings.outbox) / "recording")
    else:
        recording.private = True
        kept = before is not None and before.private
        new = "" if kept else str(Path(tempfile.mkdtemp(prefix=_PRIVATE)) / "recording")
        recording.directory = before.directory if before and kept else new
    same = before is not None and before.directory == recording.directory
    recording.board = before.board if before and same else Board()


def recorded_in(settings: Settings) -> str:
    """Where the recording is, for people: a directory, or the address of a topic without credentials."""
    return parse_address(settings.record).label if settings.record_engine else settings.record


def end_recording(ledger: Ledger) -> None:
    """The tee has ended. A private outbox is removed, if nothing is left in it; else it is kept, and said."""
    recording = ledger.recording
    if not recording.private or recording.board is None:
        return
    place, left = Path(recording.directory).parent, survey(recording.directory, OUTBOX_SUFFIX)
    if left.files or left.error:
        count = recording.board.read().waiting
        logger.warning("%d records are left in %s: -outbox %s sends them", count, place, place)
    else:
        shutil.rmtree(place, ignore_errors=True)


def register_of(
    settings: Settings,
    recording: RecordLedger,
    journal: JournalWriter,
    stream: str,
    account: RecordAccount,
    to_name: Callable[[], Sequence[RecordAccount]] | None = None,
) -> Register:
    """What writes a recording, and ships it if it goes to an engine."""
    if recording.board is None:
        return Register(journal, account, to_name)
    topic = Topic(settings.record)
    shipper = partial(
        Shipper, topic, Path(recording.directory), OUTBOX_SUFFIX, _writer(), partial(_partition, topic.partitions)
    )
    return ShippedRegister(
        journal,
        account,
        to_name,
        lambda show: shipper(own=stream, on_look=show),
        recording.board,
        _PATIENCE,
        topic.close,
    )


def _partition(partitions: int, record: bytes) -> int:
    """All requests of one connection are in one partition, in their order. Connections are numbered one after another:
    their products with the golden ratio are spread evenly by their first bits, and not by others."""
    return ((connection_of(record) * _GOLDEN & _WORD) >> 32) * partitions >> 32


def _writer() -> str:
    """The begin of the names of this machine's writers."""
    return _UNSAFE.sub("_", socket.gethostname())[:64] or "tee"
