"""A topic in a real Redis that is killed, stopped, full, trimmed by hand, or does not let everybody in."""

from __future__ import annotations

import json
import os
import re
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from httptee.journal import Appended
from httptee.journal.engines import Engine, Entry, Member, Message, Missing, TooLarge, Unavailable, open_engine
from tests.support.house import ROOT
from tests.support.net import eventually, free_port, refusing_port
from tests.support.process import Program
from tests.support.redis_server import RedisServer
from tests.support.tls import Authority

pytestmark = pytest.mark.integration

PARTITIONS = 4
OPTIONS = f"?partitions={PARTITIONS}"


def message(number: int, partition: int = 0, payload: bytes = b"payload") -> Message:
    return Message(partition, "w", number, time.time_ns(), payload)


def numbers(entries: list[Entry]) -> list[int]:
    return [entry.message.number for entry in entries]


def read(member: Member, count: int) -> list[Entry]:
    found: list[Entry] = []
    eventually(lambda: found.extend(member.read(count - len(found), 0.05)) or len(found) >= count, "all messages")
    return found


@contextmanager
def opened(server: RedisServer, lease: float = 0.5, keep: bool = False) -> Iterator[Engine]:
    engine = open_engine(server.address("topic", OPTIONS), lease=lease, keep=keep)
    try:
        yield engine
    finally:
        engine.close()


class Traffic:
    """One thread that puts numbered messages in and repeats what was not committed, one that reads and settles."""

    def __init__(self, server: RedisServer) -> None:
        self._server = server
        self._ending = threading.Event()
        self._done = threading.Event()
        self.appended = 0
        self.reads: Counter[tuple[int, int]] = Counter()
        self.missing: list[Missing] = []
        self.errors: set[str] = set()
        self._threads = [threading.Thread(target=target) for target in (self._append, self._read)]

    def __enter__(self) -> Traffic:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ending.set()
        self._done.set()
        for thread in self._threads:
            thread.join()

    @property
    def accounted(self) -> int:
        return len(self.reads) + sum(one.count for one in self.missing)

    def end(self) -> None:
        """No more is put in, and all is read or missing."""
        self._ending.set()
        self._threads[0].join()
        eventually(lambda: self.accounted >= self.appended, f"{self.appended} messages")

    def _append(self) -> None:
        with opened(self._server) as engine:
            number = 1
            while not self._ending.is_set():
                batch = [message(n, partition) for n in range(number, number + 10) for partition in range(PARTITIONS)]
                while (became := engine.append(batch)) is not Appended.COMMITTED and not self._done.is_set():
                    assert became is Appended.UNAVAILABLE
                    self.errors.add(engine.error)
                    time.sleep(0.01)
                number += 10
                self.appended += len(batch)

    def _read(self) -> None:
        with opened(self._server) as engine:
            member = engine.join("g")
            while not self._done.is_set():
                try:
                    entries = member.read(100, 0.05)
                    self.missing += member.missing()
                    self.reads.update((entry.message.partition, entry.message.number) for entry in entries)
                    member.settle(entries)
                except Unavailable as error:
                    self.errors.add(str(error))
                    time.sleep(0.01)


def test_a_server_that_is_killed_five_times_loses_nothing_it_has_written(tmp_path: Path) -> None:
    with RedisServer(tmp_path) as server, Traffic(server) as traffic:
        for _ in range(5):
            before = len(traffic.reads)
            eventually(lambda before=before: len(traffic.reads) > before + 500, "messages")  # type: ignore[misc]
            server.kill()
            server.start()
        traffic.end()
        assert traffic.missing == []
        assert set(traffic.reads.values()) == {1}
        assert len(traffic.reads) == traffic.appended
    assert all("\n" not in error and error.startswith("redis://127.0.0.1:") for error in traffic.errors)


def test_what_a_killed_server_had_not_written_is_missing_with_its_interval(tmp_path: Path) -> None:
    began = time.time_ns()
    with RedisServer(tmp_path, "--appendonly", "no") as server, Traffic(server) as traffic:
        for _ in range(5):
            before = traffic.accounted
            eventually(lambda before=before: traffic.accounted > before + 500, "messages")  # type: ignore[misc]
            server.kill()
            server.start()
        traffic.end()
        assert traffic.accounted == traffic.appended
        assert set(traffic.reads.values()) == {1}
        gone = {(one.partition, n) for one in traffic.missing for n in range(one.first, one.last + 1)}
        assert gone
        assert not gone & traffic.reads.keys()
    assert all(began <= one.since <= one.until <= time.time_ns() for one in traffic.missing)


