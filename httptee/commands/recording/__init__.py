"""`httptee recording`: what a recording holds, whether it is whole, and its other forms."""

from httptee.commands.recording.checking import missing
from httptee.commands.recording.command import run_recording

__all__ = ["missing", "run_recording"]
