"""The judge as a process beside the worker processes, forked for real, and as a thread."""

import errno
import os
import signal
import socket
import threading
import time
from dataclasses import replace

import pytest

from httptee.build import build_ledger
from httptee.ledger import Ledger
from httptee.processes import judge as module
from httptee.processes.judge import JudgeProcess
from httptee.processes.kept import may_leave_idle
from httptee.settings import load
from httptee.verdict.evidence import Evidence, read_verdict
from httptee.verdict.judge import Asking, Judge, RepeatLimits, Repeats, Trial
from tests.support.net import eventually, free_port
from tests.support.process import suspend
from tests.verdict.judge.fakes import FakeAsker, FakeCourt, FakeObserved, compare
from tests.verdict.judge.samples import outcome, pair


class Stub:
    """A judge that counts what it does in memory that all processes share: pairs, starts, ends."""

    def __init__(self):
        self.counts = Ledger(["pairs", "starts", "ends"]).clocks
        self.memory = None

    def __call__(self, reader, pace, short_of_memory):
        self.reader, self.short_of_memory = reader, short_of_memory
        self.counts[1][0] += 1
        return self

    def run(self, wanted):
        while wanted():
            for _ in self.reader.receive(0.01):
                self.counts[0][0] += 1
        self.counts[2][0] += 1

    @property
    def pairs(self):
        return self.counts[0][0]

    @property
    def starts(self):
        return self.counts[1][0]

    @property
    def ends(self):
        return self.counts[2][0]


@pytest.fixture
def stub():
    return Stub()


@pytest.fixture
def judge(stub):
    made = JudgeProcess(stub)
    made.sender()
    yield made
    made.stop()


def test_a_pair_reaches_the_judge_and_at_the_end_the_judge_ends(judge, stub):
    judge.keep()
    assert judge.sender().send(pair())
    eventually(lambda: stub.pairs == 1)
    pid = judge._child.pid
    judge.stop()
    assert stub.ends == 1
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    judge.stop()


def test_worker_processes_send_to_it(judge, stub):
    judge.keep()
    sender = judge.sender()
    for _ in range(3):
        child = os.fork()
        if not child:
            os._exit(0 if sender.send(pair()) else 1)
        assert os.waitpid(child, 0)[1] == 0
    eventually(lambda: stub.pairs == 3)


def test_a_judge_that_dies_is_replaced_and_the_log_says_how_it_ended(judge, stub, caplog):
    judge.keep()
    eventually(lambda: stub.starts == 1)
    os.kill(judge._child.pid, signal.SIGKILL)
    eventually(
        lambda: judge.keep() and "the judge process was killed by SIGKILL; another starts in 0.1 s" in caplog.text
    )
    assert judge.sender().send(pair())  # for the next one
    eventually(lambda: judge.keep() and stub.pairs == 1)
    assert stub.starts == 2


def test_a_judge_that_dies_again_and_again_is_replaced_more_slowly(judge, monkeypatch):
    waits = []
    for _ in range(10):
        judge._child._started = time.monotonic()
        judge._child._plan_start()
        waits.append(judge._child._wait)
    assert waits[:3] == [0.1, 0.2, 0.4]
    assert waits[-1] == 10.0
    judge._child._started -= 100.0
    judge._child._plan_start()
    assert judge._child._wait == 0.1


def test_a_judge_that_is_stopped_makes_nobody_wait_and_goes_on_later(judge, stub):
    judge.keep()
    eventually(lambda: stub.starts == 1)
    suspend(judge._child.pid)
    sent = 0
    while judge.sender().send(pair()):
        sent += 1
    assert not judge.sender().send(pair())
    assert judge.keep() > 1.0
    os.kill(judge._child.pid, signal.SIGCONT)
    eventually(lambda: stub.pairs == sent)
    assert judge.sender().send(pair())


def test_a_judge_that_is_stopped_is_killed_at_the_end(judge, stub, monkeypatch):
    monkeypatch.setattr(module, "_LAST_WORDS", 0.05)
    judge.keep()
    eventually(lambda: stub.starts == 1)
    suspend(judge._child.pid)
    judge.stop()
    assert judge._child.pid == 0
    assert stub.ends == 0


