"""Recordings in the formats of other programs: GoReplay's files and HAR, read and written; vegeta's targets and `curl`
commands, written. `Source` reads any of them, `Sink` writes any of them."""

from httptee.recording.formats.message import Message
from httptee.recording.formats.origin import hidden_messages, without_bytes
from httptee.recording.formats.sink import FORMATS, Sink, format_named
from httptee.recording.formats.source import Source

__all__ = [
    "FORMATS",
    "Message",
    "Sink",
    "Source",
    "format_named",
    "hidden_messages",
    "without_bytes",
]
