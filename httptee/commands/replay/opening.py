"""What is to be replayed: a recording, or a file of another program, which is made one first."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from tempfile import TemporaryDirectory

from httptee.commands.recording import fetched
from httptee.recording import Recording, RecordingWriter, read_recording
from httptee.recording.formats import Source
from httptee.verdict.display import harmless
from httptee.verdict.evidence import Unreadable


@contextmanager
def opened(paths: Sequence[str]) -> Iterator[Recording]:
    """The recording in these files, directories and topics, or the one that `.gor` files or HAR files make.

    The latter is in a temporary directory (0700) until the end. Its secrets are those of the file. Raises OSError and
    Unreadable.
    """
    with ExitStack() as until_the_end:
        try:
            source = Source(list(until_the_end.enter_context(fetched(paths)).values()))
            recording = source.recording
            if recording is None:
                recording = _made(source, until_the_end.enter_context(TemporaryDirectory(prefix="httptee-replay-")))
        except ValueError as error:
            raise Unreadable(str(error)) from None
        with recording:
            yield recording


def _made(source: Source, directory: str) -> Recording:
    with RecordingWriter(directory, masked=False) as writer:
        for exchange in source:
            writer.write(exchange)
    for text, number in sorted(source.losses.items()):
        print(f"httptee: {number:,} {harmless(text)}", file=sys.stderr)
    return read_recording([directory])