def test_a_server_that_stops_for_a_while_costs_nobody_a_partition(tmp_path: Path) -> None:
    with RedisServer(tmp_path) as server, Traffic(server) as traffic:
        eventually(lambda: len(traffic.reads) > 500, "messages")
        server.pause()
        eventually(lambda: len(traffic.errors) >= 1, "an answer that does not come")
        server.proceed()
        before = len(traffic.reads)
        eventually(lambda: len(traffic.reads) > before + 500, "messages again")
        traffic.end()
        assert traffic.missing == []
        assert set(traffic.reads.values()) == {1}


def test_a_full_server_takes_nothing_more_until_something_is_settled(tmp_path: Path) -> None:
    words = ("--maxmemory", "6mb", "--maxmemory-policy", "noeviction", "--maxmemory-clients", "0")
    with RedisServer(tmp_path, *words) as server, opened(server) as engine, opened(server) as reader:
        number = 1

        def batch() -> list[Message]:
            return [message(n, payload=bytes(10_000)) for n in range(number, number + 10)]

        while (became := engine.append(batch())) is Appended.COMMITTED:
            number += 10
        assert became is Appended.FULL
        assert engine.error == f"{engine.label}: the server has no memory left (maxmemory)"
        member = reader.join("g")
        entries = read(member, number - 1)
        assert engine.append(batch()) is Appended.FULL
        engine.put("name", b"document")
        member.settle(entries)
        eventually(lambda: engine.append(batch()) is Appended.COMMITTED, "room")
        assert numbers(read(member, 10)) == list(range(number, number + 10))
        assert member.missing() == []
        assert member.save(0, b"state", "")


def test_what_is_trimmed_by_hand_is_missing_with_its_interval(tmp_path: Path) -> None:
    with RedisServer(tmp_path) as server, opened(server) as engine:
        for first in (1, 6, 11):
            engine.append([message(number) for number in range(first, first + 5)])
        member = engine.join("g")
        entries = read(member, 15)
        member.settle(entries[:5])
        engine.append([message(number) for number in range(16, 31)])
        server.ask("XTRIM", "{topic}:0", "MAXLEN", "5")
        assert numbers(read(member, 5)) == list(range(26, 31))
        (missing,) = member.missing()
        assert (missing.first, missing.last, missing.count) == (16, 25, 10)
        assert missing.since == entries[-1].message.stamp
        member.settle(entries)


def test_what_is_removed_altogether_is_missing_too(tmp_path: Path) -> None:
    with RedisServer(tmp_path) as server, opened(server) as engine:
        engine.append([message(number) for number in range(1, 11)])
        member = engine.join("g")
        member.settle(read(member, 10))
        engine.append([message(number) for number in range(11, 21)])
        server.ask("DEL", "{topic}:0")
        found: list[Missing] = []
        eventually(lambda: member.read(10) or found.extend(member.missing()) or found, "what is missing")
        assert [(one.first, one.last) for one in found] == [(11, 20)]
        assert 0 < found[0].since <= found[0].until
        eventually(lambda: member.read(10) == [] and engine.depth("g") == 0, "nothing that waits")
        member.close()
        follower = engine.join("g")
        engine.append([message(21)])
        assert numbers(read(follower, 1)) == [21]
        assert follower.missing() == []


def test_what_trim_removed_is_told_by_it_and_not_again_by_the_numbers(tmp_path: Path) -> None:
    with RedisServer(tmp_path) as server, opened(server) as engine:
        engine.append([message(n, p, bytes(1_000)) for n in range(1, 501) for p in range(PARTITIONS)])
        member = engine.join("g")
        entries = read(member, 100)
        member.settle(entries)
        removed = engine.trim(1_000_000, 0)
        assert 0 < removed.first <= removed.last
        assert removed.count == 4 * 500 - 100 - engine.depth("g")
        found: list[Entry] = []
        eventually(lambda: found.extend(member.read(500)) or not engine.depth("g") - len(found), "the rest")
        assert member.missing() == []
        assert engine.trim(0, 3600).count == 0
        member.settle(found)
        engine.append([message(n, 1) for n in range(501, 601)])
        counts: list[int] = []
        eventually(
            lambda: counts.append(engine.trim(0, 0.001).count) or sum(counts) == 100, "what is a millisecond old"
        )
        assert engine.depth("g") == 0


