"""What A was asked and what it answered, kept in files: the values and their form, the tee's side that records, and the
reading of a recording. `read_recording` reads, `RecordingWriter` writes one for a program."""

from httptee.recording.clock import read_time
from httptee.recording.exchange import Exchange, Fields, Kept, MalformedExchange, connection_of
from httptee.recording.files import SUFFIX, Head, Loss, new_name, survey
from httptee.recording.gaps import Gap
from httptee.recording.inlet import Inlet
from httptee.recording.outlet import Outlet
from httptee.recording.reading import Recording, read_recording
from httptee.recording.record import RecordMaker, Sieve, connection_base
from httptee.recording.recorder import Recorder
from httptee.recording.register import Record, Register
from httptee.recording.scribe import Scribe
from httptee.recording.secrets import KEY_SIZE, Secrets
from httptee.recording.writing import RecordingWriter

__all__ = [
    "KEY_SIZE",
    "SUFFIX",
    "Exchange",
    "Fields",
    "Gap",
    "Head",
    "Inlet",
    "Kept",
    "Loss",
    "MalformedExchange",
    "Outlet",
    "Record",
    "RecordMaker",
    "Recorder",
    "Recording",
    "RecordingWriter",
    "Register",
    "Scribe",
    "Secrets",
    "Sieve",
    "connection_base",
    "connection_of",
    "new_name",
    "read_recording",
    "read_time",
    "survey",
]
