"""Carries pairs from the worker processes to the judge. A sender never waits: a pair that finds no room is lost.

Between processes it is a socket pair of packets (`SOCK_SEQPACKET`) that is made before any fork: the kernel's buffer
is the bound, a packet arrives whole or not at all, and any number of processes may write. The supervisor keeps both
ends open. So if the judge has died, the buffer fills, and the next judge reads what is in it.

A pair that is larger than a packet goes in several. Their header has the sender's process and number, so the parts of
different pairs may mix. A pair whose parts do not all arrive is dropped.
"""

from __future__ import annotations

import contextlib
import marshal
import os
import select
import socket
import struct
import threading
from collections.abc import Iterator
from io import BytesIO
from itertools import count
from queue import Empty, SimpleQueue
from time import monotonic
from typing import Any, Protocol

from httptee.compare import Outcome
from httptee.http import FileBody, Request
from httptee.verdict.court import Pair

_PACKET = 64 * 1024  # bytes of one part
_PARTS = 64  # of one pair: more than 4 MiB are never sent
_LONGEST = 1024 * 1024  # bytes of a request's body; of a longer one only the length is sent
_HEADER = struct.Struct("=4sIQHH")  # mark, process, number, part, parts
_MARK = b"PAIR"
_BUFFER = 4 * 1024 * 1024  # bytes; what the kernel holds while the judge does not read
_LANES = 8  # socket pairs, where the limits of the system make one buffer small
_SNDBUFFORCE = getattr(socket, "SO_SNDBUFFORCE", 32)  # sets a buffer above the limit of the system; for root only
_INCOMPLETE = 8 * 1024 * 1024  # bytes of pairs of which other parts are awaited
_BATCH = 64  # pairs, after which `receive` returns, so that its caller can do other work
_QUEUED = 1000  # pairs that wait for a judge in the same process
_FLAGS = socket.MSG_DONTWAIT | socket.MSG_NOSIGNAL


class Reader(Protocol):
    """Where the judge takes pairs from. `dropped` counts what arrived and was no whole pair."""

    dropped: int

    def receive(self, timeout: float) -> Iterator[Pair]:
        """The pairs that have arrived, at most some dozens. Waits up to `timeout` seconds for the first."""


def open_channel(buffer: int = _BUFFER) -> tuple[PairSender, PairReader]:
    """Both ends of a channel between processes, with room for about `buffer` bytes.

    Where the system allows only small buffers, several socket pairs are used as one. Raises OSError.
    """
    ends: list[tuple[socket.socket, socket.socket]] = []
    room = 0
    while room < buffer and len(ends) < _LANES:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        _enlarge(ours, buffer)
        ends.append((ours, theirs))
        room += ours.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF)
    return PairSender([ours for ours, _ in ends]), PairReader([theirs for _, theirs in ends])