def test_what_trim_removed_amid_a_read_is_not_missing_once_that_is_settled(tmp_path: Path) -> None:
    with RedisServer(tmp_path) as server, opened(server) as engine:
        engine.append([message(number) for number in range(1, 101)])
        member = engine.join("g")
        entries = read(member, 50)
        assert engine.trim(1, 0).count == 100
        member.settle(entries)
        engine.append([message(101)])
        assert numbers(read(member, 1)) == [101]
        assert member.missing() == []


def test_how_many_wait_for_the_only_group_is_known_without_the_numbers_of_all_writers(tmp_path: Path) -> None:
    with RedisServer(tmp_path) as server, opened(server) as engine:
        engine.append([Message(0, f"writer {number}", 1, 1, b"") for number in range(100)])
        member = engine.join("g")
        entries = read(member, 100)
        member.settle(entries[:30] + entries[60:])
        server.ask("CONFIG", "RESETSTAT")
        assert engine.depth("g") == 30
        assert b"hgetall" not in server.ask("INFO", "commandstats")
        engine.join("h").read(1)
        assert engine.depth("g") == 30


def test_the_partitions_of_a_member_that_is_gone_are_taken_when_its_lease_ends(tmp_path: Path) -> None:
    with RedisServer(tmp_path) as server, opened(server) as engine, opened(server) as other:
        engine.append([message(number, 1) for number in range(1, 11)])
        first = engine.join("g")
        entries = read(first, 10)
        assert first.save(1, b"four", entries[3].cursor)
        second = other.join("g")  # the first one does not read any more
        assert numbers(read(second, 6)) == list(range(5, 11))
        assert second.load(1) == b"four"
        assert not first.save(1, b"too late", entries[9].cursor)
        first.settle(entries)
        assert engine.depth("g") == 6
        assert second.load(1) == b"four"


COUNTER = """
import json, sys
from httptee.journal.engines import Unavailable, open_engine
member = open_engine(sys.argv[1], lease=0.5).join("g")
states = {}
print("counts", flush=True)
while True:
    try:
        entries = member.read(200, 0.1)
        states = {p: states[p] if p in states else json.loads(member.load(p) or b"[0, 0, 0]") for p in member.owned}
        for one in member.missing():
            if one.partition in states:
                states[one.partition][2] += one.count
        last = {}
        for entry in entries:
            count, total, gone = states[entry.message.partition]
            states[entry.message.partition] = [count + 1, total + entry.message.number, gone]
            last[entry.message.partition] = entry.cursor
        for partition, cursor in last.items():
            member.save(partition, json.dumps(states[partition]).encode(), cursor)
    except Unavailable:
        pass
"""


