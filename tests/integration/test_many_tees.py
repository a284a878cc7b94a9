"""One verdict for many tees: what they publish in a redis-server, and judges that are killed."""

from __future__ import annotations

import itertools
import json
import os
import signal
import sys
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.support.client import RawClient
from tests.support.kafka_cluster import KafkaCluster
from tests.support.net import eventually, free_port
from tests.support.process import Program
from tests.support.programs import nginx
from tests.support.redis_server import RedisServer
from tests.support.tee import TROUBLES, Tee, run_tee
from tests.support.verdicts import command, facts, judged, report
from tests.worlds import SERVICES
from tests.worlds.clients import sent

pytestmark = pytest.mark.integration

TEES = 4
SHOP = SERVICES["shop"]
ALL = ("-verdict.rate", "100000", "-processes", "1")
QUIET = (*ALL, "-verdict.repeat", "0")
STAMP = 1_700_000_000
PEOPLE = [f"/people/{first}{second}" for first in "abcdefg" for second in "stuvwxyz"]
PATHS = ["/", "/data.json", "/notes.txt", "/items/1", "/items/2", "/missing/thing", *PEOPLE]


def site(root: Path, price: float, people: Sequence[str], notes: bool) -> Path:
    html = root / "html"
    for directory in ("items", "people"):
        (html / directory).mkdir(parents=True)
    (html / "index.html").write_text("<html><title>Front</title><p>Hello</p></html>\n")
    (html / "data.json").write_text(json.dumps({"id": 7, "price": price}))
    for number in (1, 2):
        (html / "items" / str(number)).write_text(json.dumps({"price": price + number}))
    for path in people:
        (html / path[1:]).write_text(f"{path}\n")
    if notes:
        (html / "notes.txt").write_text("a line\n" * 20)
    for file in html.rglob("*"):
        os.utime(file, (STAMP, STAMP))
    return root


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[int, int]]:
    """A, and a B with another price, without two people and without the notes."""
    root = tmp_path_factory.mktemp("sites")
    with (
        nginx(site(root / "a", 1.5, PEOPLE, True)) as a,
        nginx(site(root / "b", 1.75, PEOPLE[2:], False)) as b,
    ):
        yield a, b


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[RedisServer]:
    with RedisServer(tmp_path / "redis") as server:
        yield server


def line(servers: tuple[int, int]) -> tuple[str, ...]:
    a, b = servers
    return ("-a", f"http://127.0.0.1:{a}", "-b", f"http://127.0.0.1:{b} name=canary")


def asks(tees: Sequence[Tee], times: int) -> int:
    """GET each path so many times, at one tee after the other; how many requests these are."""
    with ExitStack() as stack:
        clients = [stack.enter_context(RawClient(tee.port)) for tee in tees]
        for number in range(times):
            for at, path in enumerate(PATHS):
                clients[(number + at) % len(clients)].ask(target=path)
    return times * len(PATHS)


@contextmanager
def tees(count: int, *words: str) -> Iterator[list[Tee]]:
    with ExitStack() as stack:
        yield [stack.enter_context(Tee(*words, "-instance", f"tee-{number}")) for number in range(count)]


class Judge:
    """`httptee judge`. Leaving it asserts a clean end."""

    def __init__(self, *words: str) -> None:
        self.words = words

    def __enter__(self) -> Judge:
        self.program = Program([sys.executable, "-m", "httptee", "judge", *self.words])
        try:
            self.program.wait_for_line("takes pairs from")
        except BaseException:
            self.program.kill()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is not None or not self.program.running:
            self.program.kill()
            print(self.program.output)
            return
        output = self.program.stop()
        assert not [trouble for trouble in TROUBLES if trouble in output], output

    def end_at_once(self) -> None:
        self.program.stop(signal.SIGKILL, code=None)


def merged(address: str) -> dict[str, Any]:
    """What `httptee verdict ADDRESS --json` says; empty before a judge has said anything."""
    done = run_tee("verdict", address, "--json")
    assert "Traceback" not in done.stderr, done.stderr
    return json.loads(done.stdout) if done.stdout else {}


def verdict_on(address: str, pairs: int) -> dict[str, Any]:
    """The merged verdict, once so many pairs are judged and all unequal ones have been seen by a judge."""

    def probe() -> dict[str, Any]:
        found = merged(address)
        if not found or not found["reports"] or found["reports"][0]["judged"] < pairs:
            return {}
        return {} if any("have not reached" in note for note in found["reports"][0]["notes"]) else found

    return eventually(probe, f"a merged verdict on {pairs} pairs", patience=90.0)