class PairSender:
    """The end for the worker processes, for any number of threads."""

    def __init__(self, lanes: list[socket.socket]) -> None:
        self._lanes = lanes
        self._numbers = count()

    def send(self, pair: Pair) -> bool:
        """Send a pair, or return False if there is no room."""
        data = memoryview(marshal.dumps(_packed(pair)))
        parts = -(-len(data) // _PACKET)
        if parts > _PARTS:
            return False
        # A process that replaces another one may count from 0 again, so the process is a part of the key.
        process, number = os.getpid(), next(self._numbers)
        for part in range(parts):
            header = _HEADER.pack(_MARK, process, number, part, parts)
            if not self._put(header, data[part * _PACKET : (part + 1) * _PACKET]):
                return False
        return True

    def close(self) -> None:
        """Close this end in this process. May be called twice."""
        for lane in self._lanes:
            lane.close()

    def _put(self, header: bytes, data: memoryview) -> bool:
        for lane in self._lanes:
            with contextlib.suppress(OSError):  # no room, or closed by the end of the tee
                lane.sendmsg([header, data], (), _FLAGS)
                return True
        return False


class PairReader:
    """The end for the judge, for one thread. It gives all pairs the number 0: the judge numbers them."""

    def __init__(self, lanes: list[socket.socket]) -> None:
        self.dropped = 0
        """Packets that were no part of a pair, and pairs of which a part is missing."""
        self._lanes = lanes
        self._buffer = bytearray(_HEADER.size + _PACKET)
        self._incomplete: dict[tuple[int, int], dict[int, bytes]] = {}
        self._held = 0
        self._poll = select.poll()
        for lane in lanes:
            self._poll.register(lane, select.POLLIN)

    def receive(self, timeout: float) -> Iterator[Pair]:
        """The pairs that have arrived, at most some dozens. Waits up to `timeout` seconds for the first packet."""
        if not self._poll.poll(max(0.0, timeout) * 1000):
            return
        given = 0
        for lane in self._lanes:
            while given < _BATCH and (size := self._take(lane)) is not None:
                pair = self._accept(memoryview(self._buffer)[:size])
                if pair is not None:
                    given += 1
                    yield pair

    def close(self) -> None:
        """Close this end in this process. May be called twice."""
        for lane in self._lanes:
            lane.close()

    def _take(self, lane: socket.socket) -> int | None:
        """Read a packet into the buffer and return its size, or None if there is none."""
        try:
            return lane.recv_into(self._buffer, 0, socket.MSG_DONTWAIT) or None
        except OSError:
            return None

    def _accept(self, packet: memoryview) -> Pair | None:
        """The pair that this packet completes, if it completes one."""
        try:
            mark, process, number, part, parts = _HEADER.unpack_from(packet)
            if mark != _MARK or not part < parts <= _PARTS:
                raise ValueError("no part of a pair")
            data = packet[_HEADER.size :]
            if parts == 1:
                return _unpacked(marshal.loads(data))
            whole = self._joined((process, number), part, parts, bytes(data))
            return None if whole is None else _unpacked(marshal.loads(whole))
        except (ValueError, TypeError, EOFError, MemoryError, struct.error):
            self.dropped += 1
            return None

    def _joined(self, key: tuple[int, int], part: int, parts: int, data: bytes) -> bytes | None:
        """All parts of a pair, if this is the last one to arrive. Drops the oldest incomplete pairs above the limit:
        their senders have found no room for the rest."""
        known = self._incomplete.setdefault(key, {})
        known[part] = data
        self._held += len(data)
        if len(known) < parts:
            while self._held > _INCOMPLETE:
                self._forget(next(iter(self._incomplete)))
                self.dropped += 1
            return None
        self._forget(key)
        return b"".join(known[each] for each in range(parts))

    def _forget(self, key: tuple[int, int]) -> None:
        self._held -= sum(map(len, self._incomplete.pop(key).values()))


class LocalChannel:
    """Sender and reader in one, for a judge that is a thread of the only process. Holds at most `room` bytes."""

    def __init__(self, room: int = _BUFFER) -> None:
        self.dropped = 0
        self._room = room
        self._held = 0
        self._lock = threading.Lock()  # held for an addition
        self._pairs: SimpleQueue[Pair] = SimpleQueue()

    def send(self, pair: Pair) -> bool:
        """Put a pair into the queue, or return False if it is full."""
        size = size_of(pair)
        with self._lock:
            if self._held + size > self._room or self._pairs.qsize() >= _QUEUED:
                return False
            self._held += size
        self._pairs.put(pair)
        return True

    def receive(self, timeout: float) -> Iterator[Pair]:
        """The pairs in the queue, at most some dozens. Waits up to `timeout` seconds for the first."""
        deadline = monotonic() + timeout
        for _ in range(_BATCH):
            try:
                pair = self._pairs.get(timeout=max(0.0, deadline - monotonic()))
            except Empty:
                return
            deadline = 0.0
            with self._lock:
                self._held -= size_of(pair)
            yield pair

    def close(self) -> None:
        """Do nothing: there is nothing to close."""


def size_of(pair: Pair) -> int:
    """About how many bytes a pair takes in memory: its bodies and header fields, and something for the rest."""
    request, a, b = pair.request, pair.a, pair.b
    fields = sum(len(name) + len(value) for one in (request, a, b) for name, value in one.headers)
    sent = len(request.body) if isinstance(request.body, bytes) else 0
    return 4096 + 2 * fields + sent + len(a.body or b"") + len(b.body or b"")


def _enlarge(sending: socket.socket, size: int) -> None:
    for option in (_SNDBUFFORCE, socket.SO_SNDBUF):
        with contextlib.suppress(OSError):
            sending.setsockopt(socket.SOL_SOCKET, option, size)
            return


def _packed(pair: Pair) -> tuple[Any, ...]:
    """A pair as values that marshal knows. A head that is already written is sent as it is: that is quicker."""
    request, a, b = pair.request, pair.a, pair.b
    body = request.body if isinstance(request.body, bytes) and len(request.body) <= _LONGEST else len(request.body)
    return (
        (pair.backend, pair.route, pair.at, pair.b_at, pair.a_seconds, pair.b_seconds, pair.extra),
        (request.method, request.target, body, request.client, request.scheme),
        request.shared_head[0] if request.shared_head else request.headers,
        (a.status, a.headers, a.body, a.length, a.digest, a.failure),
        (b.status, b.headers, b.body, b.length, b.digest, b.failure),
    )


def _unpacked(values: Any) -> Pair:
    (backend, route, *rest), (method, target, body, client, scheme), head, a, b = values
    if isinstance(head, bytes):
        lines = head.decode("latin-1")[:-4].split("\r\n")
        head = [(name, value) for name, _, value in (line.partition(": ") for line in lines[1:])]
    body = FileBody(BytesIO(), body) if isinstance(body, int) else body  # its length is known, and no more
    request = Request(method, target, head, body, client, scheme)
    return Pair(0, backend, route, request, Outcome(*a), Outcome(*b), *rest)
