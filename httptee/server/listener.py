"""The listening side of one process: accepts connections and lets a crew of threads serve them.

The main thread accepts, ends slow connections, adjusts the number of serving threads, and receives signals.
"""

from __future__ import annotations

import logging
import select
import socket
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import partial
from time import monotonic, sleep
from typing import TYPE_CHECKING, Any

from waitress.adjustments import Adjustments

from httptee.errors import CutOff
from httptee.http import RequestMemory, Response
from httptee.server.accepting import ASIDE, AcceptingServer
from httptee.server.channel import Channel
from httptee.server.crew import Crew
from httptee.server.memory import Heap
from httptee.server.ownership import HUNG_UP
from httptee.server.patience import Departures, look_after

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

logger = logging.getLogger(__name__)

_TICK = 1.0  # seconds between two checks of idle and slow connections
_SHORT_TICK = 0.005  # seconds between two checks of the crew while it is short of threads
_AT_ONCE = 8  # events that the main thread handles before it checks anything else
_LOOK_AT_MOST = 256  # ready connections that the main thread reads in one pass when all other threads are busy
_QUIET = 1.0  # seconds; a draining server closes a connection that has been idle for that long
_LAST_WORDS = 1.0  # seconds after the drain timeout in which the serving threads cut off what is left


class Server(AcceptingServer):
    """waitress's server, with one epoll set for the crew in place of its loop and its dispatcher."""

    channel_class = Channel

    def __init__(
        self,
        application: Any,
        listening: socket.socket,
        adj: Adjustments,
        *,
        threads: int,
        client_timeout: float,
        close_connections: bool,
        max_pending: int = 1000,
        max_request_memory: int = 64 * 1024 * 1024,
    ) -> None:
        self.crew = Crew(threads, self._serve, super().pull_trigger)
        self.stalled = self.crew.stalled
        self._departures = Departures()
        self._next_tick = self._next_glance = 0.0
        self.heap = Heap()
        self._stopping = False
        self._waking = threading.RLock()  # a signal handler may interrupt the thread that holds it
        self._asks = True  # whether the main loop has to call `wanted`
        self.closes_connections = close_connections
        self.client_timeout = client_timeout
        self.on_refusal: Callable[[WSGIEnvironment, Response], object] = lambda environ, answer: None
        self.on_discard: Callable[[WSGIEnvironment], object] = lambda environ: None
        self.memory = RequestMemory(max_request_memory)
        self._max_pending = max_pending
        super().__init__(application, listening, adj)
        self._listening.register(self.trigger.socket, select.EPOLLIN)

    def run(self, wanted: Callable[[], bool] = lambda: True) -> None:
        """Accept and serve until `stop`, or until `wanted` returns False: called every second and at each `wake`."""
        self.crew.start()
        next_look, short_of_threads, trigger = monotonic(), False, self.trigger.socket.fileno()
        while not self._stopping:
            if self.turns.aside:
                self.come_back()
            wait = ASIDE if self.turns.aside else _SHORT_TICK if short_of_threads else self._departures.pause
            for descriptor, _ in self._listening.poll(wait, _AT_ONCE):
                if descriptor == self._fileno:
                    self.accept_or_step_aside()
                elif descriptor == trigger:
                    self.trigger.handle_read()
                    next_look = 0.0
                elif (channel := self._map.get(descriptor)) is not None:
                    self._greet(channel)
            now = monotonic()
            if now >= next_look:  # one check in that time, however many connections arrive
                next_look = now + _SHORT_TICK
                short_of_threads = self._reinforce()
            if self._look_after_clients(now):
                self._asks = True
            if self._asks:
                self._asks = False
                if not wanted():  # only ever set to True: a signal may have set it meanwhile
                    self._stopping = True

    def stop(self) -> None:
        """Make `run` return. Safe in a signal handler."""
        self._stopping = True
        self.wake()

    def wake(self) -> None:
        """Make `run` call `wanted` at once. Safe in a signal handler, also after `drain`."""
        self._asks = True
        with self._waking:
            if not self._listening.closed:  # else `drain` has closed the trigger, and its descriptor may be another's
                super().pull_trigger()

    def drain(self, timeout: float) -> None:
        """Stop accepting, answer what has arrived or still arrives, and close all connections in `timeout` seconds.

        A connection that was kept alive closes with its next answer. Without one, it is closed only after it has been
        quiet for a while: the next request may be on its way, and would be lost. At the deadline, the rest are reset.
        """
        asked = monotonic()
        deadline = asked + timeout
        self.closes_connections = True
        self.stop_accepting()
        while self.active_channels and (now := monotonic()) < deadline:
            quiet = now - min(_QUIET, timeout / 2)
            for channel in list(self.active_channels.values()):
                if channel.idle and max(asked, channel.active_at) < quiet:
                    channel.hang_up()
            self._reinforce()
            self._look_after_clients(now)
            sleep(_SHORT_TICK)
        self._door.close()
        self._cut_off_all()
        if self.crew.stop(_LAST_WORDS):
            self._close_descriptors()
        else:
            for channel in list(self.active_channels.values()):
                channel.owned(channel.cut_off)
            threading.Thread(target=self._close_late, name="close", daemon=True).start()

    def _cut_off_all(self) -> None:
        """Make every serving thread end its exchange with A and reset its client's connection."""
        self.cut_off = self.in_flight
        for channel in list(self.active_channels.values()):
            channel.reset_when_closed()
            channel.cancellation.cancel(CutOff)

    def _close_late(self) -> None:
        """Close the descriptors after the last thread has ended. It may still wait for a name or an address of A."""
        self.crew.join()
        self._close_descriptors()

    def _look_after_clients(self, now: float) -> bool:
        """Look after slow clients, and clients that have gone, if it is time for it. Returns whether `maintenance` was
        done."""
        if now >= self._next_glance or self.crew.waiting:
            for channel in self._departures.gone(now, self.crew.patience):
                self._let_go(channel)
            self._next_glance = now + self._departures.pause
        if now < self._next_tick:
            return False
        self._next_tick = now + _TICK
        self.maintenance(now)
        return True

    def _let_go(self, channel: Channel) -> None:
        """End the request of a client that has gone: at A, or in the queue for a free thread."""
        channel.cancellation.cancel()
        if channel.queued is not None and self.crew.withdraw(channel.queued):
            channel.queued = None
            channel.owned(channel.discard)

    def _reinforce(self) -> bool:
        """Adjust the serving threads. If all are busy, queue ready connections. Returns whether to repeat it soon."""
        soon = self.crew.reinforce()
        if self.crew.overwhelmed:
            for descriptor, events in self.crew.ready.poll(0, _LOOK_AT_MOST):
                channel = self._map.get(descriptor)
                if channel is not None:
                    self._look(channel, events)
        return soon

    def _greet(self, channel: Channel) -> None:
        """Continue with a new connection that `_welcome` has kept for the main thread."""

    def _look(self, channel: Channel, events: int) -> None:
        if events & HUNG_UP:
            self._departures.note(channel)
        try:
            if channel.look(events, len(self.crew.waiting) < self._max_pending):
                self.hand_over(channel)
        except Exception:
            logger.exception("the main thread failed on a connection")
            channel.cut_off()

    def hand_over(self, channel: Channel) -> None:
        """Queue a connection for the next free thread."""
        channel.queued = partial(self._take_up, channel)
        self.crew.waiting.append(channel.queued)
        self.crew.ring()

    def held_by_client(self) -> AbstractContextManager[None]:
        """Context manager around a thread's wait for a client that reads its answer slowly."""
        return self.crew.held()

    def arm(self, descriptor: int, events: int) -> None:
        """Set the epoll events of a connection."""
        self.crew.ready.modify(descriptor, events)

    def maintenance(self, now: float) -> None:
        """Once a second: end the connections of slow and silent clients, and return unused memory."""
        self.heap.tick()
        self._door.tick(len(self.active_channels))
        for channel in list(self.active_channels.values()):
            look_after(channel, now, self.client_timeout)

    def add_task(self, task: Channel) -> None:
        """Do nothing: the thread that reads a request also serves it."""

    def pull_trigger(self) -> None:
        """Do nothing: epoll wakes the serving threads, and a connection needs no work of the main thread."""

    def _close_descriptors(self) -> None:
        for channel in list(self.active_channels.values()):
            channel.cut_off()
        self.crew.close()
        with self._waking:
            self._listening.close()
            self.trigger.close()

    def _serve(self, descriptor: int, events: int) -> None:
        """Serve a ready connection. Called in a serving thread."""
        channel = self._map.get(descriptor)
        if channel is None:
            return
        if events & HUNG_UP:
            self._departures.note(channel)
        try:
            channel.step(events)
        except Exception:
            channel.cut_off()
            raise

    def _take_up(self, channel: Channel) -> None:
        try:
            channel.resume()
        except Exception:
            channel.cut_off()
            raise
