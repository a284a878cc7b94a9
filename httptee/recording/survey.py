"""What the directory of a recording holds at this moment."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from httptee.journal import stored
from httptee.recording.files import SUFFIX


@dataclass(frozen=True, slots=True)
class Survey:
    """`size` is in bytes. `oldest` is the last write to the oldest file, in seconds since the epoch; 0.0 without one.
    `error` says why the directory cannot be read, or is empty."""

    files: int = 0
    size: int = 0
    oldest: float = 0.0
    error: str = ""


def survey(directory: str, suffix: str = SUFFIX) -> Survey:
    """Look at the directory of a recording, or of its outbox. Raises nothing: one that cannot be read has an
    `error`."""
    try:
        found = stored(Path(directory), suffix)
    except FileNotFoundError:  # it is made with the first record
        return Survey()
    except OSError as error:
        return Survey(error=error.strerror or str(error))
    return Survey(len(found), sum(one.size for one in found), found[0].written if found else 0.0)
