"""README and docs/, followed as they are printed: each command runs, and each output has the shape shown.

What a page gives a fixed time (`sleep 2`), the test gives as long as it needs.
"""

from __future__ import annotations

import re
import shutil
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import monotonic

import pytest

from tests.support.backend import Backend
from tests.support.client import ask
from tests.support.documents import PAGES, Block, Elsewhere, Terminal, blocks, fresh_directory, missing
from tests.support.house import ROOT
from tests.support.net import PATIENCE, eventually, free_port, require

pytestmark = pytest.mark.integration

NOT_RUN = {
    # page, the beginning of the first line of the block: why
    ("README.md", "python3 -m venv .venv && .venv/bin/pip install tox"): "runs all tests, and so this one",
    ("docs/install.md", "pipx install"): "changes the whole machine: tests/installed/ follows it in a root directory",
    ("docs/install.md", "httptee config --unit"): "needs systemd: tests/installed/ follows it in a root directory",
    ("docs/install.md", "install -D -m 0600"): "needs systemd: tests/installed/ follows it in a root directory",
    ("docs/install.md", "httptee config --socket"): "needs systemd",
    (
        "docs/install.md",
        "docker build",
    ): "needs a container runtime: tests/installed/ follows its steps",
    ("docs/install.md", "docker compose"): "needs a container runtime",
    ("docs/install.md", "httptee config --kubernetes"): "needs a cluster",
    ("docs/scale.md", "httptee config --unit"): "needs systemd",
    ("docs/scale.md", "httptee config --kubernetes-tees"): "needs a cluster",
    ("docs/install.md", "nft add"): "changes the machine's firewall",
    ("docs/install.md", "nft delete"): "changes the machine's firewall",
    ("docs/install.md", "systemctl disable"): "needs systemd: tests/installed/ follows it in a root directory",
    ("docs/install.md", "/opt/httptee/bin/pip install --upgrade"): "needs systemd",
    ("docs/operations.md", "systemctl reload"): "needs systemd",
    ("docs/performance.md", "apt-get install"): "installs programs of the system, and takes hours",
    ("docs/tls.md", "systemctl reload"): "needs systemd",
}

# Servers that the pages name, each with a stand-in.
A_NAMES = ("production:8080", "prod:8080")
B_NAMES = ("candidate:8080", "canary:8080")
PROGRAMS = ("curl", "hey", "influxd")
TROUBLE = re.compile(r"Traceback|command not found|No such file|httptee: |unbound variable|syntax error")
SERVES = re.compile(
    r"^(?:\w+=\S+ )*(?:\S*/)?"
    r"(?:httptee (?!check|explain|verdict|recording|replay|spool|config|completion|man|-version|--demo)"
    r"|gunicorn |waitress-serve )"
)
IN_THE_BACKGROUND = re.compile(r" &(?: |$)")
# Ports that no word of the command sets, and how the test sets them.
LISTEN_ELSEWHERE = {"httptee": "HTTPTEE_L=127.0.0.1:{port} ", "gunicorn": "GUNICORN_CMD_ARGS=--bind=127.0.0.1:{port} "}


def chapters() -> list[tuple[str, str]]:
    """What is typed in one terminal: a page, but a chapter of its own for the servers that are not everywhere."""
    found = [(block.page, apart(block)) for page in PAGES for block in blocks(page) if not skipped(block)]
    return list(dict.fromkeys(found))


def apart(block: Block) -> str:
    return block.chapter if "InfluxDB" in block.chapter else ""


def skipped(block: Block) -> bool:
    return any(block.page == page and block.commands.startswith(start) for page, start in NOT_RUN)


