"""Starting, reloading, losing workers, ending: what clients see of it, and what the ledger says afterwards."""

from __future__ import annotations

import os
import re
import signal
import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import pytest

from tests.support.backend import Backend
from tests.support.client import RawClient, ask, request_bytes
from tests.support.ledger import parse
from tests.support.load import NEW, Load
from tests.support.net import PATIENCE, eventually, free_port
from tests.support.process import Program
from tests.support.programs import mounted
from tests.support.scripted import Connection, ScriptedServer
from tests.support.scripts import blackhole, delayed, response
from tests.support.tee import Tee

pytestmark = pytest.mark.integration

MODES = pytest.mark.parametrize("processes", ["1", "2"])
RELOADED = r"\breloaded: "


def workers(tee: Tee) -> list[int]:
    """The processes that the supervisor has forked."""
    return [pid for pid in tee.program.group() if pid != tee.program.pid]


def reload(tee: Tee, said: str = RELOADED) -> str:
    """Send SIGHUP and wait for the line that says what came of it."""
    mark = tee.program.mark()
    tee.program.send_signal(signal.SIGHUP)
    return tee.program.wait_for_line(said, after=mark)[0].string


@contextmanager
def one_in_flight(seconds: float, processes: str) -> Iterator[tuple[Tee, RawClient]]:
    """A tee, and a client whose request A has and answers after some seconds."""
    with (
        ScriptedServer(delayed(seconds)) as a,
        Tee("-a", a.url, "-processes", processes) as tee,
        RawClient(tee.port) as client,
    ):
        client.send(request_bytes())
        a.wait_for_requests()
        yield tee, client


# --- The end ----------------------------------------------------------------------------------------------------------


@MODES
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_every_process_with_status_0_and_the_ledger(number: int, processes: str) -> None:
    with Backend() as a, Backend() as b, Tee("-a", a.url, "-b", b.url, "-processes", processes) as tee:
        assert ask(tee.port).status == 200
        (ledger,) = tee.stop(number)
    assert (ledger.seen, ledger.in_flight) == (1, 0)


@MODES
def test_the_pid_file_is_there_while_the_tee_runs(tmp_path: Path, processes: str) -> None:
    name = tmp_path / "httptee.pid"
    with Backend() as a, Tee("-a", a.url, "-processes", processes, "-pid-file", str(name)) as tee:
        eventually(name.exists, "the pid file")
        assert name.read_text() == f"{tee.program.pid}\n"
        os.kill(int(name.read_text()), signal.SIGHUP)
        tee.program.wait_for_line("reloaded: ")
        assert name.exists()
    assert not name.exists()


@MODES
def test_ps_shows_what_each_process_is(processes: str) -> None:
    with (
        Backend() as a,
        Backend() as b,
        Tee("-a", a.url, "-b", b.url, "-processes", processes, "-admin", "127.0.0.1:0", "-verdict", "memory") as tee,
    ):
        assert ask(tee.port).status == 200
        expected = ["httptee: serving"]
        if processes != "1":
            several = ("admin process", "judge process", "supervisor", *(f"worker process {n}" for n in range(2)))
            expected = [f"httptee: {role}" for role in several]
        eventually(lambda: titles(tee.program.group()) == expected, f"the titles {expected}")


def titles(pids: list[int]) -> list[str]:
    """The titles of these processes, in order."""
    return sorted(Path(f"/proc/{pid}/cmdline").read_bytes().strip(b"\0 ").decode() for pid in pids)


@MODES
def test_a_request_in_flight_is_answered_and_told_that_it_is_the_last(processes: str) -> None:
    with one_in_flight(1.0, processes) as (tee, client):
        tee.program.send_signal(signal.SIGTERM)
        answer = client.answer()
        assert (answer.status, answer.keeps_alive) == (200, False)
        assert client.at_end()


@MODES
def test_a_request_that_comes_on_a_kept_connection_while_draining_is_answered(processes: str) -> None:
    with (
        ScriptedServer(delayed(0.5)) as a,
        Tee("-a", a.url, "-processes", processes) as tee,
        RawClient(tee.port) as kept,
        RawClient(tee.port) as busy,
    ):
        assert kept.ask().keeps_alive
        busy.send(request_bytes())
        a.wait_for_requests(2)
        tee.program.send_signal(signal.SIGTERM)
        answer = kept.ask()
        assert (answer.status, answer.keeps_alive) == (200, False)
        assert busy.answer().status == 200


