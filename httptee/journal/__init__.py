"""Append-only files of framed, checksummed records: what survives a torn write, a full disk and flipped bytes.
`JournalWriter` writes one stream of segments, `Segment` reads one segment."""

from httptee.journal.framing import BLOCK, HEAD, NOTE, RECORD, Damage, Frame
from httptee.journal.names import number_of
from httptee.journal.retention import Limits, stored
from httptee.journal.segment import Segment, last_sequence
from httptee.journal.writer import Appended, JournalWriter, Record

__all__ = [
    "BLOCK",
    "HEAD",
    "NOTE",
    "RECORD",
    "Appended",
    "Damage",
    "Frame",
    "JournalWriter",
    "Limits",
    "Record",
    "Segment",
    "last_sequence",
    "number_of",
    "stored",
]