@dataclass
class Reader:
    """Somebody who types the blocks of a page."""

    terminal: Terminal
    elsewhere: Elsewhere
    a: Backend
    asked: int = 0

    def follow(self, block: Block) -> None:
        commands = self.elsewhere(block.commands)
        if any(SERVES.match(line) and not IN_THE_BACKGROUND.search(line) for line in commands.splitlines()):
            for line in commands.splitlines():
                self.serve(re.sub(r"\s+#.*", "", line))
            return
        before, sleep, after = re.fullmatch(
            r"(.*?)(^sleep \d+\n)?((?:(?!^sleep \d+\n).)*)", commands, re.M | re.S
        ).groups()
        if not sleep:
            self.check(block, *self.terminal.run(commands))
        elif not after:
            self.check(block, *self.terminal.run(before))
            for port in re.findall(r"-p (\d+)", before):
                eventually(lambda port=port: accepts(int(port)), f"a server at port {port}")  # type: ignore[misc]
        else:
            self.until_it_has_the_shape(block, self.terminal.run(before)[1], after)

    def until_it_has_the_shape(self, block: Block, started: str, after: str) -> None:
        """Repeat what comes after the `sleep` of a block until its output is the one shown."""
        deadline = monotonic() + PATIENCE
        while True:
            status, output = self.terminal.run(after)
            if not missing(block.output, f"{started}\n{output}") or monotonic() > deadline:
                break
        self.check(block, status, f"{started}\n{output}")

    def check(self, block: Block, status: int, output: str) -> None:
        said = f"{block.page}\n{block.commands}\nended with {status} and said:\n{output}"
        assert status == 0, said
        assert not TROUBLE.search(output), said
        line = missing(block.output, output)
        assert not line, f"no line like {line!r}: {said}"

    def serve(self, command: str) -> None:
        """Start what serves until it is ended, send it a request, and end it."""
        program = re.search(r"(httptee|gunicorn|waitress-serve) ", command)[1]  # type: ignore[index]
        listening = re.search(r" -l \S*:(\d+)", command)
        port = int(listening[1]) if listening else free_port()
        if program == "waitress-serve":
            command = command.replace("waitress-serve", f"waitress-serve --listen=127.0.0.1:{port}")
        elif not listening:
            command = LISTEN_ELSEWHERE[program].format(port=port) + command
        if address(self.a) not in command:
            command = f"HTTPTEE_A={address(self.a)} {command}"
        self.terminal.run(f"{command} > serving.log 2>&1 & SERVING=$!")
        eventually(lambda: accepts(port), f"{command}, at port {port}")
        self.asked += 1
        target = f"/from/the/page/{self.asked}"
        assert ask(port, target=target).status == 200
        assert [request.target for request in self.a.requests].count(target) == 1
        status, _ = self.terminal.run("kill $SERVING; wait $SERVING")
        log = self.terminal.run("cat serving.log")[1]
        assert not TROUBLE.search(log), f"{command} said:\n{log}"
        assert status == 0 or program == "waitress-serve", f"{command} ended with {status} and said:\n{log}"


def address(server: Backend) -> str:
    return server.url.removeprefix("http://")


def accepts(port: int) -> bool:
    """Whether a server listens there."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE):
            return True
    except OSError:
        return False


@contextmanager
def reader(root: Path, page: str, installed: bool, *, sets_a: bool = False) -> Iterator[Reader]:
    """In a fresh directory, with httptee installed already if the page expects it."""
    checkout = fresh_directory(root)
    with Backend() as a, Backend() as b:
        elsewhere = Elsewhere(root, dict.fromkeys(A_NAMES, address(a)) | dict.fromkeys(B_NAMES, address(b)))
        env = {"HTTPTEE_A": a.url, "HTTPTEE_B": b.url} if sets_a else {}
        with Terminal(checkout, [root / "bin", root / "usr/local/bin"], env) as terminal:
            made = Reader(terminal, elsewhere, a)
            if installed:
                shutil.copy(checkout / "etc" / "httptee.ini", root / "etc")
                for block in blocks(ROOT / "docs" / "install.md")[:2]:
                    made.follow(block)
            yield made


@pytest.mark.parametrize(("page", "chapter"), chapters())
def test_a_page_can_be_followed_as_it_is_printed(page: str, chapter: str, tmp_path: Path) -> None:
    followed = [block for block in blocks(ROOT / page) if apart(block) == chapter and not skipped(block)]
    for program in PROGRAMS:
        if any(re.search(rf"\b{program} ", block.commands) for block in followed):
            require(program)
    # These pages install it themselves, and the configuration of the install page is to be set by its reader.
    installs = page in ("README.md", "docs/install.md", "docs/first-shadow.md")
    with reader(tmp_path, page, not installs, sets_a=page == "docs/install.md") as somebody:
        if chapter:
            somebody.follow(blocks(ROOT / page)[0])
        for block in followed:
            somebody.follow(block)


def test_the_commands_of_the_readme_work_in_an_activated_environment_too(tmp_path: Path) -> None:
    with reader(tmp_path, "README.md", False) as somebody:
        first, *others = [block for block in blocks(PAGES[0]) if not skipped(block)]
        somebody.follow(first)
        assert somebody.terminal.run(". .venv/bin/activate; command -v httptee")[0] == 0
        for block in others:
            somebody.follow(block)


def test_what_is_not_run_is_still_there() -> None:
    found = [block for page in PAGES for block in blocks(page)]
    for page, start in NOT_RUN:
        assert sum(block.page == page and block.commands.startswith(start) for block in found) == 1, (page, start)


def test_a_missing_line_and_a_line_of_another_shape_are_noticed() -> None:
    ledger = "2026-11-25 21:10:10,778 INFO B candidate seen=10 delivered=9 (200=9) failed=0 dropped=0 in_flight=0\n"
    assert not missing(ledger, "x\n2027-01-02 03:04:05,006 INFO B candidate seen=7 delivered=7 failed=1 (connect=1) "
                               "dropped=0 in_flight=12\n")  # fmt: skip
    for other in (
        ledger.replace("INFO", "WARNING"),
        ledger.replace("candidate", "b"),
        ledger.replace("seen=10 ", ""),
        "",
    ):
        assert missing(ledger, other) == ledger.strip("\n")
    assert missing("a 1\nb 2", "b 2\na 1") == "b 2"
    assert not missing("  Via: 1.1 httptee (10065441)", "Via:  1.1 httptee (1a2b3c4d)")
    assert missing("  Via: 1.1 httptee (10065441)", "Via: 1.1 httptee (sesame)")
