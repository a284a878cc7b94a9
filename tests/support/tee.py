"""The program under test, run as a user runs it."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Mapping
from types import TracebackType

from .ledger import LEDGER, Ledger, parse
from .net import PATIENCE, eventually
from .process import Program, clean_environment

STARTED = r"Starting httptee (?:\S+ )?at (?P<at>\S+) sending to A: (?P<a>\S+) and B: \[(?P<b>.*)\]"

TROUBLES = ("Traceback", "ResourceWarning", "Exception ignored")
"""What no tee ever prints, whatever a test does to it."""


def run_tee(*arguments: str) -> subprocess.CompletedProcess[str]:
    """`python -m httptee` with arguments with which it ends by itself."""
    return subprocess.run(
        [sys.executable, "-m", "httptee", *arguments],
        stdin=subprocess.DEVNULL,
        env=clean_environment(),
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )


class Tee:
    """`python -m httptee` with these arguments, on a free port of 127.0.0.1 unless they say where to listen.

    As a context manager it is ready inside the block, and leaving it asserts a clean end: exit code 0, no traceback,
    no resource left open, no process left, a balanced ledger. `always` are words for every command line; with
    -cert.file among all of them it speaks TLS. `descriptors` is its hard limit of open files, if it gets one.
    """

    always: tuple[str, ...] = ()

    def __init__(
        self,
        *arguments: str,
        env: Mapping[str, str] | None = None,
        listen: str | None = "127.0.0.1:0",
        descriptors: int = 0,
    ) -> None:
        self.arguments = (*(("-l", listen) if listen else ()), *self.always, *arguments)
        self.env = env
        self.prefix = ("sh", "-c", f'ulimit -n {descriptors} && exec "$0" "$@"') if descriptors else ()
        self.host, self.port, self.path = "127.0.0.1", 0, ""
        self.final: list[Ledger] = []

    @property
    def url(self) -> str:
        """Where clients find it."""
        scheme = "https" if "-cert.file" in self.arguments else "http"
        return f"{scheme}://[{self.host}]:{self.port}" if ":" in self.host else f"{scheme}://{self.host}:{self.port}"

    @property
    def authority(self) -> str:
        """The file by which it verifies A, and clients of the tests verify it; empty for none."""
        words = self.arguments
        return words[words.index("-a.ca") + 1] if "-a.ca" in words else ""

    def __enter__(self) -> Tee:
        self.program = Program([*self.prefix, sys.executable, "-m", "httptee", *self.arguments], env=self.env)
        try:
            self.started = self.program.wait_for_line(STARTED)[0]
            host, _, port = self.started["at"].rpartition(":")
            if host == "unix":
                self.path = port
            else:
                self.host, self.port = host.strip("[]") or "127.0.0.1", int(port)
        except BaseException:
            self.program.kill()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        if kind is not None:
            self.program.kill()
            print(self.program.output)
        elif not self.final:
            self.stop()

    def ledgers(self) -> list[Ledger]:
        """Ask for the ledger now (SIGUSR1): one entry per B, each balanced."""
        count = len(self.started["b"].replace(",", " ").split())
        mark = self.program.mark()
        self.program.send_signal(signal.SIGUSR1)
        ledgers = [Ledger.parse(match) for match in self.program.wait_for_line(LEDGER.pattern, after=mark, count=count)]
        for ledger in ledgers:
            ledger.check()
        return ledgers

    def ledger(self) -> Ledger:
        """The ledger of the only B."""
        (ledger,) = self.ledgers()
        return ledger

    def settled(self, seen: int) -> list[Ledger]:
        """Wait until every B has seen that many clones and nothing is in flight any more."""

        def probe() -> list[Ledger]:
            ledgers = self.ledgers()
            return ledgers if all(ledger.seen == seen and not ledger.in_flight for ledger in ledgers) else []

        return eventually(probe, f"a ledger with seen={seen} and in_flight=0")

    def stop(self, number: int = signal.SIGTERM) -> list[Ledger]:
        """End it, hold it to a clean end, and return its last ledger: one entry per B."""
        output = self.program.stop(number)
        count = len(self.started["b"].replace(",", " ").split())
        for trouble in TROUBLES:
            assert trouble not in output, output
        self.final = parse(output)[-count:] if count else []
        assert len(self.final) == count, f"{count} Bs, but no ledger for each at the end:\n{output}"
        for ledger in self.final:
            ledger.check()
        return self.final
