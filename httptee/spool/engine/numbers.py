"""The numbers that one outbox gives to its messages, and the batch that may be in the engine already.

The engine's readers count by these numbers, so after a kill the same clones must get the same ones. Before a batch goes
out, the file says which clones are in it. It has two slots that are written in turn, each with a checksum, and both are
there from the beginning: a full disk cannot keep them from being written.

When the machine has stopped, the file may be older than the engine. Then a new writer begins: some clones are in the
topic twice, and none is left out.
"""

from __future__ import annotations

import json
import os
from calendar import timegm
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from secrets import token_hex
from struct import Struct
from time import gmtime, strftime, strptime, time_ns
from typing import Any
from zlib import crc32

from httptee.spool import Entry, Stream, StreamName, boot_id, streams_in

FILE = "shipped"
BATCH = 256
"""Clones in one batch at most."""

_TIME, _TIME_LENGTH = "%Y%m%dT%H%M%S", 15
_SLOT = 64 * 1024  # bytes: a batch takes less than half of it
_HEAD = Struct("<QII")  # generation, length, checksum


@dataclass(frozen=True, slots=True)
class Planned:
    """A clone of the batch: its stream and sequence in the outbox, and its partition and number in the topic."""

    stream: str
    sequence: int
    partition: int
    number: int


class Numbers:
    """`<Numbers of 20260101T000000abcdef>`: the numbers of one outbox for one topic. Raises OSError."""

    def __init__(self, directory: Path, topic: str, partitions: int) -> None:
        self.writer = named(time_ns())
        """The name of the writer in the topic."""
        self.plan: tuple[Planned, ...] = ()
        """The last batch."""
        self._last = [0] * partitions
        self._topic = topic
        self._generation = 0
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._descriptor = os.open(directory / FILE, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            os.posix_fallocate(self._descriptor, 0, 2 * _SLOT)
            self._load()
        except OSError:
            os.close(self._descriptor)
            raise

    def __repr__(self) -> str:
        return f"<Numbers of {self.writer}>"

    def begin(self, stamp: int) -> None:
        """The first clone of the next batch came then: a new writer is called after it, for those who miss it."""
        if not any(self._last):
            self.writer = named(stamp)

    def next(self, partitions: list[int]) -> list[int]:
        """The numbers of further messages of these partitions. They count with the next `save`."""
        last, found = list(self._last), []
        for partition in partitions:
            last[partition] += 1
            found.append(last[partition])
        return found

    def save(self, plan: tuple[Planned, ...]) -> None:
        """Keep the next batch, and its numbers. Raises OSError: then nothing of it may go out."""
        last = list(self._last)
        for each in plan:
            last[each.partition] = max(last[each.partition], each.number)
        data = json.dumps(
            {
                "boot": boot_id().decode("latin-1"),
                "topic": self._topic,
                "writer": self.writer,
                "last": last,
                "plan": [[each.stream, each.sequence, each.partition, each.number] for each in plan],
            }
        ).encode()
        generation = self._generation + 1
        whole = _HEAD.pack(generation, len(data), crc32(data, generation & 0xFFFF_FFFF)) + data
        done = 0
        while done < len(whole):
            done += os.pwrite(self._descriptor, whole[done:], generation % 2 * _SLOT + done)
        self._generation, self._last, self.plan = generation, last, plan

    def close(self) -> None:
        """Close the file. May be called twice."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def _load(self) -> None:
        """What was saved, if it is about this topic, since this start of the machine."""
        for slot in range(2):
            data = os.pread(self._descriptor, _SLOT, slot * _SLOT).ljust(_HEAD.size, b"\0")
            generation, length, check = _HEAD.unpack_from(data)
            body = data[_HEAD.size : _HEAD.size + length]
            if generation > self._generation and crc32(body, generation & 0xFFFF_FFFF) == check:
                self._generation = generation
                with suppress(ValueError, KeyError, TypeError):
                    self._take(json.loads(body))

    def _take(self, found: dict[str, Any]) -> None:
        known = found["boot"] and found["boot"] == boot_id().decode("latin-1")
        if not known or found["topic"] != self._topic or len(found["last"]) != len(self._last):
            self.writer, self.plan, self._last = named(time_ns()), (), [0] * len(self._last)
            return
        self.writer, self._last = str(found["writer"]), [int(each) for each in found["last"]]
        self.plan = tuple(Planned(str(a), int(b), int(c), int(d)) for a, b, c, d in found["plan"])


def named(stamp: int) -> str:
    """The name of a writer whose first clone came then, in nanoseconds since the epoch."""
    return f"{strftime(_TIME, gmtime(stamp / 1e9))}{token_hex(5)}"


def began(writer: str) -> int:
    """When the first clone of a writer came, by its name, in nanoseconds since the epoch; 0 if it does not say so."""
    try:
        return timegm(strptime(writer[:_TIME_LENGTH], _TIME)) * 1_000_000_000
    except ValueError:
        return 0


def found_again(directory: Path, plan: tuple[Planned, ...]) -> list[tuple[Planned, Entry]]:
    """The clones of a batch that are not settled in the outbox: only these may be missing in the engine. What is
    damaged by now is a number that may never come, which counts there. Raises OSError."""
    wanted: dict[str, dict[int, Planned]] = {}
    for each in plan:
        wanted.setdefault(each.stream, {})[each.sequence] = each
    found: dict[Planned, Entry] = {}
    there = streams_in(directory)
    for label, sequences in wanted.items():
        name = StreamName.parse(label)
        if name is None or name not in there:
            continue
        stream = Stream(directory, name, look_only=True)
        try:
            while stream.last < max(sequences) and (entry := stream.peek(alive=True)) is not None:
                stream.take()
                if entry.sequence in sequences:
                    found[sequences[entry.sequence]] = entry
        finally:
            stream.close()
    return [(each, found[each]) for each in plan if each in found]