def test_a_fork_that_fails_is_tried_again(judge, stub, monkeypatch, caplog):
    def fail():
        raise OSError(errno.ENOMEM, os.strerror(errno.ENOMEM))

    with monkeypatch.context() as patched:
        patched.setattr(os, "fork", fail)
        assert judge.keep() <= 1.0
    assert "cannot start the judge process: Cannot allocate memory; it is tried again" in caplog.text
    eventually(lambda: judge.keep() and stub.starts == 1)


def test_a_reload_replaces_the_judge_without_a_warning(judge, stub, caplog):
    judge.keep()
    eventually(lambda: stub.starts == 1)
    other = Stub()
    judge.replace(other)
    eventually(lambda: judge.keep() and other.starts == 1)
    assert (stub.starts, stub.ends) == (1, 1)
    assert judge.sender().send(pair())
    eventually(lambda: other.pairs == 1)
    assert caplog.text == ""


def test_a_judge_that_does_not_end_at_a_reload_is_killed(judge, stub, monkeypatch):
    monkeypatch.setattr(module, "_LAST_WORDS", 0.05)
    judge.keep()
    eventually(lambda: stub.starts == 1)
    suspend(judge._child.pid)
    judge.replace(stub)
    eventually(lambda: judge.keep() and stub.starts == 2)


def test_a_reload_may_end_the_judge(judge, stub):
    judge.keep()
    eventually(lambda: stub.starts == 1)
    judge.replace(None)
    eventually(lambda: judge.keep() == 3600.0)
    assert stub.ends == 1
    assert judge.keep() == 3600.0
    assert judge.sender().send(pair())  # workers of before the reload may still do so


def test_without_a_verdict_there_is_no_process():
    judge = JudgeProcess(None)
    assert judge.keep() == 3600.0
    judge.start_thread()
    judge.watch()
    judge.stop()
    assert judge._child.pid == 0


def test_while_the_tee_drains_no_other_judge_is_started(judge, stub, monkeypatch, caplog):
    judge.keep()
    judge.watch()
    monkeypatch.setattr(os, "fork", lambda: pytest.fail("another process"))
    os.kill(judge._child.pid, signal.SIGKILL)
    eventually(lambda: judge.watch() or not judge._child.pid)
    assert judge.keep() == 3600.0
    assert caplog.text == ""


def test_the_judge_lets_others_go_first_and_its_memory_is_bounded(tmp_path):
    def make(reader, pace, short_of_memory):
        data = resource_limit()
        (tmp_path / "said").write_text(f"{os.getpriority(os.PRIO_PROCESS, 0)} {data} {short_of_memory()}")
        return Stub()(reader, pace, short_of_memory)

    judge = JudgeProcess(make)
    judge.sender()
    judge.keep()
    said = eventually(lambda: (tmp_path / "said").exists() and (tmp_path / "said").read_text())
    assert said == f"19 {1 << 30} False"
    judge.stop()


@pytest.mark.skipif(not may_leave_idle(), reason="this process may not leave SCHED_IDLE again")
def test_a_judge_has_the_lowest_priority_and_a_little_more_while_it_falls_behind(tmp_path, monkeypatch):
    class Turns:
        def run(self, goes_on):
            said = []
            for behind in (1e9, 1e-9, 1e9):  # seconds: a turn is nothing against the first, and much against the second
                monkeypatch.setattr(module, "_BEHIND", behind)
                goes_on()
                said.append(os.sched_getscheduler(0))
            (tmp_path / "said").write_text(repr(said))
            while goes_on():
                time.sleep(0.01)
            (tmp_path / "said").write_text(str(os.sched_getscheduler(0)))

    judge = JudgeProcess(lambda *_: Turns())
    judge.sender()
    judge.keep()
    said = eventually(lambda: (tmp_path / "said").exists() and (tmp_path / "said").read_text())
    assert said == repr([os.SCHED_IDLE, os.SCHED_BATCH, os.SCHED_IDLE])
    (tmp_path / "said").unlink()
    judge.stop()
    assert (tmp_path / "said").read_text() == str(os.SCHED_BATCH)  # at its end


def resource_limit():
    return module.resource.getrlimit(module.resource.RLIMIT_DATA)[0]


