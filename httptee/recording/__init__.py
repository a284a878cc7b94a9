"""What A was asked and what it answered, kept in files: the values and their form, the tee's side that records, and the
reading of a recording. `read_recording` reads, `RecordingWriter` writes one for a program."""

from httptee.recording.exchange import Exchange, Fields, Kept, MalformedExchange, decode, encode
from httptee.recording.gaps import Gap
from httptee.recording.reading import Recording, read_recording
from httptee.recording.secrets import KEY_SIZE, Secrets
from httptee.recording.writing import RecordingWriter

__all__ = [
    "KEY_SIZE",
    "Exchange",
    "Fields",
    "Gap",
    "Kept",
    "MalformedExchange",
    "Recording",
    "RecordingWriter",
    "Secrets",
    "decode",
    "encode",
    "read_recording",
]
