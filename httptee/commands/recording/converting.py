"""A recording written in another form."""

from __future__ import annotations

import argparse
from collections.abc import Iterator

from httptee.errors import ConfigError
from httptee.recording.formats import Sink, Source, format_named


def convert(asked: argparse.Namespace) -> Iterator[str]:
    """Write the recording and yield what is to be said about it. Raises OSError, ValueError, ConfigError."""
    kind = asked.format or format_named(asked.to)
    if not kind:
        raise ConfigError(f"{asked.to!r}: its name does not say which form it is to have; --as says it")
    return _written(asked, kind)


def _written(asked: argparse.Namespace, kind: str) -> Iterator[str]:
    source = Source(asked.sources)
    recording = source.recording
    masked = recording is not None and recording.masked
    primary = "" if recording is None else recording.primary
    count = 0
    with Sink(asked.to, kind, asked.server, primary, masked) as sink:
        for exchange in source:
            sink.writer.write(exchange)
            count += 1
    yield f"{asked.to}: {count:,} exchanges"
    if recording is not None and recording.gaps:
        yield f"the recording has {len(recording.gaps):,} gaps; httptee recording verify names them"
    for text, number in sorted((source.losses + sink.writer.losses).items()):
        yield f"{number:,} {text}"
    if sink.form:
        yield f"not kept: {sink.form}"