def test_a_private_directory_is_deleted_at_the_end(stub, tmp_path):
    private = tmp_path / "private"
    private.mkdir()
    (private / "file").write_text("x")
    judge = JudgeProcess(stub, private=str(private))
    judge.sender()
    judge.keep()
    judge.stop()
    assert not private.exists()


def test_the_judge_ends_with_its_supervisor_and_deletes_what_is_private(stub, tmp_path):
    private = tmp_path / "private"
    private.mkdir()
    judge = JudgeProcess(stub, private=str(private))
    judge.sender()
    supervisor = os.fork()
    if not supervisor:
        judge.keep()
        time.sleep(60)
    eventually(lambda: stub.starts == 1)
    os.kill(supervisor, signal.SIGKILL)
    os.waitpid(supervisor, 0)
    eventually(lambda: stub.ends == 1 and not private.exists())
    judge.stop()


@pytest.mark.parametrize(("first", "second"), [("memory", "dir"), ("dir", "memory"), ("memory", "memory")])
def test_after_a_reload_that_failed_no_private_directory_is_left_at_the_end(first, second, tmp_path, monkeypatch):
    made = []
    monkeypatch.setattr(module, "private_directory", lambda needed: made.append(tmp_path / "p") or str(made[-1]))
    before, after = (
        load([f"--verdict={tmp_path / 'dir' if verdict == 'dir' else verdict}"], {}) for verdict in (first, second)
    )
    ledger = build_ledger(before)
    judge = JudgeProcess(None)
    watching = judge.renew(before, ledger)
    (tmp_path / "p").mkdir()
    judge.renew(after, ledger)
    judge.keep()
    judge.resume(before, ledger, watching)
    judge.keep()
    assert (tmp_path / "p").exists()  # it may be in use
    assert judge._private == (str(tmp_path / "p") if first == "memory" else "")
    judge.stop()
    assert not (tmp_path / "p").exists()


def test_an_earlier_private_directory_is_deleted_when_its_judge_has_ended(tmp_path, monkeypatch):
    (tmp_path / "p").mkdir()
    judge = JudgeProcess(None, private=str(tmp_path / "p"))
    judge._verdict = "memory"
    judge.renew(load([], {}), None)
    judge.keep()
    assert (tmp_path / "p").exists()
    monkeypatch.setattr(module, "monotonic", lambda: time.monotonic() + 6.0)
    judge.keep()
    assert not (tmp_path / "p").exists()


def test_a_reload_without_a_private_directory_changes_nothing(tmp_path, monkeypatch):
    def fail(needed):
        raise OSError("no room")

    monkeypatch.setattr(module, "private_directory", fail)
    settings = load(["--verdict=memory"], {})
    judge = JudgeProcess(None)
    for _ in range(2):
        with pytest.raises(OSError):
            judge.renew(settings, build_ledger(settings))


def real(directory):
    """Makes a judge with real evidence."""

    def make(reader, pace, short_of_memory):
        return Judge(
            reader,
            [Trial("canary", "b", FakeCourt)],
            Evidence(str(directory)),
            Asking(FakeAsker(a=outcome(), canary=outcome()), 1000),
            lambda state: Repeats(RepeatLimits(), time.time(), state),
            FakeObserved(),
            compare,
            pace,
            short_of_memory=short_of_memory,
        )

    return make


def test_what_a_killed_judge_has_saved_is_known_to_the_next_one(tmp_path, monkeypatch):
    judge = JudgeProcess(real(tmp_path))
    for _ in range(3):
        assert judge.sender().send(pair())
    judge.keep()
    eventually(lambda: judged(tmp_path) == 3)
    judge.replace(real(tmp_path))
    eventually(lambda: judge.keep() < 3600.0)
    assert judge.sender().send(pair())
    eventually(lambda: judge.keep() and judged(tmp_path) == 4)
    os.kill(judge._child.pid, signal.SIGKILL)
    assert judge.sender().send(pair())
    eventually(lambda: judge.keep() and judged(tmp_path) == 4)  # three that were saved, and the last one
    judge.stop()


def judged(directory):
    try:
        (report,) = read_verdict(str(directory))["reports"]
    except Exception:
        return None
    return report["judged"]


def judges(before):
    """The threads of judges that have begun since."""
    return [thread for thread in threading.enumerate() if thread.name == "judge" and thread not in before]