@MODES
def test_under_load_the_end_breaks_nothing_off(processes: str) -> None:
    with Backend() as a, Tee("-a", a.url, "-processes", processes) as tee:
        with Load(tee.port) as load:
            eventually(lambda: load.answered > 200)
            tee.program.send_signal(signal.SIGTERM)
            eventually(lambda: len(load.troubles) >= 8, "the end of the tee for every client")
        # A request that the tee took has its answer. Once the port is closed a connection is refused; one that the
        # kernel has made by then and that nobody has accepted, it resets.
        at_the_door = ("ConnectionRefused", "ConnectionReset")
        assert [each for each in load.troubles if not (each.startswith(at_the_door) and each.endswith(NEW))] == []
        tee.stop()


@MODES
def test_what_waits_for_b_gets_the_drain_timeout_and_no_more(processes: str) -> None:
    with Backend() as a, ScriptedServer(blackhole()) as b:
        options = ("-b.timeout", "60000", "-drain-timeout", "500", "-processes", processes)
        with Tee("-a", a.url, "-b", b.url, *options) as tee:
            for _ in range(5):
                assert ask(tee.port).status == 200
            eventually(lambda: tee.ledger().seen == 5)
            (ledger,) = tee.stop()
    assert (ledger.seen, ledger.failures, ledger.drops, ledger.in_flight) == (5, {"timeout": 5}, {}, 0)


@MODES
@pytest.mark.parametrize("number", [signal.SIGUSR1, signal.SIGHUP])
def test_other_signals_while_b_drains_change_nothing(number: int, processes: str) -> None:
    with Backend() as a, ScriptedServer(blackhole()) as b:
        options = ("-b.timeout", "60000", "-drain-timeout", "1500", "-processes", processes)
        with Tee("-a", a.url, "-b", b.url, *options) as tee:
            assert ask(tee.port).status == 200
            eventually(lambda: tee.ledger().seen == 1)
            tee.program.send_signal(signal.SIGTERM)
            eventually(lambda: refused(tee.port))
            while tee.program.running:  # some come before the server has closed its descriptors, and some after
                tee.program.send_signal(number)
                threading.Event().wait(0.05)
            (ledger,) = tee.stop()
    assert (ledger.seen, ledger.failures, ledger.in_flight) == (1, {"timeout": 1}, 0)


@MODES
def test_a_second_signal_stops_at_once(tmp_path: Path, processes: str) -> None:
    options = ("-a.timeout", "600000", "-drain-timeout", "600000", "-processes", processes)
    options += ("-pid-file", str(tmp_path / "pid"))
    with ScriptedServer(blackhole()) as a, Tee("-a", a.url, *options) as tee, RawClient(tee.port) as client:
        client.send(request_bytes())
        a.wait_for_requests()
        tee.program.send_signal(signal.SIGTERM)
        while tee.program.running:  # those within a second of the first one are the same order to end
            tee.program.send_signal(signal.SIGTERM)
            threading.Event().wait(0.02)
        output = tee.program.wait()
    (began,) = lines(output, "draining, for at most 600.0 s: ")
    (ended,) = lines(output, "a second signal: stopping at once")
    assert logged_at(ended) - logged_at(began) >= 0.9
    assert not (tmp_path / "pid").exists()


def lines(output: str, said: str) -> list[str]:
    """The lines of the log with these words."""
    return [line for line in output.splitlines() if said in line]


def logged_at(line: str) -> float:
    """The time of a line of the log, in seconds."""
    return datetime.strptime(line[:23], "%Y-%m-%d %H:%M:%S,%f").timestamp()


@MODES
def test_a_signal_to_the_process_and_one_to_its_group_are_one(processes: str) -> None:
    """As `timeout` sends them. The admin process gets one too, and nothing is started in its place."""
    admin = ("-admin", "127.0.0.1:0", "-processes", processes)
    with ScriptedServer(delayed(0.5)) as a, Tee("-a", a.url, *admin) as tee, RawClient(tee.port) as client:
        client.send(request_bytes())
        a.wait_for_requests()
        tee.program.send_signal(signal.SIGTERM)
        os.killpg(tee.program.pid, signal.SIGTERM)
        assert client.answer().status == 200
        output = tee.program.wait()
    assert not lines(output, "another starts")
    assert len(lines(output, " draining, for at most 5.0 s: ")) == 1
    assert re.search(r" drained in \d+\.\d s; nothing was cut off$", output, re.MULTILINE)


