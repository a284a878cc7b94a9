"""`httptee replay`: sends a recording to a server, at its own pace or another one, and compares the answers."""

from __future__ import annotations

import argparse
import contextlib
import signal
import sys
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from types import FrameType

from httptee.build import primary_upstream, shadow_upstream
from httptee.commands.recording import at
from httptee.commands.replay.dry import dry_run
from httptee.commands.replay.members import Company, Outcome, joined
from httptee.commands.replay.opening import opened
from httptee.commands.replay.outcome import show
from httptee.commands.replay.words import given, moment
from httptee.errors import ConfigError
from httptee.http import Endpoint
from httptee.recording import Gap, Recording
from httptee.replay.figures import standard_progress
from httptee.replay.replaying import Feed, Judging, Live, Preparing, Range, Replay, Schedule, Span, hidden
from httptee.replay.sending import Sending
from httptee.selection import selections
from httptee.settings import Settings, ShadowSettings, load, of_same_address, shadow_settings, usable_cores
from httptee.verdict.court import Policy
from httptee.verdict.display import harmless
from httptee.verdict.evidence import Evidence, Unreadable
from httptee.verdict.judge import UpstreamAsker

_FAILED = 4
_INTERRUPTED = 130
_ASK_ON = 20.0  # seconds at the end for what a live A is still to be asked
_MOST_PROCESSES = 8


def run_replay(argv: Sequence[str], environ: Mapping[str, str]) -> int:
    """Run the command and return its exit status, see `words.EPILOG`."""
    try:
        asked = given(argv)
        settings = _settings(asked)
        if not asked.members:
            with opened(asked.recording) as recording:
                return _replay(asked, settings, recording, environ)
        with joined(asked, _complain) as (recording, company):
            company.share(asked)
            return _replay(asked, settings, recording, environ, company)
    except ConfigError as error:
        _complain(f"{error}; httptee replay -h explains it")
        return 2
    except (Unreadable, OSError) as error:
        _complain(_reason(error))
        return _FAILED
    except KeyboardInterrupt:
        return _INTERRUPTED


def _replay(
    asked: argparse.Namespace,
    settings: Settings,
    recording: Recording,
    environ: Mapping[str, str],
    company: Company | None = None,
) -> int:
    (shadow,) = shadow_settings(settings)
    if not asked.yes:
        _check_not_a(shadow, recording)
    feed = _feed(asked, settings, shadow, recording, company.span if company else Span.of(recording))
    if asked.dry_run:
        print(dry_run(feed), end="")
        return 0
    evidence = Evidence(asked.verdict)
    try:
        judging = None if asked.no_compare else _judging(asked, settings, shadow, evidence, recording.masked)
        wait = company.begin if company else lambda: None
        sending = _sending(asked, settings, shadow)
        replay = Replay(feed, sending, _processes(asked), judging, standard_progress(), wait=wait)
        with _interrupting(replay):
            outcome = _outcome(replay, feed, judging, recording.masked)
            if company is not None:
                outcome = _of_all(outcome, replay, judging, company)
            status = show(asked, outcome.figures, judging, outcome.interrupted, outcome.replaced, outcome.gaps, environ)
        if replay.broken is not None:
            raise Unreadable(f"the recording cannot be read to its end: {_reason(replay.broken)}")
        return status
    finally:
        evidence.close()


def _outcome(replay: Replay, feed: Feed, judging: Judging | None, masked: bool) -> Outcome:
    figures = replay.run()
    replaced = feed.preparing.with_secrets if masked else 0
    if judging is not None and not replay.interrupted:
        judging.finish(_ASK_ON, lambda: replay.interrupted)
    gaps = () if replay.interrupted or replay.broken else _gaps(feed)
    return Outcome(replay.tally, figures, gaps, replaced, replay.interrupted)


def _of_all(outcome: Outcome, replay: Replay, judging: Judging | None, company: Company) -> Outcome:
    company.meeting.stopped = lambda: replay.interrupted
    found = company.add_up(outcome, judging)
    if found is None:
        _complain(company.part)
    return found or outcome


def _gaps(feed: Feed) -> Sequence[Gap]:
    """What is missing in the recording. A tee that still records may remove a file meanwhile: there is a report all
    the same."""
    try:
        return feed.gaps
    except OSError as error:
        _complain(f"what is missing in the recording is not known: {_reason(error)}")
        return ()


