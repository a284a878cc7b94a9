"""Runs the judge: in a process beside the worker processes, or in a thread of the only process.

The channel for the pairs is made before any fork and stays with the supervisor. So a judge that is stopped or has died
means that the channel fills up, and never an error for a worker process. What is in it is for the next judge.
"""

from __future__ import annotations

import contextlib
import math
import platform
import resource
import signal
import socket
from collections.abc import Callable, Sequence
from functools import partial
from time import monotonic

from httptee.build import Watching, build_tallies, make_judge
from httptee.ledger import Ledger
from httptee.processes.kept import Kept, Priority
from httptee.processes.publishing import make_publisher
from httptee.processes.reload import follow_level
from httptee.settings import Settings
from httptee.verdict.court import Sender
from httptee.verdict.evidence import private_directory, remove_private
from httptee.verdict.judge import JudgeThread, MakeJudge, Memory, Pace, PairReader, PairSender, open_channel
from httptee.verdict.pairs import Tallies

_LAST_WORDS = 3.0  # seconds after SIGTERM, until a judge that has not ended is killed
_LAST_SHIPMENT = 10.0  # the same where it publishes: what it does not say then, nobody ever knows
_SHARE = 0.25  # of one core
_BEHIND = 8.0  # seconds for a turn of the judge, at which it counts as far behind; without work, a turn takes 0.2
_MEMORY = 256 * 1024 * 1024  # bytes beyond those at its start; with more, a judge saves all and ends
_MOST_MEMORY = 1024 * 1024 * 1024  # bytes; beyond that, an allocation fails, and the pair is not judged


