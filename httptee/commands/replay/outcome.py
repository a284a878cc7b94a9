"""How a replay ends: its figures, the verdict, and the exit status."""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from httptee.commands.replay.dry import gap_lines
from httptee.commands.verdict import STATUS, print_text, terminal_style, write_file
from httptee.recording import Gap
from httptee.replay.figures import Figures, as_dict, kept_up, text
from httptee.replay.replaying import Judging
from httptee.verdict.display import page, table
from httptee.verdict.evidence import document, report_of

_NOT_ENOUGH = 3
_INTERRUPTED = 130


def show(
    asked: argparse.Namespace,
    figures: Figures,
    judging: Judging | None,
    interrupted: bool,
    replaced: int,
    gaps: Sequence[Gap],
    environ: Mapping[str, str],
) -> int:
    """Print what is asked for. `replaced` requests were sent with replaced credentials; `gaps` are those of the
    recording.

    Returns the exit status. Raises Unreadable where a file cannot be written.
    """
    compared = judging is not None and judging.compared > 0
    replayed = {**as_dict(figures), "gaps": list(map(asdict, gaps))}
    reports = judging.reports(replayed) if judging is not None and compared else []
    found: dict[str, Any] = document(reports, time.time(), replay=replayed)
    if not compared:
        found["word"] = None
    made = [report_of(one) for one in reports]
    if asked.json:
        print(json.dumps(found, indent=2))
    elif asked.html != "-":
        print_text(text(figures, asked.max))
        if compared:
            print_text("\n" + table(made, None, terminal_style(environ)))
        for note in (*gap_lines(gaps), *notes(figures, judging, compared, replaced)):
            print_text(f"note: {note}\n")
    if asked.html:  # at last, so that what cannot be written takes nothing else away
        write_file(asked.html, page(made, None, found["word"] or "no verdict"))
    return status(figures, found["word"], interrupted)


def status(figures: Figures, word: str | None, interrupted: bool) -> int:
    """The exit status. That the generator could not keep up comes first: then nothing else is sure. What differs
    differs, though a process that sends has died; that nothing else does is not sure then."""
    if interrupted:
        return _INTERRUPTED
    if not kept_up(figures) or not figures.answered:
        return _NOT_ENOUGH
    found = 0 if word is None else STATUS[word]
    return _NOT_ENOUGH if figures.died and not found else found


def notes(figures: Figures, judging: Judging | None, compared: bool, replaced: int) -> Iterator[str]:
    """What one has to know to read the report."""
    if not figures.sent and not figures.failed:
        yield "no request was sent"
        return
    if not figures.answered:
        yield "no request was answered: the exit status is 3, whatever the verdict says"
    if replaced:
        yield f"{replaced:,} requests have credentials that were replaced when they were recorded; they were sent so"
    if judging is None:
        return
    if not compared:
        yield "the recording has no answers of A that can be compared: there is no verdict"
        return
    if judging.masked:
        yield (
            f"in {judging.masked:,} answers A's value is a secret that was replaced when it was recorded: there B's "
            "value is not compared"
        )
    if not judging.asks:
        yield (
            "A was not asked again: what is noise of A's own is known only from requests that were recorded more than "
            "once; --a URL asks a live A"
        )