@contextlib.contextmanager
def _interrupting(replay: Replay) -> Iterator[None]:
    """Until the report is shown, the first Ctrl-C only stops the replay and what A is still asked, so that there is a
    report; a second one ends the program."""

    def on_signal(number: int, frame: FrameType | None) -> None:
        if replay.interrupted:
            raise KeyboardInterrupt
        replay.interrupt()

    before = {number: signal.signal(number, on_signal) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _settings(asked: argparse.Namespace) -> Settings:
    """The settings of a tee whose only B is the server that gets the requests. Raises ConfigError."""
    words = [f"--b={asked.to}", "--b.timeout=10s", "--b.max-body=1TiB"]
    settings = load([*words, *([f"--a={asked.a}"] if asked.a else [])], {})
    if settings.b[0].values("rate"):
        raise ConfigError("--to: rate= would leave requests out; --rate sends all of them, evenly")
    if settings.b[0].values("send-proxy"):
        raise ConfigError("--to: send-proxy= is not possible: a replay has no clients")
    return settings


def _check_not_a(shadow: ShadowSettings, recording: Recording) -> None:
    """Raise ConfigError if the requests would go to the address of a server that was A.

    Neither a Host of its own nor another path makes it another server: the address alone counts.
    """
    servers = []
    for text in recording.primary.split():
        with contextlib.suppress(ValueError):
            servers.append(Endpoint.parse(text))
    if (a := of_same_address(shadow.endpoint, servers)) is not None:
        to = f"--to {shadow.endpoint}" + (f" is {a}, and that" if str(shadow.endpoint) != str(a) else "")
        raise ConfigError(
            f"{to} is A in this recording: every request would reach it again, writes too. --yes permits it"
        )


def _feed(
    asked: argparse.Namespace, settings: Settings, shadow: ShadowSettings, recording: Recording, span: Span
) -> Feed:
    first = moment(asked.first, span.first, "--from")
    last = moment(asked.last, span.first, "--to-time")
    if first is not None and last is not None and first > last:
        raise ConfigError("--from is later than --to-time: nothing arrived between them")
    if span.count and ((first or 0) > span.last or (last is not None and last < span.first)):
        raise ConfigError(
            f"nothing arrived in the time of --from and --to-time: the recording is from {at(span.first)} to "
            f"{at(span.last)}"
        )
    origin = max(span.first, first or 0) if asked.members else None
    schedule = Schedule(asked.speed, asked.rate, asked.max_gap, asked.max, origin)
    chosen = Range(first or 0, last, asked.loop or None, asked.limit)
    (selection,) = selections([shadow.criteria])
    preparing = Preparing(shadow_upstream(settings, shadow), selection, not asked.no_compare, shadow.form)
    return Feed(recording, chosen, schedule, preparing, span)


def _sending(asked: argparse.Namespace, settings: Settings, shadow: ShadowSettings) -> Sending:
    pooled = max(1, asked.c // _processes(asked)) if asked.connections == "pool" else None
    return Sending(partial(shadow_upstream, settings, shadow), shadow.timeout, pooled, asked.max)


def _processes(asked: argparse.Namespace) -> int:
    most: int = asked.processes or max(1, min(_MOST_PROCESSES, usable_cores() // 2))
    return min(most, asked.c) if asked.max else most


def _judging(
    asked: argparse.Namespace, settings: Settings, shadow: ShadowSettings, evidence: Evidence, masked: bool
) -> Judging:
    chapter = evidence.chapter(shadow.name, "replay", reset=True)
    policy = Policy(shadow.name, chapter, asked.delta / 100, rules=shadow.rules, times=asked.times)
    live = None
    if asked.a:
        shadows = {shadow.name: (shadow_upstream(settings, shadow), shadow.timeout)}
        live = Live(UpstreamAsker({"": (primary_upstream(settings), settings.a_timeout), **shadows}), asked.a_rate)
    return Judging(policy, evidence, live, hidden(asked.secret)) if masked else Judging(policy, evidence, live)


def _reason(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    return str(error)


def _complain(text: str) -> None:
    print("httptee:", harmless(" ".join(text.splitlines())), file=sys.stderr)