@MODES
def test_the_end_of_a_drain_says_what_was_cut_off(processes: str) -> None:
    options = ("-a.timeout", "600s", "-b.timeout", "600s", "-drain-timeout", "300ms", "-processes", processes)
    with Backend() as answering, ScriptedServer(blackhole()) as a, ScriptedServer(blackhole()) as b:
        with Tee("-a", answering.url, "-b", b.url, *options) as tee:
            assert ask(tee.port).status == 200
            b.wait_for_requests()
            output = tee.program.stop()
            tee.final = parse(output)
        assert re.search(
            r" draining, for at most 0\.3 s: \d+ connections?, \d+ requests? and 1 clone in flight$", output, re.M
        )
        assert re.search(r" drained in \d+\.\d s; cut off: 1 clone \(timeout=1\)$", output, re.M)
        with Tee("-a", a.url, *options) as tee, RawClient(tee.port) as client:
            client.send(request_bytes())
            a.wait_for_requests()
            output = tee.program.stop()
        assert re.search(r" drained in \d+\.\d s; cut off: 1 request$", output, re.M)


def refused(port: int) -> bool:
    """Whether nobody listens."""
    try:
        with RawClient(port) as client:
            return not client.sock
    except ConnectionRefusedError:
        return True


@pytest.mark.parametrize("server", ["gunicorn", "waitress"])
def test_under_another_server_the_queue_for_b_is_drained_at_exit(server: str) -> None:
    options = ["--workers=1", "--worker-class=gthread", "--threads=4"] if server == "gunicorn" else []
    with Backend() as a, ScriptedServer(delayed(0.2)) as b:
        env = {"HTTPTEE_A": a.url, "HTTPTEE_B": b.url, "HTTPTEE_B_WORKERS": "1", "HTTPTEE_DRAIN_TIMEOUT": "20000"}
        with mounted(server, env, *options) as (port, _):
            for _ in range(8):
                assert ask(port).status == 200
        assert len(b.requests) == 8


@pytest.mark.parametrize("server", ["gunicorn", "waitress"])
def test_under_another_server_a_b_that_hangs_holds_up_the_exit_no_longer_than_the_drain_timeout(server: str) -> None:
    options = ["--workers=1", "--worker-class=gthread", "--threads=4"] if server == "gunicorn" else []
    with Backend() as a, ScriptedServer(blackhole()) as b:
        env = {"HTTPTEE_A": a.url, "HTTPTEE_B": b.url, "HTTPTEE_B_WORKERS": "1", "HTTPTEE_DRAIN_TIMEOUT": "300"}
        with mounted(server, env, *options) as (port, _):
            for _ in range(100):  # a second each, were they all sent
                assert ask(port).status == 200
        assert len(b.requests) < 20


# --- Workers ----------------------------------------------------------------------------------------------------------


def test_a_killed_worker_is_replaced_and_what_it_held_is_lost_by_name() -> None:
    options = ("-b.timeout", "60000", "-processes", "2", "-drain-timeout", "500")
    with Backend() as a, ScriptedServer(blackhole()) as b, Tee("-a", a.url, "-b", b.url, *options) as tee:
        eventually(lambda: len(workers(tee)) == 2)
        for _ in range(10):
            assert ask(tee.port).status == 200
        eventually(lambda: tee.ledger().seen == 10)
        before = set(workers(tee))
        for pid in before:
            os.kill(pid, signal.SIGKILL)
        eventually(lambda: len(set(workers(tee)) - before) == 2, "two new workers")
        for pid in before:
            tee.program.wait_for_line(rf"worker process {pid} was killed by SIGKILL; another starts in ")
        eventually(lambda: tee.ledger().failures == {"lost": 10})
        assert ask(tee.port).status == 200
        eventually(lambda: tee.ledger().seen == 11)


def test_only_what_the_killed_worker_had_in_flight_is_lost_to_clients() -> None:
    with Backend() as a, Tee("-a", a.url, "-processes", "2") as tee, Load(tee.port) as load:
        for _ in range(3):
            eventually(lambda: len(workers(tee)) == 2)
            before, victim = load.answered, workers(tee)[0]
            eventually(lambda before=before: load.answered > before + 50)  # type: ignore[misc]
            os.kill(victim, signal.SIGKILL)
            eventually(lambda victim=victim: victim not in workers(tee))  # type: ignore[misc]
        load.stop()
        assert len(load.troubles) <= 3 * 8, load.troubles  # at most one a client and kill
        assert not [trouble for trouble in load.troubles if "HTTP/1.1" in trouble]


