"""A spool on an engine: two tees with one topic, the death of one of them, and all that can befall the engine."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import threading
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from urllib.request import urlopen

import pytest

from httptee.journal.engines import open_engine
from httptee.spool.engine import Survey, survey
from tests.support.backend import Backend, deterministic
from tests.support.client import RawClient
from tests.support.kafka_cluster import KafkaCluster
from tests.support.ledger import Ledger
from tests.support.net import eventually, free_port
from tests.support.redis_server import RedisServer
from tests.support.scripts import response
from tests.support.tee import Tee, run_tee
from tests.support.wire import Request

pytestmark = pytest.mark.integration

LANE = 1_000_000  # from the first number of one connection to that of the next
SLOW = 90.0  # seconds; a machine that is busy catches up late, and a lease of 10 seconds must end
PROCESSES = ("-processes", "2")


class Two:
    """An A, an engine, a B that is down, and tees with one topic."""

    def __init__(self, engine: RedisServer | KafkaCluster, a: Backend, tmp_path: Path) -> None:
        self._engine = engine
        self.a = a
        self.b_port = free_port()
        self._tmp_path = tmp_path
        self._tees = 0

    @property
    def redis(self) -> RedisServer:
        assert isinstance(self._engine, RedisServer)
        return self._engine

    @property
    def address(self) -> str:
        return self._engine.address("clones")

    def outbox(self, number: int) -> Path:
        """The outbox of a tee, by its number from 1."""
        return self._tmp_path / f"outbox{number}"

    def tee(self, *words: str, outbox: int = 0) -> Tee:
        """A further tee. Its outbox is its own, or that of an earlier one."""
        self._tees += 1
        line = f"http://127.0.0.1:{self.b_port} name=b order=connection"
        options = ("-b.spool", self.address, "-outbox", str(self.outbox(outbox or self._tees)), *PROCESSES)
        return Tee("-a", self.a.url, "-b", line, *options, *words)

    def stored(self) -> Survey:
        """What the engine says was counted."""
        engine = open_engine(self.address)
        found = survey(engine)
        engine.close()
        return found

    def depth(self) -> int:
        engine = open_engine(self.address)
        depth = engine.depth("spool")
        engine.close()
        return depth


@contextmanager
def two(tmp_path: Path, kind: str = "redis") -> Iterator[Two]:
    with ExitStack() as stack:
        given = RedisServer(tmp_path / "redis") if kind == "redis" else KafkaCluster(brokers=1)
        engine, a = stack.enter_context(given), stack.enter_context(Backend())
        yield Two(engine, a, tmp_path)


def post(client: RawClient, these: Iterable[int]) -> None:
    for number in these:
        assert client.ask("POST", "/write", body=str(number).encode()).status == 200


def write(tee: Tee, lanes: int, each: int, first: int = 0) -> None:
    """Write numbers on several connections at once."""

    def lane(number: int) -> None:
        with RawClient(tee.port) as client:
            post(client, range(number * LANE, number * LANE + each))

    threads = [threading.Thread(target=lane, args=(first + number,)) for number in range(lanes)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


@contextmanager
def live(tee: Tee, first: int, clients: int = 4, pause: float = 0.002) -> Iterator[None]:
    """Clients that go on, so that B may get twice as much."""
    ending = threading.Event()

    def lane(number: int) -> None:
        with RawClient(tee.port) as client:
            while not ending.wait(pause):
                post(client, [number])
                number += 1

    threads = [threading.Thread(target=lane, args=((first + number) * LANE,)) for number in range(clients)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        ending.set()
        for thread in threads:
            thread.join()


def numbers(b: Backend) -> list[int]:
    return [int(request.body) for request in list(b.requests) if request.body]


def check_lanes(found: Iterable[int], lanes: Iterable[int]) -> None:
    """The first time each clone came is in the order of its lane."""
    by_lane = defaultdict(list)
    for number in dict.fromkeys(found):
        by_lane[number // LANE].append(number % LANE)
    for lane in lanes:
        assert by_lane[lane] == list(range(len(by_lane[lane]))), lane


def httptee_spool(*words: str) -> list[str]:
    done = run_tee("spool", *words)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.splitlines()


def handed_over(tee: Tee, count: int) -> None:
    eventually(lambda: tee.ledger().handed_over == count, f"{count} clones in the engine", SLOW)


def level(tee: Tee) -> Ledger:
    """Wait until nothing is left anywhere, in a tee whose engine nobody else fills."""

    def at_rest() -> bool:
        one = tee.ledger()
        return not (one.spooled or one.in_flight) and one.seen == one.delivered + one.failed + one.dropped + (
            one.handed_over
        )

    eventually(at_rest, "a tee at rest", SLOW)
    return tee.ledger()


@pytest.mark.parametrize("kind", ["redis", "kafka"])
def test_two_tees_share_a_spool_and_their_ledgers_add_up(tmp_path: Path, kind: str) -> None:
    with two(tmp_path, kind=kind) as both, both.tee() as one, both.tee() as other:
        write(one, 5, 40)
        write(other, 5, 40, first=5)
        handed_over(one, 200)
        handed_over(other, 200)
        with Backend(port=both.b_port) as b:
            eventually(lambda: both.depth() == 0, "an empty engine", SLOW)
            first, second = level(one), level(other)
            assert sorted(set(numbers(b))) == sorted(lane * LANE + each for lane in range(10) for each in range(40))
            check_lanes(numbers(b), range(10))
            eventually(lambda: (one.ledger().taken_over + other.ledger().taken_over) == 400, "all taken over")
            first, second = one.ledger(), other.ledger()
            assert first.seen - first.taken_over == second.seen - second.taken_over == 200
            eventually(lambda: "is level again" in one.program.output, "a level B", SLOW)
            write(one, 1, 10, first=20)  # on the direct way again
            eventually(lambda: one.ledger().delivered == first.delivered + 10, "clones on the direct way")
            assert one.ledger().handed_over == 200


@pytest.mark.parametrize("amid", [False, True])
def test_another_tee_goes_on_where_the_owner_was_killed(tmp_path: Path, amid: bool) -> None:
    lanes, each = 20, 250
    with two(tmp_path) as both, both.tee() as other:
        with both.tee() as one:
            write(one, lanes, each)
            handed_over(one, lanes * each)
            with Backend(port=both.b_port) as b:
                if amid:
                    with live(one, 100):
                        eventually(lambda: len(set(numbers(b))) > 500, "the owner to deliver", SLOW)
                one.program.kill()  # all its processes
                one.final = [NOBODY]
                with live(other, 200):
                    wanted = {lane * LANE + number for lane in range(lanes) for number in range(each)}
                    eventually(lambda: wanted <= set(numbers(b)), "all clones of the dead tee", SLOW)
                eventually(lambda: both.depth() == 0, "an empty engine", SLOW)
                level(other)
                found = numbers(b)
        check_lanes(found, range(lanes))
        check_lanes(found, range(200, 204))
        # A clone is counted once in the engine, also if it was sent again.
        engine_total = sum(both.stored().counts.values())
        last = eventually(lambda: _ledger_with(other, engine_total, one_died=amid), "the ledger of the engine")
        assert last.failed == last.dropped == 0


NOBODY = Ledger("", 0, 0, {}, 0, {}, 0, {}, 0)


def _ledger_with(tee: Tee, total: int, one_died: bool) -> Ledger | None:
    one = tee.ledger()
    if one_died:
        return one if one.taken_over <= total else None
    return one if one.taken_over == total == 5000 + one.handed_over else None


@pytest.mark.parametrize("trouble", ["killed", "paused", "full"])
def test_an_engine_that_takes_nothing_costs_nothing_and_gets_all_when_it_is_back(tmp_path: Path, trouble: str) -> None:
    with two(tmp_path) as both, both.tee() as tee, RawClient(tee.port) as client:
        post(client, range(100))
        handed_over(tee, 100)
        if trouble == "killed":
            both.redis.kill()
        elif trouble == "paused":
            both.redis.pause()
        else:
            both.redis.ask("CONFIG", "SET", "maxmemory", "1mb")
        began = time.monotonic()
        post(client, range(100, 400))
        assert time.monotonic() - began < 5.0
        eventually(lambda: "takes no clones" in tee.program.output, "the log to say so", SLOW)
        assert tee.ledger().spooled == 300
        if trouble == "killed":
            both.redis.start()
        elif trouble == "paused":
            both.redis.proceed()
        else:
            both.redis.ask("CONFIG", "SET", "maxmemory", "0")
        with Backend(port=both.b_port) as b:
            eventually(lambda: len(set(numbers(b))) == 400, "all at B", SLOW)
            check_lanes(numbers(b), [0])
            eventually(lambda: tee.ledger().taken_over == tee.ledger().handed_over == 400, "all counted", SLOW)
            last = level(tee)
            assert (last.failed, last.dropped) == (0, 0)


def drainer_of(tee: Tee) -> int:
    """The process that drains: no other one is as nice."""
    for pid in tee.program.group():
        with contextlib.suppress(ProcessLookupError):
            if os.getpriority(os.PRIO_PROCESS, pid) == 10:
                return pid
    return 0


def test_a_drainer_that_is_killed_again_and_again_counts_each_clone_once(tmp_path: Path) -> None:
    with two(tmp_path) as both, both.tee() as tee:
        write(tee, 10, 200)
        handed_over(tee, 2000)
        with Backend(port=both.b_port) as b:
            with live(tee, 100, clients=2, pause=0.01):
                for _ in range(3):
                    before = len(numbers(b))
                    eventually(lambda before=before: len(numbers(b)) > before + 50, "clones at B", SLOW)
                    killed = drainer_of(tee)
                    os.kill(killed, signal.SIGKILL)
                    eventually(lambda killed=killed: drainer_of(tee) not in (0, killed), "another drainer", SLOW)
                wanted = {lane * LANE + number for lane in range(10) for number in range(200)}
                eventually(lambda: wanted <= set(numbers(b)), "all at B", SLOW)
            eventually(lambda: both.depth() == 0, "an empty engine", SLOW)
            eventually(lambda: (one := tee.ledger()).taken_over == one.handed_over, "all counted", SLOW)
            last = level(tee)
            found = numbers(b)
        check_lanes(found, [*range(10), 100, 101])
        assert sum(both.stored().counts.values()) == last.handed_over
        assert last.seen - last.taken_over == len(both.a.requests) == len(set(found))
        assert (last.failed, last.dropped) == (0, 0)


def test_a_tee_that_is_killed_while_the_engine_takes_nothing_brings_its_outbox_in_later(tmp_path: Path) -> None:
    with two(tmp_path) as both:
        with both.tee() as one:
            both.redis.pause()
            write(one, 5, 40)
            eventually(lambda: one.ledger().spooled == 200, "the clones in the outbox")
            eventually(lambda: _stored(both.outbox(1)) >= 200, "the clones on the disk")
            one.program.kill()
            one.final = [NOBODY]
        both.redis.proceed()
        with Backend(port=both.b_port) as b, both.tee(outbox=1) as again:
            eventually(lambda: len(set(numbers(b))) == 200, "all at B", SLOW)
            eventually(lambda: again.ledger().taken_over == 200, "all counted", SLOW)
            last = level(again)
            assert (last.recovered, last.handed_over, last.delivered) == (200, 200, 200)
            check_lanes(numbers(b), range(5))
            assert both.stored().counts == {"delivered 200": 200}


def _stored(outbox: Path) -> int:
    return sum(path.read_bytes().count(b"POST /write") for path in outbox.rglob("*.spool"))


def test_what_was_removed_from_the_engine_by_hand_is_counted_with_its_interval(tmp_path: Path) -> None:
    admin = free_port()
    with two(tmp_path) as both:
        before = time.time()
        with both.tee() as one:
            write(one, 20, 20)
            handed_over(one, 400)
        after = time.time()
        removed = 0
        for partition in range(16):
            key = f"{{clones}}:{partition}"
            length = int(both.redis.ask("XLEN", key)[1:-2])
            kept = length // 2 if partition % 2 else 0
            both.redis.ask("XTRIM", key, "MAXLEN", kept)
            removed += length - kept
        assert 0 < removed < 400
        (head, counts) = httptee_spool("ls", both.address)
        assert re.search(r"/clones: [\d,]+ clones of all tees, the oldest from 20", head)
        assert counts == "  0 delivered, 0 failed, 0 dropped"
        with Backend(port=both.b_port) as b, both.tee("-admin", f"127.0.0.1:{admin}") as tee:
            eventually(lambda: both.depth() == 0, "an empty engine", SLOW)
            eventually(lambda: tee.ledger().taken_over == 400, "all counted", SLOW)
            last = level(tee)
            assert len(numbers(b)) == last.delivered == 400 - removed
            assert last.drops == {"spool_corrupt": removed}
            head, counts, missing = httptee_spool("ls", both.address)
            assert head.endswith("/clones: 0 clones of all tees")
            assert counts == f"  {400 - removed:,} delivered, 0 failed, {removed:,} dropped"
            assert missing.startswith(f"  {removed:,} of those dropped were missing in the engine; they came from 20")
            with urlopen(f"http://127.0.0.1:{admin}/status") as answer:
                (lost,) = json.load(answer)["b"][0]["spool"]["lost"]
            assert (lost["reason"], lost["clones"]) == ("spool_corrupt", removed)
            assert before - 1 <= lost["from"] <= lost["to"] <= after + 1


def test_a_request_that_always_fails_is_set_aside_in_the_engine(tmp_path: Path) -> None:
    def application(request: Request) -> bytes:
        if request.body == b"7":
            return response("500 Internal Server Error", b"no", [("Content-Type", "text/plain")])
        return deterministic(request)

    with two(tmp_path) as both, both.tee() as tee:
        write(tee, 3, 20)
        handed_over(tee, 60)
        with Backend(application, port=both.b_port) as b, live(tee, 100, clients=2, pause=0.02):
            eventually(lambda: tee.ledger().failures == {"poison": 1}, "the request set aside", SLOW)
            wanted = {lane * LANE + number for lane in range(3) for number in range(20)}
            eventually(lambda: wanted <= set(numbers(b)), "its lane goes on", SLOW)
        address = both.address
        eventually(lambda: "set aside" in "".join(httptee_spool("ls", address)), "the list of what was set aside")
        (line,) = (line for line in httptee_spool("ls", address) if "set aside" in line)
        spool_id = line.split()[2].rstrip(":")
        assert line.endswith(": 500, POST /write")
        assert "curl" in "".join(httptee_spool("cat", address, spool_id))
        done = run_tee("spool", "drop", address, spool_id)
        assert (done.returncode, done.stdout) == (2, "")
        assert "works on a directory" in done.stderr


def test_a_tee_that_ends_brings_what_it_has_into_the_engine_and_removes_its_own_outbox(tmp_path: Path) -> None:
    with two(tmp_path) as both:
        line = f"http://127.0.0.1:{both.b_port} name=b"
        with Tee("-a", both.a.url, "-b", line, "-b.spool", both.address, *PROCESSES) as tee:
            write(tee, 4, 25)
        (last,) = tee.final
        assert (last.handed_over, last.spooled) == (100, 0)
        assert "clones are left" not in tee.program.output


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (("-b", "http://b:1 spool=redis://:secret@h/t"), "password"),
        (("-b", "http://b:1 spool=redis://h/t", "-b", "http://b:2 spool=redis://h:6379/t"), "a topic of its own"),
        (("-b", "http://b:1 spool=redis://h/"), "topic"),
    ],
)
def test_an_address_that_cannot_be_used_is_one_line(words: tuple[str, ...], text: str) -> None:
    done = run_tee("-a", "http://a:1", *words)
    assert done.returncode == 2
    assert text in done.stderr
    assert "secret" not in done.stderr
    assert "Traceback" not in done.stderr