def test_under_a_single_process_the_judge_is_a_thread(stub):
    before = threading.enumerate()
    judge = JudgeProcess(stub, alone=True)
    assert judge.sender().send(pair())
    judge.start_thread()
    judge.start_thread()
    eventually(lambda: stub.pairs == 1)
    assert len(judges(before)) == 1
    other = Stub()
    judge.replace(other)
    eventually(lambda: judge.start_thread() or other.starts == 1)
    assert stub.ends == 1
    judge.stop()
    judge.start_thread()
    assert other.ends == 1
    assert not judges(before)


def test_a_reload_may_end_the_thread(stub):
    before = threading.enumerate()
    judge = JudgeProcess(stub, alone=True)
    judge.sender()
    judge.start_thread()
    judge.replace(None)
    judge.start_thread()
    eventually(lambda: not judges(before))
    assert judge.keep() == 3600.0


def test_a_thread_that_cannot_be_started_is_tried_again(stub, monkeypatch, caplog):
    def fail(thread):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr("httptee.verdict.judge.thread._TRY_AGAIN", 0.0)
    judge = JudgeProcess(stub, alone=True)
    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", fail)
        judge.start_thread()
    assert "the judge is tried again" in caplog.text
    judge.start_thread()
    eventually(lambda: stub.starts == 1)
    judge.stop()


def test_a_judge_that_fails_in_its_thread_is_made_anew(stub, monkeypatch, caplog):
    monkeypatch.setattr("httptee.verdict.judge.thread._ANEW", 0.0)
    made = []

    def make(reader, pace, short_of_memory):
        made.append(reader)
        if len(made) == 1:
            raise ValueError("no judge")
        return stub(reader, pace, short_of_memory)

    judge = JudgeProcess(make, alone=True)
    judge.start_thread()
    eventually(lambda: stub.starts == 1)
    assert "the judge failed; the requests go on" in caplog.text
    judge.stop()


@pytest.mark.parametrize("alone", [False, True])
def test_what_a_failed_reload_has_counted_is_judged_all_the_same(alone):
    settings = load(["-a", "http://127.0.0.1:1", "-b", "http://127.0.0.1:2", "-verdict", "memory"], {})
    judge = JudgeProcess(None, alone=alone)
    before = judge.renew(settings, Ledger(["b"]))
    failed = judge.renew(settings, Ledger(["b"]))
    failed.tallies.row(0).missed(0)
    judge.resume(settings, Ledger(["b"]), before)
    assert before.tallies.missed(failed.tallies.backends[0]) == 1
    assert before.tallies.history == [before.tallies, failed.tallies]
    assert failed.tallies.finished is alone
    judge.stop()


@pytest.mark.parametrize("other", ["off", "DIR"])
def test_a_failed_reload_with_another_verdict_leaves_nothing_behind(other, tmp_path):
    settings = load(["-a", "http://127.0.0.1:1", "-b", "http://127.0.0.1:2", "-verdict", "memory"], {})
    judge = JudgeProcess(None)
    before = judge.renew(settings, Ledger(["b"]))
    judge.renew(replace(settings, verdict=other.replace("DIR", str(tmp_path))), Ledger(["b"]))
    judge.resume(settings, Ledger(["b"]), before)
    os.makedirs(before.place, exist_ok=True)  # as the next judge does
    judge.stop()
    assert not os.path.exists(before.place)
    assert tmp_path.exists()


def test_a_tee_that_publishes_gets_a_publisher_in_the_judge_s_place(tmp_path):
    settings = load(["-b", "http://b:2", "-verdict", f"redis://127.0.0.1:{free_port()}/topic"], {})
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        judge = JudgeProcess(None, inherited=(listening,))
        watching = judge.renew(settings, build_ledger(settings))
        assert watching.engine == settings.verdict_engine
        assert os.path.isdir(watching.place)
        assert module._own_name((listening,)).endswith(f":{listening.getsockname()[1]}")
        judge.stop()
        assert not os.path.exists(watching.place)
        settings = replace(settings, outbox=str(tmp_path / "outbox"))
        assert judge.renew(settings, build_ledger(settings)).place == str(tmp_path / "outbox" / "verdict")
        judge.stop()