def test_readers_that_are_killed_again_and_again_count_each_message_once(tmp_path: Path) -> None:
    with RedisServer(tmp_path) as server, opened(server) as engine:
        command = [sys.executable, "-c", COUNTER, server.address("topic", OPTIONS)]
        readers = [Program(command, env={"PYTHONPATH": str(ROOT)}) for _ in range(3)]
        number = 0

        def put(count: int) -> None:
            nonlocal number
            for _ in range(count):
                number += 1
                assert engine.append([message(number, p) for p in range(PARTITIONS)]) is Appended.COMMITTED

        try:
            for _ in range(5):
                for at, reader in enumerate(readers):
                    reader.wait_for_line("^counts$")
                    put(300)
                    eventually(lambda: engine.depth("g") < 200, "readers that keep up")
                    put(50)
                    reader.kill()
                    readers[at] = Program(command, env={"PYTHONPATH": str(ROOT)})
            server.kill()
            server.start()
            put(100)
            eventually(lambda: engine.depth("g") == 0, "the end", 60)
        finally:
            for reader in readers:
                reader.kill()
        states = [json.loads(engine.join("g").load(partition) or b"[]") for partition in range(PARTITIONS)]
        assert states == [[number, number * (number + 1) // 2, 0]] * PARTITIONS


def test_a_partition_that_was_taken_away_is_absent_before_it_comes_back(tmp_path: Path) -> None:
    with RedisServer(tmp_path) as server, opened(server) as engine:
        member = engine.join("g")
        eventually(lambda: member.read(1) or len(member.owned) == PARTITIONS, "all partitions")
        server.ask("HDEL", "{topic}:g:g:2", "taken")
        eventually(lambda: member.read(1) or member.owned == {0, 1, 3}, "what is left")
        eventually(lambda: member.read(1) or len(member.owned) == PARTITIONS, "all partitions again")


def test_a_topic_has_as_many_partitions_as_it_began_with(tmp_path: Path) -> None:
    with RedisServer(tmp_path) as server, opened(server) as engine:
        assert engine.append([message(1)]) is Appended.COMMITTED
        other = open_engine(server.address("topic", "?partitions=8"))
        assert other.append([message(2)]) is Appended.UNAVAILABLE
        assert other.error == f"{other.label}: the topic has 4 partitions, not 8"
        with pytest.raises(Unavailable, match="has 4 partitions, not 8"):
            other.join("g").read(1)
        other.close()


def test_a_server_that_is_not_there_is_told_in_one_line() -> None:
    with refusing_port() as port:
        engine = open_engine(f"redis://127.0.0.1:{port}/topic")
        assert engine.append([message(1)]) is Appended.UNAVAILABLE
        assert "refused" in engine.error
        assert "\n" not in engine.error
        with pytest.raises(Unavailable, match="refused"):
            engine.join("g").read(1)
        engine.close()


def test_what_no_server_takes_is_refused_for_good(tmp_path: Path) -> None:
    large = message(2, payload=bytes(512 * 1024 * 1024))
    with (
        RedisServer(tmp_path) as server,
        opened(server) as engine,
        pytest.raises(TooLarge, match="a message of 536870912 bytes"),
    ):
        engine.append([message(1), large])


def test_a_replica_takes_nothing(tmp_path: Path) -> None:
    with RedisServer(tmp_path) as server, opened(server) as engine:
        server.ask("REPLICAOF", "127.0.0.1", free_port())
        assert engine.append([message(1)]) is Appended.UNAVAILABLE
        assert "read only" in engine.error
        server.ask("REPLICAOF", "NO", "ONE")
        assert engine.append([message(1)]) is Appended.COMMITTED


def test_a_user_needs_the_password_of_a_file_or_of_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "password"
    file.write_text("sesame\n")
    with RedisServer(tmp_path / "redis") as server:
        (line,) = re.findall(r"^user tee on >PASSWORD (.*)$", (ROOT / "docs" / "engines.md").read_text(), re.MULTILINE)
        words = line.replace("{traffic}", "{topic}").split()
        assert server.ask("ACL", "SETUSER", "tee", "on", ">sesame", *words) == b"+OK\r\n"
        server.ask("ACL", "SETUSER", "default", "off")
        address = server.address("topic", OPTIONS).replace("//", "//tee@")
        engine = open_engine(f"{address}&password-file={file}")
        assert engine.append([message(1), message(2)]) is Appended.COMMITTED, engine.error
        member = engine.join("g")
        entries = read(member, 2)
        assert member.save(0, b"state", entries[0].cursor)
        member.set_aside(entries[1], "reason")
        assert member.read(10, 1.5) == []
        assert (member.load(0), engine.depth("g"), engine.trim(1, 1).count) == (b"state", 0, 0)
        engine.put("name", b"document")
        assert engine.documents("n") == {"name": b"document"}
        assert list(engine.scan(0)) == []
        engine.close()
        monkeypatch.setenv("HTTPTEE_ENGINE_PASSWORD", "sesame")
        engine = open_engine(address)
        assert engine.append([message(3)]) is Appended.COMMITTED, engine.error
        engine.close()
        engine = open_engine(address.replace("topic", "another"))
        assert engine.append([message(3)]) is Appended.UNAVAILABLE
        assert "permission" in engine.error
        engine.close()
        monkeypatch.setenv("HTTPTEE_ENGINE_PASSWORD", "open sesame")
        engine = open_engine(address)
        assert engine.append([message(4)]) is Appended.UNAVAILABLE
        assert "sesame" not in engine.error
        assert "invalid username-password pair" in engine.error
        engine.close()


def test_a_password_that_was_changed_needs_no_restart(tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text("old")
    with RedisServer(tmp_path / "redis", "--requirepass", "old") as server:
        engine = open_engine(server.address("topic", f"{OPTIONS}&password-file={file}"))
        assert engine.append([message(1)]) is Appended.COMMITTED, engine.error
        server.stop()
        server.words = ("--requirepass", "new")
        server.start()
        assert engine.append([message(2)]) is Appended.UNAVAILABLE
        file.write_text("new")
        assert engine.append([message(2)]) is Appended.COMMITTED, engine.error
        engine.close()


def test_over_tls_both_ends_show_who_they_are(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    server_file, client_file = authority.issue(file="server.pem"), authority.issue(file="client.pem")
    (tmp_path / "other").mkdir()
    stranger = Authority(tmp_path / "other")
    tls = free_port()
    words = ("--tls-port", str(tls), "--tls-cert-file", server_file, "--tls-key-file", server_file)
    with RedisServer(tmp_path / "redis", *words, "--tls-ca-cert-file", authority.file) as server:
        address = f"rediss://127.0.0.1:{tls}/topic{OPTIONS}"
        engine = open_engine(f"{address}&ca={authority.file}&cert={client_file}")
        assert engine.append([message(1)]) is Appended.COMMITTED, engine.error
        engine.close()
        for more, what in (
            (f"&ca={stranger.file}&cert={client_file}", "certificate verify failed"),
            (f"&ca={authority.file}", ""),
        ):
            engine = open_engine(address + more)
            assert engine.append([message(2)]) is Appended.UNAVAILABLE
            assert what in engine.error
            assert "\n" not in engine.error
            engine.close()
        plain = open_engine(server.address("topic", OPTIONS).replace("redis://", "rediss://"))
        assert plain.append([message(2)]) is Appended.UNAVAILABLE
        plain.close()


def test_members_go_on_with_what_they_have_after_a_server_has_lost_everything(tmp_path: Path) -> None:
    with RedisServer(tmp_path) as server, opened(server) as engine, opened(server) as other:
        first, second = engine.join("g"), other.join("g")
        eventually(lambda: (first.read(1), second.read(1)) and len(first.owned) == len(second.owned) == 2, "halves")
        engine.append([message(number, partition) for number in (1, 2, 3) for partition in range(PARTITIONS)])
        owned = first.owned, second.owned
        entries = read(first, 6), read(second, 6)
        server.ask("FLUSHALL")
        for member, mine in zip((first, second), entries, strict=True):
            member.settle(mine[:1])
            for partition in member.owned:
                assert member.save(partition, b"state", "")
        engine.append([message(number, partition) for number in (4, 5) for partition in range(PARTITIONS)])
        assert (len(read(first, 4)), len(read(second, 4))) == (4, 4)
        assert (first.owned, second.owned) == owned
        assert first.missing() + second.missing() == []
        first.settle(entries[0])
        assert engine.depth("g") == 2 * PARTITIONS


def test_what_somebody_else_has_put_there_is_passed_over(tmp_path: Path) -> None:
    with RedisServer(tmp_path) as server, opened(server) as engine:
        engine.append([message(1)])
        server.ask("XADD", "{topic}:0", "*", "greeting", "hello")
        engine.append([message(2)])
        member = engine.join("g")
        entries = read(member, 2)
        assert numbers(entries) == [1, 2]
        member.settle(entries)
        assert engine.depth("g") == 0
        assert server.ask("XLEN", "{topic}:0") == b":0\r\n"


def test_a_writer_that_was_silent_for_long_is_forgotten_once_all_have_settled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("httptee.journal.engines.redis_member._TIDY", 0.1)
    with RedisServer(tmp_path) as server, opened(server) as engine:
        long_ago = time.time_ns() - 31 * 86400 * 10**9
        engine.append([Message(0, "old", 1, long_ago, b""), Message(1, "old", 1, long_ago, b""), message(1)])
        one, other = engine.join("one"), engine.join("other")
        eventually(lambda: (one.read(0), other.read(0)) and len(one.owned) == len(other.owned) == PARTITIONS, "all")
        entries = read(one, 3)
        one.settle(entries)
        other.settle([entry for entry in read(other, 3) if entry.message.partition == 0])
        eventually(
            lambda: one.read(1) or b"old" not in server.ask("HGETALL", "{topic}:0:last"), "one that is forgotten"
        )
        assert b"old" not in server.ask("HGETALL", "{topic}:g:other:0:marks")
        assert b"old" in server.ask("HGETALL", "{topic}:1:last")
        assert b"w" in server.ask("HGETALL", "{topic}:0:last")
        assert one.missing() + other.missing() == []
        one.close()
        engine.append([Message(0, "old", number, time.time_ns(), b"") for number in (2, 5)])
        follower = engine.join("one")
        assert numbers(read(follower, 2)) == [2, 5]
        assert [(gap.first, gap.last) for gap in follower.missing()] == [(3, 4)]


def test_a_child_of_a_process_that_uses_an_engine_has_connections_of_its_own(tmp_path: Path) -> None:
    with RedisServer(tmp_path) as server, opened(server) as engine:
        assert engine.append([message(1)]) is Appended.COMMITTED
        child = os.fork()
        if not child:
            os._exit(0 if engine.append([message(2)]) is Appended.COMMITTED else 1)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        assert engine.append([message(3)]) is Appended.COMMITTED
        assert numbers(read(engine.join("g"), 3)) == [1, 2, 3]