def test_the_verdict_of_four_tees_is_that_of_one(servers: tuple[int, int], redis: RedisServer, tmp_path: Path) -> None:
    alone = (*line(servers), *QUIET, "-verdict", str(tmp_path / "alone"))
    with Tee(*alone) as tee:
        count = asks([tee] * TEES, 8)
        one = judged(tmp_path / "alone", count)
    one = report(tmp_path / "alone")
    address = redis.address("verdict")
    words = (*line(servers), *QUIET, "-verdict", address)
    with Judge(*words, "--name", "first"), Judge(*words, "--name", "second"):
        with tees(TEES, *words) as every:
            assert asks(every, 8) == count
            ledgers = [tee.settled(count // TEES)[0] for tee in every]
        verdict_on(address, count)
        eventually(lambda: {tee["state"] for tee in merged(address)["fleet"]["tees"]} == {"ended"}, "the end of all")
        found = merged(address)
    (four,) = found["reports"]
    assert facts(four) == facts(one)
    assert four["word"] == one["word"]
    labels = {finding["label"] for route in four["routes"] for finding in route["findings"]}
    assert "suspected" in labels
    assert "GET /people/{name}" in {route["route"] for route in four["routes"]}
    (ledger,) = found["fleet"]["ledger"]
    assert ledger["seen"] == ledger["delivered"] == sum(one.seen for one in ledgers) == count
    assert len(found["fleet"]["tees"]) == TEES
    assert found["fleet"]["lost"]["count"] == 0


def test_a_judge_that_is_killed_loses_nothing_and_another_counts_nothing_twice(
    servers: tuple[int, int], redis: RedisServer
) -> None:
    address = redis.address("verdict")
    words = (*line(servers), *QUIET, "-verdict", address)
    with tees(2, *words) as every, Judge(*words, "--name", "first") as first:
        count = asks(every, 4)
        verdict_on(address, 1)
        with Judge(*words, "--name", "second"):
            count += asks(every, 4)
            first.end_at_once()
            count += asks(every, 4)
            found = verdict_on(address, count)
    (one,) = found["reports"]
    assert one["judged"] == one["chosen"] == count
    seen = {route["route"]: route for route in one["routes"]}
    prices = {finding["path"]: finding["pairs"] for finding in seen["GET /data.json"]["findings"]}
    assert prices["$.price"] == seen["GET /data.json"]["judged"] == 12
    missing = sum(finding["pairs"] for finding in seen["GET /people/{name}"]["findings"] if finding["part"] == "status")
    assert missing == 2 * 12
    assert found["fleet"]["lost"]["count"] == 0


def test_kafka_does_as_well(servers: tuple[int, int]) -> None:
    with KafkaCluster() as cluster:
        address = cluster.address("verdict")
        words = (*line(servers), *QUIET, "-verdict", address)
        with Judge(*words, "--name", "first"), Judge(*words, "--name", "second"):
            with tees(2, *words) as every:
                count = asks(every, 4)
            found = verdict_on(address, count)
    (one,) = found["reports"]
    assert one["judged"] == found["fleet"]["ledger"][0]["seen"] == count
    found = [each for route in one["routes"] for each in route["findings"] if each["path"] == "$.price"]
    assert sum(each["pairs"] for each in found) == 3 * 4


def test_repeats_decide_over_all_tees(servers: tuple[int, int], redis: RedisServer) -> None:
    address = redis.address("verdict")
    words = (*line(servers), *ALL, "-verdict", address, "-verdict.repeat", "100")
    with tees(2, *words) as every, Judge(*words):

        def probe() -> dict[str, Any]:
            asks(every, 2)
            found = merged(address)
            return found if found and found["word"] == "NO" else {}

        (one,) = eventually(probe, "the verdict NO", patience=60.0)["reports"]
    routes = {route["route"] for route in one["routes"] for each in route["findings"] if each["label"] == "differs"}
    assert routes <= {"GET /data.json", "GET /notes.txt", "GET /items/{int}", "GET /people/{name}"}
    assert 0 < one["repeats"] <= 200 + one["judged"] // 100 + 1


@contextmanager
def shops(root: Path, *defects: str) -> Iterator[tuple[str, str]]:
    """A world with noise in two processes, B with these defects: their URLs."""
    words = [sys.executable, "-m", "tests.worlds", "--hits", str(root / "hits"), "--instant"]
    with (
        Program([*words, "--side", "a"]) as a,
        Program([*words, "--side", "b", "--defects", ",".join(defects)]) as b,
    ):
        one, other = (program.wait_for_line(r"http://127\.0\.0\.1:\d+")[0][0] for program in (a, b))
        yield one, other
        for program in (a, b):
            program.stop(signal.SIGINT)


@pytest.mark.alone
@pytest.mark.parametrize("defects", [(), ("price",)])
def test_noise_is_told_from_a_defect_over_two_tees_and_two_judges(
    defects: tuple[str, ...], redis: RedisServer, tmp_path: Path
) -> None:
    address = redis.address("verdict")
    with shops(tmp_path, *defects) as (a, b):
        words = ("-a", a, "-b", f"{b} name=canary", *ALL, "-verdict", address, "-verdict.repeat", "100")
        seeds = itertools.count(1)
        with tees(2, *words) as every, Judge(*words, "--name", "first"), Judge(*words, "--name", "second"):

            def probe() -> dict[str, Any]:
                for tee in every:
                    assert sent(tee.url, SHOP, 250, next(seeds), rate=250.0, connections=8)[0] == 0
                found = merged(address)
                enough = found and found["reports"] and found["reports"][0]["judged"] >= 1400
                return found if enough and (not defects or found["word"] == "NO") else {}

            (one,) = eventually(probe, "enough pairs", patience=120.0)["reports"]
    labels = {
        (route["route"], each["path"], each["kind"]): each["label"]
        for route in one["routes"]
        for each in route["findings"]
    }
    differs = {key for key, label in labels.items() if label == "differs"}
    assert differs == ({("GET /users/{int}/items", "$.items[].price", "value")} if defects else set())
    assert {"constant", "noise"} & set(labels.values())
    assert one["repeats"]


def test_while_the_engine_is_down_a_is_served_and_all_is_judged_later(
    servers: tuple[int, int], redis: RedisServer
) -> None:
    address = redis.address("verdict")
    words = (*line(servers), *QUIET, "-verdict", address)
    with tees(1, *words) as every, Judge(*words):
        count = asks(every, 2)
        verdict_on(address, count)
        redis.kill()
        count += asks(every, 4)
        every[0].settled(count)
        redis.start()
        (one,) = verdict_on(address, count)["reports"]
    assert one["judged"] == count


def test_what_is_trimmed_by_hand_is_counted_with_its_time(servers: tuple[int, int], redis: RedisServer) -> None:
    address = redis.address("verdict", "?partitions=1")
    words = (*line(servers), *QUIET, "-verdict", address)
    began = time.time()
    with tees(1, *words) as every:
        count = asks(every, 4)
        every[0].settled(count)
    stream = eventually(lambda: _streams(redis), "the stream")[0]
    assert redis.ask("XTRIM", stream, "MAXLEN", "5").startswith(b":")
    with Judge(*words):
        found = eventually(
            lambda: (found := merged(address)) and found["fleet"]["lost"]["count"] and found, "the loss", 20.0
        )
    (one,) = found["reports"]
    differing = sum(route["judged"] - route["equal"] for route in one["routes"])
    seen = sum(max((each["pairs"] for each in route["findings"]), default=0) for route in one["routes"])
    assert seen <= 5 < differing
    assert found["fleet"]["lost"]["count"] >= differing - seen
    assert one["judged"] == count
    assert found["fleet"]["lost"]["last"] >= began - 1
    assert any("were lost on the way to the judges" in note for note in one["notes"])


def _streams(redis: RedisServer) -> list[bytes]:
    answer = redis.ask("KEYS", "*")
    return [key for key in answer.split(b"\r\n") if redis.ask("TYPE", key).startswith(b"+stream")]


def test_the_page_of_a_judge_shows_all_tees_and_their_sum(servers: tuple[int, int], redis: RedisServer) -> None:
    address, port = redis.address("verdict"), free_port()
    words = (*line(servers), *QUIET, "-verdict", address)
    with tees(2, *words) as every, Judge(*words, "-admin", f"127.0.0.1:{port}", "--name", "the-judge"):
        count = asks(every, 2)
        verdict_on(address, count)
        page = _get(f"http://127.0.0.1:{port}/")
        for text in ("tee-0", "tee-1", "all tees", "the-judge", "GET /data.json", f"{count:,}"):
            assert text in page
        assert _get(f"http://127.0.0.1:{port}/healthz") == "ok\n"
        table = command(f"http://127.0.0.1:{port}", code=3)
        assert "B canary" in table
        found = json.loads(_get(f"http://127.0.0.1:{port}/verdict"))
        tees_seen = [tee["ledger"][0]["seen"] for tee in found["fleet"]["tees"]]
        assert sum(tees_seen) == found["fleet"]["ledger"][0]["seen"] == count


def _get(url: str) -> str:
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(url, timeout=10) as answer:
        text: str = answer.read().decode()
        return text


def test_the_page_of_a_tee_says_where_the_verdict_is(servers: tuple[int, int], redis: RedisServer) -> None:
    port = free_port()
    with Tee(*line(servers), *QUIET, "-verdict", redis.address("verdict"), "-admin", f"127.0.0.1:{port}") as tee:
        asks([tee], 1)
        assert f"httptee verdict redis://127.0.0.1:{redis.port}/verdict" in _get(f"http://127.0.0.1:{port}/")
        found = json.loads(_get(f"http://127.0.0.1:{port}/status"))["verdict"]
        assert (found["judge"]["state"], found["elsewhere"]) == ("elsewhere", redis.address("verdict"))


def test_a_reload_and_a_killed_publisher_count_on(servers: tuple[int, int], redis: RedisServer) -> None:
    address = redis.address("verdict")
    words = (*line(servers), *QUIET, "-verdict", address)
    with tees(1, *words) as every, Judge(*words):
        count = asks(every, 2)
        verdict_on(address, count)
        mark = every[0].program.mark()
        every[0].program.send_signal(signal.SIGHUP)
        every[0].program.wait_for_line("reloaded", after=mark)
        count += asks(every, 2)
        verdict_on(address, count)
        os.kill(eventually(lambda: _publisher(every[0]), "the publisher"), signal.SIGKILL)
        count += asks(every, 2)
        found = verdict_on(address, count)
    (one,) = found["reports"]
    assert one["judged"] == count
    assert found["fleet"]["lost"]["count"] == 0
    assert len(found["fleet"]["tees"]) == 1


def _publisher(tee: Tee) -> int:
    """The process that lets the worker processes go first."""
    pids = Path(f"/proc/{tee.program.pid}/task/{tee.program.pid}/children").read_text().split()
    return next((int(pid) for pid in pids if os.getpriority(os.PRIO_PROCESS, int(pid)) == 19), 0)


def test_what_a_tee_could_not_say_at_its_end_is_said_by_the_next_run(
    servers: tuple[int, int], redis: RedisServer, tmp_path: Path
) -> None:
    address = redis.address("verdict")
    words = (*line(servers), *QUIET, "-verdict", address, "-outbox", str(tmp_path / "outbox"))
    with Judge(*words):
        with tees(1, *words) as every:
            count = asks(every, 2)
            verdict_on(address, count)
            redis.kill()
            count += asks(every, 2)
            every[0].settled(count)
        redis.start()
        with tees(1, *words) as every:
            count += asks(every, 2)
            found = verdict_on(address, count)
    assert found["reports"][0]["judged"] == count
    assert len(found["fleet"]["tees"]) == 2


def test_a_tee_of_one_process_begins_to_publish_at_its_next_start(
    servers: tuple[int, int], redis: RedisServer, tmp_path: Path
) -> None:
    ini = tmp_path / "httptee.ini"
    ini.write_text("verdict = memory\n")
    with Tee(*line(servers), *QUIET, "-config", str(ini)) as tee:
        ini.write_text(f"verdict = {redis.address('verdict')}\n")
        mark = tee.program.mark()
        tee.program.send_signal(signal.SIGHUP)
        tee.program.wait_for_line("a verdict in an engine needs a restart: memory stays", after=mark)
        tee.program.wait_for_line("reloaded", after=mark)
        asks([tee], 1)


def test_a_tee_that_never_comes_back_can_be_forgotten(servers: tuple[int, int], redis: RedisServer) -> None:
    address = redis.address("verdict")
    words = (*line(servers), *QUIET, "-verdict", address)
    with Judge(*words):
        with tees(2, *words) as every:
            count = asks(every, 2)
        verdict_on(address, count)
        done = run_tee("judge", "--from", address, "--forget", "tee-1")
        assert (done.stdout, done.returncode) == ("1 run is forgotten\n", 0)
        eventually(
            lambda: [tee["instance"] for tee in merged(address)["fleet"]["tees"]] == ["tee-0"], "one tee", patience=10
        )


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--from", "redis://host"), "topic"),
        (("--from", "redis://u:secret@host/topic"), "HTTPTEE_ENGINE_PASSWORD"),
        (("--from", "/var/lib"), "expected redis://HOST/TOPIC"),
        ((), "--from is missing"),
        (("--from", "redis://host/topic"), "needs the Bs"),
        (("--from",), "needs a value"),
        (("--unknown",), "unknown option"),
        (("word",), "not expected"),
        (("--from", "redis://host/topic", "--name", "a/b"), "--name"),
    ],
)
def test_a_mistake_is_said_in_one_line(words: tuple[str, ...], said: str) -> None:
    done = run_tee("judge", *words)
    assert done.returncode == 2
    assert said in done.stderr
    assert done.stderr.count("\n") == 1
    assert "secret" not in done.stderr


def test_a_password_in_the_address_is_refused_by_the_tee() -> None:
    done = run_tee("-a", "http://a", "-b", "http://b", "-verdict", "redis://u:secret@host/topic")
    assert (done.returncode, "secret" in done.stderr) == (2, False)
    done = run_tee("verdict", "redis://u:secret@host/topic")
    assert (done.returncode, "secret" in done.stderr) == (2, False)


def test_an_engine_that_is_not_there_is_said_in_one_line() -> None:
    done = run_tee("verdict", f"redis://127.0.0.1:{free_port()}/topic")
    assert done.returncode == 4
    assert done.stderr.count("\n") == 1
