"""The subjects: the tees, the plain tee, and no tee. Each is started anew for each measurement."""

from __future__ import annotations

import contextlib
import shlex
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from ..errors import BenchError, NotStartedError
from . import nginx
from .envoy import envoy_command
from .processes import PROGRAMS, ROOT, Process, free_port
from .workspace import Workspace


@dataclass(frozen=True)
class Command:
    """The start of a subject."""

    argv: list[str]
    directory: Path | None = None
    env: dict[str, str] | None = None


Starter = Callable[[Workspace, int, int, "int | None"], Command]
"""Makes the command from the workspace, the port to listen on, A's port and B's (None for no B)."""


@dataclass(frozen=True)
class Subject:
    """The program of one row. Without a starter the load goes straight to A.

    `tied`: it ends a clone when its client closes the connection. The load does so during its last requests.
    `certificate`: it serves TLS with this certificate.
    """

    name: str
    starter: Starter | None
    tied: bool = False
    certificate: Path | None = None


@dataclass(frozen=True)
class Running:
    """A subject that answers."""

    url: str
    port: int
    process: Process | None


def address(port: int) -> str:
    """The URL of a server on this machine."""
    return f"http://127.0.0.1:{port}"


def start_nginx(workspace: Workspace, port: int, a: int, b: int | None, certificate: Path | None = None) -> Command:
    """The command of nginx as a tee."""
    return Command(*nginx.tee_command(workspace, port, a, b, certificate))


def start_envoy(workspace: Workspace, port: int, a: int, b: int | None) -> Command:
    """The command of Envoy as a tee."""
    return Command(*envoy_command(workspace, port, a, b))


def start_plain(workspace: Workspace, port: int, a: int, b: int | None) -> Command:
    """The command of the plain tee."""
    argv = [sys.executable, str(PROGRAMS / "plain_tee.py"), "--listen", f"127.0.0.1:{port}", "-a", address(a)]
    return Command(argv + (["-b", address(b)] if b else []))


def start_httptee(workspace: Workspace, port: int, a: int, b: int | None, *options: str) -> Command:
    """The command of the httptee in this checkout."""
    argv = [sys.executable, "-m", "httptee", "-l", f"127.0.0.1:{port}", "-a", address(a)]
    if b:
        argv += ["-b", address(b), "-b.percent", "100"]
    return Command([*argv, *options], env={"PYTHONPATH": str(ROOT)})


def peer(definition: str) -> Subject:
    """The subject that `--peer NAME=COMMAND` describes."""
    name, equals, template = definition.partition("=")
    if not (name and equals and ("{listen}" in template or "{port}" in template)):
        raise BenchError(
            f"--peer takes NAME=COMMAND with {{listen}}, {{a}} and {{b}} in the command, not {definition!r}"
        )

    def start(workspace: Workspace, port: int, a: int, b: int | None) -> Command:
        if b is None:
            raise NotStartedError("a peer's command always names a B")
        values = {
            "listen": f"127.0.0.1:{port}", "port": str(port),
            "a": address(a), "a_port": str(a), "b": address(b), "b_port": str(b),
        }  # fmt: skip
        argv = shlex.split(template)
        for key, value in values.items():
            argv = [word.replace("{" + key + "}", value) for word in argv]
        return Command(argv)

    return Subject(name, start)


SUBJECTS = (
    Subject("direct", None),
    Subject("plain", start_plain),
    Subject("nginx", start_nginx, tied=True),
    Subject("envoy", start_envoy),
    Subject("httptee", start_httptee),
)


def choose(only: list[str] | None, peers: list[str], default: list[str] | None = None) -> list[Subject]:
    """The subjects of a run, in the order of the table. Peers take part unless `only` leaves them out."""
    added = [peer(definition) for definition in peers]
    known = [*SUBJECTS, *added]
    names = [subject.name for subject in known]
    wanted = only or [*(default or names), *(subject.name for subject in added)]
    unknown = [name for name in wanted if name not in names]
    if unknown:
        raise BenchError(f"unknown subject {', '.join(unknown)}: the subjects are {', '.join(names)}")
    return [subject for subject in known if subject.name in wanted]


@contextlib.contextmanager
def running(workspace: Workspace, subject: Subject, a: int, b: int | None, path: str = "/") -> Iterator[Running]:
    """Start a subject before the block and end it after. `path` is one that A answers with a success."""
    if subject.starter is None:
        yield Running(address(a), a, None)
        return
    port = free_port()
    command = subject.starter(workspace, port, a, b)
    process = workspace.start(subject.name, command.argv, command.env, command.directory)
    try:
        process.wait_ready(port, path, certificate=subject.certificate)
        url = f"https://127.0.0.1:{port}" if subject.certificate else address(port)
        yield Running(url, port, process)
    finally:
        workspace.end(process)
