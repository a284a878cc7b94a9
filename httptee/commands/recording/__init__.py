"""`httptee recording`: what a recording holds, whether it is whole, and its other forms."""

from httptee.commands.recording.checking import missing
from httptee.commands.recording.command import run_recording
from httptee.commands.recording.summary import at
from httptee.commands.recording.topics import fetch, fetched

__all__ = ["at", "fetch", "fetched", "missing", "run_recording"]