def test_an_answer_that_ends_with_its_connection_does_not_look_whole_when_its_worker_is_killed() -> None:
    def half(connection: Connection) -> None:
        connection.request()
        connection.send(response(body=None) + b"half of it")
        connection.pause(PATIENCE)

    with ScriptedServer(half) as a, Tee("-a", a.url, "-processes", "2") as tee:
        eventually(lambda: len(workers(tee)) == 2)
        with socket.create_connection(("127.0.0.1", tee.port), timeout=PATIENCE) as client:
            client.sendall(b"GET / HTTP/1.0\r\n\r\n")
            seen = b""
            while not seen.endswith(b"half of it"):
                seen += client.recv(100)
            for pid in workers(tee):
                os.kill(pid, signal.SIGKILL)
            with pytest.raises(ConnectionResetError):
                client.recv(100)


def test_workers_end_by_themselves_when_their_supervisor_is_killed() -> None:
    with Backend() as a:
        tee = Tee("-a", a.url, "-processes", "2").__enter__()
        try:
            eventually(lambda: len(workers(tee)) == 2)
            os.kill(tee.program.pid, signal.SIGKILL)
            eventually(lambda: not tee.program.group(), "the end of the workers")
        finally:
            tee.program.kill()


def test_a_signal_to_the_whole_group_is_a_signal_to_the_supervisor() -> None:
    with ScriptedServer(delayed(0.5)) as a, Tee("-a", a.url, "-processes", "2") as tee:
        eventually(lambda: len(workers(tee)) == 2)
        for number in (signal.SIGUSR1, signal.SIGHUP):
            os.killpg(tee.program.pid, number)
        tee.program.wait_for_line(RELOADED)
        with RawClient(tee.port) as client:
            client.send(request_bytes())
            a.wait_for_requests()
            os.killpg(tee.program.pid, signal.SIGINT)
            assert client.answer().status == 200


# --- Reload -----------------------------------------------------------------------------------------------------------


@MODES
def test_twenty_reloads_under_load_lose_no_request_and_no_count(processes: str) -> None:
    with Backend() as a, Backend() as b:
        with Tee("-a", a.url, "-b", b.url, "-b.chanSize", "100000", "-processes", processes) as tee:
            with Load(tee.port) as load, Load(tee.port, 2, pause=0.3) as leisurely:
                seen = 0
                for _ in range(20):
                    reload(tee)
                    before, seen = seen, tee.ledger().seen
                    assert seen >= before
            assert (load.troubles, leisurely.troubles) == ([], [])
            answered = load.answered + leisurely.answered
            tee.settled(answered)
            (ledger,) = tee.stop()
        assert (ledger.seen, len(a.requests)) == (answered, answered)
        assert ledger.delivered == len(b.requests) == answered - ledger.dropped


@MODES
def test_a_reload_takes_up_what_the_file_says_now(tmp_path: Path, processes: str) -> None:
    ini = tmp_path / "httptee.ini"
    with Backend() as old, Backend() as new, Backend() as stays, Backend() as leaves, Backend() as comes:
        ini.write_text(f"a = {old.url}\nb = {stays.url}\nb = {leaves.url}\n")
        with Tee("-config", str(ini), "-processes", processes) as tee:
            assert ask(tee.port, target="/1").status == 200
            tee.settled(1)
            ini.write_text(f"a = {new.url}\nb = {comes.url}\nb = {stays.url}\n")
            said = reload(tee)
            changed = f"options changed: a; B added: {comes.url}; B removed: {leaves.url}"
            assert said.endswith(("the old one drains; " + changed, "the old ones drain; " + changed))
            tee.program.wait_for_line(r" the old (server|worker processes) drained in \d+\.\d s; nothing was cut off$")
            assert ask(tee.port, target="/2").status == 200
            stays.wait_for_requests(2)
            comes.wait_for_requests(1)
            output = tee.program.stop()
        assert [len(each.requests) for each in (old, new, stays, leaves, comes)] == [1, 1, 2, 1, 1]
        seen = {ledger.url: ledger.seen for ledger in parse(output)[-3:]}
    assert seen == {stays.url: 2, leaves.url: 1, comes.url: 1}
    tee.final = parse(output)