class JudgeProcess:
    """The judge of one tee. `make` makes it in the child process. While `make` is None, there is no judge.

    A child process closes the sockets in `inherited`: the tee's own listening socket must be closed when the last
    worker process ends. `private` is a directory that is deleted at the end. With `alone`, the judge runs in a thread:
    call `start_thread`, and not `keep`.
    """

    def __init__(
        self, make: MakeJudge | None, inherited: Sequence[socket.socket] = (), private: str = "", *, alone: bool = False
    ) -> None:
        self._make = make
        self._inherited = inherited
        self._private = private
        self._left: dict[str, float] = {}  # earlier private directories: when each is deleted
        self._verdict = "off"
        self._publishes = False
        self._follow: Callable[[], object] = lambda: None
        self._tallies: Tallies | None = None
        self._alone = alone
        self._thread: JudgeThread | None = None
        self._channel: tuple[PairSender, PairReader] | None = None
        self._child = Kept("judge")

    def sender(self) -> Sender:
        """Where the worker processes put their pairs. Call it before they are forked. Raises OSError."""
        if self._alone:
            return self._judge_thread().sender
        if self._channel is None:
            self._channel = open_channel()
        return self._channel[0]

    def renew(self, settings: Settings, ledger: Ledger) -> Watching | None:
        """Judge by these settings. The worker processes that share this ledger get what is returned; None: no verdict.

        Call it before they are forked. Their tallies continue those of the last call. Raises OSError.
        """
        if settings.verdict != self._verdict:
            private = private_directory(settings.verdict_max_bytes) if _in_private(settings) else ""
            self._use_private(private)
            self._verdict = settings.verdict
            self._publishes = bool(settings.verdict_engine)
        if settings.verdict == "off":
            self.replace(None)
            return None
        earlier = self._tallies.history if self._tallies is not None else ()
        self._tallies = build_tallies(settings, settings.processes, earlier)
        place = self._private or (f"{settings.outbox}/verdict" if settings.verdict_engine else settings.verdict)
        self._follow = partial(follow_level, settings, ledger)
        self.replace(self._maker(settings, ledger, self._tallies, place))
        return Watching(self._tallies, self.sender(), place, engine=settings.verdict_engine)

    def resume(self, settings: Settings, ledger: Ledger, watching: Watching | None) -> None:
        """Judge again as before the last call of `renew`: the reload has failed. What its processes counted counts."""
        private = watching.place if watching is not None and _in_private(settings) else ""
        self._use_private(private)
        self._verdict = settings.verdict
        if watching is None:
            self.replace(None)
            return
        failed, self._tallies = self._tallies, watching.tallies
        if failed is not None and failed is not watching.tallies:
            failed.finished |= self._alone  # in one process, the new server has not served
            watching.tallies.continue_after(failed)
        self._follow = partial(follow_level, settings, ledger)
        self.replace(self._maker(settings, ledger, watching.tallies, watching.place))

    def _maker(self, settings: Settings, ledger: Ledger, tallies: Tallies, place: str) -> MakeJudge:
        """What makes the judge or, if pairs are judged elsewhere, what publishes them."""
        if settings.verdict_engine:
            return make_publisher(settings, ledger, tallies, place, settings.instance or _own_name(self._inherited))
        return make_judge(settings, ledger, tallies, place)

    def start_thread(self) -> None:
        """Judge in a thread of this process. Called again about once a second, in case it could not be started."""
        self._delete_left(monotonic())
        if self._make is not None:
            self._judge_thread().start()

    def keep(self) -> float:
        """Start, replace or kill the child process as needed. Call it again within the returned seconds."""
        self._delete_left(monotonic())
        if self._make is None or self._channel is None:
            return self._child.keep(None)
        return self._child.keep(partial(self._judge_alone, self._make, self._channel[1]))

    def watch(self) -> None:
        """For a tee that drains: start no other child process."""
        self._make = None
        self._child.collect(wanted=False)

    def replace(self, make: MakeJudge | None) -> None:
        """Judge with other settings or other counters, or no more. The channel stays open.

        A process can read only memory that was mapped before its fork, so a new process is needed. `keep` starts it
        after the old one has ended, which saves what it knows.
        """
        self._make = make
        self._child.end(_LAST_WORDS)
        if self._thread is not None and make is not None:
            self._thread.replace(make)
        elif self._thread is not None:
            self._thread.stop(0.0)
            self._thread = None

    def stop(self) -> None:
        """End the judge, which saves what it knows. May be called twice."""
        self._make = None
        if self._thread is not None:
            self._thread.stop()
        self._child.stop(_LAST_SHIPMENT if self._publishes else _LAST_WORDS)
        for end in self._channel or ():
            end.close()
        self._channel = None
        self.delete_private()

    def _judge_thread(self) -> JudgeThread:
        if self._thread is None:
            if self._make is None:
                raise RuntimeError("there is no judge")
            self._thread = JudgeThread(self._make)
        return self._thread

    def _judge_alone(self, make: MakeJudge, reader: PairReader, wanted: Callable[[], bool]) -> None:
        """The body of the child process."""
        for inherited in self._inherited:
            inherited.close()
        ending: list[int] = []
        signal.signal(signal.SIGTERM, lambda number, _: ending.append(number))
        signal.pthread_sigmask(signal.SIG_SETMASK, ())
        _bound_memory()
        priority, began = Priority(), monotonic()
        judge = make(reader, Pace(_SHARE), Memory(_MEMORY).short)

        def goes_on() -> bool:
            nonlocal began
            began, last = monotonic(), began
            on = not ending and wanted()
            priority.follow(min(1.0, (began - last) / _BEHIND) if on else 1.0)  # at the end it has little time
            self._follow()
            return on

        judge.run(goes_on)
        if not wanted():  # the supervisor was killed
            self.delete_private()

    def delete_private(self) -> None:
        """Delete the private directory, if there is one."""
        self._use_private("")
        self._delete_left(math.inf)

    def _use_private(self, place: str) -> None:
        """Another private directory, or none. The earlier one is deleted when the judge that uses it has ended."""
        if self._private not in ("", place):
            self._left[self._private] = monotonic() + 2 * _LAST_WORDS
        self._left.pop(place, None)
        self._private = place

    def _delete_left(self, now: float) -> None:
        for place in [place for place, at in self._left.items() if at <= now]:
            remove_private(place)
            del self._left[place]


def _in_private(settings: Settings) -> bool:
    """Whether the evidence, or the outbox of what is published, is in a directory that ends with the tee."""
    return settings.verdict == "memory" or (bool(settings.verdict_engine) and not settings.outbox)


def _own_name(sockets: Sequence[socket.socket]) -> str:
    """The name of the host and the port or file at which the tee listens."""
    where = sockets[0].getsockname() if sockets else ""
    return f"{platform.node()}:{where[1] if isinstance(where, tuple) else str(where).replace('/', '_')}"


def _bound_memory() -> None:
    with contextlib.suppress(OSError, ValueError):
        _, hard = resource.getrlimit(resource.RLIMIT_DATA)
        most = _MOST_MEMORY if hard == resource.RLIM_INFINITY else min(hard, _MOST_MEMORY)
        resource.setrlimit(resource.RLIMIT_DATA, (most, hard))
