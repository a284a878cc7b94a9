"""What `--dry-run` prints: what would be sent, and when."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from httptee.commands.recording import missing
from httptee.recording import Gap
from httptee.replay.replaying import Feed
from httptee.verdict.display import harmless

_SHOWN = 10


def dry_run(feed: Feed) -> str:
    """Read all of the recording, and say what would be sent."""
    return "\n".join(_lines(feed)) + "\n"


def _lines(feed: Feed) -> Iterator[str]:
    count, last = 0, 0.0
    seconds: dict[int, int] = {}
    for planned in feed:
        if count < _SHOWN:
            request = planned.prepared.request
            size = f", {len(request.body):,} bytes" if request.body else ""
            about = f"{request.method} {request.target}{size}"
            yield f"{planned.due:10.3f} s  connection {planned.exchange.connection}  {harmless(about)}"
        count += 1
        last = planned.due
        seconds[int(last)] = seconds.get(int(last), 0) + 1
    if count > _SHOWN:
        yield f"and {count - _SHOWN:,} more"
    filtered = sum(feed.filtered.values())
    reasons = ", ".join(f"{reason}: {times:,}" for reason, times in feed.filtered.items())
    about = f" ({reasons})" if reasons else ""
    rest = f" + {feed.damaged:,} damaged in the recording" if feed.damaged else ""
    rest += f" + {feed.unread:,} not reached" if feed.unread else ""
    yield f"{feed.recorded:,} recorded = {count:,} to send + {filtered:,} filtered{about}{rest}"
    if last:
        yield f"{last:.1f} s, {count / last:,.1f} requests/s, at most {max(seconds.values()):,} in a second"
    yield from gap_lines(feed.gaps)


def gap_lines(gaps: Sequence[Gap]) -> Iterator[str]:
    """What is missing in a recording: the first of it, each with its interval of time."""
    for gap in gaps[:_SHOWN]:
        yield f"the recording is not whole: {missing(gap)}"
    if len(gaps) > _SHOWN:
        yield f"and {len(gaps) - _SHOWN:,} more gaps; httptee recording verify names them"
