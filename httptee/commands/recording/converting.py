"""A recording written in another form, or with further secrets replaced."""

from __future__ import annotations

import argparse
from collections.abc import Iterator

from httptee.commands.recording.redacting import Redaction
from httptee.errors import ConfigError
from httptee.recording.formats import Sink, Source, format_named


def convert(asked: argparse.Namespace) -> Iterator[str]:
    """Write the recording and yield what is to be said about it. Raises OSError, ValueError, ConfigError."""
    kind = asked.format or format_named(asked.to)
    if not kind:
        raise ConfigError(f"{asked.to!r}: its name does not say which form it is to have; --as says it")
    return _written(asked, kind, asked.server, masks=kind == "recording" and not asked.keep_secrets)


def redact(asked: argparse.Namespace) -> Iterator[str]:
    """Write the new recording and yield what is to be said about it. Raises OSError and ValueError."""
    return _written(asked, format_named(asked.to) or "recording", "", masks=True)


def _written(asked: argparse.Namespace, kind: str, server: str, masks: bool) -> Iterator[str]:
    """`masks`: credentials are replaced, if they are not already."""
    source = Source([asked.paths[path] for path in asked.sources])
    recording = source.recording
    masked = recording is not None and recording.masked
    redaction = None
    if asked.secret or asked.pattern or (masks and not masked):
        redaction = Redaction(asked.secret, asked.pattern)
        masked = True
    primary = "" if recording is None else recording.primary
    count = 0
    with Sink(asked.to, kind, server, primary, masked) as sink:
        for exchange in source:
            sink.writer.write(exchange if redaction is None else redaction(exchange))
            count += 1
    yield f"{asked.to}: {count:,} exchanges"
    if redaction is not None and redaction.changed:
        yield f"secrets are replaced in {redaction.changed:,} of them"
    if not masked:
        yield "secrets are in it as they were recorded; httptee recording redact replaces them"
    if recording is not None and recording.gaps:
        yield f"gaps in the recording: {len(recording.gaps):,}; httptee recording verify names them"
    for text, number in sorted((source.losses + sink.writer.losses).items()):
        yield f"{number:,} {text}"
    if sink.form:
        yield f"not kept: {sink.form}"