@MODES
@pytest.mark.parametrize(
    ("text", "complaint"), [("a.timeout = never", r":1: a\.timeout: "), ("nonsense", r":1: a line must be key = value")]
)
def test_an_invalid_file_changes_nothing_and_says_why_in_a_line(
    tmp_path: Path, processes: str, text: str, complaint: str
) -> None:
    ini = tmp_path / "httptee.ini"
    ini.write_text("")
    with Backend() as a, Tee("-a", a.url, "-config", str(ini), "-processes", processes) as tee:
        with RawClient(tee.port) as client:
            assert client.ask().status == 200
            before = workers(tee)
            ini.write_text(text + "\n")
            assert str(ini) in reload(tee, r"ERROR reload refused, nothing changes: .*" + complaint)
            assert client.ask().keeps_alive
            assert workers(tee) == before
        ini.unlink()
        reload(tee, r"ERROR reload refused, nothing changes: ")
        ini.write_text("")
        reload(tee)
        assert ask(tee.port).status == 200


@MODES
def test_another_listening_address_takes_a_restart_and_the_log_says_so(tmp_path: Path, processes: str) -> None:
    ini = tmp_path / "httptee.ini"
    first, second = free_port(), free_port()
    ini.write_text(f"l = 127.0.0.1:{first}\n")
    with Backend() as a, Tee("-a", a.url, "-config", str(ini), "-processes", processes, listen=None) as tee:
        ini.write_text(f"l = 127.0.0.1:{second}\n")
        reload(tee, "a new listening address needs a restart")
        tee.program.wait_for_line(RELOADED)
        assert ask(first).status == 200
        assert refused(second)


@MODES
def test_an_answer_that_is_under_way_outlives_the_reload(processes: str) -> None:
    with one_in_flight(1.5, processes) as (tee, client):
        reload(tee)
        answer = client.answer()
        assert (answer.status, answer.keeps_alive) == (200, False)


def test_the_number_of_workers_may_change_and_cores_stay_pinned(tmp_path: Path) -> None:
    ini = tmp_path / "httptee.ini"
    ini.write_text("processes = 2\n")
    with Backend() as a, Tee("-a", a.url, "-config", str(ini)) as tee:
        for count in (3, 2):
            ini.write_text(f"processes = {count}\n")
            reload(tee)
            eventually(lambda count=count: len(workers(tee)) == count)  # type: ignore[misc]
            assert all(len(os.sched_getaffinity(pid)) == 1 for pid in workers(tee))
        assert ask(tee.port).status == 200


def test_a_storm_of_reloads_ends_with_one_generation() -> None:
    with Backend() as a, Tee("-a", a.url, "-processes", "2") as tee, Load(tee.port, 4) as load:
        stop = threading.Event()

        def storm() -> None:
            while not stop.wait(0.005):
                tee.program.send_signal(signal.SIGHUP)

        storming = threading.Thread(target=storm)
        storming.start()
        tee.program.wait_for_line(RELOADED, count=5)
        stop.set()
        storming.join()
        eventually(lambda: len(workers(tee)) == 2, "two workers in the end")
        load.stop()
        assert load.troubles == []


# --- A socket from systemd --------------------------------------------------------------------------------------------


@MODES
def test_it_serves_on_a_socket_that_it_is_passed_and_says_when(tmp_path: Path, processes: str) -> None:
    told = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    with told, socket.create_server(("127.0.0.1", 0)) as listening, Backend() as a:
        told.bind(str(tmp_path / "notify"))
        told.settimeout(30)
        # What systemd does between fork and exec: the socket becomes descriptor 3, and LISTEN_PID names the process.
        passing = (
            "import os, sys; os.dup2(int(sys.argv[1]), 3); os.environ['LISTEN_PID'] = str(os.getpid());"
            "os.execv(sys.executable, [sys.executable, '-m', 'httptee', *sys.argv[2:]])"
        )
        os.set_inheritable(listening.fileno(), True)
        arguments = [str(listening.fileno()), "-a", a.url, "-l", ":1", "-processes", processes]
        env = {"LISTEN_FDS": "1", "NOTIFY_SOCKET": str(tmp_path / "notify")}
        port = listening.getsockname()[1]
        with Program([sys.executable, "-c", passing, *arguments], env=env, pass_fds=[listening.fileno()]) as program:
            assert told.recv(1000).startswith(b"READY=1\n")
            assert ask(port).status == 200
            program.send_signal(signal.SIGHUP)
            assert told.recv(1000).startswith(b"RELOADING=1\nMONOTONIC_USEC=")
            assert told.recv(1000).startswith(b"READY=1\n")
            assert ask(port).status == 200
            program.send_signal(signal.SIGTERM)
            assert told.recv(1000) == b"STOPPING=1"
