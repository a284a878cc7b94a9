"""The judge of a tee as a user runs it: what is done to it costs nobody anything."""

import itertools
import json
import os
import signal

import pytest

from httptee.verdict.evidence import Unreadable, read_verdict
from tests.support.backend import Backend
from tests.support.client import RawClient
from tests.support.client import ask as get
from tests.support.net import eventually
from tests.support.process import suspend
from tests.support.scripts import response
from tests.support.tee import Tee

pytestmark = pytest.mark.integration


def shop(more):
    """Answers every request with a product, at a price that is higher by `more`, and with a number of its own."""
    numbers = itertools.count()

    def answer(request):
        price = round(1.5 * int(request.target.rpartition("/")[2]) + more, 2)
        body = json.dumps({"price": price, "number": next(numbers)}).encode()
        return response("200 OK", body, [("Content-Type", "application/json")])

    return answer


@pytest.fixture
def servers():
    with Backend(shop(0.0)) as a, Backend(shop(0.01)) as b:
        yield a, b


def tee(servers, directory, *more, processes="2"):
    a, b = servers
    line = f"{b.url} name=canary"
    words = ("-a", a.url, "-b", line, "-processes", processes, "-verdict", str(directory), "-verdict.repeat", "100")
    return Tee(*words, "-verdict.rate", "100000", *more)


def judge_of(tee):
    """The process of the judge: the child of the supervisor that lets others go first."""
    own = os.getpriority(os.PRIO_PROCESS, tee.program.pid)
    (judge,) = eventually(lambda: [pid for pid in tee.program.group() if os.getpriority(os.PRIO_PROCESS, pid) > own])
    return judge


def page(port, target):
    return get(port, target=target).body.decode()


def report(directory):
    try:
        (found,) = read_verdict(str(directory))["reports"]
    except (Unreadable, ValueError, KeyError):
        return None
    return found


def ask(tee, times):
    with RawClient(tee.port) as client:
        for number in range(times):
            assert client.ask(target=f"/products/{number}").status == 200


def labels(directory):
    """What each place in the body is held to be."""
    found = report(directory)
    findings = [one for route in found["routes"] for one in route["findings"]] if found else []
    return {one["path"]: one["label"] for one in findings}


@pytest.mark.parametrize("processes", ["1", "2"])
def test_a_wrong_price_is_found_and_a_number_of_each_answer_is_noise(servers, tmp_path, processes):
    with tee(servers, tmp_path, processes=processes) as running:

        def decided():
            ask(running, 20)
            return labels(tmp_path) == {"$.price": "differs", "$.number": "noise"}

        eventually(decided, patience=60.0)
        running.program.wait_for_line("B canary: the verdict is NO: .*price")
    assert report(tmp_path)["word"] == "NO"


def test_without_repeats_the_servers_get_each_request_once(servers, tmp_path):
    with tee(servers, tmp_path, "-verdict.repeat", "0") as running:
        ask(running, 50)
        running.settled(50)
        eventually(lambda: (report(tmp_path) or {}).get("judged") == 50)
    assert [len(server.requests) for server in servers] == [50, 50]
    assert "differs" not in labels(tmp_path).values()


def test_a_judge_that_is_stopped_costs_nobody_anything(servers, tmp_path):
    with tee(servers, tmp_path) as running:
        ask(running, 10)
        suspend(judge_of(running))
        ask(running, 200)
        (ledger,) = running.settled(210)
        assert ledger.delivered == 210
    # The end of the tee has killed it.


def test_a_judge_that_is_killed_is_replaced_and_knows_what_was_saved(servers, tmp_path):
    with tee(servers, tmp_path) as running:
        ask(running, 100)
        eventually(lambda: (report(tmp_path) or {}).get("judged") == 100)
        killed = judge_of(running)
        os.kill(killed, signal.SIGKILL)
        ask(running, 100)
        running.program.wait_for_line("the judge process was killed by SIGKILL; another starts")
        eventually(lambda: report(tmp_path)["judged"] == 200)
        assert judge_of(running) != killed


def test_the_status_and_the_metrics_tell_of_the_judge(servers, tmp_path):
    with tee(servers, tmp_path, "-admin", "127.0.0.1:0") as running:
        port = int(running.program.wait_for_line(r"Admin listener at 127.0.0.1:(?P<port>\d+)")[0]["port"])

        def status():
            found = json.loads(page(port, "/status"))
            return found["verdict"]["judge"], found["b"][0]["verdict"]

        ask(running, 100)
        eventually(lambda: (report(tmp_path) or {}).get("judged") == 100)
        judge, b = status()
        assert (judge["pid"], judge["state"], judge["thread"]) == (judge_of(running), "running", False)
        assert (b["word"], b["counts"]["mismatched"], b["counts"]["writes_missed"]) == ("NOT YET", 100, 0)
        suspend(judge["pid"])
        eventually(lambda: status()[0]["state"] == "stopped")
        assert "httptee_verdict_judge_up 0.0" in page(port, "/metrics")
        ask(running, 50)
        line = 'httptee_verdict_judged_total{backend="canary",result="mismatched",route="GET /products/{int}"} 150.0'
        eventually(lambda: line in page(port, "/metrics"))  # without a judge


def test_a_route_that_worker_processes_name_differently_is_judged_as_one(servers, tmp_path):
    with tee(servers, tmp_path) as running:
        for number in range(100):
            with RawClient(running.port) as client:  # of any worker process
                name = "".join("abcdefghij"[int(digit)] for digit in str(number))
                assert client.ask(target=f"/users/{name}/{number}").status == 200
        eventually(lambda: (report(tmp_path) or {}).get("judged") == 100)
        eventually(lambda: [route["route"] for route in report(tmp_path)["routes"]] == ["GET /users/{name}/{int}"])
        assert [route["judged"] for route in report(tmp_path)["routes"]] == [100]


def test_the_verdict_goes_on_over_a_reload_and_over_a_restart(servers, tmp_path):
    with tee(servers, tmp_path) as running:
        ask(running, 100)
        eventually(lambda: (report(tmp_path) or {}).get("judged") == 100)
        running.program.send_signal(signal.SIGHUP)
        running.program.wait_for_line("reloaded: ")
        ask(running, 50)
        eventually(lambda: report(tmp_path)["judged"] == 150)
    with tee(servers, tmp_path) as running:
        ask(running, 50)
        eventually(lambda: report(tmp_path)["judged"] == 200)


def test_a_verdict_in_memory_leaves_nothing(servers, tmp_path):
    with tee(servers, "memory") as running:
        place = running.program.wait_for_line("the evidence is in (?P<place>.*)")[0]["place"]
        ask(running, 50)
        eventually(lambda: (report(place) or {}).get("judged") == 50)
    assert not os.path.exists(place)
